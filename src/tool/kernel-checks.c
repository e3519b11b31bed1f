/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The checks of the kernel and its settings; see checks.h. */

#include <inttypes.h>

#include "tool/checks.h"
#include "tool/needs.h"

/* Older ones may do, but nobody has tried. */
#define KERNEL_MIN 5010U
/* The option max-buffer-size= goes up to this. */
#define PIPE_MAX_BYTES (1024U * 1024)
/* Room for all other programs where a limit is raised. */
#define FILES_OTHERS 65536U
/* As PID 1 sets it. The kernel's 10 lets journald's senders wait all the time. */
#define DATAGRAMS_MIN 512U

static void check_kernel(const Host *h, Finding *f)
{
        if (!finding_knows(f, h->kernel.error))
                return;
        finding_set(f, "Linux %" PRIu64 ".%" PRIu64, h->kernel.n / 1000, h->kernel.n % 1000);
        if (h->kernel.n >= KERNEL_MIN)
                return;
        finding_blame(f, LEVEL_WARNING,
                      "Nobody has tried whether lines are safe with a kernel before %u.%u.",
                      KERNEL_MIN / 1000, KERNEL_MIN % 1000);
        finding_mend(f, "# Upgrade the kernel.");
}

/* 0 is no limit, for this and the next. True: it is too low, and so many containers fit. */
static bool lacks_pages(const Host *h, Finding *f, const Figure *figure, uint64_t *ret_fit)
{
        if (figure->error == 0 && figure->n == 0) {
                finding_set(f, "no limit");
                return false;
        }
        if (!finding_lacks(f, figure, need_pipe_pages(h)))
                return false;
        *ret_fit = (figure->n - MIN(figure->n, PIPE_PAGES_OTHERS)) /
                   (FIFOS_FOR_CONTAINER * PIPE_PAGES);
        return true;
}

static void mend_pages(const Host *h, Finding *f, const char *key, uint64_t fit)
{
        finding_mend_sysctl(f, key, need_pipe_pages(h));
        if (fit > 0)
                finding_mend(f,
                             "# Or allow fewer containers in conlogd.conf: ContainersMax=%" PRIu64,
                             fit);
}

static void check_pipe_pages_soft(const Host *h, Finding *f)
{
        uint64_t fit;

        if (!lacks_pages(h, f, &h->pipe_pages_soft, &fit))
                return;
        finding_blame(f, LEVEL_WARNING,
                      "With more than about %" PRIu64
                      " containers (ContainersMax= allows %u) a new FIFO holds 8 KiB instead of "
                      "64: its container waits sooner while journald is busy or away, and long "
                      "lines are logged in parts.",
                      fit, h->containers_max);
        mend_pages(h, f, "fs.pipe-user-pages-soft", fit);
}

static void check_pipe_pages_hard(const Host *h, Finding *f)
{
        uint64_t fit;

        if (!lacks_pages(h, f, &h->pipe_pages_hard, &fit))
                return;
        finding_blame(f, LEVEL_PROBLEM,
                      "With more than about %" PRIu64
                      " containers (ContainersMax= allows %u) no FIFO can be opened: new "
                      "containers are refused.",
                      fit, h->containers_max);
        mend_pages(h, f, "fs.pipe-user-pages-hard", fit);
}

static void check_pipe_max(const Host *h, Finding *f)
{
        if (!finding_lacks_bytes(f, &h->pipe_max_bytes, PIPE_MAX_BYTES))
                return;
        finding_blame(f, LEVEL_WARNING, "A container cannot have a max-buffer-size= above this.");
        finding_mend_sysctl(f, "fs.pipe-max-size", PIPE_MAX_BYTES);
}

static void check_nr_open(const Host *h, Finding *f)
{
        if (!finding_lacks(f, &h->nr_open, need_manager_fds(h)))
                return;
        finding_blame(
                f, LEVEL_PROBLEM,
                "No process may open more, whatever its limit: neither conlogd nor PID 1, which "
                "keeps the FIFOs while conlogd restarts, could hold those of all containers.");
        finding_mend_sysctl(f, "fs.nr_open", 1024 * 1024);
}

static void check_file_max(const Host *h, Finding *f)
{
        uint64_t needed = need_more(h, FILES_FOR_CONTAINER);
        Figure left = { .n = h->files_max.n - MIN(h->files_used.n, h->files_max.n),
                        .error = h->files_max.error ?: h->files_used.error };

        if (!finding_knows(f, left.error))
                return;
        finding_set(f, "%" PRIu64 " left, %" PRIu64 " needed", left.n, needed);
        if (left.n >= needed)
                return;
        finding_blame(f, LEVEL_PROBLEM,
                      "All programs together may open no more files: containers are refused, and "
                      "other programs fail.");
        finding_mend_sysctl(f, "fs.file-max", h->files_used.n + needed + FILES_OTHERS);
}

static void check_watches(const Host *h, Finding *f)
{
        if (!finding_lacks(f, &h->watches_max, need_watches(h)))
                return;
        finding_blame(f, LEVEL_PROBLEM,
                      "conlogd can wait for no further stream: containers are refused.");
        finding_mend_sysctl(f, "fs.epoll.max_user_watches", need_watches(h) + FILES_OTHERS);
}

static void check_datagrams(const Host *h, Finding *f)
{
        if (!finding_lacks(f, &h->datagrams_max, DATAGRAMS_MIN))
                return;
        finding_blame(
                f, LEVEL_WARNING,
                "journald's queue, when it is next started with its socket, holds no more entries: "
                "senders wait for it more often, and one that does not wait loses messages.");
        finding_mend_sysctl(f, "net.unix.max_dgram_qlen", DATAGRAMS_MIN);
}

static const Check items[] = {
        { "kernel", check_kernel },
        { "fs.pipe-user-pages-soft", check_pipe_pages_soft },
        { "fs.pipe-user-pages-hard", check_pipe_pages_hard },
        { "fs.pipe-max-size", check_pipe_max },
        { "fs.nr_open", check_nr_open },
        { "fs.file-max", check_file_max },
        { "fs.epoll.max_user_watches", check_watches },
        { "net.unix.max_dgram_qlen", check_datagrams },
};

const Checks kernel_checks = { items, ARRAY_SIZE(items) };
