/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the service manager keeps; see the header. */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/log.h"
#include "base/parse.h"
#include "daemon/container.h"
#include "daemon/store.h"

#define SCRATCH_NAME "scratch"

static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
#define BASE (sizeof(digits) - 1)

static int stored_fd_compare(const void *a, const void *b)
{
        const StoredFd *x = a, *y = b;

        if (x->dev != y->dev)
                return x->dev < y->dev ? -1 : 1;
        if (x->ino != y->ino)
                return x->ino < y->ino ? -1 : 1;
        return 0;
}

/* Marks the name as taken or free. One that is not of ours does not matter. */
static void store_mark_name(Store *store, const char *name, bool is_taken)
{
        unsigned n = 0;

        for (unsigned i = FDSTORE_NAME_MAX_BYTES; i > 0; i--) {
                const char *p = name[i - 1] ? strchr(digits, name[i - 1]) : NULL;

                if (!p)
                        return;
                n = n * BASE + (unsigned) (p - digits);
        }
        if (is_taken)
                store->names[n / 8] |= (uint8_t) (1U << n % 8);
        else
                store->names[n / 8] &= (uint8_t) ~(1U << n % 8);
}

/* There is always a free one: there are fewer fds than names. */
static void store_choose_name(Store *store, char ret[FDSTORE_NAME_MAX_BYTES + 1])
{
        unsigned n;

        do {
                n = store->next_name;
                store->next_name = (n + 1) % STORE_NAMES;
        } while (store->names[n / 8] & (1U << n % 8));

        for (unsigned i = 0; i < FDSTORE_NAME_MAX_BYTES; i++, n /= BASE)
                ret[i] = digits[n % BASE];
        ret[FDSTORE_NAME_MAX_BYTES] = '\0';
        store_mark_name(store, ret, true);
}

int store_add(Store *store, int fd, const char *name)
{
        StoredFd *stored;
        struct stat st;

        if (strcmp(name, SCRATCH_NAME) == 0) {
                store->scratch_fds[(fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY] = fd;
                return 0;
        }
        if (fstat(fd, &st) < 0)
                return -errno;

        if ((store->n_fds & (store->n_fds + 1)) == 0) {
                stored = reallocarray(store->fds, 2 * (store->n_fds + 1), sizeof(*store->fds));
                if (!stored)
                        return -ENOMEM;
                store->fds = stored;
        }
        stored = &store->fds[store->n_fds++];
        *stored = (StoredFd){ .dev = st.st_dev, .ino = st.st_ino, .fd = fd };
        (void) snprintf(stored->name, sizeof(stored->name), "%s", name);
        store_mark_name(store, stored->name, true);
        return 0;
}

void store_sort(Store *store)
{
        if (store->n_fds > 0)
                qsort(store->fds, store->n_fds, sizeof(*store->fds), stored_fd_compare);
}

static StoredFd *store_search(Store *store, const struct stat *st)
{
        StoredFd key = { .dev = st->st_dev, .ino = st->st_ino };

        if (store->n_fds == 0)
                return NULL;
        return bsearch(&key, store->fds, store->n_fds, sizeof(*store->fds), stored_fd_compare);
}

void store_give_back(Store *store, int fd)
{
        StoredFd *found;
        struct stat st;

        if (fd < 0)
                return;
        found = fstat(fd, &st) >= 0 ? store_search(store, &st) : NULL;
        if (found && found->fd < 0) {
                found->fd = fd;
                found->is_taken = false;
        } else
                (void) base_close(fd);
}

int store_find(Store *store, const struct stat *st, char ret_name[FDSTORE_NAME_MAX_BYTES + 1])
{
        StoredFd *found = store_search(store, st);

        if (!found || found->fd < 0)
                return -1;
        memcpy(ret_name, found->name, sizeof(found->name));
        found->is_taken = true;
        return TAKE_FD(found->fd);
}

int store_check_room(const Store *store, unsigned n, Refusal *refusal)
{
        if (store->n_kept + n <= store->kept_max)
                return 0;
        return refuse(refusal, "io.conlogd.LimitReached", "{s:s, s:i}", "limit", store->limit,
                      "value", (int) store->kept_max);
}

/* Takes out all that the manager has under that name. */
static void store_remove_name(Store *store, const char *name)
{
        (void) notify_remove_fds(store->notify, name);
        store_mark_name(store, name, false);
}

/* -EAGAIN when the manager is busy: store_on_ready() is called then. */
static int store_send_scratch(Store *store)
{
        int r;

        r = notify_store_fds(store->notify, SCRATCH_NAME, store->scratch_fds, 2);
        store->is_scratch_due = r == -EAGAIN;
        return r;
}

static int store_send(Store *store, Fifos *f)
{
        int fds[NOTIFY_FDS_MAX];
        size_t n_fds;

        n_fds = fifos_get_fds(f, fds);
        return notify_store_fds(store->notify, f->store_name, fds, n_fds);
}

static void store_leave_line(Store *store, Fifos *f)
{
        TAILQ_REMOVE(&store->waiting, f, waiting);
        f->is_waiting = false;
        fifos_on_kept(f);
}

static void store_on_ready(void *userdata)
{
        Store *store = ASSERT_PTR(userdata);
        Fifos *f;
        int r;

        if (store->is_scratch_due && store_send_scratch(store) == -EAGAIN)
                return;
        while ((f = TAILQ_FIRST(&store->waiting))) {
                r = store_send(store, f);
                if (r == -EAGAIN)
                        return;
                if (r < 0)
                        (void) log_error_errno(r,
                                               "Failed to have the FIFOs of container %s kept over "
                                               "a restart: %m",
                                               f->container->id);
                store_leave_line(store, f);
        }
}

/* Whether a FIFO has taken an fd of that name: one of a set that had more once. */
static bool store_name_is_used(const Store *store, const char *name)
{
        for (size_t i = 0; i < store->n_fds; i++)
                if (store->fds[i].is_taken && strcmp(store->fds[i].name, name) == 0)
                        return true;
        return false;
}

void store_close_rest(Store *store, bool forget)
{
        for (size_t i = 0; i < store->n_fds; i++) {
                StoredFd *stored = &store->fds[i];

                if (stored->fd < 0)
                        continue;
                stored->fd = base_close(stored->fd);
                if (!forget)
                        store->n_kept++;
                else if (!store_name_is_used(store, stored->name))
                        store_remove_name(store, stored->name);
        }
        free(TAKE_PTR(store->fds));
        store->n_fds = 0;
}

void store_keep_scratch(Store *store, int read_fd, int write_fd)
{
        store->scratch_fds[0] = read_fd;
        store->scratch_fds[1] = write_fd;
        (void) store_send_scratch(store);
}

int store_keep_more(Store *store, Fifos *f)
{
        int r = -EAGAIN;

        if (f->is_waiting)
                return 0;
        if (TAILQ_EMPTY(&store->waiting))
                r = store_send(store, f);
        if (r != -EAGAIN)
                return r;
        f->is_waiting = true;
        TAILQ_INSERT_TAIL(&store->waiting, f, waiting);
        return 0;
}

int store_keep(Store *store, Fifos *f)
{
        /* The manager has a part of it, and perhaps what is not of the set any more. That name
         * stays taken: store_close_rest() may take it out once more. */
        if (f->store_name[0])
                (void) notify_remove_fds(store->notify, f->store_name);
        for (size_t i = 0; i < store->n_fds; i++)
                if (strcmp(store->fds[i].name, f->store_name) == 0)
                        store->fds[i].is_taken = false;
        store_choose_name(store, f->store_name);
        return store_keep_more(store, f);
}

void store_forget(Store *store, Fifos *f)
{
        if (!f->store_name[0])
                return;
        if (f->is_waiting) {
                store_leave_line(store, f);
                store_mark_name(store, f->store_name, false);
        } else
                store_remove_name(store, f->store_name);
        f->store_name[0] = '\0';
}

/*
 * The lower one of what the unit says and what the next process may be handed. That is two thirds
 * of what it may have open: systemd moves the fds to 3, 4, 5 and so on, and begins with those that
 * have the highest numbers (shift_fds()), so half as many numbers must be free above. Where they
 * are not, no start works any more.
 */
static void store_find_limit(Store *store)
{
        const char *text = getenv("FDSTORE");
        struct rlimit files;
        uint64_t max, movable;

        /* Before systemd 254 there is no such variable: then it is what our unit says. */
        if (!text || parse_unsigned(text, 0, FDSTORE_MAX, &max) < 0)
                max = FDSTORE_MAX;
        store->limit = "FileDescriptorStoreMax";
        if (getrlimit(RLIMIT_NOFILE, &files) >= 0) {
                movable = files.rlim_cur > FDS_RESERVED ? files.rlim_cur - FDS_RESERVED : 0;
                if (movable / 3 * 2 < max) {
                        max = movable / 3 * 2;
                        store->limit = "LimitNOFILE";
                }
        }
        store->kept_max = (unsigned) max;
}

void store_init(Store *store, Notify *notify)
{
        *store = (Store){ .notify = notify, .scratch_fds = { -1, -1 } };
        TAILQ_INIT(&store->waiting);
        notify_set_ready(notify, store_on_ready, store);
        store_find_limit(store);
}

void store_done(Store *store)
{
        for (size_t i = 0; i < store->n_fds; i++)
                store->fds[i].fd = base_close(store->fds[i].fd);
        free(TAKE_PTR(store->fds));
}
