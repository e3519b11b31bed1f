/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Lines of a stream that are joined, where its driver was given multiline-start=. The bytes of an
 * unfinished group stay in the FIFO as those of an unfinished line do: it ends with what comes
 * behind it, or is shipped as it is when nothing has come for multiline-timeout=, when no more can
 * come, or when the FIFO has no slot left. What is kept here is only what need not be done again: a
 * process that has none of it cuts the same.
 */

#include "record/group.h"

typedef struct StateRow StateRow;
typedef struct Stream Stream;

/* The unfinished group at the front of a stream. */
typedef struct Multiline {
        GroupProgress progress;
        uint32_t seen;       /* bytes of the stream, when it was last looked at */
        uint64_t at;         /* bytes that had left the stream where the group begins */
        uint64_t since_usec; /* when the last of these came */
} Multiline;

/* As line_next() with flush for LINE_END_FILE, and as group_next() where lines are joined; row is
 * where the stream stands before input. */
int multiline_next(Stream *stream, const StateRow *row, Span input, size_t limit, LineEnd rest,
                   Line *ret);

/* The bytes of input that are whole lines which wait to be joined; empty when there are none. */
Span multiline_get_waiting(const Stream *stream, Span input);

/* So much is in the stream, and no group is whole: whether it has waited for its time. */
bool multiline_is_due(Stream *stream, size_t seen);

/* Whether it has, with nothing new in the stream. */
bool multiline_is_over(const Stream *stream);

/* The hold_level for an unfinished group: no longer than its time. */
unsigned multiline_limit_level(const Stream *stream, unsigned level);
