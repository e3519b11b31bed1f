/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The files of a log in its directory: "name" is written, "name.1" is the one before it, and so on
 * up to "name.<max_file - 1>"; each of the rotated ones may be compressed, "name.1.gz". Nothing is
 * copied or truncated: files are renamed and deleted, in an order that may stop anywhere and be
 * begun anew.
 */

#include "base/base.h"
#include "base/limits.h"

/* Room for the name of a rotated file. */
#define ROTATION_NAME_BYTES (LOG_NAME_MAX_BYTES + sizeof(".1000.gz.tmp"))

/* The name of a rotated file; suffix is "", ".gz" or ".gz.tmp". */
void rotation_get_name(const char *name, unsigned index, const char *suffix,
                       char ret[ROTATION_NAME_BYTES]);

/* Makes place for a new file of that name: the others move up by one, and what is beyond max_file
 * is deleted. With max_file = 1 the file itself is. */
int rotation_shift(int dir_fd, const char *name, unsigned max_file);

/* Which rotated file this is: 1 … max_file - 1, or 0 when it is none of them (any more). */
unsigned rotation_find(int dir_fd, const char *name, unsigned max_file, ino_t ino);

/* The oldest rotated file that is not compressed, or 0. */
unsigned rotation_find_plain(int dir_fd, const char *name, unsigned max_file);
