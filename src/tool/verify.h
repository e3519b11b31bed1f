/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The verb verify: reads the journal back and accounts for every line of a container, in each of
 * its lives. Says which ordinals are missing, which came twice, and which of those with other
 * bytes.
 */

#include "tool/arguments.h"

/* All lines are there, as far as is known; something is missing or altered; nothing is, but the end
 * of a life is not known, so that lines may be missing there; it could not be found out. */
#define VERIFY_COMPLETE 0
#define VERIFY_INCOMPLETE 1
#define VERIFY_FAILED 2
#define VERIFY_OPEN 3

/* Returns one of these. */
int verify_run(const Arguments *a);
