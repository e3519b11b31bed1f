/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A connection to conlogd that says on standard error what went wrong, in words that help.
 */

#include "io/varlink-client.h"

/* Connects. Returns 0, or a negative errno that has been told. */
int session_new(VarlinkClient **ret, const char *socket);

/*
 * Says what came of a call, if it failed: r is what varlink_client_call() returned. The message is
 * "Failed to <action> <object>: <why>"; object may be NULL. Returns 0 when there is a reply, else a
 * negative errno, and then there is none.
 */
int session_tell(int r, VarlinkReply *reply, const char *action, const char *object);

/*
 * Asks io.conlogd's method, which changes nothing, over a connection of its own, taking parameters,
 * and tells. A conlogd that is restarted just then is asked again, once.
 */
int session_ask(const char *socket, const char *method, json_t *parameters, const char *action,
                const char *object, VarlinkReply *ret);

/* Calls io.conlogd's method, taking parameters, and tells. */
int session_call(VarlinkClient *client, const char *method, json_t *parameters, const char *action,
                 const char *object, VarlinkReply *ret);
