/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Records of the k8s-file driver, as the container runtimes of Kubernetes write them:
 *
 *     2026-11-22T01:50:21.123456789Z stdout F text
 *
 * P instead of F: the line goes on in the stream's next record. Times are in UTC and have nine
 * digits: the kubelet and crictl take any RFC 3339, podman only nine.
 */

#include "record/stored.h"
#include "record/timestamp.h"

/* Room for an entry: each line of its text is a record. */
size_t cri_line_bound(const Entry *e);

/* Writes the records of an entry to p and returns their size: 0 for ENTRY_END. t is for
 * cri_line_encode() alone. */
size_t cri_line_encode(char *p, const Entry *e, Timestamp *t);

/* Decodes without a buffer. Knows no attributes. */
extern const StoredFormat cri_line_format;
