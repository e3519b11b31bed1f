/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A container with two drivers: what each of them gets, and what one that is busy does to it. */

#include "../split-fixture.h"

#include <sys/syscall.h>

#include "base/log.h"

/* What a container writes as soon as there is room: right behind the splice(2) that makes it. */
static struct {
        int fd;
        unsigned first;
        unsigned n_put;
} refill;

/* In front of the C library's. */
ssize_t splice(int in, loff_t *in_offset, int out, loff_t *out_offset, size_t n, unsigned flags)
{
        ssize_t k = syscall(SYS_splice, in, in_offset, out, out_offset, n, flags);

        while (k > 0 && refill.first > 0 && put_line(refill.fd, refill.first + refill.n_put))
                refill.n_put++;
        if (refill.n_put > 0)
                refill.first = 0;
        return k;
}

static void test_both(void)
{
        _cleanup_close_ int fd = -1;
        size_t at[2] = {};
        Container *c;
        Fixture f;

        fixture_init(&f);
        c = create(&f, "");
        fd = fixture_open(&f, "web", "init-stdout");
        assert(put_lines(&f, fd, 1, 50000) == 50000);
        for (unsigned i = 0; i < 2; i++) {
                expect_lines(&f, get_feed(c, i), &at[i], 1, 50000);
                assert(!next_of(&f, get_feed(c, i), &at[i]));
                assert(get_feed(c, i)->counts.lines == 50000);
        }
        fixture_done(&f);
        puts("ok: both");
}

/* One driver is stuck. The other has all that the container can write, and that is more if nobody
 * waits for the one that is stuck. */
static void test_stuck(bool waits)
{
        _cleanup_close_ int fd = -1;
        unsigned n, n_lines = 100000;
        size_t at[2] = {};
        const Shipped *s;
        Container *c;
        Feed *stuck;
        Fixture f;

        fixture_init(&f);
        f.more_room = 0;
        c = create(&f, waits ? "" : ", \"options\": {\"mode\": \"non-blocking\"}");
        stuck = get_feed(c, 1);
        fd = fixture_open(&f, "web", "init-stdout");
        n = put_lines(&f, fd, 1, waits ? n_lines : 4000);
        /* A look at a full pipe comes after a while. */
        for (unsigned i = 0; !waits && n < n_lines && i < 10000; i++) {
                pump_for(&f, 5000);
                n = put_lines(&f, fd, n + 1, MIN(n_lines, n + 4000));
        }
        assert(waits ? n > 5000 && n < 20000 : n == n_lines);
        pump_for(&f, 300000);
        expect_lines(&f, get_feed(c, 0), &at[0], 1, MIN(n, waits ? 5000U : n_lines));
        assert(!next_of(&f, stuck, &at[1]));
        assert(feed_is_waiting(stuck) && (waits || !feed_is_waiting(get_feed(c, 0))));
        assert(get_feed(c, 0)->untold.lines == 0 && (stuck->untold.lines > 0) == !waits);

        fixture_set_room(&f, &f.more_room, SIZE_MAX);
        pump_for(&f, 300000);
        if (waits) {
                assert(put_lines(&f, fd, n + 1, n_lines) == n_lines);
                at[0] = 0;
                expect_lines(&f, get_feed(c, 0), &at[0], 1, n_lines);
                expect_lines(&f, stuck, &at[1], 1, n_lines);
        } else {
                s = next_of(&f, stuck, &at[1]);
                assert(s && s->entry.kind == ENTRY_DROPPED && s->entry.ordinal == 1);
                assert(s->entry.loss.lines + stuck->counts.lines == n_lines);
                assert(stuck->lines_dropped == s->entry.loss.lines);
        }
        fixture_done(&f);
        printf("ok: stuck, %s\n", waits ? "waits" : "drops");
}

/* However a line was cut into writes, and whoever is behind, the entries are the same. */
static void test_bytes(void)
{
        _cleanup_close_ int fd = -1;
        size_t at[2] = {};
        char text[8001];
        Container *c;
        Fixture f;

        memset(text, 'x', sizeof(text));
        text[sizeof(text) - 1] = '\n';
        fixture_init(&f);
        c = create(&f, "");
        fd = fixture_open(&f, "web", "init-stderr");
        for (size_t i = 0; i < sizeof(text); i++) {
                if (i % 1000 == 0)
                        fixture_set_room(&f, &f.more_room, i % 2000 == 0 ? 0 : SIZE_MAX);
                put_bytes(fd, text + i, 1);
                (void) pump(&f);
        }
        fixture_set_room(&f, &f.more_room, SIZE_MAX);
        (void) pump(&f);
        for (unsigned i = 0; i < 2; i++) {
                const Shipped *s = next_of(&f, get_feed(c, i), &at[i]);

                assert(s && s->entry.partial_first == 0 && s->entry.text.size == sizeof(text) - 1);
                assert(s->entry.stream == ENTRY_STDERR);
                assert(!next_of(&f, get_feed(c, i), &at[i]));
        }
        fixture_done(&f);
        puts("ok: bytes");
}

static void test_remove(void)
{
        _cleanup_close_ int fd = -1;
        size_t at[2] = {};
        const Shipped *s;
        Feed *feeds[2];
        Container *c;
        Fixture f;
        unsigned n;

        fixture_init(&f);
        f.more_room = 0;
        c = create(&f, "");
        feeds[0] = get_feed(c, 0);
        feeds[1] = get_feed(c, 1);
        fd = fixture_open(&f, "web", "init-stdout");
        n = put_lines(&f, fd, 1, 100000);
        put(fd, "");
        container_remove(c, NULL);
        (void) pump(&f);
        /* What comes now is nobody's. */
        assert(write(fd, "late\n", 5) == 5 || errno == EAGAIN);
        assert(f.daemon->n_containers == 1);
        fixture_set_room(&f, &f.more_room, SIZE_MAX);
        pump_for(&f, 2500000);
        assert(f.daemon->n_containers == 0);
        assert(faccessat(f.temporary.fd, "containers/web", F_OK, 0) < 0);
        for (unsigned i = 0; i < 2; i++) {
                expect_lines(&f, feeds[i], &at[i], 1, n);
                s = next_of(&f, feeds[i], &at[i]);
                assert(s && s->entry.kind == ENTRY_END && s->entry.counts.lines == n);
                assert(!next_of(&f, feeds[i], &at[i]));
        }
        fixture_done(&f);
        puts("ok: remove");
}

/* Streams of execs end with their writers, an unfinished line too, for both drivers. */
static void test_exec(void)
{
        Refusal refusal = {};
        size_t at[2] = {};
        Container *c;
        Fixture f;
        Fifos *exec;
        int fd;

        fixture_init(&f);
        c = create(&f, "");
        assert(container_exec(c, "sh", false, true, &exec, &refusal) == 0);
        fd = fixture_open(&f, "web", "sh-stdout");
        put(fd, "one\ntw");
        (void) pump(&f);
        put(fd, "o");
        (void) close(fd);
        fd = fixture_open(&f, "web", "sh-stderr");
        (void) close(fd);
        pump_for(&f, 100000);
        assert(c->n_execs == 0);
        for (unsigned i = 0; i < 2; i++) {
                const Shipped *s = next_of(&f, get_feed(c, i), &at[i]);

                assert(s && s->entry.text.size == 3 && strcmp(s->exec_id, "sh") == 0);
                s = next_of(&f, get_feed(c, i), &at[i]);
                assert(s && s->entry.text.size == 3 && s->entry.ordinal == 2);
                assert(memcmp(f.text.data + s->offset, "two", 3) == 0);
                assert(!next_of(&f, get_feed(c, i), &at[i]));
        }
        fixture_done(&f);
        puts("ok: exec");
}

/* The next daemon goes on where this one was, for each driver: with the pipes that the service
 * manager kept all lines are there; without, the bytes that were in them are gone, and no more. */
static void test_restart(bool is_kept)
{
        _cleanup_close_ int fd = -1, reader_fd = -1;
        size_t at[2] = {};
        Container *c;
        Fixture f;
        unsigned n;

        fixture_init(&f);
        f.more_room = 10;
        (void) create(&f, "");
        fd = fixture_open(&f, "web", "init-stdout");
        n = put_lines(&f, fd, 1, 4000);
        assert(n == 4000);
        if (is_kept)
                fixture_restart(&f);
        else {
                reader_fd = fcntl(fixture_stream(TAILQ_FIRST(&f.daemon->containers), 0)->split->fd,
                                  F_DUPFD_CLOEXEC, 0);
                f.daemon = daemon_free(f.daemon);
                fixture_start(&f);
        }
        for (size_t i = 0; i < f.n_shipped; i++)
                f.shipped[i].feed = NULL;
        assert(fixture_restore(&f, "web", &c) == 0);
        fixture_set_room(&f, &f.more_room, SIZE_MAX);
        (void) pump(&f);
        assert(put_lines(&f, fd, n + 1, 8000) == 8000);
        expect_lines(&f, get_feed(c, 0), &at[0], n + 1, 8000);
        assert(!next_of(&f, get_feed(c, 0), &at[0]));
        if (is_kept) {
                expect_lines(&f, get_feed(c, 1), &at[1], 11, 8000);
                assert(!next_of(&f, get_feed(c, 1), &at[1]));
        } else {
                const Shipped *s, *last = NULL;
                unsigned n_new = 0;

                while ((s = next_of(&f, get_feed(c, 1), &at[1]))) {
                        n_new++;
                        last = s;
                }
                assert(n_new >= 4000 && last && last->entry.text.size == 11);
                assert(memcmp(f.text.data + last->offset, "line 008000", 11) == 0);
        }
        fixture_done(&f);
        printf("ok: restart, pipes %s\n", is_kept ? "kept" : "lost");
}

/* A container that reads its own FIFO takes lines from whoever does not have them yet, and nothing
 * else happens. */
static void test_thief(void)
{
        _cleanup_close_ int fd = -1, thief_fd = -1;
        char bytes[4096];
        Container *c;
        Fixture f;

        fixture_init(&f);
        f.more_room = 0;
        c = create(&f, "");
        fd = fixture_open(&f, "web", "init-stdout");
        thief_fd = openat(f.temporary.fd, "containers/web/init-stdout", O_RDWR | O_NONBLOCK);
        assert(thief_fd >= 0);
        for (unsigned i = 0; i < 50; i++) {
                (void) put_lines(&f, fd, 1, 3000);
                if (read(thief_fd, bytes, 1 + (size_t) i * 80) < 0)
                        assert(errno == EAGAIN);
                (void) pump(&f);
                if (i % 7 == 0)
                        fixture_set_room(&f, &f.more_room, 1000);
        }
        fixture_set_room(&f, &f.more_room, SIZE_MAX);
        pump_for(&f, 300000);
        assert(f.n_shipped > 10000 && !feed_is_waiting(get_feed(c, 1)));
        f.n_shipped = f.n_seen = 0;
        put(fd, "\nend\n");
        (void) pump(&f);
        assert(f.n_shipped >= 2);
        for (size_t i = 0, n_ends = 0; i < f.n_shipped; i++) {
                const Shipped *s = &f.shipped[i];

                n_ends += s->entry.text.size == 3 && memcmp(f.text.data + s->offset, "end", 3) == 0;
                assert(i + 1 < f.n_shipped || n_ends == 2);
        }
        fixture_done(&f);
        puts("ok: thief");
}

/* Drivers come and go while lines are written: who stays has all of them, whether it was there
 * first or last; who comes has those from then on; and a restart in between changes nothing. */
static void test_change(bool restarts)
{
        _cleanup_close_ int fd = -1;
        const Feed *feeds[2];
        const Shipped *s;
        size_t at[2] = {};
        Container *c;
        Fixture f;

        fixture_init(&f);
        c = fixture_create(&f, "web", "");
        fd = fixture_open(&f, "web", "init-stdout");
        assert(put_lines(&f, fd, 1, 1000) == 1000);
        put(fd, "line 0");
        (void) pump(&f);

        add_driver(&f, c, "journald");
        if (restarts) {
                for (size_t i = 0; i < f.n_shipped; i++)
                        f.shipped[i].feed = NULL;
                fixture_restart(&f);
                assert(fixture_restore(&f, "web", &c) == 0);
        }
        feeds[0] = get_feed(c, 0);
        feeds[1] = get_feed(c, 1);
        put(fd, "01001\n");
        assert(put_lines(&f, fd, 1002, 3000) == 3000);
        expect_lines(&f, feeds[0], &at[0], restarts ? 1001 : 1, 3000);
        for (unsigned i = 1; i <= 2000; i++) {
                s = next_of(&f, feeds[1], &at[1]);
                assert(s && s->entry.ordinal == i && s->entry.text.size == 11);
        }
        assert(!next_of(&f, feeds[1], &at[1]));

        /* The first one goes, and takes what it can; the other one stays, also after a restart. */
        put(fd, "last\n");
        remove_driver(c, "none");
        assert(c->n_feeds == 1 && get_feed(c, 0) == feeds[1]);
        s = next_of(&f, feeds[0], &at[0]);
        if (s->entry.kind == ENTRY_LINE)
                s = next_of(&f, feeds[0], &at[0]);
        assert(s && s->entry.kind == ENTRY_END);
        if (restarts) {
                fixture_restart(&f);
                assert(fixture_restore(&f, "web", &c) == 0);
                feeds[1] = get_feed(c, 0);
                at[1] = f.n_shipped;
        }
        assert(strcmp(get_feed(c, 0)->name, "journald") == 0);
        put(fd, "more\n");
        (void) pump(&f);
        for (unsigned i = 2001; i <= 2002; i++) {
                s = next_of(&f, feeds[1], &at[1]);
                assert(s && s->entry.ordinal == i && s->entry.text.size == 4);
        }
        /* It comes back, with a page and ordinals of its own. */
        add_driver(&f, c, "none");
        put(fd, "again\n");
        (void) pump(&f);
        assert(get_feed(c, 1)->counts.lines == 1 && get_feed(c, 0)->counts.lines == 2003);
        container_remove(c, NULL);
        (void) pump(&f);
        assert(f.daemon->n_containers == 0);
        fixture_done(&f);
        printf("ok: change%s\n", restarts ? ", with restarts" : "");
}

/* A driver that is stuck, and that the container waits for, goes: the others go on, also where they
 * have only seen a part of a line. */
static void test_remove_stuck(void)
{
        _cleanup_close_ int fd = -1;
        char chunk[1000];
        Container *c;
        uint64_t lines;
        Fixture f;

        fixture_init(&f);
        f.more_room = 0;
        c = create(&f, "");
        fd = fixture_open(&f, "web", "init-stdout");
        memset(chunk, 'x', sizeof(chunk));
        for (unsigned i = 0;; i++) {
                chunk[0] = i % 3 == 0 ? '\n' : 'x';
                if (write(fd, chunk, sizeof(chunk)) < 0)
                        break;
                (void) pump(&f);
        }
        assert(errno == EAGAIN && feed_is_waiting(get_feed(c, 1)));
        pump_for(&f, 50000);
        assert(fixture_stream(c, ENTRY_STDOUT)->phase == STREAM_HELD);
        lines = get_feed(c, 0)->counts.lines;

        remove_driver(c, "journald");
        (void) pump(&f);
        memset(chunk, 'y', sizeof(chunk));
        put_bytes(fd, chunk, sizeof(chunk));
        put(fd, "\n");
        (void) pump(&f);
        assert(get_feed(c, 0)->counts.lines == lines + 1);
        fixture_done(&f);
        puts("ok: remove stuck");
}

/* The one that the container waits for goes, and the container fills the FIFO again before the
 * daemon has looked at it: the other driver hears of that. */
static void test_refill(void)
{
        _cleanup_close_ int fd = -1;
        size_t at[2] = {};
        Container *c;
        Fixture f;
        unsigned n;

        fixture_init(&f);
        f.more_room = 0;
        c = create(&f, "");
        fd = fixture_open(&f, "web", "init-stdout");
        n = put_lines(&f, fd, 1, 100000);
        expect_lines(&f, get_feed(c, 0), &at[0], 1, n);
        refill.fd = fd;
        refill.first = n + 1;
        remove_driver(c, "journald");
        (void) pump(&f);
        assert(refill.n_put > 100);
        expect_lines(&f, get_feed(c, 0), &at[0], n + 1, n + refill.n_put);
        fixture_done(&f);
        puts("ok: refill");
}

/* The same where the FIFO holds more than is looked at in one go, and the other driver had that. */
static void test_large(void)
{
        _cleanup_close_ int fd = -1;
        size_t at[2] = {};
        Container *c;
        Fixture f;
        unsigned n;

        fixture_init(&f);
        f.more_room = 0;
        c = create(&f, "");
        fd = fixture_open(&f, "web", "init-stdout");
        assert(fcntl(fd, F_SETPIPE_SZ, 1024 * 1024) > 0);
        n = put_lines(&f, fd, 1, 100000);
        assert(n * LINE_BYTES > 10 * PEEK_MAX_BYTES);
        assert(get_feed(c, 0)->counts.bytes < 3 * PEEK_MAX_BYTES);
        remove_driver(c, "journald");
        for (unsigned i = 0; get_feed(c, 0)->counts.lines < n && i < 1000; i++)
                pump_for(&f, 10000);
        expect_lines(&f, get_feed(c, 0), &at[0], 1, n);
        fixture_done(&f);
        puts("ok: large");
}

int main(void)
{
        log_set_max_level(LOG_EMERG);
        (void) signal(SIGPIPE, SIG_IGN);
        test_both();
        test_stuck(true);
        test_stuck(false);
        test_bytes();
        test_remove();
        test_exec();
        test_restart(true);
        test_restart(false);
        test_thief();
        test_change(false);
        test_change(true);
        test_remove_stuck();
        test_refill();
        test_large();
        return 0;
}
