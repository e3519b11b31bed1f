/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The command line of conlogctl; see the header. */

#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/parse.h"
#include "tool/arguments.h"

enum {
        OPTION_ADD_DRIVER = 0x100,
        OPTION_DETAILS,
        OPTION_DRIVER,
        OPTION_ENV,
        OPTION_EXEC,
        OPTION_FULL,
        OPTION_ID,
        OPTION_IMAGE,
        OPTION_IMAGE_ID,
        OPTION_JSON,
        OPTION_LABEL,
        OPTION_LOG,
        OPTION_LOG_DRIVER,
        OPTION_LOG_OPT,
        OPTION_NAME,
        OPTION_NAMESPACE,
        OPTION_NO_LEGEND,
        OPTION_NO_STDIN,
        OPTION_REMOVE_DRIVER,
        OPTION_SINCE,
        OPTION_SOCKET,
        OPTION_STDERR,
        OPTION_STDOUT,
        OPTION_STREAM,
        OPTION_TERMINAL,
        OPTION_UNIT,
        OPTION_UNTIL,
        OPTION_VERSION,
};

static const struct option options[] = {
        { "add-driver", required_argument, NULL, OPTION_ADD_DRIVER },
        { "details", no_argument, NULL, OPTION_DETAILS },
        { "directory", required_argument, NULL, 'D' },
        { "driver", required_argument, NULL, OPTION_DRIVER },
        { "env", required_argument, NULL, OPTION_ENV },
        { "exec", required_argument, NULL, OPTION_EXEC },
        { "follow", no_argument, NULL, 'f' },
        { "full", no_argument, NULL, OPTION_FULL },
        { "grep", required_argument, NULL, 'g' },
        { "help", no_argument, NULL, 'h' },
        { "id", required_argument, NULL, OPTION_ID },
        { "image", required_argument, NULL, OPTION_IMAGE },
        { "image-id", required_argument, NULL, OPTION_IMAGE_ID },
        { "json", optional_argument, NULL, OPTION_JSON },
        { "label", required_argument, NULL, OPTION_LABEL },
        { "lines", required_argument, NULL, 'n' },
        { "log", no_argument, NULL, OPTION_LOG },
        { "log-driver", required_argument, NULL, OPTION_LOG_DRIVER },
        { "log-opt", required_argument, NULL, OPTION_LOG_OPT },
        { "name", required_argument, NULL, OPTION_NAME },
        { "namespace", required_argument, NULL, OPTION_NAMESPACE },
        { "no-legend", no_argument, NULL, OPTION_NO_LEGEND },
        { "no-stdin", no_argument, NULL, OPTION_NO_STDIN },
        { "output", required_argument, NULL, 'o' },
        { "remove-driver", required_argument, NULL, OPTION_REMOVE_DRIVER },
        { "since", required_argument, NULL, OPTION_SINCE },
        { "socket", required_argument, NULL, OPTION_SOCKET },
        { "stderr", required_argument, NULL, OPTION_STDERR },
        { "stdout", required_argument, NULL, OPTION_STDOUT },
        { "stream", required_argument, NULL, OPTION_STREAM },
        { "terminal", no_argument, NULL, OPTION_TERMINAL },
        { "timestamps", no_argument, NULL, 't' },
        { "unit", required_argument, NULL, OPTION_UNIT },
        { "until", required_argument, NULL, OPTION_UNTIL },
        { "version", no_argument, NULL, OPTION_VERSION },
        {},
};

/* The one thing that JSON does not take. */
static int refuse_bytes(const char *option)
{
        log_error("Failed to take --%s=: it is not UTF-8.", option);
        return -EINVAL;
}

static int arguments_set(Arguments *a, const char *key, const char *option, const char *text)
{
        if (json_object_set_new(a->create, key, json_string(text)) < 0)
                return refuse_bytes(option);
        return 0;
}

/* The object or array of that name in there, made when it is first needed. */
static json_t *get_member(json_t *object, const char *key, json_t *(*make)(void) )
{
        json_t *value = json_object_get(object, key);

        if (value)
                return value;
        value = make();
        return json_object_set_new(object, key, value) < 0 ? NULL : value;
}

/* KEY=VALUE into that member; of a key that comes twice the last value counts. */
static int add_pair(json_t *request, const char *key, const char *option, const char *text)
{
        _cleanup_free_ char *name = NULL;
        const char *equals = strchr(text, '=');
        json_t *object;

        if (!equals || equals == text) {
                log_error("Failed to take --%s=%s: it must be KEY=VALUE.", option, text);
                return -EINVAL;
        }
        name = strndup(text, (size_t) (equals - text));
        object = get_member(request, key, json_object);
        if (!name || json_object_set_new(object, name, json_string(equals + 1)) < 0)
                return refuse_bytes(option);
        return 0;
}

static int arguments_add_env(Arguments *a, const char *text)
{
        json_t *array;

        if (!strchr(text, '=') || *text == '=') {
                log_error("Failed to take --env=%s: it must be NAME=VALUE.", text);
                return -EINVAL;
        }
        array = get_member(a->create, "env", json_array);
        if (json_array_append_new(array, json_string(text)) < 0)
                return refuse_bytes("env");
        return 0;
}

/* A driver that is not the first one; the next options are its own. */
static int arguments_take_choice(Arguments *a, json_t *choice, const char *option)
{
        a->choice = choice;
        return choice ? 0 : refuse_bytes(option);
}

/* The first one is that of the request itself. */
static int arguments_add_driver(Arguments *a, const char *name)
{
        json_t *choice;

        if (!json_object_get(a->create, "driver"))
                return arguments_set(a, "driver", "log-driver", name);
        choice = json_pack("{s:s}", "driver", name);
        if (json_array_append_new(get_member(a->create, "moreDrivers", json_array), choice) < 0)
                choice = NULL;
        return arguments_take_choice(a, choice, "log-driver");
}

static int arguments_set_added(Arguments *a, const char *name)
{
        json_t *choice = json_pack("{s:s}", "driver", name);

        if (json_object_set_new(a->create, "add", choice) < 0)
                choice = NULL;
        return arguments_take_choice(a, choice, "add-driver");
}

static int arguments_set_json(Arguments *a, const char *mode)
{
        if (!mode)
                a->output = isatty(STDOUT_FILENO) ? OUTPUT_JSON_PRETTY : OUTPUT_JSON_SHORT;
        else if (strcmp(mode, "short") == 0)
                a->output = OUTPUT_JSON_SHORT;
        else if (strcmp(mode, "pretty") == 0)
                a->output = OUTPUT_JSON_PRETTY;
        else if (strcmp(mode, "off") == 0)
                a->output = OUTPUT_TEXT;
        else {
                log_error("Failed to take --json=%s: it must be short, pretty or off.", mode);
                return -EINVAL;
        }
        return 0;
}

/* Looked at now: what is opened later may get the same number. */
static int arguments_set_fd(int *ret, const char *option, const char *text)
{
        uint64_t fd;

        if (parse_unsigned(text, 0, INT_MAX, &fd) < 0 || fcntl((int) fd, F_GETFD) < 0) {
                log_error("Failed to take --%s=%s: it must be the number of an open file "
                          "descriptor.",
                          option, text);
                return -EINVAL;
        }
        *ret = (int) fd;
        return 0;
}

/* Those of logs. Returns whether it is one. */
static bool arguments_take_logs_option(Arguments *a, int option)
{
        switch (option) {
        case 'f':
                a->is_following = true;
                return true;
        case 'g':
                a->grep = optarg;
                return true;
        case 'n':
                a->lines = optarg;
                return true;
        case 'o':
                a->format = optarg;
                return true;
        case 't':
                a->has_timestamps = true;
                return true;
        case OPTION_DETAILS:
                a->has_details = true;
                return true;
        case OPTION_DRIVER:
                a->driver = optarg;
                return true;
        case OPTION_SINCE:
                a->since = optarg;
                return true;
        case OPTION_STREAM:
                a->stream = optarg;
                return true;
        case OPTION_UNTIL:
                a->until = optarg;
                return true;
        default:
                return false;
        }
}

static int arguments_take_option(Arguments *a, int option)
{
        switch (option) {
        case 'D':
                a->directory = optarg;
                return 0;
        case 'h':
                a->wants_help = true;
                return 0;
        case OPTION_ADD_DRIVER:
                return arguments_set_added(a, optarg);
        case OPTION_ENV:
                return arguments_add_env(a, optarg);
        case OPTION_EXEC:
                a->exec = optarg;
                return 0;
        case OPTION_FULL:
                a->is_full = true;
                return 0;
        case OPTION_ID:
                return arguments_set(a, "id", "id", optarg);
        case OPTION_IMAGE:
                return arguments_set(a, "image", "image", optarg);
        case OPTION_IMAGE_ID:
                return arguments_set(a, "imageId", "image-id", optarg);
        case OPTION_JSON:
                return arguments_set_json(a, optarg);
        case OPTION_LABEL:
                return add_pair(a->create, "labels", "label", optarg);
        case OPTION_LOG:
                a->is_logged = true;
                return 0;
        case OPTION_LOG_DRIVER:
                return arguments_add_driver(a, optarg);
        case OPTION_LOG_OPT:
                return add_pair(a->choice, "options", "log-opt", optarg);
        case OPTION_NAME:
                return arguments_set(a, "name", "name", optarg);
        case OPTION_NAMESPACE:
                a->namespace = optarg;
                return 0;
        case OPTION_NO_LEGEND:
                a->has_legend = false;
                return 0;
        case OPTION_NO_STDIN:
                return json_object_set_new(a->create, "stdin", json_false());
        case OPTION_REMOVE_DRIVER:
                return arguments_set(a, "remove", "remove-driver", optarg);
        case OPTION_SOCKET:
                a->socket = optarg;
                return 0;
        case OPTION_STDERR:
                return arguments_set_fd(&a->stderr_fd, "stderr", optarg);
        case OPTION_STDOUT:
                return arguments_set_fd(&a->stdout_fd, "stdout", optarg);
        case OPTION_TERMINAL:
                return json_object_set_new(a->create, "terminal", json_true());
        case OPTION_UNIT:
                return arguments_set(a, "unit", "unit", optarg);
        case OPTION_VERSION:
                a->wants_version = true;
                return 0;
        default: /* or getopt_long() has told */
                return arguments_take_logs_option(a, option) ? 0 : -EINVAL;
        }
}

static int arguments_take_word(Arguments *a, const Verb *verbs, size_t n_verbs, const char *word)
{
        if (a->verb) {
                if (a->n_words == MIN(a->verb->max_words, ARGUMENTS_WORDS_MAX)) {
                        log_error("Too many arguments. Usage: conlogctl %s %s", a->verb->name,
                                  a->verb->usage);
                        return -EINVAL;
                }
                a->words[a->n_words++] = word;
                return 0;
        }

        for (size_t i = 0; i < n_verbs; i++)
                if (strcmp(verbs[i].name, word) == 0)
                        a->verb = verbs + i;
        if (!a->verb) {
                log_error("Unknown command verb %s. See \"conlogctl --help\".", word);
                return -EINVAL;
        }
        return 0;
}

static int arguments_check(const Arguments *a)
{
        if (a->wants_help || a->wants_version)
                return 0;
        if (!a->verb) {
                log_error("A command verb is missing. See \"conlogctl --help\".");
                return -EINVAL;
        }
        if (a->n_words < a->verb->min_words || (a->verb->takes_command && !a->command)) {
                log_error("Too few arguments. Usage: conlogctl %s %s", a->verb->name,
                          a->verb->usage);
                return -EINVAL;
        }
        return 0;
}

/* Up to "--", or up to the command of a verb that takes one. */
static int arguments_take_all(Arguments *a, const Verb *verbs, size_t n_verbs, int argc,
                              char **argv)
{
        int option, r;

        /* "-": words that are no options come as option 1, in their place. */
        while ((option = getopt_long(argc, argv, "-hD:fg:n:o:t", options, NULL)) >= 0) {
                if (option != 1)
                        r = arguments_take_option(a, option);
                else if (a->verb && a->verb->takes_command && a->n_words == a->verb->max_words) {
                        a->command = argv + optind - 1;
                        return 0;
                } else
                        r = arguments_take_word(a, verbs, n_verbs, optarg);
                if (r < 0)
                        return -EINVAL;
        }

        if (a->verb && a->verb->takes_command) {
                a->command = optind < argc ? argv + optind : NULL;
                return 0;
        }
        for (; optind < argc; optind++) {
                r = arguments_take_word(a, verbs, n_verbs, argv[optind]);
                if (r < 0)
                        return r;
        }
        return 0;
}

int arguments_parse(Arguments *ret, const Verb *verbs, size_t n_verbs, int argc, char **argv)
{
        _cleanup_(arguments_done) Arguments a = {
                .has_legend = true,
                .socket = getenv("CONLOG_SOCKET") ?: RUN_DIR "/io.conlogd",
                .create = json_object(),
                .stdout_fd = -1,
                .stderr_fd = -1,
        };
        int r;

        a.choice = a.create;
        r = arguments_take_all(&a, verbs, n_verbs, argc, argv);
        if (r < 0)
                return r;
        r = arguments_check(&a);
        if (r < 0)
                return r;

        *ret = a;
        a.create = NULL;
        return 0;
}

void arguments_done(Arguments *a)
{
        json_decref(a->create);
        a->create = NULL;
}
