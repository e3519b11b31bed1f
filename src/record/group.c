/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Lines that belong together; see the header. */

#include "record/group.h"

/* The group of the first size bytes of input, which are whole lines. */
static void group_end(Span input, size_t size, size_t lines, Line *ret)
{
        *ret = (Line){
                .text = { input.data, size - 1 },
                .size = size,
                .end = LINE_END_NEWLINE,
                .is_joined = lines > 1,
        };
        if (size > 1 && input.data[size - 2] == '\r')
                ret->text.size--;
}

int group_next(Span input, size_t limit, const GroupRules *rules, LineEnd rest,
               GroupProgress *progress, Line *ret)
{
        size_t max = MIN(rules->max_bytes, limit), size = progress->size, lines = progress->lines;
        int r;

        *progress = (GroupProgress){};
        if (size == 0 || size > input.size) {
                r = line_next(input, limit, rest == LINE_END_FILE, ret);
                if (r == 0 || ret->end != LINE_END_NEWLINE)
                        return r;
                size = ret->size;
                lines = 1;
        }

        /* Of the text, so many bytes are there when the next line, which may be empty, begins. */
        while (size <= max && lines < rules->max_lines) {
                Span next = span_skip(input, size), line = next;
                const char *newline;

                newline = next.size > 0 ? memchr(next.data, '\n', MIN(next.size, max - size + 1))
                                        : NULL;
                if (newline) {
                        line.size = (size_t) (newline - next.data);
                        if (line.size > 0 && newline[-1] == '\r')
                                line.size--;
                } else if (next.size > max - size)
                        break; /* too long */
                else if (rest == LINE_END_NEWLINE) {
                        *progress = (GroupProgress){ (uint32_t) size, (uint32_t) lines };
                        return 0;
                } else if (next.size == 0 || rest == LINE_END_LIMIT)
                        break;

                if (pattern_is_in(rules->start, line))
                        break;
                if (!newline) {
                        *ret = (Line){
                                .text = input,
                                .size = input.size,
                                .end = LINE_END_FILE,
                                .is_joined = true,
                        };
                        return 1;
                }
                size = (size_t) (newline - input.data) + 1;
                lines++;
        }
        group_end(input, size, lines, ret);
        return 1;
}
