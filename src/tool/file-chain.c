/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The files of a log; see the header. */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/limits.h"
#include "io/rotation.h"
#include "tool/file-chain.h"

/* By so many bytes at their beginning files are told apart: records have a time in ns. */
#define HEAD_BYTES 4096U

#define SECOND_NSEC INT64_C(1000000000)

/* So many rotations may come while the files are opened. */
#define ROTATIONS_MAX 16U

/* So many numbers may be missing in a row while files are renamed, one after the other. */
#define MISSING_MAX 3U

int file_chain_open(FileChain *chain, const char *path)
{
        char *slash;

        chain->path = strdup(path);
        if (!chain->path)
                return -ENOMEM;
        slash = strrchr(chain->path, '/');
        assert(slash);
        *slash = '\0';
        chain->name = slash + 1;
        if (strlen(chain->name) > LOG_NAME_MAX_BYTES)
                return -ENAMETOOLONG;
        chain->dir_fd = open(*chain->path ? chain->path : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        return chain->dir_fd < 0 ? -errno : 0;
}

void file_chain_drop(FileChain *chain, size_t n)
{
        for (size_t i = 0; i < n; i++)
                (void) close(chain->files[i].fd);
        chain->n -= n;
        if (chain->n > 0)
                memmove(chain->files, chain->files + n, chain->n * sizeof(*chain->files));
}

void file_chain_done(FileChain *chain)
{
        file_chain_drop(chain, chain->n);
        chain->dir_fd = base_close(chain->dir_fd);
        free(chain->files);
        free(chain->path);
        *chain = (FileChain){ .dir_fd = -1 };
}

/* The first bytes of what was packed. */
static size_t unpack_head(const char *packed, size_t size, char head[HEAD_BYTES])
{
        z_stream stream = {
                .next_in = (Bytef *) packed,
                .avail_in = (uInt) size,
                .next_out = (Bytef *) head,
                .avail_out = HEAD_BYTES,
        };

        /* 16 more: gzip, not zlib's own format. */
        if (inflateInit2(&stream, MAX_WBITS + 16) != Z_OK)
                return 0;
        (void) inflate(&stream, Z_SYNC_FLUSH);
        (void) inflateEnd(&stream);
        return HEAD_BYTES - stream.avail_out;
}

static size_t chain_file_head(const ChainFile *file, char head[HEAD_BYTES])
{
        char packed[HEAD_BYTES];
        ssize_t n;

        n = pread(file->fd, file->is_packed ? packed : head, HEAD_BYTES, 0);
        if (n <= 0)
                return 0;
        return file->is_packed ? unpack_head(packed, (size_t) n, head) : (size_t) n;
}

static bool is_same_file(const ChainFile *a, const ChainFile *b)
{
        char a_head[HEAD_BYTES], b_head[HEAD_BYTES];
        struct stat a_st, b_st;
        size_t a_size, b_size, size;

        if (fstat(a->fd, &a_st) < 0 || fstat(b->fd, &b_st) < 0)
                return false;
        if (a_st.st_dev == b_st.st_dev && a_st.st_ino == b_st.st_ino)
                return true;
        if (!a->is_packed && !b->is_packed)
                return false;
        a_size = chain_file_head(a, a_head);
        b_size = chain_file_head(b, b_head);
        size = MIN(a_size, b_size);
        /* A file that has just begun may look like the beginning of any other. */
        return size > 0 && (a_size == b_size || size >= HEAD_BYTES / 2) &&
               memcmp(a_head, b_head, size) == 0;
}

/* When the last record was written, in ns. Of a packed file the gzip header may say the second, and
 * when it was packed says nothing. */
static int64_t chain_file_written(const ChainFile *file, bool at_latest)
{
        unsigned char t[4] = {};
        struct stat st;
        int64_t seconds;

        if (file->is_packed) {
                (void) !pread(file->fd, t, sizeof(t), 4);
                seconds = (int64_t) t[3] << 24 | t[2] << 16 | t[1] << 8 | t[0];
                if (seconds == 0)
                        return at_latest ? INT64_MAX : 0;
                return seconds * SECOND_NSEC + (at_latest ? SECOND_NSEC - 1 : 0);
        }
        if (fstat(file->fd, &st) < 0)
                return INT64_MAX;
        return (int64_t) st.st_mtim.tv_sec * SECOND_NSEC + st.st_mtim.tv_nsec;
}

/* Opens a regular file. Returns 1, or 0 if there is none of that name. */
static int chain_open_name(const FileChain *chain, const char *name, bool is_packed, ChainFile *ret)
{
        _cleanup_close_ int fd = -1;
        struct stat st;

        fd = openat(chain->dir_fd, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT || errno == ELOOP || errno == ENXIO ? 0 : -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return 0;
        *ret = (ChainFile){ .fd = TAKE_FD(fd), .is_packed = is_packed };
        return 1;
}

static int chain_open_index(const FileChain *chain, unsigned index, ChainFile *ret)
{
        char name[ROTATION_NAME_BYTES];
        int r;

        if (index == 0)
                return chain_open_name(chain, chain->name, false, ret);
        rotation_get_name(chain->name, index, "", name);
        r = chain_open_name(chain, name, false, ret);
        if (r != 0)
                return r;
        rotation_get_name(chain->name, index, ".gz", name);
        return chain_open_name(chain, name, true, ret);
}

static int chain_append(FileChain *chain, ChainFile file)
{
        ChainFile *files = reallocarray(chain->files, chain->n + 1, sizeof(*files));

        if (!files) {
                (void) close(file.fd);
                return -ENOMEM;
        }
        chain->files = files;
        files[chain->n++] = file;
        return 0;
}

/* Whether it was seen already: each rotation since then moves it one number up, to where the walk
 * meets it again. */
static bool chain_has(const FileChain *chain, size_t first, const ChainFile *file)
{
        for (size_t i = chain->n; i > first && chain->n - i < ROTATIONS_MAX; i--)
                if (is_same_file(chain->files + i - 1, file))
                        return true;
        return false;
}

/*
 * Appends what is newer than last (NULL: all), newest first: so a rotation meanwhile shows a file
 * twice, but hides none. Returns whether last was found.
 */
static int chain_collect(FileChain *chain, const ChainFile *last)
{
        size_t first = chain->n;

        for (unsigned index = 0, n_missing = 0; index <= LOG_FILES_MAX; index++) {
                ChainFile file;
                int r;

                r = chain_open_index(chain, index, &file);
                if (r < 0)
                        return r;
                n_missing = r == 0 ? n_missing + 1 : 0;
                if (n_missing > MISSING_MAX)
                        break;
                if (r == 0)
                        continue;
                if (last && is_same_file(last, &file)) {
                        (void) close(file.fd);
                        return 1;
                }
                /* last was deleted: what is older than that has been read. */
                if (last && chain_file_written(&file, true) < chain_file_written(last, false)) {
                        (void) close(file.fd);
                        break;
                }
                if (chain_has(chain, first, &file)) {
                        (void) close(file.fd);
                        continue;
                }
                r = chain_append(chain, file);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Those from first on came newest first. */
static void chain_reverse(FileChain *chain, size_t first)
{
        for (size_t i = first, j = chain->n; i + 1 < j; i++) {
                ChainFile file = chain->files[--j];

                chain->files[j] = chain->files[i];
                chain->files[i] = file;
        }
}

int file_chain_load(FileChain *chain)
{
        int r;

        file_chain_drop(chain, chain->n);
        chain->has_gap = false;
        r = chain_collect(chain, NULL);
        if (r < 0)
                return r;
        chain_reverse(chain, 0);
        return (int) chain->n;
}

int file_chain_extend(FileChain *chain)
{
        ChainFile last;
        struct stat st, now;
        size_t first = chain->n;
        int r;

        if (first == 0)
                return file_chain_load(chain);
        /* Most often there is no other. */
        last = chain->files[first - 1];
        if (fstat(last.fd, &st) < 0)
                return -errno;
        if (fstatat(chain->dir_fd, chain->name, &now, AT_SYMLINK_NOFOLLOW) >= 0 &&
            st.st_dev == now.st_dev && st.st_ino == now.st_ino)
                return 0;

        r = chain_collect(chain, &last);
        if (r < 0)
                return r;
        chain_reverse(chain, first);
        if (r == 0 && chain->n - first > 1)
                chain->has_gap = true;
        return (int) (chain->n - first);
}
