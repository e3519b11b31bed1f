/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A file of records that only grows, until it is rotated. It lies in a directory of its own below
 * one for all (root/dir/name), or in one that somebody else has made (dir is NULL).
 *
 * It knows how many bytes of whole records are in it. What is behind them is what a write left that
 * failed in its middle: it is cut off before anything else is written. Who deletes, renames or
 * truncates the file does no harm: that is noticed, and a new one is begun.
 */

#include "base/limits.h"
#include "base/span.h"

typedef struct LogFile {
        const char *root; /* an absolute path; these three are the owner's */
        const char *dir;
        const char *name;
        unsigned max_file;
        int fd;               /* -1: not open */
        bool is_torn;         /* there may be more in it than size */
        ino_t ino;            /* of the file that was open last, 0: none */
        uint64_t size;        /* its whole records, in bytes */
        uint64_t looked_usec; /* when its name was looked at last */
} LogFile;

/*
 * Opens the file, or makes it. What has its name and is no file of ours (a symbolic link, a file
 * with two names) is rotated away. Returns 1 if it is not the one that was open last, else 0.
 */
int logfile_open(LogFile *file);

/* Closes it and forgets nothing. */
void logfile_close(LogFile *file);

/*
 * Before a write: looks whether the open file is still the one that has the name (each second) and
 * how long it is, and cuts off what is torn. Returns as logfile_open(), which it may call.
 */
int logfile_prepare(LogFile *file, uint64_t now_usec);

/*
 * Appends in one piece as far as the kernel lets it. Returns 0, or why not all was written;
 * *ret_written says how much. It becomes a part of the file with logfile_accept().
 */
int logfile_append(LogFile *file, Span records, size_t *ret_written);

/* Of what was appended, n bytes are whole records. The rest is cut off. */
void logfile_accept(LogFile *file, size_t n, size_t written);

/* Cuts off what is behind size. Where that fails, the next logfile_prepare() does it first. */
int logfile_cut(LogFile *file, uint64_t size);

/* Reads at most size bytes at offset. Returns how many. */
ssize_t logfile_read(const LogFile *file, char *buffer, size_t size, uint64_t offset);

/* Renames it out of the way, see rotation.h, and begins a new one. If that fails in its middle it
 * is not open, and logfile_open() goes on. */
int logfile_rotate(LogFile *file);

/* Opens its directory, and makes it if asked for, but never its root. Returns the fd. */
int logfile_open_dir(const LogFile *file, bool make);
