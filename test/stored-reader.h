/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * For tests of the formats of log files: entries to encode, and records read back in memory that
 * ends where they end, so that a sanitizer or valgrind sees who reads or writes beyond.
 */

#include "record/stored.h"

#define TEST_EPOCH "0123456789abcdef0123456789abcdef"
#define TEST_NSEC UINT64_C(1795312221120000000) /* 2026-11-22T01:50:21.12Z */

static inline Entry test_line(EntryStream stream, Span text)
{
        return (Entry){
                .kind = ENTRY_LINE,
                .stream = stream,
                .text = text,
                .priority = LOG_INFO,
                .ordinal = 7,
                .is_joined = text.size > 0 && memchr(text.data, '\n', text.size),
                .realtime_nsec = TEST_NSEC,
        };
}

/* The ordinal-th part of a line whose first part was the 5th one of the container. */
static inline Entry test_part(Span text, uint32_t ordinal, bool is_last)
{
        Entry e = test_line(ENTRY_STDOUT, text);

        e.ordinal = 4 + ordinal;
        e.partial_first = 5;
        e.partial_ordinal = ordinal;
        e.partial_is_last = is_last;
        return e;
}

static inline Entry test_loss(void)
{
        Entry e = test_line(ENTRY_STDOUT, (Span){});

        e.kind = ENTRY_DROPPED;
        e.loss = (Loss){ .lines = 3, .bytes = 300, .reasons = LOSS_FULL };
        return e;
}

#define TEST_LOSS_TEXT "conlogd: Dropped 3 lines, 300 bytes: the buffer was full"

/* A record read back; its spans live in memory. */
typedef struct Reading {
        Stored stored;
        char *record, *buffer;
} Reading;

static inline int reading_begin(Reading *d, const StoredFormat *format, Span record)
{
        *d = (Reading){
                .record = malloc(record.size ?: 1),
                .buffer = malloc(STORED_BUFFER_BYTES(record.size)),
        };
        assert(d->record && d->buffer);
        if (record.size > 0)
                memcpy(d->record, record.data, record.size);
        return format->decode((Span){ d->record, record.size }, d->buffer, &d->stored);
}

static inline void reading_done(Reading *d)
{
        free(d->record);
        free(d->buffer);
}

#define _cleanup_reading_ _cleanup_(reading_done)
