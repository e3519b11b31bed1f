/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The command line of conlogctl. Options may stand anywhere before "--" or, for the verbs that
 * start a command, before that command.
 */

#include <jansson.h>

#include "base/base.h"

#define ARGUMENTS_WORDS_MAX 64U

typedef enum OutputMode {
        OUTPUT_TEXT,
        OUTPUT_JSON_SHORT,
        OUTPUT_JSON_PRETTY,
} OutputMode;

typedef struct Arguments Arguments;

typedef struct Verb {
        const char *name;
        const char *usage; /* of what follows the name */
        unsigned min_words;
        unsigned max_words;
        bool takes_command; /* after the words */
        /* An exit status, or a negative errno that has been told. */
        int (*run)(const Arguments *arguments);
} Verb;

struct Arguments {
        const Verb *verb;
        const char *words[ARGUMENTS_WORDS_MAX]; /* behind the verb */
        unsigned n_words;
        char **command; /* NULL-terminated; NULL: none */

        const char *socket;
        OutputMode output;
        bool has_legend;
        bool is_full;
        bool wants_help;
        bool wants_version;

        /* Parameters of Create, Adopt, Exec and Set, by their names in io.conlogd. */
        json_t *create;
        json_t *choice; /* the driver that the next option belongs to; in create */
        const char *exec;
        bool is_logged;

        /* File descriptors of our own for adopt, -1: not given. */
        int stdout_fd;
        int stderr_fd;

        /* Where verify and logs read. */
        const char *namespace;
        const char *directory;

        /* What logs shows, as given; NULL: not said. */
        const char *driver;
        const char *since;
        const char *until;
        const char *lines;
        const char *stream;
        const char *grep;
        const char *format;
        bool is_following;
        bool has_timestamps;
        bool has_details;
};

/* Returns 0; or -EINVAL, when what is wrong has been told. */
int arguments_parse(Arguments *ret, const Verb *verbs, size_t n_verbs, int argc, char **argv);
void arguments_done(Arguments *a);
