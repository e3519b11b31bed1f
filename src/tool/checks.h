/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The checks of doctor: each a pure function of what was found at the host.
 */

#include "tool/finding.h"
#include "tool/host.h"

typedef struct Check {
        const char *name;
        void (*look)(const Host *host, Finding *ret); /* ret comes as {} */
} Check;

typedef struct Checks {
        const Check *items;
        size_t n_items;
} Checks;

extern const Checks kernel_checks;
extern const Checks unit_checks;
extern const Checks journal_checks;
extern const Checks daemon_checks;
