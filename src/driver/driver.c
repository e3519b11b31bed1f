/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The drivers; see the header. */

#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "driver/driver.h"

/* One row, one file. */
extern const Driver driver_journald;
extern const Driver driver_none;

const Driver *const drivers[] = {
        &driver_journald,
        &driver_none,
        NULL,
};

int driver_check_bool(const char *value, char reason[REASON_MAX_BYTES])
{
        bool b;

        return parse_bool(value, &b);
}

const DriverOption common_options[] = {
        {
                .key = "level-prefix",
                .preset = "yes",
                .rule = "yes or no: whether <0> to <7> at the start of a line sets its priority",
                .check = driver_check_bool,
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

static const DriverOption *option_find(const Driver *driver, const char *key)
{
        for (size_t i = 0; i < driver->n_options; i++)
                if (strcmp(driver->options[i].key, key) == 0)
                        return &driver->options[i];
        for (size_t i = 0; i < n_common_options; i++)
                if (strcmp(common_options[i].key, key) == 0)
                        return &common_options[i];
        return NULL;
}

const char *options_get(const Driver *driver, const Options *options, const char *key)
{
        const DriverOption *option = ASSERT_PTR(option_find(driver, key));
        const char *value = pairs_find(options->pairs, options->n_pairs, key);

        return value ?: option->preset;
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
                const DriverOption *option = option_find(driver, pair->key);

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
