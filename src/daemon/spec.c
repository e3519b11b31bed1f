/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What Create was told; see the header. */

#include <stdio.h>
#include <string.h>
#include <systemd/sd-id128.h>
#include <time.h>

#include "base/buffer.h"
#include "daemon/choices.h"
#include "daemon/spec.h"
#include "io/rundir.h"

#define ALPHANUMERIC "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

bool spec_id_is_valid(const char *id)
{
        size_t size = strlen(id);

        return size > 0 && size <= ID_MAX_BYTES && !strchr("_.-", id[0]) &&
               strspn(id, ALPHANUMERIC "_.-") == size;
}

/* Printable on one line: no control characters. The JSON parser has checked that it is UTF-8. */
static bool text_is_plain(const char *s)
{
        for (; *s; s++)
                if ((unsigned char) *s < 0x20 || *s == 0x7f)
                        return false;
        return true;
}

/* An optional string of the request. An empty one counts as absent. */
static int spec_get_text(json_t *request, const char *key, size_t max, const char **ret,
                         Refusal *refusal)
{
        const char *s = json_string_value(json_object_get(request, key));

        if (!s || !*s) {
                *ret = NULL;
                return 0;
        }
        if (strlen(s) > max)
                return refuse_value(refusal, key, "at most %zu bytes", max);
        if (!text_is_plain(s))
                return refuse_value(refusal, key, "no control characters");
        *ret = s;
        return 0;
}

static bool unit_is_valid(const char *unit)
{
        static const char *const suffixes[] = { ".service", ".scope", ".socket", ".mount",
                                                ".timer",   ".slice", ".path",   ".swap",
                                                ".target",  ".device" };
        const char *dot = strrchr(unit, '.');

        if (!dot || dot == unit || strspn(unit, ALPHANUMERIC ":_.\\@-") != strlen(unit))
                return false;
        for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++)
                if (strcmp(dot, suffixes[i]) == 0)
                        return true;
        return false;
}

static int spec_read_names(Spec *spec, json_t *request, Refusal *refusal)
{
        Facts *f = &spec->facts;
        int r;

        f->id = json_string_value(json_object_get(request, "id"));
        if (!f->id || !spec_id_is_valid(f->id))
                return refuse_value(refusal, "id", SPEC_ID_RULE);

        r = spec_get_text(request, "name", NAME_MAX_BYTES, &f->name, refusal);
        if (r < 0)
                return r;
        /* Docker's own spelling of a name. */
        if (f->name && f->name[0] == '/')
                f->name = f->name[1] ? f->name + 1 : NULL;
        r = spec_get_text(request, "image", IMAGE_MAX_BYTES, &f->image, refusal);
        if (r < 0)
                return r;
        r = spec_get_text(request, "imageId", IMAGE_MAX_BYTES, &f->image_id, refusal);
        if (r < 0)
                return r;
        r = spec_get_text(request, "unit", UNIT_MAX_BYTES, &f->unit, refusal);
        if (r < 0)
                return r;
        if (f->unit && !unit_is_valid(f->unit))
                return refuse_value(refusal, "unit", "the name of a unit, such as web.service");
        return 0;
}

static int spec_read_labels(Spec *spec, Pair *pairs, json_t *labels, Refusal *refusal)
{
        const char *key;
        json_t *value;

        spec->facts.labels = pairs;
        json_object_foreach(labels, key, value) {
                const char *s = json_string_value(value);

                if (!*key || strlen(key) > LABEL_KEY_MAX_BYTES)
                        return refuse_value(refusal, "labels", "a key has 1 to %u bytes",
                                            LABEL_KEY_MAX_BYTES);
                if (!s || strlen(s) > LABEL_VALUE_MAX_BYTES)
                        return refuse_value(refusal, "labels",
                                            "a value is a string of at most %u bytes",
                                            LABEL_VALUE_MAX_BYTES);
                pairs[spec->facts.n_labels++] = (Pair){ key, s };
        }
        return 0;
}

static int spec_read_env(Spec *spec, Pair *pairs, json_t *env, Refusal *refusal)
{
        size_t index, size = 0;
        json_t *value;
        char *p;

        json_array_foreach(env, index, value) {
                const char *s = json_string_value(value), *equals = s ? strchr(s, '=') : NULL;

                if (!equals || equals == s)
                        return refuse_value(refusal, "env", "NAME=value strings");
                size += (size_t) (equals - s) + 1;
        }

        p = spec->env = malloc(MAX(size, (size_t) 1));
        if (!p)
                return -ENOMEM;
        spec->facts.env = pairs;
        json_array_foreach(env, index, value) {
                const char *s = json_string_value(value), *equals = strchr(s, '=');

                pairs[spec->facts.n_env++] = (Pair){ p, equals + 1 };
                p = (char *) mempcpy(p, s, (size_t) (equals - s));
                *p++ = '\0';
        }
        return 0;
}

static int refuse_driver(Refusal *refusal, const char *name)
{
        json_t *known = json_array();

        for (size_t i = 0; drivers[i]; i++)
                json_array_append_new(known, json_string(drivers[i]->name));
        return refuse(refusal, "io.conlogd.NoSuchDriver", "{s:s, s:o}", "driver", name, "known",
                      known);
}

/* A DriverChoice of the interface; the first one is the request itself. */
static int spec_read_driver(Spec *spec, Pair *pairs, json_t *choice, Refusal *refusal)
{
        const char *name = json_string_value(json_object_get(choice, "driver")), *key;
        SpecDriver *d = &spec->drivers[spec->n_drivers];
        char reason[REASON_MAX_BYTES];
        json_t *value;

        *d = (SpecDriver){ .driver = name ? driver_find(name) : NULL, .options.pairs = pairs };
        if (!d->driver)
                return refuse_driver(refusal, name ?: "");
        for (size_t i = 0; i < spec->n_drivers; i++)
                if (spec->drivers[i].driver == d->driver)
                        return refuse_value(refusal, "moreDrivers", "each driver once; %s is twice",
                                            name);

        json_object_foreach(json_object_get(choice, "options"), key, value) {
                const char *s = json_string_value(value);

                if (!s)
                        return refuse_value(refusal, "options", "the value of %s is a string", key);
                if (d->options.n_pairs == OPTIONS_MAX)
                        return refuse_value(refusal, "options", "at most %u options", OPTIONS_MAX);
                pairs[d->options.n_pairs++] = (Pair){ key, s };
        }
        if (options_check(d->driver, &d->options, &key, reason) < 0)
                return refuse_option(refusal, d->driver->name, key, reason);
        spec->n_drivers++;
        return 0;
}

/* pairs has room for all options of as many drivers as there may be. */
static int spec_read_drivers(Spec *spec, Pair *pairs, json_t *request, Refusal *refusal)
{
        json_t *more = json_object_get(request, "moreDrivers"), *choice;
        size_t i;
        int r;

        spec->is_split = more;
        r = spec_read_driver(spec, pairs, request, refusal);
        json_array_foreach(more, i, choice)
                if (r >= 0)
                        r = spec_read_driver(spec, pairs + (i + 1) * OPTIONS_MAX, choice, refusal);
        return r;
}

/* Reads everything but the epoch from the request inside spec->object. */
static int spec_read(Spec *spec, const char *hostname, Refusal *refusal)
{
        json_t *request = json_object_get(spec->object, "request");
        json_t *labels = json_object_get(request, "labels"), *env = json_object_get(request, "env");
        size_t n_labels = json_object_size(labels), n_env = json_array_size(env);
        int r;

        if (n_labels > LABELS_MAX)
                return refuse_value(refusal, "labels", "at most %u labels", LABELS_MAX);
        if (n_env > ENV_MAX)
                return refuse_value(refusal, "env", "at most %u variables", ENV_MAX);

        spec->pairs =
                calloc(n_labels + n_env + DRIVERS_PER_CONTAINER_MAX * OPTIONS_MAX, sizeof(Pair));
        if (!spec->pairs)
                return -ENOMEM;

        r = spec_read_names(spec, request, refusal);
        if (r < 0)
                return r;
        r = spec_read_labels(spec, spec->pairs, labels, refusal);
        if (r < 0)
                return r;
        r = spec_read_env(spec, spec->pairs + n_labels, env, refusal);
        if (r < 0)
                return r;
        spec->facts.hostname = hostname;
        spec->is_terminal = json_is_true(json_object_get(request, "terminal"));
        spec->has_stdin = !json_is_false(json_object_get(request, "stdin"));
        return spec_read_drivers(spec, spec->pairs + n_labels + n_env, request, refusal);
}

/* An older daemon must not take up what it does not understand. */
static int spec_set_version(Spec *spec)
{
        int version = spec->is_split ? 3 : spec->is_adopted || !spec->has_stdin ? 2 : 1;

        return json_object_set_new(spec->object, "version", json_integer(version)) < 0 ? -ENOMEM
                                                                                       : 0;
}

int spec_new(Spec **ret, json_t *request, const Config *config, const char *hostname,
             Refusal *refusal)
{
        _cleanup_(spec_freep) Spec *spec = NULL;
        char epoch[SD_ID128_STRING_MAX];
        struct timespec now;
        json_t *whole;
        sd_id128_t id;
        int r;

        spec = calloc(1, sizeof(*spec));
        if (!spec)
                return -ENOMEM;
        r = sd_id128_randomize(&id);
        if (r < 0)
                return r;
        (void) clock_gettime(CLOCK_REALTIME, &now);
        spec->created_usec = (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;

        r = choices_check(request, refusal);
        if (r >= 0)
                r = choices_complete(request, config, &whole);
        if (r < 0)
                return r;
        spec->object = json_pack("{s:i, s:s, s:I, s:o}", "version", 1, "epoch",
                                 sd_id128_to_string(id, epoch), "createdUSec",
                                 (json_int_t) spec->created_usec, "request", whole);
        if (!spec->object)
                return -ENOMEM;
        spec->facts.epoch = json_string_value(json_object_get(spec->object, "epoch"));

        r = spec_read(spec, hostname, refusal);
        if (r >= 0)
                r = spec_set_version(spec);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(spec);
        return 0;
}

int spec_set_pipe(Spec *spec, EntryStream kind, const struct stat *st)
{
        json_t *pipes = json_object_get(spec->object, "pipes"), *pipe;

        if (!pipes) {
                pipes = json_object();
                if (json_object_set_new(spec->object, "pipes", pipes) < 0)
                        return -ENOMEM;
        }
        pipe = st ? json_pack("{s:I, s:I}", "dev", (json_int_t) st->st_dev, "ino",
                              (json_int_t) st->st_ino)
                  : json_null();
        if (json_object_set_new(pipes, entry_stream_to_string(kind), pipe) < 0)
                return -ENOMEM;

        spec->is_adopted = true;
        spec->pipes[kind] = (SpecPipe){ .is_given = true, .is_gone = !st };
        if (st) {
                spec->pipes[kind].dev = st->st_dev;
                spec->pipes[kind].ino = st->st_ino;
        }
        return spec_set_version(spec);
}

static int spec_read_pipes(Spec *spec, Refusal *refusal)
{
        json_t *pipes = json_object_get(spec->object, "pipes");
        size_t n = 0;

        if (!pipes)
                return 0;
        for (EntryStream k = 0; k < ENTRY_STREAMS; k++) {
                json_t *pipe = json_object_get(pipes, entry_stream_to_string(k));
                json_t *dev = json_object_get(pipe, "dev"), *ino = json_object_get(pipe, "ino");

                if (!pipe)
                        continue;
                if (!json_is_null(pipe) && !(json_is_integer(dev) && json_is_integer(ino)))
                        return refuse_value(refusal, "pipes", "null, or dev and ino of a file");
                spec->pipes[k] = (SpecPipe){
                        .is_given = true,
                        .is_gone = json_is_null(pipe),
                        .dev = (dev_t) json_integer_value(dev),
                        .ino = (ino_t) json_integer_value(ino),
                };
                n++;
        }
        if (n == 0 || n != json_object_size(pipes))
                return refuse_value(refusal, "pipes", "stdout, stderr or both");
        spec->is_adopted = true;
        return 0;
}

int spec_parse(Spec **ret, Span bytes, const char *hostname, Refusal *refusal)
{
        _cleanup_(spec_freep) Spec *spec = NULL;
        json_int_t version;
        json_error_t error;
        int r;

        spec = calloc(1, sizeof(*spec));
        if (!spec)
                return -ENOMEM;
        spec->object = json_loadb(bytes.data, bytes.size, JSON_REJECT_DUPLICATES, &error);
        if (!json_is_object(spec->object))
                return refuse_value(refusal, "config", "JSON: %s", error.text);

        version = json_integer_value(json_object_get(spec->object, "version"));
        if (version > SPEC_VERSION)
                return -EPROTO;
        spec->facts.epoch = json_string_value(json_object_get(spec->object, "epoch"));
        if (version < 1 || !spec->facts.epoch || strlen(spec->facts.epoch) != 32 ||
            strspn(spec->facts.epoch, "0123456789abcdef") != 32)
                return refuse_value(refusal, "epoch", "32 hex digits");
        spec->created_usec =
                (uint64_t) json_integer_value(json_object_get(spec->object, "createdUSec"));

        r = spec_read_pipes(spec, refusal);
        if (r >= 0)
                r = choices_check(json_object_get(spec->object, "request"), refusal);
        if (r >= 0)
                r = spec_read(spec, hostname, refusal);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(spec);
        return 0;
}

int spec_load(Spec **ret, int dir_fd, const char *id, const char *hostname, Refusal *refusal)
{
        _cleanup_(spec_freep) Spec *spec = NULL;
        _cleanup_buffer_ Buffer text = {};
        int r;

        r = rundir_read_file(dir_fd, "config", SPEC_FILE_MAX_BYTES, &text);
        if (r < 0)
                return r;
        r = spec_parse(&spec, buffer_span(&text), hostname, refusal);
        if (r < 0)
                return r;
        if (strcmp(spec->facts.id, id) != 0)
                return refuse_value(refusal, "id", "the name of its directory, %s", id);
        *ret = TAKE_PTR(spec);
        return 0;
}

int spec_change(Spec **ret, const Spec *old, const Change *change, const Config *config,
                Refusal *refusal)
{
        _cleanup_(spec_freep) Spec *spec = NULL;
        json_t *request;
        int r;

        spec = calloc(1, sizeof(*spec));
        if (!spec)
                return -ENOMEM;
        r = choices_change(json_object_get(old->object, "request"), change, config, &request,
                           refusal);
        if (r < 0)
                return r;
        spec->object = json_copy(old->object);
        if (json_object_set_new(spec->object, "request", request) < 0)
                return -ENOMEM;

        spec->facts.epoch = json_string_value(json_object_get(spec->object, "epoch"));
        spec->created_usec = old->created_usec;
        r = spec_read_pipes(spec, refusal);
        if (r >= 0)
                r = spec_read(spec, old->facts.hostname, refusal);
        if (r >= 0)
                r = spec_set_version(spec);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(spec);
        return 0;
}

char *spec_format(const Spec *spec)
{
        return json_dumps(spec->object, JSON_COMPACT);
}

int spec_save(const Spec *spec, int dir_fd)
{
        _cleanup_free_ char *text = spec_format(spec);

        return text ? rundir_write_file(dir_fd, "config", 0600, span_from_string(text)) : -ENOMEM;
}

Spec *spec_free(Spec *spec)
{
        if (!spec)
                return NULL;
        json_decref(spec->object);
        free(spec->pairs);
        free(spec->env);
        free(spec);
        return NULL;
}
