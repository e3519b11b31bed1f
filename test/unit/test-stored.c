/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Records that a newline ends, forwards and backwards. */

#undef NDEBUG

#include <stdio.h>

#include "record/stored.h"

static void test_next_line(void)
{
        Span input = SPAN_LITERAL("a\n\nbc\nd"), record;

        assert(stored_next_line(input, false, &record) == 1);
        assert(record.data == input.data && record.size == 2);
        input = span_skip(input, 2);
        assert(stored_next_line(input, false, &record) == 1);
        assert(record.data == input.data && record.size == 1);
        input = span_skip(input, 1);
        assert(stored_next_line(input, false, &record) == 1);
        assert(record.data == input.data && record.size == 3);
        input = span_skip(input, 3);
        assert(stored_next_line(input, false, &record) == 0);
        assert(stored_next_line(input, true, &record) == 0);
        assert(stored_next_line((Span){}, true, &record) == 0);
        puts("ok: next line");
}

static void test_previous_line(void)
{
        Span input = SPAN_LITERAL("a\n\nbc\nd"), record;

        assert(stored_previous_line(input, false, &record) == 1);
        assert(record.data == input.data + 3 && record.size == 3);
        input.size = 3;
        assert(stored_previous_line(input, false, &record) == 1);
        assert(record.data == input.data + 2 && record.size == 1);
        input.size = 2;
        assert(stored_previous_line(input, false, &record) == 0);
        assert(stored_previous_line(input, true, &record) == 1);
        assert(record.data == input.data && record.size == 2);
        input.size = 1;
        assert(stored_previous_line(input, true, &record) == 0);
        assert(stored_previous_line((Span){}, true, &record) == 0);
        puts("ok: previous line");
}

static void test_parse_stream(void)
{
        EntryStream s;

        assert(stored_parse_stream(SPAN_LITERAL("stdout"), &s) == 0 && s == ENTRY_STDOUT);
        assert(stored_parse_stream(SPAN_LITERAL("stderr"), &s) == 0 && s == ENTRY_STDERR);
        assert(stored_parse_stream(SPAN_LITERAL("stdin"), &s) == -EBADMSG);
        assert(stored_parse_stream(SPAN_LITERAL("stdout "), &s) == -EBADMSG);
        assert(stored_parse_stream((Span){}, &s) == -EBADMSG);
        puts("ok: parse stream");
}

int main(void)
{
        test_next_line();
        test_previous_line();
        test_parse_stream();
        return EXIT_SUCCESS;
}
