/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The lines of the counting tests; see the header. */

#include <syslog.h>

#include "lines.h"

/* "#00012345:" */
#define NUMBER_DIGITS 8U
#define NUMBER_SIZE (NUMBER_DIGITS + 2)

/* One line of so many has one of the shapes below. */
#define SHAPES_PERIOD 32U

typedef enum Shape {
        SHAPE_LEVEL,       /* <0> … <7> */
        SHAPE_ALMOST,      /* <8> or <9>: no level */
        SHAPE_TORN_LEVEL,  /* <3 without the end */
        SHAPE_RETURN,      /* a carriage return at the end: part of the newline */
        SHAPE_TWO_RETURNS, /* only the last one is */
        SHAPE_NUL,         /* nothing but NUL */
        SHAPE_PLAIN,
} Shape;

uint64_t lines_random(uint64_t *state)
{
        uint64_t z;

        *state += UINT64_C(0x9e3779b97f4a7c15);
        z = *state;
        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        return z ^ (z >> 31);
}

/* The random sequence of line n: its first word chooses the stream, the next one length and shape,
 * the rest are bytes. */
static uint64_t line_seed(const Lines *lines, uint64_t n)
{
        uint64_t state = n;

        return lines->seed ^ lines_random(&state);
}

unsigned lines_stream(const Lines *lines, uint64_t n)
{
        uint64_t state = line_seed(lines, n);

        return (unsigned) (lines_random(&state) % lines->n_streams);
}

static void put_number(uint64_t n, char *p)
{
        p[0] = '#';
        p[NUMBER_SIZE - 1] = ':';
        for (size_t i = NUMBER_DIGITS; i > 0; i--) {
                p[i] = (char) ('0' + n % 10);
                n /= 10;
        }
}

/* Random bytes of any value but the newline. */
static void put_bytes(const Lines *lines, uint64_t *state, char *p, size_t size)
{
        for (size_t i = 0; i < size; i += sizeof(uint64_t)) {
                uint64_t word = lines_random(state);

                memcpy(p + i, &word, MIN(size - i, sizeof(word)));
        }

        if (lines->is_text)
                for (size_t i = 0; i < size; i++)
                        p[i] = (char) ('a' + (unsigned char) p[i] % 26);

        for (char *newline = p; (newline = memchr(newline, '\n', size - (size_t) (newline - p)));)
                *newline = '\v';
}

size_t lines_put(const Lines *lines, uint64_t n, char *p)
{
        uint64_t state = line_seed(lines, n), word;
        size_t size, prefix = 0;
        Shape shape;

        (void) lines_random(&state);
        word = lines_random(&state);
        size = (size_t) (lines->min + (word >> 8) % (lines->max - lines->min + 1));
        shape = lines->is_text ? SHAPE_PLAIN : (Shape) MIN(word % SHAPES_PERIOD, SHAPE_PLAIN);

        put_bytes(lines, &state, p, size);

        if (shape == SHAPE_NUL) {
                memset(p, 0, size);
                return size;
        }
        if (shape <= SHAPE_TORN_LEVEL && size >= 3) {
                p[0] = '<';
                p[1] = (char) (shape == SHAPE_ALMOST ? '8' + n % 2 : '0' + n % 8);
                p[2] = shape == SHAPE_TORN_LEVEL ? ' ' : '>';
                prefix = 3;
        }
        if (size >= prefix + NUMBER_SIZE)
                put_number(n, p + prefix);
        if (shape == SHAPE_RETURN && size >= 1)
                p[size - 1] = '\r';
        if (shape == SHAPE_TWO_RETURNS && size >= 2)
                p[size - 1] = p[size - 2] = '\r';
        return size;
}

Expected lines_expect(const Lines *lines, uint64_t n, bool level_prefix, char *buffer)
{
        Span text = { .data = buffer, .size = lines_put(lines, n, buffer) };
        int priority = lines_stream(lines, n) == 1 ? LOG_ERR : LOG_INFO;

        if (text.size > 0 && text.data[text.size - 1] == '\r')
                text.size--;
        if (level_prefix && text.size >= 3 && text.data[0] == '<' && text.data[2] == '>' &&
            text.data[1] >= '0' && text.data[1] <= '7') {
                priority = text.data[1] - '0';
                text = span_skip(text, 3);
        }
        return (Expected){ .text = text, .priority = priority };
}

uint64_t lines_number(Span text)
{
        uint64_t n = 0;

        if (text.size > 3 && text.data[0] == '<')
                text = span_skip(text, 3);
        if (text.size < NUMBER_SIZE || text.data[0] != '#' || text.data[NUMBER_SIZE - 1] != ':')
                return 0;
        for (size_t i = 1; i <= NUMBER_DIGITS; i++) {
                if (text.data[i] < '0' || text.data[i] > '9')
                        return 0;
                n = n * 10 + (uint64_t) (text.data[i] - '0');
        }
        return n;
}
