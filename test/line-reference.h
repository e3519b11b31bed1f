/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The line cutter again, written to be seen to be right: byte by byte over the whole input, with no
 * thought of windows.
 */

#include "record/line.h"

/* The first line of all that the stream will ever bring, or false at its end. */
static inline bool reference_next(Span input, size_t limit, Line *ret)
{
        size_t n = 0;

        if (input.size == 0)
                return false;
        while (n < input.size && n < limit && input.data[n] != '\n')
                n++;

        *ret = (Line){ .text = { input.data, n }, .size = n, .end = LINE_END_LIMIT };
        if (n == input.size)
                ret->end = LINE_END_FILE;
        else if (input.data[n] == '\n') {
                ret->end = LINE_END_NEWLINE;
                ret->size = n + 1;
                ret->text.size = n > 0 && input.data[n - 1] == '\r' ? n - 1 : n;
        }
        return true;
}
