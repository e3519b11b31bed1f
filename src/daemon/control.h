/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The methods of io.conlogd: requests into calls on the daemon's objects, results into answers.
 * The interface itself is io.conlogd.varlink.
 */

#include "daemon/fifos.h"
#include "io/varlink.h"
#include "record/entry.h"

/* For varlink_server_new(), with the daemon as userdata. */
extern const VarlinkInterface control_interface;

/* Answers the Create or Exec that made these; call is its VarlinkCall. */
void control_reply_made(void *call, const Fifos *fifos);

/* Answers a Remove that has waited; call is its VarlinkCall. */
void control_reply_removed(void *call, const Counts *counts);
