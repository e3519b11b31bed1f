/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The verbs that show something: list, show, drivers.
 */

#include "tool/arguments.h"

int display_list(const Arguments *a);
int display_show(const Arguments *a);
int display_drivers(const Arguments *a);

/* Prints a value as --json= asks. Returns 0, or -EIO, told. */
int display_json(const Arguments *a, json_t *value);

/* As systemd writes sizes: 512B, 1.5K, 3.2M. Returns ret. */
#define DISPLAY_BYTES 32U
const char *display_format_bytes(uint64_t n, char ret[DISPLAY_BYTES]);

/* Whether standard output is for somebody who sees bold text and colours. */
bool display_is_bold(void);

/* A heading, bold on a terminal, and one property below it: the name at the right of its column, as
 * "systemctl status" has them; nothing for a NULL value. Both escape what they are given. */
void display_heading(const char *text);
void display_property(const char *name, const char *value);
