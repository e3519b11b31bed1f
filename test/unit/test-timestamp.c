/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Times as Go writes and reads them. */

#undef NDEBUG

#include <stdio.h>

#include "record/timestamp.h"

#define SEC UINT64_C(1000000000)

static Span format(Timestamp *t, uint64_t nsec, TimestampDigits digits)
{
        static char text[sizeof(t->text)];
        char *end = timestamp_put(text, t, nsec, digits);

        assert(span_equal((Span){ text, (size_t) (end - text) },
                          timestamp_format(t, nsec, digits)));
        return (Span){ text, (size_t) (end - text) };
}

static void check(uint64_t nsec, const char *trimmed, const char *nine)
{
        /* Fresh, after another second, another fraction, and itself. */
        const uint64_t before[] = { 0, nsec + 7 * SEC, nsec ^ 1, nsec };
        uint64_t parsed;

        for (size_t i = 0; i < ARRAY_SIZE(before); i++) {
                Timestamp a = {}, b = {};

                if (i > 0) {
                        (void) format(&a, before[i], TIMESTAMP_TRIMMED);
                        (void) format(&b, before[i], TIMESTAMP_NINE);
                }
                assert(span_equal_string(format(&a, nsec, TIMESTAMP_TRIMMED), trimmed));
                assert(span_equal_string(format(&b, nsec, TIMESTAMP_NINE), nine));
        }
        assert(timestamp_parse(span_from_string(trimmed), &parsed) == 0 && parsed == nsec);
        assert(timestamp_parse(span_from_string(nine), &parsed) == 0 && parsed == nsec);
}

static void test_format(void)
{
        check(0, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000000000Z");
        check(1, "1970-01-01T00:00:00.000000001Z", "1970-01-01T00:00:00.000000001Z");
        check(SEC - 1, "1970-01-01T00:00:00.999999999Z", "1970-01-01T00:00:00.999999999Z");
        check(1000, "1970-01-01T00:00:00.000001Z", "1970-01-01T00:00:00.000001000Z");
        check(UINT64_C(1795312221) * SEC + 120000000, "2026-11-22T01:50:21.12Z",
              "2026-11-22T01:50:21.120000000Z");
        check(UINT64_C(951827696) * SEC + 500000000, "2000-02-29T12:34:56.5Z",
              "2000-02-29T12:34:56.500000000Z");
        check(UINT64_C(1709251199) * SEC, "2024-02-29T23:59:59Z", "2024-02-29T23:59:59.000000000Z");
        check(UINT64_MAX / SEC * SEC - 1, "2554-07-21T23:34:32.999999999Z",
              "2554-07-21T23:34:32.999999999Z");
        puts("ok: format");
}

/* Each day of seven centuries there and back. */
static void test_days(void)
{
        Timestamp t = {};
        uint64_t parsed;

        for (uint64_t day = 0; day < UINT64_MAX / SEC / 86400; day++) {
                uint64_t nsec = (day * 86400 + day % 86400) * SEC + day;

                assert(timestamp_parse(format(&t, nsec, TIMESTAMP_NINE), &parsed) == 0);
                assert(parsed == nsec);
        }
        puts("ok: days");
}

static void test_parse(void)
{
        static const char *const bad[] = {
                "",
                "2026-11-22",
                "2026-11-22T01:50:21",
                "2026-11-22T01:50:21.Z",
                "2026-11-22T01:50:21.5",
                "2026-11-22T01:50:21Zx",
                "2026-11-22T01:50:21 Z",
                "2026-11-22 01:50:21Z",
                "2026-13-22T01:50:21Z",
                "2026-00-22T01:50:21Z",
                "2026-11-32T01:50:21Z",
                "2026-11-22T24:50:21Z",
                "2026-11-22T01:60:21Z",
                "2026-11-22T01:50:61Z",
                "2026-11-22T01:50:21+0100",
                "2026-11-22T01:50:21+01:0",
                "2026-11-22T01:50:21+24:00",
                "1969-12-31T23:59:59Z",
                "1970-01-01T00:00:00+00:01",
                "2555-01-01T00:00:00Z",
                "9999-12-31T23:59:59Z",
                "0000-01-01T00:00:00Z",
                "+026-11-22T01:50:21Z",
        };
        uint64_t nsec = 42;

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert(timestamp_parse(span_from_string(bad[i]), &nsec) == -EINVAL && nsec == 42);

        assert(timestamp_parse(SPAN_LITERAL("2026-11-22T02:50:21.5+01:00"), &nsec) == 0);
        assert(nsec == UINT64_C(1795312221) * SEC + SEC / 2);
        assert(timestamp_parse(SPAN_LITERAL("2026-11-21T22:20:21.5-03:30"), &nsec) == 0);
        assert(nsec == UINT64_C(1795312221) * SEC + SEC / 2);
        assert(timestamp_parse(SPAN_LITERAL("2026-11-22T01:50:21.1234567899Z"), &nsec) == 0);
        assert(nsec == UINT64_C(1795312221) * SEC + 123456789);
        puts("ok: parse");
}

int main(void)
{
        test_format();
        test_days();
        test_parse();
        return EXIT_SUCCESS;
}
