/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Records in any order: of each stream and exec all bytes come out, once and in their order. */

#include "fuzz.h"

#include <string.h>

#include "tool/joiner.h"

#define EXECS 3U
#define ROOM (1U << 20)

typedef struct Account {
        char in[ENTRY_STREAMS][EXECS][ROOM];
        size_t n_in[ENTRY_STREAMS][EXECS];
        size_t n_out[ENTRY_STREAMS][EXECS];
        size_t n_lines;
} Account;

static Account account;
static Joiner joiner;

static int on_line(const JoinedLine *line, void *userdata)
{
        const LogRecord *r = line->record;
        size_t exec = r->exec.size > 0 ? (size_t) (*r->exec.data - '0') : 0, *n;

        assert(userdata == &account);
        n = &account.n_out[r->stream][exec];
        assert(*n + r->text.size <= account.n_in[r->stream][exec]);
        assert(r->text.size == 0 ||
               memcmp(account.in[r->stream][exec] + *n, r->text.data, r->text.size) == 0);
        *n += r->text.size;
        account.n_lines++;
        return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const Span execs[EXECS] = { {}, SPAN_LITERAL("1"), SPAN_LITERAL("2") };
        uint64_t highest = 0;
        size_t n_taken = 0;

        if (size > ROOM)
                return 0;
        memset(account.n_in, 0, sizeof(account.n_in));
        memset(account.n_out, 0, sizeof(account.n_out));
        account.n_lines = 0;
        joiner.on_line = on_line;
        joiner.userdata = &account;
        joiner_reset(&joiner, size % 2 == 1);

        /* Four bytes, and as much text as the last one says. */
        while (size >= 4) {
                size_t exec = data[0] / 4 % EXECS, n = data[3] < size - 4 ? data[3] : size - 4;
                LogRecord record = {
                        .stream = data[0] % 2 ? ENTRY_STDERR : ENTRY_STDOUT,
                        .goes_on = data[0] / 2 % 2,
                        .text = { (const char *) data + 4, n },
                        .exec = execs[exec],
                        .line = data[1] / 8,
                        .part = data[1] % 8,
                        .epoch = SPAN_LITERAL("0123456789abcdef0123456789abcdef"),
                        .ordinal = data[2],
                };

                if (record.ordinal == 0 || record.ordinal > highest) {
                        size_t *in = &account.n_in[record.stream][exec];

                        memcpy(account.in[record.stream][exec] + *in, record.text.data, n);
                        *in += n;
                        n_taken++;
                        highest = record.ordinal > 0 ? record.ordinal : highest;
                }
                assert(joiner_take(&joiner, &record) == 0);
                data += 4 + n;
                size -= 4 + n;
        }
        assert(joiner_flush(&joiner) == 0);
        assert(memcmp(account.n_in, account.n_out, sizeof(account.n_in)) == 0);
        assert(account.n_lines <= n_taken);
        return 0;
}
