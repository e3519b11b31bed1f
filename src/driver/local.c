/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The local driver: Docker's compact binary files. See record/local-frame.h. */

#include "driver/file-options.h"
#include "record/local-frame.h"

static size_t local_bound(const FileSink *s, const Entry *e)
{
        return local_frame_bound(e, s->attributes);
}

static size_t local_encode(FileSink *s, char *p, const Entry *e)
{
        return local_frame_encode(p, e, s->info.epoch, s->attributes);
}

static const FileFormat local_format = {
        .name = "local.log",
        .bound = local_bound,
        .encode = local_encode,
        .stored = &local_frame_format,
        .append_attributes = local_frame_append_attributes,
};

static int local_open(const Driver *d, DriverHost *host, const Facts *facts, const Options *options,
                      Sink **ret, const char **ret_key, char reason[REASON_MAX_BYTES])
{
        return file_options_open(d, host, facts, options, &local_format, NULL, ret, ret_key,
                                 reason);
}

extern const Driver driver_local;
const Driver driver_local = {
        .name = "local",
        .description = "Writes compact binary files, as Docker does",
        .options = file_options,
        .n_options = FILE_OPTIONS,
        .open = local_open,
        FILE_SINK_FUNCTIONS,
};
