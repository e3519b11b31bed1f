/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The checks of journald; see checks.h. */

#include <inttypes.h>
#include <string.h>
#include <syslog.h>

#include "tool/checks.h"
#include "tool/needs.h"

/* Half an hour of a hundred lines a second. */
#define JOURNAL_MIN_BYTES (64U * 1024 * 1024)

static void check_journal_socket(const Host *h, Finding *f)
{
        finding_set(f, "%s",
                    h->journal.socket_error < 0 ? strerror(-h->journal.socket_error) : "there");
        if (h->journal.socket_error == 0)
                return;
        finding_blame(f, LEVEL_PROBLEM,
                      "Nobody can send to journald: no line is logged, and containers wait when "
                      "their FIFOs are full.");
        finding_mend(f,
                     "systemctl reset-failed systemd-journald.service 'systemd-journald*.socket'");
        finding_mend(f, "systemctl restart systemd-journald.socket systemd-journald.service");
}

static void check_storage(const Host *h, Finding *f)
{
        static const char *const names[] = {
                [JOURNAL_PERSISTENT] = "persistent",
                [JOURNAL_VOLATILE] = "volatile",
                [JOURNAL_AUTO_VOLATILE] = "auto, without /var/log/journal",
                [JOURNAL_NONE] = "none",
        };
        const Figure *storage = &h->journal.storage;

        if (!finding_knows(f, storage->error))
                return;
        finding_set(f, "%s", names[storage->n]);
        switch ((JournalStorage) storage->n) {
        case JOURNAL_PERSISTENT:
                return;
        case JOURNAL_AUTO_VOLATILE:
        case JOURNAL_VOLATILE:
                finding_blame(f, LEVEL_NOTE,
                              "The journal is in memory: its lines do not survive a reboot.");
                break;
        case JOURNAL_NONE:
                finding_blame(f, LEVEL_PROBLEM, "journald takes all lines and throws them away.");
                break;
        }
        finding_mend_journald(f, "Storage", "persistent");
}

static void check_level(const Host *h, Finding *f)
{
        const Figure *level = &h->journal.level_max;

        if (!finding_knows(f, level->error))
                return;
        finding_set(f, "%s", journal_levels[level->n]);
        if (level->n >= LOG_DEBUG)
                return;
        finding_blame(f, level->n < LOG_INFO ? LEVEL_PROBLEM : LEVEL_WARNING,
                      "journald takes %s of containers and throws them away.",
                      level->n < LOG_ERR    ? "all lines without a higher priority"
                      : level->n < LOG_INFO ? "the lines from standard output"
                                            : "lines with the priority debug");
        finding_mend_journald(f, "MaxLevelStore", "debug");
}

static void check_max_use(const Host *h, Finding *f)
{
        const JournalStore *j = &h->journal;

        if (!finding_lacks_bytes(f, &j->max_use, JOURNAL_MIN_BYTES))
                return;
        finding_blame(f, LEVEL_WARNING,
                      "journald deletes lines when its files take that many bytes, which is soon.");
        finding_mend_journald(
                f, j->storage.n == JOURNAL_PERSISTENT ? "SystemMaxUse" : "RuntimeMaxUse", "256M");
}

static void check_keep_free(const Host *h, Finding *f)
{
        const JournalStore *j = &h->journal;

        if (!finding_knows(f, j->keep_free.error) ||
            !finding_lacks_bytes(f, &j->available, j->keep_free.n))
                return;
        finding_blame(f, LEVEL_WARNING,
                      "The file system of the journal has fewer bytes free than journald leaves to "
                      "others: it deletes lines early.");
        finding_mend(f, "# Make room, or lower %s= in journald.conf: df -h %s",
                     j->storage.n == JOURNAL_PERSISTENT ? "SystemKeepFree" : "RuntimeKeepFree",
                     j->storage.n == JOURNAL_PERSISTENT ? "/var/log/journal" : "/run/log/journal");
}

static const Check items[] = {
        { "journald socket", check_journal_socket }, { "journald Storage=", check_storage },
        { "journald MaxLevelStore=", check_level },  { "journal size", check_max_use },
        { "journal space", check_keep_free },
};

const Checks journal_checks = { items, ARRAY_SIZE(items) };
