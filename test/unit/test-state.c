/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The state page: what it says after a crash at any point, and what is not believed. */

#undef NDEBUG

#include <stdio.h>
#include <string.h>

#include "../temporary.h"
#include "daemon/state.h"

#define EPOCH "00112233445566778899aabbccddeeff"
#define FILE_BYTES 4096U

typedef struct Fixture {
        Temporary temporary; /* the directory of containers, with "c" in it */
        States states;
        State state;
} Fixture;

static void fixture_create(Fixture *f, const char *id)
{
        _cleanup_close_ int fd = -1;

        assert(mkdirat(f->temporary.fd, id, 0700) == 0);
        fd = openat(f->temporary.fd, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert(fd >= 0);
        assert(state_create(&f->state, fd, EPOCH) == 0);
}

static void fixture_init(Fixture *f)
{
        *f = (Fixture){};
        temporary_init(&f->temporary);
        states_init(&f->states, f->temporary.fd);
        fixture_create(f, "c");
}

static void fixture_done(Fixture *f)
{
        state_unmap(&f->states, &f->state);
        assert(f->states.n_mapped == 0);
        temporary_done(&f->temporary);
}

static StatePage *fixture_map(Fixture *f)
{
        StatePage *page;

        assert(state_map(&f->states, &f->state, "c", &page) == 0);
        return page;
}

/* As if a daemon were killed and the next one started. */
static StatePage *fixture_map_again(Fixture *f)
{
        state_unmap(&f->states, &f->state);
        return fixture_map(f);
}

/* A turn that ships some lines and drops their bytes. */
static void take_turn(StatePage *page, uint32_t row, unsigned lines, unsigned bytes)
{
        StateTurn *turn = state_begin(page, row);

        turn->next_ordinal += lines;
        turn->bytes = bytes;
        turn->after.counts.lines += lines;
        turn->after.counts.bytes += bytes;
        turn->after.partial_first = bytes % 3 ? turn->next_ordinal - 1 : 0;
        turn->after.priority = bytes % 8;
        turn->total.lines += lines;
        turn->total.bytes += bytes;
        state_commit(page, turn);
        turn->dropped = bytes;
}

static bool row_is(StateRow row, unsigned lines, unsigned bytes)
{
        return row.counts.lines == lines && row.counts.bytes == bytes;
}

static void test_create(void)
{
        struct stat st;
        StatePage *page;
        Fixture f;

        fixture_init(&f);
        assert(fstatat(f.temporary.fd, "c/state", &st, AT_SYMLINK_NOFOLLOW) == 0);
        assert(st.st_mode == (S_IFREG | 0600) && st.st_size == FILE_BYTES);
        page = fixture_map(&f);
        assert(memcmp(page->epoch, EPOCH, 32) == 0);
        assert(state_get_active(page)->next_ordinal == 1);
        assert(state_get_active(page)->bytes == 0);
        for (uint32_t row = 0; row < STATE_ROWS; row++)
                assert(row_is(state_get_row(page, row), 0, 0));
        fixture_done(&f);
        puts("ok: create");
}

static void test_turns(void)
{
        StatePage *page;
        Fixture f;

        fixture_init(&f);
        page = fixture_map(&f);
        take_turn(page, 0, 3, 30);
        take_turn(page, 1, 1, 11);
        take_turn(page, 0, 2, 22);
        page = fixture_map_again(&f);

        assert(row_is(state_get_row(page, 0), 5, 52));
        assert(row_is(state_get_row(page, 1), 1, 11));
        assert(row_is(state_get_row(page, 2), 0, 0));
        assert(state_get_active(page)->next_ordinal == 7);
        assert(state_get_active(page)->total.lines == 6);
        assert(state_get_active(page)->total.bytes == 63);

        /* A row is cleared for the next stream; the ordinals and the totals go on. */
        state_clear_row(page, 0);
        page = fixture_map_again(&f);
        assert(row_is(state_get_row(page, 0), 0, 0));
        assert(state_get_row(page, 0).partial_first == 0);
        assert(row_is(state_get_row(page, 1), 1, 11));
        assert(state_get_active(page)->next_ordinal == 7);
        assert(state_get_active(page)->total.lines == 6);
        state_clear_row(page, STATE_ROWS - 1);
        page = fixture_map_again(&f);
        assert(row_is(state_get_row(page, 1), 1, 11));
        fixture_done(&f);
        puts("ok: turns");
}

/* A stream that has shipped 5 lines of 50 bytes, which are to be dropped: first owed, then not. */
static StateTurn *ship(StatePage *page)
{
        StateTurn *turn = state_begin(page, 1);

        turn->owed_bytes = 50;
        turn->owed_limit = LINE_MAX_BYTES;
        turn->owed_lines = 5;
        state_commit(page, turn);

        turn = state_begin(page, 1);
        turn->next_ordinal += 5;
        turn->bytes = 50;
        turn->after.counts.lines += 5;
        state_commit(page, turn);
        return turn;
}

/* When the FIFO may be another one, what was shipped and not dropped is owed again. */
static void test_take_back(void)
{
        StatePage *page;
        StateTurn *turn;
        Fixture f;

        fixture_init(&f);
        page = fixture_map(&f);
        take_turn(page, 0, 3, 30);
        state_take_back(page);
        assert(state_get_active(page)->next_ordinal == 4);

        (void) ship(page);
        state_take_back(page);
        turn = state_get_active(page);
        assert(turn->next_ordinal == 4 && turn->row == 1 && turn->bytes == 0);
        assert(turn->owed_bytes == 50 && turn->owed_lines == 5);
        assert(row_is(state_get_row(page, 1), 0, 0));
        assert(row_is(state_get_row(page, 0), 3, 30));
        state_take_back(page);
        assert(state_get_active(page) == turn && turn->owed_bytes == 50);

        /* Half dropped: the owed bytes are not there any more. */
        turn = ship(page);
        turn->dropped = 20;
        state_take_back(page);
        assert(state_get_active(page) == turn && turn->next_ordinal == 9);
        assert(turn->dropped == 50 && turn->owed_bytes == 0);
        fixture_done(&f);
        puts("ok: take back");
}

/* Lines that were dropped, and bytes that were moved to a file, survive what follows. */
static void test_drops(void)
{
        StatePage *page;
        StateTurn *turn;
        StateDrops *drops;
        Fixture f;

        fixture_init(&f);
        page = fixture_map(&f);
        take_turn(page, 0, 3, 30);
        assert(page->version == STATE_VERSION_MIN);

        turn = state_begin(page, 1);
        drops = state_begin_drops(page, turn);
        drops->keeps = 1;
        turn->bytes = 1000000;
        state_commit(page, turn);
        turn->dropped = 300000;
        page = fixture_map_again(&f);
        assert(page->version == 2);
        assert(state_get_drops(page)->keeps == 1);
        assert(state_get_kept(page, 1).size == 300000 && state_get_kept(page, 0).size == 0);
        turn = state_get_active(page);
        turn->dropped = (int64_t) turn->bytes;
        assert(state_get_kept(page, 1).size == 1000000);

        turn = state_begin(page, 0);
        drops = state_begin_drops(page, turn);
        assert(drops->keeps == 0);
        drops->untold = (Loss){ .lines = 7, .bytes = 70, .reasons = LOSS_FULL };
        drops->lines = 7;
        state_commit(page, turn);
        take_turn(page, 0, 1, 10);
        take_turn(page, 1, 1, 10);
        page = fixture_map_again(&f);
        assert(state_get_kept(page, 1).size == 1000000 && state_get_kept(page, 1).used == 0);
        assert(state_get_drops(page)->untold.lines == 7 && state_get_drops(page)->lines == 7);

        state_clear_row(page, 1);
        assert(state_get_kept(page, 1).size == 0);
        assert(state_get_drops(page)->untold.bytes == 70);
        fixture_done(&f);
        puts("ok: drops");
}

/* The page says the same: to whoever reads it, the idle turn and the row under the active one are
 * not there. */
static bool page_says(const StatePage *a, const StatePage *b)
{
        StateTurn x = a->turns[a->active], y = b->turns[b->active];

        if (memcmp(&x, &y, sizeof(x)) != 0)
                return false;
        for (uint32_t row = 0; row < STATE_ROWS; row++) {
                StateRow p = state_get_row(a, row), q = state_get_row(b, row);

                if (memcmp(&p, &q, sizeof(p)) != 0)
                        return false;
        }
        return true;
}

/* A page as a crash may leave it: of the words that a turn has stored, only some. */
static void tear(StatePage *page, const StatePage *before, const StatePage *after)
{
        const uint32_t *x = (const void *) before, *y = (const void *) after;
        uint32_t *z = (void *) page;
        int share = rand() % 101;

        for (size_t i = 0; i < sizeof(*page) / sizeof(*z); i++)
                z[i] = rand() % 100 < share ? y[i] : x[i];
}

/*
 * Before the one store that makes a turn active nothing has happened, in whatever order the others
 * reached the page; after it everything has. And a daemon that finds either can go on.
 */
static void test_crash(void)
{
        StatePage before, filled, after, *page;
        Fixture f;

        fixture_init(&f);
        page = fixture_map(&f);
        for (unsigned i = 0; i < 600; i++) {
                uint32_t row = (uint32_t) rand() % 5;
                unsigned lines = 1 + (unsigned) rand() % 9, bytes = (unsigned) rand() % 1000;

                before = *page;
                take_turn(page, row, lines, bytes);
                after = *page;
                filled = after;
                filled.active = before.active;
                filled.turns[after.active].dropped = 0;

                tear(page, &before, &filled);
                page = fixture_map_again(&f);
                assert(page_says(page, &before));

                take_turn(page, row, lines, bytes);
                page = fixture_map_again(&f);
                assert(page_says(page, &after));
        }
        fixture_done(&f);
        puts("ok: crash");
}

/* Whatever the file holds, it is refused, or safe to go on with. Returns what mapping said. */
static int try_page(Fixture *f, const void *bytes, size_t size)
{
        StatePage *page;
        int r;

        temporary_write_bytes(&f->temporary, "c/state", bytes, size);
        r = state_map(&f->states, &f->state, "c", &page);
        assert(r == 0 || r == -EBADMSG || r == -EPROTO);
        if (r < 0) {
                assert(!f->state.page);
                return r;
        }

        assert(page->active <= 1);
        assert(page->version >= STATE_VERSION_MIN && page->version <= STATE_VERSION);
        assert(state_get_active(page)->row < STATE_ROWS);
        assert(state_get_active(page)->next_ordinal > 0);
        assert(state_get_active(page)->bytes <=
               (state_get_drops(page)->keeps ? BUFFER_MAX_BYTES : PEEK_MAX_BYTES));
        assert(state_get_active(page)->dropped >= 0);
        assert((uint64_t) state_get_active(page)->dropped <= state_get_active(page)->bytes);
        for (uint32_t row = 0; row < STATE_ROWS; row++) {
                StateKept kept = state_get_kept(page, row);

                assert(state_get_row(page, row).priority <= LOG_DEBUG);
                assert(kept.used <= kept.size || state_get_drops(page)->keeps);
                assert(kept.size <= BUFFER_MAX_BYTES);
        }
        take_turn(page, STATE_ROWS - 1, 1, 1);
        state_unmap(&f->states, &f->state);
        return 0;
}

static void test_hostile_bytes(void)
{
        char good[FILE_BYTES], bad[FILE_BYTES + 1] = {};
        unsigned n_taken = 0, n_flips;
        StatePage *page;
        Fixture f;

        fixture_init(&f);
        page = fixture_map(&f);
        for (uint32_t row = 0; row < STATE_ROWS; row++)
                take_turn(page, row, 1, row);
        memcpy(good, page, sizeof(good));
        state_unmap(&f.states, &f.state);
        assert(try_page(&f, good, sizeof(good)) == 0);

        for (unsigned i = 0; i < 200; i++) {
                for (size_t k = 0; k < sizeof(bad); k++)
                        bad[k] = (char) rand();
                if (i % 2)
                        memcpy(bad, good, offsetof(StatePage, turns));
                n_taken += try_page(&f, bad, FILE_BYTES) == 0;
        }
        assert(n_taken == 0);
        n_flips = 0;
        for (size_t i = 0; i < 8 * sizeof(StatePage); i += 1 + (size_t) rand() % 20) {
                memcpy(bad, good, sizeof(good));
                bad[i / 8] = (char) (bad[i / 8] ^ (1 << i % 8));
                n_taken += try_page(&f, bad, FILE_BYTES) == 0;
                n_flips++;
        }
        assert(n_taken > 0 && n_taken < n_flips);

        assert(try_page(&f, bad, 0) == -EBADMSG);
        assert(try_page(&f, good, FILE_BYTES - 1) == -EBADMSG);
        memcpy(bad, good, sizeof(good));
        assert(try_page(&f, bad, FILE_BYTES + 1) == -EBADMSG);
        fixture_done(&f);
        puts("ok: hostile bytes");
}

/* Each value that is checked, one off. */
static void test_hostile_values(void)
{
        union {
                StatePage page;
                char bytes[FILE_BYTES];
        } good, bad;
        StateTurn *turn = &bad.page.turns[1];
        StateDrops *drops = &bad.page.drops[1];
        Fixture f;

        fixture_init(&f);
        take_turn(fixture_map(&f), 0, 1, 10);
        memcpy(good.bytes, fixture_map(&f), FILE_BYTES);
        assert(good.page.active == 1);
        state_unmap(&f.states, &f.state);

#define TRY(change, expected) \
        bad = good;           \
        change;               \
        assert(try_page(&f, bad.bytes, sizeof(bad)) == (expected))

        TRY((void) 0, 0);
        TRY(bad.page.magic[7] = '\0', -EBADMSG);
        TRY(bad.page.version = 0, -EBADMSG);
        TRY(bad.page.version = STATE_VERSION + 1, -EPROTO);
        TRY(bad.page.active = 2, -EBADMSG);
        TRY(bad.page.active = UINT32_MAX, -EBADMSG);
        TRY(turn->row = STATE_ROWS - 1, 0);
        TRY(turn->row = STATE_ROWS, -EBADMSG);
        TRY(turn->bytes = PEEK_MAX_BYTES, 0);
        TRY(turn->bytes = PEEK_MAX_BYTES + 1, -EBADMSG);
        TRY(turn->dropped = -1, -EBADMSG);
        TRY(turn->dropped = 0, 0);
        TRY(turn->dropped = 11, -EBADMSG);
        TRY(turn->next_ordinal = 0, -EBADMSG);
        TRY(turn->after.priority = LOG_DEBUG, 0);
        TRY(turn->after.priority = LOG_DEBUG + 1, -EBADMSG);
        TRY(bad.page.rows[STATE_ROWS - 1].priority = LOG_DEBUG + 1, -EBADMSG);
        TRY(turn->owed_bytes = turn->owed_limit = PEEK_MAX_BYTES, 0);
        TRY((turn->owed_bytes = PEEK_MAX_BYTES + 1, turn->owed_limit = 1), -EBADMSG);
        TRY((turn->owed_bytes = 1, turn->owed_limit = 0), -EBADMSG);
        TRY((turn->owed_bytes = 1, turn->owed_limit = PEEK_MAX_BYTES + 1), -EBADMSG);
        /* What version 2 added. */
        TRY(bad.page.kept[0].size = BUFFER_MAX_BYTES, 0);
        TRY(bad.page.kept[0].size = BUFFER_MAX_BYTES + 1, -EBADMSG);
        TRY(bad.page.kept[STATE_ROWS - 1].used = 1, -EBADMSG);
        TRY(drops->kept.used = 1, -EBADMSG);
        TRY((drops->keeps = 1, turn->bytes = BUFFER_MAX_BYTES), 0);
        TRY((drops->keeps = 1, turn->bytes = BUFFER_MAX_BYTES + 1), -EBADMSG);
        /* The idle turn may be anything. */
        TRY(memset(&bad.page.turns[0], 0xff, sizeof(StateTurn)), 0);
        TRY(memset(&bad.page.drops[0], 0xff, sizeof(StateDrops)), 0);
#undef TRY
        fixture_done(&f);
        puts("ok: hostile values");
}

static void test_hostile_files(void)
{
        StatePage *page = NULL;
        Fixture f;

        fixture_init(&f);
        assert(state_map(&f.states, &f.state, "none", &page) == -ENOENT);
        assert(renameat(f.temporary.fd, "c/state", f.temporary.fd, "c/other") == 0);
        assert(state_map(&f.states, &f.state, "c", &page) == -ENOENT);
        /* A second name: somebody else's file, perhaps. */
        assert(linkat(f.temporary.fd, "c/other", f.temporary.fd, "c/state", 0) == 0);
        assert(state_map(&f.states, &f.state, "c", &page) == -EBADMSG);
        assert(unlinkat(f.temporary.fd, "c/state", 0) == 0);
        assert(symlinkat("other", f.temporary.fd, "c/state") == 0);
        assert(state_map(&f.states, &f.state, "c", &page) == -ELOOP);
        assert(unlinkat(f.temporary.fd, "c/state", 0) == 0);
        assert(mkfifoat(f.temporary.fd, "c/state", 0600) == 0);
        assert(state_map(&f.states, &f.state, "c", &page) == -EBADMSG);
        assert(unlinkat(f.temporary.fd, "c/state", 0) == 0);
        assert(mkdirat(f.temporary.fd, "c/state", 0700) == 0);
        assert(state_map(&f.states, &f.state, "c", &page) == -EBADMSG);
        assert(!page && f.states.n_mapped == 0);
        fixture_done(&f);
        puts("ok: hostile files");
}

/* Mappings of this process that are state pages. */
static unsigned count_mapped(void)
{
        FILE *maps = fopen("/proc/self/maps", "re");
        char line[1024];
        unsigned n = 0;

        assert(maps);
        while (fgets(line, sizeof(line), maps))
                n += strstr(line, "/conlog-") && strstr(line, "/state\n");
        (void) fclose(maps);
        return n;
}

/* More containers than pages that stay mapped: what was used last stays, and nothing is lost. */
static void test_many(void)
{
        enum { N = STATES_MAPPED_MAX + 44 };
        static State states[N];
        StatePage *page;
        char id[16];
        Fixture f;

        fixture_init(&f);
        for (unsigned i = 0; i < N; i++) {
                (void) snprintf(id, sizeof(id), "c%u", i);
                fixture_create(&f, id);
        }
        for (unsigned round = 0; round < 3; round++)
                for (unsigned i = 0; i < N; i++) {
                        (void) snprintf(id, sizeof(id), "c%u", i);
                        assert(state_map(&f.states, &states[i], id, &page) == 0);
                        assert(row_is(state_get_row(page, 0), round, round * (1 + i)));
                        take_turn(page, 0, 1, 1 + i);

                        /* The first one speaks again and again. */
                        assert(states[0].page);
                        assert(state_map(&f.states, &states[0], "c0", &page) == 0);
                        assert(f.states.n_mapped == MIN(round * N + i + 1, STATES_MAPPED_MAX));
                }
        assert(count_mapped() == STATES_MAPPED_MAX);
        for (unsigned i = 0; i < N; i++)
                state_unmap(&f.states, &states[i]);
        assert(f.states.n_mapped == 0 && count_mapped() == 0);
        fixture_done(&f);
        puts("ok: many");
}

/* Where a driver's file stands is a part of the turn, and makes the page one of version 3. */
static void test_marks(void)
{
        const StateTurn *before;
        StatePage *page;
        StateTurn *turn;
        Fixture f;

        fixture_init(&f);
        page = fixture_map(&f);
        turn = state_begin(page, 0);
        *state_begin_mark(page, turn) = (Mark){ .file = 7, .size = 100 };
        assert(state_get_mark(page)->file == 0);
        state_commit(page, turn);
        page = fixture_map_again(&f);
        assert(page->version == STATE_VERSION && state_get_mark(page)->size == 100);

        /* The next turn has it, too, until the driver says another one. */
        turn = state_begin(page, 1);
        turn->bytes = 10;
        state_commit(page, turn);
        assert(state_get_mark(page)->file == 7 && state_get_mark(page)->size == 100);

        /* The one that a turn is taken back to is its own. */
        before = state_begin(page, 1);
        page->turns[before - page->turns].owed_bytes = 10;
        page->turns[before - page->turns].owed_limit = 100;
        state_commit(page, before);
        turn = state_begin(page, 1);
        turn->bytes = 10;
        *state_begin_mark(page, turn) = (Mark){ .file = 7, .size = 110 };
        state_commit(page, turn);
        assert(state_get_mark(page)->size == 110);
        state_take_back(page);
        assert(state_get_mark(page)->size == 100);

        state_set_origin(page, 3, 5);
        state_clear_row(page, 3);
        assert(page->origins[3] == 0);
        fixture_done(&f);
        puts("ok: marks");
}

int main(void)
{
        (void) umask(0);
        test_create();
        test_turns();
        test_take_back();
        test_drops();
        test_crash();
        test_hostile_bytes();
        test_hostile_values();
        test_hostile_files();
        test_many();
        test_marks();
        return 0;
}
