/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The choice of labels and environment variables that go into the log: the driver options labels,
 * env (comma-separated keys), labels-regex and env-regex (POSIX extended, matched anywhere in the
 * key, as Docker matches).
 */

#include "base/limits.h"
#include "record/facts.h"

/* One kind of pair with the two options that choose from it; absent options are NULL. */
typedef struct Selection {
        const char *keys;
        const char *regex;
} Selection;

/* Called for each chosen pair. A negative return ends the walk and is passed on. */
typedef int (*attributes_on_pair)(const Pair *pair, void *userdata);

/* Calls on_pair for each of the pairs that the selection chooses, in their order. Returns 0,
 * -ENOMEM, -EINVAL for a regex that attributes_check_regex() refuses, or the error of on_pair. */
int attributes_select(const Selection *selection, const Pair *pairs, size_t n_pairs,
                      attributes_on_pair on_pair, void *userdata);

/*
 * Refuses what can cost without bound, too: {n,m}, * and + after a group or another repetition, a
 * backslash before anything but a special character, more than REGEX_ANCHORS_MAX anchors or
 * REGEX_MAX_BYTES. Returns 0, or -EINVAL with the rule, or the sentence of regcomp(3), in reason.
 */
int attributes_check_regex(const char *regex, char reason[REASON_MAX_BYTES]);

/* A list of keys: none may be empty. Returns 0, or -EINVAL with the rule in reason. */
int attributes_check_keys(const char *keys, char reason[REASON_MAX_BYTES]);
