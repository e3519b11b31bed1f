/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The file of bytes that a stream has moved out of its FIFO, "<set>-<stream>-kept" in the directory
 * of its container. With drop=newest it holds what was in the FIFO when it became full; what comes
 * then is dropped. It is as crash-safe as the FIFO: the kernel counts in the state page what moves.
 */

#include "base/span.h"

typedef struct Stream Stream;

/* Moves bytes from the FIFO to where *moved says, until that is n; the kernel advances it. -ENODATA
 * when the FIFO has no more, -ENOSPC when its file system is full. */
int kept_fill(Stream *stream, size_t n, int64_t *moved);

/* Copies n bytes from offset into the shared buffer. -EIO when the file has fewer. */
int kept_peek(Stream *stream, uint64_t offset, size_t n, Span *ret);

void kept_delete(Stream *stream);
