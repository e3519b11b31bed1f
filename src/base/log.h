/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The daemon's own messages, to standard error. Under systemd each line begins with its syslog
 * level in angle brackets, see sd-daemon(3). Writing never blocks: a message that journald does not
 * take at once is dropped, counted, and the count is told with the next message that goes through.
 * journald loses its streams when its unit fails; ours is then opened anew by the next message.
 */

#include <syslog.h>

#include "base/base.h"

/* Messages with a level above this one are dropped. Default LOG_INFO. */
void log_set_max_level(int level);

/* Standard error is a stream of the journald that listens at path, which is kept: lines get their
 * prefix. NULL, the default: it is something else. */
void log_set_journal(const char *path);

/* %m prints error, an errno with any sign. Control characters become blanks: a message is one line.
 * Returns -abs(error), so that it can be returned on. */
int log_full(int level, int error, const char *format, ...) _printf_(3, 4);

#define log_error(...) ((void) log_full(LOG_ERR, 0, __VA_ARGS__))
#define log_warning(...) ((void) log_full(LOG_WARNING, 0, __VA_ARGS__))
#define log_notice(...) ((void) log_full(LOG_NOTICE, 0, __VA_ARGS__))
#define log_info(...) ((void) log_full(LOG_INFO, 0, __VA_ARGS__))
#define log_debug(...) ((void) log_full(LOG_DEBUG, 0, __VA_ARGS__))

#define log_error_errno(error, ...) log_full(LOG_ERR, error, __VA_ARGS__)
#define log_warning_errno(error, ...) log_full(LOG_WARNING, error, __VA_ARGS__)
