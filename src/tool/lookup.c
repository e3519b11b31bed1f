/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which container is meant; see the header. */

#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
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

static int lookup_find(const JournalScope *scope, const char *word, Found *ret)
{
        static const JournalLookup levels[] = { JOURNAL_LOOKUP_ID, JOURNAL_LOOKUP_NAME,
                                                JOURNAL_LOOKUP_PREFIX };
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(levels) && r >= 0 && *ret->id == '\0'; i++) {
                ret->is_latest = levels[i] == JOURNAL_LOOKUP_NAME;
                r = journal_source_find(scope, levels[i], word, lookup_on_container, ret);
        }
        return r;
}

/* There is a journal, and this user may read none of it. */
static bool is_barred(void)
{
        static const char *const patterns[] = { "/var/log/journal/*/system.journal",
                                                "/run/log/journal/*/system.journal" };
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

static int tell_none(const Arguments *a)
{
        if (is_barred())
                log_error("Failed to show the lines of %s: you may not read the journal. Root may, "
                          "and the members of group systemd-journal.",
                          a->words[0]);
        else
                log_error("Failed to show the lines of %s: there is nothing of such a container.",
                          a->words[0]);
        return -ENOENT;
}

int lookup_source(const Arguments *a, const LogWish *wish, LogSource **ret,
                  char ret_name[NAME_MAX_BYTES + 1])
{
        JournalScope scope = { .namespace = a->namespace, .directory = a->directory };
        Found found = {};
        int r;

        r = lookup_find(&scope, a->words[0], &found);
        if (r < 0)
                return log_error_errno(r, "Failed to look for %s in the journal: %m", a->words[0]);
        if (*found.id == '\0')
                return tell_none(a);
        if (*found.other != '\0') {
                log_error("Failed to show the lines of %s: the ids %s and %s begin so.",
                          a->words[0], found.id, found.other);
                return -ENOTUNIQ;
        }

        r = journal_source_new(ret, &scope, found.id, wish);
        if (r < 0)
                return log_error_errno(r, "Failed to open the journal: %m");
        if (r == 0)
                return tell_none(a);
        (void) snprintf(ret_name, NAME_MAX_BYTES + 1, "%s", found.id);
        return 0;
}
