/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A container taken over from the daemon before; see the header. */

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "daemon/adoption.h"
#include "daemon/daemon.h"
#include "daemon/restore.h"
#include "io/rundir.h"

#define EXEC_FILE_MAX_BYTES 128U

/* What one name of the directory says about an exec that was there. */
static int restore_exec(Container *c, int dir_fd, const char *exec)
{
        _cleanup_(fifos_freep) Fifos *f = NULL;
        _cleanup_buffer_ Buffer text = {};
        char name[ID_MAX_BYTES + sizeof(EXEC_CONFIG_SUFFIX)];
        json_t *object;
        json_int_t row;
        int r;

        (void) snprintf(name, sizeof(name), "%s" EXEC_CONFIG_SUFFIX, exec);
        r = rundir_read_file(dir_fd, name, EXEC_FILE_MAX_BYTES, &text);
        if (r < 0)
                return r;
        object = json_loadb(text.data, text.size, 0, NULL);
        row = json_integer_value(json_object_get(object, "row"));
        r = container_new_fifos(c, exec, true, json_is_true(json_object_get(object, "log")),
                                json_is_true(json_object_get(object, "terminal")), &f);
        json_decref(object);
        if (r < 0)
                return r;
        if (row < 0 || row >= STATE_ROWS || row % 2 != 0 || (row == 0) == f->is_logged)
                return -EBADMSG;

        f->first_row = (uint32_t) row;
        r = fifos_open(f, dir_fd, false);
        if (r < 0) {
                fifos_give_back(f);
                return r;
        }
        c->rows_taken |= UINT32_C(1) << (row / 2);
        c->n_execs++;
        TAILQ_INSERT_TAIL(&c->fifos, f, fifos);
        (void) TAKE_PTR(f);
        return 0;
}

/* The walk over the directory of a container that is restored. */
typedef struct ExecWalk {
        Container *container;
        int dir_fd;
} ExecWalk;

static int restore_on_exec(const char *name, void *userdata)
{
        ExecWalk *walk = ASSERT_PTR(userdata);
        size_t size = strlen(name), suffix = strlen(EXEC_CONFIG_SUFFIX);
        char exec[ID_MAX_BYTES + 1];
        int r;

        if (size <= suffix || size - suffix > ID_MAX_BYTES ||
            strcmp(name + size - suffix, EXEC_CONFIG_SUFFIX) != 0)
                return 0;
        (void) snprintf(exec, sizeof(exec), "%.*s", (int) (size - suffix), name);
        if (!spec_id_is_valid(exec))
                return 0;
        r = restore_exec(walk->container, walk->dir_fd, exec);
        if (base_is_passing(r))
                return r;
        if (r < 0)
                (void) log_error_errno(r, "Failed to restore exec %s of container %s: %m", exec,
                                       walk->container->id);
        return 0;
}

/* Takes the counts of what one driver gets over from its state page. */
static int restore_feed(Feed *feed)
{
        Container *c = feed->container;
        StatePage *page;
        Stream *last;
        Branch *b;
        Fifos *f;
        int r;

        r = feed_map(feed, &page);
        if (r < 0)
                return r;
        if (memcmp(page->epoch, c->epoch, sizeof(page->epoch)) != 0)
                return -EBADMSG;

        /* Opened by name, the FIFO may have been empty in between. */
        last = feed_find_stream(feed, state_get_active(page)->row);
        if (last && !last->fifos->is_stored)
                state_take_back(page);
        if (feed->sink->driver->resume)
                feed->sink->driver->resume(feed->sink, state_get_mark(page),
                                           state_get_active(page)->next_ordinal);

        feed_take_counts(feed, page);
        TAILQ_FOREACH(f, &c->fifos, fifos)
                TAILQ_FOREACH(b, &f->branches, branches)
                        for (EntryStream k = 0; b->feed == feed && k < ENTRY_STREAMS; k++) {
                                Stream *s = &b->streams[k];
                                StateKept kept;

                                if (!f->is_logged || s->fd < 0)
                                        continue;
                                kept = state_get_kept(page, s->row);
                                s->counts = state_get_row(page, s->row).counts;
                                s->kept_left = (uint32_t) (kept.size - kept.used);
                        }
        state_unmap(&c->daemon->states, &feed->state);
        return 0;
}

static int restore_state(Container *c)
{
        Feed *feed;
        int r = 0;

        TAILQ_FOREACH(feed, &c->feeds, feeds)
                if (r >= 0)
                        r = restore_feed(feed);
        return r;
}

/* Opens what the directory holds. What is missing there is damage; -ENOENT would say that there is
 * no config, so that the directory may go. */
static int restore_fifos(Container *c, int dir_fd, Spec *spec)
{
        Fifos *init;
        int r;

        r = container_add_init(c, &init);
        if (r >= 0)
                r = spec->is_adopted ? adoption_restore(init, dir_fd, spec)
                                     : fifos_open(init, dir_fd, false);
        if (r >= 0)
                r = rundir_list(dir_fd, restore_on_exec, &(ExecWalk){ c, dir_fd });
        if (r >= 0)
                r = restore_state(c);
        return r == -ENOENT ? -EBADMSG : r;
}

int restore_container(Container **ret, Daemon *daemon, const char *id, Refusal *refusal)
{
        _cleanup_(container_freep) Container *c = NULL;
        _cleanup_(spec_freep) Spec *spec = NULL;
        _cleanup_close_ int dir_fd = -1;
        ino_t dir_ino = 0;
        Fifos *f;
        int r;

        dir_fd = rundir_open_at(daemon->containers_fd, id, &dir_ino);
        if (dir_fd < 0)
                return dir_fd;
        r = spec_load(&spec, dir_fd, id, daemon->hostname, refusal);
        if (r < 0)
                return r;
        r = container_new(&c, daemon, spec, dir_fd, refusal);
        if (r < 0)
                return r;
        c->dir_ino = dir_ino;
        r = restore_fifos(c, dir_fd, spec);
        if (r < 0) {
                TAILQ_FOREACH(f, &c->fifos, fifos)
                        fifos_give_back(f);
                return r;
        }
        *ret = TAKE_PTR(c);
        return 0;
}

/* -EEXIST for a name that no daemon gives to a file of a container, and for the config. */
static int restore_on_rest(const char *name, void *userdata)
{
        static const char *const ends[] = { "-stdin", "-stdout", "-stderr", "-kept",
                                            "config", "state",   "split" };
        const char *dot = strrchr(name, '.');

        if (strcmp(name, "config") == 0)
                return -EEXIST;
        for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
                size_t size = strlen(name), n = strlen(ends[i]);

                if (size >= n && strcmp(name + size - n, ends[i]) == 0)
                        return 0;
        }
        /* Of one driver among several. */
        return dot && driver_find(dot + 1) ? 0 : -EEXIST;
}

int restore_remove_rest(Daemon *d, const char *id)
{
        _cleanup_close_ int dir_fd = -1;
        ino_t ino = 0;
        int r;

        dir_fd = rundir_open_at(d->containers_fd, id, &ino);
        if (dir_fd < 0)
                return dir_fd;
        r = rundir_list(dir_fd, restore_on_rest, NULL);
        return r < 0 ? r : rundir_remove_at(d->containers_fd, id, ino);
}

/* The walk over the run directory. */
typedef struct RestoreWalk {
        Daemon *daemon;
        bool is_again;
        unsigned n_restored;
} RestoreWalk;

/* A container on disk that cannot be opened: damage stays, all else is tried again. */
static void restore_leave(Daemon *d, const char *name, int error, const Refusal *refusal,
                          bool is_again)
{
        const char *rule = json_string_value(json_object_get(refusal->parameters, "rule"));
        bool is_passing = base_is_passing(error);

        d->n_unrestored++;
        d->n_delayed += is_passing;
        if (!is_again)
                (void) log_error_errno(error, "Failed to restore container %s, %s: %s%s%m", name,
                                       is_passing ? "trying again" : "left as it is", rule ?: "",
                                       rule ? ": " : "");
}

static int restore_on_name(const char *name, void *userdata)
{
        RestoreWalk *walk = ASSERT_PTR(userdata);
        _cleanup_(refusal_done) Refusal refusal = {};
        Daemon *d = walk->daemon;
        Container *c;
        int r;

        if (!spec_id_is_valid(name)) {
                if (!walk->is_again)
                        log_warning("The run directory holds a name that is not ours, left alone.");
                return 0;
        }
        /* Of the first attempt's, in a second one. */
        if (walk->is_again && daemon_has_container(d, name))
                return 0;
        r = restore_container(&c, d, name, &refusal);
        if (r >= 0) {
                daemon_add_container(d, c);
                walk->n_restored++;
        } else if (r == -ENOENT) {
                /* No config: the daemon was killed while it made or removed this one. */
                r = restore_remove_rest(d, name);
                if (r < 0)
                        (void) log_error_errno(
                                r, "Failed to delete the rest of container %s, left as it is: %m",
                                name);
        } else
                restore_leave(d, name, r, &refusal, walk->is_again);
        return 0;
}

int restore_all(Daemon *d, bool is_again)
{
        RestoreWalk walk = { .daemon = d, .is_again = is_again };
        int r;

        d->n_unrestored = d->n_delayed = 0;
        r = rundir_list(d->containers_fd, restore_on_name, &walk);
        if (r < 0)
                return log_error_errno(r, "Failed to list the run directory: %m");
        turns_rotate(&d->turns);
        if (d->n_delayed > 0)
                daemon_retry_later(d);
        else
                store_close_rest(&d->store, d->n_unrestored == 0);
        if (walk.n_restored > 0)
                log_info("Restored %u container%s.", walk.n_restored,
                         walk.n_restored == 1 ? "" : "s");
        return 0;
}
