/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a fuzz target defines. One source serves twice: linked with libFuzzer it looks for new
 * inputs, linked with replay.c it runs those of the corpus again.
 */

#undef NDEBUG
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Runs one input and asserts what must be true of it. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * Whether the program takes this input. For targets where the question makes sense; the others do
 * not define it. Replaying then fails unless the files y_* are taken and n_* refused.
 */
__attribute__((weak)) bool fuzz_accepts(const uint8_t *data, size_t size);
