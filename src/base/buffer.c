/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A growing byte buffer; see the header. */

#include <stdarg.h>
#include <stdio.h>

#include "base/buffer.h"

void buffer_done(Buffer *b)
{
        free(b->data);
        *b = (Buffer){};
}

int buffer_reserve(Buffer *b, size_t n)
{
        size_t want;
        char *data;

        if (n <= b->allocated - b->size)
                return 0;
        if (n > SIZE_MAX / 4 - b->size)
                return -ENOMEM;

        want = MAX(MAX(b->allocated * 2, b->size + n), (size_t) 64);
        data = realloc(b->data, want);
        if (!data)
                return -ENOMEM;

        b->data = data;
        b->allocated = want;
        return 0;
}

int buffer_append(Buffer *b, const void *data, size_t size)
{
        int r;

        if (size == 0)
                return 0;
        r = buffer_reserve(b, size);
        if (r < 0)
                return r;
        memcpy(b->data + b->size, data, size);
        b->size += size;
        return 0;
}

int buffer_append_span(Buffer *b, Span s)
{
        return buffer_append(b, s.data, s.size);
}

int buffer_append_string(Buffer *b, const char *s)
{
        return buffer_append(b, s, strlen(s));
}

int buffer_printf(Buffer *b, const char *format, ...)
{
        va_list ap;
        int n, r;

        va_start(ap, format);
        n = vsnprintf(NULL, 0, format, ap);
        va_end(ap);
        if (n < 0)
                return -ENOMEM;

        r = buffer_reserve(b, (size_t) n + 1);
        if (r < 0)
                return r;

        va_start(ap, format);
        n = vsnprintf(b->data + b->size, (size_t) n + 1, format, ap);
        va_end(ap);
        b->size += (size_t) n;
        return 0;
}

void buffer_consume(Buffer *b, size_t n)
{
        assert(n <= b->size);

        b->size -= n;
        if (b->size > 0)
                memmove(b->data, b->data + n, b->size);
}
