/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A directory of a test's own, below $TMPDIR or /tmp, and small files in it.
 */

#undef NDEBUG
#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"

typedef struct Temporary {
        char path[64];
        int fd;
} Temporary;

static inline void temporary_init(Temporary *t)
{
        const char *parent = getenv("TMPDIR");

        if (!parent || strlen(parent) > 40)
                parent = "/tmp";
        (void) snprintf(t->path, sizeof(t->path), "%s/conlog-XXXXXX", parent);
        assert(mkdtemp(t->path));
        t->fd = open(t->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert(t->fd >= 0);
}

static inline int temporary_on_remove(const char *path, const struct stat *st, int flag,
                                      struct FTW *ftw)
{
        return remove(path);
}

static inline void temporary_done(Temporary *t)
{
        t->fd = base_close(t->fd);
        assert(nftw(t->path, temporary_on_remove, 16, FTW_DEPTH | FTW_PHYS) == 0);
}

static inline void temporary_write_bytes(Temporary *t, const char *name, const void *bytes,
                                         size_t size)
{
        _cleanup_close_ int fd = -1;

        fd = openat(t->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        assert(fd >= 0);
        assert(write(fd, bytes, size) == (ssize_t) size);
}

static inline void temporary_write(Temporary *t, const char *name, const char *text)
{
        temporary_write_bytes(t, name, text, strlen(text));
}

static inline void temporary_expect(Temporary *t, const char *name, const char *text)
{
        _cleanup_close_ int fd = -1;
        char found[4096];
        ssize_t n;

        fd = openat(t->fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        assert(fd >= 0);
        n = read(fd, found, sizeof(found));
        assert(n == (ssize_t) strlen(text) && memcmp(found, text, (size_t) n) == 0);
}

static inline bool temporary_has(Temporary *t, const char *name)
{
        return faccessat(t->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static inline unsigned temporary_count_fds(void)
{
        DIR *d = opendir("/proc/self/fd");
        unsigned n = 0;

        assert(d);
        while (readdir(d))
                n++;
        closedir(d);
        return n;
}
