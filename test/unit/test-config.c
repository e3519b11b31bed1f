/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* conlogd.conf and its drop-ins: each setting, and each way to be refused. */

#undef NDEBUG

#include <stdio.h>
#include <string.h>

#include "../temporary.h"
#include "daemon/config.h"

/* Two directories, "vendor" and "admin", as the daemon reads them. */
typedef struct Fixture {
        Temporary temporary;
        char vendor[80];
        char admin[80];
        ConfigError error;
} Fixture;

static void fixture_init(Fixture *f)
{
        temporary_init(&f->temporary);
        (void) snprintf(f->vendor, sizeof(f->vendor), "%s/vendor", f->temporary.path);
        (void) snprintf(f->admin, sizeof(f->admin), "%s/admin", f->temporary.path);
        assert(mkdirat(f->temporary.fd, "vendor", 0755) == 0);
        assert(mkdirat(f->temporary.fd, "admin", 0755) == 0);
}

static void fixture_done(Fixture *f)
{
        temporary_done(&f->temporary);
}

static int load(Fixture *f, Config **ret)
{
        const char *const dirs[] = { f->vendor, f->admin, NULL };

        f->error = (ConfigError){ .line = 12345 };
        *ret = NULL;
        return config_load(ret, dirs, &f->error);
}

static const char *find_option(const Config *config, const char *driver, const char *key)
{
        for (size_t i = 0; i < config->n_options; i++)
                if (config->options[i].driver == driver_find(driver) &&
                    strcmp(config->options[i].key, key) == 0)
                        return config->options[i].value;
        return "";
}

static void test_defaults(void)
{
        _cleanup_(config_freep) Config *config = NULL;
        Fixture f;

        fixture_init(&f);
        assert(load(&f, &config) == 0);
        assert(config->n_default_drivers == 1 && config->default_drivers[0] == drivers[0]);
        assert(config->containers_max == CONTAINERS_MAX_DEFAULT);
        assert(config->idle_usec == CONFIG_IDLE_DEFAULT_USEC);
        assert(config->n_options == 0);
        config = config_free(config);

        /* No directory at all is the same. */
        assert(unlinkat(f.temporary.fd, "vendor", AT_REMOVEDIR) == 0);
        assert(load(&f, &config) == 0 && config->default_drivers[0] == drivers[0]);
        fixture_done(&f);
        puts("ok: defaults");
}

static void test_settings(void)
{
        _cleanup_(config_freep) Config *config = NULL;
        Fixture f;

        fixture_init(&f);
        temporary_write(&f.temporary, "admin/conlogd.conf",
                        "# A comment\n"
                        "; another one\n"
                        "\n"
                        "   \t\r\n"
                        "[Conlogd]\n"
                        "DefaultDriver=none\n"
                        "ContainersMax = 10  \n"
                        "IdleSec=5min\r\n"
                        "[journald]\n"
                        "tag={{.Name}}\n"
                        "labels=a=b,c;d#e\n"
                        "[none]\n"
                        "level-prefix=no\n"
                        "[journald]\n"
                        "timestamp=yes");
        assert(load(&f, &config) == 0);
        assert(config->n_default_drivers == 1);
        assert(strcmp(config->default_drivers[0]->name, "none") == 0);
        assert(config->containers_max == 10);
        assert(config->idle_usec == UINT64_C(300000000));
        assert(config->n_options == 4);
        assert(strcmp(find_option(config, "journald", "tag"), "{{.Name}}") == 0);
        assert(strcmp(find_option(config, "journald", "labels"), "a=b,c;d#e") == 0);
        assert(strcmp(find_option(config, "journald", "timestamp"), "yes") == 0);
        assert(strcmp(find_option(config, "none", "level-prefix"), "no") == 0);
        fixture_done(&f);
        puts("ok: settings");
}

/* In their order; a later setting replaces all of them. */
static void test_default_drivers(void)
{
        _cleanup_(config_freep) Config *config = NULL;
        Fixture f;

        fixture_init(&f);
        temporary_write(&f.temporary, "vendor/conlogd.conf",
                        "[Conlogd]\nDefaultDriver=none \t journald\n");
        assert(load(&f, &config) == 0);
        assert(config->n_default_drivers == 2);
        assert(config->default_drivers[0] == driver_find("none"));
        assert(config->default_drivers[1] == driver_find("journald"));
        config = config_free(config);

        temporary_write(&f.temporary, "admin/conlogd.conf", "[Conlogd]\nDefaultDriver=none\n");
        assert(load(&f, &config) == 0);
        assert(config->n_default_drivers == 1);
        assert(config_is_default(config, driver_find("none")));
        assert(!config_is_default(config, driver_find("journald")));
        fixture_done(&f);
        puts("ok: default drivers");
}

/* Later files win: the directories one after the other, the drop-ins of each by name. */
static void test_order(void)
{
        _cleanup_(config_freep) Config *config = NULL;
        Fixture f;

        fixture_init(&f);
        assert(mkdirat(f.temporary.fd, "vendor/conlogd.conf.d", 0755) == 0);
        assert(mkdirat(f.temporary.fd, "admin/conlogd.conf.d", 0755) == 0);
        temporary_write(&f.temporary, "vendor/conlogd.conf",
                        "[Conlogd]\nContainersMax=1\nIdleSec=1\n[journald]\ntag=1\nlabels=1\n");
        temporary_write(&f.temporary, "vendor/conlogd.conf.d/90.conf",
                        "[Conlogd]\nIdleSec=2\n[journald]\nlabels=2\nenv=2\n");
        temporary_write(&f.temporary, "admin/conlogd.conf", "[journald]\nlabels=3\n");
        temporary_write(&f.temporary, "admin/conlogd.conf.d/20-b.conf", "[journald]\nenv=5\n");
        temporary_write(&f.temporary, "admin/conlogd.conf.d/10-a.conf",
                        "[journald]\nenv=4\nlabels=4\n");

        /* These are none. */
        temporary_write(&f.temporary, "admin/conlogd.conf.d/.hidden.conf", "[journald]\nenv=6\n");
        temporary_write(&f.temporary, "admin/conlogd.conf.d/30.conf~", "[journald]\nenv=7\n");
        temporary_write(&f.temporary, "admin/conlogd.conf.d/.conf", "[journald]\nenv=8\n");
        temporary_write(&f.temporary, "admin/conlogd.conf.d/README", "garbage");

        assert(load(&f, &config) == 0);
        assert(config->containers_max == 1);
        assert(config->idle_usec == UINT64_C(2000000));
        assert(strcmp(find_option(config, "journald", "tag"), "1") == 0);
        assert(strcmp(find_option(config, "journald", "labels"), "4") == 0);
        assert(strcmp(find_option(config, "journald", "env"), "5") == 0);
        assert(config->n_options == 3);
        fixture_done(&f);
        puts("ok: order");
}

/* One line each; the rule that is broken, or a part of it. NULL: fine. */
static const struct {
        const char *text;
        unsigned line;
        const char *rule;
} cases[] = {
        { "[Conlogd]\nDefaultDriver=bogus\n", 2, "DefaultDriver=" },
        { "[Conlogd]\nDefaultDriver=\n", 2, "DefaultDriver=" },
        { "[Conlogd]\nDefaultDriver=none journald\n", 0, NULL },
        { "[Conlogd]\nDefaultDriver=none none\n", 2, "each one once" },
        { "[Conlogd]\nDefaultDriver=none,journald\n", 2, "with blanks" },
        { "[Conlogd]\nDefaultDriver=none bogus\n", 2, "DefaultDriver=" },
        { "[Conlogd]\nContainersMax=1\n", 0, NULL },
        { "[Conlogd]\nContainersMax=10000\n", 0, NULL },
        { "[Conlogd]\nContainersMax=0\n", 2, "from 1 to 10000" },
        { "[Conlogd]\nContainersMax=10001\n", 2, "from 1 to 10000" },
        { "[Conlogd]\nContainersMax=-1\n", 2, "from 1 to 10000" },
        { "[Conlogd]\nContainersMax=1 2\n", 2, "from 1 to 10000" },
        { "[Conlogd]\nIdleSec=1\n", 0, NULL },
        { "[Conlogd]\nIdleSec=24h\n", 0, NULL },
        { "[Conlogd]\nIdleSec=999ms\n", 2, "from 1s to 24h" },
        { "[Conlogd]\nIdleSec=86401\n", 2, "from 1s to 24h" },
        { "[Conlogd]\nIdleSec=infinity\n", 2, "from 1s to 24h" },
        { "[Conlogd]\nidlesec=1\n", 2, "[Conlogd] has the settings" },
        { "[Conlogd]\nBogus=1\n", 2, "[Conlogd] has the settings" },
        { "[Conlogd]\n=1\n", 2, "[Conlogd] has the settings" },
        { "[journald]\n\ntimestamp=maybe\n", 3, "timestamp: must be yes or no" },
        { "[journald]\nbogus=1\n", 2, "bogus: the driver journald has no such option" },
        { "[journald]\nlabels-regex=(\n", 2, "labels-regex: " },
        { "[none]\ntag=a\n", 2, "tag: " },
        { "[none]\nlevel-prefix=yes\n", 0, NULL },
        { "[bogus]\na=b\n", 1, "a section is" },
        { "[CONLOGD]\na=b\n", 1, "a section is" },
        { "[bogus]\n", 1, "a section is" },
        { "IdleSec=1\n", 1, "a section is" },

        /* What is not understood at all. */
        { "garbage\n", 1, "a line is" },
        { "[Conlogd]\nIdleSec=1\ngarbage\n", 3, "a line is" },
        { "[Conlogd\nIdleSec=1\n", 1, "a line is" },
        { "[Conlogd]\n IdleSec=1\n", 2, "begin with white space" },
        { "[Conlogd]\nIdleSec=1\n\t2\n", 3, "begin with white space" },
        { " # indented\n", 1, "begin with white space" },
        { "\xef\xbb\xbf[Conlogd]\nIdleSec=1\n", 0, NULL },

        /* What inih would pass over. */
        { "[Conlogd] IdleSec=1\n", 1, "a line is" },
        { "[Conlogd]x\n", 1, "a line is" },
        { "[Conlogd] \t\r\n", 0, NULL },
        { "[Conlogd]\nIdleSec=1 ; a comment\n", 2, "comment" },
        { "[Conlogd] ; a comment\n", 1, "comment" },
        { "[journald]\nlabels-regex=^a\t;b\n", 2, "comment" },

        /* The first of several. */
        { "garbage\n[Conlogd]\nBogus=1\n", 1, "a line is" },
        { "[Conlogd]\nBogus=1\ngarbage\n", 2, "[Conlogd] has" },
        { "[Conlogd]\nBogus=1\nIdleSec=0\n", 2, "[Conlogd] has" },
        { "garbage\n indented\n", 1, "a line is" },
};

static void expect(Fixture *f, const char *file, unsigned line, const char *rule)
{
        Config *config;
        char path[256];

        assert(load(f, &config) == -EINVAL && !config);
        (void) snprintf(path, sizeof(path), "%s/%s", f->temporary.path, file);
        assert(strcmp(f->error.file, path) == 0);
        assert(f->error.line == line);
        assert(strstr(f->error.rule, rule));
}

static void test_cases(void)
{
        Config *config;
        Fixture f;

        fixture_init(&f);
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                temporary_write(&f.temporary, "admin/conlogd.conf", cases[i].text);
                if (cases[i].rule)
                        expect(&f, "admin/conlogd.conf", cases[i].line, cases[i].rule);
                else {
                        assert(load(&f, &config) == 0);
                        config_free(config);
                }
        }
        fixture_done(&f);
        puts("ok: cases");
}

static void test_long_lines(void)
{
        char text[300], line[250];
        Config *config;
        Fixture f;

        fixture_init(&f);
        for (int size = 190; size < 240; size++) {
                for (unsigned end = 0; end < 2; end++) {
                        (void) snprintf(line, sizeof(line), "tag=%0*d", size - 4, 1);
                        assert(strlen(line) == (size_t) size);
                        (void) snprintf(text, sizeof(text), "[journald]\n%s%s", line,
                                        end ? "\n" : "");
                        temporary_write(&f.temporary, "admin/conlogd.conf", text);
                        if (size > 198) {
                                expect(&f, "admin/conlogd.conf", 2, "at most 198 bytes");
                                continue;
                        }
                        assert(load(&f, &config) == 0);
                        assert(strcmp(find_option(config, "journald", "tag"), line + 4) == 0);
                        config_free(config);
                }
        }
        fixture_done(&f);
        puts("ok: long lines");
}

/* A NUL must not hide what comes behind it. */
static void test_nul(void)
{
        static const char texts[][40] = {
                "[Conlogd]\nIdleSec=1\0garbage\n",
                "[Conlogd]\nIdleSec=1\0",
                "[Conlogd]\n\0IdleSec=1\n",
                "[Conlogd]\n#\0\nIdleSec=1\n",
        };
        static const size_t sizes[] = { 28, 20, 21, 22 };
        char longer[1000];
        Fixture f;

        fixture_init(&f);
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                temporary_write_bytes(&f.temporary, "admin/conlogd.conf", texts[i], sizes[i]);
                expect(&f, "admin/conlogd.conf", 2, "NUL");
        }
        memset(longer, 'x', sizeof(longer));
        memcpy(longer, "#\0", 2);
        memcpy(longer + 199, "[Conlogd]\nIdleSec=2\n", 20);
        temporary_write_bytes(&f.temporary, "admin/conlogd.conf", longer, 219);
        expect(&f, "admin/conlogd.conf", 1, "");
        fixture_done(&f);
        puts("ok: NUL");
}

/* Files that are there but cannot be read are an error: nobody wants half of the settings. */
static void test_unreadable(void)
{
        char name[300] = "admin/conlogd.conf.d/";
        Fixture f;

        fixture_init(&f);
        assert(mkdirat(f.temporary.fd, "admin/conlogd.conf", 0755) == 0);
        expect(&f, "admin/conlogd.conf", 0, strerror(EISDIR));
        assert(unlinkat(f.temporary.fd, "admin/conlogd.conf", AT_REMOVEDIR) == 0);

        temporary_write(&f.temporary, "admin/conlogd.conf.d", "");
        expect(&f, "admin/conlogd.conf.d", 0, strerror(ENOTDIR));
        assert(unlinkat(f.temporary.fd, "admin/conlogd.conf.d", 0) == 0);
        assert(symlinkat("conlogd.conf.d", f.temporary.fd, "admin/conlogd.conf.d") == 0);
        expect(&f, "admin/conlogd.conf.d", 0, strerror(ELOOP));
        assert(unlinkat(f.temporary.fd, "admin/conlogd.conf.d", 0) == 0);

        /* A broken drop-in, and one with the longest name there is. */
        assert(mkdirat(f.temporary.fd, "admin/conlogd.conf.d", 0755) == 0);
        temporary_write(&f.temporary, "vendor/conlogd.conf", "[Conlogd]\nIdleSec=2\n");
        temporary_write(&f.temporary, "admin/conlogd.conf.d/10.conf", "[Conlogd]\nIdleSec=0\n");
        expect(&f, "admin/conlogd.conf.d/10.conf", 2, "IdleSec=");
        temporary_write(&f.temporary, "admin/conlogd.conf.d/10.conf", "[Conlogd]\nIdleSec=3\n");
        memset(name + strlen(name), '9', 250);
        strcat(name, ".conf");
        temporary_write(&f.temporary, name, "[Conlogd]\nIdleSec=0\n");
        assert(load(&f, &(Config *){ NULL }) == -EINVAL && f.error.line == 2);
        fixture_done(&f);
        puts("ok: unreadable");
}

int main(void)
{
        test_defaults();
        test_settings();
        test_default_drivers();
        test_order();
        test_cases();
        test_long_lines();
        test_nul();
        test_unreadable();
        return 0;
}
