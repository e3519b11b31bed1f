/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Settings of systemd; see the header. */

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "tool/settings.h"

#define WHITE " \t\r\n"

static const char *const directories[] = { "/etc/systemd", "/run/systemd", "/usr/local/lib/systemd",
                                           "/usr/lib/systemd" };

/* A drop-in: of those with the same name only the first one that was found. */
typedef struct DropIn {
        const char *directory;
        char *name;
} DropIn;

typedef struct DropIns {
        DropIn *items;
        size_t n_items;
} DropIns;

static void file_closep(FILE **f)
{
        if (*f)
                (void) fclose(*f);
}

static void directory_closep(DIR **d)
{
        if (*d)
                (void) closedir(*d);
}

static void drop_ins_done(DropIns *d)
{
        for (size_t i = 0; i < d->n_items; i++)
                free(d->items[i].name);
        free(d->items);
}

/* Cuts white space off both ends, in place. */
static char *strip(char *s)
{
        size_t n;

        s += strspn(s, WHITE);
        for (n = strlen(s); n > 0 && strchr(WHITE, s[n - 1]); n--)
                s[n - 1] = '\0';
        return s;
}

/* Takes a line; is_inside says whether it stands in the section. */
static int take_line(char *line, const char *section, const char *key, bool *is_inside,
                     char **value)
{
        char *equals, *copy;

        line = strip(line);
        if (*line == '[') {
                size_t size = strlen(section);

                *is_inside = strncmp(line + 1, section, size) == 0 && line[1 + size] == ']';
                return 0;
        }
        equals = strchr(line, '=');
        if (!*is_inside || !equals || *line == '#' || *line == ';')
                return 0;
        *equals = '\0';
        if (strcmp(strip(line), key) != 0)
                return 0;

        copy = strdup(strip(equals + 1));
        if (!copy)
                return -ENOMEM;
        free(*value);
        *value = copy;
        return 0;
}

/* Returns 1, or 0 if there is no such file. */
static int read_file(const char *path, const char *section, const char *key, char **value)
{
        _cleanup_(file_closep) FILE *f = NULL;
        _cleanup_free_ char *line = NULL;
        bool is_inside = false;
        size_t size = 0;
        int r = 0;

        f = fopen(path, "re");
        if (!f)
                return errno == ENOENT ? 0 : -errno;
        while (r >= 0 && getline(&line, &size, f) >= 0)
                r = take_line(line, section, key, &is_inside, value);
        if (r < 0)
                return r;
        return ferror(f) ? -EIO : 1;
}

static int compare(const void *a, const void *b)
{
        return strcmp(((const DropIn *) a)->name, ((const DropIn *) b)->name);
}

static int drop_ins_add(DropIns *d, const char *directory, const char *name)
{
        size_t size = strlen(name);
        DropIn *items;

        if (*name == '.' || size <= 5 || strcmp(name + size - 5, ".conf") != 0)
                return 0;
        for (size_t i = 0; i < d->n_items; i++)
                if (strcmp(d->items[i].name, name) == 0)
                        return 0;
        items = reallocarray(d->items, d->n_items + 1, sizeof(*items));
        if (!items)
                return -ENOMEM;
        d->items = items;
        items[d->n_items] = (DropIn){ directory, strdup(name) };
        if (!items[d->n_items].name)
                return -ENOMEM;
        d->n_items++;
        return 0;
}

static int drop_ins_list(DropIns *d, const char *root, const char *name)
{
        char path[PATH_MAX];

        for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
                _cleanup_(directory_closep) DIR *dir = NULL;
                struct dirent *entry;

                (void) snprintf(path, sizeof(path), "%s%s/%s.d", root, directories[i], name);
                dir = opendir(path);
                if (!dir && errno != ENOENT)
                        return -errno;
                while (dir && (entry = readdir(dir))) {
                        int r = drop_ins_add(d, directories[i], entry->d_name);

                        if (r < 0)
                                return r;
                }
        }
        if (d->n_items > 0)
                qsort(d->items, d->n_items, sizeof(*d->items), compare);
        return 0;
}

int settings_read(const char *root, const char *name, const char *section, const char *key,
                  char **ret)
{
        _cleanup_(drop_ins_done) DropIns drop_ins = {};
        _cleanup_free_ char *value = NULL;
        char path[PATH_MAX];
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(directories) && r == 0; i++) {
                (void) snprintf(path, sizeof(path), "%s%s/%s", root, directories[i], name);
                r = read_file(path, section, key, &value);
        }
        if (r >= 0)
                r = drop_ins_list(&drop_ins, root, name);
        for (size_t i = 0; i < drop_ins.n_items && r >= 0; i++) {
                (void) snprintf(path, sizeof(path), "%s%s/%s.d/%s", root,
                                drop_ins.items[i].directory, name, drop_ins.items[i].name);
                r = read_file(path, section, key, &value);
        }
        if (r < 0)
                return r;
        *ret = value && *value ? TAKE_PTR(value) : NULL;
        return 0;
}
