/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Varlink, the server: who may call what, and org.varlink.service; see the header. */

#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#include "base/limits.h"
#include "io/varlink-connection.h"

#define SERVICE "org.varlink.service"

struct VarlinkServer {
        VarlinkConnections connections;
        int listen_fd;
        sd_event_source *listen_source;
        sd_event_source *retry_source; /* listens again after there were no fds left */
        sd_event_source *long_source;  /* the next one of these */
        TAILQ_HEAD(, VarlinkCall) long_calls;
        uint64_t long_due_usec; /* not before */
        const VarlinkInterface *interface;
        void *userdata;
};

void varlink_call_reply(VarlinkCall *call, json_t *parameters)
{
        varlink_call_finish(call, NULL, parameters);
}

void varlink_call_error(VarlinkCall *call, const char *error, json_t *parameters)
{
        varlink_call_finish(call, error, parameters);
}

void varlink_call_invalid_parameter(VarlinkCall *call, const char *name)
{
        varlink_call_error(call, SERVICE ".InvalidParameter", json_pack("{ss}", "parameter", name));
}

static void service_get_info(VarlinkCall *call, json_t *parameters, void *userdata)
{
        const VarlinkServer *s = ASSERT_PTR(userdata);
        const VarlinkInterface *i = s->interface;

        varlink_call_reply(call, json_pack("{ss ss ss ss s[ss]}", "vendor", i->vendor, "product",
                                           i->product, "version", i->version, "url", i->url,
                                           "interfaces", SERVICE, i->name));
}

static const char service_description[] =
        "# Every varlink service has this interface.\n"
        "interface " SERVICE "\n"
        "\n"
        "# What the service is, and the interfaces it has.\n"
        "method GetInfo() -> (\n"
        "  vendor: string,\n"
        "  product: string,\n"
        "  version: string,\n"
        "  url: string,\n"
        "  interfaces: []string\n"
        ")\n"
        "\n"
        "# The description of an interface, in the language of this text.\n"
        "method GetInterfaceDescription(interface: string) -> (description: string)\n"
        "\n"
        "error InterfaceNotFound (interface: string)\n"
        "error MethodNotFound (method: string)\n"
        "error MethodNotImplemented (method: string)\n"
        "# A parameter is missing, unknown, of another type, or breaks a rule. A message that is\n"
        "# no method call at all is told as the parameter \"message\", and ends the connection.\n"
        "error InvalidParameter (parameter: string)\n"
        "error PermissionDenied ()\n"
        "error ExpectedMore ()\n";

static void service_get_interface_description(VarlinkCall *call, json_t *parameters, void *userdata)
{
        const VarlinkServer *s = ASSERT_PTR(userdata);
        const char *name = json_string_value(json_object_get(parameters, "interface"));
        const char *description;

        if (strcmp(name, SERVICE) == 0)
                description = service_description;
        else if (strcmp(name, s->interface->name) == 0)
                description = s->interface->description;
        else {
                varlink_call_error(call, SERVICE ".InterfaceNotFound",
                                   json_pack("{ss}", "interface", name));
                return;
        }
        varlink_call_reply(call, json_pack("{ss}", "description", description));
}

static const VarlinkParameter get_interface_description_parameters[] = {
        { "interface", JSON_STRING, true },
};

static const VarlinkMethod service_methods[] = {
        { .name = "GetInfo", .handler = service_get_info },
        {
                .name = "GetInterfaceDescription",
                .parameters = get_interface_description_parameters,
                .n_parameters = ARRAY_SIZE(get_interface_description_parameters),
                .handler = service_get_interface_description,
        },
};

static const VarlinkMethod *methods_find(const VarlinkMethod *methods, size_t n, const char *name)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(methods[i].name, name) == 0)
                        return methods + i;
        return NULL;
}

static const VarlinkParameter *method_find_parameter(const VarlinkMethod *method, const char *name)
{
        for (size_t i = 0; i < method->n_parameters; i++)
                if (strcmp(method->parameters[i].name, name) == 0)
                        return method->parameters + i;
        return NULL;
}

static bool parameter_takes(const VarlinkParameter *parameter, json_t *value)
{
        if (parameter->type == JSON_TRUE)
                return json_is_boolean(value);
        return json_typeof(value) == parameter->type;
}

/* Removes null members. Returns NULL, or the name of a parameter that is not as it should be. */
static const char *method_check_parameters(const VarlinkMethod *method, json_t *parameters)
{
        const char *name;
        json_t *value;
        void *next;

        json_object_foreach_safe(parameters, next, name, value)
        {
                const VarlinkParameter *p = method_find_parameter(method, name);

                if (!p)
                        return name;
                if (json_is_null(value))
                        (void) json_object_del(parameters, name);
                else if (!parameter_takes(p, value))
                        return name;
        }

        for (size_t i = 0; i < method->n_parameters; i++) {
                const VarlinkParameter *p = method->parameters + i;

                if (p->is_required && !json_object_get(parameters, p->name))
                        return p->name;
        }
        return NULL;
}

static void server_arm_long(VarlinkServer *s)
{
        (void) sd_event_source_set_time(s->long_source, s->long_due_usec);
        (void) sd_event_source_set_enabled(
                s->long_source, TAILQ_EMPTY(&s->long_calls) ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

static void method_call(const VarlinkMethod *method, VarlinkCall *call, json_t *given,
                        VarlinkServer *s, void *userdata)
{
        json_auto_t *parameters = given ? json_incref(given) : json_object();
        const char *bad;

        bad = method_check_parameters(method, parameters);
        if (bad)
                varlink_call_invalid_parameter(call, bad);
        else if (method->is_long) {
                call->method = method;
                TAILQ_INSERT_TAIL(&s->long_calls, call, waiting);
                server_arm_long(s);
        } else
                method->handler(call, parameters, userdata);
}

static void varlink_on_request(VarlinkConnections *connections, VarlinkCall *call,
                               const VarlinkRequest *request)
{
        VarlinkServer *s = container_of(connections, VarlinkServer, connections);
        const char *dot = strrchr(request->method, '.');
        Span interface = { request->method, dot ? (size_t) (dot - request->method) : 0 };
        const VarlinkMethod *method;
        void *userdata;

        /* To go on in another protocol: no method does. */
        if (request->is_upgrade) {
                varlink_call_invalid_parameter(call, "upgrade");
                return;
        }

        if (span_equal_string(interface, SERVICE)) {
                method = methods_find(service_methods, ARRAY_SIZE(service_methods), dot + 1);
                userdata = s;
        } else if (span_equal_string(interface, s->interface->name)) {
                method = methods_find(s->interface->methods, s->interface->n_methods, dot + 1);
                userdata = s->userdata;
        } else {
                varlink_call_error(call, SERVICE ".InterfaceNotFound",
                                   json_pack("{ss%}", "interface", interface.data, interface.size));
                return;
        }

        if (!method)
                varlink_call_error(call, SERVICE ".MethodNotFound",
                                   json_pack("{ss}", "method", request->method));
        else if (!method->handler)
                varlink_call_error(call, SERVICE ".MethodNotImplemented",
                                   json_pack("{ss}", "method", request->method));
        else
                method_call(method, call, request->parameters, s, userdata);
}

unsigned varlink_server_n_connections(const VarlinkServer *server)
{
        return server->connections.n;
}

VarlinkServer *varlink_server_free(VarlinkServer *s)
{
        if (!s)
                return NULL;

        s->connections.on_freed = NULL;
        while (!TAILQ_EMPTY(&s->connections.list))
                varlink_connection_free(TAILQ_FIRST(&s->connections.list));
        for (VarlinkCall *call; (call = TAILQ_FIRST(&s->long_calls));) {
                TAILQ_REMOVE(&s->long_calls, call, waiting);
                varlink_call_finish(call, NULL, NULL);
        }
        (void) sd_event_source_disable_unref(s->long_source);
        (void) sd_event_source_disable_unref(s->retry_source);
        (void) sd_event_source_disable_unref(s->listen_source);
        (void) sd_event_unref(s->connections.event);
        (void) base_close(s->listen_fd);
        free(s);
        return NULL;
}

/* The credentials are those of who called connect(2); they stay when the socket is passed on. */
static bool peer_is_root(int fd)
{
        struct ucred peer;
        socklen_t size = sizeof(peer);

        return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) >= 0 && peer.uid == 0;
}

/* A new socket has room for this; if it has none, the closed connection says it, too. */
static void peer_refuse(int fd)
{
        static const char reply[] =
                "{\"error\":\"" SERVICE ".PermissionDenied\",\"parameters\":{}}";

        (void) send(fd, reply, sizeof(reply), MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Where there is no fd or no memory left, the peer stays in the queue and the socket readable: we
 * would not sleep. */
static void server_listen_later(VarlinkServer *s)
{
        (void) sd_event_source_set_enabled(s->listen_source, SD_EVENT_OFF);
        (void) sd_event_source_set_time_relative(s->retry_source, VARLINK_ACCEPT_RETRY_USEC);
        (void) sd_event_source_set_enabled(s->retry_source, SD_EVENT_ONESHOT);
}

static int varlink_on_connection(sd_event_source *source, int listen_fd, uint32_t events,
                                 void *userdata)
{
        VarlinkServer *s = ASSERT_PTR(userdata);
        _cleanup_close_ int fd = -1;

        fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED))
                return 0;
        if (fd < 0) {
                server_listen_later(s);
                return 0;
        }

        if (!peer_is_root(fd))
                peer_refuse(fd);
        else if (varlink_connections_make_way(&s->connections) >= 0)
                (void) varlink_connection_new(&s->connections, &fd);
        return 0;
}

static int varlink_on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
        VarlinkServer *s = ASSERT_PTR(userdata);

        if (sd_event_source_set_enabled(s->listen_source, SD_EVENT_ON) < 0)
                server_listen_later(s);
        return 0;
}

static uint64_t now_usec(void)
{
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}

static int varlink_on_long(sd_event_source *source, uint64_t usec, void *userdata)
{
        VarlinkServer *s = ASSERT_PTR(userdata);
        VarlinkCall *call = TAILQ_FIRST(&s->long_calls);
        const VarlinkMethod *method = TAKE_PTR(call->method);
        uint64_t begin_usec = now_usec();

        TAILQ_REMOVE(&s->long_calls, call, waiting);
        if (call->connection)
                method->handler(call, NULL, s->userdata);
        else
                varlink_call_finish(call, NULL, NULL); /* nobody waits for it */
        s->long_due_usec = 2 * now_usec() - begin_usec;
        server_arm_long(s);
        return 0;
}

static int server_add_sources(VarlinkServer *s, sd_event *event, int listen_fd)
{
        int r;

        r = sd_event_add_io(event, &s->listen_source, listen_fd, EPOLLIN, varlink_on_connection, s);
        if (r < 0)
                return r;
        r = sd_event_source_set_priority(s->listen_source, VARLINK_PRIORITY);
        if (r < 0)
                return r;

        r = sd_event_add_time_relative(event, &s->retry_source, CLOCK_MONOTONIC, 0, 0,
                                       varlink_on_retry, s);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(s->retry_source, SD_EVENT_OFF);
        if (r < 0)
                return r;

        r = sd_event_add_time(event, &s->long_source, CLOCK_MONOTONIC, 0, 1, varlink_on_long, s);
        if (r < 0)
                return r;
        r = sd_event_source_set_priority(s->long_source, VARLINK_PRIORITY);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(s->long_source, SD_EVENT_OFF);
}

static void varlink_on_freed(VarlinkConnections *connections)
{
        VarlinkServer *s = container_of(connections, VarlinkServer, connections);

        if (s->interface->on_closed)
                s->interface->on_closed(s->userdata);
}

int varlink_server_new(VarlinkServer **ret, sd_event *event, int listen_fd,
                       const VarlinkInterface *interface, void *userdata)
{
        _cleanup_(varlink_server_freep) VarlinkServer *s = NULL;
        int r;

        s = malloc(sizeof(*s));
        if (!s)
                return -ENOMEM;
        *s = (VarlinkServer){
                .connections = { .event = sd_event_ref(event),
                                 .on_request = varlink_on_request,
                                 .on_freed = varlink_on_freed },
                .listen_fd = -1,
                .interface = interface,
                .userdata = userdata,
        };
        TAILQ_INIT(&s->connections.list);
        TAILQ_INIT(&s->long_calls);

        /* jansson seeds its hash from /dev/urandom: now, not when a sandbox is around us. */
        json_object_seed(0);

        r = server_add_sources(s, event, listen_fd);
        if (r < 0)
                return r;

        s->listen_fd = listen_fd;
        *ret = TAKE_PTR(s);
        return 0;
}
