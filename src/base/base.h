/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The attributes and macros that every room uses: ownership (cleanup, TAKE_*) and little else.
 */

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((__cleanup__(f)))
#define _printf_(a, b) __attribute__((__format__(printf, a, b)))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

#define container_of(ptr, type, member) ((type *) ((char *) (ptr) -offsetof(type, member)))

/* Moves ownership out of a variable, which is left empty. */
#define TAKE_PTR(p)                        \
        __extension__({                    \
                __typeof__(p) *_pp = &(p); \
                __typeof__(p) _p = *_pp;   \
                *_pp = NULL;               \
                _p;                        \
        })
#define TAKE_FD(fd)                \
        __extension__({            \
                int *_fdp = &(fd); \
                int _fd = *_fdp;   \
                *_fdp = -1;        \
                _fd;               \
        })

/* For userdata pointers: what our own code passed in is never NULL. */
#define ASSERT_PTR(p)                   \
        __extension__({                 \
                __typeof__(p) _a = (p); \
                assert(_a);             \
                _a;                     \
        })

/* Gives x_freep() for a type whose free function takes and returns a pointer. */
#define DEFINE_CLEANUP(type, func)           \
        static inline void func##p(type **p) \
        {                                    \
                if (*p)                      \
                        *p = func(*p);       \
        }                                    \
        struct base_swallow_semicolon

/* Whether an error may be gone when the same is tried again: others give fds and memory back. What
 * is left are damage and mistakes. */
static inline bool base_is_passing(int error)
{
        static const int passing[] = { EAGAIN,  EINTR,  EIO,    EMFILE,      ENFILE,
                                       ENOBUFS, ENOMEM, ENOSPC, ETOOMANYREFS };

        for (size_t i = 0; i < ARRAY_SIZE(passing); i++)
                if (error == -passing[i])
                        return true;
        return false;
}

static inline void base_freep(void *p)
{
        free(*(void **) p);
}

/* Closes fd unless it is negative; keeps errno; returns -1 to assign back. */
static inline int base_close(int fd)
{
        if (fd >= 0) {
                int saved = errno;

                (void) close(fd);
                errno = saved;
        }
        return -1;
}

static inline void base_closep(int *fd)
{
        *fd = base_close(*fd);
}

#define _cleanup_free_ _cleanup_(base_freep)
#define _cleanup_close_ _cleanup_(base_closep)
