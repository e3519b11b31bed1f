/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What gives a stream its next turn: a write to its FIFO, a time, or both. A wake-up for each of
 * many small writes costs more than all else that is done with them. So where these come one right
 * behind the other, the stream is deaf to them for a moment, and what has come by then has one
 * turn.
 */

#include "daemon/stream.h"

/* Whether writes to the FIFO give it no turn. A hang-up gives it one all the same. */
int hold_set_deaf(Stream *stream, bool is_deaf);

/* Holds it; fill: of the FIFO; level: see HOLD_MIN_USEC. */
void hold_stream(Stream *stream, HoldReason reason, size_t fill, unsigned level);

/* Something that a later turn may find mended: no fd free, no memory. */
void hold_to_retry(Stream *stream, int error, const char *what);

/* All that there was has had its turn, and so many bytes came in the time since the one before.
 * Holds it if it is likely that more comes at once; else returns false. */
bool hold_to_gather(Stream *stream, size_t bytes, uint64_t since_usec);
