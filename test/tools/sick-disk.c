/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * sick-disk: a library to preload into the daemon. While there is a file /run/conlogd/sick with the
 * number of an error in it, each write to a log file (one that is opened for appending) does half
 * of its work, the next one fails with that error, and so does cutting the file off. With -1 the
 * disk is only slow: a write takes a millisecond in its middle and one at its end, for somebody to
 * be killed in.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

ssize_t write(int fd, const void *data, size_t size);
int ftruncate(int fd, off_t size);

static int get_error(int fd)
{
        char text[16] = "";
        ssize_t n;
        int flags = fcntl(fd, F_GETFL), sick;

        if (flags < 0 || !(flags & O_APPEND))
                return 0;
        sick = open("/run/conlogd/sick", O_RDONLY | O_CLOEXEC);
        if (sick < 0)
                return 0;
        n = read(sick, text, sizeof(text) - 1);
        (void) close(sick);
        return n > 0 ? atoi(text) : 0;
}

ssize_t write(int fd, const void *data, size_t size)
{
        static int half_done;
        int error = get_error(fd);

        if (error < 0) {
                ssize_t n = (ssize_t) syscall(SYS_write, fd, data, size / 2), m;

                (void) poll(NULL, 0, 1);
                if (n < 0)
                        return n;
                m = (ssize_t) syscall(SYS_write, fd, (const char *) data + n, size - (size_t) n);
                (void) poll(NULL, 0, 1);
                return m < 0 ? n : n + m;
        }
        if (error != 0 && half_done) {
                half_done = 0;
                errno = error;
                return -1;
        }
        if (error != 0 && size > 1) {
                half_done = 1;
                size /= 2;
        }
        return (ssize_t) syscall(SYS_write, fd, data, size);
}

int ftruncate(int fd, off_t size)
{
        int error = get_error(fd);

        if (error > 0) {
                errno = error;
                return -1;
        }
        return (int) syscall(SYS_ftruncate, fd, size);
}
