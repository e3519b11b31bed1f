/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* When a container is faster than its log; see the header. */

#include "daemon/pressure.h"
#include "daemon/account.h"
#include "daemon/container.h"
#include "daemon/daemon.h"
#include "daemon/feed.h"
#include "daemon/hold.h"
#include "daemon/split.h"
#include "io/fifo.h"

void pressure_wait(Stream *s)
{
        size_t fill = 0;

        if (!s->feed->delivery.is_nonblocking || s->is_draining) {
                s->phase = STREAM_WAITING;
                return;
        }
        (void) fifo_get_fill(s->fd, &fill);
        hold_stream(s, HOLD_BUSY, fill, HOLD_FIRST);
}

void pressure_let_go_first(Stream *s, Stream *other)
{
        Turns *turns = stream_get_turns(s);

        if (other->phase == STREAM_IDLE)
                turns_push(turns, other);
        if (other->phase == STREAM_READY)
                turns_push(turns, s);
        else if (other->phase == STREAM_HELD && s->is_draining)
                /* It may be held for its limit: then no driver says anything. */
                hold_stream(s, HOLD_RETRY, 0, HOLD_BUSY_LEVELS - 1);
        else if (stream_is_busy(other))
                pressure_wait(s);
        else
                hold_stream(s, HOLD_RETRY, 0, HOLD_FIRST);
}

void pressure_pause(Stream *s)
{
        uint64_t delay = rate_get_delay(s->feed->delivery.rate, stream_get_now(s));
        unsigned level = HOLD_FIRST;
        size_t fill = 0;

        while (level < HOLD_LEVELS - 1 && HOLD_MIN_USEC << level < delay)
                level++;
        (void) fifo_get_fill(s->fd, &fill);
        hold_stream(s, HOLD_RATE, fill, level);
}

/* Drops the n lines. */
static int pressure_drop(Stream *s, StatePage *page, size_t n, uint32_t reason)
{
        uint64_t dropped = s->counts.dropped;
        int r;

        r = account_drop(s, page, n, reason);
        if (s->is_draining)
                s->drain_left -= (uint32_t) MIN(s->counts.dropped - dropped, s->drain_left);
        if (r < 0)
                hold_to_retry(s, r, "drop lines");
        return r;
}

void pressure_on_limit(Stream *s, StatePage *page, size_t n)
{
        const Delivery *delivery = &s->feed->delivery;

        if (delivery->rate->drops) {
                if (pressure_drop(s, page, n, LOSS_RATE) >= 0)
                        turns_push(stream_get_turns(s), s);
        } else if (delivery->is_nonblocking)
                pressure_wait(s);
        else
                pressure_pause(s);
}

/* Who is removed waits for no tokens, and what
 * was kept has waited already: the one is bounded by the FIFO, the other by its file. */
size_t pressure_count_allowed(Stream *s, size_t n)
{
        Rate *rate = s->feed->delivery.rate;

        if (!rate || s->kept_left > 0 || (s->is_draining && !rate->drops))
                return n;
        return rate_count(rate, stream_get_now(s), stream_get_turns(s)->ends, n);
}

bool pressure_tell(Stream *s, StatePage *page)
{
        Feed *feed = s->feed;
        Stream *other = feed_find_kept(feed);

        if (feed->untold.lines == 0 || other == s || state_get_active(page)->owed_bytes > 0)
                return true;
        /* What was kept is older than what was dropped. */
        if (other) {
                pressure_let_go_first(s, other);
                return false;
        }
        /* A container over its limit is told once for all that it lost meanwhile. */
        if (feed->delivery.rate && feed->delivery.rate->drops &&
            rate_get_delay(feed->delivery.rate, stream_get_now(s)) > 0)
                return true;
        if (feed_tell_loss(feed, page))
                return true;
        pressure_wait(s);
        return false;
}

/* Makes room in a FIFO whose container does not wait: drops the lines at its front. Of the oldest
 * so many that the next ones find room, and a slot is free; of the newest all that there are. */
static void pressure_drop_front(Stream *s, StatePage *page)
{
        const Turns *turns = stream_get_turns(s);
        size_t capacity = 0, want = PEEK_MAX_BYTES, done = 0, n;
        Span input, front;
        int r;

        (void) fifo_get_capacity(s->fd, &capacity);
        r = fifo_peek(&stream_get_turns(s)->scratch, s->fd, PEEK_MAX_BYTES, &input);
        if (r < 0) {
                hold_to_retry(s, r, "read a FIFO");
                return;
        }
        if (!s->feed->delivery.drops_newest)
                want = MAX(capacity / 4, (size_t) PIPE_SLOT_BYTES);

        front = (Span){ .data = input.data, .size = MIN(input.size, want) };
        while (front.size > 0) {
                n = stream_cut(s, page, front, s->limit, LINE_END_NEWLINE);
                /* A long line, or a part of one. */
                if (n == 0 && done == 0)
                        n = MIN(stream_cut(s, page, input, s->limit, LINE_END_LIMIT), (size_t) 1);
                if (n == 0 || pressure_drop(s, page, n, LOSS_FULL) < 0)
                        return;
                done += turns->ends[n - 1];
                front = span_skip(front, MIN((size_t) turns->ends[n - 1], front.size));
        }
}

/* How much of a full FIFO is kept: whole lines, where one look shows all of it. */
static size_t pressure_count_keepable(const Stream *s, size_t fill)
{
        const char *newline;
        Span input;

        if (fill > PEEK_MAX_BYTES ||
            fifo_peek(&stream_get_turns(s)->scratch, s->fd, fill, &input) < 0)
                return MIN(fill, (size_t) BUFFER_MAX_BYTES);
        newline = input.size > 0 ? memrchr(input.data, '\n', input.size) : NULL;
        return newline ? (size_t) (newline - input.data) + 1 : fill;
}

/* What may have been shipped before a crash must not be shipped with other ordinals, and a turn
 * that drops lines cannot owe any. */
static int pressure_clear_owed(Stream *s, StatePage *page)
{
        const StateTurn *active = state_get_active(page);
        Stream *owner;

        if (active->owed_bytes == 0)
                return 0;
        owner = feed_find_stream(s->feed, active->row);
        if (owner)
                return account_drop_owed(owner, page);
        account_give_up_owed(s, page);
        return 0;
}

/* The driver is busy, the FIFO full, and the container does not wait. */
static void pressure_on_full(Stream *s, size_t fill)
{
        Feed *feed = s->feed;
        bool is_done = false;
        StatePage *page;
        int r;

        r = feed_map(feed, &page);
        if (r >= 0)
                r = account_settle(s, page);
        if (r >= 0)
                r = pressure_clear_owed(s, page);
        if (r < 0) {
                hold_to_retry(s, r, "make room in a FIFO");
                return;
        }
        if (feed->delivery.drops_newest && s->kept_left == 0 && feed->untold.lines == 0) {
                account_keep(s, page, pressure_count_keepable(s, fill));
                is_done = s->kept_left > 0;
        }
        /* Where no file is to be had, the container does not wait all the same. */
        if (!is_done)
                pressure_drop_front(s, page);
        if (s->phase == STREAM_IDLE)
                pressure_wait(s);
}

void pressure_on_held(Stream *s, size_t fill)
{
        Feed *feed = s->feed;
        Rate *rate = feed->delivery.rate;
        int r = 0;

        /* Room that was made here is there for what the container has written. */
        if (s->split && split_fill(s->split) >= 0)
                (void) fifo_get_fill(s->fd, &fill);
        if (!feed->sink->driver->is_busy(feed->sink) &&
            (!rate || rate->drops || rate_get_delay(rate, stream_get_now(s)) == 0)) {
                turns_push(stream_get_turns(s), s);
                return;
        }
        if (fill != s->held_fill) {
                hold_stream(s, HOLD_BUSY, fill, HOLD_FIRST);
                return;
        }
        /* Once is enough: a pipe does not fill without its fill changing. */
        if (s->hold_level == HOLD_FIRST)
                r = fifos_stream_is_full(s);
        if (r > 0)
                pressure_on_full(s, fill);
        else
                hold_stream(s, HOLD_BUSY, fill,
                            r < 0 ? HOLD_FIRST : MIN(s->hold_level + 1, HOLD_BUSY_LEVELS - 1));
}
