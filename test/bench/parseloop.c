/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * parseloop: what parse=json and multiline-start= cost for a line, alone, beside jansson and
 * regexec(3). Prints a row for each kind of line.
 *
 *     test/parseloop [LINES [KIND]]
 */

#include <jansson.h>
#include <regex.h>
#include <stdio.h>
#include <time.h>

#include "base/parse.h"
#include "record/object.h"
#include "record/pattern.h"

#define LINES_DEFAULT 1000000U

static const struct {
        const char *name;
        const char *text;
} objects[] = {
        { "zap",
          "{\"level\":\"info\",\"ts\":1795312221.12,\"caller\":\"http/server.go:42\",\"msg\":"
          "\"request served\",\"method\":\"GET\",\"path\":\"/api/v1/orders\",\"status\":200}" },
        { "bunyan", "{\"name\":\"shop\",\"hostname\":\"web-1\",\"pid\":4711,\"level\":30,\"msg\":"
                    "\"listening on port 8080\",\"time\":\"2026-11-22T02:00:00.000Z\",\"v\":0}" },
        { "ecs", "{\"@timestamp\":\"2026-11-22T02:00:00.000Z\",\"log.level\":\"warn\",\"message\":"
                 "\"upstream is slow\",\"http\":{\"request\":{\"method\":\"GET\"},\"response\":"
                 "{\"status_code\":200,\"bytes\":1234}},\"tags\":[\"a\",\"b\"]}" },
        { "escapes",
          "{\"level\":\"error\",\"msg\":\"failed\\n\\tat a (b.js:1)\\n\\tat c (d.js:2)\\n"
          "\\tat e (f.js:3)\",\"path\":\"C:\\\\srv\\\\shop\",\"q\":\"\\u00e4\\u20ac\"}" },
        { "text", "2026-11-22 02:00:00 INFO a line that is no object at all, of a hundred bytes or "
                  "a few more than that" },
        { "spoiled", "{\"level\":\"info\",\"ts\":1795312221.12,\"caller\":\"http/server.go:42\","
                     "\"msg\":\"request served\",\"method\":\"GET\",\"path\":\"/api/v1/orders" },
};

static const struct {
        const char *name;
        const char *pattern;
        const char *text;
} matches[] = {
        { "indented", "^[^[:space:]]", "\tat com.example.shop.Orders.price(Orders.java:42)" },
        { "starts", "^[^[:space:]]", "2026-11-22 02:00:00 INFO order 4711 is served" },
        { "dated", "^[0-9]{4}-[0-9]{2}-[0-9]{2}", "2026-11-22 02:00:00 INFO order 4711 is served" },
        { "java", "^([^[:space:]C]|C([^a]|$)|Ca([^u]|$)|Cau([^s]|$)|Caus([^e]|$)|Cause([^d]|$))",
          "Caused by: java.lang.NullPointerException: Cannot invoke" },
        { "anywhere", "ERROR|WARN",
          "2026-11-22 02:00:00 INFO order 4711 is served, and a few more" },
        { "hostile", ".*a[ab]{20}y",
          "abababaabababbabababababaabbababaabababababababbabababababab" },
};

static double clock_nsec(void)
{
        struct timespec ts;

        (void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
        return (double) ts.tv_sec * 1e9 + (double) ts.tv_nsec;
}

static void time_object(const char *name, const char *text, uint64_t n, bool with_jansson)
{
        static char scratch[OBJECT_SCRATCH_BYTES];
        Span line = span_from_string(text);
        double began = clock_nsec(), own, other = 0;
        size_t n_fields = 0;
        Object object;

        for (uint64_t i = 0; i < n; i++)
                if (object_parse(line, scratch, &object))
                        n_fields = object.n_fields;
        own = (clock_nsec() - began) / (double) n;

        began = clock_nsec();
        for (uint64_t i = 0; with_jansson && i < n / 10; i++)
                json_decref(json_loadb(line.data, line.size, JSON_REJECT_DUPLICATES, NULL));
        other = (clock_nsec() - began) / (double) MAX(n / 10, UINT64_C(1));
        printf("%-10s %4zu bytes %3zu fields %7.1f ns   jansson %7.1f ns\n", name, line.size,
               n_fields, own, other);
}

static void time_match(const char *name, const char *pattern, const char *text, uint64_t n)
{
        _cleanup_(pattern_freep) Pattern *compiled = NULL;
        Span line = span_from_string(text);
        char reason[REASON_MAX_BYTES];
        double began, own, other;
        unsigned found = 0;
        regex_t regex;

        if (pattern_new(&compiled, pattern, reason) < 0 ||
            regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
                abort();
        began = clock_nsec();
        for (uint64_t i = 0; i < n; i++)
                found += pattern_is_in(compiled, line);
        own = (clock_nsec() - began) / (double) n;
        began = clock_nsec();
        for (uint64_t i = 0; i < n / 10; i++) {
                regmatch_t m = { .rm_so = 0, .rm_eo = (regoff_t) line.size };

                found += regexec(&regex, text, 1, &m, REG_STARTEND) == 0;
        }
        other = (clock_nsec() - began) / (double) MAX(n / 10, UINT64_C(1));
        regfree(&regex);
        printf("%-10s %4zu bytes %-10s %7.1f ns   regexec %7.1f ns\n", name, line.size,
               found > 0 ? "found" : "not found", own, other);
}

int main(int argc, char **argv)
{
        uint64_t n = LINES_DEFAULT;

        if (argc > 1 && parse_unsigned(argv[1], 1, 1000000000, &n) < 0)
                return EXIT_FAILURE;
        for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
                if (argc < 3 || strcmp(argv[2], objects[i].name) == 0)
                        time_object(objects[i].name, objects[i].text, n, argc < 3);
        for (size_t i = 0; argc < 3 && i < ARRAY_SIZE(matches); i++)
                time_match(matches[i].name, matches[i].pattern, matches[i].text, n);
        return 0;
}
