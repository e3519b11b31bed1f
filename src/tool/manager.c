/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The service manager, asked over D-Bus; see the header. */

#include <stdio.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "tool/manager.h"

#define DESTINATION "org.freedesktop.systemd1"
#define MANAGER_INTERFACE DESTINATION ".Manager"
#define UNIT_INTERFACE DESTINATION ".Unit"
#define SERVICE_INTERFACE DESTINATION ".Service"

/* It answers at once; but not while it stores the fds of many new containers. */
#define TIMEOUT_USEC UINT64_C(30000000)

/* Where a property is. */
typedef struct Object {
        sd_bus *bus;
        const char *path;
} Object;

static int open_private(sd_bus **ret)
{
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        int r;

        r = sd_bus_new(&bus);
        if (r >= 0)
                r = sd_bus_set_address(bus, "unix:path=/run/systemd/private");
        if (r >= 0)
                r = sd_bus_start(bus);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(bus);
        return 0;
}

static Figure read_number(const Object *o, const char *interface, const char *name, char type)
{
        uint64_t n = 0;
        uint32_t small = 0;
        int r;

        r = sd_bus_get_property_trivial(o->bus, DESTINATION, o->path, interface, name, NULL, type,
                                        type == 'u' ? (void *) &small : (void *) &n);
        if (r < 0)
                return (Figure){ .error = r };
        return (Figure){ .n = type == 'u' ? small : n };
}

static int read_string(const Object *o, const char *interface, const char *name, char ret[32])
{
        _cleanup_free_ char *value = NULL;
        int r;

        r = sd_bus_get_property_string(o->bus, DESTINATION, o->path, interface, name, NULL, &value);
        if (r < 0)
                return r;
        (void) snprintf(ret, 32, "%s", value);
        return 0;
}

/* LoadUnit and not GetUnit: also what does not run, or is not there, has properties. */
static int load_unit(sd_bus *bus, const char *name, char **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *path;
        int r;

        r = sd_bus_call_method(bus, DESTINATION, "/org/freedesktop/systemd1", MANAGER_INTERFACE,
                               "LoadUnit", NULL, &reply, "s", name);
        if (r >= 0)
                r = sd_bus_message_read(reply, "o", &path);
        if (r < 0)
                return r;
        *ret = strdup(path);
        return *ret ? 0 : -ENOMEM;
}

static Figure read_version(sd_bus *bus)
{
        Object o = { bus, "/org/freedesktop/systemd1" };
        char text[32];
        int r;

        r = read_string(&o, MANAGER_INTERFACE, "Version", text);
        if (r < 0)
                return (Figure){ .error = r };
        /* "252.39-1~deb12u2", some with a "v" before it. */
        return (Figure){ .n = strtoul(text + strcspn(text, "0123456789"), NULL, 10) };
}

static int read_drop_ins(const Object *o, char *ret, size_t size)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *path;
        int n = 0, r;

        r = sd_bus_get_property(o->bus, DESTINATION, o->path, UNIT_INTERFACE, "DropInPaths", NULL,
                                &reply, "as");
        if (r >= 0)
                r = sd_bus_message_enter_container(reply, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_read(reply, "s", &path)) > 0 && (size_t) n < size)
                n += snprintf(ret + n, size - (size_t) n, " %s", path);
        return r;
}

static int read_socket(Manager *m, sd_bus *bus)
{
        _cleanup_free_ char *path = NULL;
        Object o = { .bus = bus };
        int r;

        r = load_unit(bus, "conlogd.socket", &path);
        if (r < 0)
                return r;
        o.path = path;
        r = read_string(&o, UNIT_INTERFACE, "LoadState", m->socket_load);
        if (r >= 0)
                r = read_string(&o, UNIT_INTERFACE, "ActiveState", m->socket_active);
        if (r >= 0)
                r = read_string(&o, UNIT_INTERFACE, "UnitFileState", m->socket_file);
        return r;
}

static int read_service(Manager *m, sd_bus *bus)
{
        _cleanup_free_ char *path = NULL;
        Object o = { .bus = bus };
        int needs_reload = false, r;

        r = load_unit(bus, "conlogd.service", &path);
        if (r < 0)
                return r;
        o.path = path;
        r = read_string(&o, UNIT_INTERFACE, "LoadState", m->service_load);
        if (r >= 0)
                r = read_string(&o, UNIT_INTERFACE, "ActiveState", m->service_active);
        if (r >= 0)
                r = read_string(&o, SERVICE_INTERFACE, "Restart", m->restart);
        if (r >= 0)
                r = sd_bus_get_property_trivial(bus, DESTINATION, path, UNIT_INTERFACE,
                                                "NeedDaemonReload", NULL, 'b', &needs_reload);
        if (r >= 0)
                r = read_drop_ins(&o, m->service_drop_ins, sizeof(m->service_drop_ins));
        if (r < 0)
                return r;

        m->needs_reload = needs_reload;
        m->main_pid = read_number(&o, SERVICE_INTERFACE, "MainPID", 'u').n;
        m->start_limit_usec = read_number(&o, UNIT_INTERFACE, "StartLimitIntervalUSec", 't');
        m->start_limit_burst = read_number(&o, UNIT_INTERFACE, "StartLimitBurst", 'u');
        m->files_max = read_number(&o, SERVICE_INTERFACE, "LimitNOFILE", 't');
        m->fd_store_max = read_number(&o, SERVICE_INTERFACE, "FileDescriptorStoreMax", 'u');
        m->fd_store_used = read_number(&o, SERVICE_INTERFACE, "NFileDescriptorStore", 'u');
        m->log_rate_usec = read_number(&o, SERVICE_INTERFACE, "LogRateLimitIntervalUSec", 't');
        m->log_rate_burst = read_number(&o, SERVICE_INTERFACE, "LogRateLimitBurst", 'u');
        m->tasks_max = read_number(&o, SERVICE_INTERFACE, "TasksMax", 't');
        m->memory_max = read_number(&o, SERVICE_INTERFACE, "MemoryMax", 't');
        return 0;
}

void manager_read(Manager *ret)
{
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        int r;

        *ret = (Manager){};
        r = geteuid() == 0 ? open_private(&bus) : -EACCES;
        if (r < 0)
                r = sd_bus_open_system(&bus);
        if (r >= 0)
                r = sd_bus_set_method_call_timeout(bus, TIMEOUT_USEC);
        if (r >= 0) {
                ret->version = read_version(bus);
                r = read_socket(ret, bus);
        }
        if (r >= 0)
                r = read_service(ret, bus);
        ret->error = MIN(r, 0);
}
