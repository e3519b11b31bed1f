/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Foreign text on a terminal; see the header. */

#include "tool/escape.h"

/* The first character: its size in bytes, or 0 when it is no UTF-8. */
static size_t utf8_decode(Span s, uint32_t *ret)
{
        static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
        unsigned char c = (unsigned char) s.data[0];
        size_t size = c < 0x80 ? 1 : c < 0xc0 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf8 ? 4 : 0;
        uint32_t value;

        if (size == 0 || size > s.size)
                return 0;
        value = size == 1 ? c : c & (0x7fU >> size);
        for (size_t i = 1; i < size; i++) {
                c = (unsigned char) s.data[i];
                if ((c & 0xc0) != 0x80)
                        return 0;
                value = value << 6 | (c & 0x3f);
        }
        if (value < smallest[size] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
                return 0;

        *ret = value;
        return size;
}

static bool character_is_plain(uint32_t c)
{
        if (c < 0x20 || (c >= 0x7f && c < 0xa0))
                return false;
        /* Ends of lines; marks, embeddings, overrides and isolates of direction. */
        return !(c >= 0x2028 && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069) && c != 0x200e &&
               c != 0x200f && c != 0x061c;
}

int escape_append(Buffer *b, Span text, const char *kept)
{
        int r = 0;

        while (text.size > 0 && r >= 0) {
                uint32_t c = 0;
                size_t size = utf8_decode(text, &c);

                if (size > 0 &&
                    (character_is_plain(c) || (c > 0 && c < 0x80 && strchr(kept, (int) c))))
                        r = buffer_append(b, text.data, size);
                else
                        for (size_t i = 0; i < MAX(size, (size_t) 1) && r >= 0; i++)
                                r = buffer_printf(b, "\\x%02x", (unsigned char) text.data[i]);
                text = span_skip(text, MAX(size, (size_t) 1));
        }
        return r;
}

int escape_append_json(Buffer *b, Span text)
{
        int r = 0;

        while (text.size > 0 && r >= 0) {
                uint32_t c = 0;
                size_t size = MAX(utf8_decode(text, &c), (size_t) 1);

                if (character_is_plain(c))
                        r = buffer_append(b, text.data, size);
                else
                        r = buffer_printf(b, "\\u%04x", (unsigned) c);
                text = span_skip(text, size);
        }
        return r;
}

char *escape_new(Span text)
{
        Buffer b = {};

        if (escape_append(&b, text, "") < 0 || buffer_append(&b, "", 1) < 0) {
                buffer_done(&b);
                return NULL;
        }
        return b.data;
}

size_t escape_columns(const char *text)
{
        size_t n = 0;

        for (; *text; text++)
                if (((unsigned char) *text & 0xc0) != 0x80)
                        n++;
        return n;
}
