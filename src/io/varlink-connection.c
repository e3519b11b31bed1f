/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The connections of a varlink server; see the header. */

#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "io/varlink-connection.h"

#define READ_BYTES (64U * 1024)

/* Of two messages at most: the one under way, and the last one that came behind it in one piece.
 * One more than may be of each, so that too many are seen. */
#define PASSED_FDS_MAX (2 * (VARLINK_FDS_MAX + 1))

typedef struct PassedFd {
        int fd;    /* -1: the call has taken it */
        size_t at; /* a byte in the input of the message it belongs to */
} PassedFd;

struct VarlinkConnection {
        VarlinkConnections *owner;
        TAILQ_ENTRY(VarlinkConnection) link; /* VarlinkConnections.list */
        int fd;
        sd_event_source *io_source;
        sd_event_source *turn_source; /* asks for a turn when nothing comes from the peer */
        sd_event_source *idle_source;
        VarlinkCall *call; /* under way */
        Buffer input;
        size_t input_used;               /* bytes of messages that have been taken */
        size_t input_scanned;            /* no message ends between input_used and this */
        PassedFd passed[PASSED_FDS_MAX]; /* in the order they came */
        size_t n_passed;
        Buffer output;
        size_t output_sent;
        bool is_at_eof;
        bool is_refused; /* sent what is no call: only the error is left to send */
        bool is_given_up;
};

static void connection_drop_output(VarlinkConnection *c)
{
        c->owner->output_bytes -= c->output.size;
        c->output_sent = 0;
        buffer_done(&c->output);
}

/* Closes the first n of those that have come and nobody has taken. */
static void connection_drop_fds(VarlinkConnection *c, size_t n)
{
        for (size_t i = 0; i < n; i++)
                (void) base_close(c->passed[i].fd);
        c->n_passed -= n;
        memmove(c->passed, c->passed + n, c->n_passed * sizeof(*c->passed));
}

static void connection_drop_input(VarlinkConnection *c)
{
        connection_drop_fds(c, c->n_passed);
        c->input_used = c->input_scanned = 0;
        buffer_done(&c->input);
}

void varlink_connection_free(VarlinkConnection *c)
{
        VarlinkConnections *owner = c->owner;

        if (c->call)
                c->call->connection = NULL;
        TAILQ_REMOVE(&owner->list, c, link);
        owner->n--;

        (void) sd_event_source_disable_unref(c->idle_source);
        (void) sd_event_source_disable_unref(c->turn_source);
        (void) sd_event_source_disable_unref(c->io_source);
        connection_drop_output(c);
        connection_drop_input(c);
        (void) base_close(c->fd);
        free(c);
        if (owner->on_freed)
                owner->on_freed(owner);
}

static void connection_ask_for_turn(VarlinkConnection *c)
{
        (void) sd_event_source_set_enabled(c->turn_source, SD_EVENT_ONESHOT);
}

/* Its next turn frees it. */
static void connection_give_up(VarlinkConnection *c)
{
        connection_drop_output(c);
        c->is_given_up = true;
        connection_ask_for_turn(c);
}

static int connection_watch(VarlinkConnection *c, uint32_t events)
{
        return sd_event_source_set_io_events(c->io_source, events);
}

static void connection_rearm_idle(VarlinkConnection *c)
{
        (void) sd_event_source_set_time_relative(c->idle_source, VARLINK_IDLE_USEC);
        (void) sd_event_source_set_enabled(c->idle_source, SD_EVENT_ONESHOT);
}

/* Makes the connection the least silent one. */
static void connection_touch(VarlinkConnection *c)
{
        TAILQ_REMOVE(&c->owner->list, c, link);
        TAILQ_INSERT_TAIL(&c->owner->list, c, link);
}

/* Peers that do not read their replies share VARLINK_OUTPUT_MAX_BYTES. When that is not enough for
 * the newest reply, the others go, the longest silent first. */
static int connections_make_room(VarlinkConnections *connections, const VarlinkConnection *newest)
{
        VarlinkConnection *c;

        TAILQ_FOREACH(c, &connections->list, link) {
                if (connections->output_bytes <= VARLINK_OUTPUT_MAX_BYTES)
                        return 0;
                if (c != newest && c->output.size > 0)
                        connection_give_up(c);
        }
        return connections->output_bytes <= VARLINK_OUTPUT_MAX_BYTES ? 0 : -ENOBUFS;
}

static int connection_put_reply(VarlinkConnection *c, const char *error, json_t *parameters)
{
        int r;

        r = varlink_message_from_reply(&c->output, VARLINK_OUTPUT_MAX_BYTES, error, parameters);
        if (r < 0)
                return r;
        c->owner->output_bytes += c->output.size;
        return connections_make_room(c->owner, c);
}

static int connection_send(VarlinkConnection *c)
{
        ssize_t n;

        if (c->output.size == 0)
                return 0;

        n = send(c->fd, c->output.data + c->output_sent, c->output.size - c->output_sent,
                 MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;

        connection_rearm_idle(c);
        c->output_sent += (size_t) n;
        if (c->output_sent == c->output.size)
                connection_drop_output(c);
        return 0;
}

/* Keeps what has come with the last byte of the input. What there is no room for is too much for
 * its message anyway. */
static void connection_keep_fds(VarlinkConnection *c, struct msghdr *message)
{
        for (struct cmsghdr *h = CMSG_FIRSTHDR(message); h; h = CMSG_NXTHDR(message, h)) {
                if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
                        continue;
                for (size_t at = CMSG_LEN(0); at + sizeof(int) <= h->cmsg_len; at += sizeof(int)) {
                        PassedFd passed = { .at = c->input.size - 1 };

                        memcpy(&passed.fd, (char *) h + at, sizeof(int));
                        if (c->n_passed < PASSED_FDS_MAX)
                                c->passed[c->n_passed++] = passed;
                        else
                                (void) base_close(passed.fd);
                }
        }
}

/* Makes room in the input behind what is not yet used. */
static int connection_reserve_input(VarlinkConnection *c)
{
        for (size_t i = 0; i < c->n_passed; i++)
                c->passed[i].at -= c->input_used;
        buffer_consume(&c->input, c->input_used);
        c->input_scanned -= c->input_used;
        c->input_used = 0;
        return buffer_reserve(&c->input, READ_BYTES);
}

static int connection_receive(VarlinkConnection *c)
{
        /* When there are more fds than fit, or no number is free for one, the kernel has closed it
         * and those behind it already (MSG_CTRUNC). */
        enum { CONTROL_BYTES = CMSG_LEN(sizeof(int) * (VARLINK_FDS_MAX + 1)) };
        char control[CONTROL_BYTES] __attribute__((__aligned__(__alignof__(struct cmsghdr))));
        struct iovec iov;
        struct msghdr message = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = control,
                .msg_controllen = sizeof(control),
        };
        ssize_t n;
        int r;

        r = connection_reserve_input(c);
        if (r < 0)
                return r;

        iov = (struct iovec){ .iov_base = c->input.data + c->input.size, .iov_len = READ_BYTES };
        n = recvmsg(c->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;

        c->input.size += (size_t) n;
        connection_keep_fds(c, &message);
        c->is_at_eof = n == 0;
        return 0;
}

/* As varlink_message_next(), and looks at each byte once, however slowly they come. */
static int connection_next_message(VarlinkConnection *c, json_t **ret)
{
        size_t left = c->input.size - c->input_used, used;
        int r;

        if (left == 0) {
                connection_drop_input(c);
                return 0;
        }
        if (left <= VARLINK_MESSAGE_MAX_BYTES &&
            !memchr(c->input.data + c->input_scanned, 0, c->input.size - c->input_scanned)) {
                c->input_scanned = c->input.size;
                return 0;
        }

        r = varlink_message_next(span_skip(buffer_span(&c->input), c->input_used), ret, &used);
        if (r > 0) {
                c->input_used += used;
                c->input_scanned = c->input_used;
        }
        return r;
}

/* How many have come with the message that was taken last. */
static size_t connection_count_fds(const VarlinkConnection *c)
{
        size_t n = 0;

        while (n < c->n_passed && c->passed[n].at < c->input_used)
                n++;
        return n;
}

void varlink_call_finish(VarlinkCall *call, const char *error, json_t *parameters)
{
        json_auto_t *owned = parameters;
        VarlinkConnection *c = call->connection;
        bool is_oneway = call->is_oneway;

        free(call);
        if (!c)
                return;

        c->call = NULL;
        connection_touch(c);
        connection_rearm_idle(c);
        if (!is_oneway && connection_put_reply(c, error, owned) < 0)
                connection_give_up(c);
        connection_ask_for_turn(c);
}

int varlink_call_take_fd(VarlinkCall *call, size_t index)
{
        VarlinkConnection *c = call->connection;

        if (index >= connection_count_fds(c) || c->passed[index].fd < 0)
                return -EBADF;
        return TAKE_FD(c->passed[index].fd);
}

/* Returns -EBADMSG when the message is no call. How a call ends is not told here. */
static int connection_dispatch(VarlinkConnection *c, json_t *message)
{
        VarlinkRequest request;
        VarlinkCall *call;
        int r;

        r = varlink_message_to_request(message, &request);
        if (r < 0)
                return r;
        if (connection_count_fds(c) > VARLINK_FDS_MAX)
                return -EBADMSG;

        call = malloc(sizeof(*call));
        if (!call)
                return -ENOMEM;
        *call = (VarlinkCall){ .connection = c, .is_oneway = request.is_oneway };
        c->call = call;
        connection_touch(c);
        c->owner->on_request(c->owner, call, &request);
        connection_drop_fds(c, connection_count_fds(c));
        return 0;
}

static int connection_refuse(VarlinkConnection *c)
{
        json_auto_t *parameters = json_pack("{ss}", "parameter", "message");

        c->is_refused = true;
        connection_drop_input(c);
        connection_ask_for_turn(c);
        return connection_put_reply(c, "org.varlink.service.InvalidParameter", parameters);
}

/* Closing with bytes unread would make the peer see an error instead of the end, and one that is
 * still writing would not come to read what was sent to it. */
static int connection_linger(VarlinkConnection *c, bool is_readable)
{
        int r;

        if (shutdown(c->fd, SHUT_WR) < 0)
                return -errno;

        if (is_readable) {
                r = connection_receive(c);
                if (r < 0)
                        return r;
                connection_drop_input(c);
        }
        return c->is_at_eof ? -ECONNRESET : connection_watch(c, EPOLLIN);
}

static int connection_begin_call(VarlinkConnection *c, bool is_readable)
{
        json_auto_t *message = NULL;
        int r;

        r = connection_next_message(c, &message);
        if (r == 0 && is_readable) {
                r = connection_receive(c);
                if (r < 0)
                        return r;
                r = connection_next_message(c, &message);
        }
        if (r == 0)
                return c->is_at_eof ? -ECONNRESET : connection_watch(c, EPOLLIN);

        if (r > 0)
                r = connection_dispatch(c, message);
        if (r == -EBADMSG || r == -EMSGSIZE)
                return connection_refuse(c);
        if (r < 0)
                return r;
        /* A call that is not under way has been answered, and there is another turn. */
        return c->call ? connection_watch(c, 0) : 0;
}

/* events: what epoll said, or 0. On an error the connection is over. */
static int connection_turn(VarlinkConnection *c, uint32_t events)
{
        int r;

        if (c->is_given_up)
                return -ECONNRESET;

        r = connection_send(c);
        if (r < 0)
                return r;
        if (c->output.size > 0)
                return connection_watch(c, EPOLLOUT);

        /* A peer that hung up cannot be answered; its call is carried out all the same. */
        if (c->call)
                return events & (EPOLLHUP | EPOLLERR) ? -ECONNRESET : connection_watch(c, 0);

        if (c->is_refused)
                return connection_linger(c, events != 0);
        return connection_begin_call(c, events != 0);
}

int varlink_connections_make_way(VarlinkConnections *connections)
{
        VarlinkConnection *c, *waiting = NULL;

        if (connections->n < VARLINK_CONNECTIONS_MAX)
                return 0;

        TAILQ_FOREACH(c, &connections->list, link) {
                if (!c->call)
                        break;
                if (!waiting && c->call->method)
                        waiting = c;
        }
        if (!c && !waiting)
                return -EUSERS;
        varlink_connection_free(c ?: waiting);
        return 0;
}

static int varlink_connection_on_io(sd_event_source *source, int fd, uint32_t events,
                                    void *userdata)
{
        VarlinkConnection *c = ASSERT_PTR(userdata);

        if (connection_turn(c, events) < 0)
                varlink_connection_free(c);
        return 0;
}

static int varlink_connection_on_turn(sd_event_source *source, void *userdata)
{
        VarlinkConnection *c = ASSERT_PTR(userdata);

        if (connection_turn(c, 0) < 0)
                varlink_connection_free(c);
        return 0;
}

/* A call may take its time; its answer sets the clock again. */
static int varlink_connection_on_idle(sd_event_source *source, uint64_t usec, void *userdata)
{
        VarlinkConnection *c = ASSERT_PTR(userdata);

        if (!c->call)
                varlink_connection_free(c);
        return 0;
}

static int connection_add_sources(VarlinkConnection *c, sd_event *event)
{
        int r;

        r = sd_event_add_io(event, &c->io_source, c->fd, EPOLLIN, varlink_connection_on_io, c);
        if (r < 0)
                return r;
        r = sd_event_source_set_priority(c->io_source, VARLINK_PRIORITY);
        if (r < 0)
                return r;

        r = sd_event_add_defer(event, &c->turn_source, varlink_connection_on_turn, c);
        if (r < 0)
                return r;
        r = sd_event_source_set_priority(c->turn_source, VARLINK_PRIORITY);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(c->turn_source, SD_EVENT_OFF);
        if (r < 0)
                return r;

        r = sd_event_add_time_relative(event, &c->idle_source, CLOCK_MONOTONIC, VARLINK_IDLE_USEC,
                                       0, varlink_connection_on_idle, c);
        if (r < 0)
                return r;
        return sd_event_source_set_priority(c->idle_source, VARLINK_PRIORITY);
}

int varlink_connection_new(VarlinkConnections *connections, int *fd)
{
        _cleanup_close_ int owned_fd = TAKE_FD(*fd);
        VarlinkConnection *c;
        int r;

        c = malloc(sizeof(*c));
        if (!c)
                return -ENOMEM;
        *c = (VarlinkConnection){ .owner = connections, .fd = TAKE_FD(owned_fd) };
        TAILQ_INSERT_TAIL(&connections->list, c, link);
        connections->n++;

        r = connection_add_sources(c, connections->event);
        if (r < 0)
                varlink_connection_free(c);
        return r;
}
