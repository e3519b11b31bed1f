/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A container: its directory in the run directory, its FIFOs and its driver. What Create was told
 * stays in the file "config"; only what every day needs is kept in memory.
 */

#include <jansson.h>
#include <sys/queue.h>

#include "daemon/delivery.h"
#include "daemon/fifos.h"
#include "daemon/refusal.h"
#include "daemon/spec.h"
#include "daemon/state.h"
#include "driver/driver.h"

typedef struct Daemon Daemon;

struct Container {
        TAILQ_ENTRY(Container) containers; /* Daemon.containers */
        Daemon *daemon;
        char *id;
        char *name; /* NULL: none; so for the next two */
        char *image;
        char *unit;
        uint64_t created_usec;
        Sink *sink;
        State state;
        Delivery delivery;
        Counts counts; /* as in the state page; so are the next two */
        Loss untold;   /* dropped, and the log does not say so yet */
        uint64_t lines_dropped;
        TAILQ_HEAD(FifosList, Fifos) fifos; /* the container's own first */
        unsigned n_execs;
        uint32_t rows_taken; /* bit i: rows 2i and 2i+1 of the state page */
        bool is_terminal;
        bool has_stdin;
        bool is_removing;
        bool is_told; /* the end of its streams is in the log */
        void *call;   /* VarlinkCall of the Remove that waits, NULL: none */
        char epoch[33];
};

/* Makes a container: everything on disk first, its config last, so that a crash on the way leaves
 * nothing that counts. fds: NULL, or pipes of stdout and stderr (one may be -1) to take, on success
 * only, in the place of FIFOs. -EINVAL with the refusal, or another negative errno. */
int container_create(Container **ret, Daemon *daemon, json_t *request, int *fds, Refusal *refusal);

/* For restore: the container in memory, with its sink open and nothing on disk. */
int container_new(Container **ret, Daemon *daemon, const Spec *spec, Refusal *refusal);

/* For restore: FIFOs that are in no list yet, and the container's own, which are. */
int container_new_fifos(Container *container, const char *name, bool is_exec, bool is_logged,
                        bool is_terminal, Fifos **ret);
int container_add_init(Container *container, Fifos **ret);

/* For restore: the counts, from the state page. */
void container_take_counts(Container *container, StatePage *page);

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

/* Goes on with a Remove that something passing has stopped. */
void container_retry(Container *container);

/* For its streams: the one with that row, or NULL. */
Stream *container_find_stream(Container *container, uint32_t row);

/* For its streams: one that has bytes kept aside, or NULL. */
Stream *container_find_kept(Container *container);

/* For its streams: the active turn of the page has changed. */
void container_on_turn(Container *container, StatePage *page);

/* For its streams: logs which lines were dropped. False when the driver is busy. */
bool container_tell_loss(Container *container, StatePage *page);

/* For its streams: whether all slots of the stream's pipe are used. 1, 0, or a negative errno. */
int container_fifo_is_full(Container *container, const Stream *stream);
