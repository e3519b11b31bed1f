/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Containers: made, executed in, taken over by the next daemon, drained and removed. */

#include "../daemon-fixture.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/log.h"

static bool has_file(Fixture *f, const char *name)
{
        char path[128];

        (void) snprintf(path, sizeof(path), "containers/%s", name);
        return temporary_has(&f->temporary, path);
}

/* The next entry is the one at the end of a container, with these counts. */
static void expect_end(Fixture *f, uint64_t lines, uint64_t bytes)
{
        const Entry *e = fixture_next(f);

        assert(e && e->kind == ENTRY_END && e->ordinal == 0);
        assert(e->counts.lines == lines && e->counts.bytes == bytes && e->counts.dropped == 0);
}

static void test_create(void)
{
        static const char *const names[] = { "web", "web/config", "web/state" };
        static const char *const fifos[] = { "web/init-stdin", "web/init-stdout",
                                             "web/init-stderr" };
        struct stat st;
        Container *c;
        Fixture f;

        fixture_init(&f);
        c = fixture_create(&f, "web", "");
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                assert(fstatat(f.daemon->containers_fd, names[i], &st, 0) == 0 &&
                       (st.st_mode & 0777) == (S_ISDIR(st.st_mode) ? 0700 : 0600));
        for (size_t i = 0; i < ARRAY_SIZE(fifos); i++)
                assert(fstatat(f.daemon->containers_fd, fifos[i], &st, 0) == 0 &&
                       st.st_mode == (S_IFIFO | 0622));
        assert(f.daemon->n_containers == 1 && fixture_feed(c)->counts.lines == 0);

        (void) fixture_create(&f, "tty", ", \"terminal\": true");
        assert(has_file(&f, "tty/init-stdout") && !has_file(&f, "tty/init-stderr"));

        c = fixture_create(&f, "batch", ", \"stdin\": false");
        assert(has_file(&f, "batch/init-stderr") && !has_file(&f, "batch/init-stdin"));
        assert(TAILQ_FIRST(&c->fifos)->stdin_fd < 0);
        fixture_restart(&f);
        assert(fixture_restore(&f, "batch", &c) == 0);
        assert(TAILQ_FIRST(&c->fifos)->is_stored && TAILQ_FIRST(&c->fifos)->stdin_fd < 0);
        assert(f.daemon->store.n_kept == 2);
        container_remove(c, NULL);
        assert(!has_file(&f, "batch") && f.daemon->store.n_kept == 0);
        fixture_done(&f);
        puts("ok: create");
}

/* A container that could not be made leaves nothing: no directory, no fd, and nothing in the
 * service manager's store. */
static void test_create_failure(void)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        struct rlimit old, limit;
        unsigned n_stored = 0, n_removed = 0, n_made = 0;
        char text[256];
        ssize_t n;
        Fixture f;
        int fd;

        fixture_init(&f);
        (void) snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", f.temporary.path);
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        assert(bind(fd, (struct sockaddr *) &address, sizeof(address)) == 0);
        assert(setenv("NOTIFY_SOCKET", address.sun_path, 1) == 0);
        notify_free(f.daemon->notify);
        assert(notify_new(&f.daemon->notify, f.daemon->event) == 0);
        f.daemon->store.notify = f.daemon->notify;

        assert(getrlimit(RLIMIT_NOFILE, &old) == 0);
        for (limit = old, limit.rlim_cur = (rlim_t) fd + 1; n_made == 0; limit.rlim_cur++) {
                json_auto_t *request = json_pack("{s:s, s:s}", "id", "web", "driver", "none");
                unsigned n_fds = temporary_count_fds();
                Refusal refusal = {};
                Container *c;
                int r;

                assert(setrlimit(RLIMIT_NOFILE, &limit) == 0);
                r = daemon_create_container(f.daemon, request, NULL, &c, &refusal);
                assert(setrlimit(RLIMIT_NOFILE, &old) == 0);
                assert(r == 0 || (r == -EMFILE && !refusal.error));
                n_made += r == 0;
                if (r < 0)
                        assert(!has_file(&f, "web") && temporary_count_fds() == n_fds);
                while ((n = recv(fd, text, sizeof(text) - 1, 0)) > 0) {
                        text[n] = '\0';
                        n_stored += strstr(text, "FDSTORE=1") != NULL;
                        n_removed += strstr(text, "FDSTOREREMOVE=1") != NULL;
                }
                assert(n_stored == n_removed + n_made);
        }
        base_close(fd);
        fixture_done(&f);
        puts("ok: create failure");
}

/* Everything in the FIFOs is logged, an unfinished line too, and then the directory goes. */
static void test_remove(void)
{
        Container *c;
        Fixture f;
        int out, err;

        fixture_init(&f);
        c = fixture_create(&f, "web", "");
        out = fixture_open(&f, "web", "init-stdout");
        err = fixture_open(&f, "web", "init-stderr");
        put(out, "one\ntwo\nunfinished");
        put(err, "error");
        f.room = 0;
        container_remove(c, NULL);
        (void) pump(&f);
        expect_nothing(&f);
        assert(has_file(&f, "web") && c->is_removing);

        /* The driver takes one entry at a time; the last one is the end. */
        for (unsigned i = 0; i < 5; i++) {
                assert(f.daemon->n_containers == 1);
                fixture_make_room(&f, 1);
                (void) pump(&f);
        }
        assert(f.n_shipped == 5);
        f.n_seen = 4;
        expect_end(&f, 4, 23);
        assert(f.daemon->n_containers == 0 && !has_file(&f, "web"));
        assert(f.daemon->n_lines_removed == 4);
        close(out);
        close(err);

        /* One that has nothing to say, and never had a writer. */
        f.room = SIZE_MAX;
        container_remove(fixture_create(&f, "web", ", \"terminal\": true"), NULL);
        (void) pump(&f);
        expect_end(&f, 0, 0);
        expect_nothing(&f);
        assert(!has_file(&f, "web"));
        fixture_done(&f);
        puts("ok: remove");
}

/* A writer that never stops does not stop the removal: what was there when it began is logged. */
static int endless_fd;

static void write_more(Fixture *f, const Feed *feed, const Entry *entries, size_t n)
{
        while (write(endless_fd, "more\n", 5) == 5)
                ;
}

static void test_remove_endless(void)
{
        Container *c;
        size_t fill;
        Fixture f;

        fixture_init(&f);
        c = fixture_create(&f, "web", "");
        endless_fd = fixture_open(&f, "web", "init-stdout");
        write_more(&f, fixture_feed(c), NULL, 0);
        assert(fifo_get_fill(endless_fd, &fill) == 0 && fill > 60000);
        f.on_write = write_more;
        container_remove(c, NULL);
        (void) pump(&f);
        assert(f.daemon->n_containers == 0);
        assert(f.n_shipped == fill / 5 + 1);
        f.n_seen = f.n_shipped - 1;
        expect_end(&f, fill / 5, fill);
        close(endless_fd);
        fixture_done(&f);
        puts("ok: remove with an endless writer");
}

/* Lines across all slots of a large FIFO: none of them is cut where a peek ends. */
static void test_remove_large(void)
{
        static char text[1024 * 1024];
        char expected[32];
        unsigned n = 0, size = 0;
        const Entry *e;
        Container *c;
        Fixture f;
        int out;

        fixture_init(&f);
        c = fixture_create(&f, "web", "");
        out = fixture_open(&f, "web", "init-stdout");
        assert(fcntl(out, F_SETPIPE_SZ, sizeof(text)) == sizeof(text));
        f.room = 0;
        while (size < 600 * 1000) {
                int k = sprintf(text + size, "%u ", n++);

                memset(text + size + k, 'x', 1500);
                size += (unsigned) k + 1500;
                text[size - 1] = '\n';
        }
        for (unsigned done = 0; done < size; done += 2500)
                put_bytes(out, text + done, MIN(size - done, 2500U));
        container_remove(c, NULL);
        fixture_make_room(&f, SIZE_MAX);
        (void) pump(&f);
        for (unsigned i = 0; i < n; i++) {
                e = fixture_next(&f);
                assert(e && e->partial_first == 0);
                (void) snprintf(expected, sizeof(expected), "%u x", i);
                assert(span_starts_with(e->text, span_from_string(expected)));
        }
        expect_end(&f, n, size);
        close(out);
        fixture_done(&f);
        puts("ok: remove with a large FIFO");
}

static int start_exec(Container *c, const char *exec, bool is_logged)
{
        Refusal refusal = {};
        Fifos *fifos;
        int r;

        r = container_exec(c, exec, false, is_logged, &fifos, &refusal);
        refusal_done(&refusal);
        return r;
}

static void test_exec_limits(void)
{
        char name[32];
        Container *c;
        Fixture f;

        fixture_init(&f);
        c = fixture_create(&f, "web", "");
        for (unsigned i = 0; i < EXECS_MAX; i++) {
                (void) snprintf(name, sizeof(name), "e%u", i);
                assert(start_exec(c, name, i < EXECS_LOGGED_MAX) == 0);
                assert(start_exec(c, name, false) == -EINVAL);
                if (i >= EXECS_LOGGED_MAX && i + 1 < EXECS_MAX)
                        assert(start_exec(c, "more", true) == -EINVAL);
        }
        assert(start_exec(c, "more", false) == -EINVAL);
        assert(start_exec(c, "init", false) == -EINVAL);
        assert(start_exec(c, "../x", false) == -EINVAL);
        assert(!has_file(&f, "web/more-stdin") && c->n_execs == EXECS_MAX);

        container_remove_exec(c, container_find_exec(c, "e3"), NULL);
        (void) pump(&f);
        assert(!has_file(&f, "web/e3-stdin") && !has_file(&f, "web/e3-config"));
        assert(start_exec(c, "e3", true) == 0);
        container_remove(c, NULL);
        (void) pump(&f);
        assert(f.daemon->n_containers == 0 && !has_file(&f, "web"));
        assert(start_exec(fixture_create(&f, "web", ""), "e", true) == 0);
        fixture_done(&f);
        puts("ok: exec limits");
}

/* The next daemon goes on where this one stood: ordinals, parts, counts, execs. */
static void test_restore(void)
{
        Container *c;
        Fixture f;
        int out, err, exec;

        fixture_init(&f);
        c = fixture_create(&f, "web", ", \"name\": \"shop\", \"unit\": \"web.service\"");
        out = fixture_open(&f, "web", "init-stdout");
        err = fixture_open(&f, "web", "init-stderr");
        assert(start_exec(c, "sh", true) == 0 && start_exec(c, "quiet", false) == 0);
        exec = fixture_open(&f, "web", "sh-stdout");
        put(out, "one\ntwo\nun");
        put(err, "error\n");
        put(exec, "exec\n");
        (void) pump(&f);
        assert(f.n_shipped == 4);

        fixture_restart(&f);
        put(err, "while away\n");
        assert(fixture_restore(&f, "web", &c) == 0);
        assert(strcmp(c->name, "shop") == 0 && strcmp(c->unit, "web.service") == 0 && !c->image);
        assert(fixture_feed(c)->counts.lines == 4 && fixture_feed(c)->counts.bytes == 19 &&
               c->n_execs == 2);
        assert(fixture_stream(c, ENTRY_STDOUT)->counts.lines == 2);
        assert(TAILQ_FIRST(&container_find_exec(c, "sh")->branches)
                       ->streams[ENTRY_STDOUT]
                       .counts.lines == 1);
        assert(!container_find_exec(c, "quiet")->is_logged);
        put(out, "finished\n");
        close(exec);
        (void) pump(&f);
        f.n_seen = 4;
        assert(f.n_shipped == 6);
        for (unsigned i = 4; i < 6; i++) {
                const Entry *e = &f.shipped[i].entry;

                assert(e->ordinal == i + 1);
                expect_line(&f, e->stream == ENTRY_STDERR ? "while away" : "unfinished");
        }
        close(out);
        close(err);
        fixture_done(&f);
        puts("ok: restore");
}

/* The rows of the execs that are there are not given away. */
static void test_restore_rows(void)
{
        Container *c;
        Fixture f;

        fixture_init(&f);
        c = fixture_create(&f, "web", "");
        assert(start_exec(c, "a", true) == 0 && start_exec(c, "b", true) == 0);
        container_remove_exec(c, container_find_exec(c, "a"), NULL);
        fixture_restart(&f);
        assert(fixture_restore(&f, "web", &c) == 0);
        assert(container_find_exec(c, "b")->first_row == 4);
        assert(start_exec(c, "c", true) == 0 && start_exec(c, "d", true) == 0);
        assert(container_find_exec(c, "c")->first_row == 2);
        assert(container_find_exec(c, "d")->first_row == 6);
        fixture_done(&f);
        puts("ok: restore rows");
}

/* Killed between ship and drop: the page says that lines are gone which are still in the FIFO. */
static void leave_undropped(Fixture *f, Container *c, EntryStream kind, unsigned lines,
                            unsigned bytes)
{
        StatePage *page;
        StateTurn *turn;

        assert(feed_map(fixture_feed(c), &page) == 0);
        turn = state_begin(page, kind);
        turn->next_ordinal += lines;
        turn->bytes = bytes;
        turn->after.counts.lines += lines;
        turn->after.counts.bytes += bytes;
        turn->total.lines += lines;
        turn->total.bytes += bytes;
        state_commit(page, turn);
}

/* Whoever comes first after a crash, the rest of the drop is done first: a line is never shipped a
 * second time under another number. */
static void test_crash(void)
{
        enum { BY_ITSELF, OTHER_STREAM, EXEC, REMOVE, N };

        for (unsigned i = 0; i < N; i++) {
                Container *c;
                Fixture f;
                int out, err;

                fixture_init(&f);
                c = fixture_create(&f, "web", "");
                out = fixture_open(&f, "web", "init-stdout");
                err = fixture_open(&f, "web", "init-stderr");
                (void) pump(&f);
                leave_undropped(&f, c, ENTRY_STDOUT, 2, 8);
                put(out, "one\ntwo\nthree\n");
                fixture_restart(&f);
                assert(fixture_restore(&f, "web", &c) == 0);
                if (i == OTHER_STREAM) {
                        put(err, "error\n");
                        turns_remove(&f.daemon->turns, fixture_stream(c, ENTRY_STDERR));
                        stream_turn(fixture_stream(c, ENTRY_STDERR));
                } else if (i == EXEC)
                        assert(start_exec(c, "sh", true) == 0);
                else if (i == REMOVE)
                        container_remove(c, NULL);
                (void) pump(&f);
                assert(f.shipped[0].entry.ordinal == 3);
                expect_line(&f, "three");
                if (i == OTHER_STREAM)
                        expect_line(&f, "error");
                if (i == REMOVE)
                        expect_end(&f, 3, 14);
                expect_nothing(&f);
                close(out);
                close(err);
                fixture_done(&f);
        }
        puts("ok: crash");
}

/* Killed between ship and commit: lines may have been shipped under the next ordinals. */
static void leave_owed(Fixture *f, Container *c, EntryStream kind, unsigned bytes)
{
        StatePage *page;
        StateTurn *turn;

        assert(feed_map(fixture_feed(c), &page) == 0);
        turn = state_begin(page, kind);
        turn->owed_bytes = bytes;
        turn->owed_limit = LINE_MAX_BYTES;
        state_commit(page, turn);
}

/* What is owed goes first, whichever stream speaks first. Where its bytes are gone, the others do
 * not wait for them. */
static void test_owed(void)
{
        for (unsigned i = 0; i < 4; i++) {
                bool is_gone = i & 1, has_exec = i & 2;
                Container *c;
                Fixture f;
                int out, err;

                fixture_init(&f);
                c = fixture_create(&f, "web", "");
                out = fixture_open(&f, "web", "init-stdout");
                err = fixture_open(&f, "web", "init-stderr");
                (void) pump(&f);
                leave_owed(&f, c, ENTRY_STDERR, 8);
                put(out, "other\n");
                if (!is_gone)
                        put(err, "one\ntwo\nthree\n");
                fixture_restart(&f);
                assert(fixture_restore(&f, "web", &c) == 0);
                if (has_exec)
                        assert(start_exec(c, "sh", true) == 0);
                turns_remove(&f.daemon->turns, fixture_stream(c, ENTRY_STDERR));
                stream_turn(fixture_stream(c, ENTRY_STDOUT));
                (void) pump(&f);
                if (is_gone) {
                        pump_for(&f, HOLD_FIRST_USEC << 4);
                        expect_line(&f, "other");
                } else {
                        assert(f.n_shipped == 4 && f.shipped[1].entry.ordinal == 2);
                        expect_line(&f, "one");
                        expect_line(&f, "two");
                }
                close(out);
                close(err);
                fixture_done(&f);
        }
        puts("ok: owed");
}

/* The store was lost, and the FIFO with it: what the page says was left to drop is no more, and the
 * bytes that are there now are new. */
static void test_store_lost(void)
{
        Container *c;
        Fixture f;
        int out;

        fixture_init(&f);
        c = fixture_create(&f, "web", "");
        leave_undropped(&f, c, ENTRY_STDOUT, 2, 8);
        f.daemon = daemon_free(f.daemon);
        fixture_start(&f);
        assert(fixture_restore(&f, "web", &c) == 0);
        out = fixture_open(&f, "web", "init-stdout");
        put(out, "new line\n");
        (void) pump(&f);
        assert(f.shipped[0].entry.ordinal == 3);
        expect_line(&f, "new line");
        close(out);
        fixture_done(&f);
        puts("ok: store lost");
}

/* What is damaged is refused, and told from what was never finished: only a directory without a
 * config may be deleted. */
static void test_restore_damaged(void)
{
        static const struct {
                const char *gone; /* a file that is not there */
                const char *text; /* its content instead, or NULL */
                int r;
        } cases[] = {
                { "config", NULL, -ENOENT },
                { "config", "garbage", -EINVAL },
                { "config", "{\"version\": 99}", -EPROTO },
                { "state", NULL, -EBADMSG },
                { "state", "garbage", -EBADMSG },
                { "init-stdin", NULL, -EBADMSG },
                { "init-stdout", NULL, -EBADMSG },
                { "init-stderr", "a regular file", -EBADF },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                unsigned n_fds;
                char path[64];
                Container *c = NULL;
                Fixture f;

                fixture_init(&f);
                (void) fixture_create(&f, "web", "");
                (void) fixture_create(&f, "other", "");
                f.daemon = daemon_free(f.daemon);
                fixture_start(&f);
                (void) snprintf(path, sizeof(path), "containers/web/%s", cases[i].gone);
                assert(unlinkat(f.temporary.fd, path, 0) == 0);
                if (cases[i].text)
                        temporary_write(&f.temporary, path, cases[i].text);

                n_fds = temporary_count_fds();
                assert(fixture_restore(&f, "web", &c) == cases[i].r && !c);
                assert(temporary_count_fds() == n_fds);
                assert(fixture_restore(&f, "other", &c) == 0);
                fixture_done(&f);
        }
        puts("ok: restore damaged");
}

/* The files of one container under the name of another. */
static void test_restore_foreign(void)
{
        Container *c;
        Fixture f;

        fixture_init(&f);
        (void) fixture_create(&f, "a", "");
        (void) fixture_create(&f, "b", "");
        f.daemon = daemon_free(f.daemon);
        fixture_start(&f);
        assert(renameat(f.daemon->containers_fd, "a/state", f.daemon->containers_fd, "b/state") ==
               0);
        assert(fixture_restore(&f, "b", &c) == -EBADMSG);
        assert(renameat(f.daemon->containers_fd, "a/config", f.daemon->containers_fd, "b/config") ==
               0);
        assert(fixture_restore(&f, "b", &c) == -EINVAL);
        fixture_done(&f);
        puts("ok: restore foreign");
}

int main(void)
{
        log_set_max_level(LOG_EMERG);
        (void) signal(SIGPIPE, SIG_IGN);
        test_create();
        test_remove();
        test_remove_endless();
        test_remove_large();
        test_exec_limits();
        test_restore();
        test_restore_rows();
        test_store_lost();
        test_restore_foreign();
        test_crash();
        test_owed();
        test_create_failure();
        test_restore_damaged();
        return 0;
}
