/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Messages to the service manager, sd_notify(3) without its blocking: a PID 1 that is slow to read
 * must not stop the loop. Text that the socket does not take at once waits in a queue. Fds do not:
 * in the socket they are safe whatever becomes of us, in a queue of ours they would not be.
 */

#include <systemd/sd-event.h>

#include "base/base.h"
#include "base/limits.h"

/* Most fds in one message: stdin, and of both streams what the container writes into and a pipe for
 * each driver. */
#define NOTIFY_FDS_MAX (3U + 2U * DRIVERS_PER_CONTAINER_MAX)

typedef struct Notify Notify;

/* Talks to $NOTIFY_SOCKET. Without one, all messages go nowhere. */
int notify_new(Notify **ret, sd_event *event);
Notify *notify_free(Notify *notify);
DEFINE_CLEANUP(Notify, notify_free);

/* What to call when it is worth storing fds again. */
void notify_set_ready(Notify *notify, void (*on_ready)(void *userdata), void *userdata);

/* Sends a state, e.g. "READY=1". Returns 0 or a negative errno when it is lost. */
int notify_send(Notify *notify, const char *state);

/*
 * Puts fds into the manager's store under one name, to be handed back at the next start. They are
 * kept whatever happens to their other end (FDPOLL=0): a FIFO whose writers have gone still holds
 * bytes. Returns 0 when they are sent; -EAGAIN when the socket is full, text waits, or the kernel
 * has no memory, and on_ready is called once later; another negative errno when it will never work.
 */
int notify_store_fds(Notify *notify, const char *name, const int *fds, size_t n_fds);

/* Takes all fds of that name out of the store again. */
int notify_remove_fds(Notify *notify, const char *name);
