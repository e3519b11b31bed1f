/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * conlogd: start in three steps, each with less right than the one before: open, restrict, serve.
 *
 * No signal is handled. Every instant is a good one to be killed at, so SIGTERM just ends the
 * process; the next one finds everything where this one left it.
 */

#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "base/limits.h"
#include "base/log.h"
#include "daemon/daemon.h"
#include "daemon/sandbox.h"

static void help(void)
{
        printf("conlogd [OPTIONS...]\n"
               "\n"
               "Owns the standard streams of containers and stores what they write in the\n"
               "journal. Started by conlogd.socket; see conlogctl(1) for what to do with it.\n"
               "\n"
               "  -h --help     Show this help\n"
               "     --version  Show the version\n"
               "\n"
               "See conlogd.service(8) for more.\n");
}

/* Returns 1 to go on, 0 when all is done. */
static int parse_argv(int argc, char *argv[])
{
        enum { ARG_VERSION = 0x100 };
        static const struct option options[] = {
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, ARG_VERSION },
                {},
        };
        int c;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0)
                switch (c) {
                case 'h':
                        help();
                        return 0;
                case ARG_VERSION:
                        puts("conlogd " CONLOGD_VERSION);
                        return 0;
                default:
                        return -EINVAL;
                }
        if (optind < argc) {
                log_error("conlogd takes no arguments.");
                return -EINVAL;
        }
        return 1;
}

static void free_names(char ***names)
{
        for (char **p = *names; p && *p; p++)
                free(*p);
        free(*names);
}

static int setup(Daemon **ret)
{
        _cleanup_(free_names) char **names = NULL;
        int n, r;

        /* All that is made has its mode written where it is made. */
        (void) umask(0);
        /* What a peer made us hold goes back to the system with free(3). Left to itself the C
         * library would keep blocks up to the largest size that was ever freed. */
        (void) mallopt(M_MMAP_THRESHOLD, ALLOCATION_KEPT_BYTES);

        n = sd_listen_fds_with_names(true, &names);
        if (n < 0)
                return log_error_errno(n, "Failed to look for sockets: %m");
        r = daemon_new(ret, names, (size_t) n);
        if (r < 0)
                return r;
        r = sandbox_enter();
        if (r < 0)
                return log_error_errno(r, "Failed to load the system call filter: %m");
        return 0;
}

int main(int argc, char *argv[])
{
        _cleanup_(daemon_freep) Daemon *daemon = NULL;
        int r;

        log_set_journal(getenv("JOURNAL_STREAM") ? "/run/systemd/journal/stdout" : NULL);

        r = parse_argv(argc, argv);
        if (r <= 0)
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        r = setup(&daemon);
        if (r < 0)
                return EXIT_FAILURE;
        r = daemon_run(daemon);
        if (r < 0)
                (void) log_error_errno(r, "The event loop failed: %m");
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
