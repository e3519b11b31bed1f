/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The files of a log; see the header. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "io/rotation.h"

void rotation_get_name(const char *name, unsigned index, const char *suffix,
                       char ret[ROTATION_NAME_BYTES])
{
        (void) snprintf(ret, ROTATION_NAME_BYTES, "%s.%u%s", name, index, suffix);
}

/* Whether there is a file of that index and suffix: 1 or 0. *ret_ino (may be NULL) is its inode. */
static int rotation_has(int dir_fd, const char *name, unsigned index, const char *suffix,
                        ino_t *ret_ino)
{
        char path[ROTATION_NAME_BYTES];
        struct stat st;

        rotation_get_name(name, index, suffix, path);
        if (fstatat(dir_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : -errno;
        if (ret_ino)
                *ret_ino = st.st_ino;
        return 1;
}

/* What is there may be a directory: then it is not ours, but it is in the way. */
static int rotation_delete(int dir_fd, const char *name)
{
        if (unlinkat(dir_fd, name, 0) >= 0 || errno == ENOENT)
                return 0;
        if (errno != EISDIR)
                return -errno;
        return unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

/*
 * Whether an index is taken: 1 or 0. Of a file that is there twice the compressed one counts: it
 * has its name since it was whole, and whoever made it was killed before the other was deleted.
 */
static int rotation_is_taken(int dir_fd, const char *name, unsigned index)
{
        char path[ROTATION_NAME_BYTES];
        int plain, compressed;

        plain = rotation_has(dir_fd, name, index, "", NULL);
        if (plain < 0)
                return plain;
        compressed = rotation_has(dir_fd, name, index, ".gz", NULL);
        if (compressed < 0)
                return compressed;
        if (plain && compressed) {
                rotation_get_name(name, index, "", path);
                return rotation_delete(dir_fd, path) ?: 1;
        }
        return plain || compressed;
}

static int rotation_move(int dir_fd, const char *name, unsigned index, const char *suffix)
{
        char from[ROTATION_NAME_BYTES], to[ROTATION_NAME_BYTES];

        rotation_get_name(name, index, suffix, from);
        rotation_get_name(name, index + 1, suffix, to);
        return renameat(dir_fd, from, dir_fd, to) < 0 && errno != ENOENT ? -errno : 0;
}

static int rotation_drop(int dir_fd, const char *name, unsigned index)
{
        static const char *const suffixes[] = { "", ".gz" };
        char path[ROTATION_NAME_BYTES];
        int r;

        for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
                rotation_get_name(name, index, suffixes[i], path);
                r = rotation_delete(dir_fd, path);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Deletes what is above max_file: there may have been more once. */
static int rotation_drop_beyond(int dir_fd, const char *name, unsigned max_file)
{
        for (unsigned i = max_file;; i++) {
                int r;

                r = rotation_is_taken(dir_fd, name, i);
                if (r <= 0)
                        return r;
                r = rotation_drop(dir_fd, name, i);
                if (r < 0)
                        return r;
        }
}

/* The lowest index that is free, if need be after the oldest file has gone. A gap is what a killed
 * process has left: it is used first, or the next rotation would delete a file too many. */
static int rotation_free_index(int dir_fd, const char *name, unsigned max_file, unsigned *ret)
{
        int r;

        for (unsigned i = 1; i < max_file; i++) {
                r = rotation_is_taken(dir_fd, name, i);
                if (r < 0)
                        return r;
                if (r == 0) {
                        *ret = i;
                        return 0;
                }
        }
        *ret = max_file - 1;
        return rotation_drop(dir_fd, name, *ret);
}

int rotation_shift(int dir_fd, const char *name, unsigned max_file)
{
        char path[ROTATION_NAME_BYTES];
        unsigned free_index;
        int r;

        assert(max_file >= 1);

        r = rotation_drop_beyond(dir_fd, name, max_file);
        if (r < 0)
                return r;
        if (max_file == 1)
                return rotation_delete(dir_fd, name);

        r = rotation_free_index(dir_fd, name, max_file, &free_index);
        if (r < 0)
                return r;
        for (unsigned i = free_index - 1; i >= 1; i--) {
                r = rotation_move(dir_fd, name, i, "");
                if (r >= 0)
                        r = rotation_move(dir_fd, name, i, ".gz");
                if (r < 0)
                        return r;
        }
        rotation_get_name(name, 1, "", path);
        return renameat(dir_fd, name, dir_fd, path) < 0 && errno != ENOENT ? -errno : 0;
}

unsigned rotation_find(int dir_fd, const char *name, unsigned max_file, ino_t ino)
{
        ino_t found;

        for (unsigned i = 1; i < max_file; i++)
                if (rotation_has(dir_fd, name, i, "", &found) > 0 && found == ino)
                        return i;
        return 0;
}

unsigned rotation_find_plain(int dir_fd, const char *name, unsigned max_file)
{
        for (unsigned i = max_file - 1; i >= 1; i--)
                if (rotation_is_taken(dir_fd, name, i) > 0 &&
                    rotation_has(dir_fd, name, i, "", NULL) > 0)
                        return i;
        return 0;
}
