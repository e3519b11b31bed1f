/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A command whose standard streams are FIFOs, with us between them and our own: what we read goes
 * to its input, what it writes comes out here, byte for byte.
 */

#include "base/base.h"

typedef struct RelayPaths {
        const char *stdin_path;
        const char *stdout_path;
        const char *stderr_path;
} RelayPaths;

/*
 * Starts command (NULL-terminated) and carries bytes until it has ended and everything it wrote, or
 * the processes it left behind write, has come through. Signals that would end us go to the
 * command; when it has ended already, they end the waiting. A reader of ours that went away is gone
 * for the command, too. Our standard input and output are used up by this.
 *
 * Returns its exit status: 128 + n for the signal n, 126 or 127 when it could not be started; or a
 * negative errno that has been told.
 */
int relay_run(char **command, const RelayPaths *paths);
