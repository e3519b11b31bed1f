/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A decoder of journald's native protocol, written from its description alone:
 * https://systemd.io/JOURNAL_NATIVE_PROTOCOL/
 */

#include "base/span.h"

/* Takes the first field off in; name and value are borrowed. False when there is none, or when the
 * bytes are not of the protocol. */
static inline bool native_next(Span *in, Span *ret_name, Span *ret_value)
{
        const char *newline, *equals;
        uint64_t size = 0;

        newline = in->size > 0 ? memchr(in->data, '\n', in->size) : NULL;
        if (!newline)
                return false;

        equals = memchr(in->data, '=', (size_t) (newline - in->data));
        if (equals) {
                *ret_name = (Span){ in->data, (size_t) (equals - in->data) };
                *ret_value = (Span){ equals + 1, (size_t) (newline - equals - 1) };
                *in = span_skip(*in, (size_t) (newline + 1 - in->data));
                return ret_name->size > 0;
        }

        *ret_name = (Span){ in->data, (size_t) (newline - in->data) };
        *in = span_skip(*in, ret_name->size + 1);
        if (in->size < 8)
                return false;
        for (size_t i = 0; i < 8; i++)
                size |= (uint64_t) (unsigned char) in->data[i] << (8 * i);
        *in = span_skip(*in, 8);
        if (size >= in->size || in->data[size] != '\n')
                return false;
        *ret_value = (Span){ in->data, size };
        *in = span_skip(*in, size + 1);
        return ret_name->size > 0;
}
