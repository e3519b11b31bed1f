/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Field names made of keys, and fields as journald reads them. */

#undef NDEBUG

#include <inttypes.h>
#include <stdio.h>

#include "../native-decoder.h"
#include "record/fields.h"

#define A_64 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static void test_name_is_valid(void)
{
        assert(field_name_is_valid(SPAN_LITERAL("MESSAGE")));
        assert(field_name_is_valid(SPAN_LITERAL("A")));
        assert(field_name_is_valid(SPAN_LITERAL("A_9_")));
        assert(field_name_is_valid(SPAN_LITERAL(A_64)));

        assert(!field_name_is_valid(SPAN_LITERAL("")));
        assert(!field_name_is_valid((Span){}));
        assert(!field_name_is_valid(SPAN_LITERAL(A_64 "A")));
        assert(!field_name_is_valid(SPAN_LITERAL("_PID")));
        assert(!field_name_is_valid(SPAN_LITERAL("9A")));
        assert(!field_name_is_valid(SPAN_LITERAL("a")));
        assert(!field_name_is_valid(SPAN_LITERAL("A B")));
        assert(!field_name_is_valid(SPAN_LITERAL("A=")));
        assert(!field_name_is_valid(SPAN_LITERAL("A\0")));
        assert(!field_name_is_valid(SPAN_LITERAL("Ä")));
        puts("ok: name is valid");
}

static void check_key(Span key, const char *prefix, const char *expected)
{
        char name[FIELD_NAME_MAX_BYTES + 1];
        size_t size;

        size = field_name_from_key(key, prefix, name);
        assert(size == strlen(name));
        assert(strcmp(name, expected) == 0);
        assert(field_name_is_valid((Span){ name, size }));
}

static void test_name_from_key(void)
{
        check_key(SPAN_LITERAL("com.example.some-thing"), "LABEL", "COM_EXAMPLE_SOME_THING");
        check_key(SPAN_LITERAL("Path"), "ENV", "PATH");
        check_key(SPAN_LITERAL("a9"), "ENV", "A9");
        check_key(SPAN_LITERAL("__systemd"), "ENV", "SYSTEMD");
        check_key(SPAN_LITERAL("..a."), "LABEL", "A_");
        check_key(SPAN_LITERAL("a\0b"), "LABEL", "A_B");
        check_key(SPAN_LITERAL("größe"), "LABEL", "GR____E");

        /* What could not stand alone gets the prefix. */
        check_key(SPAN_LITERAL(""), "LABEL", "LABEL");
        check_key((Span){}, "LABEL", "LABEL");
        check_key(SPAN_LITERAL("___"), "ENV", "ENV");
        check_key(SPAN_LITERAL("9bad"), "LABEL", "LABEL_9BAD");
        check_key(SPAN_LITERAL("_9bad"), "LABEL", "LABEL_9BAD");
        puts("ok: name from key");
}

/* No label replaces a field that says where a line comes from. */
static void test_reserved(void)
{
        static const char *const reserved[] = {
                "CODE_FILE",           "CONTAINER_ID", "CONTAINER_LOG_ORDINAL",
                "CONTAINER_ANYTHING",  "COREDUMP",     "COREDUMP_UNIT",
                "DOCUMENTATION",       "ERRNO",        "IMAGE_NAME",
                "INVOCATION_ID",       "MESSAGE",      "MESSAGE_ID",
                "OBJECT_SYSTEMD_UNIT", "PRIORITY",     "SYSLOG_IDENTIFIER",
                "SYSLOG_TIMESTAMP",    "TID",          "UNIT",
                "USER_INVOCATION_ID",  "USER_UNIT",
        };
        static const char *const free[] = { "CONTAINER", "UNITS", "CODE", "IMAGE", "PRIORITY_" };
        char expected[FIELD_NAME_MAX_BYTES + 1];

        for (size_t i = 0; i < ARRAY_SIZE(reserved); i++) {
                (void) snprintf(expected, sizeof(expected), "LABEL_%s", reserved[i]);
                check_key(span_from_string(reserved[i]), "LABEL", expected);
        }
        for (size_t i = 0; i < ARRAY_SIZE(free); i++)
                check_key(span_from_string(free[i]), "LABEL", free[i]);

        check_key(SPAN_LITERAL("container.id"), "LABEL", "LABEL_CONTAINER_ID");
        check_key(SPAN_LITERAL("_message"), "ENV", "ENV_MESSAGE");
        puts("ok: reserved");
}

static void test_long_key(void)
{
        char expected[FIELD_NAME_MAX_BYTES + 1];

        check_key(SPAN_LITERAL(A_64), "LABEL", A_64);
        check_key(SPAN_LITERAL(A_64 "B"), "LABEL", A_64);
        check_key(SPAN_LITERAL("_" A_64), "LABEL", A_64);

        (void) snprintf(expected, sizeof(expected), "ENV_9%s", &A_64[strlen("ENV_9")]);
        check_key(SPAN_LITERAL("9" A_64), "ENV", expected);
        puts("ok: long key");
}

static void test_append(void)
{
        _cleanup_buffer_ Buffer b = {};

        assert(fields_append(&b, "A", SPAN_LITERAL("1")) == 0);
        assert(fields_append(&b, "B", SPAN_LITERAL("")) == 0);
        assert(fields_append(&b, "C", (Span){}) == 0);
        assert(fields_append(&b, "D", SPAN_LITERAL("x=y\0z\t\xff")) == 0);
        assert(span_equal(buffer_span(&b), SPAN_LITERAL("A=1\nB=\nC=\nD=x=y\0z\t\xff\n")));

        buffer_clear(&b);
        assert(fields_append(&b, "E", SPAN_LITERAL("a\nb")) == 0);
        assert(span_equal(buffer_span(&b), SPAN_LITERAL("E\n\3\0\0\0\0\0\0\0a\nb\n")));
        puts("ok: append");
}

/* Whatever the value, journald reads back the name and the value. */
static void test_round_trip(void)
{
        static const Span values[] = {
                SPAN_LITERAL(""),       SPAN_LITERAL("plain"),   SPAN_LITERAL("\n"),
                SPAN_LITERAL("\n\n"),   SPAN_LITERAL("end\n"),   SPAN_LITERAL("\nSTART=1"),
                SPAN_LITERAL("a\0b\n"), SPAN_LITERAL("A=1\nB="), SPAN_LITERAL("="),
        };
        _cleanup_buffer_ Buffer b = {};
        Span in, name, value;

        for (size_t i = 0; i < ARRAY_SIZE(values); i++)
                assert(fields_append(&b, "NAME", values[i]) == 0);
        in = buffer_span(&b);
        for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
                assert(native_next(&in, &name, &value));
                assert(span_equal_string(name, "NAME"));
                assert(span_equal(value, values[i]));
        }
        assert(in.size == 0);
        puts("ok: round trip");
}

static void test_decimal(void)
{
        uint64_t n = 1;
        char got[21], expected[21];

        for (unsigned i = 0; i < 64; i++, n *= 2)
                for (int d = -1; d <= 1; d++) {
                        uint64_t value = n + (uint64_t) d;

                        (void) snprintf(expected, sizeof(expected), "%" PRIu64, value);
                        *fields_put_decimal(got, value) = '\0';
                        assert(strcmp(got, expected) == 0);
                }
        *fields_put_decimal(got, UINT64_MAX) = '\0';
        assert(strcmp(got, "18446744073709551615") == 0);
        puts("ok: decimal");
}

int main(void)
{
        test_name_is_valid();
        test_name_from_key();
        test_reserved();
        test_long_key();
        test_append();
        test_round_trip();
        test_decimal();
        return 0;
}
