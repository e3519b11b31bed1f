/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The level prefix of a line, as sd-daemon(3) defines it, and what is said of a loss. */

#undef NDEBUG

#include <stdio.h>

#include "record/entry.h"

static void check(Span text, int level, Span rest)
{
        assert(entry_take_level(&text, 42) == level);
        assert(span_equal(text, rest));
}

static void test_levels(void)
{
        check(SPAN_LITERAL("<0>burning"), LOG_EMERG, SPAN_LITERAL("burning"));
        check(SPAN_LITERAL("<3>failed"), LOG_ERR, SPAN_LITERAL("failed"));
        check(SPAN_LITERAL("<7>detail"), LOG_DEBUG, SPAN_LITERAL("detail"));
        check(SPAN_LITERAL("<6>"), LOG_INFO, SPAN_LITERAL(""));
        check(SPAN_LITERAL("<6> one blank stays"), LOG_INFO, SPAN_LITERAL(" one blank stays"));
        check(SPAN_LITERAL("<6><3>one only"), LOG_INFO, SPAN_LITERAL("<3>one only"));
        puts("ok: levels");
}

static void test_no_level(void)
{
        static const Span plain[] = {
                SPAN_LITERAL(""),        SPAN_LITERAL("<"),
                SPAN_LITERAL("<3"),      SPAN_LITERAL("<8>no such level"),
                SPAN_LITERAL("</>"),     SPAN_LITERAL("<30>a facility is no level"),
                SPAN_LITERAL("<a>html"), SPAN_LITERAL(" <3>not at the start"),
                SPAN_LITERAL("3>"),
        };

        for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
                check(plain[i], 42, plain[i]);
        check((Span){}, 42, (Span){});
        puts("ok: no level");
}

/* The view ends where the text does, whatever lies behind it. */
static void test_borders(void)
{
        check((Span){ "<3>", 2 }, 42, SPAN_LITERAL("<3"));
        puts("ok: borders");
}

static void test_streams(void)
{
        assert(span_equal_string(SPAN_LITERAL("stdout"), entry_stream_to_string(ENTRY_STDOUT)));
        assert(span_equal_string(SPAN_LITERAL("stderr"), entry_stream_to_string(ENTRY_STDERR)));
        puts("ok: streams");
}

static void check_loss(Loss loss, const char *expected)
{
        char text[LOSS_TEXT_MAX_BYTES];

        assert(loss_put_text(&loss, text) == strlen(expected));
        assert(strcmp(text, expected) == 0);
}

static void test_loss(void)
{
        check_loss((Loss){ .lines = 1, .bytes = 7, .reasons = LOSS_FULL },
                   "conlogd: Dropped 1 line, 7 bytes: the buffer was full");
        check_loss((Loss){ .lines = 20, .bytes = 700, .reasons = LOSS_RATE },
                   "conlogd: Dropped 20 lines, 700 bytes: over the rate limit");
        check_loss((Loss){ .lines = UINT64_MAX,
                           .bytes = UINT64_MAX,
                           .reasons = LOSS_FULL | LOSS_RATE },
                   "conlogd: Dropped 18446744073709551615 lines, 18446744073709551615 bytes: "
                   "over the rate limit, and the buffer was full");
        puts("ok: loss");
}

int main(void)
{
        test_loss();
        test_levels();
        test_no_level();
        test_borders();
        test_streams();
        return 0;
}
