/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the journal knows of a container, life by life: each has its own epoch.
 */

#include <systemd/sd-journal.h>

#include "base/span.h"
#include "record/entry.h"
#include "tool/ordinals.h"

typedef struct Life {
        char epoch[33];
        char *id;
        char *name;
        Ordinals ordinals;
        uint64_t n_entries;
        uint64_t bytes; /* of the messages; ends of lines are not among them */
        bool has_end;   /* there was an end-of-stream entry; counts are its own */
        Counts counts;
        uint64_t lines_dropped; /* these have ordinals, too */
} Life;

typedef struct Lives {
        Life *items;
        size_t n_items;
} Lives;

/* Reads every entry of root's that matches. Returns 0 or a negative errno. */
int lives_read(Lives *lives, sd_journal *journal);

/* The life of that epoch, or NULL. */
Life *lives_find(const Lives *lives, Span epoch);

/* The same, made if need be; NULL without memory. */
Life *lives_get(Lives *lives, Span epoch);

void lives_done(Lives *lives);
