/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Set: a container that runs gets other options for a driver. All of it or nothing: what a
 * restarted daemon reads is written before anything changes.
 */

#include "daemon/choices.h"
#include "daemon/container.h"

/* 0, -EINVAL with the refusal, or another negative errno: then all is as it was. */
int change_apply(Container *container, const Change *change, Refusal *refusal);
