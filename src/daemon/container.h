/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A container: its directory in the run directory, its FIFOs and its drivers. What Create was told
 * stays in the file "config"; only what every day needs is kept in memory.
 */

#include <jansson.h>
#include <sys/queue.h>

#include "daemon/feed.h"
#include "daemon/fifos.h"
#include "daemon/refusal.h"
#include "daemon/spec.h"

struct Container {
        TAILQ_ENTRY(Container) containers; /* Daemon.containers */
        Daemon *daemon;
        char *id;
        char *name; /* NULL: none; so for the next two */
        char *image;
        char *unit;
        uint64_t created_usec;
        ino_t dir_ino;                      /* of its directory */
        TAILQ_HEAD(FeedList, Feed) feeds;   /* one for each driver */
        TAILQ_HEAD(FifosList, Fifos) fifos; /* the container's own first */
        unsigned n_execs;
        uint32_t rows_taken; /* bit i: rows 2i and 2i+1 of the state page */
        unsigned n_feeds;
        SplitPage *split_page; /* NULL: not split */
        bool is_split;         /* has several drivers, or had: see daemon/split.h */
        bool is_terminal;
        bool has_stdin;
        bool is_removing;
        void *call; /* VarlinkCall of the Remove that waits, NULL: none */
        char epoch[33];
};

/* Makes a container: everything on disk first, its config last, so that a crash on the way leaves
 * nothing that counts. fds: NULL, or pipes of stdout and stderr (one may be -1) to take, on success
 * only, in the place of FIFOs. -EINVAL with the refusal, or another negative errno. */
int container_create(Container **ret, Daemon *daemon, json_t *request, int *fds, Refusal *refusal);

/* For restore: the container in memory, with its drivers open. dir_fd: its directory, or -1 for a
 * new one, which has nothing on disk yet. */
int container_new(Container **ret, Daemon *daemon, const Spec *spec, int dir_fd, Refusal *refusal);

/* For restore: FIFOs that are in no list yet, and the container's own, which are. */
int container_new_fifos(Container *container, const char *name, bool is_exec, bool is_logged,
                        bool is_terminal, Fifos **ret);
int container_add_init(Container *container, Fifos **ret);

/* The file of an exec in the directory of its container is called after it, and so. */
#define EXEC_CONFIG_SUFFIX "-config"

/* Closes everything and forgets the container; what is on disk stays. */
Container *container_free(Container *container);
DEFINE_CLEANUP(Container, container_free);

/* Makes the FIFOs of an exec. */
int container_exec(Container *container, const char *exec, bool is_terminal, bool is_logged,
                   Fifos **ret, Refusal *refusal);

/* The FIFOs of that exec, or NULL. */
Fifos *container_find_exec(Container *container, const char *exec);

/* Removes an exec, or the whole container: drains, writes the end-of-stream entry, deletes, and
 * answers call, which it takes, perhaps before this returns. The container may be gone then. */
void container_remove_exec(Container *container, Fifos *exec, void *call);
void container_remove(Container *container, void *call);

/* Has those of its drivers begin a new file that have files, or only the one of that name. The
 * others are done, too, when one fails. */
int container_rotate(Container *container, const char *driver, Refusal *refusal);

/* Goes on with a Remove that something passing, or a busy driver, has stopped. */
void container_retry(Container *container);

/* Lines that its first driver has logged. */
uint64_t container_get_lines(const Container *container);
