/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What conlogd depends on at this host, found out without changing anything.
 */

#include "base/limits.h"
#include "tool/figure.h"
#include "tool/journal-store.h"
#include "tool/manager.h"

/* A directory, and what its file system can still take. */
typedef struct HostDirectory {
        int error;
        unsigned mode;
        unsigned uid;
        bool is_read_only;
        Figure bytes;
        Figure inodes;
        uint64_t size; /* the same when it was empty */
        uint64_t inodes_size;
} HostDirectory;

typedef struct Host {
        /* The kernel. Its version is major * 1000 + minor. */
        Figure kernel;
        Figure pipe_pages_soft; /* fs.pipe-user-pages-soft; 0: none; so for the next one */
        Figure pipe_pages_hard;
        Figure pipe_max_bytes; /* fs.pipe-max-size */
        Figure nr_open;
        Figure files_max; /* fs.file-max, and how many of them are in use */
        Figure files_used;
        Figure datagrams_max; /* net.unix.max_dgram_qlen */
        Figure watches_max;   /* fs.epoll.max_user_watches */

        /* What PID 1, which holds the fd store, may open; and what conlogd may: the process, or the
         * next one. */
        Figure manager_files_max;
        Figure daemon_files_max;

        Manager manager;
        JournalStore journal;

        HostDirectory run;  /* the run directory */
        HostDirectory logs; /* where the log files are */

        /* What conlogd itself says. containers_max is its default where it says nothing. */
        int daemon_error; /* a negative errno: no answer, and nothing below is known */
        char daemon_version[32];
        bool has_config;       /* one is in force */
        char bad_config[1024]; /* file, line and rule: what a reload would refuse, "" nothing */
        unsigned containers;
        unsigned containers_max;
        unsigned waiting;
        unsigned small_fifos;
        unsigned unrestored;
} Host;

/* Asks the conlogd at socket. Looks for files below root, "" for the system itself. */
void host_read(Host *ret, const char *root, const char *socket);
