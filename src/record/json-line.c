/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Records of the json-file driver; see the header. */

#include "record/json-line.h"
#include "record/base64.h"
#include "record/put.h"

static int compare_pairs(const void *a, const void *b)
{
        const Pair *const *x = a, *const *y = b;
        int c = strcmp((*x)->key, (*y)->key);

        /* They point into one array: of the same key the later one comes later. */
        return c != 0 ? c : (*x > *y) - (*x < *y);
}

int json_line_append_attributes(Buffer *b, const Pair *pairs, size_t n_pairs)
{
        _cleanup_free_ const Pair **sorted = NULL;
        size_t room = 2;
        bool lossy;
        char *p;
        int r;

        if (n_pairs == 0)
                return 0;
        sorted = calloc(n_pairs, sizeof(*sorted));
        if (!sorted)
                return -ENOMEM;
        for (size_t i = 0; i < n_pairs; i++) {
                sorted[i] = &pairs[i];
                room += JSON_TEXT_MAX_BYTES(strlen(pairs[i].key)) +
                        JSON_TEXT_MAX_BYTES(strlen(pairs[i].value)) + 6;
        }
        qsort(sorted, n_pairs, sizeof(*sorted), compare_pairs);
        r = buffer_reserve(b, room);
        if (r < 0)
                return r;

        p = b->data + b->size;
        *p++ = '{';
        for (size_t i = 0; i < n_pairs; i++) {
                if (i + 1 < n_pairs && strcmp(sorted[i]->key, sorted[i + 1]->key) == 0)
                        continue;
                *p++ = '"';
                p = json_text_put(p, span_from_string(sorted[i]->key), JSON_TEXT_VALUE, &lossy);
                p = PUT_LITERAL(p, "\":\"");
                p = json_text_put(p, span_from_string(sorted[i]->value), JSON_TEXT_VALUE, &lossy);
                p = PUT_LITERAL(p, "\",");
        }
        p[-1] = '}';
        b->size = (size_t) (p - b->data);
        return 0;
}

/* In groups of three: the newline fills the last one up. */
static char *put_bytes(char *p, Span text, bool has_newline)
{
        size_t whole = text.size - text.size % 3;
        char last[3];
        size_t n = text.size - whole;

        p = PUT_LITERAL(p, ",\"bytes\":\"");
        p = base64_put(p, (Span){ text.data, whole });
        memcpy(last, text.data + whole, n);
        if (has_newline)
                last[n++] = '\n';
        p = base64_put(p, (Span){ last, n });
        return PUT_LITERAL(p, "\"");
}

size_t json_line_encode(char *p, const Entry *e, Span attributes, Timestamp *t)
{
        bool is_line = e->kind == ENTRY_LINE, lossy = false;
        bool goes_on = is_line && e->partial_first > 0 && !e->partial_is_last;
        char loss[LOSS_TEXT_MAX_BYTES], *begin = p;
        Span text = e->text;

        if (e->kind == ENTRY_END)
                return 0;
        if (e->kind == ENTRY_DROPPED)
                text = (Span){ loss, loss_put_text(&e->loss, loss) };

        *p++ = '{';
        /* As Docker: what is empty is not there. */
        if (text.size > 0 || !goes_on) {
                p = PUT_LITERAL(p, "\"log\":\"");
                p = json_text_put(p, text, JSON_TEXT_LOG, &lossy);
                if (!goes_on)
                        p = PUT_LITERAL(p, "\\n");
                p = PUT_LITERAL(p, "\",");
        }
        p = !is_line || e->stream == ENTRY_STDERR ? PUT_LITERAL(p, "\"stream\":\"stderr\"")
                                                  : PUT_LITERAL(p, "\"stream\":\"stdout\"");
        if (attributes.size > 0) {
                p = PUT_LITERAL(p, ",\"attrs\":");
                p = put_span(p, attributes);
        }
        p = PUT_LITERAL(p, ",\"time\":\"");
        p = timestamp_put(p, t, e->realtime_nsec, TIMESTAMP_TRIMMED);
        *p++ = '"';
        if (lossy)
                p = put_bytes(p, text, !goes_on);
        return (size_t) (PUT_LITERAL(p, "}\n") - begin);
}

/* Where a record is read, and where its texts are written. */
typedef struct Cursor {
        Span input;
        char *buffer;
} Cursor;

/* The next byte behind white space; NUL at the end, too. */
static char look(Cursor *c)
{
        for (; c->input.size > 0; c->input = span_skip(c->input, 1)) {
                char next = c->input.data[0];

                if (next != ' ' && next != '\t' && next != '\r' && next != '\n')
                        return next;
        }
        return '\0';
}

static int take(Cursor *c, char expected)
{
        if (look(c) != expected || c->input.size == 0)
                return -EBADMSG;
        c->input = span_skip(c->input, 1);
        return 0;
}

static int take_string(Cursor *c, Span *ret)
{
        int r;

        r = take(c, '"');
        return r < 0 ? r : json_text_take(&c->input, &c->buffer, ret);
}

/* A value that nobody asked for: only where it ends is of interest. */
static int skip_value(Cursor *c)
{
        unsigned depth = 0;
        int r;

        do {
                char next = look(c), *buffer = c->buffer;
                Span text;

                if (next == '\0')
                        return -EBADMSG;
                if (next == '"') {
                        r = take_string(c, &text);
                        if (r < 0)
                                return r;
                        c->buffer = buffer;
                        continue;
                }
                if (next == '{' || next == '[')
                        depth++;
                else if (next == '}' || next == ']') {
                        if (depth == 0)
                                return -EBADMSG;
                        depth--;
                }
                c->input = span_skip(c->input, 1);
        } while (depth > 0 || !strchr(",}", look(c)));
        return 0;
}

/* What "log" or "bytes" says: the newline at the end tells that it is no part that goes on. */
static void set_text(Stored *s, Span text)
{
        s->goes_on = text.size == 0 || text.data[text.size - 1] != '\n';
        s->text = (Span){ text.data, text.size - (s->goes_on ? 0 : 1) };
}

static int take_member(Cursor *c, Stored *s, bool *has_stream, bool *has_time)
{
        Span key, value;
        const char *begin;
        ssize_t size;
        int r;

        r = take_string(c, &key);
        if (r < 0)
                return r;
        r = take(c, ':');
        if (r < 0)
                return r;

        if (span_equal_string(key, "attrs")) {
                if (look(c) != '{')
                        return -EBADMSG;
                begin = c->input.data;
                r = skip_value(c);
                s->attributes = (Span){ begin, (size_t) (c->input.data - begin) };
                return r;
        }
        if (look(c) != '"')
                return skip_value(c);

        r = take_string(c, &value);
        if (r < 0)
                return r;
        if (span_equal_string(key, "log"))
                set_text(s, value);
        else if (span_equal_string(key, "stream")) {
                *has_stream = true;
                return stored_parse_stream(value, &s->stream);
        } else if (span_equal_string(key, "time")) {
                *has_time = true;
                return timestamp_parse(value, &s->realtime_nsec) < 0 ? -EBADMSG : 0;
        } else if (span_equal_string(key, "bytes")) {
                /* Its own text is what it is decoded into: it only becomes shorter. */
                size = base64_decode((char *) value.data, value);
                if (size >= 0)
                        set_text(s, (Span){ value.data, (size_t) size });
        }
        return 0;
}

static int json_line_decode(Span record, char *buffer, Stored *ret)
{
        Cursor c = { record, buffer };
        Stored s = { .goes_on = true };
        bool has_stream = false, has_time = false;
        int r;

        r = take(&c, '{');
        if (r < 0)
                return r;
        for (;;) {
                r = take_member(&c, &s, &has_stream, &has_time);
                if (r < 0)
                        return r;
                if (take(&c, ',') < 0)
                        break;
        }
        r = take(&c, '}');
        if (r < 0)
                return r;
        if (look(&c) != '\0' || c.input.size > 0 || !has_stream || !has_time)
                return -EBADMSG;
        *ret = s;
        return 0;
}

static int json_line_next_attribute(Stored *s, char *buffer, Span *ret_key, Span *ret_value)
{
        Cursor c = { s->attributes, buffer };

        /* The rest begins with the brace or comma before the next pair. */
        if (s->attributes.size == 0)
                return 0;
        c.input = span_skip(c.input, 1);
        if (take_string(&c, ret_key) < 0 || take(&c, ':') < 0 || take_string(&c, ret_value) < 0) {
                s->attributes = (Span){};
                return 0;
        }
        (void) look(&c);
        s->attributes = c.input;
        return 1;
}

const StoredFormat json_line_format = {
        .next = stored_next_line,
        .previous = stored_previous_line,
        .decode = json_line_decode,
        .next_attribute = json_line_next_attribute,
};
