/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The regexes of labels-regex and env-regex: none that is taken may cost seconds or memory without
 * bound, whatever the key. The fuzzer's -timeout=5 and -rss_limit_mb=1024 are the assertion.
 */

#include "fuzz.h"

#include <string.h>

#include "record/attributes.h"

static int on_pair(const Pair *pair, void *userdata)
{
        (void) pair;
        (*(unsigned *) userdata)++;
        return 0;
}

/* A regex, and behind a NUL the key. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char text[1024] = "", reason[REASON_MAX_BYTES] = "";
        const char *key;
        unsigned n = 0;
        int checked, selected;

        if (size > sizeof(text) - 2)
                return 0;
        memcpy(text, data, size);
        key = text + strlen(text) + 1;

        checked = attributes_check_regex(text, reason);
        selected = attributes_select(&(Selection){ .regex = text }, &(Pair){ key, "" }, 1, on_pair,
                                     &n);
        assert(checked == selected);
        assert(checked == 0 || (checked == -EINVAL && reason[0] != '\0' && n == 0));
        assert(n <= 1);
        return 0;
}

/* The whole input, as text. */
bool fuzz_accepts(const uint8_t *data, size_t size)
{
        char text[1024] = "", reason[REASON_MAX_BYTES];

        memcpy(text, data, MIN(size, sizeof(text) - 1));
        return attributes_check_regex(text, reason) == 0;
}
