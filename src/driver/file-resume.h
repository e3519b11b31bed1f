/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where a file driver goes on in a file that is there already, and which of the first entries after
 * a kill are in it.
 */

#include "driver/file-sink.h"

/*
 * For a file that has just been opened: finds the end of its last whole record. What is torn behind
 * the mark is ours and is cut off. In a file without a mark it is somebody's: 1, it is to be
 * rotated away. Else 0.
 */
int file_resume_begin(FileSink *sink);

/* Compares the entries with the records behind the mark. Returns 0, and how many are taken because
 * they are there; of the next one sink->n_skipped records may be. */
int file_resume_skip(FileSink *sink, const Entry *entries, size_t n, size_t *ret_taken);
