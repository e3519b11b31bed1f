/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The checks of conlogd itself and of its directories; see checks.h. */

#include <inttypes.h>
#include <string.h>

#include "tool/checks.h"
#include "tool/needs.h"

#define RUN_DIR_MODE 0711U

/* One in so many bytes of the file system is to be free. */
#define LOGS_FREE_PART 20U

static void check_run_directory(const Host *h, Finding *f)
{
        if (h->run.error == -ENOENT)
                finding_set(f, "not there");
        else if (!finding_knows(f, h->run.error))
                return;
        else
                finding_set(f, "mode %04o, user id %u", h->run.mode, h->run.uid);

        if (h->run.error == -ENOENT)
                finding_blame(f, LEVEL_PROBLEM, "conlogd cannot start.");
        else if (h->run.uid != 0 || (h->run.mode & 0022) != 0)
                finding_blame(f, LEVEL_PROBLEM,
                              "Who is not root can put other files in the place of FIFOs and of "
                              "conlogd's socket.");
        else if (h->run.mode != RUN_DIR_MODE)
                finding_blame(f, LEVEL_WARNING, "The run directory has another mode than %04o.",
                              RUN_DIR_MODE);
        else
                return;
        finding_mend(f, "systemd-tmpfiles --create conlogd.conf");
}

/* Of the file system that it is on. */
static void mend_file_system(Finding *f, const char *option, uint64_t value)
{
        finding_mend(f,
                     "mount -o remount,%s=%" PRIu64 " \"$(findmnt -n -o TARGET -T " RUN_DIR ")\"",
                     option, value);
        finding_mend(f, "# Until the next boot; for good, add a line for it to /etc/fstab.");
}

static void check_run_bytes(const Host *h, Finding *f)
{
        uint64_t needed = need_more(h, BYTES_FOR_CONTAINER);

        if (!finding_lacks_bytes(f, &h->run.bytes, needed))
                return;
        finding_blame(f, LEVEL_WARNING,
                      "The file system of the run directory has no room for all containers that "
                      "ContainersMax= (%u) allows: further ones are refused.",
                      h->containers_max);
        mend_file_system(f, "size", h->run.size + needed);
}

static void check_run_inodes(const Host *h, Finding *f)
{
        uint64_t needed = need_more(h, INODES_FOR_CONTAINER);

        if (!finding_lacks(f, &h->run.inodes, needed))
                return;
        finding_blame(f, LEVEL_WARNING,
                      "The file system of the run directory has no room for the files of all "
                      "containers that ContainersMax= (%u) allows: further ones are refused.",
                      h->containers_max);
        mend_file_system(f, "nr_inodes", h->run.inodes_size + needed);
}

/* Below it only drivers that write files write, and conlogctl reads. */
static void check_log_directory(const Host *h, Finding *f)
{
        const HostDirectory *d = &h->logs;
        bool can_write = d->error == 0 && !d->is_read_only;

        if (d->error == -ENOENT)
                finding_set(f, "not there");
        else if (!finding_knows(f, d->error))
                return;
        else
                finding_set(f, "mode %04o, user id %u%s", d->mode, d->uid,
                            d->is_read_only ? ", read-only" : "");

        if (can_write && d->uid == 0 && (d->mode & 0022) == 0)
                return;
        if (can_write)
                finding_blame(f, LEVEL_PROBLEM,
                              "Who is not root can put other files in the place of logs: conlogd "
                              "does not write there, and containers with log files wait.");
        else
                finding_blame(f, LEVEL_PROBLEM,
                              "No log file can be written: containers with one wait.");
        if (d->is_read_only)
                finding_mend(f, "mount -o remount,rw \"$(findmnt -n -o TARGET -T " LOGS_DIR ")\"");
        else
                finding_mend(f, "systemd-tmpfiles --create conlogd.conf");
        /* What is read-only to it is so until its next start. */
        finding_mend(f, "systemctl restart conlogd.service");
}

static void check_log_bytes(const Host *h, Finding *f)
{
        if (!finding_lacks_bytes(f, &h->logs.bytes, h->logs.size / LOGS_FREE_PART))
                return;
        finding_blame(f, LEVEL_WARNING,
                      "The file system of the log files is nearly full: when it is, containers "
                      "with log files wait, and those that do not wait lose lines.");
        finding_mend(f, "# See whose are large: du -s " LOGS_DIR "/* | sort -n | tail");
        finding_mend(f, "# Delete those of containers that are gone, and let each have less: "
                        "max-size= and max-file= in conlogd.conf");
}

static void check_version(const Host *h, Finding *f)
{
        if (h->daemon_error == -EAGAIN) {
                finding_set(f, "does not answer");
                finding_blame(f, LEVEL_PROBLEM,
                              "conlogd hangs or cannot start: containers wait or are not started.");
                finding_mend(f, "# See what it says: journalctl -u conlogd -t conlogd -t systemd");
                finding_mend(f, "systemctl restart conlogd.service");
                return;
        }
        if (!finding_knows(f, *h->daemon_version ? 0 : h->daemon_error))
                return;
        finding_set(f, "version %s", h->daemon_version);
        if (strcmp(h->daemon_version, CONLOGD_VERSION) == 0 && h->daemon_error == 0)
                return;
        finding_blame(f, LEVEL_WARNING, "conlogctl is of version %s: an upgrade is not finished.",
                      CONLOGD_VERSION);
        finding_mend(f, "systemctl daemon-reload");
        finding_mend(f, "systemctl restart conlogd.service");
}

static void check_config(const Host *h, Finding *f)
{
        if (!finding_knows(f, h->daemon_error))
                return;
        finding_set(f, "%s", *h->bad_config ? h->bad_config : "good");
        if (h->has_config && !*h->bad_config)
                return;
        if (!h->has_config)
                finding_blame(f, LEVEL_PROBLEM,
                              "conlogd was started with a bad configuration: new containers are "
                              "refused.");
        else
                finding_blame(f, LEVEL_WARNING,
                              "The configuration is bad: what was in force before still is, but "
                              "when conlogd is next started it refuses new containers.");
        if (*h->bad_config)
                finding_mend(f, "# Mend the line, then:");
        finding_mend(f, "systemctl reload conlogd.service");
}

static void check_containers(const Host *h, Finding *f)
{
        if (!finding_knows(f, h->daemon_error))
                return;
        finding_set(f, "%u of %u", h->containers, h->containers_max);
        if (!h->has_config || h->containers * 10 < h->containers_max * 9)
                return;
        finding_blame(f, LEVEL_WARNING,
                      "There may soon be no more containers: they are refused then.");
        finding_mend(f, "# Remove those that have ended: conlogctl list");
        finding_mend(f, "# Or allow more, up to %u: ContainersMax= in conlogd.conf",
                     CONTAINERS_MAX);
}

static void check_unrestored(const Host *h, Finding *f)
{
        if (!finding_knows(f, h->daemon_error))
                return;
        finding_set(f, "%u", h->unrestored);
        if (h->unrestored == 0)
                return;
        finding_blame(f, LEVEL_PROBLEM,
                      "conlogd could not take up so many containers after its start: nobody reads "
                      "what they write.");
        finding_mend(f, "# See why: journalctl -u conlogd -t conlogd | grep 'Failed to restore'");
        finding_mend(f, "# Mend that, then:");
        finding_mend(f, "systemctl restart conlogd.service");
}

static void check_waiting(const Host *h, Finding *f)
{
        if (!finding_knows(f, h->daemon_error))
                return;
        finding_set(f, "%u of %u", h->waiting, h->containers);
        if (h->waiting == 0)
                return;
        finding_blame(f, LEVEL_NOTE,
                      "journald, or a disk, takes no lines of so many containers at the moment. If "
                      "it stays so, they stop when their FIFOs are full.");
        finding_mend(f, "# See which one, and why: systemctl status conlogd.service");
}

static void check_small_fifos(const Host *h, Finding *f)
{
        if (!finding_knows(f, h->daemon_error))
                return;
        finding_set(f, "%u of %u", h->small_fifos, h->containers);
        if (h->small_fifos == 0)
                return;
        finding_blame(
                f, LEVEL_WARNING,
                "So many containers have FIFOs that hold less than 64 KiB, or than their "
                "max-buffer-size=: all pages that root's pipes may have were in use when they "
                "were made. They wait sooner, and their long lines are logged in parts.");
        finding_mend(f, "# Raise fs.pipe-user-pages-soft, then create these containers again.");
}

static const Check items[] = {
        { "conlogd", check_version },
        { "conlogd.conf", check_config },
        { "containers", check_containers },
        { "containers not restored", check_unrestored },
        { "containers waiting", check_waiting },
        { "containers, small FIFOs", check_small_fifos },
        { "run directory", check_run_directory },
        { "run directory bytes", check_run_bytes },
        { "run directory inodes", check_run_inodes },
        { "log directory", check_log_directory },
        { "log directory bytes", check_log_bytes },
};

const Checks daemon_checks = { items, ARRAY_SIZE(items) };
