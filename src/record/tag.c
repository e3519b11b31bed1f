/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The tag; see the header. */

#include <stdio.h>

#include "record/tag.h"

#define WHITE " \t\r\n"

static int refuse(char reason[REASON_MAX_BYTES], const char *what)
{
        (void) snprintf(reason, REASON_MAX_BYTES,
                        "%s; a tag is text with any of {{.ID}}, {{.FullID}}, {{.Name}}, "
                        "{{.ImageID}}, {{.ImageFullID}}, {{.ImageName}}, {{.Hostname}}, "
                        "{{.DaemonName}}, {{index .ContainerLabels \"key\"}} and "
                        "{{index .ContainerEnv \"KEY\"}}, at most %u bytes when expanded",
                        what, TAG_MAX_BYTES);
        return -EINVAL;
}

/* Takes literal off the front of in, if it is there. */
static bool take_literal(Span *in, const char *literal)
{
        Span prefix = span_from_string(literal);

        if (!span_starts_with(*in, prefix))
                return false;
        *in = span_skip(*in, prefix.size);
        return true;
}

/* Takes the bytes up to the first one of stops, or all. */
static Span take_until(Span *in, const char *stops)
{
        Span taken = { .data = in->data };

        while (taken.size < in->size && !memchr(stops, in->data[taken.size], strlen(stops)))
                taken.size++;
        *in = span_skip(*in, taken.size);
        return taken;
}

static void skip_white(Span *in)
{
        while (in->size > 0 && memchr(WHITE, in->data[0], strlen(WHITE)))
                *in = span_skip(*in, 1);
}

static Span short_id(const char *id)
{
        static const char algorithm[] = "sha256:";

        if (!id)
                return (Span){};
        if (strncmp(id, algorithm, strlen(algorithm)) == 0)
                id += strlen(algorithm);
        return (Span){ .data = id, .size = facts_short_id_size(id) };
}

static bool find_field(const Facts *facts, Span name, Span *ret)
{
        const struct {
                const char *name;
                Span value;
        } fields[] = {
                { ".ID", short_id(facts->id) },
                { ".FullID", span_from_string(facts->id) },
                { ".Name", span_from_string(facts->name) },
                { ".ImageID", short_id(facts->image_id) },
                { ".ImageFullID", span_from_string(facts->image_id) },
                { ".ImageName", span_from_string(facts->image) },
                { ".Hostname", span_from_string(facts->hostname) },
                { ".DaemonName", SPAN_LITERAL("conlogd") },
        };

        for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
                if (span_equal_string(name, fields[i].name)) {
                        *ret = fields[i].value;
                        return true;
                }
        return false;
}

/* The value of a label or variable; an absent one is empty. */
static bool find_indexed(const Facts *facts, Span map, Span key, Span *ret)
{
        const Pair *pairs;
        size_t n_pairs;

        if (span_equal_string(map, ".ContainerLabels")) {
                pairs = facts->labels;
                n_pairs = facts->n_labels;
        } else if (span_equal_string(map, ".ContainerEnv")) {
                pairs = facts->env;
                n_pairs = facts->n_env;
        } else
                return false;

        *ret = (Span){};
        for (size_t i = 0; i < n_pairs; i++)
                if (span_equal_string(key, pairs[i].key)) {
                        *ret = span_from_string(pairs[i].value);
                        break;
                }
        return true;
}

/* Takes one expression, from after its opening braces to after its closing ones. */
static bool take_expression(Span *in, const Facts *facts, Span *ret)
{
        Span word, key;

        skip_white(in);
        word = take_until(in, WHITE "}");
        if (span_equal_string(word, "index")) {
                skip_white(in);
                word = take_until(in, WHITE "}");
                skip_white(in);
                if (!take_literal(in, "\""))
                        return false;
                /* Go would give a backslash a meaning; keys that need one are rare enough. */
                key = take_until(in, "\"\\");
                if (!take_literal(in, "\"") || !find_indexed(facts, word, key, ret))
                        return false;
        } else if (!find_field(facts, word, ret))
                return false;

        skip_white(in);
        return take_literal(in, "}}");
}

int tag_expand(Span template, const Facts *facts, Buffer *ret, char reason[REASON_MAX_BYTES])
{
        static const Facts none = {};
        _cleanup_buffer_ Buffer tag = {};
        Span rest = template;
        int r;

        if (template.size == 0)
                return refuse(reason, "The tag is empty");

        while (rest.size > 0) {
                Span piece;

                if (take_literal(&rest, "{{")) {
                        if (!take_expression(&rest, facts ?: &none, &piece))
                                return refuse(reason, "Braces with an unknown field or no end");
                } else {
                        size_t n = rest.data[0] == '{'; /* a brace that stands alone */
                        Span after = span_skip(rest, n);

                        piece = (Span){ rest.data, n + take_until(&after, "{").size };
                        rest = after;
                }
                if (piece.size > TAG_MAX_BYTES - tag.size)
                        return refuse(reason, "The tag is too long");
                r = buffer_append_span(&tag, piece);
                if (r < 0)
                        return r;
        }
        return ret ? buffer_append_span(ret, buffer_span(&tag)) : 0;
}
