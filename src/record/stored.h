/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What is read back from a log file: one record is what one entry became (k8s-file: one line of
 * it). Three formats share this interface: json_line_format, cri_line_format, local_frame_format.
 * Files come from anywhere, Docker's and the kubelet's too: no bytes do harm, what is no record is
 * skipped.
 *
 *     while ((r = format->next(input, at_end, &record)) > 0) {
 *             torn += record.data - input.data;
 *             if (format->decode(record, buffer, &stored) < 0)
 *                     foreign++;
 *             input = span_skip(input, (size_t) (record.data - input.data) + record.size);
 *     }
 */

#include "record/entry.h"

typedef struct Stored {
        EntryStream stream;
        uint64_t realtime_nsec;
        Span text;                /* without the newline at its end */
        bool goes_on;             /* a part: the line goes on in the stream's next record */
        uint32_t partial_ordinal; /* 1, 2, 3 … within the line; 0: one piece, or not known */
        Span partial_id;          /* the same in all parts of a line; local only */
        Span attributes;          /* encoded, for next_attribute */
} Stored;

/* Room for what decode or next_attribute writes for a record of that size. */
#define STORED_BUFFER_BYTES(record_size) ((record_size) + 16U)

typedef struct StoredFormat {
        /*
         * Finds the first whole record of input. What is before it is no record. Returns 1, or 0
         * when there is none yet. With flush nothing will follow input: what only begins like a
         * record is none.
         */
        int (*next)(Span input, bool flush, Span *ret);
        /*
         * Finds the last whole record. What is behind it is no record. Returns 1, or 0 when more
         * bytes are needed in front of input. With flush there are none.
         */
        int (*previous)(Span input, bool flush, Span *ret);
        /* Reads a record. The spans borrow from it and from buffer. Returns 0 or -EBADMSG. */
        int (*decode)(Span record, char *buffer, Stored *ret);
        /* Takes the next one off stored->attributes; key and value live in buffer or the record.
         * Returns 1, or 0 when there is no further one. */
        int (*next_attribute)(Stored *stored, char *buffer, Span *ret_key, Span *ret_value);
} StoredFormat;

/* next and previous where a newline ends a record. */
int stored_next_line(Span input, bool flush, Span *ret);
int stored_previous_line(Span input, bool flush, Span *ret);

/* "stdout" or "stderr". Returns 0 or -EBADMSG. */
int stored_parse_stream(Span text, EntryStream *ret);
