/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * filecheck: reads a container's log files, the rotated and compressed ones included, and says what
 * became of what `writer` wrote. Succeeds only if every line is there, once unless repeats are
 * allowed, equal and in the order of its stream, each file holds whole records and nothing else,
 * and none is above its size. With --drops lines may be missing, if the log says how many.
 *
 *     filecheck --seed S --lines N --size MAX [--allow-repeats] [--drops] DIR DRIVER
 */

#undef NDEBUG
#include <assert.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <zlib.h>

#include "base/parse.h"
#include "lines.h"
#include "record/cri-line.h"
#include "record/json-line.h"
#include "record/local-frame.h"

#define FILES_MAX 1000U
#define FILE_MAX_BYTES (64U * 1024 * 1024)

static Lines arg_lines = { .seed = 1, .max = 400, .n_streams = LINES_STREAMS };
static uint64_t arg_size = UINT64_MAX;
static bool arg_allow_repeats, arg_drops;

typedef struct Account {
        uint64_t files, compressed, records, found, repeats, wrong, torn, oversize, dropped;
        uint64_t next[LINES_STREAMS]; /* the line that should come next */
} Account;

static char content[FILE_MAX_BYTES], buffer[STORED_BUFFER_BYTES(FILE_MAX_BYTES)],
        text[LINES_LENGTH_MAX];

/* The first line of the stream from n on. */
static uint64_t next_line(unsigned stream, uint64_t n)
{
        while (n <= arg_lines.n_lines && lines_stream(&arg_lines, n) != stream)
                n++;
        return n;
}

static bool is_line(const Stored *s, uint64_t n)
{
        return span_equal(lines_expect(&arg_lines, n, false, text).text, s->text);
}

/* Whether it is of the daemon: "conlogd: Dropped 17 lines, …" */
static bool account_take_note(Account *a, Span s)
{
        static const Span begin = SPAN_LITERAL("conlogd: Dropped ");
        char number[32] = "";

        if (!span_starts_with(s, begin))
                return false;
        s = span_skip(s, begin.size);
        memcpy(number, s.data, MIN(s.size, sizeof(number) - 1));
        a->dropped += strtoull(number, NULL, 10);
        return true;
}

static void account_add(Account *a, const Stored *s)
{
        uint64_t *next = &a->next[s->stream], n = lines_number(s->text);

        a->records++;
        if (account_take_note(a, s->text))
                return;
        if (*next <= arg_lines.n_lines && is_line(s, *next) && !s->goes_on) {
                a->found++;
                *next = next_line(s->stream, *next + 1);
        } else if (n > 0 && n < *next && is_line(s, n))
                a->repeats++;
        else if (n > *next && n <= arg_lines.n_lines && is_line(s, n)) {
                a->found++; /* those in between are lost */
                *next = next_line(s->stream, n + 1);
        } else
                a->wrong++;
}

static void account_add_file(Account *a, const StoredFormat *format, Span input)
{
        Span record;
        Stored stored;

        a->oversize += input.size > arg_size;
        while (input.size > 0) {
                if (format->next(input, true, &record) == 0) {
                        a->torn++;
                        return;
                }
                a->torn += record.data != input.data;
                if (format->decode(record, buffer, &stored) < 0)
                        a->wrong++;
                else
                        account_add(a, &stored);
                input = span_skip(input, (size_t) (record.data - input.data) + record.size);
        }
}

/* Whether the file is there. */
static bool account_read(Account *a, const StoredFormat *format, const char *path)
{
        gzFile file = gzopen(path, "r");
        int n;

        if (!file)
                return false;
        n = gzread(file, content, sizeof(content));
        if (n < 0 || n == sizeof(content))
                a->wrong++;
        else
                account_add_file(a, format, (Span){ content, (size_t) n });
        a->compressed += !gzdirect(file) && n > 0;
        a->files++;
        (void) gzclose(file);
        return true;
}

static int parse_argv(int argc, char *argv[])
{
        static const struct option options[] = {
                { "seed", required_argument, NULL, 's' },
                { "lines", required_argument, NULL, 'n' },
                { "size", required_argument, NULL, 'z' },
                { "allow-repeats", no_argument, NULL, 'r' },
                { "drops", no_argument, NULL, 'd' },
                {},
        };
        int c, r = 0;

        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0 && r >= 0)
                if (c == 's')
                        r = parse_unsigned(optarg, 0, UINT64_MAX, &arg_lines.seed);
                else if (c == 'n')
                        r = parse_unsigned(optarg, 1, UINT32_MAX, &arg_lines.n_lines);
                else if (c == 'z')
                        r = parse_size(optarg, 1, UINT64_MAX, &arg_size);
                else if (c == 'r')
                        arg_allow_repeats = true;
                else if (c == 'd')
                        arg_drops = true;
                else
                        r = -EINVAL;
        return r < 0 || optind + 2 != argc || arg_lines.n_lines == 0 ? -EINVAL : 0;
}

int main(int argc, char *argv[])
{
        static const struct {
                const char *driver;
                const StoredFormat *format;
        } formats[] = {
                { "json-file", &json_line_format },
                { "k8s-file", &cri_line_format },
                { "local", &local_frame_format },
        };
        const StoredFormat *format = NULL;
        Account a = {};
        uint64_t lost;
        char path[512];
        bool is_good;

        if (parse_argv(argc, argv) < 0) {
                fprintf(stderr, "usage: see the top of filecheck.c\n");
                return 2;
        }
        for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
                if (strcmp(argv[optind + 1], formats[i].driver) == 0)
                        format = formats[i].format;
        assert(format);
        for (unsigned i = 0; i < LINES_STREAMS; i++)
                a.next[i] = next_line(i, 1);

        for (unsigned i = FILES_MAX; i > 0; i--) {
                (void) snprintf(path, sizeof(path), "%s/%s.log.%u.gz", argv[optind],
                                argv[optind + 1], i);
                if (account_read(&a, format, path))
                        continue; /* what is there in both forms counts once */
                path[strlen(path) - strlen(".gz")] = '\0';
                (void) account_read(&a, format, path);
        }
        (void) snprintf(path, sizeof(path), "%s/%s.log", argv[optind], argv[optind + 1]);
        (void) account_read(&a, format, path);
        lost = arg_lines.n_lines - a.found;

        is_good = lost == (arg_drops ? a.dropped : 0) && a.wrong + a.torn + a.oversize == 0 &&
                  (arg_allow_repeats || a.repeats == 0);
        printf("%s: files=%" PRIu64 " compressed=%" PRIu64 " records=%" PRIu64 " lost=%" PRIu64
               " repeats=%" PRIu64 " torn=%" PRIu64 " wrong=%" PRIu64 " oversize=%" PRIu64
               " dropped=%" PRIu64 "\n",
               argv[optind + 1], a.files, a.compressed, a.records, lost, a.repeats, a.torn, a.wrong,
               a.oversize, a.dropped);
        return is_good ? 0 : 1;
}
