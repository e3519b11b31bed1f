/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The verb doctor: looks at everything at this host that conlogd depends on, and says what is wrong
 * or too small, what comes of it, and what mends it. It changes nothing.
 */

#include "tool/arguments.h"

/* All is well; something is not; nothing was found, but not everything could be looked at. */
#define DOCTOR_WELL 0
#define DOCTOR_ILL 1
#define DOCTOR_FAILED 2

/* Returns one of these. */
int doctor_run(const Arguments *a);
