/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The daemon's own messages; see the header. The three variables are the one exception to the rule
 * that nothing but options is global: a message must be possible before there is an object to carry
 * the log, and in every room.
 */

#include <ctype.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/limits.h"
#include "base/log.h"

static int log_max_level = LOG_INFO;
static const char *log_journal = NULL; /* path of journald's socket for streams */
static unsigned log_n_lost = 0;

void log_set_max_level(int level)
{
        log_max_level = level;
}

void log_set_journal(const char *path)
{
        log_journal = path;
}

/* Replaces standard error, the stream of a journald that is gone, by one of the present journald.
 * The protocol is that of sd_journal_stream_fd(3), which blocks. */
static int log_reopen(void)
{
        static const char header[] = "conlogd\n\n6\n1\n0\n0\n0\n";
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = -1;

        if (!log_journal || strlen(log_journal) >= sizeof(address.sun_path))
                return -ENOTCONN;
        strcpy(address.sun_path, log_journal);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0 ||
            send(fd, header, strlen(header), MSG_NOSIGNAL) < 0 ||
            dup3(fd, STDERR_FILENO, O_CLOEXEC) < 0)
                return -errno;
        return 0;
}

/* Whether the whole line was taken. A socket gets MSG_DONTWAIT, so that a frozen journald never
 * stops us; a terminal or a file is written as it is. */
static bool log_write(const char *line, size_t size)
{
        ssize_t n;

        n = send(STDERR_FILENO, line, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && (errno == EPIPE || errno == ECONNRESET) && log_reopen() >= 0)
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
                                          log_journal ? "<4>" : "", log_n_lost),
                                 sizeof(line));
                if (!log_write(line, size)) {
                        log_n_lost++;
                        return -error;
                }
                log_n_lost = 0;
        }

        if (log_journal)
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
