/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An entry: one line of a container, as every driver sees it. It is a view; the text is borrowed
 * from the stream's buffer and dies with the call to the driver.
 */

#include <syslog.h>

#include "base/span.h"

typedef enum EntryStream {
        ENTRY_STDOUT,
        ENTRY_STDERR,
        ENTRY_STREAMS, /* how many there are */
} EntryStream;

typedef enum EntryKind {
        ENTRY_LINE,    /* a line, or a part of one */
        ENTRY_DROPPED, /* lines that are not in the log: loss says how many */
        ENTRY_END,     /* the container is removed; counts say what it wrote */
} EntryKind;

/* What a stream or a container has written so far. */
typedef struct Counts {
        uint64_t lines;   /* entries, parts counted one by one */
        uint64_t bytes;   /* as read, ends of lines included */
        uint64_t dropped; /* bytes that left the FIFO without being logged */
} Counts;

/* Why lines were dropped: bits, as both may be true of one loss. */
#define LOSS_FULL 1U /* the driver was busy and the buffer full, and the container does not wait */
#define LOSS_RATE 2U /* the container was over its rate limit */

/* Lines that were dropped one after the other. */
typedef struct Loss {
        uint64_t lines;
        uint64_t bytes;
        uint32_t reasons; /* LOSS_… */
        uint32_t reserved;
} Loss;

typedef struct Entry {
        EntryKind kind;
        EntryStream stream;
        Span text;
        int priority;             /* LOG_EMERG … LOG_DEBUG */
        uint64_t ordinal;         /* 1, 2, 3 … over all streams of a container; ENTRY_END: 0;
                                     ENTRY_DROPPED: of the first line that is not there */
        uint64_t partial_first;   /* ordinal of the line's first part; 0 for a line in one piece */
        uint32_t partial_ordinal; /* 1, 2, 3 … within the line */
        bool partial_is_last;
        bool is_joined;         /* the text holds newlines: it is of several lines */
        const char *exec_id;    /* NULL for the container's own streams */
        uint64_t realtime_nsec; /* when the line was read */
        Loss loss;              /* ENTRY_DROPPED */
        Counts counts;          /* ENTRY_END; so is the next */
        uint64_t lines_dropped;
} Entry;

static inline const char *entry_stream_to_string(EntryStream s)
{
        return s == ENTRY_STDERR ? "stderr" : "stdout";
}

/* Why lines were dropped, as people read it. */
const char *loss_get_reason(const Loss *loss);

/* The text of an ENTRY_DROPPED in a log that has only lines. Returns the size. */
#define LOSS_TEXT_MAX_BYTES 160U
size_t loss_put_text(const Loss *loss, char ret[LOSS_TEXT_MAX_BYTES]);

/*
 * Takes a "<0>" … "<7>" prefix off text, as sd-daemon(3) defines it. Returns the level, or fallback
 * when there is no prefix.
 */
int entry_take_level(Span *text, int fallback);
