/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What people are told; see the header. */

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "daemon/daemon.h"
#include "daemon/status.h"

/* How old the figures of systemctl status may be. */
#define STATUS_USEC UINT64_C(1000000)

static double status_get_seconds(const Status *s, const JournalOutage *outage)
{
        uint64_t now = outage->since_usec;

        (void) sd_event_now(s->daemon->event, CLOCK_MONOTONIC, &now);
        return (double) (now - outage->since_usec) / 1e6;
}

static void status_send(Status *s)
{
        const Daemon *d = s->daemon;
        const JournalOutage *outage = TAILQ_FIRST(&d->host.journals.outages);
        uint64_t lines = d->n_lines_removed;
        char text[256], away[128] = "";
        const Container *c;

        TAILQ_FOREACH(c, &d->containers, containers)
                lines += container_get_lines(c);
        if (outage)
                (void) snprintf(away, sizeof(away),
                                "; %s%s taken nothing for %.0f s: lines wait in their FIFOs",
                                outage->name,
                                TAILQ_NEXT(outage, outages) ? " and others have" : " has",
                                status_get_seconds(s, outage));
        (void) snprintf(text, sizeof(text), "STATUS=%u container%s, %llu line%s%s%s",
                        d->n_containers, d->n_containers == 1 ? "" : "s",
                        (unsigned long long) lines, lines == 1 ? "" : "s",
                        d->config ? "" : ", configuration refused: no new containers", away);
        (void) notify_send(d->notify, text);
        if (outage)
                status_schedule(s);
}

void status_schedule(Status *s)
{
        if (s->is_due)
                return;
        s->is_due = true;
        (void) sd_event_source_set_time_relative(s->timer, STATUS_USEC);
        (void) sd_event_source_set_enabled(s->timer, SD_EVENT_ONESHOT);
}

static int status_on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        Status *s = ASSERT_PTR(userdata);

        s->is_due = false;
        status_send(s);
        return 0;
}

static void status_on_outage(const JournalOutage *outage, bool is_over, void *userdata)
{
        Status *s = ASSERT_PTR(userdata);
        double seconds = status_get_seconds(s, outage);

        if (is_over)
                log_notice("%s takes entries again, after %.1f s.", outage->name, seconds);
        else
                log_warning("%s has taken nothing for %.1f s, %s: lines wait in their FIFOs.",
                            outage->name, seconds,
                            outage->error == EAGAIN ? "its queue is full"
                                                    : strerror(outage->error));
        status_send(s);
}

int status_init(Status *s, Daemon *d)
{
        int r;

        *s = (Status){ .daemon = d };
        d->host.journals.on_outage = status_on_outage;
        d->host.journals.userdata = s;

        r = sd_event_add_time(d->event, &s->timer, CLOCK_MONOTONIC, 0, 0, status_on_timer, s);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(s->timer, SD_EVENT_OFF);
}

void status_done(Status *s)
{
        s->timer = sd_event_source_disable_unref(s->timer);
}
