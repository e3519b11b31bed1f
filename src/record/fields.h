/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Journal fields in the native protocol's encoding: "NAME=value\n", or the name, a newline, the
 * value's size as 64-bit little endian, the value and a newline, for values that contain one.
 * https://systemd.io/JOURNAL_NATIVE_PROTOCOL/
 */

#include "base/buffer.h"
#include "base/limits.h"

/* The MESSAGE_ID of the entry that says which lines were dropped. */
#define CONLOG_MESSAGE_ID_DROPPED "b3c5b2f0a1f94e5c8f0a7c3d2e6b9a10"

/* The MESSAGE_ID of the entry at the end of a container's streams. */
#define CONLOG_MESSAGE_ID_END "6a1d5f0e8c0b4e0c9f5e6a0d7b1c2f43"

/*
 * Whether journald takes a field of this name from a client: A-Z, 0-9 and _, not beginning with a
 * digit or _, at most 64 bytes.
 */
bool field_name_is_valid(Span name);

/* The byte of a field name that stands for c, whatever the locale. */
static inline char field_byte(char c)
{
        unsigned letter = (unsigned char) (c & ~0x20);

        if (letter - 'A' < 26)
                return (char) letter;
        return (unsigned char) c - (unsigned) '0' < 10 ? c : '_';
}

/* Whether conlogd or journald gives meaning to a field of this name: no label has it. */
bool field_name_is_reserved(Span name);

/*
 * Makes a field name of a label's or variable's key: upper case, any other byte becomes _, leading
 * ones are removed, cut at 64. A result that would be empty, begin with a digit, or take the name
 * of a field that conlogd or journald gives meaning to, gets prefix in front ("LABEL", "ENV").
 * Returns the size; ret is NUL-terminated.
 */
size_t field_name_from_key(Span key, const char *prefix, char ret[FIELD_NAME_MAX_BYTES + 1]);

/* Room for one field, whatever its value is. */
#define FIELD_MAX_BYTES(name_size, value_size) ((name_size) + 9U + (value_size) + 1U)

/* Writes a field to p, or what stands before its value. name must be valid. Returns the end. */
char *fields_put(char *p, Span name, Span value);
char *fields_put_name(char *p, Span name, Span value);

/* Appends one field. name must be valid. Returns 0 or -ENOMEM. */
int fields_append(Buffer *b, const char *name, Span value);

/* Writes n in decimal digits to p, which must have room for 20, and returns the end. */
char *fields_put_decimal(char *p, uint64_t n);
