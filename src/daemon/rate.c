/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The rate limits of a container; see the header. */

#include "daemon/rate.h"
#include "base/limits.h"

#define TOKEN INT64_C(1000000)

/* Less than this is not waited for, so that a high limit does not mean a wake-up for each line. */
#define RATE_WAIT_MIN_USEC UINT64_C(10000)
/* What is saved up before dropping ends. */
#define RATE_DROP_USEC UINT64_C(1000000)

_Static_assert((uint64_t) RATE_MAX_BYTES <= INT64_MAX / RATE_MAX_BURST_USEC, "tokens fit");
_Static_assert((uint64_t) RATE_MAX_LINES <= (uint64_t) RATE_MAX_BYTES, "tokens of lines fit, too");

void rate_init(Rate *rate, uint64_t lines, uint64_t bytes, uint64_t burst_usec, bool drops)
{
        assert(burst_usec > 0 && burst_usec <= RATE_MAX_BURST_USEC);

        *rate = (Rate){
                .lines = { lines, (int64_t) (lines * burst_usec) },
                .bytes = { bytes, (int64_t) (bytes * burst_usec) },
                .burst_usec = burst_usec,
                .drops = drops,
        };
}

static void bucket_fill(RateBucket *b, uint64_t usec, uint64_t burst_usec)
{
        b->tokens = MIN(b->tokens + (int64_t) (usec * b->per_second),
                        (int64_t) (burst_usec * b->per_second));
}

static void rate_fill(Rate *rate, uint64_t now_usec)
{
        /* Longer than this fills them anyway; a line has at most a few seconds of debt. */
        uint64_t usec = MIN(now_usec - rate->filled_usec, RATE_MAX_BURST_USEC);

        bucket_fill(&rate->lines, usec, rate->burst_usec);
        bucket_fill(&rate->bytes, usec, rate->burst_usec);
        rate->filled_usec = now_usec;
}

/* Until there are so many tokens. */
static uint64_t bucket_get_delay(const RateBucket *b, int64_t tokens)
{
        uint64_t missing;

        if (b->per_second == 0 || b->tokens >= tokens)
                return 0;
        missing = (uint64_t) (tokens - b->tokens);
        return (missing + b->per_second - 1) / b->per_second;
}

/* Until what fills in usec has been saved up. */
static uint64_t rate_get_refill(const Rate *rate, uint64_t usec)
{
        uint64_t lines = rate->lines.per_second * usec, bytes = rate->bytes.per_second * usec;
        uint64_t line_delay, byte_delay;

        /* A line at least, and a bucket holds no more than the burst. */
        line_delay = bucket_get_delay(&rate->lines, (int64_t) MAX(lines, (uint64_t) TOKEN));
        byte_delay = bucket_get_delay(&rate->bytes, (int64_t) MAX(bytes, UINT64_C(1)));
        return MAX(line_delay, byte_delay);
}

uint64_t rate_get_delay(Rate *rate, uint64_t now_usec)
{
        rate_fill(rate, now_usec);
        if (rate->dropping_until_usec > now_usec)
                return rate->dropping_until_usec - now_usec;
        return rate_get_refill(rate, 0) > 0
                       ? rate_get_refill(rate, MIN(RATE_WAIT_MIN_USEC, rate->burst_usec))
                       : 0;
}

size_t rate_count(Rate *rate, uint64_t now_usec, const uint32_t *ends, size_t n)
{
        size_t count = 0;
        int64_t bytes = 0;

        rate_fill(rate, now_usec);
        if (rate->dropping_until_usec > now_usec)
                return 0;

        while (count < n && (rate->bytes.per_second == 0 || rate->bytes.tokens > bytes) &&
               (rate->lines.per_second == 0 || rate->lines.tokens >= (int64_t) (count + 1) * TOKEN))
                bytes = (int64_t) ends[count++] * TOKEN;

        if (count == 0 && rate->drops)
                rate->dropping_until_usec =
                        now_usec + rate_get_refill(rate, MIN(RATE_DROP_USEC, rate->burst_usec));
        return count;
}

void rate_spend(Rate *rate, size_t lines, size_t bytes)
{
        if (rate->lines.per_second > 0)
                rate->lines.tokens -= (int64_t) lines * TOKEN;
        if (rate->bytes.per_second > 0)
                rate->bytes.tokens -= (int64_t) bytes * TOKEN;
}
