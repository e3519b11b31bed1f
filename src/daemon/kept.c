/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The file of kept bytes; see the header. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "daemon/daemon.h"
#include "daemon/feed.h"
#include "daemon/kept.h"
#include "io/fifo.h"
#include "io/rundir.h"

#define KEPT_NAME_BYTES (FIFO_NAME_BYTES + sizeof("-kept"))

/* Opens the directory of the stream's container and says what the file is called there. */
static int kept_open_dir(const Stream *s, char ret_name[KEPT_NAME_BYTES])
{
        Container *c = s->feed->container;
        char name[FIFO_NAME_BYTES];

        fifos_get_stream_name(s, name);
        (void) snprintf(ret_name, KEPT_NAME_BYTES, "%s-kept", name);
        return rundir_open_at(c->daemon->containers_fd, c->id, &c->dir_ino);
}

int kept_fill(Stream *s, size_t n, int64_t *moved)
{
        _cleanup_close_ int dir_fd = -1, fd = -1;
        char name[KEPT_NAME_BYTES];

        dir_fd = kept_open_dir(s, name);
        if (dir_fd < 0)
                return dir_fd;
        /* What a stream that is gone has left under this name does not count. */
        fd = *moved == 0 ? rundir_create_file(dir_fd, name, 0600)
                         : rundir_open_file(dir_fd, name, S_IFREG, O_WRONLY);
        return fd < 0 ? fd : fifo_move(s->fd, fd, n, moved);
}

int kept_peek(Stream *s, uint64_t offset, size_t n, Span *ret)
{
        _cleanup_close_ int dir_fd = -1, fd = -1;
        char name[KEPT_NAME_BYTES];
        ssize_t k;

        dir_fd = kept_open_dir(s, name);
        if (dir_fd < 0)
                return dir_fd;
        fd = rundir_open_file(dir_fd, name, S_IFREG, O_RDONLY);
        if (fd < 0)
                return fd;
        n = MIN(n, (size_t) PEEK_MAX_BYTES);
        *ret = (Span){ .data = stream_get_turns(s)->scratch.buffer, .size = n };
        do
                k = pread(fd, (char *) ret->data, n, (off_t) offset);
        while (k < 0 && errno == EINTR);
        if (k < 0)
                return -errno;
        return (size_t) k == n ? 0 : -EIO;
}

void kept_delete(Stream *s)
{
        _cleanup_close_ int dir_fd = -1;
        char name[KEPT_NAME_BYTES];

        dir_fd = kept_open_dir(s, name);
        if (dir_fd >= 0)
                (void) unlinkat(dir_fd, name, 0);
}
