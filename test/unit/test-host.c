/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is found at a host: the kernel's files, and journald's settings, below a directory. */

#include "../temporary.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "../child.h"
#include "tool/host.h"

#define INFO "{\"parameters\":{\"version\":\"7\"}}"

static void write_file(Temporary *t, const char *name, const char *text)
{
        char path[128];

        for (const char *end = strchr(name, '/'); end; end = strchr(end + 1, '/')) {
                (void) snprintf(path, sizeof(path), "%.*s", (int) (end - name), name);
                assert(mkdirat(t->fd, path, 0755) == 0 || errno == EEXIST);
        }
        temporary_write(t, name, text);
}

/* A conlogd that answers two calls so, the second one with reply. */
static pid_t serve(Temporary *t, const char *socket_path, const char *reply)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int listen_fd, fd;
        char byte;
        pid_t pid;

        strcpy(address.sun_path, socket_path);
        (void) unlink(socket_path);
        listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert(listen_fd >= 0);
        assert(bind(listen_fd, (struct sockaddr *) &address, sizeof(address)) == 0);
        assert(listen(listen_fd, 1) == 0);

        pid = child_fork();
        if (pid > 0) {
                (void) base_close(listen_fd);
                return pid;
        }
        fd = accept(listen_fd, NULL, NULL);
        for (const char *answer = INFO; answer; answer = answer == reply ? NULL : reply) {
                do
                        assert(read(fd, &byte, 1) == 1);
                while (byte != '\0');
                assert(write(fd, answer, strlen(answer) + 1) > 0);
        }
        _exit(0);
}

static void ask(Temporary *t, const char *reply, Host *ret)
{
        char path[128];
        int status;
        pid_t pid;

        (void) snprintf(path, sizeof(path), "%s/socket", t->path);
        pid = serve(t, path, reply);
        host_read(ret, t->path, path);
        assert(waitpid(pid, &status, 0) == pid && status == 0);
        assert(strcmp(ret->daemon_version, "7") == 0);
}

static void test_daemon(void)
{
        Temporary t;
        Host h;

        temporary_init(&t);
        ask(&t,
            "{\"parameters\":{\"containers\":3,\"containersMax\":17,\"waiting\":1,"
            "\"smallFifos\":4,"
            "\"unrestored\":2}}",
            &h);
        assert(h.daemon_error == 0 && h.has_config && !*h.bad_config);
        assert(h.containers == 3 && h.containers_max == 17 && h.waiting == 1 &&
               h.small_fifos == 4 && h.unrestored == 2);

        ask(&t,
            "{\"parameters\":{\"containers\":0,\"waiting\":0,\"unrestored\":0,"
            "\"badConfiguration\":{\"file\":\"/a\",\"line\":4,\"rule\":\"so\"}}}",
            &h);
        assert(h.daemon_error == 0 && !h.has_config && strcmp(h.bad_config, "/a:4: so") == 0);
        assert(h.containers_max == CONTAINERS_MAX_DEFAULT);

        /* An older one. */
        ask(&t,
            "{\"error\":\"org.varlink.service.MethodNotFound\","
            "\"parameters\":{\"method\":\"Status\"}}",
            &h);
        assert(h.daemon_error == -EPROTO);
        temporary_done(&t);
        puts("ok: what conlogd says");
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
        assert(h.containers_max == CONTAINERS_MAX_DEFAULT && h.run.error == -ENOENT &&
               h.logs.error == -ENOENT);

        write_file(&t, "run/conlogd/file", "");
        assert(fchmodat(t.fd, "run/conlogd", 0711, 0) == 0);
        host_read(&h, t.path, "/nonexistent/socket");
        assert(h.run.error == 0 && h.run.mode == 0711 && h.run.uid == geteuid());
        assert(h.run.bytes.error == 0 && h.run.inodes.error == 0);
        assert(unlinkat(t.fd, "run/conlogd/file", 0) == 0);
        assert(unlinkat(t.fd, "run/conlogd", AT_REMOVEDIR) == 0);
        assert(symlinkat("/", t.fd, "run/conlogd") == 0);
        host_read(&h, t.path, "/nonexistent/socket");
        assert(h.run.error == -ENOTDIR);
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
        test_daemon();
        test_kernel();
        test_journal();
        return 0;
}
