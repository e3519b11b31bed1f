/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The daemon's core killed at any instant, again and again, while two streams of one container are
 * written: no line is lost, and one that is shipped twice has the same ordinal and the same bytes.
 * The same for lines that are joined: what was cut is cut in the same way again. For containers
 * that do not wait: what they lost is told, and nothing else is lost. And for one with two drivers:
 * each has all, numbered by itself.
 */

#include "../child.h"
#include "../daemon-fixture.h"
#include "../slow.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/log.h"

/* A container, and how often its daemon is killed. */
typedef struct Plan {
        const char *options;
        unsigned n_kills;
        bool drops;
        unsigned n_drivers;
        bool drops_newest;
} Plan;

#define LOGS 2U

/* A kill from outside seldom meets the few instants that matter: there the process does it itself,
 * once in so many times; 0: never. */
static int suicide_odds;

static bool is_time_to_die(void)
{
        return suicide_odds > 0 && rand() % suicide_odds == 0;
}

static _Noreturn void die(void)
{
        (void) kill(getpid(), SIGKILL);
        for (;;)
                (void) pause();
}

/* In front of the C library's: killed in the middle of a drop, or before it, or after it. */
ssize_t splice(int in, loff_t *in_offset, int out, loff_t *out_offset, size_t n, unsigned flags)
{
        bool is_last = is_time_to_die();
        ssize_t k;

        if (is_last) {
                n = (size_t) rand() % (n + 1);
                if (n == 0)
                        die();
        }
        k = syscall(SYS_splice, in, in_offset, out, out_offset, n, flags);
        if (is_last)
                die();
        return k;
}

/* The same for what a split gives to the pipe of a driver. */
ssize_t write(int fd, const void *data, size_t n)
{
        bool is_last = is_time_to_die();
        ssize_t k;

        if (is_last)
                n = (size_t) rand() % (n + 1);
        k = n > 0 || !is_last ? syscall(SYS_write, fd, data, n) : 0;
        if (is_last)
                die();
        return k;
}

/* Between joined lines. */
#define JOINT "\001"

/* The sinks: a file each that entries are appended to. Killed with some of the entries written. */
static int log_fds[LOGS];

static void on_write(Fixture *f, const Feed *feed, const Entry *entries, size_t n)
{
        int log_fd = log_fds[feed != TAILQ_FIRST(&feed->container->feeds)];
        _cleanup_buffer_ Buffer b = {};
        bool is_last = is_time_to_die();

        if (is_last)
                n = (size_t) rand() % (n + 1);
        for (size_t i = 0; i < n; i++) {
                const Entry *e = &entries[i];

                assert(e->partial_first == 0);
                if (e->kind == ENTRY_DROPPED) {
                        assert(buffer_printf(&b, "%llu dropped %llu\n",
                                             (unsigned long long) e->ordinal,
                                             (unsigned long long) e->loss.lines) == 0);
                        continue;
                }
                assert(buffer_printf(&b, "%llu %i ", (unsigned long long) e->ordinal, e->stream) ==
                       0);
                for (size_t k = 0; k < e->text.size; k++)
                        assert(buffer_append(&b, e->text.data[k] == '\n' ? JOINT : &e->text.data[k],
                                             1) == 0);
                assert(buffer_append_string(&b, "\n") == 0);
        }
        assert(write(log_fd, b.data, b.size) == (ssize_t) b.size);
        if (is_last)
                die();
}

/* A kill can cut a write to a file: what has no end was never shipped. */
static void cut_torn_tail(int log_fd)
{
        off_t end = lseek(log_fd, 0, SEEK_END);
        char c;

        while (end > 0 && pread(log_fd, &c, 1, end - 1) == 1 && c != '\n')
                end--;
        assert(ftruncate(log_fd, end) == 0);
}

/* A daemon that takes the container over from the one before it, and logs until it is killed. */
static _Noreturn void run_daemon(Fixture *f, const StoredFd *stored, size_t n_stored, unsigned seed,
                                 bool drops)
{
        Container *c;

        srand(seed);
        for (size_t i = 0; i < LOGS; i++)
                cut_torn_tail(log_fds[i]);
        fixture_start(f);
        f->daemon->store.fds = calloc(n_stored, sizeof(*stored));
        memcpy(f->daemon->store.fds, stored, n_stored * sizeof(*stored));
        f->daemon->store.n_fds = n_stored;
        f->on_write = on_write;
        f->keeps_nothing = true;
        assert(fixture_restore(f, "web", &c) == 0);
        for (;;) {
                assert(sd_event_run(f->daemon->event, 1000) >= 0);
                if (drops && suicide_odds > 0 && rand() % 100 == 0) {
                        f->room = 0;
                        pump_for(f, (uint64_t) rand() % 10000);
                }
                if (f->room < 10 || f->room > 1000)
                        fixture_make_room(f, (size_t) rand() % 100);
                /* The other driver is sometimes far behind. */
                if ((f->more_room < 10 && rand() % 20 == 0) || f->more_room > 10000)
                        fixture_set_room(f, &f->more_room, (size_t) rand() % 3000);
        }
}

/* What the writer tells: how many lines each stream has got. */
typedef struct Shared {
        volatile bool is_stopped;
        volatile unsigned n_lines[ENTRY_STREAMS];
} Shared;

/* Writes numbered lines to one stream, several in a write or one in several. */
static _Noreturn void run_writer(Fixture *f, Shared *shared, EntryStream kind)
{
        int fd = fixture_open(f, "web", kind == ENTRY_STDERR ? "init-stderr" : "init-stdout");
        char text[1024];
        unsigned n = 0;

        srand(kind + 1);
        assert(fcntl(fd, F_SETFL, 0) == 0);
        while (!shared->is_stopped) {
                size_t size = 0, cut;

                for (int i = rand() % 10; i >= 0; i--)
                        size += (size_t) sprintf(
                                text + size, "line %u%.*s\n", n++, rand() % 60,
                                " with some more text, of which there may be a lot");
                cut = (size_t) rand() % (size + 1);
                put_bytes(fd, text, cut);
                put_bytes(fd, text + cut, size - cut);
                if (rand() % 20 == 0)
                        (void) usleep((unsigned) rand() % 1000);
        }
        shared->n_lines[kind] = n;
        _exit(0);
}

static bool is_drained(const StoredFd *stored, size_t n_stored)
{
        size_t fill;

        for (size_t i = 0; i < n_stored; i++)
                if (fifo_get_fill(stored[i].fd, &fill) < 0 || fill > 0)
                        return false;
        return true;
}

static void nap(unsigned usec)
{
        (void) nanosleep(&(struct timespec){ .tv_nsec = (long) usec * 1000 }, NULL);
}

/* The first shipment of each ordinal: stream and text. */
typedef struct Seen {
        const char *text;
        size_t size;
} Seen;

/* What the log says of each ordinal. */
typedef struct Result {
        Seen *lines;
        unsigned n_all;
        unsigned n_logged, n_dropped, n_missing;
        size_t n_repeats;
} Result;

/* After a kill a drop may be told again, with more lines; and what may have been shipped before the
 * kill may be among them: it is there, then. */
static void take_drop(Result *result, unsigned long long first, const char *text)
{
        unsigned long long n = strtoull(text + sizeof(" dropped ") - 1, NULL, 10);

        assert(n > 0 && first + n - 1 <= result->n_all);
        for (unsigned long long i = first; i < first + n; i++)
                if (result->lines[i].size == 0)
                        result->lines[i] = (Seen){ .text = text };
}

static void take_line(Result *result, unsigned long long ordinal, const char *text, size_t size)
{
        Seen *line = &result->lines[ordinal];

        assert(size > 0);
        if (line->size > 0) {
                assert(line->size == size && memcmp(line->text, text, size) == 0);
                result->n_repeats++;
        }
        *line = (Seen){ text, size };
}

/* Of each stream every line is there, or in its place one that was dropped. */
static void check_order(const Shared *shared, Result *result)
{
        static const size_t head = sizeof("line ") - 1;
        unsigned long next[ENTRY_STREAMS] = {};
        unsigned n_gap = 0;

        for (size_t i = 1; i <= result->n_all; i++) {
                const Seen *entry = &result->lines[i];
                const char *line;
                unsigned kind;

                if (entry->size == 0) {
                        result->n_dropped += entry->text != NULL;
                        n_gap += entry->text == NULL;
                        continue;
                }
                result->n_missing += n_gap;
                n_gap = 0;
                kind = (unsigned) (entry->text[1] - '0');
                assert(kind < ENTRY_STREAMS);
                line = entry->text + 2;
                do {
                        unsigned long number = strtoul(line + 1 + head, NULL, 10);

                        assert(number >= next[kind]);
                        next[kind] = number + 1;
                        result->n_logged++;
                        line++;
                        line = memchr(line, *JOINT, (size_t) (entry->text + entry->size - line));
                } while (line);
        }
        for (EntryStream k = 0; k < ENTRY_STREAMS; k++)
                assert(next[k] <= shared->n_lines[k]);
}

static void check_log(int log_fd, const Shared *shared, Result *result)
{
        off_t size = lseek(log_fd, 0, SEEK_END);
        const char *log, *p;

        result->n_all = shared->n_lines[0] + shared->n_lines[1];
        result->lines = calloc(result->n_all + 1, sizeof(*result->lines));
        log = mmap(NULL, (size_t) size, PROT_READ, MAP_PRIVATE, log_fd, 0);
        assert(log != MAP_FAILED && result->lines);
        for (p = log; p < log + size;) {
                const char *end = memchr(p, '\n', (size_t) (log + size - p));
                char *text;
                unsigned long long ordinal = strtoull(p, &text, 10);

                assert(ordinal > 0 && ordinal <= result->n_all);
                if (strncmp(text, " dropped ", 9) == 0)
                        take_drop(result, ordinal, text);
                else
                        take_line(result, ordinal, text, (size_t) (end - text));
                p = end + 1;
        }
        check_order(shared, result);
        free(result->lines);
        assert(munmap((void *) log, (size_t) size) == 0);
}

static void run(const Plan *plan)
{
        size_t n_repeats = 0;
        unsigned n_kills = test_is_slow() ? 20 : plan->n_kills;
        size_t n_stored;
        StoredFd *stored;
        Shared *shared;
        pid_t writers[ENTRY_STREAMS], pid;
        Fixture f;

        shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                      0);
        assert(shared != MAP_FAILED);
        fixture_init(&f);
        for (size_t i = 0; i < LOGS; i++) {
                log_fds[i] = openat(f.temporary.fd, i == 0 ? "log" : "log-more",
                                    O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
                assert(log_fds[i] >= 0);
        }
        (void) fixture_create(&f, "web", plan->options);
        stored = fixture_store(f.daemon, &n_stored);
        f.daemon = daemon_free(f.daemon);
        for (EntryStream k = 0; k < ENTRY_STREAMS; k++) {
                writers[k] = child_fork();
                if (writers[k] == 0)
                        run_writer(&f, shared, k);
        }

        suicide_odds = 50;
        for (unsigned i = 0; i < n_kills; i++) {
                pid = child_fork();
                if (pid == 0)
                        run_daemon(&f, stored, n_stored, i, plan->drops);
                nap((500 + (unsigned) rand() % 10000) * (test_is_slow() ? 50 : 1));
                assert(child_was_killed(child_kill(pid)));
        }

        suicide_odds = 0;
        shared->is_stopped = true;
        pid = child_fork();
        if (pid == 0)
                run_daemon(&f, stored, n_stored, n_kills, plan->drops);
        for (EntryStream k = 0; k < ENTRY_STREAMS; k++)
                assert(waitpid(writers[k], NULL, 0) == writers[k]);
        /* For a while: bytes may be on their way from one pipe to another, and the last of joined
         * lines are logged after a time. */
        for (unsigned n = 0; n < 300; n = is_drained(stored, n_stored) ? n + 1 : 0)
                nap(1000);
        assert(child_was_killed(child_kill(pid)));

        for (size_t i = 0; i < plan->n_drivers; i++) {
                Result result = {};
                unsigned n_lost;

                check_log(log_fds[i], shared, &result);
                printf("ok: %u kills, %u lines, %u logged, %u dropped, %u missing, %zu repeated\n",
                       n_kills, result.n_all, result.n_logged, result.n_dropped, result.n_missing,
                       result.n_repeats);
                n_repeats += result.n_repeats;
                /* Of the newest some may be lost that only a gap tells: conlogd-guarantees(7). */
                n_lost = result.n_dropped + (plan->drops_newest ? result.n_missing : 0);
                assert(plan->drops ? n_lost > 0 || test_is_slow()
                                   : result.n_logged == result.n_all &&
                                             result.n_missing + result.n_dropped == 0);
        }
        assert(n_repeats > 0);
        for (size_t i = 0; i < n_stored; i++)
                base_close(stored[i].fd);
        free(stored);
        for (size_t i = 0; i < LOGS; i++)
                close(log_fds[i]);
        temporary_done(&f.temporary);
        assert(munmap(shared, sizeof(*shared)) == 0);
}

#define JOINED                                                                             \
        "\"multiline-start\": \"^line [0-9]*[05]( |$)\", \"multiline-max-lines\": \"4\", " \
        "\"multiline-timeout\": \"100ms\""

int main(void)
{
        static const Plan plans[] = {
                { "", 400, false, 1 },
                { ", \"options\": {" JOINED "}", 400, false, 1 },
                { ", \"moreDrivers\": [{\"driver\": \"journald\", \"options\": {" JOINED "}}]", 400,
                  false, 2 },
                { ", \"moreDrivers\": [{\"driver\": \"journald\"}]", 400, false, 2 },
                { ", \"options\": {\"mode\": \"non-blocking\"}", 200, true, 1 },
                { ", \"options\": {\"mode\": \"non-blocking\", \"drop\": \"newest\"}", 200, true, 1,
                  true },
        };

        (void) setvbuf(stdout, NULL, _IOLBF, 0); /* what came before a failure is told */
        log_set_max_level(LOG_EMERG);
        for (size_t i = 0; i < ARRAY_SIZE(plans); i++)
                run(&plans[i]);
        return 0;
}
