/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A label or variable on its way into an entry: key to field name, then name and value there and
 * back through the native protocol. */

#include "fuzz.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>

#include "../native-decoder.h"
#include "record/fields.h"

static bool is_reserved(const char *name)
{
        static const char *const patterns[] = {
                "MESSAGE*",      "PRIORITY",  "CONTAINER_*", "IMAGE_NAME",    "SYSLOG_*",
                "OBJECT_*",      "CODE_*",    "ERRNO",       "TID",           "COREDUMP*",
                "UNIT",          "USER_UNIT", "_*",          "INVOCATION_ID", "USER_INVOCATION_ID",
                "DOCUMENTATION",
        };

        for (size_t i = 0; i < ARRAY_SIZE(patterns); i++)
                if (fnmatch(patterns[i], name, 0) == 0)
                        return true;
        return false;
}

/* The name again, in steps over whole strings. */
static void reference_name(Span key, const char *prefix, char ret[FIELD_NAME_MAX_BYTES + 1])
{
        _cleanup_buffer_ Buffer b = {};
        char *name;

        for (size_t i = 0; i < key.size; i++) {
                int c = toupper((unsigned char) key.data[i]);

                assert(buffer_append(&b, isalnum(c) ? &(char){ (char) c } : "_", 1) == 0);
        }
        assert(buffer_append(&b, "", 1) == 0);
        name = b.data + strspn(b.data, "_");
        name[strnlen(name, FIELD_NAME_MAX_BYTES)] = '\0';

        if (name[0] == '\0')
                (void) strcpy(ret, prefix);
        else if (isdigit((unsigned char) name[0]) || is_reserved(name))
                (void) snprintf(ret, FIELD_NAME_MAX_BYTES + 1, "%s_%s", prefix, name);
        else
                (void) strcpy(ret, name);
}

/* The first byte says how many of the others are the key; the rest is the value. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char name[FIELD_NAME_MAX_BYTES + 1], expected[FIELD_NAME_MAX_BYTES + 1];
        const char *prefix;
        _cleanup_buffer_ Buffer b = {};
        Span key, value, in, got_name, got_value;

        if (size == 0)
                return 0;
        prefix = size % 2 ? "LABEL" : "ENV";
        value = (Span){ (const char *) data + 1, size - 1 };
        key = (Span){ value.data, MIN(value.size, data[0]) };
        value = span_skip(value, key.size);

        assert(field_name_from_key(key, prefix, name) == strlen(name));
        assert(field_name_is_valid(span_from_string(name)) && !is_reserved(name));
        reference_name(key, prefix, expected);
        assert(strcmp(name, expected) == 0);

        assert(fields_append(&b, name, value) == 0);
        assert(fields_append(&b, "LAST", SPAN_LITERAL("1")) == 0);
        in = buffer_span(&b);
        assert(native_next(&in, &got_name, &got_value));
        assert(span_equal_string(got_name, name) && span_equal(got_value, value));
        assert(span_equal(in, SPAN_LITERAL("LAST=1\n")));
        return 0;
}
