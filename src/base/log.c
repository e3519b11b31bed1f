/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The daemon's own messages; see the header. The three variables are the one exception to the rule
 * that nothing but options is global: a message must be possible before there is an object to carry
 * the log, and in every room.
 */

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "base/log.h"

static int log_max_level = LOG_INFO;
static bool log_prefix = false;
static unsigned log_n_lost = 0;

void log_set_max_level(int level)
{
        log_max_level = level;
}

void log_set_prefix(bool enable)
{
        log_prefix = enable;
}

/* Whether the whole line was taken. A socket gets MSG_DONTWAIT, so that a frozen journald never
 * stops us; a terminal or a file is written as it is. */
static bool log_write(const char *line, size_t size)
{
        ssize_t n;

        n = send(STDERR_FILENO, line, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == ENOTSOCK)
                n = write(STDERR_FILENO, line, size);
        return n == (ssize_t) size;
}

static size_t log_clamp(int n, size_t size)
{
        return n < 0 ? 0 : MIN((size_t) n, size - 1);
}

int log_full(int level, int error, const char *format, ...)
{
        char line[LOG_LINE_MAX_BYTES];
        size_t size = 0, start;
        va_list ap;

        error = abs(error);
        if (level > log_max_level)
                return -error;

        if (log_n_lost > 0) {
                size = log_clamp(snprintf(line, sizeof(line), "%s%u messages of conlogd lost\n",
                                          log_prefix ? "<4>" : "", log_n_lost),
                                 sizeof(line));
                if (!log_write(line, size)) {
                        log_n_lost++;
                        return -error;
                }
                log_n_lost = 0;
        }

        if (log_prefix)
                size = log_clamp(snprintf(line, sizeof(line), "<%i>", level), sizeof(line));
        else
                size = 0;

        start = size;
        errno = error; /* for %m */
        va_start(ap, format);
        size += log_clamp(vsnprintf(line + size, sizeof(line) - size - 1, format, ap),
                          sizeof(line) - size - 1);
        va_end(ap);
        /* Text from outside may be in it: a second line could claim any level. */
        for (size_t i = start; i < size; i++)
                if (iscntrl((unsigned char) line[i]))
                        line[i] = ' ';
        line[size++] = '\n';

        if (!log_write(line, size))
                log_n_lost++;
        return -error;
}
