/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * When a container is faster than its log: it waits, or its lines are dropped, counted and told.
 *
 *     mode=blocking       bytes stay in the FIFO; when it is full, the container waits
 *     mode=non-blocking   the FIFO is looked at; when it is full, drop=oldest takes lines from its
 *                         front. drop=newest first moves all of it into a file, once, and then does
 *                         the same: the file is logged, what came while it was waiting is not
 *     a rate limit        counts as a busy driver, or drops at once
 *
 * Dropped lines are told before any later line is logged, and get their ordinals then. So they
 * always are one run of ordinals, and what was kept aside comes before it.
 */

#include "daemon/stream.h"

/* The driver is busy: the stream waits for it, and is looked after if its container does not. */
void pressure_wait(Stream *stream);

/* Another stream of the container has to have a turn before this one. */
void pressure_let_go_first(Stream *stream, Stream *other);

/* How many of the n lines of Turns the rate limit lets through. */
size_t pressure_count_allowed(Stream *stream, size_t n);

/* It lets none through: nothing of the container goes now. */
void pressure_on_limit(Stream *stream, StatePage *page, size_t n);

/* Holds the stream until the rate limit lets something through. */
void pressure_pause(Stream *stream);

/* Has the log say what was dropped, before it gets any later line, if it is time. False: the
 * stream's turn ends here. */
bool pressure_tell(Stream *stream, StatePage *page);

/* For a stream that is HOLD_BUSY: its time is up, and so much is in the FIFO. */
void pressure_on_held(Stream *stream, size_t fill);
