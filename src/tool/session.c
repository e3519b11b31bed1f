/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A connection to conlogd; see the header. */

#include <stdio.h>

#include "base/log.h"
#include "tool/escape.h"
#include "tool/sentence.h"
#include "tool/session.h"

int session_new(VarlinkClient **ret, const char *socket)
{
        int r;

        r = varlink_client_new(ret, socket);
        if (r == -EACCES || r == -EPERM)
                return log_error_errno(
                        r, "Failed to connect to conlogd at %s: %m. You must be root.", socket);
        if (r == -ENOENT || r == -ECONNREFUSED)
                return log_error_errno(r,
                                       "Failed to connect to conlogd at %s: %m.\n"
                                       "Is it enabled? Try: systemctl enable --now conlogd.socket",
                                       socket);
        if (r < 0)
                return log_error_errno(r, "Failed to connect to conlogd at %s: %m", socket);
        return 0;
}

int session_tell(int r, VarlinkReply *reply, const char *action, const char *object)
{
        _cleanup_free_ char *sentence = NULL, *shown = NULL;
        const char *space = object ? " " : "";

        if (r >= 0 && !reply->error)
                return 0;

        shown = escape_new(span_from_string(object));
        if (!shown)
                return log_error_errno(ENOMEM, "Failed to %s: %m", action);
        if (r == -ECONNRESET)
                return log_error_errno(
                        r, "Failed to %s%s%s: conlogd hung up. See \"systemctl status conlogd\".",
                        action, space, shown);
        if (r < 0)
                return log_error_errno(r, "Failed to %s%s%s: %m", action, space, shown);

        sentence = sentence_new(reply->error, reply->parameters);
        varlink_reply_done(reply);
        return log_error_errno(EREMOTEIO, "Failed to %s%s%s: %s.", action, space, shown,
                               sentence ?: "out of memory");
}

int session_ask(const char *socket, const char *method, json_t *parameters, const char *action,
                const char *object, VarlinkReply *ret)
{
        char name[64];
        int r = -ECONNRESET;

        (void) snprintf(name, sizeof(name), "io.conlogd.%s", method);
        for (unsigned i = 0; i < 2 && r == -ECONNRESET; i++) {
                _cleanup_(varlink_client_freep) VarlinkClient *client = NULL;

                r = session_new(&client, socket);
                if (r < 0) {
                        json_decref(parameters);
                        return r;
                }
                r = varlink_client_call(client, name, json_incref(parameters), ret);
        }
        json_decref(parameters);
        return session_tell(r, ret, action, object);
}

int session_call(VarlinkClient *client, const char *method, json_t *parameters, const char *action,
                 const char *object, VarlinkReply *ret)
{
        char name[64];
        int r;

        (void) snprintf(name, sizeof(name), "io.conlogd.%s", method);
        r = varlink_client_call(client, name, parameters, ret);
        return session_tell(r, ret, action, object);
}
