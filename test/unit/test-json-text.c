/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* JSON strings: each byte and each kind of sequence at each place of a word, written and read. */

#undef NDEBUG

#include <stdio.h>

#include "record/json-text.h"

typedef struct Escape {
        Span text;
        const char *log;
        const char *value; /* NULL: the same */
        Span read;         /* as it is read back; none: as text */
} Escape;

#define SAME(s)                                   \
        {                                         \
                .text = SPAN_LITERAL(s), .log = s \
        }
#define LOSSY(s, as, back)                                                     \
        {                                                                      \
                .text = SPAN_LITERAL(s), .log = as, .read = SPAN_LITERAL(back) \
        }
#define R "\xef\xbf\xbd"

static const Escape escapes[] = {
        SAME(""),
        SAME("a"),
        SAME("\x7f"),
        SAME("/"),
        SAME("\xc2\x80"),
        SAME("\xdf\xbf"),
        SAME("\xe0\xa0\x80"),
        SAME("\xe2\x80\xa7\xe2\x80\xaa"),
        SAME("\xed\x9f\xbf\xee\x80\x80"),
        SAME("\xef\xbf\xbd"),
        SAME("\xef\xbf\xbf"),
        SAME("\xf0\x90\x80\x80"),
        SAME("\xf4\x8f\xbf\xbf"),
        { SPAN_LITERAL("\""), "\\\"" },
        { SPAN_LITERAL("\\"), "\\\\" },
        { SPAN_LITERAL("\n"), "\\n" },
        { SPAN_LITERAL("\r"), "\\r" },
        { SPAN_LITERAL("\t"), "\\u0009", "\\t" },
        { SPAN_LITERAL("\b\f"), "\\u0008\\u000c" },
        { SPAN_LITERAL("\0\x1f"), "\\u0000\\u001f" },
        { SPAN_LITERAL("<>&"), "\\u003c\\u003e\\u0026" },
        { SPAN_LITERAL("\xe2\x80\xa8\xe2\x80\xa9"), "\\u2028\\u2029" },
        LOSSY("\x80", "\\ufffd", R),
        LOSSY("\xbf", "\\ufffd", R),
        LOSSY("\xc0\x80", "\\ufffd\\ufffd", R R),
        LOSSY("\xc1\xbf", "\\ufffd\\ufffd", R R),
        LOSSY("\xc2", "\\ufffd", R),
        LOSSY("\xc2\xc2\x80", "\\ufffd\xc2\x80", R "\xc2\x80"),
        LOSSY("\xe0\x9f\xbf", "\\ufffd\\ufffd\\ufffd", R R R),
        LOSSY("\xe2\x80", "\\ufffd\\ufffd", R R),
        LOSSY("\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd", R R R),
        LOSSY("\xf0\x8f\xbf\xbf", "\\ufffd\\ufffd\\ufffd\\ufffd", R R R R),
        LOSSY("\xf0\x9f\x98", "\\ufffd\\ufffd\\ufffd", R R R),
        LOSSY("\xf4\x90\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd", R R R R),
        LOSSY("\xf5\x80\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd", R R R R),
        LOSSY("\xff\xfe", "\\ufffd\\ufffd", R R),
};

static void check_put(Span text, JsonTextKind kind, Span expected, bool is_lossy)
{
        _cleanup_free_ char *copy = malloc(text.size + 1);
        _cleanup_free_ char *out = malloc(JSON_TEXT_MAX_BYTES(text.size));
        bool lossy = false;
        char *end;

        /* Nothing is read beyond its end: a sanitizer looks. */
        memcpy(copy, text.data, text.size);
        end = json_text_put(out, (Span){ copy, text.size }, kind, &lossy);
        assert(span_equal((Span){ out, (size_t) (end - out) }, expected));
        assert(lossy == is_lossy);
}

static void check_take(Span inside, Span expected)
{
        _cleanup_free_ char *in = malloc(inside.size + 3);
        _cleanup_free_ char *out = malloc(inside.size + 3 + 16);
        Span input = { in, inside.size + 3 }, text;
        char *p = out;

        memcpy(in, inside.data, inside.size);
        memcpy(in + inside.size, "\"\"x", 3);
        assert(json_text_take(&input, &p, &text) == 0);
        assert(span_equal(text, expected));
        assert(text.data == out && p == out + text.size);
        assert(span_equal_string(input, "\"x"));
}

/* before and behind it: as many bytes that need no escape. */
static void check_escape(const Escape *e, size_t before, size_t behind)
{
        char text[64], log[128], value[128], back[64];
        Span read = e->read.data ? e->read : e->text;
        int text_size, log_size, value_size, back_size;

        text_size = snprintf(text, sizeof(text), "%.*s", (int) before, "abcdefghijklmnopqr");
        memcpy(text + text_size, e->text.data, e->text.size);
        text_size += (int) e->text.size;
        text_size += sprintf(text + text_size, "%.*s", (int) behind, "abcdefghijklmnopqr");

        log_size = snprintf(log, sizeof(log), "%.*s%s%.*s", (int) before, "abcdefghijklmnopqr",
                            e->log, (int) behind, "abcdefghijklmnopqr");
        value_size =
                snprintf(value, sizeof(value), "%.*s%s%.*s", (int) before, "abcdefghijklmnopqr",
                         e->value ?: e->log, (int) behind, "abcdefghijklmnopqr");

        back_size = snprintf(back, sizeof(back), "%.*s", (int) before, "abcdefghijklmnopqr");
        memcpy(back + back_size, read.data, read.size);
        back_size += (int) read.size;
        back_size += sprintf(back + back_size, "%.*s", (int) behind, "abcdefghijklmnopqr");

        check_put((Span){ text, (size_t) text_size }, JSON_TEXT_LOG,
                  (Span){ log, (size_t) log_size }, e->read.data);
        check_put((Span){ text, (size_t) text_size }, JSON_TEXT_VALUE,
                  (Span){ value, (size_t) value_size }, e->read.data);
        check_take((Span){ log, (size_t) log_size }, (Span){ back, (size_t) back_size });
        check_take((Span){ value, (size_t) value_size }, (Span){ back, (size_t) back_size });
}

static void test_escapes(void)
{
        for (size_t i = 0; i < ARRAY_SIZE(escapes); i++)
                for (size_t before = 0; before <= 17; before++)
                        for (size_t behind = 0; behind <= 17; behind++)
                                check_escape(&escapes[i], before, behind);
        puts("ok: escapes");
}

/* Any two bytes, so that what one does to the next one in a word shows. */
static void test_pairs(void)
{
        for (unsigned a = 0; a < 0x80; a++)
                for (unsigned b = 0; b < 0x80; b++)
                        for (size_t at = 0; at < 7; at++) {
                                char text[] = "xxxxxxxx", out[64], back[80], *end, *p = back;
                                Span input, read;
                                bool lossy = false;

                                text[at] = (char) a;
                                text[at + 1] = (char) b;
                                end = json_text_put(out, (Span){ text, 8 }, JSON_TEXT_LOG, &lossy);
                                *end++ = '"';
                                input = (Span){ out, (size_t) (end - out) };
                                assert(json_text_take(&input, &p, &read) == 0);
                                assert(input.size == 0 && !lossy);
                                assert(span_equal(read, (Span){ text, 8 }));
                                for (const char *c = out; c < end - 1; c++)
                                        assert((unsigned char) *c >= 0x20 && !strchr("<>&", *c));
                        }
        puts("ok: pairs");
}

static void test_foreign_escapes(void)
{
        check_take(SPAN_LITERAL("\\/\\b\\f\\t\\u00E9\\u20ac"),
                   SPAN_LITERAL("/\b\f\t\xc3\xa9\xe2\x82\xac"));
        check_take(SPAN_LITERAL("\\ud83d\\ude00!"), SPAN_LITERAL("\xf0\x9f\x98\x80!"));
        check_take(SPAN_LITERAL("\\uDBFF\\uDFFF"), SPAN_LITERAL("\xf4\x8f\xbf\xbf"));
        /* Halves of a pair, alone or in the wrong order. */
        check_take(SPAN_LITERAL("\\ud83d"), SPAN_LITERAL(R));
        check_take(SPAN_LITERAL("\\ude00\\ud83d"), SPAN_LITERAL(R R));
        check_take(SPAN_LITERAL("\\ud83d\\u0041"), SPAN_LITERAL(R "A"));
        check_take(SPAN_LITERAL("\\ud83dA\\ude00"), SPAN_LITERAL(R "A" R));
        check_take(SPAN_LITERAL("\\u0000"), SPAN_LITERAL("\0"));
        /* What is no UTF-8 is taken as it is. */
        check_take(SPAN_LITERAL("a\xff\x80z"), SPAN_LITERAL("a\xff\x80z"));
        puts("ok: foreign escapes");
}

static void test_refused(void)
{
        static const Span bad[] = {
                SPAN_LITERAL(""),
                SPAN_LITERAL("abc"),
                SPAN_LITERAL("abcdefgh"),
                SPAN_LITERAL("a\\"),
                SPAN_LITERAL("a\\\""),
                SPAN_LITERAL("\\x41\""),
                SPAN_LITERAL("\\u12\""),
                SPAN_LITERAL("\\u12"),
                SPAN_LITERAL("\\u12g4\""),
                SPAN_LITERAL("\n\""),
                SPAN_LITERAL("ab\0\""),
                SPAN_LITERAL("abcdefg\x1f\""),
                SPAN_LITERAL("\\\0\""),
                SPAN_LITERAL("\\u"),
                SPAN_LITERAL("\\ud83d\\u\""),
                SPAN_LITERAL("\\ud83d\\u"),
                SPAN_LITERAL("\\ud83d\\"),
        };

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                char out[64], *p = out;
                Span input = bad[i], text = {};

                assert(json_text_take(&input, &p, &text) == -EBADMSG);
                assert(!text.data && input.data == bad[i].data && p == out);
        }
        puts("ok: refused");
}

int main(void)
{
        test_escapes();
        test_pairs();
        test_foreign_escapes();
        test_refused();
        return EXIT_SUCCESS;
}
