/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The files of a log; see the header. */

#include <endian.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/limits.h"
#include "io/rotation.h"
#include "tool/file-chain.h"

/* Read at once. */
#define BLOCK_BYTES (64U * 1024)

#define SECOND_NSEC INT64_C(1000000000)

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

/* When the last record was written, in ns. Of a packed file the gzip header may say the second, and
 * when it was packed says nothing. */
static int64_t chain_file_written(const ChainFile *file, bool at_latest)
{
        uint32_t seconds = 0;
        struct stat st;

        if (file->is_packed) {
                (void) !pread(file->fd, &seconds, sizeof(seconds), 4);
                if (seconds == 0)
                        return at_latest ? INT64_MAX : 0;
                return le32toh(seconds) * SECOND_NSEC + (at_latest ? SECOND_NSEC - 1 : 0);
        }
        if (fstat(file->fd, &st) < 0)
                return INT64_MAX;
        return (int64_t) st.st_mtim.tv_sec * SECOND_NSEC + st.st_mtim.tv_nsec;
}

/* The CRC-32 of a whole file, as gzip has it. */
static bool file_get_crc(int fd, uint32_t *ret)
{
        char block[BLOCK_BYTES];
        off_t offset = 0;
        uLong crc = 0;
        ssize_t n;

        while ((n = pread(fd, block, sizeof(block), offset)) > 0) {
                crc = crc32(crc, (const Bytef *) block, (uInt) n);
                offset += n;
        }
        *ret = (uint32_t) crc;
        return n == 0;
}

/* Whether that is what packed has in it: it was deleted since, the time allows it, and so do the
 * last 8 bytes, the CRC-32 and the size. */
static bool is_packed_from(const ChainFile *plain, const ChainFile *packed)
{
        struct stat st, packed_st;
        uint32_t end[2], crc;
        int64_t written;

        if (fstat(plain->fd, &st) < 0 || st.st_nlink > 0 || fstat(packed->fd, &packed_st) < 0 ||
            pread(packed->fd, end, sizeof(end), packed_st.st_size - (off_t) sizeof(end)) !=
                    sizeof(end))
                return false;
        written = chain_file_written(plain, true);
        return written >= chain_file_written(packed, false) &&
               written <= chain_file_written(packed, true) &&
               le32toh(end[1]) == (uint32_t) st.st_size && file_get_crc(plain->fd, &crc) &&
               le32toh(end[0]) == crc;
}

/* Whether it is the one that was seen before, which may have been packed since. */
static bool is_same_file(const ChainFile *seen, const ChainFile *file)
{
        if (seen->dev == file->dev && seen->ino == file->ino)
                return true;
        return !seen->is_packed && file->is_packed && is_packed_from(seen, file);
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
        *ret = (ChainFile){
                .fd = TAKE_FD(fd),
                .dev = st.st_dev,
                .ino = st.st_ino,
                .is_packed = is_packed,
        };
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

/* Whether it is one of those from first on. That one moves to the end. */
static bool chain_meet_again(FileChain *chain, size_t first, const ChainFile *file)
{
        for (size_t i = chain->n; i > first; i--)
                if (is_same_file(chain->files + i - 1, file)) {
                        ChainFile seen = chain->files[i - 1];

                        memmove(chain->files + i - 1, chain->files + i,
                                (chain->n - i) * sizeof(*chain->files));
                        chain->files[chain->n - 1] = seen;
                        return true;
                }
        return false;
}

/*
 * Appends what is newer than last (NULL: all), newest first: so a rotation meanwhile shows a file
 * twice, but hides none. Many of them may even bring files into our way that are newer than the
 * first one; what is older follows them once more. So the place where a file was met last counts.
 * Returns whether last was found.
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
                if (chain_meet_again(chain, first, &file)) {
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
        struct stat now;
        size_t first = chain->n;
        int r;

        if (first == 0)
                return file_chain_load(chain);
        /* Most often there is no other. */
        last = chain->files[first - 1];
        if (fstatat(chain->dir_fd, chain->name, &now, AT_SYMLINK_NOFOLLOW) >= 0 &&
            last.dev == now.st_dev && last.ino == now.st_ino)
                return 0;

        r = chain_collect(chain, &last);
        if (r < 0)
                return r;
        chain_reverse(chain, first);
        if (r == 0 && chain->n - first > 1)
                chain->has_gap = true;
        return (int) (chain->n - first);
}
