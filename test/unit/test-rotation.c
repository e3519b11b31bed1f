/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The names of rotated files: in order, whatever stops a rotation in its middle. */

#include "../file-faults.h"

#include <string.h>

#include "../temporary.h"
#include "io/rotation.h"

/* The files "log", "log.1" … as one letter each, "." for none: a letter is the content, a capital
 * one that of a compressed file; "x" is one that is there in both forms. */
static void set(Temporary *t, const char *files)
{
        char name[ROTATION_NAME_BYTES], text[2] = "";

        for (unsigned i = 0; files[i]; i++) {
                text[0] = files[i];
                if (i == 0 && files[i] != '.')
                        temporary_write(t, "log", text);
                rotation_get_name("log", i, "", name);
                if (i > 0 && files[i] >= 'a')
                        temporary_write(t, name, files[i] == 'x' ? "old" : text);
                rotation_get_name("log", i, ".gz", name);
                if (i > 0 && ((files[i] >= 'A' && files[i] <= 'Z') || files[i] == 'x'))
                        temporary_write(t, name, text);
        }
}

static void expect(Temporary *t, const char *files)
{
        char name[ROTATION_NAME_BYTES], other[ROTATION_NAME_BYTES], text[2] = "";

        for (unsigned i = 0; i < 9; i++) {
                bool is_compressed;

                text[0] = i < strlen(files) ? files[i] : '.';
                is_compressed = text[0] == 'x' || (text[0] >= 'A' && text[0] <= 'Z');
                rotation_get_name("log", i, is_compressed ? ".gz" : "", name);
                rotation_get_name("log", i, is_compressed ? "" : ".gz", other);
                if (i == 0)
                        (void) strcpy(name, "log");
                if (text[0] == '.')
                        assert(!temporary_has(t, name));
                else
                        temporary_expect(t, name, text);
                assert(!temporary_has(t, other));
        }
}

static void test_shift(void)
{
        static const struct {
                const char *before;
                unsigned max_file;
                const char *after;
        } rows[] = {
                { "a", 5, ".a" },
                { ".", 5, "." },
                { ".b", 5, "..b" },
                { "abc", 5, ".abc" },
                { "abcde", 5, ".abcd" },
                { "aBcDe", 5, ".aBcD" },
                { "ab", 1, "." },
                { "ab", 2, ".a" },
                /* What a killed process has left: a gap is filled, nothing is deleted for it. */
                { "a.cd", 4, ".acd" },
                { "ab.de", 5, ".abde" },
                { ".bcd", 4, "..bc" },
                /* There in both forms: the compressed one counts. */
                { "axcd", 5, ".axcd" },
                { "abxd", 4, ".abx" },
                /* There were more once. */
                { "abcdefgh", 3, ".ab" },
                { "abcdefgh", 1, "." },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Temporary t;

                temporary_init(&t);
                set(&t, rows[i].before);
                assert(rotation_shift(t.fd, "log", rows[i].max_file) == 0);
                expect(&t, rows[i].after);
                temporary_done(&t);
        }
        puts("ok: shift");
}

/* Each call fails once; the next attempt goes on, and nothing more is lost than at the first. */
static void test_stopped(void)
{
        unsigned at = 1;

        for (;; at++) {
                Temporary t;
                int r;

                temporary_init(&t);
                set(&t, "axCde");
                fault_set(at, EIO, 0);
                r = rotation_shift(t.fd, "log", 5);
                fault_set(0, 0, 0);
                if (r == 0 && !temporary_has(&t, "log.5")) {
                        expect(&t, ".axCd");
                        temporary_done(&t);
                        break;
                }
                assert(r == -EIO);
                assert(rotation_shift(t.fd, "log", 5) == 0);
                expect(&t, ".axCd");
                temporary_done(&t);
        }
        assert(at > 8);
        printf("ok: stopped at %u calls\n", at);
}

/* What is in the way is moved and deleted like a file, if that can be. */
static void test_in_the_way(void)
{
        Temporary t;

        temporary_init(&t);
        assert(mkdirat(t.fd, "log", 0700) == 0 && symlinkat("/etc/passwd", t.fd, "log.1") == 0);
        assert(rotation_shift(t.fd, "log", 3) == 0);
        assert(!temporary_has(&t, "log") && temporary_has(&t, "log.1"));
        assert(rotation_find_plain(t.fd, "log", 3) == 2);
        temporary_write(&t, "log", "a");
        assert(rotation_shift(t.fd, "log", 3) == 0);
        temporary_expect(&t, "log.1", "a");
        assert(rotation_shift(t.fd, "log", 3) == 0 && !temporary_has(&t, "log.1"));
        assert(rotation_shift(t.fd, "log", 1) == 0);

        assert(mkdirat(t.fd, "log", 0700) == 0 && mkdirat(t.fd, "log/full", 0700) == 0);
        assert(rotation_shift(t.fd, "log", 1) == -ENOTEMPTY);
        temporary_done(&t);
        puts("ok: in the way");
}

static void test_find(void)
{
        struct stat st;
        Temporary t;

        temporary_init(&t);
        set(&t, "abCd");
        assert(fstatat(t.fd, "log.3", &st, 0) == 0);
        assert(rotation_find(t.fd, "log", 5, st.st_ino) == 3);
        assert(rotation_find(t.fd, "log", 3, st.st_ino) == 0);
        assert(rotation_find_plain(t.fd, "log", 5) == 3);
        assert(rotation_find_plain(t.fd, "log", 3) == 1);
        assert(rotation_find_plain(t.fd, "log", 1) == 0);
        assert(rotation_find_plain(t.fd, "none", 5) == 0);
        temporary_done(&t);
        puts("ok: find");
}

int main(void)
{
        test_shift();
        test_stopped();
        test_in_the_way();
        test_find();
        return 0;
}
