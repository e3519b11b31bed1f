/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Requests as JSON text, and what spec_new() says to them. */

#undef NDEBUG
#include <stdio.h>
#include <string.h>

#include "daemon/spec.h"

static inline int try_config(Spec **ret, const char *request, const Config *config,
                             Refusal *refusal)
{
        json_auto_t *object = json_loads(request, 0, NULL), *copy = json_deep_copy(object);
        int r;

        assert(object && copy);
        *refusal = (Refusal){};
        *ret = NULL;
        r = spec_new(ret, object, config, "host", refusal);
        assert(json_equal(object, copy));
        assert((r == 0) == (*ret != NULL) && (r == -EINVAL) == (refusal->error != NULL));
        return r;
}

static inline int try_new(Spec **ret, const char *request, Refusal *refusal)
{
        _cleanup_(config_freep) Config *config = NULL;

        assert(config_new(&config) == 0);
        return try_config(ret, request, config, refusal);
}

static inline Spec *expect_new(const char *request)
{
        Refusal refusal;
        Spec *spec;

        assert(try_new(&spec, request, &refusal) == 0);
        return spec;
}

static inline const char *refusal_get(const Refusal *refusal, const char *key)
{
        return json_string_value(json_object_get(refusal->parameters, key)) ?: "";
}

static inline bool has_driver(const Spec *spec, size_t i, const char *name, size_t n_options)
{
        return spec->drivers[i].driver == driver_find(name) &&
               spec->drivers[i].options.n_pairs == n_options;
}

static inline const char *get_option(const Spec *spec, size_t i, const char *key)
{
        return options_get(spec->drivers[i].driver, &spec->drivers[i].options, key) ?: "";
}

/* Refused with io.conlogd.InvalidValue for that parameter; the rule is, or begins with, this. */
static inline void expect_bad(const char *request, const char *parameter, const char *rule)
{
        _cleanup_(refusal_done) Refusal refusal;
        Spec *spec;

        assert(try_new(&spec, request, &refusal) == -EINVAL);
        assert(strcmp(refusal.error, "io.conlogd.InvalidValue") == 0);
        assert(strcmp(refusal_get(&refusal, "parameter"), parameter) == 0);
        assert(strncmp(refusal_get(&refusal, "rule"), rule, strlen(rule)) == 0);
}
