/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A daemon in a temporary directory, without its socket, and a driver that does what the test says:
 * it takes as many entries as there is room for, keeps them, and is busy then. The containers,
 * their directories, FIFOs and state pages are real.
 */

#undef NDEBUG
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "daemon/container.h"
#include "daemon/daemon.h"
#include "daemon/restore.h"
#include "temporary.h"

/* An entry that the driver took. */
typedef struct Shipped {
        Entry entry; /* text points into Fixture.text while there is no further one */
        size_t offset;
        char container[16];
        char exec_id[16];
        const Feed *feed;
} Shipped;

typedef struct Fixture Fixture;

typedef struct FakeSink {
        Sink sink;
        Fixture *fixture;
        Feed *feed;
        size_t *room;
        bool is_waiting;
} FakeSink;

struct Fixture {
        Temporary temporary;
        Daemon *daemon;
        size_t room;      /* entries that the driver takes, of all containers, until it is busy */
        size_t more_room; /* the same, for the drivers of a container but its first one */
        FakeSink *waiting[64]; /* in the order of asking */
        size_t n_waiting;
        Shipped *shipped;
        size_t n_shipped;
        size_t n_seen; /* by fixture_next() */
        Buffer text;
        bool keeps_nothing; /* only counts n_shipped: for tests that look at the cost */
        /* Called before entries are taken. */
        void (*on_write)(Fixture *f, const Feed *feed, const Entry *entries, size_t n);
};

static inline void fixture_keep(Fixture *f, const Feed *feed, const Entry *e)
{
        Shipped *s;

        if (f->keeps_nothing) {
                f->n_shipped++;
                return;
        }
        if ((f->n_shipped & (f->n_shipped - 1)) == 0) {
                f->shipped = reallocarray(f->shipped, MAX(2 * f->n_shipped, (size_t) 1),
                                          sizeof(*f->shipped));
                assert(f->shipped);
        }
        s = &f->shipped[f->n_shipped++];
        *s = (Shipped){ .entry = *e, .offset = f->text.size, .feed = feed };
        (void) snprintf(s->container, sizeof(s->container), "%s", feed->container->id);
        (void) snprintf(s->exec_id, sizeof(s->exec_id), "%s", e->exec_id ?: "");
        assert(buffer_append_span(&f->text, e->text) == 0);
}

static inline void fake_wait(FakeSink *fake)
{
        if (fake->is_waiting)
                return;
        fake->is_waiting = true;
        assert(fake->fixture->n_waiting < ARRAY_SIZE(fake->fixture->waiting));
        fake->fixture->waiting[fake->fixture->n_waiting++] = fake;
}

static inline size_t fake_write(Sink *sink, const Entry *entries, size_t n)
{
        FakeSink *fake = container_of(sink, FakeSink, sink);
        Fixture *f = fake->fixture;
        size_t k = MIN(n, *fake->room);

        assert(n > 0 && n <= TURN_MAX_ENTRIES);
        if (f->on_write)
                f->on_write(f, fake->feed, entries, k);
        for (size_t i = 0; i < k; i++)
                fixture_keep(f, fake->feed, &entries[i]);
        *fake->room -= k;
        if (k == 0)
                fake_wait(fake);
        return k;
}

static inline bool fake_is_busy(Sink *sink)
{
        FakeSink *fake = container_of(sink, FakeSink, sink);

        if (*fake->room > 0)
                return false;
        fake_wait(fake);
        return true;
}

static inline Sink *fake_free(Sink *sink)
{
        FakeSink *fake = container_of(sink, FakeSink, sink);
        Fixture *f = fake->fixture;
        size_t k = 0;

        for (size_t i = 0; i < f->n_waiting; i++)
                if (f->waiting[i] != fake)
                        f->waiting[k++] = f->waiting[i];
        f->n_waiting = k;
        free(fake);
        return NULL;
}

static const Driver fake_driver = {
        .name = "fake",
        .write = fake_write,
        .is_busy = fake_is_busy,
        .free = fake_free,
};

/* A driver, &f->room or &f->more_room, takes n entries more. */
static inline void fixture_set_room(Fixture *f, size_t *room, size_t n)
{
        FakeSink *told[ARRAY_SIZE(f->waiting)];
        size_t n_told = 0, k = 0;

        *room = n;
        for (size_t i = 0; i < f->n_waiting; i++)
                if (f->waiting[i]->room == room)
                        told[n_told++] = f->waiting[i];
                else
                        f->waiting[k++] = f->waiting[i];
        f->n_waiting = k;
        for (size_t i = 0; i < n_told; i++) {
                told[i]->is_waiting = false;
                told[i]->sink.on_ready(&told[i]->sink, told[i]->sink.userdata);
        }
}

static inline void fixture_make_room(Fixture *f, size_t n)
{
        fixture_set_room(f, &f->room, n);
}

/* Puts fake sinks in the places of the real ones. */
static inline void fixture_adopt(Fixture *f, Container *c)
{
        Feed *feed;

        TAILQ_FOREACH(feed, &c->feeds, feeds) {
                FakeSink *fake;

                if (feed->sink->driver == &fake_driver)
                        continue;
                fake = malloc(sizeof(*fake));
                assert(fake);
                *fake = (FakeSink){
                        .sink = *feed->sink,
                        .fixture = f,
                        .feed = feed,
                        .room = feed == TAILQ_FIRST(&c->feeds) ? &f->room : &f->more_room,
                };
                fake->sink.driver = &fake_driver;
                sink_free(feed->sink);
                feed->sink = &fake->sink;
        }
}

static inline int fixture_on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        return 0;
}

static inline void fixture_start(Fixture *f)
{
        Daemon *d = malloc(sizeof(*d));
        sd_event_source **timers[] = { &d->idle, &d->trim, &d->retry };

        assert(d);
        *d = (Daemon){ .containers_fd = -1, .turns.scratch = FIFO_SCRATCH_NULL };
        TAILQ_INIT(&d->containers);
        journal_sockets_init(&d->host.journals);
        assert(sd_event_new(&d->event) >= 0);
        d->host.event = d->event;
        assert(notify_new(&d->notify, d->event) == 0);
        store_init(&d->store, d->notify);
        assert(turns_init(&d->turns, d->event, (int[]){ -1, -1 }) >= 0);
        assert(status_init(&d->status, d) == 0);
        for (size_t i = 0; i < ARRAY_SIZE(timers); i++) {
                assert(sd_event_add_time(d->event, timers[i], CLOCK_MONOTONIC, 0, 0,
                                         fixture_on_timer, NULL) >= 0);
                assert(sd_event_source_set_enabled(*timers[i], SD_EVENT_OFF) >= 0);
        }
        d->containers_fd =
                openat(f->temporary.fd, "containers", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert(d->containers_fd >= 0);
        states_init(&d->states, d->containers_fd);
        assert(config_new(&d->config) == 0);
        f->daemon = d;
}

static inline void fixture_init(Fixture *f)
{
        *f = (Fixture){ .room = SIZE_MAX, .more_room = SIZE_MAX };
        (void) umask(0);
        assert(unsetenv("NOTIFY_SOCKET") == 0);
        temporary_init(&f->temporary);
        assert(mkdirat(f->temporary.fd, "containers", 0700) == 0);
        fixture_start(f);
}

static inline void fixture_done(Fixture *f)
{
        f->daemon = daemon_free(f->daemon);
        free(f->shipped);
        buffer_done(&f->text);
        temporary_done(&f->temporary);
}

/* Makes a container, with members of a request behind its id: "" or ", \"terminal\": true". */
static inline Container *fixture_create(Fixture *f, const char *id, const char *more)
{
        Refusal refusal = {};
        Container *c;
        char text[256];
        json_t *request;

        (void) snprintf(text, sizeof(text), "{\"id\": \"%s\", \"driver\": \"none\"%s}", id, more);
        request = json_loads(text, 0, NULL);
        assert(request);
        assert(daemon_create_container(f->daemon, request, NULL, &c, &refusal) == 0);
        json_decref(request);
        fixture_adopt(f, c);
        return c;
}

static inline int stored_compare(const void *a, const void *b)
{
        const StoredFd *x = a, *y = b;

        /* As the store looks for them. */
        if (x->dev != y->dev)
                return x->dev < y->dev ? -1 : 1;
        return x->ino < y->ino ? -1 : x->ino > y->ino;
}

static inline void fixture_store_one(StoredFd *stored, size_t *n, int fd)
{
        struct stat st;

        if (fd < 0)
                return;
        assert(fstat(fd, &st) == 0);
        stored[*n] = (StoredFd){ .dev = st.st_dev, .ino = st.st_ino, .fd = dup(fd) };
        assert(stored[(*n)++].fd >= 0);
}

/* What the service manager's store holds: another reference to each FIFO. */
static inline StoredFd *fixture_store(Daemon *d, size_t *ret_n)
{
        StoredFd *stored = calloc(4096, sizeof(*stored));
        Container *c;
        Fifos *fifos;
        Branch *b;

        assert(stored);
        *ret_n = 0;
        TAILQ_FOREACH(c, &d->containers, containers)
                TAILQ_FOREACH(fifos, &c->fifos, fifos) {
                        fixture_store_one(stored, ret_n, fifos->stdin_fd);
                        for (EntryStream k = 0; k < ENTRY_STREAMS; k++) {
                                fixture_store_one(stored, ret_n, fifos->splits[k].fd);
                                TAILQ_FOREACH(b, &fifos->branches, branches)
                                        fixture_store_one(stored, ret_n, b->streams[k].fd);
                        }
                }
        qsort(stored, *ret_n, sizeof(*stored), stored_compare);
        return stored;
}

/* What restore_container() says. A container that is back is adopted. */
static inline int fixture_restore(Fixture *f, const char *id, Container **ret)
{
        Refusal refusal = {};
        int r;

        r = restore_container(ret, f->daemon, id, &refusal);
        refusal_done(&refusal);
        if (r < 0)
                return r;
        fixture_adopt(f, *ret);
        TAILQ_INSERT_TAIL(&f->daemon->containers, *ret, containers);
        f->daemon->n_containers++;
        return 0;
}

/* The daemon ends, and the next one starts with what is in the store, but no container yet. */
static inline void fixture_restart(Fixture *f)
{
        StoredFd *stored;
        size_t n;

        stored = fixture_store(f->daemon, &n);
        f->daemon = daemon_free(f->daemon);
        fixture_start(f);
        f->daemon->store.fds = stored;
        f->daemon->store.n_fds = n;
}

/* The write end of a FIFO, as a container opens it. */
static inline int fixture_open(Fixture *f, const char *id, const char *fifo)
{
        char path[128];
        int fd;

        (void) snprintf(path, sizeof(path), "containers/%s/%s", id, fifo);
        fd = openat(f->temporary.fd, path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        assert(fd >= 0);
        return fd;
}

static inline Feed *fixture_feed(Container *c)
{
        return TAILQ_FIRST(&c->feeds);
}

static inline Stream *fixture_stream(Container *c, EntryStream kind)
{
        return &TAILQ_FIRST(&TAILQ_FIRST(&c->fifos)->branches)->streams[kind];
}

/* Whether a stream gathers: it has a turn soon, whatever else happens. */
static inline bool fixture_gathers(Fixture *f)
{
        Stream *s;

        for (unsigned level = 0; level <= HOLD_FIRST; level++)
                TAILQ_FOREACH(s, &f->daemon->turns.held[level], turns)
                        if (stream_is_gathering(s))
                                return true;
        return false;
}

/* Lets the daemon do all it can now. Returns how often it woke up. */
static inline unsigned pump(Fixture *f)
{
        unsigned n = 0;

        while (sd_event_run(f->daemon->event, fixture_gathers(f) ? UINT64_MAX : 0) > 0)
                assert(++n < 1000000);
        return n;
}

/* Lets the daemon run for a while. */
static inline void pump_for(Fixture *f, uint64_t usec)
{
        uint64_t now, end;

        (void) pump(f);
        assert(sd_event_now(f->daemon->event, CLOCK_MONOTONIC, &now) >= 0);
        for (end = now + usec; now < end;) {
                assert(sd_event_run(f->daemon->event, end - now) >= 0);
                assert(sd_event_now(f->daemon->event, CLOCK_MONOTONIC, &now) >= 0);
        }
}

static inline void put_bytes(int fd, const void *bytes, size_t size)
{
        assert(write(fd, bytes, size) == (ssize_t) size);
}

static inline void put(int fd, const char *text)
{
        put_bytes(fd, text, strlen(text));
}

/* The next shipped entry, or NULL. */
static inline const Entry *fixture_next(Fixture *f)
{
        Shipped *s;

        if (f->n_seen == f->n_shipped)
                return NULL;
        s = &f->shipped[f->n_seen++];
        s->entry.text.data = f->text.data ? f->text.data + s->offset : NULL;
        s->entry.exec_id = s->exec_id[0] ? s->exec_id : NULL;
        return &s->entry;
}

/* The next shipped entry is this line, in one piece. */
static inline void expect_line(Fixture *f, const char *text)
{
        const Entry *e = fixture_next(f);

        assert(e && e->kind == ENTRY_LINE && e->partial_first == 0);
        assert(span_equal_string(e->text, text));
}

static inline void expect_nothing(Fixture *f)
{
        assert(!fixture_next(f));
}
