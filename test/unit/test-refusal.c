/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A refusal: its parameters are there whatever the text of the rule holds. */

#undef NDEBUG

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "daemon/refusal.h"

static const char *get(const Refusal *refusal, const char *key)
{
        return json_string_value(json_object_get(refusal->parameters, key));
}

static void test_value(void)
{
        Refusal refusal = {};

        assert(refuse_value(&refusal, "id", "at most %u bytes", 3U) == -EINVAL);
        assert(strcmp(refusal.error, "io.conlogd.InvalidValue") == 0);
        assert(strcmp(get(&refusal, "parameter"), "id") == 0);
        assert(strcmp(get(&refusal, "rule"), "at most 3 bytes") == 0);

        /* The second one counts, and the first one is released. */
        assert(refuse_value(&refusal, "name", "%s", "über") == -EINVAL);
        assert(strcmp(get(&refusal, "rule"), "über") == 0);
        refusal_done(&refusal);
        assert(!refusal.error && !refusal.parameters);
        puts("ok: a value");
}

/* A rule that quotes bytes of somebody's, and one that is cut inside a letter. */
static void test_not_utf8(void)
{
        char letters[REASON_MAX_BYTES * 2 + 1] = "", rule[] = "near \xca\xff: no";
        Refusal refusal = {};

        assert(refuse_option(&refusal, "journald", "tag", rule) == -EINVAL);
        assert(strcmp(get(&refusal, "rule"), "near ??: no") == 0);

        strcat(letters, "x");
        while (strlen(letters) + 2 < sizeof(letters))
                strcat(letters, "ü");
        assert(refuse_value(&refusal, "name", "%s", letters) == -EINVAL);
        assert(strlen(get(&refusal, "rule")) == REASON_MAX_BYTES - 1);
        refusal_done(&refusal);
        puts("ok: not UTF-8");
}

int main(void)
{
        test_value();
        test_not_utf8();
        return 0;
}
