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

/* A container that writes to its stdout, and the stream that reads it. */
typedef struct Case {
        Fixture f;
        Container *c;
        Stream *s;
        int out;
} Case;

/* With two drivers where it is split. */
static void case_init(Case *x, bool is_split)
{
        fixture_init(&x->f);
        x->c = is_split ? create(&x->f, "") : fixture_create(&x->f, "web", "");
        x->s = fixture_stream(x->c, ENTRY_STDOUT);
        x->out = fixture_open(&x->f, "web", "init-stdout");
        (void) pump(&x->f);
}

static void case_done(Case *x)
{
        close(x->out);
        fixture_done(&x->f);
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
        Case x;

        case_init(&x, false);
        for (unsigned i = 0; i < 20; i++) {
                be_quiet();
                put(x.out, "line\n");
                (void) run_now(&x.f);
                expect_line(&x.f, "line");
                assert(fixture_stream(x.c, ENTRY_STDOUT)->phase == STREAM_IDLE);
        }
        case_done(&x);
        puts("ok: quiet");
}

/* While it gathers, no write wakes the daemon, and what came has one turn. Then each does again. */
static void test_gather(void)
{
        unsigned n_whole = 0;
        Case x;

        case_init(&x, false);
        for (unsigned round = 0; round < 50 || (n_whole == 0 && !test_is_slow()); round++) {
                unsigned n_awake = 0;
                uint64_t served;

                begin_to_gather(&x.f, x.s, x.out);
                served = x.s->served;
                for (unsigned i = 0; i < 5; i++) {
                        put(x.out, "line\n");
                        n_awake += run_now(&x.f);
                }
                /* Where the time was not up meanwhile. */
                if (n_awake == 0) {
                        n_whole++;
                        expect_nothing(&x.f);
                        (void) sd_event_run(x.f.daemon->event, UINT64_MAX);
                        (void) run_now(&x.f);
                        assert(x.s->served == served + 1);
                }
                (void) pump(&x.f);
                for (unsigned i = 0; i < 5; i++)
                        expect_line(&x.f, "line");
                expect_nothing(&x.f);

                assert(x.s->phase == STREAM_IDLE && !x.s->is_deaf);
                be_quiet();
                put(x.out, "again\n");
                assert(run_now(&x.f) > 0);
                expect_line(&x.f, "again");
        }
        case_done(&x);
        puts("ok: gather");
}

/* An unfinished line behind the others is one that waits for its end, as any. */
static void test_partial(void)
{
        Case x;

        case_init(&x, false);
        for (unsigned round = 0; round < 20; round++) {
                begin_to_gather(&x.f, x.s, x.out);
                put(x.out, "one\ntw");
                (void) pump(&x.f);
                expect_line(&x.f, "one");
                expect_nothing(&x.f);
                assert(x.s->phase == STREAM_HELD && x.s->held_for == HOLD_PARTIAL && !x.s->is_deaf);
                put(x.out, "o\n");
                (void) pump(&x.f);
                expect_line(&x.f, "two");
        }
        case_done(&x);
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
        Case x;

        case_init(&x, false);
        for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
                assert(try_to_gather(x.s, rules[i].is_deaf, rules[i].bytes, rules[i].since_usec) ==
                       rules[i].level);

        /* A pipe of two slots is full with one byte more than a page. */
        assert(fcntl(x.out, F_SETPIPE_SZ, 2 * PIPE_SLOT_BYTES) > 0 && stream_measure(x.s) == 0);
        assert(try_to_gather(x.s, true, PIPE_SLOT_BYTES, 1000) == 3);
        assert(try_to_gather(x.s, true, PIPE_SLOT_BYTES + 1, 1000) == -1);
        case_done(&x);

        /* However large the pipes of the drivers are. */
        case_init(&x, true);
        assert(fcntl(x.out, F_SETPIPE_SZ, PIPE_SLOT_BYTES) > 0 && stream_measure(x.s) == 0);
        assert(x.s->room == PIPE_SLOT_BYTES / 2 && x.s->limit == LINE_MAX_BYTES);
        case_done(&x);
        puts("ok: rules");
}

/* Each packet takes a slot, however small it is: there is no time in which they do not all. */
static void test_packets(void)
{
        Case x;

        case_init(&x, false);
        assert(fcntl(x.out, F_SETFL, O_NONBLOCK | O_DIRECT) == 0);
        for (unsigned round = 0; round < 100; round++) {
                put(x.out, "one\n");
                put(x.out, "two\n");
                (void) run_now(&x.f);
                expect_line(&x.f, "one");
                expect_line(&x.f, "two");
                assert(!stream_is_gathering(x.s));
        }
        case_done(&x);
        puts("ok: packets");
}

/* Where it cannot be made deaf, it has its turns as before; where it cannot be made to hear again,
 * it looks by itself until it can. */
static void test_trouble(void)
{
        Case x;

        case_init(&x, false);
        fails = true;
        for (unsigned i = 0; i < 100; i++) {
                put(x.out, "line\n");
                (void) run_now(&x.f);
                expect_line(&x.f, "line");
                assert(!stream_is_gathering(x.s) && !x.s->is_deaf);
        }
        fails = false;

        begin_to_gather(&x.f, x.s, x.out);
        fails = true;
        pump_for(&x.f, 10 * HOLD_GATHER_USEC);
        assert(x.s->is_deaf && (x.s->phase == STREAM_HELD || x.s->phase == STREAM_READY));
        put(x.out, "line\n");
        pump_for(&x.f, 10 * HOLD_GATHER_USEC);
        x.f.n_seen = x.f.n_shipped - 1;
        expect_line(&x.f, "line");
        fails = false;
        pump_for(&x.f, 10 * HOLD_GATHER_USEC);
        assert(!x.s->is_deaf && x.s->phase == STREAM_IDLE);
        case_done(&x);
        puts("ok: trouble");
}

/* A hang-up, Remove and Set end the time: nobody waits for it. */
static void test_ends(void)
{
        Refusal refusal = {};
        Fifos *exec;
        Stream *s;
        int out;
        Case x;

        case_init(&x, false);
        assert(container_exec(x.c, "sh", false, true, &exec, &refusal) == 0);
        out = fixture_open(&x.f, "web", "sh-stdout");
        close(fixture_open(&x.f, "web", "sh-stderr"));
        s = &TAILQ_FIRST(&exec->branches)->streams[ENTRY_STDOUT];
        begin_to_gather(&x.f, s, out);
        put(out, "last");
        close(out);
        (void) run_now(&x.f);
        expect_line(&x.f, "last");
        (void) pump(&x.f);
        assert(!container_find_exec(x.c, "sh"));

        s = x.s;
        out = x.out;
        begin_to_gather(&x.f, s, out);
        put(out, "line\n");
        stream_look_again(s);
        assert(run_now(&x.f) > 0);
        expect_line(&x.f, "line");

        begin_to_gather(&x.f, s, out);
        put(out, "line\nrest");
        stream_drain(s);
        (void) run_now(&x.f);
        expect_line(&x.f, "line");
        expect_line(&x.f, "rest");
        assert(s->phase == STREAM_ENDED);
        case_done(&x);
        puts("ok: ends");
}

/* With several drivers each gathers what is in its own pipe. */
static void test_split(void)
{
        size_t at[2] = {};
        unsigned last = 0;
        Case x;

        case_init(&x, true);
        for (unsigned round = 0; round < 20; round++) {
                for (; !stream_is_gathering(x.s); (void) run_now(&x.f))
                        assert(put_line(x.out, ++last));
                for (unsigned i = 0; i < 100; i++)
                        assert(put_line(x.out, ++last));
                (void) pump(&x.f);
                be_quiet();
        }
        for (unsigned i = 0; i < 2; i++)
                expect_lines(&x.f, get_feed(x.c, i), &at[i], 1, last);
        case_done(&x);
        puts("ok: split");
}

/* One that is removed while another driver has what is in the FIFO wait, and is deaf by then. */
static void test_split_remove(void)
{
        static char text[PEEK_MAX_BYTES + 1];
        Case x;

        memset(text, 'x', PEEK_MAX_BYTES);
        for (size_t i = 1023; i < PEEK_MAX_BYTES; i += 1024)
                text[i] = '\n';
        case_init(&x, true);
        assert(fcntl(x.out, F_SETPIPE_SZ, 1024 * 1024) > 0);
        x.f.more_room = 0;
        begin_to_gather(&x.f, x.s, x.out);
        x.f.room = 0;
        /* A pipe that is full ends with a line then. */
        put(x.out, text + x.s->counts.bytes % 1024);
        (void) pump(&x.f);
        assert(x.s->phase == STREAM_WAITING && x.s->is_deaf);
        while (write(x.out, text, PEEK_MAX_BYTES) > 0)
                (void) run_now(&x.f);
        container_remove(x.c, NULL);
        fixture_make_room(&x.f, SIZE_MAX);
        (void) pump(&x.f);
        assert(x.f.daemon->n_containers == 1);
        fixture_set_room(&x.f, &x.f.more_room, SIZE_MAX);
        pump_for(&x.f, 10 * HOLD_GATHER_USEC);
        assert(x.f.daemon->n_containers == 0);
        case_done(&x);
        puts("ok: split, remove");
}

/* A driver that is taken away has taken what it can, gathering or not. */
static void test_split_set(void)
{
        unsigned n_gathering = 0;
        Case x;

        while (n_gathering < 10) {
                Feed *feed;
                Stream *s;

                case_init(&x, true);
                feed = get_feed(x.c, 1);
                s = &TAILQ_NEXT(TAILQ_FIRST(&TAILQ_FIRST(&x.c->fifos)->branches), branches)
                             ->streams[ENTRY_STDOUT];
                begin_to_gather(&x.f, s, x.out);
                put(x.out, "last\n");
                n_gathering += stream_is_gathering(s);
                remove_driver(x.c, "journald");
                /* Behind it there is only what says that the driver is gone. */
                assert(x.f.shipped[x.f.n_shipped - 2].feed == feed);
                x.f.n_seen = x.f.n_shipped - 2;
                expect_line(&x.f, "last");
                case_done(&x);
        }
        puts("ok: split, set");
}

/* Writes numbered lines, with pauses about as long as a stream gathers. */
static _Noreturn void write_lines(int fd, unsigned n, unsigned seed)
{
        srandom(seed);
        for (unsigned i = 1; i <= n; i++) {
                while (!put_line(fd, i))
                        (void) usleep(100);
                if (random() % 4 == 0)
                        (void) usleep((useconds_t) (random() % (long) (3 * HOLD_GATHER_USEC)));
        }
        _exit(0);
}

/* A wake-up that was lost is a daemon that waits for ever. */
static void test_wakeups(bool is_split)
{
        enum { LINES = 2000 };
        size_t at[2] = {};
        pid_t pid;
        Case x;

        case_init(&x, is_split);
        pid = child_fork();
        if (pid == 0)
                write_lines(x.out, LINES, 7);
        while (x.f.n_shipped < LINES * x.c->n_feeds)
                assert(sd_event_run(x.f.daemon->event, 60 * UINT64_C(1000000)) > 0);
        for (unsigned i = 0; i < x.c->n_feeds; i++)
                expect_lines(&x.f, get_feed(x.c, i), &at[i], 1, LINES);
        assert(waitpid(pid, NULL, 0) == pid);
        case_done(&x);
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
        test_wakeups(false);
        test_wakeups(true);
        return 0;
}
