/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which container is meant; see the header. */

#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "io/varlink-client.h"
#include "tool/file-source.h"
#include "tool/journal-source.h"
#include "tool/lookup.h"

/* What was found. */
typedef struct Found {
        char id[ID_MAX_BYTES + 1];
        char other[ID_MAX_BYTES + 1]; /* a second one */
        uint64_t last_usec;
        bool is_latest; /* of several, the one that wrote last is meant */
} Found;

static int lookup_on_container(const char *id, uint64_t last_usec, void *userdata)
{
        Found *found = ASSERT_PTR(userdata);

        if (strlen(id) >= sizeof(found->id) || strcmp(found->id, id) == 0)
                return 0;
        if (*found->id == '\0' || (found->is_latest && last_usec > found->last_usec)) {
                (void) snprintf(found->id, sizeof(found->id), "%s", id);
                found->last_usec = last_usec;
        } else if (!found->is_latest)
                (void) snprintf(found->other, sizeof(found->other), "%s", id);
        return 0;
}

/* Whether this kind of source is to be looked at. */
static bool wants_journal(const Arguments *a)
{
        return !a->driver || strcmp(a->driver, "journald") == 0;
}

static bool wants_files(const Arguments *a)
{
        return a->driver ? !wants_journal(a) : !a->directory && !a->namespace;
}

/* With --driver= of a file, --directory= is that of the files. */
static const char *get_root(const Arguments *a)
{
        return a->directory ?: LOGS_DIR;
}

static int lookup_find(const Arguments *a, const JournalScope *scope, Found *ret)
{
        int r = 0;

        for (LogNaming by = 0; by < LOG_NAMINGS && r >= 0 && *ret->id == '\0'; by++) {
                ret->is_latest = by == LOG_NAMING_NAME;
                if (wants_journal(a))
                        r = journal_source_find(scope, by, a->words[0], lookup_on_container, ret);
                if (r >= 0 && wants_files(a))
                        r = file_source_find(get_root(a), by, a->words[0], lookup_on_container,
                                             ret);
        }
        return r;
}

/* There is a journal, or a directory for log files, and this user may read none of it. */
static bool is_barred(void)
{
        static const char *const patterns[] = { "/var/log/journal/*/system.journal",
                                                "/run/log/journal/*/system.journal", LOGS_DIR };
        bool is_there = false, is_readable = false;

        for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
                glob_t found;

                if (glob(patterns[i], GLOB_NOSORT, NULL, &found) != 0)
                        continue;
                for (size_t j = 0; j < found.gl_pathc; j++) {
                        is_there = true;
                        if (access(found.gl_pathv[j], R_OK) >= 0)
                                is_readable = true;
                }
                globfree(&found);
        }
        return is_there && !is_readable;
}

/* Whether conlogd knows the container: then it has not written anything yet. Who is not root cannot
 * ask. */
static bool is_living(const Arguments *a)
{
        _cleanup_(varlink_client_freep) VarlinkClient *client = NULL;
        _cleanup_(varlink_reply_done) VarlinkReply reply = {};

        return !a->directory && varlink_client_new(&client, a->socket) >= 0 &&
               varlink_client_call(client, "io.conlogd.Describe",
                                   json_pack("{ss}", "id", a->words[0]), &reply) >= 0 &&
               !reply.error;
}

static int tell_none(const Arguments *a)
{
        if (is_living(a))
                return -EAGAIN;
        if (is_barred())
                log_error("Failed to show the lines of %s: you may not read the journal and the "
                          "log files. Root may, and the members of group systemd-journal.",
                          a->words[0]);
        else
                log_error("Failed to show the lines of %s: there is nothing of such a container.",
                          a->words[0]);
        return -ENOENT;
}

/* Returns 1 and the source, or 0: there is none. */
static int open_source(const Arguments *a, const JournalScope *scope, const char *id,
                       const LogWish *wish, LogSource **ret)
{
        int r = 0;

        if (wants_journal(a))
                r = journal_source_new(ret, scope, id, wish);
        for (size_t i = 0; file_source_drivers[i] && r == 0 && wants_files(a); i++)
                if (!a->driver || strcmp(a->driver, file_source_drivers[i]) == 0)
                        r = file_source_new(ret, get_root(a), id, file_source_drivers[i], wish);
        return r;
}

static int check_driver(const char *driver)
{
        bool is_known = !driver || strcmp(driver, "journald") == 0;

        for (size_t i = 0; file_source_drivers[i] && !is_known; i++)
                is_known = strcmp(driver, file_source_drivers[i]) == 0;
        if (is_known)
                return 0;
        log_error("Failed to take --driver=%s: it must be journald, json-file, local or k8s-file.",
                  driver);
        return -EINVAL;
}

int lookup_source(const Arguments *a, const LogWish *wish, LogSource **ret,
                  char ret_name[NAME_MAX_BYTES + 1])
{
        JournalScope scope = { .namespace = a->namespace, .directory = a->directory };
        Found found = {};
        int r;

        r = check_driver(a->driver);
        if (r < 0)
                return r;
        r = lookup_find(a, &scope, &found);
        if (r < 0)
                return log_error_errno(r, "Failed to look for %s: %m", a->words[0]);
        if (*found.id == '\0')
                return tell_none(a);
        if (*found.other != '\0') {
                log_error("Failed to show the lines of %s: the ids %s and %s begin so.",
                          a->words[0], found.id, found.other);
                return -ENOTUNIQ;
        }

        r = open_source(a, &scope, found.id, wish, ret);
        if (r < 0)
                return log_error_errno(r, "Failed to open the log of %s: %m", a->words[0]);
        if (r == 0)
                return tell_none(a);
        (void) snprintf(ret_name, NAME_MAX_BYTES + 1, "%s", found.id);
        return 0;
}
