/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The drivers that Create is told, with the options of each. */

#include "../spec-fixture.h"

/* Each driver has options of its own, and those of the configuration that are meant for it. */
static void test_drivers(void)
{
        ConfigOption options[] = {
                { driver_find("journald"), (char *) "timestamp", (char *) "yes" },
                { driver_find("none"), (char *) "level-prefix", (char *) "no" },
        };
        const Config config = {
                .default_drivers = { driver_find("none"), driver_find("journald") },
                .n_default_drivers = 2,
                .options = options,
                .n_options = ARRAY_SIZE(options),
        };
        /* What is asked for, and the drivers that come of it. */
        static const struct {
                const char *request;
                const char *first;
                const char *second;
                int version;
        } rows[] = {
                { "{\"id\": \"a\", \"options\": {\"mode\": \"blocking\"}}", "none", "journald", 3 },
                { "{\"id\": \"a\", \"moreDrivers\": []}", "none", NULL, 1 },
                { "{\"id\": \"a\", \"driver\": \"journald\"}", "journald", NULL, 1 },
                { "{\"id\": \"a\", \"moreDrivers\": [{\"driver\": \"journald\", \"options\":"
                  " {\"tag\": \"t\"}}]}",
                  "none", "journald", 3 },
                { "{\"id\": \"a\", \"stdin\": false, \"driver\": \"journald\", \"moreDrivers\":"
                  " [{\"driver\": \"none\", \"options\": null}]}",
                  "journald", "none", 3 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(spec_freep) Spec *a = NULL, *b = NULL;
                _cleanup_(refusal_done) Refusal refusal = {};
                _cleanup_free_ char *text = NULL;
                struct stat st = { .st_dev = 1 };

                assert(try_config(&a, rows[i].request, &config, &refusal) == 0);
                assert(json_integer_value(json_object_get(a->object, "version")) ==
                       rows[i].version);
                assert(spec_set_pipe(a, ENTRY_STDOUT, &st) == 0);
                assert(json_integer_value(json_object_get(a->object, "version")) ==
                       MAX(rows[i].version, 2));
                text = spec_format(a);
                assert(spec_parse(&b, span_from_string(text), "host", &refusal) == 0);
                assert(b->n_drivers == a->n_drivers && b->n_drivers == (rows[i].second ? 2 : 1));
                for (size_t k = 0; k < b->n_drivers; k++) {
                        const char *name = k == 0 ? rows[i].first : rows[i].second;
                        bool is_none = strcmp(name, "none") == 0;

                        assert(strcmp(b->drivers[k].driver->name, name) == 0);
                        assert(strcmp(get_option(b, k, is_none ? "level-prefix" : "timestamp"),
                                      is_none ? "no" : "yes") == 0);
                }
        }
        puts("ok: drivers");
}

/* The parser of calls sees an array, and no more. */
static void test_more_drivers(void)
{
        static const struct {
                const char *more;
                const char *parameter;
                const char *rule;
        } rows[] = {
                { "[1]", "moreDrivers", "each one is an object" },
                { "[null]", "moreDrivers", "each one is an object" },
                { "[{\"driver\": \"none\", \"options\": []}]", "moreDrivers", "the options" },
                { "[{\"driver\": \"none\", \"colour\": 1}]", "moreDrivers",
                  "a driver has options" },
                { "[{\"driver\": \"journald\"}]", "moreDrivers", "each driver once; journald" },
                { "[{\"driver\": \"none\"}, {\"driver\": \"none\"}]", "moreDrivers",
                  "each driver once; none" },
                { "[{\"driver\": \"none\", \"options\": {\"mode\": 1}}]", "options",
                  "the value of mode" },
                { "[1, 2, 3, 4]", "moreDrivers", "at most 4 drivers" },
        };
        _cleanup_(refusal_done) Refusal refusal = {};
        char request[512];
        Spec *spec;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                (void) snprintf(request, sizeof(request),
                                "{\"id\": \"a\", \"driver\": \"journald\", \"moreDrivers\": %s}",
                                rows[i].more);
                expect_bad(request, rows[i].parameter, rows[i].rule);
        }
        assert(try_new(&spec, "{\"id\": \"a\", \"moreDrivers\": [{\"driver\": null}]}", &refusal) ==
               -EINVAL);
        assert(strcmp(refusal.error, "io.conlogd.NoSuchDriver") == 0);
        refusal_done(&refusal);
        assert(try_new(&spec,
                       "{\"id\": \"a\", \"moreDrivers\": [{\"driver\": \"none\", \"options\":"
                       " {\"tag\": \"x\"}}]}",
                       &refusal) == -EINVAL);
        assert(strcmp(refusal.error, "io.conlogd.InvalidOption") == 0);
        assert(strcmp(refusal_get(&refusal, "driver"), "none") == 0);
        puts("ok: more drivers");
}

int main(void)
{
        test_drivers();
        test_more_drivers();
        return 0;
}
