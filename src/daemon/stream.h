/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A stream: the read end of one FIFO, and the turns that bring its lines to the driver.
 *
 *     peek    copy what is in the FIFO, taking nothing out
 *     ship    cut lines, number them, hand them to the driver; it says how many it took
 *     drop    write the turn into the state page, then take exactly those bytes out
 *
 * A stream owns no bytes: an unfinished line stays in the FIFO, and a driver that takes nothing
 * leaves the FIFO full, so that the container waits. Only streams stamp time.
 */

#include <sys/queue.h>
#include <systemd/sd-event.h>

#include "base/base.h"
#include "daemon/state.h"
#include "record/entry.h"

typedef struct Container Container;
typedef struct Stream Stream;

/* Where a stream stands between its turns. */
typedef enum StreamPhase {
        STREAM_IDLE,    /* waits for bytes */
        STREAM_READY,   /* in Turns.ready: has a turn coming */
        STREAM_HELD,    /* in Turns.held: bytes without a line's end, or trouble to try again */
        STREAM_WAITING, /* the driver is busy and will say when not */
        STREAM_ENDED,   /* drained and closed */
} StreamPhase;

struct Stream {
        Container *container;
        const char *exec_id; /* NULL for the container's own; borrowed */
        EntryStream kind;
        StreamPhase phase;
        TAILQ_ENTRY(Stream) turns; /* Turns.ready or Turns.held, by the phase */
        uint64_t served;           /* Turns.n_served, when the driver last took something of it */
        uint64_t held_until_usec;
        size_t held_fill;    /* of the FIFO, when it was last looked at */
        unsigned hold_level; /* how long it is held: HOLD_MIN_USEC, doubled so many times */
        sd_event_source *readable;
        int fd;          /* -1: this stream is not there */
        uint32_t row;    /* in the state page */
        uint32_t window; /* bytes to look at in the next turn */
        uint32_t limit;  /* of a line */
        uint32_t drain_left;
        bool is_logged; /* unlogged ones are read by whoever asked for them */
        bool is_draining;
        bool is_troubled; /* the last turn failed; said once */
        Counts counts;    /* as in the state page */
        void (*on_ended)(Stream *stream);
};

/* Begins to read a logged stream from its fd, and drops first what a killed daemon had shipped. */
int stream_start(Stream *stream);

/* Closes the stream where it stands. May be called on one that is half set up. */
void stream_done(Stream *stream);

/* One turn. Called by Turns only. */
void stream_turn(Stream *stream);

/* The time of a held stream is up. Called by Turns only. */
void stream_on_held(Stream *stream);

/* The driver takes entries again. */
void stream_on_sink_ready(Stream *stream);

/* Logs what is in the FIFO now, an unfinished line too, then closes; on_ended follows, perhaps
 * before this returns. */
void stream_drain(Stream *stream);
