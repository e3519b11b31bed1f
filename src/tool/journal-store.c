/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* journald's settings; see the header. */

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>

#include "base/parse.h"
#include "tool/journal-store.h"
#include "tool/settings.h"

/* Of journald: what it takes where nothing is set. */
#define SPACE_DEFAULT_MAX_BYTES (UINT64_C(4) << 30)
#define USE_DEFAULT_PERCENT 10U
#define FREE_DEFAULT_PERCENT 15U

const char *const journal_levels[JOURNAL_LEVELS] = { "emerg",   "alert",  "crit", "err",
                                                     "warning", "notice", "info", "debug" };

static int read_storage(const char *root, const char *text, uint64_t *ret)
{
        char path[PATH_MAX];
        struct stat st;
        bool has_directory;

        (void) snprintf(path, sizeof(path), "%s/var/log/journal", root);
        has_directory = stat(path, &st) >= 0 && S_ISDIR(st.st_mode);
        if (strcmp(text, "none") == 0)
                *ret = JOURNAL_NONE;
        else if (strcmp(text, "volatile") == 0)
                *ret = JOURNAL_VOLATILE;
        else if (strcmp(text, "persistent") == 0 || (strcmp(text, "auto") == 0 && has_directory))
                *ret = JOURNAL_PERSISTENT;
        else if (strcmp(text, "auto") == 0)
                *ret = JOURNAL_AUTO_VOLATILE;
        else
                return -EINVAL;
        return 0;
}

static int read_level(const char *root, const char *text, uint64_t *ret)
{
        for (size_t i = 0; i < JOURNAL_LEVELS; i++)
                if (strcmp(text, journal_levels[i]) == 0) {
                        *ret = i;
                        return 0;
                }
        return parse_unsigned(text, 0, JOURNAL_LEVELS - 1, ret);
}

static int read_span(const char *root, const char *text, uint64_t *ret)
{
        return parse_usec(text, 0, UINT64_MAX, ret);
}

static int read_count(const char *root, const char *text, uint64_t *ret)
{
        return parse_unsigned(text, 0, UINT64_MAX, ret);
}

/* Beyond G it is as good as no limit. */
static int read_size(const char *root, const char *text, uint64_t *ret)
{
        if (*text && strchr("TPE", text[strlen(text) - 1])) {
                *ret = FIGURE_INFINITY;
                return 0;
        }
        return parse_size(text, 0, UINT64_MAX, ret);
}

static Figure read_setting(const char *root, const char *key, const char *preset,
                           int (*read)(const char *root, const char *text, uint64_t *ret))
{
        _cleanup_free_ char *text = NULL;
        Figure figure = {};

        figure.error = settings_read(root, "journald.conf", "Journal", key, &text);
        if (figure.error == 0)
                figure.error = read(root, text ?: preset, &figure.n);
        return figure;
}

static Figure read_space(const char *root, const char *key, uint64_t size, unsigned percent)
{
        char preset[32];

        (void) snprintf(preset, sizeof(preset), "%" PRIu64,
                        MIN(size / 100 * percent, SPACE_DEFAULT_MAX_BYTES));
        return read_setting(root, key, preset, read_size);
}

static void read_spaces(JournalStore *s, const char *root)
{
        bool is_system = s->storage.n == JOURNAL_PERSISTENT;
        char path[PATH_MAX];
        struct statvfs fs;
        uint64_t size;

        if (s->storage.n == JOURNAL_NONE) {
                s->max_use = s->available = (Figure){ .n = FIGURE_INFINITY };
                return;
        }
        (void) snprintf(path, sizeof(path), "%s%s", root,
                        is_system ? "/var/log/journal" : "/run/log/journal");
        if (statvfs(path, &fs) < 0) {
                s->max_use = s->keep_free = s->available = (Figure){ .error = -errno };
                return;
        }
        size = (uint64_t) fs.f_blocks * fs.f_frsize;
        s->available = (Figure){ .n = (uint64_t) fs.f_bavail * fs.f_frsize };
        s->max_use = read_space(root, is_system ? "SystemMaxUse" : "RuntimeMaxUse", size,
                                USE_DEFAULT_PERCENT);
        s->keep_free = read_space(root, is_system ? "SystemKeepFree" : "RuntimeKeepFree", size,
                                  FREE_DEFAULT_PERCENT);
}

static int try_socket(const char *root)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = -1;
        int n;

        n = snprintf(address.sun_path, sizeof(address.sun_path), "%s/run/systemd/journal/socket",
                     root);
        if ((size_t) n >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0)
                return -errno;
        return 0;
}

void journal_store_read(JournalStore *ret, const char *root)
{
        *ret = (JournalStore){
                .storage = read_setting(root, "Storage", "auto", read_storage),
                .level_max = read_setting(root, "MaxLevelStore", "debug", read_level),
                .rate_usec = read_setting(root, "RateLimitIntervalSec", "30s", read_span),
                .rate_burst = read_setting(root, "RateLimitBurst", "10000", read_count),
                .socket_error = try_socket(root),
        };
        read_spaces(ret, root);
}
