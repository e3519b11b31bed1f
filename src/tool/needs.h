/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What conlogd needs of its host for as many containers as ContainersMax= allows, by which the
 * checks of doctor judge.
 */

#include "tool/host.h"

#define FIFOS_FOR_CONTAINER 3U
/* A pipe of 64 KiB; and 64 pipes that user id 0 has open besides. */
#define PIPE_PAGES 16U
#define PIPE_PAGES_OTHERS 1024U
/* The scratch pipe. */
#define STORED_FDS_OTHERS 2U
/* Sources of conlogd besides; and all that PID 1 has open. */
#define DAEMON_FDS_OTHERS 64U
#define MANAGER_FDS_OTHERS 500U
/* Stored fds whose names the kernel takes as one environment string, see FDSTORE_NAME_MAX_BYTES; a
 * few bytes are for the variable's own name and those of the sockets. */
#define STORED_FDS_MAX ((128U * 1024 - 64) / (FDSTORE_NAME_MAX_BYTES + 1))
/* Both ends of each FIFO. */
#define FILES_FOR_CONTAINER (2 * FIFOS_FOR_CONTAINER)
#define WATCHES_FOR_CONTAINER 2U
/* Its directory, FIFOs, state page and config; and the pages of these two. */
#define INODES_FOR_CONTAINER 6U
#define BYTES_FOR_CONTAINER (8U * 1024)
/* What conlogd takes with all answers under way; and what it and the kernel take for a container:
 * inodes, dentries, pipes and pages of the run directory are charged to who makes them. */
#define MEMORY_MIN_BYTES (VARLINK_OUTPUT_MAX_BYTES + 32U * 1024 * 1024)
#define MEMORY_FOR_CONTAINER (24U * 1024)
/* conlogd, and "conlogctl reload". */
#define TASKS_MIN 2U

static inline uint64_t need_pipe_pages(const Host *h)
{
        return (uint64_t) h->containers_max * FIFOS_FOR_CONTAINER * PIPE_PAGES + PIPE_PAGES_OTHERS;
}

static inline uint64_t need_stored_fds(const Host *h)
{
        return (uint64_t) h->containers_max * FIFOS_FOR_CONTAINER + STORED_FDS_OTHERS;
}

static inline uint64_t need_manager_fds(const Host *h)
{
        return need_stored_fds(h) + MANAGER_FDS_OTHERS;
}

/* Half as many more, for systemd to arrange them before conlogd has them: store_find_limit(). */
static inline uint64_t need_daemon_fds(const Host *h)
{
        return need_stored_fds(h) * 3 / 2 + FDS_RESERVED;
}

static inline uint64_t need_watches(const Host *h)
{
        return (uint64_t) h->containers_max * WATCHES_FOR_CONTAINER + DAEMON_FDS_OTHERS;
}

static inline uint64_t need_memory(const Host *h)
{
        return (uint64_t) h->containers_max * MEMORY_FOR_CONTAINER + MEMORY_MIN_BYTES;
}

/* Containers that may still come: what those that are there need is taken already. */
static inline uint64_t need_more(const Host *h, uint64_t for_container)
{
        return (h->containers_max - MIN(h->containers, h->containers_max)) * for_container;
}
