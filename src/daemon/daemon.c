/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The daemon; see the header. */

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "base/log.h"
#include "daemon/control.h"
#include "daemon/daemon.h"
#include "daemon/restore.h"
#include "driver/file-sink.h"
#include "io/rundir.h"

/* After the last of some containers, or connections, has gone. */
#define TRIM_USEC UINT64_C(1000000)

/* Between two attempts at what failed for want of memory or fds. */
#define RETRY_USEC UINT64_C(1000000)

static const char *const config_dirs[] = { "/usr/lib/conlogd", "/etc/conlogd", NULL };

static int daemon_take_listen_fds(Daemon *d, char *const *names, size_t n)
{
        _cleanup_close_ int listen_fd = -1;
        int r;

        for (size_t i = 0; i < n; i++) {
                int fd = SD_LISTEN_FDS_START + (int) i;

                if (strcmp(names[i], "varlink") == 0 && listen_fd < 0) {
                        listen_fd = fd;
                        continue;
                }
                r = store_add(&d->store, fd, names[i]);
                if (r < 0)
                        return log_error_errno(r, "Failed to take a stored fd over: %m");
        }
        store_sort(&d->store);

        if (listen_fd < 0)
                return log_error_errno(ENOTCONN, "No socket named \"varlink\" was handed over: "
                                                 "conlogd is started by conlogd.socket.");
        if (fcntl(listen_fd, F_SETFL, O_RDWR | O_NONBLOCK) < 0)
                return log_error_errno(errno, "Failed to set up the varlink socket: %m");
        r = varlink_server_new(&d->server, d->event, listen_fd, &control_interface, d);
        if (r < 0)
                return log_error_errno(r, "Failed to listen on the varlink socket: %m");
        (void) TAKE_FD(listen_fd);
        return 0;
}

static void daemon_load_config(Daemon *d)
{
        Config *config;
        int r;

        r = config_load(&config, config_dirs, &d->config_error);
        if (r >= 0) {
                config_free(d->config);
                d->config = config;
        } else if (r != -EINVAL)
                (void) log_error_errno(r, "Failed to read the configuration: %m");
        else
                log_error("%s:%u: %s", d->config_error.file, d->config_error.line,
                          d->config_error.rule);
}

static int refuse_config(ConfigError *error, Refusal *refusal)
{
        return refuse(refusal, "io.conlogd.BadConfiguration", "{s:s, s:i, s:s}", "file",
                      refusal_clean(error->file), "line", (int) error->line, "rule",
                      refusal_clean(error->rule));
}

static int load_config(Config **ret, Refusal *refusal)
{
        ConfigError error;
        int r;

        r = config_load(ret, config_dirs, &error);
        return r == -EINVAL ? refuse_config(&error, refusal) : r;
}

int daemon_check_config(Refusal *refusal)
{
        _cleanup_(config_freep) Config *config = NULL;

        return load_config(&config, refusal);
}

int daemon_reload(Daemon *d, Refusal *refusal)
{
        Config *config;
        int r;

        r = load_config(&config, refusal);
        if (r < 0)
                return r;
        config_free(d->config);
        d->config = config;
        log_info("Configuration reloaded.");
        return 0;
}

static void daemon_schedule_idle(Daemon *d)
{
        (void) sd_event_source_set_time_relative(d->idle, d->config ? d->config->idle_usec
                                                                    : CONFIG_IDLE_DEFAULT_USEC);
        (void) sd_event_source_set_enabled(d->idle, SD_EVENT_ONESHOT);
}

void daemon_on_lines(Daemon *d)
{
        status_schedule(&d->status);
}

void daemon_retry_later(Daemon *d)
{
        (void) sd_event_source_set_time_relative(d->retry, RETRY_USEC);
        (void) sd_event_source_set_enabled(d->retry, SD_EVENT_ONESHOT);
}

void daemon_start_anew(Daemon *d, int error, const char *what)
{
        (void) log_error_errno(error, "Failed to %s, starting anew: %m", what);
        (void) sd_event_exit(d->event, error);
}

void daemon_trim_later(Daemon *d)
{
        (void) sd_event_source_set_time_relative(d->trim, TRIM_USEC);
        (void) sd_event_source_set_enabled(d->trim, SD_EVENT_ONESHOT);
}

void daemon_add_container(Daemon *d, Container *c)
{
        TAILQ_INSERT_TAIL(&d->containers, c, containers);
        d->n_containers++;
        status_schedule(&d->status);
}

void daemon_remove_container(Daemon *d, Container *c)
{
        d->n_lines_removed += container_get_lines(c);
        TAILQ_REMOVE(&d->containers, c, containers);
        d->n_containers--;
        status_schedule(&d->status);
        daemon_trim_later(d);
        if (d->n_containers == 0)
                daemon_schedule_idle(d);
}

bool daemon_holds_file(const Daemon *d, const struct stat *st)
{
        const Container *c;
        const Fifos *f;

        TAILQ_FOREACH(c, &d->containers, containers)
                TAILQ_FOREACH(f, &c->fifos, fifos)
                        if (fifos_hold(f, st))
                                return true;
        return false;
}

int daemon_need_config(Daemon *d, Refusal *refusal)
{
        if (!d->config)
                daemon_load_config(d);
        return d->config ? 0 : refuse_config(&d->config_error, refusal);
}

/* Whether one more may be made. */
static int daemon_check_room(Daemon *d, Refusal *refusal)
{
        int r;

        /* Nothing is made under settings that nobody wrote. What runs goes on. */
        r = daemon_need_config(d, refusal);
        if (r < 0)
                return r;

        if (d->n_containers >= d->config->containers_max)
                return refuse(refusal, "io.conlogd.LimitReached", "{s:s, s:i}", "limit",
                              "ContainersMax", "value", (int) d->config->containers_max);
        return 0;
}

int daemon_create_container(Daemon *d, json_t *request, int *fds, Container **ret, Refusal *refusal)
{
        int r;

        r = daemon_check_room(d, refusal);
        if (r < 0)
                return r;
        r = container_create(ret, d, request, fds, refusal);
        if (r < 0)
                return r;
        daemon_add_container(d, *ret);
        return 0;
}

int daemon_find_container(Daemon *d, const char *key, Container **ret, Refusal *refusal)
{
        Container *c, *by_name = NULL, *by_prefix = NULL;
        unsigned n_names = 0, n_prefixes = 0;
        size_t size = strlen(key);

        TAILQ_FOREACH(c, &d->containers, containers) {
                if (strcmp(c->id, key) == 0) {
                        *ret = c;
                        return 0;
                }
                if (c->name && strcmp(c->name, key) == 0) {
                        by_name = c;
                        n_names++;
                }
                if (size > 0 && strncmp(c->id, key, size) == 0) {
                        by_prefix = c;
                        n_prefixes++;
                }
        }

        if (n_names > 1 || (n_names == 0 && n_prefixes > 1))
                return refuse(refusal, "io.conlogd.AmbiguousId", "{s:s}", "id", key);
        *ret = by_name ?: by_prefix;
        if (!*ret && d->n_delayed > 0)
                return -EAGAIN; /* it may be one of them */
        if (!*ret)
                return refuse(refusal, "io.conlogd.NoSuchContainer", "{s:s}", "id", key);
        return 0;
}

bool daemon_has_container(const Daemon *d, const char *id)
{
        const Container *c;

        TAILQ_FOREACH(c, &d->containers, containers)
                if (strcmp(c->id, id) == 0)
                        return true;
        return false;
}

static int daemon_on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
        Daemon *d = ASSERT_PTR(userdata);
        Container *c, *next;

        for (c = TAILQ_FIRST(&d->containers); c; c = next) {
                next = TAILQ_NEXT(c, containers);
                container_retry(c);
        }
        if (d->n_delayed > 0 && restore_all(d, true) < 0) {
                d->n_unrestored = d->n_delayed = 1;
                daemon_retry_later(d);
        }
        return 0;
}

/* The pipe of the daemon before this one, or a new one for those that come after. */
static int daemon_open_turns(Daemon *d)
{
        int *fds = d->store.scratch_fds;
        bool is_new = fds[0] < 0 || fds[1] < 0;
        int r;

        r = turns_init(&d->turns, d->event, fds);
        if (r >= 0 && is_new)
                store_keep_scratch(&d->store, d->turns.scratch.pipe_read_fd,
                                   d->turns.scratch.pipe_write_fd);
        return r;
}

static int daemon_open_run_dir(Daemon *d)
{
        _cleanup_close_ int run_fd = -1;

        run_fd = rundir_open(RUN_DIR);
        if (run_fd < 0)
                return log_error_errno(run_fd, "Failed to open " RUN_DIR
                                               ", which tmpfiles.d/conlogd.conf makes: %m");
        /* Where systemd-tmpfiles has not run since the installation. */
        if (mkdirat(run_fd, "containers", 0700) < 0 && errno != EEXIST)
                return log_error_errno(errno, "Failed to make " RUN_DIR "/containers: %m");
        d->containers_fd = rundir_open_at(run_fd, "containers", NULL);
        if (d->containers_fd < 0)
                return log_error_errno(d->containers_fd,
                                       "Failed to open " RUN_DIR "/containers: %m");
        return 0;
}

/* What was freed is spread over the heap, and free() gives only its end back. */
static int daemon_on_trim(sd_event_source *source, uint64_t usec, void *userdata)
{
        (void) malloc_trim(0);
        return 0;
}

static int daemon_on_idle(sd_event_source *source, uint64_t usec, void *userdata)
{
        Daemon *d = ASSERT_PTR(userdata);

        /* To end is to lose the fd store: not while it holds what a later start may still open. */
        if (d->n_containers > 0 || d->n_unrestored > 0)
                return 0;
        if (varlink_server_n_connections(d->server) > 0 ||
            !compressor_is_idle(d->host.files->compressor)) {
                daemon_schedule_idle(d);
                return 0;
        }
        (void) notify_send(d->notify, "STOPPING=1\nSTATUS=No containers: waiting as a socket");
        return sd_event_exit(sd_event_source_get_event(source), 0);
}

static int daemon_on_watchdog(sd_event_source *source, uint64_t usec, void *userdata)
{
        Daemon *d = ASSERT_PTR(userdata);

        (void) notify_send(d->notify, "WATCHDOG=1");
        (void) sd_event_source_set_time_relative(source, d->watchdog_usec / 2);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int daemon_add_timer(Daemon *d, sd_event_source **ret, sd_event_time_handler_t callback)
{
        int r;

        r = sd_event_add_time(d->event, ret, CLOCK_MONOTONIC, 0, 0, callback, d);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(*ret, SD_EVENT_OFF);
}

static int daemon_add_timers(Daemon *d)
{
        int r;

        r = status_init(&d->status, d);
        if (r < 0)
                return r;
        r = daemon_add_timer(d, &d->idle, daemon_on_idle);
        if (r < 0)
                return r;
        r = daemon_add_timer(d, &d->retry, daemon_on_retry);
        if (r < 0)
                return r;
        r = daemon_add_timer(d, &d->trim, daemon_on_trim);
        if (r < 0)
                return r;
        r = sd_watchdog_enabled(false, &d->watchdog_usec);
        if (r <= 0)
                return r;
        r = daemon_add_timer(d, &d->watchdog, daemon_on_watchdog);
        if (r < 0)
                return r;
        return daemon_on_watchdog(d->watchdog, 0, d);
}

int daemon_new(Daemon **ret, char *const *fd_names, size_t n_fds)
{
        _cleanup_(daemon_freep) Daemon *d = NULL;
        int r;

        d = malloc(sizeof(*d));
        if (!d)
                return log_error_errno(ENOMEM, "Failed to start: %m");
        *d = (Daemon){ .containers_fd = -1, .turns.scratch = FIFO_SCRATCH_NULL };
        TAILQ_INIT(&d->containers);
        journal_sockets_init(&d->host.journals);
        if (gethostname(d->hostname, sizeof(d->hostname) - 1) < 0)
                d->hostname[0] = '\0';

        r = sd_event_default(&d->event);
        if (r < 0)
                return log_error_errno(r, "Failed to make the event loop: %m");
        d->host.event = d->event;
        d->host.journal_path = "/run/systemd/journal";
        r = file_sinks_new(&d->host.files, d->event, LOGS_DIR);
        if (r < 0)
                return log_error_errno(r, "Failed to set up the log files: %m");
        r = notify_new(&d->notify, d->event);
        if (r < 0)
                return log_error_errno(r, "Failed to connect to the service manager: %m");
        store_init(&d->store, d->notify);
        r = daemon_add_timers(d);
        if (r < 0)
                return log_error_errno(r, "Failed to set up timers: %m");
        r = daemon_open_run_dir(d);
        if (r < 0)
                return r;
        states_init(&d->states, d->containers_fd);
        r = daemon_take_listen_fds(d, fd_names, n_fds);
        if (r < 0)
                return r;
        r = daemon_open_turns(d);
        if (r < 0)
                return log_error_errno(r, "Failed to set up the streams: %m");
        daemon_load_config(d);
        r = restore_all(d, false);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(d);
        return 0;
}

Daemon *daemon_free(Daemon *d)
{
        Container *c;

        if (!d)
                return NULL;
        while ((c = TAILQ_FIRST(&d->containers))) {
                TAILQ_REMOVE(&d->containers, c, containers);
                container_free(c);
        }
        store_done(&d->store);
        varlink_server_free(d->server);
        journal_sockets_done(&d->host.journals);
        file_sinks_free(d->host.files);
        turns_done(&d->turns);
        status_done(&d->status);
        sd_event_source_disable_unref(d->idle);
        sd_event_source_disable_unref(d->trim);
        sd_event_source_disable_unref(d->retry);
        sd_event_source_disable_unref(d->watchdog);
        notify_free(d->notify);
        config_free(d->config);
        d->containers_fd = base_close(d->containers_fd);
        sd_event_unref(d->event);
        free(d);
        return NULL;
}

int daemon_run(Daemon *d)
{
        int r;

        r = notify_send(d->notify, "READY=1");
        if (r < 0)
                return log_error_errno(r, "Failed to tell the service manager: %m");
        status_schedule(&d->status);
        daemon_schedule_idle(d);
        return sd_event_loop(d->event);
}
