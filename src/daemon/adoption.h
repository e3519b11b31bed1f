/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What is particular about pipes that somebody else made and handed over. They have no name, so a
 * daemon that starts knows them by device and inode, and finds them in the service manager's store
 * or nowhere.
 */

#include "daemon/fifos.h"
#include "daemon/refusal.h"
#include "daemon/spec.h"

typedef struct Daemon Daemon;

/* Checks the fds of stdout and stderr, one of which may be -1, and names them in the new spec.
 * -EINVAL with the refusal. */
int adoption_check(Spec *spec, const Daemon *daemon, const int fds[ENTRY_STREAMS],
                   Refusal *refusal);

/* Takes the pipes of a container that is restored out of the store. What is not there is gone: that
 * is said, and kept in the config, and its stream is at its end. */
int adoption_restore(Fifos *init, int dir_fd, Spec *spec);
