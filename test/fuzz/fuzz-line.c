/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The line cutter, shown growing windows, against the naive one that sees everything at once. */

#include "fuzz.h"

#include "../line-reference.h"

/* The first byte is the limit, the second one by how much a window grows. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        size_t limit, step, visible = 0;
        Line line, expected;
        Span rest;

        if (size < 2)
                return 0;
        limit = data[0] ?: 1;
        step = data[1] ?: 1;

        rest = (Span){ (const char *) data + 2, size - 2 };
        while (rest.size > 0) {
                Span window = { rest.data, visible };

                if (line_next(window, limit, visible == rest.size, &line) == 0) {
                        assert(visible < rest.size);
                        visible = MIN(visible + step, rest.size);
                        continue;
                }
                assert(reference_next(rest, limit, &expected));
                assert(line.text.data == expected.text.data);
                assert(line.text.size == expected.text.size);
                assert(line.size == expected.size);
                assert(line.end == expected.end);
                rest = span_skip(rest, line.size);
                visible -= line.size;
        }
        return 0;
}
