/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What is known of a container and does not change while it lives. Plain borrowed strings: drivers
 * see these, never the daemon's container. Absent ones are NULL.
 */

#include "base/base.h"

typedef struct Pair {
        const char *key;
        const char *value;
} Pair;

typedef struct Facts {
        const char *id;    /* whole */
        const char *epoch; /* 32 hex digits, random, one for each life of a container */
        const char *name;  /* without Docker's leading slash */
        const char *image;
        const char *image_id;
        const char *unit; /* the unit the container runs for */
        const char *hostname;
        const Pair *labels;
        size_t n_labels;
        const Pair *env;
        size_t n_env;
} Facts;

/* Digits of an id that people are shown. */
#define FACTS_SHORT_ID_DIGITS 12

/*
 * How much of an id is shown: 12 characters of one that is 64 hex digits, else all of it. An
 * algorithm prefix ("sha256:") must have been skipped.
 */
size_t facts_short_id_size(const char *id);

/* The value of key, or NULL. */
const char *pairs_find(const Pair *pairs, size_t n_pairs, const char *key);
