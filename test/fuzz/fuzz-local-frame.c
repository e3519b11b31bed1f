/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Records of local: any bytes are read as a file of them, from both ends, and written as the text
 * of one between what is torn.
 */

#include "fuzz.h"

#include "../stored-reader.h"
#include "record/local-frame.h"

static void read_record(Span record)
{
        _cleanup_reading_ Reading d = {};
        Span key, value;

        if (reading_begin(&d, &local_frame_format, record) < 0)
                return;
        assert(d.stored.text.size < record.size);
        while (local_frame_format.next_attribute(&d.stored, d.buffer, &key, &value) > 0)
                assert(key.size + value.size < record.size);
}

static void read_file(Span file)
{
        Span rest, record;

        for (rest = file; local_frame_format.next(rest, true, &record) > 0;
             rest = span_skip(rest, (size_t) (record.data - rest.data) + record.size)) {
                assert(record.data >= rest.data);
                assert(record.data + record.size <= rest.data + rest.size);
                read_record(record);
        }
        for (rest = file; local_frame_format.previous(rest, true, &record) > 0;
             rest.size = (size_t) (record.data - rest.data)) {
                assert(record.data >= rest.data);
                assert(record.data + record.size <= rest.data + rest.size);
                read_record(record);
        }
}

static void write_record(Span text, bool goes_on)
{
        Entry e = goes_on ? test_part(text, 1, false) : test_line(ENTRY_STDERR, text);
        _cleanup_free_ char *out = malloc(local_frame_bound(&e, (Span){}));
        _cleanup_reading_ Reading d = {};
        Span file, record;

        file = (Span){ out, local_frame_encode(out, &e, TEST_EPOCH, (Span){}) };
        assert(file.size <= local_frame_bound(&e, (Span){}));
        assert(local_frame_format.next(file, false, &record) == 1);
        assert(span_equal(record, file));
        assert(local_frame_format.previous(file, false, &record) == 1);
        assert(span_equal(record, file));
        assert(reading_begin(&d, &local_frame_format, file) == 0);
        assert(span_equal(d.stored.text, text));
        assert(d.stored.goes_on == goes_on);
        assert(d.stored.stream == e.stream && d.stored.realtime_nsec == e.realtime_nsec);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Span input = { (const char *) data, size };

        read_file(input);
        write_record(input, false);
        write_record(input, true);
        return 0;
}

bool fuzz_accepts(const uint8_t *data, size_t size)
{
        _cleanup_reading_ Reading d = {};

        return reading_begin(&d, &local_frame_format, (Span){ (const char *) data, size }) == 0;
}
