/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Errors as sentences: every one that conlogd has, and those it has not. */

#undef NDEBUG

#include <stdio.h>
#include <string.h>

#include "tool/sentence.h"

/* parameters as json_loads(3). */
static void check(const char *error, const char *parameters, const char *expected)
{
        json_auto_t *object = json_loads(parameters, 0, NULL);
        _cleanup_free_ char *sentence = NULL;

        assert(object);
        sentence = sentence_new(error, object);
        assert(sentence);
        if (strcmp(sentence, expected) != 0) {
                printf("got: %s\nexpected: %s\n", sentence, expected);
                exit(EXIT_FAILURE);
        }
}

static void test_known(void)
{
        check("io.conlogd.ContainerExists", "{\"id\":\"web\"}",
              "A container with id web exists already. Remove it first, or choose another id");
        check("io.conlogd.NoSuchExec", "{\"id\":\"web\",\"exec\":\"e\"}",
              "Container web has no exec e");
        check("io.conlogd.NoSuchDriver", "{\"driver\":\"foo\",\"known\":[\"a\",\"b\",\"c\"]}",
              "There is no log driver foo. There are: a, b, c");
        check("io.conlogd.InvalidOption",
              "{\"driver\":\"journald\",\"key\":\"tag\",\"rule\":\"must be a template\"}",
              "Log driver journald refuses the option tag: must be a template");
        check("io.conlogd.LimitReached", "{\"limit\":\"ContainersMax\",\"value\":4096}",
              "A limit is reached: ContainersMax, 4096");
        check("io.conlogd.BadConfiguration",
              "{\"file\":\"/etc/a.conf\",\"line\":7,\"rule\":\"no\"}",
              "The configuration is refused: /etc/a.conf:7: no");
        check("io.conlogd.BadConfiguration",
              "{\"file\":\"/etc/a.conf\",\"line\":0,\"rule\":\"no\"}",
              "The configuration is refused: /etc/a.conf: no");
        check("io.conlogd.SystemError", "{\"errno\":28,\"message\":\"No space left on device\"}",
              "No space left on device");
        puts("ok: known errors");
}

static void test_foreign(void)
{
        check("io.conlogd.NoSuchContainer", "{}",
              "There is no container . \"conlogctl list\" shows those there are");
        check("io.conlogd.NoSuchExec", "{\"id\":[],\"exec\":{\"a\":1}}", "Container  has no exec ");
        check("io.conlogd.NoSuchExec", "{\"id\":\"{exec}\",\"exec\":\"%s\\u001b\"}",
              "Container {exec} has no exec %s\\x1b");
        check("io.conlogd.NoSuchDriver", "{\"driver\":\"a\",\"known\":[1,null,\"b\"]}",
              "There is no log driver a. There are: , , b");
        puts("ok: strange parameters");
}

static void test_unknown(void)
{
        check("io.conlogd.Newer", "{}", "io.conlogd.Newer");
        check("io.conlogd.Newer", "{\"a\":\"\\u001b\\u009b\"}",
              "io.conlogd.Newer {\"a\": \"\\u001B\\u009B\"}");
        check("io.\033", "{}", "io.\\x1b");
        puts("ok: unknown errors");
}

int main(void)
{
        test_known();
        test_foreign();
        test_unknown();
        return 0;
}
