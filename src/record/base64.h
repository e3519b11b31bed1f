/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Base64 as RFC 4648 has it, with padding: bytes that JSON cannot hold.
 */

#include "base/span.h"

/* Writes (size / 3, rounded up) * 4 characters to p and returns the end. */
char *base64_put(char *p, Span bytes);

/* Writes the bytes to p, at most text.size / 4 * 3. Returns how many, or -EBADMSG. */
ssize_t base64_decode(char *p, Span text);
