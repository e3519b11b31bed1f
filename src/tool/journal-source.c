/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The lines of a container in the journal; see the header. */

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/parse.h"
#include "record/facts.h"
#include "record/fields.h"
#include "record/timestamp.h"
#include "tool/journal-source.h"

#define OUR_UNIT "conlogd.service"

/* How much later than a line was read its entry may have got its time: journald may stand still. */
#define DELAY_USEC UINT64_C(60000000)

typedef enum Field {
        FIELD_MESSAGE,
        FIELD_MESSAGE_ID,
        FIELD_STREAM,
        FIELD_EPOCH,
        FIELD_ORDINAL,
        FIELD_DROPPED_LAST,
        FIELD_PARTIAL_ID,
        FIELD_PARTIAL_ORDINAL,
        FIELD_PARTIAL_LAST,
        FIELD_EXEC,
        FIELD_TAG,
        FIELD_TIMESTAMP,
        FIELD_HOST,
        FIELD_UNIT,
        FIELD_SOURCE_TIME,
        FIELDS,
} Field;

static const Span field_names[FIELDS] = {
        [FIELD_MESSAGE] = SPAN_LITERAL("MESSAGE"),
        [FIELD_MESSAGE_ID] = SPAN_LITERAL("MESSAGE_ID"),
        [FIELD_STREAM] = SPAN_LITERAL("CONTAINER_STREAM"),
        [FIELD_EPOCH] = SPAN_LITERAL("CONTAINER_LOG_EPOCH"),
        [FIELD_ORDINAL] = SPAN_LITERAL("CONTAINER_LOG_ORDINAL"),
        [FIELD_DROPPED_LAST] = SPAN_LITERAL("CONTAINER_LOG_DROPPED_LAST"),
        [FIELD_PARTIAL_ID] = SPAN_LITERAL("CONTAINER_PARTIAL_ID"),
        [FIELD_PARTIAL_ORDINAL] = SPAN_LITERAL("CONTAINER_PARTIAL_ORDINAL"),
        [FIELD_PARTIAL_LAST] = SPAN_LITERAL("CONTAINER_PARTIAL_LAST"),
        [FIELD_EXEC] = SPAN_LITERAL("CONTAINER_EXEC_ID"),
        [FIELD_TAG] = SPAN_LITERAL("CONTAINER_TAG"),
        [FIELD_TIMESTAMP] = SPAN_LITERAL("SYSLOG_TIMESTAMP"),
        [FIELD_HOST] = SPAN_LITERAL("_HOSTNAME"),
        [FIELD_UNIT] = SPAN_LITERAL("_SYSTEMD_UNIT"),
        [FIELD_SOURCE_TIME] = SPAN_LITERAL("_SOURCE_REALTIME_TIMESTAMP"),
};

/* Where a value lies in the entry's buffer, which may move while it grows. */
typedef struct Extent {
        size_t offset;
        size_t size;
        bool is_there;
} Extent;

typedef struct JournalSource {
        LogSource source;
        sd_journal *journal;
        JournalScope scope;
        LogWish wish;
        char id_shown[ID_MAX_BYTES + 1];
        bool is_on_entry; /* the next record is of this entry */
        bool is_ended;    /* the last entry was the end of a life */
        bool is_watched;
        char vouched[33]; /* an epoch that is conlogd's own */
        Buffer buffer;
        Extent extents[FIELDS];
        LogAttributes attributes;
} JournalSource;

static int journal_open(const JournalScope *scope, sd_journal **ret)
{
        if (scope->directory)
                return sd_journal_open_directory(ret, scope->directory, 0);
        return sd_journal_open_namespace(
                ret, scope->namespace,
                SD_JOURNAL_LOCAL_ONLY | (scope->namespace ? 0 : SD_JOURNAL_ALL_NAMESPACES));
}

static void journal_closep(sd_journal **j)
{
        sd_journal_close(*j);
}

static int add_match(sd_journal *j, const char *field, const char *value)
{
        _cleanup_free_ char *match = NULL;

        if (asprintf(&match, "%s=%s", field, value) < 0) {
                match = NULL; /* undefined */
                return -ENOMEM;
        }
        return sd_journal_add_match(j, match, 0);
}

/* A journal that shows nothing but what conlogd has certainly sent, and of that what matches. */
static int open_trusted(const JournalScope *scope, const char *field, const char *value,
                        sd_journal **ret)
{
        _cleanup_(journal_closep) sd_journal *j = NULL;
        int r;

        r = journal_open(scope, &j);
        if (r >= 0)
                r = add_match(j, "_UID", "0");
        if (r >= 0)
                r = add_match(j, "_SYSTEMD_UNIT", OUR_UNIT);
        if (r >= 0)
                r = add_match(j, field, value);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(j);
        return 0;
}

/* Goes to the last entry that matches. Returns 1, or 0: there is none. */
static int seek_last(sd_journal *j, uint64_t *ret_usec)
{
        int r;

        r = sd_journal_seek_tail(j);
        if (r >= 0)
                r = sd_journal_previous(j);
        if (r <= 0)
                return r;
        r = sd_journal_get_realtime_usec(j, ret_usec);
        return r < 0 ? r : 1;
}

static int find_id(const JournalScope *scope, const char *id, log_on_container on_container,
                   void *userdata)
{
        _cleanup_(journal_closep) sd_journal *j = NULL;
        uint64_t usec;
        int r;

        r = open_trusted(scope, "CONTAINER_ID_FULL", id, &j);
        if (r >= 0)
                r = seek_last(j, &usec);
        return r <= 0 ? r : on_container(id, usec, userdata);
}

static int find_name(const JournalScope *scope, const char *name, log_on_container on_container,
                     void *userdata)
{
        static const size_t prefix = sizeof("CONTAINER_ID_FULL=") - 1;
        _cleanup_(journal_closep) sd_journal *j = NULL;
        _cleanup_free_ char *id = NULL;
        const void *data;
        size_t size;
        uint64_t usec;
        int r;

        r = open_trusted(scope, "CONTAINER_NAME", name, &j);
        if (r >= 0)
                r = seek_last(j, &usec);
        if (r <= 0)
                return r;
        r = sd_journal_get_data(j, "CONTAINER_ID_FULL", &data, &size);
        if (r < 0)
                return r;
        id = strndup((const char *) data + prefix, size - prefix);
        return id ? on_container(id, usec, userdata) : -ENOMEM;
}

static int find_prefix(const JournalScope *scope, const char *word, log_on_container on_container,
                       void *userdata)
{
        _cleanup_(journal_closep) sd_journal *j = NULL;
        _cleanup_free_ char *begin = NULL;
        const void *data;
        size_t size;
        int r;

        if (asprintf(&begin, "CONTAINER_ID_FULL=%s", word) < 0) {
                begin = NULL; /* undefined */
                return -ENOMEM;
        }
        r = journal_open(scope, &j);
        if (r >= 0)
                r = sd_journal_query_unique(j, "CONTAINER_ID_FULL");
        while (r >= 0 && (r = sd_journal_enumerate_available_unique(j, &data, &size)) > 0) {
                Span value = { .data = data, .size = size };
                char id[ID_MAX_BYTES + 1] = "";

                if (!span_starts_with(value, span_from_string(begin)))
                        continue;
                value = span_skip(value, strlen("CONTAINER_ID_FULL="));
                if (value.size > ID_MAX_BYTES)
                        continue;
                memcpy(id, value.data, value.size);
                r = find_id(scope, id, on_container, userdata);
        }
        return r;
}

int journal_source_find(const JournalScope *scope, LogNaming by, const char *word,
                        log_on_container on_container, void *userdata)
{
        switch (by) {
        case LOG_NAMING_ID:
                return find_id(scope, word, on_container, userdata);
        case LOG_NAMING_NAME:
                return find_name(scope, word, on_container, userdata);
        case LOG_NAMING_PREFIX:
        default:
                return find_prefix(scope, word, on_container, userdata);
        }
}

static int entry_keep(JournalSource *s, Span value, Extent *ret)
{
        *ret = (Extent){ .offset = s->buffer.size, .size = value.size, .is_there = true };
        return buffer_append_span(&s->buffer, value);
}

static Span entry_get(const JournalSource *s, Extent extent)
{
        return (Span){ .data = s->buffer.data + extent.offset, .size = extent.size };
}

static Span entry_field(const JournalSource *s, Field field)
{
        return entry_get(s, s->extents[field]);
}

static uint64_t entry_number(const JournalSource *s, Field field)
{
        Span text = entry_field(s, field);
        char copy[24] = "";
        uint64_t n;

        memcpy(copy, text.data, MIN(text.size, sizeof(copy) - 1));
        return parse_unsigned(copy, 0, UINT64_MAX, &n) < 0 ? 0 : n;
}

/* The tag is one unless it is what every container has. */
static int entry_take_tag(JournalSource *s)
{
        Span tag = entry_field(s, FIELD_TAG);

        if (!s->wish.with_attributes || tag.size == 0 || span_equal_string(tag, s->id_shown))
                return 0;
        return log_attributes_add(&s->attributes, SPAN_LITERAL("tag"), tag);
}

/* The first of two fields of one name counts. */
static int entry_take(JournalSource *s, Span field)
{
        const char *equals = memchr(field.data, '=', field.size);
        Span name, value;

        if (!equals)
                return 0;
        name = (Span){ .data = field.data, .size = (size_t) (equals - field.data) };
        value = span_skip(field, name.size + 1);
        for (size_t i = 0; i < FIELDS; i++)
                if (name.size == field_names[i].size &&
                    memcmp(name.data, field_names[i].data, name.size) == 0)
                        return s->extents[i].is_there ? 0 : entry_keep(s, value, &s->extents[i]);
        if (!s->wish.with_attributes || name.size == 0 || *name.data == '_' ||
            field_name_is_reserved(name))
                return 0;
        return log_attributes_add(&s->attributes, name, value);
}

/* The fields are copied: the journal's own memory of one may be gone when the next one is read. One
 * walk over all is cheaper than to look for three. */
static int entry_read(JournalSource *s)
{
        const void *data;
        size_t size;
        int r;

        buffer_clear(&s->buffer);
        memset(s->extents, 0, sizeof(s->extents));
        log_attributes_clear(&s->attributes);
        sd_journal_restart_data(s->journal);
        while ((r = sd_journal_enumerate_available_data(s->journal, &data, &size)) > 0) {
                r = entry_take(s, (Span){ .data = data, .size = size });
                if (r < 0)
                        return r;
        }
        return r < 0 ? r : entry_take_tag(s);
}

/* Whether any entry of this epoch has certainly come from conlogd. */
static int epoch_is_ours(JournalSource *s, const char *epoch)
{
        _cleanup_(journal_closep) sd_journal *j = NULL;
        uint64_t usec;
        int r;

        r = open_trusted(&s->scope, "CONTAINER_LOG_EPOCH", epoch, &j);
        return r < 0 ? r : seek_last(j, &usec);
}

/* journald knows no unit when conlogd had been killed before it read the entry: then the epoch
 * tells, 128 random bits that other entries have. */
static int entry_is_ours(JournalSource *s)
{
        Span unit = entry_field(s, FIELD_UNIT), epoch = entry_field(s, FIELD_EPOCH);
        char text[sizeof(s->vouched)] = "";
        int r;

        if (epoch.size != sizeof(s->vouched) - 1)
                return 0;
        if (s->extents[FIELD_UNIT].is_there)
                return span_equal_string(unit, OUR_UNIT);
        if (span_equal_string(epoch, s->vouched))
                return 1;

        memcpy(text, epoch.data, epoch.size);
        r = epoch_is_ours(s, text);
        if (r > 0)
                memcpy(s->vouched, text, sizeof(text));
        return r;
}

static uint64_t entry_time(const JournalSource *s, uint64_t entry_usec)
{
        uint64_t nsec;

        if (timestamp_parse(entry_field(s, FIELD_TIMESTAMP), &nsec) >= 0)
                return nsec;
        nsec = entry_number(s, FIELD_SOURCE_TIME) * 1000;
        return nsec > 0 ? nsec : entry_usec * 1000;
}

/* The last 16 digits of the id are the ordinal of the line's first part. */
static uint64_t entry_line(const JournalSource *s)
{
        Span id = entry_field(s, FIELD_PARTIAL_ID);
        char digits[17] = "";

        if (id.size < 16)
                return 0;
        memcpy(digits, id.data + id.size - 16, 16);
        return strtoull(digits, NULL, 16);
}

/* Lines that are not there are told as a line, as in all other logs. */
static int entry_tell_loss(JournalSource *s)
{
        Span text = entry_field(s, FIELD_MESSAGE);
        Extent told = { .offset = s->buffer.size, .is_there = true };
        int r;

        r = buffer_reserve(&s->buffer, text.size + 16);
        if (r >= 0)
                r = buffer_append_string(&s->buffer, "conlogd: ");
        if (r >= 0)
                r = buffer_append_span(&s->buffer, entry_field(s, FIELD_MESSAGE));
        told.size = s->buffer.size - told.offset;
        s->extents[FIELD_MESSAGE] = told;
        return r;
}

static void entry_to_record(JournalSource *s, bool is_loss, uint64_t usec, LogRecord *ret)
{
        bool is_error = is_loss || span_equal_string(entry_field(s, FIELD_STREAM), "stderr");

        log_attributes_finish(&s->attributes);
        *ret = (LogRecord){
                .stream = is_error ? ENTRY_STDERR : ENTRY_STDOUT,
                .text = entry_field(s, FIELD_MESSAGE),
                .nsec = entry_time(s, usec),
                .goes_on = span_equal_string(entry_field(s, FIELD_PARTIAL_LAST), "false"),
                .line = entry_line(s),
                .part = entry_number(s, FIELD_PARTIAL_ORDINAL),
                .epoch = entry_field(s, FIELD_EPOCH),
                .ordinal = entry_number(s, is_loss ? FIELD_DROPPED_LAST : FIELD_ORDINAL),
                .exec = entry_field(s, FIELD_EXEC),
                .host = entry_field(s, FIELD_HOST),
                .tag = entry_field(s, FIELD_TAG),
                .attributes = s->attributes.items,
                .n_attributes = s->attributes.n,
        };
}

/* Returns 1 and a record, or 0: the entry is none. */
static int entry_decode(JournalSource *s, LogRecord *ret)
{
        Span message_id = entry_field(s, FIELD_MESSAGE_ID);
        bool is_loss = span_equal_string(message_id, CONLOG_MESSAGE_ID_DROPPED);
        uint64_t usec;
        int r;

        r = sd_journal_get_realtime_usec(s->journal, &usec);
        if (r < 0)
                return r;
        s->is_ended = span_equal_string(message_id, CONLOG_MESSAGE_ID_END);
        if (s->is_ended || (message_id.size > 0 && !is_loss))
                return 0;
        if (is_loss) {
                r = entry_tell_loss(s);
                if (r < 0)
                        return r;
        }
        entry_to_record(s, is_loss, usec, ret);
        return 1;
}

static int journal_source_next(LogSource *source, LogRecord *ret)
{
        JournalSource *s = container_of(source, JournalSource, source);
        int r;

        for (;;) {
                r = s->is_on_entry ? 1 : sd_journal_next(s->journal);
                s->is_on_entry = false;
                if (r <= 0)
                        return r;
                r = entry_read(s);
                if (r >= 0)
                        r = entry_is_ours(s);
                if (r > 0)
                        r = entry_decode(s, ret);
                if (r != 0)
                        return r;
        }
}

static int journal_source_seek(LogSource *source, uint64_t since_nsec)
{
        JournalSource *s = container_of(source, JournalSource, source);

        s->is_on_entry = false;
        /* An entry's own time is never before that of its line. */
        return since_nsec > 0 ? sd_journal_seek_realtime_usec(s->journal, since_nsec / 1000)
                              : sd_journal_seek_head(s->journal);
}

static int journal_source_rewind(LogSource *source, uint64_t n)
{
        JournalSource *s = container_of(source, JournalSource, source);
        int r;

        /* That many do not fit what libsystemd returns; a journal has fewer. */
        n = MIN(n, (uint64_t) INT_MAX);
        if (s->wish.until_nsec < UINT64_MAX)
                r = sd_journal_seek_realtime_usec(s->journal,
                                                  s->wish.until_nsec / 1000 + DELAY_USEC);
        else
                r = sd_journal_seek_tail(s->journal);
        if (r >= 0)
                r = sd_journal_previous_skip(s->journal, n);
        if (r < 0)
                return r;
        if ((uint64_t) r == n) {
                s->is_on_entry = true;
                return 0;
        }
        r = journal_source_seek(source, 0);
        return r < 0 ? r : 1;
}

static bool journal_source_is_ended(LogSource *source)
{
        return container_of(source, JournalSource, source)->is_ended;
}

static int journal_source_watch(LogSource *source, struct pollfd *ret, uint64_t *ret_usec)
{
        JournalSource *s = container_of(source, JournalSource, source);
        int r;

        r = sd_journal_get_fd(s->journal);
        if (r < 0)
                return r;
        *ret = (struct pollfd){ .fd = r };
        r = sd_journal_get_events(s->journal);
        if (r < 0)
                return r;
        ret->events = (short) r;
        r = sd_journal_get_timeout(s->journal, ret_usec);
        return MIN(r, 0);
}

static int journal_source_refresh(LogSource *source)
{
        int r = sd_journal_process(container_of(source, JournalSource, source)->journal);

        return MIN(r, 0);
}

static LogSource *journal_source_free(LogSource *source)
{
        JournalSource *s = container_of(source, JournalSource, source);

        sd_journal_close(s->journal);
        buffer_done(&s->buffer);
        buffer_done(&s->attributes.text);
        free(s);
        return NULL;
}

static const LogSourceKind journal_source_kind = {
        .seek = journal_source_seek,
        .rewind = journal_source_rewind,
        .next = journal_source_next,
        .is_ended = journal_source_is_ended,
        .watch = journal_source_watch,
        .refresh = journal_source_refresh,
        .free = journal_source_free,
};

/* Whether the container had ended when we came: the reading may begin behind that entry. Returns 1,
 * or 0: there is no entry at all. */
static int journal_source_look(JournalSource *s)
{
        LogRecord record;
        uint64_t usec;
        int r;

        r = seek_last(s->journal, &usec);
        if (r <= 0)
                return r;
        s->is_on_entry = true;
        r = journal_source_next(&s->source, &record);
        return r < 0 ? r : 1;
}

int journal_source_new(LogSource **ret, const JournalScope *scope, const char *id,
                       const LogWish *wish)
{
        _cleanup_(log_source_freep) LogSource *source = NULL;
        JournalSource *s;
        int r;

        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        source = &s->source;
        source->kind = &journal_source_kind;
        s->scope = *scope;
        s->wish = *wish;
        (void) snprintf(s->id_shown, sizeof(s->id_shown), "%.*s", (int) facts_short_id_size(id),
                        id);

        r = journal_open(scope, &s->journal);
        if (r >= 0)
                r = sd_journal_set_data_threshold(s->journal, 0);
        if (r >= 0)
                r = add_match(s->journal, "_UID", "0");
        if (r >= 0)
                r = add_match(s->journal, "CONTAINER_ID_FULL", id);
        if (r >= 0)
                r = journal_source_look(s);
        if (r <= 0)
                return r;
        *ret = TAKE_PTR(source);
        return 1;
}
