/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a check of doctor says: what it found, and if that is not right, what comes of it and what
 * mends it.
 */

#include "base/limits.h"
#include "tool/figure.h"

typedef enum Level {
        LEVEL_OK,
        LEVEL_NOTE,    /* as it is meant to be, perhaps */
        LEVEL_UNKNOWN, /* could not be looked at */
        LEVEL_WARNING, /* will do until a limit is reached */
        LEVEL_PROBLEM, /* lines or containers are lost or refused */
} Level;

typedef struct Finding {
        Level level;
        char found[1024];
        char cause[REASON_MAX_BYTES]; /* "" where all is well; so for the next one */
        char remedy[1024];            /* a shell script; comments where it takes a person */
} Finding;

/* What was found, as printf(3). */
void finding_set(Finding *f, const char *format, ...) _printf_(2, 3);

/* False, said: it is not known, for that error. */
bool finding_knows(Finding *f, int error);

/* Says what was found and needed. True: it is known, and less. */
bool finding_lacks(Finding *f, const Figure *figure, uint64_t needed);
bool finding_lacks_bytes(Finding *f, const Figure *figure, uint64_t needed);

/* What comes of it. */
void finding_blame(Finding *f, Level level, const char *format, ...) _printf_(3, 4);

/* What mends it: one line more; or those that change a setting of conlogd.service, of journald or
 * of the kernel, now and for ever. */
void finding_mend(Finding *f, const char *format, ...) _printf_(2, 3);
void finding_mend_unit(Finding *f, const char *section, const char *key, const char *value);
void finding_mend_journald(Finding *f, const char *key, const char *value);
void finding_mend_sysctl(Finding *f, const char *key, uint64_t value);
