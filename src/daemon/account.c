/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The account of a stream; see the header. */

#include "daemon/account.h"
#include "daemon/feed.h"
#include "daemon/kept.h"
#include "daemon/turns.h"
#include "io/fifo.h"

/* Bytes that are to be kept move as far as they can: the file may not be to be had, or full. */
static int account_settle_kept(Stream *owner, StateTurn *turn)
{
        int r = -ENODATA;

        if (owner) {
                r = kept_fill(owner, (size_t) turn->bytes, &turn->dropped);
                owner->kept_left = (uint32_t) turn->dropped;
        }
        if (r < 0)
                turn->bytes = (uint64_t) turn->dropped;
        return 1;
}

int account_settle(Stream *s, StatePage *page)
{
        StateTurn *turn = state_get_active(page);
        uint64_t lost;
        Stream *owner;
        int r;

        if ((uint64_t) turn->dropped == turn->bytes)
                return 0;

        owner = turn->row == s->row ? s : feed_find_stream(s->feed, turn->row);
        if (state_get_drops(page)->keeps)
                return account_settle_kept(owner, turn);
        r = owner ? fifo_drop(&stream_get_turns(s)->scratch, owner->fd, (size_t) turn->bytes,
                              &turn->dropped)
                  : -ENODATA;
        if (r != -ENODATA)
                return r < 0 ? r : 1;

        /* Somebody else read the FIFO, or it is another one by now. */
        lost = turn->bytes - (uint64_t) turn->dropped;
        turn->dropped = (int64_t) turn->bytes;
        turn->after.counts.dropped += lost;
        turn->total.dropped += lost;
        return 1;
}

/* The turn says where the driver's file stands. */
static void account_put_mark(const Feed *feed, StatePage *page, const StateTurn *turn)
{
        if (feed->sink->driver->get_mark)
                feed->sink->driver->get_mark(feed->sink, state_begin_mark(page, turn));
}

void account_mark(Feed *feed, StatePage *page)
{
        StateTurn *turn;

        if (!feed->sink->driver->get_mark)
                return;
        turn = state_begin(page, state_get_active(page)->row);
        account_put_mark(feed, page, turn);
        state_commit(page, turn);
}

void account_owe(Stream *s, StatePage *page, size_t n)
{
        const Turns *turns = stream_get_turns(s);
        const Entry *last = &turns->entries[n - 1];
        StateTurn *turn = state_begin(page, s->row);

        turn->owed_bytes = turns->ends[n - 1];
        turn->owed_limit = turns->limit;
        turn->owed_goes_on = last->partial_first > 0 && !last->partial_is_last;
        turn->owed_lines = (uint16_t) n;
        account_put_mark(s->feed, page, turn);
        state_commit(page, turn);
}

/* What comes next is a line of its own. */
static void row_end_line(StateRow *row)
{
        row->partial_first = row->partial_count = row->priority = 0;
}

void account_forgive(Stream *s, StatePage *page)
{
        state_commit(page, state_begin(page, s->row));
}

/* What a turn still owes when used bytes of it and n lines are done with. */
static void turn_owe_rest(StateTurn *turn, const StateTurn *owed, size_t used, size_t n)
{
        if (owed->owed_bytes <= used)
                return;
        turn->owed_bytes = owed->owed_bytes - (uint32_t) used;
        turn->owed_limit = owed->owed_limit;
        turn->owed_goes_on = owed->owed_goes_on;
        turn->owed_lines = (uint16_t) (owed->owed_lines > n ? owed->owed_lines - n : 0);
}

/* Makes the turn the active one, and does what it says. */
static int account_commit(Stream *s, StatePage *page, StateTurn *turn)
{
        int r;

        state_commit(page, turn);
        r = account_settle(s, page);
        s->counts = turn->after.counts;
        feed_on_turn(s->feed, page);
        return r < 0 ? r : 0;
}

/* The turn takes bytes from what comes first: the kept ones, or those in the FIFO. */
static void account_take(Stream *s, StatePage *page, StateTurn *turn, size_t bytes)
{
        StateDrops *drops;

        if (s->kept_left == 0) {
                turn->bytes = bytes;
                return;
        }
        drops = state_begin_drops(page, turn);
        s->kept_left -= (uint32_t) bytes;
        drops->kept.used += bytes;
        if (s->kept_left == 0)
                drops->kept = (StateKept){};
}

void account_give_up_owed(Stream *s, StatePage *page)
{
        const StateTurn *owed = state_get_active(page);
        StateTurn *turn = state_begin(page, s->row);

        turn->next_ordinal += owed->owed_lines;
        turn->total.lines += owed->owed_lines;
        turn->total.dropped += owed->owed_bytes;
        (void) account_commit(s, page, turn);
}

int account_drop_owed(Stream *s, StatePage *page)
{
        const StateTurn *owed = state_get_active(page);
        bool is_kept = s->kept_left > 0;
        StateTurn *turn = state_begin(page, s->row);
        StateDrops *drops = state_begin_drops(page, turn);
        int r;

        /* Where the next lines that the log is told of would have the same ordinals, it is told. */
        if (drops->untold.lines == 0 && !feed_find_kept(s->feed)) {
                drops->untold = (Loss){ .lines = owed->owed_lines,
                                        .bytes = owed->owed_bytes,
                                        .reasons = LOSS_FULL };
                drops->lines += owed->owed_lines;
        } else {
                turn->next_ordinal += owed->owed_lines;
                turn->total.lines += owed->owed_lines;
        }
        turn->after.counts.dropped += owed->owed_bytes;
        turn->total.dropped += owed->owed_bytes;
        row_end_line(&turn->after);
        account_take(s, page, turn,
                     is_kept ? MIN(owed->owed_bytes, s->kept_left) : owed->owed_bytes);
        r = account_commit(s, page, turn);
        if (is_kept && s->kept_left == 0)
                kept_delete(s);
        return r;
}

int account_ship(Stream *s, StatePage *page, size_t n, const StateTurn *owed)
{
        const Turns *turns = stream_get_turns(s);
        bool is_kept = s->kept_left > 0;
        StateTurn *turn = state_begin(page, s->row);
        size_t used = turns->ends[n - 1];
        int r;

        account_advance_row(&turn->after, &turns->entries[n - 1], n, used);
        turn->next_ordinal += n;
        turn->total.lines += n;
        turn->total.bytes += used;
        turn_owe_rest(turn, owed, used, n);
        account_put_mark(s->feed, page, turn);
        account_take(s, page, turn, used);
        r = account_commit(s, page, turn);
        if (is_kept && s->kept_left == 0)
                kept_delete(s);
        return r;
}

int account_drop(Stream *s, StatePage *page, size_t n, uint32_t reason)
{
        const Turns *turns = stream_get_turns(s);
        StateTurn *turn = state_begin(page, s->row);
        StateDrops *drops = state_begin_drops(page, turn);

        turn->bytes = turns->ends[n - 1];
        turn->after.counts.dropped += turn->bytes;
        turn->total.dropped += turn->bytes;
        /* What is left of a line is a new one: nobody could put it together with what is gone. */
        if (s->kept_left == 0)
                row_end_line(&turn->after);
        drops->untold.lines += n;
        drops->untold.bytes += turn->bytes;
        drops->untold.reasons |= reason;
        drops->lines += n;
        drops->kept.is_cut = s->kept_left > 0;
        return account_commit(s, page, turn);
}

void account_tell(Feed *feed, StatePage *page)
{
        StateTurn *turn = state_begin(page, state_get_active(page)->row);
        StateDrops *drops = state_begin_drops(page, turn);

        turn->next_ordinal += drops->untold.lines;
        drops->untold = (Loss){};
        account_put_mark(feed, page, turn);
        state_commit(page, turn);
        feed_on_turn(feed, page);
}

void account_keep(Stream *s, StatePage *page, size_t bytes)
{
        const StateTurn *owed = state_get_active(page);
        StateTurn *turn = state_begin(page, s->row);
        StateDrops *drops = state_begin_drops(page, turn);

        assert(s->kept_left == 0);

        turn->bytes = bytes;
        turn_owe_rest(turn, owed, 0, 0);
        drops->kept = (StateKept){};
        drops->keeps = 1;
        (void) account_commit(s, page, turn);
}

void account_lose_kept(Stream *s, StatePage *page)
{
        StateTurn *turn = state_begin(page, s->row);

        turn->after.counts.dropped += s->kept_left;
        turn->total.dropped += s->kept_left;
        row_end_line(&turn->after);
        state_begin_drops(page, turn)->kept = (StateKept){};
        s->kept_left = 0;
        (void) account_commit(s, page, turn);
        kept_delete(s);
}
