/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The verb doctor; see the header. */

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/span.h"
#include "tool/checks.h"
#include "tool/display.h"
#include "tool/doctor.h"
#include "tool/escape.h"

/* Where the text of a finding begins and ends. */
#define INDENT 8
#define COLUMNS 88

static const Checks *const groups[] = {
        &daemon_checks,
        &unit_checks,
        &journal_checks,
        &kernel_checks,
};

static const struct {
        const char *name;
        const char *colour;
} levels[] = {
        [LEVEL_OK] = { "ok", "\033[32m" },
        [LEVEL_NOTE] = { "note", "" },
        [LEVEL_UNKNOWN] = { "unknown", "\033[90m" },
        [LEVEL_WARNING] = { "warning", "\033[33m" },
        [LEVEL_PROBLEM] = { "problem", "\033[1;31m" },
};

/* What was counted, by level. */
typedef struct Tallies {
        unsigned n[ARRAY_SIZE(levels)];
} Tallies;

static void print_words(const char *text)
{
        size_t column = 0;

        while (*(text += strspn(text, " "))) {
                size_t size = strcspn(text, " ");

                if (column > 0 && column + 1 + size > COLUMNS - INDENT) {
                        putchar('\n');
                        column = 0;
                }
                printf("%*s%.*s", column > 0 ? 1 : INDENT, "", (int) size, text);
                column += (column > 0) + size;
                text += size;
        }
        putchar('\n');
}

static void print_lines(const char *text)
{
        while (*text) {
                size_t size = strcspn(text, "\n");

                printf("%*s%.*s\n", 2 * INDENT, "", (int) size, text);
                text += size + (text[size] == '\n');
        }
}

static void print_finding(const Check *check, const Finding *f)
{
        _cleanup_free_ char *found = escape_new(span_from_string(f->found));
        bool is_coloured = display_is_bold();

        printf("%s%-7s%s %-25s %s\n", is_coloured ? levels[f->level].colour : "",
               levels[f->level].name, is_coloured ? "\033[0m" : "", check->name, found ?: "");
        if (!*f->cause)
                return;
        print_words(f->cause);
        print_lines(f->remedy);
}

static json_t *pack_finding(const Check *check, const Finding *f)
{
        return json_pack("{ss ss ss ss* ss*}", "check", check->name, "level", levels[f->level].name,
                         "found", f->found, "cause", *f->cause ? f->cause : NULL, "remedy",
                         *f->remedy ? f->remedy : NULL);
}

static int tell(const Host *host, json_t *array, Tallies *tallies)
{
        for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
                for (size_t k = 0; k < groups[i]->n_items; k++) {
                        const Check *check = &groups[i]->items[k];
                        Finding finding = {};

                        check->look(host, &finding);
                        tallies->n[finding.level]++;
                        if (!array)
                                print_finding(check, &finding);
                        else if (json_array_append_new(array, pack_finding(check, &finding)) < 0)
                                return log_error_errno(ENOMEM, "Failed to tell: %m");
                }
        }
        return 0;
}

static void print_legend(const Tallies *t)
{
        unsigned n = 0;

        for (size_t i = 0; i < ARRAY_SIZE(t->n); i++)
                n += t->n[i];
        printf("\n%u checks: %u problem%s, %u warning%s, %u could not be looked at.%s\n", n,
               t->n[LEVEL_PROBLEM], t->n[LEVEL_PROBLEM] == 1 ? "" : "s", t->n[LEVEL_WARNING],
               t->n[LEVEL_WARNING] == 1 ? "" : "s", t->n[LEVEL_UNKNOWN],
               t->n[LEVEL_UNKNOWN] > 0 && geteuid() != 0 ? " Root sees more." : "");
}

int doctor_run(const Arguments *a)
{
        json_auto_t *array = a->output != OUTPUT_TEXT ? json_array() : NULL;
        Tallies tallies = {};
        Host host;
        int r;

        host_read(&host, "", a->socket);
        r = tell(&host, array, &tallies);
        if (r >= 0 && array)
                r = display_json(a, array);
        if (r < 0)
                return DOCTOR_FAILED;
        if (!array && a->has_legend)
                print_legend(&tallies);
        if (tallies.n[LEVEL_PROBLEM] + tallies.n[LEVEL_WARNING] > 0)
                return DOCTOR_ILL;
        return tallies.n[LEVEL_UNKNOWN] > 0 ? DOCTOR_FAILED : DOCTOR_WELL;
}
