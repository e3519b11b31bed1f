/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Patterns, beside regexec(3): what both take, both find in the same texts. */

#undef NDEBUG

#include <regex.h>
#include <stdio.h>
#include <time.h>

#include "../slow.h"
#include "record/pattern.h"

static Pattern *compile(const char *text)
{
        char reason[REASON_MAX_BYTES] = "";
        Pattern *pattern = NULL;
        int r;

        r = pattern_new(&pattern, text, reason);
        assert(r == 0 || (r == -EINVAL && strlen(reason) > 10));
        assert(pattern_check(text, reason) == r);
        return pattern;
}

static const char *const taken[] = {
        "a",
        "abc",
        "^",
        "$",
        "^$",
        "^a",
        "a$",
        "^a$",
        "a|b",
        "ab|cd|e",
        "(a|b)c",
        "a*",
        "a+",
        "a?b",
        "(ab)+c",
        "(a|bc)*d",
        "a{3}",
        "a{2,}b",
        "a{0,2}b",
        "^a{0}b",
        "(ab?){2,3}c",
        "[abc]",
        "[^abc]",
        "[a-c]d",
        "[]a]",
        "[^]a]",
        "[a-]",
        "[-a]",
        "[a\\]b",
        "[[:digit:]]",
        "[^[:space:]]a",
        "[[:alpha:]_-]+:",
        ".",
        "^.$",
        "a.c",
        "\\.",
        "\\^a",
        "a\\$",
        "\\[",
        "\\{",
        "a}b",
        "a]b",
        "^a|b$",
        "(^a|b)c",
        "a(b$|c)",
        "(^|x)a",
        "(^)a",
        "((a))",
        "(a|b|c)(a|b|c)(a|b|c)",
        "a(b(c(d)*)+)?$",
        "x^a",
        "a$x",
        "a$^b",
        "$^",

        "(a|^b)*c",
        "^(a|b)*abb$",
        ".*a.b",
        "\\\\",
        "[+--]b",
        "^[^[:space:]]",
        "^([0-9]{2}:){2}[0-9]{2}",
        "\xc3\xa4",
        "[[:upper:][:lower:]]{3}",
};

static const char *const texts[] = {
        "",     "a",    "b",     "c",        "d",    "ab",   "ba",       "abc",  "abcd",
        "aab",  "aaab", "abab",  "ababc",    "abb",  "aabb", "xa",       "xax",  " a",
        "a b",  "\t",   "a-b",   "-",        "]",    "[",    "\\",       "a\\",  "a.c",
        ".",    "^",    "^a",    "$",        "a$",   "{",    "a}b",      "a]b",  "ac",
        "bc",   "bcd",  "bcbcd", "cc",       "aaa",  "aaaa", "12:34:56", "1",    "x^a",
        "xb",   "a\nb", "\n",    "\xc3\xa4", "\xff", "ABC",  "aBc",      "ab:",  "a_b-c:",
        "abbc", "+b",   ",b",    "--b",      "acd",  "e",    "xaxb",     "aaxb",
};

static void check_both(const Pattern *pattern, const regex_t *regex, const char *expression,
                       const char *text)
{
        bool is_in = pattern_is_in(pattern, span_from_string(text));

        if (is_in == (regexec(regex, text, 0, NULL, 0) == 0))
                return;
        printf("\"%s\" in \"%s\": %d\n", expression, text, is_in);
        abort();
}

static void test_beside_regexec(void)
{
        for (size_t i = 0; i < ARRAY_SIZE(taken); i++) {
                _cleanup_(pattern_freep) Pattern *pattern = compile(taken[i]);
                regex_t regex;

                assert(pattern);
                assert(regcomp(&regex, taken[i], REG_EXTENDED | REG_NOSUB) == 0);
                for (size_t k = 0; k < ARRAY_SIZE(texts); k++)
                        check_both(pattern, &regex, taken[i], texts[k]);
                regfree(&regex);
        }
        puts("ok: beside regexec");
}

static void test_refused(void)
{
        static const char *const refused[] = {
                "",
                "*",
                "+a",
                "?",
                "{1}",
                "(",
                ")",
                "a)",
                "(a",
                "()",
                "a||b",
                "|a",
                "a|",
                "(|a)",
                "[",
                "[a",
                "[]",
                "[^]",
                "[b-a]",
                "[a-c-e]",
                "[[:word:]]",
                "[[.a.]]",
                "[[=a=]]",
                "[[:alpha:]",
                "[\\s]",
                "\\d",
                "\\1",
                "(a)\\1",
                "\\w",
                "\\<a",
                "a\\>",
                "\\",
                "a**",
                "a+?",
                "a{2}{3}",
                "a{",
                "a{x}",
                "a{,2}",
                "a{3,2}",
                "a{129}",
                "a{1,129}",
                "a{2",
                "^*a",
                "a{999999999999}",
                "(((a{9}){9}){9})",
                "[a-[.b.]]",
        };
        char text[REGEX_MAX_BYTES + 2];

        for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
                assert(!compile(refused[i]));
        memset(text, 'a', sizeof(text));
        text[sizeof(text) - 1] = '\0';
        assert(!compile(text)); /* too long */
        text[PATTERN_POSITIONS_MAX + 1] = '\0';
        assert(!compile(text));
        text[PATTERN_POSITIONS_MAX] = '\0';
        assert(({
                _cleanup_(pattern_freep) Pattern *p = compile(text);
                p;
        }));
        memset(text, '(', PATTERN_DEPTH_MAX + 1);
        assert(!compile(text)); /* too deep */
        puts("ok: refused");
}

/* A NUL is a byte. */
static void test_nul(void)
{
        _cleanup_(pattern_freep) Pattern *end = compile("b$"), *dot = compile("^a.b$");

        assert(pattern_is_in(end, SPAN_LITERAL("a\0b")) &&
               pattern_is_in(dot, SPAN_LITERAL("a\0b")));
        assert(!pattern_is_in(end, SPAN_LITERAL("b\0")));
        puts("ok: nul");
}

static const char *make_random(uint32_t *state, const char *alphabet, size_t most, char *ret)
{
        size_t size;

        *state = *state * 1103515245 + 12345;
        size = (*state >> 16) % (most + 1);
        for (size_t i = 0; i < size; i++) {
                *state = *state * 1103515245 + 12345;
                ret[i] = alphabet[(*state >> 16) % strlen(alphabet)];
        }
        ret[size] = '\0';
        return ret;
}

/* Whatever this one takes, regcomp(3) takes, and both agree. No anchors in groups: in "(^a)+b",
 * regexec(3) takes any a for one at the begin. */
static void test_random(void)
{
        static const char *const alphabets[] = { "aabb()|*+?.[]-{}12,\\", "aabb|*+?.^$[]-{}12,\\" };
        unsigned rounds = test_is_slow() ? 2000 : 300000, n = 0;
        uint32_t state = 7;

        for (unsigned i = 0; i < rounds; i++) {
                char expression[16], text[12], reason[REASON_MAX_BYTES];
                _cleanup_(pattern_freep) Pattern *pattern = NULL;
                regex_t regex;

                (void) make_random(&state, alphabets[i % 2], 12, expression);
                if (pattern_new(&pattern, expression, reason) < 0)
                        continue;
                assert(regcomp(&regex, expression, REG_EXTENDED | REG_NOSUB) == 0);
                n++;
                for (unsigned k = 0; k < 8; k++)
                        check_both(pattern, &regex, expression,
                                   make_random(&state, "aab12]-", 10, text));
                regfree(&regex);
        }
        assert(n > rounds / 100);
        printf("ok: random, %u expressions\n", n);
}

static void test_anchors(void)
{
        _cleanup_(pattern_freep) Pattern *pattern = compile("(^a)+b");

        assert(pattern_is_in(pattern, SPAN_LITERAL("ab")));
        assert(!pattern_is_in(pattern, SPAN_LITERAL("aab")));
        puts("ok: anchors");
}

/* What takes regexec(3) minutes. No time is asserted but that it comes back. */
static void test_hostile(void)
{
        _cleanup_(pattern_freep) Pattern *pattern = NULL;
        char text[LINE_MAX_BYTES];
        uint32_t state = 1;

        pattern = compile(".*a[ab]{100}y");
        assert(pattern);
        for (size_t i = 0; i < sizeof(text); i++) {
                state = state * 1103515245 + 12345;
                text[i] = "ab"[(state >> 16) % 2];
        }
        assert(!pattern_is_in(pattern, (Span){ text, sizeof(text) }));
        text[sizeof(text) - 1] = 'y';
        text[sizeof(text) - 102] = 'a';
        assert(pattern_is_in(pattern, (Span){ text, sizeof(text) }));
        puts("ok: hostile");
}

int main(void)
{
        test_beside_regexec();
        test_refused();
        test_nul();
        test_random();
        test_anchors();
        test_hostile();
        return 0;
}
