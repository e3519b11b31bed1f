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
        /* Of a FIFO of 64 KiB two thirds: at that speed, its writer must not find it full. */
        uint64_t room = UINT64_C(3) * s->limit / 2;
        unsigned level = HOLD_FIRST;

        while (level > 0 && bytes * (HOLD_MIN_USEC << level) > room * since_usec)
                level--;
        /* Only a little begins it: who fills the FIFO during each turn needs no wake-ups. */
        if (since_usec > HOLD_GATHER_USEC || bytes > (s->is_deaf ? room : s->limit / 4) ||
            hold_set_deaf(s, true) < 0)
                return false;
        hold_stream(s, HOLD_GATHER, 0, level);
        return true;
}
