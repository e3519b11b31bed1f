/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What stands in for journald: a datagram socket at a path, which the test reads when it likes.
 */

#undef NDEBUG
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/span.h"

/* What journald takes, and a limit for the tests. */
#define RECEIVER_ENTRY_MAX_BYTES (1024U * 1024)

typedef struct Receiver {
        int fd;
        bool was_memfd; /* how the last entry came */
        char entry[RECEIVER_ENTRY_MAX_BYTES];
} Receiver;

static inline void receiver_open(Receiver *r, const char *path)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int size = 8 * 1024 * 1024;

        assert(strlen(path) < sizeof(address.sun_path));
        strcpy(address.sun_path, path);
        r->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert(r->fd >= 0);
        assert(setsockopt(r->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) == 0);
        assert(bind(r->fd, (struct sockaddr *) &address, sizeof(address)) == 0);
}

/* Goes as journald's socket unit goes: the path is removed with it. */
static inline void receiver_close(Receiver *r, const char *path)
{
        r->fd = base_close(r->fd);
        assert(unlink(path) == 0);
}

/* Takes an entry out of a memory file, which must be as journald wants it. */
static inline size_t receiver_read_memfd(Receiver *r, int fd)
{
        const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
        struct stat st;

        assert((fcntl(fd, F_GET_SEALS) & seals) == seals);
        assert(fstat(fd, &st) == 0 && st.st_size <= RECEIVER_ENTRY_MAX_BYTES);
        assert(pread(fd, r->entry, (size_t) st.st_size, 0) == st.st_size);
        return (size_t) st.st_size;
}

/* The next entry, in r->entry until the next call; false when there is none now. */
static inline bool receiver_next(Receiver *r, Span *ret)
{
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int))];
        } control;
        struct iovec iov = { r->entry, sizeof(r->entry) };
        struct msghdr message = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control),
        };
        struct cmsghdr *c;
        ssize_t n;
        int fd;

        n = recvmsg(r->fd, &message, MSG_CMSG_CLOEXEC);
        if (n < 0) {
                assert(errno == EAGAIN);
                return false;
        }
        assert(!(message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)));
        *ret = (Span){ r->entry, (size_t) n };

        c = CMSG_FIRSTHDR(&message);
        r->was_memfd = c != NULL;
        if (c) {
                assert(n == 0 && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(fd)));
                memcpy(&fd, CMSG_DATA(c), sizeof(fd));
                ret->size = receiver_read_memfd(r, fd);
                base_close(fd);
        }
        return true;
}
