/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Varlink, the server: methods, parameters, flags and errors, and who may call. */

#include "../varlink-fixture.h"

#include <sys/wait.h>

static void test_call(Fixture *f)
{
        _cleanup_close_ int fd = peer_new(f);

        peer_ask(f, fd, "{\"method\":\"io.test.Echo\",\"parameters\":{\"text\":\"a\"}}");
        peer_expect(f, fd, "{\"text\":\"a\"}");
        peer_ask(f, fd, "{\"method\":\"io.test.Note\"}");
        peer_expect(f, fd, "{}");
}

static void test_error(Fixture *f)
{
        _cleanup_close_ int fd = peer_new(f);
        json_auto_t *message = NULL, *expected = NULL;

        peer_ask(f, fd, "{\"method\":\"io.test.Fail\"}");
        message = peer_read(f, fd);
        expected = json_pack("{ss s{si}}", "error", "io.test.Failed", "parameters", "code", 7);
        assert(json_equal(message, expected));
}

static void test_parameters(Fixture *f)
{
        static const struct {
                const char *given;
                const char *bad; /* NULL: fine */
        } cases[] = {
                { "{\"text\":\"\"}", NULL },
                { "{\"text\":\"a\",\"number\":-1,\"flag\":false,\"list\":[],\"map\":{}}", NULL },
                { "{\"text\":\"a\",\"number\":9223372036854775807,\"flag\":true}", NULL },
                { "{}", "text" },
                { "{\"text\":null}", "text" },
                { "{\"text\":1}", "text" },
                { "{\"text\":[\"a\"]}", "text" },
                { "{\"text\":\"a\",\"number\":\"1\"}", "number" },
                { "{\"text\":\"a\",\"number\":1.0}", "number" },
                { "{\"text\":\"a\",\"flag\":1}", "flag" },
                { "{\"text\":\"a\",\"flag\":\"true\"}", "flag" },
                { "{\"text\":\"a\",\"list\":{}}", "list" },
                { "{\"text\":\"a\",\"map\":[]}", "map" },
                { "{\"text\":\"a\",\"other\":1}", "other" },
                { "{\"text\":\"a\",\"other\":null}", "other" },
                { "{\"text\":\"a\",\"\":1}", "" },
                { "{\"Text\":\"a\"}", "Text" },
        };
        _cleanup_close_ int fd = peer_new(f);
        char text[256];

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                (void) snprintf(text, sizeof(text),
                                "{\"method\":\"io.test.Echo\",\"parameters\":%s}", cases[i].given);
                peer_ask(f, fd, text);
                if (cases[i].bad)
                        peer_expect_error(f, fd, SERVICE ".InvalidParameter", "parameter",
                                          cases[i].bad);
                else
                        peer_expect(f, fd, cases[i].given);
        }

        /* Null members are not seen by the method. */
        peer_ask(f, fd,
                 "{\"method\":\"io.test.Echo\",\"parameters\":{\"text\":\"a\",\"map\":null,"
                 "\"flag\":null}}");
        peer_expect(f, fd, "{\"text\":\"a\"}");
        peer_ask(f, fd, "{\"method\":\"io.test.Note\",\"parameters\":null}");
        peer_expect(f, fd, "{}");
}

static void test_unknown(Fixture *f)
{
        static const struct {
                const char *method;
                const char *error;
                const char *key;
                const char *value;
        } cases[] = {
                { "io.test.Nothing", ".MethodNotFound", "method", "io.test.Nothing" },
                { "io.test.echo", ".MethodNotFound", "method", "io.test.echo" },
                { "io.test.", ".MethodNotFound", "method", "io.test." },
                { "io.test.Later", ".MethodNotImplemented", "method", "io.test.Later" },
                { "org.varlink.service.X", ".MethodNotFound", "method", "org.varlink.service.X" },
                { "io.tes.Echo", ".InterfaceNotFound", "interface", "io.tes" },
                { "io.testing.Echo", ".InterfaceNotFound", "interface", "io.testing" },
                { "Echo", ".InterfaceNotFound", "interface", "" },
                { ".Echo", ".InterfaceNotFound", "interface", "" },
                { "", ".InterfaceNotFound", "interface", "" },
                { "io.test", ".InterfaceNotFound", "interface", "io" },
        };
        _cleanup_close_ int fd = peer_new(f);
        char text[256], error[64];

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                (void) snprintf(text, sizeof(text), "{\"method\":\"%s\"}", cases[i].method);
                (void) snprintf(error, sizeof(error), SERVICE "%s", cases[i].error);
                peer_ask(f, fd, text);
                peer_expect_error(f, fd, error, cases[i].key, cases[i].value);
        }
}

static void test_oneway(Fixture *f)
{
        _cleanup_close_ int fd = peer_new(f);
        unsigned n = f->n_notes;

        peer_ask(f, fd, "{\"method\":\"io.test.Note\",\"oneway\":true}");
        peer_ask(f, fd, "{\"method\":\"io.test.Nothing\",\"oneway\":true}");
        peer_ask(f, fd, "{\"method\":\"io.test.Echo\",\"oneway\":true}");
        peer_ask(f, fd, "{\"method\":\"io.test.Echo\",\"parameters\":{\"text\":\"after\"}}");
        peer_expect(f, fd, "{\"text\":\"after\"}");
        assert(f->n_notes == n + 1);

        /* Said and gone. */
        peer_ask(f, fd, "{\"method\":\"io.test.Note\",\"oneway\":true}");
        peer_ask(f, fd, "{\"method\":\"io.test.Note\",\"oneway\":true}");
        fd = base_close(fd);
        (void) pump(f);
        assert(f->n_notes == n + 3);
        assert(varlink_server_n_connections(f->server) == 0);
}

static void test_more_and_upgrade(Fixture *f)
{
        _cleanup_close_ int fd = peer_new(f);

        peer_ask(f, fd, "{\"method\":\"io.test.Note\",\"more\":true}");
        peer_expect(f, fd, "{}");
        peer_ask(f, fd, "{\"method\":\"io.test.Note\",\"more\":false,\"upgrade\":null}");
        peer_expect(f, fd, "{}");
        peer_ask(f, fd, "{\"method\":\"io.test.Note\",\"upgrade\":true}");
        peer_expect_error(f, fd, SERVICE ".InvalidParameter", "parameter", "upgrade");
        peer_ask(f, fd, "{\"method\":\"io.test.Note\",\"extension\":true}");
        peer_expect(f, fd, "{}");
}

static void test_pipelining(Fixture *f)
{
        static const char requests[] =
                "{\"method\":\"io.test.Echo\",\"parameters\":{\"text\":\"1\"}}\0"
                "{\"method\":\"io.test.Wait\"}\0"
                "{\"method\":\"io.test.Echo\",\"parameters\":{\"text\":\"3\"}}\0"
                "{\"method\":\"io.test.Wait\"}\0"
                "{\"method\":\"io.test.Wait\",\"oneway\":true}\0"
                "{\"method\":\"io.test.Echo\",\"parameters\":{\"text\":\"6\"}}";
        _cleanup_close_ int fd = peer_new(f);

        peer_send(f, fd, requests, sizeof(requests));
        peer_expect(f, fd, "{\"text\":\"1\"}");
        assert(!peer_read(f, fd));

        /* One at a time. */
        assert(f->n_calls == 1);
        f->n_calls = 0;
        varlink_call_reply(f->calls[0], json_pack("{si}", "is", 2));
        peer_expect(f, fd, "{\"is\":2}");
        peer_expect(f, fd, "{\"text\":\"3\"}");

        assert(f->n_calls == 1);
        f->n_calls = 0;
        varlink_call_error(f->calls[0], "io.test.Four", NULL);
        peer_expect_error(f, fd, "io.test.Four", NULL, NULL);

        assert(!peer_read(f, fd));
        assert(f->n_calls == 1);
        f->n_calls = 0;
        varlink_call_reply(f->calls[0], NULL);
        peer_expect(f, fd, "{\"text\":\"6\"}");
        assert(!peer_read(f, fd) && !peer_is_closed(f, fd));
}

/* Long calls are carried out one by one, in their order; what is short comes between them, and the
 * loop has time for other things. */
static void test_long(Fixture *f)
{
        _cleanup_close_ int first = peer_new(f), second = peer_new(f), gone = peer_new(f);
        _cleanup_close_ int third = peer_new(f), other = peer_new(f);
        uint64_t begin, end;

        peer_ask(f, first, "{\"method\":\"io.test.Long\"}");
        peer_ask(f, second, "{\"method\":\"io.test.Long\"}");
        peer_ask(f, gone, "{\"method\":\"io.test.Long\"}");
        peer_ask(f, third, "{\"method\":\"io.test.Long\",\"oneway\":true}");
        peer_ask(f, third, "{\"method\":\"io.test.Long\",\"parameters\":{\"n\":1}}");
        while (f->n_long == 0)
                assert(sd_event_run(f->event, 1000000) > 0);
        assert(sd_event_now(f->event, CLOCK_MONOTONIC, &begin) >= 0);
        gone = base_close(gone);
        peer_ask(f, other, "{\"method\":\"io.test.Note\"}");
        peer_expect(f, other, "{}");
        /* One, and another one only after a pause as long as it, if that has passed by now. */
        assert(sd_event_now(f->event, CLOCK_MONOTONIC, &end) >= 0);
        assert(end - begin >= (f->n_long - 1) * UINT64_C(2) * FIXTURE_LONG_USEC);
        peer_expect(f, first, "{\"n\":1}");

        while (f->n_long == 1)
                assert(sd_event_run(f->event, 1000000) > 0);
        assert(sd_event_now(f->event, CLOCK_MONOTONIC, &end) >= 0);
        assert(end - begin >= FIXTURE_LONG_USEC / 2);
        peer_expect(f, second, "{\"n\":2}");
        while (f->n_long == 2)
                assert(sd_event_run(f->event, 1000000) > 0);
        peer_expect_error(f, third, SERVICE ".InvalidParameter", "parameter", "n");
        assert(f->n_long == 3);
}

/* As many as there may be wait for theirs: one more is let in, and the first goes. */
static void test_many_long(Fixture *f)
{
        int peers[128];
        _cleanup_close_ int late = -1;

        for (size_t i = 0; i < ARRAY_SIZE(peers); i++) {
                peers[i] = peer_new(f);
                peer_ask(f, peers[i], "{\"method\":\"io.test.Long\"}");
                peer_ask(f, peers[i], "{\"method\":\"io.test.Long\"}");
                (void) pump(f);
        }
        late = peer_new(f);
        peer_ask(f, late, "{\"method\":\"io.test.Note\"}");
        peer_expect(f, late, "{}");
        assert(f->n_long < ARRAY_SIZE(peers) && varlink_server_n_connections(f->server) == 128);
        for (size_t i = 0; i < ARRAY_SIZE(peers); i++)
                (void) close(peers[i]);
}

static void test_service(Fixture *f)
{
        _cleanup_close_ int fd = peer_new(f);
        json_auto_t *message = NULL;
        const char *text;

        peer_ask(f, fd, "{\"method\":\"org.varlink.service.GetInfo\"}");
        peer_expect(f, fd,
                    "{\"vendor\":\"Vendor\",\"product\":\"Product\",\"version\":\"1\","
                    "\"url\":\"https://example.org\","
                    "\"interfaces\":[\"org.varlink.service\",\"io.test\"]}");

        peer_ask(f, fd,
                 "{\"method\":\"org.varlink.service.GetInterfaceDescription\","
                 "\"parameters\":{\"interface\":\"io.test\"}}");
        peer_expect(f, fd, "{\"description\":\"interface io.test\\nmethod Wait() -> ()\\n\"}");

        peer_ask(f, fd,
                 "{\"method\":\"org.varlink.service.GetInterfaceDescription\","
                 "\"parameters\":{\"interface\":\"org.varlink.service\"}}");
        message = peer_read(f, fd);
        text = json_string_value(
                json_object_get(json_object_get(message, "parameters"), "description"));
        assert(text && strstr(text, "\ninterface org.varlink.service\n"));
        assert(strstr(text, "\nmethod GetInterfaceDescription(interface: string) -> "));

        peer_ask(f, fd,
                 "{\"method\":\"org.varlink.service.GetInterfaceDescription\","
                 "\"parameters\":{\"interface\":\"io.other\"}}");
        peer_expect_error(f, fd, SERVICE ".InterfaceNotFound", "interface", "io.other");
        peer_ask(f, fd, "{\"method\":\"org.varlink.service.GetInterfaceDescription\"}");
        peer_expect_error(f, fd, SERVICE ".InvalidParameter", "parameter", "interface");
}

static void test_peer_gone(Fixture *f)
{
        _cleanup_close_ int gone = peer_new(f), stays = peer_new(f);

        peer_ask(f, gone, "{\"method\":\"io.test.Wait\"}");
        peer_ask(f, stays, "{\"method\":\"io.test.Wait\"}");
        (void) pump(f);
        assert(f->n_calls == 2 && varlink_server_n_connections(f->server) == 2);

        gone = base_close(gone);
        (void) pump(f);
        assert(varlink_server_n_connections(f->server) == 1);

        f->n_calls = 0;
        varlink_call_reply(f->calls[0], json_pack("{si}", "is", 1));
        varlink_call_reply(f->calls[1], json_pack("{si}", "is", 2));
        peer_expect(f, stays, "{\"is\":2}");
}

/* A peer that is done with sending, but not with reading. */
static void test_half_close(Fixture *f)
{
        _cleanup_close_ int fd = peer_new(f);

        peer_ask(f, fd, "{\"method\":\"io.test.Note\"}");
        peer_ask(f, fd, "{\"method\":\"io.test.Wait\"}");
        peer_send(f, fd, "{\"method", 8);
        assert(shutdown(fd, SHUT_WR) >= 0);
        peer_expect(f, fd, "{}");
        assert(!peer_read(f, fd) && pump(f) == 0 && f->n_calls == 1);

        f->n_calls = 0;
        varlink_call_reply(f->calls[0], NULL);
        peer_expect(f, fd, "{}");
        assert(peer_is_closed(f, fd));
}

static void test_not_root(Fixture *f)
{
        _cleanup_close_ int fd = -1;
        int status;
        pid_t pid;

        assert(chmod(f->directory, 0711) >= 0 && chmod(f->path, 0777) >= 0);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        pid = fork();
        assert(pid >= 0);
        if (pid == 0) {
                struct sockaddr_un address = { .sun_family = AF_UNIX };

                strcpy(address.sun_path, f->path);
                _exit(setresuid(65534, 65534, 65534) < 0 ||
                      connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0);
        }
        assert(waitpid(pid, &status, 0) == pid && status == 0);

        peer_expect_error(f, fd, SERVICE ".PermissionDenied", NULL, NULL);
        assert(peer_is_closed(f, fd));
        assert(varlink_server_n_connections(f->server) == 0);
}

int main(void)
{
        unsigned n_fds = count_fds();

        need_root();

        run("calls", test_call);
        run("errors", test_error);
        run("parameters", test_parameters);
        run("unknown methods and interfaces", test_unknown);
        run("oneway", test_oneway);
        run("more and upgrade", test_more_and_upgrade);
        run("pipelining, one call at a time, in order", test_pipelining);
        run("long calls", test_long);
        run("many long calls", test_many_long);
        run("org.varlink.service", test_service);
        run("peer gone before the reply", test_peer_gone);
        run("half-closed peer", test_half_close);
        run("other users", test_not_root);
        assert(count_fds() == n_fds);
        return 0;
}
