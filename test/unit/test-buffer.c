/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The growing buffer. */

#undef NDEBUG

#include <stdio.h>

#include "base/buffer.h"

static bool holds(const Buffer *b, const char *s)
{
        return span_equal_string(buffer_span(b), s);
}

static void test_append(void)
{
        _cleanup_buffer_ Buffer b = {};

        assert(buffer_append(&b, NULL, 0) == 0);
        assert(buffer_append_span(&b, (Span){}) == 0);
        assert(b.data == NULL);

        assert(buffer_append(&b, "ab", 2) == 0);
        assert(buffer_append_span(&b, SPAN_LITERAL("c\0d")) == 0);
        assert(buffer_append_string(&b, "ef") == 0);
        assert(span_equal(buffer_span(&b), SPAN_LITERAL("abc\0def")));
        puts("ok: append");
}

static void test_printf(void)
{
        _cleanup_buffer_ Buffer b = {};

        assert(buffer_printf(&b, "%s=%i", "answer", 42) == 0);
        assert(holds(&b, "answer=42"));
        assert(buffer_printf(&b, "%s", "") == 0);
        assert(buffer_printf(&b, "%300s", "x") == 0);
        assert(b.size == strlen("answer=42") + 300);
        assert(b.data[b.size - 1] == 'x');
        puts("ok: printf");
}

/* Each byte at its place, over many growths; and no growth once the working size is reached. */
static void test_growth(void)
{
        _cleanup_buffer_ Buffer b = {};
        char *data;

        for (unsigned i = 0; i < 100000; i++)
                assert(buffer_append(&b, &(char){ (char) i }, 1) == 0);
        for (unsigned i = 0; i < 100000; i++)
                assert(b.data[i] == (char) i);

        data = b.data;
        buffer_clear(&b);
        assert(b.size == 0 && b.allocated >= 100000);
        assert(buffer_reserve(&b, 100000) == 0);
        assert(b.data == data);
        puts("ok: growth");
}

/* A request that cannot be met changes nothing. */
static void test_no_memory(void)
{
        _cleanup_buffer_ Buffer b = {};

        assert(buffer_append_string(&b, "kept") == 0);
        assert(buffer_reserve(&b, SIZE_MAX) == -ENOMEM);
        assert(buffer_reserve(&b, SIZE_MAX / 4) == -ENOMEM);
        assert(buffer_append(&b, "", SIZE_MAX - 2) == -ENOMEM);
        assert(holds(&b, "kept"));
        puts("ok: no memory");
}

static void test_consume(void)
{
        _cleanup_buffer_ Buffer b = {};

        buffer_consume(&b, 0);
        assert(buffer_append_string(&b, "one two") == 0);
        buffer_consume(&b, 0);
        assert(holds(&b, "one two"));
        buffer_consume(&b, 4);
        assert(holds(&b, "two"));
        buffer_consume(&b, 3);
        assert(b.size == 0);
        puts("ok: consume");
}

static void test_done(void)
{
        Buffer b = {};

        assert(buffer_append_string(&b, "x") == 0);
        buffer_done(&b);
        assert(b.data == NULL && b.size == 0 && b.allocated == 0);
        buffer_done(&b);
        puts("ok: done");
}

int main(void)
{
        test_append();
        test_printf();
        test_growth();
        test_no_memory();
        test_consume();
        test_done();
        return 0;
}
