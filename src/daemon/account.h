/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The account that a stream keeps in the state page: what its turns write there, and the bytes they
 * take out of the FIFO. The n lines are always the first ones of Turns.entries and Turns.ends.
 */

#include "daemon/stream.h"

/*
 * Finishes what the active turn has left to do, be it of another stream of the container or of a
 * process before this one: there is a rest only after a crash between two system calls, or when the
 * kernel had no memory. It must be gone before the next turn begins. Returns 1 if there was one, 0
 * if not.
 */
int account_settle(Stream *stream, StatePage *page);

/* Before lines are shipped: they may be, so their ordinals are theirs now. */
void account_owe(Stream *stream, StatePage *page, size_t n);

/* Before anything else goes to a driver with files: the page knows where that begins. */
void account_mark(Feed *feed, StatePage *page);

/* None of what is owed has been shipped. */
void account_forgive(Stream *stream, StatePage *page);

/* What is owed is gone. It may have been shipped: its ordinals are used up, and a gap in the log
 * shows if it was not. */
void account_give_up_owed(Stream *stream, StatePage *page);

/* What this stream owes is dropped, and told if that can be: it may have been shipped already.
 * Returns 0 when the bytes are gone, or a negative errno: they still have to be. */
int account_drop_owed(Stream *stream, StatePage *page);

/* The lines are shipped. owed is what a process before this one may have shipped of those behind
 * them. Returned as above. */
int account_ship(Stream *stream, StatePage *page, size_t n, const StateTurn *owed);

/* The lines are dropped instead, for one of LOSS_…; returned as above. They get ordinals when the
 * log says so: whatever else the container logs before that was written before them. */
int account_drop(Stream *stream, StatePage *page, size_t n, uint32_t reason);

/* The log has said so. */
void account_tell(Feed *feed, StatePage *page);

/* Moves so many bytes from the FIFO into the file of kept ones, or fewer if it takes no more. Only
 * while there are none in it. */
void account_keep(Stream *stream, StatePage *page, size_t bytes);

/* The file of kept bytes is gone, or shorter than it was. */
void account_lose_kept(Stream *stream, StatePage *page);

/* Where a row stands after n lines that take so many bytes. */
static inline void account_advance_row(StateRow *row, const Entry *last, size_t n, size_t bytes)
{
        bool goes_on = last->partial_first > 0 && !last->partial_is_last;

        row->counts.lines += n;
        row->counts.bytes += bytes;
        row->partial_first = goes_on ? last->partial_first : 0;
        row->partial_count = goes_on ? last->partial_ordinal : 0;
        row->priority = goes_on ? (uint32_t) last->priority : 0;
}
