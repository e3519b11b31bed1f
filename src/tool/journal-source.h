/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The lines of a container in the journal. Only what conlogd itself has sent counts: any user can
 * send entries with a container's fields, but not as uid 0 from conlogd's unit.
 */

#include <systemd/sd-journal.h>

#include "tool/log-source.h"

/* Which journal. All NULL: that of this host and of all its namespaces. */
typedef struct JournalScope {
        const char *namespace;
        const char *directory;
} JournalScope;

/* Looks for containers. Returns 0 or a negative errno. */
int journal_source_find(const JournalScope *scope, LogNaming by, const char *word,
                        log_on_container on_container, void *userdata);

/* Returns 1 and the source; 0 if the journal has nothing of this container that this user may read;
 * or a negative errno. */
int journal_source_new(LogSource **ret, const JournalScope *scope, const char *id,
                       const LogWish *wish);
