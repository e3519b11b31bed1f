/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * sendloop: the measure that conlogd is held against. It sends lines to journald with the fields
 * that the journald driver sends, 64 in a system call, and does nothing else: no FIFO is read, no
 * line is cut, nothing survives it. The lines are those of `writer`, so `ledger` can count them.
 */

#include <getopt.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "base/parse.h"
#include "lines.h"

#define BATCH_MAX 64U
#define FIELDS_MAX_BYTES 256U

/* As the daemon's: see JOURNAL_SEND_BUFFER_BYTES and JOURNAL_RETRY_USEC in base/limits.h. */
#define SEND_BUFFER_BYTES (64 * 1024)
#define RETRY_USEC 2000U

static Lines arg_lines = { .seed = 1, .min = 100, .max = 100, .n_streams = 2, .is_text = true };
static const char *arg_id = "sendloop";

/* Some lines on their way: what the daemon's driver puts into an entry, in the same order. */
typedef struct Batch {
        struct mmsghdr messages[BATCH_MAX];
        struct iovec iov[BATCH_MAX][4];
        char fields[BATCH_MAX][FIELDS_MAX_BYTES];
        char *text[BATCH_MAX];
} Batch;

static uint64_t clock_usec(void)
{
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}

static int connect_journal(void)
{
        static const struct sockaddr_un address = {
                .sun_family = AF_UNIX,
                .sun_path = "/run/systemd/journal/socket",
        };
        static const int size = SEND_BUFFER_BYTES;
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) < 0 ||
            connect(fd, (const struct sockaddr *) &address, sizeof(address)) < 0)
                return -errno;
        return TAKE_FD(fd);
}

static void batch_put(Batch *b, size_t i, Span constant, uint64_t n)
{
        bool is_stderr = lines_stream(&arg_lines, n) == 1;
        int size = snprintf(
                b->fields[i], sizeof(b->fields[i]),
                "PRIORITY=%i\nCONTAINER_STREAM=%s\nCONTAINER_LOG_ORDINAL=%llu\nMESSAGE=",
                is_stderr ? 3 : 6, is_stderr ? "stderr" : "stdout", (unsigned long long) n);

        b->iov[i][0] = (struct iovec){ (char *) constant.data, constant.size };
        b->iov[i][1] = (struct iovec){ b->fields[i], (size_t) size };
        b->iov[i][2] = (struct iovec){ b->text[i], lines_put(&arg_lines, n, b->text[i]) };
        b->iov[i][3] = (struct iovec){ (char *) "\n", 1 };
        b->messages[i] = (struct mmsghdr){
                .msg_hdr.msg_iov = b->iov[i],
                .msg_hdr.msg_iovlen = ARRAY_SIZE(b->iov[i]),
        };
}

static int batch_send(Batch *b, int fd, unsigned n)
{
        unsigned done = 0;

        while (done < n) {
                int k = sendmmsg(fd, b->messages + done, n - done, MSG_NOSIGNAL);

                if (k >= 0) {
                        done += (unsigned) k;
                        continue;
                }
                if (errno != EAGAIN)
                        return -errno;
                (void) usleep(RETRY_USEC);
        }
        return 0;
}

static int run(Batch *b, int fd)
{
        char constant[1024];
        int r, size;

        size = snprintf(constant, sizeof(constant),
                        "CONTAINER_ID=%.12s\nCONTAINER_ID_FULL=%s\n"
                        "CONTAINER_LOG_EPOCH=0123456789abcdef0123456789abcdef\n"
                        "CONTAINER_NAME=%s\nIMAGE_NAME=bench\nCONTAINER_TAG=%.12s\n"
                        "SYSLOG_IDENTIFIER=%.12s\nOBJECT_SYSTEMD_UNIT=bench.service\n",
                        arg_id, arg_id, arg_id, arg_id, arg_id);

        for (uint64_t n = 1; n <= arg_lines.n_lines;) {
                unsigned k = 0;

                for (; k < BATCH_MAX && n <= arg_lines.n_lines; k++, n++)
                        batch_put(b, k, (Span){ constant, (size_t) size }, n);
                r = batch_send(b, fd, k);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int parse_argv(int argc, char *argv[])
{
        static const struct option options[] = {
                { "seed", required_argument, NULL, 's' },
                { "lines", required_argument, NULL, 'n' },
                { "size", required_argument, NULL, 'm' },
                { "id", required_argument, NULL, 'i' },
                {},
        };
        int c, r = 0;

        while (r >= 0 && (c = getopt_long(argc, argv, "", options, NULL)) >= 0)
                switch (c) {
                case 's':
                        r = parse_unsigned(optarg, 0, UINT64_MAX, &arg_lines.seed);
                        break;
                case 'n':
                        r = parse_unsigned(optarg, 1, UINT32_MAX, &arg_lines.n_lines);
                        break;
                case 'm':
                        r = parse_unsigned(optarg, 0, 4096, &arg_lines.max);
                        arg_lines.min = arg_lines.max;
                        break;
                case 'i':
                        arg_id = optarg;
                        break;
                default:
                        return -EINVAL;
                }
        return r < 0 || arg_lines.n_lines == 0 || strlen(arg_id) > 128 ? -EINVAL : 0;
}

int main(int argc, char *argv[])
{
        _cleanup_free_ char *text = NULL;
        static Batch batch;
        struct rusage usage;
        uint64_t begin_usec;
        int fd, r;

        if (parse_argv(argc, argv) < 0) {
                fputs("sendloop --lines N [--size BYTES] [--seed S] [--id ID]\n", stderr);
                return 2;
        }

        text = malloc(BATCH_MAX * (arg_lines.max + 1));
        fd = connect_journal();
        if (fd < 0 || !text) {
                fprintf(stderr, "sendloop: cannot reach journald: %s\n", strerror(-fd));
                return 1;
        }
        for (size_t i = 0; i < BATCH_MAX; i++)
                batch.text[i] = text + i * (arg_lines.max + 1);

        begin_usec = clock_usec();
        r = run(&batch, fd);
        (void) close(fd);
        if (r < 0) {
                fprintf(stderr, "sendloop: cannot send: %s\n", strerror(-r));
                return 1;
        }
        (void) getrusage(RUSAGE_SELF, &usage);
        printf("ms=%llu cpu_us=%llu\n", (unsigned long long) (clock_usec() - begin_usec) / 1000,
               (unsigned long long) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
                       (unsigned long long) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec));
        return 0;
}
