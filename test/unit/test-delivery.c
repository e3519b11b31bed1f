/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The options of delivery, and which of them do not go together. */

#undef NDEBUG

#include <stdio.h>
#include <string.h>

#include "daemon/delivery.h"

static int init(Delivery *d, const Pair *pairs, size_t n, const char **ret_key)
{
        char reason[REASON_MAX_BYTES] = "";
        int r;

        r = delivery_init(d, driver_find("journald"), &(Options){ pairs, n }, ret_key, reason);
        assert((r == 0 && !*reason) || (r == -EINVAL && strlen(reason) > 5));
        return r;
}

#define INIT(d, key, ...)                      \
        init(d, (const Pair[]){ __VA_ARGS__ }, \
             sizeof((const Pair[]){ __VA_ARGS__ }) / sizeof(Pair), key)

static void test_values(void)
{
        const char *key;
        Delivery d;

        assert(init(&d, NULL, 0, &key) == 0);
        assert(!d.is_nonblocking && !d.drops_newest && d.buffer_bytes == 0 && !d.rate);
        assert(d.has_level_prefix);
        delivery_done(&d);

        assert(INIT(&d, &key, { "mode", "non-blocking" }, { "max-buffer-size", "1M" },
                    { "drop", "newest" }, { "level-prefix", "no" }) == 0);
        assert(d.is_nonblocking && d.drops_newest && d.buffer_bytes == 1 << 20);
        assert(!d.has_level_prefix && !d.rate);
        delivery_done(&d);

        assert(INIT(&d, &key, { "rate-limit-bytes", "10K" }, { "rate-limit-burst", "3s" },
                    { "rate-limit-action", "drop" }) == 0);
        assert(d.rate && d.rate->drops && d.rate->lines.per_second == 0);
        assert(d.rate->bytes.per_second == 10240 && d.rate->burst_usec == 3000000);
        delivery_done(&d);
        assert(!d.rate && !d.group.start);

        assert(INIT(&d, &key, { "multiline-start", "^a" }) == 0);
        assert(pattern_is_in(d.group.start, SPAN_LITERAL("ab")));
        assert(d.group_timeout_usec == 1000000 && d.group.max_lines == 500);
        assert(d.group.max_bytes == LINE_MAX_BYTES);
        delivery_done(&d);
        assert(INIT(&d, &key, { "multiline-start", "^a" }, { "multiline-timeout", "200ms" },
                    { "multiline-max-lines", "9" }, { "multiline-max-bytes", "2K" }) == 0);
        assert(d.group_timeout_usec == 200000 && d.group.max_lines == 9);
        assert(d.group.max_bytes == 2048);
        delivery_done(&d);
        puts("ok: values");
}

static void test_refused(void)
{
        const char *key;
        Delivery d;

        assert(INIT(&d, &key, { "drop", "oldest" }) == -EINVAL && strcmp(key, "drop") == 0);
        assert(INIT(&d, &key, { "mode", "blocking" }, { "drop", "newest" }) == -EINVAL);
        assert(INIT(&d, &key, { "rate-limit-burst", "5s" }) == -EINVAL);
        assert(strcmp(key, "rate-limit-burst") == 0);
        assert(INIT(&d, &key, { "rate-limit-action", "drop" }) == -EINVAL);
        assert(strcmp(key, "rate-limit-action") == 0);
        assert(INIT(&d, &key, { "multiline-timeout", "2s" }) == -EINVAL);
        assert(strcmp(key, "multiline-timeout") == 0);
        assert(INIT(&d, &key, { "multiline-max-lines", "2" }) == -EINVAL);
        assert(INIT(&d, &key, { "multiline-max-bytes", "2K" }) == -EINVAL);
        puts("ok: refused");
}

int main(void)
{
        test_values();
        test_refused();
        return 0;
}
