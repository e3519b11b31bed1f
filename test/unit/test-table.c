/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tables: widths, alignment, and foreign text in cells. */

#undef NDEBUG

#include <stdio.h>
#include <string.h>

#include "tool/table.h"

static const TableColumn columns[] = { { "ID" }, { "LINES", true }, { "NAME" } };

static void expect(const Table *t, bool has_heading, bool is_bold, const char *expected)
{
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *f;

        f = open_memstream(&text, &size);
        assert(f);
        table_print(t, f, has_heading, is_bold);
        assert(fclose(f) == 0);
        if (strcmp(text, expected) != 0) {
                printf("got:\n%sexpected:\n%s", text, expected);
                exit(EXIT_FAILURE);
        }
}

static void test_empty(void)
{
        _cleanup_(table_freep) Table *t = NULL;

        assert(table_new(&t, columns, ARRAY_SIZE(columns)) == 0);
        expect(t, true, false, "ID LINES NAME\n");
        expect(t, false, false, "");
        puts("ok: empty table");
}

static void test_rows(void)
{
        _cleanup_(table_freep) Table *t = NULL;

        assert(table_new(&t, columns, ARRAY_SIZE(columns)) == 0);
        assert(table_add(t, "a") == 0 && table_addf(t, "%d", 7) == 0 && table_add(t, "x") == 0);
        assert(table_add(t, "käse") == 0 && table_addf(t, "%d", 1234567) == 0 &&
               table_add(t, NULL) == 0);
        assert(table_add(t, "") == 0 && table_add(t, "1") == 0 && table_add(t, "\033[2J") == 0);
        expect(t, true, false,
               "ID     LINES NAME\n"
               "a          7 x\n"
               "käse 1234567 -\n"
               "-          1 \\x1b[2J\n");
        expect(t, true, true,
               "\033[1mID     LINES NAME\033[0m\n"
               "a          7 x\n"
               "käse 1234567 -\n"
               "-          1 \\x1b[2J\n");
        expect(t, false, true,
               "a          7 x\n"
               "käse 1234567 -\n"
               "-          1 \\x1b[2J\n");
        puts("ok: rows");
}

int main(void)
{
        test_empty();
        test_rows();
        return 0;
}
