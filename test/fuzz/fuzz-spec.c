/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A container's saved configuration, and a request to make one: refused with a reason, or all it
 * says keeps the rules and comes back the same from the file. */

#include "fuzz.h"

#include "daemon/spec.h"

static void check(const Spec *spec)
{
        const Facts *f = &spec->facts;
        char reason[REASON_MAX_BYTES];
        const char *key;

        assert(spec_id_is_valid(f->id) && strlen(f->epoch) == 32);
        assert(!f->name || (*f->name && strlen(f->name) <= NAME_MAX_BYTES));
        assert(!f->image || (*f->image && strlen(f->image) <= IMAGE_MAX_BYTES));
        assert(!f->unit || (strchr(f->unit, '.') && !strchr(f->unit, '/')));
        assert(f->n_labels <= LABELS_MAX && f->n_env <= ENV_MAX);
        for (size_t i = 0; i < f->n_labels; i++)
                assert(*f->labels[i].key && f->labels[i].value);
        for (size_t i = 0; i < f->n_env; i++)
                assert(*f->env[i].key && !strchr(f->env[i].key, '=') && f->env[i].value);
        assert(spec->is_adopted == (spec->pipes[0].is_given || spec->pipes[1].is_given));
        for (size_t i = 0; i < ENTRY_STREAMS; i++)
                assert(spec->pipes[i].is_given || !spec->pipes[i].is_gone);
        assert(spec->n_drivers >= 1 && spec->n_drivers <= DRIVERS_PER_CONTAINER_MAX);
        for (size_t i = 0; i < spec->n_drivers; i++) {
                const SpecDriver *d = &spec->drivers[i];

                assert(driver_find(d->driver->name) == d->driver);
                assert(options_check(d->driver, &d->options, &key, reason) == 0);
                for (size_t k = 0; k < i; k++)
                        assert(d->driver != spec->drivers[k].driver);
        }
}

static int parse(Span bytes, Spec **ret)
{
        Refusal refusal = {};
        int r;

        r = spec_parse(ret, bytes, "host", &refusal);
        assert((r == 0 && *ret) || r == -EPROTO || (r == -EINVAL && refusal.parameters));
        assert((r == -EINVAL) == (refusal.error != NULL));
        refusal_done(&refusal);
        return r;
}

static void check_round_trip(const Spec *spec)
{
        _cleanup_free_ char *text = spec_format(spec), *again = NULL;
        _cleanup_(spec_freep) Spec *other = NULL;

        assert(text && parse(span_from_string(text), &other) == 0);
        check(other);
        again = spec_format(other);
        assert(again && strcmp(text, again) == 0);
}

/* A file; when it is none, perhaps a request. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_(spec_freep) Spec *spec = NULL;
        _cleanup_(refusal_done) Refusal refusal = {};
        json_auto_t *request = NULL;
        int r;

        r = parse((Span){ (const char *) data, size }, &spec);
        if (r < 0) {
                request = json_loadb((const char *) data, size, JSON_REJECT_DUPLICATES, NULL);
                if (!json_is_object(request))
                        return 0;
                assert(config_new(&config) == 0);
                r = spec_new(&spec, request, config, "host", &refusal);
                assert(r == 0 || (r == -EINVAL && refusal.error && refusal.parameters));
        }
        if (r == 0) {
                check(spec);
                check_round_trip(spec);
        }
        return 0;
}

/* As a file. */
bool fuzz_accepts(const uint8_t *data, size_t size)
{
        _cleanup_(spec_freep) Spec *spec = NULL;

        return parse((Span){ (const char *) data, size }, &spec) == 0;
}
