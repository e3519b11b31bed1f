/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* conlogd.conf(5); see the header. */

#include <dirent.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "daemon/config.h"

#define CONFIG_DRIVER_DEFAULT "journald"

#define SECTION_RULE "a section is [Conlogd] or the name of a driver, such as [journald]"
#define LINE_RULE "a line is [Section], Key=value, or a comment after #"
#define WHITE " \t\r\n\v\f"

/* One file being read. */
typedef struct ConfigFile {
        FILE *stream;
        Config *config;
        ConfigError *error;
        unsigned line; /* the one inih was given last */
        bool is_refused;
} ConfigFile;

static void config_closep(FILE **f)
{
        if (*f)
                (void) fclose(*f);
}

/* Remembers the first refusal of a file. Returns 0, which tells inih that the line is bad. */
static int config_refuse(ConfigFile *file, const char *rule, ...) _printf_(2, 3);

static int config_refuse(ConfigFile *file, const char *rule, ...)
{
        va_list ap;

        if (file->is_refused)
                return 0;
        file->is_refused = true;
        file->error->line = file->line;
        va_start(ap, rule);
        (void) vsnprintf(file->error->rule, sizeof(file->error->rule), rule, ap);
        va_end(ap);
        return 0;
}

static int config_parse_drivers(Config *config, const char *value)
{
        size_t n = 0;

        for (value += strspn(value, WHITE); *value; value += strspn(value, WHITE)) {
                Span name = { value, strcspn(value, WHITE) };
                const Driver *driver = NULL;

                for (size_t i = 0; drivers[i]; i++)
                        if (span_equal_string(name, drivers[i]->name))
                                driver = drivers[i];
                for (size_t i = 0; i < n; i++)
                        if (config->default_drivers[i] == driver)
                                return -EINVAL;
                if (!driver || n == DRIVERS_PER_CONTAINER_MAX)
                        return -EINVAL;
                config->default_drivers[n++] = driver;
                value += name.size;
        }
        config->n_default_drivers = n;
        return n > 0 ? 0 : -EINVAL;
}

static int config_set_own(ConfigFile *file, const char *key, const char *value)
{
        Config *config = file->config;
        uint64_t n;

        if (strcmp(key, "DefaultDriver") == 0) {
                if (config_parse_drivers(config, value) < 0)
                        return config_refuse(file,
                                             "DefaultDriver= must be one to %u of the drivers that "
                                             "\"conlogctl drivers\" lists, with blanks between "
                                             "them, each one once",
                                             DRIVERS_PER_CONTAINER_MAX);
                return 1;
        }
        if (strcmp(key, "ContainersMax") == 0) {
                if (parse_unsigned(value, 1, CONTAINERS_MAX, &n) < 0)
                        return config_refuse(file, "ContainersMax= must be a number from 1 to %u",
                                             CONTAINERS_MAX);
                config->containers_max = (unsigned) n;
                return 1;
        }
        if (strcmp(key, "IdleSec") == 0) {
                if (parse_usec(value, 1000000, UINT64_C(86400000000), &config->idle_usec) < 0)
                        return config_refuse(file, "IdleSec= must be a time from 1s to 24h");
                return 1;
        }
        return config_refuse(file, "[Conlogd] has the settings DefaultDriver=, ContainersMax= and "
                                   "IdleSec=");
}

static int config_set_option(ConfigFile *file, const Driver *driver, const char *key,
                             const char *value)
{
        Config *config = file->config;
        Pair pair = { key, value };
        char reason[REASON_MAX_BYTES];
        const char *bad_key;
        ConfigOption *options, option = { .driver = driver };

        if (options_check(driver, &(Options){ &pair, 1 }, &bad_key, reason) < 0)
                return config_refuse(file, "%.200s: %.300s", key, reason);

        for (size_t i = 0; i < config->n_options; i++) {
                ConfigOption *o = &config->options[i];
                char *copy;

                if (o->driver != driver || strcmp(o->key, key) != 0)
                        continue;
                copy = strdup(value);
                if (!copy)
                        return config_refuse(file, "no memory");
                free(o->value);
                o->value = copy;
                return 1;
        }

        options = reallocarray(config->options, config->n_options + 1, sizeof(*options));
        if (!options)
                return config_refuse(file, "no memory");
        config->options = options;
        option.key = strdup(key);
        option.value = strdup(value);
        if (!option.key || !option.value) {
                free(option.key);
                free(option.value);
                return config_refuse(file, "no memory");
        }
        config->options[config->n_options++] = option;
        return 1;
}

static int config_on_setting(void *userdata, const char *section, const char *key,
                             const char *value)
{
        ConfigFile *file = ASSERT_PTR(userdata);
        const Driver *driver;

        if (strcmp(section, "Conlogd") == 0)
                return config_set_own(file, key, value);
        driver = driver_find(section);
        if (driver)
                return config_set_option(file, driver, key, value);
        return config_refuse(file, SECTION_RULE);
}

static bool config_has_section(Span name)
{
        if (span_equal_string(name, "Conlogd"))
                return true;
        for (size_t i = 0; drivers[i]; i++)
                if (span_equal_string(name, drivers[i]->name))
                        return true;
        return false;
}

/* Why inih would take a line for something else than it looks like, or NULL. */
static const char *config_check_line(const char *line)
{
        size_t white = strspn(line, WHITE);
        const char *end = strchr(line, ']');

        if (line[white] == '\0' || line[0] == '#' || line[0] == ';')
                return NULL;
        if (white > 0)
                return "a line must not begin with white space";
        for (const char *p = strchr(line, ';'); p; p = strchr(p + 1, ';'))
                if (p > line && strchr(WHITE, p[-1]))
                        return "a comment begins its line: no ; after white space";
        if (line[0] == '[' && end && end[1 + strspn(end + 1, WHITE)] != '\0')
                return LINE_RULE;
        /* inih tells of a section only by the settings in it. */
        if (line[0] == '[' && end &&
            !config_has_section((Span){ line + 1, (size_t) (end - line) - 1 }))
                return SECTION_RULE;
        return NULL;
}

/* fgets() for inih, which has no other way to be told of a line that is too long or odd. */
static char *config_on_line(char *line, int size, void *userdata)
{
        ConfigFile *file = ASSERT_PTR(userdata);
        const char *end, *rule;

        if (file->is_refused)
                return NULL;
        /* So that the last NUL is the one that fgets() writes. */
        memset(line, '\n', (size_t) size);
        if (!fgets(line, size, file->stream)) {
                if (ferror(file->stream))
                        config_refuse(file, "%s", strerror(errno));
                return NULL;
        }
        file->line++;

        end = memrchr(line, '\0', (size_t) size);
        if (strlen(line) < (size_t) (end - line))
                config_refuse(file, "a line has no NUL byte");
        else if (end - line == size - 1 && end[-1] != '\n')
                config_refuse(file, "a line has at most %i bytes", size - 2);
        else if ((rule = config_check_line(line)))
                config_refuse(file, "%s", rule);
        return file->is_refused ? NULL : line;
}

static int config_refuse_path(ConfigError *error, const char *path, int e)
{
        *error = (ConfigError){};
        (void) snprintf(error->file, sizeof(error->file), "%s", path);
        (void) snprintf(error->rule, sizeof(error->rule), "%s", strerror(e));
        return e == ENOMEM ? -ENOMEM : -EINVAL;
}

static int config_read_file(Config *config, const char *path, ConfigError *error)
{
        _cleanup_(config_closep) FILE *stream = NULL;
        ConfigFile file = { .config = config, .error = error };
        int r;

        stream = fopen(path, "re");
        if (!stream)
                return errno == ENOENT ? 0 : config_refuse_path(error, path, errno);

        *error = (ConfigError){};
        (void) snprintf(error->file, sizeof(error->file), "%s", path);
        file.stream = stream;
        r = ini_parse_stream(config_on_line, &file, config_on_setting, &file);
        if (r < 0)
                return -ENOMEM;
        /* inih goes on after a line that is none: what it meets then is not the first error. */
        if (r > 0 && (!file.is_refused || (unsigned) r < error->line)) {
                file.is_refused = false;
                file.line = (unsigned) r;
                config_refuse(&file, LINE_RULE);
        }
        return file.is_refused ? -EINVAL : 0;
}

static int config_is_drop_in(const struct dirent *entry)
{
        size_t n = strlen(entry->d_name);

        return entry->d_name[0] != '.' && n > 5 && strcmp(entry->d_name + n - 5, ".conf") == 0;
}

static int config_read_dir(Config *config, const char *dir, ConfigError *error)
{
        char path[512], drop_in_dir[200];
        struct dirent **entries;
        int n, r;

        (void) snprintf(path, sizeof(path), "%s/conlogd.conf", dir);
        r = config_read_file(config, path, error);
        if (r < 0)
                return r;

        (void) snprintf(drop_in_dir, sizeof(drop_in_dir), "%s/conlogd.conf.d", dir);
        n = scandir(drop_in_dir, &entries, config_is_drop_in, alphasort);
        if (n < 0 && errno == ENOENT)
                return 0;
        if (n < 0)
                return config_refuse_path(error, drop_in_dir, errno);

        for (int i = 0; i < n; i++) {
                (void) snprintf(path, sizeof(path), "%s/%s", drop_in_dir, entries[i]->d_name);
                if (r >= 0)
                        r = config_read_file(config, path, error);
                free(entries[i]);
        }
        free(entries);
        return r;
}

int config_load(Config **ret, const char *const *dirs, ConfigError *error)
{
        _cleanup_(config_freep) Config *config = NULL;
        int r;

        r = config_new(&config);
        if (r < 0)
                return r;
        for (size_t i = 0; dirs[i]; i++) {
                r = config_read_dir(config, dirs[i], error);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(config);
        return 0;
}

bool config_is_default(const Config *config, const Driver *driver)
{
        for (size_t i = 0; i < config->n_default_drivers; i++)
                if (config->default_drivers[i] == driver)
                        return true;
        return false;
}

const char *config_get_option(const Config *config, const Driver *driver, const char *key)
{
        for (size_t i = 0; i < config->n_options; i++)
                if (config->options[i].driver == driver && strcmp(config->options[i].key, key) == 0)
                        return config->options[i].value;
        return NULL;
}

int config_new(Config **ret)
{
        Config *config;

        config = malloc(sizeof(*config));
        if (!config)
                return -ENOMEM;
        *config = (Config){
                .default_drivers = { driver_find(CONFIG_DRIVER_DEFAULT) },
                .n_default_drivers = 1,
                .containers_max = CONTAINERS_MAX_DEFAULT,
                .idle_usec = CONFIG_IDLE_DEFAULT_USEC,
        };
        *ret = config;
        return 0;
}

Config *config_free(Config *config)
{
        if (!config)
                return NULL;
        for (size_t i = 0; i < config->n_options; i++) {
                free(config->options[i].key);
                free(config->options[i].value);
        }
        free(config->options);
        free(config);
        return NULL;
}
