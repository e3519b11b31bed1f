/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the drivers that write files have in common: all but the format of a record.
 *
 * Entries are encoded into one buffer and written by one call. A write goes to one file only: if
 * the first record does not fit the file is rotated before, and entries that do not fit are not
 * taken yet. An error never drops anything and never stops the container from being made: what is
 * half written is cut off, the sink is busy, and it is tried again each second.
 *
 * After a kill the records behind the mark are compared, one by one, with the entries that come
 * first: those that are there already are taken without being written.
 */

#include "base/buffer.h"
#include "driver/driver.h"
#include "io/compressor.h"
#include "io/logfile.h"
#include "io/loginfo.h"
#include "record/stored.h"
#include "record/timestamp.h"

typedef struct FileFormat FileFormat;
typedef struct FileSink FileSink;

/* What all of them share; a DriverHost has it. */
struct FileSinks {
        sd_event *event;
        const char *path;                        /* of the directory for all logs; a literal */
        TAILQ_HEAD(FileSinkList, FileSink) open; /* those with an open file, the last used first */
        TAILQ_HEAD(, FileSink) waiting;          /* that could not write */
        TAILQ_HEAD(, FileSink) outside;          /* whose file the option path= names */
        unsigned n_open;
        unsigned n_waiting;
        unsigned n_troubled; /* who could not write, and have not written since */
        int trouble;         /* the error that was logged last */
        sd_event_source *retry;
        Compressor *compressor;
        Buffer records;
};

/* A format of records. */
struct FileFormat {
        const char *name; /* of the file */
        /* Room for an entry, and its encoding; 0 for one that is no line. */
        size_t (*bound)(const FileSink *sink, const Entry *entry);
        size_t (*encode)(FileSink *sink, char *p, const Entry *entry);
        const StoredFormat *stored;
        /* For drivers with labels, env and tag; else NULL. */
        int (*append_attributes)(Buffer *b, const Pair *pairs, size_t n_pairs);
};

struct FileSink {
        Sink sink;
        FileSinks *files;
        const FileFormat *format;
        TAILQ_ENTRY(FileSink) open;
        TAILQ_ENTRY(FileSink) waiting;
        TAILQ_ENTRY(FileSink) outside;
        LogFile file;
        uint64_t max_size; /* UINT64_MAX: none */
        LogInfo info;
        uint64_t info_due_usec;
        Mark mark;             /* while is_resuming */
        uint64_t next_ordinal; /* while is_skipping */
        uint64_t skip_at;      /* what is in the file from here on may be owed */
        uint32_t n_skipped;    /* records of the next entry that are in the file */
        bool is_listed;        /* in FileSinks.open */
        bool is_waiting;       /* in FileSinks.waiting */
        bool is_outside;       /* in FileSinks.outside */
        bool is_troubled;      /* could not write, and has not written since */
        bool is_unseen;        /* the open file is one that we know nothing of */
        bool is_resuming;      /* the mark is for the first file that is opened */
        bool is_skipping;      /* there are bytes between skip_at and the end */
        bool compresses;
        bool wants_compression; /* after this turn: its rotated files */
        bool wants_rotation;    /* before the next write */
        Timestamp timestamp;    /* for the format */
        Span attributes;
        char text[]; /* what the pointers above point to */
};

int file_sinks_new(FileSinks **ret, sd_event *event, const char *path);
FileSinks *file_sinks_free(FileSinks *files);
DEFINE_CLEANUP(FileSinks, file_sinks_free);

/* The time of this turn of the loop. */
uint64_t file_sink_get_now(const FileSink *sink, clockid_t clock);

/* What goes into the driver's row; open is in file-options.h. */
size_t file_sink_write(Sink *sink, const Entry *entries, size_t n);
bool file_sink_is_busy(Sink *sink);
void file_sink_get_mark(Sink *sink, Mark *ret);
void file_sink_resume(Sink *sink, const Mark *mark, uint64_t next_ordinal);
int file_sink_rotate(Sink *sink);
Sink *file_sink_free(Sink *sink);

#define FILE_SINK_FUNCTIONS                                                                     \
        .write = file_sink_write, .is_busy = file_sink_is_busy, .get_mark = file_sink_get_mark, \
        .resume = file_sink_resume, .rotate = file_sink_rotate, .free = file_sink_free,         \
        .has_no_priority = true
