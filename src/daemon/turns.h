/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Whose turn it is. Streams with something to do stand in one line, and each has one bounded turn
 * before the next one: a flood never starves a quiet container. One buffer and one array of entries
 * serve them all, because a turn leaves nothing in them.
 */

#include "daemon/stream.h"
#include "io/fifo.h"

typedef struct Turns {
        TAILQ_HEAD(, Stream) ready;
        TAILQ_HEAD(, Stream) held; /* by the time their hold ends */
        sd_event_source *turn;
        sd_event_source *hold;
        FifoScratch scratch;
        Entry entries[TURN_MAX_ENTRIES];
        uint32_t sizes[TURN_MAX_ENTRIES]; /* of the lines, in bytes of the FIFO */
} Turns;

int turns_init(Turns *turns, sd_event *event);
void turns_done(Turns *turns);

/* Puts the stream at the end of the line. */
void turns_push(Turns *turns, Stream *stream);

/* Calls stream_on_held() in HELD_PROBE_USEC, unless the stream goes elsewhere before. */
void turns_hold(Turns *turns, Stream *stream);

/* Takes the stream out of the line it is in, if any; it is idle then. */
void turns_remove(Turns *turns, Stream *stream);
