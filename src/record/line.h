/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The line cutter: a pure function of the bytes, the limit and whether the end of file has come.
 * How the bytes were cut into reads or writes never changes the lines.
 */

#include "base/span.h"

typedef enum LineEnd {
        LINE_END_NEWLINE, /* the newline is consumed, with one carriage return before it */
        LINE_END_LIMIT,   /* a part: the line goes on */
        LINE_END_FILE,    /* the stream ended without a newline */
} LineEnd;

typedef struct Line {
        Span text;   /* borrowed from the input */
        size_t size; /* bytes of the input this line uses up, the end included */
        LineEnd end;
        bool is_joined; /* of several lines: the text holds newlines; see record/group.h */
} Line;

/*
 * Cuts the first line off input. A line longer than limit bytes comes in parts of limit bytes; that
 * it is longer is known only when limit + 1 bytes are there. With flush, the rest is a line even
 * without a newline. Returns 1 and the line, or 0 when more bytes are needed.
 */
int line_next(Span input, size_t limit, bool flush, Line *ret);
