/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The drivers; see the header. */

#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "driver/driver.h"
#include "record/pattern.h"

/* One row, one file. */
extern const Driver driver_journald;
extern const Driver driver_json_file;
extern const Driver driver_k8s_file;
extern const Driver driver_local;
extern const Driver driver_none;

const Driver *const drivers[] = {
        &driver_journald, &driver_json_file, &driver_k8s_file, &driver_local, &driver_none, NULL,
};

int driver_check_bool(const char *value, char reason[REASON_MAX_BYTES])
{
        bool b;

        return parse_bool(value, &b);
}

static int check_mode(const char *value, char reason[REASON_MAX_BYTES])
{
        return strcmp(value, "blocking") == 0 || strcmp(value, "non-blocking") == 0 ? 0 : -EINVAL;
}

static int check_drop(const char *value, char reason[REASON_MAX_BYTES])
{
        return strcmp(value, "oldest") == 0 || strcmp(value, "newest") == 0 ? 0 : -EINVAL;
}

static int check_buffer_size(const char *value, char reason[REASON_MAX_BYTES])
{
        uint64_t n;

        return parse_size(value, BUFFER_MIN_BYTES, BUFFER_MAX_BYTES, &n);
}

static int check_lines(const char *value, char reason[REASON_MAX_BYTES])
{
        uint64_t n;

        return parse_unsigned(value, 1, RATE_MAX_LINES, &n);
}

static int check_bytes(const char *value, char reason[REASON_MAX_BYTES])
{
        uint64_t n;

        return parse_size(value, 1, RATE_MAX_BYTES, &n);
}

static int check_burst(const char *value, char reason[REASON_MAX_BYTES])
{
        uint64_t usec;

        return parse_usec(value, 1000000, RATE_MAX_BURST_USEC, &usec);
}

static int check_timeout(const char *value, char reason[REASON_MAX_BYTES])
{
        uint64_t usec;

        return parse_usec(value, MULTILINE_MIN_USEC, MULTILINE_MAX_USEC, &usec);
}

static int check_joined_lines(const char *value, char reason[REASON_MAX_BYTES])
{
        uint64_t n;

        return parse_unsigned(value, 2, MULTILINE_MAX_LINES, &n);
}

static int check_joined_bytes(const char *value, char reason[REASON_MAX_BYTES])
{
        uint64_t n;

        return parse_size(value, MULTILINE_MIN_BYTES, LINE_MAX_BYTES, &n);
}

static int check_action(const char *value, char reason[REASON_MAX_BYTES])
{
        return strcmp(value, "block") == 0 || strcmp(value, "drop") == 0 ? 0 : -EINVAL;
}

const DriverOption common_options[] = {
        {
                .key = "mode",
                .preset = "blocking",
                .rule = "blocking or non-blocking: whether the container waits when the driver is "
                        "busy and its buffer is full, or lines are dropped",
                .check = check_mode,
        },
        {
                .key = "drop",
                .preset = "oldest",
                .rule = "oldest or newest: which lines mode=non-blocking drops",
                .check = check_drop,
        },
        {
                .key = "max-buffer-size",
                .rule = "8K to what the kernel grants, such as 1M: the capacity of each FIFO",
                .check = check_buffer_size,
        },
        {
                .key = "rate-limit-lines",
                .rule = "1 to 1000000: lines a second",
                .check = check_lines,
        },
        {
                .key = "rate-limit-bytes",
                .rule = "1 to 1G: bytes a second, such as 100K",
                .check = check_bytes,
        },
        {
                .key = "rate-limit-burst",
                .preset = "1s",
                .rule = "1s to 1h: how long a quiet container saves up what it may log",
                .check = check_burst,
        },
        {
                .key = "rate-limit-action",
                .preset = "block",
                .rule = "block or drop: what happens to a container above its limit",
                .check = check_action,
        },
        {
                .key = "level-prefix",
                .preset = "yes",
                .rule = "yes or no: whether <0> to <7> at the start of a line sets its priority",
                .check = driver_check_bool,
        },
        {
                .key = "multiline-start",
                .rule = "an extended regular expression: lines that do not match it are joined to "
                        "the line before",
                .check = pattern_check,
        },
        {
                .key = "multiline-timeout",
                .preset = "1s",
                .rule = "100ms to 1h: after this time without a new line, joined lines are logged",
                .check = check_timeout,
        },
        {
                .key = "multiline-max-lines",
                .preset = "500",
                .rule = "2 to 10000: joined into one at most",
                .check = check_joined_lines,
        },
        {
                .key = "multiline-max-bytes",
                .rule = "1K to 28K: of joined lines",
                .check = check_joined_bytes,
        },
};
const size_t n_common_options = ARRAY_SIZE(common_options);

const Driver *driver_find(const char *name)
{
        for (size_t i = 0; drivers[i]; i++)
                if (strcmp(drivers[i]->name, name) == 0)
                        return drivers[i];
        return NULL;
}

const DriverOption *driver_find_option(const Driver *driver, const char *key)
{
        for (size_t i = 0; i < driver->n_options; i++)
                if (strcmp(driver->options[i].key, key) == 0)
                        return &driver->options[i];
        for (size_t i = 0; i < n_common_options; i++)
                if (strcmp(common_options[i].key, key) == 0)
                        return &common_options[i];
        return NULL;
}

const char *driver_get_preset(const Driver *driver, const DriverOption *option)
{
        return driver->has_no_priority && strcmp(option->key, "level-prefix") == 0 ? "no"
                                                                                   : option->preset;
}

const char *options_get(const Driver *driver, const Options *options, const char *key)
{
        const DriverOption *option = ASSERT_PTR(driver_find_option(driver, key));
        const char *value = pairs_find(options->pairs, options->n_pairs, key);

        return value ?: driver_get_preset(driver, option);
}

bool options_get_bool(const Driver *driver, const Options *options, const char *key)
{
        const char *value = options_get(driver, options, key);
        bool b = false;

        if (value)
                (void) parse_bool(value, &b);
        return b;
}

int options_check(const Driver *driver, const Options *options, const char **ret_key,
                  char reason[REASON_MAX_BYTES])
{
        for (size_t i = 0; i < options->n_pairs; i++) {
                const Pair *pair = &options->pairs[i];
                const DriverOption *option = driver_find_option(driver, pair->key);

                *ret_key = pair->key;
                if (!option) {
                        (void) snprintf(reason, REASON_MAX_BYTES,
                                        "the driver %s has no such option; \"conlogctl drivers\" "
                                        "lists those it has",
                                        driver->name);
                        return -EINVAL;
                }
                if (strlen(pair->value) > OPTION_VALUE_MAX_BYTES) {
                        (void) snprintf(reason, REASON_MAX_BYTES, "at most %u bytes",
                                        OPTION_VALUE_MAX_BYTES);
                        return -EINVAL;
                }
                reason[0] = '\0';
                if (option->check(pair->value, reason) < 0) {
                        if (reason[0] == '\0')
                                (void) snprintf(reason, REASON_MAX_BYTES, "must be %s",
                                                option->rule);
                        return -EINVAL;
                }
        }
        return 0;
}
