/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which drivers a container has, as the JSON of requests says it: each choice is an object with
 * "driver" and "options". The first one is the request itself, the others are in "moreDrivers".
 */

#include <jansson.h>

#include "daemon/config.h"
#include "daemon/refusal.h"

/* What Set was told. Members are borrowed from its call, and NULL where they were absent. */
typedef struct Change {
        const char *driver; /* whose options; the first driver's otherwise */
        json_t *options;    /* values are strings, or null for the default */
        json_t *add;        /* a choice */
        const char *remove; /* the driver to take away */
} Change;

/* Checks what the parser of calls does not look into: the members of "moreDrivers". 0, or -EINVAL
 * with the refusal. */
int choices_check(json_t *request, Refusal *refusal);

/* The request with its drivers named, and the configuration's options for them filled in. 0, or
 * -ENOMEM. */
int choices_complete(json_t *request, const Config *config, json_t **ret);

/* The request, which was complete, as the change makes it. Whether the values of options keep their
 * rules is not looked at. 0, or -EINVAL with the refusal, or -ENOMEM. */
int choices_change(json_t *request, const Change *change, const Config *config, json_t **ret,
                   Refusal *refusal);
