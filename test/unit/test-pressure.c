/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Containers that are faster than their log: who waits, what is dropped, and that it is told. */

#include "../daemon-fixture.h"

#include <dirent.h>

#include "daemon/pressure.h"

#define NONBLOCKING ", \"options\": {\"mode\": \"non-blocking\"}"
#define NEWEST ", \"options\": {\"mode\": \"non-blocking\", \"drop\": \"newest\"}"

/* Writes numbered lines of 100 bytes while the FIFO takes them. Returns how many. */
static unsigned fill(int fd, unsigned first)
{
        char line[101];
        unsigned n = 0;

        for (;;) {
                (void) snprintf(line, sizeof(line), "%-98u\n", first + n);
                if (write(fd, line, 99) < 0)
                        return n;
                n++;
        }
}

/* What the log says: each line once, in order, or told to be dropped; ordinals without a gap. */
typedef struct Account {
        uint64_t next_ordinal;
        unsigned next_line; /* the last one that was logged, and one */
        uint64_t n_logged, n_dropped, n_told, bytes_dropped;
} Account;

static void account_all(Fixture *f, Account *a)
{
        const Entry *e;

        while ((e = fixture_next(f))) {
                unsigned line;

                if (e->kind == ENTRY_END)
                        continue;
                assert(e->ordinal == a->next_ordinal);
                if (e->kind == ENTRY_DROPPED) {
                        assert(e->loss.lines > 0 && e->loss.reasons > 0);
                        a->next_ordinal += e->loss.lines;
                        a->n_dropped += e->loss.lines;
                        a->bytes_dropped += e->loss.bytes;
                        a->n_told++;
                        continue;
                }
                a->next_ordinal++;
                a->n_logged++;
                assert(e->text.size == 98);
                line = (unsigned) strtoul(e->text.data, NULL, 10);
                assert(line >= a->next_line);
                a->next_line = line + 1;
        }
}

/* The driver is busy, and the container waits. */
static void test_blocking(void)
{
        Account a = { .next_ordinal = 1 };
        Container *c;
        Fixture f;
        unsigned n;
        int fd;

        fixture_init(&f);
        c = fixture_create(&f, "c", "");
        fd = fixture_open(&f, "c", "init-stdout");
        f.room = 0;
        n = fill(fd, 0);
        pump_for(&f, 50000);
        assert(fill(fd, n) == 0);
        assert(stream_is_waiting(fixture_stream(c, ENTRY_STDOUT)));
        fixture_make_room(&f, SIZE_MAX);
        (void) pump(&f);
        account_all(&f, &a);
        assert(a.n_logged == n && a.n_dropped == 0 && fixture_feed(c)->lines_dropped == 0);
        close(fd);
        fixture_done(&f);
        puts("ok: blocking");
}

/* Writes for a while into a container whose driver is busy. Returns how many lines. */
static unsigned overflow(Fixture *f, int fd, unsigned first, unsigned rounds)
{
        unsigned n = 0, k;

        for (unsigned i = 0; i < rounds; i++) {
                /* Each look that finds the FIFO full makes room; a loaded machine looks late. */
                for (unsigned wait = 0; (k = fill(fd, first + n)) == 0 && i > 0; wait++) {
                        assert(wait < 1000);
                        pump_for(f, 4000);
                }
                n += k;
                pump_for(f, 4000);
        }
        return n;
}

static void test_oldest(void)
{
        Account a = { .next_ordinal = 1 };
        Container *c;
        Fixture f;
        unsigned n;
        int fd;

        fixture_init(&f);
        c = fixture_create(&f, "c", NONBLOCKING);
        fd = fixture_open(&f, "c", "init-stdout");
        f.room = 10;
        n = overflow(&f, fd, 0, 30);
        assert(fixture_feed(c)->untold.lines > 0 &&
               fixture_feed(c)->lines_dropped == fixture_feed(c)->untold.lines);
        fixture_make_room(&f, SIZE_MAX);
        (void) pump(&f);
        account_all(&f, &a);
        assert(a.n_logged + a.n_dropped == n && a.n_told == 1);
        assert(a.next_line == n && a.bytes_dropped == a.n_dropped * 99);
        assert(fixture_feed(c)->untold.lines == 0 && fixture_feed(c)->lines_dropped == a.n_dropped);
        assert(fixture_feed(c)->counts.lines == a.n_logged &&
               fixture_feed(c)->counts.dropped == a.bytes_dropped);

        /* Again, and the container has gone quiet: it is told all the same. */
        f.room = 0;
        n += overflow(&f, fd, n, 5);
        close(fd);
        fixture_make_room(&f, 1);
        (void) pump(&f);
        account_all(&f, &a);
        assert(a.n_told == 2);
        fixture_make_room(&f, SIZE_MAX);
        (void) pump(&f);
        account_all(&f, &a);
        assert(a.n_logged + a.n_dropped == n);
        fixture_done(&f);
        puts("ok: oldest");
}

static void test_newest(void)
{
        Account a = { .next_ordinal = 1 };
        unsigned n, buffered;
        Container *c;
        Fixture f;
        int fd;

        fixture_init(&f);
        c = fixture_create(&f, "c", NEWEST);
        fd = fixture_open(&f, "c", "init-stdout");
        f.room = 0;
        buffered = fill(fd, 0);
        n = buffered + overflow(&f, fd, buffered, 1);
        n += overflow(&f, fd, n, 20);
        assert(fixture_stream(c, ENTRY_STDOUT)->kept_left > 0);
        fixture_make_room(&f, buffered - 5);
        (void) pump(&f);
        account_all(&f, &a);
        /* The first ones are there, nothing is dropped of them. */
        assert(a.n_logged == buffered - 5 && a.next_line == buffered - 5 && a.n_dropped == 0);
        fixture_make_room(&f, SIZE_MAX);
        (void) pump(&f);
        account_all(&f, &a);
        assert(a.n_logged + a.n_dropped == n && a.n_told == 1);
        assert(fixture_stream(c, ENTRY_STDOUT)->kept_left == 0);
        assert(faccessat(f.temporary.fd, "containers/c/init-stdout-kept", F_OK, 0) < 0);
        close(fd);
        fixture_done(&f);
        puts("ok: newest");
}

/* Restarts in the middle of all that: nothing is told twice, nothing goes missing. */
static void test_restart(const char *options)
{
        Account a = { .next_ordinal = 1 };
        Container *c;
        unsigned n = 0;
        Fixture f;
        int fd;

        fixture_init(&f);
        c = fixture_create(&f, "c", options);
        fd = fixture_open(&f, "c", "init-stdout");
        for (unsigned round = 0; round < 40; round++) {
                f.room = (size_t) rand() % 300;
                n += overflow(&f, fd, n, (unsigned) rand() % 4);
                fixture_restart(&f);
                assert(fixture_restore(&f, "c", &c) == 0);
                pump_for(&f, 3000);
                if (round % 4 == 3)
                        fixture_make_room(&f, (size_t) rand() % 2000);
                (void) pump(&f);
        }
        fixture_make_room(&f, SIZE_MAX);
        (void) pump(&f);
        account_all(&f, &a);
        assert(a.n_logged + a.n_dropped == n);
        assert(a.n_dropped > 0 && a.n_logged > 0 && fixture_feed(c)->lines_dropped == a.n_dropped);
        close(fd);
        fixture_done(&f);
        printf("ok: restart: %llu logged, %llu dropped, told %llu times\n",
               (unsigned long long) a.n_logged, (unsigned long long) a.n_dropped,
               (unsigned long long) a.n_told);
}

/* A line that was half logged when its rest was dropped ends there; nothing is joined with it. */
static void test_parts(void)
{
        static char long_line[60 * 1024];
        uint64_t first = 0;
        const Entry *e;
        Fixture f;
        int fd;

        fixture_init(&f);
        (void) fixture_create(&f, "c", NONBLOCKING);
        fd = fixture_open(&f, "c", "init-stdout");
        memset(long_line, 'x', sizeof(long_line));
        put_bytes(fd, long_line, sizeof(long_line));
        f.room = 1;
        (void) pump(&f);
        e = fixture_next(&f);
        assert(e && e->partial_first == 1 && !e->partial_is_last);
        (void) overflow(&f, fd, 0, 20);
        fixture_make_room(&f, SIZE_MAX);
        (void) pump(&f);
        while ((e = fixture_next(&f))) {
                first += e->kind == ENTRY_DROPPED;
                assert(first == 1 && e->partial_first != 1);
        }
        close(fd);
        fixture_done(&f);
        puts("ok: parts");
}

/* The same line with drop=newest: what was kept of it is logged, and belongs to it. */
static void test_kept_parts(void)
{
        static char long_line[60 * 1024];
        Fixture f;
        int fd;

        fixture_init(&f);
        (void) fixture_create(&f, "c", NEWEST);
        fd = fixture_open(&f, "c", "init-stdout");
        memset(long_line, 'x', sizeof(long_line));
        long_line[sizeof(long_line) - 1] = '\n';
        put_bytes(fd, long_line, sizeof(long_line));
        f.room = 1;
        (void) pump(&f);
        (void) overflow(&f, fd, 0, 20);
        fixture_make_room(&f, SIZE_MAX);
        (void) pump(&f);
        for (uint32_t part = 1; part <= 3; part++) {
                const Entry *e = fixture_next(&f);

                assert(e && e->partial_first == 1 && e->partial_ordinal == part);
                assert(e->partial_is_last == (part == 3));
        }
        close(fd);
        fixture_done(&f);
        puts("ok: kept parts");
}

/* Killed while the last part of a line was owed, and that is dropped: the next line is its own. */
static void test_owed_part(void)
{
        static char long_line[40 * 1024];
        StatePage *page;
        StateTurn *turn;
        const Entry *e;
        int fd, error_fd;
        Container *c;
        Fixture f;

        fixture_init(&f);
        c = fixture_create(&f, "c", NONBLOCKING);
        fd = fixture_open(&f, "c", "init-stdout");
        memset(long_line, 'x', sizeof(long_line));
        long_line[sizeof(long_line) - 1] = '\n';
        put_bytes(fd, long_line, sizeof(long_line));
        f.room = 1;
        (void) pump(&f);
        assert(feed_map(fixture_feed(c), &page) == 0);
        turn = state_begin(page, 0);
        turn->owed_bytes = sizeof(long_line) - LINE_MAX_BYTES;
        turn->owed_limit = LINE_MAX_BYTES;
        turn->owed_lines = 1;
        state_commit(page, turn);
        fixture_restart(&f);
        assert(fixture_restore(&f, "c", &c) == 0);
        f.room = 0;
        error_fd = fixture_open(&f, "c", "init-stderr");
        (void) overflow(&f, error_fd, 0, 2);
        put(fd, "y\n");
        fixture_make_room(&f, SIZE_MAX);
        (void) pump(&f);
        while ((e = fixture_next(&f)))
                assert(e->ordinal == 1 || e->partial_first == 0);
        close(fd);
        close(error_fd);
        fixture_done(&f);
        puts("ok: owed part");
}

/* No file is to be had for what is to be kept: the container goes on all the same. */
static void test_nothing_kept(void)
{
        Account a = { .next_ordinal = 1 };
        Container *c;
        Fixture f;
        unsigned n;
        int fd;

        fixture_init(&f);
        c = fixture_create(&f, "c", NEWEST);
        fd = fixture_open(&f, "c", "init-stdout");
        assert(mkdirat(f.temporary.fd, "containers/c/init-stdout-kept", 0700) == 0);
        f.room = 0;
        n = overflow(&f, fd, 0, 10);
        assert(unlinkat(f.temporary.fd, "containers/c/init-stdout-kept", AT_REMOVEDIR) == 0);
        assert(fixture_feed(c)->lines_dropped > 0);
        fixture_make_room(&f, SIZE_MAX);
        (void) pump(&f);
        account_all(&f, &a);
        assert(a.n_logged + a.n_dropped == n);
        close(fd);
        fixture_done(&f);
        puts("ok: nothing kept");
}

/* An exec over a limit that drops is removed while its writer goes on. */
static void test_remove_over_limit(void)
{
        Refusal refusal = {};
        unsigned n = 0;
        Container *c;
        Fixture f;
        Fifos *exec;
        int fd;

        fixture_init(&f);
        c = fixture_create(&f, "c",
                           ", \"options\": {\"rate-limit-lines\": \"20\", "
                           "\"rate-limit-action\": \"drop\"}");
        assert(container_exec(c, "e", false, true, &exec, &refusal) == 0);
        fd = fixture_open(&f, "c", "e-stdout");
        n += fill(fd, n);
        (void) pump(&f);
        n += fill(fd, n);
        container_remove_exec(c, exec, NULL);
        for (unsigned i = 0; c->n_execs > 0; i++) {
                assert(i < 1000);
                n += fill(fd, n);
                assert(sd_event_run(f.daemon->event, 2000) >= 0);
        }
        close(fd);
        fixture_done(&f);
        puts("ok: remove over the limit");
}

/* Both streams of a container: one loss, told once, before any later line of either. */
static void test_both(void)
{
        uint64_t ordinal = 1;
        const Entry *e;
        int fds[2];
        Fixture f;

        for (unsigned round = 0; round < 2; round++) {
                unsigned n[2] = {}, told = 0;

                fixture_init(&f);
                (void) fixture_create(&f, "c", round ? NEWEST : NONBLOCKING);
                fds[0] = fixture_open(&f, "c", "init-stdout");
                fds[1] = fixture_open(&f, "c", "init-stderr");
                f.room = 0;
                for (unsigned i = 0; i < 20; i++)
                        n[i % 2] += overflow(&f, fds[i % 2], n[i % 2], 1 + i % 3);
                fixture_make_room(&f, SIZE_MAX);
                (void) pump(&f);
                for (ordinal = 1; (e = fixture_next(&f)); ordinal++) {
                        assert(e->ordinal == ordinal);
                        if (e->kind == ENTRY_DROPPED) {
                                ordinal += e->loss.lines - 1;
                                told++;
                        }
                }
                assert(ordinal == n[0] + n[1] + 1 && told == 1);
                close(fds[0]);
                close(fds[1]);
                fixture_done(&f);
        }
        puts("ok: both");
}

static void test_rate(void)
{
        Account a = { .next_ordinal = 1 };
        unsigned n = 0, k;
        Container *c;
        Fixture f;
        int fd;

        /* Waits: a burst of 20, then 20 in a second. */
        fixture_init(&f);
        c = fixture_create(&f, "c", ", \"options\": {\"rate-limit-lines\": \"20\"}");
        fd = fixture_open(&f, "c", "init-stdout");
        n = fill(fd, 0);
        pump_for(&f, 500000);
        account_all(&f, &a);
        assert(a.n_logged >= 25 && a.n_logged < n && a.n_dropped == 0);
        while (!stream_is_waiting(fixture_stream(c, ENTRY_STDOUT)))
                pump_for(&f, 1000);
        close(fd);
        /* Who is removed does not wait. */
        container_remove(c, NULL);
        (void) pump(&f);
        account_all(&f, &a);
        assert(a.n_logged == n);
        fixture_done(&f);

        /* Drops: told within a second, also if nothing more comes. */
        a = (Account){ .next_ordinal = 1 };
        fixture_init(&f);
        c = fixture_create(&f, "c",
                           ", \"options\": {\"rate-limit-lines\": \"20\", "
                           "\"rate-limit-action\": \"drop\"}");
        fd = fixture_open(&f, "c", "init-stdout");
        for (n = 0; n < 2000; n += k) {
                k = fill(fd, n);
                assert(k > 0);
                (void) pump(&f);
        }
        account_all(&f, &a);
        assert(a.n_logged == 20 && a.n_told == 0 && fixture_feed(c)->untold.lines == n - 20);
        pump_for(&f, 1300000);
        account_all(&f, &a);
        assert(a.n_told == 1 && a.n_dropped == n - 20);
        n += fill(fd, n);
        (void) pump(&f);
        close(fd);
        container_remove(c, NULL);
        (void) pump(&f);
        account_all(&f, &a);
        assert(a.n_told == 2 && a.n_logged + a.n_dropped == n && a.n_logged <= 41);
        fixture_done(&f);
        puts("ok: rate");
}

/* A container that does not wait, over a limit that blocks: its lines are dropped when its FIFO is
 * full, and not before. */
static void test_rate_nonblocking(void)
{
        Account a = { .next_ordinal = 1 };
        Container *c;
        Fixture f;
        unsigned n;
        int fd;

        fixture_init(&f);
        c = fixture_create(&f, "c",
                           ", \"options\": {\"rate-limit-lines\": \"100\", "
                           "\"mode\": \"non-blocking\"}");
        fd = fixture_open(&f, "c", "init-stdout");
        n = overflow(&f, fd, 0, 10);
        pump_for(&f, 500000);
        assert(fixture_feed(c)->lines_dropped > 0);
        fixture_make_room(&f, SIZE_MAX);
        container_remove(c, NULL);
        (void) pump(&f);
        close(fd);
        account_all(&f, &a);
        assert(a.n_logged + a.n_dropped == n && a.n_logged > 100);
        fixture_done(&f);
        puts("ok: rate, non-blocking");
}

/* A page that no daemon writes: lines to tell of and lines that are owed, and neither is there. */
static void test_hostile_page(void)
{
        const Entry *e;
        StatePage *page;
        StateTurn *turn;
        Container *c;
        Fixture f;
        int fd;

        fixture_init(&f);
        c = fixture_create(&f, "c", ", \"terminal\": true");
        assert(feed_map(fixture_feed(c), &page) == 0);
        turn = state_begin(page, 0);
        turn->owed_bytes = turn->owed_limit = 100;
        turn->owed_lines = 1;
        state_begin_drops(page, turn)->untold = (Loss){ .lines = 5, .reasons = UINT32_MAX };
        state_commit(page, turn);
        fixture_restart(&f);
        assert(fixture_restore(&f, "c", &c) == 0);
        (void) pump(&f);
        fd = fixture_open(&f, "c", "init-stdout");
        put(fd, "x\n");
        (void) pump(&f);
        e = fixture_next(&f);
        assert(e && e->kind == ENTRY_DROPPED && e->ordinal == 2 && e->loss.lines == 5);
        expect_line(&f, "x");
        close(fd);
        fixture_done(&f);
        puts("ok: hostile page");
}

/* The capacity that was asked for, in all its sizes. */
static void test_buffer(void)
{
        static const struct {
                const char *text;
                size_t bytes;
        } sizes[] = { { "8K", 8192 }, { "64K", 65536 }, { "100K", 131072 }, { "1M", 1048576 } };

        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
                Account a = { .next_ordinal = 1 };
                char options[128];
                unsigned n;
                Container *c;
                Fixture f;
                int fd;

                fixture_init(&f);
                (void) snprintf(options, sizeof(options),
                                ", \"options\": {\"mode\": \"non-blocking\", "
                                "\"max-buffer-size\": \"%s\"}",
                                sizes[i].text);
                c = fixture_create(&f, "c", options);
                assert((size_t) fcntl(fixture_stream(c, ENTRY_STDERR)->fd, F_GETPIPE_SZ) ==
                       sizes[i].bytes);
                fd = fixture_open(&f, "c", "init-stdout");
                f.room = 0;
                n = overflow(&f, fd, 0, 1);
                assert(n >= sizes[i].bytes / 101 && n <= sizes[i].bytes / 99);
                n += overflow(&f, fd, n, 10);
                fixture_make_room(&f, SIZE_MAX);
                (void) pump(&f);
                account_all(&f, &a);
                assert(a.n_logged + a.n_dropped == n && a.n_dropped > 0);
                close(fd);
                fixture_done(&f);
        }
        puts("ok: buffer");
}

int main(void)
{
        test_blocking();
        test_oldest();
        test_newest();
        test_restart(NONBLOCKING);
        test_restart(NEWEST);
        test_parts();
        test_kept_parts();
        test_owed_part();
        test_nothing_kept();
        test_remove_over_limit();
        test_both();
        test_rate();
        test_rate_nonblocking();
        test_hostile_page();
        test_buffer();
        return 0;
}
