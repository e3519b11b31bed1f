/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Foreign text on a terminal: what is shown as it is, and what is not. */

#undef NDEBUG

#include <stdio.h>

#include "tool/escape.h"

static void check(Span text, const char *expected, size_t columns)
{
        _cleanup_free_ char *escaped = escape_new(text);

        assert(escaped);
        if (strcmp(escaped, expected) != 0) {
                printf("got: %s\nexpected: %s\n", escaped, expected);
                exit(EXIT_FAILURE);
        }
        assert(escape_columns(escaped) == columns);
}

#define CHECK(text, expected, columns) check(SPAN_LITERAL(text), expected, columns)

static void test_plain(void)
{
        CHECK("", "", 0);
        check((Span){}, "", 0);
        CHECK("web-1", "web-1", 5);
        CHECK("dev-disk\\x2did.device", "dev-disk\\x2did.device", 21);
        CHECK("Käse 奶酪 🧀", "Käse 奶酪 🧀", 9);
        CHECK("~ \x7e", "~ ~", 3);
        puts("ok: plain text");
}

static void test_control(void)
{
        CHECK("a\033[31mb", "a\\x1b[31mb", 10);
        CHECK("a\nb\rc\td", "a\\x0ab\\x0dc\\x09d", 16);
        CHECK("a\0b", "a\\x00b", 6);
        CHECK("\x7f", "\\x7f", 4);
        CHECK("\xc2\x9b"
              "2J",
              "\\xc2\\x9b2J", 10);
        CHECK("\xc2\xa0", "\xc2\xa0", 1);
        CHECK("a\xe2\x80\xae"
              "b",
              "a\\xe2\\x80\\xaeb", 14);
        CHECK("\xe2\x81\xa6\xe2\x81\xa9", "\\xe2\\x81\\xa6\\xe2\\x81\\xa9", 24);
        CHECK("\xe2\x80\x8e", "\\xe2\\x80\\x8e", 12);
        CHECK("\xe2\x80\xa8", "\\xe2\\x80\\xa8", 12);
        CHECK("\xd8\x9c", "\\xd8\\x9c", 8);
        puts("ok: control characters");
}

static void test_not_utf8(void)
{
        CHECK("\xff", "\\xff", 4);
        CHECK("a\x80z", "a\\x80z", 6);
        CHECK("\xc3", "\\xc3", 4);
        CHECK("\xc3(", "\\xc3(", 5);
        CHECK("\xe2\x82", "\\xe2\\x82", 8);
        CHECK("\xc0\x80", "\\xc0\\x80", 8);
        CHECK("\xc1\x9b", "\\xc1\\x9b", 8);
        CHECK("\xe0\x82\x9b", "\\xe0\\x82\\x9b", 12);
        CHECK("\xed\xa0\x80", "\\xed\\xa0\\x80", 12);
        CHECK("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", 16);
        CHECK("\xf0\x9f\xa7\x80", "🧀", 1);
        CHECK("\xf8\x88\x80\x80\x80", "\\xf8\\x88\\x80\\x80\\x80", 20);
        puts("ok: bytes that are no UTF-8");
}

/* Whatever comes in, nothing goes out that moves a cursor. */
static void test_every_byte(void)
{
        for (unsigned i = 0; i < 65536; i++) {
                char bytes[] = { (char) (i >> 8), (char) i };
                _cleanup_free_ char *escaped = escape_new((Span){ bytes, sizeof(bytes) });

                assert(escaped);
                for (const unsigned char *p = (unsigned char *) escaped; *p; p++) {
                        assert(*p >= 0x20 && *p != 0x7f);
                        assert(p[0] != 0xc2 || p[1] >= 0xa0);
                }
        }
        puts("ok: every two bytes");
}

int main(void)
{
        test_plain();
        test_control();
        test_not_utf8();
        test_every_byte();
        return 0;
}
