/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The lines of a container in the log files of one of the drivers json-file, k8s-file and local,
 * over all rotations; see io/loginfo.h for what tells whose they are.
 */

#include "tool/log-source.h"

/* The drivers that write files, by preference, NULL-terminated. */
extern const char *const file_source_drivers[];

/* Looks for containers with files below root. Returns 0 or a negative errno. */
int file_source_find(const char *root, LogNaming by, const char *word,
                     log_on_container on_container, void *userdata);

/* Returns 1 and the source; 0 if the container has no file of this driver; or a negative errno. */
int file_source_new(LogSource **ret, const char *root, const char *id, const char *driver,
                    const LogWish *wish);
