/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The inside of a JSON string; see the header.
 *
 * Most bytes of a log need no escape. Sixteen of them are tested at once, and where these need none
 * sixty-four, with the vectors that GCC and clang make of whatever the processor has.
 */

#include <endian.h>

#include "record/json-text.h"
#include "record/put.h"

#define HEX "0123456789abcdef"

typedef signed char Vector __attribute__((__vector_size__(16)));
typedef uint64_t Halves __attribute__((__vector_size__(16)));

/* What cannot go into a string as it is: control characters, what is above 127 and so negative,
 * " and &, < and >, which differ in one bit only, and \. */
static inline Vector find_special(Vector v)
{
        return (v < 0x20) | ((v | 0x04) == '&') | ((v | 0x02) == '>') | (v == '\\');
}

/* What ends a run inside of a string. */
static inline Vector find_ending(Vector v)
{
        return ((v >= 0) & (v < 0x20)) | (v == '"') | (v == '\\');
}

/* The number of bytes before the first one that was found, or 16. */
static inline unsigned count_before(Vector found)
{
        Halves h = (Halves) found;

        if (h[0])
                return (unsigned) __builtin_ctzll(le64toh(h[0])) / 8;
        return h[1] ? 8 + (unsigned) __builtin_ctzll(le64toh(h[1])) / 8 : 16;
}

/* Copies four vectors to p, if find() finds nothing in them. */
static inline __attribute__((__always_inline__)) bool copy_four(char *p, const char *s,
                                                                Vector (*find)(Vector))
{
        Vector v[4];
        Halves found;

        memcpy(v, s, sizeof(v));
        found = (Halves) (find(v[0]) | find(v[1]) | find(v[2]) | find(v[3]));
        if (found[0] | found[1])
                return false;
        memcpy(p, v, sizeof(v));
        return true;
}

/* Copies to p what is before the first byte that find() finds, moves *s there, and returns the end.
 * Always inlined, so that find() is, too. */
static inline __attribute__((__always_inline__)) char *
copy_run(char *p, const char **s, const char *end, Vector (*find)(Vector))
{
        const char *begin = *s;

        for (;;) {
                size_t left = (size_t) (end - *s), back = 0, n;
                Vector v;

                if (left >= sizeof(v))
                        memcpy(&v, *s, sizeof(v));
                else if ((size_t) (*s - begin) >= sizeof(v) - left) {
                        /* The last ones go once more with those before them. */
                        back = sizeof(v) - left;
                        memcpy(&v, end - sizeof(v), sizeof(v));
                } else {
                        v = (Vector){} + 'a';
                        if (left > 0)
                                memcpy(&v, *s, left);
                }
                memcpy(p - back, &v, sizeof(v));
                n = MIN(count_before(find(v)) - back, left);
                p += n;
                *s += n;
                if (n < sizeof(v))
                        return p;

                for (; end - *s >= (ptrdiff_t) (4 * sizeof(v)) && copy_four(p, *s, find);
                     *s += 4 * sizeof(v))
                        p += 4 * sizeof(v);
        }
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
                        for (size_t i = 0; i < size; i++)
                                *p++ = (*s)[i];
                *s += size;
        }
        return p;
}

static char *put_escape(char *p, char c, JsonTextKind kind)
{
        char letter = c;

        if (c == '\n')
                letter = 'n';
        else if (c == '\r')
                letter = 'r';
        else if (c == '\t' && kind == JSON_TEXT_VALUE)
                letter = 't';
        else if (c != '"' && c != '\\') {
                p = PUT_LITERAL(p, "\\u00");
                *p++ = HEX[c >> 4];
                *p++ = HEX[c & 0x0f];
                return p;
        }
        *p++ = '\\';
        *p++ = letter;
        return p;
}

char *json_text_put(char *p, Span text, JsonTextKind kind, bool *lossy)
{
        const char *s, *end;

        if (text.size == 0)
                return p;
        s = text.data;
        end = s + text.size;
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

        while (p = copy_run(p, &s, end, find_ending), s < end && *s == '\\') {
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
