/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How the lines of a container get to its driver: whether it waits for a busy one, how much its
 * FIFOs hold, how fast it may log, and which lines are joined. From the options that every driver
 * has.
 */

#include "daemon/rate.h"
#include "driver/driver.h"
#include "record/group.h"

typedef struct Delivery {
        bool has_level_prefix;
        bool is_nonblocking;   /* does not wait: lines are dropped when its buffer is full */
        bool drops_newest;     /* of these, the ones that come while it is full; else the oldest */
        uint32_t buffer_bytes; /* of each FIFO; 0: as the kernel makes them */
        Rate *rate;            /* NULL: no limit */
        GroupRules group;      /* which lines are joined */
        uint64_t group_timeout_usec;
} Delivery;

/*
 * Options that have passed options_check(). Returns 0, or -ENOMEM, or when they do not go together
 * -EINVAL with the key (a literal) and the rule.
 */
int delivery_init(Delivery *delivery, const Driver *driver, const Options *options,
                  const char **ret_key, char reason[REASON_MAX_BYTES]);
void delivery_done(Delivery *delivery);
