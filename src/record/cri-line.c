/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Records of the k8s-file driver; see the header. */

#include "record/cri-line.h"
#include "record/put.h"

/* Time, stream and tag, each with a space, and the newline. */
#define FRAMING_MAX_BYTES (TIMESTAMP_MAX_BYTES + sizeof(" stdout F \n") - 1)

/* The end of the first line in what is left of the text, where there is one. */
static const char *find_newline(const Entry *e, Span rest)
{
        return e->is_joined && rest.size > 0 ? memchr(rest.data, '\n', rest.size) : NULL;
}

size_t cri_line_bound(const Entry *e)
{
        size_t lines = 1;
        const char *newline;

        for (Span rest = e->text; (newline = find_newline(e, rest)); lines++)
                rest = span_skip(rest, (size_t) (newline + 1 - rest.data));
        return lines * FRAMING_MAX_BYTES + MAX(e->text.size, (size_t) LOSS_TEXT_MAX_BYTES);
}

size_t cri_line_encode(char *p, const Entry *e, Timestamp *t)
{
        bool is_line = e->kind == ENTRY_LINE;
        bool goes_on = is_line && e->partial_first > 0 && !e->partial_is_last;
        char loss[LOSS_TEXT_MAX_BYTES], *begin = p;
        Span rest = e->text;
        const char *newline;

        if (e->kind == ENTRY_END)
                return 0;
        if (e->kind == ENTRY_DROPPED)
                rest = (Span){ loss, loss_put_text(&e->loss, loss) };

        do {
                Span text = rest;

                newline = find_newline(e, rest);
                if (newline) {
                        text.size = (size_t) (newline - rest.data);
                        rest = span_skip(rest, text.size + 1);
                }
                p = timestamp_put(p, t, e->realtime_nsec, TIMESTAMP_NINE);
                p = !is_line || e->stream == ENTRY_STDERR ? PUT_LITERAL(p, " stderr ")
                                                          : PUT_LITERAL(p, " stdout ");
                p = !newline && goes_on ? PUT_LITERAL(p, "P ") : PUT_LITERAL(p, "F ");
                p = put_span(p, text);
                *p++ = '\n';
        } while (newline);
        return (size_t) (p - begin);
}

/* Takes what is before the next space, and the space. */
static int take_word(Span *input, Span *ret)
{
        const char *space = input->size > 0 ? memchr(input->data, ' ', input->size) : NULL;

        if (!space)
                return -EBADMSG;
        *ret = (Span){ input->data, (size_t) (space - input->data) };
        *input = span_skip(*input, ret->size + 1);
        return 0;
}

static int cri_line_decode(Span record, char *buffer, Stored *ret)
{
        Span time, stream, tags;
        Stored s = {};
        int r;

        if (record.size == 0 || record.data[record.size - 1] != '\n')
                return -EBADMSG;
        record.size--;

        r = take_word(&record, &time);
        if (r < 0)
                return r;
        r = take_word(&record, &stream);
        if (r < 0)
                return r;
        r = take_word(&record, &tags);
        if (r < 0)
                return r;
        r = stored_parse_stream(stream, &s.stream);
        if (r < 0)
                return r;
        if (timestamp_parse(time, &s.realtime_nsec) < 0)
                return -EBADMSG;

        /* The first tag says it; further ones, behind colons, are for readers to come. */
        if (tags.size == 0 || (tags.data[0] != 'F' && tags.data[0] != 'P') ||
            (tags.size > 1 && tags.data[1] != ':'))
                return -EBADMSG;
        s.goes_on = tags.data[0] == 'P';
        s.text = record;
        *ret = s;
        return 0;
}

static int cri_line_next_attribute(Stored *s, char *buffer, Span *ret_key, Span *ret_value)
{
        return 0;
}

const StoredFormat cri_line_format = {
        .next = stored_next_line,
        .previous = stored_previous_line,
        .decode = cri_line_decode,
        .next_attribute = cri_line_next_attribute,
};
