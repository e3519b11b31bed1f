/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Text to values, as option and configuration values come in. */

#undef NDEBUG

#include <stdio.h>
#include <string.h>

#include "base/parse.h"

typedef int (*parse_number)(const char *s, uint64_t min, uint64_t max, uint64_t *ret);

/* What a parser answers, with the value as far as there is one. */
static void check(parse_number parse, const char *s, int result, uint64_t value)
{
        uint64_t got = 4711;

        assert(parse(s, 0, UINT64_MAX, &got) == result);
        assert(got == (result < 0 ? 4711 : value));
}

static void test_bool(void)
{
        static const char *const yes[] = { "yes", "true", "on", "1", "YES", "True" };
        static const char *const no[] = { "no", "false", "off", "0", "No", "OFF" };
        static const char *const bad[] = { "", " yes", "yes ", "y", "n", "2", "01", "yesno" };
        bool b;

        for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
                b = false;
                assert(parse_bool(yes[i], &b) == 0 && b);
                b = true;
                assert(parse_bool(no[i], &b) == 0 && !b);
        }
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                b = true;
                assert(parse_bool(bad[i], &b) == -EINVAL && b);
        }
        puts("ok: bool");
}

static void test_unsigned(void)
{
        check(parse_unsigned, "0", 0, 0);
        check(parse_unsigned, "42", 0, 42);
        check(parse_unsigned, "007", 0, 7);
        check(parse_unsigned, "18446744073709551615", 0, UINT64_MAX);
        check(parse_unsigned, "18446744073709551616", -ERANGE, 0);
        check(parse_unsigned, "99999999999999999999999999", -ERANGE, 0);

        check(parse_unsigned, "", -EINVAL, 0);
        check(parse_unsigned, "-1", -EINVAL, 0);
        check(parse_unsigned, "+1", -EINVAL, 0);
        check(parse_unsigned, " 1", -EINVAL, 0);
        check(parse_unsigned, "1 ", -EINVAL, 0);
        check(parse_unsigned, "1\n", -EINVAL, 0);
        check(parse_unsigned, "0x10", -EINVAL, 0);
        check(parse_unsigned, "1K", -EINVAL, 0);
        check(parse_unsigned, "1.5", -EINVAL, 0);
        puts("ok: unsigned");
}

static void test_size(void)
{
        check(parse_size, "100", 0, 100);
        check(parse_size, "1K", 0, 1024);
        check(parse_size, "1k", 0, 1024);
        check(parse_size, "20M", 0, 20 * 1024 * 1024);
        check(parse_size, "2G", 0, UINT64_C(2) << 30);
        check(parse_size, "17179869183G", 0, UINT64_MAX - (UINT64_C(1) << 30) + 1);
        check(parse_size, "17179869184G", -ERANGE, 0);

        check(parse_size, "K", -EINVAL, 0);
        check(parse_size, "1T", -EINVAL, 0);
        check(parse_size, "1KB", -EINVAL, 0);
        check(parse_size, "1 K", -EINVAL, 0);
        puts("ok: size");
}

static void test_usec(void)
{
        check(parse_usec, "5", 0, 5000000);
        check(parse_usec, "5s", 0, 5000000);
        check(parse_usec, "250ms", 0, 250000);
        check(parse_usec, "2min", 0, 120000000);
        check(parse_usec, "1h", 0, UINT64_C(3600000000));
        check(parse_usec, "18446744073710s", -ERANGE, 0);

        check(parse_usec, "ms", -EINVAL, 0);
        check(parse_usec, "1m", -EINVAL, 0);
        check(parse_usec, "1us", -EINVAL, 0);
        check(parse_usec, "1h30min", -EINVAL, 0);
        puts("ok: usec");
}

/* Both ends of a range belong to it, in the value's own unit. */
static void test_range(void)
{
        uint64_t n;

        assert(parse_unsigned("9", 10, 20, &n) == -ERANGE);
        assert(parse_unsigned("10", 10, 20, &n) == 0 && n == 10);
        assert(parse_unsigned("20", 10, 20, &n) == 0 && n == 20);
        assert(parse_unsigned("21", 10, 20, &n) == -ERANGE);
        assert(parse_size("1K", 0, 1023, &n) == -ERANGE);
        assert(parse_size("1K", 0, 1024, &n) == 0);
        assert(parse_usec("1ms", 1001, UINT64_MAX, &n) == -ERANGE);
        assert(parse_usec("1ms", 1000, UINT64_MAX, &n) == 0);
        puts("ok: range");
}

int main(void)
{
        test_bool();
        test_unsigned();
        test_size();
        test_usec();
        test_range();
        return 0;
}
