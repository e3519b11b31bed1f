/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A table; see the header. */

#include <stdarg.h>

#include "base/buffer.h"
#include "tool/escape.h"
#include "tool/table.h"

struct Table {
        const TableColumn *columns;
        size_t n_columns;
        Buffer cells; /* each ended by NUL */
        size_t n_cells;
        size_t *widths;
};

int table_new(Table **ret, const TableColumn *columns, size_t n_columns)
{
        _cleanup_(table_freep) Table *t = NULL;

        t = calloc(1, sizeof(*t));
        if (!t)
                return -ENOMEM;
        *t = (Table){ .columns = columns, .n_columns = n_columns };

        t->widths = calloc(n_columns, sizeof(*t->widths));
        if (!t->widths)
                return -ENOMEM;
        for (size_t i = 0; i < n_columns; i++)
                t->widths[i] = strlen(columns[i].heading);

        *ret = TAKE_PTR(t);
        return 0;
}

Table *table_free(Table *t)
{
        if (!t)
                return NULL;
        buffer_done(&t->cells);
        free(t->widths);
        free(t);
        return NULL;
}

int table_add(Table *t, const char *text)
{
        _cleanup_free_ char *escaped = NULL;
        size_t *width = &t->widths[t->n_cells % t->n_columns];
        int r;

        escaped = escape_new(span_from_string(text && *text ? text : "-"));
        if (!escaped)
                return -ENOMEM;
        r = buffer_append(&t->cells, escaped, strlen(escaped) + 1);
        if (r < 0)
                return r;

        *width = MAX(*width, escape_columns(escaped));
        t->n_cells++;
        return 0;
}

int table_addf(Table *t, const char *format, ...)
{
        _cleanup_free_ char *text = NULL;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&text, format, ap);
        va_end(ap);
        if (n < 0) {
                text = NULL; /* undefined */
                return -ENOMEM;
        }
        return table_add(t, text);
}

static void table_print_cell(const Table *t, FILE *f, size_t column, const char *text)
{
        int pad = (int) (t->widths[column] - escape_columns(text));
        bool is_last = column + 1 == t->n_columns;

        if (t->columns[column].is_number)
                fprintf(f, "%*s%s", pad, "", text);
        else
                fprintf(f, "%s%*s", text, is_last ? 0 : pad, "");
        fputs(is_last ? "" : " ", f);
}

void table_print(const Table *t, FILE *f, bool has_heading, bool is_bold)
{
        const char *text = t->cells.data;

        if (has_heading) {
                fputs(is_bold ? "\033[1m" : "", f);
                for (size_t i = 0; i < t->n_columns; i++)
                        table_print_cell(t, f, i, t->columns[i].heading);
                fputs(is_bold ? "\033[0m\n" : "\n", f);
        }

        for (size_t i = 0; i < t->n_cells; i++) {
                table_print_cell(t, f, i % t->n_columns, text);
                text += strlen(text) + 1;
                if ((i + 1) % t->n_columns == 0)
                        fputc('\n', f);
        }
}
