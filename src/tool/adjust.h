/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The verbs that change a container that is there: set, rotate.
 */

#include "tool/arguments.h"

int adjust_set(const Arguments *a);
int adjust_rotate(const Arguments *a);
