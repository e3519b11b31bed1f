/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The verbs that make and end streams: create, run, adopt, exec, remove.
 */

#include "tool/arguments.h"

int launch_create(const Arguments *a);
int launch_run(const Arguments *a);
int launch_adopt(const Arguments *a);
int launch_exec(const Arguments *a);
int launch_remove(const Arguments *a);
