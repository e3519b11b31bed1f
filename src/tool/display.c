/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The verbs that show something; see the header. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "base/log.h"
#include "record/facts.h"
#include "tool/display.h"
#include "tool/escape.h"
#include "tool/session.h"
#include "tool/table.h"

#define SECOND_USEC UINT64_C(1000000)

int display_json(const Arguments *a, json_t *value)
{
        size_t flags = a->output == OUTPUT_JSON_PRETTY ? JSON_INDENT(8) : JSON_COMPACT;

        /* jansson escapes C0 only. */
        if (isatty(STDOUT_FILENO))
                flags |= JSON_ENSURE_ASCII;
        if (json_dumpf(value, stdout, flags | JSON_ENCODE_ANY) < 0 || putchar('\n') == EOF) {
                log_error("Failed to write the output.");
                return -EIO;
        }
        return 0;
}

bool display_is_bold(void)
{
        const char *term = getenv("TERM");

        return isatty(STDOUT_FILENO) && !getenv("NO_COLOR") && term && strcmp(term, "dumb") != 0;
}

static const char *get_string(json_t *object, const char *key)
{
        return json_string_value(json_object_get(object, key));
}

static uint64_t get_number(json_t *object, const char *key)
{
        json_int_t n = json_integer_value(json_object_get(object, key));

        return n < 0 ? 0 : (uint64_t) n;
}

const char *display_format_bytes(uint64_t n, char ret[DISPLAY_BYTES])
{
        static const char units[] = "KMGTPE";
        uint64_t unit = 1024;
        size_t i = 0;

        if (n < 1024) {
                (void) snprintf(ret, DISPLAY_BYTES, "%" PRIu64 "B", n);
                return ret;
        }
        for (; n / unit >= 1024; unit *= 1024)
                i++;
        (void) snprintf(ret, DISPLAY_BYTES, "%" PRIu64 ".%u%c", n / unit,
                        (unsigned) (n % unit / (unit / 1024) * 10 / 1024), units[i]);
        return ret;
}

/* The two largest units: 3min 5s. */
static const char *format_age(uint64_t created_usec, char ret[48])
{
        static const struct {
                const char *name;
                uint64_t seconds;
        } units[] = { { "d", 86400 }, { "h", 3600 }, { "min", 60 }, { "s", 1 } };
        struct timespec now;
        uint64_t age;
        size_t i = 0;

        (void) clock_gettime(CLOCK_REALTIME, &now);
        age = (uint64_t) now.tv_sec;
        age -= MIN(age, created_usec / SECOND_USEC);

        while (units[i].seconds > MAX(age, (uint64_t) 1))
                i++;
        if (i + 1 == ARRAY_SIZE(units))
                (void) snprintf(ret, 48, "%" PRIu64 "s", age);
        else
                (void) snprintf(ret, 48, "%" PRIu64 "%s %" PRIu64 "%s", age / units[i].seconds,
                                units[i].name, age % units[i].seconds / units[i + 1].seconds,
                                units[i + 1].name);
        return ret;
}

/* What a container is doing, and what keeps it from that. */
static const char *format_state(json_t *container, char ret[128])
{
        const char *state = get_string(container, "state") ?: "";
        const char *awaited = get_string(container, "waitingFor");

        if (!json_is_true(json_object_get(container, "waiting")))
                return state;
        (void) snprintf(ret, 128, "%swaiting%s%s", strcmp(state, "active") == 0 ? "" : "removing, ",
                        awaited ? " for " : "", awaited ?: "");
        return ret;
}

/* The names of all that are an object of this array with a true flag, if one is asked for. */
static char *join_names(json_t *array, const char *key, const char *flag)
{
        _cleanup_buffer_ Buffer b = {};
        json_t *item;
        size_t i;

        json_array_foreach(array, i, item)
                if (!flag || json_is_true(json_object_get(item, flag)))
                        if (buffer_printf(&b, "%s%s", b.size > 0 ? "," : "",
                                          get_string(item, key) ?: "") < 0)
                                return NULL;
        return strndup(b.data ?: "", b.size);
}

static int list_add(Table *table, const Arguments *a, json_t *container)
{
        const char *id = get_string(container, "id") ?: "";
        int shown = (int) (a->is_full ? strlen(id) : facts_short_id_size(id));
        char bytes[DISPLAY_BYTES], age[48], state[128];
        _cleanup_free_ char *names = NULL;

        names = join_names(json_object_get(container, "drivers"), "driver", NULL);
        if (table_addf(table, "%.*s", shown, id) < 0 ||
            table_add(table, get_string(container, "name")) < 0 ||
            table_add(table, get_string(container, "image")) < 0 ||
            table_add(table, get_string(container, "unit")) < 0 || table_add(table, names) < 0 ||
            table_add(table, format_state(container, state)) < 0 ||
            table_addf(table, "%" PRIu64, get_number(container, "lines")) < 0 ||
            table_add(table, display_format_bytes(get_number(container, "bytes"), bytes)) < 0 ||
            table_add(table, format_age(get_number(container, "createdUSec"), age)) < 0)
                return log_error_errno(ENOMEM, "Failed to list containers: %m");
        return 0;
}

static int list_print(const Arguments *a, json_t *containers)
{
        static const TableColumn columns[] = {
                { "ID" },    { "NAME" },        { "IMAGE" },       { "UNIT" }, { "DRIVER" },
                { "STATE" }, { "LINES", true }, { "BYTES", true }, { "AGE" },
        };
        _cleanup_(table_freep) Table *table = NULL;
        size_t i, n = json_array_size(containers);
        json_t *container;
        int r;

        if (n == 0) {
                if (a->has_legend)
                        puts("No containers.");
                return 0;
        }

        r = table_new(&table, columns, ARRAY_SIZE(columns));
        if (r < 0)
                return log_error_errno(r, "Failed to list containers: %m");
        json_array_foreach(containers, i, container) {
                r = list_add(table, a, container);
                if (r < 0)
                        return r;
        }

        table_print(table, stdout, a->has_legend, display_is_bold());
        if (a->has_legend)
                printf("\n%zu container%s listed.\n", n, n == 1 ? "" : "s");
        return 0;
}

int display_list(const Arguments *a)
{
        _cleanup_(varlink_reply_done) VarlinkReply reply = {};
        json_t *containers;
        int r;

        r = session_ask(a->socket, "List", NULL, "list containers", NULL, &reply);
        if (r < 0)
                return r;

        containers = json_object_get(reply.parameters, "containers");
        return a->output != OUTPUT_TEXT ? display_json(a, containers) : list_print(a, containers);
}

void display_heading(const char *text)
{
        _cleanup_free_ char *escaped = escape_new(span_from_string(text));
        bool is_bold = display_is_bold();

        printf("%s%s%s\n", is_bold ? "\033[1m" : "", escaped ?: "", is_bold ? "\033[0m" : "");
}

void display_property(const char *name, const char *value)
{
        _cleanup_free_ char *escaped = NULL;

        if (!value)
                return;
        escaped = escape_new(span_from_string(value));
        printf("%10s%s %s\n", name, *name ? ":" : " ", escaped ?: "");
}

static void show_created(uint64_t usec)
{
        time_t seconds = (time_t) (usec / SECOND_USEC);
        char text[128], stamp[64] = "", age[48];
        struct tm tm;

        if (localtime_r(&seconds, &tm))
                (void) strftime(stamp, sizeof(stamp), "%a %Y-%m-%d %H:%M:%S %Z", &tm);
        (void) snprintf(text, sizeof(text), "%s; %s ago", stamp, format_age(usec, age));
        display_property("Created", text);
}

static void show_count(const char *name, uint64_t n)
{
        char text[32];

        (void) snprintf(text, sizeof(text), "%" PRIu64, n);
        display_property(name, text);
}

static void show_bytes(const char *name, uint64_t n)
{
        char text[64], size[DISPLAY_BYTES];

        if (n < 1024)
                (void) snprintf(text, sizeof(text), "%" PRIu64 "B", n);
        else
                (void) snprintf(text, sizeof(text), "%s (%" PRIu64 ")",
                                display_format_bytes(n, size), n);
        display_property(name, text);
}

static void show_dropped(uint64_t lines, uint64_t bytes)
{
        char text[96], size[DISPLAY_BYTES];

        if (lines == 0 && bytes == 0)
                return;
        (void) snprintf(text, sizeof(text), "%" PRIu64 " line%s, %s", lines, lines == 1 ? "" : "s",
                        display_format_bytes(bytes, size));
        display_property("Dropped", text);
}

static void show_options(json_t *options)
{
        const char *key, *heading = "Options";
        json_t *value;

        json_object_foreach(options, key, value) {
                _cleanup_free_ char *text = NULL;

                if (asprintf(&text, "%s=%s", key, json_string_value(value) ?: "") < 0) {
                        text = NULL; /* undefined */
                        return;
                }
                display_property(heading, text);
                heading = "";
        }
}

/* What each has logged is said where it may differ. */
static void show_drivers(json_t *drivers)
{
        json_t *driver;
        size_t i;

        json_array_foreach(drivers, i, driver) {
                uint64_t lines = get_number(driver, "lines");
                char text[96], size[DISPLAY_BYTES];

                display_property("Driver", get_string(driver, "driver"));
                show_options(json_object_get(driver, "options"));
                if (json_array_size(drivers) == 1)
                        return;
                (void) snprintf(text, sizeof(text), "%" PRIu64 " line%s, %s", lines,
                                lines == 1 ? "" : "s",
                                display_format_bytes(get_number(driver, "bytes"), size));
                display_property("Logged", text);
                show_dropped(get_number(driver, "linesDropped"),
                             get_number(driver, "bytesDropped"));
                if (json_is_true(json_object_get(driver, "waiting")))
                        display_property("Waits for", get_string(driver, "waitingFor") ?: "");
        }
}

static void show_list(const char *heading, json_t *array)
{
        json_t *item;
        size_t i;

        json_array_foreach(array, i, item)
                display_property(i == 0 ? heading : "", json_string_value(item));
}

/* The FIFOs; a pipe that was handed over has no path. */
static void show_streams(json_t *streams)
{
        json_t *stream;
        size_t i;

        json_array_foreach(streams, i, stream) {
                const char *path = get_string(stream, "path"), *name = get_string(stream, "name");
                char text[64];

                (void) snprintf(text, sizeof(text), "%s, adopted", name ?: "");
                display_property(i == 0 ? "Streams" : "", path ?: text);
        }
}

static void show_print(json_t *c)
{
        char state[128];

        display_heading(get_string(c, "name") ?: get_string(c, "id"));
        display_property("ID", get_string(c, "id"));
        display_property("Image", get_string(c, "image"));
        display_property("Image ID", get_string(c, "imageId"));
        display_property("Unit", get_string(c, "unit"));
        show_created(get_number(c, "createdUSec"));
        display_property("Epoch", get_string(c, "epoch"));
        display_property("Terminal", json_is_true(json_object_get(c, "terminal")) ? "yes" : "no");
        display_property("State", format_state(c, state));
        show_drivers(json_object_get(c, "drivers"));
        show_count("Lines", get_number(c, "lines"));
        show_bytes("Bytes", get_number(c, "bytes"));
        show_dropped(get_number(c, "linesDropped"), get_number(c, "bytesDropped"));
        show_streams(json_object_get(c, "streams"));
        show_list("Execs", json_object_get(c, "execs"));
}

int display_show(const Arguments *a)
{
        int r, ret = 0;

        for (unsigned i = 0; i < a->n_words; i++) {
                _cleanup_(varlink_reply_done) VarlinkReply reply = {};
                json_t *container;

                r = session_ask(a->socket, "Describe", json_pack("{ss}", "id", a->words[i]),
                                "show container", a->words[i], &reply);
                if (r < 0) {
                        ret = r;
                        continue;
                }
                container = json_object_get(reply.parameters, "container");
                if (a->output != OUTPUT_TEXT) {
                        r = display_json(a, container);
                        if (r < 0)
                                return r;
                        continue;
                }
                if (i > 0)
                        putchar('\n');
                show_print(container);
        }
        return ret;
}

/* A row for each option; a driver without any has one row. */
static int drivers_add(Table *table, json_t *driver)
{
        json_t *options = json_object_get(driver, "options"), *option;
        const char *name = get_string(driver, "name");
        size_t i = 0;

        do {
                option = json_array_get(options, i);
                if (table_add(table, name) < 0 || table_add(table, get_string(option, "key")) < 0 ||
                    table_add(table, get_string(option, "default")) < 0 ||
                    table_add(table, get_string(option, "rule")) < 0)
                        return log_error_errno(ENOMEM, "Failed to list drivers: %m");
        } while (++i < json_array_size(options));
        return 0;
}

static int drivers_print(const Arguments *a, json_t *drivers)
{
        static const TableColumn driver_columns[] = { { "DRIVER" }, { "DESCRIPTION" } };
        static const TableColumn option_columns[] = {
                { "DRIVER" }, { "OPTION" }, { "DEFAULT" }, { "VALUE" }
        };
        _cleanup_(table_freep) Table *names = NULL, *options = NULL;
        json_t *driver;
        size_t i;
        int r;

        r = table_new(&names, driver_columns, ARRAY_SIZE(driver_columns));
        if (r >= 0)
                r = table_new(&options, option_columns, ARRAY_SIZE(option_columns));
        if (r < 0)
                return log_error_errno(r, "Failed to list drivers: %m");

        json_array_foreach(drivers, i, driver) {
                if (table_add(names, get_string(driver, "name")) < 0 ||
                    table_add(names, get_string(driver, "description")) < 0)
                        return log_error_errno(ENOMEM, "Failed to list drivers: %m");
                r = drivers_add(options, driver);
                if (r < 0)
                        return r;
        }

        table_print(names, stdout, a->has_legend, display_is_bold());
        putchar('\n');
        table_print(options, stdout, a->has_legend, display_is_bold());
        if (a->has_legend) {
                _cleanup_free_ char *presets = join_names(drivers, "name", "isDefault");
                _cleanup_free_ char *escaped = escape_new(span_from_string(presets));

                printf("\n%zu drivers listed; the default is %s.\n", json_array_size(drivers),
                       escaped && *escaped ? escaped : "not set");
        }
        return 0;
}

int display_drivers(const Arguments *a)
{
        _cleanup_(varlink_reply_done) VarlinkReply reply = {};
        json_t *drivers;
        int r;

        r = session_ask(a->socket, "Drivers", NULL, "list drivers", NULL, &reply);
        if (r < 0)
                return r;

        drivers = json_object_get(reply.parameters, "drivers");
        return a->output != OUTPUT_TEXT ? display_json(a, drivers) : drivers_print(a, drivers);
}
