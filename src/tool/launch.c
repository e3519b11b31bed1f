/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The verbs that make and end streams; see the header. */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <systemd/sd-login.h>

#include "base/log.h"
#include "tool/display.h"
#include "tool/launch.h"
#include "tool/relay.h"
#include "tool/session.h"

/* The exit statuses of a shell for a command that could not be started. */
#define EXIT_NOT_EXECUTABLE 126
#define EXIT_NOT_FOUND 127

static const char *streams_find_path(json_t *streams, const char *name)
{
        json_t *stream;
        size_t i;

        json_array_foreach(streams, i, stream) {
                const char *s = json_string_value(json_object_get(stream, "name"));

                if (s && strcmp(s, name) == 0)
                        return json_string_value(json_object_get(stream, "path"));
        }
        return NULL;
}

static int streams_get_paths(json_t *streams, RelayPaths *ret)
{
        *ret = (RelayPaths){
                .stdin_path = streams_find_path(streams, "stdin"),
                .stdout_path = streams_find_path(streams, "stdout"),
                .stderr_path = streams_find_path(streams, "stderr"),
        };
        if (!ret->stdout_path || !ret->stderr_path)
                return log_error_errno(EBADMSG, "Failed to get the streams from conlogd: %m");
        return 0;
}

/* Puts a FIFO in the place of one of our standard streams. Read-write: then opening waits for
 * nobody, and a restart of conlogd is not felt. */
static int become_stream(const char *path, int target_fd)
{
        _cleanup_close_ int fd = -1;

        fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW);
        if (fd < 0 || dup2(fd, target_fd) < 0)
                return -errno;
        return 0;
}

static int become_streams(const RelayPaths *paths)
{
        int r;

        r = become_stream(paths->stdin_path ?: "/dev/null", STDIN_FILENO);
        if (r < 0)
                return r;
        r = become_stream(paths->stdout_path, STDOUT_FILENO);
        if (r < 0)
                return r;
        return become_stream(paths->stderr_path, STDERR_FILENO);
}

/* Becomes command, with these streams. Returns only on failure: an exit status, told. */
static int become_command(char **command, json_t *streams)
{
        _cleanup_close_ int stderr_fd = -1;
        RelayPaths paths;
        int r;

        r = streams_get_paths(streams, &paths);
        if (r < 0)
                return EXIT_FAILURE;
        stderr_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
        if (stderr_fd < 0) {
                (void) log_error_errno(errno, "Failed to copy standard error: %m");
                return EXIT_FAILURE;
        }

        r = become_streams(&paths);
        if (r < 0) {
                (void) dup2(stderr_fd, STDERR_FILENO);
                (void) log_error_errno(r, "Failed to open the streams: %m");
                return EXIT_FAILURE;
        }

        (void) execvp(command[0], command);
        r = -errno;
        (void) dup2(stderr_fd, STDERR_FILENO);
        (void) log_error_errno(r, "Failed to execute %s: %m", command[0]);
        return r == -ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
}

static int call_remove(VarlinkClient *client, const char *id, const char *exec, VarlinkReply *ret)
{
        return varlink_client_call(client, "io.conlogd.Remove",
                                   json_pack("{ss ss*}", "id", id, "exec", exec), ret);
}

static bool reply_says_gone(const VarlinkReply *reply)
{
        return reply->error && (strcmp(reply->error, "io.conlogd.NoSuchContainer") == 0 ||
                                strcmp(reply->error, "io.conlogd.NoSuchExec") == 0);
}

/* Takes back what was made for a command that is not there. exec may be NULL. */
static void take_back(VarlinkClient *client, const char *id, const char *exec)
{
        _cleanup_(varlink_reply_done) VarlinkReply reply = {};

        (void) session_tell(call_remove(client, id, exec, &reply), &reply, "remove", exec ?: id);
}

/* NULL: there is none, which has been told. */
static const char *get_new_id(const Arguments *a)
{
        const char *id = json_string_value(json_object_get(a->create, "id"));

        if (!id)
                log_error("An id is missing: --id=ID");
        return id;
}

static int call_create(VarlinkClient *client, const Arguments *a, VarlinkReply *ret)
{
        const char *id = get_new_id(a);

        if (!id)
                return -EINVAL;
        return session_call(client, "Create", json_incref(a->create), "create container", id, ret);
}

int launch_create(const Arguments *a)
{
        _cleanup_(varlink_client_freep) VarlinkClient *client = NULL;
        _cleanup_(varlink_reply_done) VarlinkReply reply = {};
        json_t *container, *stream;
        size_t i;
        int r;

        r = session_new(&client, a->socket);
        if (r < 0)
                return r;
        r = call_create(client, a, &reply);
        if (r < 0)
                return r;

        container = json_object_get(reply.parameters, "container");
        if (a->output != OUTPUT_TEXT)
                return display_json(a, container);
        json_array_foreach(json_object_get(container, "streams"), i, stream)
                puts(json_string_value(json_object_get(stream, "path")) ?: "");
        return 0;
}

/* Connects, and names the system service that we run in, if any: somebody's session is none. */
static int begin_in_unit(VarlinkClient **ret, const Arguments *a)
{
        _cleanup_free_ char *unit = NULL;
        uid_t owner;

        if (!json_object_get(a->create, "unit") && sd_pid_get_owner_uid(0, &owner) < 0 &&
            sd_pid_get_unit(0, &unit) >= 0 &&
            json_object_set_new(a->create, "unit", json_string(unit)) < 0)
                return log_error_errno(ENOMEM, "Failed to name the unit: %m");
        return session_new(ret, a->socket);
}

int launch_run(const Arguments *a)
{
        _cleanup_(varlink_client_freep) VarlinkClient *client = NULL;
        _cleanup_(varlink_reply_done) VarlinkReply reply = {};
        json_t *container;
        int r, status;

        if (json_object_get(a->create, "terminal")) {
                log_error(
                        "A terminal cannot be given with run. Use create, and pass the paths on.");
                return -EINVAL;
        }
        r = begin_in_unit(&client, a);
        if (r < 0)
                return r;
        r = call_create(client, a, &reply);
        if (r < 0)
                return r;

        container = json_object_get(reply.parameters, "container");
        status = become_command(a->command, json_object_get(container, "streams"));
        take_back(client, json_string_value(json_object_get(container, "id")), NULL);
        return status;
}

/* Calls Adopt with our fds; without any, standard input is the pipe that was made for us. */
static int call_adopt(VarlinkClient *client, const Arguments *a, const char *id, VarlinkReply *ret)
{
        json_t *request = json_copy(a->create);
        int fds[2], n_fds = 0;

        if (a->stdout_fd >= 0 || a->stderr_fd < 0) {
                (void) json_object_set_new(request, "stdout", json_integer(n_fds));
                fds[n_fds++] = a->stdout_fd >= 0 ? a->stdout_fd : STDIN_FILENO;
        }
        if (a->stderr_fd >= 0) {
                (void) json_object_set_new(request, "stderr", json_integer(n_fds));
                fds[n_fds++] = a->stderr_fd;
        }
        return session_tell(varlink_client_call_with_fds(client, "io.conlogd.Adopt", request, fds,
                                                         (size_t) n_fds, ret),
                            ret, "adopt container", id);
}

int launch_adopt(const Arguments *a)
{
        _cleanup_(varlink_client_freep) VarlinkClient *client = NULL;
        _cleanup_(varlink_reply_done) VarlinkReply reply = {};
        const char *id = get_new_id(a);
        int r;

        if (!id)
                return -EINVAL;
        r = begin_in_unit(&client, a);
        if (r < 0)
                return r;
        r = call_adopt(client, a, id, &reply);
        if (r < 0 || a->output == OUTPUT_TEXT)
                return r;
        return display_json(a, json_object_get(reply.parameters, "container"));
}

/* Like "exec-0123abcd". */
static int make_exec_id(char ret[16])
{
        uint32_t n;

        if (getrandom(&n, sizeof(n), 0) != sizeof(n))
                return log_error_errno(errno, "Failed to make up an id: %m");
        (void) snprintf(ret, 16, "exec-%08x", n);
        return 0;
}

/* The command may have run for days, and the container may be gone with its execs. */
static void end_exec(const char *socket, const char *id, const char *exec)
{
        _cleanup_(varlink_client_freep) VarlinkClient *client = NULL;
        _cleanup_(varlink_reply_done) VarlinkReply reply = {};
        int r;

        if (session_new(&client, socket) < 0)
                return;
        r = call_remove(client, id, exec, &reply);
        if (r < 0 || !reply_says_gone(&reply))
                (void) session_tell(r, &reply, "remove exec", exec);
}

static int relay_command(const Arguments *a, const char *exec, json_t *streams)
{
        RelayPaths paths;
        int r;

        r = streams_get_paths(streams, &paths);
        if (r >= 0)
                r = relay_run(a->command, &paths);
        end_exec(a->socket, a->words[0], exec);
        return r;
}

int launch_exec(const Arguments *a)
{
        _cleanup_(varlink_client_freep) VarlinkClient *client = NULL;
        _cleanup_(varlink_reply_done) VarlinkReply reply = {};
        const char *id = a->words[0], *exec = a->exec;
        char made_up[16];
        json_t *streams;
        int r, status;

        if (!exec) {
                r = make_exec_id(made_up);
                if (r < 0)
                        return r;
                exec = made_up;
        }
        r = session_new(&client, a->socket);
        if (r < 0)
                return r;
        r = session_call(client, "Exec",
                         json_pack("{ss ss sb}", "id", id, "exec", exec, "log", a->is_logged),
                         "make streams in container", id, &reply);
        if (r < 0)
                return r;

        streams = json_object_get(reply.parameters, "streams");
        if (!a->is_logged) {
                client = varlink_client_free(client);
                return relay_command(a, exec, streams);
        }
        status = become_command(a->command, streams);
        take_back(client, id, exec);
        return status;
}

static int remove_one(VarlinkClient **client, const Arguments *a, const char *id)
{
        _cleanup_(varlink_reply_done) VarlinkReply reply = {};
        int r;

        r = call_remove(*client, id, a->exec, &reply);
        if (r == -ECONNRESET) {
                /* conlogd was restarted while we waited. The next one goes on with it, unless the
                 * last one was done. */
                *client = varlink_client_free(*client);
                r = session_new(client, a->socket);
                if (r < 0)
                        return r;
                r = call_remove(*client, id, a->exec, &reply);
                if (r >= 0 && reply_says_gone(&reply))
                        return 0;
        }

        r = session_tell(r, &reply, a->exec ? "remove exec" : "remove container", a->exec ?: id);
        if (r >= 0 && a->output != OUTPUT_TEXT)
                return display_json(a, reply.parameters);
        return r;
}

int launch_remove(const Arguments *a)
{
        _cleanup_(varlink_client_freep) VarlinkClient *client = NULL;
        int r, ret = 0;

        r = session_new(&client, a->socket);
        for (unsigned i = 0; i < a->n_words && client; i++) {
                r = remove_one(&client, a, a->words[i]);
                if (r < 0)
                        ret = r;
        }
        return r < 0 ? r : ret;
}
