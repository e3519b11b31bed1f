/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Directories and small files below the run directory; see the header. */

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "io/rundir.h"

static void rundir_closedirp(DIR **d)
{
        if (*d)
                (void) closedir(*d);
}

int rundir_open(const char *path)
{
        int fd;

        fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

int rundir_open_at(int dir_fd, const char *name, ino_t *ino)
{
        _cleanup_close_ int fd = -1;
        struct stat st;

        fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (st.st_uid != geteuid() || (st.st_mode & 0022))
                return -EPERM;
        if (ino && *ino > 0 && *ino != st.st_ino)
                return -ESTALE;
        if (ino)
                *ino = st.st_ino;
        return TAKE_FD(fd);
}

/* Whether two files lie on one mount: 1 or 0. Their devices do not tell: an overlay has one for
 * directories and others for files. */
static int rundir_is_same_mount(int a_fd, int b_fd)
{
        struct statx a, b;

        if (statx(a_fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &a) < 0 ||
            statx(b_fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &b) < 0)
                return -errno;
        if (a.stx_mask & b.stx_mask & STATX_MNT_ID)
                return a.stx_mnt_id == b.stx_mnt_id;
        /* Before Linux 5.8. */
        return a.stx_dev_major == b.stx_dev_major && a.stx_dev_minor == b.stx_dev_minor;
}

/* Who replaces a file again and again keeps nobody here. */
#define REPLACED_MAX 100U

int rundir_open_file(int dir_fd, const char *name, mode_t type, int flags)
{
        _cleanup_close_ int path_fd = -1;
        struct stat st;
        char path[32];
        int fd, r;

        /* One that was replaced in between has no name any more: what has it now counts. */
        for (unsigned tries = 0; tries < REPLACED_MAX; tries++) {
                (void) base_close(path_fd);
                path_fd = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
                if (path_fd < 0 || fstat(path_fd, &st) < 0)
                        return -errno;
                if (st.st_nlink > 0)
                        break;
        }
        if (S_ISLNK(st.st_mode))
                return -ELOOP;
        if ((st.st_mode & S_IFMT) != type || st.st_nlink != 1)
                return -EBADF;
        r = rundir_is_same_mount(path_fd, dir_fd);
        if (r <= 0)
                return r < 0 ? r : -EBADF;

        (void) snprintf(path, sizeof(path), "/proc/self/fd/%i", path_fd);
        fd = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        /* -ENOENT would say that the file is not there. */
        return fd >= 0 ? fd : errno == ENOENT ? -ENOSYS : -errno;
}

/* rundir_list() over an fd of its own, which it takes. */
static int rundir_walk(int fd, int (*on_name)(const char *name, void *userdata), void *userdata)
{
        _cleanup_(rundir_closedirp) DIR *d = NULL;
        int r;

        d = fdopendir(fd);
        if (!d) {
                r = -errno;
                base_close(fd);
                return r;
        }

        for (;;) {
                struct dirent *entry;

                errno = 0;
                entry = readdir(d);
                if (!entry)
                        return -errno;
                if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                        continue;
                r = on_name(entry->d_name, userdata);
                if (r < 0)
                        return r;
        }
}

int rundir_list(int dir_fd, int (*on_name)(const char *name, void *userdata), void *userdata)
{
        int fd;

        /* Not a duplicate, which would share the position. */
        fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : rundir_walk(fd, on_name, userdata);
}

static int rundir_on_entry(const char *name, void *userdata)
{
        return -ESTALE;
}

int rundir_create_at(int dir_fd, const char *name, ino_t *ret_ino)
{
        _cleanup_close_ int fd = -1;
        int r;

        if (mkdirat(dir_fd, name, 0700) < 0)
                return -errno;
        *ret_ino = 0;
        fd = r = rundir_open_at(dir_fd, name, ret_ino);
        /* What is not empty was put in its place since, and is not ours to fill. */
        if (r >= 0)
                r = rundir_list(fd, rundir_on_entry, NULL);
        /* No fd left for it: the name must not stay taken. */
        if (r < 0 && r != -ESTALE)
                (void) unlinkat(dir_fd, name, AT_REMOVEDIR);
        return r < 0 ? r : TAKE_FD(fd);
}

static int rundir_on_unlink(const char *name, void *userdata)
{
        return unlinkat(*(int *) userdata, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

int rundir_remove_at(int dir_fd, const char *name, ino_t ino)
{
        int fd, r;

        fd = rundir_open_at(dir_fd, name, &ino);
        if (fd < 0)
                return fd;
        r = rundir_walk(fd, rundir_on_unlink, &fd);
        if (r < 0)
                return r;
        return unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

static int rundir_write_all(int fd, Span content)
{
        while (content.size > 0) {
                ssize_t n = write(fd, content.data, content.size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                content = span_skip(content, (size_t) n);
        }
        return 0;
}

int rundir_create_file(int dir_fd, const char *name, mode_t mode)
{
        int fd;

        if (unlinkat(dir_fd, name, 0) < 0 && errno != ENOENT)
                return -errno;
        fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
        return fd < 0 ? -errno : fd;
}

int rundir_write_file(int dir_fd, const char *name, mode_t mode, Span content)
{
        _cleanup_close_ int fd = -1;
        char temporary[NAME_MAX + 1];
        int n, r;

        n = snprintf(temporary, sizeof(temporary), ".#%s", name);
        if (n < 0 || (size_t) n >= sizeof(temporary))
                return -ENAMETOOLONG;

        /* There may be a left-over of a killed daemon. */
        fd = rundir_create_file(dir_fd, temporary, mode);
        if (fd < 0)
                return fd;
        r = rundir_write_all(fd, content);
        if (r >= 0 && renameat(dir_fd, temporary, dir_fd, name) < 0)
                r = -errno;
        if (r < 0)
                (void) unlinkat(dir_fd, temporary, 0);
        return r;
}

int rundir_read_file(int dir_fd, const char *name, size_t max, Buffer *ret)
{
        _cleanup_close_ int fd = -1;
        struct stat st;
        size_t left;
        int r;

        fd = rundir_open_file(dir_fd, name, S_IFREG, O_RDONLY);
        if (fd < 0)
                return fd;
        if (fstat(fd, &st) < 0)
                return -errno;
        if ((uint64_t) st.st_size > max)
                return -EFBIG;

        left = (size_t) st.st_size;
        r = buffer_reserve(ret, left);
        if (r < 0)
                return r;
        while (left > 0) {
                ssize_t n = read(fd, ret->data + ret->size, left);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                ret->size += (size_t) n;
                left -= (size_t) n;
        }
        return 0;
}
