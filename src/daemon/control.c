/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The methods of io.conlogd; see the header. */

#include <string.h>

#include "daemon/change.h"
#include "daemon/control.h"
#include "daemon/daemon.h"
#include "io.conlogd.h"
#include "io/rundir.h"

/* Ends a call that did not work out: with the refusal, or with what the system said. */
static void control_fail(VarlinkCall *call, int error, Refusal *refusal)
{
        if (refusal->error)
                varlink_call_error(call, refusal->error, TAKE_PTR(refusal->parameters));
        else
                varlink_call_error(call, "io.conlogd.SystemError",
                                   json_pack("{s:i, s:s}", "errno", abs(error), "message",
                                             strerror(abs(error))));
        refusal_done(refusal);
}

static json_t *control_pack_counts(const Counts *counts)
{
        return json_pack("{s:I, s:I, s:I}", "lines", (json_int_t) counts->lines, "bytes",
                         (json_int_t) counts->bytes, "bytesDropped", (json_int_t) counts->dropped);
}

void control_reply_removed(void *call, const Counts *counts)
{
        varlink_call_reply(call, control_pack_counts(counts));
}

static const char *control_get_string(json_t *parameters, const char *key)
{
        return json_string_value(json_object_get(parameters, key));
}

/* One driver whose taking the container waits for, or NULL. */
static const Feed *control_find_waiting(const Container *c)
{
        const Feed *feed;

        TAILQ_FOREACH(feed, &c->feeds, feeds)
                if (feed_is_waiting(feed))
                        return feed;
        return NULL;
}

/* The request, from the container's config; NULL if it cannot be read. */
static json_t *control_read_request(const Container *c)
{
        _cleanup_buffer_ Buffer text = {};
        _cleanup_close_ int dir_fd = -1;
        ino_t ino = c->dir_ino;
        json_t *object, *request;

        dir_fd = rundir_open_at(c->daemon->containers_fd, c->id, &ino);
        if (dir_fd < 0 || rundir_read_file(dir_fd, "config", SPEC_FILE_MAX_BYTES, &text) < 0)
                return NULL;
        object = json_loadb(text.data, text.size, 0, NULL);
        request = json_incref(json_object_get(object, "request"));
        json_decref(object);
        return request;
}

/* After the interface's type ContainerDriver; options may be NULL. */
static json_t *control_pack_driver(const Feed *feed, json_t *options)
{
        bool is_waiting = feed_is_waiting(feed);

        return json_pack("{s:s, s:O*, s:b, s:s*, s:I, s:I, s:I, s:I}", "driver", feed->name,
                         "options", options, "waiting", is_waiting, "waitingFor",
                         is_waiting ? feed_get_awaited(feed) : NULL, "lines",
                         (json_int_t) feed->counts.lines, "bytes", (json_int_t) feed->counts.bytes,
                         "linesDropped", (json_int_t) feed->lines_dropped, "bytesDropped",
                         (json_int_t) feed->counts.dropped);
}

/* All drivers, with what the request, which may be NULL, says of them. */
static json_t *control_pack_drivers(const Container *c, json_t *request)
{
        json_t *array = json_array(), *of = request;
        size_t n = 0;
        Feed *feed;

        TAILQ_FOREACH(feed, &c->feeds, feeds) {
                json_array_append_new(array,
                                      control_pack_driver(feed, json_object_get(of, "options")));
                of = json_array_get(json_object_get(request, "moreDrivers"), n++);
        }
        return array;
}

/* After the interface's type Container; the whole of it, or what List shows. */
static int control_pack_container(const Container *c, bool whole, json_t **ret)
{
        const Feed *first = TAILQ_FIRST(&c->feeds), *waiting = control_find_waiting(c);
        json_t *object, *streams, *execs, *request;
        Fifos *f;

        object = json_pack(
                "{s:s, s:s*, s:s*, s:s*, s:s, s:I, s:b, s:s, s:s, s:b, s:s*, s:I, s:I, s:I, s:I}",
                "id", c->id, "name", c->name, "image", c->image, "unit", c->unit, "epoch", c->epoch,
                "createdUSec", (json_int_t) c->created_usec, "terminal", c->is_terminal, "driver",
                first->name, "state", c->is_removing ? "removing" : "active", "waiting",
                waiting != NULL, "waitingFor", waiting ? feed_get_awaited(waiting) : NULL, "lines",
                (json_int_t) first->counts.lines, "bytes", (json_int_t) first->counts.bytes,
                "linesDropped", (json_int_t) first->lines_dropped, "bytesDropped",
                (json_int_t) first->counts.dropped);
        if (!object)
                return -ENOMEM;
        *ret = object;
        request = whole ? control_read_request(c) : NULL;
        json_object_set_new(object, "drivers", control_pack_drivers(c, request));
        json_object_set(object, "options", json_object_get(request, "options"));
        json_object_set(object, "imageId", json_object_get(request, "imageId"));
        json_decref(request);
        if (!whole)
                return 0;

        execs = json_array();
        streams = json_array();
        TAILQ_FOREACH(f, &c->fifos, fifos) {
                json_t *of_set = f->is_exec ? NULL : fifos_describe(f);

                if (f->is_exec)
                        json_array_append_new(execs, json_string(f->name));
                else
                        json_array_extend(streams, of_set);
                json_decref(of_set);
        }
        json_object_set_new(object, "streams", streams);
        json_object_set_new(object, "execs", execs);
        return 0;
}

static void control_reply_container(VarlinkCall *call, const Container *c)
{
        Refusal refusal = {};
        json_t *object;
        int r;

        r = control_pack_container(c, true, &object);
        if (r < 0)
                control_fail(call, r, &refusal);
        else
                varlink_call_reply(call, json_pack("{s:o}", "container", object));
}

void control_reply_made(void *call, const Fifos *f)
{
        if (f->is_exec)
                varlink_call_reply(call, json_pack("{s:o}", "streams", fifos_describe(f)));
        else
                control_reply_container(call, f->container);
}

/* Who uses FIFOs that nobody keeps would lose lines when we are killed: the answer waits for it. */
static void control_reply_when_kept(VarlinkCall *call, Fifos *f)
{
        if (f->is_waiting)
                f->made_call = call;
        else
                control_reply_made(call, f);
}

static void control_create(VarlinkCall *call, json_t *parameters, void *userdata)
{
        Refusal refusal = {};
        Container *c;
        int r;

        r = daemon_create_container(userdata, parameters, NULL, &c, &refusal);
        if (r < 0)
                control_fail(call, r, &refusal);
        else
                control_reply_when_kept(call, TAILQ_FIRST(&c->fifos));
}

/* The file descriptors that stdout and stderr name, -1 for one that is absent. The request is then
 * one of Create. */
static int control_take_fds(VarlinkCall *call, json_t *parameters, int ret[ENTRY_STREAMS],
                            Refusal *refusal)
{
        for (EntryStream k = 0; k < ENTRY_STREAMS; k++) {
                const char *name = entry_stream_to_string(k);
                json_t *index = json_object_get(parameters, name);

                if (!index)
                        continue;
                ret[k] = varlink_call_take_fd(call, (size_t) json_integer_value(index));
                if (ret[k] < 0)
                        return refuse_value(refusal, name,
                                            "the index of a file descriptor that came with the "
                                            "call, each one once");
                (void) json_object_del(parameters, name);
        }
        return 0;
}

static void control_adopt(VarlinkCall *call, json_t *parameters, void *userdata)
{
        int fds[ENTRY_STREAMS] = { -1, -1 }, r;
        Refusal refusal = {};
        Container *c;

        r = control_take_fds(call, parameters, fds, &refusal);
        if (r >= 0)
                r = daemon_create_container(userdata, parameters, fds, &c, &refusal);
        if (r < 0)
                control_fail(call, r, &refusal);
        else
                control_reply_when_kept(call, TAILQ_FIRST(&c->fifos));
        for (EntryStream k = 0; k < ENTRY_STREAMS; k++)
                (void) base_close(fds[k]);
}

static void control_exec(VarlinkCall *call, json_t *parameters, void *userdata)
{
        bool is_logged = json_is_true(json_object_get(parameters, "log"));
        Daemon *d = ASSERT_PTR(userdata);
        Refusal refusal = {};
        Container *c;
        Fifos *f;
        int r;

        r = daemon_find_container(d, control_get_string(parameters, "id"), &c, &refusal);
        if (r >= 0)
                r = container_exec(c, control_get_string(parameters, "exec"),
                                   json_is_true(json_object_get(parameters, "terminal")), is_logged,
                                   &f, &refusal);
        if (r < 0)
                control_fail(call, r, &refusal);
        else
                control_reply_when_kept(call, f);
}

static void control_remove_exec(VarlinkCall *call, Container *c, const char *exec)
{
        Refusal refusal = {};
        Fifos *f;

        f = container_find_exec(c, exec);
        if (!f)
                (void) refuse(&refusal, "io.conlogd.NoSuchExec", "{s:s, s:s}", "id", c->id, "exec",
                              exec);
        else if (f->call || c->is_removing)
                (void) refuse(&refusal, "io.conlogd.ContainerRemoving", "{s:s}", "id", c->id);

        if (refusal.error)
                control_fail(call, EINVAL, &refusal);
        else
                container_remove_exec(c, f, call);
}

static void control_remove(VarlinkCall *call, json_t *parameters, void *userdata)
{
        const char *exec = control_get_string(parameters, "exec");
        Refusal refusal = {};
        Container *c;
        int r;

        r = daemon_find_container(userdata, control_get_string(parameters, "id"), &c, &refusal);
        if (r >= 0 && exec) {
                control_remove_exec(call, c, exec);
                return;
        }
        if (r >= 0 && c->is_removing)
                r = refuse(&refusal, "io.conlogd.ContainerRemoving", "{s:s}", "id", c->id);
        if (r < 0)
                control_fail(call, r, &refusal);
        else
                container_remove(c, call);
}

static void control_set(VarlinkCall *call, json_t *parameters, void *userdata)
{
        const Change change = {
                .driver = control_get_string(parameters, "driver"),
                .options = json_object_get(parameters, "options"),
                .add = json_object_get(parameters, "add"),
                .remove = control_get_string(parameters, "remove"),
        };
        Refusal refusal = {};
        Container *c;
        int r;

        r = daemon_find_container(userdata, control_get_string(parameters, "id"), &c, &refusal);
        if (r >= 0)
                r = change_apply(c, &change, &refusal);
        if (r < 0)
                control_fail(call, r, &refusal);
        else
                control_reply_container(call, c);
}

static void control_rotate(VarlinkCall *call, json_t *parameters, void *userdata)
{
        Refusal refusal = {};
        Container *c;
        int r;

        r = daemon_find_container(userdata, control_get_string(parameters, "id"), &c, &refusal);
        if (r >= 0)
                r = container_rotate(c, control_get_string(parameters, "driver"), &refusal);
        if (r < 0)
                control_fail(call, r, &refusal);
        else
                varlink_call_reply(call, NULL);
}

static void control_describe(VarlinkCall *call, json_t *parameters, void *userdata)
{
        Refusal refusal = {};
        Container *c;
        int r;

        r = daemon_find_container(userdata, control_get_string(parameters, "id"), &c, &refusal);
        if (r < 0)
                control_fail(call, r, &refusal);
        else
                control_reply_container(call, c);
}

static void control_list(VarlinkCall *call, json_t *parameters, void *userdata)
{
        Daemon *d = ASSERT_PTR(userdata);
        json_t *array = json_array(), *object;
        Container *c;

        TAILQ_FOREACH(c, &d->containers, containers)
                if (control_pack_container(c, false, &object) >= 0)
                        json_array_append_new(array, object);
        varlink_call_reply(call, json_pack("{s:o}", "containers", array));
}

/* What a new container gets: the configuration's value, else the driver's own. */
static const char *control_find_default(const Config *config, const Driver *driver,
                                        const DriverOption *option)
{
        const char *value = config ? config_get_option(config, driver, option->key) : NULL;

        return value ?: driver_get_preset(driver, option);
}

static void control_append_options(json_t *array, const Config *config, const Driver *driver,
                                   const DriverOption *options, size_t n)
{
        for (size_t i = 0; i < n; i++)
                json_array_append_new(
                        array, json_pack("{s:s, s:s*, s:s}", "key", options[i].key, "default",
                                         control_find_default(config, driver, &options[i]), "rule",
                                         options[i].rule));
}

static void control_drivers(VarlinkCall *call, json_t *parameters, void *userdata)
{
        Daemon *d = ASSERT_PTR(userdata);
        json_t *array = json_array();

        for (size_t i = 0; drivers[i]; i++) {
                const Driver *driver = drivers[i];
                json_t *options = json_array();

                control_append_options(options, d->config, driver, driver->options,
                                       driver->n_options);
                control_append_options(options, d->config, driver, common_options,
                                       n_common_options);
                json_array_append_new(array,
                                      json_pack("{s:s, s:s, s:b, s:o}", "name", driver->name,
                                                "description", driver->description, "isDefault",
                                                d->config && config_is_default(d->config, driver),
                                                "options", options));
        }
        varlink_call_reply(call, json_pack("{s:o}", "drivers", array));
}

static void control_reload(VarlinkCall *call, json_t *parameters, void *userdata)
{
        Refusal refusal = {};
        int r;

        r = daemon_reload(userdata, &refusal);
        if (r < 0)
                control_fail(call, r, &refusal);
        else
                varlink_call_reply(call, NULL);
}

static void control_status(VarlinkCall *call, json_t *parameters, void *userdata)
{
        Daemon *d = ASSERT_PTR(userdata);
        _cleanup_(refusal_done) Refusal bad = {};
        json_t *object;
        Container *c;
        int n_waiting = 0, n_small = 0;

        TAILQ_FOREACH(c, &d->containers, containers) {
                n_waiting += control_find_waiting(c) != NULL;
                n_small += fifos_are_small(TAILQ_FIRST(&c->fifos));
        }
        object = json_pack("{s:i, s:i, s:i, s:i}", "containers", (int) d->n_containers, "waiting",
                           n_waiting, "smallFifos", n_small, "unrestored", (int) d->n_unrestored);
        if (d->config)
                json_object_set_new(object, "containersMax",
                                    json_integer(d->config->containers_max));
        if (daemon_check_config(&bad) < 0 && bad.parameters)
                json_object_set(object, "badConfiguration", bad.parameters);
        varlink_call_reply(call, object);
}

static const VarlinkParameter create_parameters[] = {
        { "id", JSON_STRING, true },      { "name", JSON_STRING, false },
        { "image", JSON_STRING, false },  { "imageId", JSON_STRING, false },
        { "labels", JSON_OBJECT, false }, { "env", JSON_ARRAY, false },
        { "stdin", JSON_TRUE, false },    { "terminal", JSON_TRUE, false },
        { "driver", JSON_STRING, false }, { "options", JSON_OBJECT, false },
        { "unit", JSON_STRING, false },   { "moreDrivers", JSON_ARRAY, false },
};

static const VarlinkParameter adopt_parameters[] = {
        { "id", JSON_STRING, true },       { "name", JSON_STRING, false },
        { "image", JSON_STRING, false },   { "imageId", JSON_STRING, false },
        { "labels", JSON_OBJECT, false },  { "env", JSON_ARRAY, false },
        { "stdout", JSON_INTEGER, false }, { "stderr", JSON_INTEGER, false },
        { "driver", JSON_STRING, false },  { "options", JSON_OBJECT, false },
        { "unit", JSON_STRING, false },    { "moreDrivers", JSON_ARRAY, false },
};

static const VarlinkParameter exec_parameters[] = {
        { "id", JSON_STRING, true },
        { "exec", JSON_STRING, true },
        { "terminal", JSON_TRUE, false },
        { "log", JSON_TRUE, false },
};

static const VarlinkParameter remove_parameters[] = {
        { "id", JSON_STRING, true },
        { "exec", JSON_STRING, false },
};

static const VarlinkParameter set_parameters[] = {
        { "id", JSON_STRING, true },       { "driver", JSON_STRING, false },
        { "options", JSON_OBJECT, false }, { "add", JSON_OBJECT, false },
        { "remove", JSON_STRING, false },
};

static const VarlinkParameter rotate_parameters[] = {
        { "id", JSON_STRING, true },
        { "driver", JSON_STRING, false },
};

static const VarlinkParameter describe_parameters[] = {
        { "id", JSON_STRING, true },
};

static const VarlinkMethod control_methods[] = {
        { "Create", create_parameters, ARRAY_SIZE(create_parameters), control_create },
        { "Adopt", adopt_parameters, ARRAY_SIZE(adopt_parameters), control_adopt },
        { "Exec", exec_parameters, ARRAY_SIZE(exec_parameters), control_exec },
        { "Remove", remove_parameters, ARRAY_SIZE(remove_parameters), control_remove },
        { "Set", set_parameters, ARRAY_SIZE(set_parameters), control_set },
        { "Rotate", rotate_parameters, ARRAY_SIZE(rotate_parameters), control_rotate },
        { "Describe", describe_parameters, ARRAY_SIZE(describe_parameters), control_describe },
        { .name = "List", .handler = control_list, .is_long = true },
        { "Drivers", NULL, 0, control_drivers },
        { "Reload", NULL, 0, control_reload },
        { "Status", NULL, 0, control_status },
};

/* Crowds of peers and long answers leave their memory in pieces. */
static void control_on_closed(void *userdata)
{
        daemon_trim_later(userdata);
}

const VarlinkInterface control_interface = {
        .vendor = "conlogd",
        .product = "conlogd",
        .version = CONLOGD_VERSION,
        .url = "https://varlink.org/",
        .name = "io.conlogd",
        .description = control_description,
        .methods = control_methods,
        .n_methods = ARRAY_SIZE(control_methods),
        .on_closed = control_on_closed,
};
