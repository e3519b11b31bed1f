/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Rotated files become compressed ones, slice by slice, whatever happens meanwhile. */

#include "../file-faults.h"

#include <string.h>
#include <zlib.h>

#include "../temporary.h"
#include "io/compressor.h"
#include "io/rotation.h"

/* Several slices, which do not compress to nothing. */
#define CONTENT_BYTES (5 * COMPRESSOR_SLICE_BYTES + 123)

typedef struct Fixture {
        Temporary temporary;
        sd_event *event;
        Compressor *compressor;
        LogFile file;
        char content[CONTENT_BYTES];
        unsigned n_failed;
        int error;
} Fixture;

static void fixture_on_failed(const char *path, int error, void *userdata)
{
        Fixture *f = userdata;

        assert(strncmp(path, f->temporary.path, strlen(f->temporary.path)) == 0);
        f->n_failed++;
        f->error = error;
}

static void fixture_init(Fixture *f)
{
        *f = (Fixture){};
        temporary_init(&f->temporary);
        assert(mkdirat(f->temporary.fd, "web", 0750) == 0);
        assert(sd_event_new(&f->event) >= 0);
        assert(compressor_new(&f->compressor, f->event, fixture_on_failed, f) == 0);
        f->file = (LogFile){
                .root = f->temporary.path, .dir = "web", .name = "log", .max_file = 5, .fd = -1
        };
        for (size_t i = 0; i < CONTENT_BYTES; i++)
                f->content[i] = (char) ('a' + (i * i / 7 + i % 13) % 26);
}

static void fixture_done(Fixture *f)
{
        compressor_free(f->compressor);
        sd_event_unref(f->event);
        temporary_done(&f->temporary);
}

static void fixture_run(Fixture *f)
{
        while (sd_event_run(f->event, 0) > 0)
                ;
}

/* The file is the compressed form of the content. */
static void expect(Fixture *f, const char *name)
{
        static char found[CONTENT_BYTES + 1];
        char path[128];
        gzFile file;

        (void) snprintf(path, sizeof(path), "%s/%s", f->temporary.path, name);
        file = gzopen(path, "r");
        assert(file && !gzdirect(file));
        assert(gzread(file, found, sizeof(found)) == CONTENT_BYTES);
        assert(gzclose(file) == Z_OK && memcmp(found, f->content, CONTENT_BYTES) == 0);
}

static bool has(Fixture *f, const char *name)
{
        return temporary_has(&f->temporary, name);
}

static void put(Fixture *f, const char *name)
{
        temporary_write_bytes(&f->temporary, name, f->content, CONTENT_BYTES);
}

static void test_all(void)
{
        Fixture f;

        fixture_init(&f);
        put(&f, "web/log");
        put(&f, "web/log.1");
        put(&f, "web/log.3");
        temporary_write(&f.temporary, "web/log.0.gz.tmp", "of a killed process");
        assert(compressor_add(f.compressor, &f.file) == 0);
        assert(compressor_add(f.compressor, &f.file) == 0);
        assert(!compressor_is_idle(f.compressor));
        fixture_run(&f);
        assert(compressor_is_idle(f.compressor) && f.n_failed == 0);
        expect(&f, "web/log.1.gz");
        expect(&f, "web/log.3.gz");
        assert(has(&f, "web/log") && !has(&f, "web/log.1") && !has(&f, "web/log.3"));
        assert(!has(&f, "web/log.0.gz.tmp"));
        fixture_done(&f);
        puts("ok: all");
}

/* Docker's readers skip files by it. */
static void test_header(void)
{
        static const char extra[] = "{\"lastTime\":\"2001-09-09T01:46:40.000000007Z\"}";
        const struct timespec times[2] = { { 1000000000, 7 }, { 1000000000, 7 } };
        unsigned char head[80];
        struct stat st;
        Fixture f;
        int fd;

        fixture_init(&f);
        put(&f, "web/log.1");
        assert(utimensat(f.temporary.fd, "web/log.1", times, 0) == 0);
        assert(compressor_add(f.compressor, &f.file) == 0);
        fixture_run(&f);
        fd = openat(f.temporary.fd, "web/log.1.gz", O_RDONLY | O_CLOEXEC);
        assert(fd >= 0 && read(fd, head, sizeof(head)) == sizeof(head));
        assert(fstat(fd, &st) == 0 && (st.st_mode & 0777) == 0640);
        base_close(fd);
        assert(memcmp(head, "\x1f\x8b\x08\x04", 4) == 0);
        assert(head[10] == sizeof(extra) - 1 && head[11] == 0);
        assert(memcmp(head + 12, extra, sizeof(extra) - 1) == 0);
        fixture_done(&f);
        puts("ok: header");
}

/* Rotated while it is compressed: the result goes where the file is by then. */
static void test_moved(void)
{
        Fixture f;
        int fd;

        fixture_init(&f);
        put(&f, "web/log.1");
        assert(compressor_add(f.compressor, &f.file) == 0);
        for (unsigned i = 0; i < 3; i++)
                assert(sd_event_run(f.event, 0) > 0);
        assert(has(&f, "web/log.0.gz.tmp"));
        fd = openat(f.temporary.fd, "web", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert(fd >= 0);
        put(&f, "web/log");
        assert(rotation_shift(fd, "log", 5) == 0);
        fixture_run(&f);
        expect(&f, "web/log.1.gz");
        expect(&f, "web/log.2.gz");
        assert(!has(&f, "web/log.1") && !has(&f, "web/log.2") && f.n_failed == 0);

        /* Or goes away, because there are too many. */
        put(&f, "web/log.4");
        assert(compressor_add(f.compressor, &f.file) == 0);
        for (unsigned i = 0; i < 3; i++)
                assert(sd_event_run(f.event, 0) > 0);
        assert(unlinkat(fd, "log.4", 0) == 0);
        fixture_run(&f);
        assert(!has(&f, "web/log.4.gz") && !has(&f, "web/log.0.gz.tmp") && f.n_failed == 0);
        base_close(fd);
        fixture_done(&f);
        puts("ok: moved");
}

/* A failed one stays as it is, and is compressed when the log is added again. */
static void test_failures(void)
{
        unsigned n = 0;

        for (unsigned at = 1;; at++) {
                Fixture f;
                bool was_met;

                fixture_init(&f);
                put(&f, "web/log.2");
                assert(compressor_add(f.compressor, &f.file) == 0);
                fault_set(at, at % 2 ? ENOSPC : EIO, 0);
                fixture_run(&f);
                was_met = fault.was_met;
                fault_set(0, 0, 0);
                assert(f.n_failed <= 1 && compressor_is_idle(f.compressor));
                n += f.n_failed;
                assert(compressor_add(f.compressor, &f.file) == 0);
                fixture_run(&f);
                expect(&f, "web/log.2.gz");
                assert(!has(&f, "web/log.2") && !has(&f, "web/log.0.gz.tmp"));
                fixture_done(&f);
                if (!was_met)
                        break;
        }
        assert(n >= 6);
        printf("ok: %u failures\n", n);
}

/* What is no file of ours is not looked into, and a log may be gone. */
static void test_hostile(void)
{
        Fixture f;

        fixture_init(&f);
        assert(symlinkat("/etc/passwd", f.temporary.fd, "web/log.1") == 0);
        assert(compressor_add(f.compressor, &f.file) == 0);
        fixture_run(&f);
        assert(f.n_failed == 1 && f.error == -ELOOP && !has(&f, "web/log.1.gz"));
        assert(unlinkat(f.temporary.fd, "web/log.1", 0) == 0);
        assert(unlinkat(f.temporary.fd, "web", AT_REMOVEDIR) == 0);
        assert(compressor_add(f.compressor, &f.file) == 0);
        fixture_run(&f);
        assert(f.n_failed == 2 && f.error == -ENOENT && !has(&f, "web"));

        /* Ended in the middle. */
        assert(mkdirat(f.temporary.fd, "web", 0750) == 0);
        put(&f, "web/log.1");
        assert(compressor_add(f.compressor, &f.file) == 0);
        assert(sd_event_run(f.event, 0) > 0);
        fixture_done(&f);
        puts("ok: hostile");
}

int main(void)
{
        test_all();
        test_header();
        test_moved();
        test_failures();
        test_hostile();
        return 0;
}
