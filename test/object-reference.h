/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* JSON lines as jansson sees them. */

#include <jansson.h>
#include <stdio.h>

#include "record/fields.h"
#include "record/object.h"

/* The value that a field is of: its name is that of a path of keys. NULL if there is none. */
static inline json_t *reference_find(json_t *object, const char *prefix, Span name)
{
        const char *key;
        json_t *value;

        json_object_foreach(object, key, value) {
                char path[512];
                json_t *found;
                size_t n;

                n = (size_t) snprintf(path, sizeof(path), "%s_", prefix);
                for (const char *p = key; *p && n < sizeof(path) - 1; p++)
                        path[n++] = field_byte(*p);
                path[n] = '\0';
                if (json_is_object(value) && json_object_size(value) > 0) {
                        found = reference_find(value, path, name);
                        if (found)
                                return found;
                } else if (span_equal_string(name, path))
                        return value;
        }
        return NULL;
}

static inline size_t reference_count(json_t *object)
{
        const char *key;
        json_t *value;
        size_t n = 0;

        json_object_foreach(object, key, value)
                n += json_is_object(value) && json_object_size(value) > 0 ? reference_count(value)
                                                                          : 1;
        return n;
}

/* A value that is no string stands there as it was written: it reads as the same. */
static inline bool reference_is(json_t *expected, Span value, bool is_string)
{
        json_t *again;
        bool is_same;

        if (is_string)
                return json_is_string(expected) &&
                       span_equal(value, (Span){ json_string_value(expected),
                                                 json_string_length(expected) });
        again = json_loadb(value.data, value.size, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL);
        is_same = again && json_equal(again, expected);
        json_decref(again);
        return is_same;
}

/* Asserts that line is seen as jansson sees it. Returns whether it is an object. */
static inline bool check_object(Span line)
{
        static char scratch[OBJECT_SCRATCH_BYTES];
        bool has_message;
        json_error_t error;
        Object object;
        json_t *root;

        if (!object_parse(line, scratch, &object))
                return false;
        root = json_loadb(line.data, line.size, JSON_DECODE_INT_AS_REAL, &error);
        /* Numbers are taken as text, of any size. */
        if (!root && json_error_code(&error) == json_error_numeric_overflow)
                return true;
        assert(json_is_object(root));

        has_message = object.message.data;
        assert(reference_count(root) == object.n_fields + (has_message ? 1 : 0));
        for (size_t i = 0; i < object.n_fields; i++) {
                const ObjectField *f = &object.fields[i];

                assert(field_name_is_valid(f->name));
                assert(span_starts_with(f->name, SPAN_LITERAL("JSON_")));
                assert(reference_is(reference_find(root, "JSON", f->name), f->value, f->is_string));
                for (size_t k = 0; k < i; k++)
                        assert(!span_equal(f->name, object.fields[k].name));
        }
        if (has_message)
                assert(reference_is(reference_find(root, "JSON", SPAN_LITERAL("JSON_MESSAGE")),
                                    object.message, true) ||
                       reference_is(reference_find(root, "JSON", SPAN_LITERAL("JSON_MSG")),
                                    object.message, true) ||
                       reference_is(reference_find(root, "JSON", SPAN_LITERAL("JSON_LOG")),
                                    object.message, true));
        json_decref(root);
        return true;
}
