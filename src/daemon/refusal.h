/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Why a request is refused: one of the errors of io.conlogd with its parameters. Functions that may
 * refuse take one; a negative errno without a refusal is the system's trouble.
 */

#include <jansson.h>

#include "base/base.h"

typedef struct Refusal {
        const char *error; /* "io.conlogd.…", NULL: not refused */
        json_t *parameters;
} Refusal;

/* Sets the refusal; format and what follows as json_pack(3). Returns -EINVAL, to be returned on. */
int refuse(Refusal *refusal, const char *error, const char *format, ...);

/* io.conlogd.InvalidValue, the rule as printf(3). */
int refuse_value(Refusal *refusal, const char *parameter, const char *rule, ...) _printf_(3, 4);

/* io.conlogd.InvalidOption; rule as refusal_clean() takes it. */
int refuse_option(Refusal *refusal, const char *driver, const char *key, char *rule);

/* Makes text what JSON takes: where it is not UTF-8, for it was cut or quotes somebody's bytes,
 * each byte that is not ASCII becomes a question mark. Returns text. */
char *refusal_clean(char *text);

void refusal_done(Refusal *refusal);
