/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What Set changes; see the header. */

#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "daemon/change.h"
#include "daemon/daemon.h"
#include "daemon/kept.h"
#include "io/fifo.h"
#include "io/rundir.h"

/* For what a driver that goes takes at last: all that is in its pipe, unless lines are tiny. */
#define FLUSH_TURNS_MAX 64U

/* The FIFOs of one driver, all sets of the container. */
static int change_resize(const Feed *feed)
{
        int r = 0;
        Fifos *f;

        TAILQ_FOREACH(f, &feed->container->fifos, fifos)
                if (r >= 0)
                        r = fifos_resize(f, feed);
        return r;
}

/* Tries the new size before anything else is changed: the kernel may not grant it. */
static int change_capacity(Feed *feed, uint32_t bytes, Refusal *refusal)
{
        char granted[] = FIFOS_CAPACITY_RULE;
        char held[] = "less than what is in a FIFO now: try again when the driver has taken it";
        uint32_t before = feed->delivery.buffer_bytes;
        int r;

        if (bytes == before)
                return 0;
        feed->delivery.buffer_bytes = bytes;
        r = change_resize(feed);
        if (r >= 0)
                return 0;
        feed->delivery.buffer_bytes = before;
        (void) change_resize(feed);
        if (r == -EPERM || r == -EBUSY)
                return refuse_option(refusal, feed->sink->driver->name, "max-buffer-size",
                                     r == -EPERM ? granted : held);
        return r;
}

/* Whether an option that the driver may not have keeps its value. */
static bool keeps_value(const SpecDriver *old, const SpecDriver *d, const char *key)
{
        const char *before, *after;

        if (!driver_find_option(d->driver, key))
                return true;
        before = options_get(d->driver, &old->options, key);
        after = options_get(d->driver, &d->options, key);
        return before && after ? strcmp(before, after) == 0 : before == after;
}

/* Lines that a killed daemon may have logged are logged again, with the ordinals that they had: not
 * with other bytes. */
static int change_check_lines(Feed *feed, const SpecDriver *old, const SpecDriver *d,
                              Refusal *refusal)
{
        static const char *const keys[] = { "level-prefix", "multiline-start", "multiline-timeout",
                                            "multiline-max-lines", "multiline-max-bytes" };
        char rule[] = "not while conlogd has lines to log again since it was killed: try again "
                      "when the driver has taken them";
        StatePage *page;
        int r;

        r = feed_map(feed, &page);
        if (r < 0 || state_get_active(page)->owed_bytes == 0)
                return r;
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
                if (!keeps_value(old, d, keys[i]))
                        return refuse_option(refusal, d->driver->name, keys[i], rule);
        return 0;
}

/* The fresh driver has to know as much of the file as the one before it did: what a killed daemon
 * may have written is not written again. Of another file nothing is known. */
static int change_mark(Feed *feed, Feed *fresh, bool is_same_file)
{
        const Driver *driver = fresh->sink->driver;
        StatePage *page;
        int r;

        if (!driver->resume)
                return 0;
        r = feed_map(feed, &page);
        if (r < 0)
                return r;
        if (is_same_file)
                driver->resume(fresh->sink, state_get_mark(page),
                               state_get_active(page)->next_ordinal);
        else
                state_forget_mark(page);
        return 0;
}

/* Gives a driver other options than before; spec is written to dir_fd. */
static int change_options(Feed *feed, const SpecDriver *old, const Spec *spec, const SpecDriver *d,
                          int dir_fd, Refusal *refusal)
{
        uint32_t before = feed->delivery.buffer_bytes;
        Feed *fresh;
        int r;

        r = change_check_lines(feed, old, d, refusal);
        if (r >= 0)
                r = feed_new(&fresh, feed->container, d->driver, &spec->facts, &d->options,
                             refusal);
        if (r < 0)
                return r;
        r = change_capacity(feed, fresh->delivery.buffer_bytes, refusal);
        if (r >= 0) {
                r = change_mark(feed, fresh, keeps_value(old, d, "path"));
                if (r >= 0)
                        r = spec_save(spec, dir_fd);
                if (r < 0) {
                        feed->delivery.buffer_bytes = before;
                        (void) change_resize(feed);
                }
        }
        if (r < 0)
                feed_free(fresh);
        else
                feed_replace(feed, fresh);
        return r;
}

/* Whether the first driver's streams can go on behind a split: what an earlier daemon has left to
 * do must be done, for that is about bytes of the FIFO itself. */
static int change_check_settled(Container *c, Refusal *refusal)
{
        Feed *feed = TAILQ_FIRST(&c->feeds);
        const StateTurn *active;
        StatePage *page;
        int r;

        r = feed_map(feed, &page);
        if (r < 0)
                return r;
        active = state_get_active(page);
        if (active->owed_bytes > 0 || (uint64_t) active->dropped != active->bytes ||
            feed_find_kept(feed))
                return refuse_value(refusal, "add",
                                    "to be tried again: %s has to take first what was kept for it",
                                    feed->name);
        return 0;
}

/* A split begins with nothing given: what the streams were done with before counts against that. */
static int change_set_origins(Container *c)
{
        StatePage *page;
        int r;

        r = feed_map(TAILQ_FIRST(&c->feeds), &page);
        for (uint32_t row = 0; r >= 0 && row < STATE_ROWS; row++) {
                Counts counts = state_get_row(page, row).counts;

                state_set_origin(page, row, 0 - counts.bytes - counts.dropped);
        }
        return r;
}

/* All that has to be on disk before the config names the driver. */
static int change_prepare(Container *c, const Feed *feed, int dir_fd)
{
        Fifos *f;
        int r;

        r = state_create(&feed->state, dir_fd, c->epoch);
        TAILQ_FOREACH(f, &c->fifos, fifos) {
                if (r >= 0)
                        r = fifos_create_pipes(f, dir_fd, feed->name);
                if (r >= 0 && !c->is_split)
                        r = fifos_create_pipes(f, dir_fd, TAILQ_FIRST(&c->feeds)->name);
        }
        if (r < 0 || c->is_split)
                return r;
        r = change_set_origins(c);
        return r < 0 ? r : split_create_page(dir_fd);
}

/* The streams of a set, which read its FIFOs, get pipes, which are there. */
static int change_split_set(Fifos *f, int dir_fd)
{
        Branch *b = TAILQ_FIRST(&f->branches);
        int source_fd, r;
        bool is_stored = false;

        for (EntryStream k = 0; f->is_logged && k < ENTRY_STREAMS; k++) {
                Stream *s = &b->streams[k];

                s->split = &f->splits[k];
                if (s->phase == STREAM_ENDED || s->fd < 0)
                        continue;
                source_fd = TAKE_FD(s->fd);
                stream_done(s);
                r = fifos_start_split(f, k, source_fd);
                if (r >= 0)
                        r = fifos_open_pipe(f, s, dir_fd, true, &is_stored);
                if (r < 0)
                        return r;
                f->n_fds++;
                f->container->daemon->store.n_kept++;
        }
        return 0;
}

/* Another driver gets what the streams that have not ended have from now on. */
static int change_add_branch(Fifos *f, Feed *feed, int dir_fd)
{
        bool is_stored = false;
        Branch *b;
        int r;

        if (!f->is_logged)
                return 0;
        r = fifos_add_branch(f, feed);
        if (r < 0)
                return r;
        b = TAILQ_LAST(&f->branches, BranchList);
        for (EntryStream k = 0; k < ENTRY_STREAMS; k++) {
                /* A stream that has ended stays so; one that is to end has none besides. */
                b->streams[k].phase = STREAM_ENDED;
                if (f->is_ending || f->splits[k].fd < 0 ||
                    TAILQ_FIRST(&f->branches)->streams[k].phase == STREAM_ENDED)
                        continue;
                b->streams[k].phase = STREAM_IDLE;
                f->splits[k].is_synced = false;
                r = fifos_open_pipe(f, &b->streams[k], dir_fd, true, &is_stored);
                if (r < 0)
                        return r;
                f->n_fds++;
                f->container->daemon->store.n_kept++;
        }
        return store_keep_more(&f->container->daemon->store, f);
}

/* The config names it: what follows is what a restarted daemon would do. */
static int change_add_feed(Container *c, Feed *feed, int dir_fd)
{
        bool was_split = c->is_split;
        Fifos *f;
        int r = 0;

        if (!was_split)
                r = split_map(dir_fd, &c->split_page);
        c->is_split = true;
        TAILQ_INSERT_TAIL(&c->feeds, feed, feeds);
        c->n_feeds++;
        TAILQ_FOREACH(f, &c->fifos, fifos) {
                if (r >= 0 && !was_split)
                        r = change_split_set(f, dir_fd);
                if (r >= 0)
                        r = change_add_branch(f, feed, dir_fd);
        }
        return r;
}

static int change_add(Container *c, const Spec *spec, int dir_fd, Refusal *refusal)
{
        const SpecDriver *d = &spec->drivers[spec->n_drivers - 1];
        _cleanup_(feed_freep) Feed *feed = NULL;
        unsigned n_sets = 0;
        Fifos *f;
        int r;

        TAILQ_FOREACH(f, &c->fifos, fifos)
                n_sets += f->is_logged;
        r = store_check_room(&c->daemon->store, n_sets * fifos_count_fds(1), refusal);
        if (r >= 0 && !c->is_split)
                r = change_check_settled(c, refusal);
        if (r >= 0)
                r = feed_new(&feed, c, d->driver, &spec->facts, &d->options, refusal);
        if (r < 0)
                return r;
        feed->state.driver = feed->name;
        r = change_prepare(c, feed, dir_fd);
        if (r >= 0)
                r = spec_save(spec, dir_fd);
        if (r < 0)
                return r;
        r = change_add_feed(c, TAKE_PTR(feed), dir_fd);
        if (r < 0)
                /* Half done in memory, and whole on disk. */
                daemon_start_anew(c->daemon, r, "add a driver to a container");
        return r;
}

/* What the driver takes at once of what is there for it. */
static void change_flush(Feed *feed)
{
        for (uint32_t row = 0; row < STATE_ROWS; row++)
                for (unsigned n = 0; n < FLUSH_TURNS_MAX; n++) {
                        /* The turn before may have been an exec's last one: its set is gone. */
                        Stream *s = feed_find_stream(feed, row);

                        if (!s || (s->phase != STREAM_READY && !stream_is_gathering(s)))
                                break;
                        turns_remove(&feed->container->daemon->turns, s);
                        stream_turn(s);
                }
}

/* Closes the streams of a branch. Returns the bytes that its driver has not taken. */
static uint64_t branch_close(Branch *b)
{
        uint64_t left = 0;

        for (EntryStream k = 0; k < ENTRY_STREAMS; k++) {
                Stream *s = &b->streams[k];
                size_t fill;

                if (s->fd < 0)
                        continue;
                left += s->kept_left;
                if (fifo_get_fill(s->fd, &fill) >= 0)
                        left += fill + split_get_left(s->split, s);
                if (s->kept_left > 0)
                        kept_delete(s);
                stream_done(s);
                s->phase = STREAM_ENDED;
        }
        return left;
}

/* A driver gets no more of a set, which may be gone then. Returns the bytes that it has not
 * taken. */
static uint64_t change_remove_branch(Fifos *f, const Feed *feed, int dir_fd)
{
        uint64_t left = 0;
        Branch *b;

        TAILQ_FOREACH(b, &f->branches, branches)
                if (b->feed == feed)
                        break;
        if (b && !f->is_logged) {
                /* It only says that there are streams. */
                b->feed = TAILQ_FIRST(&f->container->feeds);
                for (EntryStream k = 0; k < ENTRY_STREAMS; k++)
                        b->streams[k].feed = b->feed;
        } else if (b) {
                left = branch_close(b);
                fifos_unlink_pipes(f, dir_fd, feed->name);
                TAILQ_REMOVE(&f->branches, b, branches);
                branch_free(b);
                fifos_push(f);
                fifos_check_ended(f);
        }
        return left;
}

static int change_remove(Container *c, const Spec *spec, const char *name, int dir_fd)
{
        uint64_t left = 0;
        Fifos *f, *next;
        Feed *feed;
        int r;

        TAILQ_FOREACH(feed, &c->feeds, feeds)
                if (strcmp(feed->name, name) == 0)
                        break;
        assert(feed);
        change_flush(feed);
        r = spec_save(spec, dir_fd);
        if (r < 0)
                return r;

        TAILQ_REMOVE(&c->feeds, feed, feeds);
        c->n_feeds--;
        for (f = TAILQ_FIRST(&c->fifos); f; f = next) {
                next = TAILQ_NEXT(f, fifos);
                left += change_remove_branch(f, feed, dir_fd);
        }
        feed->counts.dropped += left;
        (void) feed_tell_end(feed);
        if (left > 0)
                log_warning("%s is no driver of container %s any more, and has not taken the last "
                            "%" PRIu64 " bytes.",
                            name, c->id, left);
        state_delete(&feed->state, dir_fd);
        feed_free(feed);
        return 0;
}

int change_apply(Container *c, const Change *change, Refusal *refusal)
{
        _cleanup_(spec_freep) Spec *old = NULL, *spec = NULL;
        _cleanup_close_ int dir_fd = -1;
        Daemon *d = c->daemon;
        size_t i = 0;
        Feed *feed;
        int r;

        if (c->is_removing)
                return refuse(refusal, "io.conlogd.ContainerRemoving", "{s:s}", "id", c->id);
        if ((json_object_size(change->options) > 0) + (change->add != NULL) +
                    (change->remove != NULL) >
            1)
                return refuse_value(refusal, "options",
                                    "one of three in a call: options, add, or remove");
        r = daemon_need_config(d, refusal);
        if (r < 0)
                return r;
        dir_fd = rundir_open_at(d->containers_fd, c->id, &c->dir_ino);
        if (dir_fd < 0)
                return dir_fd;
        r = spec_load(&old, dir_fd, c->id, d->hostname, refusal);
        if (r >= 0)
                r = spec_change(&spec, old, change, d->config, refusal);
        if (r < 0)
                return r;
        if (change->add)
                return change_add(c, spec, dir_fd, refusal);
        if (change->remove)
                return change_remove(c, spec, change->remove, dir_fd);

        feed = TAILQ_FIRST(&c->feeds);
        while (change->driver && strcmp(spec->drivers[i].driver->name, change->driver) != 0) {
                feed = TAILQ_NEXT(feed, feeds);
                i++;
        }
        return change_options(feed, &old->drivers[i], spec, &spec->drivers[i], dir_fd, refusal);
}
