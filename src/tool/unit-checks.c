/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The checks of systemd and conlogd's units; see checks.h. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tool/checks.h"
#include "tool/needs.h"

#define MANAGER_MIN 252U
/* The first one that compares stored fds in no time. Before, each is compared with every other, one
 * by one: from so many containers on it takes PID 1 some 10 s to store them, and the same once more
 * at each daemon-reload. */
#define MANAGER_FAST_STORE 257U
#define SLOW_STORE_CONTAINERS 2000U
/* So few places in the fd store are soon used up. */
#define STORED_FDS_SPARE 100U
/* As the unit has them. */
#define UNIT_FILES_MAX 65536U
#define UNIT_STORE_MAX 32000U

static void check_manager(const Host *h, Finding *f)
{
        const Figure *version = &h->manager.version;

        if (!finding_knows(f, h->manager.error ?: version->error))
                return;
        finding_set(f, "systemd %" PRIu64, version->n);
        if (version->n < MANAGER_MIN) {
                finding_blame(f, LEVEL_PROBLEM,
                              "conlogd needs systemd %u: with an older one what is in the FIFOs "
                              "may be lost in a restart.",
                              MANAGER_MIN);
                finding_mend(f, "# Upgrade systemd.");
        } else if (version->n < MANAGER_FAST_STORE && h->containers_max > SLOW_STORE_CONTAINERS)
                finding_blame(
                        f, LEVEL_NOTE,
                        "Before systemd %u PID 1 is slow to keep the FIFOs of more than about %u "
                        "containers (ContainersMax= allows %u): their creation and each "
                        "daemon-reload then take it many seconds, in which it does nothing else.",
                        MANAGER_FAST_STORE, SLOW_STORE_CONTAINERS, h->containers_max);
}

static void mend_start(Finding *f)
{
        finding_mend(f, "# Start this system with a higher limit: PID 1 has that of the container");
        finding_mend(f, "# manager, or that of the kernel, fs.nr_open.");
}

static void check_manager_files(const Host *h, Finding *f)
{
        if (!finding_lacks(f, &h->manager_files_max, need_manager_fds(h)))
                return;
        finding_blame(f, LEVEL_PROBLEM,
                      "PID 1 keeps the FIFOs while conlogd restarts, and may not open so many "
                      "files: those it drops without a word lose lines then.");
        mend_start(f);
}

static void check_socket(const Host *h, Finding *f)
{
        const Manager *m = &h->manager;

        if (!finding_knows(f, m->error))
                return;
        finding_set(f, "%s, %s", m->socket_active,
                    *m->socket_file ? m->socket_file : m->socket_load);
        if (strcmp(m->socket_load, "masked") == 0)
                finding_mend(f, "systemctl unmask conlogd.socket");
        if (strcmp(m->socket_active, "active") != 0)
                finding_blame(f, LEVEL_PROBLEM,
                              "Nobody can reach conlogd: containers are not started.");
        else if (strcmp(m->socket_file, "enabled") != 0)
                finding_blame(f, LEVEL_WARNING, "After the next boot nothing starts conlogd.");
        else
                return;
        finding_mend(f, "systemctl enable --now conlogd.socket");
}

static void check_service(const Host *h, Finding *f)
{
        const Manager *m = &h->manager;

        if (!finding_knows(f, m->error))
                return;
        finding_set(f, "%s, %s%s%s", m->service_load, m->service_active,
                    *m->service_drop_ins ? ", changed by" : "", m->service_drop_ins);
        if (strcmp(m->service_load, "loaded") != 0) {
                finding_blame(f, LEVEL_PROBLEM, "conlogd cannot be started.");
                finding_mend(f,
                             "# See what is wrong with the unit: systemctl status conlogd.service");
        } else if (strcmp(m->service_active, "failed") == 0) {
                finding_blame(f, LEVEL_PROBLEM,
                              "conlogd does not run, and the service manager has let go of the "
                              "FIFOs of containers that do.");
                finding_mend(f, "systemctl reset-failed conlogd.service conlogd.socket");
                finding_mend(f, "systemctl restart conlogd.socket conlogd.service");
        } else if (m->needs_reload) {
                finding_blame(f, LEVEL_WARNING,
                              "The unit or a drop-in has changed and is not in force yet.");
                finding_mend(f, "systemctl daemon-reload");
                finding_mend(f, "systemctl try-restart conlogd.service");
        }
}

/* Whether the properties of the service are those of its unit. */
static bool knows_service(const Host *h, Finding *f, int error)
{
        if (!finding_knows(f, h->manager.error))
                return false;
        if (strcmp(h->manager.service_load, "loaded") == 0)
                return finding_knows(f, error);
        f->level = LEVEL_UNKNOWN;
        finding_set(f, "conlogd.service is not loaded");
        return false;
}

static void check_restart(const Host *h, Finding *f)
{
        if (!knows_service(h, f, 0))
                return;
        finding_set(f, "%s", h->manager.restart);
        if (strcmp(h->manager.restart, "always") == 0)
                return;
        finding_blame(f, LEVEL_PROBLEM,
                      "When conlogd dies it stays away: containers wait or fail at their next "
                      "write, and what is in the FIFOs may be lost.");
        finding_mend_unit(f, "Service", "Restart", "always");
}

static void check_start_limit(const Host *h, Finding *f)
{
        const Manager *m = &h->manager;

        if (!knows_service(h, f, m->start_limit_usec.error ?: m->start_limit_burst.error))
                return;
        if (m->start_limit_usec.n == 0 || m->start_limit_burst.n == 0) {
                finding_set(f, "no limit");
                return;
        }
        finding_set(f, "%" PRIu64 " starts in %" PRIu64 " s", m->start_limit_burst.n,
                    m->start_limit_usec.n / 1000000);
        finding_blame(f, LEVEL_PROBLEM,
                      "When conlogd dies more often than that, the service manager gives it up and "
                      "lets go of the FIFOs: what is in them may be lost.");
        finding_mend_unit(f, "Unit", "StartLimitIntervalSec", "0");
}

static void check_fd_store(const Host *h, Finding *f)
{
        const Manager *m = &h->manager;
        char value[32];

        (void) snprintf(value, sizeof(value), "%u", UNIT_STORE_MAX);
        if (knows_service(h, f, 0) && finding_lacks(f, &m->fd_store_max, need_stored_fds(h)))
                finding_blame(f, LEVEL_PROBLEM,
                              "Of the three FIFOs of each container the service manager keeps no "
                              "more than this while conlogd restarts: the lines in the others are "
                              "lost, and their writers fail.");
        else if (f->level == LEVEL_OK && m->fd_store_max.n > STORED_FDS_MAX)
                finding_blame(f, LEVEL_WARNING,
                              "With more than %u stored, their names are longer than the kernel "
                              "takes: the next start of conlogd fails, and all are lost.",
                              STORED_FDS_MAX);
        else
                return;
        finding_mend_unit(f, "Service", "FileDescriptorStoreMax", value);
}

/* A container with a terminal and without stdin has but one. */
static void check_fds_stored(const Host *h, Finding *f)
{
        const Figure *used = &h->manager.fd_store_used, *max = &h->manager.fd_store_max;

        if (!knows_service(h, f, h->daemon_error ?: used->error ?: max->error))
                return;
        finding_set(f, "%" PRIu64 " of %" PRIu64 " places for %u container%s", used->n, max->n,
                    h->containers, h->containers == 1 ? "" : "s");
        if (used->n < h->containers) {
                finding_blame(
                        f, LEVEL_PROBLEM,
                        "The service manager does not keep the FIFOs of some containers, or "
                        "not yet, if they are new: a restart of conlogd loses lines in them.");
                finding_mend(f, "# Mend the limits, then create these containers again.");
        } else if (max->n >= need_stored_fds(h) && max->n < used->n + STORED_FDS_SPARE) {
                finding_blame(f, LEVEL_WARNING,
                              "Further containers, and execs that are logged, may find no place in "
                              "the service manager's store: a restart of conlogd loses lines in "
                              "their FIFOs.");
                finding_mend(f,
                             "# Raise FileDescriptorStoreMax= of conlogd.service, up to %u, or "
                             "remove containers that have ended.",
                             STORED_FDS_MAX);
        }
}

static void check_daemon_files(const Host *h, Finding *f)
{
        uint64_t needed = need_daemon_fds(h);
        char value[32];

        (void) snprintf(value, sizeof(value), "%u", UNIT_FILES_MAX);
        if (!knows_service(h, f, 0) || !finding_lacks(f, &h->daemon_files_max, needed))
                return;
        finding_blame(f, LEVEL_PROBLEM,
                      "conlogd has three FIFOs open for each container (ContainersMax= allows %u), "
                      "and systemd needs half as much room again to hand them over: new containers "
                      "are refused when that is used up.",
                      h->containers_max);
        /* The unit may allow what PID 1 cannot give, or what the process does not have yet. */
        if (h->manager.files_max.n < needed)
                finding_mend_unit(f, "Service", "LimitNOFILE", value);
        else if (h->manager_files_max.n < needed)
                mend_start(f);
        else
                finding_mend(f, "systemctl restart conlogd.service");
}

/* journald lets a burst of entries through in each interval. So many a microsecond are a hundred
 * times what it can store. 0: what journald.conf says, and there: no limit. */
static void check_log_rate(const Host *h, Finding *f)
{
        const Manager *m = &h->manager;
        Figure usec = m->log_rate_usec, burst = m->log_rate_burst;

        if (!knows_service(h, f, 0))
                return;
        if (usec.n == 0)
                usec = h->journal.rate_usec;
        if (burst.n == 0)
                burst = h->journal.rate_burst;
        if (!finding_knows(f, usec.error ?: burst.error))
                return;
        if (usec.n == 0 || burst.n == 0 || burst.n >= usec.n) {
                finding_set(f, "no limit");
                return;
        }
        finding_set(f, "%" PRIu64 " lines in %" PRIu64 " ms", burst.n, usec.n / 1000);
        finding_blame(f, LEVEL_PROBLEM,
                      "journald drops what all containers together write beyond that, without a "
                      "word. (0 for either setting of the unit means \"not set\": what "
                      "journald.conf says then holds.)");
        finding_mend_unit(f, "Service", "LogRateLimitIntervalSec", "1us");
}

static void check_tasks(const Host *h, Finding *f)
{
        if (!knows_service(h, f, 0) || !finding_lacks(f, &h->manager.tasks_max, TASKS_MIN))
                return;
        finding_blame(f, LEVEL_PROBLEM, "conlogd cannot be started or not be reloaded.");
        finding_mend_unit(f, "Service", "TasksMax", "infinity");
}

static void check_memory(const Host *h, Finding *f)
{
        if (!knows_service(h, f, 0) ||
            !finding_lacks_bytes(f, &h->manager.memory_max, need_memory(h)))
                return;
        finding_blame(f, LEVEL_PROBLEM,
                      "With many containers (ContainersMax= allows %u) conlogd runs out of memory "
                      "and is killed, again and again.",
                      h->containers_max);
        finding_mend_unit(f, "Service", "MemoryMax", "infinity");
}

static const Check items[] = {
        { "systemd", check_manager },
        { "PID 1 open files", check_manager_files },
        { "conlogd.socket", check_socket },
        { "conlogd.service", check_service },
        { "Restart=", check_restart },
        { "StartLimitIntervalSec=", check_start_limit },
        { "FileDescriptorStoreMax=", check_fd_store },
        { "FIFOs in the store", check_fds_stored },
        { "LimitNOFILE=", check_daemon_files },
        { "LogRateLimitIntervalSec=", check_log_rate },
        { "TasksMax=", check_tasks },
        { "MemoryMax=", check_memory },
};

const Checks unit_checks = { items, ARRAY_SIZE(items) };
