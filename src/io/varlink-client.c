/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Varlink, the client side; see the header. */

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/buffer.h"
#include "base/limits.h"
#include "io/varlink-client.h"
#include "io/varlink-message.h"

#define READ_BYTES (64U * 1024)

struct VarlinkClient {
        int fd;
        Buffer input;
};

VarlinkClient *varlink_client_free(VarlinkClient *client)
{
        if (!client)
                return NULL;
        buffer_done(&client->input);
        (void) base_close(client->fd);
        free(client);
        return NULL;
}

int varlink_client_new(VarlinkClient **ret, const char *path)
{
        _cleanup_(varlink_client_freep) VarlinkClient *client = NULL;
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        strcpy(address.sun_path, path);

        client = malloc(sizeof(*client));
        if (!client)
                return -ENOMEM;
        *client = (VarlinkClient){ .fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) };
        if (client->fd < 0)
                return -errno;
        if (connect(client->fd, (struct sockaddr *) &address, sizeof(address)) < 0)
                return -errno;

        *ret = TAKE_PTR(client);
        return 0;
}

int varlink_client_set_timeout(VarlinkClient *client, uint64_t usec)
{
        struct timeval tv = {
                .tv_sec = (time_t) (usec / 1000000),
                .tv_usec = (suseconds_t) (usec % 1000000),
        };

        if (setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) < 0 ||
            setsockopt(client->fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) < 0)
                return -errno;
        return 0;
}

/* Sends as much as goes at once, and fds with the first byte. */
static ssize_t client_send_some(VarlinkClient *client, Span bytes, const int *fds, size_t n_fds)
{
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int) * VARLINK_FDS_MAX)];
        } control = {};
        struct iovec iov = { .iov_base = (char *) bytes.data, .iov_len = bytes.size };
        struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

        if (n_fds > 0) {
                control.header = (struct cmsghdr){
                        .cmsg_level = SOL_SOCKET,
                        .cmsg_type = SCM_RIGHTS,
                        .cmsg_len = CMSG_LEN(sizeof(int) * n_fds),
                };
                memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * n_fds);
                message.msg_control = &control;
                message.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
        }
        return sendmsg(client->fd, &message, MSG_NOSIGNAL);
}

/* A peer that refused us before reading has hung up already, and its reply can still be read: so
 * that alone is no error here. */
static int client_send(VarlinkClient *client, Span bytes, const int *fds, size_t n_fds)
{
        while (bytes.size > 0) {
                ssize_t n;

                n = client_send_some(client, bytes, fds, n_fds);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
                        return 0;
                if (n < 0)
                        return -errno;
                bytes = span_skip(bytes, (size_t) n);
                n_fds = 0;
        }
        return 0;
}

/* Reads on until there is a NUL behind the first scanned bytes; its offset is in ret_size. */
static int client_receive(VarlinkClient *client, size_t *ret_size)
{
        Buffer *b = &client->input;
        size_t scanned = 0;
        const char *end;
        ssize_t n;
        int r;

        for (;;) {
                end = b->size > scanned ? memchr(b->data + scanned, 0, b->size - scanned) : NULL;
                if (end) {
                        *ret_size = (size_t) (end - b->data);
                        return 0;
                }
                scanned = b->size;
                if (scanned > VARLINK_OUTPUT_MAX_BYTES)
                        return -EMSGSIZE;

                r = buffer_reserve(b, READ_BYTES);
                if (r < 0)
                        return r;
                n = recv(client->fd, b->data + b->size, b->allocated - b->size, 0);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return -ECONNRESET;
                b->size += (size_t) n;
        }
}

static int message_to_reply(json_t *message, VarlinkReply *ret)
{
        json_t *error = json_object_get(message, "error");
        json_t *parameters = json_object_get(message, "parameters");

        if (error && !json_is_string(error) && !json_is_null(error))
                return -EBADMSG;
        if (!parameters || json_is_null(parameters)) {
                parameters = json_object();
                if (json_object_set_new(message, "parameters", parameters) < 0)
                        return -ENOMEM;
        }
        if (!json_is_object(parameters))
                return -EBADMSG;

        *ret = (VarlinkReply){
                .error = json_string_value(error),
                .parameters = parameters,
                .message = json_incref(message),
        };
        return 0;
}

int varlink_client_call(VarlinkClient *client, const char *method, json_t *parameters,
                        VarlinkReply *ret)
{
        return varlink_client_call_with_fds(client, method, parameters, NULL, 0, ret);
}

int varlink_client_call_with_fds(VarlinkClient *client, const char *method, json_t *parameters,
                                 const int *fds, size_t n_fds, VarlinkReply *ret)
{
        json_auto_t *request = NULL, *message = NULL;
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        int r;

        assert(n_fds <= VARLINK_FDS_MAX);

        request = json_pack("{ss so*}", "method", method, "parameters", parameters);
        if (request)
                text = json_dumps(request, JSON_COMPACT);
        if (!text)
                return -ENOMEM;

        r = client_send(client, (Span){ .data = text, .size = strlen(text) + 1 }, fds, n_fds);
        if (r < 0)
                return r;
        r = client_receive(client, &size);
        if (r < 0)
                return r;

        r = varlink_message_parse((Span){ .data = client->input.data, .size = size }, &message);
        if (r < 0)
                return r;
        buffer_consume(&client->input, size + 1);
        return message_to_reply(message, ret);
}
