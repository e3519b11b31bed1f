/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A stream and its turns; see the header. */

#include <time.h>

#include "base/log.h"
#include "daemon/container.h"
#include "daemon/daemon.h"
#include "daemon/stream.h"
#include "io/fifo.h"
#include "record/line.h"

/* A slot of a pipe holds at most a page. Also the least a turn looks at. */
#define PIPE_SLOT_BYTES 4096U

static Turns *stream_get_turns(Stream *s)
{
        return &s->container->daemon->turns;
}

static void stream_end(Stream *s)
{
        turns_remove(stream_get_turns(s), s);
        s->readable = sd_event_source_disable_unref(s->readable);
        s->fd = base_close(s->fd);
        s->phase = STREAM_ENDED;
        s->on_ended(s);
}

static void stream_hold(Stream *s, size_t fill, unsigned level)
{
        s->held_fill = fill;
        s->hold_level = level;
        turns_hold(stream_get_turns(s), s);
}

/* Something that a later turn may find mended: no fd free, no memory. */
static void stream_retry_later(Stream *s, int error, const char *what)
{
        if (!s->is_troubled)
                (void) log_error_errno(error, "Failed to %s of container %s, trying again: %m",
                                       what, s->container->id);
        s->is_troubled = true;
        stream_hold(s, 0, HOLD_LEVELS - 1);
}

/* Where the row stands after a line. */
static void row_advance(StateRow *row, const Entry *e, uint32_t size)
{
        bool goes_on = e->partial_first > 0 && !e->partial_is_last;

        row->counts.lines++;
        row->counts.bytes += size;
        row->partial_first = goes_on ? e->partial_first : 0;
        row->partial_count = goes_on ? e->partial_ordinal : 0;
        row->priority = goes_on ? (uint32_t) e->priority : 0;
}

/* Makes entries of the lines in input, numbered as if all of them were shipped. rest says how what
 * has no line's end is taken: as a line (LINE_END_FILE), a part (LINE_END_LIMIT), or not at all. */
static size_t stream_cut(Stream *s, StatePage *page, Span input, size_t limit, LineEnd rest)
{
        Turns *turns = stream_get_turns(s);
        StateRow row = state_get_row(page, s->row);
        uint64_t ordinal = state_get_active(page)->next_ordinal;
        int priority = s->kind == ENTRY_STDERR ? LOG_ERR : LOG_INFO;
        struct timespec now;
        size_t n = 0;
        Line line;

        (void) clock_gettime(CLOCK_REALTIME, &now);

        turns->limit = (uint32_t) limit;
        while (n < TURN_MAX_ENTRIES) {
                Entry *e = &turns->entries[n];

                if (line_next(input, limit, rest == LINE_END_FILE, &line) == 0) {
                        if (rest != LINE_END_LIMIT || input.size == 0)
                                break;
                        line = (Line){ .text = input, .size = input.size, .end = LINE_END_LIMIT };
                }

                *e = (Entry){
                        .kind = ENTRY_LINE,
                        .stream = s->kind,
                        .text = line.text,
                        .priority = priority,
                        .ordinal = ordinal + n,
                        .exec_id = s->exec_id,
                        .realtime_nsec =
                                (uint64_t) now.tv_sec * 1000000000 + (uint64_t) now.tv_nsec,
                };
                /* The prefix stands in the first part and holds for all. */
                if (row.partial_first > 0)
                        e->priority = (int) row.priority;
                else if (s->container->has_level_prefix)
                        e->priority = entry_take_level(&e->text, priority);
                if (row.partial_first > 0 || line.end == LINE_END_LIMIT) {
                        e->partial_first = row.partial_first ?: e->ordinal;
                        e->partial_ordinal = row.partial_count + 1;
                        e->partial_is_last = line.end != LINE_END_LIMIT;
                }

                turns->sizes[n] = (uint32_t) line.size;
                row_advance(&row, e, (uint32_t) line.size);
                input = span_skip(input, line.size);
                n++;
        }
        return n;
}

/*
 * Takes the rest of the active turn's bytes out of the FIFO of its stream, which may be any of the
 * container's. There is a rest only after a crash between two system calls, or when the kernel had
 * no memory; it must be gone before the next turn begins. Returns 1 if there was one, 0 if not.
 */
static int stream_settle(Stream *s, StatePage *page)
{
        StateTurn *turn = state_get_active(page);
        uint64_t lost;
        Stream *owner;
        int r;

        if ((uint64_t) turn->dropped == turn->bytes)
                return 0;

        owner = turn->row == s->row ? s : container_find_stream(s->container, turn->row);
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

/* Says before lines are shipped that they may be: their ordinals are theirs now. */
static void stream_owe(Stream *s, StatePage *page, size_t n)
{
        const Turns *turns = stream_get_turns(s);
        const Entry *last = &turns->entries[n - 1];
        StateTurn *turn = state_begin(page, s->row);

        for (size_t i = 0; i < n; i++)
                turn->owed_bytes += turns->sizes[i];
        turn->owed_limit = turns->limit;
        turn->owed_goes_on = last->partial_first > 0 && !last->partial_is_last;
        turn->owed_lines = (uint16_t) n;
        state_commit(page, turn);
}

/* Nothing of what was owed has been shipped. */
static void stream_forgive(Stream *s, StatePage *page)
{
        state_commit(page, state_begin(page, s->row));
}

/* What is owed is gone from its FIFO. It may have been shipped: its ordinals are used up, and a gap
 * in the log shows if it was not. */
static void stream_give_up_owed(Stream *s, StatePage *page)
{
        const StateTurn *owed = state_get_active(page);
        StateTurn *turn = state_begin(page, s->row);

        turn->next_ordinal += owed->owed_lines;
        turn->total.lines += owed->owed_lines;
        turn->total.dropped += owed->owed_bytes;
        state_commit(page, turn);
}

/* Writes the shipped lines into the state page, then drops their bytes. owed is what a process
 * before this one may have shipped of those behind them. Returns the bytes. */
static size_t stream_commit(Stream *s, StatePage *page, size_t n, const StateTurn *owed)
{
        Turns *turns = stream_get_turns(s);
        StateTurn *turn = state_begin(page, s->row);
        int r;

        for (size_t i = 0; i < n; i++) {
                row_advance(&turn->after, &turns->entries[i], turns->sizes[i]);
                turn->bytes += turns->sizes[i];
        }
        turn->next_ordinal += n;
        turn->total.lines += n;
        turn->total.bytes += turn->bytes;
        if (owed->owed_bytes > turn->bytes) {
                turn->owed_bytes = owed->owed_bytes - (uint32_t) turn->bytes;
                turn->owed_limit = owed->owed_limit;
                turn->owed_goes_on = owed->owed_goes_on;
                turn->owed_lines = (uint16_t) (owed->owed_lines > n ? owed->owed_lines - n : 0);
        }
        state_commit(page, turn);

        r = stream_settle(s, page);
        if (r < 0)
                stream_retry_later(s, r, "drop shipped lines");
        else
                s->is_troubled = false;

        s->counts = turn->after.counts;
        container_on_counts(s->container, turn);
        return (size_t) turn->bytes;
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

/* Whether it is all for ever. Hang-up is asked for first: after it, no writer adds anything. */
static bool stream_is_at_end(Stream *s, size_t seen)
{
        return (s->is_draining || fifo_is_hung_up(s->fd)) && stream_is_all(s, seen);
}

/* Hands n entries to the driver; asked is what the peek looked for, seen what it found. */
static void stream_ship(Stream *s, StatePage *page, size_t n, size_t asked, size_t seen)
{
        StateTurn owed = *state_get_active(page);
        Sink *sink = s->container->sink;
        Turns *turns = stream_get_turns(s);
        size_t taken, used;

        /* After a crash they are owed already. */
        if (owed.owed_bytes == 0)
                stream_owe(s, page, n);
        taken = sink->driver->write(sink, turns->entries, n);
        if (taken == 0) {
                if (owed.owed_bytes == 0)
                        stream_forgive(s, page);
                s->phase = STREAM_WAITING;
                return;
        }

        s->served = ++turns->n_served;
        used = stream_commit(s, page, taken, &owed);
        if (s->is_troubled)
                return;

        /* Looking at 64 KiB to ship ten lines, again and again, would be wasted work. */
        if (taken < n || n == TURN_MAX_ENTRIES)
                s->window = (uint32_t) MAX(used * 2, (size_t) PIPE_SLOT_BYTES);
        else
                s->window *= 2;
        s->window = MIN(s->window, PEEK_MAX_BYTES);

        if (s->is_draining) {
                s->drain_left -= (uint32_t) MIN(used, (size_t) s->drain_left);
                if (s->drain_left == 0) {
                        stream_end(s);
                        return;
                }
        } else if (used == seen && seen < asked && !s->exec_id && stream_is_all(s, 0))
                return; /* more makes a new edge */
        turns_push(turns, s);
}

/* Bytes without a line's end: wait for more, unless no more can come. */
static void stream_on_partial(Stream *s, StatePage *page, Span input, size_t asked)
{
        size_t seen = input.size, n = 0;

        if (input.size == asked && s->window < PEEK_MAX_BYTES) {
                s->window = PEEK_MAX_BYTES;
                turns_push(stream_get_turns(s), s);
                return;
        }

        if (stream_is_at_end(s, input.size))
                n = stream_cut(s, page, input, s->limit, LINE_END_FILE);
        else if (stream_is_out_of_slots(s, asked, &input))
                n = stream_cut(s, page, input, MIN(input.size - 1, s->limit), LINE_END_NEWLINE);

        if (n > 0)
                stream_ship(s, page, n, asked, input.size);
        else
                stream_hold(s, seen, 0);
}

static void stream_on_empty(Stream *s)
{
        /* An exec's stream ends with its writers; a container's goes on until Remove. */
        if (s->is_draining || (s->exec_id && stream_is_at_end(s, 0)))
                stream_end(s);
}

/* Whether the next ordinals are free for this stream: after a crash the lines that another one owes
 * may have them. It goes first then. */
static bool stream_may_number(Stream *s, StatePage *page)
{
        const StateTurn *active = state_get_active(page);
        Turns *turns = stream_get_turns(s);
        Stream *owner;

        if (active->owed_bytes == 0 || active->row == s->row)
                return true;

        owner = container_find_stream(s->container, active->row);
        /* Where its bytes are gone, it would never have a turn. */
        if (!owner || stream_is_all(owner, 0)) {
                stream_give_up_owed(s, page);
                return true;
        }
        if (owner->phase == STREAM_IDLE)
                turns_push(turns, owner);
        if (owner->phase == STREAM_READY)
                turns_push(turns, s);
        else if (owner->phase == STREAM_WAITING)
                s->phase = STREAM_WAITING;
        else
                stream_hold(s, SIZE_MAX, 0);
        return false;
}

/* What is in the FIFO, and the page to write the turn into. Returns 1, or 0 when there is nothing
 * to do now: the FIFO is empty, the driver busy, or something is to be tried again. */
static int stream_prepare(Stream *s, size_t asked, StatePage **ret_page, Span *ret_input)
{
        Container *c = s->container;
        int r;

        if (c->sink->driver->is_busy(c->sink)) {
                s->phase = STREAM_WAITING;
                return 0;
        }
        r = fifo_peek(&stream_get_turns(s)->scratch, s->fd, asked, ret_input);
        if (r < 0) {
                stream_retry_later(s, r, "read a FIFO");
                return 0;
        }
        if (ret_input->size == 0) {
                stream_on_empty(s);
                return 0;
        }
        /* Only now, so that the page of a container that says nothing is never mapped. */
        r = state_map(&c->daemon->states, &c->state, c->id, ret_page);
        if (r < 0) {
                stream_retry_later(s, r, "map the state page");
                return 0;
        }
        r = stream_settle(s, *ret_page);
        if (r < 0) {
                stream_retry_later(s, r, "drop shipped lines");
                return 0;
        }
        if (r > 0) {
                /* What was seen is not what is there now. */
                turns_push(stream_get_turns(s), s);
                return 0;
        }
        if (!stream_may_number(s, *ret_page))
                return 0;
        s->is_troubled = false;
        return 1;
}

/* Ships what a process before this one may have shipped, or a part of it, once more. */
static void stream_ship_owed(Stream *s, StatePage *page)
{
        const StateTurn *owed = state_get_active(page);
        size_t fill = 0, n = 0;
        Span input;
        int r;

        (void) fifo_get_fill(s->fd, &fill);
        r = fifo_peek(&stream_get_turns(s)->scratch, s->fd, owed->owed_bytes, &input);
        if (r < 0) {
                stream_retry_later(s, r, "read a FIFO");
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
        stream_give_up_owed(s, page);
        turns_push(stream_get_turns(s), s);
}

void stream_turn(Stream *s)
{
        size_t asked = s->is_draining ? MIN(s->window, s->drain_left) : s->window, n;
        StatePage *page;
        Span input;

        if (stream_prepare(s, asked, &page, &input) == 0)
                return;

        if (state_get_active(page)->owed_bytes > 0) {
                stream_ship_owed(s, page);
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

void stream_on_held(Stream *s)
{
        StatePage *page;
        size_t fill, n;
        Span input;

        if (s->is_troubled || fifo_get_fill(s->fd, &fill) < 0 || fill != s->held_fill) {
                turns_push(stream_get_turns(s), s);
                return;
        }
        if (s->hold_level == HOLD_LEVELS - 1) {
                stream_hold(s, fill, s->hold_level);
                return;
        }
        s->hold_level++;
        /* Once is enough: a pipe does not fill without its fill changing. */
        if (s->hold_level < HOLD_LEVELS - 1 || !container_fifo_is_full(s->container, s)) {
                stream_hold(s, fill, s->hold_level);
                return;
        }

        /* The pipe has no slot left and no line's end: packets, or pages spliced in. All but one
         * byte goes out as a part, so that the last part of a line is never empty. */
        if (stream_prepare(s, PEEK_MAX_BYTES, &page, &input) == 0)
                return;
        n = input.size > 1
                    ? stream_cut(s, page, input, MIN(input.size - 1, s->limit), LINE_END_NEWLINE)
                    : 0;
        if (n > 0)
                stream_ship(s, page, n, PEEK_MAX_BYTES, input.size);
        else
                stream_hold(s, fill, s->hold_level);
}

void stream_on_sink_ready(Stream *s)
{
        if (s->phase == STREAM_WAITING)
                turns_push_waiting(stream_get_turns(s), s);
}

void stream_drain(Stream *s)
{
        size_t fill = 0;

        if (s->phase == STREAM_ENDED || s->is_draining)
                return;
        if (s->fd >= 0 && s->is_logged)
                (void) fifo_get_fill(s->fd, &fill);
        s->is_draining = true;
        s->drain_left = (uint32_t) fill;
        if (fill == 0)
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

int stream_start(Stream *s)
{
        Container *c = s->container;
        size_t capacity;
        int r;

        r = fifo_get_capacity(s->fd, &capacity);
        if (r < 0)
                return r;
        capacity = MIN(capacity, stream_get_turns(s)->scratch.capacity);
        /* See LINE_MAX_BYTES: what ordinary writes are sure to reach in a pipe of this size. */
        s->limit = capacity < 4 * PIPE_SLOT_BYTES
                           ? PIPE_SLOT_BYTES
                           : (uint32_t) MIN(capacity / 2 - PIPE_SLOT_BYTES, LINE_MAX_BYTES);
        s->window = PEEK_MAX_BYTES;

        r = sd_event_add_io(c->daemon->event, &s->readable, s->fd, EPOLLIN | EPOLLET,
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
