/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Bytes in, exact bytes out: what a container wrote, and the log file that each driver makes of it.
 *
 *     test-golden DIRECTORY
 *
 * DIRECTORY/input/CASE is what it wrote, DIRECTORY/DRIVER/CASE the file. No code of ours has made
 * them. Those of json-file are dockerd's (20.10.24, Debian), with the key "bytes" put in by Python
 * where a text is no UTF-8; so are those of local without parts and attributes. All others follow
 * from the text and times of these by the rules of the format, written down in Python. "ends" has
 * carriage returns, which Docker keeps and conlogd cuts off.
 */

#undef NDEBUG

#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "../stored-reader.h"
#include "record/cri-line.h"
#include "record/json-line.h"
#include "record/line.h"
#include "record/local-frame.h"

/* Where Docker cuts a line. */
#define LIMIT_BYTES (16U * 1024)

static const char *const cases[] = { "plain",   "bytes", "utf-8",     "parts",
                                     "hostile", "ends",  "attributes" };

/* Labels, variables, then the tag; of the two zones the variable counts. */
static const Pair pairs[] = {
        { "zone", "a<b>&\"c\"" }, { "tab", "x\ty" }, { "a.b", "é" },
        { "empty", "" },          { "Z", "1" },      { "zone", "fromenv" },
        { "tag", "attrs/x" },
};

typedef enum Format {
        FORMAT_JSON,
        FORMAT_CRI,
        FORMAT_LOCAL,
        FORMATS,
} Format;

static const struct {
        const char *driver;
        const StoredFormat *stored;
} formats[FORMATS] = {
        [FORMAT_JSON] = { "json-file", &json_line_format },
        [FORMAT_CRI] = { "k8s-file", &cri_line_format },
        [FORMAT_LOCAL] = { "local", &local_frame_format },
};

static void load(const char *directory, const char *kind, const char *name, Buffer *b)
{
        _cleanup_close_ int fd = -1;
        char path[PATH_MAX];
        struct stat st;

        (void) snprintf(path, sizeof(path), "%s/%s/%s", directory, kind, name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0)
                err(EXIT_FAILURE, "%s", path);
        assert(buffer_reserve(b, (size_t) st.st_size) == 0);
        assert(read(fd, b->data, (size_t) st.st_size) == st.st_size);
        b->size = (size_t) st.st_size;
}

/* The entry that the stream makes of the next line, without its time, from the one before. */
static bool next_entry(Span *input, Entry *e)
{
        const Entry before = *e;
        bool goes_on = before.partial_first > 0 && !before.partial_is_last;
        Line line;

        if (line_next(*input, LIMIT_BYTES, true, &line) == 0)
                return false;
        *input = span_skip(*input, line.size);
        *e = (Entry){
                .kind = ENTRY_LINE,
                .text = line.text,
                .ordinal = before.ordinal + 1,
        };
        if (goes_on || line.end == LINE_END_LIMIT) {
                e->partial_first = goes_on ? before.partial_first : e->ordinal;
                e->partial_ordinal = goes_on ? before.partial_ordinal + 1 : 1;
                e->partial_is_last = line.end != LINE_END_LIMIT;
        }
        return true;
}

static void append(Buffer *out, Format format, const Entry *e, Span attributes, Timestamp *t)
{
        size_t bound = format == FORMAT_JSON  ? json_line_bound(e, attributes)
                       : format == FORMAT_CRI ? cri_line_bound(e)
                                              : local_frame_bound(e, attributes);
        char *p;

        assert(buffer_reserve(out, bound) == 0);
        p = out->data + out->size;
        out->size += format == FORMAT_JSON  ? json_line_encode(p, e, attributes, t)
                     : format == FORMAT_CRI ? cri_line_encode(p, e, t)
                                            : local_frame_encode(p, e, TEST_EPOCH, attributes);
}

static void check_attributes(const StoredFormat *format, Stored *s, char *buffer)
{
        Span key, value;
        size_t n = 0;

        while (format->next_attribute(s, buffer, &key, &value) > 0) {
                bool is_known = false;

                for (size_t i = 1; i < ARRAY_SIZE(pairs); i++)
                        is_known |= span_equal_string(key, pairs[i].key) &&
                                    span_equal_string(value, pairs[i].value);
                assert(is_known);
                n++;
        }
        assert(n == ARRAY_SIZE(pairs) - 1);
}

/* Each record of the file is one entry of the input, in both directions. */
static void check(const char *directory, const char *name, Format format)
{
        _cleanup_buffer_ Buffer in = {}, out = {}, file = {}, attributes = {}, memory = {};
        bool has_attributes = strcmp(name, "attributes") == 0;
        const StoredFormat *stored = formats[format].stored;
        Span input, rest, record;
        Timestamp t = {};
        Entry e = {};
        size_t n = 0;

        load(directory, "input", name, &in);
        load(directory, formats[format].driver, name, &file);
        if (has_attributes && format == FORMAT_JSON)
                assert(json_line_append_attributes(&attributes, pairs, ARRAY_SIZE(pairs)) == 0);
        if (has_attributes && format == FORMAT_LOCAL)
                assert(local_frame_append_attributes(&attributes, pairs, ARRAY_SIZE(pairs)) == 0);

        input = buffer_span(&in);
        rest = buffer_span(&file);
        for (; next_entry(&input, &e); n++) {
                Stored s;

                assert(stored->next(rest, false, &record) == 1);
                assert(record.data == rest.data);
                rest = span_skip(rest, record.size);
                assert(buffer_reserve(&memory, STORED_BUFFER_BYTES(record.size)) == 0);
                assert(stored->decode(record, memory.data, &s) == 0);

                e.realtime_nsec = s.realtime_nsec;
                e.stream = has_attributes && n > 0 ? ENTRY_STDERR : ENTRY_STDOUT;
                append(&out, format, &e, buffer_span(&attributes), &t);

                assert(s.stream == e.stream);
                assert(span_equal(s.text, e.text));
                assert(s.goes_on == (e.partial_first > 0 && !e.partial_is_last));
                if (attributes.size > 0)
                        check_attributes(stored, &s, memory.data);
        }
        assert(n > 1 && rest.size == 0);
        assert(span_equal(buffer_span(&out), buffer_span(&file)));

        /* And from the end. */
        for (rest = buffer_span(&file); stored->previous(rest, true, &record) > 0; n--) {
                assert(record.data + record.size == rest.data + rest.size);
                rest.size -= record.size;
        }
        assert(n == 0 && rest.size == 0);
}

int main(int argc, char **argv)
{
        assert(argc == 2);
        for (Format f = 0; f < FORMATS; f++) {
                for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                        check(argv[1], cases[i], f);
                printf("ok: %s\n", formats[f].driver);
        }
        return EXIT_SUCCESS;
}
