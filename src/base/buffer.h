/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A growing byte buffer. It owns its memory and is reused: buffer_clear() keeps the allocation, so
 * nothing is allocated once it has reached its working size.
 */

#include "base/span.h"

typedef struct Buffer {
        char *data;
        size_t size;
        size_t allocated;
} Buffer;

/* Frees the memory and leaves an empty buffer. */
void buffer_done(Buffer *b);

/* Makes room for n more bytes. Returns 0 or -ENOMEM. */
int buffer_reserve(Buffer *b, size_t n);

/* Appends, growing as needed. All return 0 or -ENOMEM, and change nothing on failure. */
int buffer_append(Buffer *b, const void *data, size_t size);
int buffer_append_span(Buffer *b, Span s);
int buffer_append_string(Buffer *b, const char *s);
int buffer_printf(Buffer *b, const char *format, ...) _printf_(2, 3);

/* Drops the first n bytes and moves the rest to the front. */
void buffer_consume(Buffer *b, size_t n);

static inline void buffer_clear(Buffer *b)
{
        b->size = 0;
}

static inline Span buffer_span(const Buffer *b)
{
        return (Span){ .data = b->data, .size = b->size };
}

#define _cleanup_buffer_ _cleanup_(buffer_done)
