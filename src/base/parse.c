/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Text to values; see the header. */

#include <string.h>
#include <strings.h>

#include "base/parse.h"

typedef struct Unit {
        const char *suffix;
        uint64_t factor;
} Unit;

int parse_bool(const char *s, bool *ret)
{
        static const char *const yes[] = { "yes", "true", "on", "1" };
        static const char *const no[] = { "no", "false", "off", "0" };

        for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
                if (strcasecmp(s, yes[i]) == 0) {
                        *ret = true;
                        return 0;
                }
                if (strcasecmp(s, no[i]) == 0) {
                        *ret = false;
                        return 0;
                }
        }
        return -EINVAL;
}

/* Digits, then one of the units. The first unit is the one an absent suffix means. */
static int parse_scaled(const char *s, const Unit *units, size_t n_units, uint64_t min,
                        uint64_t max, uint64_t *ret)
{
        uint64_t value = 0;
        size_t n_digits;

        n_digits = strspn(s, "0123456789");
        if (n_digits == 0)
                return -EINVAL;

        for (size_t i = 0; i < n_digits; i++)
                if (__builtin_mul_overflow(value, (uint64_t) 10, &value) ||
                    __builtin_add_overflow(value, (uint64_t) (s[i] - '0'), &value))
                        return -ERANGE;

        for (size_t i = 0; i < n_units; i++) {
                if (strcasecmp(s + n_digits, units[i].suffix) != 0)
                        continue;
                if (__builtin_mul_overflow(value, units[i].factor, &value) || value < min ||
                    value > max)
                        return -ERANGE;
                *ret = value;
                return 0;
        }
        return -EINVAL;
}

int parse_unsigned(const char *s, uint64_t min, uint64_t max, uint64_t *ret)
{
        static const Unit units[] = { { "", 1 } };

        return parse_scaled(s, units, ARRAY_SIZE(units), min, max, ret);
}

int parse_size(const char *s, uint64_t min, uint64_t max, uint64_t *ret)
{
        static const Unit units[] = {
                { "", 1 },
                { "K", UINT64_C(1) << 10 },
                { "M", UINT64_C(1) << 20 },
                { "G", UINT64_C(1) << 30 },
        };

        return parse_scaled(s, units, ARRAY_SIZE(units), min, max, ret);
}

int parse_usec(const char *s, uint64_t min, uint64_t max, uint64_t *ret)
{
        static const Unit units[] = {
                { "", UINT64_C(1000000) },     { "ms", UINT64_C(1000) },
                { "s", UINT64_C(1000000) },    { "min", UINT64_C(60000000) },
                { "h", UINT64_C(3600000000) },
        };

        return parse_scaled(s, units, ARRAY_SIZE(units), min, max, ret);
}
