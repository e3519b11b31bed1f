/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A table of text in columns as wide as they need to be, as systemctl(1) shows them.
 */

#include <stdio.h>

#include "base/base.h"

typedef struct Table Table;

/* One column: its heading, and whether it holds numbers, which stand at the right. */
typedef struct TableColumn {
        const char *heading;
        bool is_number;
} TableColumn;

/* columns must outlive the table. */
int table_new(Table **ret, const TableColumn *columns, size_t n_columns);
Table *table_free(Table *table);
DEFINE_CLEANUP(Table, table_free);

/* Fills the next cell, row by row. Text is copied and escaped; NULL and "" show as "-". */
int table_add(Table *table, const char *text);

/* The same with a format for what needs no escaping. */
int table_addf(Table *table, const char *format, ...) _printf_(2, 3);

/* Prints the rows, and above them the headings if wanted, bold ones if is_bold. */
void table_print(const Table *table, FILE *f, bool has_heading, bool is_bold);
