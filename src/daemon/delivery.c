/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How lines get to a driver; see the header. */

#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "daemon/delivery.h"

/* Of options that have been checked; 0 for one that is not set. */
static uint64_t get_size(const Driver *driver, const Options *options, const char *key)
{
        const char *value = options_get(driver, options, key);
        uint64_t n = 0;

        if (value)
                (void) parse_size(value, 0, UINT64_MAX, &n);
        return n;
}

static bool is_set_to(const Driver *driver, const Options *options, const char *key,
                      const char *value)
{
        const char *s = options_get(driver, options, key);

        return s && strcmp(s, value) == 0;
}

/* An option that has no meaning without another one. */
static int check_needs(const Options *options, const char *key, bool is_there, const char *needed,
                       const char **ret_key, char reason[REASON_MAX_BYTES])
{
        if (is_there || !pairs_find(options->pairs, options->n_pairs, key))
                return 0;
        *ret_key = key;
        (void) snprintf(reason, REASON_MAX_BYTES, "goes with %s only", needed);
        return -EINVAL;
}

static int delivery_init_rate(Delivery *d, const Driver *driver, const Options *options)
{
        uint64_t burst_usec = 1000000;

        d->rate = malloc(sizeof(*d->rate));
        if (!d->rate)
                return -ENOMEM;
        (void) parse_usec(options_get(driver, options, "rate-limit-burst"), 0, UINT64_MAX,
                          &burst_usec);
        rate_init(d->rate, get_size(driver, options, "rate-limit-lines"),
                  get_size(driver, options, "rate-limit-bytes"), burst_usec,
                  is_set_to(driver, options, "rate-limit-action", "drop"));
        return 0;
}

static int delivery_init_group(Delivery *d, const Driver *driver, const Options *options,
                               const char **ret_key, char reason[REASON_MAX_BYTES])
{
        static const char needed[] = "multiline-start=";
        static const char *const keys[] = {
                "multiline-timeout",
                "multiline-max-lines",
                "multiline-max-bytes",
        };
        const char *start = options_get(driver, options, "multiline-start");
        uint64_t max_lines = 0;
        int r;

        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                r = check_needs(options, keys[i], start, needed, ret_key, reason);
                if (r < 0)
                        return r;
        }
        if (!start)
                return 0;
        (void) parse_unsigned(options_get(driver, options, "multiline-max-lines"), 0, UINT64_MAX,
                              &max_lines);
        (void) parse_usec(options_get(driver, options, "multiline-timeout"), 0, UINT64_MAX,
                          &d->group_timeout_usec);
        d->group.max_lines = (size_t) max_lines;
        d->group.max_bytes = (size_t) get_size(driver, options, "multiline-max-bytes")
                                     ?: (size_t) LINE_MAX_BYTES;
        *ret_key = "multiline-start";
        return pattern_new(&d->group.start, start, reason);
}

int delivery_init(Delivery *d, const Driver *driver, const Options *options, const char **ret_key,
                  char reason[REASON_MAX_BYTES])
{
        static const char nonblocking[] = "mode=non-blocking";
        static const char limited[] = "rate-limit-lines= or rate-limit-bytes=";
        bool has_rate = options_get(driver, options, "rate-limit-lines") ||
                        options_get(driver, options, "rate-limit-bytes");
        int r;

        *d = (Delivery){
                .has_level_prefix = options_get_bool(driver, options, "level-prefix"),
                .is_nonblocking = is_set_to(driver, options, "mode", "non-blocking"),
                .drops_newest = is_set_to(driver, options, "drop", "newest"),
                .buffer_bytes = (uint32_t) get_size(driver, options, "max-buffer-size"),
        };
        r = check_needs(options, "drop", d->is_nonblocking, nonblocking, ret_key, reason);
        if (r >= 0)
                r = check_needs(options, "rate-limit-burst", has_rate, limited, ret_key, reason);
        if (r >= 0)
                r = check_needs(options, "rate-limit-action", has_rate, limited, ret_key, reason);
        if (r >= 0)
                r = delivery_init_group(d, driver, options, ret_key, reason);
        if (r < 0 || !has_rate)
                return r;
        return delivery_init_rate(d, driver, options);
}

void delivery_done(Delivery *d)
{
        free(TAKE_PTR(d->rate));
        d->group.start = pattern_free(d->group.start);
}
