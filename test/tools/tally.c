/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The account; see the header. */

#include <stdarg.h>
#include <stdio.h>

#include "tally.h"

#define TOLD_MAX 10U

/* Without a number in it, a line that is out of place is looked for this far ahead. */
#define SEARCH_LINES 64U

#define ORDINAL_MAX (UINT64_C(1) << 28)

static bool bit_get(const uint8_t *bits, uint64_t n)
{
        return bits[n / 8] & (1U << (n % 8));
}

static void bit_set(uint8_t *bits, uint64_t n)
{
        bits[n / 8] |= (uint8_t) (1U << (n % 8));
}

static uint64_t hash_bytes(uint64_t hash, Span bytes)
{
        uint64_t word = 0, state = hash ^ bytes.size;

        for (size_t i = 0; i < bytes.size; i += sizeof(word)) {
                word = 0;
                memcpy(&word, bytes.data + i, MIN(bytes.size - i, sizeof(word)));
                state ^= word;
                state = lines_random(&state);
        }
        return state;
}

/* Never 0. */
static uint64_t record_hash(const Record *record)
{
        uint64_t head = record->stream | (uint64_t) record->priority << 8 |
                        (uint64_t) record->part_is_last << 16 | record->part << 24;

        return hash_bytes(hash_bytes(head, record->part_id), record->text) | 1;
}

static void _printf_(2, 3) tell(Tally *t, const char *format, ...)
{
        va_list ap;

        if (t->is_quiet || t->n_told++ > TOLD_MAX)
                return;
        if (t->n_told > TOLD_MAX) {
                fputs("ledger: … and more\n", stderr);
                return;
        }
        fputs("ledger: ", stderr);
        va_start(ap, format);
        vfprintf(stderr, format, ap);
        va_end(ap);
        fputc('\n', stderr);
}

/* The line of that stream which comes after line n, or 0. */
static uint64_t line_after(const Tally *t, unsigned stream, uint64_t n)
{
        while (++n <= t->lines->n_lines)
                if (lines_stream(t->lines, n) == stream)
                        return n;
        return 0;
}

static bool line_is(Tally *t, uint64_t n, unsigned stream, Span text)
{
        if (n == 0 || n > t->lines->n_lines || lines_stream(t->lines, n) != stream)
                return false;
        return span_equal(lines_expect(t->lines, n, t->level_prefix, t->expected).text, text);
}

/* Which line a text out of place is: by its number, else the nearest later one that is equal. */
static uint64_t tally_identify(Tally *t, unsigned stream, Span text)
{
        uint64_t n = lines_number(text);

        if (n > 0)
                return line_is(t, n, stream, text) ? n : 0;

        n = t->sides[stream].next;
        for (size_t i = 0; n > 0 && i < SEARCH_LINES; i++) {
                if (line_is(t, n, stream, text))
                        return n;
                n = line_after(t, stream, n);
        }
        return 0;
}

/* How many bytes a text has in common with a line of that stream, place by place. */
static size_t line_likeness(Tally *t, uint64_t n, unsigned stream, Span text)
{
        size_t n_equal = 0;
        Span line;

        if (n == 0 || n > t->lines->n_lines || lines_stream(t->lines, n) != stream)
                return 0;
        line = lines_expect(t->lines, n, t->level_prefix, t->expected).text;
        for (size_t i = 0; i < MIN(line.size, text.size); i++)
                n_equal += line.data[i] == text.data[i];
        return n_equal;
}

/* Something that is no line of ours stands for the one its number says, or for the one expected. */
static void tally_alter(Tally *t, const Record *record, Span text)
{
        Side *side = &t->sides[record->stream];
        uint64_t n = lines_number(text);

        if (line_likeness(t, n, record->stream, text) <=
            line_likeness(t, side->next, record->stream, text))
                n = side->next;

        t->n_altered++;
        tell(t, "ordinal %llu: %zu bytes are not those of line %llu",
             (unsigned long long) record->ordinal, text.size, (unsigned long long) n);
        if (n == 0)
                return;
        bit_set(t->replaced, n);
        if (n >= side->next)
                side->next = line_after(t, record->stream, n);
}

/* A whole line has come. */
static void tally_place(Tally *t, const Record *record, Span text)
{
        Side *side = &t->sides[record->stream];
        uint64_t n = side->next;

        if (!line_is(t, n, record->stream, text))
                n = tally_identify(t, record->stream, text);
        if (n == 0) {
                tally_alter(t, record, text);
                return;
        }
        if (bit_get(t->found, n)) {
                t->n_doubled++;
                tell(t, "ordinal %llu: line %llu again", (unsigned long long) record->ordinal,
                     (unsigned long long) n);
                return;
        }

        if (n < side->next || side->next == 0) {
                t->n_reordered++;
                tell(t, "ordinal %llu: line %llu comes after line %llu was due",
                     (unsigned long long) record->ordinal, (unsigned long long) n,
                     (unsigned long long) side->next);
        } else {
                if (n > side->next)
                        tell(t, "ordinal %llu: line %llu instead of %llu",
                             (unsigned long long) record->ordinal, (unsigned long long) n,
                             (unsigned long long) side->next);
                side->next = line_after(t, record->stream, n);
        }

        bit_set(t->found, n);
        t->n_found++;
        if (lines_expect(t->lines, n, t->level_prefix, t->expected).priority != record->priority) {
                t->n_altered++;
                tell(t, "ordinal %llu: priority %i is wrong", (unsigned long long) record->ordinal,
                     record->priority);
        }
}

/* Joins a part to those before it, and places the line when it was the last one. */
static void tally_join(Tally *t, const Record *record)
{
        Side *side = &t->sides[record->stream];
        uint64_t id = hash_bytes(0, record->part_id);

        if (record->part != side->part + 1 || (record->part > 1 && id != side->part_id) ||
            side->joined_size + record->text.size > LINES_LENGTH_MAX) {
                t->n_altered++;
                tell(t, "ordinal %llu: part %llu after part %llu",
                     (unsigned long long) record->ordinal, (unsigned long long) record->part,
                     (unsigned long long) side->part);
                side->part = side->joined_size = 0;
                return;
        }

        if (record->text.size > 0)
                memcpy(side->joined + side->joined_size, record->text.data, record->text.size);
        side->joined_size += record->text.size;
        side->part = record->part;
        side->part_id = id;
        if (!record->part_is_last)
                return;

        tally_place(t, record, (Span){ side->joined, side->joined_size });
        side->part = side->joined_size = 0;
}

static int tally_grow(Tally *t, uint64_t ordinal)
{
        size_t n = MAX(t->n_ordinals, (size_t) 1024);
        uint64_t *p;

        while (n <= ordinal)
                n *= 2;
        if (n == t->n_ordinals)
                return 0;
        p = realloc(t->ordinals, n * sizeof(*p));
        if (!p)
                return -ENOMEM;
        memset(p + t->n_ordinals, 0, (n - t->n_ordinals) * sizeof(*p));
        t->ordinals = p;
        t->n_ordinals = n;
        return 0;
}

int tally_take(Tally *t, const Record *record)
{
        uint64_t hash = record_hash(record);
        int r;

        if (record->ordinal == 0 || record->ordinal > ORDINAL_MAX ||
            record->stream >= t->lines->n_streams) {
                t->n_altered++;
                tell(t, "ordinal %llu on stream %u cannot be", (unsigned long long) record->ordinal,
                     record->stream);
                return 0;
        }
        r = tally_grow(t, record->ordinal);
        if (r < 0)
                return r;

        if (t->ordinals[record->ordinal] == hash) {
                t->n_repeated++;
                return 0;
        }
        if (t->ordinals[record->ordinal] != 0) {
                t->n_altered++;
                tell(t, "ordinal %llu again, with other bytes",
                     (unsigned long long) record->ordinal);
                return 0;
        }

        t->ordinals[record->ordinal] = hash;
        t->n_entries++;
        if (record->ordinal < t->last_ordinal) {
                t->n_reordered++;
                tell(t, "ordinal %llu after %llu", (unsigned long long) record->ordinal,
                     (unsigned long long) t->last_ordinal);
        }
        t->last_ordinal = MAX(t->last_ordinal, record->ordinal);

        if (record->part > 0)
                tally_join(t, record);
        else
                tally_place(t, record, record->text);
        return 0;
}

void tally_finish(Tally *t)
{
        for (uint64_t n = 1; n <= t->lines->n_lines; n++)
                if (!bit_get(t->found, n) && !bit_get(t->replaced, n)) {
                        t->n_lost++;
                        tell(t, "line %llu is lost", (unsigned long long) n);
                }
        t->n_gaps = t->last_ordinal - t->n_entries;
}

bool tally_is_even(const Tally *t)
{
        return t->n_found == t->lines->n_lines && t->n_lost == 0 && t->n_doubled == 0 &&
               t->n_reordered == 0 && t->n_altered == 0 && t->n_gaps == 0;
}

int tally_init(Tally *t, const Lines *lines, bool level_prefix, bool is_quiet)
{
        *t = (Tally){ .lines = lines, .level_prefix = level_prefix, .is_quiet = is_quiet };

        t->expected = malloc(lines->max + 1);
        t->found = calloc(1, lines->n_lines / 8 + 1);
        t->replaced = calloc(1, lines->n_lines / 8 + 1);
        if (!t->expected || !t->found || !t->replaced)
                return -ENOMEM;

        for (unsigned i = 0; i < LINES_STREAMS; i++) {
                t->sides[i].next = line_after(t, i, 0);
                t->sides[i].joined = malloc(LINES_LENGTH_MAX);
                if (!t->sides[i].joined)
                        return -ENOMEM;
        }
        return 0;
}

void tally_done(Tally *t)
{
        for (size_t i = 0; i < LINES_STREAMS; i++)
                free(t->sides[i].joined);
        free(t->ordinals);
        free(t->replaced);
        free(t->found);
        free(t->expected);
}
