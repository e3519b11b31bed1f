/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What writes do not tell the streams of a container with two drivers, one of which is busy: the
 * other one has what came all the same, and a stream that is to end does. */

#include "../split-fixture.h"

#include <sys/syscall.h>

#include "../child.h"
#include "base/log.h"

static int stealing_fd; /* reads what is there before the next copy is made of it; 0: none */

/* In front of the C library's. */
ssize_t tee(int in, int out, size_t n, unsigned flags)
{
        char bytes[4096];

        if (stealing_fd > 0) {
                assert(read(stealing_fd, bytes, sizeof(bytes)) > 0);
                stealing_fd = 0;
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
        size_t fill;

        assert(fifo_get_fill(fd, &fill) == 0);
        return fill;
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
        stealing_fd = thief_fd;
        (void) pump(&f);
        assert(stealing_fd == 0 && f.n_shipped == 1);
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

int main(void)
{
        log_set_max_level(LOG_EMERG);
        test_middle(false);
        test_middle(true);
        test_thief();
        test_exec("");
        test_exec("rest");
        return 0;
}
