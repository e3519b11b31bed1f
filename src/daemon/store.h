/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the service manager keeps for us: copies of the fds of all FIFOs that are logged, and of the
 * scratch pipe. At the start it hands them over, and they are paired with their FIFOs by device and
 * inode; then it is sent those it does not have.
 *
 * It compares each fd that it is sent with all that it has (see HACKING.md), so with many it may be
 * seconds behind. Nothing of what it has not taken is queued in our memory, for that dies with us:
 * the set waits here, and who asked for it waits with it.
 */

#include <sys/queue.h>
#include <sys/stat.h>

#include "daemon/fifos.h"
#include "daemon/refusal.h"
#include "io/notify.h"

/* All names of FDSTORE_NAME_MAX_BYTES letters and digits. */
#define STORE_NAMES (62U * 62U * 62U)

/* An fd that the manager has handed over, until its FIFO takes it. */
typedef struct StoredFd {
        dev_t dev;
        ino_t ino;
        int fd;
        bool is_taken;
        char name[FDSTORE_NAME_MAX_BYTES + 1];
} StoredFd;

typedef struct Store {
        Notify *notify; /* borrowed */
        StoredFd *fds;  /* handed over, sorted by dev and ino */
        size_t n_fds;
        TAILQ_HEAD(, Fifos) waiting; /* sets that it has not taken yet */
        int scratch_fds[2];          /* borrowed from the turns while is_scratch_due */
        bool is_scratch_due;
        unsigned n_kept; /* fds of all sets */
        unsigned kept_max;
        const char *limit; /* the setting that says so */
        unsigned next_name;
        uint8_t names[STORE_NAMES / 8 + 1]; /* bits: the name is taken */
} Store;

void store_init(Store *store, Notify *notify);
void store_done(Store *store);

/* Takes an fd that the manager has handed over, on success. store_sort() follows the last one. */
int store_add(Store *store, int fd, const char *name);
void store_sort(Store *store);

/* The fd that is this file, which the caller owns then, and its name in the store; or -1. */
int store_find(Store *store, const struct stat *st, char ret_name[FDSTORE_NAME_MAX_BYTES + 1]);

/* An fd that was found so and cannot be used now. Takes it, also one that is not of the store, or
 * -1. */
void store_give_back(Store *store, int fd);

/* Closes what no FIFO has taken. forget: takes it out of the store, too, unless a set that is used
 * has its name. If a container could not be opened its bytes are in there; then all that is left
 * stays, and the names stay taken. */
void store_close_rest(Store *store, bool forget);

/* Whether there is room for n fds more. Returns 0, or -EINVAL with the refusal. */
int store_check_room(const Store *store, unsigned n, Refusal *refusal);

/* Sends copies of the pipe's ends, now or when the manager takes them. */
void store_keep_scratch(Store *store, int read_fd, int write_fd);

/* Sends copies of the set's fds. Returns 0, or a negative errno when that will never work. When the
 * manager is busy, the set is_waiting, and fifos_on_kept() is called in the end. */
int store_keep(Store *store, Fifos *fifos);

/* The same when the set, which may be stored already, has got more. */
int store_keep_more(Store *store, Fifos *fifos);

/* Takes the set's fds out again, or out of the line. */
void store_forget(Store *store, Fifos *fifos);
