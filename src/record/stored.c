/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is read back; see the header. */

#include "record/stored.h"

int stored_next_line(Span input, bool flush, Span *ret)
{
        const char *newline = input.size > 0 ? memchr(input.data, '\n', input.size) : NULL;

        if (!newline)
                return 0;
        *ret = (Span){ input.data, (size_t) (newline + 1 - input.data) };
        return 1;
}

int stored_previous_line(Span input, bool flush, Span *ret)
{
        const char *newline = input.size > 0 ? memrchr(input.data, '\n', input.size) : NULL;
        const char *before;

        if (!newline)
                return 0;
        before = memrchr(input.data, '\n', (size_t) (newline - input.data));
        if (!before && !flush)
                return 0;
        before = before ? before + 1 : input.data;
        *ret = (Span){ before, (size_t) (newline + 1 - before) };
        return 1;
}

int stored_parse_stream(Span text, EntryStream *ret)
{
        for (EntryStream s = 0; s < ENTRY_STREAMS; s++)
                if (span_equal_string(text, entry_stream_to_string(s))) {
                        *ret = s;
                        return 0;
                }
        return -EBADMSG;
}
