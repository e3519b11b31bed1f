/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The choice of labels and variables; see the header. */

#include <regex.h>
#include <stdio.h>

#include "base/span.h"
#include "record/attributes.h"

/*
 * What lets a short regex cost without bound in glibc, or NULL: counted repetition and "+" copy
 * what they repeat, so that a{1,32767} takes more than a GiB; repeated groups, many anchors and
 * backreferences take exponential time. Backslashes that POSIX does not define bring such things
 * back in, and mean something else than in Docker. Of half a million random ones that are left, the
 * worst took 0.5 s and 60 MiB. The scan does not know brackets: in them it refuses too much, never
 * too little.
 */
static const char *find_excess(const char *regex)
{
        unsigned n_anchors = 0;
        char before = '\0';

        for (const char *p = regex; *p; p++) {
                if (*p == '{')
                        return "Counted repetition, {n,m}, is not taken";
                if (before != '\0' && ((strchr("*+", *p) && strchr(")*+?", before)) ||
                                       (*p == '?' && strchr("*+?", before))))
                        return "* and + are taken only after a single character or a bracket";
                if ((*p == '$' || (*p == '^' && before != '[')) && ++n_anchors > REGEX_ANCHORS_MAX)
                        return "Too many of ^ and $: take ^(a|b)$, not ^a$|^b$";

                before = *p;
                if (*p == '\\' && p[1] != '\0') {
                        p++;
                        before = '\0';
                        if (!strchr("\\^.[]$()|*+?{}-/", *p))
                                return "A backslash is taken only before a special character";
                }
        }
        return NULL;
}

static int compile(regex_t *ret, const char *regex, char reason[REASON_MAX_BYTES])
{
        const char *excess;
        int e;

        if (strlen(regex) > REGEX_MAX_BYTES) {
                (void) snprintf(reason, REASON_MAX_BYTES, "Longer than %u bytes", REGEX_MAX_BYTES);
                return -EINVAL;
        }
        excess = find_excess(regex);
        if (excess) {
                (void) snprintf(reason, REASON_MAX_BYTES, "%s", excess);
                return -EINVAL;
        }
        e = regcomp(ret, regex, REG_EXTENDED | REG_NOSUB);
        if (e != 0) {
                (void) regerror(e, ret, reason, REASON_MAX_BYTES);
                return -EINVAL;
        }
        return 0;
}

static bool keys_contain(const char *keys, const char *key)
{
        Span wanted = span_from_string(key);

        for (;;) {
                size_t size = strcspn(keys, ",");

                if (span_equal((Span){ keys, size }, wanted))
                        return true;
                if (keys[size] == '\0')
                        return false;
                keys += size + 1;
        }
}

int attributes_select(const Selection *selection, const Pair *pairs, size_t n_pairs,
                      attributes_on_pair on_pair, void *userdata)
{
        char reason[REASON_MAX_BYTES];
        regex_t regex;
        int r = 0;

        if (selection->regex) {
                r = compile(&regex, selection->regex, reason);
                if (r < 0)
                        return r;
        }

        for (size_t i = 0; i < n_pairs && r >= 0; i++) {
                int e = REG_NOMATCH;

                if (selection->keys && keys_contain(selection->keys, pairs[i].key))
                        e = 0;
                else if (selection->regex)
                        e = regexec(&regex, pairs[i].key, 0, NULL, 0);

                if (e == 0)
                        r = on_pair(&pairs[i], userdata);
                else if (e == REG_ESPACE)
                        r = -ENOMEM;
        }

        if (selection->regex)
                regfree(&regex);
        return MIN(r, 0);
}

int attributes_check_regex(const char *regex, char reason[REASON_MAX_BYTES])
{
        regex_t compiled;
        int r;

        r = compile(&compiled, regex, reason);
        if (r < 0)
                return r;
        regfree(&compiled);
        return 0;
}

int attributes_check_keys(const char *keys, char reason[REASON_MAX_BYTES])
{
        for (;;) {
                size_t size = strcspn(keys, ",");

                if (size == 0) {
                        (void) snprintf(reason, REASON_MAX_BYTES,
                                        "Keys with a comma between them, none of them empty");
                        return -EINVAL;
                }
                if (keys[size] == '\0')
                        return 0;
                keys += size + 1;
        }
}
