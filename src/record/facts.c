/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is known of a container; see the header. */

#include <string.h>

#include "record/facts.h"

size_t facts_short_id_size(const char *id)
{
        size_t size = strlen(id);

        if (size == 64 && strspn(id, "0123456789abcdef") == size)
                return FACTS_SHORT_ID_DIGITS;
        return size;
}

const char *pairs_find(const Pair *pairs, size_t n_pairs, const char *key)
{
        for (size_t i = 0; i < n_pairs; i++)
                if (strcmp(pairs[i].key, key) == 0)
                        return pairs[i].value;
        return NULL;
}
