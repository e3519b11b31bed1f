/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The inside of a JSON string; see the header.
 *
 * Most bytes of a log need no escape. Eight of them are tested at once, in one 64-bit word: adding
 * or subtracting the same to all of its bytes leaves a bit 7 where one is found. A borrow may set
 * further bits above the lowest one, so only that one counts.
 */

#include <endian.h>

#include "record/json-text.h"
#include "record/put.h"

#define BYTES(c) (UINT64_C(0x0101010101010101) * (c))

#define HEX "0123456789abcdef"

/* Bit 7 of each byte that is 0. */
static uint64_t find_zero(uint64_t word)
{
        return (word - BYTES(0x01)) & ~word & BYTES(0x80);
}

static uint64_t find_control(uint64_t word)
{
        return (word - BYTES(0x20)) & ~word & BYTES(0x80);
}

/* What cannot go into the string as it is: control characters, " & < > \ and all above 127. */
static uint64_t find_special(uint64_t word)
{
        return find_control(word) | (word & BYTES(0x80)) |
               find_zero((word | BYTES(0x04)) ^ BYTES('"' | 0x04)) | /* " and & */
               find_zero((word | BYTES(0x02)) ^ BYTES('<' | 0x02)) | /* < and > */
               find_zero(word ^ BYTES('\\'));
}

/* What ends a run inside of a string. */
static uint64_t find_end(uint64_t word)
{
        return find_control(word) | find_zero(word ^ BYTES('"')) | find_zero(word ^ BYTES('\\'));
}

/*
 * Copies the run up to the first byte that find() finds; the last few bytes of the input are not
 * looked at in words and come one by one. Always inlined, so that find is, too.
 */
static inline __attribute__((__always_inline__)) char *
copy_run(char *p, const char **s, const char *end, uint64_t (*find)(uint64_t))
{
        uint64_t word, found;

        while (end - *s >= 8) {
                memcpy(&word, *s, 8);
                memcpy(p, &word, 8);
                found = find(le64toh(word));
                if (found) {
                        unsigned n = (unsigned) __builtin_ctzll(found) / 8;

                        *s += n;
                        return p + n;
                }
                *s += 8;
                p += 8;
        }
        while (*s < end && !find((unsigned char) **s | BYTES('a') << 8))
                *p++ = *(*s)++;
        return p;
}

/* Bytes of the character of more than one byte at s, or 0 if it is none: as Go's utf8.DecodeRune(),
 * without surrogates, overlong forms and what is above U+10FFFF. */
static size_t utf8_size(const char *s, const char *end)
{
        const unsigned char *u = (const unsigned char *) s;
        unsigned char low = 0x80, high = 0xbf;
        size_t size;

        if (u[0] < 0xc2 || u[0] > 0xf4)
                return 0;
        size = u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
        if (u[0] == 0xe0)
                low = 0xa0;
        else if (u[0] == 0xed)
                high = 0x9f;
        else if (u[0] == 0xf0)
                low = 0x90;
        else if (u[0] == 0xf4)
                high = 0x8f;

        if ((size_t) (end - s) < size || u[1] < low || u[1] > high)
                return 0;
        for (size_t i = 2; i < size; i++)
                if ((u[i] & 0xc0) != 0x80)
                        return 0;
        return size;
}

/* Characters above 127, as many as there are. U+2028 and U+2029 end a line in JavaScript. */
static char *put_wide(char *p, const char **s, const char *end, bool *lossy)
{
        while (*s < end && (unsigned char) **s >= 0x80) {
                size_t size = utf8_size(*s, end);

                if (size == 0) {
                        *lossy = true;
                        p = PUT_LITERAL(p, "\\ufffd");
                        size = 1;
                } else if (size == 3 && memcmp(*s, "\xe2\x80", 2) == 0 &&
                           ((unsigned char) (*s)[2] & 0xfe) == 0xa8) {
                        p = PUT_LITERAL(p, "\\u202");
                        *p++ = HEX[(*s)[2] & 0x0f];
                } else
                        p = put_span(p, (Span){ *s, size });
                *s += size;
        }
        return p;
}

static char *put_escape(char *p, char c, JsonTextKind kind)
{
        char letter = c == '\n'                              ? 'n'
                      : c == '\r'                            ? 'r'
                      : c == '\t' && kind == JSON_TEXT_VALUE ? 't'
                      : c == '"' || c == '\\'                ? c
                                                             : '\0';

        *p++ = '\\';
        if (letter)
                *p++ = letter;
        else {
                p = PUT_LITERAL(p, "u00");
                *p++ = HEX[c >> 4];
                *p++ = HEX[c & 0x0f];
        }
        return p;
}

char *json_text_put(char *p, Span text, JsonTextKind kind, bool *lossy)
{
        const char *s = text.data, *end = s + text.size;

        while (p = copy_run(p, &s, end, find_special), s < end)
                if ((unsigned char) *s >= 0x80)
                        p = put_wide(p, &s, end, lossy);
                else
                        p = put_escape(p, *s++, kind);
        return p;
}

static int take_hex(const char **s, const char *end, unsigned *ret)
{
        unsigned value = 0;

        if (end - *s < 4)
                return -EBADMSG;
        for (unsigned i = 0; i < 4; i++) {
                char c = *(*s)++;

                if (c >= '0' && c <= '9')
                        value = value << 4 | (unsigned) (c - '0');
                else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
                        value = value << 4 | (unsigned) ((c | 0x20) - 'a' + 10);
                else
                        return -EBADMSG;
        }
        *ret = value;
        return 0;
}

static char *put_character(char *p, unsigned c)
{
        if (c < 0x80)
                *p++ = (char) c;
        else if (c < 0x800) {
                *p++ = (char) (0xc0 | c >> 6);
                *p++ = (char) (0x80 | (c & 0x3f));
        } else if (c < 0x10000) {
                *p++ = (char) (0xe0 | c >> 12);
                *p++ = (char) (0x80 | (c >> 6 & 0x3f));
                *p++ = (char) (0x80 | (c & 0x3f));
        } else {
                *p++ = (char) (0xf0 | c >> 18);
                *p++ = (char) (0x80 | (c >> 12 & 0x3f));
                *p++ = (char) (0x80 | (c >> 6 & 0x3f));
                *p++ = (char) (0x80 | (c & 0x3f));
        }
        return p;
}

/* From behind "\u". The second half of a pair is taken along only if it is one. */
static int take_unicode(const char **s, const char *end, char **p)
{
        unsigned c, second;
        int r;

        r = take_hex(s, end, &c);
        if (r < 0)
                return r;
        if (c >= 0xd800 && c <= 0xdbff && end - *s >= 6 && memcmp(*s, "\\u", 2) == 0) {
                const char *ahead = *s + 2;

                r = take_hex(&ahead, end, &second);
                if (r < 0)
                        return r;
                if (second >= 0xdc00 && second <= 0xdfff) {
                        c = 0x10000 + ((c - 0xd800) << 10 | (second - 0xdc00));
                        *s = ahead;
                }
        }
        *p = put_character(*p, c >= 0xd800 && c <= 0xdfff ? 0xfffd : c);
        return 0;
}

/* From behind the backslash. */
static int take_escape(const char **s, const char *end, char **p)
{
        static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
        const char *known;

        if (*s == end || **s == '\0')
                return -EBADMSG;
        if (**s == 'u') {
                (*s)++;
                return take_unicode(s, end, p);
        }
        known = strchr(from, *(*s)++);
        if (!known)
                return -EBADMSG;
        *(*p)++ = to[known - from];
        return 0;
}

int json_text_take(Span *input, char **buffer, Span *ret)
{
        const char *s = input->data, *end = s + input->size;
        char *p = *buffer;
        int r;

        while (p = copy_run(p, &s, end, find_end), s < end && *s == '\\') {
                s++;
                r = take_escape(&s, end, &p);
                if (r < 0)
                        return r;
        }
        if (s == end || *s != '"')
                return -EBADMSG;

        *ret = (Span){ *buffer, (size_t) (p - *buffer) };
        *buffer = p;
        *input = span_skip(*input, (size_t) (s + 1 - input->data));
        return 0;
}
