/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The streams of several drivers: when they end, begin, and are not known yet. */

#include "../split-fixture.h"

#include "base/log.h"

/* A container with two drivers, one of which has no room, and a logged exec: its stdout. */
static int begin_exec(Fixture *f, size_t *room, Container **ret, Fifos **ret_exec)
{
        Refusal refusal = {};

        fixture_init(f);
        *room = 0;
        *ret = create(f, "");
        assert(container_exec(*ret, "sh", false, true, ret_exec, &refusal) == 0);
        return fixture_open(f, "web", "sh-stdout");
}

/* An exec ends while one driver is behind: who has had all of it gets the end of it, too. */
static void test_exec_behind(void)
{
        size_t at = 0;
        const Shipped *s, *last = NULL;
        Container *c;
        Fixture f;
        Fifos *exec;
        int fd;

        fd = begin_exec(&f, &f.more_room, &c, &exec);
        (void) close(fixture_open(&f, "web", "sh-stderr"));
        assert(put_lines(&f, fd, 1, 7000) == 7000);
        put(fd, "end");
        (void) pump(&f);
        (void) close(fd);
        pump_for(&f, 10000);
        assert(c->n_execs == 1);
        /* What is left of the FIFO fits its pipe, and it is stuck again. */
        fixture_set_room(&f, &f.more_room, 5000);
        pump_for(&f, 100000);
        while ((s = next_of(&f, get_feed(c, 0), &at)))
                last = s;
        assert(last->entry.ordinal == 7001 && last->entry.text.size == 3);
        fixture_set_room(&f, &f.more_room, SIZE_MAX);
        pump_for(&f, 100000);
        assert(c->n_execs == 0);
        fixture_done(&f);
        puts("ok: exec, one driver behind");
}

/* The last streams of an exec end while the driver that they are for is removed. */
static void test_remove_ending(void)
{
        Container *c;
        Fixture f;
        Fifos *exec;
        int fd;

        fd = begin_exec(&f, &f.more_room, &c, &exec);
        (void) close(fixture_open(&f, "web", "sh-stderr"));
        put(fd, "one\n");
        (void) close(fd);
        pump_for(&f, 10000);
        assert(c->n_execs == 1);
        fixture_set_room(&f, &f.more_room, SIZE_MAX);
        remove_driver(c, "journald");
        assert(c->n_execs == 0 && c->n_feeds == 1);
        fixture_done(&f);
        puts("ok: remove, an exec ends");
}

/* An exec that is being removed, but for a driver that is stuck, is nothing for a new one: else it
 * would last as long as its writers. */
static void test_add_ending(void)
{
        _cleanup_close_ int fd = -1;
        Container *c;
        Fixture f;
        Fifos *exec;

        fd = begin_exec(&f, &f.room, &c, &exec);
        put(fd, "one\n");
        (void) pump(&f);
        container_remove_exec(c, exec, NULL);
        assert(c->n_execs == 1);
        add_driver(&f, c, "json-file");
        fixture_set_room(&f, &f.room, SIZE_MAX);
        pump_for(&f, 10000);
        assert(c->n_execs == 0);
        fixture_done(&f);
        puts("ok: add, an exec ends");
}

/* Before a split has looked at its pipes again, too, nobody is said to have lost what there is not,
 * and Remove knows what came before it. */
static void test_not_synced(void)
{
        _cleanup_close_ int fd = -1;
        const Shipped *s;
        Feed *first, *second;
        size_t at = 0;
        Container *c;
        Fixture f;
        Fifos *init;

        fixture_init(&f);
        c = create(&f, "");
        fd = fixture_open(&f, "web", "init-stdout");
        assert(put_lines(&f, fd, 1, 1) == 1);
        first = get_feed(c, 0);
        second = get_feed(c, 1);
        add_driver(&f, c, "json-file");
        remove_driver(c, "none");
        expect_lines(&f, first, &at, 1, 1);
        s = next_of(&f, first, &at);
        assert(s && s->entry.kind == ENTRY_END && s->entry.counts.dropped == 0);

        /* The service manager takes no fds now. */
        init = TAILQ_FIRST(&c->fifos);
        (void) pump(&f);
        init->is_waiting = true;
        TAILQ_INSERT_TAIL(&f.daemon->store.waiting, init, waiting);
        add_driver(&f, c, "none");
        put(fd, "line 000002\n");
        (void) pump(&f);
        container_remove(c, NULL);
        put(fd, "late\n");
        (void) pump(&f);
        assert(f.daemon->n_containers == 1);
        TAILQ_REMOVE(&f.daemon->store.waiting, init, waiting);
        init->is_waiting = false;
        fifos_on_kept(init);
        (void) pump(&f);
        assert(f.daemon->n_containers == 0);
        at = 0;
        expect_lines(&f, second, &at, 1, 2);
        s = next_of(&f, second, &at);
        assert(s && s->entry.kind == ENTRY_END);
        fixture_done(&f);
        puts("ok: not synced");
}

/* Killed before the service manager has the pipes of a new driver: those that were there before go
 * on where they were, who was ahead too. */
static void test_add_killed(void)
{
        static const char *const fresh[] = { "init-stdout.json-file", "init-stderr.json-file" };
        _cleanup_close_ int fd = -1;
        size_t at[2] = {};
        Container *c;
        Store *store;
        Fixture f;
        unsigned n;

        fixture_init(&f);
        f.more_room = 0;
        c = create(&f, "");
        fd = fixture_open(&f, "web", "init-stdout");
        n = put_lines(&f, fd, 1, 7000);
        assert(n == 7000);
        add_driver(&f, c, "json-file");
        fixture_restart(&f);
        store = &f.daemon->store;
        for (size_t i = 0; i < ARRAY_SIZE(fresh); i++) {
                char path[64];
                struct stat st;
                size_t k = 0;

                (void) snprintf(path, sizeof(path), "containers/web/%s", fresh[i]);
                assert(fstatat(f.temporary.fd, path, &st, 0) == 0);
                while (k < store->n_fds && store->fds[k].ino != st.st_ino)
                        k++;
                assert(k < store->n_fds);
                (void) close(store->fds[k].fd);
                memmove(&store->fds[k], &store->fds[k + 1],
                        (--store->n_fds - k) * sizeof(*store->fds));
        }
        for (size_t i = 0; i < f.n_shipped; i++)
                f.shipped[i].feed = NULL;
        assert(file_sinks_new(&f.daemon->host.files, f.daemon->event, f.temporary.path) == 0);
        assert(fixture_restore(&f, "web", &c) == 0);
        (void) pump(&f);
        fixture_set_room(&f, &f.more_room, SIZE_MAX);
        (void) pump(&f);
        assert(put_lines(&f, fd, n + 1, 8000) == 8000);
        expect_lines(&f, get_feed(c, 0), &at[0], n + 1, 8000);
        expect_lines(&f, get_feed(c, 1), &at[1], 1, 8000);
        fixture_done(&f);
        puts("ok: add, killed before it is kept");
}

int main(void)
{
        log_set_max_level(LOG_EMERG);
        (void) signal(SIGPIPE, SIG_IGN);
        test_exec_behind();
        test_remove_ending();
        test_add_ending();
        test_not_synced();
        test_add_killed();
        return 0;
}
