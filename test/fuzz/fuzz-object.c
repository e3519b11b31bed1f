/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* JSON lines: what is taken as an object, jansson sees in the same way. */

#include "fuzz.h"

#include "../object-reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        (void) check_object((Span){ (const char *) data, size });
        return 0;
}

bool fuzz_accepts(const uint8_t *data, size_t size)
{
        static char scratch[OBJECT_SCRATCH_BYTES];
        Object object;

        return object_parse((Span){ (const char *) data, size }, scratch, &object);
}
