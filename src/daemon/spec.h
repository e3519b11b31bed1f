/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What Create was told, checked and completed: the one form that a request and the file of a
 * restarted daemon are both read into. It lives while a container is opened.
 */

#include <jansson.h>
#include <sys/stat.h>

#include "daemon/choices.h"
#include "daemon/config.h"
#include "daemon/refusal.h"
#include "driver/driver.h"
#include "record/entry.h"
#include "record/facts.h"

/* The newest that is read. What is written is the lowest that says it all: 3 with more than one
 * driver, for an older daemon would leave the others out; 2 without stdin, and where pipes were
 * handed over, for a daemon that knows only 1 would look for FIFOs; else 1. Tests build an older
 * daemon. */
#ifndef SPEC_VERSION
#define SPEC_VERSION 3
#endif

/* A stream that was handed over as a pipe, and which one that is, as fstat(2) tells. */
typedef struct SpecPipe {
        bool is_given;
        bool is_gone; /* it was lost with the service manager's store */
        dev_t dev;
        ino_t ino;
} SpecPipe;

/* One of the drivers of a container. */
typedef struct SpecDriver {
        const Driver *driver;
        Options options; /* those of the configuration and the container's own */
} SpecDriver;

typedef struct Spec {
        json_t *object; /* the file; everything below borrows from it */
        Facts facts;
        uint64_t created_usec;
        bool is_terminal;
        bool has_stdin;
        bool is_adopted; /* has pipes, and no FIFOs of ours */
        SpecPipe pipes[ENTRY_STREAMS];
        SpecDriver drivers[DRIVERS_PER_CONTAINER_MAX]; /* each one once */
        size_t n_drivers;                              /* at least one */
        bool is_split;                                 /* there are several, or there were */
        Pair *pairs;                                   /* the arrays of facts and options */
        char *env;                                     /* names of variables, each ended by NUL */
} Spec;

/*
 * From a request: checks every value, chooses the drivers, merges the options, makes up an epoch.
 * Returns 0, -EINVAL with the refusal, or another negative errno.
 */
int spec_new(Spec **ret, json_t *request, const Config *config, const char *hostname,
             Refusal *refusal);

/* Says that a stream is a pipe that was handed over: this one, or (NULL) one that is gone. */
int spec_set_pipe(Spec *spec, EntryStream kind, const struct stat *st);

/* From the bytes of a file. -EPROTO when a newer conlogd wrote it. */
int spec_parse(Spec **ret, Span bytes, const char *hostname, Refusal *refusal);

/* The same container with other drivers or options. Returns as spec_new(). */
int spec_change(Spec **ret, const Spec *old, const Change *change, const Config *config,
                Refusal *refusal);

/* From the file "config" in the directory of the container of that id. */
int spec_load(Spec **ret, int dir_fd, const char *id, const char *hostname, Refusal *refusal);

/* The bytes of a file, NUL-terminated; the caller frees them. NULL without memory. */
char *spec_format(const Spec *spec);

/* Writes the file "config" in the container's directory. */
int spec_save(const Spec *spec, int dir_fd);

Spec *spec_free(Spec *spec);
DEFINE_CLEANUP(Spec, spec_free);

/* A name that is one path component: of a container or an exec. */
bool spec_id_is_valid(const char *id);

/* The rule of it, for people. */
#define SPEC_ID_RULE \
        "a letter or digit, then letters, digits, '_', '.' or '-', at most 128 characters"
