/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Records of json-file: any bytes are read as one, and written as the text of one. */

#include "fuzz.h"

#include "../stored-reader.h"
#include "record/json-line.h"

static void read_record(Span record)
{
        _cleanup_reading_ Reading d = {};
        Span key, value;

        if (reading_begin(&d, &json_line_format, record) < 0)
                return;
        assert(d.stored.stream < ENTRY_STREAMS);
        /* Its texts have been read: their memory may be used again. */
        while (json_line_format.next_attribute(&d.stored, d.buffer, &key, &value) > 0)
                assert(key.size + value.size < record.size);
}

static void write_record(Span text, bool goes_on)
{
        Entry e = goes_on ? test_part(text, 1, false) : test_line(ENTRY_STDERR, text);
        _cleanup_free_ char *out = malloc(json_line_bound(&e, (Span){}));
        _cleanup_reading_ Reading d = {};
        Timestamp t = {};
        size_t size;

        size = json_line_encode(out, &e, (Span){}, &t);
        assert(size + 16 <= json_line_bound(&e, (Span){}));
        assert(out[size - 1] == '\n');
        for (size_t i = 0; i < size - 1; i++)
                assert((unsigned char) out[i] >= 0x20);

        assert(reading_begin(&d, &json_line_format, (Span){ out, size }) == 0);
        /* A part that ends with a newline is a line for everybody who reads the format. */
        if (goes_on && text.size > 0 && text.data[text.size - 1] == '\n') {
                text.size--;
                goes_on = false;
        }
        assert(span_equal(d.stored.text, text));
        assert(d.stored.goes_on == goes_on);
        assert(d.stored.stream == e.stream && d.stored.realtime_nsec == e.realtime_nsec);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Span input = { (const char *) data, size };

        read_record(input);
        write_record(input, false);
        write_record(input, true);
        return 0;
}

bool fuzz_accepts(const uint8_t *data, size_t size)
{
        _cleanup_reading_ Reading d = {};

        return reading_begin(&d, &json_line_format, (Span){ (const char *) data, size }) == 0;
}
