/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The drivers: where entries go. This table is the only list of local drivers; a new one is one
 * file and one row in driver.c.
 *
 * A driver never chooses to drop and never blocks. It takes as many entries as it can, and says so.
 */

#include <systemd/sd-event.h>

#include "base/limits.h"
#include "io/journal-socket.h"
#include "record/entry.h"
#include "record/facts.h"

typedef struct Driver Driver;
typedef struct DriverHost DriverHost;
typedef struct DriverOption DriverOption;
typedef struct FileSinks FileSinks;
typedef struct Mark Mark;
typedef struct Options Options;
typedef struct Sink Sink;

/* What all sinks share; the daemon owns it. */
struct DriverHost {
        sd_event *event;
        const char *journal_path; /* the directory; of a namespace, with ".<name>" behind it */
        JournalSockets journals;
        FileSinks *files;
};

/* Driver options as given: each key once. */
struct Options {
        const Pair *pairs;
        size_t n_pairs;
};

struct DriverOption {
        const char *key;
        const char *preset; /* the default; NULL: not set */
        const char *rule;   /* what a value must be, for people: "yes or no" */
        /* 0, or -EINVAL; reason may be given, else the rule is shown. */
        int (*check)(const char *value, char reason[REASON_MAX_BYTES]);
};

/* Where the next record of a sink will go: so a daemon that takes the container over knows which of
 * the entries that are owed are in the file. */
struct Mark {
        uint64_t file; /* inode; 0: not known */
        uint64_t size; /* of it, in bytes */
};

/* An open driver for one container. Each driver's own sink begins with this. */
struct Sink {
        const Driver *driver;
        /* Who takes the entries, as people call it; it lives as long as the DriverHost. NULL: one
         * that never makes anybody wait. */
        const char *taker;
        /* Called once after a write that took nothing, or is_busy that said so, when it is worth
         * trying again. Never called from within these. */
        void (*on_ready)(Sink *sink, void *userdata);
        void *userdata;
};

struct Driver {
        const char *name;
        const char *description;
        const DriverOption *options;
        size_t n_options;
        /* It has no place for a priority: level-prefix is "no" unless somebody says otherwise, for
         * a prefix that is taken off would be lost. */
        bool has_no_priority;

        /* Opens a sink; driver is the row itself. facts and options are borrowed for the call, and
         * options_check() has passed them. Returns 0 and the sink, or -EINVAL with the key (a
         * literal) and the rule in reason, or another negative errno. */
        int (*open)(const Driver *driver, DriverHost *host, const Facts *facts,
                    const Options *options, Sink **ret, const char **ret_key,
                    char reason[REASON_MAX_BYTES]);
        /* Takes up to n entries in order: their bytes are sent or copied on return. Returns how
         * many; after 0 on_ready follows. */
        size_t (*write)(Sink *sink, const Entry *entries, size_t n);
        /* Whether a write would take nothing now. If so, on_ready follows. */
        bool (*is_busy)(Sink *sink);
        Sink *(*free)(Sink *sink);

        /* NULL for drivers without files, the next two together. */

        /* Where the sink stands. Opens the file if nothing has been written yet, so ask only where
         * something is about to be. To be kept with each turn of the state page: with the one that
         * says what is owed, before the write, and with the one that says what was taken, after it
         * and before the loop goes on. */
        void (*get_mark)(Sink *sink, Mark *ret);
        /* For a container that was taken over, before the first write: the mark that was kept, and
         * the ordinal of the first entry that is not known to be taken. Nothing is opened yet. The
         * first entries that are written then may be in the file already, as whole records behind
         * the mark: these are taken without being written. */
        void (*resume)(Sink *sink, const Mark *mark, uint64_t next_ordinal);
        /* Begins a new file now; one whose place the options say is opened anew, because somebody
         * else has moved it. NULL: it has no files, -EOPNOTSUPP. */
        int (*rotate)(Sink *sink);
};

/* The table, NULL-terminated; the first one is the default. */
extern const Driver *const drivers[];

/* Options that every driver has, because the stream carries them out: daemon/delivery.h. */
extern const DriverOption common_options[];
extern const size_t n_common_options;

/* The driver of that name, or NULL. */
const Driver *driver_find(const char *name);

/* The row of an option of that driver, be it one that every driver has, or NULL. */
const DriverOption *driver_find_option(const Driver *driver, const char *key);

/* The default of an option with that driver, or NULL. */
const char *driver_get_preset(const Driver *driver, const DriverOption *option);

/* The value of an option: as given, else the default, else NULL. */
const char *options_get(const Driver *driver, const Options *options, const char *key);

/* The same, for an option whose check is driver_check_bool(). */
bool options_get_bool(const Driver *driver, const Options *options, const char *key);

/* A check for the table: as parse_bool(). */
int driver_check_bool(const char *value, char reason[REASON_MAX_BYTES]);

/*
 * Checks each option against the driver's table. Returns 0, or -EINVAL with the key (borrowed from
 * options) and the rule in reason.
 */
int options_check(const Driver *driver, const Options *options, const char **ret_key,
                  char reason[REASON_MAX_BYTES]);

static inline Sink *sink_free(Sink *sink)
{
        return sink ? sink->driver->free(sink) : NULL;
}
DEFINE_CLEANUP(Sink, sink_free);
