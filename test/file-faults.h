/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Calls about files, in front of the C library's: the process is killed at one of them, or one
 * fails. To be included first, and by the file of a test only.
 */

#undef _FORTIFY_SOURCE
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
        unsigned at;      /* which call, from 1 on; 0: none */
        unsigned n;       /* so many there were */
        int error;        /* how it fails; 0: the process is killed */
        unsigned lasting; /* and so many after it */
        bool was_met;
} fault;

static inline void fault_set(unsigned at, int error, unsigned lasting)
{
        fault.at = at;
        fault.n = 0;
        fault.error = error;
        fault.lasting = lasting;
        fault.was_met = false;
}

static inline bool fault_is_due(void)
{
        fault.n++;
        if (fault.at == 0 || fault.n < fault.at || fault.n > fault.at + fault.lasting)
                return false;
        fault.was_met = true;
        if (fault.error != 0) {
                errno = fault.error;
                return true;
        }
        (void) kill(getpid(), SIGKILL);
        for (;;)
                (void) pause();
}

int openat(int fd, const char *path, int flags, ...)
{
        mode_t mode = 0;

        if (flags & O_CREAT) {
                va_list ap;

                va_start(ap, flags);
                mode = va_arg(ap, mode_t);
                va_end(ap);
        }
        return fault_is_due() ? -1 : (int) syscall(SYS_openat, fd, path, flags, mode);
}

/* A fault in a write comes when half of it is done. */
ssize_t write(int fd, const void *data, size_t size)
{
        bool is_met = fault.at > 0 && fault.n + 1 == fault.at && size > 1 && fd > 2;

        if (is_met) {
                ssize_t n = (ssize_t) syscall(SYS_write, fd, data, size / 2);

                if (fault.error != 0) {
                        fault.at++; /* the next one says why */
                        fault.n++;
                        return n;
                }
        }
        return fd > 2 && fault_is_due() ? -1 : (ssize_t) syscall(SYS_write, fd, data, size);
}

int ftruncate(int fd, off_t size)
{
        return fault_is_due() ? -1 : (int) syscall(SYS_ftruncate, fd, size);
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
        return fault_is_due() ? -1 : (int) syscall(SYS_renameat2, from_fd, from, to_fd, to, 0);
}

int unlinkat(int fd, const char *path, int flags)
{
        return fault_is_due() ? -1 : (int) syscall(SYS_unlinkat, fd, path, flags);
}

int mkdirat(int fd, const char *path, mode_t mode)
{
        return fault_is_due() ? -1 : (int) syscall(SYS_mkdirat, fd, path, mode);
}
