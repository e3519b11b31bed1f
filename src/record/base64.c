/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Base64; see the header. */

#include "record/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_put(char *p, Span bytes)
{
        const unsigned char *u = (const unsigned char *) bytes.data;

        for (size_t left = bytes.size; left > 0; u += 3) {
                size_t n = MIN(left, (size_t) 3);
                uint32_t group = (uint32_t) u[0] << 16;

                if (n > 1)
                        group |= (uint32_t) u[1] << 8;
                if (n > 2)
                        group |= u[2];
                *p++ = alphabet[group >> 18];
                *p++ = alphabet[group >> 12 & 0x3f];
                *p++ = n > 1 ? alphabet[group >> 6 & 0x3f] : '=';
                *p++ = n > 2 ? alphabet[group & 0x3f] : '=';
                left -= n;
        }
        return p;
}

/* The six bits of a character, or -1. */
static int get_bits(char c)
{
        if (c >= 'A' && c <= 'Z')
                return c - 'A';
        if (c >= 'a' && c <= 'z')
                return c - 'a' + 26;
        if (c >= '0' && c <= '9')
                return c - '0' + 52;
        return c == '+' ? 62 : c == '/' ? 63 : -1;
}

ssize_t base64_decode(char *p, Span text)
{
        size_t n = text.size, padding = 0, size = 0;
        uint32_t group = 0;

        if (n % 4 != 0)
                return -EBADMSG;
        while (padding < 2 && padding < n && text.data[n - 1 - padding] == '=')
                padding++;

        for (size_t i = 0; i < n; i++) {
                int bits = i < n - padding ? get_bits(text.data[i]) : 0;

                if (bits < 0)
                        return -EBADMSG;
                group = group << 6 | (uint32_t) bits;
                if (i % 4 < 3)
                        continue;
                p[size++] = (char) (group >> 16);
                p[size++] = (char) (group >> 8);
                p[size++] = (char) group;
                group = 0;
        }
        return (ssize_t) (size - padding);
}
