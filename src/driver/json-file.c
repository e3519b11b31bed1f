/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The json-file driver: Docker's files, to the byte. See record/json-line.h. */

#include "driver/file-options.h"
#include "record/json-line.h"

static size_t json_file_bound(const FileSink *s, const Entry *e)
{
        return json_line_bound(e, s->attributes);
}

static size_t json_file_encode(FileSink *s, char *p, const Entry *e)
{
        return json_line_encode(p, e, s->attributes, &s->timestamp);
}

static const FileFormat json_file_format = {
        .name = "json-file.log",
        .bound = json_file_bound,
        .encode = json_file_encode,
        .stored = &json_line_format,
        .append_attributes = json_line_append_attributes,
};

static int json_file_open(const Driver *d, DriverHost *host, const Facts *facts,
                          const Options *options, Sink **ret, const char **ret_key,
                          char reason[REASON_MAX_BYTES])
{
        return file_options_open(d, host, facts, options, &json_file_format, NULL, ret, ret_key,
                                 reason);
}

extern const Driver driver_json_file;
const Driver driver_json_file = {
        .name = "json-file",
        .description = "Writes files of JSON lines, as Docker does",
        .options = file_options,
        .n_options = FILE_OPTIONS,
        .open = json_file_open,
        FILE_SINK_FUNCTIONS,
};
