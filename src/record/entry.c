/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An entry; see the header. */

#include <inttypes.h>
#include <stdio.h>

#include "record/entry.h"

const char *loss_get_reason(const Loss *loss)
{
        static const char *const reasons[] = {
                [LOSS_FULL] = "the buffer was full",
                [LOSS_RATE] = "over the rate limit",
                [LOSS_FULL | LOSS_RATE] = "over the rate limit, and the buffer was full",
        };

        return reasons[loss->reasons % ARRAY_SIZE(reasons)] ?: "";
}

size_t loss_put_text(const Loss *loss, char ret[LOSS_TEXT_MAX_BYTES])
{
        return (size_t) snprintf(ret, LOSS_TEXT_MAX_BYTES,
                                 "conlogd: Dropped %" PRIu64 " line%s, %" PRIu64 " bytes: %s",
                                 loss->lines, loss->lines == 1 ? "" : "s", loss->bytes,
                                 loss_get_reason(loss));
}

int entry_take_level(Span *text, int fallback)
{
        const char *p = text->data;

        if (text->size < 3 || p[0] != '<' || p[1] < '0' || p[1] > '7' || p[2] != '>')
                return fallback;

        *text = span_skip(*text, 3);
        return p[1] - '0';
}
