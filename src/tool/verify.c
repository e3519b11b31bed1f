/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The verb verify; see the header. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "io/varlink-client.h"
#include "tool/display.h"
#include "tool/lives.h"
#include "tool/verify.h"

/* How long journald may take to write what it has in its queue. */
#define SYNCHRONIZE_USEC UINT64_C(10000000)

/* What conlogd itself says of the container, asked before the journal is read. */
typedef struct Living {
        VarlinkReply reply;
        const char *id;
        const char *epoch; /* NULL: conlogd does not know the container, or does not run */
        const char *driver;
        const char *namespace;
        uint64_t lines; /* the ones that were dropped, too */
} Living;

/* The ranges of one kind, on their way to where they are shown. */
typedef struct Ranges {
        OrdinalsKind kind;
        json_t *array; /* NULL: as text */
        bool has_begun;
} Ranges;

static const struct {
        const char *heading;
        const char *member;
} kinds[ORDINALS_KINDS] = {
        [ORDINALS_MISSING] = { "Missing", "missing" },
        [ORDINALS_DROPPED] = { "Dropped", "dropped" },
        [ORDINALS_REPEATED] = { "Repeated", "repeated" },
        [ORDINALS_ALTERED] = { "Altered", "altered" },
};

static void ask_conlogd(const Arguments *a, Living *ret)
{
        _cleanup_(varlink_client_freep) VarlinkClient *client = NULL;
        json_t *container;

        if (varlink_client_new(&client, a->socket) < 0 ||
            varlink_client_call(client, "io.conlogd.Describe", json_pack("{ss}", "id", a->words[0]),
                                &ret->reply) < 0 ||
            ret->reply.error)
                return;

        container = json_object_get(ret->reply.parameters, "container");
        ret->id = json_string_value(json_object_get(container, "id"));
        ret->epoch = json_string_value(json_object_get(container, "epoch"));
        ret->driver = json_string_value(json_object_get(container, "driver"));
        ret->namespace = json_string_value(
                json_object_get(json_object_get(container, "options"), "journal-namespace"));
        ret->lines = (uint64_t) json_integer_value(json_object_get(container, "lines")) +
                     (uint64_t) json_integer_value(json_object_get(container, "linesDropped"));
}

/* What conlogd has sent, journald may still have in its queue. */
static void synchronize_journald(const char *namespace)
{
        _cleanup_(varlink_client_freep) VarlinkClient *client = NULL;
        _cleanup_(varlink_reply_done) VarlinkReply reply = {};
        char path[128];
        int r;

        (void) snprintf(path, sizeof(path), "/run/systemd/journal%s%s/io.systemd.journal",
                        namespace ? "." : "", namespace ?: "");
        r = varlink_client_new(&client, path);
        if (r >= 0)
                r = varlink_client_set_timeout(client, SYNCHRONIZE_USEC);
        if (r >= 0)
                r = varlink_client_call(client, "io.systemd.Journal.Synchronize", NULL, &reply);
        if (r < 0)
                (void) log_warning_errno(
                        r, "Failed to have journald write out its queue, going on: %m");
}

/* Reads the entries that have that value in that field, and nothing else is asked for: one that
 * journald had in hand when it was killed may be found by one field and not by another. */
static int read_matches(sd_journal *j, const char *field, const char *value, Lives *ret)
{
        _cleanup_free_ char *match = NULL;
        int r;

        if (asprintf(&match, "%s=%s", field, value) < 0) {
                match = NULL; /* undefined */
                return -ENOMEM;
        }
        sd_journal_flush_matches(j);
        r = sd_journal_add_match(j, match, 0);
        if (r >= 0)
                r = sd_journal_seek_head(j);
        return r < 0 ? r : lives_read(ret, j);
}

/* By what the word may be, until there is something: the container's id, its name, the id as shown,
 * or the beginning of the id of one that conlogd knows. */
static int read_journal(const Arguments *a, const Living *living, Lives *ret)
{
        const struct {
                const char *field;
                const char *value;
        } namings[] = {
                { "CONTAINER_ID_FULL", a->words[0] },
                { "CONTAINER_NAME", a->words[0] },
                { "CONTAINER_ID", a->words[0] },
                { "CONTAINER_ID_FULL", living->id },
        };
        const char *namespace = a->namespace ?: living->namespace;
        sd_journal *j = NULL;
        int r;

        if (a->directory)
                r = sd_journal_open_directory(&j, a->directory, 0);
        else
                r = sd_journal_open_namespace(&j, namespace, SD_JOURNAL_LOCAL_ONLY);
        if (r < 0)
                return log_error_errno(r, "Failed to open the journal: %m");

        r = sd_journal_set_data_threshold(j, 0);
        for (size_t i = 0; i < ARRAY_SIZE(namings) && r >= 0 && ret->n_items == 0; i++)
                if (namings[i].value)
                        r = read_matches(j, namings[i].field, namings[i].value, ret);
        sd_journal_close(j);
        return r < 0 ? log_error_errno(r, "Failed to read the journal: %m") : 0;
}

/* How many lines there must be. False: nobody knows. */
static bool life_get_expected(const Life *life, const Living *living, uint64_t *ret)
{
        if (life->has_end)
                *ret = life->counts.lines + life->lines_dropped;
        else if (living->epoch && strcmp(life->epoch, living->epoch) == 0)
                *ret = living->lines;
        else
                return false;
        return true;
}

static int verify_on_range(OrdinalsKind kind, uint64_t first, uint64_t last, void *userdata)
{
        Ranges *ranges = ASSERT_PTR(userdata);
        char text[64];

        if (kind != ranges->kind)
                return 0;
        if (ranges->array)
                return json_array_append_new(
                        ranges->array, json_pack("[II]", (json_int_t) first, (json_int_t) last));

        if (first == last)
                (void) snprintf(text, sizeof(text), "%" PRIu64, first);
        else
                (void) snprintf(text, sizeof(text), "%" PRIu64 "-%" PRIu64, first, last);
        display_property(ranges->has_begun ? "" : kinds[kind].heading, text);
        ranges->has_begun = true;
        return 0;
}

/* The ranges of all kinds, one kind after the other; into report, or as text. */
static int life_tell_ranges(Life *life, uint64_t expected, json_t *report, OrdinalsResult *ret)
{
        int r = 0;

        for (OrdinalsKind kind = 0; kind < ORDINALS_KINDS && r >= 0; kind++) {
                Ranges ranges = { .kind = kind, .array = report ? json_array() : NULL };

                r = ordinals_walk(&life->ordinals, expected, verify_on_range, &ranges, ret);
                if (report && json_object_set_new(report, kinds[kind].member, ranges.array) < 0)
                        r = -ENOMEM;
        }
        return r;
}

static int life_judge(const Life *life, bool is_known, uint64_t expected, const OrdinalsResult *n)
{
        if (n->n[ORDINALS_MISSING] > 0 || n->n[ORDINALS_ALTERED] > 0 ||
            n->n[ORDINALS_DROPPED] > 0 || (life->has_end && n->highest > expected))
                return VERIFY_INCOMPLETE;
        return is_known ? VERIFY_COMPLETE : VERIFY_OPEN;
}

static void life_show_head(const Life *life, bool is_known, uint64_t expected)
{
        char text[96];

        display_heading(life->name ?: life->id ?: life->epoch);
        display_property("ID", life->id);
        display_property("Epoch", life->epoch);
        if (is_known)
                (void) snprintf(text, sizeof(text), "%" PRIu64 " lines, says %s", expected,
                                life->has_end ? "the end-of-stream entry" : "conlogd");
        display_property("Expected",
                         is_known ? text : "not known: there is no end-of-stream entry");
        if (life->counts.dropped > 0) {
                (void) snprintf(text, sizeof(text), "%" PRIu64 " bytes are not in the log",
                                life->counts.dropped);
                display_property("Lost", text);
        }
}

/* Whether nothing is missing but what was dropped on purpose. */
static bool is_only_dropped(const OrdinalsResult *n)
{
        return n->n[ORDINALS_DROPPED] > 0 && n->n[ORDINALS_MISSING] == 0 &&
               n->n[ORDINALS_ALTERED] == 0;
}

static void life_show_tail(const Life *life, const OrdinalsResult *n, int status)
{
        static const char *const results[] = {
                [VERIFY_COMPLETE] = "complete",
                [VERIFY_INCOMPLETE] = "incomplete",
                [VERIFY_OPEN] = "nothing is missing up to the last line found",
        };
        char text[160];

        (void) snprintf(text, sizeof(text), "%" PRIu64 " lines, the last one is %" PRIu64,
                        n->n_found, n->highest);
        display_property("Found", text);
        if (life->n_entries > n->n_found) {
                (void) snprintf(text, sizeof(text), "%" PRIu64 " entries for %" PRIu64 " lines",
                                life->n_entries, n->n_found);
                display_property("", text);
        }
        display_property("Result", status == VERIFY_INCOMPLETE && is_only_dropped(n)
                                           ? "incomplete, as the log itself says"
                                           : results[status]);
}

/* Returns one of VERIFY_…, or a negative errno. */
static int life_tell(Life *life, const Living *living, json_t *reports)
{
        uint64_t expected = 0;
        bool is_known = life_get_expected(life, living, &expected);
        json_t *report = NULL;
        OrdinalsResult n;
        int r, status;

        if (!reports) {
                life_show_head(life, is_known, expected);
                r = life_tell_ranges(life, expected, NULL, &n);
                if (r < 0)
                        return r;
                status = life_judge(life, is_known, expected, &n);
                life_show_tail(life, &n, status);
                return status;
        }

        report = json_pack("{ss* ss* ss sb sI}", "id", life->id, "name", life->name, "epoch",
                           life->epoch, "ended", life->has_end, "entries",
                           (json_int_t) life->n_entries);
        if (!report || json_array_append_new(reports, report) < 0)
                return -ENOMEM;
        r = life_tell_ranges(life, expected, report, &n);
        if (r < 0)
                return r;
        status = life_judge(life, is_known, expected, &n);
        if (json_object_set_new(report, "found", json_integer((json_int_t) n.n_found)) < 0 ||
            json_object_set_new(report, "last", json_integer((json_int_t) n.highest)) < 0 ||
            json_object_set_new(report, "expected",
                                is_known ? json_integer((json_int_t) expected) : json_null()) < 0 ||
            json_object_set_new(report, "complete", json_boolean(status == VERIFY_COMPLETE)) < 0)
                return -ENOMEM;
        return status;
}

static int tell(const Arguments *a, const Lives *lives, const Living *living)
{
        json_auto_t *reports = a->output != OUTPUT_TEXT ? json_array() : NULL;
        int r, status = VERIFY_COMPLETE;

        for (size_t i = 0; i < lives->n_items; i++) {
                if (i > 0 && !reports)
                        putchar('\n');
                r = life_tell(lives->items + i, living, reports);
                if (r < 0)
                        return log_error_errno(r, "Failed to account for the lines: %m");
                if (r == VERIFY_INCOMPLETE || status == VERIFY_COMPLETE)
                        status = r;
        }
        if (reports) {
                r = display_json(a, reports);
                if (r < 0)
                        return r;
        }
        return status;
}

static int verify(const Arguments *a, Living *living, Lives *lives)
{
        bool is_elsewhere;
        int r;

        if (!a->directory) {
                ask_conlogd(a, living);
                synchronize_journald(a->namespace ?: living->namespace);
        }
        r = read_journal(a, living, lives);
        if (r < 0)
                return r;

        is_elsewhere = living->driver && strcmp(living->driver, "journald") != 0;
        if (living->epoch && !is_elsewhere && !lives_get(lives, span_from_string(living->epoch)))
                return log_error_errno(ENOMEM, "Failed to account for the lines: %m");
        if (lives->n_items > 0)
                return tell(a, lives, living);

        if (is_elsewhere)
                log_error("Container %s logs with driver %s, which does not write to the journal.",
                          a->words[0], living->driver);
        else
                log_error("The journal has no lines of a container %s that this user may read.",
                          a->words[0]);
        return -ENOENT;
}

int verify_run(const Arguments *a)
{
        Living living = {};
        Lives lives = {};
        int r;

        r = verify(a, &living, &lives);
        lives_done(&lives);
        varlink_reply_done(&living.reply);
        return r < 0 ? VERIFY_FAILED : r;
}
