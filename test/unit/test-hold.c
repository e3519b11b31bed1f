/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Many small writes: they have one turn together, none of them is late by more than a moment, and
 * no wake-up is lost where that begins and ends. */

#include "../daemon-fixture.h"

#include <dlfcn.h>
#include <stdlib.h>

#include "../child.h"
#include "../slow.h"
#include "../split-fixture.h"
#include "daemon/hold.h"

/* The event loop's own, while it does not fail. */
static bool fails;

__attribute__((visibility("default"))) int sd_event_source_set_io_events(sd_event_source *source,
                                                                         uint32_t events)
{
        static int (*real)(sd_event_source *, uint32_t);

        if (fails)
                return -ENOMEM;
        if (!real)
                real = (int (*)(sd_event_source *, uint32_t)) dlsym(
                        RTLD_NEXT, "sd_event_source_set_io_events");
        return real(source, events);
}

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

/* Two lines one right behind the other; a machine that is late needs more tries. */
static void begin_to_gather(Fixture *f, const Stream *s, int fd)
{
        while (!stream_is_gathering(s)) {
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
        for (unsigned round = 0; round < 50 || (n_whole == 0 && !test_is_slow()); round++) {
                unsigned n_awake = 0;
                uint64_t served;

                begin_to_gather(&f, s, out);
                served = s->served;
                for (unsigned i = 0; i < 5; i++) {
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
                for (unsigned i = 0; i < 5; i++)
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

/* Whether so many bytes in so many µs make it gather; at which level, if so. */
static int try_to_gather(Stream *s, bool is_deaf, size_t bytes, uint64_t since_usec)
{
        int level = -1;

        assert(hold_set_deaf(s, is_deaf) == 0);
        if (hold_to_gather(s, bytes, since_usec))
                level = (int) s->hold_level;
        turns_remove(stream_get_turns(s), s);
        assert(hold_set_deaf(s, false) == 0);
        return level;
}

/* Only who brings little, and that often, begins to gather, and for no longer than its FIFO has
 * room at that speed. Once it does, it goes on until that is seldom, or the FIFO may be full. */
static void test_rules(void)
{
        const struct {
                bool is_deaf;
                size_t bytes;
                uint64_t since_usec;
                int level;
        } rules[] = {
                /* clang-format off */
                { false, 100,       1000, 3 },  { false, 100,   1001, -1 },
                { true,  100,       1250, 3 },  { true,  100,   1251, -1 },
                { false, 7168,       250, 3 },  { false, 7169,   250, -1 },
                { false, 7168,       249, 2 },  { false, 7168,   124, 1 },
                { false, 7168,        62, 0 },  { false, 7168,    31, -1 },
                { true,  28672,     1000, 3 },  { true,  28673, 1000, -1 },
                { true,  28672,      125, 0 },  { true,  28672,  124, -1 },
                { false, 1,            1, 3 },  { false, 1,        0, -1 },
                /* clang-format on */
        };
        Container *c;
        Stream *s;
        Fixture f;
        int out;

        fixture_init(&f);
        c = fixture_create(&f, "web", "");
        s = fixture_stream(c, ENTRY_STDOUT);
        out = fixture_open(&f, "web", "init-stdout");
        (void) pump(&f);
        for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
                assert(try_to_gather(s, rules[i].is_deaf, rules[i].bytes, rules[i].since_usec) ==
                       rules[i].level);

        /* A pipe of two slots is full with one byte more than a page. */
        assert(fcntl(out, F_SETPIPE_SZ, 2 * PIPE_SLOT_BYTES) > 0 && stream_measure(s) == 0);
        assert(try_to_gather(s, true, PIPE_SLOT_BYTES, 1000) == 3);
        assert(try_to_gather(s, true, PIPE_SLOT_BYTES + 1, 1000) == -1);
        close(out);
        fixture_done(&f);

        /* However large the pipes of the drivers are. */
        fixture_init(&f);
        c = create(&f, "");
        s = fixture_stream(c, ENTRY_STDOUT);
        out = fixture_open(&f, "web", "init-stdout");
        assert(fcntl(out, F_SETPIPE_SZ, PIPE_SLOT_BYTES) > 0 && stream_measure(s) == 0);
        assert(s->room == PIPE_SLOT_BYTES / 2 && s->limit == LINE_MAX_BYTES);
        close(out);
        fixture_done(&f);
        puts("ok: rules");
}

/* Each packet takes a slot, however small it is: there is no time in which they do not all. */
static void test_packets(void)
{
        Container *c;
        Stream *s;
        Fixture f;
        int out;

        fixture_init(&f);
        c = fixture_create(&f, "web", "");
        s = fixture_stream(c, ENTRY_STDOUT);
        out = fixture_open(&f, "web", "init-stdout");
        assert(fcntl(out, F_SETFL, O_NONBLOCK | O_DIRECT) == 0);
        (void) pump(&f);
        for (unsigned round = 0; round < 100; round++) {
                put(out, "one\n");
                put(out, "two\n");
                (void) run_now(&f);
                expect_line(&f, "one");
                expect_line(&f, "two");
                assert(!stream_is_gathering(s));
        }
        close(out);
        fixture_done(&f);
        puts("ok: packets");
}

/* Where it cannot be made deaf, it has its turns as before; where it cannot be made to hear again,
 * it looks by itself until it can. */
static void test_trouble(void)
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
        fails = true;
        for (unsigned i = 0; i < 100; i++) {
                put(out, "line\n");
                (void) run_now(&f);
                expect_line(&f, "line");
                assert(!stream_is_gathering(s) && !s->is_deaf);
        }
        fails = false;

        begin_to_gather(&f, s, out);
        fails = true;
        pump_for(&f, 10 * HOLD_GATHER_USEC);
        assert(s->is_deaf && (s->phase == STREAM_HELD || s->phase == STREAM_READY));
        put(out, "line\n");
        pump_for(&f, 10 * HOLD_GATHER_USEC);
        f.n_seen = f.n_shipped - 1;
        expect_line(&f, "line");
        fails = false;
        pump_for(&f, 10 * HOLD_GATHER_USEC);
        assert(!s->is_deaf && s->phase == STREAM_IDLE);
        close(out);
        fixture_done(&f);
        puts("ok: trouble");
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
                for (; !stream_is_gathering(fixture_stream(c, ENTRY_STDOUT)); (void) run_now(&f))
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

/* One that is removed while another driver has what is in the FIFO wait, and is deaf by then. */
static void test_split_remove(void)
{
        static char text[PEEK_MAX_BYTES + 1];
        Container *c;
        Stream *s;
        Fixture f;
        int out;

        memset(text, 'x', PEEK_MAX_BYTES);
        for (size_t i = 1023; i < PEEK_MAX_BYTES; i += 1024)
                text[i] = '\n';
        fixture_init(&f);
        c = create(&f, "");
        s = fixture_stream(c, ENTRY_STDOUT);
        out = fixture_open(&f, "web", "init-stdout");
        assert(fcntl(out, F_SETPIPE_SZ, 1024 * 1024) > 0);
        (void) pump(&f);
        f.more_room = 0;
        begin_to_gather(&f, s, out);
        f.room = 0;
        /* A pipe that is full ends with a line then. */
        put(out, text + s->counts.bytes % 1024);
        (void) pump(&f);
        assert(s->phase == STREAM_WAITING && s->is_deaf);
        while (write(out, text, PEEK_MAX_BYTES) > 0)
                (void) run_now(&f);
        container_remove(c, NULL);
        fixture_make_room(&f, SIZE_MAX);
        (void) pump(&f);
        assert(f.daemon->n_containers == 1);
        fixture_set_room(&f, &f.more_room, SIZE_MAX);
        pump_for(&f, 10 * HOLD_GATHER_USEC);
        assert(f.daemon->n_containers == 0);
        close(out);
        fixture_done(&f);
        puts("ok: split, remove");
}

/* A driver that is taken away has taken what it can, gathering or not. */
static void test_split_set(void)
{
        unsigned n_gathering = 0;
        Fixture f;

        while (n_gathering < 10) {
                Container *c;
                Feed *feed;
                Stream *s;
                int out;

                fixture_init(&f);
                c = create(&f, "");
                feed = get_feed(c, 1);
                s = &TAILQ_NEXT(TAILQ_FIRST(&TAILQ_FIRST(&c->fifos)->branches), branches)
                             ->streams[ENTRY_STDOUT];
                out = fixture_open(&f, "web", "init-stdout");
                (void) pump(&f);
                begin_to_gather(&f, s, out);
                put(out, "last\n");
                n_gathering += stream_is_gathering(s);
                remove_driver(c, "journald");
                /* Behind it there is only what says that the driver is gone. */
                assert(f.shipped[f.n_shipped - 2].feed == feed);
                f.n_seen = f.n_shipped - 2;
                expect_line(&f, "last");
                close(out);
                fixture_done(&f);
        }
        puts("ok: split, set");
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
        pid = child_fork();
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
        test_rules();
        test_packets();
        test_trouble();
        test_ends();
        test_split();
        test_split_remove();
        test_split_set();
        test_wakeups("web", "");
        test_wakeups("web", ", \"moreDrivers\": [{\"driver\": \"journald\"}]");
        return 0;
}
