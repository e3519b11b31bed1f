/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * System calls that fail once, where only the daemon as a whole shows what that does: no line is
 * lost, none gets to another container, and what was given up is tried again.
 */

#undef _FORTIFY_SOURCE /* the wrappers of which we are in front of */

#include "../daemon-fixture.h"

#include <stdarg.h>
#include <sys/ioctl.h>
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
        assert(c->counts.lines == 1 && c->counts.dropped == 0);
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
                assert(c->counts.lines == i + 1 && c->counts.dropped == 0);
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

int main(void)
{
        log_set_max_level(LOG_EMERG);
        test_peek();
        test_empty();
        test_drain();
        return 0;
}
