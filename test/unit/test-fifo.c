/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * FIFOs: peek and drop, what the kernel counts, what is refused, and the measurement behind
 * LINE_MAX_BYTES: how few bytes can fill a pipe.
 */

#undef NDEBUG

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "../slow.h"
#include "../temporary.h"
#include "base/limits.h"
#include "io/fifo.h"

#define PAGE_BYTES 4096U

/* A FIFO in a directory, with both ends open. */
typedef struct Fixture {
        Temporary temporary;
        FifoScratch scratch;
        int fd;
        int write_fd;
} Fixture;

/* Packet mode: each write has a slot of the pipe to itself. open(2) does not take the flag. */
static void fixture_set_packets(Fixture *f)
{
        assert(fcntl(f->write_fd, F_SETFL, O_DIRECT | O_NONBLOCK) == 0);
}

static void fixture_init(Fixture *f)
{
        temporary_init(&f->temporary);
        assert(fifo_scratch_init(&f->scratch, (int[]){ -1, -1 }) == 0);
        assert(fifo_create(f->temporary.fd, "fifo") == 0);
        f->fd = fifo_open(f->temporary.fd, "fifo", O_RDONLY);
        assert(f->fd >= 0);
        f->write_fd = fifo_open(f->temporary.fd, "fifo", O_WRONLY);
        assert(f->write_fd >= 0);
}

static void fixture_done(Fixture *f)
{
        base_close(f->fd);
        base_close(f->write_fd);
        fifo_scratch_done(&f->scratch);
        temporary_done(&f->temporary);
}

static void put(Fixture *f, const char *bytes)
{
        assert(write(f->write_fd, bytes, strlen(bytes)) == (ssize_t) strlen(bytes));
}

static void expect_peek(Fixture *f, size_t n, const char *expected)
{
        Span seen;

        assert(fifo_peek(&f->scratch, f->fd, n, &seen) == 0);
        assert(span_equal_string(seen, expected));
}

static void test_peek_and_drop(void)
{
        Fixture f;
        int64_t offset = 0;
        size_t n;

        fixture_init(&f);
        expect_peek(&f, PEEK_MAX_BYTES, "");
        put(&f, "one\ntwo\n");
        put(&f, "thr");

        /* Looking takes nothing out, and shows as much as was asked for. */
        expect_peek(&f, PEEK_MAX_BYTES, "one\ntwo\nthr");
        expect_peek(&f, 5, "one\nt");
        expect_peek(&f, SIZE_MAX, "one\ntwo\nthr");
        assert(fifo_get_fill(f.fd, &n) == 0 && n == 11);

        assert(fifo_drop(&f.scratch, f.fd, 4, &offset) == 0 && offset == 4);
        expect_peek(&f, PEEK_MAX_BYTES, "two\nthr");

        /* A drop that is done is done. One that began goes on where the offset says. */
        assert(fifo_drop(&f.scratch, f.fd, 4, &offset) == 0 && offset == 4);
        expect_peek(&f, PEEK_MAX_BYTES, "two\nthr");
        assert(fifo_drop(&f.scratch, f.fd, 6, &offset) == 0 && offset == 6);
        expect_peek(&f, PEEK_MAX_BYTES, "o\nthr");
        fixture_done(&f);
        puts("ok: peek and drop");
}

/* All the pipe holds, over several rounds, in a place that other processes can see. */
static void test_whole_pipe(void)
{
        char text[PEEK_MAX_BYTES];
        int64_t *offset;
        Fixture f;
        Span seen;

        offset = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        assert(offset != MAP_FAILED);
        fixture_init(&f);
        for (unsigned round = 0; round < 3; round++) {
                for (size_t i = 0; i < sizeof(text); i++)
                        text[i] = (char) (i * 31 + round);
                assert(write(f.write_fd, text, sizeof(text)) == sizeof(text));
                assert(fifo_peek(&f.scratch, f.fd, PEEK_MAX_BYTES, &seen) == 0);
                assert(span_equal(seen, (Span){ text, sizeof(text) }));
                *offset = 0;
                assert(fifo_drop(&f.scratch, f.fd, sizeof(text), offset) == 0);
                assert(*offset == sizeof(text));
                expect_peek(&f, PEEK_MAX_BYTES, "");
        }
        fixture_done(&f);
        assert(munmap(offset, PAGE_BYTES) == 0);
        puts("ok: a whole pipe");
}

/* In packet mode each read(2) stops at a packet's end; peeking and dropping do not. */
static void test_packets(void)
{
        int64_t offset = 0;
        Fixture f;

        fixture_init(&f);
        fixture_set_packets(&f);
        put(&f, "a");
        put(&f, "bc\n");
        put(&f, "def");
        expect_peek(&f, PEEK_MAX_BYTES, "abc\ndef");
        expect_peek(&f, 3, "abc");
        assert(fifo_drop(&f.scratch, f.fd, 2, &offset) == 0);
        expect_peek(&f, PEEK_MAX_BYTES, "c\ndef");
        assert(fifo_drop(&f.scratch, f.fd, 7, &offset) == 0);
        expect_peek(&f, PEEK_MAX_BYTES, "");
        fixture_done(&f);
        puts("ok: packets");
}

/* A peek shows no more than the scratch pipe has slots for, and never leaves anything in it. */
static void test_small_scratch(void)
{
        int64_t offset = 0;
        Fixture f;

        fixture_init(&f);
        fixture_set_packets(&f);
        assert(fcntl(f.scratch.pipe_write_fd, F_SETPIPE_SZ, 2 * PAGE_BYTES) == 2 * PAGE_BYTES);
        for (const char *p = "abcdef"; *p; p++)
                assert(write(f.write_fd, p, 1) == 1);
        expect_peek(&f, PEEK_MAX_BYTES, "ab");
        expect_peek(&f, PEEK_MAX_BYTES, "ab");
        assert(fifo_drop(&f.scratch, f.fd, 5, &offset) == 0);
        expect_peek(&f, PEEK_MAX_BYTES, "f");
        fixture_done(&f);
        puts("ok: a small scratch pipe");
}

/* The container may read its own FIFO. */
static void test_vanished(void)
{
        int64_t offset = 0;
        char text[16];
        Fixture f;

        fixture_init(&f);
        put(&f, "one\ntwo\n");
        expect_peek(&f, PEEK_MAX_BYTES, "one\ntwo\n");
        assert(read(f.fd, text, 5) == 5);
        assert(fifo_drop(&f.scratch, f.fd, 8, &offset) == -ENODATA && offset == 3);
        assert(fifo_drop(&f.scratch, f.fd, 8, &offset) == -ENODATA && offset == 3);

        /* So it is when nobody can write any more. */
        f.write_fd = base_close(f.write_fd);
        assert(fifo_drop(&f.scratch, f.fd, 8, &offset) == -ENODATA && offset == 3);
        fixture_done(&f);
        puts("ok: vanished bytes");
}

static void test_hang_up(void)
{
        Fixture f;

        fixture_init(&f);
        assert(!fifo_is_hung_up(f.fd));
        put(&f, "rest");
        f.write_fd = base_close(f.write_fd);
        assert(fifo_is_hung_up(f.fd));
        expect_peek(&f, PEEK_MAX_BYTES, "rest");

        /* The next writer ends it. */
        f.write_fd = fifo_open(f.temporary.fd, "fifo", O_WRONLY);
        assert(f.write_fd >= 0 && !fifo_is_hung_up(f.fd));
        put(&f, "more");
        expect_peek(&f, PEEK_MAX_BYTES, "restmore");

        /* Before the first writer there is nothing to hang up. */
        assert(fifo_create(f.temporary.fd, "new") == 0);
        base_close(f.fd);
        f.fd = fifo_open(f.temporary.fd, "new", O_RDONLY);
        assert(f.fd >= 0 && !fifo_is_hung_up(f.fd));
        fixture_done(&f);
        puts("ok: hang-up");
}

static bool takes_more(int write_fd)
{
        struct pollfd p = { .fd = write_fd, .events = POLLOUT };

        return poll(&p, 1, 0) > 0;
}

/* Told from the read end alone, as the write end tells it; nothing is changed by asking. */
static void test_full(void)
{
        static const char text[3 * PAGE_BYTES];
        static const size_t sizes[] = { 1, 100, 2049, PAGE_BYTES, PAGE_BYTES + 1, sizeof(text) };
        unsigned n_full = 0;

        for (unsigned i = 0; i < 2 * 9 * ARRAY_SIZE(sizes); i++) {
                size_t size = sizes[i / 18], fill, seen = 0;
                int capacity = (int) PAGE_BYTES << i / 2 % 9;
                int64_t offset = 0;
                Fixture f;
                Span span;

                /* A million writes, and each asked about. */
                if (i % 2 == 0 && size < PAGE_BYTES / 2 && capacity > 4 * (int) PAGE_BYTES)
                        continue;
                fixture_init(&f);
                assert(!fifo_is_full(&f.scratch, f.fd));
                assert(fcntl(f.write_fd, F_SETPIPE_SZ, capacity) == capacity);
                if (i % 2)
                        fixture_set_packets(&f);
                while (takes_more(f.write_fd)) {
                        assert(!fifo_is_full(&f.scratch, f.fd));
                        assert(write(f.write_fd, text, size) > 0);
                        /* Now and then, the first slot is eaten from. */
                        if (seen++ % 8 == 7)
                                assert(fifo_drop(&f.scratch, f.fd, 1, &(int64_t){ 0 }) == 0);
                }
                assert(fifo_is_full(&f.scratch, f.fd) && fifo_is_full(&f.scratch, f.fd));
                n_full++;
                assert(fifo_get_fill(f.fd, &fill) == 0);
                assert(fifo_peek(&f.scratch, f.fd, PEEK_MAX_BYTES, &span) == 0);
                assert(span.size == fill || capacity > (int) PEEK_MAX_BYTES);
                assert(fifo_drop(&f.scratch, f.fd, fill, &offset) == 0);
                assert(!fifo_is_full(&f.scratch, f.fd) && takes_more(f.write_fd));
                fixture_done(&f);
        }
        printf("ok: full, %u times\n", n_full);
}

static void test_create(void)
{
        Temporary t;
        struct stat st;

        temporary_init(&t);
        assert(fifo_create(t.fd, "fifo") == 0);
        assert(fstatat(t.fd, "fifo", &st, AT_SYMLINK_NOFOLLOW) == 0);
        assert(st.st_mode == (S_IFIFO | 0622));
        assert(fifo_create(t.fd, "fifo") == -EEXIST);
        assert(symlinkat("nowhere", t.fd, "link") == 0);
        assert(fifo_create(t.fd, "link") == -EEXIST);
        assert(fifo_create(t.fd, "none/fifo") == -ENOENT);
        temporary_done(&t);
        puts("ok: create");
}

/* What lies under a FIFO's name is never trusted, and opening it neither blocks nor changes it. */
static void test_refused(void)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_close_ int socket_fd = -1;
        Temporary t;

        temporary_init(&t);
        assert(fifo_open(t.fd, "none", O_RDONLY) == -ENOENT);

        assert(fifo_create(t.fd, "fifo") == 0);
        assert(symlinkat("fifo", t.fd, "symlink") == 0);
        assert(fifo_open(t.fd, "symlink", O_RDONLY) == -ELOOP);
        assert(fifo_open(t.fd, "fifo", O_WRONLY) == -ENXIO);

        assert(mkdirat(t.fd, "directory", 0700) == 0);
        assert(fifo_open(t.fd, "directory", O_RDONLY) == -EBADF);
        assert(fifo_open(t.fd, "directory", O_RDWR) == -EBADF);

        temporary_write(&t, "regular", "text");
        assert(fifo_open(t.fd, "regular", O_RDWR) == -EBADF);
        temporary_expect(&t, "regular", "text");

        (void) snprintf(address.sun_path, sizeof(address.sun_path), "%.80s/socket", t.path);
        socket_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert(bind(socket_fd, (struct sockaddr *) &address, sizeof(address)) == 0);
        assert(fifo_open(t.fd, "socket", O_RDONLY) == -EBADF);

        /* A device: only root can make one. */
        if (mknodat(t.fd, "null", S_IFCHR | 0600, 1 << 8 | 3) == 0)
                assert(fifo_open(t.fd, "null", O_RDONLY) < 0);

        /* A second name: somebody else may hold the other one. */
        assert(linkat(t.fd, "fifo", t.fd, "other", 0) == 0);
        assert(fifo_open(t.fd, "fifo", O_RDONLY) == -EBADF);
        assert(fifo_open(t.fd, "other", O_RDONLY) == -EBADF);
        assert(unlinkat(t.fd, "other", 0) == 0);
        assert(base_close(fifo_open(t.fd, "fifo", O_RDONLY)) == -1);
        temporary_done(&t);
        puts("ok: refused");
}

/* What somebody else opened and handed over. */
static void test_check(void)
{
        int sockets[2], pipes[2], fds[8];
        struct stat st;
        Temporary t;

        temporary_init(&t);
        assert(pipe(pipes) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
        assert(fifo_check(pipes[0], &st) == 0 && st.st_ino > 0);
        assert(fifo_check(pipes[1], &st) == -EBADF);
        assert(fifo_check(sockets[0], &st) == -EBADF);

        assert(fifo_create(t.fd, "fifo") == 0);
        temporary_write(&t, "regular", "text");
        fds[0] = openat(t.fd, "fifo", O_RDONLY | O_NONBLOCK);
        fds[1] = openat(t.fd, "fifo", O_RDWR);
        fds[2] = openat(t.fd, "fifo", O_WRONLY);
        fds[3] = openat(t.fd, "fifo", O_PATH);
        fds[4] = openat(t.fd, "regular", O_RDONLY);
        fds[5] = openat(t.fd, ".", O_RDONLY);
        fds[6] = open("/dev/null", O_RDONLY);
        fds[7] = memfd_create("file", 0);
        for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
                assert(fds[i] >= 0);
                assert(fifo_check(fds[i], &st) == (i < 2 ? 0 : -EBADF));
                close(fds[i]);
                assert(fifo_check(fds[i], &st) == -EBADF);
        }
        for (size_t i = 0; i < 2; i++) {
                close(pipes[i]);
                close(sockets[i]);
        }
        temporary_done(&t);
        puts("ok: check");
}

/* The pipe of a daemon that was killed half-way through a peek is used on, without its bytes. */
static void test_scratch_again(void)
{
        int fds[2], copies[2];
        FifoScratch scratch;
        Fixture f;

        fixture_init(&f);
        assert(pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0);
        assert(write(fds[1], "left over", 9) == 9);
        assert(fcntl(fds[1], F_SETFL, O_DIRECT | O_NONBLOCK) == 0);
        assert(write(fds[1], "packet", 6) == 6 && write(fds[1], "packet", 6) == 6);
        copies[0] = fds[0];
        copies[1] = fds[1];
        assert(fifo_scratch_init(&scratch, fds) == 0);
        assert(scratch.pipe_read_fd == copies[0] && scratch.pipe_write_fd == copies[1]);
        assert(fds[0] == -1 && fds[1] == -1 && scratch.capacity == PEEK_MAX_BYTES);
        fifo_scratch_done(&f.scratch);
        f.scratch = scratch;
        put(&f, "text");
        expect_peek(&f, PEEK_MAX_BYTES, "text");
        fixture_done(&f);
        puts("ok: scratch again");
}

/* Whatever is missing when the daemon starts, nothing is left open. */
static void test_scratch_without_fds(void)
{
        struct rlimit old, limit;
        FifoScratch scratch;
        unsigned n = temporary_count_fds(), n_failed = 0;

        assert(getrlimit(RLIMIT_NOFILE, &old) == 0);
        for (limit = old, limit.rlim_cur = 3; limit.rlim_cur < 10; limit.rlim_cur++) {
                int r;

                assert(setrlimit(RLIMIT_NOFILE, &limit) == 0);
                r = fifo_scratch_init(&scratch, (int[]){ -1, -1 });
                assert(setrlimit(RLIMIT_NOFILE, &old) == 0);
                assert(r == 0 || r == -EMFILE);
                n_failed += r < 0;
                fifo_scratch_done(&scratch);
                assert(temporary_count_fds() == n);
                fifo_scratch_done(&scratch);
        }
        assert(n_failed > 0 && n_failed < 7);
        puts("ok: scratch without fds");
}

/* Writes of the given sizes, over and over, until one would have to wait. Returns the bytes. */
static size_t fill_pipe(int fd, const uint16_t *sizes, size_t n_sizes)
{
        static const char text[2 * PAGE_BYTES];
        size_t total = 0;

        for (size_t i = 0;; i++) {
                ssize_t k = write(fd, text, sizes[i % n_sizes]);

                assert(k > 0 || errno == EAGAIN);
                total += k > 0 ? (size_t) k : 0;
                if (k < (ssize_t) sizes[i % n_sizes])
                        return total;
        }
}

static void eat(int fd, size_t n)
{
        static char text[PEEK_MAX_BYTES];

        while (n > 0) {
                ssize_t k = read(fd, text, MIN(n, sizeof(text)));

                assert(k > 0);
                n -= (size_t) k;
        }
}

static bool has_room(int write_fd)
{
        return poll(&(struct pollfd){ .fd = write_fd, .events = POLLOUT }, 1, 0) > 0;
}

/* Bytes in the first slot of a full pipe: those whose eating makes room. The pipe is empty then. */
static size_t measure_first_slot(int fds[2], size_t total)
{
        size_t n = 0;

        while (!has_room(fds[1])) {
                eat(fds[0], 1);
                n++;
        }
        eat(fds[0], total - n);
        return n;
}

/* What is in the pipe when it is full and the first slot eaten down to one byte. */
static size_t measure_fill(int fds[2], const uint16_t *sizes, size_t n_sizes, size_t first_slot)
{
        size_t total = fill_pipe(fds[1], sizes, n_sizes), left = total - first_slot + 1;

        eat(fds[0], first_slot - 1);
        assert(!has_room(fds[1]));
        eat(fds[0], 1);
        assert(has_room(fds[1]));
        eat(fds[0], left - 1);
        return left;
}

/*
 * A writer with an unfinished line in the pipe must never wait for us: ordinary writes, whatever
 * their sizes, must always bring LINE_MAX_BYTES + 1 bytes into a pipe of 64 KiB, so that a part can
 * be cut; for smaller pipes half their capacity less a page, see stream_start().
 */
static void test_line_limit(size_t capacity)
{
        const size_t seen = capacity / 2 - PAGE_BYTES + 1;
        const uint16_t step = test_is_slow() ? 61 : 1;
        static const uint16_t worst[] = { PAGE_BYTES, 1 };
        size_t least = capacity, odd;
        int fds[2];

        assert(pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0);
        assert(fcntl(fds[1], F_SETPIPE_SZ, capacity) == (int) capacity);

        /* Not even half the capacity is always reached: 30,736 bytes of 65,536. */
        odd = measure_fill(fds, &(uint16_t){ PAGE_BYTES / 2 + 1 }, 1, PAGE_BYTES / 2 + 1);
        assert(odd == (capacity / PAGE_BYTES - 1) * (PAGE_BYTES / 2 + 1) + 1);
        assert(odd < capacity / 2);

        for (uint16_t size = 1; size <= 2 * PAGE_BYTES; size += step) {
                size_t slot = size <= PAGE_BYTES ? PAGE_BYTES / size * size : PAGE_BYTES;

                least = MIN(least, measure_fill(fds, &size, 1, slot));
        }
        assert(least >= seen);

        for (unsigned i = 0; i < (step > 1 ? 10 : 100); i++) {
                uint16_t sizes[7];

                for (size_t k = 0; k < ARRAY_SIZE(sizes); k++)
                        sizes[k] = (uint16_t) (1 + rand() % (i % 2 ? 2 * PAGE_BYTES : PAGE_BYTES));
                least = MIN(least,
                            measure_fill(fds, sizes, ARRAY_SIZE(sizes),
                                         measure_first_slot(fds, fill_pipe(fds[1], sizes,
                                                                           ARRAY_SIZE(sizes)))));
        }
        assert(least >= seen);

        /* The worst case there is: a page and a byte by turns. */
        assert(measure_fill(fds, worst, ARRAY_SIZE(worst), PAGE_BYTES) ==
               seen + capacity / PAGE_BYTES / 2);
        base_close(fds[0]);
        base_close(fds[1]);
        printf("ok: a pipe of %zu bytes always takes %zu\n", capacity, seen);
}

int main(void)
{
        (void) umask(0);
        test_peek_and_drop();
        test_whole_pipe();
        test_packets();
        test_small_scratch();
        test_vanished();
        test_hang_up();
        test_full();
        test_check();
        test_create();
        test_refused();
        test_scratch_again();
        test_scratch_without_fds();

        assert(16U * PAGE_BYTES / 2 - PAGE_BYTES == LINE_MAX_BYTES);
        for (size_t capacity = 4U * PAGE_BYTES; capacity <= 16U * PAGE_BYTES; capacity *= 2)
                test_line_limit(capacity);
        return 0;
}
