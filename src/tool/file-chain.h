/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The files of a log, oldest first, while they are rotated, compressed and deleted: see
 * io/rotation.h. A file is known by its inode, as its name changes with each rotation, and by what
 * is in it once it is compressed.
 */

#include <sys/types.h>

#include "base/base.h"

typedef struct ChainFile {
        int fd;
        dev_t dev;
        ino_t ino;
        bool is_packed; /* with gzip */
} ChainFile;

typedef struct FileChain {
        int dir_fd;       /* -1: not open */
        const char *name; /* of the file that is written; in the directory's path */
        char *path;
        ChainFile *files; /* the last one is the newest */
        size_t n;
        bool has_gap; /* files were deleted before they were found, perhaps */
} FileChain;

/* Opens the directory of the file. A chain that is zero but for dir_fd is a good start. */
int file_chain_open(FileChain *chain, const char *path);
void file_chain_done(FileChain *chain);

/* Finds all files there are now. Returns how many. */
int file_chain_load(FileChain *chain);

/* Finds those that are newer than the last one of the chain, and puts them behind it. Returns how
 * many. */
int file_chain_extend(FileChain *chain);

/* Lets the first n files go. */
void file_chain_drop(FileChain *chain, size_t n);
