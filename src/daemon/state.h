/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The state page of a container: one small file on tmpfs, mapped while the container speaks, that
 * is right at every instant, whatever kills the daemon.
 *
 * It holds two turns and says which one is active. A turn is written into the idle one and made
 * active by one store. Each time a stream ships, that happens twice:
 *
 *     before   nothing is to be dropped, but these lines are owed: the stream's next bytes may
 *              have been shipped under the next ordinals
 *     after    nothing is owed; so many bytes are to be dropped, and the kernel itself counts in
 *              the turn how many are
 *
 * So after a crash what is owed is shipped again first, from the same bytes and with the same
 * ordinals, before any other stream of the container is given these; and what is shipped is dropped
 * without being shipped again.
 *
 * A container that does not wait has more: lines that were dropped, until the log says so, and
 * bytes that were moved out of the way. These came with version 2; where the driver's file stands
 * and, with several drivers, where its pipes begin came with version 3. They stand behind all that
 * the versions before had, where the pages of these are zero: so each page of version 1 is one of
 * version 3. A page says the lowest version that knows all that is in it, and an older conlogd may
 * have it back as long.
 *
 * Each driver of a container has its own page: "state" is that of the first one it had, any further
 * one's is called after it.
 */

#include <stdatomic.h>
#include <sys/queue.h>

#include "base/limits.h"
#include "driver/driver.h"
#include "record/entry.h"

/* Tests build an older daemon. */
#ifndef STATE_VERSION
#define STATE_VERSION 3U
#endif
#define STATE_VERSION_MIN 1U

/* stdout and stderr of the container, then of each logged exec. */
#define STATE_ROWS (2 * (1 + EXECS_LOGGED_MAX))

/* Where one stream stands. */
typedef struct StateRow {
        Counts counts;
        uint64_t partial_first; /* the line under way: ordinal of its first part, 0: none */
        uint32_t partial_count; /* parts of it so far */
        uint32_t priority;      /* of its first part */
} StateRow;

/* What one turn of one stream did. */
typedef struct StateTurn {
        uint64_t next_ordinal; /* after it */
        uint64_t bytes;        /* to drop from the FIFO */
        int64_t dropped;       /* of these, written by the kernel */
        uint32_t row;
        uint32_t owed_bytes; /* behind those to drop: may have been shipped from next_ordinal on */
        uint32_t owed_limit; /* of a line, as they were cut */
        uint16_t owed_goes_on; /* 1: the last of the owed lines is a part of a longer one */
        uint16_t owed_lines;   /* ordinals that these may have used up */
        StateRow after;        /* the row, after it */
        Counts total;          /* of the container, after it */
} StateTurn;

/* Bytes of a stream that were moved from its FIFO into a file; they come before those in it. */
typedef struct StateKept {
        uint64_t size;   /* of the file; 0: there is none. In a turn that keeps: its dropped */
        uint64_t used;   /* of these, logged */
        uint32_t is_cut; /* 1: what followed them was dropped */
        uint32_t reserved;
} StateKept;

/* What else one turn did. */
typedef struct StateDrops {
        Loss untold;    /* after it */
        uint64_t lines; /* dropped in the life of the container, told or not; after it */
        StateKept kept; /* of the turn's row, after it */
        uint32_t keeps; /* 1: the bytes to drop go to the file */
        uint32_t reserved;
} StateDrops;

typedef struct StatePage {
        char magic[8];
        uint32_t version;
        _Atomic uint32_t active;
        char epoch[32]; /* hex digits */
        StateTurn turns[2];
        StateRow rows[STATE_ROWS]; /* without the active turn */
        /* Since version 2, zero before. */
        StateDrops drops[2];        /* of the turns */
        StateKept kept[STATE_ROWS]; /* of the rows, without the active turn */
        /* Since version 3, zero before. */
        Mark marks[2];                /* of the turns: where the driver's file stood after it */
        uint64_t origins[STATE_ROWS]; /* what the FIFO had given when this row's pipe was empty and
                                         had given nothing: see daemon/split.h */
} StatePage;

/* A container's handle on its page. */
typedef struct State {
        TAILQ_ENTRY(State) mapped; /* States.mapped */
        StatePage *page;           /* NULL while not mapped */
        const char *driver;        /* whose file it is; NULL: "state" */
        ino_t dir_ino;             /* of the container's directory, 0: not known yet */
} State;

/* The pages that are mapped: the ones used last, so that idle containers take no memory. */
typedef struct States {
        TAILQ_HEAD(StateList, State) mapped;
        unsigned n_mapped;
        int containers_fd; /* borrowed */
} States;

void states_init(States *states, int containers_fd);

/* Writes the file, and deletes it. */
int state_create(const State *state, int dir_fd, const char *epoch);
void state_delete(const State *state, int dir_fd);

/* Whether the file is there. */
bool state_exists(const State *state, int dir_fd);

/*
 * The page of the container with that id; stays valid until the next call for another container.
 * What is on disk is checked as if hostile: -EBADMSG when it cannot be, -EPROTO when a newer
 * conlogd wrote it.
 */
int state_map(States *states, State *state, const char *id, StatePage **ret);
void state_unmap(States *states, State *state);

/* The active turn. */
StateTurn *state_get_active(StatePage *page);

/* Where a stream stands, with the active turn. */
StateRow state_get_row(const StatePage *page, uint32_t row);
StateKept state_get_kept(const StatePage *page, uint32_t row);

/* What else the active turn did; and what one of state_begin() is to do, which makes this a page
 * that only version 2 understands. */
const StateDrops *state_get_drops(const StatePage *page);
StateDrops *state_begin_drops(StatePage *page, const StateTurn *turn);

/* Where the driver's file stood after the active turn; and after one of state_begin(), which makes
 * this a page that only version 3 understands. */
const Mark *state_get_mark(const StatePage *page);
Mark *state_begin_mark(StatePage *page, const StateTurn *turn);

/* The file will be another one, where nothing is known of. */
void state_forget_mark(StatePage *page);

/* Sets an origin. */
void state_set_origin(StatePage *page, uint32_t row, uint64_t origin);

/* The idle turn, ready to be filled: it begins as "nothing more happened" on this row. The active
 * one must be settled, and what it owes shipped: a new turn forgets both. */
StateTurn *state_begin(StatePage *page, uint32_t row);

/* For a FIFO that may not be the one that was read: makes the turn active again that said before
 * shipping what is owed, if nothing of it was dropped since. Shipping twice is better than losing.
 * What is half dropped already is left at that. */
void state_take_back(StatePage *page);

/* Makes the turn that state_begin() gave the active one. */
void state_commit(StatePage *page, const StateTurn *turn);

/* Clears a row for a new stream. The one that had it must be gone. */
void state_clear_row(StatePage *page, uint32_t row);
