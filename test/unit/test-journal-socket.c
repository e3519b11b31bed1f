/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The connection to a journald that is slow, goes away and comes back: every datagram arrives once
 * and in order. */

#undef NDEBUG

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "../journal-receiver.h"
#include "../slow.h"
#include "../temporary.h"
#include "base/limits.h"
#include "io/journal-socket.h"

#define BATCH_MAX 64U

/* What was told of outages. */
typedef struct Told {
        unsigned n_begun, n_over;
        int error;
        uint64_t since_usec;
} Told;

typedef struct Fixture {
        Temporary temporary;
        char path[128];
        Receiver receiver;
        sd_event *event;
        JournalSockets sockets;
        JournalSocket *socket;
        JournalWaiter waiter;
        unsigned n_ready;
        unsigned n_sent; /* numbers that were taken, 0, 1, 2 … */
        unsigned n_seen; /* numbers that arrived */
        Told told;
} Fixture;

static void fixture_on_ready(JournalWaiter *waiter)
{
        container_of(waiter, Fixture, waiter)->n_ready++;
}

static void fixture_on_outage(const JournalOutage *outage, bool is_over, void *userdata)
{
        Fixture *f = userdata;

        assert(strcmp(outage->name, "journald") == 0 && outage->since_usec > 0);
        assert(TAILQ_EMPTY(&f->sockets.outages) == is_over);
        if (is_over)
                f->told.n_over++;
        else
                f->told.n_begun++;
        f->told.error = outage->error;
        f->told.since_usec = outage->since_usec;
}

static void fixture_init(Fixture *f, bool has_receiver)
{
        *f = (Fixture){ .receiver.fd = -1, .waiter.on_ready = fixture_on_ready };
        temporary_init(&f->temporary);
        (void) snprintf(f->path, sizeof(f->path), "%.80s/socket", f->temporary.path);
        if (has_receiver)
                receiver_open(&f->receiver, f->path);
        assert(sd_event_new(&f->event) >= 0);
        journal_sockets_init(&f->sockets);
        f->sockets.on_outage = fixture_on_outage;
        f->sockets.userdata = f;
        assert(journal_sockets_get(&f->sockets, f->event, f->path, "journald", &f->socket) == 0);
        assert(journal_socket_is_busy(f->socket) == !has_receiver);
}

static void fixture_done(Fixture *f)
{
        journal_socket_cancel(f->socket, &f->waiter);
        journal_sockets_done(&f->sockets);
        sd_event_unref(f->event);
        base_close(f->receiver.fd);
        temporary_done(&f->temporary);
}

/* The text of message number n: its size varies, and every hundredth is above the send buffer. */
static size_t make_text(char *text, unsigned n, bool has_large)
{
        size_t size = (size_t) sprintf(text, "%u\n", n);
        size_t more = has_large && n % 100 == 99 ? 300 * 1024 : n * 37 % 500;

        memset(text + size, 'a' + (int) (n % 26), more);
        return size + more;
}

/* Sends the next n messages, each in three pieces. Returns how many were taken. */
static unsigned send_next(Fixture *f, unsigned n, bool has_large)
{
        static char texts[BATCH_MAX][301 * 1024];
        struct mmsghdr messages[BATCH_MAX];
        struct iovec iovs[BATCH_MAX][3];
        unsigned k;

        assert(n <= BATCH_MAX);
        for (unsigned i = 0; i < n; i++) {
                size_t size = make_text(texts[i], f->n_sent + i, has_large);

                iovs[i][0] = (struct iovec){ texts[i], 1 };
                iovs[i][1] = (struct iovec){ texts[i] + 1, size / 2 };
                iovs[i][2] = (struct iovec){ texts[i] + 1 + size / 2, size - 1 - size / 2 };
                messages[i] =
                        (struct mmsghdr){ .msg_hdr.msg_iov = iovs[i], .msg_hdr.msg_iovlen = 3 };
        }
        k = journal_socket_send(f->socket, messages, n);
        assert(k <= n && (k < n) == journal_socket_is_busy(f->socket));
        f->n_sent += k;
        return k;
}

/* The next datagram is message number n_seen. */
static bool see_next(Fixture *f, bool has_large)
{
        static char expected[301 * 1024];
        Span entry;

        if (!receiver_next(&f->receiver, &entry))
                return false;
        assert(span_equal(entry, (Span){ expected, make_text(expected, f->n_seen, has_large) }));
        assert(f->receiver.was_memfd == (entry.size > 2 * JOURNAL_SEND_BUFFER_BYTES));
        f->n_seen++;
        return true;
}

static void see_all(Fixture *f)
{
        while (see_next(f, false))
                ;
}

/* Runs the loop until the waiter was told, within about a second. */
static void wait_ready(Fixture *f)
{
        for (unsigned i = 0; f->n_ready == 0; i++) {
                assert(i < 20);
                assert(sd_event_run(f->event, 50000) >= 0);
        }
        assert(f->n_ready == 1 && !f->waiter.is_waiting);
        assert(!journal_socket_is_busy(f->socket));
        f->n_ready = 0;
}

static void test_send(void)
{
        Fixture *f = malloc(sizeof(*f));

        fixture_init(f, true);
        assert(send_next(f, 1, false) == 1);
        assert(send_next(f, 5, false) == 5);
        see_all(f);
        assert(f->n_seen == 6 && send_next(f, 0, false) == 0);
        assert(sd_event_run(f->event, 0) == 0);
        fixture_done(f);
        free(f);
        puts("ok: send");
}

static void test_full(void)
{
        Fixture *f = malloc(sizeof(*f));

        fixture_init(f, true);
        while (send_next(f, BATCH_MAX, false) == BATCH_MAX)
                ;
        assert(f->n_sent > 0);

        /* Tried once more after a moment; then nobody is told while journald does not read. */
        assert(send_next(f, BATCH_MAX, false) == 0);
        journal_socket_wait(f->socket, &f->waiter);
        journal_socket_wait(f->socket, &f->waiter);
        wait_ready(f);
        assert(send_next(f, BATCH_MAX, false) == 0);
        journal_socket_wait(f->socket, &f->waiter);
        assert(sd_event_run(f->event, 20000) == 0 && f->n_ready == 0);

        see_all(f);
        assert(f->n_seen == f->n_sent && f->n_ready == 0);
        wait_ready(f);
        assert(sd_event_run(f->event, 5000) == 0 && f->n_ready == 0);
        assert(send_next(f, 3, false) == 3);
        see_all(f);
        assert(f->n_seen == f->n_sent);
        fixture_done(f);
        free(f);
        puts("ok: full");
}

/* In front of the C library's, for libsystemd as well: it fails once when told so. */
static bool is_epoll_ctl_failing;

__attribute__((__visibility__("default"))) int epoll_ctl(int epoll_fd, int op, int fd,
                                                         struct epoll_event *event)
{
        if (is_epoll_ctl_failing && op != EPOLL_CTL_DEL) {
                is_epoll_ctl_failing = false;
                errno = ENOSPC;
                return -1;
        }
        return (int) syscall(SYS_epoll_ctl, epoll_fd, op, fd, event);
}

/* The queue is full, and the kernel will not tell us when it is not. */
static void test_full_untold(void)
{
        Fixture *f = malloc(sizeof(*f));

        fixture_init(f, true);
        while (send_next(f, BATCH_MAX, false) == BATCH_MAX)
                ;
        journal_socket_wait(f->socket, &f->waiter);
        wait_ready(f);
        is_epoll_ctl_failing = true;
        assert(send_next(f, BATCH_MAX, false) == 0 && !is_epoll_ctl_failing);
        journal_socket_wait(f->socket, &f->waiter);
        see_all(f);
        wait_ready(f);
        assert(send_next(f, 3, false) == 3);
        see_all(f);
        assert(f->n_seen == f->n_sent);
        fixture_done(f);
        free(f);
        puts("ok: full, and untold");
}

/* Who asks first is told first. */
static void test_waiters(void)
{
        Fixture *f = malloc(sizeof(*f));
        Fixture *others = calloc(3, sizeof(*others)); /* too large for the stack */

        fixture_init(f, true);
        while (send_next(f, BATCH_MAX, false) == BATCH_MAX)
                ;
        for (size_t i = 0; i < 3; i++) {
                others[i].waiter.on_ready = fixture_on_ready;
                journal_socket_wait(f->socket, &others[i].waiter);
        }
        journal_socket_cancel(f->socket, &others[1].waiter);
        journal_socket_cancel(f->socket, &others[1].waiter);
        journal_socket_wait(f->socket, &f->waiter);
        see_all(f);
        wait_ready(f);
        assert(others[0].n_ready == 1 && others[1].n_ready == 0 && others[2].n_ready == 1);
        fixture_done(f);
        free(others);
        free(f);
        puts("ok: waiters");
}

/* An entry above the send buffer keeps its place, also when there is no room for it. */
static void test_large(void)
{
        Fixture *f = malloc(sizeof(*f));
        unsigned n_fds = temporary_count_fds(), n = test_is_slow() ? 100 : 1000;

        fixture_init(f, true);
        for (unsigned i = 0; f->n_seen < n; i++) {
                if (!journal_socket_is_busy(f->socket))
                        (void) send_next(f, MIN(n - f->n_sent, 1 + i % BATCH_MAX), true);
                for (unsigned k = 0; k < 1 + i % 7; k++)
                        (void) see_next(f, true);
                assert(sd_event_run(f->event, 0) >= 0);
        }
        assert(f->n_sent == n && !see_next(f, true));
        fixture_done(f);
        free(f);
        assert(temporary_count_fds() == n_fds);
        puts("ok: large entries");
}

static void test_away(void)
{
        Fixture *f = malloc(sizeof(*f));

        /* Not there at the start. */
        fixture_init(f, false);
        assert(send_next(f, 5, false) == 0);
        journal_socket_wait(f->socket, &f->waiter);
        assert(sd_event_run(f->event, 0) == 0 && f->n_ready == 0);
        receiver_open(&f->receiver, f->path);
        wait_ready(f);
        assert(send_next(f, 5, false) == 5);
        see_all(f);

        /* Gone: at the next send. */
        receiver_close(&f->receiver, f->path);
        assert(!journal_socket_is_busy(f->socket));
        assert(send_next(f, 5, false) == 0);
        journal_socket_wait(f->socket, &f->waiter);
        receiver_open(&f->receiver, f->path);
        wait_ready(f);
        assert(send_next(f, 5, false) == 5);
        see_all(f);

        /* Gone while we wait for room. What lay in its queue went with it; the next one is served
         * all the same. */
        while (send_next(f, BATCH_MAX, false) == BATCH_MAX)
                ;
        journal_socket_wait(f->socket, &f->waiter);
        receiver_close(&f->receiver, f->path);
        wait_ready(f);
        assert(send_next(f, 5, false) == 0);
        journal_socket_wait(f->socket, &f->waiter);
        assert(sd_event_run(f->event, 300000) > 0 && f->n_ready == 0);
        receiver_open(&f->receiver, f->path);
        wait_ready(f);
        f->n_seen = f->n_sent;
        assert(send_next(f, 5, false) == 5);
        see_all(f);
        assert(f->n_seen == f->n_sent);
        fixture_done(f);
        free(f);
        puts("ok: away and back");
}

static uint64_t now_usec(Fixture *f)
{
        uint64_t now;

        assert(sd_event_now(f->event, CLOCK_MONOTONIC, &now) >= 0);
        return now;
}

/* Sends whenever it may for as long, in a flood; reads what there is every so often, 0: never. */
static void flood_for(Fixture *f, uint64_t usec, unsigned read_every)
{
        uint64_t begin = now_usec(f);

        for (unsigned i = 1; now_usec(f) < begin + usec; i++) {
                if (!journal_socket_is_busy(f->socket))
                        (void) send_next(f, BATCH_MAX, false);
                if (journal_socket_is_busy(f->socket))
                        journal_socket_wait(f->socket, &f->waiter);
                if (read_every > 0 && i % read_every == 0)
                        see_all(f);
                assert(sd_event_run(f->event, 50000) >= 0);
        }
}

/* That it takes nothing is told once, when it lasts, and once when it is over. */
static void test_outage(void)
{
        Fixture *f = malloc(sizeof(*f));
        uint64_t begun;

        /* A full queue now and then is no news. */
        fixture_init(f, true);
        flood_for(f, JOURNAL_OUTAGE_USEC * 3 / 2, 3);
        assert(f->n_seen > 50 && f->told.n_begun == 0 && TAILQ_EMPTY(&f->sockets.outages));

        /* Nobody reads. */
        see_all(f);
        begun = now_usec(f);
        flood_for(f, JOURNAL_OUTAGE_USEC / 2, 0);
        assert(f->told.n_begun == 0);
        flood_for(f, JOURNAL_OUTAGE_USEC, 0);
        assert(f->told.n_begun == 1 && f->told.n_over == 0 && f->told.error == EAGAIN);
        assert(f->told.since_usec >= begun && f->told.since_usec < begun + JOURNAL_OUTAGE_USEC / 2);
        see_all(f);
        flood_for(f, 100000, 1);
        assert(f->told.n_begun == 1 && f->told.n_over == 1);

        /* Nobody is there: the same outage, whatever the reason is in the course of it. */
        flood_for(f, JOURNAL_OUTAGE_USEC / 2, 0);
        see_all(f);
        receiver_close(&f->receiver, f->path);
        flood_for(f, JOURNAL_OUTAGE_USEC, 0);
        assert(f->told.n_begun == 2 && f->told.n_over == 1 && f->told.error == ENOENT);
        receiver_open(&f->receiver, f->path);
        f->n_seen = f->n_sent;
        flood_for(f, JOURNAL_RECONNECT_USEC + 100000, 1);
        assert(f->told.n_begun == 2 && f->told.n_over == 2);
        fixture_done(f);

        /* Not there at the start; nobody waits when it comes. */
        fixture_init(f, false);
        while (f->told.n_begun == 0)
                assert(sd_event_run(f->event, UINT64_MAX) >= 0);
        assert(f->told.error == ENOENT && f->told.n_over == 0);
        receiver_open(&f->receiver, f->path);
        while (f->told.n_over == 0)
                assert(sd_event_run(f->event, UINT64_MAX) >= 0);
        assert(f->told.n_begun == 1);
        fixture_done(f);
        free(f);
        puts("ok: outage");
}

/* No fd free for a new socket, or for a large entry: tried again, nothing lost. */
static void test_no_fds(void)
{
        Fixture *f = malloc(sizeof(*f));
        struct rlimit old, limit;

        assert(getrlimit(RLIMIT_NOFILE, &old) == 0);
        fixture_init(f, true);
        limit = (struct rlimit){ 3, old.rlim_max };

        f->n_sent = f->n_seen = 99;
        assert(setrlimit(RLIMIT_NOFILE, &limit) == 0);
        assert(send_next(f, 2, true) == 0);
        journal_socket_wait(f->socket, &f->waiter);
        assert(setrlimit(RLIMIT_NOFILE, &old) == 0);
        wait_ready(f);
        assert(send_next(f, 2, true) == 2 && see_next(f, true) && see_next(f, true));

        receiver_close(&f->receiver, f->path);
        assert(send_next(f, 1, true) == 0);
        journal_socket_wait(f->socket, &f->waiter);
        receiver_open(&f->receiver, f->path);
        assert(setrlimit(RLIMIT_NOFILE, &limit) == 0);
        assert(sd_event_run(f->event, 300000) > 0 && f->n_ready == 0);
        assert(setrlimit(RLIMIT_NOFILE, &old) == 0);
        wait_ready(f);
        assert(send_next(f, 1, true) == 1 && see_next(f, true));
        fixture_done(f);
        free(f);
        puts("ok: no fds");
}

/* Everything by chance: nothing lost, repeated or out of order. */
static void test_random(void)
{
        Fixture *f = malloc(sizeof(*f));
        unsigned n_away = 0, n = test_is_slow() ? 500 : 5000;

        fixture_init(f, true);
        while (f->n_seen < n) {
                if (!journal_socket_is_busy(f->socket))
                        (void) send_next(f, (unsigned) rand() % BATCH_MAX, true);
                for (int k = rand() % 50; k > 0; k--)
                        (void) see_next(f, true);
                if (f->n_seen == f->n_sent && n_away < f->n_seen * 3 / n) {
                        n_away++;
                        receiver_close(&f->receiver, f->path);
                        if (!journal_socket_is_busy(f->socket))
                                assert(send_next(f, 2, true) == 0);
                        receiver_open(&f->receiver, f->path);
                }
                assert(sd_event_run(f->event, f->n_seen == f->n_sent ? 1000 : 0) >= 0);
        }
        assert(n_away > 0);
        fixture_done(f);
        free(f);
        puts("ok: by chance");
}

static void test_paths(void)
{
        JournalSockets sockets;
        JournalSocket *a, *b;
        char path[200] = "/";
        sd_event *event;

        assert(sd_event_new(&event) >= 0);
        journal_sockets_init(&sockets);
        assert(journal_sockets_get(&sockets, event, "/nowhere/a", "", &a) == 0);
        assert(journal_sockets_get(&sockets, event, "/nowhere/b", "", &b) == 0 && a != b);
        assert(journal_sockets_get(&sockets, event, "/nowhere/a", "", &b) == 0 && a == b);
        memset(path + 1, 'x', 107);
        assert(journal_sockets_get(&sockets, event, path, "", &b) == -E2BIG && a == b);
        path[107] = '\0';
        assert(journal_sockets_get(&sockets, event, path, "", &b) == 0);
        journal_sockets_done(&sockets);
        journal_sockets_done(&sockets);
        sd_event_unref(event);
        puts("ok: paths");
}

int main(void)
{
        test_send();
        test_full();
        test_full_untold();
        test_waiters();
        test_large();
        test_away();
        test_outage();
        test_no_fds();
        test_random();
        test_paths();
        return 0;
}
