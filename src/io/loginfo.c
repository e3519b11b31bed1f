/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The file "info"; see the header. */

#include <jansson.h>
#include <string.h>

#include "base/limits.h"
#include "io/loginfo.h"
#include "io/rundir.h"

static void loginfo_freep(char **text)
{
        free(*text);
}

/* What is there, if it is about this life of the container; else *ret is NULL. */
static int loginfo_read(int dir_fd, const char *epoch, json_t **ret)
{
        json_auto_t *info = NULL;
        _cleanup_buffer_ Buffer text = {};
        const char *found;
        int r;

        *ret = NULL;
        r = rundir_read_file(dir_fd, "info", LOG_INFO_MAX_BYTES, &text);
        /* What cannot be understood is replaced. */
        if (r < 0)
                return base_is_passing(r) ? r : 0;
        info = text.size > 0 ? json_loadb(text.data, text.size, 0, NULL) : NULL;
        found = json_string_value(json_object_get(info, "epoch"));
        if (found && strcmp(found, epoch) == 0)
                *ret = TAKE_PTR(info);
        return 0;
}

static int loginfo_write(int dir_fd, const json_t *info)
{
        _cleanup_(loginfo_freep) char *text = NULL;

        text = json_dumps(info, JSON_COMPACT);
        return text ? rundir_write_file(dir_fd, "info", 0640, span_from_string(text)) : -ENOMEM;
}

int loginfo_begin(int dir_fd, const LogInfo *info, uint64_t now_usec)
{
        json_auto_t *before = NULL, *now = NULL;
        int r;

        r = loginfo_read(dir_fd, info->epoch, &before);
        if (r < 0)
                return r;
        now = json_pack("{s:i, s:s, s:s*, s:s*, s:s, s:I, s:s*}", "version", 1, "id", info->id,
                        "name", info->name, "image", info->image, "epoch", info->epoch,
                        "createdUSec", (json_int_t) now_usec, "path", info->path);
        /* Each driver of the container writes its own: what another one knows stays. */
        if (!now || (before && json_object_update_missing(before, now) < 0))
                return -ENOMEM;
        (void) json_object_del(json_object_get(before, "endedUSec"), info->driver);
        return loginfo_write(dir_fd, before ?: now);
}

int loginfo_end(int dir_fd, const LogInfo *info, uint64_t now_usec)
{
        json_auto_t *object = NULL;
        json_t *ended;
        int r;

        r = loginfo_read(dir_fd, info->epoch, &object);
        if (r < 0 || !object)
                return r;
        ended = json_object_get(object, "endedUSec");
        if (!json_is_object(ended)) {
                ended = json_object();
                if (json_object_set_new(object, "endedUSec", ended) < 0)
                        return -ENOMEM;
        }
        if (json_object_set_new(ended, info->driver, json_integer((json_int_t) now_usec)) < 0)
                return -ENOMEM;
        return loginfo_write(dir_fd, object);
}
