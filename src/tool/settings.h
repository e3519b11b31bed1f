/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One setting of a configuration file of systemd's and its drop-ins, read as systemd reads them:
 * the first main file that is found of /etc, /run, /usr/local/lib and /usr/lib, then the drop-ins
 * of all four by their names, of which one in a directory named earlier hides those of later ones.
 */

#include "base/base.h"

/*
 * Looks for section and key in systemd/<name> and systemd/<name>.d/<anything>.conf below root ("":
 * the system's own). The last assignment counts; the caller frees it. Without one, or if it is
 * empty, NULL. Returns 0, or a negative errno if a file cannot be read.
 */
int settings_read(const char *root, const char *name, const char *section, const char *key,
                  char **ret);
