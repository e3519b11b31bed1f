/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Times as text: RFC 3339 in UTC with a fraction of up to nine digits.
 */

#include "base/span.h"

typedef enum TimestampDigits {
        TIMESTAMP_TRIMMED, /* as Go's RFC3339Nano: without trailing zeros, without point if all */
        TIMESTAMP_NINE,    /* always nine: for readers that insist on them, as podman does */
} TimestampDigits;

/* "2026-11-22T01:50:21.123456789Z" */
#define TIMESTAMP_MAX_BYTES 30U

/* The last one that was made: lines that come together share one. All zero is a good start. */
typedef struct Timestamp {
        uint64_t nsec;
        size_t size;
        char text[TIMESTAMP_MAX_BYTES + 2];
} Timestamp;

/* Makes the text of nsec; for the next two. */
void timestamp_set(Timestamp *t, uint64_t nsec, TimestampDigits digits);

/* The text of nsec; it lives in t until the next call. One t is for one kind of digits only. */
static inline Span timestamp_format(Timestamp *t, uint64_t nsec, TimestampDigits digits)
{
        if (t->nsec != nsec || t->size == 0)
                timestamp_set(t, nsec, digits);
        return (Span){ t->text, t->size };
}

/* Writes it to p, which needs room for sizeof(t->text), and returns the end. */
static inline char *timestamp_put(char *p, Timestamp *t, uint64_t nsec, TimestampDigits digits)
{
        Span text = timestamp_format(t, nsec, digits);

        /* A size that is known while compiling costs no call. */
        memcpy(p, text.data, sizeof(t->text));
        return p + text.size;
}

/*
 * Reads a time with any number of digits (further than nine are dropped) and any offset. Returns 0
 * or -EINVAL, also for times before 1970 or too late for 64 bits.
 */
int timestamp_parse(Span text, uint64_t *ret_nsec);
