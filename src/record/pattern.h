/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A regular expression that lines of containers are matched against: POSIX extended, bytes, found
 * at any place unless anchored. The work for a byte is bounded, whatever the expression and the
 * line, and nothing is allocated for a line: both come from outside. (regexec(3) is busy for
 * minutes with 100 KB of a and b and ".*a[ab][ab][ab]…y", and its memory grows with each byte.)
 *
 * Refused: back-references and other escapes that are not POSIX, collating elements, empty groups
 * and alternatives, a repetition of a repetition, and what is not an expression.
 */

#include "base/limits.h"
#include "base/span.h"

typedef struct Pattern Pattern;

/* Returns 0, -ENOMEM, or -EINVAL with the rule in reason. */
int pattern_new(Pattern **ret, const char *text, char reason[REASON_MAX_BYTES]);
Pattern *pattern_free(Pattern *pattern);
DEFINE_CLEANUP(Pattern, pattern_free);

/* A check for the table of options: as pattern_new(). */
int pattern_check(const char *text, char reason[REASON_MAX_BYTES]);

/* Whether the pattern is found in text. */
bool pattern_is_in(const Pattern *pattern, Span text);
