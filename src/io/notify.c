/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Messages to the service manager; see the header. */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "io/notify.h"

typedef struct Message {
        TAILQ_ENTRY(Message) messages; /* Notify.messages */
        int fds[NOTIFY_FDS_MAX];       /* our own copies */
        size_t n_fds;
        char state[];
} Message;

struct Notify {
        int fd; /* -1 without a service manager */
        sd_event_source *writable;
        TAILQ_HEAD(, Message) messages;
};

static Message *message_free(Message *m)
{
        for (size_t i = 0; i < m->n_fds; i++)
                m->fds[i] = base_close(m->fds[i]);
        free(m);
        return NULL;
}

static int message_new(Message **ret, const char *state, const int *fds, size_t n_fds)
{
        Message *m;

        m = malloc(sizeof(*m) + strlen(state) + 1);
        if (!m)
                return -ENOMEM;
        *m = (Message){};
        strcpy(m->state, state);

        for (; m->n_fds < n_fds; m->n_fds++) {
                m->fds[m->n_fds] = fcntl(fds[m->n_fds], F_DUPFD_CLOEXEC, 3);
                if (m->fds[m->n_fds] < 0) {
                        int r = -errno;

                        message_free(m);
                        return r;
                }
        }
        *ret = m;
        return 0;
}

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

/* Sends, or queues behind what waits already: the order of store and remove matters. */
static int notify_push(Notify *notify, const char *state, const int *fds, size_t n_fds)
{
        Message *m;
        int r;

        assert(n_fds <= NOTIFY_FDS_MAX);

        if (notify->fd < 0)
                return 0;
        if (TAILQ_EMPTY(&notify->messages)) {
                r = notify_send_now(notify, state, fds, n_fds);
                if (r != -EAGAIN && r != -ENOBUFS)
                        return r;
        }

        r = message_new(&m, state, fds, n_fds);
        if (r < 0)
                return r;
        TAILQ_INSERT_TAIL(&notify->messages, m, messages);
        return sd_event_source_set_enabled(notify->writable, SD_EVENT_ON);
}

int notify_send(Notify *notify, const char *state)
{
        return notify_push(notify, state, NULL, 0);
}

int notify_store_fds(Notify *notify, const char *name, const int *fds, size_t n_fds)
{
        char state[128];

        (void) snprintf(state, sizeof(state), "FDSTORE=1\nFDPOLL=0\nFDNAME=%s", name);
        return notify_push(notify, state, fds, n_fds);
}

int notify_remove_fds(Notify *notify, const char *name)
{
        char state[128];

        (void) snprintf(state, sizeof(state), "FDSTOREREMOVE=1\nFDNAME=%s", name);
        return notify_push(notify, state, NULL, 0);
}

static int notify_on_writable(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        Notify *notify = ASSERT_PTR(userdata);
        Message *m;

        /* One message a turn: containers have their turn between two of them. */
        m = TAILQ_FIRST(&notify->messages);
        if (m) {
                int r = notify_send_now(notify, m->state, m->fds, m->n_fds);

                if (r == -EAGAIN || r == -ENOBUFS)
                        return 0;
                TAILQ_REMOVE(&notify->messages, m, messages);
                message_free(m);
        }
        if (TAILQ_EMPTY(&notify->messages))
                (void) sd_event_source_set_enabled(source, SD_EVENT_OFF);
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
                if (connect(notify->fd, (struct sockaddr *) &address, size) < 0)
                        return -errno;
                r = sd_event_add_io(event, &notify->writable, notify->fd, EPOLLOUT,
                                    notify_on_writable, notify);
                if (r < 0)
                        return r;
                r = sd_event_source_set_enabled(notify->writable, SD_EVENT_OFF);
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
                message_free(m);
        }
        sd_event_source_disable_unref(notify->writable);
        notify->fd = base_close(notify->fd);
        free(notify);
        return NULL;
}
