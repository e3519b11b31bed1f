/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* conlogd.conf: refused with a reason, or every value in it keeps its rule. */

#include "fuzz.h"

#include "../temporary.h"
#include "base/buffer.h"
#include "daemon/config.h"

static Temporary temporary;

static void on_exit_remove(void)
{
        temporary_done(&temporary);
}

/* Loads the bytes with some text behind them. */
static int load(const uint8_t *data, size_t size, const char *more, Config **ret,
                ConfigError *error)
{
        _cleanup_buffer_ Buffer b = {};

        if (temporary.fd == 0) {
                temporary_init(&temporary);
                assert(atexit(on_exit_remove) == 0);
        }
        assert(buffer_append(&b, data, size) == 0 && buffer_append_string(&b, more) == 0);
        temporary_write_bytes(&temporary, "conlogd.conf", b.data, b.size);
        return config_load(ret, (const char *const[]){ temporary.path, NULL }, error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(config_freep) Config *config = NULL;
        char reason[REASON_MAX_BYTES];
        ConfigError error = {};
        const char *key;
        int r;

        r = load(data, size, "", &config, &error);
        if (r < 0) {
                assert(r == -EINVAL && !config);
                assert(strstr(error.file, "/conlogd.conf") && error.line > 0 && error.rule[0]);
                return 0;
        }

        assert(config->n_default_drivers >= 1 &&
               config->n_default_drivers <= DRIVERS_PER_CONTAINER_MAX);
        for (size_t i = 0; i < config->n_default_drivers; i++) {
                const Driver *driver = config->default_drivers[i];

                assert(driver_find(driver->name) == driver && config_is_default(config, driver));
                for (size_t k = 0; k < i; k++)
                        assert(config->default_drivers[k] != driver);
        }
        assert(config->containers_max >= 1 && config->containers_max <= CONTAINERS_MAX);
        assert(config->idle_usec >= 1000000 && config->idle_usec <= UINT64_C(86400000000));
        for (size_t i = 0; i < config->n_options; i++) {
                const ConfigOption *o = &config->options[i];
                Pair pair = { o->key, o->value };

                assert(options_check(o->driver, &(Options){ &pair, 1 }, &key, reason) == 0);
                for (size_t k = 0; k < i; k++)
                        assert(o->driver != config->options[k].driver ||
                               strcmp(o->key, config->options[k].key) != 0);
        }

        /* What is taken whole has no part that would swallow a bad line. */
        config = config_free(config);
        assert(load(data, size, "\ngarbage\n", &config, &error) == -EINVAL && !config);
        return 0;
}

bool fuzz_accepts(const uint8_t *data, size_t size)
{
        Config *config = NULL;
        int r;

        r = load(data, size, "", &config, &(ConfigError){});
        config_freep(&config);
        return r == 0;
}
