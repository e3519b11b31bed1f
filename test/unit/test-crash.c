/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The daemon's core killed at any instant, again and again, while two streams of one container are
 * written: no line is lost, and one that is shipped twice has the same ordinal and the same bytes.
 */

#include "../child.h"
#include "../daemon-fixture.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/log.h"

#define KILLS_MIN 400U

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

/* The sink: a file that each entry is appended to. Killed with some of the entries written. */
static int log_fd;

static void on_write(Fixture *f, Container *c, const Entry *entries, size_t n)
{
        _cleanup_buffer_ Buffer b = {};
        bool is_last = is_time_to_die();

        if (is_last)
                n = (size_t) rand() % (n + 1);
        for (size_t i = 0; i < n; i++) {
                const Entry *e = &entries[i];

                assert(e->partial_first == 0);
                assert(buffer_printf(&b, "%llu %i ", (unsigned long long) e->ordinal, e->stream) ==
                       0);
                assert(buffer_append_span(&b, e->text) == 0 && buffer_append_string(&b, "\n") == 0);
        }
        assert(write(log_fd, b.data, b.size) == (ssize_t) b.size);
        if (is_last)
                die();
}

/* A kill can cut a write to a file: what has no end was never shipped. */
static void cut_torn_tail(void)
{
        off_t end = lseek(log_fd, 0, SEEK_END);
        char c;

        while (end > 0 && pread(log_fd, &c, 1, end - 1) == 1 && c != '\n')
                end--;
        assert(ftruncate(log_fd, end) == 0);
}

/* A daemon that takes the container over from the one before it, and logs until it is killed. */
static _Noreturn void run_daemon(Fixture *f, const StoredFd *stored, size_t n_stored, unsigned seed)
{
        Container *c;

        srand(seed);
        cut_torn_tail();
        fixture_start(f);
        f->daemon->stored = calloc(n_stored, sizeof(*stored));
        memcpy(f->daemon->stored, stored, n_stored * sizeof(*stored));
        f->daemon->n_stored = n_stored;
        f->on_write = on_write;
        f->keeps_nothing = true;
        assert(fixture_restore(f, "web", &c) == 0);
        for (;;) {
                assert(sd_event_run(f->daemon->event, 1000) >= 0);
                if (f->room < 10 || f->room > 1000)
                        fixture_make_room(f, (size_t) rand() % 100);
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

/* Reads the log. Returns how many repeats there are. */
static size_t check_log(const Shared *shared)
{
        unsigned expected[ENTRY_STREAMS] = {}, n_all = shared->n_lines[0] + shared->n_lines[1];
        off_t size = lseek(log_fd, 0, SEEK_END);
        Seen *lines = calloc(n_all + 1, sizeof(*lines));
        size_t n_repeats = 0;
        const char *log, *p;

        log = mmap(NULL, (size_t) size, PROT_READ, MAP_PRIVATE, log_fd, 0);
        assert(log != MAP_FAILED && lines);
        for (p = log; p < log + size;) {
                const char *end = memchr(p, '\n', (size_t) (log + size - p));
                char *text;
                unsigned long long ordinal = strtoull(p, &text, 10);
                Seen line = { text, (size_t) (end - text) };

                assert(ordinal > 0 && ordinal <= n_all);
                if (lines[ordinal].text) {
                        assert(lines[ordinal].size == line.size);
                        assert(memcmp(lines[ordinal].text, line.text, line.size) == 0);
                        n_repeats++;
                }
                lines[ordinal] = line;
                p = end + 1;
        }
        for (size_t i = 1; i <= n_all; i++) {
                static const size_t head = sizeof(" 0 line ") - 1;
                unsigned kind;

                assert(lines[i].text && lines[i].size > head);
                kind = (unsigned) (lines[i].text[1] - '0');
                assert(kind < ENTRY_STREAMS);
                assert(strtoul(lines[i].text + head, NULL, 10) == expected[kind]++);
        }
        assert(expected[0] == shared->n_lines[0] && expected[1] == shared->n_lines[1]);
        free(lines);
        assert(munmap((void *) log, (size_t) size) == 0);
        return n_repeats;
}

int main(void)
{
        unsigned n_kills = 0;
        size_t n_stored, n_repeats;
        StoredFd *stored;
        Shared *shared;
        pid_t writers[ENTRY_STREAMS], pid;
        Fixture f;

        log_set_max_level(LOG_EMERG);
        shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                      0);
        assert(shared != MAP_FAILED);
        fixture_init(&f);
        log_fd = openat(f.temporary.fd, "log", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        (void) fixture_create(&f, "web", "");
        stored = fixture_store(f.daemon, &n_stored);
        f.daemon = daemon_free(f.daemon);
        for (EntryStream k = 0; k < ENTRY_STREAMS; k++) {
                writers[k] = child_fork();
                if (writers[k] == 0)
                        run_writer(&f, shared, k);
        }

        for (suicide_odds = 50; n_kills < KILLS_MIN; n_kills++) {
                pid = child_fork();
                if (pid == 0)
                        run_daemon(&f, stored, n_stored, n_kills);
                nap(500 + (unsigned) rand() % 10000);
                assert(child_was_killed(child_kill(pid)));
        }

        suicide_odds = 0;
        shared->is_stopped = true;
        pid = child_fork();
        if (pid == 0)
                run_daemon(&f, stored, n_stored, n_kills);
        for (EntryStream k = 0; k < ENTRY_STREAMS; k++)
                assert(waitpid(writers[k], NULL, 0) == writers[k]);
        while (!is_drained(stored, n_stored))
                nap(1000);
        nap(10000);
        assert(child_was_killed(child_kill(pid)));

        n_repeats = check_log(shared);
        printf("ok: %u kills, %u lines, none lost, %zu repeated\n", n_kills,
               shared->n_lines[0] + shared->n_lines[1], n_repeats);
        assert(n_repeats > 0);
        for (size_t i = 0; i < n_stored; i++)
                base_close(stored[i].fd);
        free(stored);
        close(log_fd);
        temporary_done(&f.temporary);
        return 0;
}
