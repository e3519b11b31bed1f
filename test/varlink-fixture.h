/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A varlink server and its peers in one process and one thread: whatever a peer does, pump() lets
 * the server do all it can, and nothing depends on time.
 */

#undef NDEBUG
#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/base.h"
#include "io/varlink.h"

#define SERVICE "org.varlink.service"
#define FIXTURE_CALLS_MAX 256

typedef struct Fixture {
        char directory[32];
        char path[64];
        int listen_fd;
        sd_event *event;
        VarlinkServer *server;
        VarlinkCall *calls[FIXTURE_CALLS_MAX]; /* not answered yet, see Wait */
        size_t n_calls;
        unsigned n_notes; /* calls of Note */
        unsigned n_long;  /* calls of Long */
} Fixture;

static void fixture_echo(VarlinkCall *call, json_t *parameters, void *userdata)
{
        varlink_call_reply(call, json_incref(parameters));
}

static void fixture_wait(VarlinkCall *call, json_t *parameters, void *userdata)
{
        Fixture *f = userdata;

        assert(f->n_calls < FIXTURE_CALLS_MAX);
        f->calls[f->n_calls++] = call;
}

static void fixture_note(VarlinkCall *call, json_t *parameters, void *userdata)
{
        Fixture *f = userdata;

        f->n_notes++;
        varlink_call_reply(call, NULL);
}

#define FIXTURE_LONG_USEC 50000U

static void fixture_long(VarlinkCall *call, json_t *parameters, void *userdata)
{
        Fixture *f = userdata;

        (void) usleep(FIXTURE_LONG_USEC);
        varlink_call_reply(call, json_pack("{si}", "n", ++f->n_long));
}

static void fixture_fail(VarlinkCall *call, json_t *parameters, void *userdata)
{
        varlink_call_error(call, "io.test.Failed", json_pack("{si}", "code", 7));
}

/* Replies with a text of that many bytes. */
static void fixture_fill(VarlinkCall *call, json_t *parameters, void *userdata)
{
        size_t size = (size_t) json_integer_value(json_object_get(parameters, "size"));
        _cleanup_free_ char *text = malloc(size + 1);

        assert(text);
        memset(text, 'x', size);
        varlink_call_reply(call, json_pack("{ss%}", "text", text, size));
}

/* Takes these of the file descriptors that came along, in this order. Replies with the numbers of
 * their files, 0 for one that is not there. */
static void fixture_take(VarlinkCall *call, json_t *parameters, void *userdata)
{
        json_t *files = json_array(), *index;
        struct stat st;
        size_t i;

        json_array_foreach(json_object_get(parameters, "indexes"), i, index) {
                int fd = varlink_call_take_fd(call, (size_t) json_integer_value(index));

                assert(fd >= 0 || fd == -EBADF);
                if (fd >= 0)
                        assert(fstat(fd, &st) == 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
                json_array_append_new(files, json_integer(fd < 0 ? 0 : (json_int_t) st.st_ino));
                base_close(fd);
        }
        varlink_call_reply(call, json_pack("{so}", "files", files));
}

static const VarlinkParameter fixture_echo_parameters[] = {
        { "text", JSON_STRING, true }, { "number", JSON_INTEGER, false },
        { "flag", JSON_TRUE, false },  { "list", JSON_ARRAY, false },
        { "map", JSON_OBJECT, false },
};
static const VarlinkParameter fixture_fill_parameters[] = { { "size", JSON_INTEGER, true } };
static const VarlinkParameter fixture_take_parameters[] = { { "indexes", JSON_ARRAY, true } };

static const VarlinkMethod fixture_methods[] = {
        { "Echo", fixture_echo_parameters, ARRAY_SIZE(fixture_echo_parameters), fixture_echo },
        { "Wait", NULL, 0, fixture_wait },
        { "Note", NULL, 0, fixture_note },
        { .name = "Long", .handler = fixture_long, .is_long = true },
        { "Fail", NULL, 0, fixture_fail },
        { "Fill", fixture_fill_parameters, ARRAY_SIZE(fixture_fill_parameters), fixture_fill },
        { "Take", fixture_take_parameters, ARRAY_SIZE(fixture_take_parameters), fixture_take },
        { "Later", NULL, 0, NULL },
};

static const VarlinkInterface fixture_interface = {
        .vendor = "Vendor",
        .product = "Product",
        .version = "1",
        .url = "https://example.org",
        .name = "io.test",
        .description = "interface io.test\nmethod Wait() -> ()\n",
        .methods = fixture_methods,
        .n_methods = ARRAY_SIZE(fixture_methods),
};

/* Only the socket: for a server in a child process, because sd-event does not survive fork(2). */
static inline void fixture_listen(Fixture *f)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        *f = (Fixture){ .directory = "/tmp/test-varlink-XXXXXX" };
        assert(mkdtemp(f->directory));
        (void) snprintf(f->path, sizeof(f->path), "%s/socket", f->directory);
        strcpy(address.sun_path, f->path);

        f->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert(f->listen_fd >= 0);
        assert(bind(f->listen_fd, (struct sockaddr *) &address, sizeof(address)) >= 0);
        assert(listen(f->listen_fd, 4096) >= 0);
}

static inline void fixture_serve(Fixture *f)
{
        assert(sd_event_new(&f->event) >= 0);
        assert(varlink_server_new(&f->server, f->event, f->listen_fd, &fixture_interface, f) >= 0);
}

static inline void fixture_init(Fixture *f)
{
        fixture_listen(f);
        fixture_serve(f);
}

static inline void fixture_done(Fixture *f)
{
        varlink_server_free(f->server);
        for (size_t i = 0; i < f->n_calls; i++)
                varlink_call_reply(f->calls[i], NULL);
        sd_event_unref(f->event);
        assert(unlink(f->path) >= 0);
        assert(rmdir(f->directory) >= 0);
}

/* Lets the server do all it can. Returns how often it woke up. */
static inline unsigned pump(Fixture *f)
{
        unsigned n = 0;

        while (sd_event_run(f->event, 0) > 0)
                assert(++n < 1000000);
        return n;
}

static inline int peer_new(Fixture *f)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd;

        strcpy(address.sun_path, f->path);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert(fd >= 0);
        assert(connect(fd, (struct sockaddr *) &address, sizeof(address)) >= 0);
        return fd;
}

/* Sends all of it, with the server taking what it likes meanwhile. */
static inline void peer_send(Fixture *f, int fd, const char *bytes, size_t size)
{
        while (size > 0) {
                ssize_t n = send(fd, bytes, size, MSG_NOSIGNAL);

                if (n < 0) {
                        assert(errno == EAGAIN && pump(f) > 0);
                        continue;
                }
                bytes += n;
                size -= (size_t) n;
        }
}

/* Sends one message: text and its NUL. */
static inline void peer_ask(Fixture *f, int fd, const char *text)
{
        peer_send(f, fd, text, strlen(text) + 1);
}

/* The next message, or NULL when there is none now. Byte by byte, so that nothing is read ahead. */
static inline json_t *peer_read(Fixture *f, int fd)
{
        size_t size = 0, allocated = 4096;
        char *text = malloc(allocated);
        json_t *message = NULL;
        ssize_t n;

        assert(text);
        for (;;) {
                (void) pump(f);
                n = recv(fd, text + size, 1, 0);
                if (n <= 0)
                        break;
                if (text[size] == 0) {
                        message = json_loads(text, 0, NULL);
                        assert(message);
                        break;
                }
                if (++size == allocated)
                        assert((text = realloc(text, allocated *= 2)));
        }
        assert(message || size == 0);
        free(text);
        return message;
}

static inline bool peer_is_closed(Fixture *f, int fd)
{
        char c;
        ssize_t n;

        (void) pump(f);
        n = recv(fd, &c, 1, MSG_PEEK);
        return n == 0 || (n < 0 && errno == ECONNRESET);
}

/* The next message is this error, with one parameter (or none: NULL). */
static inline void peer_expect_error(Fixture *f, int fd, const char *error, const char *key,
                                     const char *value)
{
        json_auto_t *message = peer_read(f, fd);
        json_t *parameters = json_object_get(message, "parameters");

        assert(message);
        assert(strcmp(json_string_value(json_object_get(message, "error")), error) == 0);
        assert(json_object_size(parameters) == (key ? 1 : 0));
        if (key)
                assert(strcmp(json_string_value(json_object_get(parameters, key)), value) == 0);
}

/* The next message is a reply with exactly these parameters. */
static inline void peer_expect(Fixture *f, int fd, const char *parameters)
{
        json_auto_t *message = peer_read(f, fd), *expected = json_loads(parameters, 0, NULL);

        assert(message && expected);
        assert(!json_object_get(message, "error") && !json_object_get(message, "continues"));
        assert(json_equal(json_object_get(message, "parameters"), expected));
}

static inline unsigned count_fds(void)
{
        DIR *d = opendir("/proc/self/fd");
        unsigned n = 0;

        assert(d);
        while (readdir(d))
                n++;
        closedir(d);
        return n;
}

#define NOTE "{\"method\":\"io.test.Note\"}"
#define WAIT "{\"method\":\"io.test.Wait\"}"

static inline void expect_answered(Fixture *f, int fd)
{
        peer_ask(f, fd, NOTE);
        peer_expect(f, fd, "{}");
}

/* Lets the server work for that long. */
static inline void pump_for(Fixture *f, uint64_t usec)
{
        uint64_t now, end;

        assert(sd_event_now(f->event, CLOCK_MONOTONIC, &now) >= 0);
        for (end = now + usec; now < end;) {
                assert(sd_event_run(f->event, end - now) >= 0);
                assert(sd_event_now(f->event, CLOCK_MONOTONIC, &now) >= 0);
        }
}

/* Runs one test on a server of its own. */
static inline void run(const char *name, void (*test)(Fixture *f))
{
        Fixture f;

        fixture_init(&f);
        test(&f);
        fixture_done(&f);
        printf("ok: %s\n", name);
}

/* For the begin of main(): the server takes root's calls only, and these tests are peers of their
 * own. */
static inline void need_root(void)
{
        setlinebuf(stdout);
        if (getuid() == 0)
                return;
        puts("skipped: must be root");
        exit(77);
}
