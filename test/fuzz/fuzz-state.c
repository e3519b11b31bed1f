/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The state page of a daemon before this one: refused, or safe to go on with. */

#include "fuzz.h"

#include "../temporary.h"
#include "daemon/state.h"

static Temporary temporary;

static void on_exit_remove(void)
{
        temporary_done(&temporary);
}

static int map(const uint8_t *data, size_t size, States *states, State *state, StatePage **ret)
{
        char page[4096] = {};

        if (temporary.fd == 0) {
                temporary_init(&temporary);
                assert(mkdirat(temporary.fd, "c", 0700) == 0);
                assert(atexit(on_exit_remove) == 0);
        }
        memcpy(page, data, MIN(size, sizeof(page)));
        temporary_write_bytes(&temporary, "c/state", page, sizeof(page));
        states_init(states, temporary.fd);
        return state_map(states, state, "c", ret);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        StateRow rows[STATE_ROWS];
        State state = {};
        States states;
        StatePage *page;
        StateTurn *active, *turn;
        int r;

        r = map(data, size, &states, &state, &page);
        assert(r == 0 || r == -EBADMSG || r == -EPROTO);
        if (r < 0)
                return 0;

        active = state_get_active(page);
        assert(active->row < STATE_ROWS && active->bytes <= PEEK_MAX_BYTES);
        assert(active->dropped >= 0 && (uint64_t) active->dropped <= active->bytes);
        assert(active->next_ordinal > 0);
        for (uint32_t i = 0; i < STATE_ROWS; i++) {
                rows[i] = state_get_row(page, i);
                assert(rows[i].priority <= LOG_DEBUG);
        }

        /* A turn on one row leaves all others as they were. */
        turn = state_begin(page, size % STATE_ROWS);
        assert(turn != active && turn->next_ordinal == active->next_ordinal);
        turn->after.counts.lines++;
        rows[size % STATE_ROWS].counts.lines++;
        state_commit(page, turn);
        for (uint32_t i = 0; i < STATE_ROWS; i++) {
                StateRow row = state_get_row(page, i);

                assert(memcmp(&row, &rows[i], sizeof(row)) == 0);
        }
        state_unmap(&states, &state);
        return 0;
}

bool fuzz_accepts(const uint8_t *data, size_t size)
{
        State state = {};
        States states;
        StatePage *page;
        int r;

        r = map(data, size, &states, &state, &page);
        if (r == 0)
                state_unmap(&states, &state);
        return r == 0;
}
