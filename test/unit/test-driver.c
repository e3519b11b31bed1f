/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The table of drivers and their options: every option with values that are taken and refused. */

#undef NDEBUG

#include <stdio.h>
#include <string.h>

#include "driver/driver.h"

#define CHARS_64 "0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789ABCDEF"

/* Rows without a value for an option of the table make the test fail. */
static const struct {
        const char *driver;
        const char *key;
        const char *preset;
        const char *good[8];
        const char *bad[12];
} rows[] = {
        {
                .driver = "journald",
                .key = "tag",
                .preset = "{{.ID}}",
                .good = { "{{.ID}}", "web", "{{.ImageName}}/{{ .Name }}", "a b",
                          "{{index .ContainerLabels \"x\"}}" },
                .bad = { "", "{{.ID", "{{.Bogus}}", "{{}}", "{{index .ContainerEnv X}}" },
        },
        {
                .driver = "journald",
                .key = "labels",
                .good = { "a", "a,b.c/d", "*" },
                .bad = { "", ",", "a,", ",a", "a,,b" },
        },
        {
                .driver = "journald",
                .key = "labels-regex",
                .good = { "^com\\.example\\.", "a|b", "", "(ab)?c", "[a-z]+" },
                .bad = { "(", "[a", "*+", "a{2}", "(a)\\1", "(a+)+" },
        },
        {
                .driver = "journald",
                .key = "env",
                .good = { "PATH", "A,B" },
                .bad = { "", "A,", "A,,B" },
        },
        {
                .driver = "journald",
                .key = "env-regex",
                .good = { "^APP_", ".*" },
                .bad = { "(", "a{1,1000}" },
        },
        {
                .driver = "journald",
                .key = "timestamp",
                .preset = "no",
                .good = { "yes", "No", "TRUE", "0", "on" },
                .bad = { "", "y", "2", " yes", "yes " },
        },
        {
                .driver = "journald",
                .key = "journal-namespace",
                .good = { "web", "a.b-c_d", CHARS_64, "9" },
                .bad = { "", ".", "..", ".hidden", "a/b", "../x", "a b", "a\n", "ä", "a%b", "@",
                         CHARS_64 "x" },
        },
        {
                .driver = "journald",
                .key = "parse",
                .preset = "none",
                .good = { "json" },
                .bad = { "", "JSON", "yes" },
        },
        /* local has the same table. */
        {
                .driver = "json-file",
                .key = "max-size",
                .preset = "20M",
                .good = { "64K", "65536", "10m", "1024G", "unlimited" },
                .bad = { "", "0", "63K", "65535", "1025G", "-1", "Unlimited", "1.5M", "10MB" },
        },
        {
                .driver = "json-file",
                .key = "max-file",
                .preset = "5",
                .good = { "1", "2", "1000" },
                .bad = { "", "0", "1001", "-1", "2K", "five" },
        },
        {
                .driver = "json-file",
                .key = "compress",
                .preset = "yes",
                .good = { "yes", "no", "true", "0" },
                .bad = { "", "gzip", "2" },
        },
        {
                .driver = "json-file",
                .key = "tag",
                .good = { "{{.ID}}", "web" },
                .bad = { "", "{{.Bogus}}" },
        },
        {
                .driver = "json-file",
                .key = "labels",
                .good = { "a,b" },
                .bad = { "", "a,," },
        },
        {
                .driver = "json-file",
                .key = "labels-regex",
                .good = { "^com\\." },
                .bad = { "(" },
        },
        {
                .driver = "json-file",
                .key = "env",
                .good = { "PATH" },
                .bad = { "", "A," },
        },
        {
                .driver = "json-file",
                .key = "env-regex",
                .good = { "^APP_" },
                .bad = { "a{2}" },
        },
        {
                .driver = "k8s-file",
                .key = "max-size",
                .preset = "10M",
                .good = { "64K", "unlimited" },
                .bad = { "", "1K" },
        },
        {
                .driver = "k8s-file",
                .key = "max-file",
                .preset = "5",
                .good = { "1", "1000" },
                .bad = { "", "0" },
        },
        {
                .driver = "k8s-file",
                .key = "compress",
                .preset = "no",
                .good = { "yes", "no" },
                .bad = { "", "maybe" },
        },
        {
                .driver = "k8s-file",
                .key = "path",
                .good = { "/var/log/pods/a_b_c/web/0.log", "/srv/log", "/a/..b", "/a/b.",
                          "/var/log/conlogd2/x" },
                .bad = { "", "log", "./log", "/log", "/a//b", "/a/../b", "/a/./b", "/a/b/", "/a/.",
                         LOGS_DIR "/web/x", RUN_DIR "/containers/web/state", LOGS_DIR },
        },
        /* Those that all drivers have. */
        {
                .key = "mode",
                .preset = "blocking",
                .good = { "non-blocking" },
                .bad = { "", "non_blocking", "Blocking", "blocking " },
        },
        {
                .key = "drop",
                .preset = "oldest",
                .good = { "newest" },
                .bad = { "", "new" },
        },
        {
                .key = "max-buffer-size",
                .good = { "8K", "8192", "1m", "64M" },
                .bad = { "", "0", "8191", "64.5K", "65M", "-1", "1T" },
        },
        {
                .key = "rate-limit-lines",
                .good = { "1", "1000000" },
                .bad = { "", "0", "1000001", "1K", "-1", "10/s" },
        },
        {
                .key = "rate-limit-bytes",
                .good = { "1", "100K", "1G" },
                .bad = { "", "0", "2G", "18446744073709551616" },
        },
        {
                .key = "rate-limit-burst",
                .preset = "1s",
                .good = { "1s", "5min", "1h" },
                .bad = { "", "999ms", "2h" },
        },
        {
                .key = "rate-limit-action",
                .preset = "block",
                .good = { "drop" },
                .bad = { "", "no" },
        },
        {
                .key = "level-prefix",
                .preset = "yes",
                .good = { "yes", "off" },
                .bad = { "", "maybe", "3" },
        },
        {
                .key = "multiline-start",
                .good = { "^[^[:space:]]", "^[0-9]{4}-", "^(<[0-7]>)?[A-Z]", "x" },
                .bad = { "", "(", "\\d", "(a)\\1", "a**", "[[:bogus:]]", "a{1000}" },
        },
        {
                .key = "multiline-timeout",
                .preset = "1s",
                .good = { "100ms", "5", "1h" },
                .bad = { "", "99ms", "61min", "-1" },
        },
        {
                .key = "multiline-max-lines",
                .preset = "500",
                .good = { "2", "10000" },
                .bad = { "", "1", "10001", "1K" },
        },
        {
                .key = "multiline-max-bytes",
                .good = { "1K", "28K", "28672" },
                .bad = { "", "1023", "29K", "0" },
        },
};

static int check(const Driver *driver, const char *key, const char *value,
                 char reason[REASON_MAX_BYTES])
{
        Pair pair = { key, value };
        const char *bad_key = NULL;
        int r;

        reason[0] = '\0';
        r = options_check(driver, &(Options){ &pair, 1 }, &bad_key, reason);
        assert(r == 0 || (r == -EINVAL && bad_key == key));
        return r;
}

static void test_values(void)
{
        char reason[REASON_MAX_BYTES];

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const Driver *driver = driver_find(rows[i].driver ?: "none");
                const char *preset = options_get(driver, &(Options){}, rows[i].key);

                assert(preset ? strcmp(preset, rows[i].preset) == 0 : !rows[i].preset);
                if (preset)
                        assert(check(driver, rows[i].key, preset, reason) == 0);
                for (size_t k = 0; k < ARRAY_SIZE(rows[i].good) && rows[i].good[k]; k++)
                        assert(check(driver, rows[i].key, rows[i].good[k], reason) == 0);
                for (size_t k = 0; k < ARRAY_SIZE(rows[i].bad) && rows[i].bad[k]; k++) {
                        assert(check(driver, rows[i].key, rows[i].bad[k], reason) == -EINVAL);
                        assert(strlen(reason) > 5);
                }
        }
        puts("ok: values");
}

static bool is_covered(const char *driver, const char *key)
{
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (strcmp(rows[i].driver ?: "", driver) == 0 && strcmp(rows[i].key, key) == 0)
                        return true;
        return false;
}

static void test_table(void)
{
        assert(strcmp(drivers[0]->name, "journald") == 0);
        for (size_t i = 0; drivers[i]; i++) {
                const Driver *driver = drivers[i];

                if (driver->options == driver_find("json-file")->options)
                        driver = driver_find("json-file");
                assert(driver_find(driver->name) == driver && *driver->description);
                for (size_t k = 0; k < driver->n_options; k++) {
                        assert(is_covered(driver->name, driver->options[k].key));
                        assert(driver->options[k].rule && driver->options[k].check);
                }
        }
        for (size_t k = 0; k < n_common_options; k++)
                assert(is_covered("", common_options[k].key));
        assert(!driver_find("bogus") && !driver_find("") && !driver_find("journald "));
        puts("ok: table");
}

/* Where there is no place for a priority, its prefix is a part of the line. */
static void test_level_prefix(void)
{
        Pair pair = { "level-prefix", "yes" };

        for (size_t i = 0; drivers[i]; i++) {
                bool is_file = drivers[i]->rotate != NULL;

                assert(options_get_bool(drivers[i], &(Options){}, "level-prefix") == !is_file);
                assert(options_get_bool(drivers[i], &(Options){ &pair, 1 }, "level-prefix"));
        }
        puts("ok: level prefix");
}

static void test_refused(void)
{
        const Driver *driver = driver_find("journald");
        char reason[REASON_MAX_BYTES], longest[OPTION_VALUE_MAX_BYTES + 2];
        const char *key;
        Pair pairs[] = { { "timestamp", "yes" }, { "tag", "" }, { "bogus", "1" } };

        /* The first one that is wrong is the one that is named. */
        assert(options_check(driver, &(Options){ pairs, 3 }, &key, reason) == -EINVAL);
        assert(strcmp(key, "tag") == 0);
        assert(options_check(driver, &(Options){ pairs, 1 }, &key, reason) == 0);
        assert(options_check(driver, &(Options){}, &key, reason) == 0);

        assert(check(driver, "bogus", "1", reason) == -EINVAL && strstr(reason, "no such option"));
        assert(check(driver, "", "1", reason) == -EINVAL);
        assert(check(driver, "Tag", "a", reason) == -EINVAL);
        assert(check(driver_find("none"), "tag", "a", reason) == -EINVAL);
        assert(check(driver, "timestamp", "maybe", reason) == -EINVAL);
        assert(strncmp(reason, "must be yes or no", strlen("must be yes or no")) == 0);

        memset(longest, 'x', sizeof(longest) - 1);
        longest[OPTION_VALUE_MAX_BYTES] = '\0';
        assert(check(driver, "labels", longest, reason) == 0);
        longest[OPTION_VALUE_MAX_BYTES] = 'x';
        longest[OPTION_VALUE_MAX_BYTES + 1] = '\0';
        assert(check(driver, "labels", longest, reason) == -EINVAL && strstr(reason, "4096"));
        puts("ok: refused");
}

static void test_get(void)
{
        const Driver *driver = driver_find("journald");
        Pair pairs[] = { { "timestamp", "ON" }, { "level-prefix", "no" } };
        Options given = { pairs, 2 }, none = {};

        assert(strcmp(options_get(driver, &given, "timestamp"), "ON") == 0);
        assert(options_get_bool(driver, &given, "timestamp"));
        assert(!options_get_bool(driver, &given, "level-prefix"));
        assert(!options_get_bool(driver, &none, "timestamp"));
        assert(options_get_bool(driver, &none, "level-prefix"));
        assert(!options_get(driver, &given, "labels"));
        puts("ok: get");
}

/* The driver that keeps nothing takes everything. */
static void test_none(void)
{
        const Driver *driver = driver_find("none");
        char reason[REASON_MAX_BYTES];
        Sink *sink = NULL;
        const char *key;
        Entry entries[3] = {};

        assert(driver->open(driver, NULL, &(Facts){}, &(Options){}, &sink, &key, reason) == 0);
        assert(sink->driver == driver);
        assert(!driver->is_busy(sink));
        assert(driver->write(sink, entries, 3) == 3);
        sink_freep(&sink);
        assert(!sink && !sink_free(NULL));
        puts("ok: none");
}

int main(void)
{
        test_table();
        test_values();
        test_level_prefix();
        test_refused();
        test_get();
        test_none();
        return 0;
}
