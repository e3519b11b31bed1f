/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The FIFOs of one process of a container: of its first one ("init"), or of one exec.
 *
 *     init-stdin  init-stdout  init-stderr        <exec>-stdin  <exec>-stdout  <exec>-stderr
 *
 * With a terminal there is no stderr; there may be no stdin. Of what it logs the daemon holds the
 * read ends of stdout and stderr, and stdin for reading and writing, so that it does not end by
 * itself; the service manager's store holds a copy of each. FIFOs that are not logged it only makes
 * and deletes.
 *
 * A container that is split has one FIFO more for each of its drivers and streams, called
 * "<name>-<stream>.<driver>", which are open for both reading and writing.
 *
 * A container's own set may consist of pipes that somebody else made and handed over ("adopted"):
 * stdout, stderr or both. They have no name on disk: see daemon/adoption.h.
 */

#include <jansson.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include "daemon/refusal.h"
#include "daemon/split.h"
#include "daemon/stream.h"
#include "io/notify.h"

typedef struct Container Container;

/* The streams of a set for one driver. */
typedef struct Branch {
        TAILQ_ENTRY(Branch) branches; /* Fifos.branches */
        Feed *feed;
        Stream streams[ENTRY_STREAMS];
} Branch;

struct Fifos {
        TAILQ_ENTRY(Fifos) fifos; /* Container.fifos */
        Container *container;
        TAILQ_HEAD(BranchList, Branch) branches; /* in the order of Container.feeds */
        Split splits[ENTRY_STREAMS];             /* where the container is_split */
        int stdin_fd;                            /* -1: not logged */
        bool is_exec;
        bool is_logged;
        bool is_terminal;
        bool is_adopted;
        bool has_stdin; /* true, until who made it says otherwise */
        bool has_streams[ENTRY_STREAMS];
        bool is_ending;
        bool is_stored;  /* all fds came from the service manager's store */
        bool is_waiting; /* for the service manager to take them; in Store.waiting */
        TAILQ_ENTRY(Fifos) waiting;
        unsigned n_fds; /* that the store holds, or will */
        uint32_t first_row;
        char store_name[FDSTORE_NAME_MAX_BYTES + 1];
        /* Called when all streams have ended; frees the set. */
        void (*on_ended)(Fifos *fifos);
        void *call;      /* VarlinkCall of the Remove that waits, NULL: none */
        void *made_call; /* that of the Create or Exec, while the set is_waiting */
        char name[];     /* "init", or the id of the exec */
};

/* Fills the common part; nothing is opened. */
int fifos_new(Fifos **ret, Container *container, const char *name, bool is_exec, bool is_logged,
              bool is_terminal);
Fifos *fifos_free(Fifos *fifos);
DEFINE_CLEANUP(Fifos, fifos_free);

/* Makes the FIFOs in the container's directory. */
int fifos_create(Fifos *fifos, int dir_fd);

/*
 * Opens the FIFOs: takes those that the service manager kept, opens the others by name. Starts the
 * streams that are logged. New ones get the capacity that the container wants, or -EPERM if it is
 * more than the kernel grants.
 */
int fifos_open(Fifos *fifos, int dir_fd, bool is_new);

/* Gives those of that driver the capacity that it wants now. 0, or a negative errno: then some of
 * them may have it. -EBUSY: one of them holds more than that. */
int fifos_resize(Fifos *fifos, const Feed *feed);

/* Why the kernel does not grant a capacity, for people. */
#define FIFOS_CAPACITY_RULE                                                        \
        "more than the kernel grants: fs.pipe-max-size is the most for one FIFO, " \
        "fs.pipe-user-pages-soft the pages for all of a user"

/* Whether one of the logged ones holds less than it should: the kernel had no more pages for it, or
 * somebody shrank it. */
bool fifos_are_small(const Fifos *fifos);

/* Takes pipes that were handed over, now or (is_stored) to a daemon before this one, and starts
 * their streams; dir_fd is the container's directory. A stream that has none (-1) is not there. */
int fifos_adopt(Fifos *fifos, int dir_fd, int fds[ENTRY_STREAMS], bool is_stored);

/* The files of a driver's pipes, for a set that is logged. */
int fifos_create_pipes(const Fifos *fifos, int dir_fd, const char *driver);

/* For Set: the streams for one driver more, with nothing opened; the pipe of one of them, which it
 * reads then; a stream's end that is split from now on (takes fd); a turn for all streams but those
 * that wait for their drivers; whether the set has ended, then on_ended frees it. */
int fifos_add_branch(Fifos *fifos, Feed *feed);
int fifos_open_pipe(Fifos *fifos, Stream *stream, int dir_fd, bool is_new, bool *is_stored);
int fifos_start_split(Fifos *fifos, EntryStream kind, int fd);
void fifos_unlink_pipes(const Fifos *fifos, int dir_fd, const char *driver);
void fifos_push(Fifos *fifos);
void fifos_check_ended(Fifos *fifos);
Branch *branch_free(Branch *branch);

/* Most fds of a set that is logged; n_pipes: those of drivers for each stream, 0 where the
 * container is not split. */
unsigned fifos_count_fds(size_t n_pipes);

/* Whether one of them is this file. */
bool fifos_hold(const Fifos *fifos, const struct stat *st);

/* Gives the fds back that came from the service manager's store, for another attempt to open. The
 * set is of no use then. */
void fifos_give_back(Fifos *fifos);

/* Logs what is in the FIFOs, closes them and calls on_ended, perhaps before this returns. */
void fifos_end(Fifos *fifos);

/* For the store: those that are open now. */
size_t fifos_get_fds(const Fifos *fifos, int ret[NOTIFY_FDS_MAX]);

/* For the store: the set has left Store.waiting. */
void fifos_on_kept(Fifos *fifos);

/* Takes the fds out of the service manager's store, where they are in it. */
void fifos_unstore(Fifos *fifos);

/* Deletes the FIFOs' names. */
void fifos_unlink(const Fifos *fifos, int dir_fd);

/* The array of streams for an answer, after the interface's type Stream. */
json_t *fifos_describe(const Fifos *fifos);

/* Whether all slots of the stream's pipe are used. 1, 0, or a negative errno. */
int fifos_stream_is_full(const Stream *stream);

/* "<name>-<stdin|stdout|stderr>", and the room for it. */
#define FIFO_NAME_BYTES (ID_MAX_BYTES + sizeof("-stdout.") + DRIVER_NAME_MAX_BYTES)
void fifos_get_name(const Fifos *fifos, const char *stream, char ret[FIFO_NAME_BYTES]);

/* What the pipe of a stream is called. */
void fifos_get_stream_name(const Stream *stream, char ret[FIFO_NAME_BYTES]);
