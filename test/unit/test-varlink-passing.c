/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * File descriptors that come with varlink messages: each goes to the call it came with, and none is
 * left over, whatever the peer does. The limit of time is reached sooner here: the source is part
 * of this file.
 */

#include "base/base.h"
#include "base/limits.h"

#define IDLE_USEC UINT64_C(30000000)
static uint64_t idle_usec = IDLE_USEC;

#undef VARLINK_IDLE_USEC
#define VARLINK_IDLE_USEC idle_usec

#include "io/varlink-connection.c" // NOLINT

#include "../varlink-fixture.h"

#include <sys/mman.h>
#include <sys/resource.h>

/* As many as the kernel lets through at a time (SCM_MAX_FD). */
#define SENT_FDS_MAX 253U

static void send_fds(int fd, const int *fds, unsigned n_fds, const char *bytes, size_t size)
{
        char control[CMSG_SPACE(sizeof(int) * SENT_FDS_MAX)]
                __attribute__((__aligned__(__alignof__(struct cmsghdr)))) = {};
        struct iovec iov = { .iov_base = (void *) bytes, .iov_len = size };
        struct msghdr message = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = control,
                .msg_controllen = CMSG_SPACE(sizeof(int) * n_fds),
        };
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);

        *c = (struct cmsghdr){
                .cmsg_level = SOL_SOCKET,
                .cmsg_type = SCM_RIGHTS,
                .cmsg_len = CMSG_LEN(sizeof(int) * n_fds),
        };
        memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
        assert(sendmsg(fd, &message, 0) == (ssize_t) size);
}

/* The same fd that often. */
static void send_strays(int fd, unsigned n_fds, const char *bytes, size_t size)
{
        int fds[SENT_FDS_MAX];

        for (unsigned i = 0; i < n_fds; i++)
                fds[i] = fd;
        send_fds(fd, fds, n_fds, bytes, size);
}

static void send_strays_text(int fd, unsigned n_fds, const char *text)
{
        send_strays(fd, n_fds, text, strlen(text) + 1);
}

/* Files that can be told from each other. */
typedef struct Files {
        int fds[VARLINK_FDS_MAX];
        json_int_t numbers[VARLINK_FDS_MAX];
} Files;

static void files_init(Files *files)
{
        struct stat st;

        for (size_t i = 0; i < VARLINK_FDS_MAX; i++) {
                files->fds[i] = memfd_create("file", MFD_CLOEXEC);
                assert(files->fds[i] >= 0 && fstat(files->fds[i], &st) == 0);
                files->numbers[i] = (json_int_t) st.st_ino;
                assert(i == 0 || files->numbers[i] != files->numbers[i - 1]);
        }
}

static void files_done(Files *files)
{
        for (size_t i = 0; i < VARLINK_FDS_MAX; i++)
                base_close(files->fds[i]);
}

#define TAKE(indexes) "{\"method\":\"io.test.Take\",\"parameters\":{\"indexes\":[" indexes "]}}"

/* The answer of Take names these files, by their index here; -1: none. */
static void expect_files(Fixture *f, int fd, const Files *files, const int *indexes, size_t n)
{
        json_auto_t *message = peer_read(f, fd);
        json_t *found = json_object_get(json_object_get(message, "parameters"), "files");

        assert(json_array_size(found) == n);
        for (size_t i = 0; i < n; i++)
                assert(json_integer_value(json_array_get(found, i)) ==
                       (indexes[i] < 0 ? 0 : files->numbers[indexes[i]]));
}

#define EXPECT_FILES(f, fd, files, ...)                          \
        expect_files(f, fd, files, (const int[]){ __VA_ARGS__ }, \
                     ARRAY_SIZE(((const int[]){ __VA_ARGS__ })))

/* A call takes what came with it, in any order, each once; the rest is closed. */
static void test_taken(Fixture *f)
{
        static const char request[] = TAKE("2, 0, 2, 8, 99, -1");
        _cleanup_close_ int fd = peer_new(f);
        unsigned n_fds;
        Files files;

        files_init(&files);
        expect_answered(f, fd);
        n_fds = count_fds();

        send_fds(fd, files.fds, VARLINK_FDS_MAX, request, sizeof(request));
        EXPECT_FILES(f, fd, &files, 2, 0, -1, -1, -1, -1);
        assert(count_fds() == n_fds);

        /* None of them is there in the next call. */
        peer_ask(f, fd, TAKE("0, 1"));
        EXPECT_FILES(f, fd, &files, -1, -1);

        /* One that answers later does not keep them. */
        send_fds(fd, files.fds, 3, WAIT, sizeof(WAIT));
        (void) pump(f);
        assert(f->n_calls == 1 && count_fds() == n_fds);
        files_done(&files);
}

/* However the bytes of a message are cut, and in whichever piece of it the fds come. */
static void test_pieces(Fixture *f)
{
        static const char request[] = TAKE("0, 1, 2");
        Files files;

        files_init(&files);
        for (size_t at = 1; at < sizeof(request); at++) {
                _cleanup_close_ int fd = peer_new(f);
                unsigned n_fds;

                expect_answered(f, fd);
                n_fds = count_fds();
                send_fds(fd, files.fds, 2, request, at);
                (void) pump(f);
                send_fds(fd, files.fds + 2, 1, request + at, sizeof(request) - at);
                EXPECT_FILES(f, fd, &files, 0, 1, 2);

                peer_send(f, fd, request, at);
                (void) pump(f);
                send_fds(fd, files.fds + 3, 1, request + at, sizeof(request) - at);
                EXPECT_FILES(f, fd, &files, 3, -1, -1);
                assert(count_fds() == n_fds);
        }
        files_done(&files);
}

/* Requests one behind the other; the server reads as many at a time as the kernel gives it. Each
 * has its own fds, and those between them have none. */
static void test_line(Fixture *f)
{
        static const char request[] = TAKE("0, 1");
        _cleanup_free_ char *large = malloc(200000);
        Files files;

        files_init(&files);
        assert(large);
        memset(large, ' ', 200000);
        memcpy(large, request, sizeof(request) - 1);
        large[199999] = '\0';

        for (unsigned first = 0; first < 3; first++) {
                _cleanup_close_ int fd = peer_new(f);

                /* Nothing, a whole message or the end of one comes in front. */
                if (first > 0)
                        send_fds(fd, files.fds + 6, 1, request, 5);
                if (first > 1)
                        (void) pump(f);
                if (first > 0)
                        peer_send(f, fd, request + 5, sizeof(request) - 5);
                peer_ask(f, fd, request);
                send_fds(fd, files.fds, 2, request, sizeof(request));
                send_fds(fd, files.fds + 2, 1, request, sizeof(request));
                peer_ask(f, fd, request);
                send_fds(fd, files.fds + 3, 2, request, 1);
                peer_send(f, fd, request + 1, sizeof(request) - 1);
                peer_ask(f, fd, request);
                if (first > 0)
                        EXPECT_FILES(f, fd, &files, 6, -1);
                EXPECT_FILES(f, fd, &files, -1, -1);
                EXPECT_FILES(f, fd, &files, 0, 1);
                EXPECT_FILES(f, fd, &files, 2, -1);
                EXPECT_FILES(f, fd, &files, -1, -1);
                EXPECT_FILES(f, fd, &files, 3, 4);
                EXPECT_FILES(f, fd, &files, -1, -1);

                /* One that takes several reads. */
                peer_ask(f, fd, request);
                send_fds(fd, files.fds + 5, 2, large, 150000);
                peer_send(f, fd, large + 150000, 50000);
                EXPECT_FILES(f, fd, &files, -1, -1);
                EXPECT_FILES(f, fd, &files, 5, 6);
        }
        files_done(&files);
}

/* What is sent with two messages is the last one's: the rule that its sender did not keep to. */
static void test_two(Fixture *f)
{
        static const char requests[] = TAKE("0") "\0" TAKE("0");
        _cleanup_close_ int fd = peer_new(f);
        Files files;

        files_init(&files);
        send_fds(fd, files.fds, 1, requests, sizeof(requests));
        EXPECT_FILES(f, fd, &files, -1);
        EXPECT_FILES(f, fd, &files, 0);
        files_done(&files);
}

/* Too many for one message, at once or in pieces: no call. What came before is answered. */
static void test_too_many(Fixture *f)
{
        static const unsigned many[] = { VARLINK_FDS_MAX + 1, PASSED_FDS_MAX, PASSED_FDS_MAX + 1,
                                         SENT_FDS_MAX };
        unsigned n_fds = count_fds();
        int pieces;

        for (unsigned i = 0; i < 1000; i++) {
                _cleanup_close_ int fd = peer_new(f);

                peer_ask(f, fd, NOTE);
                send_strays_text(fd, VARLINK_FDS_MAX, NOTE);
                send_strays_text(fd, many[i % ARRAY_SIZE(many)], NOTE);
                peer_expect(f, fd, "{}");
                peer_expect(f, fd, "{}");
                peer_expect_error(f, fd, SERVICE ".InvalidParameter", "parameter", "message");
                assert(peer_is_closed(f, fd));
                assert(f->n_notes == 2 * (i + 1));

                /* Lingering, it still throws away what comes. */
                if (i % 100 == 0) {
                        send_strays(fd, SENT_FDS_MAX, "x", 1);
                        (void) pump(f);
                        assert(count_fds() == n_fds + 2);
                }
        }
        (void) pump(f);
        assert(count_fds() == n_fds);

        pieces = peer_new(f);
        for (unsigned i = 0; i < sizeof(NOTE) - 1; i++) {
                send_strays(pieces, 3, &NOTE[i], 1);
                (void) pump(f);
                assert(count_fds() <= n_fds + 2 + PASSED_FDS_MAX);
        }
        peer_send(f, pieces, "", 1);
        peer_expect_error(f, pieces, SERVICE ".InvalidParameter", "parameter", "message");
        (void) close(pieces);
        (void) pump(f);
        assert(count_fds() == n_fds);
}

/* Half messages that hold all they may, on all connections: that is the most there is, and it is
 * over when their time is. */
static void test_held(Fixture *f)
{
        _cleanup_close_ int honest = -1;
        unsigned n_fds = count_fds();
        int silent[200];

        idle_usec = 2000000; /* a busy machine may stand still for one */
        for (size_t i = 0; i < ARRAY_SIZE(silent); i++) {
                silent[i] = peer_new(f);
                send_strays(silent[i], VARLINK_FDS_MAX, "{", 1);
                send_strays(silent[i], SENT_FDS_MAX, " ", 1);
                (void) pump(f);
        }
        honest = peer_new(f);
        expect_answered(f, honest);
        assert(count_fds() <=
               n_fds + ARRAY_SIZE(silent) + 1 + VARLINK_CONNECTIONS_MAX * (1 + PASSED_FDS_MAX));
        assert(count_fds() >=
               n_fds + ARRAY_SIZE(silent) + (VARLINK_CONNECTIONS_MAX - 1) * VARLINK_FDS_MAX);
        pump_for(f, idle_usec * 2);
        assert(count_fds() == n_fds + ARRAY_SIZE(silent) + 1);
        for (size_t i = 0; i < ARRAY_SIZE(silent); i++)
                (void) close(silent[i]);
        idle_usec = IDLE_USEC;
}

static void test_strays(Fixture *f)
{
        _cleanup_close_ int fd = peer_new(f);
        struct rlimit old, low;
        unsigned n_fds;

        expect_answered(f, fd);
        n_fds = count_fds();
        for (unsigned i = 0; i < 10; i++) {
                send_strays_text(fd, VARLINK_FDS_MAX, NOTE);
                peer_expect(f, fd, "{}");
                send_strays(fd, 1, "{", 1);
                (void) pump(f);
                send_strays_text(fd, 2, &NOTE[1]);
                peer_expect(f, fd, "{}");
                assert(count_fds() == n_fds);
        }

        /* More than there is room for: the kernel closes what does not fit. */
        assert(getrlimit(RLIMIT_NOFILE, &old) >= 0);
        low = (struct rlimit){ .rlim_cur = n_fds + 1, .rlim_max = old.rlim_max };
        assert(setrlimit(RLIMIT_NOFILE, &low) >= 0);
        send_strays_text(fd, VARLINK_FDS_MAX, NOTE);
        peer_expect(f, fd, "{}");
        assert(setrlimit(RLIMIT_NOFILE, &old) >= 0);
        assert(count_fds() == n_fds);

        /* Passed by a peer that is gone by the time they are read; not its own socket, which they
         * would keep open. */
        send_fds(fd, (const int[]){ f->listen_fd, f->listen_fd }, 2, "{", 1);
        fd = base_close(fd);
        (void) pump(f);
        assert(count_fds() == n_fds - 2);
}

int main(void)
{
        unsigned n_fds = count_fds();

        need_root();

        run("strays", test_strays);
        run("taken", test_taken);
        run("in pieces", test_pieces);
        run("in line", test_line);
        run("of two messages", test_two);
        run("too many", test_too_many);
        run("held by half messages", test_held);
        assert(count_fds() == n_fds);
        return 0;
}
