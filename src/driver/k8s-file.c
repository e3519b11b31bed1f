/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The k8s-file driver: files as the kubelet and podman read them. See record/cri-line.h. */

#include <stdio.h>
#include <string.h>

#include "driver/file-options.h"
#include "record/cri-line.h"

static size_t k8s_file_bound(const FileSink *s, const Entry *e)
{
        return cri_line_bound(e);
}

static size_t k8s_file_encode(FileSink *s, char *p, const Entry *e)
{
        return cri_line_encode(p, e, &s->timestamp);
}

static const FileFormat k8s_file_format = {
        .name = "k8s-file.log",
        .bound = k8s_file_bound,
        .encode = k8s_file_encode,
        .stored = &cri_line_format,
};

static int k8s_file_open(const Driver *d, DriverHost *host, const Facts *facts,
                         const Options *options, Sink **ret, const char **ret_key,
                         char reason[REASON_MAX_BYTES])
{
        return file_options_open(d, host, facts, options, &k8s_file_format,
                                 options_get(d, options, "path"), ret, ret_key, reason);
}

/* Whether a path lies in a directory, or is it. */
static bool path_is_below(const char *path, const char *directory)
{
        size_t size = strlen(directory);

        return strncmp(path, directory, size) == 0 && (path[size] == '/' || path[size] == '\0');
}

static bool path_is_dots(const char *name)
{
        size_t size = strcspn(name, "/");

        return (size == 1 || size == 2) && strspn(name, ".") == size;
}

/* An absolute path without empty parts, "." and "..", of a file two levels down at least. What is
 * below our own directories has other ways to be written. */
static int k8s_file_check_path(const char *value, char reason[REASON_MAX_BYTES])
{
        static const char *const ours[] = { LOGS_DIR, RUN_DIR };
        const char *name;

        for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
                if (path_is_below(value, ours[i])) {
                        (void) snprintf(reason, REASON_MAX_BYTES,
                                        "must not be below %s, which is conlogd's own", ours[i]);
                        return -EINVAL;
                }
        if (value[0] != '/' || strlen(value) > LOG_PATH_MAX_BYTES || !strchr(value + 1, '/'))
                return -EINVAL;
        for (const char *p = value; *p; p = name + strcspn(name, "/")) {
                name = p + 1;
                if (*name == '/' || *name == '\0' || strcspn(name, "/") > LOG_NAME_MAX_BYTES ||
                    path_is_dots(name))
                        return -EINVAL;
        }
        return 0;
}

static const DriverOption k8s_file_options[] = {
        {
                .key = "path",
                .rule = "an absolute path such as /var/log/pods/web/0.log: the file, where it "
                        "shall not lie below " LOGS_DIR,
                .check = k8s_file_check_path,
        },
        {
                .key = "max-size",
                .preset = "10M",
                .rule = FILE_SIZE_RULE,
                .check = file_check_size,
        },
        {
                .key = "max-file",
                .preset = "5",
                .rule = FILE_COUNT_RULE,
                .check = file_check_count,
        },
        {
                .key = "compress",
                .preset = "no",
                .rule = FILE_COMPRESS_RULE,
                .check = driver_check_bool,
        },
};

extern const Driver driver_k8s_file;
const Driver driver_k8s_file = {
        .name = "k8s-file",
        .description = "Writes files as the kubelet and podman read them",
        .options = k8s_file_options,
        .n_options = ARRAY_SIZE(k8s_file_options),
        .open = k8s_file_open,
        FILE_SINK_FUNCTIONS,
};
