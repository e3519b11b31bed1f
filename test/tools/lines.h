/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The lines that the writer writes and the ledger expects: a pure function of a seed, so that
 * nothing needs to be kept. Line n of 1 … n_lines goes to one stream and has 0 to 400 bytes, all
 * values but the newline; where they fit, its first ones are the number. Some lines have what the
 * daemon gives a meaning to: a level prefix, or something close to it, and carriage returns at the
 * end.
 */

#include "base/span.h"

#define LINES_STREAMS 2U /* 0 is stdout, 1 stderr */
#define LINES_LENGTH_MAX (1024U * 1024)

typedef struct Lines {
        uint64_t seed;
        uint64_t n_lines;
        uint64_t min; /* length without the newline */
        uint64_t max;
        uint64_t n_streams;
        bool is_text; /* letters only, for people */
} Lines;

/* What a reader of the journal should find. */
typedef struct Expected {
        Span text; /* in the caller's buffer */
        int priority;
} Expected;

/* The stream that line n goes to. */
unsigned lines_stream(const Lines *lines, uint64_t n);

/* Writes line n without its newline to p, which has room for lines->max. Returns its size. */
size_t lines_put(const Lines *lines, uint64_t n, char *p);

/* Line n as it should be stored, by the rules of the manual, not by the daemon's code. */
Expected lines_expect(const Lines *lines, uint64_t n, bool level_prefix, char *buffer);

/* The number at the beginning of a line's text, or 0 when there is none. */
uint64_t lines_number(Span text);

/* The next bytes of a random sequence (splitmix64). */
uint64_t lines_random(uint64_t *state);
