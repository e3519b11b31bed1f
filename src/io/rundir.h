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

/* Opens a directory in another one, which must belong to us. Returns the fd. */
int rundir_open_at(int dir_fd, const char *name);

/* Makes a directory, mode 0700, and opens it. -EEXIST when the name is taken. Returns the fd. */
int rundir_create_at(int dir_fd, const char *name);

/* Deletes a directory and the files in it; directories in it are not expected and make it fail. */
int rundir_remove_at(int dir_fd, const char *name);

/* Calls on_name for each name in the directory except . and .., in no order. A negative return
 * ends the walk and is passed on. */
int rundir_list(int dir_fd, int (*on_name)(const char *name, void *userdata), void *userdata);

/* Writes a new file, mode 0600, and gives it its name only when it is whole. */
int rundir_write_file(int dir_fd, const char *name, Span content);

/* Reads a regular file of at most max bytes to the end of ret. -EFBIG when it is larger, -EBADF
 * when it is no regular file. */
int rundir_read_file(int dir_fd, const char *name, size_t max, Buffer *ret);
