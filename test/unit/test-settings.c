/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Settings of systemd: which file counts, and which line of it. */

#include "../temporary.h"
#include "tool/settings.h"

static void make_directory(Temporary *t, const char *name)
{
        char path[128];

        for (const char *end = strchr(name, '/'); end; end = strchr(end + 1, '/')) {
                (void) snprintf(path, sizeof(path), "%.*s", (int) (end - name), name);
                assert(mkdirat(t->fd, path, 0755) == 0 || errno == EEXIST);
        }
}

static void write_file(Temporary *t, const char *name, const char *text)
{
        make_directory(t, name);
        temporary_write(t, name, text);
}

static void expect(Temporary *t, const char *key, const char *expected)
{
        _cleanup_free_ char *value = NULL;

        assert(settings_read(t->path, "journald.conf", "Journal", key, &value) == 0);
        if (expected ? !value || strcmp(value, expected) != 0 : !!value) {
                printf("%s is %s, not %s\n", key, value ?: "not set", expected ?: "not set");
                exit(EXIT_FAILURE);
        }
}

static void test_lines(void)
{
        Temporary t;

        temporary_init(&t);
        expect(&t, "Storage", NULL);
        write_file(&t, "etc/systemd/journald.conf",
                   "Storage=before\n"
                   "[Other]\nStorage=other\n"
                   "[Journal]\n"
                   "#Storage=comment\n"
                   "; Storage=comment\n"
                   " MaxUse = 4G \n"
                   "Storage=first\n"
                   "Storage\n"
                   "Storage=last=more\n"
                   "Empty=x\nEmpty=\n"
                   "[JournalX]\nStorage=wrong\n"
                   "[Journal]\nLate=yes");
        expect(&t, "Storage", "last=more");
        expect(&t, "MaxUse", "4G");
        expect(&t, "Empty", NULL);
        expect(&t, "Late", "yes");
        expect(&t, "storage", NULL);
        temporary_done(&t);
        puts("ok: lines");
}

static void test_order(void)
{
        Temporary t;

        temporary_init(&t);
        write_file(&t, "usr/lib/systemd/journald.conf", "[Journal]\nA=usr\nB=usr\n");
        expect(&t, "A", "usr");
        write_file(&t, "etc/systemd/journald.conf", "[Journal]\nA=etc\n");
        expect(&t, "A", "etc");
        /* Of the main files one counts. */
        expect(&t, "B", NULL);

        write_file(&t, "usr/lib/systemd/journald.conf.d/20.conf", "[Journal]\nA=usr-20\nB=20\n");
        expect(&t, "A", "usr-20");
        write_file(&t, "etc/systemd/journald.conf.d/10.conf", "[Journal]\nA=etc-10\n");
        expect(&t, "A", "usr-20");
        write_file(&t, "run/systemd/journald.conf.d/30.conf", "[Journal]\nA=run-30\n");
        expect(&t, "A", "run-30");
        write_file(&t, "etc/systemd/journald.conf.d/40.conf.bak", "[Journal]\nA=no\n");
        write_file(&t, "etc/systemd/journald.conf.d/.50.conf", "[Journal]\nA=no\n");
        expect(&t, "A", "run-30");

        /* The same name in a directory that goes first hides the others, empty or not. */
        write_file(&t, "etc/systemd/journald.conf.d/30.conf", "");
        expect(&t, "A", "usr-20");
        assert(symlinkat("/dev/null", t.fd, "run/systemd/journald.conf.d/20.conf") == 0);
        expect(&t, "A", "etc-10");
        expect(&t, "B", NULL);
        temporary_done(&t);
        puts("ok: order of files");
}

static void test_failure(void)
{
        char *value = NULL;
        Temporary t;

        temporary_init(&t);
        make_directory(&t, "etc/systemd/journald.conf/");
        assert(settings_read(t.path, "journald.conf", "Journal", "A", &value) < 0 && !value);
        temporary_done(&t);
        puts("ok: a file that cannot be read");
}

int main(void)
{
        test_lines();
        test_order();
        test_failure();
        return 0;
}
