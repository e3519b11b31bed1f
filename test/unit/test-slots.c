/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A pipe is full when its slots are, however few bytes these hold: a stream sees it, and lets the
 * writer go on.
 */

#include "../daemon-fixture.h"

#include "base/log.h"

/* How long bytes are held before it is asked whether the pipe is full. */
#define HELD_PROBE_USEC (HOLD_MIN_USEC << (HOLD_LEVELS - 1))

/* More slots in the FIFO than in the scratch pipe: a container may enlarge its own, and the scratch
 * pipe is small when there are very many pipes. All lines come, without a further write. */
static void test_out_of_slots(void)
{
        static const int capacities[] = { 1024 * 1024, 65536 };
        char line[3001];

        for (size_t i = 0; i < ARRAY_SIZE(capacities); i++) {
                _cleanup_close_ int out = -1;
                FifoScratch *scratch;
                unsigned n = 0;
                Fixture f;

                fixture_init(&f);
                scratch = &f.daemon->turns.scratch;
                if (i == 1) {
                        assert(fcntl(scratch->pipe_write_fd, F_SETPIPE_SZ, 8192) == 8192);
                        scratch->capacity = 8192;
                }
                (void) fixture_create(&f, "web", "");
                out = fixture_open(&f, "web", "init-stdout");
                assert(fcntl(out, F_SETPIPE_SZ, capacities[i]) == capacities[i]);
                for (;; n++) {
                        memset(line, 'a' + (int) (n % 26), 3000);
                        line[3000] = '\n';
                        if (write(out, line, sizeof(line)) < 0)
                                break;
                }
                assert(n == (unsigned) capacities[i] / 4096);
                (void) pump(&f);
                assert(f.n_shipped == n);
                for (unsigned k = 0; k < n; k++) {
                        memset(line, 'a' + (int) (k % 26), 3000);
                        line[3000] = '\0';
                        expect_line(&f, line);
                }
                fixture_done(&f);
        }
        puts("ok: out of slots");
}

/* Two slots are full with a line's beginning as soon as a write goes over the end of a page. The
 * container must not wait for more than a moment, each time. */
static void test_two_slots(void)
{
        _cleanup_close_ int out = -1;
        char text[40 * 4097];
        size_t done = 0, joined = 0;
        const Entry *e;
        Fixture f;

        for (size_t i = 0; i < sizeof(text); i++)
                text[i] = i % 300 == 299 ? '\n' : (char) ('a' + i / 300 % 26);
        fixture_init(&f);
        (void) fixture_create(&f, "web", ", \"options\": {\"max-buffer-size\": \"8K\"}");
        out = fixture_open(&f, "web", "init-stdout");
        assert(fcntl(out, F_GETPIPE_SZ) == 8192);

        /* As a write that waits: what is left of one is not merged with the next. */
        for (unsigned i = 0; done < sizeof(text); i++) {
                ssize_t n = write(out, text + done, 4097 - done % 4097);

                assert(i < 1000);
                if (n > 0)
                        done += (size_t) n;
                else
                        pump_for(&f, 2000);
        }
        pump_for(&f, 2000);
        while ((e = fixture_next(&f))) {
                assert(memcmp(e->text.data, text + joined, e->text.size) == 0);
                joined += e->text.size + (e->partial_first == 0 || e->partial_is_last);
        }
        assert(joined == sizeof(text) - sizeof(text) % 300);
        fixture_done(&f);
        puts("ok: two slots");
}

/* Sixteen packets of a byte fill the pipe. After a second the writer gets room again. */
static void fill_with_packets(int fd)
{
        assert(fcntl(fd, F_SETFL, O_DIRECT | O_NONBLOCK) == 0);
        for (unsigned i = 0; i < 16; i++)
                put(fd, "x");
        assert(write(fd, "x", 1) < 0 && errno == EAGAIN);
}

static void expect_parts(Fixture *f, int fd)
{
        const Entry *e;

        e = fixture_next(f);
        assert(e && span_equal_string(e->text, "xxxxxxxxxxxxxxx"));
        assert(e->partial_first == e->ordinal && e->partial_ordinal == 1 && !e->partial_is_last);
        expect_nothing(f);
        put(fd, "y\n");
        (void) pump(f);
        e = fixture_next(f);
        assert(e && span_equal_string(e->text, "xy"));
        assert(e->partial_first == e->ordinal - 1 && e->partial_ordinal == 2);
        assert(e->partial_is_last);
        expect_nothing(f);
}

static void test_stuck_pipe(void)
{
        _cleanup_close_ int out = -1, other = -1;
        Fixture f;

        fixture_init(&f);
        (void) fixture_create(&f, "web", "");
        out = fixture_open(&f, "web", "init-stdout");
        other = fixture_open(&f, "web", "init-stderr");
        /* A line that is only unfinished stays where it is. */
        put(other, "unfinished");
        fill_with_packets(out);
        pump_for(&f, HELD_PROBE_USEC * 7 / 10);
        expect_nothing(&f);
        pump_for(&f, HELD_PROBE_USEC * 8 / 10);
        expect_parts(&f, out);
        fixture_done(&f);
        puts("ok: stuck pipe");
}

/* A writer that tries again and again makes an edge each time, full pipe or not. */
static void test_stuck_and_impatient(void)
{
        _cleanup_close_ int out = -1;
        Fixture f;

        fixture_init(&f);
        (void) fixture_create(&f, "web", "");
        out = fixture_open(&f, "web", "init-stdout");
        fill_with_packets(out);
        for (unsigned i = 0; i < 40 && f.n_shipped == 0; i++) {
                assert(write(out, "x", 1) < 0 && errno == EAGAIN);
                pump_for(&f, HELD_PROBE_USEC / 20);
        }
        expect_parts(&f, out);
        fixture_done(&f);
        puts("ok: stuck pipe and an impatient writer");
}

/* Nor does he keep all others from having a turn. */
static void test_impatient_writer(void)
{
        _cleanup_close_ int out = -1, other = -1;
        Fixture f;

        fixture_init(&f);
        (void) fixture_create(&f, "web", "");
        (void) fixture_create(&f, "other", "");
        out = fixture_open(&f, "web", "init-stdout");
        other = fixture_open(&f, "other", "init-stdout");
        put(other, "quiet\n");
        for (unsigned i = 0; f.n_shipped < 30000; i++) {
                while (write(out, "line\n", 5) == 5)
                        ;
                assert(sd_event_run(f.daemon->event, 0) >= 0);
                assert(i < 1000);
        }
        fixture_done(&f);
        puts("ok: impatient writer");
}

/* A turn that failed does not make the stream forget to look for that. */
static void test_stuck_after_trouble(void)
{
        _cleanup_close_ int out = -1;
        Container *c;
        Fixture f;

        fixture_init(&f);
        c = fixture_create(&f, "web", "");
        out = fixture_open(&f, "web", "init-stdout");
        (void) pump(&f);
        state_unmap(&f.daemon->states, &fixture_feed(c)->state);
        assert(renameat(f.temporary.fd, "containers/web/state", f.temporary.fd, "away") == 0);
        fill_with_packets(out);
        (void) pump(&f);
        assert(renameat(f.temporary.fd, "away", f.temporary.fd, "containers/web/state") == 0);
        pump_for(&f, HELD_PROBE_USEC * 3);
        expect_parts(&f, out);
        fixture_done(&f);
        puts("ok: stuck after trouble");
}

/* Bytes that came while the stream was held: a part is never longer than the limit. */
static void test_held_and_full(void)
{
        static char text[65536];
        _cleanup_close_ int out = -1;
        const Entry *e;
        Container *c;
        Fixture f;

        fixture_init(&f);
        c = fixture_create(&f, "web", "");
        out = fixture_open(&f, "web", "init-stdout");
        put(out, "x");
        (void) pump(&f);
        memset(text, 'x', sizeof(text));
        while (write(out, text, sizeof(text)) > 0)
                ;
        turns_remove(&f.daemon->turns, fixture_stream(c, ENTRY_STDOUT));
        assert(fifo_get_fill(out, &fixture_stream(c, ENTRY_STDOUT)->held_fill) == 0);
        fixture_stream(c, ENTRY_STDOUT)->hold_level = HOLD_LEVELS - 2;
        stream_on_held(fixture_stream(c, ENTRY_STDOUT));
        e = fixture_next(&f);
        assert(e && e->text.size == LINE_MAX_BYTES);
        fixture_done(&f);
        puts("ok: held and full");
}

int main(void)
{
        test_out_of_slots();
        test_two_slots();
        test_stuck_pipe();
        test_stuck_and_impatient();
        test_impatient_writer();
        test_stuck_after_trouble();
        test_held_and_full();
        return 0;
}
