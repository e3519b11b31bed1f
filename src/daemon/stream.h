/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A stream: the read end of one FIFO, and the turns that bring its lines to the driver. (Where a
 * container has several drivers it is the pipe of one of them: see daemon/split.h.)
 *
 *     peek    copy what is in the FIFO, taking nothing out
 *     ship    cut lines, number them, hand them to the driver; it says how many it took
 *     drop    write the turn into the state page, then take exactly those bytes out
 *
 * A stream owns no bytes: an unfinished line stays in the FIFO, and a driver that takes nothing
 * leaves the FIFO full, so that the container waits. Where it does not want to wait, the stream
 * drops lines from the full FIFO, counts them, and has the log say so. Only streams stamp time.
 */

#include <sys/queue.h>
#include <systemd/sd-event.h>

#include "base/base.h"
#include "daemon/multiline.h"
#include "daemon/state.h"
#include "record/entry.h"
#include "record/line.h"

typedef struct Feed Feed;
typedef struct Fifos Fifos;
typedef struct Split Split;
typedef struct Stream Stream;
typedef struct Turns Turns;

/* Where a stream stands between its turns. */
typedef enum StreamPhase {
        STREAM_IDLE,    /* waits for bytes */
        STREAM_READY,   /* in Turns.ready: has a turn coming */
        STREAM_HELD,    /* in Turns.held: looks again after a time, see HoldReason */
        STREAM_WAITING, /* the driver is busy and will say when not */
        STREAM_ENDED,   /* drained and closed */
} StreamPhase;

/* Why a stream is held. */
typedef enum HoldReason {
        HOLD_PARTIAL, /* bytes without a line's end */
        HOLD_RETRY,   /* something failed that may be mended, or another stream goes first */
        HOLD_RATE,    /* the container is over its rate limit */
        HOLD_GATHER,  /* more is likely to come at once: it has one turn with that */
        HOLD_BUSY,    /* the driver is busy, or it is over its limit, and it does not wait */
        HOLD_LEFT,    /* it has all, and the FIFO has bytes that another driver has no room for */
} HoldReason;

struct Stream {
        Feed *feed;
        Fifos *fifos;
        Split *split;        /* that fills the pipe; NULL: the container itself does */
        uint64_t given;      /* to the pipe by it, and what was dropped before */
        const char *exec_id; /* NULL for the container's own; borrowed */
        EntryStream kind;
        StreamPhase phase;
        TAILQ_ENTRY(Stream) turns; /* Turns.ready or Turns.held, by the phase */
        uint64_t served;           /* Turns.n_served, when the driver last took something of it */
        uint64_t turned_usec;      /* when that was */
        uint64_t held_until_usec;
        HoldReason held_for;
        size_t held_fill;    /* of the FIFO, when it was last looked at */
        unsigned hold_level; /* how long it is held: HOLD_MIN_USEC, doubled so many times */
        sd_event_source *readable;
        int fd;          /* -1: this stream is not there */
        uint32_t row;    /* in the state page */
        uint32_t window; /* bytes to look at in the next turn */
        uint32_t limit;  /* of a line */
        uint32_t room;   /* bytes that the FIFO takes however small the writes are, packets aside */
        uint32_t drain_left;
        uint32_t kept_left; /* bytes in the file of kept ones, which come first */
        bool is_tight;      /* the pipe has two slots: see stream_on_held_partial() */
        bool is_logged;     /* unlogged ones are read by whoever asked for them */
        bool is_draining;
        bool is_deaf;     /* see daemon/hold.h */
        bool is_troubled; /* the last turn failed; said once */
        Counts counts;    /* as in the state page */
        Multiline multiline;
        void (*on_ended)(Stream *stream);
};

/* Begins to read a logged stream from its fd, and drops first what a killed daemon had shipped. */
int stream_start(Stream *stream);

/* Takes note of the size of its pipe, which may have changed. */
int stream_measure(Stream *stream);

/* Something has changed that it may wait for: it looks again. */
void stream_look_again(Stream *stream);

/* Closes the stream where it stands. May be called on one that is half set up. */
void stream_done(Stream *stream);

/* One turn. Called by Turns only. */
void stream_turn(Stream *stream);

/* The time of a held stream is up. Called by Turns only. */
void stream_on_held(Stream *stream);

/* Whether it waits for the driver. */
bool stream_is_busy(const Stream *stream);

/* Whether it has a turn in a moment, see daemon/hold.h. */
bool stream_is_gathering(const Stream *stream);

/* Whether it has something to log and may not. */
bool stream_is_waiting(const Stream *stream);

/* The driver takes entries again. */
void stream_on_sink_ready(Stream *stream);

/* Logs what is in the FIFO now, an unfinished line too, then closes; on_ended follows, perhaps
 * before this returns. */
void stream_drain(Stream *stream);

/* For hold.c, multiline.c, pressure.c and turns.c, with which this file is one: */
Turns *stream_get_turns(const Stream *stream);

/* CLOCK_MONOTONIC, in µs, as the event loop last looked at it. */
uint64_t stream_get_now(const Stream *stream);

/* Makes entries of the lines in input, numbered as if all of them were shipped. rest says how what
 * has no line's end is taken: as a line (LINE_END_FILE), a part (LINE_END_LIMIT), or not at all;
 * then joined lines that may go on are not taken either. Returns how many. */
size_t stream_cut(Stream *stream, StatePage *page, Span input, size_t limit, LineEnd rest);
