/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Many small writes: they have one turn together, none of them is late by more than a moment, and
 * no wake-up is lost where that begins and ends. */

#include "../daemon-fixture.h"

#include <stdlib.h>
#include <sys/wait.h>

#include "../split-fixture.h"

/* More than the time that makes a stream gather. */
static void be_quiet(void)
{
        assert(usleep(2 * HOLD_GATHER_USEC) == 0);
}

/* Runs what there is to do, without waiting for any time. */
static unsigned run_now(Fixture *f)
{
        unsigned n = 0;

        while (sd_event_run(f->daemon->event, 0) > 0)
                n++;
        return n;
}

static bool gathers(const Stream *s)
{
        return s->phase == STREAM_HELD && s->held_for == HOLD_GATHER;
}

/* Two lines one right behind the other; a machine that is late needs more tries. */
static void begin_to_gather(Fixture *f, const Stream *s, int fd)
{
        while (!gathers(s)) {
                put(fd, "more\n");
                (void) run_now(f);
        }
        f->n_seen = f->n_shipped;
}

/* Each line that comes after a silence goes at once. */
static void test_quiet(void)
{
        Container *c;
        Fixture f;
        int out;

        fixture_init(&f);
        c = fixture_create(&f, "web", "");
        out = fixture_open(&f, "web", "init-stdout");
        (void) run_now(&f);
        for (unsigned i = 0; i < 20; i++) {
                be_quiet();
                put(out, "line\n");
                (void) run_now(&f);
                expect_line(&f, "line");
                assert(fixture_stream(c, ENTRY_STDOUT)->phase == STREAM_IDLE);
        }
        close(out);
        fixture_done(&f);
        puts("ok: quiet");
}

/* While it gathers, no write wakes the daemon, and what came has one turn. Then each does again. */
static void test_gather(void)
{
        unsigned n_whole = 0;
        Container *c;
        Stream *s;
        Fixture f;
        int out;

        fixture_init(&f);
        c = fixture_create(&f, "web", "");
        s = fixture_stream(c, ENTRY_STDOUT);
        out = fixture_open(&f, "web", "init-stdout");
        (void) run_now(&f);
        for (unsigned round = 0; round < 50 || n_whole == 0; round++) {
                unsigned n_awake = 0;
                uint64_t served;

                begin_to_gather(&f, s, out);
                served = s->served;
                for (unsigned i = 0; i < 50; i++) {
                        put(out, "line\n");
                        n_awake += run_now(&f);
                }
                /* Where the time was not up meanwhile. */
                if (n_awake == 0) {
                        n_whole++;
                        expect_nothing(&f);
                        (void) sd_event_run(f.daemon->event, UINT64_MAX);
                        (void) run_now(&f);
                        assert(s->served == served + 1);
                }
                (void) pump(&f);
                for (unsigned i = 0; i < 50; i++)
                        expect_line(&f, "line");
                expect_nothing(&f);

                assert(s->phase == STREAM_IDLE && !s->is_deaf);
                be_quiet();
                put(out, "again\n");
                assert(run_now(&f) > 0);
                expect_line(&f, "again");
        }
        close(out);
        fixture_done(&f);
        puts("ok: gather");
}

/* An unfinished line behind the others is one that waits for its end, as any. */
static void test_partial(void)
{
        Container *c;
        Stream *s;
        Fixture f;
        int out;

        fixture_init(&f);
        c = fixture_create(&f, "web", "");
        s = fixture_stream(c, ENTRY_STDOUT);
        out = fixture_open(&f, "web", "init-stdout");
        (void) run_now(&f);
        for (unsigned round = 0; round < 20; round++) {
                begin_to_gather(&f, s, out);
                put(out, "one\ntw");
                (void) pump(&f);
                expect_line(&f, "one");
                expect_nothing(&f);
                assert(s->phase == STREAM_HELD && s->held_for == HOLD_PARTIAL && !s->is_deaf);
                put(out, "o\n");
                (void) pump(&f);
                expect_line(&f, "two");
        }
        close(out);
        fixture_done(&f);
        puts("ok: partial");
}

/* Who fills the FIFO during each turn is never held: there are no wake-ups to be saved. */
static void test_full(void)
{
        static char lines[PEEK_MAX_BYTES];
        uint64_t served;
        Container *c;
        Stream *s;
        Fixture f;
        int out;

        memset(lines, 'x', sizeof(lines));
        for (size_t i = 127; i < sizeof(lines); i += 128)
                lines[i] = '\n';
        fixture_init(&f);
        f.keeps_nothing = true;
        c = fixture_create(&f, "web", "");
        s = fixture_stream(c, ENTRY_STDOUT);
        out = fixture_open(&f, "web", "init-stdout");
        (void) run_now(&f);
        for (unsigned round = 0; round < 200; round++) {
                served = s->served;
                put_bytes(out, lines, sizeof(lines));
                while (s->served == served) {
                        assert(!gathers(s));
                        assert(sd_event_run(f.daemon->event, 0) > 0);
                }
        }
        close(out);
        fixture_done(&f);
        puts("ok: full");
}

/* A hang-up, Remove and Set end the time: nobody waits for it. */
static void test_ends(void)
{
        Refusal refusal = {};
        Container *c;
        Fifos *exec;
        Stream *s;
        Fixture f;
        int out;

        fixture_init(&f);
        c = fixture_create(&f, "web", "");
        assert(container_exec(c, "sh", false, true, &exec, &refusal) == 0);
        out = fixture_open(&f, "web", "sh-stdout");
        close(fixture_open(&f, "web", "sh-stderr"));
        s = &TAILQ_FIRST(&exec->branches)->streams[ENTRY_STDOUT];
        begin_to_gather(&f, s, out);
        put(out, "last");
        close(out);
        (void) run_now(&f);
        expect_line(&f, "last");
        (void) pump(&f);
        assert(!container_find_exec(c, "sh"));

        s = fixture_stream(c, ENTRY_STDOUT);
        out = fixture_open(&f, "web", "init-stdout");
        begin_to_gather(&f, s, out);
        put(out, "line\n");
        stream_look_again(s);
        assert(run_now(&f) > 0);
        expect_line(&f, "line");

        begin_to_gather(&f, s, out);
        put(out, "line\nrest");
        stream_drain(s);
        (void) run_now(&f);
        expect_line(&f, "line");
        expect_line(&f, "rest");
        assert(s->phase == STREAM_ENDED);
        close(out);
        fixture_done(&f);
        puts("ok: ends");
}

/* One of those that expect_lines() expects. */
static void put_line(int fd, unsigned i)
{
        char text[32];
        int size = snprintf(text, sizeof(text), "line %06u\n", i);

        while (write(fd, text, (size_t) size) != size)
                (void) usleep(100);
}

/* With several drivers each gathers what is in its own pipe. */
static void test_split(void)
{
        size_t at[2] = {};
        unsigned last = 0;
        Container *c;
        Fixture f;
        int out;

        fixture_init(&f);
        c = create(&f, "");
        out = fixture_open(&f, "web", "init-stdout");
        (void) pump(&f);
        for (unsigned round = 0; round < 20; round++) {
                for (; !gathers(fixture_stream(c, ENTRY_STDOUT)); (void) run_now(&f))
                        put_line(out, ++last);
                for (unsigned i = 0; i < 100; i++)
                        put_line(out, ++last);
                (void) pump(&f);
                be_quiet();
        }
        for (unsigned i = 0; i < 2; i++)
                expect_lines(&f, get_feed(c, i), &at[i], 1, last);
        close(out);
        fixture_done(&f);
        puts("ok: split");
}

/* Writes numbered lines, with pauses about as long as a stream gathers. */
static _Noreturn void write_lines(int fd, unsigned n, unsigned seed)
{
        srandom(seed);
        for (unsigned i = 1; i <= n; i++) {
                put_line(fd, i);
                if (random() % 4 == 0)
                        (void) usleep((useconds_t) (random() % (long) (3 * HOLD_GATHER_USEC)));
        }
        _exit(0);
}

/* A wake-up that was lost is a daemon that waits for ever. */
static void test_wakeups(const char *id, const char *more)
{
        enum { LINES = 2000 };
        size_t at[2] = {};
        Container *c;
        Fixture f;
        pid_t pid;
        int out;

        fixture_init(&f);
        c = fixture_create(&f, id, more);
        out = fixture_open(&f, id, "init-stdout");
        pid = fork();
        assert(pid >= 0);
        if (pid == 0)
                write_lines(out, LINES, 7);
        while (f.n_shipped < LINES * c->n_feeds)
                assert(sd_event_run(f.daemon->event, 60 * UINT64_C(1000000)) > 0);
        for (unsigned i = 0; i < c->n_feeds; i++)
                expect_lines(&f, get_feed(c, i), &at[i], 1, LINES);
        assert(waitpid(pid, NULL, 0) == pid);
        close(out);
        fixture_done(&f);
        puts("ok: wake-ups");
}

int main(void)
{
        test_quiet();
        test_gather();
        test_partial();
        test_full();
        test_ends();
        test_split();
        test_wakeups("web", "");
        test_wakeups("web", ", \"moreDrivers\": [{\"driver\": \"journald\"}]");
        return 0;
}
