/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* conlogctl: the verbs, and the help. */

#include <fcntl.h>
#include <locale.h>
#include <stdio.h>

#include "base/log.h"
#include "tool/adjust.h"
#include "tool/display.h"
#include "tool/doctor.h"
#include "tool/launch.h"
#include "tool/logs.h"
#include "tool/session.h"
#include "tool/verify.h"

static int reload(const Arguments *a)
{
        _cleanup_(varlink_client_freep) VarlinkClient *client = NULL;
        _cleanup_(varlink_reply_done) VarlinkReply reply = {};
        int r;

        r = session_new(&client, a->socket);
        if (r < 0)
                return r;
        return session_call(client, "Reload", NULL, "reload conlogd", NULL, &reply);
}

static const Verb verbs[] = {
        { "run", "--id=ID [OPTIONS...] -- COMMAND [ARG...]", 0, 0, true, launch_run },
        { "create", "--id=ID [OPTIONS...]", 0, 0, false, launch_create },
        { "adopt", "--id=ID [--stdout=FD] [--stderr=FD]", 0, 0, false, launch_adopt },
        { "exec", "[--exec=ID] [--log] CONTAINER -- COMMAND [ARG...]", 1, 1, true, launch_exec },
        { "remove", "CONTAINER... [--exec=ID]", 1, ARGUMENTS_WORDS_MAX, false, launch_remove },
        { "list", "", 0, 0, false, display_list },
        { "show", "CONTAINER...", 1, ARGUMENTS_WORDS_MAX, false, display_show },
        { "set", "CONTAINER [KEY=VALUE...] [OPTIONS...]", 1, ARGUMENTS_WORDS_MAX, false,
          adjust_set },
        { "rotate", "CONTAINER... [--log-driver=DRIVER]", 1, ARGUMENTS_WORDS_MAX, false,
          adjust_rotate },
        { "logs", "[OPTIONS...] CONTAINER", 1, 1, false, logs_run },
        { "verify", "[-D DIRECTORY] CONTAINER", 1, 1, false, verify_run },
        { "drivers", "", 0, 0, false, display_drivers },
        { "reload", "", 0, 0, false, reload },
        { "doctor", "", 0, 0, false, doctor_run },
};

/* What conlogctl finds in the log. */
static void help_reading(const char *b, const char *n)
{
        printf("\n%sOptions of logs:%s\n"
               "  -f --follow                   Go on with what is written, until its streams end\n"
               "  -n --lines=N                  Only the last N lines\n"
               "     --since=TIME               Only lines of that time: \"20:07\", \"1h ago\",\n"
               "     --until=TIME               and all that journalctl and docker take\n"
               "     --stream=STREAM            Only stdout or stderr\n"
               "  -g --grep=REGEX               Only lines that match\n"
               "  -t --timestamps               Begin each line with its time\n"
               "     --details                  and with its labels, variables and tag\n"
               "  -o --output=FORMAT            cat (bare lines), short (as journalctl), json\n"
               "     --driver=DRIVER            Read what this one has stored: journald,\n"
               "                                json-file, local, k8s-file\n"
               "\n%sOptions of logs and verify:%s\n"
               "     --namespace=NAMESPACE      Read the journal of a namespace\n"
               "  -D --directory=PATH           Read the journal files in a directory\n",
               b, n, b, n);
}

/* b and n: what begins bold text, and what ends it. */
static void help_commands(const char *b, const char *n)
{
        printf("conlogctl [OPTIONS...] COMMAND ...\n\n"
               "%sGive the standard streams of containers to conlogd, and look after them.%s\n",
               b, n);
        printf("\n%sContainer Commands:%s\n"
               "  run --id=ID -- COMMAND...     Create a container's streams, then become COMMAND\n"
               "                                with them; no process stays behind\n"
               "  create --id=ID                Create a container's streams, print their paths\n"
               "  adopt --id=ID                 PROGRAM | conlogctl adopt: a container over this\n"
               "                                pipe; no process stays behind\n"
               "  exec CONTAINER -- COMMAND...  Run COMMAND on streams of its own beside those of\n"
               "                                the container, and carry them here\n"
               "  remove CONTAINER...           Log what is left, then delete the streams\n"
               "  list                          List containers\n"
               "  show CONTAINER...             Show containers in detail\n"
               "  set CONTAINER [KEY=VALUE...]  Change options of a driver while it runs, add or\n"
               "                                remove a driver; KEY= is the default\n"
               "  rotate CONTAINER...           Begin new log files\n"
               "  logs CONTAINER                Show what it wrote; also when it is long gone\n"
               "  verify CONTAINER              Read the journal back, and name each line that is\n"
               "                                missing, repeated or altered\n",
               b, n);
        printf("\n%sDaemon Commands:%s\n"
               "  drivers                       List log drivers and their options\n"
               "  reload                        Read conlogd.conf again\n"
               "  doctor                        Look for settings of this host that are too small\n"
               "                                or wrong for conlogd, and say what mends them\n",
               b, n);
}

static void help_options(const char *b, const char *n)
{
        printf("\n%sOptions of run, create and adopt:%s\n"
               "     --id=ID                    Id of the container\n"
               "     --name=NAME --image=NAME --image-id=ID\n"
               "     --label=KEY=VALUE          What is known of it; --label= and --env= may be\n"
               "     --env=NAME=VALUE           given more than once\n"
               "     --unit=UNIT                The unit whose lines they are: \"journalctl -u\";\n"
               "                                run, adopt: the system service of the call\n"
               "     --log-driver=DRIVER        Where the lines go; given twice: to both\n"
               "     --log-opt=KEY=VALUE        Option of the driver that stands before it: see\n"
               "                                \"conlogctl drivers\"\n"
               "     --no-stdin                 No stream for input; run: /dev/null instead\n"
               "     --terminal                 create: the container has a terminal, thus no\n"
               "                                stream of its own for errors\n"
               "     --stdout=FD --stderr=FD    adopt: the read ends of pipes; without both, the\n"
               "                                standard input is stdout\n",
               b, n);
        printf("\n%sOptions of set and rotate:%s\n"
               "     --log-driver=DRIVER        The driver that is meant; set: the first one if\n"
               "                                absent, rotate: all that have files\n"
               "     --add-driver=DRIVER        set: one driver more; its options follow as\n"
               "                                --log-opt=KEY=VALUE\n"
               "     --remove-driver=DRIVER     set: one driver less\n",
               b, n);
        printf("\n%sOptions of exec and remove:%s\n"
               "     --exec=ID                  Id of the exec; exec makes one up\n"
               "     --log                      exec: log the streams as the container's are,\n"
               "                                instead of carrying them here\n",
               b, n);
        help_reading(b, n);
        printf("\n%sOptions:%s\n"
               "  -h --help                     Show this help\n"
               "     --version                  Show the version\n"
               "     --json=MODE                Output as JSON: short, pretty or off\n"
               "     --no-legend                No headings, no hints at the end\n"
               "     --full                     Whole ids\n"
               "     --socket=PATH              Talk to conlogd there, not at %s\n",
               b, n, RUN_DIR "/io.conlogd");
}

static int help(void)
{
        bool is_bold = isatty(STDOUT_FILENO);
        const char *b = is_bold ? "\033[1m" : "", *n = is_bold ? "\033[0m" : "";

        help_commands(b, n);
        help_options(b, n);
        printf("\nThe streams of run and create stay until they are removed. In a unit:\n"
               "  ExecStart=conlogctl run --id=web --name=web -- crun run web\n"
               "  ExecStopPost=conlogctl remove web\n"
               "\nWhat a container wrote, and whether all of it is there:\n"
               "  conlogctl logs web\n"
               "  conlogctl verify web\n"
               "\nThe exit status of run and exec is the command's, and 127 or 126 when it could\n"
               "not be started. That of verify is 0 when every line is there, 1 when one is\n"
               "missing or altered, 3 when none is but the end is not known, 2 on failure.\n"
               "That of doctor is 0 when all is well, 1 when there is a problem or a warning, 2\n"
               "when nothing was found but not everything could be looked at.\n");
        return 0;
}

static int version(void)
{
        puts("conlogctl " CONLOGD_VERSION);
        return 0;
}

/* Whoever started us without them would find its FIFOs in their places. */
static int open_standard_streams(void)
{
        int fd;

        do {
                fd = open("/dev/null", O_RDWR | O_CLOEXEC);
                if (fd < 0)
                        return log_error_errno(errno, "Failed to open /dev/null: %m");
        } while (fd <= STDERR_FILENO);
        (void) close(fd);
        return 0;
}

static int run(int argc, char **argv)
{
        _cleanup_(arguments_done) Arguments arguments = {};
        int r;

        (void) setlocale(LC_TIME, "");
        r = open_standard_streams();
        if (r < 0)
                return r;
        r = arguments_parse(&arguments, verbs, ARRAY_SIZE(verbs), argc, argv);
        if (r < 0)
                return r;
        if (arguments.wants_help)
                return help();
        if (arguments.wants_version)
                return version();
        return arguments.verb->run(&arguments);
}

int main(int argc, char **argv)
{
        int r;

        r = run(argc, argv);
        if (fflush(stdout) != 0 || ferror(stdout)) {
                log_error("Failed to write the output.");
                return EXIT_FAILURE;
        }
        return r < 0 ? EXIT_FAILURE : r;
}
