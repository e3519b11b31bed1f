/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Varlink, the client side, for tools: it blocks, and has one call under way at a time.
 */

#include <jansson.h>

#include "base/base.h"

typedef struct VarlinkClient VarlinkClient;

typedef struct VarlinkReply {
        const char *error;  /* the error's whole name; NULL: the call went well */
        json_t *parameters; /* an object */
        json_t *message;    /* owns the two above */
} VarlinkReply;

/* Connects to the socket at path. A path too long for an address is -ENAMETOOLONG. */
int varlink_client_new(VarlinkClient **ret, const char *path);
VarlinkClient *varlink_client_free(VarlinkClient *client);
DEFINE_CLEANUP(VarlinkClient, varlink_client_free);

/* How long a call waits for the peer at a time; then it is -EAGAIN. Without: for ever. */
int varlink_client_set_timeout(VarlinkClient *client, uint64_t usec);

/*
 * Calls a method ("io.conlogd.List") and waits for the reply, error or not. Takes parameters (NULL:
 * an empty object). Returns 0 with the reply; -ECONNRESET when the peer hung up first; -EBADMSG
 * when it sent no varlink reply; or another negative errno. After a failure only freeing is left.
 */
int varlink_client_call(VarlinkClient *client, const char *method, json_t *parameters,
                        VarlinkReply *ret);

/* The same, and sends file descriptors along, at most VARLINK_FDS_MAX; they stay open here. */
int varlink_client_call_with_fds(VarlinkClient *client, const char *method, json_t *parameters,
                                 const int *fds, size_t n_fds, VarlinkReply *ret);

static inline void varlink_reply_done(VarlinkReply *reply)
{
        json_decref(reply->message);
        *reply = (VarlinkReply){};
}
