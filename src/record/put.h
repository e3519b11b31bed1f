/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Bytes written one after the other into room that the caller has measured. Each returns the end.
 */

#include "base/span.h"

static inline char *put_span(char *p, Span s)
{
        if (s.size > 0)
                memcpy(p, s.data, s.size);
        return p + s.size;
}

#define PUT_LITERAL(p, s) put_span(p, SPAN_LITERAL(s))
