/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The journald driver: entries as journald reads them. */

#include "../journald-fixture.h"

static void test_plain(void)
{
        Entry entries[] = {
                { .text = SPAN_LITERAL("hello"), .priority = LOG_INFO, .ordinal = 1 },
                { .stream = ENTRY_STDERR, .priority = LOG_ERR, .ordinal = 20 },
        };
        Fixture *f = fixture_new();
        Span entry;

        open_sink(f, &plain_facts, NULL);
        assert(write_entries(f, entries, 2) == 2);
        EXPECT(f, { "CONTAINER_ID", "web" }, { "CONTAINER_ID_FULL", "web" },
               { "CONTAINER_LOG_EPOCH", EPOCH }, { "CONTAINER_TAG", "web" },
               { "SYSLOG_IDENTIFIER", "web" }, { "PRIORITY", "6" },
               { "CONTAINER_STREAM", "stdout" }, { "CONTAINER_LOG_ORDINAL", "1" },
               { "MESSAGE", "hello" });

        /* An empty line is a line. */
        EXPECT(f, { "CONTAINER_ID", "web" }, { "CONTAINER_ID_FULL", "web" },
               { "CONTAINER_LOG_EPOCH", EPOCH }, { "CONTAINER_TAG", "web" },
               { "SYSLOG_IDENTIFIER", "web" }, { "PRIORITY", "3" },
               { "CONTAINER_STREAM", "stderr" }, { "CONTAINER_LOG_ORDINAL", "20" },
               { "MESSAGE", "" });
        assert(!receiver_next(&f->receiver, &entry));
        fixture_free(f);
        puts("ok: plain");
}

static void test_facts(void)
{
        static const Pair labels[] = { { "com.example.team", "a\nb" }, { "other", "1" } };
        static const Pair env[] = { { "APP_MODE", "" }, { "PATH", "/bin" } };
        const Facts facts = {
                .id = ID_64,
                .epoch = EPOCH,
                .name = "web",
                .image = "example/web:1",
                .image_id = "sha256:" ID_64,
                .unit = "web.service",
                .labels = labels,
                .n_labels = 2,
                .env = env,
                .n_env = 2,
        };
        Fixture *f = fixture_new();

        open_sink(f, &facts,
                  (const char *const[]){ "tag", "{{.ImageName}}/{{.ID}}", "labels",
                                         "com.example.team", "env-regex", "^APP_", "timestamp",
                                         "yes", NULL });
        assert(write_entries(f,
                             &(Entry){ .text = SPAN_LITERAL("x"),
                                       .ordinal = UINT64_MAX,
                                       .exec_id = "shell-1",
                                       .realtime_nsec = UINT64_C(1700000000000000042) },
                             1) == 1);
        EXPECT(f, { "CONTAINER_ID", "0123456789ab" }, { "CONTAINER_ID_FULL", ID_64 },
               { "CONTAINER_LOG_EPOCH", EPOCH }, { "CONTAINER_NAME", "web" },
               { "IMAGE_NAME", "example/web:1" }, { "CONTAINER_TAG", "example/web:1/0123456789ab" },
               { "SYSLOG_IDENTIFIER", "example/web:1/0123456789ab" },
               { "OBJECT_SYSTEMD_UNIT", "web.service" }, { "COM_EXAMPLE_TEAM", "a\nb" },
               { "APP_MODE", "" }, { "PRIORITY", "0" }, { "CONTAINER_STREAM", "stdout" },
               { "CONTAINER_LOG_ORDINAL", "18446744073709551615" },
               { "CONTAINER_EXEC_ID", "shell-1" },
               { "SYSLOG_TIMESTAMP", "2023-11-14T22:13:20.000000042Z" }, { "MESSAGE", "x" });
        fixture_free(f);
        puts("ok: facts");
}

/* Labels that would like to be something else. */
static void test_hostile_labels(void)
{
        static const Pair labels[] = {
                { "message", "a" },
                { "CONTAINER_ID", "b" },
                { "_pid", "c" },
                { "priority", "0" },
                { "x=y\nMESSAGE", "injected" },
                { "1st", "d" },
                { "object_pid", "1" },
                { "%$&", "e" },
                { "value", "x\nMESSAGE=injected\nCONTAINER_ID=other\n" },
        };
        Facts facts = plain_facts;
        Fixture *f = fixture_new();

        facts.labels = labels;
        facts.n_labels = ARRAY_SIZE(labels);
        open_sink(f, &facts, (const char *const[]){ "labels-regex", ".*", NULL });
        assert(write_entries(f, &(Entry){ .ordinal = 1, .text = SPAN_LITERAL("true") }, 1) == 1);
        EXPECT(f, { "CONTAINER_ID", "web" }, { "CONTAINER_ID_FULL", "web" },
               { "CONTAINER_LOG_EPOCH", EPOCH }, { "CONTAINER_TAG", "web" },
               { "SYSLOG_IDENTIFIER", "web" }, { "LABEL_MESSAGE", "a" },
               { "LABEL_CONTAINER_ID", "b" }, { "PID", "c" }, { "LABEL_PRIORITY", "0" },
               { "X_Y_MESSAGE", "injected" }, { "LABEL_1ST", "d" }, { "LABEL_OBJECT_PID", "1" },
               { "LABEL", "e" }, { "VALUE", "x\nMESSAGE=injected\nCONTAINER_ID=other\n" },
               { "PRIORITY", "0" }, { "CONTAINER_STREAM", "stdout" },
               { "CONTAINER_LOG_ORDINAL", "1" }, { "MESSAGE", "true" });
        fixture_free(f);
        puts("ok: hostile labels");
}

static void test_partial(void)
{
        Entry entries[] = {
                { .ordinal = 171, .partial_first = 171, .partial_ordinal = 1 },
                { .ordinal = 172, .partial_first = 171, .partial_ordinal = 2 },
                { .ordinal = 175,
                  .partial_first = 171,
                  .partial_ordinal = 3,
                  .partial_is_last = true },
        };
        Fixture *f = fixture_new();
        Span entry, value;

        open_sink(f, &plain_facts, NULL);
        assert(write_entries(f, entries, 3) == 3);
        for (size_t i = 0; i < 3; i++) {
                bool is_last = i == 2;

                assert(receiver_next(&f->receiver, &entry));
                assert(find_field(entry, "CONTAINER_PARTIAL_ID", &value));
                assert(span_equal_string(value, EPOCH "00000000000000ab"));
                assert(find_field(entry, "CONTAINER_PARTIAL_ORDINAL", &value));
                assert(value.size == 1 && value.data[0] == (char) ('1' + i));
                assert(find_field(entry, "CONTAINER_PARTIAL_LAST", &value));
                assert(span_equal_string(value, is_last ? "true" : "false"));
                /* As Docker does it: on all parts but the last. */
                assert(find_field(entry, "CONTAINER_PARTIAL_MESSAGE", &value) == !is_last);
                assert(is_last || span_equal_string(value, "true"));
        }
        fixture_free(f);
        puts("ok: partial");
}

/* Joined lines are one text. */
static void test_joined(void)
{
        Fixture *f = fixture_new();
        Span entry, value;

        open_sink(f, &plain_facts, NULL);
        assert(write_entries(f, &(Entry){ .text = SPAN_LITERAL("a\nMESSAGE=b\n\nPRIORITY=0\n") },
                             1) == 1);
        assert(receiver_next(&f->receiver, &entry));
        assert(find_field(entry, "MESSAGE", &value));
        assert(span_equal_string(value, "a\nMESSAGE=b\n\nPRIORITY=0\n"));
        fixture_free(f);
        puts("ok: joined");
}

static void test_end(void)
{
        Fixture *f = fixture_new();

        open_sink(f, &plain_facts, NULL);
        assert(write_entries(f,
                             &(Entry){ .kind = ENTRY_END,
                                       .counts = { .lines = 10, .bytes = 300, .dropped = 7 },
                                       .lines_dropped = 2 },
                             1) == 1);
        EXPECT(f, { "CONTAINER_ID", "web" }, { "CONTAINER_ID_FULL", "web" },
               { "CONTAINER_LOG_EPOCH", EPOCH }, { "CONTAINER_TAG", "web" },
               { "SYSLOG_IDENTIFIER", "web" }, { "MESSAGE_ID", CONLOG_MESSAGE_ID_END },
               { "CONTAINER_LOG_LINES", "10" }, { "CONTAINER_LOG_BYTES", "300" },
               { "CONTAINER_LOG_DROPPED", "7" }, { "CONTAINER_LOG_DROPPED_LINES", "2" },
               { "PRIORITY", "6" }, { "MESSAGE", "Container has ended: 10 lines, 300 bytes" });
        fixture_free(f);
        puts("ok: end");
}

static void test_dropped(void)
{
        Entry e = {
                .kind = ENTRY_DROPPED,
                .ordinal = UINT64_MAX - 1,
                .loss = { .lines = 2, .bytes = 30, .reasons = LOSS_FULL },
        };
        Fixture *f = fixture_new();

        open_sink(f, &plain_facts, NULL);
        assert(write_entries(f, &e, 1) == 1);
        EXPECT(f, { "CONTAINER_ID", "web" }, { "CONTAINER_ID_FULL", "web" },
               { "CONTAINER_LOG_EPOCH", EPOCH }, { "CONTAINER_TAG", "web" },
               { "SYSLOG_IDENTIFIER", "web" }, { "MESSAGE_ID", CONLOG_MESSAGE_ID_DROPPED },
               { "CONTAINER_LOG_DROPPED_LINES", "2" }, { "CONTAINER_LOG_DROPPED", "30" },
               { "CONTAINER_LOG_DROPPED_FIRST", "18446744073709551614" },
               { "CONTAINER_LOG_DROPPED_LAST", "18446744073709551615" }, { "PRIORITY", "4" },
               { "MESSAGE", "Dropped 2 lines, 30 bytes, with the ordinals 18446744073709551614 "
                            "to 18446744073709551615: the buffer was full" });
        fixture_free(f);
        puts("ok: dropped");
}

/* A line may hold anything but a newline; all of it arrives. */
static void test_any_bytes(void)
{
        Fixture *f = fixture_new();
        Span entry, value;
        char text[255];

        for (size_t i = 0; i < sizeof(text); i++)
                text[i] = (char) (i < '\n' ? i : i + 1);
        open_sink(f, &plain_facts, NULL);
        assert(write_entries(f, &(Entry){ .text = { text, sizeof(text) } }, 1) == 1);
        assert(receiver_next(&f->receiver, &entry));
        assert(find_field(entry, "MESSAGE", &value));
        assert(span_equal(value, (Span){ text, sizeof(text) }));
        fixture_free(f);
        puts("ok: any bytes");
}

/* The longest line with the largest facts and the widest fields is still one plain datagram. */
static void test_largest(void)
{
        char exec_id[ID_MAX_BYTES + 1] = "", tag[TAG_MAX_BYTES + 1] = "", text[LINE_MAX_BYTES];
        char label[LABEL_VALUE_MAX_BYTES + 1] = "", id[ID_MAX_BYTES + 1] = "";
        const Pair labels[] = { { "a", label }, { "b", label } };
        Facts facts = { .id = id, .epoch = EPOCH, .labels = labels, .n_labels = 2 };
        Entry e = {
                .text = { text, sizeof(text) },
                .stream = ENTRY_STDERR,
                .ordinal = UINT64_MAX,
                .partial_first = UINT64_MAX,
                .partial_ordinal = UINT32_MAX,
                .exec_id = exec_id,
                .realtime_nsec = UINT64_MAX,
        };
        Fixture *f = fixture_new();
        char reason[REASON_MAX_BYTES];
        const char *key;
        Span entry;

        memset(text, 'x', sizeof(text));
        memset(exec_id, 'e', sizeof(exec_id) - 1);
        memset(id, 'i', sizeof(id) - 1);
        memset(tag, 't', sizeof(tag) - 1);
        memset(label, 'l', sizeof(label) - 1);

        /* One byte after the other: the last that is taken is the largest. */
        assert(fixture_open(f, &facts,
                            (const char *const[]){ "tag", tag, "labels", "a,b", "timestamp", "yes",
                                                   NULL },
                            &key, reason) == -EINVAL);
        assert(strcmp(key, "labels") == 0 && strstr(reason, "16384"));
        for (size_t i = LABEL_VALUE_MAX_BYTES - 1;; i--) {
                label[i] = '\0';
                if (fixture_open(f, &facts,
                                 (const char *const[]){ "tag", tag, "labels", "a,b", "timestamp",
                                                        "yes", NULL },
                                 &key, reason) == 0)
                        break;
        }
        assert(write_entries(f, &e, 1) == 1);
        assert(receiver_next(&f->receiver, &entry));
        assert(!f->receiver.was_memfd);
        assert(entry.size > FACTS_MAX_BYTES + LINE_MAX_BYTES);
        fixture_free(f);
        puts("ok: largest");
}

/* journald drops an entry of more than 1024 fields, and says nothing. */
static void test_too_many_fields(void)
{
        static char names[ENV_MAX][8];
        static Pair env[ENV_MAX];
        Facts facts = plain_facts;
        static char object[LINE_MAX_BYTES];
        Fixture *f = fixture_new();
        char reason[REASON_MAX_BYTES];
        const char *key;
        Span entry, rest, name, value;
        size_t n_fields;

        for (size_t i = 0; i < ENV_MAX; i++) {
                (void) snprintf(names[i], sizeof(names[i]), "A%zu", i);
                env[i] = (Pair){ names[i], "" };
        }
        facts.env = env;
        facts.n_env = ENV_MAX;
        assert(fixture_open(f, &facts, (const char *const[]){ "env-regex", ".*", NULL }, &key,
                            reason) == -EINVAL);
        assert(strcmp(key, "labels") == 0 && strstr(reason, "fields"));

        /* The most that is taken, with all that a line can add. */
        for (unsigned i = 0; i < 2; i++) {
                Entry e = { .ordinal = 1, .partial_first = i == 0, .exec_id = "e" };

                while (fixture_open(f, &facts,
                                    (const char *const[]){ "env-regex", ".*", "timestamp", "yes",
                                                           "parse", i == 0 ? "none" : "json",
                                                           NULL },
                                    &key, reason) < 0)
                        facts.n_env--;
                assert(facts.n_env > 900);
                if (i > 0)
                        e.text = (Span){ object, make_object(object, sizeof(object)) };
                assert(write_entries(f, &e, 1) == 1);
                assert(receiver_next(&f->receiver, &entry));
                n_fields = 0;
                for (rest = entry; native_next(&rest, &name, &value);)
                        n_fields++;
                assert(n_fields > 900 && n_fields < 1024);
        }
        fixture_free(f);
        puts("ok: too many fields");
}

static void test_busy(void)
{
        Fixture *f = fixture_new();
        static Entry entries[TURN_MAX_ENTRIES];
        uint64_t n_seen = 0;
        char expected[24];
        size_t k, n_sent;
        Span entry, value;

        for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
                entries[i].ordinal = i;
        open_sink(f, &plain_facts, NULL);
        assert(!f->sink->driver->is_busy(f->sink));
        for (n_sent = 0; n_sent < ARRAY_SIZE(entries); n_sent += k) {
                k = write_entries(f, entries + n_sent, ARRAY_SIZE(entries) - n_sent);
                while (receiver_next(&f->receiver, &entry)) {
                        assert(find_field(entry, "CONTAINER_LOG_ORDINAL", &value));
                        *fields_put_decimal(expected, n_seen++) = '\0';
                        assert(span_equal_string(value, expected));
                }
                assert(n_seen == n_sent + k);
                if (n_seen == ARRAY_SIZE(entries))
                        break;
                assert(f->sink->driver->is_busy(f->sink) && f->n_ready == 0);
                while (f->n_ready == 0)
                        assert(sd_event_run(f->host.event, UINT64_MAX) >= 0);
                assert(!f->sink->driver->is_busy(f->sink) && f->n_ready == 1);
                f->n_ready = 0;
        }

        /* A sink may go while it waits. */
        while (write_entries(f, entries, ARRAY_SIZE(entries)) == ARRAY_SIZE(entries))
                ;
        f->sink = sink_free(f->sink);
        while (receiver_next(&f->receiver, &entry))
                ;
        assert(sd_event_run(f->host.event, 10000) >= 0);
        assert(sd_event_run(f->host.event, 10000) >= 0);
        assert(f->n_ready == 0);
        fixture_free(f);
        puts("ok: busy");
}

static void test_namespace(void)
{
        static const char *const options[] = { "journal-namespace", "web", NULL };
        Receiver *other = calloc(1, sizeof(*other));
        Fixture *f = fixture_new();
        char reason[REASON_MAX_BYTES], path[128];
        const char *key;
        Span entry;

        assert(fixture_open(f, &plain_facts, options, &key, reason) == -EINVAL);
        assert(strcmp(key, "journal-namespace") == 0 && strstr(reason, "journal.web/socket"));

        assert(mkdirat(f->temporary.fd, "journal.web", 0700) == 0);
        (void) snprintf(path, sizeof(path), "%s.web/socket", f->journal_path);
        receiver_open(other, path);
        open_sink(f, &plain_facts, options);
        assert(write_entries(f, &(Entry){ .ordinal = 1 }, 1) == 1);
        assert(!receiver_next(&f->receiver, &entry) && receiver_next(other, &entry));
        assert(strcmp(f->sink->taker, "journald@web") == 0);
        base_close(other->fd);
        free(other);
        fixture_free(f);
        puts("ok: namespace");
}

int main(void)
{
        test_plain();
        test_facts();
        test_hostile_labels();
        test_partial();
        test_joined();
        test_end();
        test_dropped();
        test_any_bytes();
        test_largest();
        test_busy();
        test_namespace();
        test_too_many_fields();
        return 0;
}
