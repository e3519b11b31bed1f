/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Lines that are joined; see the header. */

#include "daemon/multiline.h"
#include "daemon/daemon.h"
#include "daemon/feed.h"
#include "daemon/stream.h"

int multiline_next(Stream *s, const StateRow *row, Span input, size_t limit, LineEnd rest,
                   Line *ret)
{
        const GroupRules *rules = &s->feed->delivery.group;
        uint64_t at = row->counts.bytes + row->counts.dropped;
        GroupProgress none = {};

        if (!rules->start)
                return line_next(input, limit, rest == LINE_END_FILE, ret);
        if (s->multiline.at != at)
                s->multiline = (Multiline){ .at = at };
        /* The rest of a long line is not joined. */
        if (row->partial_first > 0)
                return line_next(input, limit, rest == LINE_END_FILE, ret);
        if (rest != LINE_END_NEWLINE)
                return group_next(input, limit, rules, rest, &none, ret);
        return group_next(input, limit, rules, rest, &s->multiline.progress, ret);
}

Span multiline_get_waiting(const Stream *s, Span input)
{
        size_t size = s->multiline.progress.size;

        /* Less, where somebody else reads the FIFO. */
        return size <= input.size ? (Span){ input.data, size } : (Span){};
}

static uint64_t multiline_get_left(const Stream *s)
{
        uint64_t now = stream_get_now(s);
        uint64_t end = s->multiline.since_usec + s->feed->delivery.group_timeout_usec;

        return end > now ? end - now : 0;
}

bool multiline_is_due(Stream *s, size_t seen)
{
        if (s->multiline.progress.size == 0)
                return false;
        if (s->multiline.seen != seen) {
                s->multiline.seen = (uint32_t) seen;
                s->multiline.since_usec = stream_get_now(s);
        }
        return multiline_get_left(s) == 0;
}

bool multiline_is_over(const Stream *s)
{
        return s->multiline.progress.size > 0 && multiline_get_left(s) == 0;
}

unsigned multiline_limit_level(const Stream *s, unsigned level)
{
        uint64_t left;

        if (s->multiline.progress.size == 0)
                return level;
        left = multiline_get_left(s);
        while (level > 0 && HOLD_MIN_USEC << level > left)
                level--;
        return level;
}
