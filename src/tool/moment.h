/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Points in time as people write them: as journalctl's --since= takes them, as RFC 3339, and as the
 * durations of "docker logs --since".
 */

#include "base/base.h"

#define MOMENT_SECOND UINT64_C(1000000000)

/* What a moment may be, for people. */
#define MOMENT_RULE                                                                              \
        "\"2026-11-21 20:07[:12.5]\", \"2026-11-21\", \"20:07\", RFC 3339, @ and seconds since " \
        "1970, now, today, yesterday, or a time span ago: \"10m\", \"1h 30min ago\""

/*
 * Nanoseconds since 1970. Without a zone it is local time; a time without a day is one of today; a
 * span without a sign is one that has passed. Returns 0, or -EINVAL, also before 1970 and after
 * 2262.
 */
int moment_parse(const char *text, uint64_t now_nsec, uint64_t *ret);
