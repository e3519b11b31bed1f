/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The drivers of a request; see the header. */

#include <string.h>

#include "daemon/choices.h"

/* parameter: the one it came in. */
static int check_choice(json_t *choice, const char *parameter, Refusal *refusal)
{
        const char *key;
        json_t *value;

        if (!json_is_object(choice))
                return refuse_value(refusal, parameter, "each one is an object");
        json_object_foreach(choice, key, value) {
                bool is_options = strcmp(key, "options") == 0;

                if (!is_options && strcmp(key, "driver") != 0)
                        return refuse_value(refusal, parameter,
                                            "a driver has options, and no %.64s", key);
                if (is_options && !json_is_object(value) && !json_is_null(value))
                        return refuse_value(refusal, parameter, "the options are an object");
        }
        return 0;
}

int choices_check(json_t *request, Refusal *refusal)
{
        json_t *more = json_object_get(request, "moreDrivers"), *choice;
        size_t i;
        int r = 0;

        if (json_array_size(more) >= DRIVERS_PER_CONTAINER_MAX)
                return refuse_value(refusal, "moreDrivers", "at most %u drivers in all",
                                    DRIVERS_PER_CONTAINER_MAX);
        json_array_foreach(more, i, choice)
                if (r >= 0)
                        r = check_choice(choice, "moreDrivers", refusal);
        return r;
}

/* The choice with the configuration's options for its driver filled in. */
static int choice_complete(json_t *choice, const Config *config)
{
        const char *name = json_string_value(json_object_get(choice, "driver"));
        const Driver *driver = name ? driver_find(name) : NULL;
        json_t *given = json_object_get(choice, "options");
        json_auto_t *options = json_is_object(given) ? json_copy(given) : json_object();

        for (size_t i = 0; driver && i < config->n_options; i++) {
                const ConfigOption *o = &config->options[i];

                if (o->driver == driver && !json_object_get(options, o->key) &&
                    json_object_set_new(options, o->key, json_string(o->value)) < 0)
                        return -ENOMEM;
        }
        return json_object_set(choice, "options", options) < 0 ? -ENOMEM : 0;
}

int choices_complete(json_t *request, const Config *config, json_t **ret)
{
        json_t *given = json_object_get(request, "moreDrivers"), *choice;
        json_auto_t *whole = json_copy(request), *more = json_array();
        size_t i;
        int r = 0;

        json_array_foreach(given, i, choice)
                r |= json_array_append_new(more, json_copy(choice));
        if (!json_object_get(request, "driver")) {
                r |= json_object_set_new(whole, "driver",
                                         json_string(config->default_drivers[0]->name));
                for (i = 1; !given && i < config->n_default_drivers; i++)
                        r |= json_array_append_new(
                                more,
                                json_pack("{s:s}", "driver", config->default_drivers[i]->name));
        }

        r |= choice_complete(whole, config);
        json_array_foreach(more, i, choice)
                r |= choice_complete(choice, config);
        if (json_array_size(more) > 0)
                r |= json_object_set(whole, "moreDrivers", more);
        else
                (void) json_object_del(whole, "moreDrivers");
        if (r < 0)
                return -ENOMEM;
        *ret = json_incref(whole);
        return 0;
}

/* The choice of that driver, or NULL. */
static json_t *find_choice(json_t *request, const char *driver)
{
        json_t *more = json_object_get(request, "moreDrivers"), *choice = request;
        size_t i = 0;

        do {
                const char *name = json_string_value(json_object_get(choice, "driver"));

                if (name && strcmp(name, driver) == 0)
                        return choice;
        } while ((choice = json_array_get(more, i++)));
        return NULL;
}

/* The same; it has to be there. */
static int get_choice(json_t *request, const char *parameter, const char *driver, json_t **ret,
                      Refusal *refusal)
{
        *ret = find_choice(request, driver);
        if (!*ret)
                return refuse_value(refusal, parameter, "a driver that the container has");
        return 0;
}

/* Only these: what the configuration says of others by now is for new containers. */
static int change_options(json_t *choice, json_t *changes, const Config *config, Refusal *refusal)
{
        const char *name = json_string_value(json_object_get(choice, "driver")), *key;
        json_t *options = json_object_get(choice, "options"), *value;
        const Driver *driver = name ? driver_find(name) : NULL;

        if (!json_is_object(options)) {
                options = json_object();
                if (json_object_set_new(choice, "options", options) < 0)
                        return -ENOMEM;
        }
        json_object_foreach(changes, key, value) {
                const char *preset = config_get_option(config, driver, key);

                if (!json_is_null(value) || preset) {
                        value = preset && json_is_null(value) ? json_string(preset)
                                                              : json_incref(value);
                        if (json_object_set_new(options, key, value) < 0)
                                return -ENOMEM;
                } else if (driver && !driver_find_option(driver, key))
                        /* The check of options sees only those that are set. */
                        return refuse_option(refusal, name, key, (char[]){ "no such option" });
                else
                        (void) json_object_del(options, key);
        }
        return 0;
}

static int add_choice(json_t *request, json_t *add, const Config *config, Refusal *refusal)
{
        const char *name = json_string_value(json_object_get(add, "driver"));
        json_t *more = json_object_get(request, "moreDrivers"), *choice;
        int r;

        r = check_choice(add, "add", refusal);
        if (r < 0)
                return r;
        if (name && find_choice(request, name))
                return refuse_value(refusal, "add", "a driver that the container has not yet");
        if (json_array_size(more) + 1 >= DRIVERS_PER_CONTAINER_MAX)
                return refuse_value(refusal, "add", "at most %u drivers in all",
                                    DRIVERS_PER_CONTAINER_MAX);
        if (!more) {
                more = json_array();
                if (json_object_set_new(request, "moreDrivers", more) < 0)
                        return -ENOMEM;
        }
        choice = json_copy(add);
        if (json_array_append_new(more, choice) < 0)
                return -ENOMEM;
        return choice_complete(choice, config);
}

static int remove_choice(json_t *request, const char *name, Refusal *refusal)
{
        json_t *more = json_object_get(request, "moreDrivers"), *choice, *next;
        size_t i = 0;
        int r;

        r = get_choice(request, "remove", name, &choice, refusal);
        if (r < 0)
                return r;
        if (json_array_size(more) == 0)
                return refuse_value(refusal, "remove", "not the only driver of the container");
        if (choice == request) {
                /* The next one is the first one then. */
                next = json_array_get(more, 0);
                if (json_object_update(request, next) < 0)
                        return -ENOMEM;
        } else
                while (json_array_get(more, i) != choice)
                        i++;
        /* The array stays, also an empty one: the container goes on with pipes of its drivers. */
        (void) json_array_remove(more, i);
        return 0;
}

int choices_change(json_t *request, const Change *change, const Config *config, json_t **ret,
                   Refusal *refusal)
{
        json_auto_t *whole = json_deep_copy(request);
        json_t *choice = whole;
        int r = 0;

        if (!whole)
                return -ENOMEM;
        if (change->driver)
                r = get_choice(whole, "driver", change->driver, &choice, refusal);
        if (r >= 0)
                r = change_options(choice, change->options, config, refusal);
        if (r >= 0 && change->add)
                r = add_choice(whole, change->add, config, refusal);
        if (r >= 0 && change->remove)
                r = remove_choice(whole, change->remove, refusal);
        if (r < 0)
                return r;
        *ret = json_incref(whole);
        return 0;
}
