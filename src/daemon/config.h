/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * conlogd.conf(5) and its drop-ins. A file is taken whole or not at all: any line that is not
 * understood refuses the configuration, with its file and line.
 */

#include "base/limits.h"
#include "driver/driver.h"

#define CONFIG_IDLE_DEFAULT_USEC UINT64_C(60000000)

/* A driver option that is set for all containers of that driver. */
typedef struct ConfigOption {
        const Driver *driver;
        char *key;
        char *value;
} ConfigOption;

typedef struct Config {
        const Driver *default_drivers[DRIVERS_PER_CONTAINER_MAX]; /* each one once */
        size_t n_default_drivers;                                 /* at least one */
        unsigned containers_max;
        uint64_t idle_usec;
        ConfigOption *options;
        size_t n_options;
} Config;

/* Where and why a configuration was refused. */
typedef struct ConfigError {
        char file[256];
        unsigned line; /* 0: the file as a whole */
        char rule[REASON_MAX_BYTES];
} ConfigError;

/*
 * Reads conlogd.conf and conlogd.conf.d/<name>.conf, in the order of their names, of each of the
 * directories in dirs (NULL-terminated, the most important one last); files that are not there are
 * no error, later settings win. Returns 0, -EINVAL with the error filled, or -ENOMEM.
 */
int config_load(Config **ret, const char *const *dirs, ConfigError *error);

/* Whether that is one of the drivers of containers that name none. */
bool config_is_default(const Config *config, const Driver *driver);

/* What is set for all containers of that driver, or NULL. */
const char *config_get_option(const Config *config, const Driver *driver, const char *key);

/* What applies without any file. */
int config_new(Config **ret);
Config *config_free(Config *config);
DEFINE_CLEANUP(Config, config_free);
