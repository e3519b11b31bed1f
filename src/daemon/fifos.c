/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The FIFOs of one process; see the header. */

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "daemon/container.h"
#include "daemon/control.h"
#include "daemon/daemon.h"
#include "daemon/fifos.h"
#include "io/fifo.h"
#include "io/rundir.h"

void fifos_get_name(const Fifos *f, const char *stream, char ret[FIFO_NAME_BYTES])
{
        (void) snprintf(ret, FIFO_NAME_BYTES, "%s-%s", f->name, stream);
}

static void fifos_get_pipe_name(const Fifos *f, EntryStream k, const char *driver,
                                char ret[FIFO_NAME_BYTES])
{
        (void) snprintf(ret, FIFO_NAME_BYTES, "%s-%s.%s", f->name, entry_stream_to_string(k),
                        driver);
}

void fifos_get_stream_name(const Stream *s, char ret[FIFO_NAME_BYTES])
{
        if (s->split)
                fifos_get_pipe_name(s->fifos, s->kind, s->feed->name, ret);
        else
                fifos_get_name(s->fifos, entry_stream_to_string(s->kind), ret);
}

int fifos_stream_is_full(const Stream *s)
{
        Container *c = s->feed->container;
        _cleanup_close_ int dir_fd = -1, fd = -1;
        struct pollfd p = { .events = POLLOUT };
        char name[FIFO_NAME_BYTES];

        if (s->split) {
                p.fd = s->fd;
                return poll(&p, 1, 0) == 0;
        }
        if (s->fifos->is_adopted)
                return fifo_is_full(&c->daemon->turns.scratch, s->fd);
        dir_fd = rundir_open_at(c->daemon->containers_fd, c->id, &c->dir_ino);
        if (dir_fd < 0)
                return dir_fd;
        fifos_get_stream_name(s, name);
        fd = fifo_open(dir_fd, name, O_WRONLY);
        if (fd < 0)
                return fd;
        p.fd = fd;
        return poll(&p, 1, 0) == 0;
}

void fifos_check_ended(Fifos *f)
{
        const Branch *b;

        TAILQ_FOREACH(b, &f->branches, branches)
                for (EntryStream k = 0; k < ENTRY_STREAMS; k++)
                        if (f->has_streams[k] && b->streams[k].phase != STREAM_ENDED)
                                return;
        f->on_ended(f);
}

static void fifos_on_stream_ended(Stream *s)
{
        fifos_check_ended(s->fifos);
}

int fifos_add_branch(Fifos *f, Feed *feed)
{
        Branch *b;

        b = malloc(sizeof(*b));
        if (!b)
                return -ENOMEM;
        *b = (Branch){ .feed = feed };
        for (EntryStream k = 0; k < ENTRY_STREAMS; k++)
                b->streams[k] = (Stream){
                        .feed = feed,
                        .fifos = f,
                        .split = f->is_logged && f->container->is_split ? &f->splits[k] : NULL,
                        .exec_id = f->is_exec ? f->name : NULL,
                        .kind = k,
                        .fd = -1,
                        .is_logged = f->is_logged,
                        .on_ended = fifos_on_stream_ended,
                };
        TAILQ_INSERT_TAIL(&f->branches, b, branches);
        return 0;
}

int fifos_new(Fifos **ret, Container *container, const char *name, bool is_exec, bool is_logged,
              bool is_terminal)
{
        _cleanup_(fifos_freep) Fifos *f = NULL;
        size_t size = strlen(name) + 1;
        Feed *feed;
        int r;

        f = malloc(sizeof(*f) + size);
        if (!f)
                return -ENOMEM;
        *f = (Fifos){
                .container = container,
                .stdin_fd = -1,
                .is_exec = is_exec,
                .is_logged = is_logged,
                .is_terminal = is_terminal,
                .has_stdin = true,
                .has_streams = { [ENTRY_STDOUT] = true, [ENTRY_STDERR] = !is_terminal },
        };
        memcpy(f->name, name, size);
        for (EntryStream k = 0; k < ENTRY_STREAMS; k++)
                f->splits[k] = (Split){ .fifos = f, .kind = k, .fd = -1 };
        TAILQ_INIT(&f->branches);
        TAILQ_FOREACH(feed, &container->feeds, feeds) {
                r = fifos_add_branch(f, feed);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(f);
        return 0;
}

Branch *branch_free(Branch *b)
{
        for (EntryStream k = 0; k < ENTRY_STREAMS; k++)
                stream_done(&b->streams[k]);
        free(b);
        return NULL;
}

Fifos *fifos_free(Fifos *f)
{
        Branch *b;

        if (!f)
                return NULL;
        if (f->is_waiting)
                TAILQ_REMOVE(&f->container->daemon->store.waiting, f, waiting);
        f->container->daemon->store.n_kept -= f->n_fds;
        while ((b = TAILQ_FIRST(&f->branches))) {
                TAILQ_REMOVE(&f->branches, b, branches);
                branch_free(b);
        }
        for (EntryStream k = 0; k < ENTRY_STREAMS; k++)
                split_done(&f->splits[k]);
        f->stdin_fd = base_close(f->stdin_fd);
        free(f);
        return NULL;
}

int fifos_create_pipes(const Fifos *f, int dir_fd, const char *driver)
{
        char name[FIFO_NAME_BYTES];
        int r;

        if (!f->is_logged)
                return 0;
        for (EntryStream k = 0; k < ENTRY_STREAMS; k++) {
                if (!f->has_streams[k])
                        continue;
                fifos_get_pipe_name(f, k, driver, name);
                /* What a daemon that was killed here has left. */
                (void) unlinkat(dir_fd, name, 0);
                r = fifo_create(dir_fd, name);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Those of all drivers, where there are several. */
static int fifos_create_all_pipes(const Fifos *f, int dir_fd)
{
        const Branch *b;
        int r;

        if (!f->container->is_split)
                return 0;
        TAILQ_FOREACH(b, &f->branches, branches) {
                r = fifos_create_pipes(f, dir_fd, b->feed->name);
                if (r < 0)
                        return r;
        }
        return 0;
}

int fifos_create(Fifos *f, int dir_fd)
{
        char name[FIFO_NAME_BYTES];
        int r;

        if (f->has_stdin) {
                fifos_get_name(f, "stdin", name);
                r = fifo_create(dir_fd, name);
                if (r < 0)
                        return r;
        }
        for (EntryStream k = 0; k < ENTRY_STREAMS; k++) {
                if (!f->has_streams[k])
                        continue;
                fifos_get_name(f, entry_stream_to_string(k), name);
                r = fifo_create(dir_fd, name);
                if (r < 0)
                        return r;
        }
        return fifos_create_all_pipes(f, dir_fd);
}

void fifos_unlink_pipes(const Fifos *f, int dir_fd, const char *driver)
{
        char name[FIFO_NAME_BYTES];

        for (EntryStream k = 0; k < ENTRY_STREAMS; k++) {
                fifos_get_pipe_name(f, k, driver, name);
                (void) unlinkat(dir_fd, name, 0);
        }
}

void fifos_unlink(const Fifos *f, int dir_fd)
{
        static const char *const streams[] = { "stdin", "stdout", "stderr" };
        char name[FIFO_NAME_BYTES];

        for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
                fifos_get_name(f, streams[i], name);
                (void) unlinkat(dir_fd, name, 0);
        }
        for (size_t d = 0; drivers[d] && f->is_logged && f->container->is_split; d++)
                fifos_unlink_pipes(f, dir_fd, drivers[d]->name);
}

/* The FIFO of that name from the store, or opened: then is_stored becomes false. */
static int fifos_open_one(Fifos *f, int dir_fd, const char *name, int flags, bool *is_stored)
{
        struct stat st;
        int fd;

        if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        fd = store_find(&f->container->daemon->store, &st, f->store_name);
        *is_stored = *is_stored && fd >= 0;
        return fd >= 0 ? fd : fifo_open(dir_fd, name, flags);
}

/* The kernel rounds up to a power of two, and may say no. A FIFO that nobody held while the daemon
 * was away is as the kernel makes them, and its container has to live with that if need be. */
static int fifos_set_capacity(const Fifos *f, const Stream *s, bool is_new)
{
        uint32_t wanted = s->feed->delivery.buffer_bytes;
        const char *id = f->container->id, *name = entry_stream_to_string(s->kind);
        size_t capacity = 0;
        int r;

        if (wanted == 0)
                return 0;
        r = fifo_set_capacity(s->fd, wanted);
        if (is_new && r < 0)
                return r;
        (void) fifo_get_capacity(s->fd, &capacity);
        if (r < 0)
                (void) log_warning_errno(r, "%s of container %s holds %zu bytes, not %u: %m", name,
                                         id, capacity, wanted);
        else if (is_new && capacity != wanted)
                log_info("max-buffer-size of %s of container %s is rounded up to %zu bytes.", name,
                         id, capacity);
        return 0;
}

int fifos_resize(Fifos *f, const Feed *feed)
{
        Branch *b;
        int r;

        TAILQ_FOREACH(b, &f->branches, branches)
                for (EntryStream k = 0; b->feed == feed && k < ENTRY_STREAMS; k++) {
                        Stream *s = &b->streams[k];

                        if (s->fd < 0)
                                continue;
                        r = fifo_set_capacity(s->fd, feed->delivery.buffer_bytes ?: PEEK_MAX_BYTES);
                        if (r >= 0)
                                r = stream_measure(s);
                        if (r < 0)
                                return r;
                }
        return 0;
}

void fifos_give_back(Fifos *f)
{
        Store *store = &f->container->daemon->store;
        Branch *b;

        store_give_back(store, TAKE_FD(f->stdin_fd));
        for (EntryStream k = 0; k < ENTRY_STREAMS; k++)
                store_give_back(store, TAKE_FD(f->splits[k].fd));
        TAILQ_FOREACH(b, &f->branches, branches)
                for (EntryStream k = 0; k < ENTRY_STREAMS; k++)
                        store_give_back(store, TAKE_FD(b->streams[k].fd));
}

bool fifos_are_small(const Fifos *f)
{
        const Branch *b;
        size_t capacity;

        TAILQ_FOREACH(b, &f->branches, branches)
                for (EntryStream k = 0; k < ENTRY_STREAMS; k++)
                        if (b->streams[k].fd >= 0 &&
                            fifo_get_capacity(b->streams[k].fd, &capacity) >= 0 &&
                            capacity < (b->feed->delivery.buffer_bytes ?: PEEK_MAX_BYTES))
                                return true;
        return false;
}

size_t fifos_get_fds(const Fifos *f, int ret[NOTIFY_FDS_MAX])
{
        const Branch *b;
        size_t n = 0;

        if (f->stdin_fd >= 0)
                ret[n++] = f->stdin_fd;
        for (EntryStream k = 0; k < ENTRY_STREAMS; k++)
                if (f->splits[k].fd >= 0)
                        ret[n++] = f->splits[k].fd;
        TAILQ_FOREACH(b, &f->branches, branches)
                for (EntryStream k = 0; k < ENTRY_STREAMS; k++)
                        if (b->streams[k].fd >= 0)
                                ret[n++] = b->streams[k].fd;
        return n;
}

void fifos_push(Fifos *f)
{
        Branch *b;

        TAILQ_FOREACH(b, &f->branches, branches)
                for (EntryStream k = 0; k < ENTRY_STREAMS; k++)
                        if (b->streams[k].fd >= 0 && b->streams[k].phase != STREAM_WAITING)
                                turns_push(&f->container->daemon->turns, &b->streams[k]);
}

void fifos_on_kept(Fifos *f)
{
        fifos_push(f);
        if (f->made_call)
                control_reply_made(TAKE_PTR(f->made_call), f);
}

void fifos_unstore(Fifos *f)
{
        store_forget(&f->container->daemon->store, f);
}

/* Reads from an fd that is set. */
static int fifos_start_stream(Fifos *f, Stream *s, bool is_new)
{
        int r;

        s->row = f->first_row + s->kind;
        r = fifos_set_capacity(f, s, is_new);
        return r < 0 ? r : stream_start(s);
}

int fifos_open_pipe(Fifos *f, Stream *s, int dir_fd, bool is_new, bool *is_stored)
{
        char name[FIFO_NAME_BYTES];

        fifos_get_stream_name(s, name);
        s->fd = fifos_open_one(f, dir_fd, name, O_RDWR, is_stored);
        return s->fd < 0 ? s->fd : fifos_start_stream(f, s, is_new);
}

int fifos_start_split(Fifos *f, EntryStream k, int fd)
{
        f->splits[k].fd = fd;
        f->splits[k].row = f->first_row + k;
        return split_start(&f->splits[k]);
}

/* Reads what comes out of source_fd, which it takes. */
static int fifos_start(Fifos *f, EntryStream k, int source_fd, int dir_fd, bool is_new,
                       bool *is_stored)
{
        Branch *b = TAILQ_FIRST(&f->branches);
        int r;

        if (!f->container->is_split) {
                b->streams[k].fd = source_fd;
                return fifos_start_stream(f, &b->streams[k], is_new);
        }
        r = fifos_start_split(f, k, source_fd);
        TAILQ_FOREACH(b, &f->branches, branches)
                if (r >= 0)
                        r = fifos_open_pipe(f, &b->streams[k], dir_fd, is_new, is_stored);
        return r;
}

unsigned fifos_count_fds(size_t n_pipes)
{
        return 1 + ENTRY_STREAMS * (1 + (unsigned) n_pipes);
}

/* What the store will hold of the set. */
static void fifos_expect_fds(Fifos *f)
{
        const Branch *b;

        f->n_fds = f->has_stdin;
        for (EntryStream k = 0; k < ENTRY_STREAMS; k++) {
                if (!f->has_streams[k])
                        continue;
                f->n_fds++;
                TAILQ_FOREACH(b, &f->branches, branches)
                        f->n_fds += f->container->is_split;
        }
        f->container->daemon->store.n_kept += f->n_fds;
}

int fifos_open(Fifos *f, int dir_fd, bool is_new)
{
        Store *store = &f->container->daemon->store;
        char name[FIFO_NAME_BYTES];
        bool is_stored = true, has_source;
        int r, fd;

        /* The others belong to who asked for them, their ends too. */
        if (!f->is_logged)
                return 0;

        fifos_expect_fds(f);
        if (f->has_stdin) {
                fifos_get_name(f, "stdin", name);
                f->stdin_fd = fifos_open_one(f, dir_fd, name, O_RDWR, &is_stored);
                if (f->stdin_fd < 0)
                        return f->stdin_fd;
        }
        for (EntryStream k = 0; k < ENTRY_STREAMS; k++) {
                if (!f->has_streams[k])
                        continue;
                fifos_get_name(f, entry_stream_to_string(k), name);
                has_source = true;
                fd = fifos_open_one(f, dir_fd, name, O_RDONLY, &has_source);
                if (fd < 0)
                        return fd;
                f->splits[k].is_lost = !is_new && !has_source;
                is_stored = is_stored && has_source;
                r = fifos_start(f, k, fd, dir_fd, is_new, &is_stored);
                if (r < 0)
                        return r;
        }

        /* Storing an fd that is there already changes nothing, but costs PID 1 a comparison with
         * all others: after a restart that would be all of them, each time. */
        f->is_stored = is_stored;
        return is_stored ? 0 : store_keep(store, f);
}

int fifos_adopt(Fifos *f, int dir_fd, int fds[ENTRY_STREAMS], bool is_stored)
{
        bool is_new = !is_stored;
        int r;

        f->is_adopted = true;
        f->has_stdin = false;
        for (EntryStream k = 0; k < ENTRY_STREAMS; k++)
                f->has_streams[k] = fds[k] >= 0;
        fifos_expect_fds(f);
        r = is_new ? fifos_create_all_pipes(f, dir_fd) : 0;
        if (r < 0)
                return r;
        for (EntryStream k = 0; k < ENTRY_STREAMS; k++) {
                if (!f->has_streams[k])
                        continue;
                r = fifos_start(f, k, TAKE_FD(fds[k]), dir_fd, is_new, &is_stored);
                if (r < 0)
                        return r;
        }
        f->is_stored = is_stored;
        return is_stored ? 0 : store_keep(&f->container->daemon->store, f);
}

static bool fd_is_file(int fd, const struct stat *file)
{
        struct stat st;

        return fd >= 0 && fstat(fd, &st) >= 0 && st.st_dev == file->st_dev &&
               st.st_ino == file->st_ino;
}

bool fifos_hold(const Fifos *f, const struct stat *st)
{
        const Branch *b;

        TAILQ_FOREACH(b, &f->branches, branches)
                for (EntryStream k = 0; k < ENTRY_STREAMS; k++)
                        if (fd_is_file(b->streams[k].fd, st))
                                return true;
        for (EntryStream k = 0; k < ENTRY_STREAMS; k++)
                if (fd_is_file(f->splits[k].fd, st))
                        return true;
        return fd_is_file(f->stdin_fd, st);
}

void fifos_end(Fifos *f)
{
        Stream *live[DRIVERS_PER_CONTAINER_MAX * ENTRY_STREAMS];
        size_t n = 0;
        Branch *b;

        if (f->is_ending)
                return;
        f->is_ending = true;
        TAILQ_FOREACH(b, &f->branches, branches)
                for (EntryStream k = 0; k < ENTRY_STREAMS; k++)
                        if (f->is_logged && f->has_streams[k] &&
                            b->streams[k].phase != STREAM_ENDED)
                                live[n++] = &b->streams[k];
        if (n == 0) {
                f->on_ended(f);
                return;
        }
        /* The last stream to end calls on_ended, which frees f. */
        while (n > 0)
                stream_drain(live[--n]);
}

static json_t *fifos_describe_one(const Fifos *f, const char *stream, const Stream *s)
{
        const Counts *counts = s ? &s->counts : &(Counts){};
        char name[FIFO_NAME_BYTES];
        size_t capacity = 0;
        json_t *object, *path = NULL;

        fifos_get_name(f, stream, name);
        if (!f->is_adopted)
                path = json_sprintf(RUN_DIR "/containers/%s/%s", f->container->id, name);
        object =
                json_pack("{s:s, s:o*, s:b, s:I, s:I, s:I}", "name", stream, "path", path, "logged",
                          s && s->is_logged, "lines", (json_int_t) counts->lines, "bytes",
                          (json_int_t) counts->bytes, "bytesDropped", (json_int_t) counts->dropped);
        if (s && s->fd >= 0 && fifo_get_capacity(s->fd, &capacity) >= 0)
                json_object_set_new(object, "bufferSize", json_integer((json_int_t) capacity));
        return object;
}

json_t *fifos_describe(const Fifos *f)
{
        const Branch *first = TAILQ_FIRST(&f->branches);
        json_t *array = json_array();

        if (f->has_stdin)
                json_array_append_new(array, fifos_describe_one(f, "stdin", NULL));
        for (EntryStream k = 0; k < ENTRY_STREAMS; k++)
                if (f->has_streams[k])
                        json_array_append_new(array,
                                              fifos_describe_one(f, entry_stream_to_string(k),
                                                                 &first->streams[k]));
        return array;
}
