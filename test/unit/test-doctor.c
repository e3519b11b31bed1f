/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The checks of doctor: a healthy host, and each limit from below, at it and above. */

#undef NDEBUG

#include <stdio.h>
#include <string.h>

#include "tool/checks.h"

static const Checks *const groups[] = { &kernel_checks, &unit_checks, &journal_checks,
                                        &daemon_checks };

/* For 1,000 containers, 100 of which are there. */
static Host healthy(void)
{
        return (Host){
                .kernel.n = 6001,
                .pipe_pages_soft.n = 49024,
                .pipe_pages_hard.n = 0,
                .pipe_max_bytes.n = 1048576,
                .nr_open.n = 1048576,
                .files_max.n = 100000,
                .files_used.n = 1000,
                .datagrams_max.n = 512,
                .watches_max.n = 100000,
                .manager_files_max.n = 65536,
                .daemon_files_max.n = 65536,
                .manager = { .version.n = 252,
                             .socket_load = "loaded",
                             .socket_file = "enabled",
                             .socket_active = "active",
                             .service_load = "loaded",
                             .service_active = "active",
                             .restart = "always",
                             .start_limit_burst.n = 5,
                             .files_max.n = 65536,
                             .fd_store_max.n = 32000,
                             .fd_store_used.n = 302,
                             .log_rate_usec.n = 1,
                             .tasks_max.n = FIGURE_INFINITY,
                             .memory_max.n = FIGURE_INFINITY },
                .journal = { .level_max.n = 7,
                             .rate_usec.n = 30000000,
                             .rate_burst.n = 10000,
                             .max_use.n = UINT64_C(4) << 30,
                             .keep_free.n = UINT64_C(1) << 30,
                             .available.n = UINT64_C(10) << 30 },
                .run.mode = 0711,
                .run.bytes.n = UINT64_C(1) << 30,
                .run.inodes.n = 800000,
                .run.size = UINT64_C(2) << 30,
                .run.inodes_size = 810000,
                .logs.mode = 02750,
                .logs.bytes.n = UINT64_C(1) << 30,
                .logs.size = UINT64_C(20) << 30,
                .daemon_version = CONLOGD_VERSION,
                .has_config = true,
                .containers = 100,
                .containers_max = 1000,
        };
}

static Finding look(const Host *h, const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
                for (size_t k = 0; k < groups[i]->n_items; k++)
                        if (strcmp(groups[i]->items[k].name, name) == 0) {
                                Finding f = {};

                                groups[i]->items[k].look(h, &f);
                                return f;
                        }
        printf("no check %s\n", name);
        exit(EXIT_FAILURE);
}

/* This check has that level, and says what there is to say of it; no other one differs from a
 * healthy host, but for the names in also. */
static Finding expect(const Host *h, const char *name, Level level, const char *also)
{
        Finding f = look(h, name);

        if (f.level != level || !*f.found) {
                printf("%s: level %i, not %i: %s\n", name, f.level, level, f.found);
                exit(EXIT_FAILURE);
        }
        assert((level == LEVEL_OK || level == LEVEL_UNKNOWN) == !*f.cause);
        assert((level < LEVEL_WARNING && !*f.cause) == !*f.remedy || level == LEVEL_NOTE);
        for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
                for (size_t k = 0; k < groups[i]->n_items; k++) {
                        const char *other = groups[i]->items[k].name;

                        if (strcmp(other, name) == 0 || strstr(also, other))
                                continue;
                        if (look(h, other).level != LEVEL_OK) {
                                printf("%s is not well, with %s\n", other, name);
                                exit(EXIT_FAILURE);
                        }
                }
        return f;
}

static void test_healthy(void)
{
        Host h = healthy();

        (void) expect(&h, "kernel", LEVEL_OK, "");
        h.pipe_pages_soft.n = 0;
        assert(strcmp(expect(&h, "fs.pipe-user-pages-soft", LEVEL_OK, "").found, "no limit") == 0);
        puts("ok: a healthy host");
}

/* A number, and the least that is enough. */
static void test_limits(void)
{
        static const struct {
                const char *name;
                size_t offset;
                uint64_t least;
                Level level;
                const char *also; /* is unknown when this is */
        } limits[] = {
                { "kernel", offsetof(Host, kernel), 5010, LEVEL_WARNING },
                { "fs.pipe-user-pages-soft", offsetof(Host, pipe_pages_soft), 49024,
                  LEVEL_WARNING },
                { "fs.pipe-user-pages-hard", offsetof(Host, pipe_pages_hard), 49024,
                  LEVEL_PROBLEM },
                { "fs.pipe-max-size", offsetof(Host, pipe_max_bytes), 1048576, LEVEL_WARNING },
                { "fs.nr_open", offsetof(Host, nr_open), 3502, LEVEL_PROBLEM },
                { "fs.file-max", offsetof(Host, files_max), 6400, LEVEL_PROBLEM },
                { "fs.epoll.max_user_watches", offsetof(Host, watches_max), 2064, LEVEL_PROBLEM },
                { "net.unix.max_dgram_qlen", offsetof(Host, datagrams_max), 512, LEVEL_WARNING },
                { "systemd", offsetof(Host, manager.version), 252, LEVEL_PROBLEM },
                { "PID 1 open files", offsetof(Host, manager_files_max), 3502, LEVEL_PROBLEM },
                { "LimitNOFILE=", offsetof(Host, daemon_files_max), 4887, LEVEL_PROBLEM },
                { "FileDescriptorStoreMax=", offsetof(Host, manager.fd_store_max), 3002,
                  LEVEL_PROBLEM, "FIFOs in the store" },
                { "FIFOs in the store", offsetof(Host, manager.fd_store_used), 100, LEVEL_PROBLEM },
                { "TasksMax=", offsetof(Host, manager.tasks_max), 2, LEVEL_PROBLEM },
                { "MemoryMax=", offsetof(Host, manager.memory_max), 96 * 1048576 + 1000 * 24576,
                  LEVEL_PROBLEM },
                { "journal size", offsetof(Host, journal.max_use), 64 * 1048576, LEVEL_WARNING },
                { "journal space", offsetof(Host, journal.available), UINT64_C(1) << 30,
                  LEVEL_WARNING },
                { "run directory bytes", offsetof(Host, run.bytes), 900 * 8192, LEVEL_WARNING },
                { "run directory inodes", offsetof(Host, run.inodes), 900 * 6, LEVEL_WARNING },
        };

        for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
                Host h = healthy();
                Figure *figure = (Figure *) ((char *) &h + limits[i].offset);

                figure->n = limits[i].least - 1;
                (void) expect(&h, limits[i].name, limits[i].level, "");
                figure->n = limits[i].least;
                (void) expect(&h, limits[i].name, LEVEL_OK, "");
                figure->n = limits[i].least + 1;
                (void) expect(&h, limits[i].name, LEVEL_OK, "");
                figure->error = -EACCES;
                figure->n = 0;
                assert(strstr(expect(&h, limits[i].name, LEVEL_UNKNOWN, limits[i].also ?: "").found,
                              "Permission denied"));
        }
        printf("ok: %zu limits\n", ARRAY_SIZE(limits));
}

/* Nearly full; and so large that the names in it do not fit the environment. */
static void test_store(void)
{
        Host h = healthy();

        h.manager.fd_store_used.n = 31900;
        (void) expect(&h, "FIFOs in the store", LEVEL_OK, "");
        h.manager.fd_store_used.n = 31901;
        (void) expect(&h, "FIFOs in the store", LEVEL_WARNING, "");
        h.manager.fd_store_used.n = 302;

        h.manager.fd_store_max.n = 32752;
        (void) expect(&h, "FileDescriptorStoreMax=", LEVEL_OK, "");
        h.manager.fd_store_max.n = 32753;
        (void) expect(&h, "FileDescriptorStoreMax=", LEVEL_WARNING, "");
        puts("ok: the store");
}

/* Who can mend it: the unit, PID 1, or a restart. */
static void test_daemon_files(void)
{
        Host h = healthy();

        h.daemon_files_max.n = 100;
        assert(strcmp(look(&h, "LimitNOFILE=").remedy, "systemctl restart conlogd.service") == 0);
        h.manager_files_max.n = 100;
        assert(look(&h, "LimitNOFILE=").remedy[0] == '#');
        h.manager.files_max.n = 100;
        assert(strstr(look(&h, "LimitNOFILE=").remedy, "LimitNOFILE=65536"));
        puts("ok: who limits open files");
}

static void expect_log_rate(uint64_t usec, uint64_t burst, uint64_t journal_usec,
                            uint64_t journal_burst, Level level)
{
        Host h = healthy();

        h.manager.log_rate_usec.n = usec;
        h.manager.log_rate_burst.n = burst;
        h.journal.rate_usec.n = journal_usec;
        h.journal.rate_burst.n = journal_burst;
        (void) expect(&h, "LogRateLimitIntervalSec=", level, "");
}

static void test_log_rate(void)
{
        Host h = healthy();

        expect_log_rate(1, 0, 30000000, 10000, LEVEL_OK);
        /* 0 is "not set", for the unit, and "no limit" for journald. */
        expect_log_rate(0, 0, 30000000, 10000, LEVEL_PROBLEM);
        expect_log_rate(0, 0, 0, 10000, LEVEL_OK);
        expect_log_rate(0, 0, 30000000, 0, LEVEL_OK);
        expect_log_rate(0, 4000000000, 30000000, 10000, LEVEL_OK);
        expect_log_rate(5000000, 1000, 0, 0, LEVEL_PROBLEM);
        /* A line a microsecond. */
        expect_log_rate(1000, 999, 0, 0, LEVEL_PROBLEM);
        expect_log_rate(1000, 1000, 0, 0, LEVEL_OK);
        expect_log_rate(FIGURE_INFINITY, 10000, 0, 0, LEVEL_PROBLEM);

        /* journald's own setting does not matter while the unit has one. */
        h.journal.rate_usec.error = -EINVAL;
        (void) expect(&h, "LogRateLimitIntervalSec=", LEVEL_OK, "");
        h.manager.log_rate_usec.n = 0;
        (void) expect(&h, "LogRateLimitIntervalSec=", LEVEL_UNKNOWN, "");
        puts("ok: the journal's rate limit");
}

static void test_manager(void)
{
        Host h = healthy();

        h.containers_max = 2000;
        assert(look(&h, "systemd").level == LEVEL_OK);
        h.containers_max = 2001;
        assert(look(&h, "systemd").level == LEVEL_NOTE);
        h.manager.version.n = 257;
        assert(look(&h, "systemd").level == LEVEL_OK);

        h = healthy();
        h.manager.start_limit_usec.n = 10000000;
        (void) expect(&h, "StartLimitIntervalSec=", LEVEL_PROBLEM, "");
        h.manager.start_limit_burst.n = 0;
        (void) expect(&h, "StartLimitIntervalSec=", LEVEL_OK, "");

        h = healthy();
        strcpy(h.manager.restart, "on-failure");
        (void) expect(&h, "Restart=", LEVEL_PROBLEM, "");
        puts("ok: the service manager");
}

#define OF_THE_SERVICE                                                          \
        "Restart= StartLimitIntervalSec= FileDescriptorStoreMax= LimitNOFILE= " \
        "TasksMax= MemoryMax= LogRateLimitIntervalSec= FIFOs in the store "

static void test_units(void)
{
        Host h = healthy();

        strcpy(h.manager.socket_file, "disabled");
        (void) expect(&h, "conlogd.socket", LEVEL_WARNING, "");
        strcpy(h.manager.socket_active, "failed");
        (void) expect(&h, "conlogd.socket", LEVEL_PROBLEM, "");

        h = healthy();
        h.manager.needs_reload = true;
        (void) expect(&h, "conlogd.service", LEVEL_WARNING, "");
        strcpy(h.manager.service_active, "failed");
        (void) expect(&h, "conlogd.service", LEVEL_PROBLEM, "");
        strcpy(h.manager.service_active, "inactive");
        strcpy(h.manager.service_load, "not-found");
        (void) expect(&h, "conlogd.service", LEVEL_PROBLEM, OF_THE_SERVICE);
        assert(look(&h, "Restart=").level == LEVEL_UNKNOWN);

        h = healthy();
        h.manager.error = -ENOENT;
        (void) expect(&h, "conlogd.service", LEVEL_UNKNOWN,
                      OF_THE_SERVICE "conlogd.socket systemd");
        puts("ok: units");
}

static void test_journald(void)
{
        Host h = healthy();

        for (h.journal.level_max.n = 0; h.journal.level_max.n < 6; h.journal.level_max.n++)
                (void) expect(&h, "journald MaxLevelStore=", LEVEL_PROBLEM, "");
        (void) expect(&h, "journald MaxLevelStore=", LEVEL_WARNING, "");
        h.journal.level_max.n++;
        (void) expect(&h, "journald MaxLevelStore=", LEVEL_OK, "");

        h.journal.storage.n = JOURNAL_VOLATILE;
        (void) expect(&h, "journald Storage=", LEVEL_NOTE, "");
        h.journal.storage.n = JOURNAL_AUTO_VOLATILE;
        (void) expect(&h, "journald Storage=", LEVEL_NOTE, "");
        h.journal.storage.n = JOURNAL_NONE;
        (void) expect(&h, "journald Storage=", LEVEL_PROBLEM, "");

        h = healthy();
        h.journal.socket_error = -ECONNREFUSED;
        (void) expect(&h, "journald socket", LEVEL_PROBLEM, "");
        puts("ok: journald");
}

static void test_run_directory(void)
{
        Host h = healthy();

        h.run.mode = 0700;
        (void) expect(&h, "run directory", LEVEL_WARNING, "");
        h.run.mode = 0731;
        (void) expect(&h, "run directory", LEVEL_PROBLEM, "");
        h.run.mode = 0713;
        (void) expect(&h, "run directory", LEVEL_PROBLEM, "");
        h = healthy();
        h.run.uid = 1000;
        (void) expect(&h, "run directory", LEVEL_PROBLEM, "");
        h = healthy();
        h.run.error = -ENOENT;
        (void) expect(&h, "run directory", LEVEL_PROBLEM, "");
        h.run.error = -ENOTDIR;
        (void) expect(&h, "run directory", LEVEL_UNKNOWN, "");

        /* Of those that are there nothing more is needed. */
        h = healthy();
        h.containers = 899;
        h.run.inodes.n = 101 * 6 - 1;
        assert(strstr(
                expect(&h, "run directory inodes", LEVEL_WARNING, "FIFOs in the store").remedy,
                "nr_inodes=810606"));
        h.containers_max = 899;
        assert(look(&h, "run directory inodes").level == LEVEL_OK);
        puts("ok: the run directory");
}

static void test_log_directory(void)
{
        Host h = healthy();

        h.logs.mode = 0755;
        assert(look(&h, "log directory").level == LEVEL_OK);
        h.logs.mode = 02770;
        assert(strstr(expect(&h, "log directory", LEVEL_PROBLEM, "").remedy, "tmpfiles"));
        h = healthy();
        h.logs.uid = 1000;
        (void) expect(&h, "log directory", LEVEL_PROBLEM, "");
        h = healthy();
        h.logs.is_read_only = true;
        assert(strstr(expect(&h, "log directory", LEVEL_PROBLEM, "").remedy, "remount,rw"));
        h = healthy();
        h.logs.error = h.logs.bytes.error = -ENOENT;
        (void) expect(&h, "log directory", LEVEL_PROBLEM, "log directory bytes");
        h.logs.error = -EACCES;
        (void) expect(&h, "log directory", LEVEL_UNKNOWN, "log directory bytes");

        h = healthy();
        h.logs.bytes.n--;
        (void) expect(&h, "log directory bytes", LEVEL_WARNING, "");
        puts("ok: the log directory");
}

static void test_daemon(void)
{
        Host h = healthy();

        h.manager.fd_store_used.n = 3002;
        h.containers = 899;
        (void) expect(&h, "containers", LEVEL_OK, "");
        h.containers = 900;
        (void) expect(&h, "containers", LEVEL_WARNING, "");
        h.containers_max = 2;
        h.containers = 1;
        (void) expect(&h, "containers", LEVEL_OK, "");

        h = healthy();
        h.unrestored = 1;
        (void) expect(&h, "containers not restored", LEVEL_PROBLEM, "");
        h = healthy();
        h.waiting = 1;
        (void) expect(&h, "containers waiting", LEVEL_NOTE, "");

        h = healthy();
        h.small_fifos = 1;
        (void) expect(&h, "containers, small FIFOs", LEVEL_WARNING, "");
        h = healthy();
        strcpy(h.bad_config, "/etc/conlogd/conlogd.conf:2: a rule");
        assert(strstr(expect(&h, "conlogd.conf", LEVEL_WARNING, "").found, ":2: a rule"));
        h.has_config = false;
        (void) expect(&h, "conlogd.conf", LEVEL_PROBLEM, "");
        h.bad_config[0] = '\0';
        (void) expect(&h, "conlogd.conf", LEVEL_PROBLEM, "");

        h = healthy();
        strcpy(h.daemon_version, "0");
        (void) expect(&h, "conlogd", LEVEL_WARNING, "");
        puts("ok: conlogd");
}

#define OF_THE_DAEMON                                                                 \
        "conlogd.conf containers not restored containers waiting FIFOs in the store " \
        "containers, small FIFOs"

static void test_no_daemon(void)
{
        Host h = healthy();

        /* It was reached, but has no Status: it is older. */
        h.daemon_error = -EPROTO;
        (void) expect(&h, "conlogd", LEVEL_WARNING, OF_THE_DAEMON);
        h.daemon_version[0] = '\0';
        h.daemon_error = -EACCES;
        (void) expect(&h, "conlogd", LEVEL_UNKNOWN, OF_THE_DAEMON);
        h.daemon_error = -EAGAIN;
        (void) expect(&h, "conlogd", LEVEL_PROBLEM, OF_THE_DAEMON);
        puts("ok: no conlogd");
}

int main(void)
{
        test_healthy();
        test_limits();
        test_store();
        test_daemon_files();
        test_log_rate();
        test_manager();
        test_units();
        test_journald();
        test_run_directory();
        test_log_directory();
        test_daemon();
        test_no_daemon();
        return 0;
}
