/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Whose turn it is. Streams with something to do stand in one line, and each has one bounded turn
 * before the next one: a flood never starves a quiet container. One buffer and one array of entries
 * serve them all, because a turn leaves nothing in them.
 */

#include "daemon/stream.h"
#include "io/fifo.h"

struct Turns {
        TAILQ_HEAD(StreamList, Stream) ready;
        /* One list for each length of a hold, so that each is in the order of their ends. */
        TAILQ_HEAD(, Stream) held[HOLD_LEVELS];
        sd_event_source *turn;
        sd_event_source *hold;
        FifoScratch scratch;
        Entry entries[TURN_MAX_ENTRIES];
        uint32_t ends[TURN_MAX_ENTRIES]; /* of the lines, in bytes of the FIFO from the first on */
        uint32_t limit;                  /* that they were cut by */
        uint64_t n_served;               /* turns in which the driver took something */
};

/* scratch_fds as fifo_scratch_init() takes them. */
int turns_init(Turns *turns, sd_event *event, int scratch_fds[2]);
void turns_done(Turns *turns);

/* Puts the stream at the end of the line. */
void turns_push(Turns *turns, Stream *stream);

/* The same for a stream whose driver was busy: it goes ahead of those that were served since. The
 * others that waited come with it; who fills the driver up each time must not be first again. */
void turns_push_waiting(Turns *turns, Stream *stream);

/* Begins the line at a random place. After a start it is in the order of the run directory, and a
 * daemon that is killed early again and again would never come to those at its end. */
void turns_rotate(Turns *turns);

/* Gives the first stream in the line its turn. */
void turns_run(Turns *turns);

/* Calls stream_on_held() after the time of its hold_level, unless it goes elsewhere before. */
void turns_hold(Turns *turns, Stream *stream);

/* Takes the stream out of the line it is in, if any; it is idle then. */
void turns_remove(Turns *turns, Stream *stream);
