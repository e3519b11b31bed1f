/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What Create is told: each rule with values that are taken and refused, and the way to the file
 * and back. */

#include <time.h>

#include "../spec-fixture.h"

#define CHARS_64 "0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789ABCDEF"

static void test_smallest(void)
{
        _cleanup_(spec_freep) Spec *spec = expect_new("{\"id\": \"web\"}");
        _cleanup_(spec_freep) Spec *other = expect_new("{\"id\": \"web\"}");
        uint64_t now = (uint64_t) time(NULL) * 1000000;

        assert(strcmp(spec->facts.id, "web") == 0);
        assert(!spec->facts.name && !spec->facts.image && !spec->facts.image_id);
        assert(!spec->facts.unit && spec->facts.n_labels == 0 && spec->facts.n_env == 0);
        assert(strcmp(spec->facts.hostname, "host") == 0);
        assert(!spec->is_terminal && spec->n_drivers == 1);
        assert(spec->drivers[0].driver == drivers[0] && spec->drivers[0].options.n_pairs == 0);
        assert(spec->has_stdin);
        assert(json_integer_value(json_object_get(spec->object, "version")) == 1);
        assert(!json_object_get(json_object_get(spec->object, "request"), "moreDrivers"));
        assert(spec->created_usec > now - 60000000 && spec->created_usec < now + 60000000);

        /* Each life of a container has an epoch of its own. */
        assert(strlen(spec->facts.epoch) == 32 &&
               strspn(spec->facts.epoch, "0123456789abcdef") == 32);
        assert(strcmp(spec->facts.epoch, other->facts.epoch) != 0);
        puts("ok: smallest");
}

/* A daemon that knows version 1 only would look for the FIFO. */
static void test_no_stdin(void)
{
        _cleanup_(spec_freep) Spec *spec = expect_new("{\"id\": \"web\", \"stdin\": false}");
        _cleanup_(spec_freep) Spec *again = NULL;
        _cleanup_free_ char *text = spec_format(spec);
        Refusal refusal = {};

        assert(!spec->has_stdin);
        assert(json_integer_value(json_object_get(spec->object, "version")) == 2);
        assert(spec_parse(&again, span_from_string(text), "host", &refusal) == 0);
        assert(!again->has_stdin);
        puts("ok: no stdin");
}

static void test_everything(void)
{
        _cleanup_(spec_freep) Spec *spec = expect_new(
                "{\"id\": \"web\", \"name\": \"/web-1\", \"image\": \"example/web:1\","
                " \"imageId\": \"sha256:12\", \"unit\": \"web.service\", \"terminal\": true,"
                " \"labels\": {\"a\": \"1\", \"b\": \"\"}, \"env\": [\"A=1\", \"B=x=y\", \"C=\"],"
                " \"driver\": \"journald\","
                " \"options\": {\"tag\": \"t\", \"timestamp\": \"yes\"}}");
        const Facts *f = &spec->facts;

        /* Docker puts a slash in front of names. */
        assert(strcmp(f->name, "web-1") == 0 && strcmp(f->image, "example/web:1") == 0);
        assert(strcmp(f->image_id, "sha256:12") == 0 && strcmp(f->unit, "web.service") == 0);
        assert(f->n_labels == 2 && strcmp(pairs_find(f->labels, 2, "a"), "1") == 0);
        assert(strcmp(pairs_find(f->labels, 2, "b"), "") == 0);
        assert(f->n_env == 3 && strcmp(pairs_find(f->env, 3, "A"), "1") == 0);
        assert(strcmp(pairs_find(f->env, 3, "B"), "x=y") == 0);
        assert(strcmp(pairs_find(f->env, 3, "C"), "") == 0);
        assert(spec->is_terminal && spec->drivers[0].options.n_pairs == 2);
        assert(strcmp(get_option(spec, 0, "tag"), "t") == 0);
        assert(strcmp(get_option(spec, 0, "timestamp"), "yes") == 0);
        puts("ok: everything");
}

static void test_id(void)
{
        static const char *const good[] = { "a", "Z", "0", "a.b_c-d", "a..b", CHARS_64 CHARS_64 };
        static const char *const bad[] = {
                "",     ".",    "..",  "-a",       "_a",  ".a",
                "a/b",  "a b",  "a\n", "\xc3\xa4", "a:b", CHARS_64 CHARS_64 "x",
                "../a", "a\\b", "%s",  "a\x7f",
        };
        char request[256];

        for (size_t i = 0; i < ARRAY_SIZE(good); i++)
                assert(spec_id_is_valid(good[i]));
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert(!spec_id_is_valid(bad[i]));
        for (int c = 1; c < 256; c++)
                assert(spec_id_is_valid((char[]){ 'a', (char) c, '\0' }) ==
                       ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                        (c >= 'A' && c <= 'Z') || c == '_' || c == '.' || c == '-'));

        (void) snprintf(request, sizeof(request), "{\"id\": \"%s\"}", CHARS_64 CHARS_64 "x");
        expect_bad(request, "id", SPEC_ID_RULE);
        expect_bad("{\"id\": \"../x\"}", "id", SPEC_ID_RULE);
        expect_bad("{}", "id", SPEC_ID_RULE);
        expect_bad("{\"id\": 1}", "id", SPEC_ID_RULE);
        puts("ok: id");
}

/* A request with one text of that many bytes. */
static void make_text(char *request, size_t size, const char *key, size_t n)
{
        char text[2048];

        memset(text, 'x', n);
        text[n] = '\0';
        (void) snprintf(request, size, "{\"id\": \"a\", \"%s\": \"%s\"}", key, text);
}

static void test_texts(void)
{
        static const struct {
                const char *key;
                size_t max;
        } texts[] = {
                { "name", NAME_MAX_BYTES },
                { "image", IMAGE_MAX_BYTES },
                { "imageId", IMAGE_MAX_BYTES },
        };
        char request[4096];

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                make_text(request, sizeof(request), texts[i].key, texts[i].max);
                spec_free(expect_new(request));
                make_text(request, sizeof(request), texts[i].key, texts[i].max + 1);
                expect_bad(request, texts[i].key, "at most");

                /* They stand in one line of a list. */
                (void) snprintf(request, sizeof(request), "{\"id\": \"a\", \"%s\": \"x\\ny\"}",
                                texts[i].key);
                expect_bad(request, texts[i].key, "no control characters");
                (void) snprintf(request, sizeof(request), "{\"id\": \"a\", \"%s\": \"\\u007f\"}",
                                texts[i].key);
                expect_bad(request, texts[i].key, "no control characters");
                (void) snprintf(request, sizeof(request), "{\"id\": \"a\", \"%s\": \"ä <b> \\\\\"}",
                                texts[i].key);
                spec_free(expect_new(request));
        }
        puts("ok: texts");
}

/* An empty text is none. */
static void test_absent(void)
{
        static const char *const requests[] = {
                "{\"id\": \"a\", \"name\": \"\", \"image\": \"\"}",
                "{\"id\": \"a\", \"imageId\": \"\", \"unit\": \"\"}",
                "{\"id\": \"a\", \"name\": \"/\"}",
                "{\"id\": \"a\", \"labels\": {}, \"env\": [], \"options\": {}}",
        };

        for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
                _cleanup_(spec_freep) Spec *spec = expect_new(requests[i]);

                assert(!spec->facts.name && !spec->facts.image && !spec->facts.image_id);
                assert(!spec->facts.unit);
        }
        puts("ok: absent");
}

static void test_unit(void)
{
        static const char *const good[] = {
                "a.service",  "a@b.service", "a-b.scope", "x.y.slice", "dev-sda\\\\x2d1.device",
                "a:b_c.mount"
        };
        static const char *const bad[] = { "a",           ".service",    "a.conf",
                                           "a b.service", "a/b.service", "a.service ",
                                           "a.servicex",  "a%.service",  "ä.service" };
        char request[4096];

        for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
                (void) snprintf(request, sizeof(request), "{\"id\": \"a\", \"unit\": \"%s\"}",
                                good[i]);
                spec_free(expect_new(request));
        }
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                (void) snprintf(request, sizeof(request), "{\"id\": \"a\", \"unit\": \"%s\"}",
                                bad[i]);
                expect_bad(request, "unit", "the name of a unit");
        }
        make_text(request, sizeof(request), "unit", UNIT_MAX_BYTES + 1);
        expect_bad(request, "unit", "at most");
        puts("ok: unit");
}

/* A request with n labels, variables or options, of which each is as key and value say. */
static char *make_many(const char *parameter, size_t n, const char *format)
{
        json_auto_t *object = json_pack("{s:s}", "id", "a");
        bool is_array = strcmp(parameter, "env") == 0;
        json_t *many = is_array ? json_array() : json_object();

        for (size_t i = 0; i < n; i++) {
                char key[64];

                (void) snprintf(key, sizeof(key), "%s%zu=x", format, i);
                if (is_array)
                        assert(json_array_append_new(many, json_string(key)) == 0);
                else
                        assert(json_object_set_new(many, key, json_string("")) == 0);
        }
        assert(json_object_set_new(object, parameter, many) == 0);
        return json_dumps(object, 0);
}

static void test_counts(void)
{
        static const struct {
                const char *parameter;
                size_t max;
        } lists[] = {
                { "labels", LABELS_MAX },
                { "env", ENV_MAX },
                { "options", OPTIONS_MAX },
        };

        for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
                _cleanup_free_ char *most = make_many(lists[i].parameter, lists[i].max, "k");
                _cleanup_free_ char *more = make_many(lists[i].parameter, lists[i].max + 1, "k");

                if (strcmp(lists[i].parameter, "options") != 0)
                        spec_free(expect_new(most));
                expect_bad(more, lists[i].parameter, "at most");
        }
        puts("ok: counts");
}

static void test_labels(void)
{
        json_auto_t *object = json_pack("{s:s, s:{}}", "id", "a", "labels");
        json_t *labels = json_object_get(object, "labels");
        char key[LABEL_KEY_MAX_BYTES + 2], value[LABEL_VALUE_MAX_BYTES + 2];
        char *text;

        memset(key, 'k', sizeof(key));
        memset(value, 'v', sizeof(value));
        for (unsigned i = 0; i < 4; i++) {
                bool is_long_key = i & 1, is_long_value = i & 2;

                key[LABEL_KEY_MAX_BYTES + is_long_key] = '\0';
                value[LABEL_VALUE_MAX_BYTES + is_long_value] = '\0';
                assert(json_object_clear(labels) == 0);
                assert(json_object_set_new(labels, key, json_string(value)) == 0);
                text = json_dumps(object, 0);
                if (i == 0)
                        spec_free(expect_new(text));
                else
                        expect_bad(text, "labels", is_long_key ? "a key has" : "a value is");
                free(text);
                key[LABEL_KEY_MAX_BYTES] = 'k';
                value[LABEL_VALUE_MAX_BYTES] = 'v';
        }
        expect_bad("{\"id\": \"a\", \"labels\": {\"\": \"x\"}}", "labels", "a key has 1 to");
        expect_bad("{\"id\": \"a\", \"labels\": {\"x\": 1}}", "labels", "a value is");
        expect_bad("{\"id\": \"a\", \"labels\": {\"x\": null}}", "labels", "a value is");
        puts("ok: labels");
}

static void test_env(void)
{
        expect_bad("{\"id\": \"a\", \"env\": [\"A\"]}", "env", "NAME=value");
        expect_bad("{\"id\": \"a\", \"env\": [\"\"]}", "env", "NAME=value");
        expect_bad("{\"id\": \"a\", \"env\": [\"=x\"]}", "env", "NAME=value");
        expect_bad("{\"id\": \"a\", \"env\": [\"A=1\", 2]}", "env", "NAME=value");
        expect_bad("{\"id\": \"a\", \"env\": [null]}", "env", "NAME=value");
        puts("ok: env");
}

static void test_driver(void)
{
        _cleanup_(refusal_done) Refusal refusal;
        Spec *spec;

        assert(try_new(&spec, "{\"id\": \"a\", \"driver\": \"bogus\"}", &refusal) == -EINVAL);
        assert(strcmp(refusal.error, "io.conlogd.NoSuchDriver") == 0);
        assert(strcmp(refusal_get(&refusal, "driver"), "bogus") == 0);
        assert(strcmp(json_string_value(
                              json_array_get(json_object_get(refusal.parameters, "known"), 0)),
                      "journald") == 0);
        refusal_done(&refusal);
        assert(try_new(&spec, "{\"id\": \"a\", \"driver\": \"\"}", &refusal) == -EINVAL);
        refusal_done(&refusal);

        assert(try_new(&spec,
                       "{\"id\": \"a\", \"driver\": \"none\", \"options\": {\"tag\": \"x\"}}",
                       &refusal) == -EINVAL);
        assert(strcmp(refusal.error, "io.conlogd.InvalidOption") == 0);
        assert(strcmp(refusal_get(&refusal, "driver"), "none") == 0);
        assert(strcmp(refusal_get(&refusal, "key"), "tag") == 0);
        assert(strstr(refusal_get(&refusal, "rule"), "no such option"));
        refusal_done(&refusal);
        assert(try_new(&spec, "{\"id\": \"a\", \"options\": {\"timestamp\": \"maybe\"}}",
                       &refusal) == -EINVAL);
        assert(strncmp(refusal_get(&refusal, "rule"), "must be yes or no", 17) == 0);
        expect_bad("{\"id\": \"a\", \"options\": {\"tag\": 1}}", "options", "the value of tag");
        puts("ok: driver");
}

/* Options of the configuration are those of a container that says nothing else. They are written
 * down with it: the next configuration is for the next container. */
static void test_configured(void)
{
        ConfigOption options[] = {
                { driver_find("journald"), (char *) "tag", (char *) "configured" },
                { driver_find("journald"), (char *) "timestamp", (char *) "yes" },
                { driver_find("none"), (char *) "level-prefix", (char *) "no" },
        };
        const Config config = {
                .default_drivers = { driver_find("none") },
                .n_default_drivers = 1,
                .options = options,
                .n_options = ARRAY_SIZE(options),
        };
        _cleanup_(refusal_done) Refusal refusal;
        _cleanup_(spec_freep) Spec *a = NULL, *b = NULL, *again = NULL;
        _cleanup_free_ char *text = NULL;

        assert(try_config(&a, "{\"id\": \"a\"}", &config, &refusal) == 0);
        assert(has_driver(a, 0, "none", 1) && a->n_drivers == 1);
        assert(strcmp(get_option(a, 0, "level-prefix"), "no") == 0);

        assert(try_config(
                       &b,
                       "{\"id\": \"a\", \"driver\": \"journald\", \"options\": {\"tag\": \"own\"}}",
                       &config, &refusal) == 0);
        assert(has_driver(b, 0, "journald", 2) && b->n_drivers == 1);
        assert(strcmp(get_option(b, 0, "tag"), "own") == 0);
        assert(strcmp(get_option(b, 0, "timestamp"), "yes") == 0);

        text = spec_format(b);
        assert(spec_parse(&again, span_from_string(text), "host", &refusal) == 0);
        assert(has_driver(again, 0, "journald", 2));
        assert(strcmp(get_option(again, 0, "timestamp"), "yes") == 0);
        puts("ok: configured");
}

static bool text_equal(const char *a, const char *b)
{
        return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool pairs_equal(const Pair *a, size_t n_a, const Pair *b, size_t n_b)
{
        for (size_t i = 0; i < n_a && n_a == n_b; i++)
                if (!text_equal(a[i].key, b[i].key) || !text_equal(a[i].value, b[i].value))
                        return false;
        return n_a == n_b;
}

static void test_round_trip(void)
{
        static const char *const requests[] = {
                "{\"id\": \"web\"}",
                "{\"id\": \"web\", \"name\": \"/ä\\\"\", \"image\": \"i\", \"imageId\": \"s\","
                " \"unit\": \"a.scope\", \"terminal\": true, \"driver\": \"none\","
                " \"labels\": {\"a\\nb\": \"\\t\\\\\", \"z\": \"€\"}, \"env\": [\"A=1\", \"A=2\"],"
                " \"options\": {\"level-prefix\": \"no\"}}",
                "{\"id\": \"web\", \"moreDrivers\": [{\"driver\": \"none\"}]}",
        };

        for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
                _cleanup_(spec_freep) Spec *a = expect_new(requests[i]), *b = NULL;
                _cleanup_(refusal_done) Refusal refusal = {};
                _cleanup_free_ char *text = spec_format(a), *again = NULL;

                assert(spec_parse(&b, span_from_string(text), "host", &refusal) == 0);
                assert(text_equal(a->facts.id, b->facts.id));
                assert(text_equal(a->facts.epoch, b->facts.epoch));
                assert(text_equal(a->facts.name, b->facts.name));
                assert(text_equal(a->facts.image, b->facts.image));
                assert(text_equal(a->facts.image_id, b->facts.image_id));
                assert(text_equal(a->facts.unit, b->facts.unit));
                assert(pairs_equal(a->facts.labels, a->facts.n_labels, b->facts.labels,
                                   b->facts.n_labels));
                assert(pairs_equal(a->facts.env, a->facts.n_env, b->facts.env, b->facts.n_env));
                for (size_t k = 0; k < a->n_drivers; k++) {
                        const Options *o = &a->drivers[k].options, *p = &b->drivers[k].options;

                        assert(a->drivers[k].driver == b->drivers[k].driver);
                        assert(pairs_equal(o->pairs, o->n_pairs, p->pairs, p->n_pairs));
                }
                assert(a->created_usec == b->created_usec && a->is_terminal == b->is_terminal);
                assert(a->n_drivers == b->n_drivers);
                again = spec_format(b);
                assert(strcmp(text, again) == 0);
        }
        puts("ok: round trip");
}

/* The version says who can read it: only pipes that were handed over need a newer daemon. */
static void test_pipes(void)
{
        const struct stat out = { .st_dev = 14, .st_ino = (ino_t) -2 }, err = { .st_ino = 5 };
        _cleanup_(spec_freep) Spec *a = expect_new("{\"id\": \"web\"}"), *b = NULL, *c = NULL;
        _cleanup_free_ char *plain = spec_format(a), *text = NULL, *gone = NULL;
        _cleanup_(refusal_done) Refusal refusal = {};

        assert(!a->is_adopted && strstr(plain, "\"version\":1,"));
        assert(spec_set_pipe(a, ENTRY_STDOUT, &out) == 0);
        assert(spec_set_pipe(a, ENTRY_STDERR, &err) == 0);
        text = spec_format(a);
        assert(strstr(text, "\"version\":2,"));
        assert(spec_parse(&b, span_from_string(text), "host", &refusal) == 0);
        assert(b->is_adopted && memcmp(a->pipes, b->pipes, sizeof(a->pipes)) == 0);
        assert(b->pipes[ENTRY_STDOUT].is_given && !b->pipes[ENTRY_STDOUT].is_gone);
        assert(b->pipes[ENTRY_STDOUT].dev == out.st_dev &&
               b->pipes[ENTRY_STDOUT].ino == out.st_ino);

        assert(spec_set_pipe(b, ENTRY_STDOUT, NULL) == 0);
        gone = spec_format(b);
        assert(spec_parse(&c, span_from_string(gone), "host", &refusal) == 0);
        assert(c->pipes[ENTRY_STDOUT].is_given && c->pipes[ENTRY_STDOUT].is_gone);
        assert(c->pipes[ENTRY_STDERR].is_given && c->pipes[ENTRY_STDERR].ino == err.st_ino);
        puts("ok: pipes");
}

static int try_parse(const char *text, size_t size)
{
        _cleanup_(refusal_done) Refusal refusal = {};
        Spec *spec = NULL;
        int r;

        r = spec_parse(&spec, (Span){ text, size }, "host", &refusal);
        assert((r == 0) == (spec != NULL) && (r == -EINVAL) == (refusal.error != NULL));
        spec_freep(&spec);
        return r;
}

#define GOOD_EPOCH "\"epoch\": \"00112233445566778899aabbccddeeff\""
#define GOOD_REQUEST "\"request\": {\"id\": \"a\", \"driver\": \"none\"}"

/* A file of a daemon before this one, or after, or of somebody else. */
static void test_parse(void)
{
        static const struct {
                const char *text;
                int r;
        } cases[] = {
                { "{\"version\": 1, " GOOD_EPOCH ", " GOOD_REQUEST "}", 0 },
                { "{\"version\": 1, " GOOD_EPOCH ", " GOOD_REQUEST ", \"more\": []}", 0 },
                { "{\"version\": 2, " GOOD_EPOCH ", " GOOD_REQUEST "}", 0 },
                { "{\"version\": 3, " GOOD_EPOCH ", " GOOD_REQUEST "}", 0 },
                { "{\"version\": 4, " GOOD_EPOCH ", " GOOD_REQUEST "}", -EPROTO },
                { "{\"version\": 4}", -EPROTO },
                { "{\"version\": 0, " GOOD_EPOCH ", " GOOD_REQUEST "}", -EINVAL },
                { "{\"version\": -1, " GOOD_EPOCH ", " GOOD_REQUEST "}", -EINVAL },
                { "{\"version\": \"1\", " GOOD_EPOCH ", " GOOD_REQUEST "}", -EINVAL },
                { "{" GOOD_EPOCH ", " GOOD_REQUEST "}", -EINVAL },
                { "{\"version\": 1, " GOOD_REQUEST "}", -EINVAL },
                { "{\"version\": 1, \"epoch\": \"0011\", " GOOD_REQUEST "}", -EINVAL },
                { "{\"version\": 1, \"epoch\": \"00112233445566778899AABBCCDDEEFF\", " GOOD_REQUEST
                  "}",
                  -EINVAL },
                { "{\"version\": 1, " GOOD_EPOCH "}", -EINVAL },
                { "{\"version\": 1, " GOOD_EPOCH ", \"request\": []}", -EINVAL },
                { "{\"version\": 1, " GOOD_EPOCH ", \"request\": {\"id\": \"a\"}}", -EINVAL },
                { "{\"version\": 1, " GOOD_EPOCH ", \"request\": {\"id\": \"..\", \"driver\": "
                  "\"none\"}}",
                  -EINVAL },
                { "{\"version\": 1, \"version\": 1, " GOOD_EPOCH ", " GOOD_REQUEST "}", -EINVAL },
                { "{\"version\": 1, " GOOD_EPOCH ", " GOOD_REQUEST "} x", -EINVAL },
                { "[]", -EINVAL },
                { "1", -EINVAL },
                { "", -EINVAL },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                assert(try_parse(cases[i].text, strlen(cases[i].text)) == cases[i].r);

        /* Cut at any byte. */
        for (size_t i = 0; i < strlen(cases[0].text); i++)
                assert(try_parse(cases[0].text, i) == -EINVAL);
        puts("ok: parse");
}

int main(void)
{
        test_smallest();
        test_no_stdin();
        test_everything();
        test_id();
        test_texts();
        test_absent();
        test_unit();
        test_counts();
        test_labels();
        test_env();
        test_driver();
        test_configured();
        test_round_trip();
        test_pipes();
        test_parse();
        return 0;
}
