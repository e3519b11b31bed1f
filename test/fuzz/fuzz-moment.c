/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Points in time: what is taken can be written, and taken again. */

#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "record/timestamp.h"
#include "tool/moment.h"

#define NOW (UINT64_C(1795309323) * MOMENT_SECOND + 1)

bool fuzz_accepts(const uint8_t *data, size_t size)
{
        char text[256] = "";
        uint64_t nsec;

        memcpy(text, data, size < sizeof(text) ? size : sizeof(text) - 1);
        /* A text file ends with a newline. */
        text[strcspn(text, "\n")] = '\0';
        return moment_parse(text, NOW, &nsec) >= 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Timestamp timestamp = {};
        uint64_t nsec, again;
        char *text = malloc(size + 1), written[TIMESTAMP_MAX_BYTES + 1] = "";
        int r;

        assert(text);
        if (size > 0)
                memcpy(text, data, size);
        text[size] = '\0';
        r = moment_parse(text, NOW, &nsec);
        assert(r == 0 || r == -EINVAL);
        if (r == 0) {
                Span span = timestamp_format(&timestamp, nsec, TIMESTAMP_NINE);

                assert(span.size == TIMESTAMP_MAX_BYTES);
                memcpy(written, span.data, span.size);
                assert(moment_parse(written, NOW, &again) == 0 && again == nsec);
        }
        free(text);
        return 0;
}
