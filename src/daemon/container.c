/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A container; see the header. */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "daemon/adoption.h"
#include "daemon/container.h"
#include "daemon/control.h"
#include "daemon/daemon.h"
#include "daemon/feed.h"
#include "daemon/restore.h"
#include "io/rundir.h"

static void container_on_fifos_ended(Fifos *f);

Fifos *container_find_exec(Container *c, const char *exec)
{
        Fifos *f;

        TAILQ_FOREACH(f, &c->fifos, fifos)
                if (f->is_exec && strcmp(f->name, exec) == 0)
                        return f;
        return NULL;
}

uint64_t container_get_lines(const Container *c)
{
        return TAILQ_FIRST(&c->feeds)->counts.lines;
}

Container *container_free(Container *c)
{
        Feed *feed;
        Fifos *f;

        if (!c)
                return NULL;
        while ((f = TAILQ_FIRST(&c->fifos))) {
                TAILQ_REMOVE(&c->fifos, f, fifos);
                fifos_free(f);
        }
        while ((feed = TAILQ_FIRST(&c->feeds))) {
                TAILQ_REMOVE(&c->feeds, feed, feeds);
                feed_free(feed);
        }
        split_unmap(c->split_page);
        free(c->id);
        free(c->name);
        free(c->image);
        free(c->unit);
        free(c);
        return NULL;
}

/* A copy of s, which may be absent. */
static int copy_text(const char *s, char **ret)
{
        *ret = s ? strdup(s) : NULL;
        return s && !*ret ? -ENOMEM : 0;
}

/* Whether a driver has a page of its own: not the first one that the container had. */
static bool container_driver_has_page(const char *driver, size_t i, int dir_fd)
{
        return dir_fd < 0 ? i > 0 : state_exists(&(State){ .driver = driver }, dir_fd);
}

static int container_open_drivers(Container *c, const Spec *spec, int dir_fd, Refusal *refusal)
{
        Feed *feed;
        int r;

        for (size_t i = 0; i < spec->n_drivers; i++) {
                const SpecDriver *d = &spec->drivers[i];

                r = feed_new(&feed, c, d->driver, &spec->facts, &d->options, refusal);
                if (r < 0)
                        return r;
                TAILQ_INSERT_TAIL(&c->feeds, feed, feeds);
                c->n_feeds++;
                if (container_driver_has_page(d->driver->name, i, dir_fd))
                        feed->state.driver = d->driver->name;
        }
        return 0;
}

int container_new(Container **ret, Daemon *daemon, const Spec *spec, int dir_fd, Refusal *refusal)
{
        _cleanup_(container_freep) Container *c = NULL;
        int r;

        c = malloc(sizeof(*c));
        if (!c)
                return -ENOMEM;
        *c = (Container){
                .daemon = daemon,
                .created_usec = spec->created_usec,
                .is_terminal = spec->is_terminal,
                .has_stdin = spec->has_stdin,
                .is_split = spec->is_split,
                .rows_taken = 1,
        };
        TAILQ_INIT(&c->feeds);
        TAILQ_INIT(&c->fifos);
        (void) snprintf(c->epoch, sizeof(c->epoch), "%s", spec->facts.epoch);
        if (copy_text(spec->facts.id, &c->id) < 0 || copy_text(spec->facts.name, &c->name) < 0 ||
            copy_text(spec->facts.image, &c->image) < 0 ||
            copy_text(spec->facts.unit, &c->unit) < 0)
                return -ENOMEM;

        r = container_open_drivers(c, spec, dir_fd, refusal);
        if (r >= 0 && dir_fd >= 0 && c->is_split)
                r = split_map(dir_fd, &c->split_page);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

int container_new_fifos(Container *c, const char *name, bool is_exec, bool is_logged,
                        bool is_terminal, Fifos **ret)
{
        int r;

        r = fifos_new(ret, c, name, is_exec, is_logged, is_terminal);
        if (r >= 0)
                (*ret)->on_ended = container_on_fifos_ended;
        return r;
}

int container_add_init(Container *c, Fifos **ret)
{
        int r;

        r = container_new_fifos(c, "init", false, true, c->is_terminal, ret);
        if (r < 0)
                return r;
        (*ret)->has_stdin = c->has_stdin;
        TAILQ_INSERT_HEAD(&c->fifos, *ret, fifos);
        return 0;
}

/* Fills the new directory of a container. */
static int container_fill_dir(Container *c, int dir_fd, const Spec *spec, int fds[ENTRY_STREAMS])
{
        const Feed *feed;
        Fifos *init;
        int r;

        TAILQ_FOREACH(feed, &c->feeds, feeds) {
                r = state_create(&feed->state, dir_fd, c->epoch);
                if (r < 0)
                        return r;
        }
        r = c->is_split ? split_create_page(dir_fd) : 0;
        if (r >= 0 && c->is_split)
                r = split_map(dir_fd, &c->split_page);
        if (r >= 0)
                r = container_add_init(c, &init);
        if (r < 0)
                return r;
        r = spec->is_adopted ? fifos_adopt(init, dir_fd, fds, false) : fifos_create(init, dir_fd);
        if (r >= 0 && !spec->is_adopted)
                r = fifos_open(init, dir_fd, true);
        return r < 0 ? r : spec_save(spec, dir_fd);
}

int container_create(Container **ret, Daemon *daemon, json_t *request, int *fds, Refusal *refusal)
{
        char buffer_rule[] = FIFOS_CAPACITY_RULE;
        _cleanup_(container_freep) Container *c = NULL;
        _cleanup_(spec_freep) Spec *spec = NULL;
        _cleanup_close_ int dir_fd = -1;
        int r;

        r = spec_new(&spec, request, daemon->config, daemon->hostname, refusal);
        if (r >= 0 && fds)
                r = adoption_check(spec, daemon, fds, refusal);
        if (r >= 0)
                r = store_check_room(&daemon->store,
                                     fifos_count_fds(spec->is_split ? spec->n_drivers : 0),
                                     refusal);
        if (r < 0)
                return r;
        r = container_new(&c, daemon, spec, -1, refusal);
        if (r < 0)
                return r;

        dir_fd = rundir_create_at(daemon->containers_fd, c->id, &c->dir_ino);
        if (dir_fd == -EEXIST && !daemon_has_container(daemon, c->id)) {
                r = restore_remove_rest(daemon, c->id);
                dir_fd = r < 0 ? r : rundir_create_at(daemon->containers_fd, c->id, &c->dir_ino);
        }
        if (dir_fd == -EEXIST)
                return refuse(refusal, "io.conlogd.ContainerExists", "{s:s}", "id", c->id);
        if (dir_fd < 0)
                return dir_fd;
        r = container_fill_dir(c, dir_fd, spec, fds);
        if (r == -EPERM && TAILQ_FIRST(&c->feeds)->delivery.buffer_bytes > 0)
                r = refuse_option(refusal, spec->drivers[0].driver->name, "max-buffer-size",
                                  buffer_rule);
        if (r < 0) {
                Fifos *init = TAILQ_FIRST(&c->fifos);
                ino_t ino = c->dir_ino;

                if (init)
                        fifos_unstore(init);
                /* To remove it takes fds: there may be none but these. */
                c = container_free(c);
                dir_fd = base_close(dir_fd);
                (void) rundir_remove_at(daemon->containers_fd, spec->facts.id, ino);
                return r;
        }
        *ret = TAKE_PTR(c);
        return 0;
}

/* The first free pair of rows, or -ENOSPC. */
static int container_take_rows(Container *c, uint32_t *ret)
{
        for (uint32_t i = 1; i <= EXECS_LOGGED_MAX; i++)
                if (!(c->rows_taken & (UINT32_C(1) << i))) {
                        c->rows_taken |= UINT32_C(1) << i;
                        *ret = 2 * i;
                        return 0;
                }
        return -ENOSPC;
}

/* For the streams of a new exec, in the pages of all drivers. */
static int container_clear_rows(Container *c, uint32_t first)
{
        StatePage *page;
        Feed *feed;
        int r;

        TAILQ_FOREACH(feed, &c->feeds, feeds) {
                r = feed_map(feed, &page);
                if (r < 0)
                        return r;
                state_clear_row(page, first);
                state_clear_row(page, first + 1);
        }
        for (uint32_t row = first; c->is_split && row < first + ENTRY_STREAMS; row++)
                split_clear_row(c->split_page, row);
        return 0;
}

static int container_write_exec(const Fifos *f, int dir_fd)
{
        char name[ID_MAX_BYTES + sizeof(EXEC_CONFIG_SUFFIX)], text[128];

        (void) snprintf(name, sizeof(name), "%s" EXEC_CONFIG_SUFFIX, f->name);
        (void) snprintf(text, sizeof(text), "{\"terminal\":%s,\"log\":%s,\"row\":%u}",
                        f->is_terminal ? "true" : "false", f->is_logged ? "true" : "false",
                        f->first_row);
        return rundir_write_file(dir_fd, name, 0600, span_from_string(text));
}

static void container_forget_exec(Container *c, Fifos *f)
{
        _cleanup_close_ int dir_fd = -1;
        char name[ID_MAX_BYTES + sizeof(EXEC_CONFIG_SUFFIX)];

        dir_fd = rundir_open_at(c->daemon->containers_fd, c->id, &c->dir_ino);
        if (dir_fd >= 0) {
                (void) snprintf(name, sizeof(name), "%s" EXEC_CONFIG_SUFFIX, f->name);
                (void) unlinkat(dir_fd, name, 0);
                fifos_unlink(f, dir_fd);
        }
        fifos_unstore(f);
        c->rows_taken &= ~(UINT32_C(1) << (f->first_row / 2)) | 1;
        c->n_execs--;
        TAILQ_REMOVE(&c->fifos, f, fifos);
        fifos_free(f);
}

int container_exec(Container *c, const char *exec, bool is_terminal, bool is_logged, Fifos **ret,
                   Refusal *refusal)
{
        _cleanup_close_ int dir_fd = -1;
        Fifos *f;
        int r;

        if (c->is_removing)
                return refuse(refusal, "io.conlogd.ContainerRemoving", "{s:s}", "id", c->id);
        if (!spec_id_is_valid(exec) || strcmp(exec, "init") == 0)
                return refuse_value(refusal, "exec", SPEC_ID_RULE ", and not \"init\"");
        if (container_find_exec(c, exec))
                return refuse(refusal, "io.conlogd.ExecExists", "{s:s, s:s}", "id", c->id, "exec",
                              exec);
        if (c->n_execs >= EXECS_MAX)
                return refuse(refusal, "io.conlogd.LimitReached", "{s:s, s:i}", "limit",
                              "execs of a container", "value", (int) EXECS_MAX);

        if (is_logged) {
                r = store_check_room(&c->daemon->store,
                                     fifos_count_fds(c->is_split ? c->n_feeds : 0), refusal);
                if (r < 0)
                        return r;
        }
        dir_fd = rundir_open_at(c->daemon->containers_fd, c->id, &c->dir_ino);
        if (dir_fd < 0)
                return dir_fd;
        r = container_new_fifos(c, exec, true, is_logged, is_terminal, &f);
        if (r < 0)
                return r;
        TAILQ_INSERT_TAIL(&c->fifos, f, fifos);
        c->n_execs++;

        if (is_logged) {
                r = container_take_rows(c, &f->first_row);
                if (r < 0) {
                        container_forget_exec(c, f);
                        return refuse(refusal, "io.conlogd.LimitReached", "{s:s, s:i}", "limit",
                                      "logged execs of a container", "value",
                                      (int) EXECS_LOGGED_MAX);
                }
                r = container_clear_rows(c, f->first_row);
        }
        /* What a daemon that was killed in here has left. */
        fifos_unlink(f, dir_fd);
        if (r >= 0)
                r = fifos_create(f, dir_fd);
        if (r >= 0)
                r = fifos_open(f, dir_fd, true);
        if (r >= 0)
                r = container_write_exec(f, dir_fd);
        if (r < 0) {
                container_forget_exec(c, f);
                return r;
        }
        *ret = f;
        return 0;
}

/* The config goes first: a directory without one counts for nothing, should we be killed here. */
static int container_delete_dir(Container *c)
{
        _cleanup_close_ int dir_fd = -1;

        dir_fd = rundir_open_at(c->daemon->containers_fd, c->id, &c->dir_ino);
        if (dir_fd < 0)
                return dir_fd;
        if (unlinkat(dir_fd, "config", 0) < 0 && errno != ENOENT)
                return -errno;
        return rundir_remove_at(c->daemon->containers_fd, c->id, c->dir_ino);
}

/* Has each driver told what is left to tell. Returns 1, or 0 while one of them is busy. */
static int container_tell_end(Container *c)
{
        int r, ret = 1;
        Feed *feed;

        TAILQ_FOREACH(feed, &c->feeds, feeds) {
                r = feed_tell_end(feed);
                if (r <= 0 && ret >= 0)
                        ret = r;
        }
        return ret;
}

/* The container is drained: say so in the log, delete everything, answer. */
static void container_finish(Container *c)
{
        void *call = c->call;
        Counts counts = TAILQ_FIRST(&c->feeds)->counts;
        Daemon *daemon = c->daemon;
        int r;

        r = container_tell_end(c);
        if (r == 0)
                return; /* the sink comes back here when it is ready */
        if (r > 0)
                r = container_delete_dir(c);
        if (base_is_passing(r)) {
                daemon_retry_later(daemon);
                return; /* container_retry() comes back here */
        }
        if (r < 0)
                (void) log_error_errno(r, "Failed to delete the directory of container %s: %m",
                                       c->id);
        daemon_remove_container(daemon, c);
        container_free(c);
        if (call)
                control_reply_removed(call, &counts);
}

static void container_on_fifos_ended(Fifos *f)
{
        Container *c = f->container;
        void *call = f->call;
        Counts counts = {};

        for (EntryStream k = 0; k < ENTRY_STREAMS; k++) {
                const Counts *of_stream = &TAILQ_FIRST(&f->branches)->streams[k].counts;

                counts.lines += of_stream->lines;
                counts.bytes += of_stream->bytes;
                counts.dropped += of_stream->dropped;
        }

        if (f->is_exec)
                container_forget_exec(c, f);
        else {
                fifos_unstore(f);
                TAILQ_REMOVE(&c->fifos, f, fifos);
                fifos_free(f);
        }
        if (call)
                control_reply_removed(call, &counts);
        if (c->is_removing && TAILQ_EMPTY(&c->fifos))
                container_finish(c);
}

void container_remove_exec(Container *c, Fifos *f, void *call)
{
        assert(!f->call);
        f->call = call;
        fifos_end(f);
}

void container_remove(Container *c, void *call)
{
        Fifos *f, *next;

        assert(!c->is_removing);
        c->is_removing = true;
        c->call = call;

        /* The last set to end may free c. */
        for (f = TAILQ_LAST(&c->fifos, FifosList); f; f = next) {
                next = TAILQ_PREV(f, FifosList, fifos);
                fifos_end(f);
        }
}

void container_retry(Container *c)
{
        if (c->is_removing && TAILQ_EMPTY(&c->fifos))
                container_finish(c);
}

int container_rotate(Container *c, const char *driver, Refusal *refusal)
{
        bool is_there = false, has_files = false;
        Feed *feed;
        int ret = 0;

        TAILQ_FOREACH(feed, &c->feeds, feeds) {
                const Driver *d = feed->sink->driver;
                int r;

                if (driver && strcmp(d->name, driver) != 0)
                        continue;
                is_there = true;
                if (!d->rotate)
                        continue;
                has_files = true;
                r = d->rotate(feed->sink);
                if (r < 0)
                        ret = r;
        }
        if (!is_there)
                return refuse_value(refusal, "driver", "a driver that the container has");
        if (!has_files)
                return refuse(refusal, "io.conlogd.NoFiles", "{s:s}", "id", c->id);
        return ret;
}
