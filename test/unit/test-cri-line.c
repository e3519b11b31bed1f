/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Records of k8s-file: ours to the byte, and those of other runtimes read. */

#undef NDEBUG

#include <stdio.h>

#include "../stored-reader.h"
#include "record/cri-line.h"

#define TIME "2026-11-22T01:50:21.120000000Z"

static void check(const Entry *e, const char *expected)
{
        _cleanup_free_ char *out = malloc(cri_line_bound(e));
        Timestamp t = {};
        size_t size;

        size = cri_line_encode(out, e, &t);
        assert(size <= cri_line_bound(e));
        assert(span_equal_string((Span){ out, size }, expected));
}

static void test_encode(void)
{
        Entry e = test_line(ENTRY_STDOUT, SPAN_LITERAL("hello world\r"));

        check(&e, TIME " stdout F hello world\r\n");
        e = test_line(ENTRY_STDERR, (Span){});
        check(&e, TIME " stderr F \n");
        e = test_part(SPAN_LITERAL("first"), 1, false);
        check(&e, TIME " stdout P first\n");
        e = test_part(SPAN_LITERAL("last"), 2, true);
        check(&e, TIME " stdout F last\n");
        e = test_loss();
        check(&e, TIME " stderr F " TEST_LOSS_TEXT "\n");
        e.kind = ENTRY_END;
        check(&e, "");
        puts("ok: encode");
}

/* Only what goes on in a further entry has P. */
static void test_lines(void)
{
        Entry e = test_line(ENTRY_STDOUT, SPAN_LITERAL("a\n\tat b\n\n"));

        check(&e, TIME " stdout F a\n" TIME " stdout F \tat b\n" TIME " stdout F \n" TIME
                       " stdout F \n");
        e = test_part(SPAN_LITERAL("a\nb"), 1, false);
        check(&e, TIME " stdout F a\n" TIME " stdout P b\n");
        e = test_part(SPAN_LITERAL("b\nc"), 2, true);
        check(&e, TIME " stdout F b\n" TIME " stdout F c\n");
        puts("ok: lines");
}

static void check_read(const char *record, Stored expected)
{
        _cleanup_reading_ Reading d = {};

        assert(reading_begin(&d, &cri_line_format, span_from_string(record)) == 0);
        assert(d.stored.stream == expected.stream);
        assert(d.stored.realtime_nsec == expected.realtime_nsec);
        assert(d.stored.goes_on == expected.goes_on);
        assert(span_equal(d.stored.text, expected.text));
        assert(cri_line_format.next_attribute(&d.stored, d.buffer, &(Span){}, &(Span){}) == 0);
}

static void test_decode(void)
{
        check_read(TIME " stdout F hello world\r\n",
                   (Stored){ .realtime_nsec = TEST_NSEC, .text = SPAN_LITERAL("hello world\r") });
        check_read("2026-11-22T02:50:21.12+01:00 stderr P:x:F  \xff \n",
                   (Stored){
                           .stream = ENTRY_STDERR,
                           .realtime_nsec = TEST_NSEC,
                           .goes_on = true,
                           .text = SPAN_LITERAL(" \xff "),
                   });
        check_read("2026-11-22T01:50:21Z stdout F \n",
                   (Stored){ .realtime_nsec = TEST_NSEC - 120000000 });
        puts("ok: decode");
}

static void test_refused(void)
{
        static const char *const bad[] = {
                "",
                "\n",
                "hello\n",
                TIME " stdout F hello",
                TIME " stdout F\n",
                TIME " stdout\n",
                TIME "\n",
                TIME " stdin F a\n",
                TIME "  stdout F a\n",
                TIME " stdout  a\n",
                TIME " stdout X a\n",
                TIME " stdout FP a\n",
                TIME " stdout :F a\n",
                "today stdout F a\n",
                "stdout F a\n",
                "{\"log\":\"a\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-22T01:50:21.12Z\"}\n",
        };

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                _cleanup_reading_ Reading d = {};

                assert(reading_begin(&d, &cri_line_format, span_from_string(bad[i])) == -EBADMSG);
        }
        puts("ok: refused");
}

/* Any bytes, many newlines among them: within the bound, and read back line by line. */
static void test_round_trip(void)
{
        char text[64];

        for (unsigned seed = 1; seed <= 2000; seed++) {
                _cleanup_free_ char *out = NULL, *whole = malloc(sizeof(text) + 1);
                Span rest, record;
                Timestamp t = {};
                size_t size = 0;
                Entry e;

                for (size_t i = 0; i < sizeof(text); i++)
                        text[i] = (char) ((seed * 31 + i * i * 17) % (seed % 3 ? 256 : 12));
                e = test_part((Span){ text, seed % sizeof(text) }, 1, seed % 2);
                out = malloc(cri_line_bound(&e));
                rest = (Span){ out, cri_line_encode(out, &e, &t) };
                assert(rest.size <= cri_line_bound(&e));

                while (cri_line_format.next(rest, true, &record) > 0) {
                        _cleanup_reading_ Reading d = {};

                        assert(record.data == rest.data);
                        rest = span_skip(rest, record.size);
                        assert(reading_begin(&d, &cri_line_format, record) == 0);
                        assert(d.stored.goes_on == (rest.size == 0 && seed % 2 == 0));
                        if (d.stored.text.size > 0)
                                memcpy(whole + size, d.stored.text.data, d.stored.text.size);
                        size += d.stored.text.size;
                        whole[size++] = '\n';
                }
                assert(rest.size == 0);
                assert(span_equal((Span){ whole, size - 1 }, e.text));
        }
        puts("ok: round trip");
}

int main(void)
{
        test_encode();
        test_lines();
        test_decode();
        test_refused();
        test_round_trip();
        return EXIT_SUCCESS;
}
