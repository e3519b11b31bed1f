/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The system call filter of the process itself, inside that of the unit. policy/conlogd.syscalls is
 * the list; the table is made of it while building.
 */

#include "base/base.h"

/*
 * Loads the filter, for good. Calls that only an attack makes kill the process; other known calls
 * that are not on the list give EPERM, or kill it in test builds; calls that libseccomp does not
 * know give ENOSYS. Returns 0, or a negative errno: then nothing may be served.
 */
int sandbox_enter(void);
