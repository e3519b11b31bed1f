/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Containers with several drivers, what each of these took, and Set that adds and removes them. */

#include "daemon-fixture.h"

#include "daemon/change.h"
#include "driver/file-sink.h"

#define MORE ", \"moreDrivers\": [{\"driver\": \"journald\"%s}]"

static inline Container *create(Fixture *f, const char *more_options)
{
        char more[128];

        (void) snprintf(more, sizeof(more), MORE, more_options);
        return fixture_create(f, "web", more);
}

static inline Feed *get_feed(Container *c, unsigned i)
{
        Feed *feed = TAILQ_FIRST(&c->feeds);

        return i == 0 ? feed : TAILQ_NEXT(feed, feeds);
}

/* The next entry that this driver took, or NULL. */
static inline const Shipped *next_of(Fixture *f, const Feed *feed, size_t *at)
{
        while (*at < f->n_shipped)
                if (f->shipped[(*at)++].feed == feed)
                        return &f->shipped[*at - 1];
        return NULL;
}

static inline void expect_lines(Fixture *f, const Feed *feed, size_t *at, unsigned first,
                                unsigned last)
{
        for (unsigned i = first; i <= last; i++) {
                const Shipped *s = next_of(f, feed, at);
                char text[32];

                assert(s && s->entry.kind == ENTRY_LINE && s->entry.partial_first == 0);
                assert(s->entry.ordinal == i);
                (void) snprintf(text, sizeof(text), "line %06u", i);
                assert(s->entry.text.size == strlen(text) &&
                       memcmp(f->text.data + s->offset, text, strlen(text)) == 0);
        }
}

#define LINE_BYTES 12U

/* Writes a numbered line of LINE_BYTES. Returns false if the FIFO is full. */
static inline bool put_line(int fd, unsigned i)
{
        char text[32];

        (void) snprintf(text, sizeof(text), "line %06u\n", i);
        if (write(fd, text, LINE_BYTES) == LINE_BYTES)
                return true;
        assert(errno == EAGAIN);
        return false;
}

/* Writes numbered lines until last, or until the FIFO is full. Returns the last one. */
static inline unsigned put_lines(Fixture *f, int fd, unsigned first, unsigned last)
{
        for (unsigned i = first; i <= last; i++)
                while (!put_line(fd, i)) {
                        size_t n_shipped = f->n_shipped;

                        (void) pump(f);
                        if (f->n_shipped == n_shipped)
                                return i - 1;
                }
        (void) pump(f);
        return last;
}

static inline void add_driver(Fixture *f, Container *c, const char *driver)
{
        json_auto_t *choice = json_pack("{s:s}", "driver", driver);
        _cleanup_(refusal_done) Refusal refusal = {};

        if (!f->daemon->host.files)
                assert(file_sinks_new(&f->daemon->host.files, f->daemon->event,
                                      f->temporary.path) == 0);
        assert(change_apply(c, &(Change){ .add = choice }, &refusal) == 0);
        fixture_adopt(f, c);
}

static inline void remove_driver(Container *c, const char *driver)
{
        _cleanup_(refusal_done) Refusal refusal = {};

        assert(change_apply(c, &(Change){ .remove = driver }, &refusal) == 0);
}
