/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The host; see the header. */

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>

#include "io/varlink-client.h"
#include "tool/host.h"

/* conlogd answers within milliseconds, or not at all. */
#define ANSWER_USEC UINT64_C(5000000)

static void file_closep(FILE **f)
{
        if (*f)
                (void) fclose(*f);
}

/* The first number in it. */
static Figure read_sysctl(const char *root, const char *name)
{
        _cleanup_(file_closep) FILE *f = NULL;
        unsigned long long n;
        char path[PATH_MAX];

        (void) snprintf(path, sizeof(path), "%s/proc/sys/%s", root, name);
        f = fopen(path, "re");
        if (!f)
                return (Figure){ .error = -errno };
        if (fscanf(f, "%llu", &n) != 1)
                return (Figure){ .error = -EBADMSG };
        return (Figure){ .n = n };
}

/* How many files a process may open: the soft limit, from a table with a line for each. */
static Figure read_files_limit(const char *root, uint64_t pid)
{
        _cleanup_(file_closep) FILE *f = NULL;
        Figure figure = { .error = -EBADMSG };
        char path[PATH_MAX], line[256];
        unsigned long long n;

        (void) snprintf(path, sizeof(path), "%s/proc/%" PRIu64 "/limits", root, pid);
        f = fopen(path, "re");
        if (!f)
                return (Figure){ .error = -errno };
        while (fgets(line, sizeof(line), f))
                if (sscanf(line, "Max open files %llu", &n) == 1)
                        figure = (Figure){ .n = n };
        return figure;
}

static Figure read_kernel(void)
{
        unsigned major, minor;
        struct utsname name;

        if (uname(&name) < 0)
                return (Figure){ .error = -errno };
        if (sscanf(name.release, "%u.%u", &major, &minor) != 2)
                return (Figure){ .error = -EBADMSG };
        return (Figure){ .n = major * 1000 + minor };
}

static HostDirectory read_directory(const char *root, const char *name)
{
        HostDirectory d = {};
        char path[PATH_MAX];
        struct statvfs fs;
        struct stat st;

        (void) snprintf(path, sizeof(path), "%s%s", root, name);
        if (lstat(path, &st) < 0 || statvfs(path, &fs) < 0) {
                d.error = d.bytes.error = d.inodes.error = -errno;
                return d;
        }
        d.error = S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
        d.mode = st.st_mode & 07777;
        d.uid = st.st_uid;
        d.is_read_only = fs.f_flag & ST_RDONLY;
        d.size = (uint64_t) fs.f_blocks * fs.f_frsize;
        d.inodes_size = fs.f_files;
        d.bytes.n = (uint64_t) fs.f_bavail * fs.f_frsize;
        /* Some file systems have no fixed number. */
        d.inodes.n = fs.f_files > 0 ? fs.f_favail : FIGURE_INFINITY;
        return d;
}

static int call(VarlinkClient *client, const char *method, VarlinkReply *ret)
{
        int r;

        r = varlink_client_call(client, method, NULL, ret);
        if (r < 0)
                return r;
        return ret->error ? -EPROTO : 0;
}

static unsigned get_number(const VarlinkReply *reply, const char *key)
{
        return (unsigned) json_integer_value(json_object_get(reply->parameters, key));
}

static void take_status(Host *h, const VarlinkReply *reply)
{
        json_t *bad = json_object_get(reply->parameters, "badConfiguration");
        const char *file = "", *rule = "";
        int line = 0;

        h->containers = get_number(reply, "containers");
        h->waiting = get_number(reply, "waiting");
        h->small_fifos = get_number(reply, "smallFifos");
        h->unrestored = get_number(reply, "unrestored");
        h->has_config = json_is_integer(json_object_get(reply->parameters, "containersMax"));
        if (h->has_config)
                h->containers_max = get_number(reply, "containersMax");
        if (json_unpack(bad, "{s:s, s:i, s:s}", "file", &file, "line", &line, "rule", &rule) >= 0)
                (void) snprintf(h->bad_config, sizeof(h->bad_config), "%s:%i: %s", file, line,
                                rule);
}

static int ask_conlogd(Host *h, const char *socket)
{
        _cleanup_(varlink_client_freep) VarlinkClient *client = NULL;
        _cleanup_(varlink_reply_done) VarlinkReply info = {}, status = {};
        const char *version;
        int r;

        r = varlink_client_new(&client, socket);
        if (r >= 0)
                r = varlink_client_set_timeout(client, ANSWER_USEC);
        if (r >= 0)
                r = call(client, "org.varlink.service.GetInfo", &info);
        if (r < 0)
                return r;

        version = json_string_value(json_object_get(info.parameters, "version"));
        (void) snprintf(h->daemon_version, sizeof(h->daemon_version), "%s", version ?: "");
        r = call(client, "io.conlogd.Status", &status);
        if (r < 0)
                return r;
        take_status(h, &status);
        return 0;
}

void host_read(Host *ret, const char *root, const char *socket)
{
        *ret = (Host){
                .kernel = read_kernel(),
                .pipe_pages_soft = read_sysctl(root, "fs/pipe-user-pages-soft"),
                .pipe_pages_hard = read_sysctl(root, "fs/pipe-user-pages-hard"),
                .pipe_max_bytes = read_sysctl(root, "fs/pipe-max-size"),
                .nr_open = read_sysctl(root, "fs/nr_open"),
                .files_max = read_sysctl(root, "fs/file-max"),
                .files_used = read_sysctl(root, "fs/file-nr"),
                .datagrams_max = read_sysctl(root, "net/unix/max_dgram_qlen"),
                .watches_max = read_sysctl(root, "fs/epoll/max_user_watches"),
                .manager_files_max = read_files_limit(root, 1),
                .containers_max = CONTAINERS_MAX_DEFAULT,
        };
        /* First: the files are then those of a conlogd that runs. */
        ret->daemon_error = ask_conlogd(ret, socket);
        manager_read(&ret->manager);
        ret->daemon_files_max = ret->manager.main_pid > 0
                                        ? read_files_limit(root, ret->manager.main_pid)
                                        : ret->manager.files_max;
        journal_store_read(&ret->journal, root);
        ret->run = read_directory(root, RUN_DIR);
        ret->logs = read_directory(root, LOGS_DIR);
}
