/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Text to values, for options and configuration. Nothing is written on failure; surrounding white
 * space, signs and trailing bytes are refused with -EINVAL.
 */

#include "base/base.h"

/* yes/no, true/false, on/off, 1/0, in any case of letters. */
int parse_bool(const char *s, bool *ret);

/* A decimal number. -ERANGE outside min..max. */
int parse_unsigned(const char *s, uint64_t min, uint64_t max, uint64_t *ret);

/* Bytes with an optional suffix K, M or G (binary, 1K = 1024). -ERANGE outside min..max. */
int parse_size(const char *s, uint64_t min, uint64_t max, uint64_t *ret);

/* A time with an optional suffix ms, s, min or h (default s), in µs. -ERANGE outside min..max. */
int parse_usec(const char *s, uint64_t min, uint64_t max, uint64_t *ret);
