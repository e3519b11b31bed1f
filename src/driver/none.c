/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The driver that keeps nothing: the FIFOs are drained and the container never waits. */

#include "driver/driver.h"

static int none_open(const Driver *d, DriverHost *host, const Facts *facts, const Options *options,
                     Sink **ret, const char **ret_key, char reason[REASON_MAX_BYTES])
{
        *ret = malloc(sizeof(**ret));
        if (!*ret)
                return -ENOMEM;
        **ret = (Sink){ .driver = d };
        return 0;
}

static size_t none_write(Sink *sink, const Entry *entries, size_t n)
{
        return n;
}

static bool none_is_busy(Sink *sink)
{
        return false;
}

static Sink *none_free(Sink *sink)
{
        free(sink);
        return NULL;
}

extern const Driver driver_none;
const Driver driver_none = {
        .name = "none",
        .description = "Reads what containers write and keeps nothing",
        .open = none_open,
        .write = none_write,
        .is_busy = none_is_busy,
        .free = none_free,
};
