/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Points in time: what journalctl and docker take, and what is refused. */

#undef NDEBUG

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "record/timestamp.h"
#include "tool/moment.h"

/* 2026-11-22 01:02:03.5 UTC, a Sunday; 02:02:03.5 in Vienna. */
#define NOW (UINT64_C(1795309323) * MOMENT_SECOND + MOMENT_SECOND / 2)

static void set_zone(const char *zone)
{
        assert(setenv("TZ", zone, 1) == 0);
        tzset();
}

/* expected: RFC 3339, which another function writes. */
static void check(const char *text, const char *expected)
{
        Timestamp timestamp = {};
        uint64_t nsec = 0;
        Span got;

        if (moment_parse(text, NOW, &nsec) < 0) {
                printf("refused: %s\n", text);
                exit(EXIT_FAILURE);
        }
        got = timestamp_format(&timestamp, nsec, TIMESTAMP_NINE);
        if (!span_equal_string(got, expected)) {
                printf("%s is %.*s, not %s\n", text, (int) got.size, got.data, expected);
                exit(EXIT_FAILURE);
        }
}

static void test_points(void)
{
        check("now", "2026-11-22T01:02:03.500000000Z");
        check("@0", "1970-01-01T00:00:00.000000000Z");
        check("@1700000000", "2023-11-14T22:13:20.000000000Z");
        check("@1700000000.123456789", "2023-11-14T22:13:20.123456789Z");
        check("1700000000.5", "2023-11-14T22:13:20.500000000Z");
        check("2026-11-21T20:07:12Z", "2026-11-21T20:07:12.000000000Z");
        check("2026-11-21T20:07:12.340240117Z", "2026-11-21T20:07:12.340240117Z");
        check("2026-11-21T20:07:12.3402401178Z", "2026-11-21T20:07:12.340240117Z");
        check("2026-11-21T20:07:12.25+02:00", "2026-11-21T18:07:12.250000000Z");
        check("2026-11-21 20:07:12 UTC", "2026-11-21T20:07:12.000000000Z");
        check("2026-11-21 20:07 -0330", "2026-11-21T23:37:00.000000000Z");
        check("2026-11-21Z", "2026-11-21T00:00:00.000000000Z");
        check("2026-11-21 UTC", "2026-11-21T00:00:00.000000000Z");
        check("2024-02-29 UTC", "2024-02-29T00:00:00.000000000Z");
        puts("ok: points");
}

static void test_local(void)
{
        set_zone("CET-1CEST,M3.5.0,M10.5.0/3");
        check("2026-11-21", "2026-11-20T23:00:00.000000000Z");
        check("2026-11-21 20:07", "2026-11-21T19:07:00.000000000Z");
        check("2026-07-21T20:07:12", "2026-07-21T18:07:12.000000000Z");
        check("2026-07-21  20:07:12.5", "2026-07-21T18:07:12.500000000Z");
        check("01:30", "2026-11-22T00:30:00.000000000Z");
        check("01:30:15.75", "2026-11-22T00:30:15.750000000Z");
        check("today", "2026-11-21T23:00:00.000000000Z");
        check("yesterday", "2026-11-20T23:00:00.000000000Z");
        check("tomorrow", "2026-11-22T23:00:00.000000000Z");
        set_zone("UTC");
        puts("ok: local time");
}

static void test_spans(void)
{
        check("10m", "2026-11-22T00:52:03.500000000Z");
        check("-10m", "2026-11-22T00:52:03.500000000Z");
        check("10m ago", "2026-11-22T00:52:03.500000000Z");
        check("10 min ago", "2026-11-22T00:52:03.500000000Z");
        check("10minutes", "2026-11-22T00:52:03.500000000Z");
        check("1h30m", "2026-11-21T23:32:03.500000000Z");
        check("1h 30min ago", "2026-11-21T23:32:03.500000000Z");
        check("1.5h", "2026-11-21T23:32:03.500000000Z");
        check("2 days 3 h ago", "2026-11-19T22:02:03.500000000Z");
        check("1w", "2026-11-15T01:02:03.500000000Z");
        check("500ms", "2026-11-22T01:02:03.000000000Z");
        check("1us", "2026-11-22T01:02:03.499999000Z");
        check("1ns", "2026-11-22T01:02:03.499999999Z");
        check("0s", "2026-11-22T01:02:03.500000000Z");
        check("+10m", "2026-11-22T01:12:03.500000000Z");
        check("10m left", "2026-11-22T01:12:03.500000000Z");
        puts("ok: spans");
}

static void test_refused(void)
{
        static const char *const texts[] = {
                "",
                " ",
                "x",
                "10x",
                "10m10",
                "m",
                "-",
                "+",
                "-10",
                "10m agox",
                "-10m ago",
                "1..5h",
                "1.h",
                "9999999999999s",
                "@",
                "@-1",
                "@1x",
                "@1.",
                "@99999999999",
                "2026-11",
                "2026-13-01",
                "2026-00-01",
                "2026-11-00",
                "2026-11-31",
                "2026-02-29",
                "2026-11-21 24:00",
                "2026-11-21 20:60",
                "2026-11-21 20",
                "2026-11-21T",
                "2026-11-21TZ",
                "2026-11-21 20:07:12.",
                "2026-11-21 20:07 Mars",
                "2026-11-21T20:07:12+2",
                "2026-11-21T20:07:12+99:00",
                "2026-11-21T20:07:12Zx",
                "1969-12-31 UTC",
                "2263-01-01 UTC",
                "20:07 UTC",
                "20:0",
                "100y",
                "1000000y ago",
                "999999999999y left",
        };
        uint64_t nsec = 7;

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                if (moment_parse(texts[i], NOW, &nsec) != -EINVAL) {
                        printf("taken: %s\n", texts[i]);
                        exit(EXIT_FAILURE);
                }
                assert(nsec == 7);
        }
        puts("ok: refused");
}

int main(void)
{
        set_zone("UTC");
        test_points();
        test_local();
        test_spans();
        test_refused();
        return EXIT_SUCCESS;
}
