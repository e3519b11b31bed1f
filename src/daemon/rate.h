/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The rate limits of a container: so many lines and so many bytes a second, each a bucket of tokens
 * that fills with time. No clock of its own: now_usec is the loop's monotonic time.
 *
 * A container that is over its limit waits (it is blocked) or its lines are dropped. Dropping goes
 * on until about a second's worth has been saved up: so it is told once a second at most.
 */

#include "base/base.h"

/* One bucket. Tokens are counted in millionths, so that no fraction is lost. */
typedef struct RateBucket {
        uint64_t per_second; /* 0: no limit */
        int64_t tokens;      /* below 0 when the last line was larger than what was left */
} RateBucket;

typedef struct Rate {
        RateBucket lines, bytes;
        uint64_t burst_usec; /* what is saved up while the container is quiet */
        uint64_t filled_usec;
        uint64_t dropping_until_usec;
        bool drops;
} Rate;

/* 0 per second is no limit. The buckets begin full. */
void rate_init(Rate *rate, uint64_t lines, uint64_t bytes, uint64_t burst_usec, bool drops);

/* How many of the n lines may go now; ends says where each ends, in bytes from the first on. */
size_t rate_count(Rate *rate, uint64_t now_usec, const uint32_t *ends, size_t n);

/* Takes the tokens of lines that went. */
void rate_spend(Rate *rate, size_t lines, size_t bytes);

/* How long until rate_count() lets a line go. */
uint64_t rate_get_delay(Rate *rate, uint64_t now_usec);
