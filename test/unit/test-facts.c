/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Short ids and the look-up of pairs. */

#undef NDEBUG

#include <stdio.h>
#include <string.h>

#include "record/facts.h"

#define HEX_63 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde"

static void test_short_id(void)
{
        assert(facts_short_id_size(HEX_63 "f") == FACTS_SHORT_ID_DIGITS);

        /* Any other id was chosen by someone and is shown whole. */
        assert(facts_short_id_size(HEX_63) == 63);
        assert(facts_short_id_size(HEX_63 "f0") == 65);
        assert(facts_short_id_size(HEX_63 "g") == 64);
        assert(facts_short_id_size(HEX_63 "F") == 64);
        assert(facts_short_id_size("web") == 3);
        assert(facts_short_id_size("") == 0);
        puts("ok: short id");
}

static void test_pairs_find(void)
{
        static const Pair pairs[] = { { "a", "1" }, { "empty", "" }, { "a", "2" } };

        assert(strcmp(pairs_find(pairs, ARRAY_SIZE(pairs), "a"), "1") == 0);
        assert(strcmp(pairs_find(pairs, ARRAY_SIZE(pairs), "empty"), "") == 0);
        assert(!pairs_find(pairs, ARRAY_SIZE(pairs), "b"));
        assert(!pairs_find(pairs, ARRAY_SIZE(pairs), ""));
        assert(!pairs_find(pairs, ARRAY_SIZE(pairs), "A"));
        assert(!pairs_find(NULL, 0, "a"));
        puts("ok: pairs find");
}

int main(void)
{
        test_short_id();
        test_pairs_find();
        return 0;
}
