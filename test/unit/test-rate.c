/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Rate limits: what they let through is counted against a clock of our own. */

#undef NDEBUG

#include <stdio.h>

#include "base/limits.h"
#include "daemon/rate.h"

#define SECOND UINT64_C(1000000)
#define BEGIN (12345 * SECOND)

/* A container that always has a line: how many go in so many seconds, asking each usec. */
static uint64_t flood(Rate *rate, uint64_t *now, uint64_t seconds, uint64_t usec, uint32_t size)
{
        uint32_t ends[256];
        uint64_t n = 0;

        for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
                ends[i] = size * (uint32_t) (i + 1);
        for (uint64_t end = *now + seconds * SECOND; *now < end; *now += usec) {
                size_t k;

                while ((k = rate_count(rate, *now, ends, ARRAY_SIZE(ends))) > 0) {
                        rate_spend(rate, k, k * size);
                        n += k;
                }
        }
        return n;
}

static void test_lines(void)
{
        static const uint64_t limits[] = { 1, 7, 100, 12345, RATE_MAX_LINES };
        static const uint64_t steps[] = { 1000, 9999, 333333, 1000000 };

        for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
                for (size_t k = 0; k < ARRAY_SIZE(steps); k++) {
                        uint64_t now = BEGIN, n;
                        Rate rate;

                        rate_init(&rate, limits[i], 0, SECOND, false);
                        /* The bucket is full to begin with; nothing is lost on the way. */
                        n = flood(&rate, &now, 20, steps[k], 100);
                        assert(n <= limits[i] * 21);
                        /* Who asks rarely finds the bucket full, and what it did not hold gone. */
                        assert(steps[k] > 10000 || n >= limits[i] * 20);
                }
        puts("ok: lines");
}

static void test_bytes(void)
{
        uint64_t now = BEGIN, n;
        Rate rate;

        rate_init(&rate, 0, 10000, SECOND, false);
        n = flood(&rate, &now, 10, 1000, 100);
        assert(n >= 1000 && n <= 1101);

        /* A line larger than what a second gives goes, and the next one waits for its debt. */
        rate_init(&rate, 0, 1000, SECOND, false);
        n = flood(&rate, &now, 28 * 10, 1000, LINE_MAX_BYTES);
        assert(n == 10 || n == 11);
        puts("ok: bytes");
}

static void test_burst(void)
{
        uint32_t ends[100] = {};
        uint64_t now = BEGIN;
        Rate rate;

        rate_init(&rate, 10, 0, 5 * SECOND, false);
        assert(rate_count(&rate, now, ends, 100) == 50);
        rate_spend(&rate, 50, 0);
        assert(rate_count(&rate, now, ends, 100) == 0);
        assert(rate_get_delay(&rate, now) == SECOND / 10);
        now += SECOND / 10 - 1;
        assert(rate_count(&rate, now, ends, 100) == 0);
        assert(rate_get_delay(&rate, now) == 1);
        assert(rate_count(&rate, now + 1, ends, 100) == 1);
        assert(rate_get_delay(&rate, now + 1) == 0);
        assert(rate_count(&rate, now + 3 * SECOND, ends, 100) == 31 - 1);
        assert(rate_count(&rate, now + 1000000 * SECOND, ends, 100) == 50);
        puts("ok: burst");
}

/* Dropping goes on for about a second, so that it is told once in that time. */
static void test_drops(void)
{
        uint32_t ends[100] = {};
        uint64_t now = BEGIN, until;
        Rate rate;

        rate_init(&rate, 50, 0, SECOND, true);
        assert(rate_count(&rate, now, ends, 100) == 50);
        rate_spend(&rate, 50, 0);
        assert(rate_count(&rate, now, ends, 100) == 0);
        until = now + rate_get_delay(&rate, now);
        assert(until == now + SECOND);
        for (; now < until; now += 1000)
                assert(rate_count(&rate, now, ends, 100) == 0);
        assert(rate_get_delay(&rate, until) == 0);
        assert(rate_count(&rate, until, ends, 100) == 50);
        puts("ok: drops");
}

/* The largest of everything: no overflow, which UBSan would tell. */
static void test_extremes(void)
{
        uint32_t ends[256];
        uint64_t now = 0;
        Rate rate;

        for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
                ends[i] = LINE_MAX_BYTES * (uint32_t) (i + 1);
        rate_init(&rate, RATE_MAX_LINES, RATE_MAX_BYTES, RATE_MAX_BURST_USEC, true);
        for (unsigned i = 0; i < 100; i++) {
                assert(rate_count(&rate, now, ends, ARRAY_SIZE(ends)) == ARRAY_SIZE(ends));
                rate_spend(&rate, ARRAY_SIZE(ends), ARRAY_SIZE(ends) * LINE_MAX_BYTES);
                now += UINT64_MAX / 200;
        }
        assert(rate_get_delay(&rate, now) == 0);
        puts("ok: extremes");
}

int main(void)
{
        test_lines();
        test_bytes();
        test_burst();
        test_drops();
        test_extremes();
        return 0;
}
