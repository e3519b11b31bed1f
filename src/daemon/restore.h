/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Taking a container over from a daemon before this one: its config, its FIFOs and those of its
 * execs, its counts. What is on disk is checked as if hostile.
 */

#include "daemon/container.h"

/* Opens the container in the directory of that name. -ENOENT when that has no config: the daemon
 * was killed while it made or removed the container. -EINVAL with the refusal. */
int restore_container(Container **ret, Daemon *daemon, const char *id, Refusal *refusal);
