/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Varlink messages; see the header. */

#include "io/varlink-message.h"
#include "base/limits.h"

/* Bytes still to be written, and where to. */
typedef struct Encoding {
        Buffer *buffer;
        size_t left;
} Encoding;

static bool json_is_within(json_t *value, unsigned depth)
{
        const char *key;
        json_t *child;
        size_t i;

        if (!json_is_object(value) && !json_is_array(value))
                return true;
        if (depth == 0)
                return false;

        json_object_foreach(value, key, child)
                if (!json_is_within(child, depth - 1))
                        return false;
        json_array_foreach(value, i, child)
                if (!json_is_within(child, depth - 1))
                        return false;
        return true;
}

int varlink_message_parse(Span bytes, json_t **ret)
{
        json_auto_t *message = NULL;

        message = json_loadb(bytes.data, bytes.size, JSON_REJECT_DUPLICATES, NULL);
        if (!json_is_object(message) || !json_is_within(message, JSON_DEPTH_MAX))
                return -EBADMSG;

        *ret = TAKE_PTR(message);
        return 0;
}

int varlink_message_next(Span bytes, json_t **ret, size_t *ret_used)
{
        size_t window = MIN(bytes.size, VARLINK_MESSAGE_MAX_BYTES + 1);
        const char *end;
        size_t size;
        int r;

        end = window > 0 ? memchr(bytes.data, 0, window) : NULL;
        if (!end)
                return bytes.size > VARLINK_MESSAGE_MAX_BYTES ? -EMSGSIZE : 0;

        size = (size_t) (end - bytes.data);
        r = varlink_message_parse((Span){ .data = bytes.data, .size = size }, ret);
        if (r < 0)
                return r;
        *ret_used = size + 1;
        return 1;
}

/* An absent flag is false. */
static int message_get_flag(json_t *message, const char *name, bool *ret)
{
        json_t *value = json_object_get(message, name);

        if (value && !json_is_boolean(value) && !json_is_null(value))
                return -EBADMSG;
        *ret = json_is_true(value);
        return 0;
}

int varlink_message_to_request(json_t *message, VarlinkRequest *ret)
{
        VarlinkRequest request = {
                .method = json_string_value(json_object_get(message, "method")),
                .parameters = json_object_get(message, "parameters"),
        };

        if (json_is_null(request.parameters))
                request.parameters = NULL;
        if (!request.method || (request.parameters && !json_is_object(request.parameters)) ||
            message_get_flag(message, "oneway", &request.is_oneway) < 0 ||
            message_get_flag(message, "more", &request.is_more) < 0 ||
            message_get_flag(message, "upgrade", &request.is_upgrade) < 0)
                return -EBADMSG;
        /* No reply, and several or another protocol's: it cannot be both. */
        if (request.is_oneway && (request.is_more || request.is_upgrade))
                return -EBADMSG;

        *ret = request;
        return 0;
}

static int encoding_on_json(const char *data, size_t size, void *userdata)
{
        Encoding *e = ASSERT_PTR(userdata);

        if (size > e->left)
                return -1;
        e->left -= size;
        return buffer_append(e->buffer, data, size);
}

int varlink_message_from_reply(Buffer *ret, size_t max, const char *error, json_t *parameters)
{
        json_auto_t *reply = json_object();
        Encoding e = { .buffer = ret, .left = max };

        assert(ret->size == 0);

        if (!reply || (error && json_object_set_new(reply, "error", json_string(error)) < 0))
                return -ENOBUFS;
        if (json_object_set_new(reply, "parameters",
                                parameters ? json_incref(parameters) : json_object()) < 0)
                return -ENOBUFS;

        if (json_dump_callback(reply, encoding_on_json, &e, JSON_COMPACT) < 0 ||
            encoding_on_json("", 1, &e) < 0) {
                buffer_done(ret);
                return -ENOBUFS;
        }
        return 0;
}
