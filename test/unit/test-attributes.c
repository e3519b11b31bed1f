/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The choice of labels and variables. */

#undef NDEBUG

#include <stdio.h>
#include <string.h>

#include "record/attributes.h"

static const Pair pairs[] = {
        { "com.example.app", "1" }, { "app", "2" }, { "application", "3" }, { "APP", "4" },
        { "with,comma", "5" },      { "", "6" },
};

/* Writes down the values it is called for. */
static int on_pair(const Pair *pair, void *userdata)
{
        strcat(userdata, pair->value);
        return 1; /* anything but an error goes on */
}

static int on_pair_refuse(const Pair *pair, void *userdata)
{
        strcat(userdata, pair->value);
        return strcmp(pair->key, "app") == 0 ? -E2BIG : 0;
}

static void check(const char *keys, const char *regex, const char *expected)
{
        char values[16] = "";

        assert(attributes_select(&(Selection){ keys, regex }, pairs, ARRAY_SIZE(pairs), on_pair,
                                 values) == 0);
        assert(strcmp(values, expected) == 0);
}

static void test_keys(void)
{
        check(NULL, NULL, "");
        check("app", NULL, "2");
        check("APP,app", NULL, "24");
        check("app,app", NULL, "2");
        check("none,application,x", NULL, "3");
        check("ap", NULL, "");
        check("app ", NULL, "");
        check("with,comma", NULL, "");
        puts("ok: keys");
}

static void test_regex(void)
{
        check(NULL, "app", "123");
        check(NULL, "^app", "23");
        check(NULL, "^app$", "2");
        check(NULL, "^(app|APP)$", "24");
        check(NULL, "^com\\.example\\.", "1");
        check(NULL, "^[a-z]+$", "23");
        check(NULL, "", "123456");
        check(NULL, "^$", "6");
        check(NULL, "comma", "5");
        check(NULL, "nothing", "");
        puts("ok: regex");
}

/* Both options together choose a pair once. */
static void test_both(void)
{
        check("APP", "^app", "234");
        check("app", "^app$", "2");
        puts("ok: both");
}

static void test_on_pair(void)
{
        char values[16] = "";

        assert(attributes_select(&(Selection){ NULL, "app" }, pairs, ARRAY_SIZE(pairs),
                                 on_pair_refuse, values) == -E2BIG);
        assert(strcmp(values, "12") == 0);
        puts("ok: on pair");
}

static void test_check_keys(void)
{
        char reason[REASON_MAX_BYTES] = "";

        assert(attributes_check_keys("a", reason) == 0);
        assert(attributes_check_keys("a,b.c,d e", reason) == 0);
        assert(reason[0] == '\0');

        assert(attributes_check_keys("", reason) == -EINVAL);
        assert(strstr(reason, "comma"));
        assert(attributes_check_keys(",", reason) == -EINVAL);
        assert(attributes_check_keys("a,", reason) == -EINVAL);
        assert(attributes_check_keys(",a", reason) == -EINVAL);
        assert(attributes_check_keys("a,,b", reason) == -EINVAL);
        puts("ok: check keys");
}

/* A refused regex is refused by both functions, with a word about why. */
static void refuse_regex(const char *regex, const char *word)
{
        char reason[REASON_MAX_BYTES] = "", values[16] = "";

        assert(attributes_check_regex(regex, reason) == -EINVAL);
        assert(strstr(reason, word));
        assert(attributes_select(&(Selection){ NULL, regex }, pairs, ARRAY_SIZE(pairs), on_pair,
                                 values) == -EINVAL);
        assert(values[0] == '\0');
}

static void test_check_regex(void)
{
        char reason[REASON_MAX_BYTES] = "";

        assert(attributes_check_regex("", reason) == 0);
        assert(attributes_check_regex("^(a|b)[[:alnum:]]+\\.(c|d)?$", reason) == 0);
        assert(attributes_check_regex("\\{\\)+\\+[^a]*", reason) == 0);
        assert(reason[0] == '\0');

        refuse_regex("(", "(");
        refuse_regex("[a", "[");
        refuse_regex("a\\", "ackslash");
        puts("ok: check regex");
}

/* What would cost the daemon its memory or its time is not compiled at all. */
static void test_regex_cost(void)
{
        char regex[REGEX_MAX_BYTES + 2], reason[REASON_MAX_BYTES];

        refuse_regex("a{1,32767}", "Counted");
        refuse_regex("((a+)+)+", "only after a single character");
        refuse_regex("(a)*", "only after a single character");
        refuse_regex("a++", "only after a single character");
        refuse_regex("a**", "only after a single character");
        refuse_regex("a?+", "only after a single character");
        refuse_regex("a*?", "only after a single character");
        refuse_regex("(.*)\\1", "backslash");
        refuse_regex("\\bword", "backslash");
        refuse_regex("\\d", "backslash");

        assert(attributes_check_regex("^a$|^b$|^c$|^d$", reason) == 0);
        refuse_regex("^a$|^b$|^c$|^d$|^e", "^(a|b)$");

        memset(regex, 'a', sizeof(regex) - 1);
        regex[REGEX_MAX_BYTES + 1] = '\0';
        refuse_regex(regex, "Longer");
        regex[REGEX_MAX_BYTES] = '\0';
        assert(attributes_check_regex(regex, reason) == 0);
        puts("ok: regex cost");
}

int main(void)
{
        test_keys();
        test_regex();
        test_both();
        test_on_pair();
        test_check_keys();
        test_check_regex();
        test_regex_cost();
        return 0;
}
