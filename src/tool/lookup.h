/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which container is meant, and where its lines are: from what the journal and the log files say,
 * for conlogd answers root only, and knows nothing of containers that are gone.
 */

#include "tool/arguments.h"
#include "tool/log-source.h"

/*
 * The first word of the arguments is a whole id, or a name (of the container that wrote last under
 * it), or the only id that begins so. ret_name is what to call the container. Returns 0; -EAGAIN if
 * there is such a container, but nothing of it yet; or another negative errno, which has been told.
 */
int lookup_source(const Arguments *a, const LogWish *wish, LogSource **ret,
                  char ret_name[NAME_MAX_BYTES + 1]);
