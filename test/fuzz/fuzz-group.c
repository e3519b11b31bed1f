/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Groups of lines, shown in growing windows, against the naive cutter that sees all at once; and
 * each once more from its own bytes, as after a crash. */

#include "fuzz.h"

#include "../group-reference.h"

static const char *const patterns[] = { "^[^[:space:]]", "^a", "b$", "[0-9]{2}" };

/* Cut alone, a group is the same: nothing behind it is needed. */
static void check_alone(const Line *group, const char *data, size_t limit, const GroupRules *rules,
                        bool goes_on)
{
        LineEnd rest = group->end == LINE_END_LIMIT ? LINE_END_LIMIT : LINE_END_FILE;
        GroupProgress progress = {};
        Line again;

        if (goes_on ||
            group_next((Span){ data, group->size }, limit, rules, rest, &progress, &again) == 0)
                return;
        assert(again.text.data == group->text.data && again.text.size == group->text.size);
        assert(again.size == group->size);
}

/* The first five bytes: the limit of a line, by how much a window grows, the most lines and bytes,
 * and the pattern. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char reason[REASON_MAX_BYTES];
        _cleanup_(pattern_freep) Pattern *start = NULL;
        GroupProgress progress = {};
        size_t limit, step, visible = 0;
        bool goes_on = false;
        GroupRules rules;
        Line line, expected;
        Span rest;

        if (size < 5)
                return 0;
        limit = data[0] ?: 1;
        step = data[1] ?: 1;
        assert(pattern_new(&start, patterns[data[4] % ARRAY_SIZE(patterns)], reason) == 0);
        rules = (GroupRules){ start, data[2] ?: 1, data[3] ?: 1 };

        rest = (Span){ (const char *) data + 5, size - 5 };
        while (rest.size > 0) {
                Span window = { rest.data, visible };
                bool flush = visible == rest.size;
                int r;

                r = goes_on ? line_next(window, limit, flush, &line)
                            : group_next(window, limit, &rules,
                                         flush ? LINE_END_FILE : LINE_END_NEWLINE, &progress,
                                         &line);
                if (r == 0) {
                        assert(visible < rest.size);
                        visible = MIN(visible + step, rest.size);
                        continue;
                }
                assert(reference_group(rest, limit, &rules, goes_on, &expected));
                assert(line.text.data == expected.text.data);
                assert(line.text.size == expected.text.size);
                assert(line.size == expected.size);
                assert(line.end == expected.end);
                assert(progress.size == 0);
                check_alone(&line, rest.data, limit, &rules, goes_on);
                goes_on = line.end == LINE_END_LIMIT;
                rest = span_skip(rest, line.size);
                visible -= line.size;
        }
        return 0;
}
