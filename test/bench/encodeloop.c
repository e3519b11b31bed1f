/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * encodeloop: what the encodings of the file drivers cost alone, without reading, cutting or
 * writing. Prints a row for each format and kind of line: CPU time of a million lines of 100 bytes
 * encoded, and decoded, beside memcpy(3) of the same lines.
 *
 *     test/encodeloop [LINES]
 */

#include <stdio.h>
#include <time.h>

#include "base/parse.h"
#include "record/cri-line.h"
#include "record/json-line.h"
#include "record/local-frame.h"

#define LINE_BYTES 100U
#define LINES_DEFAULT 2000000U

/* Lines of one turn have one time. */
#define TURN_LINES 256U

#define EPOCH "0123456789abcdef0123456789abcdef"

typedef enum Format {
        FORMAT_JSON,
        FORMAT_CRI,
        FORMAT_LOCAL,
        FORMAT_NONE,
        FORMATS,
} Format;

static const struct {
        const char *name;
        const StoredFormat *stored;
} formats[FORMATS] = {
        [FORMAT_JSON] = { "json-file", &json_line_format },
        [FORMAT_CRI] = { "k8s-file", &cri_line_format },
        [FORMAT_LOCAL] = { "local", &local_frame_format },
        [FORMAT_NONE] = { "memcpy", NULL },
};

/* A hundred bytes are repeated from these. */
static const struct {
        const char *name;
        const char *text;
} kinds[] = {
        { "letters", "The quick brown fox jumps over the lazy dog, again and again, 0123456789. " },
        { "JSON", "{\"level\":\"info\",\"ts\":1795312221.12,\"caller\":\"http.go:42\",\"msg\":" },
        { "cyrillic", "Съешь же ещё этих мягких французских булок да выпей чаю. " },
        { "binary", "\xff\x01\xfe\x80 a\x7f\x1b[31m\xc3\xa9\xe2\x82" },
};

static double clock_seconds(void)
{
        struct timespec ts;

        (void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
        return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}

/* As the drivers do it: first the room, then the record. */
static size_t encode(Format format, char *p, size_t room, const Entry *e, Timestamp *t)
{
        size_t bound = format == FORMAT_JSON    ? json_line_bound(e, (Span){})
                       : format == FORMAT_CRI   ? cri_line_bound(e)
                       : format == FORMAT_LOCAL ? local_frame_bound(e, (Span){})
                                                : e->text.size;

        if (bound > room)
                abort();

        switch (format) {
        case FORMAT_JSON:
                return json_line_encode(p, e, (Span){}, t);
        case FORMAT_CRI:
                return cri_line_encode(p, e, t);
        case FORMAT_LOCAL:
                return local_frame_encode(p, e, EPOCH, (Span){});
        default:
                memcpy(p, e->text.data, e->text.size);
                return e->text.size;
        }
}

/* A turn's records again and again. */
static double measure_decode(const StoredFormat *format, Span records, uint64_t n_lines)
{
        char buffer[4096];
        double begin = clock_seconds();

        for (uint64_t n = 0; n < n_lines; n += TURN_LINES) {
                Span rest = records, record;
                Stored s;

                while (format->next(rest, false, &record) > 0) {
                        if (format->decode(record, buffer, &s) < 0)
                                abort();
                        rest = span_skip(rest, record.size);
                }
        }
        return clock_seconds() - begin;
}

static void measure(Format format, size_t kind, uint64_t n_lines)
{
        static char turn[TURN_LINES * 1024];
        Timestamp t = {};
        Entry e = { .kind = ENTRY_LINE, .realtime_nsec = UINT64_C(1795312221000000000) };
        char text[LINE_BYTES];
        double begin, encoded, decoded = 0;
        size_t size = 0;

        for (size_t i = 0; i < sizeof(text); i++)
                text[i] = kinds[kind].text[i % strlen(kinds[kind].text)];

        begin = clock_seconds();
        for (uint64_t n = 0; n < n_lines; n++) {
                if (n % TURN_LINES == 0) {
                        size = 0;
                        e.realtime_nsec += 100000;
                }
                e.stream = (EntryStream) (n % 2);
                e.text = (Span){ text, sizeof(text) };
                size += encode(format, turn + size, sizeof(turn) - size, &e, &t);
        }
        encoded = clock_seconds() - begin;
        if (formats[format].stored)
                decoded = measure_decode(formats[format].stored, (Span){ turn, size }, n_lines);

        printf("%-9s %-8s %8.3f %8.3f\n", formats[format].name, kinds[kind].name,
               encoded * 1e6 / (double) n_lines, decoded * 1e6 / (double) n_lines);
}

int main(int argc, char **argv)
{
        uint64_t n_lines = LINES_DEFAULT;

        if (argc > 2 ||
            (argc == 2 && parse_unsigned(argv[1], TURN_LINES, UINT64_MAX, &n_lines) < 0)) {
                fprintf(stderr, "usage: %s [LINES]\n", argv[0]);
                return EXIT_FAILURE;
        }
        n_lines -= n_lines % TURN_LINES;

        puts("FORMAT    LINES      ENCODE   DECODE  (CPU s for a million lines of 100 bytes)");
        for (Format f = 0; f < FORMATS; f++)
                for (size_t kind = 0; kind < ARRAY_SIZE(kinds); kind++)
                        measure(f, kind, n_lines);
        return EXIT_SUCCESS;
}
