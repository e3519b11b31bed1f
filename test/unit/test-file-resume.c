/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The drivers that write files, killed at every call about files, and with each of these calls
 * failing: what is in the files then is every entry once, in order, none torn, and no file above
 * its size. A process after a kill goes on with the mark and the ordinals that the one before kept.
 */

#include "../file-faults.h"

#include <dirent.h>
#include <string.h>
#include <sys/mman.h>
#include <zlib.h>

#include "../child.h"
#include "../slow.h"
#include "../temporary.h"
#include "base/log.h"
#include "driver/file-sink.h"
#include "record/cri-line.h"
#include "record/json-line.h"
#include "record/local-frame.h"

#define ENTRIES 110U
#define TEXT_BYTES 5000U
#define MAX_SIZE (64U * 1024)
#define MAX_FILE 9U
#define BATCH 5U
/* Ordinals of a loss. */
#define LOSS_LINES 3U

/* What the state page would keep. */
typedef struct Page {
        bool is_begun;
        Mark mark;
        unsigned n_taken;
        unsigned n_owed;
} Page;

/* What is to be in the files. */
typedef struct Expected {
        EntryStream stream;
        bool goes_on;
        size_t size;
        char text[TEXT_BYTES];
} Expected;

typedef struct Test {
        Temporary temporary;
        const Driver *driver;
        const StoredFormat *format;
        char name[32];
        Page *page; /* shared with children */
        Entry entries[ENTRIES];
        uint64_t ordinal_after;
        char texts[ENTRIES][TEXT_BYTES];
        Expected *expected;
        size_t n_expected;
        size_t n_found;
        unsigned n_ready;
} Test;

static void expect_record(Test *t, const Entry *e, const char *text, size_t size, bool goes_on)
{
        Expected *x = &t->expected[t->n_expected++];

        *x = (Expected){ .stream = e->stream, .goes_on = goes_on, .size = size };
        memcpy(x->text, text, size);
}

/* A line, a part, a line of many (each of them a record for k8s-file), bytes that are no UTF-8, or
 * a loss. */
static void make_entry(Test *t, unsigned i, uint64_t *ordinal)
{
        bool is_k8s = strcmp(t->driver->name, "k8s-file") == 0;
        Entry *e = &t->entries[i];
        char *text = t->texts[i], loss[LOSS_TEXT_MAX_BYTES];
        size_t size = 100 + i * 997 % 4000;

        *e = (Entry){ .stream = i % 3 == 1, .ordinal = *ordinal, .realtime_nsec = 1 + i };
        *ordinal += 1;
        if (i % 7 == 6) {
                e->kind = ENTRY_DROPPED;
                e->stream = ENTRY_STDERR;
                e->loss = (Loss){ LOSS_LINES, 100 + i, LOSS_FULL, 0 };
                *ordinal += LOSS_LINES - 1;
                expect_record(t, e, loss, loss_put_text(&e->loss, loss), false);
                return;
        }
        for (size_t k = 0; k < size; k++)
                text[k] = (char) ('a' + (i + k) % 26);
        (void) sprintf(text, "%u", i);
        text[strlen(text)] = i % 5 == 2 ? '\xff' : '"';
        e->text = (Span){ text, size };
        if (i % 7 == 3) {
                e->partial_first = e->ordinal;
                e->partial_ordinal = 1;
        }
        if (i % 4 != 1) {
                expect_record(t, e, text, size, i % 7 == 3);
                return;
        }
        text[50] = text[60] = '\n';
        e->is_joined = true;
        if (!is_k8s) {
                expect_record(t, e, text, size, i % 7 == 3);
                return;
        }
        expect_record(t, e, text, 50, false);
        expect_record(t, e, text + 51, 9, false);
        expect_record(t, e, text + 61, size - 61, i % 7 == 3);
}

static Test *test_new(const char *driver, const StoredFormat *format)
{
        Test *t = calloc(1, sizeof(*t));
        uint64_t ordinal = 1;

        assert(t);
        t->driver = driver_find(driver);
        t->format = format;
        (void) snprintf(t->name, sizeof(t->name), "%s.log", driver);
        t->expected = calloc(3 * ENTRIES, sizeof(Expected));
        t->page =
                mmap(NULL, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        assert(t->expected && t->page != MAP_FAILED);
        for (unsigned i = 0; i < ENTRIES; i++)
                make_entry(t, i, &ordinal);
        t->ordinal_after = ordinal;
        return t;
}

static void test_free(Test *t)
{
        (void) munmap(t->page, sizeof(Page));
        free(t->expected);
        free(t);
}

static void test_on_ready(Sink *sink, void *userdata)
{
        ((Test *) userdata)->n_ready++;
}

/* The loop goes on until nothing is left to do at once. What is tried again is tried now. */
static void run_loop(sd_event *event, FileSinks *files)
{
        if (files->n_waiting > 0)
                assert(sd_event_source_set_time_relative(files->retry, 0) >= 0);
        while (sd_event_run(event, files->n_waiting > 0 ? 1000000 : 0) > 0)
                ;
}

/* One process of the daemon: it ends when all entries are taken. */
static void live(Test *t)
{
        Pair pairs[] = { { "max-size", "64K" }, { "max-file", "9" }, { "compress", "yes" } };
        DriverHost host = {};
        char reason[REASON_MAX_BYTES];
        Page *page = t->page;
        unsigned tries = 0;
        const char *key;
        Sink *sink;

        assert(sd_event_new(&host.event) >= 0);
        assert(file_sinks_new(&host.files, host.event, t->temporary.path) == 0);
        assert(t->driver->open(t->driver, &host,
                               &(Facts){ .id = "web", .epoch = "00112233445566778899aabbccddeeff" },
                               &(Options){ pairs, 3 }, &sink, &key, reason) == 0);
        assert(sd_event_source_set_time_accuracy(host.files->retry, 1) >= 0);
        sink->on_ready = test_on_ready;
        sink->userdata = t;
        if (page->is_begun)
                t->driver->resume(sink, &page->mark,
                                  page->n_taken < ENTRIES ? t->entries[page->n_taken].ordinal
                                                          : t->ordinal_after);
        page->is_begun = true;

        while (page->n_taken < ENTRIES) {
                unsigned n = MIN(BATCH, ENTRIES - page->n_taken);
                size_t taken;
                Mark mark;

                assert(++tries < 10 * ENTRIES);
                if (t->driver->is_busy(sink)) {
                        run_loop(host.event, host.files);
                        continue;
                }
                t->driver->get_mark(sink, &mark);
                page->mark = mark;
                taken = t->driver->write(sink, &t->entries[page->n_taken], n);
                assert(taken <= n && (taken > 0 || t->driver->is_busy(sink)));
                t->driver->get_mark(sink, &mark);
                page->mark = mark;
                page->n_taken += (unsigned) taken;
                /* A killed process leaves .1, which the next one compresses. */
                run_loop(host.event, host.files);
        }
        run_loop(host.event, host.files);
        sink_free(sink);
        file_sinks_free(host.files);
        sd_event_unref(host.event);
}

/* All bytes of a file, which may be compressed; 0 when it is not there. */
static size_t read_all(Test *t, const char *name, unsigned index, const char *suffix, char *ret,
                       size_t max)
{
        char path[256];
        gzFile file;
        int n;

        (void) snprintf(path, sizeof(path), "%s/web/%s", t->temporary.path, name);
        if (index > 0)
                (void) snprintf(path + strlen(path), 32, ".%u%s", index, suffix);
        file = gzopen(path, "r");
        if (!file)
                return 0;
        n = gzread(file, ret, (unsigned) max);
        assert(n >= 0 && (size_t) n < max);
        assert(gzclose(file) == Z_OK);
        return (size_t) n;
}

/* The records of one file are the next ones that are expected, and it holds nothing else. */
static void check_file(Test *t, Span content)
{
        char buffer[STORED_BUFFER_BYTES(8 * TEXT_BYTES)];
        Stored stored;
        Span record;

        assert(content.size <= MAX_SIZE);
        while (content.size > 0) {
                const Expected *x = &t->expected[t->n_found];

                assert(t->format->next(content, true, &record) > 0);
                assert(record.data == content.data && record.size < 8 * TEXT_BYTES);
                assert(t->format->decode(record, buffer, &stored) == 0);
                assert(t->n_found < t->n_expected && stored.stream == x->stream);
                assert(stored.goes_on == x->goes_on);
                assert(span_equal(stored.text, (Span){ x->text, x->size }));
                t->n_found++;
                content = span_skip(content, record.size);
        }
}

/* The files, the oldest first. */
static unsigned check_files(Test *t)
{
        static char content[2 * MAX_SIZE];
        unsigned n_compressed = 0;
        size_t size;

        t->n_found = 0;
        for (unsigned i = MAX_FILE; i >= 1; i--) {
                size = read_all(t, t->name, i, ".gz", content, sizeof(content));
                n_compressed += size > 0;
                if (size == 0)
                        size = read_all(t, t->name, i, "", content, sizeof(content));
                assert(i < MAX_FILE || size == 0);
                check_file(t, (Span){ content, size });
        }
        size = read_all(t, t->name, 0, "", content, sizeof(content));
        check_file(t, (Span){ content, size });
        assert(t->n_found == t->n_expected);
        return n_compressed;
}

static void begin(Test *t)
{
        temporary_init(&t->temporary);
        *t->page = (Page){};
}

/* A process that is killed at a call; true when it was. */
static bool live_and_die(Test *t, unsigned at)
{
        pid_t pid = child_fork();
        int status;

        if (pid == 0) {
                fault_set(at, 0, 0);
                live(t);
                _exit(0);
        }
        assert(waitpid(pid, &status, 0) == pid);
        assert(child_was_killed(status) || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
        return child_was_killed(status);
}

/* Killed at each call, and what goes on is killed as well, at one of its first. */
static void test_kills(Test *t)
{
        unsigned step = test_is_slow() ? 17 : 1, n = 0;

        for (unsigned at = 1;; at += step) {
                bool was_killed;

                begin(t);
                was_killed = live_and_die(t, at);
                n += was_killed;
                if (was_killed && at % 2 == 0)
                        n += live_and_die(t, 1 + at % 23);
                fault_set(0, 0, 0);
                live(t);
                assert(check_files(t) >= 2);
                temporary_done(&t->temporary);
                if (!was_killed)
                        break;
        }
        assert(n >= 60 / step);
        printf("ok: %s, %u kills\n", t->driver->name, n);
}

/* Each call fails, once or for a while: nothing is lost, and nothing half done stays. */
static void test_errors(Test *t)
{
        static const int errors[] = { ENOSPC, EIO, EROFS, EDQUOT, EMFILE };
        unsigned step = test_is_slow() ? 17 : 1, n = 0;

        log_set_max_level(LOG_EMERG);
        for (unsigned at = 1, was_met = 1; was_met; at += step) {
                int error = errors[at % ARRAY_SIZE(errors)];

                begin(t);
                fault_set(at, error, at % 3 == 0 ? 12 : 0);
                live(t);
                was_met = fault.was_met;
                n += was_met;
                fault_set(0, 0, 0);
                (void) check_files(t);
                temporary_done(&t->temporary);
        }
        assert(n >= 60 / step);
        log_set_max_level(LOG_INFO);
        printf("ok: %s, %u errors\n", t->driver->name, n);
}

int main(void)
{
        static const struct {
                const char *driver;
                const StoredFormat *format;
        } formats[] = {
                { "json-file", &json_line_format },
                { "k8s-file", &cri_line_format },
                { "local", &local_frame_format },
        };

        for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
                Test *t = test_new(formats[i].driver, formats[i].format);

                test_kills(t);
                test_errors(t);
                test_free(t);
        }
        return 0;
}
