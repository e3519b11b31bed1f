/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A FIFO, peek and drop; see the header. */

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "base/limits.h"
#include "io/fifo.h"
#include "io/rundir.h"

/* What a peek has left that failed between its halves, or whose process was killed there. */
static int fifo_scratch_empty(FifoScratch *scratch)
{
        size_t fill = 0;
        int r;

        while ((r = fifo_get_fill(scratch->pipe_read_fd, &fill)) >= 0 && fill > 0)
                if (read(scratch->pipe_read_fd, scratch->buffer, PEEK_MAX_BYTES) < 0 &&
                    errno != EINTR)
                        return -errno;
        return r;
}

int fifo_scratch_init(FifoScratch *scratch, int fds[2])
{
        int r;

        *scratch = (FifoScratch) FIFO_SCRATCH_NULL;

        if ((fds[0] < 0 || fds[1] < 0) && pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
                return -errno;
        scratch->pipe_read_fd = TAKE_FD(fds[0]);
        scratch->pipe_write_fd = TAKE_FD(fds[1]);

        /* Where there are too many pipes this fails: live with what there is. */
        (void) fcntl(scratch->pipe_write_fd, F_SETPIPE_SZ, PEEK_MAX_BYTES);
        r = fifo_get_capacity(scratch->pipe_write_fd, &scratch->capacity);
        if (r < 0)
                goto fail;

        scratch->drop_fd = memfd_create("conlogd-dropped", MFD_CLOEXEC);
        if (scratch->drop_fd < 0) {
                r = -errno;
                goto fail;
        }

        scratch->buffer = calloc(1, PEEK_MAX_BYTES);
        if (!scratch->buffer) {
                r = -ENOMEM;
                goto fail;
        }
        r = fifo_scratch_empty(scratch);
        if (r < 0)
                goto fail;
        return 0;

fail:
        fifo_scratch_done(scratch);
        return r;
}

void fifo_scratch_done(FifoScratch *scratch)
{
        scratch->pipe_read_fd = base_close(scratch->pipe_read_fd);
        scratch->pipe_write_fd = base_close(scratch->pipe_write_fd);
        scratch->drop_fd = base_close(scratch->drop_fd);
        free(TAKE_PTR(scratch->buffer));
}

int fifo_create(int dir_fd, const char *name)
{
        return mkfifoat(dir_fd, name, 0622) < 0 ? -errno : 0;
}

int fifo_open(int dir_fd, const char *name, int flags)
{
        return rundir_open_file(dir_fd, name, S_IFIFO, flags);
}

int fifo_check(int fd, struct stat *ret)
{
        int flags;

        flags = fcntl(fd, F_GETFL);
        if (flags < 0)
                return -errno;
        if (fstat(fd, ret) < 0)
                return -errno;
        if (!S_ISFIFO(ret->st_mode) || (flags & O_PATH) || (flags & O_ACCMODE) == O_WRONLY)
                return -EBADF;
        return 0;
}

int fifo_get_capacity(int fd, size_t *ret)
{
        int n;

        n = fcntl(fd, F_GETPIPE_SZ);
        if (n < 0)
                return -errno;
        *ret = (size_t) n;
        return 0;
}

int fifo_set_capacity(int fd, size_t n)
{
        return fcntl(fd, F_SETPIPE_SZ, (int) n) < 0 ? -errno : 0;
}

int fifo_get_fill(int fd, size_t *ret)
{
        int n;

        if (ioctl(fd, FIONREAD, &n) < 0)
                return -errno;
        *ret = (size_t) n;
        return 0;
}

int fifo_is_hung_up(int fd)
{
        struct pollfd p = { .fd = fd, .events = POLLIN };

        return poll(&p, 1, 0) < 0 ? -errno : (p.revents & POLLHUP) != 0;
}

int fifo_peek(FifoScratch *scratch, int fd, size_t n, Span *ret)
{
        size_t size = 0;
        ssize_t total, k;
        int r;

        /* Else these bytes, perhaps of another container, would be taken for this one's. */
        if (scratch->is_dirty) {
                r = fifo_scratch_empty(scratch);
                if (r < 0)
                        return r;
        }

        do
                total = tee(fd, scratch->pipe_write_fd, MIN(n, (size_t) PEEK_MAX_BYTES),
                            SPLICE_F_NONBLOCK);
        while (total < 0 && errno == EINTR);
        if (total < 0 && errno != EAGAIN)
                return -errno;

        scratch->is_dirty = true;
        scratch->has_packets = false;
        /* A tee'd packet pipe (O_DIRECT) gives one packet a read: go on to tee's count. */
        while ((ssize_t) size < total) {
                k = read(scratch->pipe_read_fd, scratch->buffer + size, (size_t) total - size);
                if (k < 0 && errno == EINTR)
                        continue;
                if (k <= 0)
                        return k < 0 ? -errno : -EIO;
                size += (size_t) k;
                scratch->has_packets |= (ssize_t) size < total;
        }
        scratch->is_dirty = false;

        *ret = (Span){ .data = scratch->buffer, .size = size };
        return 0;
}

/* A copy takes as many slots as the bytes have in the FIFO, and what is written behind it, in whole
 * pages, one for each page: how much goes in says how many are left. */
bool fifo_is_full(FifoScratch *scratch, int fd)
{
        size_t capacity = 0, room = scratch->capacity;
        ssize_t copied, added;

        if (fifo_get_capacity(fd, &capacity) < 0 ||
            (scratch->is_dirty && fifo_scratch_empty(scratch) < 0))
                return false;
        if (capacity > room && fifo_set_capacity(scratch->pipe_write_fd, capacity) >= 0)
                room = capacity;
        copied = tee(fd, scratch->pipe_write_fd, capacity, SPLICE_F_NONBLOCK);
        added = write(scratch->pipe_write_fd, scratch->buffer, PEEK_MAX_BYTES);
        scratch->is_dirty = fifo_scratch_empty(scratch) < 0;
        if (room > scratch->capacity)
                (void) fifo_set_capacity(scratch->pipe_write_fd, scratch->capacity);
        return copied > 0 && room - (size_t) MAX(added, (ssize_t) 0) >= MIN(capacity, room);
}

int fifo_drop(FifoScratch *scratch, int fd, size_t n, int64_t *offset)
{
        return fifo_move(fd, scratch->drop_fd, n, offset);
}

int fifo_move(int fd, int to_fd, size_t n, int64_t *offset)
{
        size_t fill = 0;
        ssize_t k;
        int r;

        while ((uint64_t) *offset < n) {
                k = splice(fd, NULL, to_fd, (loff_t *) offset, n - (size_t) *offset,
                           SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0 && errno != EAGAIN)
                        return -errno;
                if (k <= 0) {
                        r = fifo_get_fill(fd, &fill);
                        if (r < 0)
                                return r;
                        return fill > 0 ? -EAGAIN : -ENODATA;
                }
        }
        return 0;
}
