/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An entry; see the header. */

#include "record/entry.h"

int entry_take_level(Span *text, int fallback)
{
        const char *p = text->data;

        if (text->size < 3 || p[0] != '<' || p[1] < '0' || p[1] > '7' || p[2] != '>')
                return fallback;

        *text = span_skip(*text, 3);
        return p[1] - '0';
}
