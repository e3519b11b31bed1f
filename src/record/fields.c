/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Journal fields; see the header. */

#include <endian.h>

#include "record/fields.h"

/* Names that conlogd writes, and names that journald, journalctl or systemd-coredump give meaning
 * to: see systemd.journal-fields(7). A star stands for any rest. */
static const char *const reserved[] = {
        "CODE_*",     "CONTAINER_*",   "COREDUMP*", "DOCUMENTATION",      "ERRNO",
        "IMAGE_NAME", "INVOCATION_ID", "MESSAGE*",  "OBJECT_*",           "PRIORITY",
        "SYSLOG_*",   "TID",           "UNIT",      "USER_INVOCATION_ID", "USER_UNIT",
};

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

bool field_name_is_reserved(Span name)
{
        for (size_t i = 0; i < ARRAY_SIZE(reserved); i++) {
                Span known = span_from_string(reserved[i]);

                if (known.data[known.size - 1] == '*') {
                        known.size--;
                        if (span_starts_with(name, known))
                                return true;
                } else if (span_equal(name, known))
                        return true;
        }
        return false;
}

bool field_name_is_valid(Span name)
{
        if (name.size == 0 || name.size > FIELD_NAME_MAX_BYTES)
                return false;
        if (name.data[0] == '_' || is_digit(name.data[0]))
                return false;

        for (size_t i = 0; i < name.size; i++) {
                char c = name.data[i];

                if (!(c >= 'A' && c <= 'Z') && !is_digit(c) && c != '_')
                        return false;
        }
        return true;
}

size_t field_name_from_key(Span key, const char *prefix, char ret[FIELD_NAME_MAX_BYTES + 1])
{
        size_t prefix_size = strlen(prefix), size = 0;

        assert(field_name_is_valid(span_from_string(prefix)));
        assert(prefix_size + 1 < FIELD_NAME_MAX_BYTES);

        for (size_t i = 0; i < key.size && size < FIELD_NAME_MAX_BYTES; i++) {
                char c = field_byte(key.data[i]);

                if (size > 0 || c != '_')
                        ret[size++] = c;
        }

        if (size == 0) {
                memcpy(ret, prefix, prefix_size);
                size = prefix_size;
        } else if (is_digit(ret[0]) || field_name_is_reserved((Span){ ret, size })) {
                size = MIN(size, FIELD_NAME_MAX_BYTES - prefix_size - 1);
                memmove(ret + prefix_size + 1, ret, size);
                memcpy(ret, prefix, prefix_size);
                ret[prefix_size] = '_';
                size += prefix_size + 1;
        }
        ret[size] = '\0';
        return size;
}

char *fields_put_name(char *p, Span name, Span value)
{
        uint64_t value_size = htole64(value.size);

        memcpy(p, name.data, name.size);
        p += name.size;
        if (value.size == 0 || !memchr(value.data, '\n', value.size)) {
                *p++ = '=';
                return p;
        }
        *p++ = '\n';
        memcpy(p, &value_size, sizeof(value_size));
        return p + sizeof(value_size);
}

char *fields_put(char *p, Span name, Span value)
{
        p = fields_put_name(p, name, value);
        if (value.size > 0)
                memcpy(p, value.data, value.size);
        p += value.size;
        *p++ = '\n';
        return p;
}

int fields_append(Buffer *b, const char *name, Span value)
{
        Span span = span_from_string(name);
        int r;

        assert(field_name_is_valid(span));

        r = buffer_reserve(b, FIELD_MAX_BYTES(span.size, value.size));
        if (r >= 0)
                b->size = (size_t) (fields_put(b->data + b->size, span, value) - b->data);
        return r;
}

char *fields_put_decimal(char *p, uint64_t n)
{
        char digits[20];
        size_t i = sizeof(digits);

        do {
                digits[--i] = (char) ('0' + n % 10);
                n /= 10;
        } while (n > 0);

        memcpy(p, digits + i, sizeof(digits) - i);
        return p + sizeof(digits) - i;
}
