/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Taking a container over from a daemon before this one: its config, its FIFOs and those of its
 * execs, its counts. What is on disk is checked as if hostile.
 */

#include "daemon/container.h"

/* Restores what is in the run directory, is_again: and is not restored yet. What cannot be now, for
 * want of memory, say, comes again; damage is left alone. */
int restore_all(Daemon *daemon, bool is_again);

/* Deletes what is left of a container that could not be made or removed: a directory without a
 * config. -EEXIST when it has one, or when it is somebody else's. */
int restore_remove_rest(Daemon *daemon, const char *id);

/* Opens the container in the directory of that name. -ENOENT when that has no config: the daemon
 * was killed while it made or removed the container. -EINVAL with the refusal. */
int restore_container(Container **ret, Daemon *daemon, const char *id, Refusal *refusal);
