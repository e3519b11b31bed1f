/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Lines on our own standard streams; see the header. */

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/log.h"
#include "record/base64.h"
#include "record/fields.h"
#include "record/json-text.h"
#include "tool/escape.h"
#include "tool/printer.h"

/* Written at once: little first, so that somebody sees something, then more and more. */
#define CHUNK_MIN_BYTES (4U * 1024)
#define CHUNK_MAX_BYTES (256U * 1024)

#define RED "\033[31m"
#define NORMAL "\033[0m"

static bool is_same_file(int a, int b)
{
        struct stat st, other;

        return fstat(a, &st) >= 0 && fstat(b, &other) >= 0 && st.st_dev == other.st_dev &&
               st.st_ino == other.st_ino;
}

void printer_init(Printer *printer)
{
        const char *term = getenv("TERM");
        bool has_colours = !getenv("NO_COLOR") && term && strcmp(term, "dumb") != 0;

        for (int i = 0; i < ENTRY_STREAMS; i++) {
                PrinterStream *s = printer->streams + i;

                s->chunk = CHUNK_MIN_BYTES;
                s->fd = i == ENTRY_STDERR ? STDERR_FILENO : STDOUT_FILENO;
                s->is_terminal = isatty(s->fd);
                s->is_coloured = s->is_terminal && has_colours && i == ENTRY_STDERR;
        }
        printer->is_one = is_same_file(STDOUT_FILENO, STDERR_FILENO);
        printer->clock_second = UINT64_MAX;
        if (gethostname(printer->host, sizeof(printer->host) - 1) < 0)
                *printer->host = '\0';
}

void printer_done(Printer *printer)
{
        for (size_t i = 0; i < ENTRY_STREAMS; i++)
                buffer_done(&printer->streams[i].buffer);
}

static int stream_write(PrinterStream *s)
{
        size_t done = 0;

        while (done < s->buffer.size) {
                ssize_t n = write(s->fd, s->buffer.data + done, s->buffer.size - done);

                if (n >= 0)
                        done += (size_t) n;
                else if (errno == EAGAIN) {
                        struct pollfd fd = { .fd = s->fd, .events = POLLOUT };

                        (void) poll(&fd, 1, -1);
                } else if (errno != EINTR)
                        return log_error_errno(errno, "Failed to write the lines: %m");
        }
        buffer_clear(&s->buffer);
        return 0;
}

int printer_flush(Printer *printer)
{
        for (size_t i = 0; i < ENTRY_STREAMS; i++) {
                int r = stream_write(printer->streams + i);

                if (r < 0)
                        return r;
        }
        return 0;
}

static bool is_ascii(Span text)
{
        for (size_t i = 0; i < text.size; i++)
                if (text.data[i] < ' ' || text.data[i] > '~')
                        return false;
        return true;
}

/* Tabs are harmless, and a line may be one of several. */
static int put_text(const PrinterStream *s, Buffer *b, Span text)
{
        if (s->is_terminal && !is_ascii(text))
                return escape_append(b, text, "\t\n");
        return buffer_append_span(b, text);
}

static int put_timestamp(Printer *printer, Buffer *b, uint64_t nsec)
{
        int r = buffer_append_span(b, timestamp_format(&printer->timestamp, nsec, TIMESTAMP_NINE));

        return r < 0 ? r : buffer_append(b, " ", 1);
}

static int compare_attributes(const void *a, const void *b)
{
        const LogAttribute *left = a, *right = b;
        int c = memcmp(left->key.data, right->key.data, MIN(left->key.size, right->key.size));

        return c != 0 ? c : (left->key.size > right->key.size) - (left->key.size < right->key.size);
}

/* As in the query of a URL: that is how "docker logs --details" has them. */
static int put_query(Buffer *b, Span text)
{
        static const char hex[] = "0123456789ABCDEF";
        int r;

        r = buffer_reserve(b, 3 * text.size);
        for (size_t i = 0; i < text.size && r >= 0; i++) {
                unsigned char c = (unsigned char) text.data[i];

                if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                    (c > 0 && strchr("-_.~", c)))
                        r = buffer_append(b, text.data + i, 1);
                else if (c == ' ')
                        r = buffer_append(b, "+", 1);
                else
                        r = buffer_append(b, (char[]){ '%', hex[c >> 4], hex[c & 15] }, 3);
        }
        return r;
}

/* "key=value,key=value ", sorted. */
static int put_details(Buffer *b, const LogRecord *record)
{
        LogAttribute sorted[LOG_ATTRIBUTES_MAX];
        size_t n = MIN(record->n_attributes, ARRAY_SIZE(sorted));
        int r = 0;

        if (n > 0)
                memcpy(sorted, record->attributes, n * sizeof(*sorted));
        qsort(sorted, n, sizeof(*sorted), compare_attributes);
        for (size_t i = 0; i < n && r >= 0; i++) {
                r = i > 0 ? buffer_append(b, ",", 1) : 0;
                if (r >= 0)
                        r = put_query(b, sorted[i].key);
                if (r >= 0)
                        r = buffer_append(b, "=", 1);
                if (r >= 0)
                        r = put_query(b, sorted[i].value);
        }
        return r < 0 ? r : buffer_append(b, " ", 1);
}

/* "Nov 21 20:23:07 host tag: ". */
static int put_head(Printer *printer, const PrinterStream *s, Buffer *b, const LogRecord *record)
{
        uint64_t second = record->nsec / 1000000000;
        int r;

        if (second != printer->clock_second) {
                time_t seconds = (time_t) second;
                struct tm tm;

                (void) localtime_r(&seconds, &tm);
                if (strftime(printer->clock, sizeof(printer->clock), "%b %d %H:%M:%S ", &tm) == 0)
                        *printer->clock = '\0';
                printer->clock_second = second;
        }
        r = buffer_append_string(b, printer->clock);
        if (r >= 0)
                r = put_text(s, b,
                             record->host.size > 0 ? record->host
                                                   : span_from_string(printer->host));
        if (r >= 0)
                r = buffer_append(b, " ", 1);
        if (r >= 0)
                r = put_text(s, b,
                             record->tag.size > 0 ? record->tag : span_from_string(printer->tag));
        return r < 0 ? r : buffer_append(b, ": ", 2);
}

static int put_line(Printer *printer, const PrinterStream *s, Buffer *b, const JoinedLine *line)
{
        const LogRecord *record = line->record;
        int r = 0;

        if (s->is_coloured)
                r = buffer_append_string(b, RED);
        if (!line->is_piece) {
                if (r >= 0 && printer->has_timestamps)
                        r = put_timestamp(printer, b, record->nsec);
                if (r >= 0 && printer->format == PRINTER_SHORT)
                        r = put_head(printer, s, b, record);
                if (r >= 0 && printer->has_details)
                        r = put_details(b, record);
        }
        if (r >= 0)
                r = put_text(s, b, record->text);
        if (r >= 0 && s->is_coloured)
                r = buffer_append_string(b, NORMAL);
        if (r >= 0 && !line->goes_on)
                r = buffer_append(b, "\n", 1);
        return r;
}

static char *memdup(Span s)
{
        char *copy = malloc(MAX(s.size, (size_t) 1));

        return copy ? memcpy(copy, s.data, s.size) : NULL;
}

/* A string of JSON with its quotes. lossy: it is no UTF-8. */
static int put_json_string(const PrinterStream *s, Buffer *b, Span text, bool *lossy)
{
        _cleanup_free_ char *copy = NULL;
        Span written;
        char *p;
        int r;

        r = buffer_reserve(b, JSON_TEXT_MAX_BYTES(text.size) + 2);
        if (r < 0)
                return r;
        written.data = p = b->data + b->size;
        *p++ = '"';
        p = json_text_put(p, text, JSON_TEXT_VALUE, lossy);
        *p++ = '"';
        written.size = (size_t) (p - written.data);
        if (!s->is_terminal || is_ascii(written)) {
                b->size += written.size;
                return 0;
        }

        /* What JSON need not escape but a terminal would obey. */
        written.data = copy = memdup(written);
        return copy ? escape_append_json(b, written) : -ENOMEM;
}

static int put_json_member(const PrinterStream *s, Buffer *b, const char *key, Span value)
{
        bool lossy = false;
        int r;

        r = buffer_printf(b, "\"%s\":", key);
        if (r >= 0)
                r = put_json_string(s, b, value, &lossy);
        return r < 0 ? r : buffer_append(b, ",", 1);
}

static int put_json_number(Buffer *b, const char *key, uint64_t n)
{
        int r;

        r = buffer_printf(b, "\"%s\":", key);
        if (r >= 0)
                r = buffer_reserve(b, 21);
        if (r < 0)
                return r;
        b->size = (size_t) (fields_put_decimal(b->data + b->size, n) - b->data);
        return buffer_append(b, ",", 1);
}

static int put_json_attributes(const PrinterStream *s, Buffer *b, const LogRecord *record)
{
        bool lossy = false;
        int r;

        r = buffer_append_string(b, "\"attrs\":{");
        for (size_t i = 0; i < record->n_attributes && r >= 0; i++) {
                r = i > 0 ? buffer_append(b, ",", 1) : 0;
                if (r >= 0)
                        r = put_json_string(s, b, record->attributes[i].key, &lossy);
                if (r >= 0)
                        r = buffer_append(b, ":", 1);
                if (r >= 0)
                        r = put_json_string(s, b, record->attributes[i].value, &lossy);
        }
        return r < 0 ? r : buffer_append_string(b, "},");
}

/* The line, and if it is no UTF-8 its bytes as well. */
static int put_json_text(const PrinterStream *s, Buffer *b, Span text)
{
        bool lossy = false;
        int r;

        r = buffer_append_string(b, "\"line\":");
        if (r >= 0)
                r = put_json_string(s, b, text, &lossy);
        if (r < 0 || !lossy)
                return r;
        r = buffer_append_string(b, ",\"bytes\":\"");
        if (r >= 0)
                r = buffer_reserve(b, (text.size + 2) / 3 * 4);
        if (r < 0)
                return r;
        b->size = (size_t) (base64_put(b->data + b->size, text) - b->data);
        return buffer_append(b, "\"", 1);
}

static int put_json(Printer *printer, const PrinterStream *s, Buffer *b, const JoinedLine *line)
{
        const LogRecord *record = line->record;
        int r;

        r = buffer_append(b, "{", 1);
        if (r >= 0)
                r = put_json_member(
                        s, b, "time",
                        timestamp_format(&printer->timestamp, record->nsec, TIMESTAMP_NINE));
        if (r >= 0)
                r = put_json_member(s, b, "stream",
                                    span_from_string(entry_stream_to_string(record->stream)));
        if (r >= 0 && record->epoch.size > 0 && record->ordinal > 0) {
                r = put_json_member(s, b, "epoch", record->epoch);
                if (r >= 0)
                        r = put_json_number(b, "ordinal", record->ordinal);
        }
        if (r >= 0 && record->exec.size > 0)
                r = put_json_member(s, b, "exec", record->exec);
        if (r >= 0 && printer->has_details)
                r = put_json_attributes(s, b, record);
        if (r >= 0)
                r = put_json_text(s, b, record->text);
        if (r >= 0 && line->goes_on)
                r = buffer_append_string(b, ",\"goesOn\":true");
        return r < 0 ? r : buffer_append(b, "}\n", 2);
}

int printer_put(Printer *printer, const JoinedLine *line)
{
        bool is_json = printer->format == PRINTER_JSON;
        PrinterStream *s = printer->streams + (is_json ? ENTRY_STDOUT : line->record->stream);
        PrinterStream *to = printer->is_one ? printer->streams + ENTRY_STDOUT : s;
        int r;

        r = is_json ? put_json(printer, s, &to->buffer, line)
                    : put_line(printer, s, &to->buffer, line);
        if (r < 0)
                return log_error_errno(r, "Failed to print a line: %m");
        if (to->buffer.size < to->chunk)
                return 0;
        to->chunk = MIN(to->chunk * 2, (size_t) CHUNK_MAX_BYTES);
        return stream_write(to);
}
