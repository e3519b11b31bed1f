/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A line that is one JSON object, as fields: {"level":"warn","http":{"status":503}} gives
 * JSON_LEVEL=warn and JSON_HTTP_STATUS=503. Objects within are flattened, their keys joined by _;
 * an array is one value, as it is written, and so are numbers, true, false, null and {}. Strings
 * lose their escapes.
 *
 * It is all or nothing: a line of which anything is off gives no object. Off is what JSON does not
 * allow (RFC 8259), bytes that are no UTF-8, a NUL, half of a surrogate pair, more fields, levels
 * or bytes in a name than there may be, a key that comes twice, and two that give the same name.
 */

#include "base/limits.h"
#include "base/span.h"

typedef struct ObjectField {
        Span name;  /* "JSON_…", one that journald takes */
        Span value; /* borrowed from the line, or in the scratch */
        bool is_string;
} ObjectField;

typedef struct Object {
        ObjectField fields[OBJECT_FIELDS_MAX];
        size_t n_fields;
        Span message; /* of "message", "msg" or "log", and then not among the fields; data is NULL
                         when there is none */
        int priority; /* of "level", "severity" or "lvl"; -1 when none says it */
} Object;

/* For the names, and for the strings that had escapes: these get shorter. */
#define OBJECT_SCRATCH_BYTES (LINE_MAX_BYTES + OBJECT_FIELDS_MAX * FIELD_NAME_MAX_BYTES)

/* False when the line is to be kept whole: see above. */
bool object_parse(Span line, char scratch[OBJECT_SCRATCH_BYTES], Object *ret);
