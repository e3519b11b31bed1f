/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One FIFO into the pipes of several drivers; see the header. */

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "daemon/container.h"
#include "daemon/daemon.h"
#include "daemon/split.h"
#include "io/fifo.h"
#include "io/rundir.h"

#define SPLIT_MAGIC "conlogs\n"
#define SPLIT_VERSION 1U
#define SPLIT_FILE_BYTES 4096U

/* How many bytes of the FIFO are gone, since the stream began: position, and dropped behind it. As
 * in a state page, the idle slot is filled and made the active one by one store. */
typedef struct SplitSlot {
        uint64_t position;
        int64_t dropped; /* written by the kernel */
} SplitSlot;

typedef struct SplitRow {
        SplitSlot slots[2];
        _Atomic uint32_t active;
        uint32_t reserved;
} SplitRow;

struct SplitPage {
        char magic[8];
        uint32_t version;
        uint32_t reserved;
        SplitRow rows[STATE_ROWS];
};

_Static_assert(sizeof(SplitPage) <= SPLIT_FILE_BYTES, "the positions must fit one page");

int split_create_page(int dir_fd)
{
        union {
                SplitPage page;
                char bytes[SPLIT_FILE_BYTES];
        } file = { .page.version = SPLIT_VERSION };

        memcpy(file.page.magic, SPLIT_MAGIC, sizeof(file.page.magic));
        return rundir_write_file(dir_fd, "split", 0600, (Span){ file.bytes, sizeof(file.bytes) });
}

static bool split_page_is_valid(const SplitPage *page)
{
        if (memcmp(page->magic, SPLIT_MAGIC, sizeof(page->magic)) != 0 ||
            page->version != SPLIT_VERSION)
                return false;
        for (size_t i = 0; i < ARRAY_SIZE(page->rows); i++)
                if (page->rows[i].active > 1 ||
                    page->rows[i].slots[page->rows[i].active].dropped < 0 ||
                    page->rows[i].slots[page->rows[i].active].dropped > PEEK_MAX_BYTES)
                        return false;
        return true;
}

int split_map(int dir_fd, SplitPage **ret)
{
        _cleanup_close_ int fd = -1;
        struct stat st;
        void *p;

        fd = rundir_open_file(dir_fd, "split", S_IFREG, O_RDWR);
        if (fd < 0)
                return fd == -EBADF || fd == -ENOENT ? -EBADMSG : fd;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (st.st_size != SPLIT_FILE_BYTES)
                return -EBADMSG;
        p = mmap(NULL, SPLIT_FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (p == MAP_FAILED)
                return -errno;
        if (!split_page_is_valid(p)) {
                (void) munmap(p, SPLIT_FILE_BYTES);
                return -EBADMSG;
        }
        *ret = p;
        return 0;
}

void split_unmap(SplitPage *page)
{
        if (page)
                (void) munmap(page, SPLIT_FILE_BYTES);
}

/* Makes a slot the active one that stands there. */
static SplitSlot *split_move(SplitRow *row, uint64_t position)
{
        SplitSlot *idle = &row->slots[!row->active];

        *idle = (SplitSlot){ .position = position };
        atomic_store_explicit(&row->active, (uint32_t) (idle - row->slots), memory_order_release);
        return idle;
}

void split_clear_row(SplitPage *page, uint32_t row)
{
        (void) split_move(&page->rows[row], 0);
}

static Turns *split_get_turns(const Split *p)
{
        return &p->fifos->container->daemon->turns;
}

static SplitRow *split_get_row(const Split *p)
{
        return &p->fifos->container->split_page->rows[p->row];
}

static uint64_t split_get_position(const Split *p)
{
        const SplitRow *row = split_get_row(p);
        const SplitSlot *slot = &row->slots[row->active];

        return slot->position + (uint64_t) slot->dropped;
}

/* What a pipe was given, from its stream's page and what is in it. */
static int split_count_given(Stream *s, StatePage **ret_page, uint64_t *ret)
{
        const StateTurn *active;
        StatePage *page;
        StateRow row;
        size_t fill;
        int r;

        r = feed_map(s->feed, &page);
        if (r >= 0)
                r = fifo_get_fill(s->fd, &fill);
        if (r < 0)
                return r;
        row = state_get_row(page, s->row);
        active = state_get_active(page);
        *ret = page->origins[s->row] + row.counts.bytes + row.counts.dropped + s->kept_left + fill;
        /* Counted as done with, and still in it. */
        if (active->row == s->row && !state_get_drops(page)->keeps)
                *ret -= active->bytes - (uint64_t) active->dropped;
        *ret_page = page;
        return 0;
}

/* Sets what the pipes were given. Where a pipe is not the one that the page speaks of, or somebody
 * else has read the FIFO, the stream goes on with what is there now. */
static int split_sync(Split *p, size_t fill)
{
        uint64_t position = split_get_position(p), given;
        StatePage *page;
        Branch *b;
        int r;

        TAILQ_FOREACH(b, &p->fifos->branches, branches) {
                Stream *s = &b->streams[p->kind];

                if (s->fd < 0)
                        continue;
                r = split_count_given(s, &page, &given);
                if (r < 0)
                        return r;
                s->given = given;
                if (given < position || p->is_lost)
                        s->given = position;
                else if (given - position > fill)
                        s->given = position + fill;
                if (s->given != given)
                        state_set_origin(page, s->row, page->origins[s->row] + s->given - given);
        }
        p->is_lost = false;
        p->is_synced = true;
        return 0;
}

/* All pipes have the first n bytes. */
static int split_drop(Split *p, size_t n)
{
        uint64_t position = split_get_position(p);
        SplitRow *row = split_get_row(p);
        SplitSlot *slot = split_move(row, position);
        int r;

        r = fifo_drop(&split_get_turns(p)->scratch, p->fd, n, &slot->dropped);
        /* Somebody else reads the FIFO, too: what has gone is in the pipes. */
        if (r == -ENODATA) {
                (void) split_move(row, position + n);
                r = 0;
        }
        return r;
}

/* Gives one pipe what it does not have yet of the input. */
static int split_give(Stream *s, uint64_t position, Span input)
{
        size_t ahead = (size_t) (s->given - position);
        ssize_t k;

        if (ahead >= input.size)
                return 0;
        do
                k = write(s->fd, input.data + ahead, input.size - ahead);
        while (k < 0 && errno == EINTR);
        if (k < 0)
                return errno == EAGAIN ? 0 : -errno;
        s->given += (uint64_t) k;
        return 0;
}

/* Whether what the pipes were given is there: else somebody else has read the FIFO. */
static bool split_is_sound(const Split *p)
{
        uint64_t position = split_get_position(p);
        const Branch *b;

        TAILQ_FOREACH(b, &p->fifos->branches, branches)
                if (b->streams[p->kind].fd >= 0 && b->streams[p->kind].given - position > p->fill)
                        return false;
        return true;
}

int split_fill(Split *p)
{
        uint64_t position, least = UINT64_MAX;
        Branch *b;
        Span input;
        int r;

        /* What is in pipes that nobody keeps would be lost if we were killed. */
        if (p->fifos->is_waiting)
                return 0;
        r = fifo_get_fill(p->fd, &p->fill);
        if (r >= 0 && !(p->is_synced && split_is_sound(p)))
                r = split_sync(p, p->fill);
        if (r < 0 || p->fill == 0)
                return r;
        r = fifo_peek(&split_get_turns(p)->scratch, p->fd, PEEK_MAX_BYTES, &input);
        if (r < 0)
                return r;

        position = split_get_position(p);
        TAILQ_FOREACH(b, &p->fifos->branches, branches) {
                Stream *s = &b->streams[p->kind];

                if (s->fd < 0)
                        continue;
                r = split_give(s, position, input);
                if (r < 0)
                        return r;
                least = MIN(least, s->given);
        }
        if (least == UINT64_MAX || least == position)
                return 0;
        r = split_drop(p, (size_t) (least - position));
        /* Not asked for: what was written meanwhile is new, and its edge is heard. */
        if (r >= 0)
                p->fill = MAX(p->fill, input.size) - (size_t) (least - position);
        return r;
}

size_t split_get_left(const Split *p, const Stream *s)
{
        uint64_t ahead = s->given - split_get_position(p);
        size_t fill;

        if (fifo_get_fill(p->fd, &fill) < 0)
                return UINT32_MAX;
        if (!p->is_synced)
                return fill;
        return ahead < fill ? fill - (size_t) ahead : 0;
}

bool split_is_empty(Split *p)
{
        size_t fill;

        if (fifo_get_fill(p->fd, &fill) < 0 || fill > 0)
                return false;
        /* Somebody else may have read it: what comes next is new, however much it is. */
        p->fill = 0;
        return true;
}

int split_is_at_end(const Split *p)
{
        size_t fill;
        int r;

        /* Hang-up is asked for first: after it, no writer adds anything. */
        r = fifo_is_hung_up(p->fd);
        if (r > 0)
                r = fifo_get_fill(p->fd, &fill) ?: fill == 0;
        return r;
}

static int split_on_readable(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        Split *p = ASSERT_PTR(userdata);
        Turns *turns = split_get_turns(p);
        size_t fill;
        bool is_old;
        Branch *b;

        /* A writer that tries a full FIFO again and again makes an edge each time. */
        is_old = !(events & EPOLLHUP) && fifo_get_fill(p->fd, &fill) >= 0 && fill == p->fill;
        TAILQ_FOREACH(b, &p->fifos->branches, branches) {
                Stream *s = &b->streams[p->kind];

                if (!is_old && !stream_is_gathering(s) &&
                    (s->phase == STREAM_IDLE || s->phase == STREAM_HELD))
                        turns_push(turns, s);
        }
        turns_run(turns);
        return 0;
}

int split_start(Split *p)
{
        return sd_event_add_io(p->fifos->container->daemon->event, &p->readable, p->fd,
                               EPOLLIN | EPOLLET, split_on_readable, p);
}

void split_done(Split *p)
{
        p->readable = sd_event_source_disable_unref(p->readable);
        p->fd = base_close(p->fd);
}
