/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whose turn it is: many streams at once, fair to each, and without a single allocation a line. */

#include "../daemon-fixture.h"
#include "../slow.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "../line-reference.h"
#include "base/log.h"

/* Allocations of this process, libraries included. A sanitizer has an allocator of its own. */
#if defined(__SANITIZE_ADDRESS__)
#define COUNTS_ALLOCATIONS 0
#elif defined(__has_feature)
#define COUNTS_ALLOCATIONS !__has_feature(address_sanitizer)
#else
#define COUNTS_ALLOCATIONS 1
#endif

static unsigned n_allocations;

#if COUNTS_ALLOCATIONS
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);

/* Visible, so that the libraries come here, too. */
__attribute__((visibility("default"))) void *malloc(size_t size)
{
        n_allocations++;
        return __libc_malloc(size);
}

__attribute__((visibility("default"))) void *calloc(size_t n, size_t size)
{
        n_allocations++;
        return __libc_calloc(n, size);
}

__attribute__((visibility("default"))) void *realloc(void *p, size_t size)
{
        n_allocations++;
        return __libc_realloc(p, size);
}
#endif

/* Fills the flooder's FIFO up again whenever its lines go to the driver. */
static int flood_fd;

static void flood(Fixture *f, const Feed *feed, const Entry *entries, size_t n)
{
        while (write(flood_fd, "flood\n", 6) == 6)
                ;
}

/* The position of the next entry of a stream among those shipped since start. */
static size_t find_shipped(const Fixture *f, size_t start, const char *id, EntryStream kind)
{
        for (size_t i = start; i < f->n_shipped; i++)
                if (strcmp(f->shipped[i].container, id) == 0 && f->shipped[i].entry.stream == kind)
                        return i - start;
        return SIZE_MAX;
}

/* A container that floods, the error stream of the same container, and two quiet ones. */
typedef struct Crowd {
        Fixture f;
        int fds[3]; /* stderr of "a", stdout of "b" and "c" */
} Crowd;

static void crowd_init(Crowd *w)
{
        fixture_init(&w->f);
        (void) fixture_create(&w->f, "a", "");
        (void) fixture_create(&w->f, "b", "");
        (void) fixture_create(&w->f, "c", "");
        flood_fd = fixture_open(&w->f, "a", "init-stdout");
        w->fds[0] = fixture_open(&w->f, "a", "init-stderr");
        w->fds[1] = fixture_open(&w->f, "b", "init-stdout");
        w->fds[2] = fixture_open(&w->f, "c", "init-stdout");
        w->f.on_write = flood;
        flood(&w->f, NULL, NULL, 0);
}

static void crowd_done(Crowd *w)
{
        close(flood_fd);
        for (size_t i = 0; i < ARRAY_SIZE(w->fds); i++)
                close(w->fds[i]);
        fixture_done(&w->f);
}

static void crowd_put(Crowd *w)
{
        for (size_t i = 0; i < ARRAY_SIZE(w->fds); i++)
                put(w->fds[i], "quiet\n");
}

/* Whether all quiet lines are among the entries since start. */
static bool crowd_has_all(const Crowd *w, size_t start)
{
        return find_shipped(&w->f, start, "a", ENTRY_STDERR) != SIZE_MAX &&
               find_shipped(&w->f, start, "b", ENTRY_STDOUT) != SIZE_MAX &&
               find_shipped(&w->f, start, "c", ENTRY_STDOUT) != SIZE_MAX;
}

/* A quiet stream waits for a turn of the flooder or a few, not for its end. */
static void test_flood(void)
{
        Crowd w;
        size_t start;

        crowd_init(&w);
        for (unsigned i = 0; i < 20; i++)
                assert(sd_event_run(w.f.daemon->event, 0) > 0);
        for (unsigned round = 0; round < 10; round++) {
                /* Whose lines come faster than that gathers them. */
                assert(usleep(2 * HOLD_GATHER_USEC) == 0);
                crowd_put(&w);
                start = w.f.n_shipped;
                while (!crowd_has_all(&w, start)) {
                        assert(sd_event_run(w.f.daemon->event, 0) > 0);
                        assert(w.f.n_shipped - start <= 4 * TURN_MAX_ENTRIES + 3);
                }
        }
        crowd_done(&w);
        puts("ok: flood");
}

/* So it is when the driver is the bottleneck: whoever had something goes behind those who wait. */
static void test_flood_busy(void)
{
        static const size_t rooms[] = { 1, 10, 300 };

        for (size_t i = 0; i < ARRAY_SIZE(rooms); i++) {
                Crowd w;
                size_t start;

                crowd_init(&w);
                w.f.room = 0;
                (void) pump(&w.f);
                for (unsigned round = 0; round < 20; round++) {
                        fixture_make_room(&w.f, rooms[i]);
                        (void) pump(&w.f);
                        assert(w.f.room == 0);
                        if (round % 5 != 3)
                                continue;
                        crowd_put(&w);
                        (void) pump(&w.f);
                        start = w.f.n_shipped;
                        for (unsigned k = 0; !crowd_has_all(&w, start); k++) {
                                assert(k < 5);
                                fixture_make_room(&w.f, rooms[i]);
                                (void) pump(&w.f);
                        }
                }
                crowd_done(&w);
        }
        puts("ok: flood with a busy driver");
}

/* Several floods share what the driver takes. */
static void test_share(void)
{
        enum { N = 8 };
        size_t n_of[N] = {};
        int fds[N];
        Fixture f;

        fixture_init(&f);
        for (unsigned i = 0; i < N; i++) {
                (void) fixture_create(&f, (char[]){ (char) ('a' + i), '\0' }, "");
                fds[i] = fixture_open(&f, (char[]){ (char) ('a' + i), '\0' }, "init-stdout");
        }
        f.room = 0;
        for (unsigned round = 0; round < 400; round++) {
                for (unsigned i = 0; i < N; i++)
                        while (write(fds[i], "line\n", 5) == 5)
                                ;
                (void) pump(&f);
                fixture_make_room(&f, 7);
                (void) pump(&f);
        }
        for (size_t i = 0; i < f.n_shipped; i++)
                n_of[f.shipped[i].container[0] - 'a']++;
        for (unsigned i = 0; i < N; i++) {
                assert(n_of[i] > 400 * 7 / N / 2 && n_of[i] < 400 * 7 / N * 2);
                close(fds[i]);
        }
        fixture_done(&f);
        puts("ok: share");
}

/* One stream's input, and how far it is written. */
typedef struct Input {
        Buffer bytes;
        size_t done;
        int fd;
        const char *id;
        EntryStream kind;
} Input;

/* Lines as containers write them: most are short, some are empty, a few are very long. */
static void input_fill(Input *in, size_t size)
{
        while (in->bytes.size < size) {
                size_t n = (size_t) (rand() % 50 == 0 ? rand() % 100000 : rand() % 200);

                if (rand() % 10 == 0)
                        n = 0;
                if (rand() % 10 == 0)
                        assert(buffer_printf(&in->bytes, "<%i>", rand() % 9) == 0);
                for (size_t i = 0; i < n; i++) {
                        char c = (char) rand();

                        assert(buffer_append(&in->bytes, c == '\n' ? "\r" : &c, 1) == 0);
                }
                assert(buffer_append_string(&in->bytes, rand() % 5 ? "\n" : "\r\n") == 0);
        }
}

/* Writes a piece of it, of any size. */
static void input_write(Input *in)
{
        static const size_t most[] = { 1, 10, 300, 5000, 70000 };
        size_t n = 1 + (size_t) rand() % most[(size_t) rand() % ARRAY_SIZE(most)];
        ssize_t k;

        n = MIN(n, in->bytes.size - in->done);
        k = n > 0 ? write(in->fd, in->bytes.data + in->done, n) : 0;
        assert(k >= 0 || errno == EAGAIN);
        in->done += (size_t) MAX(k, 0);
}

/* What was shipped of it is its lines, each once, whole and in order. */
static void input_check(Input *in, Fixture *f)
{
        int fallback = in->kind == ENTRY_STDERR ? LOG_ERR : LOG_INFO, priority = fallback;
        Span input = buffer_span(&in->bytes);
        bool goes_on = false;
        Line line;

        for (size_t i = 0; i < f->n_shipped; i++) {
                const Shipped *s = &f->shipped[i];

                if (strcmp(s->container, in->id) != 0 || s->entry.stream != in->kind)
                        continue;
                assert(reference_next(input, LINE_MAX_BYTES, &line));
                input = span_skip(input, line.size);
                if (!goes_on)
                        priority = entry_take_level(&line.text, fallback);
                assert(span_equal((Span){ f->text.data + s->offset, s->entry.text.size },
                                  line.text));
                assert(s->entry.priority == priority);
                assert((s->entry.partial_first > 0) == (goes_on || line.end == LINE_END_LIMIT));
                goes_on = line.end == LINE_END_LIMIT;
        }
        assert(input.size == 0);
}

/* The ordinals of a container are 1, 2, 3 … in the order of shipping. */
static void check_ordinals(const Fixture *f, const char *id)
{
        uint64_t ordinal = 0;

        for (size_t i = 0; i < f->n_shipped; i++)
                if (strcmp(f->shipped[i].container, id) == 0)
                        assert(f->shipped[i].entry.ordinal == ++ordinal);
}

/* Everything by chance: what is written when, how much the driver takes, when the daemon runs. */
static void test_random(unsigned seed)
{
        Input inputs[] = {
                { .id = "a", .kind = ENTRY_STDOUT },
                { .id = "a", .kind = ENTRY_STDERR },
                { .id = "b", .kind = ENTRY_STDOUT },
        };
        size_t n_written = 0, n_bytes = 0;
        Fixture f;

        srand(seed);
        fixture_init(&f);
        (void) fixture_create(&f, "a", "");
        (void) fixture_create(&f, "b", "");
        for (size_t i = 0; i < ARRAY_SIZE(inputs); i++) {
                Input *in = &inputs[i];

                input_fill(in, 1000 * 1000);
                in->fd = fixture_open(&f, in->id,
                                      in->kind == ENTRY_STDERR ? "init-stderr" : "init-stdout");
                n_bytes += in->bytes.size;
        }

        while (n_written < n_bytes) {
                n_written = 0;
                for (size_t i = 0; i < ARRAY_SIZE(inputs); i++) {
                        if (rand() % 2)
                                input_write(&inputs[i]);
                        n_written += inputs[i].done;
                }
                if (f.room == 0 && rand() % 2)
                        fixture_make_room(&f, (size_t) (rand() % 3 ? rand() % 20 : rand() % 1000));
                for (int i = rand() % 10; i > 0; i--)
                        assert(sd_event_run(f.daemon->event, 0) >= 0);
        }
        do {
                fixture_make_room(&f, 100);
                (void) pump(&f);
        } while (f.n_waiting > 0);

        check_ordinals(&f, "a");
        check_ordinals(&f, "b");
        for (size_t i = 0; i < ARRAY_SIZE(inputs); i++) {
                input_check(&inputs[i], &f);
                close(inputs[i].fd);
                buffer_done(&inputs[i].bytes);
        }
        fixture_done(&f);
        printf("ok: by chance, seed %u\n", seed);
}

/* A socket where journald's is, and a container that logs there. */
static Container *create_journald(Fixture *f, int *ret_fd)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        json_auto_t *request = json_pack("{s:s, s:s, s:{s:s}}", "id", "web", "driver", "journald",
                                         "options", "timestamp", "yes");
        static char path[80];
        Refusal refusal = {};
        Container *c;

        (void) snprintf(path, sizeof(path), "%s", f->temporary.path);
        f->daemon->host.journal_path = path;
        (void) snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", path);
        *ret_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert(bind(*ret_fd, (struct sockaddr *) &address, sizeof(address)) == 0);
        assert(daemon_create_container(f->daemon, request, NULL, &c, &refusal) == 0);
        return c;
}

/* Lets the daemon log, and journald, if there is one, take what was logged. */
static void run_both(Fixture *f, int journal_fd, uint64_t usec)
{
        static char entry[65536];

        while (journal_fd >= 0 && recv(journal_fd, entry, sizeof(entry), 0) > 0)
                ;
        assert(sd_event_run(f->daemon->event, usec) >= 0);
}

static void write_lines(Fixture *f, int fd, int journal_fd, unsigned n)
{
        for (unsigned i = 0; i < n; i++) {
                while (write(fd, "a line of a container\n", 22) < 0)
                        run_both(f, journal_fd, 1000);
                if (i % 7 == 0)
                        run_both(f, journal_fd, 0);
        }
}

/* From the FIFO to journald's socket, a line costs no allocation. */
static void test_allocations(void)
{
        int fd, journal_fd = -1;
        Container *c;
        Fixture f;

        for (unsigned i = 0; i < 2; i++) {
                fixture_init(&f);
                f.keeps_nothing = true;
                c = i == 0 ? fixture_create(&f, "web", "") : create_journald(&f, &journal_fd);
                fd = fixture_open(&f, "web", "init-stdout");
                write_lines(&f, fd, journal_fd, 5000);
                n_allocations = 0;
                write_lines(&f, fd, journal_fd, 5000);
                assert(n_allocations == 0);
                assert(fixture_feed(c)->counts.lines > 5000);
                close(fd);
                base_close(journal_fd);
                fixture_done(&f);
        }
        puts(COUNTS_ALLOCATIONS ? "ok: no allocations" : "ok: no allocations (not counted)");
}

/* Daemons that live for one entry each come to every container all the same. */
static void test_short_lives(void)
{
        static const char *const ids[] = { "a", "b", "c", "d", "e", "f", "g", "h" };
        int fds[ARRAY_SIZE(ids)];
        Fixture f;

        fixture_init(&f);
        for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
                (void) fixture_create(&f, ids[i], "");
                fds[i] = fixture_open(&f, ids[i], "init-stdout");
                for (unsigned n = 0; n < 400; n++)
                        put(fds[i], "line\n");
        }
        for (unsigned life = 0; life < 300; life++) {
                Container *c;

                fixture_restart(&f);
                for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
                        assert(fixture_restore(&f, ids[i], &c) == 0);
                turns_rotate(&f.daemon->turns);
                f.room = 1;
                f.n_waiting = 0;
                (void) pump(&f);
                assert(f.n_shipped == life + 1);
        }
        for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
                assert(find_shipped(&f, 0, ids[i], ENTRY_STDOUT) < SIZE_MAX);
                close(fds[i]);
        }
        fixture_done(&f);
        puts("ok: short lives");
}

int main(void)
{
        log_set_max_level(LOG_EMERG);
        test_flood();
        for (unsigned seed = 1; seed <= (test_is_slow() ? 1 : 4); seed++)
                test_random(seed);
        test_allocations();
        test_share();
        test_short_lives();
        test_flood_busy();
        return 0;
}
