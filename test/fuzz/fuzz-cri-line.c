/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Records of k8s-file: any bytes are read as a file of them, and written as the text of one. */

#include "fuzz.h"

#include "../stored-reader.h"
#include "record/cri-line.h"

/* From the front and from the back the records are the same. */
static void read_file(Span file)
{
        Span rest = file, record;
        size_t n = 0;

        for (; cri_line_format.next(rest, true, &record) > 0; n++) {
                _cleanup_reading_ Reading d = {};

                assert(record.data == rest.data && record.size > 0);
                rest = span_skip(rest, record.size);
                if (reading_begin(&d, &cri_line_format, record) == 0)
                        assert(d.stored.text.size < record.size);
        }
        for (rest = file; cri_line_format.previous(rest, true, &record) > 0; n--)
                rest.size = (size_t) (record.data - rest.data);
        assert(n == 0);
}

static void write_records(Span text, bool goes_on)
{
        Entry e = goes_on ? test_part(text, 1, false) : test_line(ENTRY_STDERR, text);
        _cleanup_free_ char *out = malloc(cri_line_bound(&e));
        Timestamp t = {};
        Span rest, record;

        rest = (Span){ out, cri_line_encode(out, &e, &t) };
        assert(rest.size <= cri_line_bound(&e));
        while (cri_line_format.next(rest, true, &record) > 0) {
                _cleanup_reading_ Reading d = {};
                Span line = d.stored.text;

                rest = span_skip(rest, record.size);
                assert(reading_begin(&d, &cri_line_format, record) == 0);
                line = d.stored.text;
                assert(span_starts_with(text, line));
                text = span_skip(text, line.size);
                assert(d.stored.goes_on == (goes_on && rest.size == 0));
                if (rest.size > 0) {
                        assert(text.data[0] == '\n');
                        text = span_skip(text, 1);
                }
        }
        assert(text.size == 0 && rest.size == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Span input = { (const char *) data, size };

        read_file(input);
        write_records(input, false);
        write_records(input, true);
        return 0;
}

bool fuzz_accepts(const uint8_t *data, size_t size)
{
        _cleanup_reading_ Reading d = {};

        return reading_begin(&d, &cri_line_format, (Span){ (const char *) data, size }) == 0;
}
