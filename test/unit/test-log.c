/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The daemon's own messages: standard error is a socket here, as under systemd. What assert() has
 * to say is lost in it, so a wrong message is shown on standard output.
 */

#undef NDEBUG

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "../temporary.h"
#include "base/limits.h"
#include "base/log.h"

/* Puts a socket in the place of standard error and returns its other end. */
static int capture(int type)
{
        int fds[2];

        assert(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) == 0);
        assert(dup2(fds[1], STDERR_FILENO) == STDERR_FILENO);
        (void) close(fds[1]);
        assert(fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0);
        return fds[0];
}

/* The next message is exactly this one; NULL: there is none. */
static void expect(int fd, const char *message)
{
        char line[LOG_LINE_MAX_BYTES + 1];
        ssize_t n;

        n = read(fd, line, sizeof(line));
        if (!message) {
                assert(n < 0 && errno == EAGAIN);
                return;
        }
        if (n != (ssize_t) strlen(message) || memcmp(line, message, (size_t) n) != 0) {
                printf("got: %.*s\nexpected: %s\n", (int) MAX(n, 0), line, message);
                exit(EXIT_FAILURE);
        }
}

static void test_message(void)
{
        _cleanup_close_ int fd = capture(SOCK_SEQPACKET);

        log_info("Started %s number %i", "container", 7);
        expect(fd, "Started container number 7\n");
        assert(log_error_errno(-ENOENT, "Failed to open: %m") == -ENOENT);
        expect(fd, "Failed to open: No such file or directory\n");
        assert(log_warning_errno(ENOENT, "Sign does not matter: %m") == -ENOENT);
        expect(fd, "Sign does not matter: No such file or directory\n");
        puts("ok: message");
}

/* Whatever a value from outside holds, it makes no second line with a level of its own. */
static void test_control_characters(void)
{
        _cleanup_close_ int fd = capture(SOCK_SEQPACKET);

        log_set_journal("/nowhere");
        log_info("Bad name: %s", "a\n<0>forged\r\x1b[2J\x7f µ");
        expect(fd, "<6>Bad name: a <0>forged  [2J  µ\n");
        log_set_journal(NULL);
        puts("ok: control characters");
}

static void test_level(void)
{
        _cleanup_close_ int fd = capture(SOCK_SEQPACKET);

        log_debug("hidden by default");
        expect(fd, NULL);

        log_set_max_level(LOG_ERR);
        log_warning("hidden");
        assert(log_warning_errno(-EIO, "hidden, and still returned on") == -EIO);
        expect(fd, NULL);
        log_error("shown");
        expect(fd, "shown\n");

        log_set_max_level(LOG_DEBUG);
        log_set_journal("/nowhere");
        log_debug("shown");
        expect(fd, "<7>shown\n");
        log_error("shown");
        expect(fd, "<3>shown\n");

        log_set_journal(NULL);
        log_set_max_level(LOG_INFO);
        puts("ok: level");
}

/* A message above the limit is cut, with or without a prefix, and is still one line. */
static void test_long(void)
{
        _cleanup_close_ int fd = capture(SOCK_SEQPACKET);
        char text[2 * LOG_LINE_MAX_BYTES], line[2 * LOG_LINE_MAX_BYTES];
        size_t n;

        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';

        for (int prefix = 0; prefix < 2; prefix++) {
                log_set_journal(prefix ? "/nowhere" : NULL);
                log_info("%s", text);
                n = (size_t) read(fd, line, sizeof(line));
                assert(n <= LOG_LINE_MAX_BYTES && n >= LOG_LINE_MAX_BYTES - 2);
                assert(line[n - 1] == '\n' && line[n - 2] == 'x');
                assert(strncmp(line, prefix ? "<6>x" : "xxxx", 4) == 0);
        }
        log_set_journal(NULL);
        puts("ok: long");
}

/* A reader that does not read never stops us; the loss is told as soon as there is room. */
static void test_lost(void)
{
        _cleanup_close_ int fd = capture(SOCK_SEQPACKET);
        char line[LOG_LINE_MAX_BYTES];
        unsigned n_sent = 100000, n_read = 0;

        for (unsigned i = 0; i < n_sent; i++)
                log_info("%050u", i);
        for (; read(fd, line, sizeof(line)) > 0; n_read++)
                assert(strtoul(line, NULL, 10) == n_read);
        assert(n_read > 0 && n_read < n_sent);

        log_set_journal("/nowhere");
        log_info("again");
        (void) snprintf(line, sizeof(line), "<4>%u messages of conlogd lost\n", n_sent - n_read);
        expect(fd, line);
        expect(fd, "<6>again\n");
        expect(fd, NULL);
        log_set_journal(NULL);
        puts("ok: lost");
}

/* A journald that failed has closed all its streams: the next one gets ours. */
static void test_reopen(void)
{
        static const char text[] =
                "conlogd\n\n6\n1\n0\n0\n0\n<4>1 messages of conlogd lost\n<6>b\n";
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_close_ int listen_fd = -1, fd = -1;
        char got[2 * sizeof(text)];
        Temporary t;

        temporary_init(&t);
        (void) snprintf(address.sun_path, sizeof(address.sun_path), "%.80s/stdout", t.path);
        (void) close(capture(SOCK_STREAM));
        log_set_journal(address.sun_path);
        log_info("a");

        listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert(bind(listen_fd, (struct sockaddr *) &address, sizeof(address)) == 0);
        assert(listen(listen_fd, 1) == 0);
        log_info("b");
        fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        assert(read(fd, got, sizeof(got)) == (ssize_t) strlen(text));
        assert(memcmp(got, text, strlen(text)) == 0);
        log_info("c");
        expect(fd, "<6>c\n");
        log_set_journal(NULL);
        temporary_done(&t);
        puts("ok: reopen");
}

/* Standard error may be a pipe or a file as well. */
static void test_pipe(void)
{
        int fds[2];

        assert(pipe(fds) == 0);
        assert(dup2(fds[1], STDERR_FILENO) == STDERR_FILENO);
        log_notice("through a pipe");
        expect(fds[0], "through a pipe\n");
        (void) close(fds[0]);
        (void) close(fds[1]);
        puts("ok: pipe");
}

int main(void)
{
        test_message();
        test_control_characters();
        test_level();
        test_long();
        test_lost();
        test_reopen();
        test_pipe();
        return 0;
}
