/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where lines are read back from; see the header. */

#include "tool/log-source.h"

int log_attributes_add(LogAttributes *a, Span key, Span value)
{
        int r;

        if (a->n == LOG_ATTRIBUTES_MAX)
                return 0;
        r = buffer_reserve(&a->text, key.size + value.size);
        if (r < 0)
                return r;
        (void) buffer_append_span(&a->text, key);
        (void) buffer_append_span(&a->text, value);
        a->items[a->n].key.size = key.size;
        a->items[a->n++].value.size = value.size;
        return 0;
}

void log_attributes_finish(LogAttributes *a)
{
        const char *p = a->text.data;

        /* Now the text does not move any more. */
        for (size_t i = 0; i < a->n; i++) {
                a->items[i].key.data = p;
                p += a->items[i].key.size;
                a->items[i].value.data = p;
                p += a->items[i].value.size;
        }
}
