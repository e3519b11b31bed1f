/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Directories and small files below the run directory. All work is relative to directory fds, one
 * path component at a time, and never follows a symbolic link. (openat2(2) would say the same in
 * one call, but RestrictSUIDSGID= makes it fail with ENOSYS.)
 */

#include "base/buffer.h"

/* Opens a directory by its path. Returns the fd. */
int rundir_open(const char *path);

/* Opens a directory in another one, which must belong to us. *ino (NULL: it does not matter) says
 * which it must be: -ESTALE when somebody has put another one there; where it is 0 it is filled in.
 * Returns the fd. */
int rundir_open_at(int dir_fd, const char *name, ino_t *ino);

/* Makes a directory, mode 0700, and opens it. -EEXIST when the name is taken, -ESTALE when it is
 * somebody else's directory by the time it is opened. Returns the fd. */
int rundir_create_at(int dir_fd, const char *name, ino_t *ret_ino);

/* Deletes a directory, which must be that one (0: any), and the files in it; directories in it are
 * not expected and make it fail. */
int rundir_remove_at(int dir_fd, const char *name, ino_t ino);

/*
 * Opens a file, never blocking, that is of this type (S_IFREG or S_IFIFO), has one name only, and
 * lies on the directory's own mount. Whatever else has the name is not even opened, so that
 * neither a device nor a peer at the other end sees anything: -ELOOP for a symbolic link, else
 * -EBADF. Returns the fd.
 */
int rundir_open_file(int dir_fd, const char *name, mode_t type, int flags);

/* Calls on_name for each name in the directory except . and .., in no order. A negative return
 * ends the walk and is passed on. */
int rundir_list(int dir_fd, int (*on_name)(const char *name, void *userdata), void *userdata);

/* Makes a new file in the place of what has the name, and opens it for writing. Returns the fd. */
int rundir_create_file(int dir_fd, const char *name, mode_t mode);

/* Writes a new file and gives it its name only when it is whole. */
int rundir_write_file(int dir_fd, const char *name, mode_t mode, Span content);

/* Reads a regular file of at most max bytes to the end of ret. -EFBIG when it is larger, -EBADF
 * when it is no regular file. */
int rundir_read_file(int dir_fd, const char *name, size_t max, Buffer *ret);
