/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is printed where, and what a terminal never gets. */

#undef NDEBUG

#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <time.h>

#include "tool/printer.h"

static const LogAttribute attributes[] = {
        { SPAN_LITERAL("team"), SPAN_LITERAL("b & c") },
        { SPAN_LITERAL("COLOR"), SPAN_LITERAL("blü") },
        { SPAN_LITERAL("te"), SPAN_LITERAL("") },
};

/* 2026-11-22 01:02:03.5 UTC */
#define NSEC (UINT64_C(1795309323) * 1000000000 + 500000000)

static const LogRecord plain = {
        .text = SPAN_LITERAL("one"),
        .nsec = NSEC,
        .epoch = SPAN_LITERAL("0123456789abcdef0123456789abcdef"),
        .ordinal = 7,
        .host = SPAN_LITERAL("vm"),
        .tag = SPAN_LITERAL("web"),
        .attributes = attributes,
        .n_attributes = ARRAY_SIZE(attributes),
};

/* Puts both streams where they can be read, for as long as body runs. */
typedef struct Capture {
        int saved[ENTRY_STREAMS];
        int fds[ENTRY_STREAMS];
        char text[ENTRY_STREAMS][8192];
} Capture;

static void capture_begin(Capture *c, int out, int error)
{
        fflush(stdout);
        for (int i = 0; i < ENTRY_STREAMS; i++)
                c->saved[i] = dup(i + 1);
        assert(dup2(out, STDOUT_FILENO) >= 0 && dup2(error, STDERR_FILENO) >= 0);
}

static void capture_end(Capture *c)
{
        for (int i = 0; i < ENTRY_STREAMS; i++) {
                assert(dup2(c->saved[i], i + 1) >= 0);
                (void) close(c->saved[i]);
        }
}

static Span read_all(int fd, char *buffer, size_t size)
{
        ssize_t n = read(fd, buffer, size);

        return (Span){ .data = buffer, .size = n < 0 ? 0 : (size_t) n };
}

static void expect(const char *what, Span got, const char *expected)
{
        if (!span_equal_string(got, expected)) {
                printf("%s: got \"%.*s\", expected \"%s\"\n", what, (int) got.size, got.data,
                       expected);
                exit(EXIT_FAILURE);
        }
}

static Printer preset;

/* Prints the lines; expected for each of the streams, which are different pipes. */
static void check(const char *what, const JoinedLine *lines, size_t n, const char *out,
                  const char *error)
{
        Capture c;
        Printer printer = preset;
        int pipes[2][2];

        assert(pipe2(pipes[0], O_CLOEXEC | O_NONBLOCK) == 0);
        assert(pipe2(pipes[1], O_CLOEXEC | O_NONBLOCK) == 0);
        capture_begin(&c, pipes[0][1], pipes[1][1]);
        printer_init(&printer);
        for (size_t i = 0; i < n; i++)
                assert(printer_put(&printer, lines + i) == 0);
        assert(printer_flush(&printer) == 0);
        printer_done(&printer);
        capture_end(&c);
        expect(what, read_all(pipes[0][0], c.text[0], sizeof(c.text[0])), out);
        expect(what, read_all(pipes[1][0], c.text[1], sizeof(c.text[1])), error);
        for (int i = 0; i < 4; i++)
                (void) close(pipes[i / 2][i % 2]);
        printf("ok: %s\n", what);
}

/* The same on a terminal that both are. */
static void check_terminal(const char *what, const JoinedLine *lines, size_t n, const char *out)
{
        Capture c;
        Printer printer = preset;
        struct termios raw = {};
        int master, slave;

        assert(openpty(&master, &slave, NULL, &raw, NULL) == 0);
        capture_begin(&c, slave, slave);
        printer_init(&printer);
        for (size_t i = 0; i < n; i++)
                assert(printer_put(&printer, lines + i) == 0);
        assert(printer_flush(&printer) == 0);
        printer_done(&printer);
        capture_end(&c);
        expect(what, read_all(master, c.text[0], sizeof(c.text[0])), out);
        (void) close(master);
        (void) close(slave);
        printf("ok: %s\n", what);
}

#define WILD                             \
        "a\033[31m\tb\r\x07\xff\xc2\x9b" \
        "31m\xe2\x80\xae"                \
        "ü\n\x7f"

int main(void)
{
        LogRecord error = plain, wild = plain, quiet = plain, exec = plain;
        JoinedLine lines[4] = { { .record = &plain }, { .record = &error } };

        assert(setenv("TZ", "UTC", 1) == 0 && setenv("TERM", "xterm", 1) == 0);
        (void) unsetenv("NO_COLOR");
        tzset();
        error.stream = ENTRY_STDERR;
        error.text = SPAN_LITERAL("two");
        error.host = error.tag = (Span){};
        wild.text = SPAN_LITERAL(WILD);
        wild.n_attributes = 0;

        check("bare lines", lines, 2, "one\n", "two\n");
        preset.has_timestamps = true;
        check("times", lines, 2, "2026-11-22T01:02:03.500000000Z one\n",
              "2026-11-22T01:02:03.500000000Z two\n");
        preset.has_details = true;
        check("times and details", lines, 1,
              "2026-11-22T01:02:03.500000000Z COLOR=bl%C3%BC,te=,team=b+%26+c one\n", "");
        preset = (Printer){ .format = PRINTER_SHORT, .tag = "mine" };
        check("short", lines, 1, "Nov 22 01:02:03 vm web: one\n", "");

        preset = (Printer){ .format = PRINTER_JSON };
        exec.exec = SPAN_LITERAL("e");
        quiet.epoch = (Span){};
        lines[1].record = &exec;
        lines[2].record = &quiet;
        check("JSON", lines, 3,
              "{\"time\":\"2026-11-22T01:02:03.500000000Z\",\"stream\":\"stdout\","
              "\"epoch\":\"0123456789abcdef0123456789abcdef\",\"ordinal\":7,\"line\":\"one\"}\n"
              "{\"time\":\"2026-11-22T01:02:03.500000000Z\",\"stream\":\"stdout\","
              "\"epoch\":\"0123456789abcdef0123456789abcdef\",\"ordinal\":7,\"exec\":\"e\","
              "\"line\":\"one\"}\n"
              "{\"time\":\"2026-11-22T01:02:03.500000000Z\",\"stream\":\"stdout\","
              "\"line\":\"one\"}\n",
              "");
        preset.has_details = true;
        lines[0].record = &quiet;
        lines[1].record = &wild;
        wild.epoch = (Span){};
        check("JSON with details, and bytes", lines, 2,
              "{\"time\":\"2026-11-22T01:02:03.500000000Z\",\"stream\":\"stdout\","
              "\"attrs\":{\"team\":\"b \\u0026 c\",\"COLOR\":\"blü\",\"te\":\"\"},"
              "\"line\":\"one\"}\n"
              "{\"time\":\"2026-11-22T01:02:03.500000000Z\",\"stream\":\"stdout\",\"attrs\":{},"
              "\"line\":\"a\\u001b[31m\\tb\\r\\u0007\\ufffd\xc2\x9b"
              "31m\xe2\x80\xaeü\\n\x7f\",\"bytes\":\"YRtbMzFtCWINB//CmzMxbeKArsO8Cn8=\"}\n",
              "");
        check_terminal("JSON on a terminal", lines + 1, 1,
                       "{\"time\":\"2026-11-22T01:02:03.500000000Z\",\"stream\":\"stdout\","
                       "\"attrs\":{},\"line\":\"a\\u001b[31m\\tb\\r\\u0007\\ufffd\\u009b"
                       "31m\\u202eü\\n\\u007f\",\"bytes\":\"YRtbMzFtCWINB//CmzMxbeKArsO8Cn8=\"}\n");

        preset = (Printer){};
        check("bytes as they are", lines + 1, 1, WILD "\n", "");
        lines[0] = (JoinedLine){ .record = &error };
        check_terminal("bytes on a terminal, and colour", lines, 2,
                       "\033[31mtwo\033[0m\na\\x1b[31m\tb\\x0d\\x07\\xff\\xc2\\x9b"
                       "31m\\xe2\\x80\\xaeü\n\\x7f\n");
        assert(setenv("NO_COLOR", "1", 1) == 0);
        check_terminal("no colour", lines, 1, "two\n");

        lines[0] = (JoinedLine){ .record = &plain, .goes_on = true };
        lines[1] = (JoinedLine){ .record = &plain, .is_piece = true };
        preset = (Printer){ .has_timestamps = true };
        check("a line in pieces", lines, 2, "2026-11-22T01:02:03.500000000Z oneone\n", "");
        return EXIT_SUCCESS;
}
