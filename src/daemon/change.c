/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What Set changes; see the header. */

#include <string.h>

#include "daemon/change.h"
#include "daemon/daemon.h"
#include "io/rundir.h"

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

/* Gives a driver other options; spec is written to dir_fd. */
static int change_options(Feed *feed, const Spec *spec, const SpecDriver *d, int dir_fd,
                          Refusal *refusal)
{
        uint32_t before = feed->delivery.buffer_bytes;
        Feed *fresh;
        int r;

        r = feed_new(&fresh, feed->container, d->driver, &spec->facts, &d->options, refusal);
        if (r < 0)
                return r;
        r = change_capacity(feed, fresh->delivery.buffer_bytes, refusal);
        if (r >= 0) {
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

int change_apply(Container *c, const Change *change, Refusal *refusal)
{
        _cleanup_(spec_freep) Spec *old = NULL, *spec = NULL;
        _cleanup_close_ int dir_fd = -1;
        const SpecDriver *driver;
        Daemon *d = c->daemon;
        Feed *feed;
        int r;

        if (c->is_removing)
                return refuse(refusal, "io.conlogd.ContainerRemoving", "{s:s}", "id", c->id);
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
        if (change->add || change->remove)
                return -EOPNOTSUPP;

        driver = spec->drivers;
        feed = TAILQ_FIRST(&c->feeds);
        while (change->driver && strcmp(driver->driver->name, change->driver) != 0) {
                driver++;
                feed = TAILQ_NEXT(feed, feeds);
        }
        return change_options(feed, spec, driver, dir_fd, refusal);
}
