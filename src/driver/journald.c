/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The journald driver: each line becomes a journal entry, sent straight to journald's native
 * socket. The fields that do not change are encoded once, when the container is created; for a line
 * only its own fields are written, on the stack, beside the borrowed text.
 *
 *     iovec  0 constant fields   1 fields of this line, "MESSAGE="   2 the text   3 "\n"
 *
 * With parse=json the text may be an object; then 2 are its fields and its message, which are
 * written into a buffer that one sendmmsg(2) after the other uses.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "driver/driver.h"
#include "record/attributes.h"
#include "record/fields.h"
#include "record/object.h"
#include "record/put.h"
#include "record/tag.h"

typedef struct Journald {
        Sink sink;
        JournalSocket *socket;
        JournalWaiter waiter;
        bool has_timestamp;
        bool parses_json;
        char epoch[33];
        size_t constant_size;
        char constant[]; /* encoded fields */
} Journald;

/* The fields of one object: their names, all values, and the line itself if that has no message. */
#define PARSED_MAX_BYTES \
        (OBJECT_FIELDS_MAX * FIELD_MAX_BYTES(FIELD_NAME_MAX_BYTES, 0) + 2 * LINE_MAX_BYTES + 64)

/* Of all objects of a sendmmsg(2); nothing is left in it behind one. */
static char parsed[3 * PARSED_MAX_BYTES];

/* What one entry is sent from. */
typedef struct Datagram {
        struct iovec iov[4];
        char fields[ENTRY_FIELDS_MAX_BYTES];
} Datagram;

static char *put_timestamp(char *p, uint64_t nsec)
{
        time_t seconds = (time_t) (nsec / 1000000000);
        struct tm tm;

        (void) gmtime_r(&seconds, &tm);
        return p + sprintf(p, "SYSLOG_TIMESTAMP=%04d-%02d-%02dT%02d:%02d:%02d.%09uZ\n",
                           tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                           tm.tm_sec, (unsigned) (nsec % 1000000000));
}

/* The id of a split line is its epoch and the ordinal of its first part: the same after a crash. */
static char *put_partial(char *p, const Journald *j, const Entry *e)
{
        if (!e->partial_is_last)
                p = PUT_LITERAL(p, "CONTAINER_PARTIAL_MESSAGE=true\n");
        return p + sprintf(p,
                           "CONTAINER_PARTIAL_ID=%s%016llx\n"
                           "CONTAINER_PARTIAL_ORDINAL=%u\n"
                           "CONTAINER_PARTIAL_LAST=%s\n",
                           j->epoch, (unsigned long long) e->partial_first, e->partial_ordinal,
                           e->partial_is_last ? "true" : "false");
}

static char *put_counts(char *p, const Entry *e)
{
        return p + sprintf(p,
                           "MESSAGE_ID=" CONLOG_MESSAGE_ID_END "\n"
                           "CONTAINER_LOG_LINES=%" PRIu64 "\n"
                           "CONTAINER_LOG_BYTES=%" PRIu64 "\n"
                           "CONTAINER_LOG_DROPPED=%" PRIu64 "\n"
                           "CONTAINER_LOG_DROPPED_LINES=%" PRIu64 "\n"
                           "PRIORITY=6\n"
                           "MESSAGE=Container has ended: %" PRIu64 " lines, %" PRIu64 " bytes",
                           e->counts.lines, e->counts.bytes, e->counts.dropped, e->lines_dropped,
                           e->counts.lines, e->counts.bytes);
}

static char *put_loss(char *p, const Entry *e)
{
        return p + sprintf(p,
                           "MESSAGE_ID=" CONLOG_MESSAGE_ID_DROPPED "\n"
                           "CONTAINER_LOG_DROPPED=%" PRIu64 "\n"
                           "CONTAINER_LOG_DROPPED_LINES=%" PRIu64 "\n"
                           "CONTAINER_LOG_DROPPED_FIRST=%" PRIu64 "\n"
                           "CONTAINER_LOG_DROPPED_LAST=%" PRIu64 "\n"
                           "PRIORITY=4\n"
                           "MESSAGE=Dropped %" PRIu64 " line%s, %" PRIu64
                           " bytes, with the ordinals %" PRIu64 " to %" PRIu64 ": %s",
                           e->loss.bytes, e->loss.lines, e->ordinal, e->ordinal + e->loss.lines - 1,
                           e->loss.lines, e->loss.lines == 1 ? "" : "s", e->loss.bytes, e->ordinal,
                           e->ordinal + e->loss.lines - 1, loss_get_reason(&e->loss));
}

static char *put_line(char *p, const Journald *j, const Entry *e, int priority)
{
        p = PUT_LITERAL(p, "PRIORITY=");
        *p++ = (char) ('0' + priority);
        p = e->stream == ENTRY_STDERR ? PUT_LITERAL(p, "\nCONTAINER_STREAM=stderr\n")
                                      : PUT_LITERAL(p, "\nCONTAINER_STREAM=stdout\n");
        p = PUT_LITERAL(p, "CONTAINER_LOG_ORDINAL=");
        p = fields_put_decimal(p, e->ordinal);
        *p++ = '\n';
        if (e->partial_first > 0)
                p = put_partial(p, j, e);
        if (e->exec_id) {
                p = PUT_LITERAL(p, "CONTAINER_EXEC_ID=");
                p = put_span(p, span_from_string(e->exec_id));
                *p++ = '\n';
        }
        if (j->has_timestamp)
                p = put_timestamp(p, e->realtime_nsec);
        return p;
}

/* All but the newline of the last one. */
static char *put_object(char *p, const Object *o, Span line)
{
        Span message = o->message.data ? o->message : line;

        for (size_t i = 0; i < o->n_fields; i++)
                p = fields_put(p, o->fields[i].name, o->fields[i].value);
        return fields_put(p, SPAN_LITERAL("MESSAGE"), message) - 1;
}

/* Encodes what stands before the text, and into parsed, from *free on, what takes its place. */
static char *encode_line(Journald *j, const Entry *e, char *p, char **free, Span *text)
{
        static char scratch[OBJECT_SCRATCH_BYTES];
        Object object;

        /* A part of a line is none. */
        if (j->parses_json && e->partial_first == 0 && object_parse(e->text, scratch, &object)) {
                p = put_line(p, j, e, object.priority >= 0 ? object.priority : e->priority);
                text->data = *free;
                *free = put_object(*free, &object, e->text);
                text->size = (size_t) (*free - text->data);
                return p;
        }
        p = put_line(p, j, e, e->priority);
        *text = e->text;
        return fields_put_name(p, SPAN_LITERAL("MESSAGE"), e->text);
}

static void journald_encode(Journald *j, const Entry *e, char **free, Datagram *d,
                            struct mmsghdr *message)
{
        Span text = {};
        char *end;

        end = e->kind == ENTRY_LINE      ? encode_line(j, e, d->fields, free, &text)
              : e->kind == ENTRY_DROPPED ? put_loss(d->fields, e)
                                         : put_counts(d->fields, e);
        assert(end <= d->fields + sizeof(d->fields));

        d->iov[0] = (struct iovec){ j->constant, j->constant_size };
        d->iov[1] = (struct iovec){ d->fields, (size_t) (end - d->fields) };
        d->iov[2] = (struct iovec){ (char *) text.data, text.size };
        d->iov[3] = (struct iovec){ (char *) "\n", 1 };
        *message = (struct mmsghdr){
                .msg_hdr.msg_iov = d->iov,
                .msg_hdr.msg_iovlen = ARRAY_SIZE(d->iov),
        };
}

static size_t journald_write(Sink *sink, const Entry *entries, size_t n)
{
        Journald *j = container_of(sink, Journald, sink);
        struct mmsghdr messages[JOURNAL_BATCH_MAX];
        Datagram datagrams[JOURNAL_BATCH_MAX];
        size_t done = 0;

        while (done < n) {
                unsigned batch = 0, k;
                char *free = parsed;

                for (; batch < MIN(n - done, (size_t) JOURNAL_BATCH_MAX) &&
                       (size_t) (parsed + sizeof(parsed) - free) >= PARSED_MAX_BYTES;
                     batch++)
                        journald_encode(j, &entries[done + batch], &free, &datagrams[batch],
                                        &messages[batch]);
                k = journal_socket_send(j->socket, messages, batch);
                done += k;
                if (k < batch) {
                        /* Who got something through asks again behind those who did not. */
                        if (done == 0)
                                journal_socket_wait(j->socket, &j->waiter);
                        break;
                }
        }
        return done;
}

static bool journald_is_busy(Sink *sink)
{
        Journald *j = container_of(sink, Journald, sink);

        if (!journal_socket_is_busy(j->socket))
                return false;
        journal_socket_wait(j->socket, &j->waiter);
        return true;
}

static Sink *journald_free(Sink *sink)
{
        Journald *j = container_of(sink, Journald, sink);

        journal_socket_cancel(j->socket, &j->waiter);
        free(j);
        return NULL;
}

static void journald_on_ready(JournalWaiter *waiter)
{
        Journald *j = container_of(waiter, Journald, waiter);

        j->sink.on_ready(&j->sink, j->sink.userdata);
}

/* The chosen labels or variables, as attributes_select() walks them. */
typedef struct AttributeFields {
        Buffer *fields;
        const char *prefix;
        unsigned n;
        unsigned max;
} AttributeFields;

static int journald_on_attribute(const Pair *pair, void *userdata)
{
        AttributeFields *a = ASSERT_PTR(userdata);
        char name[FIELD_NAME_MAX_BYTES + 1];

        if (++a->n > a->max)
                return -E2BIG;
        (void) field_name_from_key(span_from_string(pair->key), a->prefix, name);
        return fields_append(a->fields, name, span_from_string(pair->value));
}

static int journald_append_attributes(Buffer *b, const Driver *d, const Facts *facts,
                                      const Options *options, unsigned max)
{
        Selection labels = {
                .keys = options_get(d, options, "labels"),
                .regex = options_get(d, options, "labels-regex"),
        };
        Selection env = {
                .keys = options_get(d, options, "env"),
                .regex = options_get(d, options, "env-regex"),
        };
        AttributeFields chosen = { .fields = b, .prefix = "LABEL", .max = max };
        int r;

        r = attributes_select(&labels, facts->labels, facts->n_labels, journald_on_attribute,
                              &chosen);
        if (r < 0)
                return r;
        chosen.prefix = "ENV";
        return attributes_select(&env, facts->env, facts->n_env, journald_on_attribute, &chosen);
}

static int journald_append_constant(Buffer *b, const Facts *facts, Span tag)
{
        const struct {
                const char *name;
                Span value;
        } fields[] = {
                { "CONTAINER_ID", { facts->id, facts_short_id_size(facts->id) } },
                { "CONTAINER_ID_FULL", span_from_string(facts->id) },
                { "CONTAINER_LOG_EPOCH", span_from_string(facts->epoch) },
                { "CONTAINER_NAME", span_from_string(facts->name) },
                { "IMAGE_NAME", span_from_string(facts->image) },
                { "CONTAINER_TAG", tag },
                { "SYSLOG_IDENTIFIER", tag },
                { "OBJECT_SYSTEMD_UNIT", span_from_string(facts->unit) },
        };
        int r;

        for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
                if (fields[i].value.size == 0)
                        continue;
                r = fields_append(b, fields[i].name, fields[i].value);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The socket of a namespace. The sandbox shows only journal directories that the unit names. */
static int journald_get_socket(DriverHost *host, const char *namespace, JournalSocket **ret,
                               char reason[REASON_MAX_BYTES])
{
        char path[128], name[96];

        (void) snprintf(path, sizeof(path), "%s%s%s/socket", host->journal_path,
                        namespace ? "." : "", namespace ?: "");
        (void) snprintf(name, sizeof(name), "journald%s%s", namespace ? "@" : "", namespace ?: "");
        if (namespace && access(path, F_OK) < 0) {
                (void) snprintf(reason, REASON_MAX_BYTES,
                                "%s is not there for conlogd: with \"systemctl edit "
                                "conlogd.service\" add Wants=systemd-journald@%s.socket and "
                                "After=systemd-journald@%s.socket to [Unit], "
                                "BindReadOnlyPaths=-%s.%s to [Service], and restart conlogd",
                                path, namespace, namespace, host->journal_path, namespace);
                return -EINVAL;
        }
        return journal_sockets_get(&host->journals, host->event, path, name, ret);
}

static int journald_open(const Driver *d, DriverHost *host, const Facts *facts,
                         const Options *options, Sink **ret, const char **ret_key,
                         char reason[REASON_MAX_BYTES])
{
        bool parses_json = strcmp(options_get(d, options, "parse"), "json") == 0;
        unsigned max_attributes = FACTS_MAX_ATTRIBUTES - (parses_json ? OBJECT_FIELDS_MAX : 0);
        _cleanup_buffer_ Buffer constant = {}, tag = {};
        JournalSocket *socket;
        Journald *j;
        int r;

        *ret_key = "journal-namespace";
        r = journald_get_socket(host, options_get(d, options, "journal-namespace"), &socket,
                                reason);
        if (r < 0)
                return r;
        *ret_key = "tag";
        r = tag_expand(span_from_string(options_get(d, options, "tag")), facts, &tag, reason);
        if (r < 0)
                return r;
        r = journald_append_constant(&constant, facts, buffer_span(&tag));
        if (r < 0)
                return r;
        r = journald_append_attributes(&constant, d, facts, options, max_attributes);
        if (r < 0 && r != -E2BIG)
                return r;
        if (r == -E2BIG || constant.size > FACTS_MAX_BYTES) {
                *ret_key = "labels";
                (void) snprintf(reason, REASON_MAX_BYTES,
                                "the fields that go with every line may be %u labels and variables "
                                "and %u bytes in all: choose fewer",
                                max_attributes, FACTS_MAX_BYTES);
                return -EINVAL;
        }

        j = malloc(sizeof(*j) + constant.size);
        if (!j)
                return -ENOMEM;
        *j = (Journald){
                .sink.driver = d,
                .sink.taker = journal_socket_get_name(socket),
                .socket = socket,
                .waiter.on_ready = journald_on_ready,
                .parses_json = parses_json,
                .has_timestamp = options_get_bool(d, options, "timestamp"),
                .constant_size = constant.size,
        };
        (void) snprintf(j->epoch, sizeof(j->epoch), "%s", facts->epoch);
        memcpy(j->constant, constant.data, constant.size);
        *ret = &j->sink;
        return 0;
}

static int journald_check_tag(const char *value, char reason[REASON_MAX_BYTES])
{
        return tag_expand(span_from_string(value), NULL, NULL, reason);
}

/* As systemd's own rule for LogNamespace=: a part of a file name. */
static int journald_check_namespace(const char *value, char reason[REASON_MAX_BYTES])
{
        size_t size = strlen(value);

        if (size == 0 || size > 64 || value[0] == '.')
                return -EINVAL;
        for (const char *p = value; *p; p++)
                if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.",
                            *p))
                        return -EINVAL;
        return 0;
}

static int journald_check_parse(const char *value, char reason[REASON_MAX_BYTES])
{
        return strcmp(value, "json") == 0 || strcmp(value, "none") == 0 ? 0 : -EINVAL;
}

static const DriverOption journald_options[] = {
        {
                .key = "tag",
                .preset = "{{.ID}}",
                .rule = "a template such as {{.ImageName}}/{{.Name}}",
                .check = journald_check_tag,
        },
        {
                .key = "labels",
                .rule = "label keys with commas between them: they become fields",
                .check = attributes_check_keys,
        },
        {
                .key = "labels-regex",
                .rule = "an extended regular expression for label keys",
                .check = attributes_check_regex,
        },
        {
                .key = "env",
                .rule = "variable names with commas between them: they become fields",
                .check = attributes_check_keys,
        },
        {
                .key = "env-regex",
                .rule = "an extended regular expression for variable names",
                .check = attributes_check_regex,
        },
        {
                .key = "timestamp",
                .preset = "no",
                .rule = "yes or no: whether SYSLOG_TIMESTAMP says when the line was read",
                .check = driver_check_bool,
        },
        {
                .key = "journal-namespace",
                .rule = "the name of a journal namespace: letters, digits and _ - .",
                .check = journald_check_namespace,
        },
        {
                .key = "parse",
                .preset = "none",
                .rule = "none or json: whether the members of a line that is a JSON object become "
                        "fields",
                .check = journald_check_parse,
        },
};

extern const Driver driver_journald;
const Driver driver_journald = {
        .name = "journald",
        .description = "Stores each line as a structured entry in the journal",
        .options = journald_options,
        .n_options = ARRAY_SIZE(journald_options),
        .open = journald_open,
        .write = journald_write,
        .is_busy = journald_is_busy,
        .free = journald_free,
};
