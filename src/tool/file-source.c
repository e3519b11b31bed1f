/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The lines of a container in log files; see the header. */

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/log.h"
#include "io/rundir.h"
#include "record/cri-line.h"
#include "record/json-line.h"
#include "record/local-frame.h"
#include "tool/file-chain.h"
#include "tool/file-source.h"

/* Read at once. Backwards the first one is small: most often the last lines are enough. */
#define BLOCK_BYTES (256U * 1024)
#define BACK_MIN_BYTES (16U * 1024)

const char *const file_source_drivers[] = { "json-file", "local", "k8s-file", NULL };

static const StoredFormat *const formats[] = { &json_line_format, &local_frame_format,
                                               &cri_line_format };

typedef struct FileSource {
        LogSource source;
        const StoredFormat *format;
        const char *driver;
        LogWish wish;

        int info_fd; /* the directory of "info" */
        struct timespec info_time;
        ino_t info_ino;
        bool is_ended;
        int notify_fd; /* -1: nobody waits yet */

        FileChain chain; /* its first file is the one that is read */
        int fd;          /* borrowed from there */
        bool is_open;
        bool is_final; /* there is a newer one: nothing more is written to this one */
        bool is_flushing;
        gzFile packed;
        uint64_t offset; /* in the file: of the end of window */
        Buffer window;
        size_t begin; /* in the window: of the next record */
        uint64_t n_skipped;
        Buffer scratch;
        LogAttributes attributes;
} FileSource;

static void file_close(FileSource *s)
{
        if (s->packed)
                (void) gzclose_r(s->packed);
        s->packed = NULL;
        s->is_open = false;
}

/* Reads this file, from that offset on. */
static int file_open(FileSource *s, const ChainFile *file, uint64_t offset)
{
        file_close(s);
        buffer_clear(&s->window);
        s->begin = 0;
        s->offset = offset;
        s->fd = file->fd;
        s->is_final = s->chain.n > 1;
        s->is_flushing = false;
        if (file->is_packed) {
                int fd = fcntl(file->fd, F_DUPFD_CLOEXEC, 3);

                if (fd < 0 || lseek(fd, 0, SEEK_SET) < 0)
                        return -errno;
                s->packed = gzdopen(fd, "rb");
                if (!s->packed) {
                        (void) close(fd);
                        return -ENOMEM;
                }
                (void) gzbuffer(s->packed, BLOCK_BYTES);
        }
        s->is_open = true;
        return 0;
}

static ssize_t file_read(FileSource *s, char *p, size_t size)
{
        ssize_t n;

        if (s->packed) {
                n = gzread(s->packed, p, (unsigned) size);
                if (n < 0)
                        log_warning(
                                "A compressed log file is damaged: the rest of it is left out.");
                return MAX(n, 0);
        }
        do
                n = pread(s->fd, p, size, (off_t) s->offset);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        s->offset += (uint64_t) n;
        return n;
}

/* Makes the window longer. Returns how much: 0 at the end. */
static ssize_t file_fill(FileSource *s)
{
        ssize_t n;
        int r;

        buffer_consume(&s->window, s->begin);
        s->begin = 0;
        if (s->window.size > LOG_RECORD_MAX_BYTES)
                buffer_clear(&s->window);
        r = buffer_reserve(&s->window, BLOCK_BYTES);
        if (r < 0)
                return r;
        n = file_read(s, s->window.data + s->window.size, BLOCK_BYTES);
        if (n > 0)
                s->window.size += (size_t) n;
        return n;
}

/* After the end: goes on to the next file, or to what was written meanwhile. Returns 1, or 0: there
 * is nothing. */
static int file_go_on(FileSource *s)
{
        int r;

        /* What is no whole record is read again: if its writer was killed it is cut off, and
         * another one may stand there. */
        if (!s->is_final) {
                s->offset -= s->window.size - s->begin;
                buffer_clear(&s->window);
                s->begin = 0;
                r = file_chain_extend(&s->chain);
                if (r <= 0)
                        return r;
                if (s->chain.has_gap)
                        log_warning("Files were rotated away before they could be shown.");
                s->chain.has_gap = false;
                s->is_final = true;
                return 1;
        }
        if (!s->is_flushing && s->begin < s->window.size) {
                s->is_flushing = true;
                return 1;
        }
        file_close(s);
        file_chain_drop(&s->chain, 1);
        r = file_open(s, s->chain.files, 0);
        return r < 0 ? r : 1;
}

/* The next record, as it is stored. Returns 1, or 0: there is none now. */
static int file_take(FileSource *s, Span *ret)
{
        for (;;) {
                Span input;
                ssize_t n;
                int r;

                if (!s->is_open) {
                        r = file_chain_load(&s->chain);
                        if (r <= 0)
                                return r;
                        r = file_open(s, s->chain.files, 0);
                        if (r < 0)
                                return r;
                }
                input = span_skip(buffer_span(&s->window), s->begin);
                if (input.size > 0 && s->format->next(input, s->is_flushing, ret) > 0) {
                        s->begin = (size_t) (ret->data + ret->size - s->window.data);
                        return 1;
                }
                n = file_fill(s);
                if (n < 0)
                        return (int) n;
                if (n > 0) {
                        s->is_flushing = false;
                        continue;
                }
                r = file_go_on(s);
                if (r <= 0)
                        return r;
        }
}

static int file_take_attributes(FileSource *s, Stored *stored, char *buffer)
{
        Span key, value;
        int r = 0;

        log_attributes_clear(&s->attributes);
        while (r >= 0 && s->format->next_attribute(stored, buffer, &key, &value) > 0)
                r = log_attributes_add(&s->attributes, key, value);
        log_attributes_finish(&s->attributes);
        return r;
}

/* FNV-1a, and never 0: the parts of a line have its id in common. */
static uint64_t line_from_id(Span id)
{
        uint64_t hash = UINT64_C(0xcbf29ce484222325);

        for (size_t i = 0; i < id.size; i++)
                hash = (hash ^ (unsigned char) id.data[i]) * UINT64_C(0x100000001b3);
        return id.size > 0 ? hash | 1 : 0;
}

/* Returns 1 and the record, or 0: it is none that we understand. */
static int file_decode(FileSource *s, Span record, LogRecord *ret)
{
        size_t size = STORED_BUFFER_BYTES(record.size);
        Stored stored;
        int r;

        /* The attributes are read while the text is still there. */
        r = buffer_reserve(&s->scratch, 2 * size);
        if (r < 0)
                return r;
        if (s->format->decode(record, s->scratch.data, &stored) < 0)
                return 0;
        *ret = (LogRecord){
                .stream = stored.stream,
                .text = stored.text,
                .nsec = stored.realtime_nsec,
                .goes_on = stored.goes_on,
                .line = line_from_id(stored.partial_id),
                .part = stored.partial_ordinal,
                .attributes = s->attributes.items,
        };
        if (!s->wish.with_attributes)
                return 1;
        r = file_take_attributes(s, &stored, s->scratch.data + size);
        ret->n_attributes = s->attributes.n;
        return r < 0 ? r : 1;
}

static int file_source_next(LogSource *source, LogRecord *ret)
{
        FileSource *s = container_of(source, FileSource, source);
        Span record;
        int r;

        for (;;) {
                r = file_take(s, &record);
                if (r <= 0)
                        return r;
                if (s->n_skipped > 0) {
                        s->n_skipped--;
                        continue;
                }
                r = file_decode(s, record, ret);
                if (r != 0)
                        return r;
        }
}

/* Everything that was last written before since is left out. */
static int file_source_seek(LogSource *source, uint64_t since_nsec)
{
        FileSource *s = container_of(source, FileSource, source);
        struct stat st;
        size_t n = 0;
        int r;

        s->n_skipped = 0;
        r = file_chain_load(&s->chain);
        if (r <= 0)
                return r;
        while (n + 1 < s->chain.n && fstat(s->chain.files[n].fd, &st) >= 0 &&
               (uint64_t) st.st_mtim.tv_sec + 1 < since_nsec / 1000000000)
                n++;
        file_chain_drop(&s->chain, n);
        return file_open(s, s->chain.files, 0);
}

/* How many records a compressed file has. */
static int packed_count(FileSource *s, const ChainFile *file, uint64_t *ret)
{
        Span record;
        int r;

        *ret = 0;
        r = file_open(s, file, 0);
        while (r >= 0) {
                Span input = span_skip(buffer_span(&s->window), s->begin);

                if (input.size > 0 && s->format->next(input, s->is_flushing, &record) > 0) {
                        s->begin = (size_t) (record.data + record.size - s->window.data);
                        (*ret)++;
                        continue;
                }
                r = (int) file_fill(s);
                if (r == 0 && s->is_flushing)
                        break;
                if (r == 0)
                        s->is_flushing = true;
        }
        file_close(s);
        return MIN(r, 0);
}

/* Goes back n records from the end. *ret_n says how many there are, at most n, *ret_offset where
 * the first of these begins. */
static int plain_find(FileSource *s, const ChainFile *file, uint64_t n, uint64_t *ret_n,
                      uint64_t *ret_offset)
{
        size_t block = BACK_MIN_BYTES;
        struct stat st;
        uint64_t end;
        int r;

        *ret_n = 0;
        if (fstat(file->fd, &st) < 0)
                return -errno;
        for (end = (uint64_t) st.st_size; *ret_n < n && end > 0;) {
                size_t size = (size_t) MIN(end, (uint64_t) block);
                Span input, record;
                bool has_found = false;
                ssize_t got;

                r = buffer_reserve(&s->scratch, size);
                if (r < 0)
                        return r;
                got = pread(file->fd, s->scratch.data, size, (off_t) (end - size));
                if (got < 0)
                        return -errno;
                input = (Span){ .data = s->scratch.data, .size = (size_t) got };
                while (*ret_n < n && s->format->previous(input, size == end, &record) > 0) {
                        input.size = (size_t) (record.data - input.data);
                        has_found = true;
                        (*ret_n)++;
                }
                if (has_found) {
                        end = end - size + input.size;
                        block = MAX(block, (size_t) BLOCK_BYTES);
                } else if (block > LOG_RECORD_MAX_BYTES || size == end)
                        end -= size; /* none of it is a record */
                else
                        block *= 2;
        }
        *ret_offset = end;
        return 0;
}

static int file_source_rewind(LogSource *source, uint64_t n)
{
        FileSource *s = container_of(source, FileSource, source);
        uint64_t offset = 0, found = 0;
        size_t i;
        int r;

        s->n_skipped = 0;
        r = file_chain_load(&s->chain);
        if (r <= 0)
                return r < 0 ? r : 1;
        for (i = s->chain.n; i > 0 && found < n; i--) {
                const ChainFile *file = s->chain.files + i - 1;
                uint64_t here;

                r = file->is_packed ? packed_count(s, file, &here)
                                    : plain_find(s, file, n - found, &here, &offset);
                if (r < 0)
                        return r;
                if (file->is_packed) {
                        offset = 0;
                        s->n_skipped = here - MIN(here, n - found);
                }
                found += here;
        }
        file_chain_drop(&s->chain, i);
        r = file_open(s, s->chain.files, offset);
        return r < 0 ? r : found < n;
}

/* Whether the file "info" says that the driver has all, or is gone with all others. */
static bool info_has_ended(const FileSource *s)
{
        _cleanup_buffer_ Buffer text = {};
        json_auto_t *info = NULL;
        struct stat st;

        if (rundir_read_file(s->info_fd, "info", LOG_INFO_MAX_BYTES, &text) < 0)
                return fstat(s->info_fd, &st) >= 0 && st.st_nlink == 0;
        info = json_loadb(text.data ?: "", text.size, 0, NULL);
        return json_object_get(json_object_get(info, "endedUSec"), s->driver);
}

static bool file_source_is_ended(LogSource *source)
{
        FileSource *s = container_of(source, FileSource, source);
        struct stat st = {};

        /* It gets another inode with each change. */
        (void) fstatat(s->info_fd, "info", &st, AT_SYMLINK_NOFOLLOW);
        if (st.st_ino != s->info_ino || st.st_mtim.tv_sec != s->info_time.tv_sec ||
            st.st_mtim.tv_nsec != s->info_time.tv_nsec || st.st_ino == 0) {
                s->info_ino = st.st_ino;
                s->info_time = st.st_mtim;
                s->is_ended = info_has_ended(s);
        }
        return s->is_ended;
}

static int watch_directory(int notify_fd, int dir_fd)
{
        char path[64];

        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", dir_fd);
        if (inotify_add_watch(notify_fd, path,
                              IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF |
                                      IN_ONLYDIR) < 0)
                return -errno;
        return 0;
}

static int file_source_watch(LogSource *source, struct pollfd *ret, uint64_t *ret_usec)
{
        FileSource *s = container_of(source, FileSource, source);
        int r;

        if (s->notify_fd < 0) {
                s->notify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
                if (s->notify_fd < 0)
                        return -errno;
                r = watch_directory(s->notify_fd, s->info_fd);
                if (r >= 0)
                        r = watch_directory(s->notify_fd, s->chain.dir_fd);
                if (r < 0)
                        return r;
        }
        *ret = (struct pollfd){ .fd = s->notify_fd, .events = POLLIN };
        *ret_usec = UINT64_MAX;
        return 0;
}

/* What the events say is looked up anyway. */
static int file_source_refresh(LogSource *source)
{
        FileSource *s = container_of(source, FileSource, source);
        char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

        while (read(s->notify_fd, events, sizeof(events)) > 0)
                ;
        return 0;
}

static LogSource *file_source_free(LogSource *source)
{
        FileSource *s = container_of(source, FileSource, source);

        file_close(s);
        file_chain_done(&s->chain);
        (void) base_close(s->info_fd);
        (void) base_close(s->notify_fd);
        buffer_done(&s->window);
        buffer_done(&s->scratch);
        buffer_done(&s->attributes.text);
        free(s);
        return NULL;
}

static const LogSourceKind file_source_kind = {
        .seek = file_source_seek,
        .rewind = file_source_rewind,
        .next = file_source_next,
        .is_ended = file_source_is_ended,
        .watch = file_source_watch,
        .refresh = file_source_refresh,
        .free = file_source_free,
};

/* Where the files of a driver are: beside "info", unless that says otherwise. */
static int file_source_locate(FileSource *s, const char *directory, const char *driver)
{
        char path[PATH_MAX];
        json_auto_t *info = NULL;
        _cleanup_buffer_ Buffer text = {};
        const char *outside = NULL;

        if (strcmp(driver, "k8s-file") == 0 &&
            rundir_read_file(s->info_fd, "info", LOG_INFO_MAX_BYTES, &text) >= 0) {
                info = json_loadb(text.data ?: "", text.size, 0, NULL);
                outside = json_string_value(json_object_get(info, "path"));
        }
        if (outside && *outside == '/')
                return file_chain_open(&s->chain, outside);
        if (snprintf(path, sizeof(path), "%s/%s.log", directory, driver) >= (int) sizeof(path))
                return -ENAMETOOLONG;
        return file_chain_open(&s->chain, path);
}

int file_source_new(LogSource **ret, const char *root, const char *id, const char *driver,
                    const LogWish *wish)
{
        _cleanup_(log_source_freep) LogSource *source = NULL;
        char directory[PATH_MAX];
        FileSource *s;
        size_t i = 0;
        int r;

        while (strcmp(file_source_drivers[i], driver) != 0)
                i++;
        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        source = &s->source;
        source->kind = &file_source_kind;
        s->format = formats[i];
        s->driver = file_source_drivers[i];
        s->wish = *wish;
        s->info_fd = s->notify_fd = s->chain.dir_fd = -1;

        if (snprintf(directory, sizeof(directory), "%s/%s", root, id) >= (int) sizeof(directory))
                return -ENAMETOOLONG;
        s->info_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (s->info_fd < 0)
                return errno == ENOENT ? 0 : -errno;
        r = file_source_locate(s, directory, driver);
        if (r >= 0)
                r = file_chain_load(&s->chain);
        if (r <= 0)
                return r == -ENOENT ? 0 : r;
        *ret = TAKE_PTR(source);
        return 1;
}

static bool is_meant(LogNaming by, const char *word, const char *id, const json_t *info)
{
        const char *name = json_string_value(json_object_get(info, "name"));

        switch (by) {
        case LOG_NAMING_ID:
                return strcmp(id, word) == 0;
        case LOG_NAMING_NAME:
                return name && strcmp(name, word) == 0;
        case LOG_NAMING_PREFIX:
        default:
                return strncmp(id, word, strlen(word)) == 0;
        }
}

/* A directory of a container has a file "info". */
static int find_in(int root_fd, const char *id, LogNaming by, const char *word,
                   log_on_container on_container, void *userdata)
{
        _cleanup_close_ int dir_fd = -1;
        _cleanup_buffer_ Buffer text = {};
        json_auto_t *info = NULL;
        struct stat st;

        dir_fd = openat(root_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (dir_fd < 0 || fstatat(dir_fd, "info", &st, AT_SYMLINK_NOFOLLOW) < 0 ||
            rundir_read_file(dir_fd, "info", LOG_INFO_MAX_BYTES, &text) < 0)
                return 0;
        info = json_loadb(text.data ?: "", text.size, 0, NULL);
        if (!is_meant(by, word, id, info))
                return 0;
        return on_container(id, (uint64_t) st.st_mtim.tv_sec * 1000000, userdata);
}

int file_source_find(const char *root, LogNaming by, const char *word,
                     log_on_container on_container, void *userdata)
{
        struct dirent *entry;
        DIR *directory;
        int r = 0;

        directory = opendir(root);
        if (!directory)
                return errno == ENOENT || errno == EACCES ? 0 : -errno;
        while (r >= 0 && (entry = readdir(directory)))
                if (*entry->d_name != '.')
                        r = find_in(dirfd(directory), entry->d_name, by, word, on_container,
                                    userdata);
        (void) closedir(directory);
        return r;
}
