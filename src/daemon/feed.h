/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A feed: what one driver gets of a container. Each driver of a container has its own, with its own
 * state page and ordinals, its own options and its own limits, and knows nothing of the others.
 */

#include <sys/queue.h>

#include "daemon/delivery.h"
#include "daemon/refusal.h"
#include "daemon/state.h"
#include "daemon/stream.h"
#include "driver/driver.h"

typedef struct Container Container;
typedef struct Daemon Daemon;

struct Feed {
        TAILQ_ENTRY(Feed) feeds; /* Container.feeds */
        Container *container;
        const char *name; /* of the driver */
        Sink *sink;
        State state;
        Delivery delivery;
        Counts counts; /* as in the state page; so are the next two */
        Loss untold;   /* dropped, and the log does not say so yet */
        uint64_t lines_dropped;
        bool is_told; /* the end of the streams is in the log */
};

/* Opens the driver. -EINVAL with the refusal, or another negative errno. */
int feed_new(Feed **ret, Container *container, const Driver *driver, const Facts *facts,
             const Options *options, Refusal *refusal);
Feed *feed_free(Feed *feed);

/* Goes on with the driver and the delivery of another one, which is freed; the streams look again
 * whether they have to wait. */
void feed_replace(Feed *feed, Feed *fresh);

DEFINE_CLEANUP(Feed, feed_free);

Daemon *feed_get_daemon(const Feed *feed);

/* The state page, as state_map(). */
int feed_map(Feed *feed, StatePage **ret);

/* For its streams: the one with that row, or NULL. */
Stream *feed_find_stream(Feed *feed, uint32_t row);

/* For its streams: one that has bytes kept aside, or NULL. */
Stream *feed_find_kept(Feed *feed);

/* The counts, from the state page. */
void feed_take_counts(Feed *feed, StatePage *page);

/* For its streams: the active turn of the page has changed. */
void feed_on_turn(Feed *feed, StatePage *page);

/* For its streams: logs which lines were dropped. False when the driver is busy. */
bool feed_tell_loss(Feed *feed, StatePage *page);

/* Tells what is left to tell at the end. Returns 1, or 0 while the driver is busy: then
 * container_on_ready() is called. Or a negative errno that may pass. */
int feed_tell_end(Feed *feed);

/* Whether there is something that the driver does not take now: lines, or the end. */
bool feed_is_waiting(const Feed *feed);

/* Who or what a feed that is waiting waits for; NULL: it has no name. */
const char *feed_get_awaited(const Feed *feed);
