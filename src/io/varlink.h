/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Varlink, the server side: NUL-terminated JSON over a unix stream socket (https://varlink.org),
 * shaped like sd_varlink_server of systemd 257, so that it can be deleted one day. Serves one
 * interface and org.varlink.service on an activated socket, to peers with uid 0 only.
 *
 * A bad peer costs itself its connection and nobody else anything: messages are capped, a
 * connection without a complete request for a while is closed, and when all connections are taken,
 * the one that has been silent longest goes.
 */

#include <jansson.h>
#include <systemd/sd-event.h>

#include "base/base.h"

typedef struct VarlinkCall VarlinkCall;
typedef struct VarlinkServer VarlinkServer;

typedef struct VarlinkParameter {
        const char *name;
        json_type type; /* JSON_TRUE stands for a boolean */
        bool is_required;
} VarlinkParameter;

typedef struct VarlinkMethod {
        const char *name; /* without the interface: "Create" */
        const VarlinkParameter *parameters;
        size_t n_parameters;
        /*
         * parameters is an object whose known members have the right type, no others are there,
         * and null members are removed; it is borrowed for the call. The handler owns call until
         * it answers, now or later, with varlink_call_reply() or varlink_call_error(): exactly one
         * of them, also when the peer is gone by then. File descriptors that came with the call it
         * takes before it returns, and before it answers: those left over are closed.
         */
        void (*handler)(VarlinkCall *call, json_t *parameters, void *userdata);
        /* Takes its time, and no parameters. Such calls wait in line for each other, and after each
         * one all else has as much time as it took. */
        bool is_long;
} VarlinkMethod;

typedef struct VarlinkInterface {
        const char *vendor;
        const char *product;
        const char *version;
        const char *url;
        const char *name;        /* "io.conlogd" */
        const char *description; /* in varlink's interface language */
        const VarlinkMethod *methods;
        size_t n_methods;
        /* A connection is gone, and what it took is freed. May be NULL. */
        void (*on_closed)(void *userdata);
} VarlinkInterface;

/* Takes listen_fd, a listening, non-blocking unix stream socket, on success. */
int varlink_server_new(VarlinkServer **ret, sd_event *event, int listen_fd,
                       const VarlinkInterface *interface, void *userdata);
VarlinkServer *varlink_server_free(VarlinkServer *server);
DEFINE_CLEANUP(VarlinkServer, varlink_server_free);

/* Open connections. */
unsigned varlink_server_n_connections(const VarlinkServer *server);

/* The file descriptor with that index, from 0, of those that came with the call; the caller closes
 * it, and it cannot be taken again. -EBADF when there is none. */
int varlink_call_take_fd(VarlinkCall *call, size_t index);

/* Both end the call and take parameters (NULL: an empty object). */
void varlink_call_reply(VarlinkCall *call, json_t *parameters);
void varlink_call_error(VarlinkCall *call, const char *error, json_t *parameters);

/* org.varlink.service.InvalidParameter, for values of the right type that break a rule. */
void varlink_call_invalid_parameter(VarlinkCall *call, const char *name);
