/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A FIFO in a directory, and the two halves of reading one without ever owning its bytes: peek
 * copies what is in it, drop takes bytes out of it, and the kernel itself counts them.
 */

#include <sys/stat.h>

#include "base/span.h"

/* A slot of a pipe holds at most a page. */
#define PIPE_SLOT_BYTES 4096U

/*
 * What peeking needs, once for the whole daemon: a pipe to tee(2) into, the buffer that is read
 * from it, and a memory file that dropped bytes are spliced into.
 */
typedef struct FifoScratch {
        int pipe_read_fd;
        int pipe_write_fd;
        int drop_fd;
        size_t capacity;  /* of the pipe: no peek shows more */
        bool has_packets; /* those of the last peek: each took a slot (O_DIRECT, see pipe(2)) */
        bool is_dirty;    /* a peek has failed, and may have left bytes in the pipe */
        char *buffer;
} FifoScratch;

#define FIFO_SCRATCH_NULL                                              \
        {                                                              \
                .pipe_read_fd = -1, .pipe_write_fd = -1, .drop_fd = -1 \
        }

/*
 * Takes the ends of a pipe that an earlier process made, or makes one where they are -1. It is
 * worth keeping: above fs.pipe-user-pages-soft a new pipe has two slots, and a peek would show no
 * more.
 */
int fifo_scratch_init(FifoScratch *scratch, int fds[2]);
void fifo_scratch_done(FifoScratch *scratch);

/* Makes a FIFO that was not there, mode 0622: a process in the container that is not root can open
 * its /dev/stdout again. Depends on the umask being 0. -EEXIST when the name is taken. */
int fifo_create(int dir_fd, const char *name);

/* Opens a FIFO, never blocking, and checks what was opened: a FIFO with one link, on the
 * directory's own file system. -EBADF when it is anything else, -ELOOP for a symbolic link, -ENXIO
 * for writing when nobody reads. Returns the fd. */
int fifo_open(int dir_fd, const char *name, int flags);

/* Checks a file descriptor that somebody else opened: the read end of a pipe or FIFO, or both ends
 * of one. -EBADF when it is anything else. O_NONBLOCK, which is the opener's as well, does not
 * matter: neither peek nor drop waits, whatever it says. */
int fifo_check(int fd, struct stat *ret);

/* Bytes the FIFO can hold, by its F_GETPIPE_SZ. */
int fifo_get_capacity(int fd, size_t *ret);

/* Bytes in the FIFO. */
int fifo_get_fill(int fd, size_t *ret);

/* Whether all writers have closed, after there was one. 1, 0, or a negative errno. */
int fifo_is_hung_up(int fd);

/* Copies up to n bytes from the front into the scratch buffer, without taking them out. ret is
 * empty when there are none. */
int fifo_peek(FifoScratch *scratch, int fd, size_t n, Span *ret);

/* Whether all its slots are used, however few bytes they hold: then its writers wait. Needs no
 * write end and no name. Of a FIFO that has more slots than the kernel grants the scratch pipe this
 * is said as soon as it uses as many. */
bool fifo_is_full(FifoScratch *scratch, int fd);

/*
 * Takes n bytes out. *offset, which begins at 0, is advanced by the kernel together with the bytes:
 * where it lies in shared memory, it is right whatever kills the process. -ENODATA when the FIFO
 * held less (somebody else reads it), *offset says how much; -EAGAIN when the kernel would not take
 * them out now.
 */
int fifo_drop(FifoScratch *scratch, int fd, size_t n, int64_t *offset);

/* The same into a file, from *offset to n in it. Also -ENOSPC, and whatever writing fails with. */
int fifo_move(int fd, int to_fd, size_t n, int64_t *offset);

/* Makes the FIFO hold at least n bytes. -EPERM above what the kernel grants this user. */
int fifo_set_capacity(int fd, size_t n);
