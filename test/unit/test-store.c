/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the service manager keeps: here a socket of the test, read when the test likes. */

#include "../daemon-fixture.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/log.h"

#define STORE_TEXT "FDSTORE=1\nFDPOLL=0\nFDNAME="
#define REMOVE_TEXT "FDSTOREREMOVE=1\nFDNAME="

/* Gives the daemon a service manager. Returns what that reads from. */
static int manage(Fixture *f)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd;

        (void) snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", f->temporary.path);
        (void) unlinkat(f->temporary.fd, "notify", 0);
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        assert(bind(fd, (struct sockaddr *) &address, sizeof(address)) == 0);
        assert(setenv("NOTIFY_SOCKET", address.sun_path, 1) == 0);
        notify_free(f->daemon->notify);
        assert(notify_new(&f->daemon->notify, f->daemon->event) == 0);
        store_init(&f->daemon->store, f->daemon->notify);
        return fd;
}

/* The next message, without the fds that came with it; "" for none. */
static const char *hear(int fd, char text[256])
{
        ssize_t n = recv(fd, text, 255, 0);

        assert(n >= 0 || errno == EAGAIN);
        text[MAX(n, 0)] = '\0';
        return text;
}

/* The next message begins like that, and ends in that name. */
static void expect_heard(int fd, const char *begin, const char *name)
{
        char text[256], wanted[256];

        (void) snprintf(wanted, sizeof(wanted), "%s%s", begin, name);
        assert(strcmp(hear(fd, text), wanted) == 0);
}

static const char *store_name(Container *c)
{
        return TAILQ_FIRST(&c->fifos)->store_name;
}

static void test_names(void)
{
        char name[FDSTORE_NAME_MAX_BYTES + 1];
        Container *a, *b;
        Fixture f;
        int fd;

        fixture_init(&f);
        fd = manage(&f);
        /* One is taken from the start, by a container that cannot be opened. */
        assert(store_add(&f.daemon->store, dup(f.temporary.fd), "100") == 0);
        assert(store_add(&f.daemon->store, dup(f.temporary.fd), "somebody else's") == 0);
        store_sort(&f.daemon->store);
        store_close_rest(&f.daemon->store, false);
        assert(f.daemon->store.n_kept == 2);
        a = fixture_create(&f, "a", "");
        b = fixture_create(&f, "b", "");
        expect_heard(fd, STORE_TEXT, "000");
        expect_heard(fd, STORE_TEXT, "200");
        assert(strcmp(store_name(b), "200") == 0 && f.daemon->store.n_kept == 8);

        /* A name is used again when all others have been, and only if it is free. */
        strcpy(name, store_name(a));
        container_remove(a, NULL);
        expect_heard(fd, REMOVE_TEXT, name);
        assert(f.daemon->store.n_kept == 5);
        f.daemon->store.next_name = STORE_NAMES - 1;
        (void) fixture_create(&f, "c", "");
        expect_heard(fd, STORE_TEXT, "zzz");
        (void) fixture_create(&f, "d", "");
        expect_heard(fd, STORE_TEXT, "000");
        (void) fixture_create(&f, "e", "");
        expect_heard(fd, STORE_TEXT, "300");
        base_close(fd);
        fixture_done(&f);
        puts("ok: names");
}

/* A manager that is behind: sets wait, in their order, and what is gone meanwhile is not sent. */
static void test_slow_manager(void)
{
        enum { N = 64 };
        unsigned n_waiting = 0, n_heard = 0, n_fds = temporary_count_fds();
        Container *containers[N];
        char id[8], text[256];
        Fixture f;
        int fd;

        fixture_init(&f);
        fd = manage(&f);
        for (unsigned i = 0; i < N; i++) {
                (void) snprintf(id, sizeof(id), "c%u", i);
                containers[i] = fixture_create(&f, id, "");
                n_waiting += TAILQ_FIRST(&containers[i]->fifos)->is_waiting;
        }
        /* Few are under way: the manager sees to the end of a service behind them. */
        assert(n_waiting > N - 10 && n_waiting < N);

        container_remove(containers[N - 2], NULL);
        (void) pump(&f);
        assert(pump(&f) == 0);
        while (*hear(fd, text)) {
                assert(strncmp(text, STORE_TEXT, strlen(STORE_TEXT)) == 0);
                assert(strcmp(text + strlen(STORE_TEXT), store_name(containers[n_heard])) == 0);
                n_heard += n_heard == N - 3 ? 2 : 1;
                (void) pump(&f);
        }
        assert(n_heard == N);
        assert(TAILQ_EMPTY(&f.daemon->store.waiting));
        assert(!TAILQ_FIRST(&containers[N - 1]->fifos)->is_waiting);
        base_close(fd);
        fixture_done(&f);
        assert(temporary_count_fds() == n_fds);
        puts("ok: a slow manager");
}

/* A set of which the manager has a part: that goes out, and then all come in. */
static void test_part(void)
{
        StoredFd *stored;
        char text[256];
        char name[FDSTORE_NAME_MAX_BYTES + 1];
        Container *c;
        Fixture f;
        size_t n;
        int fd;

        fixture_init(&f);
        c = fixture_create(&f, "web", "");
        stored = fixture_store(f.daemon, &n);
        assert(n == 3);
        c = NULL;
        f.daemon = daemon_free(f.daemon);
        assert(unlinkat(f.temporary.fd, "containers/web/init-stderr", 0) == 0);
        assert(mkfifoat(f.temporary.fd, "containers/web/init-stderr", 0622) == 0);

        fixture_start(&f);
        fd = manage(&f);
        for (size_t i = 0; i < n; i++)
                assert(store_add(&f.daemon->store, stored[i].fd, "abc") == 0);
        store_sort(&f.daemon->store);
        assert(fixture_restore(&f, "web", &c) == 0);
        /* The FIFO that was replaced is left of it, and goes once more: nobody has its name now. */
        expect_heard(fd, REMOVE_TEXT, "abc");
        strcpy(name, store_name(c));
        assert(strcmp(name, "abc") != 0);
        expect_heard(fd, STORE_TEXT, name);
        store_close_rest(&f.daemon->store, true);
        expect_heard(fd, REMOVE_TEXT, "abc");
        assert(!*hear(fd, text));
        free(stored);
        base_close(fd);
        fixture_done(&f);
        puts("ok: a part");
}

static void expect_refused(Fixture *f, const char *limit, int value)
{
        json_auto_t *request = json_pack("{s:s, s:s}", "id", "more", "driver", "none");
        unsigned n_fds = temporary_count_fds();
        Refusal refusal = {};
        Container *c;

        assert(daemon_create_container(f->daemon, request, NULL, &c, &refusal) == -EINVAL);
        assert(strcmp(refusal.error, "io.conlogd.LimitReached") == 0);
        assert(strcmp(json_string_value(json_object_get(refusal.parameters, "limit")), limit) == 0);
        assert(json_integer_value(json_object_get(refusal.parameters, "value")) == value);
        refusal_done(&refusal);
        assert(temporary_count_fds() == n_fds);
        assert(!temporary_has(&f->temporary, "containers/more"));
}

/* What would not be kept is not made. */
static void test_limits(void)
{
        struct rlimit old, limit;
        rlim_t movable;
        Refusal refusal = {};
        Container *c;
        Fifos *exec;
        Fixture f;

        assert(setenv("FDSTORE", "8", 1) == 0);
        fixture_init(&f);
        c = fixture_create(&f, "a", "");
        (void) fixture_create(&f, "b", "");
        expect_refused(&f, "FileDescriptorStoreMax", 8);
        container_remove(c, NULL);
        c = fixture_create(&f, "more", ", \"stdin\": false");
        assert(f.daemon->store.n_kept == 5);
        assert(container_exec(c, "sh", false, true, &exec, &refusal) == 0);
        assert(f.daemon->store.n_kept == 8);
        fixture_done(&f);

        /* A variable that is damaged: the unit's own number holds, and here fewer fds than that. */
        assert(setenv("FDSTORE", "many", 1) == 0);
        assert(getrlimit(RLIMIT_NOFILE, &old) == 0);
        limit = (struct rlimit){ FDS_RESERVED + 6, old.rlim_max };
        assert(setrlimit(RLIMIT_NOFILE, &limit) == 0);
        fixture_init(&f);
        (void) fixture_create(&f, "a", "");
        expect_refused(&f, "LimitNOFILE", 4);
        fixture_done(&f);
        assert(setrlimit(RLIMIT_NOFILE, &old) == 0);

        assert(unsetenv("FDSTORE") == 0);
        fixture_init(&f);
        movable = (MIN(old.rlim_cur, (rlim_t) 1 << 20) - FDS_RESERVED) / 3 * 2;
        assert(f.daemon->store.kept_max == MIN(movable, FDSTORE_MAX));
        fixture_done(&f);
        puts("ok: limits");
}

int main(void)
{
        log_set_max_level(LOG_EMERG);
        (void) alarm(60);
        test_names();
        test_slow_manager();
        test_part();
        test_limits();
        return 0;
}
