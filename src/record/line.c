/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The line cutter; see the header. */

#include "record/line.h"

int line_next(Span input, size_t limit, bool flush, Line *ret)
{
        size_t window = MIN(input.size, limit + 1);
        const char *newline;
        size_t size;

        assert(limit > 0);

        newline = window > 0 ? memchr(input.data, '\n', window) : NULL;
        if (newline) {
                size = (size_t) (newline - input.data);
                *ret = (Line){
                        .text = { input.data, size },
                        .size = size + 1,
                        .end = LINE_END_NEWLINE,
                };
                if (size > 0 && newline[-1] == '\r')
                        ret->text.size--;
                return 1;
        }

        if (input.size > limit) {
                *ret = (Line){
                        .text = { input.data, limit },
                        .size = limit,
                        .end = LINE_END_LIMIT,
                };
                return 1;
        }

        if (flush && input.size > 0) {
                *ret = (Line){
                        .text = input,
                        .size = input.size,
                        .end = LINE_END_FILE,
                };
                return 1;
        }
        return 0;
}
