/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The line cutter. Its one promise is that how the bytes arrived never changes the lines: each
 * input is shown to it in every possible way to split it into windows, and must come out as a
 * second, naive cutter cuts it in one go.
 */

#undef NDEBUG

#include <stdio.h>

#include "../line-reference.h"
#include "../slow.h"
#include "base/limits.h"

#define LINES_MAX 64

typedef struct Lines {
        Line lines[LINES_MAX];
        size_t n;
} Lines;

static void cut_by_reference(Span input, size_t limit, Lines *ret)
{
        ret->n = 0;
        while (reference_next(input, limit, &ret->lines[ret->n])) {
                input = span_skip(input, ret->lines[ret->n].size);
                ret->n++;
                assert(ret->n < LINES_MAX);
        }
}

/* Takes the lines that a window shows. The cutter gets all bytes that are not used up yet, as the
 * daemon sees them in a FIFO; at and n go on behind the last line. */
static void take_window(Span window, size_t limit, bool flush, const Lines *expected, size_t *at,
                        size_t *n)
{
        Line line;

        while (line_next(span_skip(window, *at), limit, flush, &line) > 0) {
                assert(*n < expected->n);
                assert(line.text.data == expected->lines[*n].text.data);
                assert(line.text.size == expected->lines[*n].text.size);
                assert(line.size == expected->lines[*n].size);
                assert(line.end == expected->lines[*n].end);
                *at += line.size;
                (*n)++;
        }
}

/* Shows input in windows that end at the cuts (in their order), then all of it, then its end. */
static void check_cuts(Span input, size_t limit, const Lines *expected, const size_t *cuts,
                       size_t n_cuts)
{
        size_t at = 0, n = 0;

        for (size_t i = 0; i < n_cuts; i++)
                take_window((Span){ input.data, cuts[i] }, limit, false, expected, &at, &n);
        take_window(input, limit, false, expected, &at, &n);
        take_window(input, limit, true, expected, &at, &n);
        assert(at == input.size);
        assert(n == expected->n);
}

/* In one go, cut at every byte, and cut at every two bytes if the input is short. */
static void check_every_cut(Span input, size_t limit)
{
        size_t step = input.size > 256 && test_is_slow() ? 1021 : 1, all[256];
        Lines expected;

        cut_by_reference(input, limit, &expected);
        check_cuts(input, limit, &expected, NULL, 0);

        for (size_t i = input.size % step; i <= input.size; i += step) {
                check_cuts(input, limit, &expected, &i, 1);
                if (input.size >= ARRAY_SIZE(all))
                        continue;
                for (size_t j = i; j <= input.size; j++)
                        check_cuts(input, limit, &expected, (size_t[]){ i, j }, 2);
                all[i] = i;
        }
        if (input.size < ARRAY_SIZE(all)) /* byte by byte */
                check_cuts(input, limit, &expected, all, input.size + 1);
}

static const Span inputs[] = {
        SPAN_LITERAL(""),
        SPAN_LITERAL("\n"),
        SPAN_LITERAL("\r\n"),
        SPAN_LITERAL("\r"),
        SPAN_LITERAL("one\n"),
        SPAN_LITERAL("one"),
        SPAN_LITERAL("one\ntwo\nthree\n"),
        SPAN_LITERAL("one\ntwo\nthree"),
        SPAN_LITERAL("\n\n\none\n\n\n"),
        SPAN_LITERAL("one\r\ntwo\r\n\r\nthree\r"),
        SPAN_LITERAL("a\rb\r\r\nc\n\rd\n"),
        SPAN_LITERAL("nul \0\nin\0\0\n\0"),
        SPAN_LITERAL("\xff\xfe\n\x80\n"),
        /* Around a limit of 8. */
        SPAN_LITERAL("1234567\n1234567"),
        SPAN_LITERAL("12345678\n12345678"),
        SPAN_LITERAL("123456789\n123456789"),
        SPAN_LITERAL("123456\r\n1234567\r\n12345678\r\n123456789\r\n"),
        SPAN_LITERAL("1234567812345678\n"),
        SPAN_LITERAL("12345678123456781\n"),
        SPAN_LITERAL("1234567812345678123456781234567\nshort\n1234567812345678"),
        SPAN_LITERAL("12345678\r\r\n\n12345678"),
};

static void test_every_cut(void)
{
        static const size_t limits[] = { 1, 2, 3, 7, 8, 9, LINE_MAX_BYTES };

        for (size_t i = 0; i < ARRAY_SIZE(inputs); i++)
                for (size_t l = 0; l < ARRAY_SIZE(limits); l++)
                        check_every_cut(inputs[i], limits[l]);
        puts("ok: every cut");
}

/* The same around the real limit. */
static void test_every_cut_at_limit(void)
{
        static const char *const ends[] = { "", "\n", "\r\n", "\n\n", "x", "\nshort", "\r" };
        char data[LINE_MAX_BYTES + 16];

        memset(data, 'x', sizeof(data));
        for (size_t before = LINE_MAX_BYTES - 1; before <= LINE_MAX_BYTES + 1; before++)
                for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
                        memcpy(data + before, ends[i], strlen(ends[i]));
                        check_every_cut((Span){ data, before + strlen(ends[i]) }, LINE_MAX_BYTES);
                        memset(data + before, 'x', strlen(ends[i]));
                }
        puts("ok: every cut at limit");
}

/* What the lines are, in so many words. */
static void test_lines(void)
{
        static const struct {
                Span input;
                const char *text;
                size_t size;
                LineEnd end;
        } cases[] = {
                { SPAN_LITERAL("one\ntwo"), "one", 4, LINE_END_NEWLINE },
                { SPAN_LITERAL("one\r\n"), "one", 5, LINE_END_NEWLINE },
                { SPAN_LITERAL("one\r\r\n"), "one\r", 6, LINE_END_NEWLINE },
                { SPAN_LITERAL("\n"), "", 1, LINE_END_NEWLINE },
                { SPAN_LITERAL("\r\n"), "", 2, LINE_END_NEWLINE },
                { SPAN_LITERAL("one"), "one", 3, LINE_END_FILE },
                { SPAN_LITERAL("one\r"), "one\r", 4, LINE_END_FILE },
                { SPAN_LITERAL("12345678\n"), "12345678", 9, LINE_END_NEWLINE },
                { SPAN_LITERAL("12345678"), "12345678", 8, LINE_END_FILE },
                { SPAN_LITERAL("123456789\n"), "12345678", 8, LINE_END_LIMIT },
                { SPAN_LITERAL("12345678\r\n"), "12345678", 8, LINE_END_LIMIT },
        };
        Line line;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                assert(line_next(cases[i].input, 8, true, &line) == 1);
                assert(span_equal_string(line.text, cases[i].text));
                assert(line.size == cases[i].size);
                assert(line.end == cases[i].end);
        }
        puts("ok: lines");
}

/* Held back: what may still become a line in one piece. */
static void test_more_needed(void)
{
        Line line;

        assert(line_next((Span){}, 8, false, &line) == 0);
        assert(line_next((Span){}, 8, true, &line) == 0);
        assert(line_next(SPAN_LITERAL("one"), 8, false, &line) == 0);
        assert(line_next(SPAN_LITERAL("one\r"), 8, false, &line) == 0);
        assert(line_next(SPAN_LITERAL("12345678"), 8, false, &line) == 0);
        assert(line_next(SPAN_LITERAL("123456789"), 8, false, &line) == 1);
        puts("ok: more needed");
}

/* Nothing outside the view counts: not a carriage return that was shipped before. */
static void test_borders(void)
{
        static const char data[] = "\r\n\n";
        Line line;

        assert(line_next((Span){ data + 1, 1 }, 8, false, &line) == 1);
        assert(line.text.size == 0 && line.size == 1);
        assert(line_next((Span){ data, 1 }, 8, false, &line) == 0);
        puts("ok: borders");
}

static uint32_t next_random(uint32_t *state)
{
        *state ^= *state << 13;
        *state ^= *state >> 17;
        *state ^= *state << 5;
        return *state;
}

/* Lines and their ends, put together again, are the bytes that came in. */
static void test_random_joins(void)
{
        static const char alphabet[] = { 'a', 'b', '\n', '\r', '\0', '<' };
        uint32_t state = 1;

        for (unsigned round = 0; round < 20000; round++) {
                size_t limit = 1 + next_random(&state) % 12;
                size_t size = next_random(&state) % 100;
                char data[100], joined[100];
                size_t at = 0, visible = 0;
                Line line;

                for (size_t i = 0; i < size; i++)
                        data[i] = alphabet[next_random(&state) % sizeof(alphabet)];

                while (at < size) {
                        Span window = { data + at, visible - at };
                        size_t n;

                        if (line_next(window, limit, visible == size, &line) == 0) {
                                visible += 1 + next_random(&state) % (size - visible);
                                continue;
                        }
                        n = line.text.size;
                        assert(n <= limit);
                        memcpy(joined + at, line.text.data, n);
                        if (line.size - n == 2)
                                joined[at + n++] = '\r';
                        if (line.end == LINE_END_NEWLINE)
                                joined[at + n++] = '\n';
                        assert(n == line.size);
                        at += n;
                }
                assert(memcmp(joined, data, size) == 0);
        }
        puts("ok: random joins");
}

int main(void)
{
        test_lines();
        test_more_needed();
        test_borders();
        test_every_cut();
        test_every_cut_at_limit();
        test_random_joins();
        return 0;
}
