/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whose turn it is; see the header. */

#include <sys/random.h>
#include <time.h>

#include "daemon/turns.h"

void turns_remove(Turns *turns, Stream *stream)
{
        if (stream->phase == STREAM_READY)
                TAILQ_REMOVE(&turns->ready, stream, turns);
        else if (stream->phase == STREAM_HELD)
                TAILQ_REMOVE(&turns->held[stream->hold_level], stream, turns);
        stream->phase = STREAM_IDLE;
}

void turns_push(Turns *turns, Stream *stream)
{
        if (stream->phase == STREAM_READY)
                return;
        turns_remove(turns, stream);
        stream->phase = STREAM_READY;
        TAILQ_INSERT_TAIL(&turns->ready, stream, turns);
        (void) sd_event_source_set_enabled(turns->turn, SD_EVENT_ON);
}

void turns_push_waiting(Turns *turns, Stream *stream)
{
        Stream *before = TAILQ_LAST(&turns->ready, StreamList);

        assert(stream->phase != STREAM_READY);

        turns_remove(turns, stream);
        while (before && before->served > stream->served)
                before = TAILQ_PREV(before, StreamList, turns);
        stream->phase = STREAM_READY;
        if (before)
                TAILQ_INSERT_AFTER(&turns->ready, before, stream, turns);
        else
                TAILQ_INSERT_HEAD(&turns->ready, stream, turns);
        (void) sd_event_source_set_enabled(turns->turn, SD_EVENT_ON);
}

void turns_rotate(Turns *turns)
{
        unsigned n = 0, k = 0;
        Stream *stream;

        TAILQ_FOREACH(stream, &turns->ready, turns)
                n++;
        if (n == 0 || getrandom(&k, sizeof(k), GRND_NONBLOCK) < 0)
                return;
        for (k %= n; k > 0; k--) {
                stream = TAILQ_FIRST(&turns->ready);
                TAILQ_REMOVE(&turns->ready, stream, turns);
                TAILQ_INSERT_TAIL(&turns->ready, stream, turns);
        }
}

/* The held stream whose time comes first, or NULL. */
static Stream *turns_get_first_held(Turns *turns)
{
        Stream *first = NULL;

        for (size_t i = 0; i < HOLD_LEVELS; i++) {
                Stream *s = TAILQ_FIRST(&turns->held[i]);

                if (s && (!first || s->held_until_usec < first->held_until_usec))
                        first = s;
        }
        return first;
}

static void turns_arm_hold(Turns *turns)
{
        Stream *first = turns_get_first_held(turns);

        if (!first)
                return;
        (void) sd_event_source_set_time(turns->hold, first->held_until_usec);
        (void) sd_event_source_set_time_accuracy(turns->hold,
                                                 stream_is_gathering(first) ? 1 : HOLD_FIRST_USEC);
        (void) sd_event_source_set_enabled(turns->hold, SD_EVENT_ONESHOT);
}

void turns_hold(Turns *turns, Stream *stream)
{
        assert(stream->hold_level < HOLD_LEVELS);

        turns_remove(turns, stream);
        stream->phase = STREAM_HELD;
        stream->held_until_usec = stream_get_now(stream) + (HOLD_MIN_USEC << stream->hold_level);
        TAILQ_INSERT_TAIL(&turns->held[stream->hold_level], stream, turns);
        if (turns_get_first_held(turns) == stream)
                turns_arm_hold(turns);
}

void turns_run(Turns *turns)
{
        Stream *stream;

        stream = TAILQ_FIRST(&turns->ready);
        if (stream) {
                turns_remove(turns, stream);
                stream_turn(stream);
        }
        if (TAILQ_EMPTY(&turns->ready))
                (void) sd_event_source_set_enabled(turns->turn, SD_EVENT_OFF);
}

static int turns_on_turn(sd_event_source *source, void *userdata)
{
        turns_run(ASSERT_PTR(userdata));
        return 0;
}

static int turns_on_hold(sd_event_source *source, uint64_t usec, void *userdata)
{
        Turns *turns = ASSERT_PTR(userdata);
        Stream *stream;

        (void) sd_event_now(sd_event_source_get_event(source), CLOCK_MONOTONIC, &usec);
        while ((stream = turns_get_first_held(turns)) && stream->held_until_usec <= usec) {
                turns_remove(turns, stream);
                stream_on_held(stream);
        }
        turns_arm_hold(turns);
        return 0;
}

int turns_init(Turns *turns, sd_event *event, int scratch_fds[2])
{
        int r;

        TAILQ_INIT(&turns->ready);
        for (size_t i = 0; i < HOLD_LEVELS; i++)
                TAILQ_INIT(&turns->held[i]);

        r = fifo_scratch_init(&turns->scratch, scratch_fds);
        if (r < 0)
                return r;

        /* Below the streams' own events: those only put streams into the line. */
        r = sd_event_add_defer(event, &turns->turn, turns_on_turn, turns);
        if (r < 0)
                return r;
        r = sd_event_source_set_priority(turns->turn, SD_EVENT_PRIORITY_NORMAL + 10);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(turns->turn, SD_EVENT_OFF);
        if (r < 0)
                return r;

        r = sd_event_add_time(event, &turns->hold, CLOCK_MONOTONIC, 0, 0, turns_on_hold, turns);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(turns->hold, SD_EVENT_OFF);
}

void turns_done(Turns *turns)
{
        sd_event_source_disable_unref(turns->turn);
        sd_event_source_disable_unref(turns->hold);
        fifo_scratch_done(&turns->scratch);
}
