/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The verbs that change a container; see the header. */

#include <string.h>

#include "base/log.h"
#include "tool/adjust.h"
#include "tool/display.h"
#include "tool/session.h"

/* KEY=VALUE, or KEY= for the default. */
static int add_option(json_t *options, const char *word)
{
        const char *equals = strchr(word, '=');
        _cleanup_free_ char *key = NULL;
        json_t *value;

        if (!equals || equals == word) {
                log_error("Failed to take %s: it must be KEY=VALUE, or KEY= for the default.",
                          word);
                return -EINVAL;
        }
        key = strndup(word, (size_t) (equals - word));
        value = equals[1] ? json_string(equals + 1) : json_null();
        if (!key || json_object_set_new(options, key, value) < 0) {
                log_error("Failed to take an option: it is not UTF-8.");
                return -EINVAL;
        }
        return 0;
}

int adjust_set(const Arguments *a)
{
        _cleanup_(varlink_client_freep) VarlinkClient *client = NULL;
        _cleanup_(varlink_reply_done) VarlinkReply reply = {};
        json_auto_t *request = json_copy(a->create), *options = json_object();
        int r;

        if (json_object_get(request, "moreDrivers") || json_object_get(request, "options")) {
                log_error("Options stand behind the container: KEY=VALUE, of one driver at a time. "
                          "See \"conlogctl --help\".");
                return -EINVAL;
        }
        for (unsigned i = 1; i < a->n_words; i++) {
                r = add_option(options, a->words[i]);
                if (r < 0)
                        return r;
        }
        if (json_object_size(options) == 0 && !json_object_get(request, "add") &&
            !json_object_get(request, "remove")) {
                log_error("There is nothing to set. Usage: conlogctl %s %s", a->verb->name,
                          a->verb->usage);
                return -EINVAL;
        }
        (void) json_object_set(request, "options", options);
        (void) json_object_set_new(request, "id", json_string(a->words[0]));

        r = session_new(&client, a->socket);
        if (r < 0)
                return r;
        r = session_call(client, "Set", json_incref(request), "change container", a->words[0],
                         &reply);
        if (r < 0 || a->output == OUTPUT_TEXT)
                return r;
        return display_json(a, json_object_get(reply.parameters, "container"));
}

int adjust_rotate(const Arguments *a)
{
        _cleanup_(varlink_client_freep) VarlinkClient *client = NULL;
        const char *driver = json_string_value(json_object_get(a->create, "driver"));
        int r, ret = 0;

        r = session_new(&client, a->socket);
        if (r < 0)
                return r;
        for (unsigned i = 0; i < a->n_words; i++) {
                _cleanup_(varlink_reply_done) VarlinkReply reply = {};

                r = session_call(client, "Rotate",
                                 json_pack("{ss ss*}", "id", a->words[i], "driver", driver),
                                 "rotate the files of container", a->words[i], &reply);
                if (r < 0)
                        ret = r;
        }
        return ret;
}
