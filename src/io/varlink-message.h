/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Varlink messages: JSON objects, each with a NUL behind it. Packs and unpacks, sends nothing.
 */

#include <jansson.h>

#include "base/buffer.h"

/* What a client asks for; all of it borrowed from the message. */
typedef struct VarlinkRequest {
        const char *method;
        json_t *parameters; /* NULL: none */
        bool is_oneway;
        bool is_more;
        bool is_upgrade;
} VarlinkRequest;

/*
 * Reads one message, its NUL not included. Returns 0 and an object, or -EBADMSG: no JSON, no
 * object, nested deeper than JSON_DEPTH_MAX, a member twice, or a NUL inside a string.
 */
int varlink_message_parse(Span bytes, json_t **ret);

/*
 * Takes the first request off bytes. Returns 1 with the message (the caller releases it) and the
 * bytes used; 0 when it is not complete yet; -EBADMSG as above; -EMSGSIZE when it is larger than
 * VARLINK_MESSAGE_MAX_BYTES.
 */
int varlink_message_next(Span bytes, json_t **ret, size_t *ret_used);

/* Returns 0, or -EBADMSG when the message is no method call. */
int varlink_message_to_request(json_t *message, VarlinkRequest *ret);

/*
 * Writes a reply with its NUL into an empty buffer. error and parameters may be NULL. Returns 0, or
 * -ENOBUFS when it is larger than max bytes or memory is short.
 */
int varlink_message_from_reply(Buffer *ret, size_t max, const char *error, json_t *parameters);
