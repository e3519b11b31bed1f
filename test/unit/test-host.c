/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is found at a host: the kernel's files, and journald's settings, below a directory. */

#include "../temporary.h"
#include "tool/host.h"

static void write_file(Temporary *t, const char *name, const char *text)
{
        char path[128];

        for (const char *end = strchr(name, '/'); end; end = strchr(end + 1, '/')) {
                (void) snprintf(path, sizeof(path), "%.*s", (int) (end - name), name);
                assert(mkdirat(t->fd, path, 0755) == 0 || errno == EEXIST);
        }
        temporary_write(t, name, text);
}

static void test_kernel(void)
{
        Temporary t;
        Host h;

        temporary_init(&t);
        write_file(&t, "proc/sys/fs/pipe-user-pages-soft", "16384\n");
        write_file(&t, "proc/sys/fs/file-max", "9223372036854775807\n");
        write_file(&t, "proc/sys/fs/file-nr", "737\t0\t9223372036854775807\n");
        write_file(&t, "proc/sys/fs/nr_open", "many\n");
        write_file(&t, "proc/1/limits",
                   "Limit                     Soft Limit           Hard Limit           Units\n"
                   "Max processes             28909                28909                processes\n"
                   "Max open files            20000                524288               files\n");
        host_read(&h, t.path, "/nonexistent/socket");
        assert(h.pipe_pages_soft.error == 0 && h.pipe_pages_soft.n == 16384);
        assert(h.files_max.error == 0 && h.files_max.n == INT64_MAX);
        assert(h.files_used.error == 0 && h.files_used.n == 737);
        assert(h.nr_open.error == -EBADMSG && h.pipe_pages_hard.error == -ENOENT);
        assert(h.manager_files_max.error == 0 && h.manager_files_max.n == 20000);
        assert(h.kernel.error == 0 && h.kernel.n > 4000);
        assert(h.daemon_error == -ENOENT && !*h.daemon_version);
        assert(h.containers_max == CONTAINERS_MAX_DEFAULT && h.run_error == -ENOENT);

        write_file(&t, "run/conlogd/file", "");
        assert(fchmodat(t.fd, "run/conlogd", 0711, 0) == 0);
        host_read(&h, t.path, "/nonexistent/socket");
        assert(h.run_error == 0 && h.run_mode == 0711 && h.run_uid == geteuid());
        assert(h.run_bytes.error == 0 && h.run_inodes.error == 0);
        assert(unlinkat(t.fd, "run/conlogd/file", 0) == 0);
        assert(unlinkat(t.fd, "run/conlogd", AT_REMOVEDIR) == 0);
        assert(symlinkat("/", t.fd, "run/conlogd") == 0);
        host_read(&h, t.path, "/nonexistent/socket");
        assert(h.run_error == -ENOTDIR);
        temporary_done(&t);
        puts("ok: the kernel and the run directory");
}

static JournalStore read_store(Temporary *t, const char *settings)
{
        JournalStore s;
        char text[256];

        (void) snprintf(text, sizeof(text), "[Journal]\n%s", settings);
        write_file(t, "etc/systemd/journald.conf", text);
        journal_store_read(&s, t->path);
        return s;
}

static void test_journal(void)
{
        JournalStore s;
        Temporary t;

        temporary_init(&t);
        write_file(&t, "run/log/journal/x", "");
        s = read_store(&t, "");
        assert(s.storage.n == JOURNAL_AUTO_VOLATILE && s.level_max.n == 7);
        assert(s.rate_usec.n == 30000000 && s.rate_burst.n == 10000);
        assert(s.max_use.error == 0 && s.max_use.n > 0 && s.max_use.n <= UINT64_C(4) << 30);
        assert(s.keep_free.error == 0 && s.keep_free.n >= s.max_use.n);
        assert(s.available.error == 0 && s.socket_error == -ENOENT);

        s = read_store(&t, "SystemMaxUse=1M\nRuntimeMaxUse=2M\nRuntimeKeepFree=0\n");
        assert(s.max_use.n == 2097152 && s.keep_free.n == 0);
        assert(read_store(&t, "RuntimeMaxUse=1T\n").max_use.n == FIGURE_INFINITY);
        assert(read_store(&t, "RuntimeMaxUse=lots\n").max_use.error == -EINVAL);

        write_file(&t, "var/log/journal/x", "");
        assert(read_store(&t, "").storage.n == JOURNAL_PERSISTENT);
        assert(read_store(&t, "SystemMaxUse=1M\nRuntimeMaxUse=2M\n").max_use.n == 1048576);
        assert(read_store(&t, "Storage=volatile\n").storage.n == JOURNAL_VOLATILE);
        s = read_store(&t, "Storage=none\n");
        assert(s.storage.n == JOURNAL_NONE && s.max_use.n == FIGURE_INFINITY);
        assert(read_store(&t, "Storage=never\n").storage.error == -EINVAL);

        assert(read_store(&t, "MaxLevelStore=err\n").level_max.n == 3);
        assert(read_store(&t, "MaxLevelStore=6\n").level_max.n == 6);
        assert(read_store(&t, "MaxLevelStore=8\n").level_max.error == -ERANGE);
        s = read_store(&t, "RateLimitIntervalSec=500ms\nRateLimitBurst=0\n");
        assert(s.rate_usec.n == 500000 && s.rate_burst.n == 0);
        temporary_done(&t);
        puts("ok: journald");
}

int main(void)
{
        test_kernel();
        test_journal();
        return 0;
}
