/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The connection to a journald; see the header.
 *
 *     READY ──EAGAIN──▶ RETRY ──timer──▶ READY
 *       ├──EAGAIN again, nothing sent since──▶ FULL ──EPOLLOUT──▶ READY
 *       └──any other error──▶ AWAY ──timer, connected──▶ READY
 *
 * EPOLLOUT on a unix datagram socket comes late, when only a quarter of the send buffer is in use,
 * and journald would have run dry by then. So a full queue is tried again after a moment, which
 * also collects many freed slots in one go; only a journald that has read nothing meanwhile is
 * waited for. The queue survives a restart of journald: it belongs to the socket unit in PID 1.
 *
 * An outage begins when READY is left and ends with the next datagram that is taken. Each flood
 * makes some of a few milliseconds, so a clock that is started by the first one looks only once in
 * a while whether there is one that lasts.
 */

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "base/limits.h"
#include "io/journal-socket.h"

typedef enum JournalState {
        JOURNAL_READY,
        JOURNAL_FULL,
        JOURNAL_RETRY,
        JOURNAL_AWAY,
} JournalState;

struct JournalSocket {
        TAILQ_ENTRY(JournalSocket) sockets; /* JournalSockets.sockets */
        JournalSockets *owner;
        TAILQ_HEAD(, JournalWaiter) waiters;
        JournalOutage outage; /* since_usec is 0: none */
        bool is_out;          /* in JournalSockets.outages */
        JournalState state;
        bool is_retried; /* nothing was sent since the last retry */
        sd_event *event;
        sd_event_source *writable;
        sd_event_source *timer;
        sd_event_source *clock;
        int fd;
        struct sockaddr_un address;
        char name[];
};

static int journal_socket_on_writable(sd_event_source *source, int fd, uint32_t events,
                                      void *userdata);

static uint64_t journal_socket_now(const JournalSocket *s)
{
        uint64_t now = 0;

        (void) sd_event_now(s->event, CLOCK_MONOTONIC, &now);
        return now;
}

/* It takes nothing now, for that reason. */
static void journal_socket_begin_outage(JournalSocket *s, int error)
{
        s->outage.error = abs(error);
        if (s->outage.since_usec > 0)
                return;
        s->outage.since_usec = journal_socket_now(s);
        if (sd_event_source_get_enabled(s->clock, NULL) > 0)
                return;
        (void) sd_event_source_set_time_relative(s->clock, JOURNAL_OUTAGE_USEC);
        (void) sd_event_source_set_enabled(s->clock, SD_EVENT_ONESHOT);
}

/* It has taken something, or nobody waits for it any more. */
static void journal_socket_end_outage(JournalSocket *s)
{
        if (s->is_out) {
                s->is_out = false;
                TAILQ_REMOVE(&s->owner->outages, &s->outage, outages);
                if (s->owner->on_outage)
                        s->owner->on_outage(&s->outage, true, s->owner->userdata);
        }
        s->outage.since_usec = 0;
}

static void journal_socket_arm(JournalSocket *s, JournalState state, uint64_t usec, int error)
{
        s->state = state;
        (void) sd_event_source_set_time_relative(s->timer, usec);
        (void) sd_event_source_set_enabled(s->timer, SD_EVENT_ONESHOT);
        journal_socket_begin_outage(s, error);
}

static void journal_socket_disconnect(JournalSocket *s, int error)
{
        s->writable = sd_event_source_disable_unref(s->writable);
        s->fd = base_close(s->fd);
        journal_socket_arm(s, JOURNAL_AWAY, JOURNAL_RECONNECT_USEC, error);
}

static int journal_socket_connect(JournalSocket *s)
{
        _cleanup_close_ int fd = -1;
        int size = JOURNAL_SEND_BUFFER_BYTES, r;

        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) < 0)
                return -errno;
        if (connect(fd, (struct sockaddr *) &s->address, sizeof(s->address)) < 0)
                return -errno;
        r = sd_event_add_io(s->event, &s->writable, fd, EPOLLOUT, journal_socket_on_writable, s);
        if (r < 0)
                return r;
        (void) sd_event_source_set_enabled(s->writable, SD_EVENT_OFF);

        s->fd = TAKE_FD(fd);
        s->state = JOURNAL_READY;
        return 0;
}

static void journal_socket_set_full(JournalSocket *s)
{
        if (!s->is_retried) {
                journal_socket_arm(s, JOURNAL_RETRY, JOURNAL_RETRY_USEC, EAGAIN);
                return;
        }
        s->state = JOURNAL_FULL;
        journal_socket_begin_outage(s, EAGAIN);
        if (sd_event_source_set_enabled(s->writable, SD_EVENT_ON) < 0)
                journal_socket_arm(s, JOURNAL_RETRY, JOURNAL_RECONNECT_USEC, EAGAIN);
}

/* A datagram above the send buffer goes as a sealed memory file, alone in its message. */
static int journal_socket_send_memfd(JournalSocket *s, const struct msghdr *message)
{
        _cleanup_close_ int fd = -1;
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int))];
        } control = {};
        struct msghdr fd_message = {
                .msg_control = &control,
                .msg_controllen = sizeof(control),
        };
        struct cmsghdr *c;
        ssize_t n;
        size_t size = 0;

        fd = memfd_create("conlogd-entry", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0)
                return -errno;
        for (size_t i = 0; i < message->msg_iovlen; i++)
                size += message->msg_iov[i].iov_len;
        n = writev(fd, message->msg_iov, (int) message->msg_iovlen);
        if (n < 0)
                return -errno;
        if ((size_t) n != size)
                return -ENOSPC;
        if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
                return -errno;

        c = CMSG_FIRSTHDR(&fd_message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &fd, sizeof(int));
        return sendmsg(s->fd, &fd_message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

unsigned journal_socket_send(JournalSocket *s, struct mmsghdr *messages, unsigned n)
{
        unsigned done = 0;

        while (s->state == JOURNAL_READY && done < n) {
                int k, r;

                k = sendmmsg(s->fd, messages + done, n - done, MSG_DONTWAIT | MSG_NOSIGNAL);
                if (k > 0) {
                        s->is_retried = false;
                        journal_socket_end_outage(s);
                        done += (unsigned) k;
                        /* Asked again at once, journald would give its slots one by one. */
                        if (done < n)
                                journal_socket_set_full(s);
                        continue;
                }
                r = k < 0 ? -errno : -EIO;
                if (r == -EMSGSIZE)
                        r = journal_socket_send_memfd(s, &messages[done].msg_hdr);

                if (r == 0) {
                        journal_socket_end_outage(s);
                        done++;
                } else if (r == -EINTR)
                        continue;
                else if (r == -EAGAIN)
                        journal_socket_set_full(s);
                else if (r == -ENOBUFS || r == -ENOMEM || r == -EMFILE || r == -ENFILE ||
                         r == -ENOSPC)
                        journal_socket_arm(s, JOURNAL_RETRY, JOURNAL_RECONNECT_USEC, r);
                else
                        journal_socket_disconnect(s, r);
        }
        return done;
}

const char *journal_socket_get_name(const JournalSocket *s)
{
        return s->name;
}

bool journal_socket_is_busy(const JournalSocket *s)
{
        return s->state != JOURNAL_READY;
}

void journal_socket_wait(JournalSocket *s, JournalWaiter *waiter)
{
        assert(s->state != JOURNAL_READY);

        if (waiter->is_waiting)
                return;
        waiter->is_waiting = true;
        TAILQ_INSERT_TAIL(&s->waiters, waiter, waiters);
}

void journal_socket_cancel(JournalSocket *s, JournalWaiter *waiter)
{
        if (!waiter->is_waiting)
                return;
        waiter->is_waiting = false;
        TAILQ_REMOVE(&s->waiters, waiter, waiters);
}

void journal_sockets_init(JournalSockets *sockets)
{
        *sockets = (JournalSockets){};
        TAILQ_INIT(&sockets->sockets);
        TAILQ_INIT(&sockets->outages);
}

static JournalSocket *journal_socket_free(JournalSocket *s)
{
        if (!s)
                return NULL;
        assert(TAILQ_EMPTY(&s->waiters));
        sd_event_source_disable_unref(s->writable);
        sd_event_source_disable_unref(s->timer);
        sd_event_source_disable_unref(s->clock);
        s->fd = base_close(s->fd);
        free(s);
        return NULL;
}
DEFINE_CLEANUP(JournalSocket, journal_socket_free);

void journal_sockets_done(JournalSockets *sockets)
{
        JournalSocket *s;

        while ((s = TAILQ_FIRST(&sockets->sockets))) {
                TAILQ_REMOVE(&sockets->sockets, s, sockets);
                journal_socket_free(s);
        }
}

static void journal_socket_set_ready(JournalSocket *s)
{
        JournalWaiter *w;

        s->state = JOURNAL_READY;
        if (TAILQ_EMPTY(&s->waiters))
                journal_socket_end_outage(s);
        while (s->state == JOURNAL_READY && (w = TAILQ_FIRST(&s->waiters))) {
                journal_socket_cancel(s, w);
                w->on_ready(w);
        }
}

static int journal_socket_on_writable(sd_event_source *source, int fd, uint32_t events,
                                      void *userdata)
{
        JournalSocket *s = ASSERT_PTR(userdata);

        (void) sd_event_source_set_enabled(source, SD_EVENT_OFF);
        journal_socket_set_ready(s);
        return 0;
}

static int journal_socket_on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        JournalSocket *s = ASSERT_PTR(userdata);

        int r;

        if (s->fd < 0) {
                r = journal_socket_connect(s);
                if (r < 0) {
                        journal_socket_arm(s, JOURNAL_AWAY, JOURNAL_RECONNECT_USEC, r);
                        return 0;
                }
        }

        s->is_retried = true;
        journal_socket_set_ready(s);
        return 0;
}

static int journal_socket_on_clock(sd_event_source *source, uint64_t usec, void *userdata)
{
        JournalSocket *s = ASSERT_PTR(userdata);
        uint64_t due = s->outage.since_usec + JOURNAL_OUTAGE_USEC;

        if (s->outage.since_usec == 0 || s->is_out)
                return 0;
        if (journal_socket_now(s) < due) {
                (void) sd_event_source_set_time(source, due);
                return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        }
        s->is_out = true;
        TAILQ_INSERT_TAIL(&s->owner->outages, &s->outage, outages);
        if (s->owner->on_outage)
                s->owner->on_outage(&s->outage, false, s->owner->userdata);
        return 0;
}

static int journal_socket_add_timer(JournalSocket *s, sd_event_source **ret,
                                    sd_event_time_handler_t callback)
{
        int r;

        r = sd_event_add_time(s->event, ret, CLOCK_MONOTONIC, 0, 1, callback, s);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(*ret, SD_EVENT_OFF);
}

int journal_sockets_get(JournalSockets *sockets, sd_event *event, const char *path,
                        const char *name, JournalSocket **ret)
{
        _cleanup_(journal_socket_freep) JournalSocket *s = NULL;
        JournalSocket *other;
        int r;

        TAILQ_FOREACH(other, &sockets->sockets, sockets)
                if (strcmp(other->address.sun_path, path) == 0) {
                        *ret = other;
                        return 0;
                }

        if (strlen(path) >= sizeof(s->address.sun_path))
                return -E2BIG;
        s = malloc(sizeof(*s) + strlen(name) + 1);
        if (!s)
                return -ENOMEM;
        *s = (JournalSocket){
                .owner = sockets,
                .outage.name = s->name,
                .fd = -1,
                .event = event,
                .address.sun_family = AF_UNIX,
        };
        strcpy(s->address.sun_path, path);
        strcpy(s->name, name);
        TAILQ_INIT(&s->waiters);

        r = journal_socket_add_timer(s, &s->timer, journal_socket_on_timer);
        if (r < 0)
                return r;
        r = journal_socket_add_timer(s, &s->clock, journal_socket_on_clock);
        if (r < 0)
                return r;
        r = journal_socket_connect(s);
        if (r < 0)
                journal_socket_arm(s, JOURNAL_AWAY, JOURNAL_RECONNECT_USEC, r);

        TAILQ_INSERT_TAIL(&sockets->sockets, s, sockets);
        *ret = TAKE_PTR(s);
        return 0;
}
