/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Errors as sentences; see the header. */

#include "tool/sentence.h"
#include <stdio.h>

#include "base/buffer.h"
#include "tool/escape.h"

/* {name} stands for the error's parameter of that name, {:name} for a number with a colon before
 * it, or for nothing if it is 0. */
static const struct {
        const char *error;
        const char *sentence;
} sentences[] = {
        { "io.conlogd.NoSuchContainer",
          "There is no container {id}. \"conlogctl list\" shows those there are" },
        { "io.conlogd.AmbiguousId",
          "{id} is the beginning or the name of more than one container. Give a whole id" },
        { "io.conlogd.ContainerExists",
          "A container with id {id} exists already. Remove it first, or choose another id" },
        { "io.conlogd.NoSuchExec", "Container {id} has no exec {exec}" },
        { "io.conlogd.ExecExists",
          "Container {id} has an exec {exec} already. Choose another id with --exec=" },
        { "io.conlogd.ContainerRemoving", "Container {id} is being removed" },
        { "io.conlogd.InvalidValue", "Invalid {parameter}: {rule}" },
        { "io.conlogd.NoSuchDriver", "There is no log driver {driver}. There are: {known}" },
        { "io.conlogd.InvalidOption", "Log driver {driver} refuses the option {key}: {rule}" },
        { "io.conlogd.NoFiles", "No log driver of container {id} that was meant has files" },
        { "io.conlogd.LimitReached", "A limit is reached: {limit}, {value}" },
        { "io.conlogd.BadConfiguration", "The configuration is refused: {file}{:line}: {rule}" },
        { "io.conlogd.SystemError", "{message}" },
        { "org.varlink.service.PermissionDenied", "Only root may control conlogd" },
        { "org.varlink.service.InterfaceNotFound",
          "The service at this socket has no interface {interface}: it is not conlogd" },
        { "org.varlink.service.MethodNotFound",
          "This conlogd has no method {method}: it is older than conlogctl. Restart it" },
        { "org.varlink.service.InvalidParameter",
          "This conlogd does not take the parameter {parameter} as it is" },
};

static int append_escaped(Buffer *b, Span text)
{
        _cleanup_free_ char *escaped = escape_new(text);

        return escaped ? buffer_append_string(b, escaped) : -ENOMEM;
}

static int append_value(Buffer *b, json_t *value)
{
        json_t *item;
        size_t i;
        int r;

        if (json_is_integer(value))
                return buffer_printf(b, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        if (json_is_string(value))
                return append_escaped(b, span_from_string(json_string_value(value)));

        json_array_foreach(value, i, item) {
                r = buffer_append_string(b, i > 0 ? ", " : "");
                if (r < 0)
                        return r;
                r = append_escaped(b, span_from_string(json_string_value(item)));
                if (r < 0)
                        return r;
        }
        return 0;
}

static int append_sentence(Buffer *b, const char *sentence, json_t *parameters)
{
        const char *open, *close;
        char name[32];
        int r;

        while ((open = strchr(sentence, '{'))) {
                close = strchr(open, '}');
                (void) snprintf(name, sizeof(name), "%.*s", (int) (close - open - 1), open + 1);
                r = buffer_append(b, sentence, (size_t) (open - sentence));
                if (r < 0)
                        return r;
                if (name[0] != ':')
                        r = append_value(b, json_object_get(parameters, name));
                else if (json_integer_value(json_object_get(parameters, name + 1)) != 0)
                        r = buffer_printf(
                                b, ":%" JSON_INTEGER_FORMAT,
                                json_integer_value(json_object_get(parameters, name + 1)));
                if (r < 0)
                        return r;
                sentence = close + 1;
        }
        return buffer_append_string(b, sentence);
}

/* An error that is newer than we are, as it is. */
static int append_unknown(Buffer *b, const char *error, json_t *parameters)
{
        _cleanup_free_ char *text = json_dumps(parameters, JSON_ENSURE_ASCII);
        int r;

        r = append_escaped(b, span_from_string(error));
        if (r < 0 || !text || json_object_size(parameters) == 0)
                return r;
        return buffer_printf(b, " %s", text);
}

char *sentence_new(const char *error, json_t *parameters)
{
        const char *sentence = NULL;
        Buffer b = {};
        int r;

        for (size_t i = 0; i < ARRAY_SIZE(sentences) && !sentence; i++)
                if (strcmp(sentences[i].error, error) == 0)
                        sentence = sentences[i].sentence;

        r = sentence ? append_sentence(&b, sentence, parameters)
                     : append_unknown(&b, error, parameters);
        if (r < 0 || buffer_append(&b, "", 1) < 0) {
                buffer_done(&b);
                return NULL;
        }
        return b.data;
}
