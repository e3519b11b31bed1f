/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is missing and what came twice. */

#undef NDEBUG

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tool/ordinals.h"

static int on_range(OrdinalsKind kind, uint64_t first, uint64_t last, void *userdata)
{
        char *text = userdata, *end = text + strlen(text);

        (void) sprintf(end, "%c%" PRIu64 "-%" PRIu64 " ", "mdra"[kind], first, last);
        return 0;
}

/* items: numbers, each followed by a letter for what came with it; !: that and nine more are said
 * to be dropped. */
static void check(const char *items, uint64_t expected, const char *ranges, uint64_t n_found)
{
        OrdinalsResult result;
        Ordinals o = {};
        char text[4096] = "";
        uint64_t number;
        char letter;

        for (int n = 0; sscanf(items, "%" SCNu64 "%c%n", &number, &letter, &n) == 2; items += n)
                assert((letter == '!' ? ordinals_add_drop(&o, number, number + 9)
                                      : ordinals_add(&o, number, (uint64_t) letter)) == 0);

        assert(ordinals_walk(&o, expected, on_range, text, &result) == 0);
        assert(strcmp(text, ranges) == 0);
        assert(result.n_found == n_found);
        ordinals_done(&o);
}

static void test_ranges(void)
{
        check("", 0, "", 0);
        check("", 1, "m1-1 ", 0);
        check("", 5, "m1-5 ", 0);
        check("1a 2b 3c", 0, "", 3);
        check("1a 2b 3c", 3, "", 3);
        check("1a 2b 3c", 5, "m4-5 ", 3);
        check("1a 2b 3c", 2, "", 3);
        check("3c 1a 2b", 3, "", 3);
        check("2b", 0, "m1-1 ", 1);
        check("1a 5b 6c 9d", 10, "m2-4 m7-8 m10-10 ", 4);
        check("1a 1a 2b", 0, "r1-1 ", 2);
        check("1a 1b 2b", 0, "a1-1 ", 2);
        check("1a 1a 1b", 0, "a1-1 ", 1);
        check("1a 2b 3c 2b 3c 4d", 4, "r2-3 ", 4);
        check("1a 2b 3c 2b 3x 5d 5d", 6, "r2-2 a3-3 m4-4 r5-5 m6-6 ", 4);
        check("4a 4a 6b 6b 5c 5d", 0, "m1-3 r4-4 a5-5 r6-6 ", 3);
        puts("ok: ranges");
}

/* What the log says to be dropped is not missing. */
static void test_drops(void)
{
        check("1!", 0, "d1-10 ", 0);
        check("1!", 12, "d1-10 m11-12 ", 0);
        check("1a 2! 12b", 12, "d2-11 ", 2);
        check("1a 5! 20b", 20, "m2-4 d5-14 m15-19 ", 2);
        check("1a 5! 3! 20b", 20, "m2-2 d3-14 m15-19 ", 2);
        check("1a 5! 5! 7b 20b", 20, "m2-4 d5-6 d8-14 m15-19 ", 3);
        check("1a 2! 30! 12b 40c", 40, "d2-11 m13-29 d30-39 ", 3);
        check("1a 1a 18446744073709551606!", 0,
              "r1-1 m2-18446744073709551605 "
              "d18446744073709551606-18446744073709551615 ",
              1);
        puts("ok: drops");
}

/* An ordinal that is far off costs nothing. */
static void test_far(void)
{
        check("1a 18446744073709551615b", 0, "m2-18446744073709551614 ", 2);
        check("18446744073709551615b", UINT64_MAX, "m1-18446744073709551614 ", 1);
        puts("ok: far ordinals");
}

static int on_range_fail(OrdinalsKind kind, uint64_t first, uint64_t last, void *userdata)
{
        return -ENOMEM;
}

static void test_failure(void)
{
        OrdinalsResult result;
        Ordinals o = {};

        assert(ordinals_add(&o, 3, 0) == 0);
        assert(ordinals_walk(&o, 5, on_range_fail, NULL, &result) == -ENOMEM);
        ordinals_done(&o);
        puts("ok: failure of the receiver");
}

/* Against the plain way, for many small sets. */
static void test_reference(void)
{
        for (unsigned seed = 1; seed < 20000; seed++) {
                unsigned state = seed * 2654435761U, counts[10] = {};
                OrdinalsResult result;
                char text[4096] = "";
                Ordinals o = {};
                uint64_t n_missing = 0, n_repeated = 0, n_found = 0;

                for (unsigned i = 0; i < 8; i++) {
                        unsigned number = 1 + (state >> 16) % 9;

                        state = state * 1103515245 + 12345;
                        counts[number]++;
                        assert(ordinals_add(&o, number, 0) == 0);
                }
                for (unsigned i = 1; i < 10; i++) {
                        n_missing += counts[i] == 0;
                        n_repeated += counts[i] > 1;
                        n_found += counts[i] > 0;
                }
                assert(ordinals_walk(&o, 9, on_range, text, &result) == 0);
                assert(result.n[ORDINALS_MISSING] == n_missing);
                assert(result.n[ORDINALS_REPEATED] == n_repeated);
                assert(result.n_found == n_found && result.n[ORDINALS_ALTERED] == 0);
                ordinals_done(&o);
        }
        puts("ok: against a plain count");
}

int main(void)
{
        test_ranges();
        test_drops();
        test_far();
        test_failure();
        test_reference();
        return 0;
}
