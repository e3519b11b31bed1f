/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The journald driver with parse=json: lines that are objects. */

#include "../journald-fixture.h"

#define PLAIN_FIELDS                                                          \
        { "CONTAINER_ID", "web" }, { "CONTAINER_ID_FULL", "web" },            \
                { "CONTAINER_LOG_EPOCH", EPOCH }, { "CONTAINER_TAG", "web" }, \
                { "SYSLOG_IDENTIFIER", "web" },                               \
        {                                                                     \
                "CONTAINER_STREAM", "stdout"                                  \
        }

/* A line that is an object becomes fields, beside the container's own; any other stays. */
static void test_json(void)
{
        static const char hostile[] = "{\"container_id\":\"x\",\"a\":\"1\\nMESSAGE=no\\n\"}";
        Entry entries[] = {
                { .text = SPAN_LITERAL("{\"level\":\"warn\",\"msg\":\"a\\nb\",\"n\":{\"m\":1}}"),
                  .priority = LOG_INFO,
                  .ordinal = 1 },
                { .text = SPAN_LITERAL("{\"msg\":\"a\"} "), .priority = LOG_INFO, .ordinal = 2 },
                { .text = { hostile, sizeof(hostile) - 1 }, .priority = LOG_ERR, .ordinal = 3 },
                { .text = SPAN_LITERAL("{\"msg\":\"a\""), .priority = LOG_INFO, .ordinal = 4 },
                { .text = SPAN_LITERAL("{\"level\":0}"),
                  .priority = LOG_INFO,
                  .ordinal = 5,
                  .partial_first = 5,
                  .partial_ordinal = 1 },
        };
        Fixture *f = fixture_new();
        Span entry, value;

        open_sink(f, &plain_facts, (const char *const[]){ "parse", "json", NULL });
        assert(write_entries(f, entries, ARRAY_SIZE(entries)) == ARRAY_SIZE(entries));
        EXPECT(f, PLAIN_FIELDS, { "CONTAINER_LOG_ORDINAL", "1" }, { "PRIORITY", "4" },
               { "MESSAGE", "a\nb" }, { "JSON_LEVEL", "warn" }, { "JSON_N_M", "1" });
        EXPECT(f, PLAIN_FIELDS, { "CONTAINER_LOG_ORDINAL", "2" }, { "PRIORITY", "6" },
               { "MESSAGE", "a" });
        EXPECT(f, PLAIN_FIELDS, { "CONTAINER_LOG_ORDINAL", "3" }, { "PRIORITY", "3" },
               { "MESSAGE", hostile }, { "JSON_CONTAINER_ID", "x" },
               { "JSON_A", "1\nMESSAGE=no\n" });
        EXPECT(f, PLAIN_FIELDS, { "CONTAINER_LOG_ORDINAL", "4" }, { "PRIORITY", "6" },
               { "MESSAGE", "{\"msg\":\"a\"" });
        assert(receiver_next(&f->receiver, &entry));
        assert(find_field(entry, "MESSAGE", &value) && span_equal_string(value, "{\"level\":0}"));
        assert(find_field(entry, "PRIORITY", &value) && span_equal_string(value, "6"));
        fixture_free(f);
        puts("ok: json");
}

/* The most fields with the longest names, the most bytes, and the line as the message: two of these
 * and many small ones, all in one write. */
static void test_largest_json(void)
{
        static char large[LINE_MAX_BYTES];
        Entry entries[100];
        Fixture *f = fixture_new();
        Span entry, value;

        (void) make_object(large, sizeof(large));
        for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
                entries[i] = (Entry){ .text = i % 50 == 0 ? (Span){ large, sizeof(large) }
                                                          : SPAN_LITERAL("{\"msg\":\"small\"}"),
                                      .ordinal = i + 1 };
        open_sink(f, &plain_facts, (const char *const[]){ "parse", "json", NULL });
        for (size_t done = 0, seen = 0, rounds = 0; seen < ARRAY_SIZE(entries); rounds++) {
                if (done < ARRAY_SIZE(entries))
                        done += write_entries(f, entries + done, ARRAY_SIZE(entries) - done);
                assert(rounds < 10000);
                while (receiver_next(&f->receiver, &entry)) {
                        bool is_large = seen++ % 50 == 0;

                        assert(!f->receiver.was_memfd);
                        assert(find_field(entry, "MESSAGE", &value));
                        assert(is_large ? span_equal(value, (Span){ large, sizeof(large) })
                                        : span_equal_string(value, "small"));
                        assert(find_field(entry,
                                          "JSON_"
                                          "00000000000000000000000000000000000"
                                          "000000000000000000000063",
                                          &value) == is_large);
                }
                (void) sd_event_run(f->host.event, 10000);
        }
        fixture_free(f);
        puts("ok: largest json");
}

int main(void)
{
        test_json();
        test_largest_json();
        return 0;
}
