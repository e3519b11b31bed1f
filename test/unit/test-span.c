/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Spans; the empty one with no memory at all is an ordinary value everywhere. */

#undef NDEBUG

#include <stdio.h>

#include "base/span.h"

static void test_equal(void)
{
        assert(span_equal(SPAN_LITERAL("abc"), SPAN_LITERAL("abc")));
        assert(!span_equal(SPAN_LITERAL("abc"), SPAN_LITERAL("abd")));
        assert(!span_equal(SPAN_LITERAL("abc"), SPAN_LITERAL("ab")));
        assert(span_equal((Span){}, SPAN_LITERAL("")));
        assert(span_equal(SPAN_LITERAL("a\0b"), SPAN_LITERAL("a\0b")));
        assert(!span_equal(SPAN_LITERAL("a\0b"), SPAN_LITERAL("a\0c")));
        assert(span_equal_string(SPAN_LITERAL("abc"), "abc"));
        assert(!span_equal_string(SPAN_LITERAL("abc\0"), "abc"));
        puts("ok: equal");
}

static void test_from_string(void)
{
        assert(span_from_string("abc").size == 3);
        assert(span_from_string("").size == 0);
        assert(span_from_string(NULL).size == 0);
        puts("ok: from string");
}

static void test_starts_with(void)
{
        assert(span_starts_with(SPAN_LITERAL("abc"), SPAN_LITERAL("ab")));
        assert(span_starts_with(SPAN_LITERAL("abc"), SPAN_LITERAL("abc")));
        assert(!span_starts_with(SPAN_LITERAL("abc"), SPAN_LITERAL("abcd")));
        assert(!span_starts_with(SPAN_LITERAL("abc"), SPAN_LITERAL("b")));
        assert(span_starts_with(SPAN_LITERAL("abc"), (Span){}));
        assert(span_starts_with((Span){}, (Span){}));
        assert(!span_starts_with((Span){}, SPAN_LITERAL("a")));
        puts("ok: starts with");
}

static void test_skip(void)
{
        assert(span_equal_string(span_skip(SPAN_LITERAL("abc"), 0), "abc"));
        assert(span_equal_string(span_skip(SPAN_LITERAL("abc"), 1), "bc"));
        assert(span_skip(SPAN_LITERAL("abc"), 3).size == 0);
        assert(span_skip((Span){}, 0).size == 0);
        puts("ok: skip");
}

int main(void)
{
        test_equal();
        test_from_string();
        test_starts_with();
        test_skip();
        return 0;
}
