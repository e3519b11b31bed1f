/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Directories and small files in them, where somebody may have put something else. */

#undef NDEBUG

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "../child.h"
#include "../temporary.h"
#include "io/rundir.h"

static void test_open(void)
{
        Temporary t;
        char path[128];

        temporary_init(&t);
        assert(base_close(rundir_open(t.path)) == -1);
        (void) snprintf(path, sizeof(path), "%s/none", t.path);
        assert(rundir_open(path) == -ENOENT);

        temporary_write(&t, "file", "");
        (void) snprintf(path, sizeof(path), "%s/file", t.path);
        assert(rundir_open(path) == -ENOTDIR);

        assert(symlinkat(".", t.fd, "link") == 0);
        (void) snprintf(path, sizeof(path), "%s/link", t.path);
        assert(rundir_open(path) == -ENOTDIR);
        temporary_done(&t);
        puts("ok: open");
}

/* Only what is ours and nobody else can write into. */
static void test_open_at(void)
{
        Temporary t;

        temporary_init(&t);
        assert(rundir_open_at(t.fd, "none", NULL) == -ENOENT);
        assert(mkdirat(t.fd, "ours", 0755) == 0);
        assert(base_close(rundir_open_at(t.fd, "ours", NULL)) == -1);

        assert(symlinkat("ours", t.fd, "link") == 0);
        assert(rundir_open_at(t.fd, "link", NULL) == -ENOTDIR);
        temporary_write(&t, "file", "");
        assert(rundir_open_at(t.fd, "file", NULL) == -ENOTDIR);

        assert(fchmodat(t.fd, "ours", 0775, 0) == 0);
        assert(rundir_open_at(t.fd, "ours", NULL) == -EPERM);
        assert(fchmodat(t.fd, "ours", 0702, 0) == 0);
        assert(rundir_open_at(t.fd, "ours", NULL) == -EPERM);
        assert(fchmodat(t.fd, "ours", 0700, 0) == 0);
        if (fchownat(t.fd, "ours", 65534, 65534, 0) == 0)
                assert(rundir_open_at(t.fd, "ours", NULL) == -EPERM);
        temporary_done(&t);
        puts("ok: open in a directory");
}

static void test_create(void)
{
        struct rlimit old, limit;
        struct stat st;
        ino_t ino;
        Temporary t;

        temporary_init(&t);
        assert(base_close(rundir_create_at(t.fd, "new", &ino)) == -1);
        assert(fstatat(t.fd, "new", &st, AT_SYMLINK_NOFOLLOW) == 0);
        assert(st.st_mode == (S_IFDIR | 0700));
        assert(rundir_create_at(t.fd, "new", &ino) == -EEXIST);
        assert(symlinkat("nowhere", t.fd, "link") == 0);
        assert(rundir_create_at(t.fd, "link", &ino) == -EEXIST);

        /* Without an fd for it, the directory does not stay: the name would be taken for ever. */
        assert(getrlimit(RLIMIT_NOFILE, &old) == 0);
        limit = (struct rlimit){ .rlim_cur = (rlim_t) t.fd + 1, .rlim_max = old.rlim_max };
        assert(setrlimit(RLIMIT_NOFILE, &limit) == 0);
        assert(rundir_create_at(t.fd, "late", &ino) == -EMFILE);
        assert(setrlimit(RLIMIT_NOFILE, &old) == 0);
        assert(!temporary_has(&t, "late"));
        temporary_done(&t);
        puts("ok: create");
}

/* Called once, behind the next mkdirat(2). */
static void (*after_mkdir)(int dir_fd, const char *name);

/* In front of the C library's. */
int mkdirat(int dir_fd, const char *name, mode_t mode)
{
        void (*hook)(int, const char *) = after_mkdir;
        int r = (int) syscall(SYS_mkdirat, dir_fd, name, mode);

        after_mkdir = NULL;
        if (hook)
                hook(dir_fd, name);
        return r;
}

static void swap_in(int dir_fd, const char *name)
{
        assert(renameat2(dir_fd, name, dir_fd, "foreign", RENAME_EXCHANGE) == 0);
}

/* Somebody swaps a directory of his in before the new one is opened: it stays as it is. */
static void test_create_swapped(void)
{
        ino_t ino;
        Temporary t;

        temporary_init(&t);
        assert(mkdirat(t.fd, "foreign", 0700) == 0);
        temporary_write(&t, "foreign/canary", "alive");
        after_mkdir = swap_in;
        assert(rundir_create_at(t.fd, "c", &ino) == -ESTALE);
        assert(faccessat(t.fd, "c/canary", F_OK, 0) == 0);
        temporary_done(&t);
        puts("ok: create, swapped");
}

static void test_remove(void)
{
        Temporary t, outside;

        temporary_init(&t);
        temporary_init(&outside);
        temporary_write(&outside, "canary", "alive");

        assert(rundir_remove_at(t.fd, "none", 0) == -ENOENT);
        assert(mkdirat(t.fd, "full", 0700) == 0);
        for (unsigned i = 0; i < 300; i++) {
                char name[32];

                (void) snprintf(name, sizeof(name), "full/file-%u", i);
                temporary_write(&t, name, "text");
        }
        assert(mkfifoat(t.fd, "full/fifo", 0622) == 0);
        assert(symlinkat(outside.path, t.fd, "full/link") == 0);
        assert(rundir_remove_at(t.fd, "full", 0) == 0);
        assert(!temporary_has(&t, "full"));

        /* Links are not followed, whether they are inside or stand for the directory. */
        assert(symlinkat(outside.path, t.fd, "link") == 0);
        assert(rundir_remove_at(t.fd, "link", 0) == -ENOTDIR);
        temporary_expect(&outside, "canary", "alive");

        /* A directory inside is nothing that we have made. */
        assert(mkdirat(t.fd, "deep", 0700) == 0);
        assert(mkdirat(t.fd, "deep/inner", 0700) == 0);
        temporary_write(&t, "deep/inner/file", "text");
        assert(rundir_remove_at(t.fd, "deep", 0) == -EISDIR);
        temporary_expect(&t, "deep/inner/file", "text");
        temporary_done(&outside);
        temporary_done(&t);
        puts("ok: remove");
}

/* Names seen, and how many to see before it is enough. */
typedef struct Names {
        unsigned n;
        unsigned n_max;
        bool has_file;
} Names;

static int on_name(const char *name, void *userdata)
{
        Names *names = userdata;

        assert(strcmp(name, ".") != 0 && strcmp(name, "..") != 0);
        names->has_file = names->has_file || strcmp(name, "..file") == 0;
        return ++names->n < names->n_max ? 0 : -ECANCELED;
}

/* Somebody puts another directory in the place of one that we know: it stays as it is. */
static void test_same(void)
{
        ino_t ino, any = 0;
        struct stat st;
        Temporary t;

        temporary_init(&t);
        assert(base_close(rundir_create_at(t.fd, "ours", &ino)) == -1);
        assert(fstatat(t.fd, "ours", &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_ino == ino);
        assert(base_close(rundir_open_at(t.fd, "ours", &ino)) == -1);
        assert(base_close(rundir_open_at(t.fd, "ours", &any)) == -1 && any == ino);

        assert(mkdirat(t.fd, "other", 0700) == 0);
        temporary_write(&t, "other/canary", "alive");
        assert(renameat2(t.fd, "ours", t.fd, "other", RENAME_EXCHANGE) == 0);
        assert(rundir_open_at(t.fd, "ours", &ino) == -ESTALE);
        assert(rundir_remove_at(t.fd, "ours", ino) == -ESTALE);
        temporary_expect(&t, "ours/canary", "alive");
        assert(rundir_remove_at(t.fd, "other", ino) == 0);
        temporary_done(&t);
        puts("ok: the same directory");
}

/* Whether somebody has opened a file that is watched. */
static bool was_opened(int watch_fd)
{
        char events[4096] __attribute__((__aligned__(__alignof__(struct inotify_event))));

        return read(watch_fd, events, sizeof(events)) > 0;
}

/* What is not as it should be is not even opened. */
static void test_never_opened(void)
{
        _cleanup_close_ int watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        static const mode_t types[] = { S_IFREG, S_IFIFO, S_IFSOCK, S_IFCHR };
        char path[128];
        Temporary t;

        temporary_init(&t);
        for (size_t i = 0; i < ARRAY_SIZE(types); i++)
                for (unsigned has_link = 0; has_link < 2; has_link++) {
                        /* null; only root can make it */
                        if (mknodat(t.fd, "it", types[i] | 0600, 1 << 8 | 3) < 0)
                                continue;
                        assert(!has_link || linkat(t.fd, "it", t.fd, "link", 0) == 0);
                        (void) snprintf(path, sizeof(path), "%s/it", t.path);
                        assert(inotify_add_watch(watch_fd, path, IN_OPEN) >= 0);

                        /* The two types that there are of ours. */
                        for (size_t k = 0; k < 2; k++) {
                                int fd = rundir_open_file(t.fd, "it", types[k], O_RDWR);

                                assert(i == k && !has_link ? fd >= 0 : fd == -EBADF);
                                assert(was_opened(watch_fd) == (fd >= 0));
                                base_close(fd);
                        }
                        assert(unlinkat(t.fd, "it", 0) == 0);
                        assert(!has_link || unlinkat(t.fd, "link", 0) == 0);
                        (void) was_opened(watch_fd);
                }

        assert(rundir_open_file(t.fd, "none", S_IFREG, O_RDONLY) == -ENOENT);
        assert(symlinkat("none", t.fd, "it") == 0);
        assert(rundir_open_file(t.fd, "it", S_IFREG, O_RDONLY) == -ELOOP);
        temporary_done(&t);
        puts("ok: never opened");
}

static void test_list(void)
{
        Names names = { .n_max = 100 };
        Temporary t;

        temporary_init(&t);
        assert(rundir_list(t.fd, on_name, &names) == 0 && names.n == 0);
        temporary_write(&t, "..file", "");
        temporary_write(&t, ".#file", "");
        assert(mkdirat(t.fd, "directory", 0700) == 0);
        for (unsigned i = 0; i < 2; i++) {
                names = (Names){ .n_max = 100 };
                assert(rundir_list(t.fd, on_name, &names) == 0);
                assert(names.n == 3 && names.has_file);
        }
        names = (Names){ .n_max = 2 };
        assert(rundir_list(t.fd, on_name, &names) == -ECANCELED && names.n == 2);
        temporary_done(&t);
        puts("ok: list");
}

static void test_write(void)
{
        Temporary t, outside;
        char longest[256] = "";
        struct stat st;

        temporary_init(&t);
        temporary_init(&outside);
        temporary_write(&outside, "canary", "alive");

        assert(rundir_write_file(t.fd, "new", 0600, SPAN_LITERAL("one")) == 0);
        assert(fstatat(t.fd, "new", &st, AT_SYMLINK_NOFOLLOW) == 0);
        assert(st.st_mode == (S_IFREG | 0600));
        assert(rundir_write_file(t.fd, "new", 0600, SPAN_LITERAL("2")) == 0);
        temporary_expect(&t, "new", "2");
        assert(rundir_write_file(t.fd, "new", 0600, (Span){}) == 0);
        temporary_expect(&t, "new", "");

        /* What lies under our names, left over or put there, is replaced and never written to. */
        (void) snprintf(longest, sizeof(longest), "%s/canary", outside.path);
        assert(symlinkat(longest, t.fd, "link") == 0);
        assert(symlinkat(longest, t.fd, ".#link") == 0);
        assert(rundir_write_file(t.fd, "link", 0600, SPAN_LITERAL("ours")) == 0);
        temporary_expect(&t, "link", "ours");
        temporary_expect(&outside, "canary", "alive");

        assert(mkdirat(t.fd, "directory", 0700) == 0);
        assert(rundir_write_file(t.fd, "directory", 0600, SPAN_LITERAL("")) == -EISDIR);
        assert(!temporary_has(&t, ".#directory"));
        assert(mkdirat(t.fd, ".#blocked", 0700) == 0);
        assert(rundir_write_file(t.fd, "blocked", 0600, SPAN_LITERAL("")) == -EISDIR);

        memset(longest, 'x', 253);
        longest[253] = '\0';
        assert(rundir_write_file(t.fd, longest, 0600, SPAN_LITERAL("")) == 0);
        longest[253] = 'x';
        assert(rundir_write_file(t.fd, longest, 0600, SPAN_LITERAL("")) == -ENAMETOOLONG);
        temporary_done(&outside);
        temporary_done(&t);
        puts("ok: write");
}

/* A full disk, here a file size limit: the old file stays, and nothing beside it. */
static void test_write_failure(void)
{
        struct rlimit old, limit;
        char text[10000];
        Temporary t;

        temporary_init(&t);
        memset(text, 'x', sizeof(text));
        assert(rundir_write_file(t.fd, "file", 0600, SPAN_LITERAL("old")) == 0);

        (void) signal(SIGXFSZ, SIG_IGN);
        assert(getrlimit(RLIMIT_FSIZE, &old) == 0);
        limit = (struct rlimit){ .rlim_cur = 5000, .rlim_max = old.rlim_max };
        assert(setrlimit(RLIMIT_FSIZE, &limit) == 0);
        assert(rundir_write_file(t.fd, "file", 0600, (Span){ text, sizeof(text) }) == -EFBIG);
        assert(setrlimit(RLIMIT_FSIZE, &old) == 0);

        temporary_expect(&t, "file", "old");
        assert(!temporary_has(&t, ".#file"));
        temporary_done(&t);
        puts("ok: write without space");
}

static void test_read(void)
{
        _cleanup_buffer_ Buffer b = {};
        Temporary t;

        temporary_init(&t);
        temporary_write(&t, "file", "12345678");
        assert(rundir_read_file(t.fd, "file", 8, &b) == 0);
        assert(rundir_read_file(t.fd, "file", 100, &b) == 0);
        assert(span_equal(buffer_span(&b), SPAN_LITERAL("1234567812345678")));
        buffer_clear(&b);

        assert(rundir_read_file(t.fd, "file", 7, &b) == -EFBIG);
        assert(rundir_read_file(t.fd, "none", 8, &b) == -ENOENT);
        temporary_write(&t, "empty", "");
        assert(rundir_read_file(t.fd, "empty", 0, &b) == 0);

        assert(symlinkat("file", t.fd, "link") == 0);
        assert(rundir_read_file(t.fd, "link", 8, &b) == -ELOOP);
        assert(mkdirat(t.fd, "directory", 0700) == 0);
        assert(rundir_read_file(t.fd, "directory", 8, &b) == -EBADF);
        assert(mkfifoat(t.fd, "fifo", 0600) == 0);
        assert(rundir_read_file(t.fd, "fifo", 8, &b) == -EBADF);
        assert(b.size == 0);
        temporary_done(&t);
        puts("ok: read");
}

/* Writes the file as fast as it can, all of one letter, until it is killed. */
static _Noreturn void run_writer(Temporary *t)
{
        char text[3000];

        for (unsigned i = 0;; i++) {
                memset(text, 'a' + (int) (i % 26), sizeof(text));
                assert(rundir_write_file(t->fd, "file", 0600,
                                         (Span){ text, 1 + i % sizeof(text) }) == 0);
        }
}

/* Whenever the writer is killed, the file is there and whole, and the next one can write it. */
static void test_whole_or_not(void)
{
        Temporary t;

        temporary_init(&t);
        temporary_write(&t, "file", "a");
        for (unsigned round = 0; round < 50; round++) {
                pid_t pid = child_fork();

                if (pid == 0)
                        run_writer(&t);
                for (unsigned i = 0; i < 20; i++) {
                        _cleanup_buffer_ Buffer b = {};

                        assert(rundir_read_file(t.fd, "file", 3000, &b) == 0);
                        assert(b.size > 0);
                        for (size_t k = 1; k < b.size; k++)
                                assert(b.data[k] == b.data[0]);
                }
                assert(child_was_killed(child_kill(pid)));
        }
        temporary_done(&t);
        puts("ok: whole or not at all");
}

/* Somebody swaps a directory of ours for a link to his, as fast as he can. */
static void test_race(void)
{
        Temporary t, outside;
        unsigned n_refused = 0;
        pid_t pid;

        temporary_init(&t);
        temporary_init(&outside);
        temporary_write(&outside, "canary", "alive");
        assert(mkdirat(t.fd, "c", 0700) == 0);
        temporary_write(&t, "c/canary", "ours");
        assert(symlinkat(outside.path, t.fd, "link") == 0);

        pid = child_fork();
        while (pid == 0)
                assert(renameat2(t.fd, "c", t.fd, "link", RENAME_EXCHANGE) == 0);

        for (unsigned i = 0; i < 20000; i++) {
                _cleanup_close_ int fd = rundir_open_at(t.fd, "c", NULL);
                _cleanup_buffer_ Buffer b = {};

                if (fd < 0) {
                        assert(fd == -ENOTDIR || fd == -ELOOP);
                        n_refused++;
                        continue;
                }
                assert(rundir_read_file(fd, "canary", 100, &b) == 0);
                assert(span_equal_string(buffer_span(&b), "ours"));
                assert(rundir_write_file(fd, "file", 0600, SPAN_LITERAL("text")) == 0);
        }
        assert(child_was_killed(child_kill(pid)));
        assert(!temporary_has(&outside, "file"));
        temporary_done(&outside);
        temporary_done(&t);
        printf("ok: race (%s)\n", n_refused > 0 ? "refused some" : "never met");
}

int main(void)
{
        (void) umask(0);
        test_open();
        test_open_at();
        test_create();
        test_create_swapped();
        test_remove();
        test_same();
        test_never_opened();
        test_list();
        test_write();
        test_write_failure();
        test_read();
        test_whole_or_not();
        test_race();
        return 0;
}
