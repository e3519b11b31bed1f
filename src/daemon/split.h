/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A split: a container with several drivers has one pipe more for each of them, and what comes out
 * of its FIFO goes into all of these. From there on each driver has streams of its own, with their
 * own pages, ordinals, limits and losses: one that is busy fills its pipe and nothing else. When
 * that is full, a driver that does not wait drops from it; one that does keeps bytes in the
 * container's FIFO, and in the end the container waits for it, as with one driver.
 *
 *     FIFO -> split -> <set>-<stream>.<driver> -> stream -> driver
 *                   -> <set>-<stream>.<driver> -> stream -> driver
 *
 * Here, too, no byte is ours: what is in the FIFO is dropped from it when all pipes have it. The
 * kernel counts in the file "split" how much that is, and how much a pipe was given is what its
 * stream is done with and what is in it. So a split that is killed anywhere goes on where it was.
 *
 * The streams pull: each begins its turn with split_fill(). A pipe that was filled wakes its stream
 * as any FIFO does.
 */

#include <stdatomic.h>
#include <systemd/sd-event.h>

#include "daemon/stream.h"

typedef struct SplitPage SplitPage;

struct Split {
        Fifos *fifos;
        EntryStream kind;
        int fd; /* the read end of the container's FIFO; -1: this stream is not there */
        uint32_t row;
        sd_event_source *readable;
        size_t fill;  /* of the FIFO, when it was last looked at */
        bool is_lost; /* the FIFO may not hold what it did for the daemon before */
        bool is_synced;
};

/* Writes the file "split" of a container. */
int split_create_page(int dir_fd);

/* Maps it, checked as if hostile: -EBADMSG. */
int split_map(int dir_fd, SplitPage **ret);
void split_unmap(SplitPage *page);

/* For a new stream of that row. */
void split_clear_row(SplitPage *page, uint32_t row);

/* Begins to carry, from an fd that is set. */
int split_start(Split *split);
void split_done(Split *split);

/* Gives the pipes what they have room for. Returns 0, or a negative errno: to be tried again. */
int split_fill(Split *split);

/* Bytes that are in the FIFO, and not in the stream's pipe: at most so many, where the split has
 * not looked at the pipes yet. Not known: UINT32_MAX. */
size_t split_get_left(const Split *split, const Stream *stream);

/* Whether the FIFO is empty: then a write to it wakes the streams. One that fills it in its middle,
 * behind bytes that are left, does not. */
bool split_is_empty(Split *split);

/* Whether nothing more can come to the pipes. 1, 0, or a negative errno. */
int split_is_at_end(const Split *split);
