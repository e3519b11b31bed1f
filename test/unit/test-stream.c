/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A stream: from the bytes in a FIFO to entries, whatever the writer, the driver and others at the
 * FIFO do.
 */

#include "../daemon-fixture.h"

#include <poll.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "../line-reference.h"
#include "base/log.h"

/* What somebody does to the FIFO between two system calls of the daemon: just before the fill is
 * asked for, or just before hang-up is. Once. */
static void (*before_fill)(int fd);
static void (*before_hang_up)(int fd);
static int hook_fd; /* for the hook: a write end */

static void run_once(void (**hook)(int fd))
{
        void (*function)(int fd) = *hook;

        *hook = NULL;
        if (function)
                function(hook_fd);
}

/* In front of the C library's. */
int ioctl(int fd, unsigned long request, ...)
{
        va_list ap;
        void *argument;

        va_start(ap, request);
        argument = va_arg(ap, void *);
        va_end(ap);
        if (request == FIONREAD)
                run_once(&before_fill);
        return (int) syscall(SYS_ioctl, fd, request, argument);
}

int poll(struct pollfd *fds, nfds_t n, int timeout)
{
        struct timespec t = { .tv_sec = timeout / 1000, .tv_nsec = timeout % 1000 * 1000000 };

        run_once(&before_hang_up);
        return ppoll(fds, n, timeout < 0 ? NULL : &t, NULL);
}

/* All entries of one stream since the first are the lines of input, cut as the reference does it,
 * and numbered in order. Returns how many there are. */
static size_t expect_stream(Fixture *f, EntryStream kind, Span input)
{
        int fallback = kind == ENTRY_STDERR ? LOG_ERR : LOG_INFO, priority = fallback;
        uint64_t first = 0, last_ordinal = 0;
        uint32_t part = 0;
        size_t n = 0;
        Line line;

        f->n_seen = 0;
        while (reference_next(input, LINE_MAX_BYTES, &line)) {
                const Entry *e;

                do {
                        e = fixture_next(f);
                        assert(e);
                } while (e->stream != kind);

                if (first == 0)
                        priority = entry_take_level(&line.text, fallback);
                assert(span_equal(e->text, line.text) && e->priority == priority);
                assert(e->ordinal > last_ordinal);
                last_ordinal = e->ordinal;
                if (first > 0 || line.end == LINE_END_LIMIT) {
                        first = first ?: e->ordinal;
                        assert(e->partial_first == first && e->partial_ordinal == ++part);
                        assert(e->partial_is_last == (line.end != LINE_END_LIMIT));
                } else
                        assert(e->partial_first == 0);
                if (line.end != LINE_END_LIMIT)
                        first = part = 0;
                input = span_skip(input, line.size);
                n++;
        }
        return n;
}

static void test_lines(void)
{
        _cleanup_close_ int out = -1, err = -1;
        const Entry *e;
        Fixture f;

        fixture_init(&f);
        (void) fixture_create(&f, "web", "");
        out = fixture_open(&f, "web", "init-stdout");
        err = fixture_open(&f, "web", "init-stderr");
        expect_nothing(&f);
        put(out, "one\ntwo\r\n\n<2>three\nun");
        (void) pump(&f);
        put(err, "four\n");
        (void) pump(&f);
        put(out, "finished\n");
        (void) pump(&f);

        expect_line(&f, "one");
        expect_line(&f, "two");
        expect_line(&f, "");
        e = fixture_next(&f);
        assert(span_equal_string(e->text, "three") && e->priority == LOG_CRIT);
        assert(e->ordinal == 4 && e->stream == ENTRY_STDOUT && !e->exec_id);
        assert(e->realtime_nsec > UINT64_C(1600000000000000000));
        e = fixture_next(&f);
        assert(span_equal_string(e->text, "four") && e->priority == LOG_ERR);
        assert(e->ordinal == 5 && e->stream == ENTRY_STDERR);
        e = fixture_next(&f);
        assert(span_equal_string(e->text, "unfinished") && e->priority == LOG_INFO);
        assert(e->ordinal == 6);
        expect_nothing(&f);
        fixture_done(&f);
        puts("ok: lines");
}

static void test_level_prefix_off(void)
{
        _cleanup_close_ int out = -1;
        Fixture f;

        fixture_init(&f);
        (void) fixture_create(&f, "web", ", \"options\": {\"level-prefix\": \"no\"}");
        out = fixture_open(&f, "web", "init-stdout");
        put(out, "<2>three\n");
        (void) pump(&f);
        assert(f.shipped[0].entry.priority == LOG_INFO);
        expect_line(&f, "<2>three");
        fixture_done(&f);
        puts("ok: level prefix off");
}

/* However the writes are cut, the entries are the same. */
static void test_cut_everywhere(void)
{
        static const char text[] = "<3>one\r\n\n<6>two\n<x>\r\r\n<7>\n\r\n<1>last\n";
        _cleanup_close_ int out = -1;
        Fixture f;

        fixture_init(&f);
        (void) fixture_create(&f, "web", "");
        out = fixture_open(&f, "web", "init-stdout");
        for (size_t i = 0; i < strlen(text); i++) {
                f.n_shipped = f.text.size = 0;
                put_bytes(out, text, i);
                (void) pump(&f);
                put(out, text + i);
                (void) pump(&f);
                assert(expect_stream(&f, ENTRY_STDOUT, span_from_string(text)) == 7);
                expect_nothing(&f);
        }
        fixture_done(&f);
        puts("ok: cut everywhere");
}

/* Writes all of it, with the daemon taking its turns when the pipe is full. */
static void write_all(Fixture *f, int fd, Span bytes, size_t chunk)
{
        while (bytes.size > 0) {
                ssize_t k = write(fd, bytes.data, MIN(bytes.size, chunk));

                if (k < 0) {
                        assert(errno == EAGAIN);
                        assert(pump(f) > 0);
                        continue;
                }
                bytes = span_skip(bytes, (size_t) k);
        }
        (void) pump(f);
}

/* Lines around the limit, written in whatever pieces, come in parts of the same sizes; the level
 * prefix of the first part holds for all. */
static void test_long_lines(void)
{
        static const size_t chunks[] = { 100000, 4096, 2049, 1000, 4097 };
        static char text[4 * LINE_MAX_BYTES + 100];
        static const size_t sizes[] = { LINE_MAX_BYTES - 1,     LINE_MAX_BYTES,
                                        LINE_MAX_BYTES + 1,     2 * LINE_MAX_BYTES,
                                        2 * LINE_MAX_BYTES + 1, 4 * LINE_MAX_BYTES };
        _cleanup_close_ int err = -1;
        Fixture f;

        fixture_init(&f);
        (void) fixture_create(&f, "web", "");
        err = fixture_open(&f, "web", "init-stderr");
        for (size_t c = 0; c < ARRAY_SIZE(chunks); c++)
                for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
                        f.n_shipped = f.text.size = 0;
                        for (size_t k = 0; k < sizes[i]; k++)
                                text[k] = (char) ('a' + k % 26);
                        memcpy(text, "<5>", 3);
                        memcpy(text + sizes[i], "\nx\n", 3);
                        write_all(&f, err, (Span){ text, sizes[i] + 3 }, chunks[c]);
                        (void) expect_stream(&f, ENTRY_STDERR, (Span){ text, sizes[i] + 3 });
                        expect_nothing(&f);
                }
        fixture_done(&f);
        puts("ok: long lines");
}

/* The end of the last writer ends a line; the stream goes on with the next writer. */
static void test_end_of_file(void)
{
        Fixture f;

        fixture_init(&f);
        (void) fixture_create(&f, "web", "");
        for (unsigned i = 0; i < 3; i++) {
                int a = fixture_open(&f, "web", "init-stdout");
                int b = fixture_open(&f, "web", "init-stdout");

                put(a, "whole\nrest");
                (void) pump(&f);
                expect_line(&f, "whole");
                a = base_close(a);
                (void) pump(&f);
                expect_nothing(&f);
                b = base_close(b);
                (void) pump(&f);
                expect_line(&f, "rest");
                expect_nothing(&f);
        }
        fixture_done(&f);
        puts("ok: end of file");
}

static void write_rest(int fd)
{
        put(fd, "rest\n");
}

static void write_rest_and_close(int fd)
{
        put(fd, "rest\n");
        close(fd);
}

static void close_only(int fd)
{
        close(fd);
}

/* A second writer comes when the first one has gone. */
static char writer_path[128];
static int writer_fd = -1;

static void come_and_write(int fd)
{
        writer_fd = open(writer_path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        put(writer_fd, "rest\n");
}

/* The daemon looks at a FIFO with several system calls; what happens between them never cuts a
 * line. */
static void test_races(void)
{
        static void (*const hooks[])(int fd) = { write_rest, write_rest_and_close, close_only };
        Fixture f;

        fixture_init(&f);
        (void) fixture_create(&f, "web", "");
        for (size_t i = 0; i < 2 * ARRAY_SIZE(hooks); i++) {
                hook_fd = fixture_open(&f, "web", "init-stdout");
                *(i % 2 ? &before_fill : &before_hang_up) = hooks[i / 2];
                put(hook_fd, "un");
                (void) pump(&f);
                assert(!before_fill && !before_hang_up);
                expect_line(&f, hooks[i / 2] == close_only ? "un" : "unrest");
                if (hooks[i / 2] == write_rest)
                        close(hook_fd);
        }

        (void) snprintf(writer_path, sizeof(writer_path), "%s/containers/web/init-stdout",
                        f.temporary.path);
        hook_fd = fixture_open(&f, "web", "init-stdout");
        put(hook_fd, "un");
        (void) pump(&f);
        close(hook_fd);
        before_fill = come_and_write;
        (void) pump(&f);
        assert(!before_fill);
        expect_line(&f, "unrest");
        expect_nothing(&f);
        close(writer_fd);
        fixture_done(&f);
        puts("ok: races");
}

/* The stream of an exec ends with its writers, but not before their last byte. */
static void test_exec(void)
{
        Refusal refusal = {};
        Container *c;
        Fifos *fifos;
        Fixture f;
        int err;

        fixture_init(&f);
        c = fixture_create(&f, "web", "");
        for (unsigned i = 0; i < 3; i++) {
                assert(container_exec(c, "sh", false, true, &fifos, &refusal) == 0);
                err = fixture_open(&f, "web", "sh-stderr");
                hook_fd = fixture_open(&f, "web", "sh-stdout");
                (void) pump(&f);
                put(hook_fd, "first\n");
                /* Two peeks later, that saw nothing more. */
                before_hang_up = i == 0 ? write_rest_and_close : close_only;
                (void) pump(&f);
                assert(!before_hang_up);
                assert(strcmp(f.shipped[f.n_seen].exec_id, "sh") == 0);
                expect_line(&f, "first");
                if (i == 0)
                        expect_line(&f, "rest");
                assert(container_find_exec(c, "sh"));
                put(err, "error");
                err = base_close(err);
                (void) pump(&f);
                expect_line(&f, "error");
                expect_nothing(&f);
                assert(!container_find_exec(c, "sh"));
                assert(!temporary_has(&f.temporary, "containers/web/sh-stdout"));
        }
        fixture_done(&f);
        puts("ok: exec");
}

/* The container reads its own FIFO between peek and drop. */
static int thief_fd;
static size_t thief_bytes;

static void steal(Fixture *f, const Feed *feed, const Entry *entries, size_t n)
{
        char bytes[100];

        assert(read(thief_fd, bytes, thief_bytes) == (ssize_t) thief_bytes);
        thief_bytes = 0;
        f->on_write = NULL;
}

static void test_vanished(void)
{
        _cleanup_close_ int out = -1;
        char path[128];
        Container *c;
        Fixture f;

        fixture_init(&f);
        c = fixture_create(&f, "web", "");
        out = fixture_open(&f, "web", "init-stdout");
        (void) snprintf(path, sizeof(path), "%s/containers/web/init-stdout", f.temporary.path);
        thief_fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        thief_bytes = 10;
        f.on_write = steal;
        put(out, "one\ntwo\nthree\n");
        (void) pump(&f);
        expect_line(&f, "one");
        expect_line(&f, "two");
        expect_line(&f, "three");
        expect_nothing(&f);
        assert(fixture_feed(c)->counts.lines == 3 && fixture_feed(c)->counts.bytes == 14);

        /* Told with the next turn. */
        put(out, "four\n");
        (void) pump(&f);
        expect_line(&f, "four");
        expect_nothing(&f);
        assert(fixture_feed(c)->counts.dropped == 10);
        assert(fixture_stream(c, ENTRY_STDOUT)->counts.dropped == 10);
        assert(fixture_stream(c, ENTRY_STDERR)->counts.dropped == 0);
        base_close(thief_fd);
        fixture_done(&f);
        puts("ok: vanished bytes");
}

int main(void)
{
        log_set_max_level(LOG_EMERG);
        test_lines();
        test_level_prefix_off();
        test_cut_everywhere();
        test_long_lines();
        test_end_of_file();
        test_races();
        test_exec();
        test_vanished();
        return 0;
}
