/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Records of json-file: ours to the byte, and Docker's and others' read. */

#undef NDEBUG

#include <stdio.h>

#include "../stored-reader.h"
#include "record/json-line.h"

#define TIME "\"time\":\"2026-11-22T01:50:21.12Z\""
#define OUT "\"stream\":\"stdout\"," TIME

/* What an entry becomes, and that it is read back. */
static void check(const Entry *e, const char *attributes, const char *expected, Span text)
{
        Span attrs = span_from_string(attributes);
        _cleanup_free_ char *out = malloc(json_line_bound(e, attrs));
        _cleanup_reading_ Reading d = {};
        Timestamp t = {};
        Span record = { out, json_line_encode(out, e, attrs, &t) };

        assert(span_equal_string(record, expected));
        assert(reading_begin(&d, &json_line_format, record) == 0);
        assert(span_equal(d.stored.text, text));
        assert(d.stored.stream == (e->kind == ENTRY_DROPPED ? ENTRY_STDERR : e->stream));
        assert(d.stored.realtime_nsec == e->realtime_nsec);
        assert(d.stored.goes_on == (e->partial_first > 0 && !e->partial_is_last));
        assert(span_equal(d.stored.attributes, attrs));
}

static void test_encode(void)
{
        Entry e = test_line(ENTRY_STDOUT, SPAN_LITERAL("hello"));

        check(&e, NULL, "{\"log\":\"hello\\n\"," OUT "}\n", e.text);
        check(&e, "{\"tag\":\"web\"}",
              "{\"log\":\"hello\\n\",\"stream\":\"stdout\",\"attrs\":{\"tag\":\"web\"}," TIME "}\n",
              e.text);
        e = test_line(ENTRY_STDERR, (Span){});
        check(&e, NULL, "{\"log\":\"\\n\",\"stream\":\"stderr\"," TIME "}\n", e.text);
        e = test_line(ENTRY_STDOUT, SPAN_LITERAL("a\nb\r"));
        check(&e, NULL, "{\"log\":\"a\\nb\\r\\n\"," OUT "}\n", e.text);
        e.realtime_nsec -= 120000000;
        check(&e, NULL,
              "{\"log\":\"a\\nb\\r\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-22T01:50:21Z\"}"
              "\n",
              e.text);
        puts("ok: encode");
}

static void test_parts(void)
{
        Entry e = test_part(SPAN_LITERAL("first"), 1, false);

        check(&e, NULL, "{\"log\":\"first\"," OUT "}\n", e.text);
        e = test_part(SPAN_LITERAL("last"), 2, true);
        check(&e, NULL, "{\"log\":\"last\\n\"," OUT "}\n", e.text);
        /* Docker leaves out what is empty. */
        e = test_part((Span){}, 2, false);
        check(&e, NULL, "{" OUT "}\n", e.text);
        e = test_part((Span){}, 3, true);
        check(&e, NULL, "{\"log\":\"\\n\"," OUT "}\n", e.text);
        puts("ok: parts");
}

static void test_bytes(void)
{
        Entry e = test_line(ENTRY_STDOUT, SPAN_LITERAL("a\xff"));

        check(&e, NULL, "{\"log\":\"a\\ufffd\\n\"," OUT ",\"bytes\":\"Yf8K\"}\n", e.text);
        e.text = SPAN_LITERAL("\xff");
        check(&e, NULL, "{\"log\":\"\\ufffd\\n\"," OUT ",\"bytes\":\"/wo=\"}\n", e.text);
        e.text = SPAN_LITERAL("abc\xff\xfe\xfd");
        check(&e, NULL,
              "{\"log\":\"abc\\ufffd\\ufffd\\ufffd\\n\"," OUT ",\"bytes\":\"YWJj//79Cg==\"}\n",
              e.text);
        e = test_part(SPAN_LITERAL("\xc3"), 1, false);
        check(&e, NULL, "{\"log\":\"\\ufffd\"," OUT ",\"bytes\":\"ww==\"}\n", e.text);
        puts("ok: bytes");
}

static void test_no_line(void)
{
        Entry e = test_loss();
        Timestamp t = {};
        char out[8];

        check(&e, NULL, "{\"log\":\"" TEST_LOSS_TEXT "\\n\",\"stream\":\"stderr\"," TIME "}\n",
              SPAN_LITERAL(TEST_LOSS_TEXT));
        e.kind = ENTRY_END;
        assert(json_line_encode(out, &e, (Span){}, &t) == 0);
        puts("ok: no line");
}

/* The room that is asked for is enough for the worst. */
static void test_bound(void)
{
        static const char worst[] = { '\0', '\xff', '\xe2', 'a', '<' };
        char text[200];

        for (size_t i = 0; i < ARRAY_SIZE(worst); i++)
                for (size_t size = 0; size <= sizeof(text); size++) {
                        _cleanup_free_ char *out = NULL;
                        _cleanup_reading_ Reading d = {};
                        Timestamp t = {};
                        Entry e;
                        size_t n;

                        memset(text, worst[i], size);
                        e = test_line(ENTRY_STDERR, (Span){ text, size });
                        e.realtime_nsec++;
                        out = malloc(json_line_bound(&e, (Span){}));
                        n = json_line_encode(out, &e, (Span){}, &t);
                        assert(n <= json_line_bound(&e, (Span){}));
                        assert(reading_begin(&d, &json_line_format, (Span){ out, n }) == 0);
                        assert(span_equal(d.stored.text, e.text));
                }
        puts("ok: bound");
}

static void check_attributes(const Pair *pairs, size_t n, const char *expected)
{
        _cleanup_buffer_ Buffer b = {};

        assert(json_line_append_attributes(&b, pairs, n) == 0);
        assert(span_equal_string(buffer_span(&b), expected));
}

static void test_attributes(void)
{
        static const Pair pairs[] = {
                { "zone", "a" }, { "B", "\"<\t\xff>" }, { "b", "" },
                { "zone", "b" }, { "a\n", "\xc3\xa9" },
        };
        static const char *const expected[][2] = {
                { "B", "\"<\t"
                       "\xef\xbf\xbd>" },
                { "a\n", "\xc3\xa9" },
                { "b", "" },
                { "zone", "b" },
        };
        _cleanup_buffer_ Buffer b = {};
        Stored s = {};
        Span key, value;
        char buffer[256];

        check_attributes(NULL, 0, "");
        check_attributes(pairs, 1, "{\"zone\":\"a\"}");
        check_attributes(pairs, ARRAY_SIZE(pairs),
                         "{\"B\":\"\\\"\\u003c\\t\\ufffd\\u003e\",\"a\\n\":\"\xc3\xa9\","
                         "\"b\":\"\",\"zone\":\"b\"}");

        assert(json_line_append_attributes(&b, pairs, ARRAY_SIZE(pairs)) == 0);
        s.attributes = buffer_span(&b);
        for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
                assert(json_line_format.next_attribute(&s, buffer, &key, &value) == 1);
                assert(span_equal_string(key, expected[i][0]));
                assert(span_equal_string(value, expected[i][1]));
        }
        assert(json_line_format.next_attribute(&s, buffer, &key, &value) == 0);
        assert(json_line_format.next_attribute(&s, buffer, &key, &value) == 0);

        s = (Stored){ .attributes = SPAN_LITERAL(" { \"a\" : \"b\" , \"c\":1}") };
        s.attributes = span_skip(s.attributes, 1);
        assert(json_line_format.next_attribute(&s, buffer, &key, &value) == 1);
        assert(span_equal_string(key, "a") && span_equal_string(value, "b"));
        assert(json_line_format.next_attribute(&s, buffer, &key, &value) == 0);
        puts("ok: attributes");
}

static void check_foreign(const char *record, const char *text, bool goes_on)
{
        _cleanup_reading_ Reading d = {};

        assert(reading_begin(&d, &json_line_format, span_from_string(record)) == 0);
        assert(span_equal_string(d.stored.text, text));
        assert(d.stored.goes_on == goes_on);
        assert(d.stored.realtime_nsec == TEST_NSEC);
}

static void test_foreign(void)
{
        check_foreign(" { \"time\" : \"2026-11-22T01:50:21.12Z\" ,\r\n\t\"stream\":\"stdout\","
                      "\"log\":\"a\\u00e9\\n\" } \r\n",
                      "a\xc3\xa9", false);
        check_foreign("{" OUT "}", "", true);
        check_foreign("{\"log\":\"a\"," OUT ",\"log\":\"b\\n\"}\n", "b", false);
        check_foreign("{\"log\":\"a\\n\"," OUT ",\"x\":1.5e3,\"y\":null,\"z\":[[],{\"a\":[\"}\"]}]"
                      ",\"w\":{\"log\":\"no\"},\"v\":[1,2]}\n",
                      "a", false);
        check_foreign("{\"log\":null," OUT "}\n", "", true);
        /* Not ours: a key of that name which is no base64. */
        check_foreign("{\"log\":\"a\\n\"," OUT ",\"bytes\":\"12 MB\"}\n", "a", false);
        check_foreign("{\"log\":\"a\\n\"," OUT ",\"bytes\":12}\n", "a", false);
        puts("ok: foreign");
}

static void test_refused(void)
{
        static const char *const bad[] = {
                "",
                "\n",
                "{}\n",
                "[]\n",
                "null\n",
                "hello\n",
                "2026-11-22T01:50:21.120000000Z stdout F hello\n",
                "{\"log\":\"a\\n\",\"stream\":\"stdout\"}\n",
                "{\"log\":\"a\\n\"," TIME "}\n",
                "{\"log\":\"a\\n\",\"stream\":\"stdin\"," TIME "}\n",
                "{\"log\":\"a\\n\",\"stream\":\"stdout\",\"time\":\"today\"}\n",
                "{\"log\":\"a\\n\",\"stream\":\"stdout\",\"time\":1}\n",
                "{\"log\":\"a\\n\"," OUT,
                "{\"log\":\"a\\n\"," OUT ",}\n",
                "{\"log\":\"a\\n\"," OUT "}{\n",
                "{\"log\":\"a\\n\"," OUT "}x\n",
                "{\"log\":\"a\\n\"," OUT ",\"x\":[}\n",
                "{\"log\":\"a\\n\"," OUT ",\"x\":]}\n",
                "{\"log\":\"a\\n\"," OUT ",\"attrs\":\"x\"}\n",
                "{\"log\":\"a\\n\"," OUT ",\"x\"}\n",
                "{\"log\":\"a\\n\"," OUT ",x:1}\n",
                "{\"log\":\"a\n\"," OUT "}\n",
                "{\"log\":\"abc{\"log\":\"a\\n\"," OUT "}\n",
        };

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                _cleanup_reading_ Reading d = {};

                assert(reading_begin(&d, &json_line_format, span_from_string(bad[i])) == -EBADMSG);
        }
        puts("ok: refused");
}

int main(void)
{
        test_encode();
        test_parts();
        test_bytes();
        test_no_line();
        test_bound();
        test_attributes();
        test_foreign();
        test_refused();
        return EXIT_SUCCESS;
}
