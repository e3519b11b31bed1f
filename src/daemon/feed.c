/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What one driver gets of a container; see the header. */

#include "daemon/feed.h"
#include "daemon/account.h"
#include "daemon/container.h"
#include "daemon/daemon.h"

Daemon *feed_get_daemon(const Feed *feed)
{
        return feed->container->daemon;
}

int feed_map(Feed *feed, StatePage **ret)
{
        return state_map(&feed->container->daemon->states, &feed->state, feed->container->id, ret);
}

/* The first of its streams that there is, is logged and fits, or NULL. */
static Stream *feed_find(const Feed *feed, bool (*fits)(const Stream *s, uint32_t row),
                         uint32_t row)
{
        Branch *b;
        Fifos *f;

        TAILQ_FOREACH(f, &feed->container->fifos, fifos)
                TAILQ_FOREACH(b, &f->branches, branches)
                        for (EntryStream k = 0; b->feed == feed && k < ENTRY_STREAMS; k++)
                                if (fits(&b->streams[k], row))
                                        return &b->streams[k];
        return NULL;
}

static bool stream_has_row(const Stream *s, uint32_t row)
{
        return s->is_logged && s->fd >= 0 && s->row == row;
}

Stream *feed_find_stream(Feed *feed, uint32_t row)
{
        return feed_find(feed, stream_has_row, row);
}

static bool stream_has_kept(const Stream *s, uint32_t row)
{
        return s->kept_left > 0;
}

Stream *feed_find_kept(Feed *feed)
{
        return feed_find(feed, stream_has_kept, 0);
}

static bool stream_waits(const Stream *s, uint32_t row)
{
        return stream_is_waiting(s);
}

bool feed_is_waiting(const Feed *feed)
{
        if (TAILQ_EMPTY(&feed->container->fifos))
                return !feed->is_told;
        return feed_find(feed, stream_waits, 0);
}

const char *feed_get_awaited(const Feed *feed)
{
        Rate *rate = feed->delivery.rate;
        uint64_t now = 0;

        (void) sd_event_now(feed->container->daemon->event, CLOCK_MONOTONIC, &now);
        if (rate && !rate->drops && !feed->container->is_removing && rate_get_delay(rate, now) > 0)
                return "rate limit";
        return feed->sink->taker;
}

void feed_take_counts(Feed *feed, StatePage *page)
{
        const StateDrops *drops = state_get_drops(page);

        feed->counts = state_get_active(page)->total;
        feed->untold = drops->untold;
        feed->lines_dropped = drops->lines;
}

void feed_on_turn(Feed *feed, StatePage *page)
{
        feed_take_counts(feed, page);
        daemon_on_lines(feed->container->daemon);
}

bool feed_tell_loss(Feed *feed, StatePage *page)
{
        Entry e = {
                .kind = ENTRY_DROPPED,
                .priority = LOG_WARNING,
                .ordinal = state_get_active(page)->next_ordinal,
                .loss = feed->untold,
        };
        uint64_t now = 0;

        (void) sd_event_now(feed->container->daemon->event, CLOCK_REALTIME, &now);
        e.realtime_nsec = now * 1000;
        account_mark(feed, page);
        if (feed->sink->driver->write(feed->sink, &e, 1) == 0)
                return false;
        account_tell(feed, page);
        return true;
}

int feed_tell_end(Feed *feed)
{
        Entry end = { .kind = ENTRY_END,
                      .priority = LOG_INFO,
                      .counts = feed->counts,
                      .lines_dropped = feed->lines_dropped };
        StatePage *page;
        int r;

        if (feed->is_told)
                return 1;
        if (feed->untold.lines > 0) {
                r = feed_map(feed, &page);
                if (base_is_passing(r))
                        return r;
                if (r >= 0 && !feed_tell_loss(feed, page))
                        return 0;
        }
        feed->is_told = feed->sink->driver->write(feed->sink, &end, 1) > 0;
        return feed->is_told;
}

static void feed_on_ready(Sink *sink, void *userdata)
{
        Feed *feed = ASSERT_PTR(userdata);
        Branch *b;
        Fifos *f;

        if (feed->container->is_removing && TAILQ_EMPTY(&feed->container->fifos)) {
                container_retry(feed->container);
                return;
        }
        TAILQ_FOREACH(f, &feed->container->fifos, fifos)
                TAILQ_FOREACH(b, &f->branches, branches)
                        for (EntryStream k = 0; b->feed == feed && k < ENTRY_STREAMS; k++)
                                stream_on_sink_ready(&b->streams[k]);
}

int feed_new(Feed **ret, Container *c, const Driver *driver, const Facts *facts,
             const Options *options, Refusal *refusal)
{
        _cleanup_(feed_freep) Feed *feed = NULL;
        char reason[REASON_MAX_BYTES] = "";
        const char *key = "";
        int r;

        feed = malloc(sizeof(*feed));
        if (!feed)
                return -ENOMEM;
        *feed = (Feed){ .container = c, .name = driver->name };
        r = delivery_init(&feed->delivery, driver, options, &key, reason);
        if (r >= 0)
                r = driver->open(driver, &c->daemon->host, facts, options, &feed->sink, &key,
                                 reason);
        if (r == -EINVAL)
                return refuse_option(refusal, driver->name, key, reason);
        if (r < 0)
                return r;
        feed->sink->on_ready = feed_on_ready;
        feed->sink->userdata = feed;
        *ret = TAKE_PTR(feed);
        return 0;
}

void feed_replace(Feed *feed, Feed *fresh)
{
        Sink *sink = feed->sink;
        Delivery delivery = feed->delivery;
        Branch *b;
        Fifos *f;

        feed->sink = fresh->sink;
        feed->sink->userdata = feed;
        feed->delivery = fresh->delivery;
        fresh->sink = sink;
        fresh->delivery = delivery;
        feed_free(fresh);

        TAILQ_FOREACH(f, &feed->container->fifos, fifos)
                TAILQ_FOREACH(b, &f->branches, branches)
                        for (EntryStream k = 0; b->feed == feed && k < ENTRY_STREAMS; k++)
                                stream_look_again(&b->streams[k]);
}

Feed *feed_free(Feed *feed)
{
        if (!feed)
                return NULL;
        sink_free(feed->sink);
        state_unmap(&feed->container->daemon->states, &feed->state);
        delivery_done(&feed->delivery);
        free(feed);
        return NULL;
}
