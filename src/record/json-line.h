/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Records of the json-file driver: Docker's, to the byte.
 *
 *     {"log":"text\n","stream":"stdout","attrs":{"tag":"web"},"time":"2026-11-22T01:50:21.5Z"}
 *
 * A part of a line that goes on has no \n. A text that is not UTF-8 is lossy in "log", as Docker's;
 * then one further key follows "time", which Docker's readers skip: "bytes", in base64 exactly what
 * "log" stands for, its \n included.
 */

#include "base/buffer.h"
#include "record/facts.h"
#include "record/json-text.h"
#include "record/stored.h"
#include "record/timestamp.h"

/* Room for an entry: its text with escapes and in base64, and all else. */
static inline size_t json_line_bound(const Entry *e, Span attributes)
{
        size_t size = MAX(e->text.size, (size_t) LOSS_TEXT_MAX_BYTES);

        return JSON_TEXT_MAX_BYTES(size) + (size / 3 + 2) * 4 + attributes.size + 128;
}

/*
 * Appends the value of "attrs": an object with the pairs sorted by key; of pairs with one key the
 * last counts. Nothing for no pairs, as then there is no "attrs". Returns 0 or -ENOMEM.
 */
int json_line_append_attributes(Buffer *b, const Pair *pairs, size_t n_pairs);

/*
 * Writes the record of an entry to p, with what json_line_append_attributes() has made, and returns
 * its size: 0 for ENTRY_END. t is for json_line_encode() alone.
 */
size_t json_line_encode(char *p, const Entry *e, Span attributes, Timestamp *t);

extern const StoredFormat json_line_format;
