/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Patterns; see the header. Each byte, bracket, dot or anchor of the expression is a position.
 * Parsing says which positions can come first and last, and which can follow each (Glushkov's
 * construction); matching keeps the set of positions that the bytes so far can have ended at, and
 * makes the next set from it for each byte. ^ and $ are positions that take two symbols which are
 * no bytes, the begin and the end of the text.
 */

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "record/pattern.h"

#define WORDS (PATTERN_POSITIONS_MAX / 64)

enum {
        SYMBOL_BEGIN = 256,
        SYMBOL_END,
        SYMBOLS,
};

typedef struct Set {
        uint64_t words[WORDS];
} Set;

struct Pattern {
        size_t n_positions;
        bool is_anchored;     /* nothing can be found but at the begin */
        bool matches_nothing; /* the empty text, and so in any */
        Set first;
        Set last;
        Set begin;            /* what the begin of a text alone leads to */
        Set accepts[SYMBOLS]; /* the positions that take it */
        Set follow[PATTERN_POSITIONS_MAX];
};

/* What a part of the expression comes to. */
typedef struct Fragment {
        bool is_nullable;
        Set first;
        Set last;
} Fragment;

typedef struct Parser {
        Pattern *pattern;
        const char *p;
        unsigned depth;    /* of groups */
        const char *error; /* the first rule that is broken */
} Parser;

static Fragment parse_alternatives(Parser *parser);

static void set_add(Set *a, const Set *b)
{
        for (size_t i = 0; i < WORDS; i++)
                a->words[i] |= b->words[i];
}

static bool set_intersects(const Set *a, const Set *b)
{
        uint64_t common = 0;

        for (size_t i = 0; i < WORDS; i++)
                common |= a->words[i] & b->words[i];
        return common != 0;
}

/* Adds to ret what can follow the positions of set. */
static void set_add_followers(Set *ret, const Pattern *pattern, const Set *set)
{
        for (size_t i = 0; i < WORDS; i++)
                for (uint64_t word = set->words[i]; word != 0; word &= word - 1)
                        set_add(ret, &pattern->follow[64 * i + (size_t) __builtin_ctzll(word)]);
}

static Fragment fail(Parser *parser, const char *error)
{
        if (!parser->error)
                parser->error = error;
        return (Fragment){};
}

/* A fragment of one new position, which takes nothing yet. */
static Fragment add_position(Parser *parser, size_t *ret)
{
        Fragment f = {};

        *ret = parser->pattern->n_positions;
        if (*ret == PATTERN_POSITIONS_MAX) {
                *ret = 0;
                return fail(parser, "Too large: it may have 128 characters and brackets, those "
                                    "that {n,m} repeats counted n,m times");
        }
        parser->pattern->n_positions++;
        f.first.words[*ret / 64] = f.last.words[*ret / 64] = UINT64_C(1) << (*ret % 64);
        return f;
}

static void accept_symbol(Parser *parser, size_t position, unsigned symbol)
{
        parser->pattern->accepts[symbol].words[position / 64] |= UINT64_C(1) << (position % 64);
}

static Fragment parse_symbol(Parser *parser, unsigned symbol)
{
        size_t position;
        Fragment f;

        f = add_position(parser, &position);
        accept_symbol(parser, position, symbol);
        return f;
}

/* "[:alpha:]" within a bracket. */
static void parse_class(Parser *parser, bool chosen[256])
{
        static const struct {
                const char *name;
                int (*is)(int c);
        } classes[] = {
                { "alnum", isalnum }, { "alpha", isalpha }, { "blank", isblank },
                { "cntrl", iscntrl }, { "digit", isdigit }, { "graph", isgraph },
                { "lower", islower }, { "print", isprint }, { "punct", ispunct },
                { "space", isspace }, { "upper", isupper }, { "xdigit", isxdigit },
        };

        for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
                size_t size = strlen(classes[i].name);

                if (strncmp(parser->p, classes[i].name, size) != 0 ||
                    strncmp(parser->p + size, ":]", 2) != 0)
                        continue;
                for (int c = 0; c < 128; c++)
                        if (classes[i].is(c))
                                chosen[c] = true;
                parser->p += size + 2;
                return;
        }
        (void) fail(parser, "There is no such class of characters");
}

/* One item of a bracket: a class, a byte or a range. */
static void parse_bracket_item(Parser *parser, bool chosen[256], bool is_first)
{
        unsigned char from, to;

        if (parser->p[0] == '[' && strchr(".=", parser->p[1]) && parser->p[1] != '\0') {
                (void) fail(parser, "Collating elements, [. and [=, are not taken");
                return;
        }
        if (strncmp(parser->p, "[:", 2) == 0) {
                parser->p += 2;
                parse_class(parser, chosen);
                return;
        }
        if (parser->p[0] == '\\' && isalnum((unsigned char) parser->p[1])) {
                (void) fail(parser, "In brackets a backslash is a character like others: write "
                                    "[[:space:]] or [[:digit:]]");
                return;
        }
        from = to = (unsigned char) *parser->p++;
        if (from == '-' && !is_first && *parser->p != ']') {
                (void) fail(parser, "In brackets, - stands first, last, or between two characters");
                return;
        }
        if (parser->p[0] == '-' && parser->p[1] != ']' && parser->p[1] != '\0') {
                to = (unsigned char) parser->p[1];
                if (to < from || (to == '[' && parser->p[2] != '\0' && strchr(".=:", parser->p[2])))
                        (void) fail(parser, "That range in brackets has no end, or ends before it "
                                            "begins");
                parser->p += 2;
        }
        for (unsigned c = from; c <= to; c++)
                chosen[c] = true;
}

static Fragment parse_bracket(Parser *parser)
{
        bool chosen[256] = {}, is_negated = *parser->p == '^', is_first = true;
        size_t position;
        Fragment f;

        f = add_position(parser, &position);
        if (is_negated)
                parser->p++;
        while (!parser->error && (is_first || *parser->p != ']')) {
                if (*parser->p == '\0')
                        return fail(parser, "A [ has no ]");
                parse_bracket_item(parser, chosen, is_first);
                is_first = false;
        }
        if (parser->error)
                return (Fragment){};
        parser->p++;
        for (unsigned c = 0; c < 256; c++)
                if (chosen[c] != is_negated)
                        accept_symbol(parser, position, c);
        return f;
}

static Fragment parse_dot(Parser *parser)
{
        size_t position;
        Fragment f;

        f = add_position(parser, &position);
        for (unsigned c = 0; c < 256; c++)
                accept_symbol(parser, position, c);
        return f;
}

static Fragment parse_group(Parser *parser)
{
        Fragment f;

        if (++parser->depth > PATTERN_DEPTH_MAX)
                return fail(parser, "Too many groups within groups");
        f = parse_alternatives(parser);
        parser->depth--;
        if (parser->error || *parser->p != ')')
                return fail(parser, "A ( has no )");
        parser->p++;
        return f;
}

static Fragment parse_atom(Parser *parser)
{
        unsigned char c = (unsigned char) *parser->p++;

        switch (c) {
        case '(':
                return parse_group(parser);
        case '[':
                return parse_bracket(parser);
        case '.':
                return parse_dot(parser);
        case '^':
                return parse_symbol(parser, SYMBOL_BEGIN);
        case '$':
                return parse_symbol(parser, SYMBOL_END);
        case '*':
        case '+':
        case '?':
        case '{':
                return fail(parser, "There is nothing to repeat before *, +, ? or {, or a "
                                    "repetition already; \\{ and \\* are the characters");
        case '\\':
                c = (unsigned char) *parser->p;
                if (c == '\0' || !ispunct(c) || strchr("<>`'", c))
                        return fail(parser, "A backslash is taken only before a special character: "
                                            "write [0-9] for \\d, [[:space:]] for \\s");
                parser->p++;
                return parse_symbol(parser, c);
        default:
                return parse_symbol(parser, c);
        }
}

static Fragment concatenate(Parser *parser, const Fragment *a, const Fragment *b)
{
        Fragment f = {
                .is_nullable = a->is_nullable && b->is_nullable,
                .first = a->first,
                .last = b->last,
        };

        for (size_t i = 0; i < WORDS; i++)
                for (uint64_t word = a->last.words[i]; word != 0; word &= word - 1)
                        set_add(&parser->pattern->follow[64 * i + (size_t) __builtin_ctzll(word)],
                                &b->first);
        if (a->is_nullable)
                set_add(&f.first, &b->first);
        if (b->is_nullable)
                set_add(&f.last, &a->last);
        return f;
}

/* "n}", "n,}" or "n,m}". */
static void parse_interval(Parser *parser, unsigned *ret_min, unsigned *ret_max)
{
        unsigned long min, max;
        char *end = (char *) parser->p;

        if (!isdigit((unsigned char) *end)) {
                (void) fail(parser, "Before { there is something to repeat, and behind it a "
                                    "number: \\{ is the character");
                return;
        }
        min = max = strtoul(end, &end, 10);
        if (*end == ',' && end[1] == '}') {
                max = UINT_MAX;
                end++;
        } else if (*end == ',' && isdigit((unsigned char) end[1]))
                max = strtoul(end + 1, &end, 10);
        if (*end != '}' || min > max || min > PATTERN_POSITIONS_MAX ||
            (max > PATTERN_POSITIONS_MAX && max != UINT_MAX))
                (void) fail(parser, "In {n,m}, n and m are numbers up to 128, the smaller one "
                                    "first");
        else
                parser->p = end + 1;
        *ret_min = (unsigned) min;
        *ret_max = (unsigned) max;
}

/* An atom and how often it comes. One that comes several times is read as often. */
static Fragment parse_repeated(Parser *parser)
{
        bool is_anchor = *parser->p == '^' || *parser->p == '$';
        const char *begin = parser->p, *end;
        unsigned min = 1, max = 1;
        Fragment f, copy;

        copy = parse_atom(parser);
        if (parser->error || is_anchor || *parser->p == '\0' || !strchr("*+?{", *parser->p))
                return copy;
        switch (*parser->p++) {
        case '*':
                min = 0;
                max = UINT_MAX;
                break;
        case '+':
                max = UINT_MAX;
                break;
        case '?':
                min = 0;
                break;
        case '{':
                parse_interval(parser, &min, &max);
                break;
        }
        end = parser->p;

        f = (Fragment){ .is_nullable = true };
        for (unsigned i = 0; i < (max == UINT_MAX ? MAX(min, 1U) : max) && !parser->error; i++) {
                if (i > 0) {
                        parser->p = begin;
                        copy = parse_atom(parser);
                }
                if (max == UINT_MAX && i + 1 >= min)
                        (void) concatenate(parser, &copy, &copy);
                copy.is_nullable |= i >= min;
                f = concatenate(parser, &f, &copy);
        }
        parser->p = end;
        return f;
}

static Fragment parse_sequence(Parser *parser)
{
        Fragment f = { .is_nullable = true }, next;
        const char *begin = parser->p;

        while (!parser->error && *parser->p != '\0' && *parser->p != '|' && *parser->p != ')') {
                next = parse_repeated(parser);
                f = concatenate(parser, &f, &next);
        }
        if (parser->p == begin)
                return fail(parser, "It is empty, or a group or one side of a | in it is");
        return f;
}

static Fragment parse_alternatives(Parser *parser)
{
        Fragment f, next;

        f = parse_sequence(parser);
        while (!parser->error && *parser->p == '|') {
                parser->p++;
                next = parse_sequence(parser);
                f.is_nullable |= next.is_nullable;
                set_add(&f.first, &next.first);
                set_add(&f.last, &next.last);
        }
        return f;
}

/* The positions that an anchor or several lead to from set, which it adds to it: they take no
 * bytes. At the begin of an empty text is its end, too. */
static void pass_anchors(const Pattern *pattern, Set *set, bool at_begin, bool at_end)
{
        Set next, before;

        do {
                before = *set;
                next = pattern->first;
                set_add_followers(&next, pattern, set);
                for (size_t i = 0; i < WORDS; i++) {
                        uint64_t takes = 0;

                        if (at_begin)
                                takes |= pattern->accepts[SYMBOL_BEGIN].words[i];
                        if (at_end)
                                takes |= pattern->accepts[SYMBOL_END].words[i];
                        set->words[i] |= next.words[i] & takes;
                }
        } while (memcmp(set, &before, sizeof(before)) != 0);
}

int pattern_new(Pattern **ret, const char *text, char reason[REASON_MAX_BYTES])
{
        Parser parser = { .p = text };
        Fragment f;

        if (strlen(text) > REGEX_MAX_BYTES) {
                (void) snprintf(reason, REASON_MAX_BYTES, "Longer than %u bytes", REGEX_MAX_BYTES);
                return -EINVAL;
        }
        parser.pattern = calloc(1, sizeof(*parser.pattern));
        if (!parser.pattern)
                return -ENOMEM;

        f = parse_alternatives(&parser);
        if (!parser.error && *parser.p != '\0')
                (void) fail(&parser, "A ) has no (");
        if (parser.error) {
                (void) snprintf(reason, REASON_MAX_BYTES, "%s", parser.error);
                free(parser.pattern);
                return -EINVAL;
        }
        parser.pattern->matches_nothing = f.is_nullable;
        parser.pattern->first = f.first;
        parser.pattern->last = f.last;
        parser.pattern->is_anchored = true;
        for (size_t i = 0; i < WORDS; i++)
                if (f.first.words[i] & ~parser.pattern->accepts[SYMBOL_BEGIN].words[i])
                        parser.pattern->is_anchored = false;
        pass_anchors(parser.pattern, &parser.pattern->begin, true, false);
        *ret = parser.pattern;
        return 0;
}

Pattern *pattern_free(Pattern *pattern)
{
        free(pattern);
        return NULL;
}

int pattern_check(const char *text, char reason[REASON_MAX_BYTES])
{
        _cleanup_(pattern_freep) Pattern *pattern = NULL;

        return pattern_new(&pattern, text, reason);
}

bool pattern_is_in(const Pattern *pattern, Span text)
{
        Set set = pattern->begin, next;

        if (pattern->matches_nothing)
                return true;
        for (size_t k = 0; k < text.size; k++) {
                const Set *accepts = &pattern->accepts[(unsigned char) text.data[k]];

                if (set_intersects(&set, &pattern->last))
                        return true;
                next = pattern->is_anchored ? (Set){} : pattern->first;
                set_add_followers(&next, pattern, &set);
                if (!set_intersects(&next, accepts)) {
                        if (pattern->is_anchored)
                                return false;
                        set = (Set){};
                        continue;
                }
                for (size_t i = 0; i < WORDS; i++)
                        set.words[i] = next.words[i] & accepts->words[i];
        }
        pass_anchors(pattern, &set, text.size == 0, true);
        return set_intersects(&set, &pattern->last);
}
