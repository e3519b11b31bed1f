/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * System calls that fail once, where only the daemon as a whole shows what that does: no line is
 * lost, none gets to another container, and what was given up is tried again.
 */

#undef _FORTIFY_SOURCE /* the wrappers of which we are in front of */

#include "../split-fixture.h"

#include <poll.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "base/log.h"

/* The call that will fail, after so many others of that name. */
static struct {
        const char *call;
        unsigned n_before;
        int error;
} trouble;

static void plan_trouble(const char *call, unsigned n_before, int error)
{
        trouble.call = call;
        trouble.n_before = n_before;
        trouble.error = error;
}

static bool is_trouble(const char *call)
{
        if (!trouble.call || strcmp(trouble.call, call) != 0 || trouble.n_before-- > 0)
                return false;
        trouble.call = NULL;
        errno = trouble.error;
        return true;
}

/* In front of the C library's. */
ssize_t read(int fd, void *buffer, size_t size)
{
        return is_trouble("read") ? -1 : syscall(SYS_read, fd, buffer, size);
}

ssize_t tee(int in, int out, size_t size, unsigned flags)
{
        return is_trouble("tee") ? -1 : syscall(SYS_tee, in, out, size, flags);
}

ssize_t splice(int in, loff_t *in_offset, int out, loff_t *out_offset, size_t size, unsigned flags)
{
        return is_trouble("splice")
                       ? -1
                       : syscall(SYS_splice, in, in_offset, out, out_offset, size, flags);
}

int ioctl(int fd, unsigned long request, ...)
{
        va_list ap;
        void *argument;

        va_start(ap, request);
        argument = va_arg(ap, void *);
        va_end(ap);
        return is_trouble("ioctl") ? -1 : (int) syscall(SYS_ioctl, fd, request, argument);
}

int poll(struct pollfd *fds, nfds_t n, int timeout)
{
        return is_trouble("poll") ? -1 : (int) syscall(SYS_poll, fds, n, timeout);
}

int unlinkat(int dir_fd, const char *name, int flags)
{
        return is_trouble("unlinkat") ? -1 : (int) syscall(SYS_unlinkat, dir_fd, name, flags);
}

/* Bytes that were copied for a turn and not read are not taken for those of the next one. */
static void test_peek(void)
{
        Container *c;
        Fixture f;
        int web, db;

        fixture_init(&f);
        c = fixture_create(&f, "web", "");
        (void) fixture_create(&f, "db", "");
        web = fixture_open(&f, "web", "init-stdout");
        db = fixture_open(&f, "db", "init-stdout");
        (void) pump(&f);

        put(web, "secret\n");
        plan_trouble("read", 0, ENOMEM);
        (void) pump(&f);
        assert(!trouble.call);
        put(db, "public\n");
        (void) pump(&f);
        expect_line(&f, "public");
        expect_nothing(&f);
        pump_for(&f, 1200000);
        expect_line(&f, "secret");
        expect_nothing(&f);
        assert(fixture_feed(c)->counts.lines == 1 && fixture_feed(c)->counts.dropped == 0);
        close(web);
        close(db);
        fixture_done(&f);
        puts("ok: a peek that fails in its middle");
}

/* A FIFO that says it is empty, and is not. */
static void test_empty(void)
{
        static const char *const calls[] = { "tee", "splice" };
        Container *c;
        Fixture f;
        int fd;

        fixture_init(&f);
        c = fixture_create(&f, "web", "");
        fd = fixture_open(&f, "web", "init-stdout");
        (void) pump(&f);
        for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
                put(fd, "one\n");
                plan_trouble(calls[i], 0, EAGAIN);
                pump_for(&f, 1200000);
                assert(!trouble.call);
                expect_line(&f, "one");
                expect_nothing(&f);
                assert(fixture_feed(c)->counts.lines == i + 1 &&
                       fixture_feed(c)->counts.dropped == 0);
        }
        close(fd);
        fixture_done(&f);
        puts("ok: a FIFO that says it is empty");
}

/* Nobody can tell how much is left to drain: all of it is. */
static void test_drain(void)
{
        const Entry *e;
        Fixture f;
        int fd;

        fixture_init(&f);
        container_remove(fixture_create(&f, "tty", ", \"terminal\": true"), NULL);
        (void) pump(&f);
        f.n_seen = f.n_shipped;

        fixture_create(&f, "web", ", \"terminal\": true");
        fd = fixture_open(&f, "web", "init-stdout");
        put(fd, "one\nunfinished");
        plan_trouble("ioctl", 0, EIO);
        container_remove(TAILQ_FIRST(&f.daemon->containers), NULL);
        assert(!trouble.call);
        (void) pump(&f);
        expect_line(&f, "one");
        expect_line(&f, "unfinished");
        e = fixture_next(&f);
        assert(e && e->kind == ENTRY_END && e->counts.lines == 2 && e->counts.dropped == 0);
        assert(f.daemon->n_containers == 0);
        close(fd);
        fixture_done(&f);
        puts("ok: draining");
}

/* Whatever cannot be deleted, the container is there until it is; its end is told once. */
static void test_remove(void)
{
        bool is_failing = true;
        Fixture f;

        fixture_init(&f);
        for (unsigned n = 0; is_failing; n++) {
                Refusal refusal = {};
                Container *c, *other;
                json_t *request = json_pack("{ss ss}", "id", "web", "driver", "none");

                c = fixture_create(&f, "web", "");
                plan_trouble("unlinkat", n, ENOMEM);
                container_remove(c, NULL);
                (void) pump(&f);
                is_failing = !trouble.call;
                assert(temporary_has(&f.temporary, "containers/web") == is_failing);
                assert(f.daemon->n_containers == is_failing);
                if (is_failing) {
                        assert(daemon_create_container(f.daemon, request, NULL, &other, &refusal) <
                               0);
                        assert(strcmp(refusal.error, "io.conlogd.ContainerExists") == 0);
                        refusal_done(&refusal);
                        container_retry(c);
                        assert(!temporary_has(&f.temporary, "containers/web"));
                }
                json_decref(request);
                assert(f.daemon->n_containers == 0 && f.n_shipped == n + 1);
                trouble.call = NULL;
        }
        assert(f.n_shipped > 4);
        fixture_done(&f);
        puts("ok: removal");
}

/* What is left of a container that could not be made does not keep its id. */
static void test_rest(void)
{
        Fixture f;

        fixture_init(&f);
        assert(mkdirat(f.daemon->containers_fd, "web", 0700) == 0);
        temporary_write(&f.temporary, "containers/web/state", "");
        (void) fixture_create(&f, "web", "");
        assert(temporary_has(&f.temporary, "containers/web/config"));
        fixture_done(&f);
        puts("ok: the rest of a container");
}

/* A container that cannot be restored now is restored later, with the fds of the store. */
static void test_restore(void)
{
        struct rlimit old, limit;
        unsigned n_failed = 0, n_fds;
        Refusal refusal = {};
        Container *c;
        Fifos *exec;
        Fixture f;
        int fd, r;

        fixture_init(&f);
        c = fixture_create(&f, "web", "");
        assert(container_exec(c, "dump", false, true, &exec, &refusal) == 0);
        fd = fixture_open(&f, "web", "dump-stdout");
        put(fd, "of an exec\n");
        close(fd);
        fixture_restart(&f);
        n_fds = temporary_count_fds();

        assert(getrlimit(RLIMIT_NOFILE, &old) == 0);
        limit = (struct rlimit){ .rlim_max = old.rlim_max };
        do {
                limit.rlim_cur++;
                assert(setrlimit(RLIMIT_NOFILE, &limit) == 0);
                r = fixture_restore(&f, "web", &c);
                assert(setrlimit(RLIMIT_NOFILE, &old) == 0);
                assert(r == 0 || r == -EMFILE);
                if (r < 0) {
                        n_failed++;
                        assert(temporary_count_fds() == n_fds);
                        for (size_t i = 0; i < f.daemon->store.n_fds; i++)
                                assert(f.daemon->store.fds[i].fd >= 0);
                }
        } while (r < 0);
        assert(n_failed > 1);
        (void) pump(&f);
        expect_line(&f, "of an exec");
        expect_nothing(&f);
        fixture_done(&f);
        puts("ok: restoring");
}

/* How much there is cannot be told now. */
static void test_unknown(void)
{
        _cleanup_close_ int fd = -1;
        size_t at[2] = {};
        Container *c;
        Fixture f;

        fixture_init(&f);
        c = create(&f, "");
        fd = fixture_open(&f, "web", "init-stdout");
        (void) pump(&f);
        put(fd, "line 000001\n");
        plan_trouble("ioctl", 0, EIO);
        (void) pump(&f);
        assert(!trouble.call);
        for (unsigned i = 0; i < 2; i++)
                expect_lines(&f, get_feed(c, i), &at[i], 1, 1);
        fixture_done(&f);
        puts("ok: unknown");
}

/* An exec has ended, and whether it has cannot be told now. */
static void test_end(bool is_split, const char *rest)
{
        _cleanup_(refusal_done) Refusal refusal = {};
        Container *c;
        Fixture f;
        Fifos *exec;
        int fd;

        fixture_init(&f);
        c = is_split ? create(&f, "") : fixture_create(&f, "web", "");
        assert(container_exec(c, "sh", false, true, &exec, &refusal) == 0);
        close(fixture_open(&f, "web", "sh-stderr"));
        fd = fixture_open(&f, "web", "sh-stdout");
        (void) pump(&f);
        put(fd, rest);
        close(fd);
        plan_trouble("poll", 0, ENOMEM);
        for (unsigned i = 0; c->n_execs > 0 && i < 100; i++)
                pump_for(&f, 25000);
        assert(!trouble.call);
        assert(c->n_execs == 0);
        fixture_done(&f);
        printf("ok: end%s%s\n", is_split ? ", split" : "", *rest ? ", rest" : "");
}

int main(void)
{
        log_set_max_level(LOG_EMERG);
        test_peek();
        test_empty();
        test_drain();
        test_remove();
        test_rest();
        test_restore();
        test_unknown();
        test_end(false, "");
        test_end(false, "rest");
        test_end(true, "");
        test_end(true, "rest");
        return 0;
}
