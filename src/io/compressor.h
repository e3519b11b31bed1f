/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Compresses rotated files in the background, see rotation.h: one at a time, in slices, when the
 * loop has nothing else to do. A compressed file gets its name when it is whole, then the other one
 * is deleted; killed in between, it is begun again when its log is added again.
 *
 * As Docker's, the gzip header says in its extra field when the last record was written:
 * {"lastTime":"2026-11-22T01:50:21.123456789Z"}. Here it is the time of the file.
 */

#include <systemd/sd-event.h>

#include "io/logfile.h"

typedef struct Compressor Compressor;

/* on_failed is called with the path of what stays as it is, and why. */
int compressor_new(Compressor **ret, sd_event *event,
                   void (*on_failed)(const char *path, int error, void *userdata), void *userdata);
Compressor *compressor_free(Compressor *compressor);
DEFINE_CLEANUP(Compressor, compressor_free);

/* Compresses all rotated files of a log, which need not be open and may go away before. Of too many
 * logs that wait the further ones stay as they are. */
int compressor_add(Compressor *compressor, const LogFile *file);

/* Whether there is nothing to do. */
bool compressor_is_idle(const Compressor *compressor);
