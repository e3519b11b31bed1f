/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Records become lines: the parts of one are joined, and what was stored twice, because conlogd had
 * been killed in between, comes once.
 */

#include "base/buffer.h"
#include "tool/log-source.h"

/* A whole line is a record; these tell of the other ones. */
typedef struct JoinedLine {
        const LogRecord *record; /* of its first part, but text is the line's */
        bool is_headless;        /* the reading began in its middle */
        bool is_piece;           /* it continues the last one of its stream: it is very long */
        bool goes_on;            /* more of it follows */
} JoinedLine;

/* A negative return ends the joining and is passed on. */
typedef int (*joiner_on_line)(const JoinedLine *line, void *userdata);

/* Epoch, exec, host and tag of a line that is open. */
#define OPEN_LINE_FACTS_BYTES (64U + ID_MAX_BYTES + 256U + TAG_MAX_BYTES)

typedef struct OpenLine {
        LogRecord record; /* of the first part; its spans point into facts */
        Buffer text;
        uint64_t age;
        uint64_t next_part;
        bool is_used;
        bool is_headless;
        bool is_piece;
        char facts[OPEN_LINE_FACTS_BYTES];
} OpenLine;

/* The lives whose ordinals are known: the present one, and others that it overlaps with, as two
 * journalds may be late in a different way. */
#define JOINER_LIVES 4U

typedef struct JoinerLife {
        char epoch[33];
        uint64_t highest; /* ordinal so far: they come in order but for the repeats */
} JoinerLife;

typedef struct Joiner {
        joiner_on_line on_line;
        void *userdata;
        bool is_from_middle; /* the first record of a stream may be part of a line */
        bool has_seen[ENTRY_STREAMS];
        OpenLine open[OPEN_LINES_MAX];
        size_t n_open;
        JoinerLife lives[JOINER_LIVES];
        size_t life; /* the present one */
        uint64_t age;
} Joiner;

/* Forgets everything; the next record is the first one. The memory of the lines is kept. */
void joiner_reset(Joiner *joiner, bool is_from_middle);

/* Returns 0, -ENOMEM, or what on_line said. */
int joiner_take(Joiner *joiner, const LogRecord *record);

/* No more parts come: what is open are lines, too. */
int joiner_flush(Joiner *joiner);

void joiner_done(Joiner *joiner);
