/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pipes that were handed over: what is refused, what is logged, and what the next daemon finds of
 * them, in the store or not. */

#include "../daemon-fixture.h"

#include <signal.h>
#include <sys/socket.h>

#include "base/log.h"

/* A pipe as a shell makes it: nothing is said about blocking. */
typedef struct Pipe {
        int read_fd;
        int write_fd;
} Pipe;

static Pipe pipe_new(void)
{
        int fds[2];

        assert(pipe2(fds, O_CLOEXEC) == 0);
        return (Pipe){ fds[0], fds[1] };
}

static int try_adopt(Fixture *f, const char *id, int out, int err, Container **ret, char *rule)
{
        json_auto_t *request = json_pack("{s:s, s:s}", "id", id, "driver", "none");
        int fds[ENTRY_STREAMS] = { out, err }, r;
        _cleanup_(refusal_done) Refusal refusal = {};

        r = daemon_create_container(f->daemon, request, fds, ret, &refusal);
        if (r == 0)
                fixture_adopt(f, *ret);
        else if (refusal.error && rule)
                (void) sprintf(rule, "%s: %s",
                               json_string_value(json_object_get(refusal.parameters, "parameter")),
                               json_string_value(json_object_get(refusal.parameters, "rule")));
        /* On success they were taken. */
        assert(fds[0] == (r == 0 ? -1 : out) && fds[1] == (r == 0 ? -1 : err));
        return r;
}

static Container *adopt(Fixture *f, const char *id, int out, int err)
{
        Container *c;

        assert(try_adopt(f, id, out, err, &c, NULL) == 0);
        return c;
}

static bool has_file(Fixture *f, const char *name)
{
        char path[128];

        (void) snprintf(path, sizeof(path), "containers/%s", name);
        return temporary_has(&f->temporary, path);
}

static void expect_end(Fixture *f, uint64_t lines, uint64_t bytes, uint64_t dropped)
{
        const Entry *e = fixture_next(f);

        assert(e && e->kind == ENTRY_END);
        assert(e->counts.lines == lines && e->counts.bytes == bytes);
        assert(e->counts.dropped == dropped);
}

/* Logged as from FIFOs, with nothing on disk, the last unfinished line when its writers are gone;
 * and the pipe keeps the flags it came with. */
static void test_adopt(void)
{
        Pipe out = pipe_new(), err = pipe_new();
        Fixture f;
        Container *c;
        size_t size;
        int flags;

        flags = fcntl(out.read_fd, F_GETFL);
        fixture_init(&f);
        put(out.write_fd, "early\n");
        c = adopt(&f, "job", out.read_fd, err.read_fd);
        assert(has_file(&f, "job/config") && has_file(&f, "job/state"));
        assert(!has_file(&f, "job/init-stdout") && !has_file(&f, "job/init-stdin"));
        assert(fcntl(fixture_stream(c, ENTRY_STDOUT)->fd, F_GETFL) == flags);

        put(err.write_fd, "error\n");
        put(out.write_fd, "late\nunfinished");
        (void) pump(&f);
        assert(f.n_shipped == 3);
        close(out.write_fd);
        (void) pump(&f);
        assert(f.n_shipped == 4);
        f.n_seen = 3;
        expect_line(&f, "unfinished");
        size = sizeof("early\nerror\nlate\nunfinished") - 1;

        put(err.write_fd, "last");
        container_remove(c, NULL);
        (void) pump(&f);
        expect_line(&f, "last");
        expect_end(&f, 5, size + 4, 0);
        assert(f.daemon->n_containers == 0 && !has_file(&f, "job"));

        /* Nobody reads any more. */
        assert(write(err.write_fd, "x", 1) < 0 && errno == EPIPE);
        close(err.write_fd);
        fixture_done(&f);
        puts("ok: adopt");
}

/* One stream of two; and FIFOs that somebody made, open for reading and writing as well. */
static void test_adopt_one(void)
{
        json_auto_t *streams = NULL;
        Pipe err = pipe_new();
        Container *c;
        Fixture f;
        int fifo;

        fixture_init(&f);
        c = adopt(&f, "err", -1, err.read_fd);
        streams = fifos_describe(TAILQ_FIRST(&c->fifos));
        assert(json_array_size(streams) == 1);
        assert(!json_object_get(json_array_get(streams, 0), "path"));
        put(err.write_fd, "error\n");

        assert(mkfifoat(f.temporary.fd, "fifo", 0600) == 0);
        fifo = openat(f.temporary.fd, "fifo", O_RDWR | O_CLOEXEC);
        c = adopt(&f, "out", fcntl(fifo, F_DUPFD_CLOEXEC, 0), -1);
        put(fifo, "out\nunfinished");
        (void) pump(&f);
        expect_line(&f, "error");
        assert(f.shipped[0].entry.stream == ENTRY_STDERR);
        expect_line(&f, "out");
        expect_nothing(&f);
        container_remove(c, NULL);
        (void) pump(&f);
        expect_line(&f, "unfinished");
        expect_end(&f, 2, 14, 0);
        close(fifo);
        close(err.write_fd);
        fixture_done(&f);
        puts("ok: adopt one stream");
}

static void test_refused(void)
{
        Pipe pipe = pipe_new(), other = pipe_new(), used = pipe_new();
        int sockets[2], cases[4][2], fd;
        char rule[256], path[128];
        Container *c = NULL;
        unsigned n_fds;
        Fixture f;

        fixture_init(&f);
        (void) fixture_create(&f, "web", "");
        (void) adopt(&f, "used", fcntl(used.read_fd, F_DUPFD_CLOEXEC, 0), -1);
        assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) == 0);
        n_fds = temporary_count_fds();

        assert(try_adopt(&f, "job", -1, -1, &c, rule) == -EINVAL);
        assert(strcmp(rule, "stdout: this, or stderr, is needed") == 0);
        assert(try_adopt(&f, "../x", pipe.read_fd, -1, &c, rule) == -EINVAL);
        assert(strncmp(rule, "id: ", 4) == 0);
        assert(try_adopt(&f, "web", pipe.read_fd, -1, &c, NULL) == -EINVAL);

        cases[0][0] = pipe.write_fd, cases[0][1] = -1;
        cases[1][0] = sockets[0], cases[1][1] = pipe.read_fd;
        cases[2][0] = pipe.read_fd, cases[2][1] = f.temporary.fd;
        cases[3][0] = 9999, cases[3][1] = -1;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                assert(try_adopt(&f, "job", cases[i][0], cases[i][1], &c, rule) == -EINVAL);
                assert(strcmp(rule, i == 2 ? "stderr: the read end of a pipe or FIFO"
                                           : "stdout: the read end of a pipe or FIFO") == 0);
        }

        /* The same pipe twice: in one call, of another container, or a FIFO of ours. */
        fd = fcntl(pipe.read_fd, F_DUPFD_CLOEXEC, 0);
        assert(try_adopt(&f, "job", pipe.read_fd, fd, &c, rule) == -EINVAL);
        assert(strcmp(rule, "stderr: a pipe that is no other stream's") == 0);
        close(fd);
        assert(try_adopt(&f, "job", other.read_fd, used.read_fd, &c, rule) == -EINVAL);
        for (size_t i = 0; i < 3; i++) {
                (void) snprintf(path, sizeof(path), "containers/web/init-std%s",
                                (const char *[]){ "in", "out", "err" }[i]);
                fd = openat(f.temporary.fd, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
                assert(try_adopt(&f, "job", fd, -1, &c, rule) == -EINVAL);
                assert(strcmp(rule, "stdout: a pipe that is no other stream's") == 0);
                close(fd);
        }
        assert(!has_file(&f, "job") && !c && f.daemon->n_containers == 2);
        assert(temporary_count_fds() == n_fds);

        /* Nothing was done to it. */
        (void) adopt(&f, "job", pipe.read_fd, other.read_fd);
        for (size_t i = 0; i < 2; i++)
                close(sockets[i]);
        close(pipe.write_fd);
        close(other.write_fd);
        close(used.read_fd);
        close(used.write_fd);
        fixture_done(&f);
        puts("ok: refused");
}

/* Through the store, again and again: ordinals, counts and bytes go on. */
static void test_restore(void)
{
        Pipe out = pipe_new(), err = pipe_new();
        Container *c;
        Fixture f;

        fixture_init(&f);
        c = adopt(&f, "job", out.read_fd, err.read_fd);
        (void) fixture_create(&f, "web", "");
        put(out.write_fd, "one\ntwo\nun");
        put(err.write_fd, "error\n");
        (void) pump(&f);
        for (unsigned i = 0; i < 3; i++) {
                fixture_restart(&f);
                put(out.write_fd, "finished\nun");
                assert(fixture_restore(&f, "job", &c) == 0);
                assert(fixture_restore(&f, "web", &c) == 0);
                (void) pump(&f);
                assert(f.n_shipped == 4 + i && f.shipped[3 + i].entry.ordinal == 4 + i);
        }
        f.n_seen = 3;
        for (unsigned i = 0; i < 3; i++)
                expect_line(&f, "unfinished");

        /* The writers end while nobody is there. */
        close(out.write_fd);
        close(err.write_fd);
        fixture_restart(&f);
        assert(fixture_restore(&f, "job", &c) == 0);
        assert(fixture_stream(c, ENTRY_STDOUT)->counts.lines == 5);
        (void) pump(&f);
        expect_line(&f, "un");
        container_remove(c, NULL);
        (void) pump(&f);
        expect_end(&f, 7, 49, 0);
        fixture_done(&f);
        puts("ok: restore");
}

/* The store was lost, and the pipes with it. What is left is told as it is, and can be removed; one
 * that has the number of a lost pipe is not taken for it. */
static void test_store_lost(void)
{
        Pipe out = pipe_new(), err = pipe_new(), new = pipe_new();
        Container *c;
        StoredFd *stored;
        size_t n;
        Fixture f;

        fixture_init(&f);
        c = adopt(&f, "job", out.read_fd, err.read_fd);
        put(out.write_fd, "one\nlost");
        put(err.write_fd, "error\n");
        (void) pump(&f);

        /* First stdout only. */
        stored = fixture_store(f.daemon, &n);
        assert(n == 2);
        f.daemon = daemon_free(f.daemon);
        fixture_start(&f);
        for (size_t i = 0; i < n; i++) {
                struct stat st;

                assert(fstat(out.write_fd, &st) == 0);
                if (stored[i].ino == st.st_ino)
                        stored[i].fd = base_close(stored[i].fd);
        }
        f.daemon->store.fds = stored;
        f.daemon->store.n_fds = n;
        assert(fixture_restore(&f, "job", &c) == 0);
        assert(write(out.write_fd, "x", 1) < 0 && errno == EPIPE);
        put(err.write_fd, "more\n");
        (void) pump(&f);
        assert(f.n_shipped == 3 && f.shipped[2].entry.ordinal == 3);
        assert(fixture_stream(c, ENTRY_STDOUT)->counts.lines == 1);

        /* Then a pipe comes that happens to have its number. */
        stored = fixture_store(f.daemon, &n);
        for (size_t i = 0; i < n; i++)
                base_close(stored[i].fd);
        f.daemon = daemon_free(f.daemon);
        fixture_start(&f);
        {
                struct stat st;

                assert(fstat(out.write_fd, &st) == 0);
                stored[0] = (StoredFd){ .dev = st.st_dev, .ino = st.st_ino, .fd = new.read_fd };
                f.daemon->store.fds = stored;
                f.daemon->store.n_fds = 1;
        }
        assert(fixture_restore(&f, "job", &c) == 0);
        assert(f.daemon->store.fds[0].fd == new.read_fd);
        assert(fixture_feed(c)->counts.lines == 3 && fixture_feed(c)->counts.dropped == 0);

        f.n_seen = f.n_shipped;
        container_remove(c, NULL);
        (void) pump(&f);
        expect_end(&f, 3, 15, 0);
        assert(f.daemon->n_containers == 0 && !has_file(&f, "job"));
        close(out.write_fd);
        close(err.write_fd);
        close(new.write_fd);
        fixture_done(&f);
        puts("ok: store lost");
}

/* A turn was under way when the daemon and the pipe went. Bytes that were shipped are no loss;
 * lines that may have been have used up their ordinals. */
static void test_lost_in_turn(void)
{
        for (unsigned is_owed = 0; is_owed < 2; is_owed++) {
                Pipe out = pipe_new();
                StatePage *page;
                StateTurn *turn;
                Container *c;
                Fixture f;

                fixture_init(&f);
                c = adopt(&f, "job", out.read_fd, -1);
                put(out.write_fd, "one\n");
                (void) pump(&f);
                put(out.write_fd, "two\nthree\n");
                assert(feed_map(fixture_feed(c), &page) == 0);
                turn = state_begin(page, 0);
                if (is_owed) {
                        turn->owed_bytes = 10;
                        turn->owed_lines = 2;
                        turn->owed_limit = LINE_MAX_BYTES;
                } else {
                        turn->next_ordinal += 2;
                        turn->bytes = 10;
                        turn->after.counts.lines += 2;
                        turn->after.counts.bytes += 10;
                        turn->total.lines += 2;
                        turn->total.bytes += 10;
                }
                state_commit(page, turn);

                f.daemon = daemon_free(f.daemon);
                fixture_start(&f);
                assert(fixture_restore(&f, "job", &c) == 0);
                assert(fixture_feed(c)->counts.lines == 3);
                f.n_seen = f.n_shipped;
                container_remove(c, NULL);
                (void) pump(&f);
                expect_end(&f, 3, is_owed ? 4 : 14, is_owed ? 10 : 0);
                close(out.write_fd);
                fixture_done(&f);
        }
        puts("ok: lost in a turn");
}

/* An exec has FIFOs, as in any container; it goes on when the container's pipes are lost. */
static void test_exec(void)
{
        Pipe out = pipe_new();
        Refusal refusal = {};
        Container *c;
        Fifos *sh;
        Fixture f;
        int exec;

        fixture_init(&f);
        c = adopt(&f, "job", out.read_fd, -1);
        put(out.write_fd, "one\n");
        assert(container_exec(c, "sh", false, true, &sh, &refusal) == 0);
        exec = fixture_open(&f, "job", "sh-stdout");
        put(exec, "exec\n");
        (void) pump(&f);
        assert(f.n_shipped == 2);

        f.daemon = daemon_free(f.daemon);
        fixture_start(&f);
        assert(fixture_restore(&f, "job", &c) == 0);
        close(exec);
        exec = fixture_open(&f, "job", "sh-stdout");
        put(exec, "goes on\n");
        (void) pump(&f);
        assert(f.shipped[2].entry.ordinal == 3);
        f.n_seen = 2;
        expect_line(&f, "goes on");
        container_remove(c, NULL);
        (void) pump(&f);
        assert(f.daemon->n_containers == 0 && !has_file(&f, "job"));
        close(exec);
        close(out.write_fd);
        fixture_done(&f);
        puts("ok: exec");
}

/* A pipe whose slots are full of packets, without a line's end: its read end says so. */
static void test_stuck(void)
{
        Pipe out = pipe_new();
        unsigned n = 0;
        Fixture f;

        fixture_init(&f);
        (void) adopt(&f, "job", out.read_fd, -1);
        assert(fcntl(out.write_fd, F_SETFL, O_DIRECT | O_NONBLOCK) == 0);
        while (write(out.write_fd, "x", 1) == 1)
                n++;
        pump_for(&f, HOLD_MIN_USEC << HOLD_LEVELS);
        assert(n == 16 && f.n_shipped == 1 && f.shipped[0].entry.text.size == n - 1);
        close(out.write_fd);
        (void) pump(&f);
        assert(f.n_shipped == 2 && f.shipped[1].entry.partial_is_last);
        fixture_done(&f);
        puts("ok: stuck");
}

int main(void)
{
        unsigned n_fds = temporary_count_fds();

        log_set_max_level(LOG_EMERG);
        (void) signal(SIGPIPE, SIG_IGN);
        test_adopt();
        test_adopt_one();
        test_refused();
        test_restore();
        test_store_lost();
        test_lost_in_turn();
        test_exec();
        test_stuck();
        assert(temporary_count_fds() == n_fds);
        return 0;
}
