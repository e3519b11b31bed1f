/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Patterns and texts they may be in. Short ones are looked for by regexec(3), too, which must find
 * the same; with long ones it would be busy for minutes.
 */

#include "fuzz.h"

#include <regex.h>
#include <string.h>

#include "record/pattern.h"

/* In a repeated group, regexec(3) takes an anchor for one of any place. */
static bool is_comparable(const char *expression, const char *text)
{
        return strlen(expression) <= 16 && strlen(text) <= 16 &&
               !(strchr(expression, '(') && strpbrk(expression, "^$"));
}

/* An expression, and behind a NUL the text. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char all[1024] = "", reason[REASON_MAX_BYTES] = "";
        _cleanup_(pattern_freep) Pattern *pattern = NULL;
        _cleanup_free_ char *expression = NULL;
        const char *text;
        regex_t regex;
        bool is_in;
        int r;

        if (size > sizeof(all) - 2)
                return 0;
        memcpy(all, data, size);
        text = all + strlen(all) + 1;
        /* Of its exact size, for the address sanitizer. */
        expression = strdup(all);
        assert(expression);

        r = pattern_new(&pattern, expression, reason);
        assert(r == pattern_check(expression, reason));
        if (r < 0) {
                assert(r == -EINVAL && reason[0] != '\0' && !pattern);
                return 0;
        }
        is_in = pattern_is_in(pattern, span_from_string(text));
        if (!is_comparable(expression, text))
                return 0;
        assert(regcomp(&regex, expression, REG_EXTENDED | REG_NOSUB) == 0);
        assert(is_in == (regexec(&regex, text, 0, NULL, 0) == 0));
        regfree(&regex);
        return 0;
}

/* The whole input, as text. */
bool fuzz_accepts(const uint8_t *data, size_t size)
{
        _cleanup_free_ char *text = strndup((const char *) data, size);
        char reason[REASON_MAX_BYTES];

        assert(text);
        return pattern_check(text, reason) == 0;
}
