/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Groups of lines. How the bytes arrived never changes them: each input is shown in every possible
 * way to split it into two windows, and must come out as a second, naive cutter cuts it in one go.
 * And what was cut off comes out the same when it is cut again alone, as after a crash.
 */

#undef NDEBUG

#include <stdio.h>

#include "../group-reference.h"

#define GROUPS_MAX 64

static const Span inputs[] = {
        SPAN_LITERAL(""),
        SPAN_LITERAL("\n"),
        SPAN_LITERAL("a"),
        SPAN_LITERAL("a\n"),
        SPAN_LITERAL("a\n b\n c\nd\n"),
        SPAN_LITERAL(" b\n c\nd\ne\n f"),
        SPAN_LITERAL("a\n\n\n b\n\nc\n"),
        SPAN_LITERAL("a\r\n b\r\n c\r\nd\r\n"),
        SPAN_LITERAL("a\r\r\n \r\n\r\nd\r"),
        SPAN_LITERAL("a\n\0b\n \0\n"),
        /* Around limits of 8. */
        SPAN_LITERAL("a\n b\n c\n d\n e\n f\n g\n h\ni\n j\n"),
        SPAN_LITERAL("1234567\n\n\n\n1234567\n"),
        SPAN_LITERAL("12345678\n 1\n\n\n"),
        SPAN_LITERAL("123456789\n 1\n 2\n"),
        SPAN_LITERAL("a\n 12345\n b\nc\n 123456\n d\n"),
        SPAN_LITERAL("a\n 1234567890123\n 4\nb"),
        SPAN_LITERAL("a\n 12345\r\n b\nc\n 1234\r\n d\r\n"),
        SPAN_LITERAL(" 1234567890123456 7890\n b\n c\n"),
};

typedef struct Groups {
        Line groups[GROUPS_MAX];
        size_t n;
} Groups;

static bool goes_on(const Line *line)
{
        return line->end == LINE_END_LIMIT;
}

static bool line_equals(const Line *a, const Line *b)
{
        return a->text.data == b->text.data && a->text.size == b->text.size && a->size == b->size &&
               a->end == b->end && a->is_joined == b->is_joined;
}

/* As the daemon cuts: the rest of a long line is in no group. */
static int cut(Span input, size_t limit, const GroupRules *rules, LineEnd rest, bool is_part,
               GroupProgress *progress, Line *ret)
{
        return is_part ? line_next(input, limit, rest == LINE_END_FILE, ret)
                       : group_next(input, limit, rules, rest, progress, ret);
}

/* Shows input up to visible, then all of it, then its end. */
static void check_windows(Span input, size_t limit, const GroupRules *rules, const Groups *expected,
                          size_t visible)
{
        const struct {
                size_t size;
                LineEnd rest;
        } windows[] = { { visible, LINE_END_NEWLINE },
                        { input.size, LINE_END_NEWLINE },
                        { input.size, LINE_END_FILE } };
        GroupProgress progress = {};
        size_t at = 0, n = 0;
        bool is_part = false;
        Line line;

        for (size_t i = 0; i < ARRAY_SIZE(windows); i++)
                while (at < windows[i].size &&
                       cut((Span){ input.data + at, windows[i].size - at }, limit, rules,
                           windows[i].rest, is_part, &progress, &line) > 0) {
                        assert(n < expected->n && line_equals(&line, &expected->groups[n]));
                        assert(progress.size == 0 && progress.lines == 0);
                        is_part = goes_on(&line);
                        at += line.size;
                        n++;
                }
        assert(at == input.size && n == expected->n);
}

/* The groups from one on, cut again from exactly their bytes: what is owed after a crash. */
static void check_again(size_t limit, const GroupRules *rules, const Groups *groups)
{
        for (size_t from = 0; from < groups->n; from++) {
                bool is_part = from > 0 && goes_on(&groups->groups[from - 1]);
                size_t size = 0;

                for (size_t to = from; to < groups->n; to++) {
                        LineEnd rest =
                                goes_on(&groups->groups[to]) ? LINE_END_LIMIT : LINE_END_FILE;
                        Span owed = { groups->groups[from].text.data, 0 };
                        bool is_rest = is_part;
                        Line line;

                        owed.size = size += groups->groups[to].size;
                        for (size_t i = from; i <= to; i++) {
                                GroupProgress progress = {};

                                if (cut(owed, limit, rules, rest, is_rest, &progress, &line) == 0)
                                        line = (Line){ owed, owed.size, LINE_END_LIMIT };
                                assert(line.text.data == groups->groups[i].text.data);
                                assert(line.text.size == groups->groups[i].text.size);
                                assert(line.size == groups->groups[i].size);
                                is_rest = goes_on(&line);
                                owed = span_skip(owed, line.size);
                        }
                        assert(owed.size == 0);
                }
        }
}

static void check_input(Span input, size_t limit, const GroupRules *rules)
{
        Groups expected = {};
        bool is_part = false;
        Span rest = input;

        while (reference_group(rest, limit, rules, is_part, &expected.groups[expected.n])) {
                Line *group = &expected.groups[expected.n++];

                group->is_joined =
                        group->text.size > 0 && memchr(group->text.data, '\n', group->text.size);
                is_part = goes_on(group);
                rest = span_skip(rest, group->size);
                assert(expected.n < GROUPS_MAX);
        }
        for (size_t i = 0; i <= input.size; i++)
                check_windows(input, limit, rules, &expected, i);
        check_again(limit, rules, &expected);
}

static Pattern *start_pattern(const char *text)
{
        char reason[REASON_MAX_BYTES];
        Pattern *pattern;

        assert(pattern_new(&pattern, text, reason) == 0);
        return pattern;
}

static void test_every_cut(void)
{
        static const size_t limits[] = { 1, 2, 3, 7, 8, 9, 28672 }, most[] = { 2, 3, 100 };
        static const char *const patterns[] = { "^[^[:space:]]", "^a", "b$", "x*", "^$" };

        for (size_t k = 0; k < ARRAY_SIZE(patterns); k++) {
                _cleanup_(pattern_freep) Pattern *start = start_pattern(patterns[k]);

                for (size_t i = 0; i < ARRAY_SIZE(inputs); i++)
                        for (size_t l = 0; l < ARRAY_SIZE(limits); l++)
                                for (size_t m = 0; m < ARRAY_SIZE(limits) * ARRAY_SIZE(most); m++)
                                        check_input(inputs[i], limits[l],
                                                    &(GroupRules){
                                                            start,
                                                            most[m % ARRAY_SIZE(most)],
                                                            limits[m / ARRAY_SIZE(most)],
                                                    });
        }
        puts("ok: every cut");
}

/* What the groups are, in so many words. */
static void test_groups(void)
{
        _cleanup_(pattern_freep) Pattern *start = start_pattern("^[^[:space:]]");
        static const struct {
                Span input;
                LineEnd rest;
                const char *text; /* NULL: more is needed */
                LineEnd end;
        } cases[] = {
                { SPAN_LITERAL("one\n two\n three\nfour\n"), LINE_END_NEWLINE, "one\n two\n three",
                  0 },
                { SPAN_LITERAL("one\r\n two\r\nthree\n"), LINE_END_NEWLINE, "one\r\n two", 0 },
                { SPAN_LITERAL(" one\n two\nthree\n"), LINE_END_NEWLINE, " one\n two", 0 },
                { SPAN_LITERAL("one\ntwo"), LINE_END_NEWLINE, NULL, 0 },
                { SPAN_LITERAL("one\ntwo\n"), LINE_END_NEWLINE, "one", 0 },
                { SPAN_LITERAL("one\n two\n"), LINE_END_NEWLINE, NULL, 0 },
                { SPAN_LITERAL("one\n two\n th"), LINE_END_LIMIT, "one\n two", 0 },
                { SPAN_LITERAL("one\n two\n th"), LINE_END_FILE, "one\n two\n th", LINE_END_FILE },
                { SPAN_LITERAL("one\n two\nth"), LINE_END_FILE, "one\n two", 0 },
                { SPAN_LITERAL("one\n 2\n 3\n 4\n 5\n"), LINE_END_NEWLINE, "one\n 2\n 3\n 4", 0 },
                { SPAN_LITERAL("one\n 123456789012345\n"), LINE_END_NEWLINE,
                  "one\n 123456789012345", 0 },
                { SPAN_LITERAL("one\n 123456789012345"), LINE_END_NEWLINE, NULL, 0 },
                { SPAN_LITERAL("one\n 1234567890123456"), LINE_END_NEWLINE, "one", 0 },
                { SPAN_LITERAL("12345678901234567890x"), LINE_END_NEWLINE, NULL, 0 },
        };
        Line line;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                GroupProgress progress = {};
                int r;

                r = group_next(cases[i].input, 30, &(GroupRules){ start, 4, 20 }, cases[i].rest,
                               &progress, &line);
                assert(r == (cases[i].text ? 1 : 0));
                assert(r == 0 || span_equal_string(line.text, cases[i].text));
                assert(r == 0 || line.end == cases[i].end);
        }
        puts("ok: groups");
}

/* What has been looked at is not looked at again: here a pattern that would say otherwise. */
static void test_progress(void)
{
        _cleanup_(pattern_freep) Pattern *never = start_pattern("^x$"), *all = start_pattern("x*");
        GroupRules rules = { never, 100, 100 };
        GroupProgress progress = {};
        Line line;

        assert(group_next(SPAN_LITERAL("a\nb\nc"), 100, &rules, LINE_END_NEWLINE, &progress,
                          &line) == 0);
        assert(progress.size == 4 && progress.lines == 2);
        rules.start = all;
        assert(group_next(SPAN_LITERAL("a\nb\nc\n"), 100, &rules, LINE_END_NEWLINE, &progress,
                          &line) == 1);
        assert(span_equal_string(line.text, "a\nb") && line.size == 4);

        /* One that cannot be is nothing. */
        progress = (GroupProgress){ 100, 100 };
        assert(group_next(SPAN_LITERAL("a\nb\n"), 100, &rules, LINE_END_NEWLINE, &progress,
                          &line) == 1);
        assert(span_equal_string(line.text, "a"));
        puts("ok: progress");
}

int main(void)
{
        test_groups();
        test_progress();
        test_every_cut();
        return 0;
}
