/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * writer: a container's program that writes known lines to stdout and stderr, cut into writes as
 * asked for. It takes no part in the logging: any error of a write is told in the report, and
 * makes it fail. Linked statically, so that it runs in any root.
 */

#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "base/parse.h"
#include "lines.h"

#define BUFFER_SIZE (2 * LINES_LENGTH_MAX)

typedef enum Cut {
        CUT_RANDOM,
        CUT_LINE,
        CUT_FIXED,
} Cut;

/* Bytes of one stream that are not yet written. */
typedef struct Pending {
        char *data;
        size_t begin, end;
        uint64_t n_lines;
} Pending;

static Lines arg_lines = { .seed = 1, .max = 400, .n_streams = LINES_STREAMS };
static Cut arg_cut = CUT_RANDOM;
static uint64_t arg_cut_size;
static uint64_t arg_rate;
static const char *arg_report;

static volatile sig_atomic_t is_told_to_end;

typedef struct Writer {
        Pending pending[LINES_STREAMS];
        uint64_t next; /* line to generate */
        uint64_t random;
        uint64_t n_writes, n_bytes;
        uint64_t begin_usec;
        uint64_t stall_usec; /* the longest write */
        int error;
} Writer;

static uint64_t now_usec(void)
{
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}

/* Writes up to size bytes of what is pending, with one write if the kernel takes it in one. */
static int writer_write(Writer *w, unsigned stream, size_t size)
{
        Pending *p = &w->pending[stream];
        size_t end = p->begin + MIN(size, p->end - p->begin);

        while (p->begin < end) {
                uint64_t begin_usec = now_usec();
                ssize_t n = write(stream == 1 ? STDERR_FILENO : STDOUT_FILENO, p->data + p->begin,
                                  end - p->begin);

                w->stall_usec = MAX(w->stall_usec, now_usec() - begin_usec);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                p->begin += (size_t) n;
                w->n_bytes += (uint64_t) n;
                w->n_writes++;
        }
        return 0;
}

static void pending_compact(Pending *p)
{
        memmove(p->data, p->data + p->begin, p->end - p->begin);
        p->end -= p->begin;
        p->begin = 0;
}

static bool pending_has_room(const Pending *p)
{
        return BUFFER_SIZE - p->end > arg_lines.max + 1;
}

/* Returns the stream of the line. */
static unsigned writer_add_line(Writer *w)
{
        unsigned stream = lines_stream(&arg_lines, w->next);
        Pending *p = &w->pending[stream];

        p->end += lines_put(&arg_lines, w->next, p->data + p->end);
        p->data[p->end++] = '\n';
        p->n_lines++;
        w->next++;
        return stream;
}

/* Sizes of all magnitudes: as many below 32 bytes as above 2 KiB. */
static size_t random_size(uint64_t *random)
{
        uint64_t word = lines_random(random);

        return 1 + (size_t) ((word >> 8) % (UINT64_C(1) << (word % 17)));
}

/* Writes in cuts, streams taking turns by chance, until each has no more than keep bytes. */
static int writer_flush(Writer *w, size_t keep)
{
        int r;

        while (w->pending[0].end - w->pending[0].begin > keep ||
               w->pending[1].end - w->pending[1].begin > keep) {
                unsigned stream = (unsigned) (lines_random(&w->random) % LINES_STREAMS);
                size_t size =
                        arg_cut == CUT_FIXED ? (size_t) arg_cut_size : random_size(&w->random);

                if (w->pending[stream].end - w->pending[stream].begin <= keep)
                        continue;
                r = writer_write(w, stream, size);
                if (r < 0)
                        return r;
        }

        for (size_t i = 0; i < LINES_STREAMS; i++)
                pending_compact(&w->pending[i]);
        return 0;
}

/* Sleeps until the next line is due. Returns how many may be written now. */
static uint64_t writer_wait(Writer *w)
{
        uint64_t due, done = w->next - 1;

        if (arg_rate == 0)
                return arg_lines.n_lines - done;
        for (;;) {
                due = 1 + (now_usec() - w->begin_usec) * arg_rate / 1000000;
                if (is_told_to_end)
                        return 0;
                if (due > done)
                        return MIN(due, arg_lines.n_lines) - done;
                (void) usleep(MAX(1000000 / (useconds_t) arg_rate / 4, 100U));
        }
}

static int writer_run(Writer *w)
{
        int r;

        while (w->next <= arg_lines.n_lines && !is_told_to_end) {
                for (uint64_t n = writer_wait(w); n > 0; n--) {
                        unsigned stream;

                        if (!pending_has_room(&w->pending[0]) || !pending_has_room(&w->pending[1]))
                                break;
                        stream = writer_add_line(w);
                        if (arg_cut == CUT_LINE) {
                                r = writer_write(w, stream, SIZE_MAX / 2);
                                if (r < 0)
                                        return r;
                        }
                }
                /* Without a rate the rest of a write waits for more lines. */
                r = writer_flush(w, arg_rate > 0 ? 0 : (size_t) arg_cut_size);
                if (r < 0)
                        return r;
        }
        return writer_flush(w, 0);
}

static void writer_on_signal(int signal)
{
        is_told_to_end = 1;
}

static int writer_report(const Writer *w)
{
        uint64_t usec = now_usec() - w->begin_usec;
        FILE *f;

        if (!arg_report)
                return 0;
        f = fopen(arg_report, "we");
        if (!f)
                return -errno;
        fprintf(f,
                "stdout=%llu stderr=%llu bytes=%llu writes=%llu stall_ms=%llu ms=%llu error=%s\n",
                (unsigned long long) w->pending[0].n_lines,
                (unsigned long long) w->pending[1].n_lines, (unsigned long long) w->n_bytes,
                (unsigned long long) w->n_writes, (unsigned long long) w->stall_usec / 1000,
                (unsigned long long) usec / 1000,
                w->error < 0 ? strerrorname_np(-w->error) : "none");
        return fclose(f) == 0 ? 0 : -errno;
}

static void help(void)
{
        puts("writer [OPTION...]\n\n"
             "Writes known lines to stdout and stderr; `ledger` tells what became of them.\n\n"
             "     --seed S        choose another sequence (default 1)\n"
             "     --lines N       how many, over both streams\n"
             "     --min N         shortest line (default 0)\n"
             "     --max N         longest line (default 400)\n"
             "     --streams N     1: stdout only (default 2)\n"
             "     --cut HOW       size of a write: random (default), line, or bytes\n"
             "     --rate N        lines in a second (default: as fast as they are taken)\n"
             "     --text          letters only\n"
             "     --report FILE   where to tell counts and the first error\n\n"
             "SIGTERM ends it before its last line; the report says how many there were.");
}

static int parse_argv(int argc, char *argv[])
{
        static const struct option options[] = { { "help", no_argument, NULL, 'h' },
                                                 { "seed", required_argument, NULL, 's' },
                                                 { "lines", required_argument, NULL, 'n' },
                                                 { "min", required_argument, NULL, 'm' },
                                                 { "max", required_argument, NULL, 'M' },
                                                 { "streams", required_argument, NULL, 'S' },
                                                 { "cut", required_argument, NULL, 'c' },
                                                 { "rate", required_argument, NULL, 'r' },
                                                 { "text", no_argument, NULL, 't' },
                                                 { "report", required_argument, NULL, 'R' },
                                                 {} };
        int c, r = 0;

        while (r >= 0 && (c = getopt_long(argc, argv, "h", options, NULL)) >= 0)
                switch (c) {
                case 'h':
                        help();
                        return 0;
                case 's':
                        r = parse_unsigned(optarg, 0, UINT64_MAX, &arg_lines.seed);
                        break;
                case 'n':
                        r = parse_unsigned(optarg, 0, UINT32_MAX, &arg_lines.n_lines);
                        break;
                case 'm':
                        r = parse_unsigned(optarg, 0, LINES_LENGTH_MAX - 1, &arg_lines.min);
                        break;
                case 'M':
                        r = parse_unsigned(optarg, 0, LINES_LENGTH_MAX - 1, &arg_lines.max);
                        break;
                case 'S':
                        r = parse_unsigned(optarg, 1, LINES_STREAMS, &arg_lines.n_streams);
                        break;
                case 'r':
                        r = parse_unsigned(optarg, 1, 1000000, &arg_rate);
                        break;
                case 'c':
                        arg_cut = strcmp(optarg, "random") == 0 ? CUT_RANDOM
                                  : strcmp(optarg, "line") == 0 ? CUT_LINE
                                                                : CUT_FIXED;
                        if (arg_cut == CUT_FIXED)
                                r = parse_unsigned(optarg, 1, BUFFER_SIZE / 4, &arg_cut_size);
                        break;
                case 't':
                        arg_lines.is_text = true;
                        break;
                case 'R':
                        arg_report = optarg;
                        break;
                default:
                        return -EINVAL;
                }

        if (r < 0 || arg_lines.max < arg_lines.min || optind < argc)
                return -EINVAL;
        return 1;
}

int main(int argc, char *argv[])
{
        Writer w = { .next = 1 };
        int r;

        r = parse_argv(argc, argv);
        if (r <= 0) {
                if (r < 0)
                        fputs("writer: bad arguments; see --help.\n", stderr);
                return r < 0 ? 2 : 0;
        }

        (void) signal(SIGPIPE, SIG_IGN);
        (void) signal(SIGTERM, writer_on_signal);
        w.random = arg_lines.seed;
        w.begin_usec = now_usec();
        for (size_t i = 0; i < LINES_STREAMS; i++) {
                w.pending[i].data = malloc(BUFFER_SIZE);
                if (!w.pending[i].data)
                        return 2;
        }

        w.error = writer_run(&w);
        r = writer_report(&w);
        for (size_t i = 0; i < LINES_STREAMS; i++)
                free(w.pending[i].data);
        return w.error < 0 || r < 0;
}
