/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Log files, read back and followed while they are rotated, compressed and deleted. */

#undef NDEBUG

#include <zlib.h>

#include "../child.h"
#include "../slow.h"
#include "../temporary.h"
#include "io/rotation.h"
#include "record/cri-line.h"
#include "record/json-line.h"
#include "record/local-frame.h"
#include "tool/file-source.h"

#define EPOCH "0123456789abcdef0123456789abcdef"
#define ROOM 8192
#define NSEC (UINT64_C(1795309323) * 1000000000)

/* The log of container "web": records numbered from 1 on, as their writer knows it. */
typedef struct Log {
        Temporary root;
        int fd;  /* of the container's directory */
        int log; /* of the file that is written, -1: none yet */
        const char *driver;
        char name[32];
        uint64_t n; /* the last number written */
        Timestamp timestamp;
} Log;

static void log_init(Log *l, const char *driver)
{
        *l = (Log){ .driver = driver, .log = -1 };
        temporary_init(&l->root);
        assert(mkdirat(l->root.fd, "web", 0755) == 0);
        l->fd = openat(l->root.fd, "web", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert(l->fd >= 0);
        (void) snprintf(l->name, sizeof(l->name), "%s.log", driver);
}

static void log_done(Log *l)
{
        (void) close(l->fd);
        (void) base_close(l->log);
        temporary_done(&l->root);
}

static size_t log_encode(Log *l, char *p, const Entry *e)
{
        if (strcmp(l->driver, "json-file") == 0)
                return json_line_encode(p, e, SPAN_LITERAL("{\"team\":\"b\",\"tag\":\"x\"}"),
                                        &l->timestamp);
        if (strcmp(l->driver, "local") == 0)
                return local_frame_encode(p, e, EPOCH, (Span){});
        return cri_line_encode(p, e, &l->timestamp);
}

static void log_append(Log *l, const char *bytes, size_t size)
{
        if (l->log < 0)
                l->log = openat(l->fd, l->name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
        assert(l->log >= 0);
        assert(write(l->log, bytes, size) == (ssize_t) size);
}

static void log_put_text(Log *l, Entry e, Span text)
{
        char room[ROOM];

        e.text = text;
        e.realtime_nsec = NSEC + l->n;
        log_append(l, room, log_encode(l, room, &e));
}

static void log_put(Log *l, uint64_t count)
{
        for (; count > 0; count--) {
                char text[128];
                int size;

                l->n++;
                size = snprintf(text, sizeof(text), "%llu %.*s", (unsigned long long) l->n,
                                (int) (l->n % 60),
                                "<\t\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                                "xxxxxxxxxxxxxxxxxx");
                log_put_text(l, (Entry){ .stream = l->n % 3 == 0 ? ENTRY_STDERR : ENTRY_STDOUT },
                             (Span){ text, (size_t) size });
        }
}

static void log_rotate(Log *l, unsigned max_file)
{
        l->log = base_close(l->log);
        assert(rotation_shift(l->fd, l->name, max_file) == 0);
        log_put(l, 0);
}

/* As the daemon does it: the packed file gets its name when it is whole. */
static void log_pack(Log *l, unsigned index)
{
        char plain[ROTATION_NAME_BYTES], packed[ROTATION_NAME_BYTES], block[4096];
        ssize_t n;
        gzFile gz;
        int from, to;

        rotation_get_name(l->name, index, "", plain);
        from = openat(l->fd, plain, O_RDONLY | O_CLOEXEC);
        if (from < 0)
                return;
        to = openat(l->fd, "tmp", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
        assert(to >= 0);
        gz = gzdopen(to, "wb1");
        assert(gz);
        while ((n = read(from, block, sizeof(block))) > 0)
                assert(gzwrite(gz, block, (unsigned) n) == n);
        assert(gzclose(gz) == Z_OK);
        rotation_get_name(l->name, index, ".gz", packed);
        assert(renameat(l->fd, "tmp", l->fd, packed) == 0);
        assert(unlinkat(l->fd, plain, 0) == 0);
        (void) close(from);
}

static LogSource *log_open(Log *l)
{
        LogWish wish = { .until_nsec = UINT64_MAX };
        LogSource *source = NULL;

        assert(file_source_new(&source, l->root.path, "web", l->driver, &wish) == 1);
        return source;
}

static uint64_t number_from(const LogRecord *record)
{
        char digits[24] = "";

        memcpy(digits, record->text.data, MIN(record->text.size, sizeof(digits) - 1));
        return strtoull(digits, NULL, 10);
}

/* Reads up to the end: numbers from first on, without a gap. Returns the last one. */
static uint64_t read_on(LogSource *source, uint64_t first)
{
        LogRecord record;
        int r;

        while ((r = source->kind->next(source, &record)) > 0) {
                if (number_from(&record) != first) {
                        printf("expected %llu, got %.*s\n", (unsigned long long) first,
                               (int) record.text.size, record.text.data);
                        exit(EXIT_FAILURE);
                }
                assert(record.nsec == NSEC + first);
                assert(record.stream == (first % 3 == 0 ? ENTRY_STDERR : ENTRY_STDOUT));
                first++;
        }
        assert(r == 0);
        return first - 1;
}

/* From any record on, over plain and packed files. */
static void test_rewind(const char *driver)
{
        LogSource *source;
        Log l;

        log_init(&l, driver);
        log_put(&l, 40);
        log_rotate(&l, 9);
        log_put(&l, 3);
        log_rotate(&l, 9);
        log_pack(&l, 2);
        log_put(&l, 500);
        log_rotate(&l, 9);
        log_pack(&l, 1);
        log_rotate(&l, 9);
        log_put(&l, 200);

        source = log_open(&l);
        assert(source->kind->seek(source, 0) == 0);
        assert(read_on(source, 1) == l.n);
        for (uint64_t n = 1; n < l.n + 10; n += n < 210 || n > 690 ? 1 : 17) {
                assert(source->kind->rewind(source, n) == (n > l.n));
                assert(read_on(source, n > l.n ? 1 : l.n + 1 - n) == l.n);
        }
        assert(!source->kind->is_ended(source));
        log_source_free(source);
        log_done(&l);
        printf("ok: %s: from any record on\n", driver);
}

/* What a killed writer has left is cut off by the next one, at any byte. */
static void test_torn(const char *driver)
{
        char room[ROOM];
        LogSource *source;
        size_t size;
        Log l;

        log_init(&l, driver);
        log_put(&l, 3);
        size = log_encode(&l, room,
                          &(Entry){ .text = SPAN_LITERAL("torn"), .realtime_nsec = NSEC });
        source = log_open(&l);
        assert(source->kind->seek(source, 0) == 0);
        assert(read_on(source, 1) == 3);
        for (size_t torn = 1; torn < size; torn++) {
                uint64_t last = l.n;
                struct stat st;

                assert(fstat(l.log, &st) == 0);
                log_append(&l, room, torn);
                assert(read_on(source, last + 1) == last);
                assert(source->kind->rewind(source, 2) == 0);
                assert(read_on(source, last - 1) == last);
                assert(ftruncate(l.log, st.st_size) == 0);
                log_put(&l, 1);
                assert(read_on(source, last + 1) == last + 1);
        }
        /* One that stays torn, as its file was rotated away. */
        log_append(&l, room, size / 2);
        log_rotate(&l, 5);
        log_put(&l, 2);
        assert(read_on(source, l.n - 1) == l.n);
        log_source_free(source);
        log_done(&l);
        printf("ok: %s: torn records\n", driver);
}

/* Many rotations between two looks, whatever becomes of the file that is read. */
static void test_follow(const char *driver)
{
        LogSource *source;
        struct pollfd fd;
        uint64_t usec, seen;
        Log l;

        log_init(&l, driver);
        log_put(&l, 5);
        source = log_open(&l);
        assert(source->kind->watch(source, &fd, &usec) == 0);
        assert(source->kind->seek(source, 0) == 0);
        seen = read_on(source, 1);
        for (unsigned n = 0; n <= 8; n++)
                for (unsigned packed = 0; packed < 2; packed++) {
                        log_put(&l, 3);
                        for (unsigned i = 0; i < n; i++) {
                                log_rotate(&l, 10);
                                if (i % 3 != 2)
                                        log_put(&l, 4);
                        }
                        for (unsigned i = 10 * packed; i > 0; i--)
                                log_pack(&l, i);
                        assert(poll(&fd, 1, 1000) == 1);
                        assert(source->kind->refresh(source) == 0);
                        assert(poll(&fd, 1, 0) == 0);
                        seen = read_on(source, seen + 1);
                        assert(seen == l.n);
                        assert(read_on(source, seen + 1) == seen);
                }
        log_source_free(source);
        log_done(&l);
        printf("ok: %s: up to eight rotations at once\n", driver);
}

/* max-file=1, and somebody who deletes: what was open is read to its end, nothing comes twice. */
static void test_deleted(const char *driver)
{
        LogSource *source;
        uint64_t seen;
        Log l;

        log_init(&l, driver);
        log_put(&l, 5);
        source = log_open(&l);
        assert(source->kind->seek(source, 0) == 0);
        seen = read_on(source, 1);
        for (int i = 0; i < 5; i++) {
                log_put(&l, 5);
                log_rotate(&l, 1);
                assert(read_on(source, seen + 1) == l.n);
                log_put(&l, 5);
                seen = read_on(source, l.n - 4);
        }

        log_rotate(&l, 5);
        log_put(&l, 5);
        seen = read_on(source, seen + 1);
        assert(unlinkat(l.fd, l.name, 0) == 0);
        log_put(&l, 1);
        l.log = base_close(l.log);
        log_put(&l, 3);
        assert(read_on(source, seen + 1) == l.n);
        log_source_free(source);
        log_done(&l);
        printf("ok: %s: deleted files\n", driver);
}

/* Takes the CPU from us again and again, in the midst of whatever we do. Ends at SIGTERM, but not
 * while we are stopped. */
static pid_t stall(void)
{
        pid_t parent = getpid(), pid = child_fork();
        sigset_t term;

        if (pid > 0)
                return pid;
        assert(sigemptyset(&term) == 0 && sigaddset(&term, SIGTERM) == 0);
        assert(sigprocmask(SIG_BLOCK, &term, NULL) == 0);
        for (unsigned i = 0;; i++) {
                struct timespec run = { .tv_nsec = 200000 + i * 797 % 3000 * 1000 };

                if (sigtimedwait(&term, NULL, &run) == SIGTERM)
                        _exit(0);
                (void) kill(parent, SIGSTOP);
                (void) usleep(1000 + i * 7919 % 15000);
                (void) kill(parent, SIGCONT);
        }
}

/* Another process writes, rotates and packs as fast as it can, while the reader is away. */
static void test_race(const char *driver)
{
        uint64_t seen = 0, usec, total = test_is_slow() ? 1000 : 10000;
        LogSource *source;
        struct pollfd fd;
        pid_t pid, stalls;
        int status;
        Log l;

        log_init(&l, driver);
        log_put(&l, 1);
        source = log_open(&l);
        assert(source->kind->watch(source, &fd, &usec) == 0);
        assert(source->kind->seek(source, 0) == 0);
        stalls = stall();
        pid = child_fork();
        if (pid == 0) {
                log_source_free(source);
                while (l.n < total) {
                        log_put(&l, 1 + l.n * 7 % 40);
                        /* Files are kept for long: what is lost is not the reader's loss. */
                        if (l.n % 3 == 0)
                                log_rotate(&l, LOG_FILES_MAX);
                        if (l.n % 5 == 0)
                                for (unsigned i = 3; i > 0; i--)
                                        log_pack(&l, i);
                }
                log_put(&l, 1);
                (void) close(l.fd);
                (void) close(l.log);
                (void) close(l.root.fd);
                _exit(0);
        }
        while (waitpid(pid, &status, WNOHANG) == 0) {
                seen = read_on(source, seen + 1);
                (void) poll(&fd, 1, 10);
                assert(source->kind->refresh(source) == 0);
        }
        assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        assert(kill(stalls, SIGTERM) == 0 && waitpid(stalls, NULL, 0) == stalls);
        seen = read_on(source, seen + 1);
        assert(seen > total);
        assert(source->kind->seek(source, 0) == 0);
        log_source_free(source);
        log_done(&l);
        printf("ok: %s: %llu records over rotations\n", driver, (unsigned long long) seen);
}

/* Parts, attributes, and lines that are no records. */
static void test_records(const char *driver)
{
        LogWish wish = { .with_attributes = true, .until_nsec = UINT64_MAX };
        Entry first = { .partial_first = 7, .partial_ordinal = 1 },
              last = { .partial_first = 7, .partial_ordinal = 2, .partial_is_last = true };
        bool is_json = strcmp(driver, "json-file") == 0, is_local = strcmp(driver, "local") == 0;
        LogSource *source = NULL;
        LogRecord record;
        uint64_t line;
        Log l;

        log_init(&l, driver);
        log_put_text(&l, first, SPAN_LITERAL("a\xff"));
        log_put_text(&l, last, SPAN_LITERAL("b"));
        if (!is_local)
                log_append(&l, "no record\n{}\n\n", 14);
        log_put_text(&l, (Entry){ .stream = ENTRY_STDERR }, SPAN_LITERAL(""));

        assert(file_source_new(&source, l.root.path, "web", driver, &wish) == 1);
        assert(source->kind->seek(source, 0) == 0);
        assert(source->kind->next(source, &record) == 1);
        assert(span_equal_string(record.text, "a\xff") && record.goes_on);
        assert(record.part == (is_local ? 1 : 0) && (record.line != 0) == is_local);
        assert(record.n_attributes == (is_json ? 2 : 0));
        if (is_json) {
                assert(span_equal_string(record.attributes[0].key, "team"));
                assert(span_equal_string(record.attributes[0].value, "b"));
                assert(span_equal_string(record.attributes[1].key, "tag"));
                assert(span_equal_string(record.attributes[1].value, "x"));
        }
        line = record.line;
        assert(source->kind->next(source, &record) == 1);
        assert(span_equal_string(record.text, "b") && !record.goes_on);
        assert(record.part == (is_local ? 2 : 0) && record.line == line);
        assert(source->kind->next(source, &record) == 1);
        assert(record.text.size == 0 && !record.goes_on && record.stream == ENTRY_STDERR);
        assert(source->kind->next(source, &record) == 0);
        log_source_free(source);
        log_done(&l);
        printf("ok: %s: what is in a record\n", driver);
}

static void write_info(Log *l, const char *text)
{
        int fd = openat(l->fd, "new", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);

        assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t) strlen(text));
        (void) close(fd);
        assert(renameat(l->fd, "new", l->fd, "info") == 0);
}

static void test_end(void)
{
        LogSource *source;
        Log l;

        log_init(&l, "local");
        log_put(&l, 1);
        source = log_open(&l);
        assert(!source->kind->is_ended(source));
        write_info(&l, "{\"version\":1,\"id\":\"web\",\"createdUSec\":1}");
        assert(!source->kind->is_ended(source));
        /* Another driver's end is none. */
        write_info(&l, "{\"id\":\"web\",\"createdUSec\":1,\"endedUSec\":{\"json-file\":2}}");
        assert(!source->kind->is_ended(source));
        write_info(&l, "{\"id\":\"web\",\"createdUSec\":1,\"endedUSec\":{\"local\":2}}");
        assert(source->kind->is_ended(source));
        write_info(&l, "{\"version\":1,\"id\":\"web\",\"createdUSec\":3}");
        assert(!source->kind->is_ended(source));
        write_info(&l, "garbage");
        assert(!source->kind->is_ended(source));
        assert(unlinkat(l.fd, "info", 0) == 0);
        assert(!source->kind->is_ended(source));
        assert(unlinkat(l.fd, l.name, 0) == 0 && unlinkat(l.root.fd, "web", AT_REMOVEDIR) == 0);
        assert(source->kind->is_ended(source));
        log_source_free(source);
        log_done(&l);
        puts("ok: when it has ended");
}

static char found[256];

static int on_container(const char *id, uint64_t last_usec, void *userdata)
{
        assert(userdata == found && last_usec > 0);
        (void) strcat(strcat(found, id), " ");
        return 0;
}

static void check_found(Log *l, LogNaming by, const char *word, const char *expected)
{
        *found = '\0';
        assert(file_source_find(l->root.path, by, word, on_container, found) == 0);
        assert(strcmp(found, expected) == 0);
}

static void test_find(void)
{
        LogWish wish = { .until_nsec = UINT64_MAX };
        LogSource *source = NULL;
        char info[256];
        Log l;

        log_init(&l, "k8s-file");
        check_found(&l, LOG_NAMING_ID, "web", "");
        (void) snprintf(info, sizeof(info), "{\"id\":\"web\",\"name\":\"n\",\"path\":\"%s/0.log\"}",
                        l.root.path);
        write_info(&l, info);
        check_found(&l, LOG_NAMING_ID, "web", "web ");
        check_found(&l, LOG_NAMING_ID, "we", "");
        check_found(&l, LOG_NAMING_ID, "../web", "");
        check_found(&l, LOG_NAMING_NAME, "n", "web ");
        check_found(&l, LOG_NAMING_NAME, "web", "");
        check_found(&l, LOG_NAMING_PREFIX, "we", "web ");
        check_found(&l, LOG_NAMING_PREFIX, "x", "");

        assert(file_source_new(&source, l.root.path, "web", "k8s-file", &wish) == 0);
        assert(file_source_new(&source, l.root.path, "nobody", "k8s-file", &wish) == 0);
        temporary_write(&l.root, "0.log", "2026-11-22T01:50:21.123456789Z stdout F 1 x\n");
        assert(file_source_new(&source, l.root.path, "web", "local", &wish) == 0);
        assert(file_source_new(&source, l.root.path, "web", "k8s-file", &wish) == 1);
        log_source_free(source);
        log_done(&l);
        puts("ok: whose the files are");
}

int main(void)
{
        for (size_t i = 0; file_source_drivers[i]; i++) {
                const char *driver = file_source_drivers[i];

                test_records(driver);
                test_rewind(driver);
                test_torn(driver);
                test_follow(driver);
                test_deleted(driver);
                test_race(driver);
        }
        test_end();
        test_find();
        return EXIT_SUCCESS;
}
