/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The connection to a journald: one connected, non-blocking datagram socket for each namespace,
 * shared by all containers that log there. Entries are datagrams in the native protocol, one each
 * (journald from 254 on keeps only the first of several). sd_journal_sendv(3) is no choice: it says
 * "sent" when journald's socket is missing, and blocks when its queue is full.
 *
 * Nothing is ever dropped here. What the socket does not take stays with the caller, who waits. If
 * that lasts, it is an outage, which the owner of the sockets is told of.
 */

#include <sys/queue.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>

#include "base/base.h"

typedef struct JournalOutage JournalOutage;
typedef struct JournalSocket JournalSocket;
typedef struct JournalWaiter JournalWaiter;

/* A journald that could not be reached, or was waited for in vain, for JOURNAL_OUTAGE_USEC. */
struct JournalOutage {
        TAILQ_ENTRY(JournalOutage) outages; /* JournalSockets.outages */
        const char *name;                   /* of the socket */
        uint64_t since_usec;                /* CLOCK_MONOTONIC */
        int error; /* EAGAIN: its queue is full and nobody reads; else why it cannot be reached */
};

/* All sockets of the daemon; they live as long as it does. */
typedef struct JournalSockets {
        TAILQ_HEAD(, JournalSocket) sockets;
        TAILQ_HEAD(, JournalOutage) outages; /* those that last */
        /* Called when one has come into the list, and when one has left it: that is over. It must
         * not send. NULL: nobody wants to know. */
        void (*on_outage)(const JournalOutage *outage, bool is_over, void *userdata);
        void *userdata;
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
 * The socket at path, connected on first use; name is what people call the journald there. One that
 * is away is no error: the socket keeps trying. -E2BIG for a path that does not fit a socket
 * address.
 */
int journal_sockets_get(JournalSockets *sockets, sd_event *event, const char *path,
                        const char *name, JournalSocket **ret);

/* As given; it lives as long as the socket. */
const char *journal_socket_get_name(const JournalSocket *socket);

/* Sends messages in order. Returns how many were taken; after fewer than n the socket is busy. */
unsigned journal_socket_send(JournalSocket *socket, struct mmsghdr *messages, unsigned n);

/* Whether a send would take nothing now: the queue is full, or journald is away. */
bool journal_socket_is_busy(const JournalSocket *socket);

/* on_ready will be called once, not from within this call. Only while busy. */
void journal_socket_wait(JournalSocket *socket, JournalWaiter *waiter);
void journal_socket_cancel(JournalSocket *socket, JournalWaiter *waiter);
