/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Lines that belong together, such as a stack trace: a group begins with a line that matches a
 * pattern, or with whatever comes first, and goes on with all lines that do not match. A pure
 * function of the bytes as the line cutter is, and it gives what that gives: a text, which may hold
 * newlines, and the bytes that it uses up. Within the text all is as it was written, carriage
 * returns too, because it is borrowed from the input in one piece.
 *
 * A group ends before the next line that matches, before one that would make it too long, and with
 * the last line that it may have. A line that comes in parts is in no group.
 */

#include "record/line.h"
#include "record/pattern.h"

typedef struct GroupRules {
        Pattern *start; /* NULL: none, lines are not joined */
        size_t max_lines;
        size_t max_bytes; /* of the text; no more than the limit of a line counts */
} GroupRules;

/* How much of an unfinished group has been looked at: it need not be once more when more bytes have
 * come behind it. Zero for none. */
typedef struct GroupProgress {
        uint32_t size; /* of its whole lines, their ends included */
        uint32_t lines;
} GroupProgress;

/*
 * Cuts the first group off input, or the first part of a long line. rest says how what may still
 * grow is taken: not at all (LINE_END_NEWLINE), as a group of the whole lines (LINE_END_LIMIT), or
 * what has no line's end as a line, too (LINE_END_FILE). Returns 1 and the group, or 0 when more
 * bytes are needed; progress says then how far it has come, and where the next call may go on.
 */
int group_next(Span input, size_t limit, const GroupRules *rules, LineEnd rest,
               GroupProgress *progress, Line *ret);
