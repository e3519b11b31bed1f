/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The ordinals that were found; see the header. */

#include "tool/ordinals.h"

/* A range that may still grow. */
typedef struct Walk {
        const Ordinals *ordinals;
        size_t next_drop; /* those before it end before what comes next */
        OrdinalsKind kind;
        uint64_t first; /* 0: there is none */
        uint64_t last;
        ordinals_on_range on_range;
        void *userdata;
        OrdinalsResult result;
} Walk;

int ordinals_add(Ordinals *o, uint64_t number, uint64_t hash)
{
        assert(number > 0);

        if (o->n_items == o->n_allocated) {
                size_t n = MAX(o->n_allocated * 2, (size_t) 1024);
                Ordinal *items;

                items = reallocarray(o->items, n, sizeof(*items));
                if (!items)
                        return -ENOMEM;
                o->items = items;
                o->n_allocated = n;
        }

        if (o->n_items > 0 && o->items[o->n_items - 1].number > number)
                o->is_unsorted = true;
        o->items[o->n_items++] = (Ordinal){ .number = number, .hash = hash };
        return 0;
}

int ordinals_add_drop(Ordinals *o, uint64_t first, uint64_t last)
{
        OrdinalsDrop *drops;

        assert(first > 0 && first <= last);

        drops = reallocarray(o->drops, o->n_drops + 1, sizeof(*drops));
        if (!drops)
                return -ENOMEM;
        o->drops = drops;
        o->drops[o->n_drops++] = (OrdinalsDrop){ first, last };
        return 0;
}

static int drop_compare(const void *a, const void *b)
{
        uint64_t x = ((const OrdinalsDrop *) a)->first, y = ((const OrdinalsDrop *) b)->first;

        return x < y ? -1 : x > y;
}

static int ordinal_compare(const void *a, const void *b)
{
        uint64_t x = ((const Ordinal *) a)->number, y = ((const Ordinal *) b)->number;

        return x < y ? -1 : x > y;
}

static int walk_flush(Walk *w)
{
        int r = 0;

        if (w->first > 0) {
                w->result.n[w->kind] += w->last - w->first + 1;
                r = w->on_range(w->kind, w->first, w->last, w->userdata);
        }
        w->first = 0;
        return r;
}

static int walk_add(Walk *w, OrdinalsKind kind, uint64_t first, uint64_t last)
{
        int r;

        if (w->first > 0 && w->kind == kind && w->last + 1 == first) {
                w->last = last;
                return 0;
        }
        r = walk_flush(w);
        w->kind = kind;
        w->first = first;
        w->last = last;
        return r;
}

/* A range of which nothing was found: the log says that it was dropped, or it is missing. After a
 * crash the same drop may have been told twice, the second time with more lines. */
static int walk_add_gap(Walk *w, uint64_t first, uint64_t last)
{
        const Ordinals *o = w->ordinals;
        int r = 0;

        while (first <= last && w->next_drop < o->n_drops && r >= 0) {
                const OrdinalsDrop *drop = &o->drops[w->next_drop];

                if (drop->last < first) {
                        w->next_drop++;
                        continue;
                }
                if (drop->first > last)
                        break;
                if (drop->first > first)
                        r = walk_add(w, ORDINALS_MISSING, first, drop->first - 1);
                first = MAX(first, drop->first);
                if (r >= 0)
                        r = walk_add(w, ORDINALS_DROPPED, first, MIN(last, drop->last));
                if (drop->last >= last)
                        return r;
                first = drop->last + 1;
        }
        return r < 0 || first > last ? r : walk_add(w, ORDINALS_MISSING, first, last);
}

/* The items of one number begin at i. Returns how many there are, and whether they are equal. */
static size_t ordinals_count_equal(const Ordinals *o, size_t i, bool *ret_equal)
{
        size_t n = 1;

        *ret_equal = true;
        for (; i + n < o->n_items && o->items[i + n].number == o->items[i].number; n++)
                if (o->items[i + n].hash != o->items[i].hash)
                        *ret_equal = false;
        return n;
}

int ordinals_walk(Ordinals *o, uint64_t expected, ordinals_on_range on_range, void *userdata,
                  OrdinalsResult *ret)
{
        Walk w = { .ordinals = o, .on_range = on_range, .userdata = userdata };
        int r = 0;

        if (o->n_drops > 0)
                qsort(o->drops, o->n_drops, sizeof(*o->drops), drop_compare);
        for (size_t i = 0; i < o->n_drops; i++)
                expected = MAX(expected, o->drops[i].last);

        if (o->is_unsorted)
                qsort(o->items, o->n_items, sizeof(*o->items), ordinal_compare);
        o->is_unsorted = false;

        for (size_t i = 0, n; i < o->n_items && r >= 0; i += n) {
                uint64_t number = o->items[i].number;
                bool is_equal;

                n = ordinals_count_equal(o, i, &is_equal);
                if (number > w.result.highest + 1)
                        r = walk_add_gap(&w, w.result.highest + 1, number - 1);
                if (n > 1 && r >= 0)
                        r = walk_add(&w, is_equal ? ORDINALS_REPEATED : ORDINALS_ALTERED, number,
                                     number);
                w.result.highest = number;
                w.result.n_found++;
        }

        if (expected > w.result.highest && r >= 0)
                r = walk_add_gap(&w, w.result.highest + 1, expected);
        if (r >= 0)
                r = walk_flush(&w);
        if (r >= 0)
                *ret = w.result;
        return r;
}

void ordinals_done(Ordinals *o)
{
        free(o->items);
        free(o->drops);
        *o = (Ordinals){};
}
