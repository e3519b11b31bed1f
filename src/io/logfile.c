/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A file of records; see the header. */

#include <fcntl.h>
#include <sys/stat.h>

#include "io/logfile.h"
#include "io/rotation.h"
#include "io/rundir.h"

int logfile_open_dir(const LogFile *f, bool make)
{
        _cleanup_close_ int root_fd = -1;
        struct stat st;

        root_fd = rundir_open(f->root);
        if (root_fd < 0)
                return root_fd;
        if (!f->dir) {
                if (fstat(root_fd, &st) < 0)
                        return -errno;
                if (st.st_uid != geteuid() || (st.st_mode & 0022))
                        return -EPERM;
                return TAKE_FD(root_fd);
        }
        /* The group comes from the root, by its setgid bit. */
        if (make && mkdirat(root_fd, f->dir, 0750) < 0 && errno != EEXIST)
                return -errno;
        return rundir_open_at(root_fd, f->dir, NULL);
}

/* The new file is there before the old one is closed: while that is open, nothing else gets its
 * inode number, by which a mark tells them apart. */
static void logfile_take(LogFile *f, int fd)
{
        (void) base_close(f->fd);
        f->fd = fd;
}

static int logfile_create(LogFile *f, int dir_fd)
{
        struct stat st;
        int fd;

        fd = openat(dir_fd, f->name, O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                    0640);
        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0) {
                (void) base_close(fd);
                return -errno;
        }
        logfile_take(f, fd);
        f->ino = st.st_ino;
        f->size = 0;
        f->is_torn = false;
        return 1;
}

/* What the file's length says about the records in it. */
static void logfile_adjust(LogFile *f, uint64_t size)
{
        if (size < f->size || !f->is_torn) {
                f->size = size; /* somebody else has truncated it, or appended to it */
                f->is_torn = false;
        }
}

int logfile_open(LogFile *f)
{
        _cleanup_close_ int dir_fd = -1, fd = -1;
        struct stat st;
        bool is_new;
        int r;

        dir_fd = logfile_open_dir(f, true);
        if (dir_fd < 0)
                return dir_fd;
        fd = rundir_open_file(dir_fd, f->name, S_IFREG, O_RDWR | O_APPEND);
        if (fd == -ENOENT)
                return logfile_create(f, dir_fd);
        if (fd == -ELOOP || fd == -EBADF) {
                r = rotation_shift(dir_fd, f->name, f->max_file);
                return r < 0 ? r : logfile_create(f, dir_fd);
        }
        if (fd < 0)
                return fd;
        if (fstat(fd, &st) < 0)
                return -errno;

        is_new = st.st_ino != f->ino;
        if (is_new)
                f->is_torn = false;
        f->ino = st.st_ino;
        logfile_adjust(f, (uint64_t) st.st_size);
        logfile_take(f, TAKE_FD(fd));
        return is_new;
}

void logfile_close(LogFile *f)
{
        f->fd = base_close(f->fd);
}

/* Whether the name is still that of the open file. What cannot be told is left as it is. */
static bool logfile_is_renamed(const LogFile *f)
{
        _cleanup_close_ int dir_fd = -1;
        struct stat st;

        dir_fd = logfile_open_dir(f, false);
        if (dir_fd < 0)
                return dir_fd == -ENOENT;
        if (fstatat(dir_fd, f->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT;
        return st.st_ino != f->ino;
}

int logfile_cut(LogFile *f, uint64_t size)
{
        f->size = size;
        f->is_torn = true;
        while (ftruncate(f->fd, (off_t) size) < 0)
                if (errno != EINTR)
                        return -errno;
        f->is_torn = false;
        return 0;
}

int logfile_prepare(LogFile *f, uint64_t now_usec)
{
        struct stat st;
        bool is_lost;

        if (f->fd < 0) {
                int r = logfile_open(f);

                if (r != 0 || !f->is_torn)
                        return r;
                f->looked_usec = now_usec;
                return logfile_cut(f, f->size);
        }

        if (fstat(f->fd, &st) < 0)
                return -errno;
        is_lost = st.st_nlink == 0;
        if (!is_lost && now_usec - f->looked_usec >= LOG_LOOK_USEC) {
                f->looked_usec = now_usec;
                is_lost = logfile_is_renamed(f);
        }
        if (is_lost)
                return logfile_open(f);

        logfile_adjust(f, (uint64_t) st.st_size);
        return f->is_torn ? logfile_cut(f, f->size) : 0;
}

int logfile_append(LogFile *f, Span records, size_t *ret_written)
{
        *ret_written = 0;
        while (*ret_written < records.size) {
                ssize_t n = write(f->fd, records.data + *ret_written, records.size - *ret_written);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                *ret_written += (size_t) n;
        }
        return 0;
}

void logfile_accept(LogFile *f, size_t n, size_t written)
{
        f->size += n;
        if (written > n)
                (void) logfile_cut(f, f->size);
}

ssize_t logfile_read(const LogFile *f, char *buffer, size_t size, uint64_t offset)
{
        for (;;) {
                ssize_t n = pread(f->fd, buffer, size, (off_t) offset);

                if (n >= 0 || errno != EINTR)
                        return n < 0 ? -errno : n;
        }
}

int logfile_rotate(LogFile *f)
{
        _cleanup_close_ int dir_fd = -1;
        int r;

        dir_fd = logfile_open_dir(f, false);
        if (dir_fd < 0)
                return dir_fd;
        r = rotation_shift(dir_fd, f->name, f->max_file);
        if (r < 0)
                return r;
        r = logfile_create(f, dir_fd);
        if (r < 0) {
                logfile_close(f);
                f->ino = 0;
        }
        return r;
}
