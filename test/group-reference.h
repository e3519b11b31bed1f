/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Groups again, written to be seen to be right: the lines of the whole input, one after the other,
 * with no thought of windows.
 */

#include "line-reference.h"
#include "record/group.h"

/* The first group, or part of a long line, of all that the stream will ever bring, or false at its
 * end. goes_on: what comes is the rest of a long line. */
static inline bool reference_group(Span input, size_t limit, const GroupRules *rules, bool goes_on,
                                   Line *ret)
{
        size_t max = MIN(rules->max_bytes, limit);
        Line next;

        if (!reference_next(input, limit, ret))
                return false;
        if (goes_on || ret->end != LINE_END_NEWLINE)
                return true;
        for (size_t lines = 1; lines < rules->max_lines; lines++) {
                size_t raw;

                if (!reference_next(span_skip(input, ret->size), limit, &next) ||
                    next.end == LINE_END_LIMIT)
                        break;
                raw = ret->size + next.size - (next.end == LINE_END_NEWLINE ? 1 : 0);
                if (raw > max || pattern_is_in(rules->start, next.text))
                        break;
                ret->text.size = (size_t) (next.text.data + next.text.size - input.data);
                ret->size += next.size;
                ret->end = next.end;
        }
        return true;
}
