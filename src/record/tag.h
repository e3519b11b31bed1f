/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The tag: a template in the form of Docker's log tags ("{{.ImageName}}/{{.Name}}"), expanded once
 * when a container is created. https://docs.docker.com/engine/logging/log_tags/
 */

#include "base/buffer.h"
#include "base/limits.h"
#include "record/facts.h"

/*
 * Expands a template into ret, which is appended to. Known: {{.ID}} {{.FullID}} {{.Name}}
 * {{.ImageID}} {{.ImageFullID}} {{.ImageName}} {{.Hostname}} {{.DaemonName}},
 * {{index .ContainerLabels "key"}} and {{index .ContainerEnv "KEY"}}; white space inside the
 * braces is free. An absent fact expands to nothing. With facts NULL the template is only checked
 * and ret may be NULL.
 *
 * Returns 0; -EINVAL with a sentence about the rule in reason; -ENOMEM.
 */
int tag_expand(Span template, const Facts *facts, Buffer *ret, char reason[REASON_MAX_BYTES]);
