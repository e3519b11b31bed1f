/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What journald does with entries that it has taken: where it stores them, what it throws away.
 * From journald.conf(5) and its drop-ins, which are in force once journald has been restarted.
 */

#include "tool/figure.h"

typedef enum JournalStorage {
        JOURNAL_PERSISTENT,
        JOURNAL_VOLATILE,
        JOURNAL_AUTO_VOLATILE, /* there is no /var/log/journal */
        JOURNAL_NONE,
} JournalStorage;

typedef struct JournalStore {
        Figure storage;   /* a JournalStorage */
        Figure level_max; /* MaxLevelStore= */
        Figure rate_usec; /* RateLimitIntervalSec=, and RateLimitBurst= */
        Figure rate_burst;
        Figure max_use;   /* SystemMaxUse= or RuntimeMaxUse=, given or computed as journald does */
        Figure keep_free; /* so SystemKeepFree= or RuntimeKeepFree= */
        Figure available; /* on the file system of the files */
        int socket_error; /* a negative errno: nobody can connect to journald's socket */
} JournalStore;

/* By the priorities of syslog(3). */
#define JOURNAL_LEVELS 8U
extern const char *const journal_levels[JOURNAL_LEVELS];

/* Looks below root, "" for the system itself. */
void journal_store_read(JournalStore *ret, const char *root);
