/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Messages to the service manager; see the header. */

#include <stdio.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/limits.h"
#include "io/notify.h"

typedef struct Message {
        TAILQ_ENTRY(Message) messages; /* Notify.messages */
        char state[];
} Message;

struct Notify {
        int fd; /* -1 without a service manager */
        sd_event_source *writable;
        sd_event_source *retry;
        TAILQ_HEAD(, Message) messages;
        bool is_wanted; /* on_ready is to be called */
        bool is_told;   /* it was called, and nothing has been sent since: was there room? */
        void (*on_ready)(void *userdata);
        void *userdata;
};

static int notify_send_now(Notify *notify, const char *state, const int *fds, size_t n_fds)
{
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int) * NOTIFY_FDS_MAX)];
        } control = {};
        struct iovec iov = { .iov_base = (char *) state, .iov_len = strlen(state) };
        struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

        if (n_fds > 0) {
                struct cmsghdr *c;

                message.msg_control = &control;
                message.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
                c = CMSG_FIRSTHDR(&message);
                c->cmsg_level = SOL_SOCKET;
                c->cmsg_type = SCM_RIGHTS;
                c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
                memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
        }
        return sendmsg(notify->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* For room in the socket; or where the kernel has no memory, or others were faster, for time. */
static void notify_wait(Notify *notify, bool for_room)
{
        if (for_room && sd_event_source_set_enabled(notify->writable, SD_EVENT_ON) >= 0)
                return;
        (void) sd_event_source_set_enabled(notify->writable, SD_EVENT_OFF);
        (void) sd_event_source_set_time_relative(notify->retry, NOTIFY_RETRY_USEC);
        (void) sd_event_source_set_enabled(notify->retry, SD_EVENT_ONESHOT);
}

/* Sends, or queues behind what waits already: the order of messages matters. */
int notify_send(Notify *notify, const char *state)
{
        Message *m;
        int r;

        if (notify->fd < 0)
                return 0;
        if (TAILQ_EMPTY(&notify->messages)) {
                r = notify_send_now(notify, state, NULL, 0);
                if (!base_is_passing(r))
                        return r;
                notify_wait(notify, r == -EAGAIN);
        }

        m = malloc(sizeof(*m) + strlen(state) + 1);
        if (!m)
                return -ENOMEM;
        strcpy(m->state, state);
        TAILQ_INSERT_TAIL(&notify->messages, m, messages);
        return 0;
}

int notify_store_fds(Notify *notify, const char *name, const int *fds, size_t n_fds)
{
        char state[128];
        int r;

        assert(n_fds <= NOTIFY_FDS_MAX);

        if (notify->fd < 0)
                return 0;
        (void) snprintf(state, sizeof(state), "FDSTORE=1\nFDPOLL=0\nFDNAME=%s", name);
        if (TAILQ_EMPTY(&notify->messages)) {
                r = notify_send_now(notify, state, fds, n_fds);
                if (!base_is_passing(r)) {
                        notify->is_told = false;
                        return r;
                }
                notify_wait(notify, r == -EAGAIN && !notify->is_told);
        }
        notify->is_wanted = true;
        return -EAGAIN;
}

int notify_remove_fds(Notify *notify, const char *name)
{
        char state[128];

        (void) snprintf(state, sizeof(state), "FDSTOREREMOVE=1\nFDNAME=%s", name);
        return notify_send(notify, state);
}

void notify_set_ready(Notify *notify, void (*on_ready)(void *userdata), void *userdata)
{
        notify->on_ready = on_ready;
        notify->userdata = userdata;
}

static int notify_on_writable(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        Notify *notify = ASSERT_PTR(userdata);
        Message *m;

        /* One message a turn: containers have their turn between two of them. */
        m = TAILQ_FIRST(&notify->messages);
        if (m) {
                if (base_is_passing(notify_send_now(notify, m->state, NULL, 0))) {
                        notify_wait(notify, false);
                        return 0;
                }
                TAILQ_REMOVE(&notify->messages, m, messages);
                free(m);
        } else if (notify->is_wanted) {
                notify->is_wanted = false;
                notify->is_told = true;
                notify->on_ready(notify->userdata);
        }
        if (TAILQ_EMPTY(&notify->messages) && !notify->is_wanted)
                (void) sd_event_source_set_enabled(source, SD_EVENT_OFF);
        return 0;
}

static int notify_on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
        notify_wait(ASSERT_PTR(userdata), true);
        return 0;
}

int notify_new(Notify **ret, sd_event *event)
{
        _cleanup_(notify_freep) Notify *notify = NULL;
        const char *path = getenv("NOTIFY_SOCKET");
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        socklen_t size;
        int r;

        notify = malloc(sizeof(*notify));
        if (!notify)
                return -ENOMEM;
        *notify = (Notify){ .fd = -1 };
        TAILQ_INIT(&notify->messages);

        if (path && *path) {
                if (strlen(path) >= sizeof(address.sun_path))
                        return -ENAMETOOLONG;
                strcpy(address.sun_path, path);
                size = (socklen_t) (offsetof(struct sockaddr_un, sun_path) + strlen(path));
                if (path[0] == '@')
                        address.sun_path[0] = '\0';
                else
                        size++;

                notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
                if (notify->fd < 0)
                        return -errno;
                if (setsockopt(notify->fd, SOL_SOCKET, SO_SNDBUF,
                               &(int){ NOTIFY_SEND_BUFFER_BYTES }, sizeof(int)) < 0)
                        return -errno;
                if (connect(notify->fd, (struct sockaddr *) &address, size) < 0)
                        return -errno;
                r = sd_event_add_io(event, &notify->writable, notify->fd, EPOLLOUT,
                                    notify_on_writable, notify);
                if (r < 0)
                        return r;
                r = sd_event_source_set_enabled(notify->writable, SD_EVENT_OFF);
                if (r < 0)
                        return r;
                r = sd_event_add_time_relative(event, &notify->retry, CLOCK_MONOTONIC, 0, 0,
                                               notify_on_retry, notify);
                if (r < 0)
                        return r;
                r = sd_event_source_set_enabled(notify->retry, SD_EVENT_OFF);
                if (r < 0)
                        return r;
        }

        *ret = TAKE_PTR(notify);
        return 0;
}

Notify *notify_free(Notify *notify)
{
        Message *m;

        if (!notify)
                return NULL;
        while ((m = TAILQ_FIRST(&notify->messages))) {
                TAILQ_REMOVE(&notify->messages, m, messages);
                free(m);
        }
        sd_event_source_disable_unref(notify->writable);
        sd_event_source_disable_unref(notify->retry);
        notify->fd = base_close(notify->fd);
        free(notify);
        return NULL;
}
