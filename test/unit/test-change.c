/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Other options for a container that runs: what streams that wait make of it, what a restarted
 * daemon has, and that a refused change changes nothing. */

#include "../daemon-fixture.h"

#include "daemon/change.h"
#include "driver/file-sink.h"
#include "io/fifo.h"

/* options as JSON; NULL: taken, else what the refusal begins with. */
static void set(Container *c, const char *options, const char *rule)
{
        json_auto_t *object = json_loads(options, 0, NULL);
        _cleanup_(refusal_done) Refusal refusal = {};
        int r;

        assert(object);
        r = change_apply(c, &(Change){ .options = object }, &refusal);
        if (!rule) {
                assert(r == 0);
                return;
        }
        assert(r == -EINVAL && strcmp(refusal.error, "io.conlogd.InvalidOption") == 0);
        assert(strncmp(json_string_value(json_object_get(refusal.parameters, "rule")), rule,
                       strlen(rule)) == 0);
}

static size_t capacity(Container *c)
{
        size_t n;

        assert(fifo_get_capacity(fixture_stream(c, ENTRY_STDOUT)->fd, &n) == 0);
        return n;
}

static void read_config(Fixture *f, char ret[512])
{
        _cleanup_close_ int fd =
                openat(f->temporary.fd, "containers/a/config", O_RDONLY | O_CLOEXEC);
        ssize_t n = read(fd, ret, 511);

        assert(n > 0);
        ret[n] = '\0';
}

/* The next lines are logged as the new options say; so they are after a restart. */
static void test_options(void)
{
        Fixture f;
        Container *c;
        int fd;

        fixture_init(&f);
        c = fixture_create(&f, "a", "");
        fd = fixture_open(&f, "a", "init-stdout");
        put(fd, "<3>one\n");
        (void) pump(&f);
        expect_line(&f, "one");

        set(c, "{\"level-prefix\": \"no\", \"rate-limit-lines\": \"5\"}", NULL);
        fixture_adopt(&f, c);
        put(fd, "<3>two\n");
        (void) pump(&f);
        expect_line(&f, "<3>two");
        assert(fixture_feed(c)->counts.lines == 2);

        fixture_restart(&f);
        assert(fixture_restore(&f, "a", &c) == 0);
        assert(!fixture_feed(c)->delivery.has_level_prefix);
        assert(fixture_feed(c)->delivery.rate->lines.per_second == 5);
        set(c, "{\"level-prefix\": null, \"rate-limit-lines\": null}", NULL);
        assert(!fixture_feed(c)->delivery.rate);
        fixture_adopt(&f, c);
        put(fd, "<3>three\n");
        (void) pump(&f);
        expect_line(&f, "three");
        (void) close(fd);
        fixture_done(&f);
        puts("ok: options");
}

/* All or nothing. */
static void test_refused(void)
{
        char before[512], after[512];
        Fixture f;
        Container *c;

        fixture_init(&f);
        c = fixture_create(&f, "a", ", \"options\": {\"max-buffer-size\": \"128K\"}");
        read_config(&f, before);
        set(c, "{\"level-prefix\": \"no\", \"bogus\": \"1\"}", "the driver none has no such");
        set(c, "{\"level-prefix\": \"no\", \"bogus\": null}", "no such option");
        set(c, "{\"level-prefix\": \"perhaps\"}", "must be yes or no");
        set(c, "{\"max-buffer-size\": \"1M\", \"drop\": \"newest\"}", "goes with mode=");
        assert(capacity(c) == 128 * 1024);

        /* Nor when it cannot be written down. */
        assert(mkdirat(f.temporary.fd, "containers/a/.#config", 0700) == 0);
        {
                json_auto_t *options = json_pack("{s:s}", "max-buffer-size", "1M");
                Refusal refusal = {};
                int r = change_apply(c, &(Change){ .options = options }, &refusal);

                assert(r < 0 && !refusal.error);
        }
        assert(capacity(c) == 128 * 1024);
        read_config(&f, after);
        assert(strcmp(before, after) == 0);
        assert(fixture_feed(c)->delivery.has_level_prefix);
        assert(fixture_feed(c)->delivery.buffer_bytes == 128 * 1024);
        fixture_done(&f);
        puts("ok: refused");
}

/* What is in a FIFO stays, and how much of it is looked at follows its size. */
static void test_buffer_size(void)
{
        static char text[100 * 1024];
        Stream *s;
        Fixture f;
        Container *c;
        int fd;

        fixture_init(&f);
        c = fixture_create(&f, "a", "");
        s = fixture_stream(c, ENTRY_STDOUT);
        fd = fixture_open(&f, "a", "init-stdout");
        set(c, "{\"max-buffer-size\": \"8K\"}", NULL);
        assert(capacity(c) == 8192 && s->is_tight && s->limit == 4096);
        set(c, "{\"max-buffer-size\": \"128K\"}", NULL);
        assert(capacity(c) == 128 * 1024 && !s->is_tight && s->limit == LINE_MAX_BYTES);

        fixture_adopt(&f, c);
        f.room = 0;
        memset(text, 'x', sizeof(text));
        put_bytes(fd, text, sizeof(text));
        (void) pump(&f);
        set(c, "{\"max-buffer-size\": null}", "less than what is in a FIFO");
        assert(capacity(c) == 128 * 1024 && s->limit == LINE_MAX_BYTES);
        assert(fixture_feed(c)->delivery.buffer_bytes == 128 * 1024);
        fixture_make_room(&f, 100);
        (void) pump(&f);
        set(c, "{\"max-buffer-size\": null}", NULL);
        assert(capacity(c) == 64 * 1024 && fixture_feed(c)->delivery.buffer_bytes == 0);
        (void) close(fd);
        fixture_done(&f);
        puts("ok: buffer size");
}

/* Who waits for the driver as it was opened before goes on with the new one. */
static void test_waiting(void)
{
        Fixture f;
        Container *c;
        int fd;

        fixture_init(&f);
        c = fixture_create(&f, "a", "");
        fd = fixture_open(&f, "a", "init-stdout");
        f.room = 0;
        put(fd, "one\ntwo\n");
        (void) pump(&f);
        assert(feed_is_waiting(fixture_feed(c)) && f.n_waiting == 1);
        set(c, "{}", NULL);
        assert(f.n_waiting == 0);
        (void) pump(&f);
        assert(!feed_is_waiting(fixture_feed(c)) && fixture_feed(c)->counts.lines == 2);
        (void) close(fd);
        fixture_done(&f);
        puts("ok: waiting");
}

/* Who did not wait waits, and the other way round, from that moment on. */
static void test_mode(void)
{
        static char text[4095];
        Stream *s;
        Fixture f;
        Container *c;
        int fd;

        fixture_init(&f);
        c = fixture_create(&f, "a", ", \"options\": {\"mode\": \"non-blocking\"}");
        s = fixture_stream(c, ENTRY_STDOUT);
        fd = fixture_open(&f, "a", "init-stdout");
        memset(text, 'x', sizeof(text));
        f.room = 0;
        put_bytes(fd, text, sizeof(text));
        put(fd, "\n");
        (void) pump(&f);
        assert(s->phase == STREAM_HELD && s->held_for == HOLD_BUSY);

        set(c, "{\"mode\": \"blocking\"}", NULL);
        fixture_adopt(&f, c);
        (void) pump(&f);
        assert(s->phase == STREAM_WAITING);
        while (write(fd, text, sizeof(text)) > 0)
                ;
        pump_for(&f, 300000);
        assert(fixture_feed(c)->lines_dropped == 0);

        set(c, "{\"mode\": \"non-blocking\"}", NULL);
        fixture_adopt(&f, c);
        while (fixture_feed(c)->lines_dropped == 0)
                pump_for(&f, 10000);
        (void) close(fd);
        fixture_done(&f);
        puts("ok: mode");
}

/* A limit that is taken away or raised holds nobody any longer. */
static void test_rate(void)
{
        Fixture f;
        Container *c;
        int fd;

        fixture_init(&f);
        c = fixture_create(&f, "a", ", \"options\": {\"rate-limit-lines\": \"1\"}");
        fd = fixture_open(&f, "a", "init-stdout");
        put(fd, "1\n2\n3\n4\n5\n");
        (void) pump(&f);
        expect_line(&f, "1");
        expect_nothing(&f);
        set(c, "{\"rate-limit-lines\": null}", NULL);
        fixture_adopt(&f, c);
        (void) pump(&f);
        expect_line(&f, "2");
        expect_line(&f, "3");
        expect_line(&f, "4");
        expect_line(&f, "5");
        (void) close(fd);
        fixture_done(&f);
        puts("ok: rate");
}

/* What a killed daemon may have logged is logged again with the same ordinals: so it must be cut
 * and read in the same way. */
static void test_owed(void)
{
        StatePage *page;
        Fixture f;
        Container *c;
        int fd;

        fixture_init(&f);
        c = fixture_create(&f, "a", "");
        fd = fixture_open(&f, "a", "init-stdout");
        f.room = 0;
        put(fd, "<3>one\n");
        (void) pump(&f);
        assert(feed_map(fixture_feed(c), &page) == 0);
        state_get_active(page)->owed_bytes = 7;
        state_get_active(page)->owed_lines = 1;
        state_get_active(page)->owed_limit = LINE_MAX_BYTES;

        set(c, "{\"level-prefix\": \"no\"}", "not while conlogd");
        set(c, "{\"multiline-start\": \"^a\"}", "not while conlogd");
        set(c, "{\"level-prefix\": \"yes\", \"rate-limit-lines\": \"1000\"}", NULL);
        (void) pump(&f);
        assert(fixture_feed(c)->counts.lines == 1);
        set(c, "{\"level-prefix\": \"no\"}", NULL);
        (void) close(fd);
        fixture_done(&f);
        puts("ok: owed");
}

/* A container with the driver k8s-file, which writes to <directory>/a.log. */
static void make_files(Fixture *f, const char *directory, char ret_path[160])
{
        assert(mkdirat(f->temporary.fd, directory, 0700) == 0);
        (void) snprintf(ret_path, 160, "%s/%s/a.log", f->temporary.path, directory);
        if (!f->daemon->host.files)
                assert(file_sinks_new(&f->daemon->host.files, f->daemon->event,
                                      f->temporary.path) == 0);
}

static Container *create_file(Fixture *f, const char *path)
{
        json_auto_t *request = json_pack("{s:s, s:s, s:{s:s}}", "id", "a", "driver", "k8s-file",
                                         "options", "path", path);
        Refusal refusal = {};
        Container *c;

        assert(daemon_create_container(f->daemon, request, NULL, &c, &refusal) == 0);
        return c;
}

/* The next daemon has the container, and opens no file before it writes. */
static Container *restart_file(Fixture *f)
{
        Refusal refusal = {};
        Container *c;

        fixture_restart(f);
        assert(file_sinks_new(&f->daemon->host.files, f->daemon->event, f->temporary.path) == 0);
        assert(restore_container(&c, f->daemon, "a", &refusal) == 0);
        TAILQ_INSERT_TAIL(&f->daemon->containers, c, containers);
        f->daemon->n_containers++;
        return c;
}

/* How many records of the file have that text. */
static unsigned count_records(const char *path, const char *text)
{
        FILE *file = fopen(path, "re");
        char line[256], end[64];
        unsigned n = 0;

        assert(file);
        (void) snprintf(end, sizeof(end), " stdout F %s\n", text);
        while (fgets(line, sizeof(line), file))
                n += strstr(line, end) != NULL;
        (void) fclose(file);
        return n;
}

static void add_record(const char *path, const char *text)
{
        FILE *file = fopen(path, "ae");

        assert(file);
        (void) fprintf(file, "2026-01-02T03:04:05.000000006Z stdout F %s\n", text);
        (void) fclose(file);
}

/* The file was written further than the page says, as after a kill: the driver that is opened anew
 * knows that as the one before it did. */
static void test_same_file(void)
{
        char path[160];
        Fixture f;
        Container *c;
        int fd;

        fixture_init(&f);
        make_files(&f, "one", path);
        c = create_file(&f, path);
        fd = fixture_open(&f, "a", "init-stdout");
        put(fd, "first\n");
        (void) pump(&f);
        c = restart_file(&f);
        add_record(path, "second");
        set(c, "{\"max-size\": \"1M\"}", NULL);
        put(fd, "second\nthird\n");
        (void) pump(&f);
        assert(count_records(path, "first") == 1 && count_records(path, "second") == 1);
        assert(count_records(path, "third") == 1);
        assert(fixture_feed(c)->counts.lines == 3);
        (void) close(fd);
        fixture_done(&f);
        puts("ok: same file");
}

/* Another file: what somebody has written there is none of ours, be it that it looks so. */
static void test_other_file(void)
{
        char path[160], other[160];
        json_auto_t *options = NULL;
        Refusal refusal = {};
        Fixture f;
        Container *c;
        int fd;

        fixture_init(&f);
        make_files(&f, "one", path);
        make_files(&f, "two", other);
        c = create_file(&f, path);
        fd = fixture_open(&f, "a", "init-stdout");
        put(fd, "hello\n");
        (void) pump(&f);
        assert(count_records(path, "hello") == 1);

        add_record(other, "hello");
        options = json_pack("{s:s}", "path", other);
        assert(change_apply(c, &(Change){ .options = options }, &refusal) == 0);
        (void) restart_file(&f);
        put(fd, "hello\n");
        (void) pump(&f);
        assert(count_records(path, "hello") == 1 && count_records(other, "hello") == 2);
        (void) close(fd);
        fixture_done(&f);
        puts("ok: other file");
}

int main(void)
{
        test_options();
        test_refused();
        test_buffer_size();
        test_waiting();
        test_mode();
        test_rate();
        test_owed();
        test_same_file();
        test_other_file();
        return 0;
}
