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

/* What Set was told, of a container with the driver none and, in its file, no options. */
static int try_change(Spec **ret, const Spec *old, const char *json, Refusal *refusal)
{
        static const ConfigOption options[] = {
                { NULL, (char *) "level-prefix", (char *) "no" },
                { NULL, (char *) "mode", (char *) "non-blocking" },
        };
        json_auto_t *call = json_loads(json, 0, NULL);
        ConfigOption of_none[ARRAY_SIZE(options)];
        const Config config = {
                .default_drivers = { drivers[0] },
                .n_default_drivers = 1,
                .options = of_none,
                .n_options = ARRAY_SIZE(options),
        };
        const Change change = {
                .driver = json_string_value(json_object_get(call, "driver")),
                .options = json_object_get(call, "options"),
                .add = json_object_get(call, "add"),
                .remove = json_string_value(json_object_get(call, "remove")),
        };
        _cleanup_free_ char *before = spec_format(old), *after = NULL;
        int r;

        assert(call);
        for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
                of_none[i] = options[i];
                of_none[i].driver = driver_find("none");
        }
        *refusal = (Refusal){};
        *ret = NULL;
        r = spec_change(ret, old, &change, &config, refusal);
        assert((r == 0) == (*ret != NULL) && (r == -EINVAL) == (refusal->error != NULL));
        after = spec_format(old);
        assert(strcmp(before, after) == 0);
        return r;
}

/* The container is the same, and its file can be read. */
static Spec *expect_change(const Spec *old, const char *json)
{
        _cleanup_(refusal_done) Refusal refusal;
        _cleanup_free_ char *text = NULL;
        Spec *changed, *again;

        assert(try_change(&changed, old, json, &refusal) == 0);
        assert(strcmp(changed->facts.id, old->facts.id) == 0);
        assert(strcmp(changed->facts.epoch, old->facts.epoch) == 0);
        assert(changed->created_usec == old->created_usec);
        text = spec_format(changed);
        spec_free(changed);
        assert(spec_parse(&again, span_from_string(text), "host", &refusal) == 0);
        return again;
}

static json_int_t get_version(const Spec *spec)
{
        return json_integer_value(json_object_get(spec->object, "version"));
}

static void test_change_options(void)
{
        _cleanup_(spec_freep) Spec *old = expect_new(
                "{\"id\": \"a\", \"driver\": \"journald\", \"options\": {\"tag\": \"t\"},"
                " \"moreDrivers\": [{\"driver\": \"none\"}]}");
        _cleanup_(spec_freep) Spec *a = NULL, *b = NULL, *c = NULL;

        a = expect_change(old, "{\"options\": {\"timestamp\": \"yes\"}}");
        assert(has_driver(a, 0, "journald", 2) && strcmp(get_option(a, 0, "tag"), "t") == 0);
        assert(has_driver(a, 1, "none", 0));

        /* To its default; what else the configuration says by now is for new containers. */
        b = expect_change(a, "{\"driver\": \"none\", \"options\": {\"mode\": null}}");
        assert(has_driver(b, 0, "journald", 2) && has_driver(b, 1, "none", 1));
        assert(strcmp(get_option(b, 1, "mode"), "non-blocking") == 0);
        c = expect_change(b, "{\"options\": {\"tag\": null, \"labels\": null}}");
        assert(has_driver(c, 0, "journald", 1));
        assert(strcmp(get_option(c, 0, "tag"), "{{.ID}}") == 0);
        puts("ok: change options");
}

static void test_change_drivers(void)
{
        _cleanup_(spec_freep) Spec *old =
                expect_new("{\"id\": \"a\", \"stdin\": false, \"driver\": \"journald\","
                           " \"options\": {\"tag\": \"t\"}}");
        _cleanup_(spec_freep) Spec *a = NULL, *b = NULL, *c = NULL;

        assert(get_version(old) == 2);
        a = expect_change(old, "{\"add\": {\"driver\": \"none\", \"options\":"
                               " {\"mode\": \"blocking\"}}}");
        assert(get_version(a) == 3 && a->n_drivers == 2 && !a->has_stdin);
        assert(has_driver(a, 0, "journald", 1) && has_driver(a, 1, "none", 2));
        assert(strcmp(get_option(a, 1, "mode"), "blocking") == 0);
        assert(strcmp(get_option(a, 1, "level-prefix"), "no") == 0);

        /* The second one becomes the first. */
        b = expect_change(a, "{\"remove\": \"journald\"}");
        assert(get_version(b) == 3 && b->n_drivers == 1 && has_driver(b, 0, "none", 2));
        assert(b->is_split);

        /* One for another. */
        c = expect_change(b, "{\"add\": {\"driver\": \"journald\"}, \"remove\": \"none\"}");
        assert(get_version(c) == 3 && has_driver(c, 0, "journald", 0) && c->n_drivers == 1);
        puts("ok: change drivers");
}

static void test_change_refused(void)
{
        static const struct {
                const char *change;
                const char *error;
                const char *parameter; /* or key, or driver */
        } rows[] = {
                { "{\"driver\": \"bogus\"}", "InvalidValue", "driver" },
                { "{\"driver\": \"none\"}", "InvalidValue", "driver" },
                { "{\"remove\": \"none\"}", "InvalidValue", "remove" },
                { "{\"remove\": \"journald\"}", "InvalidValue", "remove" },
                { "{\"add\": {\"driver\": \"journald\"}}", "InvalidValue", "add" },
                { "{\"add\": {\"driver\": \"none\", \"id\": \"b\"}}", "InvalidValue", "add" },
                { "{\"add\": {\"driver\": \"none\", \"options\": 1}}", "InvalidValue", "add" },
                { "{\"add\": {\"driver\": \"bogus\"}}", "NoSuchDriver", "bogus" },
                { "{\"add\": {}}", "NoSuchDriver", "" },
                { "{\"add\": {\"driver\": \"none\", \"options\": {\"tag\": \"x\"}}}",
                  "InvalidOption", "tag" },
                { "{\"options\": {\"tag\": \"{{\"}}", "InvalidOption", "tag" },
                { "{\"options\": {\"bogus\": \"1\"}}", "InvalidOption", "bogus" },
                { "{\"options\": {\"bogus\": null}}", "InvalidOption", "bogus" },
                { "{\"options\": {\"tag\": 1}}", "InvalidValue", "options" },
        };
        _cleanup_(spec_freep) Spec *old = expect_new("{\"id\": \"a\", \"driver\": \"journald\"}");

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                bool is_option = strcmp(rows[i].error, "InvalidOption") == 0;
                bool is_value = strcmp(rows[i].error, "InvalidValue") == 0;
                _cleanup_(refusal_done) Refusal refusal;
                Spec *spec;

                assert(try_change(&spec, old, rows[i].change, &refusal) == -EINVAL);
                assert(strcmp(strrchr(refusal.error, '.') + 1, rows[i].error) == 0);
                assert(strcmp(refusal_get(&refusal, is_option  ? "key"
                                                    : is_value ? "parameter"
                                                               : "driver"),
                              rows[i].parameter) == 0);
        }
        puts("ok: change refused");
}

int main(void)
{
        test_drivers();
        test_more_drivers();
        test_change_options();
        test_change_drivers();
        test_change_refused();
        return 0;
}
