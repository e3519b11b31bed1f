/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The drivers that write files: their options together, whole records in files of a size, what
 * others do to the files, and what happens when they cannot be written.
 */

#undef NDEBUG
#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "../temporary.h"
#include "base/log.h"
#include "driver/file-sink.h"

#define EPOCH "00112233445566778899aabbccddeeff"

typedef struct Fixture {
        Temporary temporary;
        DriverHost host;
        Sink *sink;
        unsigned n_ready;
        uint64_t ordinal;
} Fixture;

static const Facts facts = { .id = "web", .epoch = EPOCH, .name = "w", .image = "busybox" };

static void fixture_on_ready(Sink *sink, void *userdata)
{
        ((Fixture *) userdata)->n_ready++;
}

static void fixture_init(Fixture *f)
{
        *f = (Fixture){ .ordinal = 1 };
        temporary_init(&f->temporary);
        assert(sd_event_new(&f->host.event) >= 0);
        assert(file_sinks_new(&f->host.files, f->host.event, f->temporary.path) == 0);
        assert(sd_event_source_set_time_accuracy(f->host.files->retry, 1) >= 0);
}

static void fixture_done(Fixture *f)
{
        sink_free(f->sink);
        file_sinks_free(f->host.files);
        sd_event_unref(f->host.event);
        temporary_done(&f->temporary);
}

/* Opens a driver with options given as "key", "value" … NULL. */
static int open_as(Fixture *f, const char *name, const Facts *who, const char *const *pairs,
                   Sink **ret, const char **ret_key, char reason[REASON_MAX_BYTES])
{
        const Driver *driver = driver_find(name);
        Pair options[8];
        size_t n = 0;
        int r;

        for (; pairs && pairs[2 * n]; n++)
                options[n] = (Pair){ pairs[2 * n], pairs[2 * n + 1] };
        assert(options_check(driver, &(Options){ options, n }, ret_key, reason) == 0);
        r = driver->open(driver, &f->host, who, &(Options){ options, n }, ret, ret_key, reason);
        if (r >= 0) {
                (*ret)->on_ready = fixture_on_ready;
                (*ret)->userdata = f;
        }
        return r;
}

static void open_sink(Fixture *f, const char *name, const char *const *pairs)
{
        char reason[REASON_MAX_BYTES];
        const char *key;

        f->sink = sink_free(f->sink);
        assert(open_as(f, name, &facts, pairs, &f->sink, &key, reason) == 0);
}

static size_t write_line(Fixture *f, const char *text)
{
        Entry e = { .text = span_from_string(text), .ordinal = f->ordinal, .realtime_nsec = 1 };
        size_t taken = f->sink->driver->write(f->sink, &e, 1);

        f->ordinal += taken;
        return taken;
}

static void wait_for_ready(Fixture *f)
{
        unsigned n = f->n_ready;

        assert(sd_event_source_set_time_relative(f->host.files->retry, 0) >= 0);
        while (f->n_ready == n)
                assert(sd_event_run(f->host.event, 5000000) >= 0);
}

static void expect(Fixture *f, const char *name, const char *text)
{
        temporary_expect(&f->temporary, name, text);
}

#define LINE(text) "1970-01-01T00:00:00.000000001Z stdout F " text "\n"

/* What does not go together, with the key that is told. */
static void test_combinations(void)
{
        static const struct {
                const char *driver;
                const char *pairs[9];
                const char *key; /* NULL: they do */
                const char *reason;
        } rows[] = {
                { "json-file", { "max-file", "1" }, NULL, NULL },
                { "json-file", { "max-size", "unlimited" }, NULL, NULL },
                { "json-file", { "max-size", "unlimited", "compress", "no" }, NULL, NULL },
                { "json-file", { "max-size", "unlimited", "max-file", "1" }, NULL, NULL },
                { "json-file",
                  { "max-size", "1M", "max-file", "2", "compress", "yes" },
                  NULL,
                  NULL },
                { "json-file", { "max-file", "1", "compress", "yes" }, "compress", "2 or more" },
                { "local", { "compress", "yes", "max-file", "1" }, "compress", "2 or more" },
                { "k8s-file", { "compress", "yes", "max-file", "1" }, "compress", "2 or more" },
                { "json-file",
                  { "max-size", "unlimited", "max-file", "3" },
                  "max-file",
                  "never rotated" },
                { "local",
                  { "max-size", "unlimited", "compress", "yes" },
                  "compress",
                  "ever rotated" },
                { "k8s-file",
                  { "max-size", "unlimited", "max-file", "5" },
                  "max-file",
                  "Set a max-size" },
        };
        Fixture f;

        fixture_init(&f);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char reason[REASON_MAX_BYTES] = "";
                const char *key = NULL;
                Sink *sink = NULL;
                int r;

                r = open_as(&f, rows[i].driver, &facts, rows[i].pairs, &sink, &key, reason);
                assert(r == (rows[i].key ? -EINVAL : 0));
                if (r < 0)
                        assert(strcmp(key, rows[i].key) == 0 && strstr(reason, rows[i].reason));
                sink_free(sink);
        }
        /* Nothing was made for any of them. */
        assert(!temporary_has(&f.temporary, "web"));
        fixture_done(&f);
        puts("ok: combinations");
}

static void test_attributes(void)
{
        Pair labels[] = { { "b", "2" }, { "a", "1" }, { "tag", "of a label" } };
        Facts who = facts;
        char reason[REASON_MAX_BYTES];
        const char *key;
        Fixture f;

        fixture_init(&f);
        who.labels = labels;
        who.n_labels = 3;
        assert(open_as(&f, "json-file", &who,
                       (const char *[]){ "labels-regex", ".*", "tag", "{{.Name}}", NULL }, &f.sink,
                       &key, reason) == 0);
        assert(write_line(&f, "x") == 1);
        expect(&f, "web/json-file.log",
               "{\"log\":\"x\\n\",\"stream\":\"stdout\",\"attrs\":{\"a\":\"1\",\"b\":\"2\","
               "\"tag\":\"w\"},\"time\":\"1970-01-01T00:00:00.000000001Z\"}\n");
        fixture_done(&f);
        puts("ok: attributes");
}

/* The directory, the file and "info" are made with the first line, for a group to read. */
static void test_first(void)
{
        Entry end = { .kind = ENTRY_END };
        char text[512] = "";
        struct stat st;
        Fixture f;
        Mark mark;
        int fd;

        fixture_init(&f);
        open_sink(&f, "k8s-file", NULL);
        /* One that never wrote leaves nothing. */
        assert(f.sink->driver->write(f.sink, &end, 1) == 1);
        assert(!temporary_has(&f.temporary, "web"));
        assert(write_line(&f, "one") == 1);
        f.sink->driver->get_mark(f.sink, &mark);
        assert(fstatat(f.temporary.fd, "web/k8s-file.log", &st, 0) == 0);
        assert((st.st_mode & 07777) == 0640 && mark.file == st.st_ino);
        assert(mark.size == (uint64_t) st.st_size);
        assert(fstatat(f.temporary.fd, "web", &st, 0) == 0 && (st.st_mode & 0777) == 0750);
        assert(f.sink->driver->write(f.sink, &end, 1) == 1);
        fd = openat(f.temporary.fd, "web/info", O_RDONLY | O_CLOEXEC);
        assert(fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & 0777) == 0640);
        assert(read(fd, text, sizeof(text) - 1) > 0);
        base_close(fd);
        assert(strstr(text, "\"version\":1,\"id\":\"web\",\"name\":\"w\",\"image\":\"busybox\"") &&
               strstr(text, "\"epoch\":\"" EPOCH "\",\"createdUSec\":") &&
               strstr(text, "\"endedUSec\":{\"k8s-file\":"));
        fixture_done(&f);
        puts("ok: first");
}

/* Whole records only, none above the size but one that is larger alone, and not more files. */
static void test_sizes(void)
{
        static const char *const options[] = { "max-size", "64K", "max-file", "3",
                                               "compress", "no",  NULL };
        static char text[100001];
        struct stat st;
        Fixture f;

        fixture_init(&f);
        open_sink(&f, "k8s-file", options);
        memset(text, 'x', 40000);
        assert(write_line(&f, text) == 1 && write_line(&f, "a") == 1);
        assert(write_line(&f, text) == 1);
        assert(fstatat(f.temporary.fd, "web/k8s-file.log.1", &st, 0) == 0);
        assert(st.st_size == 40000 + 2 * (off_t) strlen(LINE("")) + 1);
        memset(text, 'y', sizeof(text) - 1);
        assert(write_line(&f, text) == 1);
        assert(fstatat(f.temporary.fd, "web/k8s-file.log", &st, 0) == 0 && st.st_size > 100000);
        assert(temporary_has(&f.temporary, "web/k8s-file.log.2"));
        assert(write_line(&f, "b") == 1);
        expect(&f, "web/k8s-file.log", LINE("b"));
        assert(!temporary_has(&f.temporary, "web/k8s-file.log.3"));

        open_sink(&f, "k8s-file", (const char *[]){ "max-size", "64K", "max-file", "1", NULL });
        assert(write_line(&f, text) == 1 && write_line(&f, "c") == 1);
        expect(&f, "web/k8s-file.log", LINE("c"));
        fixture_done(&f);
        puts("ok: sizes");
}

/* Time for the name of the file to be looked at again. */
static void look_again(Fixture *f)
{
        container_of(f->sink, FileSink, sink)->file.looked_usec = 0;
}

static void test_others(void)
{
        struct stat st;
        Fixture f;
        int fd;

        fixture_init(&f);
        open_sink(&f, "k8s-file", NULL);
        assert(write_line(&f, "one") == 1);

        /* Deleted: noticed at once. */
        assert(unlinkat(f.temporary.fd, "web/k8s-file.log", 0) == 0);
        assert(write_line(&f, "two") == 1);
        expect(&f, "web/k8s-file.log", LINE("two"));
        /* With its directory. */
        assert(unlinkat(f.temporary.fd, "web/k8s-file.log", 0) == 0);
        assert(unlinkat(f.temporary.fd, "web/info", 0) == 0);
        assert(unlinkat(f.temporary.fd, "web", AT_REMOVEDIR) == 0);
        assert(write_line(&f, "three") == 1);
        expect(&f, "web/k8s-file.log", LINE("three"));
        assert(temporary_has(&f.temporary, "web/info"));
        /* Renamed: noticed within a second. */
        assert(renameat(f.temporary.fd, "web/k8s-file.log", f.temporary.fd, "web/old") == 0);
        look_again(&f);
        assert(write_line(&f, "four") == 1);
        expect(&f, "web/old", LINE("three"));
        expect(&f, "web/k8s-file.log", LINE("four"));
        /* Truncated, and appended to. */
        fd = openat(f.temporary.fd, "web/k8s-file.log", O_WRONLY | O_APPEND | O_CLOEXEC);
        assert(fd >= 0 && ftruncate(fd, 0) == 0);
        assert(write_line(&f, "five") == 1);
        expect(&f, "web/k8s-file.log", LINE("five"));
        assert(write(fd, "x\n", 2) == 2);
        assert(write_line(&f, "six") == 1);
        expect(&f, "web/k8s-file.log", LINE("five") "x\n" LINE("six"));
        base_close(fd);

        /* Something else has the name: it is moved away, and not followed. */
        open_sink(&f, "k8s-file", NULL);
        assert(unlinkat(f.temporary.fd, "web/k8s-file.log", 0) == 0);
        temporary_write(&f.temporary, "precious", "untouched");
        assert(symlinkat("../precious", f.temporary.fd, "web/k8s-file.log") == 0);
        assert(write_line(&f, "seven") == 1);
        expect(&f, "precious", "untouched");
        expect(&f, "web/k8s-file.log", LINE("seven"));
        assert(fstatat(f.temporary.fd, "web/k8s-file.log.1", &st, AT_SYMLINK_NOFOLLOW) == 0);
        assert(S_ISLNK(st.st_mode));
        open_sink(&f, "k8s-file", NULL);
        assert(linkat(f.temporary.fd, "precious", f.temporary.fd, "twice", 0) == 0);
        assert(renameat(f.temporary.fd, "twice", f.temporary.fd, "web/k8s-file.log") == 0);
        assert(write_line(&f, "eight") == 1);
        expect(&f, "precious", "untouched");
        expect(&f, "web/k8s-file.log", LINE("eight"));
        fixture_done(&f);
        puts("ok: others");
}

/* A file of somebody who was killed by a power cut, without a mark: nothing is cut off. */
static void test_torn(void)
{
        Fixture f;

        fixture_init(&f);
        assert(mkdirat(f.temporary.fd, "web", 0750) == 0);
        temporary_write(&f.temporary, "web/k8s-file.log", LINE("old") "1970-01-01T00:0");
        open_sink(&f, "k8s-file", NULL);
        assert(write_line(&f, "new") == 1);
        expect(&f, "web/k8s-file.log.1", LINE("old") "1970-01-01T00:0");
        expect(&f, "web/k8s-file.log", LINE("new"));

        /* With a whole end it is appended to. */
        open_sink(&f, "k8s-file", NULL);
        assert(write_line(&f, "more") == 1);
        expect(&f, "web/k8s-file.log", LINE("new") LINE("more"));
        fixture_done(&f);
        puts("ok: torn");
}

/* The kernel takes a part, then nothing: what is half there is cut off. */
static void test_full(void)
{
        struct rlimit before, small;
        char text[1001] = "";
        struct stat st;
        Fixture f;
        Entry entries[3];

        memset(text, 'x', sizeof(text) - 1);
        fixture_init(&f);
        open_sink(&f, "k8s-file", NULL);
        assert(write_line(&f, "one") == 1);
        for (unsigned i = 0; i < 3; i++)
                entries[i] = (Entry){ .text = span_from_string(text), .ordinal = 2 + i };

        assert(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
        assert(getrlimit(RLIMIT_FSIZE, &before) == 0);
        small = (struct rlimit){ 1500, before.rlim_max };
        assert(setrlimit(RLIMIT_FSIZE, &small) == 0);
        log_set_max_level(LOG_EMERG);
        assert(f.sink->driver->write(f.sink, entries, 3) == 1);
        assert(f.sink->driver->is_busy(f.sink));
        assert(f.sink->driver->write(f.sink, entries + 1, 2) == 0);
        assert(fstatat(f.temporary.fd, "web/k8s-file.log", &st, 0) == 0);
        assert(st.st_size == 2 * (off_t) strlen(LINE("")) + 3 + 1000);
        wait_for_ready(&f);
        assert(!f.sink->driver->is_busy(f.sink));
        assert(f.sink->driver->write(f.sink, entries + 1, 2) == 0 &&
               f.sink->driver->is_busy(f.sink));
        wait_for_ready(&f);
        assert(setrlimit(RLIMIT_FSIZE, &before) == 0);
        assert(f.sink->driver->write(f.sink, entries + 1, 2) == 2);
        assert(!f.sink->driver->is_busy(f.sink) && f.host.files->n_troubled == 0);
        assert(fstatat(f.temporary.fd, "web/k8s-file.log", &st, 0) == 0);
        assert(st.st_size == 4 * (off_t) strlen(LINE("")) + 3 + 3000);
        log_set_max_level(LOG_INFO);
        fixture_done(&f);
        puts("ok: full");
}

/* Waits while the directory is not there; one that is freed meanwhile is not called. */
static void test_away(void)
{
        char path[128];
        Fixture f;

        fixture_init(&f);
        (void) snprintf(path, sizeof(path), "%s/logs", f.temporary.path);
        f.host.files->path = path;
        open_sink(&f, "local", NULL);
        log_set_max_level(LOG_EMERG);
        assert(write_line(&f, "one") == 0 && f.sink->driver->is_busy(f.sink));
        assert(strcmp(f.sink->taker, path) == 0);
        f.sink = sink_free(f.sink);
        assert(f.host.files->n_waiting == 0 && f.host.files->n_troubled == 0);
        open_sink(&f, "local", NULL);
        assert(write_line(&f, "one") == 0);
        assert(mkdirat(f.temporary.fd, "logs", 0750) == 0);
        wait_for_ready(&f);
        assert(write_line(&f, "one") == 1);
        log_set_max_level(LOG_INFO);
        fixture_done(&f);
        puts("ok: away");
}

/* The first that may try again frees the second: a container with two drivers that is removed. */
static void free_both(Sink *sink, void *userdata)
{
        Sink **sinks = userdata;

        sinks[0] = sink_free(sinks[0]);
        sinks[1] = sink_free(sinks[1]);
}

static void test_freed(void)
{
        char reason[REASON_MAX_BYTES];
        Sink *sinks[2] = {};
        const char *key;
        Fixture f;

        fixture_init(&f);
        f.host.files->path = "/nowhere/logs";
        log_set_max_level(LOG_EMERG);
        for (size_t i = 0; i < 2; i++) {
                assert(open_as(&f, i ? "local" : "json-file", &facts, NULL, &sinks[i], &key,
                               reason) == 0);
                sinks[i]->on_ready = free_both;
                sinks[i]->userdata = sinks;
                f.sink = sinks[i];
                assert(write_line(&f, "x") == 0);
        }
        assert(sd_event_source_set_time_relative(f.host.files->retry, 0) >= 0);
        while (sinks[0])
                assert(sd_event_run(f.host.event, 5000000) >= 0);
        assert(f.host.files->n_waiting == 0);

        /* Who waits after that is told. */
        f.sink = NULL;
        open_sink(&f, "local", NULL);
        assert(write_line(&f, "x") == 0);
        wait_for_ready(&f);
        log_set_max_level(LOG_INFO);
        fixture_done(&f);
        puts("ok: freed");
}

/* More containers than files may be open. */
static void test_many(void)
{
        enum { N = LOG_FILES_OPEN_MAX + 20 };
        char ids[N][16], reason[REASON_MAX_BYTES], name[64];
        unsigned fds;
        const char *key;
        Sink *sinks[N];
        Fixture f;

        fixture_init(&f);
        fds = temporary_count_fds();
        for (unsigned i = 0; i < N; i++) {
                Facts who = { .id = ids[i], .epoch = EPOCH };

                (void) sprintf(ids[i], "c%u", i);
                assert(open_as(&f, "k8s-file", &who, NULL, &sinks[i], &key, reason) == 0);
        }
        for (unsigned k = 0; k < 3; k++)
                for (unsigned i = 0; i < N; i++) {
                        f.sink = sinks[i];
                        assert(write_line(&f, "x") == 1);
                        assert(f.host.files->n_open <= LOG_FILES_OPEN_MAX);
                }
        assert(temporary_count_fds() == fds + LOG_FILES_OPEN_MAX);
        for (unsigned i = 0; i < N; i++) {
                (void) sprintf(name, "c%u/k8s-file.log", i);
                expect(&f, name, LINE("x") LINE("x") LINE("x"));
                sink_free(sinks[i]);
        }
        assert(f.host.files->n_open == 0 && temporary_count_fds() == fds);
        f.sink = NULL;
        fixture_done(&f);
        puts("ok: many");
}

static void test_rotate(void)
{
        struct stat st;
        Fixture f;

        fixture_init(&f);
        open_sink(&f, "k8s-file", NULL);
        assert(write_line(&f, "one") == 1);
        assert(f.sink->driver->rotate(f.sink) == 0);
        assert(f.sink->driver->rotate(f.sink) == 0); /* an empty one stays */
        expect(&f, "web/k8s-file.log", "");
        expect(&f, "web/k8s-file.log.1", LINE("one"));
        assert(write_line(&f, "two") == 1);
        expect(&f, "web/k8s-file.log", LINE("two"));

        /* What may be owed is looked at first: "two" is there already. */
        assert(fstatat(f.temporary.fd, "web/k8s-file.log", &st, 0) == 0);
        open_sink(&f, "k8s-file", NULL);
        f.sink->driver->resume(f.sink, &(Mark){ .file = st.st_ino }, 2);
        f.ordinal = 2;
        assert(f.sink->driver->rotate(f.sink) == 0);
        expect(&f, "web/k8s-file.log", LINE("two"));
        assert(write_line(&f, "two") == 1);
        expect(&f, "web/k8s-file.log", LINE("two"));
        assert(write_line(&f, "three") == 1);
        expect(&f, "web/k8s-file.log", LINE("three"));
        expect(&f, "web/k8s-file.log.1", LINE("two"));
        fixture_done(&f);
        puts("ok: rotate");
}

/* The kubelet's place: it renames the file and says so. */
static void test_path(void)
{
        char path[128], reason[REASON_MAX_BYTES];
        Facts other = { .id = "other", .epoch = EPOCH };
        const char *options[] = { "path", path, NULL }, *key;
        Sink *second = NULL;
        Fixture f;

        fixture_init(&f);
        (void) snprintf(path, sizeof(path), "%s/pods/0.log", f.temporary.path);
        open_sink(&f, "k8s-file", options);
        log_set_max_level(LOG_EMERG);
        assert(write_line(&f, "one") == 0); /* its directory is not ours to make */
        assert(mkdirat(f.temporary.fd, "pods", 0755) == 0);
        wait_for_ready(&f);
        assert(write_line(&f, "one") == 1);
        log_set_max_level(LOG_INFO);
        assert(renameat(f.temporary.fd, "pods/0.log", f.temporary.fd, "pods/0.log.20261122") == 0);
        assert(f.sink->driver->rotate(f.sink) == 0);
        expect(&f, "pods/0.log", "");
        assert(write_line(&f, "two") == 1);
        expect(&f, "pods/0.log", LINE("two"));
        expect(&f, "pods/0.log.20261122", LINE("one"));
        assert(f.sink->driver->rotate(f.sink) == 0);
        expect(&f, "pods/0.log", LINE("two"));
        assert(temporary_has(&f.temporary, "web/info"));

        /* A file is one container's; that one may open it again. */
        assert(open_as(&f, "k8s-file", &other, options, &second, &key, reason) == -EINVAL);
        assert(strcmp(key, "path") == 0 && strstr(reason, "another container"));
        assert(open_as(&f, "k8s-file", &facts, options, &second, &key, reason) == 0);
        sink_free(second);
        f.sink = sink_free(f.sink);
        assert(open_as(&f, "k8s-file", &other, options, &f.sink, &key, reason) == 0);
        fixture_done(&f);
        puts("ok: path");
}

/* Two of the marks that lead nowhere: nothing is taken for written that is not. */
static void test_marks(void)
{
        struct stat st;
        Fixture f;

        fixture_init(&f);
        open_sink(&f, "k8s-file", NULL);
        assert(write_line(&f, "one") == 1 && write_line(&f, "two") == 1);
        assert(fstatat(f.temporary.fd, "web/k8s-file.log", &st, 0) == 0);

        /* Behind the end: somebody has truncated the file. */
        open_sink(&f, "k8s-file", NULL);
        f.sink->driver->resume(f.sink, &(Mark){ st.st_ino, 100000 }, 2);
        f.ordinal = 2;
        assert(write_line(&f, "two") == 1);
        expect(&f, "web/k8s-file.log", LINE("one") LINE("two") LINE("two"));

        /* Other ordinals than those that were owed. */
        open_sink(&f, "k8s-file", NULL);
        f.sink->driver->resume(f.sink, &(Mark){ st.st_ino, 0 }, 1);
        f.ordinal = 2;
        assert(write_line(&f, "one") == 1);
        expect(&f, "web/k8s-file.log", LINE("one") LINE("two") LINE("two") LINE("one"));

        /* Other lines than those that are there. */
        open_sink(&f, "k8s-file", NULL);
        f.sink->driver->resume(f.sink, &(Mark){ st.st_ino, 0 }, 1);
        f.ordinal = 1;
        assert(write_line(&f, "one") == 1 && write_line(&f, "one") == 1);
        expect(&f, "web/k8s-file.log", LINE("one") LINE("two") LINE("two") LINE("one") LINE("one"));
        fixture_done(&f);
        puts("ok: marks");
}

int main(void)
{
        test_combinations();
        test_attributes();
        test_first();
        test_sizes();
        test_others();
        test_torn();
        test_full();
        test_away();
        test_freed();
        test_many();
        test_rotate();
        test_path();
        test_marks();
        return 0;
}
