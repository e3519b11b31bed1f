/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A number that somebody else sets, or why it is not known.
 */

#include "base/base.h"

#define FIGURE_INFINITY UINT64_MAX

typedef struct Figure {
        uint64_t n;
        int error; /* a negative errno; 0: n is known */
} Figure;
