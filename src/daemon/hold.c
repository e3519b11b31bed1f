/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What gives a stream its next turn; see the header. */

#include "daemon/hold.h"
#include "base/log.h"
#include "daemon/container.h"
#include "daemon/feed.h"
#include "daemon/turns.h"

int hold_set_deaf(Stream *s, bool is_deaf)
{
        int r;

        if (s->is_deaf == is_deaf)
                return 0;
        /* What is in the FIFO by now makes an edge. */
        r = sd_event_source_set_io_events(s->readable, is_deaf ? EPOLLET : EPOLLIN | EPOLLET);
        if (r >= 0)
                s->is_deaf = is_deaf;
        return r;
}

void hold_stream(Stream *s, HoldReason reason, size_t fill, unsigned level)
{
        /* Where no write would wake it, it looks by itself. */
        if (reason != HOLD_GATHER && hold_set_deaf(s, false) < 0)
                reason = HOLD_RETRY;
        s->held_for = reason;
        s->held_fill = fill;
        s->hold_level = reason == HOLD_PARTIAL ? multiline_limit_level(s, level) : level;
        turns_hold(stream_get_turns(s), s);
}

void hold_to_retry(Stream *s, int error, const char *what)
{
        if (!s->is_troubled)
                (void) log_error_errno(error, "Failed to %s of container %s, trying again: %m",
                                       what, s->feed->container->id);
        s->is_troubled = true;
        hold_stream(s, HOLD_RETRY, 0, HOLD_LEVELS - 1);
}

bool hold_to_gather(Stream *s, size_t bytes, uint64_t since_usec)
{
        uint64_t longest = s->is_deaf ? HOLD_GATHER_USEC : HOLD_FIRST_USEC;
        size_t most = s->is_deaf ? s->room : s->room / 4;
        unsigned level = HOLD_FIRST;

        /* Only a little begins it: who fills the FIFO during each turn needs no wake-ups. More than
         * there is room for may be a FIFO that was full, and its writer waits. */
        if (since_usec > longest || bytes > most || stream_get_turns(s)->scratch.has_packets)
                return false;
        while (bytes * (HOLD_MIN_USEC << level) > s->room * since_usec)
                if (level-- == 0)
                        return false;
        if (hold_set_deaf(s, true) < 0)
                return false;
        hold_stream(s, HOLD_GATHER, 0, level);
        return true;
}
