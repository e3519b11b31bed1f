/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The connection to a journald: one connected, non-blocking datagram socket for each namespace,
 * shared by all containers that log there. Entries are datagrams in the native protocol, one each
 * (journald from 254 on keeps only the first of several). sd_journal_sendv(3) is no choice: it says
 * "sent" when journald's socket is missing, and blocks when its queue is full.
 *
 * Nothing is ever dropped here. What the socket does not take stays with the caller, who waits.
 */

#include <sys/queue.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>

#include "base/base.h"

typedef struct JournalSocket JournalSocket;
typedef struct JournalWaiter JournalWaiter;

/* All sockets of the daemon; they live as long as it does. */
typedef struct JournalSockets {
        TAILQ_HEAD(, JournalSocket) sockets;
} JournalSockets;

/* Somebody who is told once, in the order of asking, when it is worth sending again. */
struct JournalWaiter {
        TAILQ_ENTRY(JournalWaiter) waiters; /* JournalSocket.waiters */
        void (*on_ready)(JournalWaiter *waiter);
        bool is_waiting;
};

void journal_sockets_init(JournalSockets *sockets);
void journal_sockets_done(JournalSockets *sockets);

/*
 * The socket at path, connected on first use. A journald that is away is no error: the socket keeps
 * trying. -E2BIG for a path that does not fit a socket address.
 */
int journal_sockets_get(JournalSockets *sockets, sd_event *event, const char *path,
                        JournalSocket **ret);

/* Sends messages in order. Returns how many were taken; after fewer than n the socket is busy. */
unsigned journal_socket_send(JournalSocket *socket, struct mmsghdr *messages, unsigned n);

/* Whether a send would take nothing now: the queue is full, or journald is away. */
bool journal_socket_is_busy(const JournalSocket *socket);

/* on_ready will be called once, not from within this call. Only while busy. */
void journal_socket_wait(JournalSocket *socket, JournalWaiter *waiter);
void journal_socket_cancel(JournalSocket *socket, JournalWaiter *waiter);
