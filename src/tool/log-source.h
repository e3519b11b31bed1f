/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where the lines of a container are read back from: one kind of source for each driver that keeps
 * them. A source knows its format and how to go about in it; what is shown of the records is the
 * same for all, see logs.c.
 */

#include <poll.h>

#include "base/buffer.h"
#include "base/limits.h"
#include "record/entry.h"

/* A label or variable that a line carries, or its tag. */
typedef struct LogAttribute {
        Span key;
        Span value;
} LogAttribute;

/* Those of one line; it keeps its memory for the next. */
typedef struct LogAttributes {
        Buffer text;
        LogAttribute items[LOG_ATTRIBUTES_MAX];
        size_t n;
} LogAttributes;

static inline void log_attributes_clear(LogAttributes *attributes)
{
        buffer_clear(&attributes->text);
        attributes->n = 0;
}

/* Copies both. More than LOG_ATTRIBUTES_MAX are left out. Returns 0 or -ENOMEM. */
int log_attributes_add(LogAttributes *attributes, Span key, Span value);

/* After the last one: now the items are there to be read. */
void log_attributes_finish(LogAttributes *attributes);

/* A line as it is stored, or a part of one. All is borrowed and dies with the next record. */
typedef struct LogRecord {
        EntryStream stream;
        Span text;
        uint64_t nsec; /* when it was read from the container, since 1970 */

        bool goes_on;  /* the line's next part comes in another record */
        uint64_t line; /* what the parts of one line share; 0: all that is known is the stream */
        uint64_t part; /* 1, 2, 3 … within the line; 0: not known, or not a part */

        Span epoch;       /* empty: this source knows neither epochs nor ordinals */
        uint64_t ordinal; /* 0: none. Of lines that were dropped: the last one's */
        Span exec;        /* the exec that wrote it, empty: the container */

        Span host; /* empty: this one */
        Span tag;  /* empty: none */
        const LogAttribute *attributes;
        size_t n_attributes;
} LogRecord;

/* How a container may be named. */
typedef enum LogNaming {
        LOG_NAMING_ID,
        LOG_NAMING_NAME,   /* of containers that had it, the one that wrote last */
        LOG_NAMING_PREFIX, /* of an id */
        LOG_NAMINGS,
} LogNaming;

/* A container that was found. Negative returns end the search and are passed on. */
typedef int (*log_on_container)(const char *id, uint64_t last_usec, void *userdata);

/* What the reader is after: a source may leave out what is not. */
typedef struct LogWish {
        bool with_attributes;
        uint64_t until_nsec; /* UINT64_MAX: all */
} LogWish;

typedef struct LogSource LogSource;

typedef struct LogSourceKind {
        /* Goes to the first record that was read at since or later; 0: to the very first. */
        int (*seek)(LogSource *source, uint64_t since_nsec);
        /* Goes n records back from the end, of those before until_nsec at least. Returns 1 if that
         * is the very first, or 0. */
        int (*rewind)(LogSource *source, uint64_t n);
        /* Returns 1 and a record, or 0: there is none at the moment. */
        int (*next)(LogSource *source, LogRecord *ret);
        /* Whether all that this container has written was read, and no more will come. */
        bool (*is_ended)(LogSource *source);
        /* What to poll for before there can be more; from the first call on nothing is missed that
         * comes behind it. ret_usec: how long at most, UINT64_MAX: for ever. */
        int (*watch)(LogSource *source, struct pollfd *ret, uint64_t *ret_usec);
        /* After that poll, whatever it said. */
        int (*refresh)(LogSource *source);
        LogSource *(*free)(LogSource *source);
} LogSourceKind;

/* Each kind's own source begins with this. */
struct LogSource {
        const LogSourceKind *kind;
};

static inline LogSource *log_source_free(LogSource *source)
{
        return source ? source->kind->free(source) : NULL;
}
DEFINE_CLEANUP(LogSource, log_source_free);
