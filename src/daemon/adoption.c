/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pipes that were handed over; see the header. */

#include <fcntl.h>

#include "base/log.h"
#include "daemon/account.h"
#include "daemon/adoption.h"
#include "daemon/container.h"
#include "daemon/daemon.h"
#include "io/fifo.h"

/* Each can be read as a FIFO of ours is, and nobody here reads it yet: after a restart its file
 * alone tells whose it is. */
int adoption_check(Spec *spec, const Daemon *daemon, const int fds[ENTRY_STREAMS], Refusal *refusal)
{
        int r;

        for (EntryStream k = 0; k < ENTRY_STREAMS; k++) {
                const char *name = entry_stream_to_string(k);
                const SpecPipe *first = &spec->pipes[ENTRY_STDOUT];
                struct stat st;

                if (fds[k] < 0)
                        continue;
                if (fifo_check(fds[k], &st) < 0)
                        return refuse_value(refusal, name, "the read end of a pipe or FIFO");
                if (daemon_holds_file(daemon, &st) ||
                    (first->is_given && first->dev == st.st_dev && first->ino == st.st_ino))
                        return refuse_value(refusal, name, "a pipe that is no other stream's");
                r = spec_set_pipe(spec, k, &st);
                if (r < 0)
                        return r;
        }
        return spec->is_adopted ? 0 : refuse_value(refusal, "stdout", "this, or stderr, is needed");
}

/* What stands for a pipe that is gone: an empty one, whose writers have gone. */
static int adoption_open_ended(void)
{
        int fds[2];

        if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
                return -errno;
        (void) base_close(fds[1]);
        return fds[0];
}

/* What the last turn has left to do with a pipe that is gone: nothing. Its shipped bytes need not
 * be dropped, and what it owes cannot be shipped again, unless it is kept in a file. */
static int adoption_forget(Stream *s)
{
        Container *c = s->feed->container;
        StateTurn *active;
        StatePage *page;
        StateKept kept;
        int r;

        log_warning("The pipe of %s of container %s is gone, and its stream has ended: conlogd was "
                    "stopped, and the service manager keeps no pipes then.",
                    entry_stream_to_string(s->kind), c->id);
        r = feed_map(s->feed, &page);
        if (r < 0)
                return r;
        active = state_get_active(page);
        if (active->row != s->row)
                return 0;
        if (state_get_drops(page)->keeps)
                active->bytes = (uint64_t) active->dropped;
        else
                active->dropped = (int64_t) active->bytes;
        kept = state_get_kept(page, s->row);
        if (active->owed_bytes > 0 && kept.used == kept.size)
                account_give_up_owed(s, page);
        return 0;
}

static int adoption_open(Fifos *init, const SpecPipe *pipe, bool *ret_is_lost)
{
        struct stat st = { .st_dev = pipe->dev, .st_ino = pipe->ino };
        int fd = -1;

        if (!pipe->is_gone)
                fd = store_find(&init->container->daemon->store, &st, init->store_name);
        *ret_is_lost = fd < 0 && !pipe->is_gone;
        return fd >= 0 ? fd : adoption_open_ended();
}

int adoption_restore(Fifos *init, int dir_fd, Spec *spec)
{
        bool is_lost[ENTRY_STREAMS] = {}, is_news = false;
        int fds[ENTRY_STREAMS] = { -1, -1 }, r = 0;

        for (EntryStream k = 0; r >= 0 && k < ENTRY_STREAMS; k++)
                if (spec->pipes[k].is_given)
                        r = fds[k] = adoption_open(init, &spec->pipes[k], &is_lost[k]);
        if (r >= 0)
                r = fifos_adopt(init, dir_fd, fds, true);
        for (EntryStream k = 0; k < ENTRY_STREAMS; k++)
                store_give_back(&init->container->daemon->store, fds[k]);

        /* The config says so from now on: the next pipe with that number would be another one. */
        for (EntryStream k = 0; r >= 0 && k < ENTRY_STREAMS; k++) {
                if (!is_lost[k])
                        continue;
                is_news = true;
                /* What is in the pipes of several drivers is still there. */
                if (!init->container->is_split)
                        r = adoption_forget(&TAILQ_FIRST(&init->branches)->streams[k]);
                if (r >= 0)
                        r = spec_set_pipe(spec, k, NULL);
        }
        return r >= 0 && is_news ? spec_save(spec, dir_fd) : r;
}
