/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The verb logs; see the header. */

#include <ctype.h>
#include <inttypes.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/parse.h"
#include "tool/logs.h"
#include "tool/lookup.h"
#include "tool/moment.h"
#include "tool/printer.h"

/* The first look for the last lines goes further back than these by so many records: some may be no
 * lines, or parts. */
#define REWIND_SLACK 8U
/* A line whose beginning may lie further back, in a format that does not say: how far to look. */
#define REWIND_UNSURE_MAX 4096U

/* How often the log of a container is looked for that has not written anything yet. */
#define FIRST_LINE_MSEC 200

typedef struct Logs {
        LogSource *source;
        Joiner joiner;
        Printer printer;
        LogWish wish;
        uint64_t since_nsec;
        uint64_t n_wanted; /* UINT64_MAX: all */
        bool is_following;
        bool shows[ENTRY_STREAMS];
        bool has_pattern;
        regex_t pattern;

        bool is_counting;
        bool is_sufficient; /* what comes before is not wanted, by its time */
        uint64_t n_counted;
        uint64_t headless;  /* the number of the last line that began before where we did */
        bool is_unsure;     /* or that may have */
        uint64_t n_skipped; /* so many are not among the last ones */
        uint64_t n_left;    /* so many may still be printed */
} Logs;

static bool logs_wants(const Logs *logs, const LogRecord *record)
{
        regmatch_t match = { .rm_so = 0, .rm_eo = (regoff_t) record->text.size };

        if (!logs->shows[record->stream] || record->nsec < logs->since_nsec ||
            record->nsec > logs->wish.until_nsec)
                return false;
        return !logs->has_pattern ||
               regexec(&logs->pattern, record->text.data ?: "", 0, &match, REG_STARTEND) == 0;
}

static int logs_on_line(const JoinedLine *line, void *userdata)
{
        Logs *logs = ASSERT_PTR(userdata);

        if (!logs_wants(logs, line->record))
                return 0;
        if (logs->is_counting) {
                logs->n_counted++;
                if (line->is_headless) {
                        logs->headless = logs->n_counted;
                        logs->is_unsure = line->record->part == 0;
                }
                return 0;
        }
        if (logs->n_skipped > 0) {
                logs->n_skipped--;
                return 0;
        }
        if (logs->n_left == 0)
                return 0;
        logs->n_left--;
        return printer_put(&logs->printer, line);
}

/* All records up to the end. */
static int logs_pass(Logs *logs)
{
        LogRecord record;
        int r;

        while ((r = logs->source->kind->next(logs->source, &record)) > 0) {
                if (record.nsec < logs->since_nsec)
                        logs->is_sufficient = true;
                r = joiner_take(&logs->joiner, &record);
                if (r < 0)
                        break;
                if (logs->n_left == 0 && !logs->is_counting)
                        return 0;
        }
        return r;
}

/* How many lines there are from n records before the end on. Returns 1 if that is all or enough. */
static int logs_count(Logs *logs, uint64_t n)
{
        int r, is_first;

        is_first = logs->source->kind->rewind(logs->source, n);
        if (is_first < 0)
                return is_first;
        joiner_reset(&logs->joiner, is_first == 0);
        logs->n_counted = logs->headless = 0;
        logs->is_sufficient = false;
        r = logs_pass(logs);
        if (r >= 0)
                r = joiner_flush(&logs->joiner);
        if (r < 0)
                return r;

        if (is_first > 0)
                return 1;
        if (logs->n_counted <= logs->n_wanted)
                return logs->is_sufficient;
        return logs->headless <= logs->n_counted - logs->n_wanted ||
               (logs->is_unsure && n > logs->n_wanted + REWIND_UNSURE_MAX);
}

/* Goes to where the last lines begin. How many records that is back nobody knows, as they may be
 * parts, or filtered: twice as many each time. */
static int logs_rewind(Logs *logs)
{
        uint64_t n = logs->n_wanted + REWIND_SLACK;
        int r;

        logs->is_counting = true;
        while ((r = logs_count(logs, n)) == 0)
                n *= 2;
        logs->is_counting = false;
        if (r < 0)
                return r;

        logs->n_skipped = logs->n_counted - MIN(logs->n_wanted, logs->n_counted);
        if (!logs->is_following)
                logs->n_left = logs->n_wanted;
        r = logs->source->kind->rewind(logs->source, n);
        if (r >= 0)
                joiner_reset(&logs->joiner, r == 0);
        return r;
}

static uint64_t now_nsec(clockid_t clock)
{
        struct timespec ts;

        (void) clock_gettime(clock, &ts);
        return (uint64_t) ts.tv_sec * MOMENT_SECOND + (uint64_t) ts.tv_nsec;
}

/* Whoever reads from us may go, too. Returns 0: somebody should look again. */
static int logs_wait(Logs *logs)
{
        uint64_t usec, now = now_nsec(CLOCK_MONOTONIC) / 1000, until = logs->wish.until_nsec;
        struct pollfd fds[] = { {}, { .fd = STDOUT_FILENO } };
        struct timespec timeout;
        int r;

        r = logs->source->kind->watch(logs->source, &fds[0], &usec);
        if (r < 0)
                return r;
        usec -= usec == UINT64_MAX ? 0 : MIN(now, usec);
        if (until < UINT64_MAX) {
                uint64_t present = now_nsec(CLOCK_REALTIME);

                usec = MIN(usec, (until - MIN(until, present)) / 1000 + 1);
        }
        timeout = (struct timespec){ (time_t) (usec / 1000000), (long) (usec % 1000000 * 1000) };
        if (ppoll(fds, ARRAY_SIZE(fds), usec < UINT64_MAX ? &timeout : NULL, NULL) < 0 &&
            errno != EINTR)
                return -errno;
        if (fds[1].revents != 0)
                return -EPIPE;
        return logs->source->kind->refresh(logs->source);
}

static bool logs_is_done(const Logs *logs)
{
        return !logs->is_following || logs->source->kind->is_ended(logs->source) ||
               now_nsec(CLOCK_REALTIME) > logs->wish.until_nsec;
}

static int logs_show(Logs *logs)
{
        struct pollfd fd;
        uint64_t usec;
        int r = 0;

        /* From here on nothing is missed. */
        if (logs->is_following)
                r = logs->source->kind->watch(logs->source, &fd, &usec);
        if (r >= 0)
                r = logs->n_wanted < UINT64_MAX
                            ? logs_rewind(logs)
                            : logs->source->kind->seek(logs->source, logs->since_nsec);
        while (r >= 0) {
                bool is_done = logs_is_done(logs);

                r = logs_pass(logs);
                if (r >= 0 && is_done)
                        break;
                if (r >= 0 && !logs_is_done(logs)) {
                        r = printer_flush(&logs->printer);
                        if (r >= 0)
                                r = logs_wait(logs);
                }
        }
        if (r >= 0)
                r = joiner_flush(&logs->joiner);
        return r;
}

static int take_moment(const char *option, const char *text, uint64_t *ret)
{
        if (!text || moment_parse(text, now_nsec(CLOCK_REALTIME), ret) >= 0)
                return 0;
        log_error("Failed to take --%s=%s: it must be %s.", option, text, MOMENT_RULE);
        return -EINVAL;
}

static int take_lines(const char *text, uint64_t *ret)
{
        if (!text || strcmp(text, "all") == 0 || parse_unsigned(text, 0, UINT32_MAX, ret) >= 0)
                return 0;
        log_error("Failed to take --lines=%s: it must be a number or \"all\".", text);
        return -EINVAL;
}

static int take_stream(const char *text, bool shows[ENTRY_STREAMS])
{
        for (EntryStream i = 0; i < ENTRY_STREAMS; i++)
                shows[i] = !text || strcmp(text, entry_stream_to_string(i)) == 0;
        if (shows[ENTRY_STDOUT] || shows[ENTRY_STDERR])
                return 0;
        log_error("Failed to take --stream=%s: it must be stdout or stderr.", text);
        return -EINVAL;
}

static int take_format(const Arguments *a, PrinterFormat *ret)
{
        static const char *const formats[] = {
                [PRINTER_CAT] = "cat",
                [PRINTER_SHORT] = "short",
                [PRINTER_JSON] = "json",
        };

        *ret = a->output == OUTPUT_TEXT ? PRINTER_CAT : PRINTER_JSON;
        if (!a->format)
                return 0;
        for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
                if (strcmp(a->format, formats[i]) == 0) {
                        *ret = (PrinterFormat) i;
                        return 0;
                }
        log_error("Failed to take --output=%s: it must be short, json or cat.", a->format);
        return -EINVAL;
}

/* As with journalctl, capitals make it matter what is a capital. */
static int take_pattern(Logs *logs, const char *text)
{
        int flags = REG_EXTENDED | REG_NOSUB, error;
        char reason[REASON_MAX_BYTES];

        if (!text)
                return 0;
        if (!text[strcspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")])
                flags |= REG_ICASE;
        error = regcomp(&logs->pattern, text, flags);
        if (error == 0) {
                logs->has_pattern = true;
                return 0;
        }
        (void) regerror(error, &logs->pattern, reason, sizeof(reason));
        log_error("Failed to take --grep=%s: %s.", text, reason);
        return -EINVAL;
}

static int logs_take_arguments(Logs *logs, const Arguments *a)
{
        int r;

        logs->is_following = a->is_following;
        logs->wish.with_attributes = logs->printer.has_details = a->has_details;
        logs->printer.has_timestamps = a->has_timestamps;
        r = take_moment("since", a->since, &logs->since_nsec);
        if (r >= 0)
                r = take_moment("until", a->until, &logs->wish.until_nsec);
        if (r >= 0)
                r = take_lines(a->lines, &logs->n_wanted);
        if (r >= 0)
                r = take_stream(a->stream, logs->shows);
        if (r >= 0)
                r = take_format(a, &logs->printer.format);
        return r < 0 ? r : take_pattern(logs, a->grep);
}

static int logs_open_and_show(Logs *logs, const Arguments *a)
{
        struct pollfd fd = { .fd = STDOUT_FILENO };
        int r;

        /* Where its first line will be nobody knows: it is looked for again. */
        while ((r = lookup_source(a, &logs->wish, &logs->source, logs->printer.tag)) == -EAGAIN)
                if (!logs->is_following || poll(&fd, 1, FIRST_LINE_MSEC) > 0)
                        return 0;
        if (r < 0)
                return r;
        printer_init(&logs->printer);
        r = logs_show(logs);
        /* Whoever read from us is gone. */
        if (r == -EPIPE)
                return 0;
        if (r < 0)
                return log_error_errno(r, "Failed to read the lines of %s: %m", a->words[0]);
        return printer_flush(&logs->printer);
}

int logs_run(const Arguments *a)
{
        Logs *logs = calloc(1, sizeof(*logs));
        int r;

        if (!logs)
                return log_error_errno(ENOMEM, "Failed to show lines: %m");
        logs->wish.until_nsec = logs->n_wanted = logs->n_left = UINT64_MAX;
        logs->joiner.on_line = logs_on_line;
        logs->joiner.userdata = logs;

        r = logs_take_arguments(logs, a);
        if (r >= 0)
                r = logs_open_and_show(logs, a);

        if (logs->has_pattern)
                regfree(&logs->pattern);
        logs->source = log_source_free(logs->source);
        joiner_done(&logs->joiner);
        printer_done(&logs->printer);
        free(logs);
        return r;
}
