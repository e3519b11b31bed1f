/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stdlib.h>

/* Whether each instruction costs many times what it should, as under valgrind: for the few tests
 * that do by the million what a tenth shows as well. */
static inline bool test_is_slow(void)
{
        return getenv("TEST_IS_SLOW") != NULL;
}
