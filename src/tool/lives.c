/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the journal knows of a container; see the header. */

#include "tool/lives.h"
#include "base/parse.h"
#include "record/fields.h"

/* The fields of one entry that matter here. They are copied: the journal's own memory of a field
 * may be gone when the next one is read. */
typedef struct Found {
        char uid[16];
        char unit[256];
        char epoch[64];
        char id[192];
        char name[320];
        char message_id[64];
        char stream[16];
        char ordinal[32];
        char lines[32];
        char bytes[32];
        char dropped[32];
        char dropped_lines[32];
        char dropped_first[32];
        char dropped_last[32];
        uint64_t message_hash;
        uint64_t message_size;
} Found;

static const struct {
        Span prefix;
        size_t offset;
        size_t size;
} fields[] = {
#define FIELD(name, member)                                                                    \
        {                                                                                      \
                SPAN_LITERAL(name "="), offsetof(Found, member), sizeof(((Found *) 0)->member) \
        }
        FIELD("CONTAINER_LOG_EPOCH", epoch),
        FIELD("CONTAINER_LOG_ORDINAL", ordinal),
        FIELD("CONTAINER_STREAM", stream),
        FIELD("CONTAINER_ID_FULL", id),
        FIELD("CONTAINER_NAME", name),
        FIELD("MESSAGE_ID", message_id),
        FIELD("CONTAINER_LOG_LINES", lines),
        FIELD("CONTAINER_LOG_BYTES", bytes),
        FIELD("CONTAINER_LOG_DROPPED", dropped),
        FIELD("CONTAINER_LOG_DROPPED_LINES", dropped_lines),
        FIELD("CONTAINER_LOG_DROPPED_FIRST", dropped_first),
        FIELD("CONTAINER_LOG_DROPPED_LAST", dropped_last),
        FIELD("_UID", uid),
        FIELD("_SYSTEMD_UNIT", unit),
#undef FIELD
};

/* FNV-1a. Nobody gains by a collision: the two texts come from the same line of the same FIFO. */
static uint64_t hash_bytes(uint64_t hash, Span bytes)
{
        for (size_t i = 0; i < bytes.size; i++)
                hash = (hash ^ (unsigned char) bytes.data[i]) * UINT64_C(0x100000001b3);
        return hash;
}

/* The first of two fields of one name counts, and one that is too long is not ours. */
static void found_take(Found *found, Span field)
{
        static const Span message = SPAN_LITERAL("MESSAGE=");

        if (span_starts_with(field, message)) {
                field = span_skip(field, message.size);
                found->message_hash = hash_bytes(UINT64_C(0xcbf29ce484222325), field);
                found->message_size = field.size;
                return;
        }

        for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
                char *value = (char *) found + fields[i].offset;

                if (!span_starts_with(field, fields[i].prefix))
                        continue;
                field = span_skip(field, fields[i].prefix.size);
                if (field.size < fields[i].size && *value == '\0')
                        memcpy(value, field.data, field.size);
                return;
        }
}

static uint64_t number_from(const char *text)
{
        uint64_t n;

        return parse_unsigned(text, 0, UINT64_MAX, &n) < 0 ? 0 : n;
}

static int set_text(char **text, const char *value)
{
        if (*text || *value == '\0')
                return 0;
        *text = strdup(value);
        return *text ? 0 : -ENOMEM;
}

static int life_take_drop(Life *life, const Found *found)
{
        uint64_t first = number_from(found->dropped_first), last = number_from(found->dropped_last);

        return first == 0 || first > last ? 0 : ordinals_add_drop(&life->ordinals, first, last);
}

static int lives_take(Lives *lives, const Found *found)
{
        uint64_t ordinal = number_from(found->ordinal);
        Life *life;

        if (strcmp(found->uid, "0") != 0)
                return 0;
        /* journald knows no unit when conlogd had been killed before it read the entry. */
        if (*found->unit != '\0' && strcmp(found->unit, "conlogd.service") != 0)
                return 0;
        if (*found->epoch == '\0' || strlen(found->epoch) >= sizeof(life->epoch))
                return 0;
        life = lives_get(lives, span_from_string(found->epoch));
        if (!life || set_text(&life->id, found->id) < 0 || set_text(&life->name, found->name) < 0)
                return -ENOMEM;

        if (strcmp(found->message_id, CONLOG_MESSAGE_ID_DROPPED) == 0)
                return life_take_drop(life, found);
        if (strcmp(found->message_id, CONLOG_MESSAGE_ID_END) == 0) {
                life->has_end = true;
                life->lines_dropped = number_from(found->dropped_lines);
                life->counts = (Counts){
                        .lines = number_from(found->lines),
                        .bytes = number_from(found->bytes),
                        .dropped = number_from(found->dropped),
                };
                return 0;
        }
        if (ordinal == 0)
                return 0;

        life->n_entries++;
        life->bytes += found->message_size;
        return ordinals_add(&life->ordinals, ordinal,
                            hash_bytes(found->message_hash, span_from_string(found->stream)));
}

int lives_read(Lives *lives, sd_journal *journal)
{
        int r;

        while ((r = sd_journal_next(journal)) > 0) {
                Found found = {};
                const void *data;
                size_t size;

                sd_journal_restart_data(journal);
                while ((r = sd_journal_enumerate_available_data(journal, &data, &size)) > 0)
                        found_take(&found, (Span){ .data = data, .size = size });
                if (r >= 0)
                        r = lives_take(lives, &found);
                if (r < 0)
                        return r;
        }
        return r;
}

Life *lives_find(const Lives *lives, Span epoch)
{
        /* From the end: an entry is mostly of the same life as the one before. */
        for (size_t i = lives->n_items; i > 0; i--)
                if (span_equal_string(epoch, lives->items[i - 1].epoch))
                        return lives->items + i - 1;
        return NULL;
}

Life *lives_get(Lives *lives, Span epoch)
{
        Life *life = lives_find(lives, epoch);

        if (life)
                return life;

        life = reallocarray(lives->items, lives->n_items + 1, sizeof(*life));
        if (!life)
                return NULL;
        lives->items = life;
        life += lives->n_items++;
        *life = (Life){};
        memcpy(life->epoch, epoch.data, MIN(epoch.size, sizeof(life->epoch) - 1));
        return life;
}

void lives_done(Lives *lives)
{
        for (size_t i = 0; i < lives->n_items; i++) {
                ordinals_done(&lives->items[i].ordinals);
                free(lives->items[i].id);
                free(lives->items[i].name);
        }
        free(lives->items);
        *lives = (Lives){};
}
