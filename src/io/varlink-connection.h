/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The connections of a varlink server: they move messages, and know no methods.
 *
 * A connection works in turns, and a turn does one thing: send on what is left of the last reply;
 * or, if all of it is gone and no call is under way, begin the next request. So one call is under
 * way at a time, and one reply at most is held for a slow reader. What a peer sends meanwhile
 * waits: first in the input buffer, then in the socket, and in the end in the peer.
 *
 * A connection is freed in event callbacks only. A handler that answers, whichever call it answers,
 * never pulls a connection away from under a function that is still working on it.
 *
 * File descriptors belong to the message that the last byte of what brought them belongs to: the
 * kernel ends a read behind the bytes they were sent with (unix(7)), but may put bytes sent earlier
 * in front. So whoever sends some sends them with bytes of one message only, as sd-varlink does. A
 * message keeps them until its call begins, and at most VARLINK_FDS_MAX; more make it no call.
 *
 * A message that is no method call ends its connection. Its sender is told why with the one
 * standard error that fits, InvalidParameter with the parameter "message", and has time to read it:
 * the rest of its bytes is thrown away until it hangs up or has been idle for too long.
 */

#include <sys/queue.h>

#include <systemd/sd-event.h>

#include "io/varlink-message.h"
#include "io/varlink.h"

/* Calls are few and short; streams are many and always have something to say. */
#define VARLINK_PRIORITY (SD_EVENT_PRIORITY_NORMAL - 10)

typedef struct VarlinkConnection VarlinkConnection;
typedef struct VarlinkConnections VarlinkConnections;

struct VarlinkCall {
        VarlinkConnection *connection; /* NULL: the peer is gone */
        bool is_oneway;
        TAILQ_ENTRY(VarlinkCall) waiting; /* VarlinkServer.long_calls */
        const VarlinkMethod *method;      /* that it waits for, NULL: it has begun */
};

struct VarlinkConnections {
        sd_event *event;
        TAILQ_HEAD(, VarlinkConnection) list; /* the longest silent first */
        unsigned n;
        size_t output_bytes; /* replies not yet sent, of all of them */
        /* Owns call from now on, and answers it once with varlink_call_finish(). */
        void (*on_request)(VarlinkConnections *connections, VarlinkCall *call,
                           const VarlinkRequest *request);
        /* One has been freed. May be NULL. */
        void (*on_freed)(VarlinkConnections *connections);
};

/* Takes the connected socket, on failure as well. */
int varlink_connection_new(VarlinkConnections *connections, int *fd);
void varlink_connection_free(VarlinkConnection *c);

/* Frees the connection that has been silent longest, if none may be added: one without a call, else
 * one whose call has not begun. Returns 0, or -EUSERS when every one has a call under way. */
int varlink_connections_make_way(VarlinkConnections *connections);

/* Answers the call and ends it. Takes parameters; error and parameters may be NULL. */
void varlink_call_finish(VarlinkCall *call, const char *error, json_t *parameters);
