/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A borrowed run of bytes: pointer and length, never NUL-terminated, dies with the call that
 * brought it. Who keeps the bytes copies them.
 */

#include <string.h>

#include "base/base.h"

typedef struct Span {
        const char *data;
        size_t size;
} Span;

/* For string literals only: the size is known while compiling. */
#define SPAN_LITERAL(s) ((Span){ .data = "" s, .size = sizeof(s) - 1 })

static inline Span span_from_string(const char *s)
{
        return (Span){ .data = s, .size = s ? strlen(s) : 0 };
}

static inline bool span_equal(Span a, Span b)
{
        return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool span_equal_string(Span a, const char *s)
{
        return span_equal(a, span_from_string(s));
}

static inline bool span_starts_with(Span a, Span prefix)
{
        return a.size >= prefix.size &&
               (prefix.size == 0 || memcmp(a.data, prefix.data, prefix.size) == 0);
}

/* The rest of a after its first n bytes; n must not exceed the size. */
static inline Span span_skip(Span a, size_t n)
{
        assert(n <= a.size);
        return (Span){ .data = n > 0 ? a.data + n : a.data, .size = a.size - n };
}
