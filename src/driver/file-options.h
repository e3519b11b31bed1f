/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The options of the drivers that write files, and how a sink comes from them.
 */

#include "driver/file-sink.h"

/* A table for drivers with labels: max-size, max-file, compress, tag, labels, labels-regex, env and
 * env-regex. */
#define FILE_OPTIONS 8U
extern const DriverOption file_options[FILE_OPTIONS];

/* What these are, for other tables. */
#define FILE_SIZE_RULE "64K to 1024G, such as 20M, or unlimited: when a new file is begun"
#define FILE_COUNT_RULE "1 to 1000: how many files are kept, with the one that is written"
#define FILE_COMPRESS_RULE "yes or no: whether rotated files are compressed with gzip"
int file_check_size(const char *value, char reason[REASON_MAX_BYTES]);
int file_check_count(const char *value, char reason[REASON_MAX_BYTES]);

/*
 * As Driver.open, for a format. path is that of the file, instead of one in the container's own
 * directory, or NULL. Nothing is opened yet.
 */
int file_options_open(const Driver *driver, DriverHost *host, const Facts *facts,
                      const Options *options, const FileFormat *format, const char *path,
                      Sink **ret, const char **ret_key, char reason[REASON_MAX_BYTES]);
