/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Points in time; see the header. */

#include <ctype.h>
#include <string.h>
#include <time.h>

#include "tool/moment.h"

#define NSEC_MAX ((__int128) INT64_MAX)

static const struct {
        const char *name;
        uint64_t nsec;
} units[] = {
        { "ns", 1 },
        { "us", UINT64_C(1000) },
        { "usec", UINT64_C(1000) },
        { "ms", UINT64_C(1000000) },
        { "msec", UINT64_C(1000000) },
        { "s", MOMENT_SECOND },
        { "sec", MOMENT_SECOND },
        { "second", MOMENT_SECOND },
        { "seconds", MOMENT_SECOND },
        { "m", 60 * MOMENT_SECOND },
        { "min", 60 * MOMENT_SECOND },
        { "minute", 60 * MOMENT_SECOND },
        { "minutes", 60 * MOMENT_SECOND },
        { "h", 3600 * MOMENT_SECOND },
        { "hr", 3600 * MOMENT_SECOND },
        { "hour", 3600 * MOMENT_SECOND },
        { "hours", 3600 * MOMENT_SECOND },
        { "d", 86400 * MOMENT_SECOND },
        { "day", 86400 * MOMENT_SECOND },
        { "days", 86400 * MOMENT_SECOND },
        { "w", 7 * 86400 * MOMENT_SECOND },
        { "week", 7 * 86400 * MOMENT_SECOND },
        { "weeks", 7 * 86400 * MOMENT_SECOND },
        /* As systemd counts them: 30.44 and 365.25 days. */
        { "M", UINT64_C(2629800) * MOMENT_SECOND },
        { "month", UINT64_C(2629800) * MOMENT_SECOND },
        { "months", UINT64_C(2629800) * MOMENT_SECOND },
        { "y", UINT64_C(31557600) * MOMENT_SECOND },
        { "year", UINT64_C(31557600) * MOMENT_SECOND },
        { "years", UINT64_C(31557600) * MOMENT_SECOND },
};

static void skip_blanks(const char **p)
{
        *p += strspn(*p, " \t");
}

static bool take_text(const char **p, const char *text)
{
        size_t size = strlen(text);

        if (strncmp(*p, text, size) != 0)
                return false;
        *p += size;
        return true;
}

/* Exactly so many digits. */
static bool take_digits(const char **p, unsigned n, int *ret)
{
        int value = 0;

        for (unsigned i = 0; i < n; i++) {
                if (!isdigit((unsigned char) (*p)[i]))
                        return false;
                value = value * 10 + ((*p)[i] - '0');
        }
        *p += n;
        *ret = value;
        return true;
}

/* ".5", as a part of scale; digits behind the ninth do not count. Absent, it is 0. */
static bool take_fraction(const char **p, uint64_t scale, uint64_t *ret)
{
        uint64_t digits = 0, power = 1;

        *ret = 0;
        if (**p != '.')
                return true;
        (*p)++;
        if (!isdigit((unsigned char) **p))
                return false;
        for (; isdigit((unsigned char) **p); (*p)++)
                if (power < MOMENT_SECOND) {
                        digits = digits * 10 + (uint64_t) (**p - '0');
                        power *= 10;
                }
        *ret = (uint64_t) ((__int128) scale * digits / power);
        return true;
}

/* At most 12 digits: seconds up to the year 33658, more than fits. */
static bool take_number(const char **p, uint64_t *ret)
{
        size_t n = strspn(*p, "0123456789");
        uint64_t value = 0;

        if (n == 0 || n > 12)
                return false;
        for (; n > 0; n--)
                value = value * 10 + (uint64_t) (*(*p)++ - '0');
        *ret = value;
        return true;
}

static int moment_from(__int128 nsec, uint64_t *ret)
{
        if (nsec < 0 || nsec > NSEC_MAX)
                return -EINVAL;
        *ret = (uint64_t) nsec;
        return 0;
}

/* "@1700000000.5". */
static int parse_seconds(const char *p, uint64_t *ret)
{
        uint64_t seconds, fraction;

        if (!take_number(&p, &seconds) || !take_fraction(&p, MOMENT_SECOND, &fraction) ||
            *p != '\0')
                return -EINVAL;
        return moment_from((__int128) seconds * MOMENT_SECOND + fraction, ret);
}

/* A number and a unit, any number of times: "1h30m", "1.5 h", "2 days 3min". */
static bool take_span(const char **p, __int128 *ret)
{
        __int128 sum = 0;

        do {
                uint64_t n, fraction;
                const char *number = *p, *point;
                size_t size, i;

                if (!take_number(p, &n))
                        return false;
                point = *p;
                if (!take_fraction(p, 1, &fraction))
                        return false;
                skip_blanks(p);
                for (size = 0; isalpha((unsigned char) (*p)[size]); size++)
                        ;
                for (i = 0; i < ARRAY_SIZE(units); i++)
                        if (strlen(units[i].name) == size && memcmp(*p, units[i].name, size) == 0)
                                break;
                if (i == ARRAY_SIZE(units) || number == point)
                        return false;
                (void) take_fraction(&point, units[i].nsec, &fraction);
                sum += (__int128) n * units[i].nsec + fraction;
                *p += size;
                skip_blanks(p);
        } while (isdigit((unsigned char) **p));

        *ret = sum;
        return true;
}

/* "10m", "-10m", "10m ago"; "+10m", "10m left". */
static int parse_span(const char *p, uint64_t now_nsec, uint64_t *ret)
{
        bool has_sign = *p == '-' || *p == '+', is_past = *p != '+';
        __int128 span;

        p += has_sign;
        if (!take_span(&p, &span))
                return -EINVAL;
        if (!has_sign && take_text(&p, "left"))
                is_past = false;
        else if (!has_sign)
                (void) take_text(&p, "ago");
        if (*p != '\0')
                return -EINVAL;
        return moment_from(is_past ? (__int128) now_nsec - span : now_nsec + span, ret);
}

/* "20:07", "20:07:12", "20:07:12.5". */
static bool take_clock(const char **p, struct tm *tm, uint64_t *ret_fraction)
{
        *ret_fraction = 0;
        if (!take_digits(p, 2, &tm->tm_hour) || !take_text(p, ":") ||
            !take_digits(p, 2, &tm->tm_min))
                return false;
        if (take_text(p, ":") &&
            (!take_digits(p, 2, &tm->tm_sec) || !take_fraction(p, MOMENT_SECOND, ret_fraction)))
                return false;
        return tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec <= 60;
}

/* "Z", "UTC", "+02:00", "+0200". Absent: local. */
static bool take_zone(const char **p, bool *ret_is_local, int64_t *ret_seconds)
{
        int sign, hours, minutes;

        skip_blanks(p);
        *ret_seconds = 0;
        *ret_is_local = **p == '\0';
        if (*ret_is_local || take_text(p, "Z") || take_text(p, "UTC"))
                return **p == '\0';

        sign = **p == '-' ? -1 : 1;
        if (!take_text(p, "+") && !take_text(p, "-"))
                return false;
        if (!take_digits(p, 2, &hours))
                return false;
        (void) take_text(p, ":");
        if (!take_digits(p, 2, &minutes) || hours > 23 || minutes > 59)
                return false;
        *ret_seconds = sign * (hours * 3600 + minutes * 60);
        return **p == '\0';
}

static int moment_from_calendar(struct tm *tm, bool is_local, int64_t zone, uint64_t fraction,
                                uint64_t *ret)
{
        struct tm got = *tm;
        time_t seconds;

        got.tm_isdst = -1;
        seconds = is_local ? mktime(&got) : timegm(&got);
        /* The 30th of February becomes a day in March. An hour that a clock skips is all right. */
        if (got.tm_mday != tm->tm_mday || got.tm_mon != tm->tm_mon)
                return -EINVAL;
        return moment_from(((__int128) seconds - zone) * MOMENT_SECOND + fraction, ret);
}

/* "2026-11-21", "2026-11-21 20:07", "2026-11-21T20:07:12.5Z". */
static int parse_calendar(const char *p, uint64_t *ret)
{
        struct tm tm = {};
        uint64_t fraction = 0;
        int64_t zone;
        bool is_local;

        if (!take_digits(&p, 4, &tm.tm_year) || !take_text(&p, "-") ||
            !take_digits(&p, 2, &tm.tm_mon) || !take_text(&p, "-") ||
            !take_digits(&p, 2, &tm.tm_mday))
                return -EINVAL;
        tm.tm_year -= 1900;
        tm.tm_mon -= 1;
        if (tm.tm_mon < 0 || tm.tm_mon > 11 || tm.tm_mday < 1 || tm.tm_mday > 31)
                return -EINVAL;

        if (*p == 'T' || *p == ' ') {
                const char *clock = p + 1;

                skip_blanks(&clock);
                if (isdigit((unsigned char) *clock)) {
                        p = clock;
                        if (!take_clock(&p, &tm, &fraction))
                                return -EINVAL;
                } else if (*p == 'T')
                        return -EINVAL;
        }
        if (!take_zone(&p, &is_local, &zone))
                return -EINVAL;
        return moment_from_calendar(&tm, is_local, zone, fraction, ret);
}

/* Midnight of a day, counted from today. */
static int parse_day(int64_t day, uint64_t now_nsec, uint64_t *ret)
{
        time_t seconds = (time_t) (now_nsec / MOMENT_SECOND);
        struct tm tm;

        (void) localtime_r(&seconds, &tm);
        tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
        tm.tm_mday += (int) day;
        tm.tm_isdst = -1;
        return moment_from((__int128) mktime(&tm) * MOMENT_SECOND, ret);
}

/* "20:07" of today. */
static int parse_clock(const char *p, uint64_t now_nsec, uint64_t *ret)
{
        time_t seconds = (time_t) (now_nsec / MOMENT_SECOND);
        struct tm tm;
        uint64_t fraction;

        (void) localtime_r(&seconds, &tm);
        tm.tm_sec = 0;
        if (!take_clock(&p, &tm, &fraction) || *p != '\0')
                return -EINVAL;
        return moment_from_calendar(&tm, true, 0, fraction, ret);
}

int moment_parse(const char *text, uint64_t now_nsec, uint64_t *ret)
{
        static const char *const days[] = { "yesterday", "today", "tomorrow" };
        size_t n_digits = strspn(text, "0123456789");

        if (strcmp(text, "now") == 0) {
                *ret = now_nsec;
                return 0;
        }
        for (size_t i = 0; i < ARRAY_SIZE(days); i++)
                if (strcmp(text, days[i]) == 0)
                        return parse_day((int64_t) i - 1, now_nsec, ret);
        if (*text == '@')
                return parse_seconds(text + 1, ret);
        if (n_digits == 4 && text[4] == '-')
                return parse_calendar(text, ret);
        if (n_digits == 2 && text[2] == ':')
                return parse_clock(text, now_nsec, ret);
        /* Docker has no @. */
        if (n_digits > 0 && text[strspn(text, "0123456789.")] == '\0')
                return parse_seconds(text, ret);
        return parse_span(text, now_nsec, ret);
}
