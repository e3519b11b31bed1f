/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Foreign text on a terminal: names, images and rules come from elsewhere, and must not move the
 * cursor, change colours, or turn the line around.
 */

#include "base/buffer.h"

/*
 * A copy of text with every byte of a control character as \xNN: C0, DEL, C1, and the marks of
 * Unicode that change the direction of what follows. Bytes that are no UTF-8 are written so, too. A
 * backslash stays one: unit names are full of them, and are copied. The caller frees the text. NULL
 * without memory.
 */
char *escape_new(Span text);

/* The same, at the end of b; the control characters in kept stay as they are. 0 or -ENOMEM. */
int escape_append(Buffer *b, Span text, const char *kept);

/* The same for JSON text, which is UTF-8: control characters as \uNNNN. 0 or -ENOMEM. */
int escape_append_json(Buffer *b, Span text);

/* How many columns an escaped text takes: one for each character. */
size_t escape_columns(const char *text);
