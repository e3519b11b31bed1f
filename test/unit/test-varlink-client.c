/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Varlink, the client side: against our own server, and against peers that are none. */

#include "../slow.h"
#include "../varlink-fixture.h"

#include <signal.h>
#include <sys/wait.h>

#include "base/limits.h"
#include "io/varlink-client.h"

static void test_server(const Fixture *f)
{
        _cleanup_(varlink_client_freep) VarlinkClient *client = NULL;
        _cleanup_(varlink_reply_done) VarlinkReply echo = {}, failed = {}, filled = {}, none = {};
        int size = test_is_slow() ? 2000000 : 20000000;

        assert(varlink_client_new(&client, f->path) >= 0);
        assert(varlink_client_call(client, "io.test.Echo", json_pack("{ss}", "text", "ä\n"),
                                   &echo) == 0);
        assert(!echo.error);
        assert(strcmp(json_string_value(json_object_get(echo.parameters, "text")), "ä\n") == 0);

        assert(varlink_client_call(client, "io.test.Fail", NULL, &failed) == 0);
        assert(strcmp(failed.error, "io.test.Failed") == 0);
        assert(json_integer_value(json_object_get(failed.parameters, "code")) == 7);

        assert(varlink_client_call(client, "io.test.Fill", json_pack("{si}", "size", size),
                                   &filled) == 0);
        assert(json_string_length(json_object_get(filled.parameters, "text")) == (size_t) size);

        assert(varlink_client_call(client, "io.test.Note", NULL, &none) == 0);
        assert(!none.error && json_object_size(none.parameters) == 0);
}

/* A server that refuses the request before it has read it whole. */
static void test_too_large(const Fixture *f)
{
        _cleanup_(varlink_client_freep) VarlinkClient *client = NULL;
        _cleanup_(varlink_reply_done) VarlinkReply reply = {};
        _cleanup_free_ char *text = calloc(1, 4 * VARLINK_MESSAGE_MAX_BYTES);

        assert(text);
        memset(text, 'x', 4 * VARLINK_MESSAGE_MAX_BYTES - 1);
        assert(varlink_client_new(&client, f->path) >= 0);
        assert(varlink_client_call(client, "io.test.Echo", json_pack("{ss}", "text", text),
                                   &reply) == 0);
        assert(strcmp(reply.error, SERVICE ".InvalidParameter") == 0);
}

static void test_timeout(const Fixture *f)
{
        _cleanup_(varlink_client_freep) VarlinkClient *client = NULL;
        VarlinkReply reply;

        assert(varlink_client_new(&client, f->path) >= 0);
        assert(varlink_client_set_timeout(client, 50000) >= 0);
        assert(varlink_client_call(client, "io.test.Wait", NULL, &reply) == -EAGAIN);
}

/* Fds arrive, also with a request that is sent in several pieces; ours stay open. */
static void test_fds(const Fixture *f)
{
        static const size_t paddings[] = { 0, 900 * 1024 };
        _cleanup_(varlink_client_freep) VarlinkClient *client = NULL;
        int fds[] = { STDERR_FILENO, f->listen_fd, STDERR_FILENO };
        struct stat st;

        assert(fstat(f->listen_fd, &st) == 0);
        assert(varlink_client_new(&client, f->path) >= 0);
        for (size_t i = 0; i < ARRAY_SIZE(paddings); i++) {
                _cleanup_(varlink_reply_done) VarlinkReply reply = {};
                _cleanup_free_ char *padding = calloc(1, paddings[i] + 1);
                json_t *files;

                assert(padding);
                memset(padding, 'x', paddings[i]);
                assert(varlink_client_call_with_fds(
                               client, "io.test.Take",
                               json_pack("{s:[i, i, s]}", "indexes", 1, 3, padding), fds,
                               ARRAY_SIZE(fds), &reply) == 0);
                files = json_object_get(reply.parameters, "files");
                assert(json_integer_value(json_array_get(files, 0)) == (json_int_t) st.st_ino);
                assert(json_integer_value(json_array_get(files, 1)) == 0);
                assert(fcntl(f->listen_fd, F_GETFD) >= 0);
        }
}

static void test_path(void)
{
        VarlinkClient *client;
        char path[200] = "/";

        assert(varlink_client_new(&client, "/nowhere/socket") == -ENOENT);
        memset(path + 1, 'x', sizeof(path) - 2);
        assert(varlink_client_new(&client, path) == -ENAMETOOLONG);
}

/* A peer that answers one request with these bytes and hangs up. */
static void test_answer(const Fixture *f, const char *bytes, size_t size, int expected)
{
        _cleanup_(varlink_client_freep) VarlinkClient *client = NULL;
        _cleanup_(varlink_reply_done) VarlinkReply reply = {};
        int status;
        pid_t pid;

        pid = fork();
        assert(pid >= 0);
        if (pid == 0) {
                int fd;
                char c;

                assert(fcntl(f->listen_fd, F_SETFL, 0) >= 0);
                fd = accept(f->listen_fd, NULL, NULL);
                while (read(fd, &c, 1) == 1 && c != 0)
                        ;
                _exit(write(fd, bytes, size) != (ssize_t) size);
        }

        assert(varlink_client_new(&client, f->path) >= 0);
        assert(varlink_client_call(client, "io.test.Note", NULL, &reply) == expected);
        assert(expected < 0 || json_is_object(reply.parameters));
        assert(waitpid(pid, &status, 0) == pid && status == 0);
}

#define TEST_ANSWER(f, text, expected) test_answer(f, text, sizeof(text), expected)

static void test_answers(const Fixture *f)
{
        TEST_ANSWER(f, "{}", 0);
        TEST_ANSWER(f, "{\"parameters\":null}", 0);
        TEST_ANSWER(f, "{\"error\":null}", 0);
        TEST_ANSWER(f, "{\"error\":\"io.test.Failed\",\"other\":1}", 0);
        TEST_ANSWER(f, "{\"error\":1}", -EBADMSG);
        TEST_ANSWER(f, "{\"parameters\":[]}", -EBADMSG);
        TEST_ANSWER(f, "[]", -EBADMSG);
        TEST_ANSWER(f, "", -EBADMSG);
        TEST_ANSWER(f, "{\"parameters\":{}", -EBADMSG);
        test_answer(f, "", 0, -ECONNRESET);
        test_answer(f, "{\"parameters\":{}}", 17, -ECONNRESET);
}

int main(void)
{
        Fixture f;
        pid_t pid;

        if (getuid() != 0) {
                puts("skipped: must be root");
                return 77;
        }

        fixture_listen(&f);
        test_path();
        puts("ok: paths");

        fflush(stdout);
        pid = fork();
        assert(pid >= 0);
        if (pid == 0) {
                fixture_serve(&f);
                (void) sd_event_loop(f.event);
                _exit(EXIT_FAILURE);
        }
        test_server(&f);
        puts("ok: calls and errors");
        test_fds(&f);
        puts("ok: file descriptors");
        test_too_large(&f);
        puts("ok: too large a request");
        test_timeout(&f);
        puts("ok: time-out");
        assert(kill(pid, SIGKILL) >= 0 && waitpid(pid, NULL, 0) == pid);

        fflush(stdout);
        test_answers(&f);
        puts("ok: strange answers");
        fixture_done(&f);
        (void) base_close(f.listen_fd);
        return 0;
}
