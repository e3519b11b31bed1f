/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The daemon: it owns the loop, the containers and everything they share. The tree of owners is
 * daemon, containers, FIFOs, streams; children hold a plain pointer back.
 */

#include <sys/queue.h>
#include <systemd/sd-event.h>

#include "daemon/config.h"
#include "daemon/container.h"
#include "daemon/refusal.h"
#include "daemon/state.h"
#include "daemon/status.h"
#include "daemon/store.h"
#include "daemon/turns.h"
#include "driver/driver.h"
#include "io/notify.h"
#include "io/varlink.h"

struct Daemon {
        sd_event *event;
        Notify *notify;
        VarlinkServer *server;
        DriverHost host;
        Config *config; /* NULL: refused, see config_error */
        ConfigError config_error;
        Turns turns;
        States states;
        int containers_fd;
        TAILQ_HEAD(, Container) containers;
        unsigned n_containers;
        unsigned n_unrestored;    /* containers on disk that could not be opened */
        unsigned n_delayed;       /* of these, the ones that are tried again */
        uint64_t n_lines_removed; /* of containers that are gone, since the start */
        Status status;
        sd_event_source *trim;
        sd_event_source *idle;
        sd_event_source *retry;
        sd_event_source *watchdog;
        uint64_t watchdog_usec;
        Store store;
        char hostname[65];
};

/*
 * Opens the run directory, reads the configuration, restores the containers. Takes the fds 3 and on
 * that the service manager handed over, named as sd_listen_fds_with_names(3) gave them: the socket
 * "varlink", all others are of the store.
 */
int daemon_new(Daemon **ret, char *const *fd_names, size_t n_fds);
Daemon *daemon_free(Daemon *daemon);
DEFINE_CLEANUP(Daemon, daemon_free);

/* Says that it is ready, and runs until there has been nothing to do for a while. */
int daemon_run(Daemon *daemon);

/* Makes a container, over new FIFOs, or with fds over pipes of stdout and stderr, one of which may
 * be -1: takes them on success only. 0, -EINVAL with the refusal, or another negative errno. */
int daemon_create_container(Daemon *daemon, json_t *request, int *fds, Container **ret,
                            Refusal *refusal);

/* For restore: puts a container into the list. */
void daemon_add_container(Daemon *daemon, Container *container);

/* Takes a container, which the caller frees, out of the list. */
void daemon_remove_container(Daemon *daemon, Container *container);

/* By its id, its name, or the beginning of its id if that is unique. -EINVAL with the refusal. */
int daemon_find_container(Daemon *daemon, const char *key, Container **ret, Refusal *refusal);

/* Reads the configuration where there is none because it was refused. -EINVAL with the refusal. */
int daemon_need_config(Daemon *daemon, Refusal *refusal);

/* Reads the configuration again. -EINVAL with the refusal; the old one stays then. */
int daemon_reload(Daemon *daemon, Refusal *refusal);

/* Whether a reload would go well now. -EINVAL with the refusal. */
int daemon_check_config(Refusal *refusal);

/* Whether there is a container of exactly that id. */
bool daemon_has_container(const Daemon *daemon, const char *id);

/* For containers: calls container_retry() in a second. */
void daemon_retry_later(Daemon *daemon);

/* Something in memory is not what it should be, and on disk all is well: the process ends, and the
 * service manager starts the next one. */
void daemon_start_anew(Daemon *daemon, int error, const char *what);

/* Much memory was freed, or will be within a second: then the system has it back. */
void daemon_trim_later(Daemon *daemon);

/* For containers: lines were logged. */
void daemon_on_lines(Daemon *daemon);

/* For containers: whether any of them holds this file open as one of its FIFOs. */
bool daemon_holds_file(const Daemon *daemon, const struct stat *st);
