/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the drivers that write files have in common; see the header. */

#include "driver/file-sink.h"
#include "base/log.h"
#include "driver/file-resume.h"

uint64_t file_sink_get_now(const FileSink *s, clockid_t clock)
{
        uint64_t now = 0;

        (void) sd_event_now(s->files->event, clock, &now);
        return now;
}

static void file_sink_close(FileSink *s)
{
        logfile_close(&s->file);
        if (s->is_listed) {
                TAILQ_REMOVE(&s->files->open, s, open);
                s->files->n_open--;
                s->is_listed = false;
        }
}

/* The file was used: it is closed last. */
static void file_sink_touch(FileSink *s)
{
        FileSinks *files = s->files;

        if (s->file.fd < 0) {
                file_sink_close(s);
                return;
        }
        if (TAILQ_FIRST(&files->open) == s)
                return;
        if (s->is_listed)
                TAILQ_REMOVE(&files->open, s, open);
        else
                files->n_open++;
        TAILQ_INSERT_HEAD(&files->open, s, open);
        s->is_listed = true;
        if (files->n_open > LOG_FILES_OPEN_MAX)
                file_sink_close(TAILQ_LAST(&files->open, FileSinkList));
}

/* The directory with the file "info", where path= is given, too. */
static int file_sink_open_info(const FileSink *s, bool make)
{
        LogFile place = { .root = s->files->path, .dir = s->info.id, .fd = -1 };

        return logfile_open_dir(&place, make);
}

/* Without it the log is still whole, so that nothing waits for it. */
static void file_sink_write_info(FileSink *s, uint64_t now)
{
        _cleanup_close_ int dir_fd = -1;
        int r;

        dir_fd = r = file_sink_open_info(s, true);
        if (r >= 0)
                r = loginfo_begin(dir_fd, &s->info, file_sink_get_now(s, CLOCK_REALTIME));
        s->info_due_usec = now + (r < 0 ? LOG_RETRY_USEC : LOG_INFO_USEC);
}

static int file_sink_rotate_now(FileSink *s)
{
        int r;

        r = logfile_rotate(&s->file);
        file_sink_touch(s);
        if (r < 0)
                return r;
        s->wants_rotation = false;
        s->wants_compression = s->compresses;
        return 0;
}

/* The file is open, and ends with a whole record. */
static int file_sink_prepare(FileSink *s)
{
        uint64_t now = file_sink_get_now(s, CLOCK_MONOTONIC);
        int r;

        r = logfile_prepare(&s->file, now);
        file_sink_touch(s);
        if (r < 0)
                return r;
        if (r > 0) {
                s->is_unseen = true;
                s->is_skipping = false;
                s->n_skipped = 0;
                s->info_due_usec = 0;
        }
        if (s->is_unseen) {
                r = file_resume_begin(s);
                if (r > 0)
                        r = file_sink_rotate_now(s);
                if (r < 0)
                        return r;
                s->is_unseen = false;
        }
        if (now >= s->info_due_usec)
                file_sink_write_info(s, now);
        return 0;
}

static void file_sinks_retry_later(FileSinks *files)
{
        (void) sd_event_source_set_time_relative(files->retry, LOG_RETRY_USEC);
        (void) sd_event_source_set_enabled(files->retry, SD_EVENT_ONESHOT);
}

/* Nothing can be written now. Who waits is told each second that it may try again. */
static void file_sink_fail(FileSink *s, int error)
{
        FileSinks *files = s->files;

        s->is_waiting = true;
        TAILQ_INSERT_TAIL(&files->waiting, s, waiting);
        if (files->n_waiting++ == 0)
                file_sinks_retry_later(files);
        if (s->is_troubled)
                return;
        s->is_troubled = true;
        /* A full disk concerns all of them: one message does. */
        if (files->n_troubled++ == 0 || files->trouble != error)
                (void) log_error_errno(error, "Failed to write %s/%s%s%s, trying again: %m",
                                       s->file.root, s->file.dir ?: "", s->file.dir ? "/" : "",
                                       s->file.name);
        files->trouble = error;
}

static void file_sink_recover(FileSink *s)
{
        if (!s->is_troubled)
                return;
        s->is_troubled = false;
        if (--s->files->n_troubled == 0)
                log_notice("All log files can be written again.");
}

/* Takes the records at the front of the first entry away that are in the file. */
static char *file_sink_drop_skipped(const FileSink *s, char *p, char *end)
{
        Span rest = { p, (size_t) (end - p) }, record;

        for (uint32_t i = 0; i < s->n_skipped; i++)
                if (s->format->stored->next(rest, true, &record) > 0)
                        rest = span_skip(rest, record.size);
        memmove(p, rest.data, rest.size);
        return p + rest.size;
}

/* Encodes as many entries as fit the buffer and the file; ends says where each one's end is. */
static size_t file_sink_encode(FileSink *s, const Entry *entries, size_t n, uint32_t *ends)
{
        Buffer *b = &s->files->records;
        uint64_t room = s->max_size > s->file.size ? s->max_size - s->file.size : 0;
        size_t i;

        buffer_clear(b);
        for (i = 0; i < n; i++) {
                size_t bound = s->format->bound(s, &entries[i]);
                char *p, *end;

                if (i == 0 && buffer_reserve(b, MAX(bound, (size_t) RECORDS_BYTES)) < 0)
                        break;
                if (bound > b->allocated - b->size)
                        break;
                p = b->data + b->size;
                end = p + s->format->encode(s, p, &entries[i]);
                if (i == 0)
                        end = file_sink_drop_skipped(s, p, end);
                /* A record alone may be larger than the file. */
                if ((uint64_t) (end - b->data) > room && (i > 0 || s->file.size > 0))
                        break;
                b->size = (size_t) (end - b->data);
                ends[i] = (uint32_t) b->size;
        }
        return i;
}

/* Writes as many entries as it can. Returns why not all that could be; *ret_taken are. */
static int file_sink_append(FileSink *s, const Entry *entries, size_t n, size_t *ret_taken)
{
        uint32_t ends[TURN_MAX_ENTRIES];
        size_t count, written, i = 0;
        int r;

        if (s->wants_rotation && s->file.size > 0) {
                r = file_sink_rotate_now(s);
                if (r < 0)
                        return r;
        }
        n = MIN(n, (size_t) TURN_MAX_ENTRIES);
        count = file_sink_encode(s, entries, n, ends);
        if (count == 0 && s->file.size > 0) {
                r = file_sink_rotate_now(s);
                if (r < 0)
                        return r;
                count = file_sink_encode(s, entries, n, ends);
        }
        if (count == 0)
                return -ENOMEM;

        r = logfile_append(&s->file, buffer_span(&s->files->records), &written);
        while (i < count && ends[i] <= written)
                i++;
        logfile_accept(&s->file, i > 0 ? ends[i - 1] : 0, written);
        if (i > 0)
                s->n_skipped = 0;
        *ret_taken = i;
        return r;
}

size_t file_sink_write(Sink *sink, const Entry *entries, size_t n)
{
        FileSink *s = container_of(sink, FileSink, sink);
        _cleanup_close_ int dir_fd = -1;
        size_t taken = 0;
        int r;

        if (entries[0].kind == ENTRY_END) {
                dir_fd = file_sink_open_info(s, false);
                if (dir_fd >= 0)
                        (void) loginfo_end(dir_fd, &s->info, file_sink_get_now(s, CLOCK_REALTIME));
                return 1;
        }
        if (s->is_waiting)
                return 0;

        r = file_sink_prepare(s);
        if (r >= 0 && s->is_skipping)
                r = file_resume_skip(s, entries, n, &taken);
        /* What is skipped is taken alone: so the mark is always in the file of the last write. */
        if (r >= 0 && taken == 0)
                r = file_sink_append(s, entries, n, &taken);
        if (r < 0)
                file_sink_fail(s, r);
        else
                file_sink_recover(s);
        /* Not before something was taken: then the mark is in the new file before the loop, and
         * with it the compressor, goes on. */
        if (taken > 0 && s->wants_compression) {
                s->wants_compression = false;
                (void) compressor_add(s->files->compressor, &s->file);
        }
        return taken;
}

bool file_sink_is_busy(Sink *sink)
{
        return container_of(sink, FileSink, sink)->is_waiting;
}

void file_sink_get_mark(Sink *sink, Mark *ret)
{
        FileSink *s = container_of(sink, FileSink, sink);
        int r;

        if (s->file.fd < 0 && !s->is_waiting) {
                r = file_sink_prepare(s);
                if (r < 0)
                        file_sink_fail(s, r);
        }
        if (s->is_resuming)
                *ret = s->mark;
        else
                *ret = (Mark){
                        .file = s->file.ino,
                        .size = s->is_skipping || s->n_skipped > 0 ? s->skip_at : s->file.size,
                };
}

void file_sink_resume(Sink *sink, const Mark *mark, uint64_t next_ordinal)
{
        FileSink *s = container_of(sink, FileSink, sink);

        s->mark = *mark;
        s->next_ordinal = next_ordinal;
        s->is_resuming = true;
}

int file_sink_rotate(Sink *sink)
{
        FileSink *s = container_of(sink, FileSink, sink);
        int r;

        if (s->is_outside) {
                r = logfile_open(&s->file);
                if (r > 0)
                        s->is_unseen = true;
                file_sink_touch(s);
                return r < 0 ? r : 0;
        }
        r = s->is_waiting ? 0 : file_sink_prepare(s);
        if (r < 0)
                return r;
        /* What may be owed is compared with the file first. */
        s->wants_rotation = s->is_waiting || s->is_skipping || s->n_skipped > 0;
        if (s->wants_rotation || s->file.size == 0)
                return 0;
        r = file_sink_rotate_now(s);
        if (r >= 0 && s->wants_compression) {
                s->wants_compression = false;
                r = compressor_add(s->files->compressor, &s->file);
        }
        return r;
}

Sink *file_sink_free(Sink *sink)
{
        FileSink *s = container_of(sink, FileSink, sink);
        FileSinks *files = s->files;

        file_sink_close(s);
        if (s->is_waiting) {
                TAILQ_REMOVE(&files->waiting, s, waiting);
                files->n_waiting--;
        }
        if (s->is_outside)
                TAILQ_REMOVE(&files->outside, s, outside);
        file_sink_recover(s);
        free(s);
        return NULL;
}

/* Each that waits now, once: some may wait again at once, and some may be gone. */
static int file_sinks_on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
        FileSinks *files = ASSERT_PTR(userdata);
        unsigned n = files->n_waiting;

        for (FileSink *s; n > 0 && (s = TAILQ_FIRST(&files->waiting)); n--) {
                TAILQ_REMOVE(&files->waiting, s, waiting);
                files->n_waiting--;
                s->is_waiting = false;
                s->sink.on_ready(&s->sink, s->sink.userdata);
        }
        if (files->n_waiting > 0)
                file_sinks_retry_later(files);
        return 0;
}

static void file_sinks_on_failed(const char *path, int error, void *userdata)
{
        (void) log_warning_errno(error, "Failed to compress the rotated files of %s: %m", path);
}

int file_sinks_new(FileSinks **ret, sd_event *event, const char *path)
{
        _cleanup_(file_sinks_freep) FileSinks *files = NULL;
        int r;

        files = calloc(1, sizeof(*files));
        if (!files)
                return -ENOMEM;
        files->event = event;
        files->path = path;
        TAILQ_INIT(&files->open);
        TAILQ_INIT(&files->waiting);
        TAILQ_INIT(&files->outside);
        r = sd_event_add_time_relative(event, &files->retry, CLOCK_MONOTONIC, LOG_RETRY_USEC, 0,
                                       file_sinks_on_retry, files);
        if (r >= 0)
                r = sd_event_source_set_enabled(files->retry, SD_EVENT_OFF);
        if (r >= 0)
                r = compressor_new(&files->compressor, event, file_sinks_on_failed, files);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(files);
        return 0;
}

FileSinks *file_sinks_free(FileSinks *files)
{
        if (!files)
                return NULL;
        sd_event_source_disable_unref(files->retry);
        compressor_free(files->compressor);
        buffer_done(&files->records);
        free(files);
        return NULL;
}
