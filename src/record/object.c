/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* JSON objects; see the header. One pass over the bytes; nothing is allocated. */

#include <endian.h>
#include <strings.h>
#include <syslog.h>

#include "record/fields.h"
#include "record/object.h"

#define BYTES(c) (UINT64_C(0x0101010101010101) * (c))

typedef struct Reader {
        const char *p;
        const char *end;
        char *scratch; /* where it is free */
        Object *object;
        unsigned depth;
        size_t name_size;
        char name[FIELD_NAME_MAX_BYTES]; /* of the value that comes */
        uint64_t ends;                   /* bit n: a key ends with byte n of the name */
        uint64_t field_ends[OBJECT_FIELDS_MAX];
} Reader;

static bool read_array(Reader *reader);
static bool read_members(Reader *reader, bool is_array_item);

static void skip_space(Reader *reader)
{
        while (reader->p < reader->end && (*reader->p == ' ' || *reader->p == '\t' ||
                                           *reader->p == '\n' || *reader->p == '\r'))
                reader->p++;
}

/* Takes that byte, and space before it. */
static bool take(Reader *reader, char c)
{
        skip_space(reader);
        if (reader->p == reader->end || *reader->p != c)
                return false;
        reader->p++;
        return true;
}

/* Bytes of the character of more than one byte at s, or 0 if it is none. */
static size_t utf8_size(const char *s, const char *end)
{
        const unsigned char *u = (const unsigned char *) s;
        size_t size = u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;

        if (u[0] < 0xc2 || u[0] > 0xf4 || (size_t) (end - s) < size)
                return 0;
        for (size_t i = 1; i < size; i++)
                if ((u[i] & 0xc0) != 0x80)
                        return 0;
        if ((u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xed && u[1] > 0x9f) ||
            (u[0] == 0xf0 && u[1] < 0x90) || (u[0] == 0xf4 && u[1] > 0x8f))
                return 0; /* overlong, a surrogate, or above U+10FFFF */
        return size;
}

/* Bit 7 of the first byte that is ", \, a control character or above 127, and perhaps of some
 * behind it. */
static uint64_t find_special(uint64_t word)
{
        uint64_t quote = word ^ BYTES('"'), escape = word ^ BYTES('\\');

        return (((word - BYTES(0x20)) & ~word) | word | ((quote - BYTES(0x01)) & ~quote) |
                ((escape - BYTES(0x01)) & ~escape)) &
               BYTES(0x80);
}

/* Goes over what is in a string as it is, eight bytes at a step. Stops before " and \; false before
 * what may not be there. */
static bool skip_plain(Reader *reader)
{
        for (;;) {
                uint64_t word, found = 0;
                size_t size;

                while (found == 0 && reader->end - reader->p >= 8) {
                        memcpy(&word, reader->p, 8);
                        found = find_special(le64toh(word));
                        reader->p += found == 0 ? 8 : __builtin_ctzll(found) / 8;
                }
                while (found == 0 && reader->p < reader->end &&
                       find_special((unsigned char) *reader->p | BYTES('a') << 8) == 0)
                        reader->p++;
                if (reader->p == reader->end || (unsigned char) *reader->p < 0x20)
                        return false;
                if (*reader->p == '"' || *reader->p == '\\')
                        return true;
                size = utf8_size(reader->p, reader->end);
                if (size == 0)
                        return false;
                reader->p += size;
        }
}

static bool take_hex(Reader *reader, uint32_t *ret)
{
        if (reader->end - reader->p < 4)
                return false;
        *ret = 0;
        for (size_t i = 0; i < 4; i++) {
                char c = *reader->p++, lower = (char) (c | 0x20);

                if (c >= '0' && c <= '9')
                        *ret = *ret << 4 | (uint32_t) (c - '0');
                else if (lower >= 'a' && lower <= 'f')
                        *ret = *ret << 4 | (uint32_t) (lower - 'a' + 10);
                else
                        return false;
        }
        return true;
}

/* From behind "\u" to the end of the pair, if it is one. */
static bool take_character(Reader *reader, uint32_t *ret)
{
        uint32_t low;

        if (!take_hex(reader, ret) || *ret == 0 || (*ret >= 0xdc00 && *ret <= 0xdfff))
                return false;
        if (*ret < 0xd800 || *ret > 0xdbff)
                return true;
        if (reader->end - reader->p < 2 || reader->p[0] != '\\' || reader->p[1] != 'u')
                return false;
        reader->p += 2;
        if (!take_hex(reader, &low) || low < 0xdc00 || low > 0xdfff)
                return false;
        *ret = 0x10000 + ((*ret - 0xd800) << 10) + (low - 0xdc00);
        return true;
}

static void put_character(Reader *reader, uint32_t c)
{
        static const unsigned char first[] = { 0x00, 0xc0, 0xe0, 0xf0 };
        unsigned more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;

        *reader->scratch++ = (char) (first[more] | c >> (6 * more));
        while (more-- > 0)
                *reader->scratch++ = (char) (0x80 | (c >> (6 * more) & 0x3f));
}

/* From behind a backslash. */
static bool take_escape(Reader *reader)
{
        static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
        const char *known;
        uint32_t c;

        if (reader->p == reader->end)
                return false;
        if (*reader->p == 'u') {
                reader->p++;
                if (!take_character(reader, &c))
                        return false;
                put_character(reader, c);
                return true;
        }
        known = memchr(from, *reader->p++, sizeof(from) - 1);
        if (!known)
                return false;
        *reader->scratch++ = to[known - from];
        return true;
}

/* From behind the opening quote to behind the closing one. Only one with escapes is copied. */
static bool take_string(Reader *reader, Span *ret)
{
        const char *begin = reader->p;
        char *copy = reader->scratch;

        for (;;) {
                if (!skip_plain(reader))
                        return false;
                if (*reader->p == '"' && copy == reader->scratch) {
                        *ret = (Span){ begin, (size_t) (reader->p++ - begin) };
                        return true;
                }
                memcpy(reader->scratch, begin, (size_t) (reader->p - begin));
                reader->scratch += reader->p - begin;
                if (*reader->p++ == '"') {
                        *ret = (Span){ copy, (size_t) (reader->scratch - copy) };
                        return true;
                }
                if (!take_escape(reader))
                        return false;
                begin = reader->p;
        }
}

static bool take_digits(Reader *reader)
{
        const char *begin = reader->p;

        while (reader->p < reader->end && *reader->p >= '0' && *reader->p <= '9')
                reader->p++;
        return reader->p > begin;
}

static bool take_number(Reader *reader)
{
        const char *end = reader->end;

        if (*reader->p == '-')
                reader->p++;
        if (reader->p < end && *reader->p == '0')
                reader->p++;
        else if (!take_digits(reader))
                return false;
        if (reader->p < end && *reader->p == '.') {
                reader->p++;
                if (!take_digits(reader))
                        return false;
        }
        if (reader->p < end && (*reader->p | 0x20) == 'e') {
                reader->p++;
                if (reader->p < end && (*reader->p == '+' || *reader->p == '-'))
                        reader->p++;
                if (!take_digits(reader))
                        return false;
        }
        return true;
}

static bool take_word(Reader *reader)
{
        static const Span words[] = {
                SPAN_LITERAL("true"),
                SPAN_LITERAL("false"),
                SPAN_LITERAL("null"),
        };

        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (span_starts_with((Span){ reader->p, (size_t) (reader->end - reader->p) },
                                     words[i])) {
                        reader->p += words[i].size;
                        return true;
                }
        return false;
}

/* A value that is no object with members, as one text. */
static bool take_value(Reader *reader, Span *ret, bool *ret_is_string)
{
        const char *begin = reader->p;
        bool ok;

        *ret_is_string = false;
        if (begin == reader->end)
                return false;
        switch (*begin) {
        case '"':
                reader->p++;
                *ret_is_string = true;
                return take_string(reader, ret);
        case '[':
                ok = read_array(reader);
                break;
        case '{':
                ok = read_members(reader, true);
                break;
        case '-':
        case '0' ... '9':
                ok = take_number(reader);
                break;
        default:
                ok = take_word(reader);
        }
        *ret = (Span){ begin, (size_t) (reader->p - begin) };
        return ok;
}

static bool read_array(Reader *reader)
{
        char *scratch = reader->scratch;
        bool is_string;
        Span value;

        if (!take(reader, '[') || ++reader->depth > OBJECT_DEPTH_MAX)
                return false;
        if (!take(reader, ']')) {
                do {
                        skip_space(reader);
                        if (!take_value(reader, &value, &is_string))
                                return false;
                        reader->scratch = scratch;
                } while (take(reader, ','));
                if (!take(reader, ']'))
                        return false;
        }
        reader->depth--;
        return true;
}

/* Makes the next part of the name of a key. */
static bool add_to_name(Reader *reader, Span key)
{
        char *p = reader->name + reader->name_size;

        if (key.size + 1 > FIELD_NAME_MAX_BYTES - reader->name_size)
                return false;
        *p++ = '_';
        for (size_t i = 0; i < key.size; i++)
                *p++ = field_byte(key.data[i]);
        reader->name_size = (size_t) (p - reader->name);
        reader->ends |= UINT64_C(1) << (reader->name_size - 1);
        return true;
}

/* Whether there was a key of this name in this object: fields begin with the same keys. Those of
 * {"a_b":1,"a":{"c":2}} do not. */
static bool is_repeated(const Reader *reader)
{
        const Object *o = reader->object;
        Span name = { reader->name, reader->name_size };

        for (size_t i = 0; i < o->n_fields; i++)
                if (((reader->field_ends[i] ^ reader->ends) << (64 - name.size)) == 0 &&
                    span_starts_with(o->fields[i].name, name))
                        return true;
        return false;
}

static bool add_field(Reader *reader, Span value, bool is_string)
{
        Object *o = reader->object;
        Span name = { reader->name, reader->name_size };

        if (o->n_fields == OBJECT_FIELDS_MAX)
                return false;
        for (size_t i = 0; i < o->n_fields; i++)
                if (span_equal(o->fields[i].name, name))
                        return false;
        memcpy(reader->scratch, name.data, name.size);
        name.data = reader->scratch;
        reader->scratch += name.size;
        reader->field_ends[o->n_fields] = reader->ends;
        o->fields[o->n_fields++] = (ObjectField){ name, value, is_string };
        return true;
}

/* Whether the object that comes has no members. */
static bool is_empty_object(Reader *reader)
{
        const char *begin = reader->p;
        bool is_empty;

        is_empty = take(reader, '{') && take(reader, '}');
        reader->p = begin;
        return is_empty;
}

static bool read_member(Reader *reader, bool is_array_item)
{
        size_t name_size = reader->name_size;
        uint64_t ends = reader->ends;
        char *scratch = reader->scratch;
        bool is_string = false;
        Span text;

        if (!take(reader, '"') || !take_string(reader, &text) || !take(reader, ':'))
                return false;
        skip_space(reader);
        if (is_array_item) {
                if (!take_value(reader, &text, &is_string))
                        return false;
                reader->scratch = scratch;
                return true;
        }
        if (!add_to_name(reader, text) || is_repeated(reader))
                return false;
        reader->scratch = scratch;
        if (reader->p < reader->end && *reader->p == '{' && !is_empty_object(reader)) {
                if (!read_members(reader, false))
                        return false;
        } else if (!take_value(reader, &text, &is_string) || !add_field(reader, text, is_string))
                return false;
        reader->name_size = name_size;
        reader->ends = ends;
        return true;
}

/* An object: its members become fields, or are only gone through. */
static bool read_members(Reader *reader, bool is_array_item)
{
        if (!take(reader, '{') || ++reader->depth > OBJECT_DEPTH_MAX)
                return false;
        if (!take(reader, '}')) {
                do {
                        if (!read_member(reader, is_array_item))
                                return false;
                } while (take(reader, ','));
                if (!take(reader, '}'))
                        return false;
        }
        reader->depth--;
        return true;
}

/* The levels that libraries write: syslog's names and numbers, those of bunyan and pino in tens. */
static int get_priority(Span level)
{
        static const struct {
                const char name[16];
                int priority;
        } names[] = {
                { "info", LOG_INFO },       { "error", LOG_ERR },          { "warn", LOG_WARNING },
                { "warning", LOG_WARNING }, { "debug", LOG_DEBUG },        { "trace", LOG_DEBUG },
                { "notice", LOG_NOTICE },   { "fatal", LOG_CRIT },         { "critical", LOG_CRIT },
                { "err", LOG_ERR },         { "information", LOG_INFO },   { "crit", LOG_CRIT },
                { "panic", LOG_ALERT },     { "dpanic", LOG_ALERT },       { "alert", LOG_ALERT },
                { "emerg", LOG_EMERG },     { "emergency", LOG_EMERG },    { "verbose", LOG_DEBUG },
                { "dbg", LOG_DEBUG },       { "informational", LOG_INFO },
        };
        static const int tens[] = {
                LOG_DEBUG, LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERR, LOG_CRIT
        };

        if (level.size == 1 && level.data[0] >= '0' && level.data[0] <= '7')
                return level.data[0] - '0';
        if (level.size == 2 && level.data[0] >= '1' && level.data[0] <= '6' &&
            level.data[1] >= '0' && level.data[1] <= '9')
                return tens[level.data[0] - '1'];
        for (size_t i = 0; i < ARRAY_SIZE(names) && level.size < sizeof(names[i].name); i++)
                if (strncasecmp(names[i].name, level.data, level.size) == 0 &&
                    names[i].name[level.size] == '\0')
                        return names[i].priority;
        return -1;
}

/* The field of the first of three names that is there, or NULL. */
static ObjectField *find_field(Object *o, const Span names[3])
{
        for (size_t k = 0; k < 3; k++)
                for (size_t i = 0; i < o->n_fields; i++)
                        if (span_equal(o->fields[i].name, names[k]))
                                return &o->fields[i];
        return NULL;
}

bool object_parse(Span line, char scratch[OBJECT_SCRATCH_BYTES], Object *ret)
{
        static const Span levels[] = {
                SPAN_LITERAL("JSON_LEVEL"),
                SPAN_LITERAL("JSON_SEVERITY"),
                SPAN_LITERAL("JSON_LVL"),
        };
        static const Span messages[] = {
                SPAN_LITERAL("JSON_MESSAGE"),
                SPAN_LITERAL("JSON_MSG"),
                SPAN_LITERAL("JSON_LOG"),
        };
        ObjectField *field;
        Reader reader;

        if (line.size > LINE_MAX_BYTES || line.size == 0)
                return false;
        ret->n_fields = 0;
        ret->message = (Span){};
        /* Not the tables: that would take longer than most lines. */
        reader.p = line.data;
        reader.end = line.data + line.size;
        reader.scratch = scratch;
        reader.object = ret;
        reader.depth = 0;
        reader.ends = 0;
        reader.name_size = sizeof("JSON") - 1;
        memcpy(reader.name, "JSON", reader.name_size);
        if (!read_members(&reader, false))
                return false;
        skip_space(&reader);
        if (reader.p != reader.end)
                return false;

        field = find_field(ret, levels);
        ret->priority = field ? get_priority(field->value) : -1;
        field = find_field(ret, messages);
        if (field && field->is_string) {
                ret->message = field->value;
                *field = ret->fields[--ret->n_fields];
        }
        return true;
}
