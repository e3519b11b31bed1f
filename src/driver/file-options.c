/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The options of the drivers that write files; see the header. */

#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "driver/file-options.h"
#include "record/attributes.h"
#include "record/tag.h"

/* What the options say. */
typedef struct FileSettings {
        uint64_t max_size;
        uint64_t max_file;
        bool compresses;
} FileSettings;

static bool is_unlimited(const char *size)
{
        return strcmp(size, "unlimited") == 0;
}

int file_check_size(const char *value, char reason[REASON_MAX_BYTES])
{
        uint64_t size;

        return is_unlimited(value)
                       ? 0
                       : parse_size(value, LOG_SIZE_MIN_BYTES, LOG_SIZE_MAX_BYTES, &size);
}

int file_check_count(const char *value, char reason[REASON_MAX_BYTES])
{
        uint64_t n;

        return parse_unsigned(value, 1, LOG_FILES_MAX, &n);
}

static int file_check_tag(const char *value, char reason[REASON_MAX_BYTES])
{
        return tag_expand(span_from_string(value), NULL, NULL, reason);
}

const DriverOption file_options[FILE_OPTIONS] = {
        {
                .key = "max-size",
                .preset = "20M",
                .rule = FILE_SIZE_RULE,
                .check = file_check_size,
        },
        {
                .key = "max-file",
                .preset = "5",
                .rule = FILE_COUNT_RULE,
                .check = file_check_count,
        },
        {
                .key = "compress",
                .preset = "yes",
                .rule = FILE_COMPRESS_RULE,
                .check = driver_check_bool,
        },
        {
                .key = "tag",
                .rule = "a template such as {{.ImageName}}/{{.Name}}: it becomes an attribute",
                .check = file_check_tag,
        },
        {
                .key = "labels",
                .rule = "label keys with commas between them: they become attributes",
                .check = attributes_check_keys,
        },
        {
                .key = "labels-regex",
                .rule = "an extended regular expression for label keys",
                .check = attributes_check_regex,
        },
        {
                .key = "env",
                .rule = "variable names with commas between them: they become attributes",
                .check = attributes_check_keys,
        },
        {
                .key = "env-regex",
                .rule = "an extended regular expression for variable names",
                .check = attributes_check_regex,
        },
};

static int refuse(const char **ret_key, const char *key, char reason[REASON_MAX_BYTES],
                  const char *rule)
{
        *ret_key = key;
        (void) snprintf(reason, REASON_MAX_BYTES, "%s", rule);
        return -EINVAL;
}

/* What was said together must fit together; what is only a default gives way. */
static int file_settings_read(FileSettings *ret, const Driver *d, const Options *options,
                              const char **ret_key, char reason[REASON_MAX_BYTES])
{
        const char *size = options_get(d, options, "max-size");
        bool is_count_given = pairs_find(options->pairs, options->n_pairs, "max-file"),
             is_compress_given = pairs_find(options->pairs, options->n_pairs, "compress");
        FileSettings settings = { .max_size = UINT64_MAX };

        settings.compresses = options_get_bool(d, options, "compress");
        (void) parse_unsigned(options_get(d, options, "max-file"), 1, LOG_FILES_MAX,
                              &settings.max_file);
        if (!is_unlimited(size))
                (void) parse_size(size, LOG_SIZE_MIN_BYTES, LOG_SIZE_MAX_BYTES, &settings.max_size);

        if (is_unlimited(size) && is_count_given && settings.max_file > 1)
                return refuse(ret_key, "max-file", reason,
                              "with max-size=unlimited there is one file only: it is never "
                              "rotated. Set a max-size, or leave max-file out");
        if (is_compress_given && settings.compresses && is_unlimited(size))
                return refuse(ret_key, "compress", reason,
                              "with max-size=unlimited no file is ever rotated, and only rotated "
                              "files are compressed. Set a max-size, or compress=no");
        if (is_compress_given && settings.compresses && settings.max_file < 2)
                return refuse(ret_key, "compress", reason,
                              "needs a max-file of 2 or more: the file that is written is not "
                              "compressed");
        /* An explicit rotate keeps as many files as usual. */
        settings.compresses = settings.compresses && settings.max_file >= 2;
        *ret = settings;
        return 0;
}

/* The chosen labels and variables, as attributes_select() walks them. */
typedef struct FileAttributes {
        Pair pairs[FACTS_MAX_ATTRIBUTES + 1];
        size_t n;
} FileAttributes;

static int file_on_attribute(const Pair *pair, void *userdata)
{
        FileAttributes *a = ASSERT_PTR(userdata);

        if (a->n >= FACTS_MAX_ATTRIBUTES)
                return -E2BIG;
        a->pairs[a->n++] = *pair;
        return 0;
}

static int file_select(FileAttributes *a, const Driver *d, const Facts *facts,
                       const Options *options)
{
        Selection labels = {
                .keys = options_get(d, options, "labels"),
                .regex = options_get(d, options, "labels-regex"),
        };
        Selection env = {
                .keys = options_get(d, options, "env"),
                .regex = options_get(d, options, "env-regex"),
        };
        int r;

        r = attributes_select(&labels, facts->labels, facts->n_labels, file_on_attribute, a);
        if (r < 0)
                return r;
        return attributes_select(&env, facts->env, facts->n_env, file_on_attribute, a);
}

/* Encodes what goes with each record. A tag has its own name before any label. */
static int file_append_attributes(Buffer *b, const Driver *d, const Facts *facts,
                                  const Options *options, const FileFormat *format,
                                  const char **ret_key, char reason[REASON_MAX_BYTES])
{
        _cleanup_free_ FileAttributes *chosen = NULL;
        _cleanup_buffer_ Buffer tag = {};
        const char *template;
        int r;

        if (!format->append_attributes)
                return 0;
        chosen = calloc(1, sizeof(*chosen));
        if (!chosen)
                return -ENOMEM;
        r = file_select(chosen, d, facts, options);
        if (r < 0 && r != -E2BIG)
                return r;
        if (r >= 0) {
                template = options_get(d, options, "tag");
                if (template) {
                        *ret_key = "tag";
                        r = tag_expand(span_from_string(template), facts, &tag, reason);
                        if (r < 0)
                                return r;
                        r = buffer_append(&tag, "", 1);
                        if (r < 0)
                                return r;
                        chosen->pairs[chosen->n++] = (Pair){ "tag", tag.data };
                }
                r = format->append_attributes(b, chosen->pairs, chosen->n);
        }
        if (r < 0 && r != -E2BIG)
                return r;
        if (r == -E2BIG || b->size > FACTS_MAX_BYTES) {
                *ret_key = "labels";
                (void) snprintf(reason, REASON_MAX_BYTES,
                                "the attributes that go with every line may be %u labels and "
                                "variables and %u bytes in all: choose fewer",
                                FACTS_MAX_ATTRIBUTES, FACTS_MAX_BYTES);
                return -EINVAL;
        }
        return 0;
}

/* Copies a string (NULL stays) to *p, which moves on. */
static const char *put_string(char **p, const char *s)
{
        size_t size = s ? strlen(s) + 1 : 0;
        const char *copy = s ? memcpy(*p, s, size) : NULL;

        *p += size;
        return copy;
}

static size_t string_size(const char *s)
{
        return s ? strlen(s) + 1 : 0;
}

/* The sink's own copies of all that it needs later. */
static void file_sink_put_texts(FileSink *s, const Facts *facts, const char *path, Span attributes)
{
        char *p = s->text, *slash;

        s->info = (LogInfo){
                .id = put_string(&p, facts->id),
                .name = put_string(&p, facts->name),
                .image = put_string(&p, facts->image),
                .epoch = put_string(&p, facts->epoch),
                .driver = s->sink.driver->name,
                .path = put_string(&p, path),
        };
        s->file.root = s->files->path;
        s->file.dir = s->info.id;
        s->file.name = s->format->name;
        if (path) {
                s->file.root = p;
                (void) put_string(&p, path);
                slash = strrchr(s->file.root, '/');
                *slash = '\0';
                s->file.name = slash + 1;
                s->file.dir = NULL;
        }
        s->attributes = (Span){ p, attributes.size };
        memcpy(p, attributes.data ?: "", attributes.size);
}

/* Whether the sink of another container is to write and rotate the same file. */
static bool file_is_taken(const FileSinks *files, const char *path, const Facts *facts)
{
        const FileSink *s;

        TAILQ_FOREACH(s, &files->outside, outside)
                if (strcmp(s->info.path, path) == 0 && strcmp(s->info.id, facts->id) != 0)
                        return true;
        return false;
}

int file_options_open(const Driver *d, DriverHost *host, const Facts *facts, const Options *options,
                      const FileFormat *format, const char *path, Sink **ret, const char **ret_key,
                      char reason[REASON_MAX_BYTES])
{
        _cleanup_buffer_ Buffer attributes = {};
        FileSettings settings;
        FileSink *s;
        int r;

        r = file_settings_read(&settings, d, options, ret_key, reason);
        if (r < 0)
                return r;
        r = file_append_attributes(&attributes, d, facts, options, format, ret_key, reason);
        if (r < 0)
                return r;
        if (path && file_is_taken(host->files, path, facts))
                return refuse(ret_key, "path", reason,
                              "another container logs to this file: each needs one of its own");

        s = malloc(sizeof(*s) + string_size(facts->id) + string_size(facts->name) +
                   string_size(facts->image) + string_size(facts->epoch) + 2 * string_size(path) +
                   attributes.size);
        if (!s)
                return -ENOMEM;
        *s = (FileSink){
                .sink.driver = d,
                .sink.taker = path ? "the file of path=" : host->files->path,
                .files = host->files,
                .format = format,
                .file.fd = -1,
                .file.max_file = (unsigned) settings.max_file,
                .max_size = settings.max_size,
                .compresses = settings.compresses,
                .wants_compression = settings.compresses,
                .is_outside = path,
        };
        file_sink_put_texts(s, facts, path, buffer_span(&attributes));
        if (path)
                TAILQ_INSERT_TAIL(&host->files->outside, s, outside);
        *ret = &s->sink;
        return 0;
}
