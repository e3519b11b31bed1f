/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Lines that are joined, on their way from the FIFO to the driver. */

#include "../daemon-fixture.h"
#include "../group-reference.h"

#include <time.h>

#include "base/log.h"

/* Nobody waits so long: what is logged is so for another reason. */
#define NEVER "\"multiline-timeout\": \"1h\""
#define STARTS "\"multiline-start\": \"^[^[:space:]]\""

static Container *create(Fixture *f, const char *options)
{
        char more[192];

        fixture_init(f);
        (void) snprintf(more, sizeof(more), ", \"options\": {%s}", options);
        return fixture_create(f, "web", more);
}

static uint64_t get_now(void)
{
        struct timespec t;

        assert(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
        return (uint64_t) t.tv_sec * 1000000 + (uint64_t) t.tv_nsec / 1000;
}

static void pump_until_shipped(Fixture *f, size_t n)
{
        for (unsigned i = 0; f->n_shipped < n; i++) {
                assert(i < 10000);
                pump_for(f, 1000);
        }
        assert(f->n_shipped == n);
}

static void test_joined(void)
{
        _cleanup_close_ int out = -1, err = -1;
        const Entry *e;
        Fixture f;

        (void) create(&f, STARTS ", " NEVER);
        out = fixture_open(&f, "web", "init-stdout");
        err = fixture_open(&f, "web", "init-stderr");
        put(out, "<2>one\n\tat a\n");
        (void) pump(&f);
        put(err, "error\r\n");
        (void) pump(&f);
        put(out, "\tat b\r\n\n\tat c");
        (void) pump(&f);
        put(err, "  more\r\n<3>next\n");
        (void) pump(&f);
        put(out, "\r\ntwo\n");
        (void) pump(&f);

        e = fixture_next(&f);
        assert(span_equal_string(e->text, "error\r\n  more"));
        assert(e->stream == ENTRY_STDERR && e->ordinal == 1 && e->priority == LOG_ERR);
        e = fixture_next(&f);
        assert(span_equal_string(e->text, "one\n\tat a\n\tat b\r\n\n\tat c"));
        assert(e->stream == ENTRY_STDOUT && e->ordinal == 2 && e->priority == LOG_CRIT);
        expect_nothing(&f);
        fixture_done(&f);
        puts("ok: joined");
}

/* However the writes are cut, the entries are the same: those of the naive cutter. */
static void test_cut_everywhere(void)
{
        static const char text[] = "a\n b\r\n\n c\nd\n\te\nf\n g\n h\n i\n j\n k\n";
        char reason[REASON_MAX_BYTES];
        _cleanup_(pattern_freep) Pattern *start = NULL;
        _cleanup_close_ int out = -1;
        GroupRules rules;
        Fixture f;

        assert(pattern_new(&start, "^[^[:space:]]", reason) == 0);
        rules = (GroupRules){ start, 4, LINE_MAX_BYTES };
        (void) create(&f, STARTS ", " NEVER ", \"multiline-max-lines\": \"4\"");
        out = fixture_open(&f, "web", "init-stdout");
        for (size_t i = 0; i < strlen(text); i++) {
                Span rest = span_from_string(text);
                Line line;

                put_bytes(out, text, i);
                (void) pump(&f);
                put(out, text + i);
                put(out, "end\n");
                (void) pump(&f);
                while (reference_group(rest, LINE_MAX_BYTES, &rules, false, &line)) {
                        const Entry *e = fixture_next(&f);

                        assert(e && span_equal(e->text, line.text));
                        rest = span_skip(rest, line.size);
                }
                expect_nothing(&f);
                /* Four lines are a group without a fifth. */
                put(out, " \n \n \n");
                (void) pump(&f);
                expect_line(&f, "end\n \n \n ");
                f.n_shipped = f.n_seen = f.text.size = 0;
        }
        fixture_done(&f);
        puts("ok: cut everywhere");
}

/* Its time begins with the last byte. What has no line's end is not in the group. */
static void test_timeout(void)
{
        _cleanup_close_ int out = -1;
        uint64_t began;
        Fixture f;

        (void) create(&f, STARTS ", \"multiline-timeout\": \"150ms\"");
        out = fixture_open(&f, "web", "init-stdout");
        put(out, "a\n b\n");
        (void) pump(&f);
        pump_for(&f, 20000);
        began = get_now();
        put(out, " c\n d");
        pump_until_shipped(&f, 1);
        assert(get_now() - began >= 150000);
        expect_line(&f, "a\n b\n c");
        put(out, "d\n");
        pump_until_shipped(&f, 2);
        expect_line(&f, " dd");
        put(out, "e\n");
        pump_until_shipped(&f, 3);
        expect_line(&f, "e");
        pump_for(&f, 200000);
        expect_nothing(&f);
        fixture_done(&f);
        puts("ok: timeout");
}

/* A driver that was busy for longer gets it at once. */
static void test_busy(void)
{
        _cleanup_close_ int out = -1;
        Fixture f;

        (void) create(&f, STARTS ", \"multiline-timeout\": \"100ms\"");
        out = fixture_open(&f, "web", "init-stdout");
        f.room = 0;
        put(out, "a\n b\n");
        pump_for(&f, 150000);
        expect_nothing(&f);
        fixture_make_room(&f, 10);
        pump_until_shipped(&f, 1);
        expect_line(&f, "a\n b");
        fixture_done(&f);
        puts("ok: busy");
}

/* Nothing more can come: the writers are gone, or the container. */
static void test_ends(void)
{
        Refusal refusal = {};
        Fifos *fifos;
        Container *c;
        Fixture f;
        int fd;

        c = create(&f, STARTS ", " NEVER);
        fd = fixture_open(&f, "web", "init-stdout");
        put(fd, "a\n b\n c");
        (void) pump(&f);
        expect_nothing(&f);
        fd = base_close(fd);
        (void) pump(&f);
        expect_line(&f, "a\n b\n c");

        assert(container_exec(c, "sh", false, true, &fifos, &refusal) == 0);
        fd = fixture_open(&f, "web", "sh-stdout");
        put(fd, "a\n b\n");
        (void) pump(&f);
        expect_nothing(&f);
        fd = base_close(fd);
        (void) pump(&f);
        expect_line(&f, "a\n b");

        fd = fixture_open(&f, "web", "init-stderr");
        put(fd, "a\n b\nc\n d\n e");
        (void) pump(&f);
        expect_line(&f, "a\n b");
        expect_nothing(&f);
        container_remove(c, NULL);
        (void) pump(&f);
        expect_line(&f, "c\n d\n e");
        fd = base_close(fd);
        fixture_done(&f);
        puts("ok: ends");
}

/* A container never waits for a group: its pipe is full of packets, or has two slots. */
static void test_full(void)
{
        _cleanup_close_ int out = -1, small = -1;
        char line[32];
        size_t joined = 0, written = 0;
        const Entry *e;
        Fixture f, g;

        (void) create(&f, STARTS ", " NEVER);
        out = fixture_open(&f, "web", "init-stdout");
        assert(fcntl(out, F_SETFL, O_DIRECT | O_NONBLOCK) == 0);
        for (unsigned i = 0; i < 16; i++)
                put(out, " x\n");
        assert(write(out, " x\n", 3) < 0 && errno == EAGAIN);
        pump_until_shipped(&f, 1);
        expect_line(&f, " x\n x\n x\n x\n x\n x\n x\n x\n x\n x\n x\n x\n x\n x\n x\n x");
        put(out, " x\n");
        fixture_done(&f);

        (void) create(&g, STARTS ", " NEVER ", \"max-buffer-size\": \"8K\"");
        small = fixture_open(&g, "web", "init-stdout");
        for (unsigned i = 0; written < 100000; i++) {
                int n = snprintf(line, sizeof(line), " %zu\n", written);

                assert(i < 1000000);
                if (write(small, line, (size_t) n) == n)
                        written += (size_t) n;
                else
                        pump_for(&g, 2000);
        }
        small = base_close(small);
        (void) pump(&g);
        while ((e = fixture_next(&g))) {
                assert(e->text.size <= 4096 && e->partial_first == 0);
                joined += e->text.size + 1;
        }
        assert(joined == written);
        fixture_done(&g);
        puts("ok: full");
}

/* Up to the cap, but a longer line comes in parts, and its rest is joined to nothing. */
static void test_long_lines(void)
{
        static char text[LINE_MAX_BYTES + 100];
        _cleanup_close_ int out = -1;
        const Entry *e;
        Fixture f;

        (void) create(&f, STARTS ", " NEVER ", \"multiline-max-bytes\": \"1K\"");
        out = fixture_open(&f, "web", "init-stdout");
        memset(text, ' ', sizeof(text));
        text[sizeof(text) - 1] = '\n';
        put(out, "a\n b\n");
        put_bytes(out, text, sizeof(text));
        put(out, " c\n d\n");
        put_bytes(out, text, 1018);
        put(out, "\n");
        put_bytes(out, text, 5);
        put(out, "\ne\n");
        (void) pump(&f);

        expect_line(&f, "a\n b");
        e = fixture_next(&f);
        assert(e && e->text.size == LINE_MAX_BYTES && e->partial_ordinal == 1);
        e = fixture_next(&f);
        assert(e && e->text.size == 99 && e->partial_ordinal == 2 && e->partial_is_last);
        e = fixture_next(&f); /* 1,024 bytes, and no more */
        assert(e && e->text.size == 1024 && e->partial_first == 0);
        e = fixture_next(&f);
        assert(e && e->text.size == 5);
        expect_nothing(&f);
        fixture_done(&f);
        puts("ok: long lines");
}

/* A group that is long in coming costs no more for each line than a short one. */
static void test_cost(void)
{
        _cleanup_close_ int out = -1;
        unsigned wakes = 0;
        Fixture f;

        (void) create(&f, STARTS ", " NEVER ", \"multiline-max-lines\": \"10000\"");
        out = fixture_open(&f, "web", "init-stdout");
        for (unsigned i = 0; i < 9999; i++) {
                put(out, " \n");
                wakes += pump(&f);
        }
        expect_nothing(&f);
        assert(wakes < 5 * 9999);
        put(out, " \n");
        (void) pump(&f);
        assert(f.n_shipped == 1 && f.text.size == 2 * 10000 - 1);
        fixture_done(&f);
        puts("ok: cost");
}

int main(void)
{
        log_set_max_level(LOG_EMERG);
        test_joined();
        test_cut_everywhere();
        test_timeout();
        test_busy();
        test_ends();
        test_full();
        test_long_lines();
        test_cost();
        return 0;
}
