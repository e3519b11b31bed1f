/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The file "info" beside a container's log files: whose they are, for those who read them when the
 * container is gone. JSON with the members of LogInfo, without those that are not known:
 *
 *     {"version":1,"id":"web","name":"web","image":"busybox:1.35","epoch":"00112233445566…",
 *      "createdUSec":1795312221000000,"endedUSec":{"json-file":1795312225000000},
 *      "path":"/srv/0.log"}
 *
 * Each driver has an end of its own: the container may go on without it, or it may be behind.
 */

#include "base/base.h"

typedef struct LogInfo {
        const char *id;
        const char *name;
        const char *image;
        const char *epoch;
        const char *driver;
        const char *path; /* of the k8s-file log, where it does not lie beside this file */
} LogInfo;

/* Says whose the files are from now_usec on. If they were before, in the same life of the
 * container, the time stays. Mode 0640. */
int loginfo_begin(int dir_fd, const LogInfo *info, uint64_t now_usec);

/* What the driver has of the container's life is whole. 0 also where the file is about none or
 * another one. */
int loginfo_end(int dir_fd, const LogInfo *info, uint64_t now_usec);
