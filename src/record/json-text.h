/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The inside of a JSON string, written to the byte as Docker writes it, and read. Sixteen bytes are
 * looked at in a step, so both write up to fifteen bytes beyond the end.
 */

#include "base/span.h"

/* Room for a text: a byte becomes six at most. */
#define JSON_TEXT_MAX_BYTES(size) (6 * (size) + 16U)

/* Whose escapes: they differ in the tab. */
typedef enum JsonTextKind {
        JSON_TEXT_LOG,   /* Docker's own, for "log": \u0009 */
        JSON_TEXT_VALUE, /* those of Go's encoding/json, for attributes: \t */
} JsonTextKind;

/*
 * Writes text with escapes and without quotes to p, and returns the end. Each byte that is not of a
 * valid UTF-8 sequence becomes \ufffd, and *lossy true; else *lossy is left alone.
 */
char *json_text_put(char *p, Span text, JsonTextKind kind, bool *lossy);

/*
 * Reads a string, from behind its opening quote to behind its closing one, and moves *input on. The
 * text is written to *buffer, which needs as much room as the input's size and sixteen bytes, and
 * moves on, too. Bytes above 127 are taken as they are; half of a surrogate pair becomes U+FFFD.
 * Returns 0 or -EBADMSG.
 */
int json_text_take(Span *input, char **buffer, Span *ret);
