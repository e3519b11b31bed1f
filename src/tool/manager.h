/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the service manager has in force for conlogd: its units as they are after all drop-ins.
 */

#include "tool/figure.h"

typedef struct Manager {
        int error; /* a negative errno: it could not be asked, and nothing below is known */
        Figure version;

        char socket_load[32]; /* LoadState=, UnitFileState= and ActiveState= of conlogd.socket */
        char socket_file[32];
        char socket_active[32];

        char service_load[32];      /* the same of conlogd.service */
        char service_drop_ins[512]; /* paths, with a blank before each; as many as fit */
        char service_active[32];
        char restart[32];
        uint64_t main_pid; /* 0: does not run */
        bool needs_reload; /* the files have changed since they were read */
        Figure start_limit_usec;
        Figure start_limit_burst;
        Figure files_max; /* LimitNOFILE= */
        Figure fd_store_max;
        Figure fd_store_used;
        Figure log_rate_usec; /* LogRateLimitIntervalSec=, 0: not set; so for the next one */
        Figure log_rate_burst;
        Figure tasks_max;
        Figure memory_max;
} Manager;

/* Asks it: as root directly, which needs no message bus. */
void manager_read(Manager *ret);
