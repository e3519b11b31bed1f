/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Records of the local driver, which are Docker's: the size of a protobuf message, the message, its
 * size once more, so that a file can be read backwards. Sizes are 32-bit big endian. The message:
 *
 *     1 source   2 time in ns   3 text without newline   4 is a part
 *     5 part: { 1 is the last one   2 id   3 ordinal }   6 attribute: { 1 key   2 value }, repeated
 *
 * The id of a line in parts is the epoch and the ordinal of its first part, in 16 hex digits.
 */

#include "base/buffer.h"
#include "record/facts.h"
#include "record/stored.h"

/* As Docker's reader: a size above that is damage. */
#define LOCAL_FRAME_MAX_BYTES 1000000U

/* Room for an entry. */
static inline size_t local_frame_bound(const Entry *e, Span attributes)
{
        return MAX(e->text.size, (size_t) LOSS_TEXT_MAX_BYTES) + attributes.size + 128;
}

/* Appends the pairs as they go into each message. Of pairs with one key the last counts. Returns 0
 * or -ENOMEM. */
int local_frame_append_attributes(Buffer *b, const Pair *pairs, size_t n_pairs);

/*
 * Writes the record of an entry to p, with the container's epoch (32 bytes) and what
 * local_frame_append_attributes() has made, and returns its size: 0 for ENTRY_END.
 */
size_t local_frame_encode(char *p, const Entry *e, const char *epoch, Span attributes);

/* Decodes without a buffer. */
extern const StoredFormat local_frame_format;
