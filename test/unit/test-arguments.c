/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The command line: where options end and a command begins, and what is refused. */

#undef NDEBUG

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "tool/arguments.h"

static const Verb verbs[] = {
        { "run", "", 0, 0, true, NULL },
        { "exec", "", 1, 1, true, NULL },
        { "remove", "", 1, 3, false, NULL },
        { "list", "", 0, 0, false, NULL },
};

#define WORDS_MAX 32

/* line and argv must live as long as the arguments, which borrow from them. */
static int parse(Arguments *ret, char *line, char *argv[WORDS_MAX])
{
        int argc = 0;

        argv[argc++] = (char *) "conlogctl";
        for (char *word = strtok(line, " "); word; word = strtok(NULL, " "))
                argv[argc++] = word;
        argv[argc] = NULL;
        optind = 0; /* glibc: from the beginning */
        return arguments_parse(ret, verbs, ARRAY_SIZE(verbs), argc, argv);
}

/* expected: verb, words, and the command after "--". */
static void check(const char *line, const char *expected)
{
        char copy[256], got[256] = "", *end = got, *argv[WORDS_MAX];
        Arguments a;

        (void) snprintf(copy, sizeof(copy), "%s", line);
        assert(parse(&a, copy, argv) == 0);
        end = stpcpy(end, a.verb->name);
        for (unsigned i = 0; i < a.n_words; i++)
                end += sprintf(end, " %s", a.words[i]);
        if (a.command)
                end = stpcpy(end, " --");
        for (char **word = a.command; word && *word; word++)
                end += sprintf(end, " %s", *word);

        if (strcmp(got, expected) != 0) {
                printf("got: %s\nexpected: %s\n", got, expected);
                exit(EXIT_FAILURE);
        }
        arguments_done(&a);
}

static void test_words(void)
{
        check("list", "list");
        check("--json=short list --no-legend", "list");
        check("remove a b --exec=x c", "remove a b c");
        check("remove a -- -b", "remove a -b");
        check("run --id=x -- crun run -D web", "run -- crun run -D web");
        check("run --id=x crun run --bundle b -- web", "run -- crun run --bundle b -- web");
        check("--id=x run -- sh", "run -- sh");
        check("exec web -- sh -c -x", "exec web -- sh -c -x");
        check("exec --log web sh --log", "exec web -- sh --log");
        check("exec web --log --exec=e -- --log", "exec web -- --log");
        puts("ok: words and commands");
}

static void test_parameters(void)
{
        char line[] = "run --id=x --name=n --image=i --image-id=sha256:0 --label=a=1 --label b=2 "
                      "--label=a=3=4 --env=A=1 --env=A=2 --env=B= --log-driver=none --log-opt t=u "
                      "--unit=w.service true";
        char *argv[WORDS_MAX];
        json_auto_t *expected = NULL;
        Arguments a;

        assert(parse(&a, line, argv) == 0);
        expected = json_pack("{ss ss ss ss s{ss ss} s[sss] ss s{ss} ss}", "id", "x", "name", "n",
                             "image", "i", "imageId", "sha256:0", "labels", "a", "3=4", "b", "2",
                             "env", "A=1", "A=2", "B=", "driver", "none", "options", "t", "u",
                             "unit", "w.service");
        assert(expected && json_equal(a.create, expected));
        arguments_done(&a);
        puts("ok: parameters of Create");
}

/* What the request says of its drivers. */
static void check_drivers(const char *options, const char *json)
{
        json_auto_t *expected = json_loads(json, 0, NULL);
        char line[160], *argv[WORDS_MAX];
        Arguments a;

        (void) snprintf(line, sizeof(line), "list %s", options);
        assert(parse(&a, line, argv) == 0 && expected);
        if (!json_equal(a.create, expected)) {
                printf("%s: not %s\n", options, json);
                exit(EXIT_FAILURE);
        }
        arguments_done(&a);
}

/* An option belongs to the driver in front of it. */
static void test_drivers(void)
{
        check_drivers("--log-opt=a=1", "{\"options\": {\"a\": \"1\"}}");
        check_drivers("--log-opt=a=1 --log-driver=x --log-opt=b=2",
                      "{\"driver\": \"x\", \"options\": {\"a\": \"1\", \"b\": \"2\"}}");
        check_drivers("--log-driver=x --log-driver=y --log-driver=z --log-opt=a=1 --log-opt=a=2",
                      "{\"driver\": \"x\", \"moreDrivers\": [{\"driver\": \"y\"},"
                      " {\"driver\": \"z\", \"options\": {\"a\": \"2\"}}]}");
        check_drivers("--log-driver x --log-opt a=1 --log-driver y --log-opt a=2",
                      "{\"driver\": \"x\", \"options\": {\"a\": \"1\"}, \"moreDrivers\":"
                      " [{\"driver\": \"y\", \"options\": {\"a\": \"2\"}}]}");
        check_drivers(
                "--log-driver=x --add-driver=y --log-opt=a=1 --remove-driver=z",
                "{\"driver\": \"x\", \"add\": {\"driver\": \"y\", \"options\": {\"a\": \"1\"}},"
                " \"remove\": \"z\"}");
        puts("ok: drivers");
}

static void test_output(void)
{
        static const struct {
                const char *line;
                OutputMode mode;
        } cases[] = {
                { "list", OUTPUT_TEXT },
                { "list --json=pretty", OUTPUT_JSON_PRETTY },
                { "list --json=short", OUTPUT_JSON_SHORT },
                { "list --json=pretty --json=off", OUTPUT_TEXT },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                char line[64], *argv[WORDS_MAX];
                Arguments a;

                (void) snprintf(line, sizeof(line), "%s", cases[i].line);
                assert(parse(&a, line, argv) == 0 && a.output == cases[i].mode);
                arguments_done(&a);
        }
        puts("ok: output");
}

static void test_fds(void)
{
        char line[64], *argv[WORDS_MAX];
        _cleanup_close_ int fd = dup(STDERR_FILENO);
        Arguments a;

        (void) snprintf(line, sizeof(line), "list");
        assert(parse(&a, line, argv) == 0 && a.stdout_fd == -1 && a.stderr_fd == -1);
        arguments_done(&a);
        (void) snprintf(line, sizeof(line), "list --stderr=%i --stdout=2", fd);
        assert(parse(&a, line, argv) == 0 && a.stdout_fd == 2 && a.stderr_fd == fd);
        arguments_done(&a);
        puts("ok: file descriptors");
}

static void test_logs(void)
{
        char line[] = "list -n 5 -ft --since=1h --until now --stream=stderr -g x -o json --details "
                      "--driver=local -D dir",
             *argv[WORDS_MAX];
        Arguments a;

        assert(parse(&a, line, argv) == 0);
        assert(a.is_following && a.has_timestamps && a.has_details);
        assert(strcmp(a.lines, "5") == 0 && strcmp(a.since, "1h") == 0);
        assert(strcmp(a.until, "now") == 0 && strcmp(a.stream, "stderr") == 0);
        assert(strcmp(a.grep, "x") == 0 && strcmp(a.format, "json") == 0);
        assert(strcmp(a.driver, "local") == 0 && strcmp(a.directory, "dir") == 0);
        arguments_done(&a);
        puts("ok: what logs shows");
}

static void test_refused(void)
{
        static const char *const lines[] = {
                "",
                "nothing",
                "list x",
                "remove",
                "remove a b c d",
                "run --id=x",
                "run --id=x --",
                "exec",
                "exec web",
                "exec web --",
                "exec -- sh",
                "list --json=yes",
                "list --bogus",
                "list --id",
                "run --label=a -- sh",
                "run --label==a -- sh",
                "run --env=A -- sh",
                "run --env==1 -- sh",
                "run --log-opt=a -- sh",
                "run --name=\xff -- sh",
                "run --log-driver=a --log-driver=\xff -- sh",
                "list --add-driver=\xff",
                "list --remove-driver=\xff",
                "run --log-driver=a --log-driver=b --log-opt=c -- sh",
                "run --label=\xff=1 -- sh",
                "run --label=a=\xff -- sh",
                "run --env=A=\xff -- sh",
                "list --stdout=",
                "list --stdout=-1",
                "list --stdout=x",
                "list --stderr=4294967296",
                "list --stderr=1000000",
        };
        _cleanup_close_ int stderr_fd = dup(STDERR_FILENO);

        /* The messages are not looked at here. */
        assert(freopen("/dev/null", "we", stderr));
        for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
                char line[64], *argv[WORDS_MAX];
                Arguments a;

                (void) snprintf(line, sizeof(line), "%s", lines[i]);
                if (parse(&a, line, argv) != -EINVAL) {
                        printf("taken: %s\n", lines[i]);
                        exit(EXIT_FAILURE);
                }
        }
        assert(dup2(stderr_fd, STDERR_FILENO) >= 0);
        puts("ok: refused");
}

int main(void)
{
        test_words();
        test_parameters();
        test_drivers();
        test_output();
        test_fds();
        test_logs();
        test_refused();
        return 0;
}
