/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Findings; see the header. */

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tool/display.h"
#include "tool/finding.h"

#define DROP_IN_DIR "/etc/systemd/system/conlogd.service.d"

void finding_set(Finding *f, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(f->found, sizeof(f->found), format, ap);
        va_end(ap);
}

void finding_blame(Finding *f, Level level, const char *format, ...)
{
        va_list ap;

        f->level = level;
        va_start(ap, format);
        (void) vsnprintf(f->cause, sizeof(f->cause), format, ap);
        va_end(ap);
}

/* One line more. */
void finding_mend(Finding *f, const char *format, ...)
{
        size_t size = strlen(f->remedy);
        va_list ap;

        if (size > 0 && size < sizeof(f->remedy) - 1)
                f->remedy[size++] = '\n';
        va_start(ap, format);
        (void) vsnprintf(f->remedy + size, sizeof(f->remedy) - size, format, ap);
        va_end(ap);
}

/* "zz": after all others. */
void finding_mend_unit(Finding *f, const char *section, const char *key, const char *value)
{
        finding_mend(f, "mkdir -p " DROP_IN_DIR);
        finding_mend(f, "printf '[%s]\\n%s=%s\\n' >" DROP_IN_DIR "/zz-%s.conf", section, key, value,
                     key);
        finding_mend(f, "systemctl daemon-reload");
        finding_mend(f, "systemctl try-restart conlogd.service");
}

void finding_mend_journald(Finding *f, const char *key, const char *value)
{
        finding_mend(f, "mkdir -p /etc/systemd/journald.conf.d");
        finding_mend(f, "printf '[Journal]\\n%s=%s\\n' >/etc/systemd/journald.conf.d/zz-%s.conf",
                     key, value, key);
        finding_mend(f, "systemctl restart systemd-journald.service");
}

void finding_mend_sysctl(Finding *f, const char *key, uint64_t value)
{
        finding_mend(f, "echo %s=%" PRIu64 " >/etc/sysctl.d/zz-%s.conf", key, value, key);
        finding_mend(f, "sysctl -p /etc/sysctl.d/zz-%s.conf", key);
}

bool finding_knows(Finding *f, int error)
{
        if (error == 0)
                return true;
        f->level = LEVEL_UNKNOWN;
        finding_set(f, "could not be looked at: %s", strerror(-error));
        return false;
}

/* What both that follow do; the texts are the two numbers. */
static bool lacks(Finding *f, const Figure *figure, uint64_t needed, const char *found_text,
                  const char *needed_text)
{
        if (!finding_knows(f, figure->error))
                return false;
        if (figure->n == FIGURE_INFINITY)
                finding_set(f, "no limit");
        else
                finding_set(f, "%s, %s needed", found_text, needed_text);
        return figure->n < needed;
}

bool finding_lacks(Finding *f, const Figure *figure, uint64_t needed)
{
        char texts[2][DISPLAY_BYTES];

        (void) snprintf(texts[0], sizeof(texts[0]), "%" PRIu64, figure->n);
        (void) snprintf(texts[1], sizeof(texts[1]), "%" PRIu64, needed);
        return lacks(f, figure, needed, texts[0], texts[1]);
}

bool finding_lacks_bytes(Finding *f, const Figure *figure, uint64_t needed)
{
        char texts[2][DISPLAY_BYTES];

        return lacks(f, figure, needed, display_format_bytes(figure->n, texts[0]),
                     display_format_bytes(needed, texts[1]));
}
