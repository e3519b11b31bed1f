/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Runs a fuzz target over the files and directories given, without a fuzzer. Each input lies in
 * memory of its exact size, so that the address sanitizer sees one byte too many.
 */

#include "fuzz.h"

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void replay_file(const char *path, const char *name)
{
        struct stat st;
        uint8_t *data;
        size_t size;
        FILE *f;

        f = fopen(path, "re");
        if (!f || fstat(fileno(f), &st) < 0)
                err(EXIT_FAILURE, "%s", path);
        size = (size_t) st.st_size;
        data = malloc(size);
        if (!data || fread(data, 1, size, f) != size)
                err(EXIT_FAILURE, "%s", path);
        (void) fclose(f);

        (void) LLVMFuzzerTestOneInput(data, size);
        if (fuzz_accepts && strncmp(name, "y_", 2) == 0 && !fuzz_accepts(data, size))
                errx(EXIT_FAILURE, "%s: refused", path);
        if (fuzz_accepts && strncmp(name, "n_", 2) == 0 && fuzz_accepts(data, size))
                errx(EXIT_FAILURE, "%s: accepted", path);
        free(data);
}

static size_t replay_directory(const char *path)
{
        struct dirent *de;
        size_t n = 0;
        DIR *dir;

        dir = opendir(path);
        if (!dir)
                err(EXIT_FAILURE, "%s", path);

        while ((errno = 0, de = readdir(dir))) {
                char file[PATH_MAX];

                if (de->d_name[0] == '.')
                        continue;
                (void) snprintf(file, sizeof(file), "%s/%s", path, de->d_name);
                replay_file(file, de->d_name);
                n++;
        }
        if (errno != 0)
                err(EXIT_FAILURE, "%s", path);
        (void) closedir(dir);
        return n;
}

int main(int argc, char **argv)
{
        size_t n = 0;

        for (int i = 1; i < argc; i++) {
                const char *slash = strrchr(argv[i], '/');
                struct stat st;
                size_t added = 1;

                if (stat(argv[i], &st) < 0)
                        err(EXIT_FAILURE, "%s", argv[i]);
                if (S_ISDIR(st.st_mode))
                        added = replay_directory(argv[i]);
                else
                        replay_file(argv[i], slash ? slash + 1 : argv[i]);
                if (added == 0)
                        errx(EXIT_FAILURE, "%s: no input", argv[i]);
                n += added;
        }
        if (n == 0)
                errx(EXIT_FAILURE, "no input");

        printf("ok: %zu inputs\n", n);
        return EXIT_SUCCESS;
}
