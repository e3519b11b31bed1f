/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The account of what was stored against what was written. It is given the entries of one
 * container in the order of the journal. Memory: 8 bytes for each ordinal, two bits for each line.
 */

#include "lines.h"

/* One stored entry. */
typedef struct Record {
        uint64_t ordinal;
        unsigned stream;
        int priority;
        Span text;
        uint64_t part; /* 1, 2, 3 … for the parts of a long line; 0 for a line in one piece */
        Span part_id;
        bool part_is_last;
} Record;

/* Where the account of one stream stands. */
typedef struct Side {
        uint64_t next; /* the line that should come next; 0 after the last one */
        char *joined;  /* parts of a line, so far */
        size_t joined_size;
        uint64_t part;
        uint64_t part_id; /* hash of it */
} Side;

typedef struct Tally {
        const Lines *lines;
        bool level_prefix;
        unsigned n_told; /* problems told on standard error so far */
        bool is_quiet;

        Side sides[LINES_STREAMS];
        char *expected;     /* buffer for one line */
        uint8_t *found;     /* bitmap of lines seen, in whatever place */
        uint8_t *replaced;  /* bitmap of lines that something else stands for */
        uint64_t *ordinals; /* hash of the entry of each ordinal; 0: not seen */
        size_t n_ordinals;
        uint64_t last_ordinal;

        /* Results. */
        uint64_t n_entries; /* with an ordinal not seen before */
        uint64_t n_found;   /* lines present with equal bytes */
        uint64_t n_lost;
        uint64_t n_repeated; /* an ordinal already seen, the same bytes */
        uint64_t n_doubled;  /* a line already seen, with a new ordinal */
        uint64_t n_reordered;
        uint64_t n_altered;
        uint64_t n_gaps; /* ordinals that are missing below the last one */
} Tally;

int tally_init(Tally *t, const Lines *lines, bool level_prefix, bool is_quiet);
void tally_done(Tally *t);

/* Takes one entry into the account. Returns 0 or -ENOMEM. */
int tally_take(Tally *t, const Record *record);

/* Closes the account: what has not come is lost. */
void tally_finish(Tally *t);

/* Whether every line is there once, equal and in its place. Repeats are for the caller to judge. */
bool tally_is_even(const Tally *t);
