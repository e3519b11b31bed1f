/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The ordinals that were found of one life of a container: which are missing, which were dropped on
 * purpose, and which came more than once. 16 bytes for each entry, in whatever order they come.
 */

#include "base/base.h"

typedef struct Ordinal {
        uint64_t number;
        uint64_t hash; /* of what came with it */
} Ordinal;

/* Lines of which the log says that it does not have them. */
typedef struct OrdinalsDrop {
        uint64_t first, last;
} OrdinalsDrop;

typedef struct Ordinals {
        OrdinalsDrop *drops;
        size_t n_drops;
        Ordinal *items;
        size_t n_items;
        size_t n_allocated;
        bool is_unsorted;
} Ordinals;

typedef enum OrdinalsKind {
        ORDINALS_MISSING,
        ORDINALS_DROPPED,  /* not there either, but the log says so */
        ORDINALS_REPEATED, /* with the same hash each time: told twice, nothing is wrong */
        ORDINALS_ALTERED,  /* with different hashes */
        ORDINALS_KINDS,
} OrdinalsKind;

typedef struct OrdinalsResult {
        uint64_t n_found; /* repeats not counted */
        uint64_t highest;
        uint64_t n[ORDINALS_KINDS]; /* ordinals of that kind */
} OrdinalsResult;

/* Called for each range of neighbours of one kind, in rising order. A negative return ends the walk
 * and is passed on. */
typedef int (*ordinals_on_range)(OrdinalsKind kind, uint64_t first, uint64_t last, void *userdata);

/* number must not be 0. Returns 0 or -ENOMEM. */
int ordinals_add(Ordinals *o, uint64_t number, uint64_t hash);

/* first must not be 0, nor be above last. Returns 0 or -ENOMEM. */
int ordinals_add_drop(Ordinals *o, uint64_t first, uint64_t last);

/* Goes through 1 … expected, or to the highest one known if that is more. Returns 0, or what
 * on_range gave. */
int ordinals_walk(Ordinals *o, uint64_t expected, ordinals_on_range on_range, void *userdata,
                  OrdinalsResult *ret);

void ordinals_done(Ordinals *o);
