/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The connections of a varlink server under peers that are broken, slow, greedy or many. The limits
 * of time and memory are reached sooner here: the source is part of this file.
 */

#include "base/base.h"
#include "base/limits.h"

#define IDLE_USEC UINT64_C(30000000)
static uint64_t idle_usec = IDLE_USEC;

#undef VARLINK_IDLE_USEC
#define VARLINK_IDLE_USEC idle_usec
#undef VARLINK_OUTPUT_MAX_BYTES
#define VARLINK_OUTPUT_MAX_BYTES (2U * 1024 * 1024)

#include "io/varlink-connection.c" // NOLINT

#include "../slow.h"
#include "../varlink-fixture.h"

#include <sys/resource.h>

static void test_malformed(Fixture *f)
{
        static const char *const cases[] = {
                "",
                " ",
                "{",
                "}",
                "null",
                "1",
                "\"io.test.Note\"",
                "[]",
                "[" NOTE "]",
                NOTE NOTE,
                NOTE "x",
                "{}",
                "{\"method\":1}",
                "{\"method\":null}",
                "{\"method\":\"io.test.Note\",\"method\":\"io.test.Note\"}",
                "{\"method\":\"io.test.Note\",\"parameters\":[]}",
                "{\"method\":\"io.test.Note\",\"parameters\":\"\"}",
                "{\"method\":\"io.test.Note\",\"parameters\":{\"a\":1,\"a\":1}}",
                "{\"method\":\"io.test.Note\",\"oneway\":1}",
                "{\"method\":\"io.test.Note\",\"more\":\"yes\"}",
                "{\"method\":\"io.test.Note\",\"upgrade\":{}}",
                "{\"method\":\"io.test.Note\",\"oneway\":true,\"more\":true}",
                "{\"method\":\"io.test.Note\",\"oneway\":true,\"upgrade\":true}",
                "{\"method\":\"io.test.Note\\u0000\"}",
                "{\"method\\u0000\":\"io.test.Note\"}",
                "{\"method\":\"io.test.Note\xff\"}",
                "{\"method\":\"io.test.Note\xc0\x80\"}",
                "{\"method\":\"io.test.Note\xed\xa0\x80\"}",
                "{\"method\":\"io.test.Note\\ud800\"}",
                "{\"method\":\"io.test.Note\n\"}",
                "{'method':'io.test.Note'}",
                "{\"method\":\"io.test.Note\",}",
                "{\"method\":\"io.test.Note\",\"a\":1e999}",
                "{\"method\":\"io.test.Note\",\"a\":9223372036854775808}",
                "{\"method\":\"io.test.Note\",\"a\":NaN}",
                "GET / HTTP/1.1\r\n\r\n",
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_close_ int fd = peer_new(f);

                /* What comes before is answered, and nothing behind it is looked at. */
                expect_answered(f, fd);
                peer_ask(f, fd, cases[i]);
                peer_ask(f, fd, NOTE);
                peer_expect_error(f, fd, SERVICE ".InvalidParameter", "parameter", "message");
                assert(peer_is_closed(f, fd));
                fd = base_close(fd);
                (void) pump(f);
                assert(varlink_server_n_connections(f->server) == 0);
        }
        assert(f->n_notes == ARRAY_SIZE(cases));
}

/* A request with an array in an array, that many times, as a member. */
static void ask_nested(Fixture *f, int fd, size_t depth)
{
        char text[16384];
        size_t n;

        n = (size_t) sprintf(text, "{\"method\":\"io.test.Note\",\"a\":");
        memset(text + n, '[', depth);
        memset(text + n + depth, ']', depth);
        strcpy(text + n + 2 * depth, "}");
        peer_ask(f, fd, text);
}

static void test_depth(Fixture *f)
{
        static const size_t too_deep[] = { JSON_DEPTH_MAX, 2047, 5000 };
        _cleanup_close_ int fine = peer_new(f);

        ask_nested(f, fine, JSON_DEPTH_MAX - 1);
        peer_expect(f, fine, "{}");

        for (size_t i = 0; i < ARRAY_SIZE(too_deep); i++) {
                _cleanup_close_ int fd = peer_new(f);

                ask_nested(f, fd, too_deep[i]);
                peer_expect_error(f, fd, SERVICE ".InvalidParameter", "parameter", "message");
                assert(peer_is_closed(f, fd));
        }
}

/* A request of exactly that many bytes, by white space. */
static char *make_request(size_t size)
{
        char *text = malloc(size + 1);

        assert(text);
        memset(text, ' ', size);
        memcpy(text, NOTE, strlen(NOTE));
        text[size] = '\0';
        return text;
}

static void test_size(Fixture *f)
{
        _cleanup_free_ char *largest = make_request(VARLINK_MESSAGE_MAX_BYTES);
        _cleanup_free_ char *larger = make_request(VARLINK_MESSAGE_MAX_BYTES + 1);
        _cleanup_close_ int fine = peer_new(f), one_more = peer_new(f), endless = peer_new(f);

        peer_ask(f, fine, largest);
        peer_expect(f, fine, "{}");
        peer_ask(f, fine, largest);
        peer_ask(f, fine, largest);
        peer_expect(f, fine, "{}");
        peer_expect(f, fine, "{}");

        peer_ask(f, one_more, larger);
        peer_expect_error(f, one_more, SERVICE ".InvalidParameter", "parameter", "message");
        assert(peer_is_closed(f, one_more));

        /* Gets rid of all of it, and can then read why it was for nothing. */
        for (unsigned i = 0; i < 64; i++)
                peer_send(f, endless, larger, VARLINK_MESSAGE_MAX_BYTES);
        peer_expect_error(f, endless, SERVICE ".InvalidParameter", "parameter", "message");
        assert(peer_is_closed(f, endless));
}

static void test_pieces(Fixture *f)
{
        static const char requests[] =
                "{\"method\":\"io.test.Echo\",\"parameters\":{\"text\":\"1\"}}\0"
                "{\"method\":\"io.test.Note\",\"oneway\":true}\0"
                "{\"method\":\"io.test.Echo\",\"parameters\":{\"text\":\"2\"}}";

        for (size_t piece = 1; piece <= sizeof(requests); piece++) {
                _cleanup_close_ int fd = peer_new(f);

                for (size_t at = 0; at < sizeof(requests); at += piece) {
                        peer_send(f, fd, requests + at, MIN(piece, sizeof(requests) - at));
                        (void) pump(f);
                }
                peer_expect(f, fd, "{\"text\":\"1\"}");
                peer_expect(f, fd, "{\"text\":\"2\"}");
                assert(f->n_notes == piece);
        }
}

/* Each byte is looked at once, or this takes minutes. */
static void test_byte_by_byte(Fixture *f)
{
        _cleanup_free_ char *request = make_request(test_is_slow() ? 4096 : 128 * 1024);
        _cleanup_close_ int fd = peer_new(f);

        for (const char *p = request; *p; p++) {
                peer_send(f, fd, p, 1);
                (void) pump(f);
        }
        peer_send(f, fd, "", 1);
        peer_expect(f, fd, "{}");
}

static void test_many_requests(Fixture *f)
{
        unsigned n = test_is_slow() ? 2000 : 20000;
        _cleanup_close_ int fd = peer_new(f);

        for (unsigned i = 0; i < n; i++)
                peer_ask(f, fd, "{\"method\":\"io.test.Note\",\"oneway\":true}");
        expect_answered(f, fd);
        assert(f->n_notes == n + 1);
}

static void test_half_open(Fixture *f)
{
        int silent[200];
        _cleanup_close_ int honest = peer_new(f), late = -1;

        for (size_t i = 0; i < ARRAY_SIZE(silent); i++) {
                silent[i] = peer_new(f);
                peer_send(f, silent[i], "{\"method\":", i % 3 == 0 ? 10 : i % 3);
                if (i % 10 == 0)
                        expect_answered(f, honest);
        }
        expect_answered(f, honest);
        late = peer_new(f);
        expect_answered(f, late);
        assert(varlink_server_n_connections(f->server) == VARLINK_CONNECTIONS_MAX);

        /* The oldest went, the youngest are there. */
        assert(peer_is_closed(f, silent[0]));
        assert(!peer_is_closed(f, silent[ARRAY_SIZE(silent) - 1]));
        for (size_t i = 0; i < ARRAY_SIZE(silent); i++)
                (void) close(silent[i]);
        expect_answered(f, honest);
        assert(varlink_server_n_connections(f->server) == 2);
}

/* Connections with a call under way do not go; when there are no others, the new one is turned
 * away. */
static void test_all_busy(Fixture *f)
{
        int busy[VARLINK_CONNECTIONS_MAX];
        _cleanup_close_ int late = -1, later = -1;

        for (size_t i = 0; i < ARRAY_SIZE(busy); i++) {
                busy[i] = peer_new(f);
                peer_ask(f, busy[i], WAIT);
                (void) pump(f);
        }
        assert(f->n_calls == VARLINK_CONNECTIONS_MAX);
        late = peer_new(f);
        assert(peer_is_closed(f, late));

        varlink_call_reply(f->calls[--f->n_calls], NULL);
        later = peer_new(f);
        expect_answered(f, later);

        for (size_t i = 0; i < ARRAY_SIZE(busy); i++)
                (void) close(busy[i]);
        (void) pump(f);
        assert(varlink_server_n_connections(f->server) == 1);
}

static void test_idle(Fixture *f)
{
        _cleanup_close_ int silent = peer_new(f), slow = peer_new(f), busy = peer_new(f);
        _cleanup_close_ int refused = peer_new(f), asking = peer_new(f);

        idle_usec = 2000000; /* a busy machine may stand still for one */
        peer_ask(f, refused, "x");
        peer_ask(f, busy, WAIT);
        for (unsigned i = 0; i < 10; i++) {
                if (!peer_is_closed(f, slow))
                        peer_send(f, slow, " ", 1);
                expect_answered(f, asking);
                pump_for(f, idle_usec / 4);
        }
        assert(peer_is_closed(f, silent));
        assert(peer_is_closed(f, slow));
        assert(!peer_is_closed(f, asking));
        assert(varlink_server_n_connections(f->server) == 2);

        f->n_calls = 0;
        varlink_call_reply(f->calls[0], NULL);
        peer_expect(f, busy, "{}");
        pump_for(f, idle_usec * 2);
        assert(varlink_server_n_connections(f->server) == 0);
        idle_usec = IDLE_USEC;
}

static void test_slow_reader(Fixture *f)
{
        _cleanup_close_ int slow = peer_new(f), honest = peer_new(f), never = peer_new(f);
        size_t total = 1000000 + sizeof("{\"parameters\":{\"text\":\"\"}}"), size = 0;
        char piece[65536];
        ssize_t n;

        idle_usec = 6000000; /* a busy machine may stand still */
        peer_ask(f, slow, "{\"method\":\"io.test.Fill\",\"parameters\":{\"size\":1000000}}");
        peer_ask(f, slow, NOTE);
        peer_ask(f, never, "{\"method\":\"io.test.Fill\",\"parameters\":{\"size\":1000000}}");
        (void) pump(f);
        expect_answered(f, honest);

        /* Its next request waits, and so does the server. */
        assert(f->n_notes == 1 && pump(f) == 0);

        for (unsigned i = 0; i < 10; i++) {
                pump_for(f, idle_usec / 4);
                n = recv(slow, piece, sizeof(piece), 0);
                assert(n > 0);
                size += (size_t) n;
                assert(f->n_notes == 1);
        }
        assert(recv(never, piece, 1, 0) == 1 && varlink_server_n_connections(f->server) == 1);

        while (size < total) {
                (void) pump(f);
                n = recv(slow, piece, MIN(sizeof(piece), total - size), 0);
                assert(n > 0);
                size += (size_t) n;
        }
        assert(piece[n - 1] == 0);
        peer_expect(f, slow, "{}");
        idle_usec = IDLE_USEC;
}

/* Replies that nobody reads share one limit, and so does a single one. */
static void test_output_limit(Fixture *f)
{
        int greedy[5];
        _cleanup_close_ int honest = peer_new(f), too_much = peer_new(f);

        for (size_t i = 0; i < ARRAY_SIZE(greedy); i++) {
                greedy[i] = peer_new(f);
                peer_ask(f, greedy[i],
                         "{\"method\":\"io.test.Fill\",\"parameters\":{\"size\":750000}}");
                (void) pump(f);
                expect_answered(f, honest);
                assert(varlink_server_n_connections(f->server) == 2 + MIN(i + 1, 2U));
        }

        peer_ask(f, too_much, "{\"method\":\"io.test.Fill\",\"parameters\":{\"size\":2250000}}");
        assert(peer_is_closed(f, too_much));
        expect_answered(f, honest);

        for (size_t i = 0; i < ARRAY_SIZE(greedy); i++)
                (void) close(greedy[i]);
        (void) pump(f);
        assert(varlink_server_n_connections(f->server) == 1);
}

static void test_no_fds_left(Fixture *f)
{
        _cleanup_close_ int fd = -1;
        struct rlimit old, low;

        fd = peer_new(f);
        assert(getrlimit(RLIMIT_NOFILE, &old) >= 0);
        low = (struct rlimit){ .rlim_cur = (rlim_t) fd + 1, .rlim_max = old.rlim_max };
        assert(setrlimit(RLIMIT_NOFILE, &low) >= 0);
        assert(pump(f) <= 2 && varlink_server_n_connections(f->server) == 0);
        assert(setrlimit(RLIMIT_NOFILE, &old) >= 0);

        assert(pump(f) == 0);
        pump_for(f, VARLINK_ACCEPT_RETRY_USEC * 3);
        expect_answered(f, fd);
}

static void test_server_freed(Fixture *f)
{
        _cleanup_close_ int busy = peer_new(f), reading = peer_new(f);

        peer_ask(f, busy, WAIT);
        peer_ask(f, reading, "{\"method\":\"io.test.Fill\",\"parameters\":{\"size\":1000000}}");
        (void) pump(f);
        f->server = varlink_server_free(f->server);
        assert(peer_is_closed(f, busy) && f->n_calls == 1);
}

int main(void)
{
        unsigned n_fds = count_fds();

        need_root();

        run("malformed messages", test_malformed);
        run("nested messages", test_depth);
        run("size of messages", test_size);
        run("messages in pieces", test_pieces);
        run("a message byte by byte", test_byte_by_byte);
        run("many requests", test_many_requests);
        run("200 half-open connections", test_half_open);
        run("all connections with a call under way", test_all_busy);
        run("idle connections", test_idle);
        run("slow readers", test_slow_reader);
        run("replies that nobody reads", test_output_limit);
        /* valgrind keeps the limit itself: it lets accept(2) succeed, and closes the peer. */
        if (!test_is_slow())
                run("no file descriptors left", test_no_fds_left);
        run("server freed under way", test_server_freed);
        assert(count_fds() == n_fds);
        return 0;
}
