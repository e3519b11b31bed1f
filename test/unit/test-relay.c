/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A command on FIFOs with us between: what goes in and out, how it ends, and who is gone. */

#undef NDEBUG

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/base.h"
#include "tool/relay.h"

typedef struct Fixture {
        char directory[32];
        char paths[3][64];
        int stdin_fd; /* our ends of the relay's own streams */
        int stdout_fd;
        int stderr_fd;
        pid_t pid;
} Fixture;

static void fixture_init(Fixture *f)
{
        static const char *const names[] = { "stdin", "stdout", "stderr" };

        *f = (Fixture){ .directory = "/tmp/test-relay-XXXXXX" };
        assert(mkdtemp(f->directory));
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                (void) snprintf(f->paths[i], sizeof(f->paths[i]), "%s/%s", f->directory, names[i]);
                assert(mkfifo(f->paths[i], 0600) >= 0);
        }
}

/* Starts a relay in a process of its own, its standard streams on pipes of ours. */
static void fixture_start(Fixture *f, const char *script)
{
        int in[2], out[2], err[2];

        assert(pipe2(in, O_CLOEXEC) >= 0 && pipe2(out, O_CLOEXEC) >= 0 &&
               pipe2(err, O_CLOEXEC) >= 0);
        fflush(stdout);
        f->pid = fork();
        assert(f->pid >= 0);
        if (f->pid == 0) {
                char *command[] = { (char *) "sh", (char *) "-c", (char *) script, NULL };

                assert(dup2(in[0], 0) == 0 && dup2(out[1], 1) == 1 && dup2(err[1], 2) == 2);
                for (int fd = 3; fd < 64; fd++)
                        (void) close(fd);
                _exit(relay_run(*script ? command : (char *[]){ (char *) "/nowhere", NULL },
                                &(RelayPaths){ f->paths[0], f->paths[1], f->paths[2] }));
        }
        (void) close(in[0]);
        (void) close(out[1]);
        (void) close(err[1]);
        f->stdin_fd = in[1];
        f->stdout_fd = out[0];
        f->stderr_fd = err[0];
}

/* Its exit status, once it is gone. */
static int fixture_wait(Fixture *f)
{
        int status;

        assert(waitpid(f->pid, &status, 0) == f->pid && WIFEXITED(status));
        f->stdin_fd = base_close(f->stdin_fd);
        f->stdout_fd = base_close(f->stdout_fd);
        f->stderr_fd = base_close(f->stderr_fd);
        return WEXITSTATUS(status);
}

static void expect_read(int fd, const char *text)
{
        char buffer[256];
        size_t size = 0;
        ssize_t n;

        while ((n = read(fd, buffer + size, sizeof(buffer) - size)) > 0)
                size += (size_t) n;
        assert(n == 0);
        if (size != strlen(text) || memcmp(buffer, text, size) != 0) {
                printf("got: %.*s\nexpected: %s\n", (int) size, buffer, text);
                exit(EXIT_FAILURE);
        }
}

static void expect_line(int fd, const char *text)
{
        char buffer[64];

        for (size_t i = 0; text[i]; i++) {
                assert(read(fd, buffer, 1) == 1);
                assert(buffer[0] == text[i]);
        }
}

static void test_status(Fixture *f)
{
        static const struct {
                const char *script;
                int status;
        } cases[] = {
                { "exit 0", 0 },          { "exit 7", 7 },          { "kill -9 $$", 137 },
                { "kill -TERM $$", 143 }, { "", 127 /* absent */ }, { "exec /dev/null", 126 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                fixture_start(f, cases[i].script);
                assert(fixture_wait(f) == cases[i].status);
        }
}

static void test_streams(Fixture *f)
{
        fixture_start(f, "echo out; echo err >&2; cat; echo end");
        assert(write(f->stdin_fd, "in\n", 3) == 3);
        f->stdin_fd = base_close(f->stdin_fd);
        expect_read(f->stdout_fd, "out\nin\nend\n");
        expect_read(f->stderr_fd, "err\n");
        assert(fixture_wait(f) == 0);
}

/* Nobody reads for a while, in either direction; nothing is lost or turned around. */
static void test_much(Fixture *f)
{
        uint32_t next_in = 0, next_out = 0;

        fixture_start(f, "cat; exit 3");
        assert(fcntl(f->stdin_fd, F_SETFL, O_NONBLOCK) >= 0);
        while (next_out < 500000) {
                struct pollfd p[] = { { .fd = f->stdout_fd, .events = POLLIN },
                                      { .fd = next_in < 500000 ? f->stdin_fd : -1,
                                        .events = POLLOUT } };
                uint32_t n;

                assert(poll(p, 2, 20000) > 0);
                if (p[1].revents) {
                        if (write(f->stdin_fd, &next_in, sizeof(next_in)) == sizeof(next_in))
                                next_in++;
                        if (next_in == 500000)
                                f->stdin_fd = base_close(f->stdin_fd);
                } else if (p[0].revents) {
                        size_t have = 0;

                        while (have < sizeof(n)) {
                                ssize_t k =
                                        read(f->stdout_fd, (char *) &n + have, sizeof(n) - have);

                                assert(k > 0);
                                have += (size_t) k;
                        }
                        assert(n == next_out++);
                }
        }
        expect_read(f->stdout_fd, "");
        assert(fixture_wait(f) == 3);
}

/* What the command leaves behind may still write. */
static void test_left_behind(Fixture *f)
{
        fixture_start(f, "(sleep 0.3; echo late) & echo early; exit 5");
        expect_read(f->stdout_fd, "early\nlate\n");
        assert(fixture_wait(f) == 5);
}

/* The input may go on for ever; the command does not. */
static void test_open_input(Fixture *f)
{
        fixture_start(f, "read line; echo $line");
        assert(write(f->stdin_fd, "a\nb\n", 4) == 4);
        expect_read(f->stdout_fd, "a\n");
        assert(fixture_wait(f) == 0);
}

static void test_closed_early(Fixture *f)
{
        fixture_start(f, "exec >&- 2>&-; read line; exit 4");
        expect_read(f->stdout_fd, "");
        assert(write(f->stdin_fd, "a\n", 2) == 2);
        assert(fixture_wait(f) == 4);
}

/* As "… | head -1": the command learns of it by SIGPIPE, and what it says elsewhere still comes. */
static void test_reader_gone(Fixture *f)
{
        fixture_start(f, "sh -c 'while echo y; do :; done' 2>/dev/null; echo $? >&2; exit 6");
        expect_line(f->stdout_fd, "y\n");
        f->stdout_fd = base_close(f->stdout_fd);
        expect_read(f->stderr_fd, "141\n");
        assert(fixture_wait(f) == 6);
}

static void test_signals(Fixture *f)
{
        fixture_start(f, "trap 'echo term; exit 9' TERM; echo ready; while :; do sleep 0.02; done");
        expect_line(f->stdout_fd, "ready\n");
        assert(kill(f->pid, SIGTERM) >= 0);
        expect_read(f->stdout_fd, "term\n");
        assert(fixture_wait(f) == 9);
}

/* The command is gone, and what it left behind stays quiet: a signal ends the waiting. */
static void test_signal_at_end(Fixture *f)
{
        char pid[16] = "";
        int status;

        fixture_start(f, "sleep 1000 & echo $!; exit 8");
        assert(read(f->stdout_fd, pid, sizeof(pid) - 1) > 0);
        do {
                assert(usleep(20000) >= 0 && kill(f->pid, SIGTERM) >= 0);
        } while (waitpid(f->pid, &status, WNOHANG) == 0);
        assert(WIFEXITED(status) && WEXITSTATUS(status) == 8);

        assert(kill(atoi(pid), SIGKILL) >= 0);
        (void) base_close(f->stdin_fd);
        (void) base_close(f->stdout_fd);
        (void) base_close(f->stderr_fd);
}

static void run(const char *name, void (*test)(Fixture *f))
{
        Fixture f;

        fixture_init(&f);
        test(&f);
        for (size_t i = 0; i < ARRAY_SIZE(f.paths); i++)
                assert(unlink(f.paths[i]) >= 0);
        assert(rmdir(f.directory) >= 0);
        printf("ok: %s\n", name);
}

int main(void)
{
        setlinebuf(stdout);
        (void) alarm(100);
        (void) signal(SIGPIPE, SIG_DFL);
        run("exit status", test_status);
        run("three streams", test_streams);
        run("much in both directions", test_much);
        run("processes left behind", test_left_behind);
        run("input without end", test_open_input);
        run("streams closed early", test_closed_early);
        run("reader gone", test_reader_gone);
        run("signals", test_signals);
        run("signals after the command", test_signal_at_end);
        return 0;
}
