/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The verb logs: shows what a container has written, and follows it.
 */

#include "tool/arguments.h"

int logs_run(const Arguments *a);
