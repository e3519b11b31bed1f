/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The errors of io.conlogd and org.varlink.service as sentences for people.
 */

#include <jansson.h>

#include "base/base.h"

/*
 * What went wrong, the rule that was broken, and what can be done about it; without a full stop at
 * the end, safe for a terminal. The caller frees it. NULL without memory.
 */
char *sentence_new(const char *error, json_t *parameters);
