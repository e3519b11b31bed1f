/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Parts become lines, whatever stands between them; repeats come once. */

#undef NDEBUG

#include <stdio.h>
#include <string.h>

#include "tool/joiner.h"

#define EPOCH "0123456789abcdef0123456789abcdef"
#define OTHER "fedcba9876543210fedcba9876543210"

static char got[4096];
static size_t got_size;

static int on_line(const JoinedLine *line, void *userdata)
{
        const LogRecord *record = line->record;

        assert(userdata == got);
        got_size += (size_t) snprintf(got + got_size, sizeof(got) - got_size, "%s%s%s%.*s%s|",
                                      record->stream == ENTRY_STDERR ? "!" : "",
                                      line->is_headless ? "^" : "", line->is_piece ? "~" : "",
                                      (int) MIN(record->text.size, (size_t) 20), record->text.data,
                                      line->goes_on ? "+" : "");
        assert(got_size < sizeof(got));
        return 0;
}

static Joiner joiner = { .on_line = on_line, .userdata = got };

static void begin(bool is_from_middle)
{
        joiner_reset(&joiner, is_from_middle);
        got_size = 0;
        *got = '\0';
}

static void take(LogRecord record, const char *text)
{
        record.text = span_from_string(text);
        assert(joiner_take(&joiner, &record) == 0);
}

static void check(const char *what, const char *expected)
{
        assert(joiner_flush(&joiner) == 0);
        assert(joiner.n_open == 0);
        if (strcmp(got, expected) != 0) {
                printf("%s: got %s, expected %s\n", what, got, expected);
                exit(EXIT_FAILURE);
        }
        printf("ok: %s\n", what);
}

#define RECORD(o, ...)                                                               \
        (LogRecord)                                                                  \
        {                                                                            \
                .epoch = SPAN_LITERAL(EPOCH), .ordinal = (o), .nsec = 1, __VA_ARGS__ \
        }
#define PART(o, l, p, more, ...) RECORD(o, .line = (l), .part = (p), .goes_on = (more), __VA_ARGS__)
#define ERROR .stream = ENTRY_STDERR
#define EXEC(id) .exec = SPAN_LITERAL(id)

static void test_parts(void)
{
        begin(false);
        take(RECORD(1), "one");
        take(PART(2, 2, 1, true), "a");
        take(PART(3, 3, 1, true, ERROR), "x");
        take(RECORD(4, EXEC("e")), "exec");
        take(PART(5, 2, 2, true), "b");
        take(PART(6, 6, 1, true, EXEC("e")), "m");
        take(PART(7, 3, 2, false, ERROR), "y");
        take(PART(8, 6, 2, false, EXEC("e")), "n");
        take(PART(9, 2, 3, false), "c");
        take(RECORD(10), "two");
        check("parts between others", "one|exec|!xy|mn|abc|two|");

        begin(false);
        take(PART(1, 1, 1, true), "a");
        take(PART(2, 1, 2, true), "b");
        take(RECORD(4), "next");
        take(PART(5, 5, 1, true), "c");
        take(PART(6, 6, 1, true), "d");
        take(PART(8, 6, 3, false), "f");
        check("parts that were lost", "ab|next|c|d|^f|");

        begin(false);
        take(PART(1, 1, 1, true), "a");
        take(PART(2, 2, 1, true, ERROR), "b");
        check("no end", "a|!b|");
}

/* Files that know the stream only. */
static void test_unnumbered(void)
{
        begin(false);
        take((LogRecord){ .goes_on = true }, "a");
        take((LogRecord){ ERROR, .goes_on = true }, "x");
        take((LogRecord){ .goes_on = true }, "b");
        take((LogRecord){ ERROR }, "y");
        take((LogRecord){}, "c");
        take((LogRecord){}, "d");
        check("parts without numbers", "!xy|abc|d|");

        begin(true);
        take((LogRecord){}, "a");
        take((LogRecord){}, "b");
        take((LogRecord){ ERROR, .goes_on = true }, "x");
        take((LogRecord){ ERROR }, "y");
        take((LogRecord){ ERROR }, "z");
        check("from the middle, without numbers", "^a|b|!^xy|!z|");
}

static void test_middle(void)
{
        begin(true);
        take(PART(5, 3, 3, true), "c");
        take(PART(6, 6, 4, false, ERROR), "z");
        take(PART(7, 3, 4, false), "d");
        take(RECORD(8), "whole");
        check("from the middle", "!^z|^cd|whole|");
}

static void test_repeats(void)
{
        begin(false);
        take(RECORD(1), "a");
        take(RECORD(2), "b");
        take(PART(3, 3, 1, true), "c");
        take(RECORD(2), "b");
        take(PART(3, 3, 1, true), "c");
        take(PART(4, 3, 2, false), "d");
        take(PART(4, 3, 2, false), "d");
        take(RECORD(9), "e");
        take(RECORD(9), "e");
        check("repeats", "a|b|cd|e|");

        begin(false);
        take(RECORD(7), "a");
        take((LogRecord){ .epoch = SPAN_LITERAL(OTHER), .ordinal = 1 }, "b");
        take(RECORD(7), "a");
        take(RECORD(8), "c");
        take((LogRecord){ .epoch = SPAN_LITERAL(OTHER), .ordinal = 1 }, "b");
        take((LogRecord){ .epoch = SPAN_LITERAL(OTHER), .ordinal = 2 }, "d");
        check("repeats of two lives", "a|b|c|d|");

        begin(false);
        take((LogRecord){}, "same");
        take((LogRecord){}, "same");
        check("equal lines", "same|same|");
}

/* More lives than are kept, one after the other. */
static void test_lives(void)
{
        char expected[512] = "";

        begin(false);
        for (int life = 0; life < 20; life++) {
                char epoch[33];
                LogRecord record = { .ordinal = 1 };

                (void) snprintf(epoch, sizeof(epoch), "%032d", life);
                record.epoch = span_from_string(epoch);
                take(record, "a");
                take(record, "a");
                (void) strcat(expected, "a|");
        }
        check("twenty lives", expected);
}

static void test_many(void)
{
        begin(false);
        for (uint64_t i = 0; i <= OPEN_LINES_MAX; i++) {
                char exec[16];
                LogRecord record = PART(i + 1, i + 1, 1, true);

                (void) snprintf(exec, sizeof(exec), "e%u", (unsigned) i);
                record.exec = span_from_string(exec);
                take(record, exec);
        }
        assert(strcmp(got, "e0|") == 0);
        assert(joiner.n_open == OPEN_LINES_MAX);
        joiner_reset(&joiner, false);
        got_size = 0;
        *got = '\0';
        check("more open lines than there is room for", "");
}

static void test_long(void)
{
        size_t size = OPEN_LINE_MAX_BYTES / 2 + 1;
        char *text = malloc(size + 1);

        assert(text);
        memset(text, 'x', size);
        text[size] = '\0';
        begin(false);
        take(PART(1, 1, 1, true), text);
        take(PART(2, 1, 2, true), text);
        take(PART(3, 1, 3, true), "y");
        take(PART(4, 1, 4, false), "z");
        check("a line that is too long", "xxxxxxxxxxxxxxxxxxxx+|~yz|");
        free(text);
}

int main(void)
{
        test_parts();
        test_unnumbered();
        test_middle();
        test_repeats();
        test_lives();
        test_many();
        test_long();
        joiner_done(&joiner);
        return EXIT_SUCCESS;
}
