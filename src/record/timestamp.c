/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Times as text; see the header. */

#include <time.h>

#include "record/timestamp.h"

#define NSEC_PER_SEC UINT64_C(1000000000)
#define DATE_BYTES 19U /* "2026-11-22T01:50:21" */

static void put_digits(char *p, unsigned n, unsigned value)
{
        while (n-- > 0) {
                p[n] = (char) ('0' + value % 10);
                value /= 10;
        }
}

static void timestamp_put_date(Timestamp *t, uint64_t seconds)
{
        time_t time = (time_t) seconds;
        struct tm tm;

        memcpy(t->text, "0000-00-00T00:00:00", DATE_BYTES);
        (void) gmtime_r(&time, &tm);
        put_digits(t->text, 4, (unsigned) tm.tm_year + 1900);
        put_digits(t->text + 5, 2, (unsigned) tm.tm_mon + 1);
        put_digits(t->text + 8, 2, (unsigned) tm.tm_mday);
        put_digits(t->text + 11, 2, (unsigned) tm.tm_hour);
        put_digits(t->text + 14, 2, (unsigned) tm.tm_min);
        put_digits(t->text + 17, 2, (unsigned) tm.tm_sec);
}

void timestamp_set(Timestamp *t, uint64_t nsec, TimestampDigits digits)
{
        size_t size = DATE_BYTES;

        if (t->size == 0 || t->nsec / NSEC_PER_SEC != nsec / NSEC_PER_SEC)
                timestamp_put_date(t, nsec / NSEC_PER_SEC);

        t->text[size] = '.';
        put_digits(t->text + size + 1, 9, (unsigned) (nsec % NSEC_PER_SEC));
        size += 10;
        if (digits == TIMESTAMP_TRIMMED) {
                while (t->text[size - 1] == '0')
                        size--;
                if (t->text[size - 1] == '.')
                        size--;
        }
        t->text[size++] = 'Z';
        t->nsec = nsec;
        t->size = size;
}

/* Takes n digits, then the byte end unless it is NUL. */
static bool take_number(Span *text, size_t n, char end, unsigned *ret)
{
        unsigned value = 0;

        if (text->size < n + (end ? 1 : 0))
                return false;
        for (size_t i = 0; i < n; i++) {
                char c = text->data[i];

                if (c < '0' || c > '9')
                        return false;
                value = value * 10 + (unsigned) (c - '0');
        }
        if (end && text->data[n] != end)
                return false;

        *text = span_skip(*text, n + (end ? 1 : 0));
        *ret = value;
        return true;
}

static bool take_fraction(Span *text, unsigned *ret)
{
        unsigned nsec = 0, unit = 100000000;
        size_t n = 1;

        *ret = 0;
        if (text->size == 0 || text->data[0] != '.')
                return true;
        for (; n < text->size && text->data[n] >= '0' && text->data[n] <= '9'; n++) {
                nsec += (unsigned) (text->data[n] - '0') * unit;
                unit /= 10;
        }
        if (n == 1)
                return false;
        *text = span_skip(*text, n);
        *ret = nsec;
        return true;
}

/* East is positive. */
static bool take_offset(Span *text, int64_t *ret_seconds)
{
        unsigned hours, minutes;
        bool is_east;

        *ret_seconds = 0;
        if (text->size == 1 && text->data[0] == 'Z')
                return true;
        if (text->size != 6 || (text->data[0] != '+' && text->data[0] != '-'))
                return false;
        is_east = text->data[0] == '+';
        *text = span_skip(*text, 1);
        if (!take_number(text, 2, ':', &hours) || !take_number(text, 2, '\0', &minutes) ||
            hours > 23 || minutes > 59)
                return false;
        *ret_seconds = (int64_t) (hours * 3600 + minutes * 60) * (is_east ? 1 : -1);
        return true;
}

/* Days since 1970 of the Gregorian calendar: timegm(3) would take a lock for each line. */
static int64_t days_from_date(unsigned year, unsigned month, unsigned day)
{
        int64_t y = (int64_t) year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400;
        unsigned of_era = (unsigned) (y - era * 400);
        unsigned of_year = (153 * (month + (month > 2 ? -3U : 9U)) + 2) / 5 + day - 1;

        return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

int timestamp_parse(Span text, uint64_t *ret_nsec)
{
        unsigned year, month, day, hour, minute, second, nsec;
        int64_t seconds, offset;

        if (!take_number(&text, 4, '-', &year) || !take_number(&text, 2, '-', &month) ||
            !take_number(&text, 2, 'T', &day) || !take_number(&text, 2, ':', &hour) ||
            !take_number(&text, 2, ':', &minute) || !take_number(&text, 2, '\0', &second) ||
            !take_fraction(&text, &nsec) || !take_offset(&text, &offset))
                return -EINVAL;
        if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 ||
            second > 60)
                return -EINVAL;

        seconds = days_from_date(year, month, day) * 86400 + hour * 3600 + minute * 60 + second -
                  offset;
        if (seconds < 0 || (uint64_t) seconds > UINT64_MAX / NSEC_PER_SEC - 1)
                return -EINVAL;
        *ret_nsec = (uint64_t) seconds * NSEC_PER_SEC + nsec;
        return 0;
}
