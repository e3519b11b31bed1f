/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A stream and its turns; see the header. */

#include <time.h>

#include "base/log.h"
#include "daemon/account.h"
#include "daemon/container.h"
#include "daemon/daemon.h"
#include "daemon/feed.h"
#include "daemon/hold.h"
#include "daemon/kept.h"
#include "daemon/pressure.h"
#include "daemon/split.h"
#include "daemon/stream.h"
#include "io/fifo.h"
#include "record/line.h"

Turns *stream_get_turns(const Stream *s)
{
        return &feed_get_daemon(s->feed)->turns;
}

uint64_t stream_get_now(const Stream *s)
{
        uint64_t now = 0;

        (void) sd_event_now(feed_get_daemon(s->feed)->event, CLOCK_MONOTONIC, &now);
        return now;
}

static void stream_end(Stream *s)
{
        turns_remove(stream_get_turns(s), s);
        s->readable = sd_event_source_disable_unref(s->readable);
        s->fd = base_close(s->fd);
        s->phase = STREAM_ENDED;
        s->on_ended(s);
}

bool stream_is_busy(const Stream *s)
{
        return s->phase == STREAM_WAITING || (s->phase == STREAM_HELD && s->held_for == HOLD_BUSY);
}

bool stream_is_gathering(const Stream *s)
{
        return s->phase == STREAM_HELD && s->held_for == HOLD_GATHER;
}

bool stream_is_waiting(const Stream *s)
{
        return stream_is_busy(s) || (s->phase == STREAM_HELD && s->held_for == HOLD_RATE);
}

size_t stream_cut(Stream *s, StatePage *page, Span input, size_t limit, LineEnd rest)
{
        Turns *turns = stream_get_turns(s);
        StateRow row = state_get_row(page, s->row);
        uint64_t ordinal = state_get_active(page)->next_ordinal;
        Entry common = { .kind = ENTRY_LINE,
                         .stream = s->kind,
                         .priority = s->kind == ENTRY_STDERR ? LOG_ERR : LOG_INFO,
                         .exec_id = s->exec_id };
        struct timespec now;
        size_t n = 0, used = 0;
        Line line;

        (void) clock_gettime(CLOCK_REALTIME, &now);
        common.realtime_nsec = (uint64_t) now.tv_sec * 1000000000 + (uint64_t) now.tv_nsec;

        turns->limit = (uint32_t) limit;
        while (n < TURN_MAX_ENTRIES) {
                Entry *e = &turns->entries[n];

                if (multiline_next(s, &row, input, limit, rest, &line) == 0) {
                        if (rest != LINE_END_LIMIT || input.size == 0)
                                break;
                        line = (Line){ .text = input, .size = input.size, .end = LINE_END_LIMIT };
                }

                *e = common;
                e->text = line.text;
                e->is_joined = line.is_joined;
                e->ordinal = ordinal + n;
                /* The prefix stands in the first part and holds for all. */
                if (row.partial_first > 0)
                        e->priority = (int) row.priority;
                else if (s->feed->delivery.has_level_prefix)
                        e->priority = entry_take_level(&e->text, common.priority);
                if (row.partial_first > 0 || line.end == LINE_END_LIMIT) {
                        e->partial_first = row.partial_first ?: e->ordinal;
                        e->partial_ordinal = row.partial_count + 1;
                        e->partial_is_last = line.end != LINE_END_LIMIT;
                }

                account_advance_row(&row, e, 1, line.size);
                input = span_skip(input, line.size);
                used += line.size;
                turns->ends[n++] = (uint32_t) used;
        }
        return n;
}

/*
 * Whether a peek shows less than there is, because the scratch pipe has fewer slots than the FIFO,
 * and these hold packets. The fill is asked for first: bytes that come in between prove nothing.
 */
static bool stream_is_out_of_slots(Stream *s, size_t asked, Span *ret_input)
{
        size_t fill;

        if (fifo_get_fill(s->fd, &fill) < 0 ||
            fifo_peek(&stream_get_turns(s)->scratch, s->fd, asked, ret_input) < 0)
                return false;
        return ret_input->size > 1 && ret_input->size < MIN(fill, asked);
}

/* Whether what was seen is all that the FIFO holds. */
static bool stream_is_all(Stream *s, size_t seen)
{
        size_t fill;

        return fifo_get_fill(s->fd, &fill) >= 0 && fill == seen;
}

/* Whether it is all for ever. 1, 0, or a negative errno: no other wake-up tells of it. Hang-up is
 * asked for first: after it, no writer adds anything. */
static int stream_is_at_end(Stream *s, size_t seen)
{
        int r = s->is_draining ? !s->split || split_get_left(s->split, s) == 0
                : s->split     ? split_is_at_end(s->split)
                               : fifo_is_hung_up(s->fd);
        size_t fill;

        return r > 0 ? fifo_get_fill(s->fd, &fill) ?: fill == seen : r;
}

/* Looking at 64 KiB to ship ten lines, again and again, would be wasted work. */
static void stream_adapt_window(Stream *s, bool was_enough, size_t used)
{
        if (was_enough)
                s->window = (uint32_t) MAX(used * 2, (size_t) PIPE_SLOT_BYTES);
        else
                s->window *= 2;
        s->window = MIN(s->window, PEEK_MAX_BYTES);
}

/* Hands n entries to the driver; asked is what the peek looked for, seen what it found. */
static void stream_ship(Stream *s, StatePage *page, size_t n, size_t asked, size_t seen)
{
        StateTurn owed = *state_get_active(page);
        Feed *feed = s->feed;
        Turns *turns = stream_get_turns(s);
        uint64_t now = stream_get_now(s), since = now - s->turned_usec;
        size_t allowed = n, taken, used;
        bool is_kept = s->kept_left > 0;
        int r;

        /* After a crash they are owed already. */
        if (owed.owed_bytes == 0) {
                allowed = pressure_count_allowed(s, n);
                if (allowed == 0) {
                        pressure_on_limit(s, page, n);
                        return;
                }
                account_owe(s, page, allowed);
        }
        taken = feed->sink->driver->write(feed->sink, turns->entries, allowed);
        if (taken == 0) {
                if (owed.owed_bytes == 0)
                        account_forgive(s, page);
                pressure_wait(s);
                return;
        }

        s->served = ++turns->n_served;
        s->turned_usec = now;
        used = turns->ends[taken - 1];
        if (feed->delivery.rate)
                rate_spend(feed->delivery.rate, taken, used);
        r = account_ship(s, page, taken, &owed);
        if (r < 0) {
                hold_to_retry(s, r, "drop shipped lines");
                return;
        }
        s->is_troubled = false;
        stream_adapt_window(s, taken < n || n == TURN_MAX_ENTRIES, used);

        if (s->is_draining && !is_kept) {
                s->drain_left -= (uint32_t) MIN(used, (size_t) s->drain_left);
                if (s->drain_left == 0) {
                        stream_end(s);
                        return;
                }
        } else if (taken == n && n < TURN_MAX_ENTRIES && seen > 0 && seen < asked) {
                if (hold_to_gather(s, used, since))
                        return;
                if (used == seen && !s->exec_id && !s->split && hold_set_deaf(s, false) >= 0 &&
                    stream_is_all(s, 0))
                        return; /* more makes a new edge */
        }
        turns_push(turns, s);
}

/* Cuts what cannot wait for more: lines that were to be joined with it or, if there are none, all
 * but one byte as a part of a line, so that the last part of a line is never empty. */
static size_t stream_cut_now(Stream *s, StatePage *page, Span input)
{
        Span lines = multiline_get_waiting(s, input);

        if (lines.size > 0)
                return stream_cut(s, page, lines, s->limit, LINE_END_FILE);
        if (input.size < 2)
                return 0;
        return stream_cut(s, page, input, MIN(input.size - 1, s->limit), LINE_END_NEWLINE);
}

/* Bytes without a line's end, or lines that others may be joined to: wait for more, unless no more
 * can come or it took too long. */
static void stream_on_partial(Stream *s, StatePage *page, Span input, size_t asked)
{
        size_t seen = input.size, n = 0;

        if (input.size == asked && s->window < PEEK_MAX_BYTES) {
                s->window = PEEK_MAX_BYTES;
                turns_push(stream_get_turns(s), s);
                return;
        }

        if (stream_is_at_end(s, input.size) > 0)
                n = stream_cut(s, page, input, s->limit, LINE_END_FILE);
        else if (stream_is_out_of_slots(s, asked, &input) || multiline_is_due(s, seen))
                n = stream_cut_now(s, page, input);

        if (n > 0)
                stream_ship(s, page, n, asked, input.size);
        else
                hold_stream(s, HOLD_PARTIAL, seen, HOLD_FIRST);
}

static void stream_on_empty(Stream *s)
{
        int r;

        /* What has come since Remove is nobody's: the limit dropped the rest, or it was kept. */
        if (s->is_draining && s->drain_left == 0) {
                stream_end(s);
                return;
        }
        /* Something has come since, or the kernel would not copy it now. */
        if (!stream_is_all(s, 0)) {
                hold_stream(s, HOLD_RETRY, 0, HOLD_FIRST);
                return;
        }
        /* An exec's stream ends with its writers; a container's goes on until Remove, or until what
         * waits for another driver, whose pipe is full, is there. */
        r = s->is_draining || s->exec_id ? stream_is_at_end(s, 0) : 0;
        if (r > 0)
                stream_end(s);
        else if (r < 0)
                hold_to_retry(s, r, "read a FIFO");
        else if (s->split && !split_is_empty(s->split))
                hold_stream(s, HOLD_LEFT, 0, HOLD_FIRST);
        else if (hold_set_deaf(s, false) < 0)
                hold_stream(s, HOLD_RETRY, 0, HOLD_FIRST);
}

/* Whether the next ordinals are free for this stream: after a crash the lines that another one owes
 * may have them. It goes first then. */
static bool stream_may_number(Stream *s, StatePage *page)
{
        const StateTurn *active = state_get_active(page);
        Stream *owner;

        if (active->owed_bytes == 0 || active->row == s->row)
                return true;

        owner = feed_find_stream(s->feed, active->row);
        /* Where its bytes are gone, it would never have a turn. */
        if (!owner || (owner->kept_left == 0 && stream_is_all(owner, 0))) {
                account_give_up_owed(s, page);
                return true;
        }
        pressure_let_go_first(s, owner);
        return false;
}

/* The first bytes of the stream: those that were kept, then those in the FIFO. */
static int stream_peek(Stream *s, size_t asked, Span *ret)
{
        StatePage *page;
        StateKept kept;
        int r;

        if (s->kept_left == 0)
                return fifo_peek(&stream_get_turns(s)->scratch, s->fd, asked, ret);

        r = feed_map(s->feed, &page);
        if (r < 0)
                return r;
        kept = state_get_kept(page, s->row);
        r = kept_peek(s, kept.used, MIN(asked, (size_t) s->kept_left), ret);
        if (r != -ENOENT && r != -EBADF && r != -EIO)
                return r;
        r = account_settle(s, page);
        if (r < 0)
                return r;
        if (state_get_active(page)->owed_bytes > 0)
                account_give_up_owed(s, page);
        account_lose_kept(s, page);
        return fifo_peek(&stream_get_turns(s)->scratch, s->fd, asked, ret);
}

/* What comes first, and the page to write the turn into. Returns 1, or 0 when nothing is to be done
 * now: there are no bytes, the driver is busy, or something is to be tried again. */
static int stream_prepare(Stream *s, size_t asked, StatePage **ret_page, Span *ret_input)
{
        Feed *feed = s->feed;
        int r;

        if (feed->sink->driver->is_busy(feed->sink)) {
                pressure_wait(s);
                return 0;
        }
        r = stream_peek(s, asked, ret_input);
        if (r < 0) {
                hold_to_retry(s, r, "read a FIFO");
                return 0;
        }
        if (ret_input->size == 0 && feed->untold.lines == 0) {
                stream_on_empty(s);
                return 0;
        }
        /* Only now, so that the page of a container that says nothing is never mapped. */
        r = feed_map(feed, ret_page);
        if (r < 0) {
                hold_to_retry(s, r, "map the state page");
                return 0;
        }
        r = account_settle(s, *ret_page);
        if (r < 0) {
                hold_to_retry(s, r, "drop shipped lines");
                return 0;
        }
        if (r > 0) {
                /* What was seen is not what is there now. */
                turns_push(stream_get_turns(s), s);
                return 0;
        }
        if (!stream_may_number(s, *ret_page) || !pressure_tell(s, *ret_page))
                return 0;
        s->is_troubled = false;
        if (ret_input->size > 0)
                return 1;
        if (feed->untold.lines > 0 && feed->delivery.rate && !s->is_draining)
                pressure_pause(s);
        else
                stream_on_empty(s);
        return 0;
}

/* Ships what a process before this one may have shipped, or a part of it, once more. */
static void stream_ship_owed(Stream *s, StatePage *page)
{
        const StateTurn *owed = state_get_active(page);
        size_t fill = s->kept_left, n = 0;
        Span input;
        int r;

        if (fill == 0)
                (void) fifo_get_fill(s->fd, &fill);
        r = stream_peek(s, owed->owed_bytes, &input);
        if (r < 0) {
                hold_to_retry(s, r, "read a FIFO");
                return;
        }

        if (input.size == owed->owed_bytes)
                n = stream_cut(s, page, input, owed->owed_limit,
                               owed->owed_goes_on ? LINE_END_LIMIT : LINE_END_FILE);
        else if (fill >= owed->owed_bytes)
                n = stream_cut(s, page, input, owed->owed_limit, LINE_END_NEWLINE);

        if (n > 0) {
                stream_ship(s, page, n, PEEK_MAX_BYTES, 0);
                return;
        }
        /* Somebody else has read the FIFO: these bytes are not those that were shipped. */
        account_give_up_owed(s, page);
        turns_push(stream_get_turns(s), s);
}

/* Ships what was kept. Where what followed the last byte of it is gone, that ends a line. */
static void stream_ship_kept(Stream *s, StatePage *page, Span input)
{
        LineEnd rest = input.size < s->kept_left             ? LINE_END_NEWLINE
                       : state_get_kept(page, s->row).is_cut ? LINE_END_FILE
                                                             : LINE_END_LIMIT;

        stream_ship(s, page, stream_cut(s, page, input, s->limit, rest), PEEK_MAX_BYTES, 0);
}

void stream_turn(Stream *s)
{
        size_t asked = s->is_draining ? MIN(s->window, s->drain_left) : s->window, n;
        StatePage *page;
        Span input;
        int r;

        r = s->split ? split_fill(s->split) : 0;
        if (r < 0) {
                hold_to_retry(s, r, "read a FIFO");
                return;
        }
        if (s->kept_left > 0)
                asked = PEEK_MAX_BYTES;
        if (stream_prepare(s, asked, &page, &input) == 0)
                return;

        if (state_get_active(page)->owed_bytes > 0) {
                stream_ship_owed(s, page);
                return;
        }
        if (s->kept_left > 0) {
                stream_ship_kept(s, page, input);
                return;
        }

        n = stream_cut(s, page, input, s->limit,
                       s->is_draining && input.size == s->drain_left ? LINE_END_FILE
                                                                     : LINE_END_NEWLINE);
        if (n > 0)
                stream_ship(s, page, n, asked, input.size);
        else
                stream_on_partial(s, page, input, asked);
}

/* One with bytes without a line's end looks whether the FIFO can take more: at once if it has two
 * slots, which each write over the end of a page fills, or holds whole lines, which came as fast as
 * they could; in others that is rare. */
static void stream_on_held_partial(Stream *s, size_t fill)
{
        unsigned level =
                s->is_tight || s->multiline.progress.size > 0 ? HOLD_FIRST + 1 : HOLD_LEVELS - 1;
        StatePage *page;
        Span input;
        size_t n;
        int r;

        if (s->hold_level == HOLD_LEVELS - 1) {
                hold_stream(s, HOLD_PARTIAL, fill, s->hold_level);
                return;
        }
        s->hold_level++;
        /* Once is enough, as above. */
        r = s->hold_level == level ? fifos_stream_is_full(s) : 0;
        if (r <= 0) {
                /* Not known: asked again. */
                hold_stream(s, HOLD_PARTIAL, fill, s->hold_level - (r < 0 ? 1 : 0));
                return;
        }

        /* The pipe has no slot left: packets, or pages spliced in. */
        if (stream_prepare(s, PEEK_MAX_BYTES, &page, &input) == 0)
                return;
        n = stream_cut_now(s, page, input);
        if (n > 0)
                stream_ship(s, page, n, PEEK_MAX_BYTES, input.size);
        else
                hold_stream(s, HOLD_PARTIAL, fill, s->hold_level);
}

/* Whether one that waits for more has it, or will never have it. Of what is in the FIFO behind a
 * split perhaps no edge has told, see split_is_empty(). */
static bool stream_has_news(Stream *s, size_t fill)
{
        if (s->split && (split_fill(s->split) < 0 || fifo_get_fill(s->fd, &fill) < 0))
                return true;
        if (s->held_for == HOLD_LEFT)
                return fill > 0 || split_is_empty(s->split);
        return fill != s->held_fill || multiline_is_over(s) || stream_is_at_end(s, fill) > 0;
}

void stream_on_held(Stream *s)
{
        size_t fill;

        if (fifo_get_fill(s->fd, &fill) < 0 || s->held_for == HOLD_RETRY ||
            s->held_for == HOLD_RATE || s->held_for == HOLD_GATHER)
                turns_push(stream_get_turns(s), s);
        else if (s->held_for == HOLD_BUSY)
                pressure_on_held(s, fill);
        else if (stream_has_news(s, fill))
                turns_push(stream_get_turns(s), s);
        else if (s->held_for == HOLD_LEFT)
                hold_stream(s, HOLD_LEFT, 0, MIN(s->hold_level + 1, HOLD_LEVELS - 1));
        else
                stream_on_held_partial(s, fill);
}

void stream_on_sink_ready(Stream *s)
{
        if (stream_is_busy(s))
                turns_push_waiting(stream_get_turns(s), s);
}

void stream_drain(Stream *s)
{
        size_t fill = 0;

        if (s->phase == STREAM_ENDED || s->is_draining)
                return;
        if (s->split)
                (void) split_fill(s->split);
        /* Not known: until it is empty. */
        if (s->fd >= 0 && s->is_logged && fifo_get_fill(s->fd, &fill) < 0)
                fill = UINT32_MAX;
        if (s->split)
                fill += split_get_left(s->split, s);
        s->is_draining = true;
        s->drain_left = (uint32_t) MIN(fill, (size_t) UINT32_MAX);
        if (fill == 0 && s->kept_left == 0)
                stream_end(s);
        else if (s->phase != STREAM_WAITING)
                turns_push(stream_get_turns(s), s);
}

static int stream_on_readable(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        Stream *s = ASSERT_PTR(userdata);
        Turns *turns = stream_get_turns(s);
        /* A writer that tries a full pipe again and again makes an edge each time. */
        bool is_old =
                s->phase == STREAM_HELD && !(events & EPOLLHUP) && stream_is_all(s, s->held_fill);

        /* A waiting stream knows already that there is something. */
        if (s->phase != STREAM_WAITING && s->phase != STREAM_ENDED && !is_old)
                turns_push(turns, s);
        /* The turns come behind all edges: that writer would keep them from ever running. */
        turns_run(turns);
        return 0;
}

int stream_measure(Stream *s)
{
        size_t capacity, room;
        int r;

        r = fifo_get_capacity(s->fd, &capacity);
        room = capacity;
        if (r >= 0 && s->split)
                r = fifo_get_capacity(s->split->fd, &room);
        if (r < 0)
                return r;
        room = MIN(room, capacity);
        s->is_tight = capacity == 2 * PIPE_SLOT_BYTES;
        capacity = MIN(capacity, stream_get_turns(s)->scratch.capacity);
        /* See LINE_MAX_BYTES: what ordinary writes are sure to reach in a pipe of this size. */
        s->limit = capacity < 4 * PIPE_SLOT_BYTES
                           ? PIPE_SLOT_BYTES
                           : (uint32_t) MIN(capacity / 2 - PIPE_SLOT_BYTES, LINE_MAX_BYTES);
        s->room = (uint32_t) MIN(room / 2, (size_t) s->limit);
        return 0;
}

void stream_look_again(Stream *s)
{
        /* What was matched so far was by other rules. */
        s->multiline.progress = (GroupProgress){};
        if (s->phase == STREAM_WAITING || s->phase == STREAM_HELD)
                turns_push(stream_get_turns(s), s);
}

int stream_start(Stream *s)
{
        int r;

        r = stream_measure(s);
        if (r < 0)
                return r;
        s->window = PEEK_MAX_BYTES;
        s->is_deaf = false;

        r = sd_event_add_io(feed_get_daemon(s->feed)->event, &s->readable, s->fd, EPOLLIN | EPOLLET,
                            stream_on_readable, s);
        if (r < 0)
                return r;
        turns_push(stream_get_turns(s), s);
        return 0;
}

void stream_done(Stream *s)
{
        if (s->phase != STREAM_ENDED)
                turns_remove(stream_get_turns(s), s);
        s->readable = sd_event_source_disable_unref(s->readable);
        s->fd = base_close(s->fd);
}
