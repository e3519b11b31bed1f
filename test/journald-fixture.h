/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A sink of the journald driver, and what it sends. */

#undef NDEBUG

#include <stdio.h>
#include <string.h>

#include "driver/driver.h"
#include "journal-receiver.h"
#include "native-decoder.h"
#include "record/fields.h"
#include "record/object.h"
#include "temporary.h"

#define EPOCH "00112233445566778899aabbccddeeff"
#define ID_64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

typedef struct Fixture {
        Temporary temporary;
        DriverHost host;
        char journal_path[96];
        char socket_path[104];
        Receiver receiver;
        Sink *sink;
        unsigned n_ready;
} Fixture;

/* An expected field. The text of all tests is free of NUL, but see test_any_bytes(). */
typedef struct Field {
        const char *name;
        const char *value;
} Field;

static const Facts plain_facts = { .id = "web", .epoch = EPOCH };

static inline void fixture_on_ready(Sink *sink, void *userdata)
{
        ((Fixture *) userdata)->n_ready++;
}

static inline Fixture *fixture_new(void)
{
        Fixture *f = calloc(1, sizeof(*f));

        assert(f);
        temporary_init(&f->temporary);
        assert(mkdirat(f->temporary.fd, "journal", 0700) == 0);
        (void) snprintf(f->journal_path, sizeof(f->journal_path), "%s/journal", f->temporary.path);
        (void) snprintf(f->socket_path, sizeof(f->socket_path), "%s/socket", f->journal_path);
        receiver_open(&f->receiver, f->socket_path);
        assert(sd_event_new(&f->host.event) >= 0);
        f->host.journal_path = f->journal_path;
        journal_sockets_init(&f->host.journals);
        return f;
}

static inline void fixture_free(Fixture *f)
{
        sink_free(f->sink);
        journal_sockets_done(&f->host.journals);
        sd_event_unref(f->host.event);
        base_close(f->receiver.fd);
        temporary_done(&f->temporary);
        free(f);
}

/* Opens the driver with options given as "key", "value" … NULL. */
static inline int fixture_open(Fixture *f, const Facts *facts, const char *const *pairs,
                               const char **ret_key, char reason[REASON_MAX_BYTES])
{
        const Driver *driver = driver_find("journald");
        Pair options[8];
        size_t n = 0;
        int r;

        for (; pairs && pairs[2 * n]; n++)
                options[n] = (Pair){ pairs[2 * n], pairs[2 * n + 1] };
        assert(options_check(driver, &(Options){ options, n }, ret_key, reason) == 0);

        f->sink = sink_free(f->sink);
        r = driver->open(driver, &f->host, facts, &(Options){ options, n }, &f->sink, ret_key,
                         reason);
        if (r >= 0) {
                f->sink->on_ready = fixture_on_ready;
                f->sink->userdata = f;
        }
        return r;
}

static inline void open_sink(Fixture *f, const Facts *facts, const char *const *pairs)
{
        char reason[REASON_MAX_BYTES];
        const char *key;

        assert(fixture_open(f, facts, pairs, &key, reason) == 0);
}

static inline size_t write_entries(Fixture *f, const Entry *entries, size_t n)
{
        return f->sink->driver->write(f->sink, entries, n);
}

static inline bool find_field(Span entry, const char *name, Span *ret)
{
        Span found;

        while (native_next(&entry, &found, ret))
                if (span_equal_string(found, name))
                        return true;
        return false;
}

/* The next entry has exactly these fields. */
static inline void expect(Fixture *f, const Field *fields, size_t n)
{
        Span entry, rest, name, value;
        size_t n_fields = 0;

        assert(receiver_next(&f->receiver, &entry));
        for (rest = entry; native_next(&rest, &name, &value); n_fields++)
                assert(field_name_is_valid(name));
        assert(rest.size == 0);
        for (size_t i = 0; i < n; i++) {
                assert(find_field(entry, fields[i].name, &value));
                assert(span_equal_string(value, fields[i].value));
        }
        assert(n_fields == n);
}

#define EXPECT(f, ...)                            \
        expect(f, (const Field[]){ __VA_ARGS__ }, \
               sizeof((const Field[]){ __VA_ARGS__ }) / sizeof(Field))

/* The most fields with the longest names, and the last of so many bytes in all. */
static inline size_t make_object(char *object, size_t size)
{
        char *p = object;

        for (size_t i = 0; i < OBJECT_FIELDS_MAX; i++)
                p += sprintf(p, "%s\"%059zu\":\"\"", i > 0 ? "," : "{", i);
        p--;
        memset(p, 'x', (size_t) (object + size - 2 - p));
        memcpy(object + size - 2, "\"}", 2);
        return size;
}
