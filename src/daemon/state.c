/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The state page of a container; see the header. */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "daemon/state.h"
#include "io/rundir.h"

#define STATE_MAGIC "conlogd\n"
#define STATE_FILE_BYTES 4096U

_Static_assert(sizeof(StatePage) <= STATE_FILE_BYTES, "the state must fit one page");
_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "the active turn must be switched by one store");

void states_init(States *states, int containers_fd)
{
        *states = (States){ .containers_fd = containers_fd };
        TAILQ_INIT(&states->mapped);
}

#define STATE_NAME_BYTES (sizeof("state.") + DRIVER_NAME_MAX_BYTES)

static void state_get_name(const State *state, char ret[STATE_NAME_BYTES])
{
        (void) snprintf(ret, STATE_NAME_BYTES, "state%s%s", state->driver ? "." : "",
                        state->driver ?: "");
}

int state_create(const State *state, int dir_fd, const char *epoch)
{
        char name[STATE_NAME_BYTES];
        union {
                StatePage page;
                char bytes[STATE_FILE_BYTES];
        } file = {
                .page.version = STATE_VERSION_MIN,
                .page.turns[0].next_ordinal = 1,
        };

        assert(strlen(epoch) == sizeof(file.page.epoch));
        memcpy(file.page.magic, STATE_MAGIC, sizeof(file.page.magic));
        memcpy(file.page.epoch, epoch, sizeof(file.page.epoch));
        state_get_name(state, name);
        return rundir_write_file(dir_fd, name, 0600, (Span){ file.bytes, sizeof(file.bytes) });
}

void state_delete(const State *state, int dir_fd)
{
        char name[STATE_NAME_BYTES];

        state_get_name(state, name);
        (void) unlinkat(dir_fd, name, 0);
}

bool state_exists(const State *state, int dir_fd)
{
        char name[STATE_NAME_BYTES];
        struct stat st;

        state_get_name(state, name);
        return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) >= 0;
}

static bool state_row_is_valid(const StateRow *row)
{
        return row->priority <= LOG_DEBUG;
}

static bool state_kept_is_valid(const StateKept *kept)
{
        return kept->size <= BUFFER_MAX_BYTES && kept->used <= kept->size;
}

static bool state_turn_is_valid(const StatePage *page, const StateTurn *turn)
{
        const StateDrops *drops = &page->drops[turn - page->turns];

        return turn->row < STATE_ROWS && state_kept_is_valid(&drops->kept) &&
               (!drops->keeps || drops->kept.used == 0) &&
               turn->bytes <= (drops->keeps ? BUFFER_MAX_BYTES : PEEK_MAX_BYTES) &&
               turn->next_ordinal > 0 && turn->dropped >= 0 &&
               (uint64_t) turn->dropped <= turn->bytes && state_row_is_valid(&turn->after) &&
               turn->owed_bytes <= PEEK_MAX_BYTES && turn->owed_limit <= PEEK_MAX_BYTES &&
               (turn->owed_bytes == 0 || turn->owed_limit > 0);
}

static int state_check(const StatePage *page)
{
        if (memcmp(page->magic, STATE_MAGIC, sizeof(page->magic)) != 0)
                return -EBADMSG;
        if (page->version > STATE_VERSION)
                return -EPROTO;
        if (page->version < STATE_VERSION_MIN || page->active > 1)
                return -EBADMSG;
        for (size_t i = 0; i < ARRAY_SIZE(page->rows); i++)
                if (!state_row_is_valid(&page->rows[i]) || !state_kept_is_valid(&page->kept[i]))
                        return -EBADMSG;
        /* The idle one may be half-written; it is filled anew before it counts. */
        return state_turn_is_valid(page, &page->turns[page->active]) ? 0 : -EBADMSG;
}

static int state_open(State *state, int containers_fd, const char *id, StatePage **ret)
{
        _cleanup_close_ int dir_fd = -1, fd = -1;
        char name[STATE_NAME_BYTES];
        struct stat st;
        void *p;
        int r;

        dir_fd = rundir_open_at(containers_fd, id, &state->dir_ino);
        if (dir_fd < 0)
                return dir_fd;
        state_get_name(state, name);
        fd = rundir_open_file(dir_fd, name, S_IFREG, O_RDWR);
        if (fd < 0)
                return fd == -EBADF ? -EBADMSG : fd;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (st.st_size != STATE_FILE_BYTES)
                return -EBADMSG;

        p = mmap(NULL, STATE_FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (p == MAP_FAILED)
                return -errno;
        r = state_check(p);
        if (r < 0) {
                (void) munmap(p, STATE_FILE_BYTES);
                return r;
        }
        *ret = p;
        return 0;
}

int state_map(States *states, State *state, const char *id, StatePage **ret)
{
        int r;

        if (state->page) {
                if (TAILQ_FIRST(&states->mapped) != state) {
                        TAILQ_REMOVE(&states->mapped, state, mapped);
                        TAILQ_INSERT_HEAD(&states->mapped, state, mapped);
                }
        } else {
                r = state_open(state, states->containers_fd, id, &state->page);
                if (r < 0)
                        return r;
                if (states->n_mapped == STATES_MAPPED_MAX)
                        state_unmap(states, TAILQ_LAST(&states->mapped, StateList));
                TAILQ_INSERT_HEAD(&states->mapped, state, mapped);
                states->n_mapped++;
        }
        *ret = state->page;
        return 0;
}

void state_unmap(States *states, State *state)
{
        if (!state->page)
                return;
        (void) munmap(TAKE_PTR(state->page), STATE_FILE_BYTES);
        TAILQ_REMOVE(&states->mapped, state, mapped);
        states->n_mapped--;
}

StateTurn *state_get_active(StatePage *page)
{
        return &page->turns[page->active];
}

StateRow state_get_row(const StatePage *page, uint32_t row)
{
        const StateTurn *active = &page->turns[page->active];

        return active->row == row ? active->after : page->rows[row];
}

StateKept state_get_kept(const StatePage *page, uint32_t row)
{
        const StateTurn *active = &page->turns[page->active];
        const StateDrops *drops = &page->drops[page->active];
        StateKept kept = active->row == row ? drops->kept : page->kept[row];

        /* The kernel counts what it moves there. */
        if (active->row == row && drops->keeps)
                kept.size = (uint64_t) active->dropped;
        return kept;
}

const StateDrops *state_get_drops(const StatePage *page)
{
        return &page->drops[page->active];
}

/* There is something in the page now that came with that version. */
static void state_raise(StatePage *page, uint32_t version)
{
        page->version = MAX(page->version, MIN(version, STATE_VERSION));
}

StateDrops *state_begin_drops(StatePage *page, const StateTurn *turn)
{
        state_raise(page, 2);
        return &page->drops[turn - page->turns];
}

const Mark *state_get_mark(const StatePage *page)
{
        return &page->marks[page->active];
}

Mark *state_begin_mark(StatePage *page, const StateTurn *turn)
{
        state_raise(page, 3);
        return &page->marks[turn - page->turns];
}

void state_forget_mark(StatePage *page)
{
        page->marks[page->active].file = 0;
}

void state_set_origin(StatePage *page, uint32_t row, uint64_t origin)
{
        state_raise(page, 3);
        page->origins[row] = origin;
}

StateTurn *state_begin(StatePage *page, uint32_t row)
{
        const StateTurn *active = &page->turns[page->active];
        const StateDrops *drops = &page->drops[page->active];
        StateTurn *idle = &page->turns[!page->active];

        /* Settle the active turn. Done twice after a crash here, with the same result. */
        page->kept[active->row] = state_get_kept(page, active->row);
        page->rows[active->row] = active->after;

        page->drops[!page->active] = (StateDrops){
                .untold = drops->untold,
                .lines = drops->lines,
                .kept = page->kept[row],
        };
        page->marks[!page->active] = page->marks[page->active];
        *idle = (StateTurn){
                .next_ordinal = active->next_ordinal,
                .row = row,
                .after = page->rows[row],
                .total = active->total,
        };
        return idle;
}

void state_take_back(StatePage *page)
{
        StateTurn *active = state_get_active(page);
        const StateTurn *before = &page->turns[!page->active];

        if ((uint64_t) active->dropped == active->bytes)
                return;
        if (page->drops[page->active].keeps)
                active->bytes = (uint64_t) active->dropped;
        else if (active->dropped == 0 && before->row == active->row &&
                 state_turn_is_valid(page, before) && before->owed_bytes >= active->bytes &&
                 before->next_ordinal <= active->next_ordinal)
                state_commit(page, before);
        else
                active->dropped = (int64_t) active->bytes;
}

void state_commit(StatePage *page, const StateTurn *turn)
{
        /* Release: no store that fills the turn may come after this one. */
        atomic_store_explicit(&page->active, (uint32_t) (turn - page->turns), memory_order_release);
}

void state_clear_row(StatePage *page, uint32_t row)
{
        const StateTurn *active;
        StateTurn *turn;

        page->rows[row] = (StateRow){};
        page->kept[row] = (StateKept){};
        page->origins[row] = 0;
        if (state_get_active(page)->row != row)
                return; /* what another row owes or has to drop stays */
        active = state_get_active(page);
        turn = state_begin(page, row);
        /* What the stream before this one owed may be in the log. */
        turn->next_ordinal += active->owed_lines;
        turn->total.lines += active->owed_lines;
        turn->total.dropped += active->owed_bytes;
        turn->after = (StateRow){};
        page->drops[turn - page->turns].kept = (StateKept){};
        state_commit(page, turn);
}
