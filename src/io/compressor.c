/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Compresses rotated files; see the header. */

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <time.h>
#include <zlib.h>

#include "base/limits.h"
#include "io/compressor.h"
#include "io/rotation.h"
#include "io/rundir.h"

/* A log whose rotated files are to be compressed. */
typedef struct CompressorJob {
        TAILQ_ENTRY(CompressorJob) jobs; /* Compressor.jobs */
        LogFile file;                    /* what says where it is; never open */
        char text[];
} CompressorJob;

struct Compressor {
        TAILQ_HEAD(, CompressorJob) jobs; /* the first one is under way */
        unsigned n_jobs;
        sd_event_source *slice;
        void (*on_failed)(const char *path, int error, void *userdata);
        void *userdata;

        /* The file under way. */
        int dir_fd;
        int from_fd;
        int to_fd;
        ino_t ino;
        z_stream stream;
        gz_header header;
        char extra[64];
        unsigned char input[COMPRESSOR_SLICE_BYTES];
        unsigned char output[COMPRESSOR_SLICE_BYTES];
};

/* The one name that a file under way has. */
static void compressor_get_temporary(const CompressorJob *job, char ret[ROTATION_NAME_BYTES])
{
        rotation_get_name(job->file.name, 0, ".gz.tmp", ret);
}

/* Ends with the file under way. */
static void compressor_close(Compressor *c)
{
        if (c->to_fd >= 0)
                (void) deflateEnd(&c->stream);
        c->from_fd = base_close(c->from_fd);
        c->to_fd = base_close(c->to_fd);
        c->dir_fd = base_close(c->dir_fd);
}

static void compressor_drop_job(Compressor *c)
{
        CompressorJob *job = TAILQ_FIRST(&c->jobs);

        TAILQ_REMOVE(&c->jobs, job, jobs);
        c->n_jobs--;
        free(job);
        if (c->n_jobs == 0)
                (void) sd_event_source_set_enabled(c->slice, SD_EVENT_OFF);
}

/* The file and all others of its log stay as they are, until the log is added again. */
static void compressor_fail(Compressor *c, int error)
{
        CompressorJob *job = TAILQ_FIRST(&c->jobs);
        char name[ROTATION_NAME_BYTES], path[PATH_MAX];

        if (c->dir_fd >= 0) {
                compressor_get_temporary(job, name);
                (void) unlinkat(c->dir_fd, name, 0);
        }
        compressor_close(c);
        (void) snprintf(path, sizeof(path), "%s/%s%s%s", job->file.root, job->file.dir ?: "",
                        job->file.dir ? "/" : "", job->file.name);
        c->on_failed(path, error, c->userdata);
        compressor_drop_job(c);
}

static void compressor_put_header(Compressor *c, const struct timespec *written)
{
        struct tm tm;
        int n;

        (void) gmtime_r(&written->tv_sec, &tm);
        n = snprintf(c->extra, sizeof(c->extra),
                     "{\"lastTime\":\"%04d-%02d-%02dT%02d:%02d:%02d.%09ldZ\"}", tm.tm_year + 1900,
                     tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, written->tv_nsec);
        c->header = (gz_header){
                .time = (uLong) written->tv_sec,
                .os = 3,
                .extra = (Bytef *) c->extra,
                .extra_len = (uInt) n,
        };
        (void) deflateSetHeader(&c->stream, &c->header);
}

/* Opens the next file of the first log. Returns 1, or 0 when all of it are compressed. */
static int compressor_begin(Compressor *c)
{
        CompressorJob *job = TAILQ_FIRST(&c->jobs);
        char name[ROTATION_NAME_BYTES];
        struct stat st;
        unsigned index;

        c->dir_fd = logfile_open_dir(&job->file, false);
        if (c->dir_fd < 0)
                return c->dir_fd;
        index = rotation_find_plain(c->dir_fd, job->file.name, job->file.max_file);
        if (index == 0)
                return 0;
        rotation_get_name(job->file.name, index, "", name);
        c->from_fd = rundir_open_file(c->dir_fd, name, S_IFREG, O_RDONLY);
        if (c->from_fd < 0)
                return c->from_fd;
        if (fstat(c->from_fd, &st) < 0)
                return -errno;
        c->ino = st.st_ino;

        compressor_get_temporary(job, name);
        if (unlinkat(c->dir_fd, name, 0) < 0 && errno != ENOENT)
                return -errno;
        c->stream = (z_stream){};
        /* 16 more: gzip, not zlib's own format. */
        if (deflateInit2(&c->stream, Z_BEST_SPEED, Z_DEFLATED, MAX_WBITS + 16, MAX_MEM_LEVEL,
                         Z_DEFAULT_STRATEGY) != Z_OK)
                return -ENOMEM;
        c->to_fd =
                openat(c->dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
        if (c->to_fd < 0) {
                (void) deflateEnd(&c->stream);
                return -errno;
        }
        compressor_put_header(c, &st.st_mtim);
        return 1;
}

static int compressor_write(int fd, const unsigned char *data, size_t size)
{
        while (size > 0) {
                ssize_t n = write(fd, data, size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                data += n;
                size -= (size_t) n;
        }
        return 0;
}

/* It is whole: it takes the place of the other one, which may have moved on meanwhile. */
static int compressor_finish(Compressor *c)
{
        const LogFile *f = &TAILQ_FIRST(&c->jobs)->file;
        char temporary[ROTATION_NAME_BYTES], name[ROTATION_NAME_BYTES];
        unsigned index;

        compressor_get_temporary(TAILQ_FIRST(&c->jobs), temporary);
        index = rotation_find(c->dir_fd, f->name, f->max_file, c->ino);
        if (index == 0)
                return unlinkat(c->dir_fd, temporary, 0) < 0 ? -errno : 0;

        rotation_get_name(f->name, index, ".gz", name);
        if (renameat(c->dir_fd, temporary, c->dir_fd, name) < 0)
                return -errno;
        rotation_get_name(f->name, index, "", name);
        return unlinkat(c->dir_fd, name, 0) < 0 ? -errno : 0;
}

/* Goes on with the file under way. Returns 1, or 0 when it is done. */
static int compressor_step(Compressor *c)
{
        ssize_t n;
        int r;

        n = read(c->from_fd, c->input, sizeof(c->input));
        if (n < 0)
                return errno == EINTR ? 1 : -errno;
        c->stream.next_in = c->input;
        c->stream.avail_in = (uInt) n;
        do {
                c->stream.next_out = c->output;
                c->stream.avail_out = sizeof(c->output);
                if (deflate(&c->stream, n == 0 ? Z_FINISH : Z_NO_FLUSH) == Z_STREAM_ERROR)
                        return -EIO;
                r = compressor_write(c->to_fd, c->output, sizeof(c->output) - c->stream.avail_out);
                if (r < 0)
                        return r;
        } while (c->stream.avail_out == 0);
        return n > 0;
}

static int compressor_on_slice(sd_event_source *source, void *userdata)
{
        Compressor *c = ASSERT_PTR(userdata);
        int r;

        if (c->to_fd < 0) {
                r = compressor_begin(c);
                if (r == 0) {
                        compressor_close(c);
                        compressor_drop_job(c);
                }
        } else {
                r = compressor_step(c);
                if (r == 0) {
                        r = compressor_finish(c);
                        if (r >= 0)
                                compressor_close(c);
                }
        }
        if (r < 0)
                compressor_fail(c, r);
        return 0;
}

int compressor_new(Compressor **ret, sd_event *event,
                   void (*on_failed)(const char *path, int error, void *userdata), void *userdata)
{
        _cleanup_(compressor_freep) Compressor *c = NULL;
        int r;

        c = malloc(sizeof(*c));
        if (!c)
                return -ENOMEM;
        *c = (Compressor){
                .on_failed = on_failed,
                .userdata = userdata,
                .dir_fd = -1,
                .from_fd = -1,
                .to_fd = -1,
        };
        TAILQ_INIT(&c->jobs);
        r = sd_event_add_defer(event, &c->slice, compressor_on_slice, c);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(c->slice, SD_EVENT_OFF);
        if (r < 0)
                return r;
        r = sd_event_source_set_priority(c->slice, SD_EVENT_PRIORITY_IDLE);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

Compressor *compressor_free(Compressor *c)
{
        if (!c)
                return NULL;
        compressor_close(c);
        while (!TAILQ_EMPTY(&c->jobs))
                compressor_drop_job(c);
        sd_event_source_disable_unref(c->slice);
        free(c);
        return NULL;
}

static bool compressor_has(const Compressor *c, const LogFile *f)
{
        const CompressorJob *job;

        TAILQ_FOREACH(job, &c->jobs, jobs)
                if (strcmp(job->file.name, f->name) == 0 &&
                    strcmp(job->file.dir ?: "", f->dir ?: "") == 0 &&
                    strcmp(job->file.root, f->root) == 0)
                        return true;
        return false;
}

int compressor_add(Compressor *c, const LogFile *f)
{
        size_t root_size = strlen(f->root) + 1, dir_size = f->dir ? strlen(f->dir) + 1 : 0,
               name_size = strlen(f->name) + 1;
        CompressorJob *job;

        if (c->n_jobs >= COMPRESSOR_JOBS_MAX || compressor_has(c, f))
                return 0;
        job = malloc(sizeof(*job) + root_size + dir_size + name_size);
        if (!job)
                return -ENOMEM;
        job->file = (LogFile){
                .root = memcpy(job->text, f->root, root_size),
                .dir = f->dir ? memcpy(job->text + root_size, f->dir, dir_size) : NULL,
                .name = memcpy(job->text + root_size + dir_size, f->name, name_size),
                .max_file = f->max_file,
                .fd = -1,
        };
        TAILQ_INSERT_TAIL(&c->jobs, job, jobs);
        c->n_jobs++;
        return sd_event_source_set_enabled(c->slice, SD_EVENT_ON);
}

bool compressor_is_idle(const Compressor *c)
{
        return c->n_jobs == 0;
}
