/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Records become lines; see the header. */

#include "tool/joiner.h"

void joiner_reset(Joiner *joiner, bool is_from_middle)
{
        for (size_t i = 0; i < ARRAY_SIZE(joiner->open); i++) {
                joiner->open[i].is_used = false;
                buffer_clear(&joiner->open[i].text);
        }
        joiner->n_open = 0;
        for (size_t i = 0; i < ARRAY_SIZE(joiner->lives); i++)
                joiner->lives[i] = (JoinerLife){};
        memset(joiner->has_seen, 0, sizeof(joiner->has_seen));
        joiner->is_from_middle = is_from_middle;
}

void joiner_done(Joiner *joiner)
{
        for (size_t i = 0; i < ARRAY_SIZE(joiner->open); i++)
                buffer_done(&joiner->open[i].text);
}

static JoinerLife *joiner_get_life(Joiner *joiner, Span epoch)
{
        for (size_t i = 0; i < JOINER_LIVES; i++) {
                size_t at = (joiner->life + i) % JOINER_LIVES;

                if (span_equal_string(epoch, joiner->lives[at].epoch)) {
                        joiner->life = at;
                        return joiner->lives + at;
                }
        }
        /* The oldest one goes. */
        joiner->life = (joiner->life + JOINER_LIVES - 1) % JOINER_LIVES;
        joiner->lives[joiner->life] = (JoinerLife){};
        memcpy(joiner->lives[joiner->life].epoch, epoch.data,
               MIN(epoch.size, sizeof(joiner->lives->epoch) - 1));
        return joiner->lives + joiner->life;
}

static bool joiner_has_had(Joiner *joiner, const LogRecord *record)
{
        JoinerLife *life;

        if (record->epoch.size == 0 || record->ordinal == 0)
                return false;
        life = joiner_get_life(joiner, record->epoch);
        if (record->ordinal <= life->highest)
                return true;
        life->highest = record->ordinal;
        return false;
}

/* Says what has come of an open line. attributes: those of the last part, which are still there. */
static int joiner_emit(Joiner *joiner, OpenLine *open, const LogRecord *last, bool goes_on)
{
        JoinedLine line = {
                .record = &open->record,
                .is_headless = open->is_headless,
                .is_piece = open->is_piece,
                .goes_on = goes_on,
        };
        int r;

        open->record.text = buffer_span(&open->text);
        open->record.attributes = last ? last->attributes : NULL;
        open->record.n_attributes = last ? last->n_attributes : 0;
        r = joiner->on_line(&line, joiner->userdata);
        buffer_clear(&open->text);
        open->is_piece = true;
        open->is_used = goes_on;
        joiner->n_open -= !goes_on;
        return r;
}

static OpenLine *joiner_find(Joiner *joiner, const LogRecord *record)
{
        for (size_t i = 0; i < ARRAY_SIZE(joiner->open) && joiner->n_open > 0; i++) {
                OpenLine *open = joiner->open + i;

                if (open->is_used && open->record.stream == record->stream &&
                    span_equal(open->record.exec, record->exec))
                        return open;
        }
        return NULL;
}

static Span keep(char **p, Span s, size_t max)
{
        Span kept = { .data = *p, .size = MIN(s.size, max) };

        if (kept.size > 0)
                memcpy(*p, s.data, kept.size);
        *p += kept.size;
        return kept;
}

/* A free place for a line that begins, or that of the one which has waited longest. */
static int joiner_begin(Joiner *joiner, const LogRecord *record, OpenLine **ret)
{
        OpenLine *open = joiner->open;
        char *p;
        int r;

        for (size_t i = 1; i < ARRAY_SIZE(joiner->open) && open->is_used; i++)
                if (!joiner->open[i].is_used || joiner->open[i].age < open->age)
                        open = joiner->open + i;
        if (open->is_used) {
                r = joiner_emit(joiner, open, NULL, false);
                if (r < 0)
                        return r;
        }

        p = open->facts;
        open->record = *record;
        open->record.epoch = keep(&p, record->epoch, 64);
        open->record.exec = keep(&p, record->exec, ID_MAX_BYTES);
        open->record.host = keep(&p, record->host, 256);
        open->record.tag = keep(&p, record->tag, TAG_MAX_BYTES);
        open->age = joiner->age++;
        open->next_part = record->part;
        open->is_used = true;
        joiner->n_open++;
        open->is_headless = record->part > 1;
        open->is_piece = false;
        *ret = open;
        return 0;
}

/* A record in one piece needs no memory. */
static int joiner_pass(Joiner *joiner, const LogRecord *record, bool is_headless)
{
        JoinedLine line = { .record = record, .is_headless = is_headless || record->part > 1 };

        return joiner->on_line(&line, joiner->userdata);
}

int joiner_take(Joiner *joiner, const LogRecord *record)
{
        bool is_first = joiner->is_from_middle && !joiner->has_seen[record->stream];
        OpenLine *open;
        int r;

        if (joiner_has_had(joiner, record))
                return 0;

        joiner->has_seen[record->stream] = true;
        open = joiner_find(joiner, record);
        /* What was left of a line was dropped, or journald lost it: another one begins. */
        if (open && (record->line != open->record.line || record->part != open->next_part)) {
                r = joiner_emit(joiner, open, NULL, false);
                if (r < 0)
                        return r;
                open = NULL;
        }
        is_first = is_first && record->part == 0;
        if (!open && !record->goes_on)
                return joiner_pass(joiner, record, is_first);
        if (!open) {
                r = joiner_begin(joiner, record, &open);
                if (r < 0)
                        return r;
                open->is_headless = open->is_headless || is_first;
        }

        r = buffer_append_span(&open->text, record->text);
        if (r < 0)
                return r;
        if (record->part > 0)
                open->next_part = record->part + 1;
        if (!record->goes_on || open->text.size > OPEN_LINE_MAX_BYTES)
                return joiner_emit(joiner, open, record, record->goes_on);
        return 0;
}

int joiner_flush(Joiner *joiner)
{
        for (;;) {
                OpenLine *oldest = NULL;
                int r;

                for (size_t i = 0; i < ARRAY_SIZE(joiner->open); i++) {
                        OpenLine *open = joiner->open + i;

                        if (open->is_used && (!oldest || open->age < oldest->age))
                                oldest = open;
                }
                if (!oldest)
                        return 0;
                r = joiner_emit(joiner, oldest, NULL, false);
                if (r < 0)
                        return r;
        }
}
