/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What people are told of how things go: STATUS= for systemctl status, and a message in the log
 * when a journald takes nothing and when it takes entries again.
 */

#include <systemd/sd-event.h>

#include "base/base.h"

typedef struct Daemon Daemon;

typedef struct Status {
        Daemon *daemon;
        sd_event_source *timer;
        bool is_due;
} Status;

/* Listens to the outages of the daemon's journals. */
int status_init(Status *status, Daemon *daemon);
void status_done(Status *status);

/* Figures have changed: they are shown within a second. */
void status_schedule(Status *status);
