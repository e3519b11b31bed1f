/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Wake-ups that a system call which fails, or what happens between two of them, may take away, with
 * two drivers most of all: what is in the FIFO is logged, and a stream that is to end does. */

#undef _FORTIFY_SOURCE /* the wrappers of which we are in front of */

#include "../split-fixture.h"

#include <poll.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "../child.h"
#include "base/log.h"

#define LINE_BYTES 12U /* of those that put_lines() writes */

/* In front of the C library's: what fails, or comes in between. */
static struct {
        int fill_fails; /* so many times */
        int poll_fails;
        int thief_fd; /* reads what is there before the next copy is made of it; 0: none */
} trouble;

int ioctl(int fd, unsigned long request, ...)
{
        va_list ap;
        void *p;

        va_start(ap, request);
        p = va_arg(ap, void *);
        va_end(ap);
        if (request == FIONREAD && trouble.fill_fails > 0) {
                trouble.fill_fails--;
                errno = EIO;
                return -1;
        }
        return (int) syscall(SYS_ioctl, fd, request, p);
}

int poll(struct pollfd *fds, nfds_t n, int timeout)
{
        if (trouble.poll_fails > 0) {
                trouble.poll_fails--;
                errno = ENOMEM;
                return -1;
        }
        return (int) syscall(SYS_poll, fds, n, timeout);
}

ssize_t tee(int in, int out, size_t n, unsigned flags)
{
        char bytes[4096];

        if (trouble.thief_fd > 0) {
                assert(read(trouble.thief_fd, bytes, sizeof(bytes)) > 0);
                trouble.thief_fd = 0;
        }
        return syscall(SYS_tee, in, out, n, flags);
}

/* How many entries this driver took since. */
static unsigned count_lines(Fixture *f, const Feed *feed, size_t *at)
{
        unsigned n = 0;

        while (next_of(f, feed, at))
                n++;
        return n;
}

static size_t get_fill(int fd)
{
        int n;

        assert(ioctl(fd, FIONREAD, &n) == 0);
        return (size_t) n;
}

/* The container writes more at once than there is room for, behind bytes that wait for the driver
 * that is busy: that wakes nobody. The other one has what came all the same. */
static void test_middle(bool is_partial)
{
        static char text[3 * PEEK_MAX_BYTES];
        _cleanup_close_ int fd = -1;
        size_t at = 0, fill;
        unsigned n, n_more, n_read = 0;
        Container *c;
        Fixture f;
        pid_t pid;

        fixture_init(&f);
        f.more_room = 0;
        c = create(&f, "");
        fd = fixture_open(&f, "web", "init-stdout");
        n = (PEEK_MAX_BYTES + 20000) / LINE_BYTES;
        assert(put_lines(&f, fd, 1, n) == n);
        assert(count_lines(&f, get_feed(c, 0), &at) == n);
        if (is_partial) {
                put(fd, "partial ");
                (void) pump(&f);
        }
        fill = get_fill(fd);
        assert(fill > 10000 && fill < 30000);

        for (size_t i = 0; i < sizeof(text); i++)
                text[i] = i % LINE_BYTES == LINE_BYTES - 1 ? '\n' : 'x';
        pid = child_fork();
        if (pid == 0) {
                assert(fcntl(fd, F_SETFL, 0) == 0);
                _exit(write(fd, text, sizeof(text)) < 0);
        }
        while (get_fill(fd) < PEEK_MAX_BYTES - 2 * PIPE_SLOT_BYTES)
                (void) usleep(1000);
        (void) usleep(10000);
        n_more = (unsigned) ((get_fill(fd) - fill) / LINE_BYTES);
        assert(n_more > 1000);

        for (unsigned i = 0; n_read < n_more && i < 100; i++) {
                pump_for(&f, 25000);
                n_read += count_lines(&f, get_feed(c, 0), &at);
        }
        assert(n_read >= n_more);
        (void) child_kill(pid);
        fixture_done(&f);
        printf("ok: middle%s\n", is_partial ? ", partial" : "");
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
        trouble.fill_fails = 1;
        (void) pump(&f);
        assert(trouble.fill_fails == 0);
        for (unsigned i = 0; i < 2; i++)
                expect_lines(&f, get_feed(c, i), &at[i], 1, 1);
        fixture_done(&f);
        puts("ok: unknown");
}

/* Somebody else has read what was there, and as much comes again. */
static void test_thief(void)
{
        _cleanup_close_ int fd = -1, thief_fd = -1;
        size_t at = 0;
        Container *c;
        Fixture f;

        fixture_init(&f);
        f.more_room = 0;
        c = create(&f, "");
        fd = fixture_open(&f, "web", "init-stdout");
        thief_fd = openat(f.temporary.fd, "containers/web/init-stdout", O_RDONLY | O_NONBLOCK);
        assert(thief_fd >= 0);
        assert(put_lines(&f, fd, 1, 1) == 1);
        put(fd, "line 000000\n");
        trouble.thief_fd = thief_fd;
        (void) pump(&f);
        assert(trouble.thief_fd == 0 && f.n_shipped == 1);
        put(fd, "line 000002\n");
        (void) pump(&f);
        expect_lines(&f, get_feed(c, 0), &at, 1, 2);
        fixture_done(&f);
        puts("ok: thief");
}

/* An exec that has ended, while a driver was busy: its streams end when that has what it wrote. */
static void test_exec(const char *rest)
{
        _cleanup_(refusal_done) Refusal refusal = {};
        Container *c;
        Fixture f;
        Fifos *exec;
        int fd;

        fixture_init(&f);
        f.more_room = 0;
        c = create(&f, "");
        assert(container_exec(c, "sh", false, true, &exec, &refusal) == 0);
        close(fixture_open(&f, "web", "sh-stderr"));
        fd = fixture_open(&f, "web", "sh-stdout");
        (void) put_lines(&f, fd, 1, (PEEK_MAX_BYTES + 20000) / LINE_BYTES);
        assert(get_fill(fd) > 0);
        put(fd, rest);
        close(fd);
        (void) pump(&f);
        assert(c->n_execs == 1);
        fixture_set_room(&f, &f.more_room, SIZE_MAX);
        for (unsigned i = 0; c->n_execs > 0 && i < 100; i++)
                pump_for(&f, 25000);
        assert(c->n_execs == 0);
        fixture_done(&f);
        printf("ok: exec%s\n", *rest ? ", rest" : "");
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
        trouble.poll_fails = 1;
        for (unsigned i = 0; c->n_execs > 0 && i < 100; i++)
                pump_for(&f, 25000);
        assert(trouble.poll_fails == 0);
        assert(c->n_execs == 0);
        fixture_done(&f);
        printf("ok: end%s%s\n", is_split ? ", split" : "", *rest ? ", rest" : "");
}

int main(void)
{
        log_set_max_level(LOG_EMERG);
        test_unknown();
        test_middle(false);
        test_middle(true);
        test_thief();
        test_exec("");
        test_exec("rest");
        test_end(false, "");
        test_end(false, "rest");
        test_end(true, "");
        test_end(true, "rest");
        return 0;
}
