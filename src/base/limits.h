/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Every cap on what comes from outside, with its reason.
 */

/* A container id is one path component and a field value; runtimes use 64 hex digits, Docker's
 * names fit as well. */
#define ID_MAX_BYTES 128U
/* Names come from users: long enough for generated ones (Kubernetes: 253), short enough to log. */
#define NAME_MAX_BYTES 255U
/* An image reference: registry host (253), path (255) and a digest (72), rounded up. */
#define IMAGE_MAX_BYTES 1024U
/* A unit name, as systemd's UNIT_NAME_MAX. */
#define UNIT_MAX_BYTES 255U
/* Labels and environment: journald drops an entry of more than 1024 fields whole and silently. */
#define LABELS_MAX 256U
#define LABEL_KEY_MAX_BYTES 256U
#define LABEL_VALUE_MAX_BYTES 4096U
#define ENV_MAX 1024U
/* All fields of a container that do not change. They go into each entry: journald hashes every one,
 * and an entry must fit the send buffer below beside the longest line. */
#define FACTS_MAX_BYTES (16U * 1024)
/* Labels and variables among them: with all that a line adds, an entry stays below the 1024 fields
 * above which journald drops it whole and silently. */
#define FACTS_MAX_ATTRIBUTES 1000U
/* The name of a driver: it is a part of names of files. */
#define DRIVER_NAME_MAX_BYTES 15U
/* Drivers of one container at a time. Each line is written once more for each of them, and each
 * stream of it takes one FIFO more: the journal and the three formats of files have room. */
#define DRIVERS_PER_CONTAINER_MAX 4U
/* Options of one driver of one container. */
#define OPTIONS_MAX 64U
#define OPTION_VALUE_MAX_BYTES 4096U
/* The expanded tag goes into each entry twice, so it may take half of the facts above. */
#define TAG_MAX_BYTES 4096U
/* A regex over keys: bounds what regcomp(3) can cost, see record/attributes.c. */
#define REGEX_MAX_BYTES 256U
#define REGEX_ANCHORS_MAX 8U
/* Characters, brackets and anchors of a pattern, and groups within groups: a byte of a line takes
 * as many steps at most as there are of the former, see record/pattern.c. */
#define PATTERN_POSITIONS_MAX 128U
#define PATTERN_DEPTH_MAX 32U
/* A field name, as journald's own limit: a longer one is dropped there without a word. */
#define FIELD_NAME_MAX_BYTES 64U
/* Fields that one JSON line may become: each costs journald as much as a third of an entry. Objects
 * and arrays within others: what people write by hand has four. */
#define OBJECT_FIELDS_MAX 64U
#define OBJECT_DEPTH_MAX 16U
/* The rule of a refused value, for the error message. */
#define REASON_MAX_BYTES 512U

/* Containers a daemon takes unless conlogd.conf says otherwise. With three fds each in the store, a
 * daemon-reload takes systemd 15 s then (see HACKING.md), and its clients give up after 25. */
#define CONTAINERS_MAX_DEFAULT 2048U
/* At most: what fits the store, see FDSTORE_NAME_MAX_BYTES. */
#define CONTAINERS_MAX 10000U
/* Logged execs of one container at a time: each has two rows in the state page. */
#define EXECS_LOGGED_MAX 16U
/* Sets of exec FIFOs of one container at a time. */
#define EXECS_MAX 64U

/* max-buffer-size, the capacity of a FIFO. One page, the least the kernel gives, is full with each
 * write over its end. The most is fs.pipe-max-size, 1 MiB by default. What a stream keeps aside has
 * the same bound. */
#define BUFFER_MIN_BYTES 8192U
#define BUFFER_MAX_BYTES (64U * 1024 * 1024)
/* Rate limits of a container, for a second and in what is saved up: the product of the two and a
 * million, as rate.c counts, stays within 63 bits. */
#define RATE_MAX_LINES 1000000U
#define RATE_MAX_BYTES (1024U * 1024 * 1024)
#define RATE_MAX_BURST_USEC UINT64_C(3600000000)
/* Joined lines: how long to wait for the next one, how many there may be, and the least that may be
 * asked for in bytes; the most is LINE_MAX_BYTES, for the same reason. */
#define MULTILINE_MIN_USEC UINT64_C(100000)
#define MULTILINE_MAX_USEC UINT64_C(3600000000)
#define MULTILINE_MAX_LINES 10000U
#define MULTILINE_MIN_BYTES 1024U
/* What one turn looks at, and the size of the shared buffer: the default capacity of a pipe. */
#define PEEK_MAX_BYTES (64U * 1024)
/* The longest line in one piece; longer ones go out in parts. A 64 KiB pipe has 16 slots of a page.
 * Ordinary writes always reach 28,681 bytes before the slots are used up: two neighbours hold more
 * than a page together, the first slot may be eaten down to one byte. So one byte more than this is
 * always seen, and a writer never waits for us to cut. (Half the capacity, 32 KiB, is not: writes
 * of 2,049 bytes behind a slot with one byte left stop at 30,736.) */
#define LINE_MAX_BYTES (28U * 1024)
/* One turn of a stream: the lines of 100 bytes that a pipe of 64 KiB holds, so that what each turn
 * costs is little for each of them. Bounds how long a flood keeps others waiting: 3 ms at the 4 µs
 * that a line takes to journald, a tenth of that to a file. */
#define TURN_MAX_ENTRIES 640U
/* Datagrams in one sendmmsg. */
#define JOURNAL_BATCH_MAX 64U
/* Field bytes of one entry that change from line to line: stream, ordinal, priority, partial, exec
 * and the name of the message field. */
#define ENTRY_FIELDS_MAX_BYTES 768U
/* Send buffer towards journald: about 100 entries. libsystemd's 8 MiB would let one flood fill
 * journald's 512 slots and starve every other service. The kernel doubles what is asked for. */
#define JOURNAL_SEND_BUFFER_BYTES (64 * 1024)
/* After journald took no more: one wake-up for many freed slots, not one for each. */
#define JOURNAL_RETRY_USEC UINT64_C(2000)
/* From when on a journald that takes nothing is news: a restart takes less. */
#define JOURNAL_OUTAGE_USEC UINT64_C(1000000)
/* Between two attempts to connect to a journald that is away. */
#define JOURNAL_RECONNECT_USEC UINT64_C(200000)
/* How long a stream is held: 1 ms at the first level of all holds but HOLD_GATHER. Bytes held back
 * for want of a line's end are looked at after 1 ms, 2, 4 … and then each second: a write that
 * fills the pipe in its middle wakes no reader that has left bytes in it (pipe_write() in Linux's
 * fs/pipe.c). When the last level is reached, whether the pipe is full by slots is asked once. */
#define HOLD_MIN_USEC UINT64_C(125)
#define HOLD_LEVELS 14U
#define HOLD_FIRST 3U
#define HOLD_FIRST_USEC (HOLD_MIN_USEC << HOLD_FIRST)
/* A stream gathers up to that level, which is all that it adds to the way of a line, while it has
 * turns about as often as that: a thousand wake-ups in a second are not much. */
#define HOLD_GATHER_USEC (HOLD_FIRST_USEC * 5 / 4)
/* Where the driver is busy and the container does not wait, its FIFO is looked at each 128 ms at
 * least: the longest that one large write after a silence can stand still. */
#define HOLD_BUSY_LEVELS 11U

/* Log files. The least and the most of max-size: Docker's daemon splits below that as well, and
 * above it nobody reads one. */
#define LOG_SIZE_MIN_BYTES (64U * 1024)
#define LOG_SIZE_MAX_BYTES (UINT64_C(1) << 40)
/* max-file: a rotation looks at each of them. */
#define LOG_FILES_MAX 1000U
/* The name of a log file, the last part of path=: NAME_MAX has room for what rotation adds. */
#define LOG_NAME_MAX_BYTES 200U
#define LOG_PATH_MAX_BYTES 1024U
/* Log files that stay open; further ones are opened again when their container speaks. */
#define LOG_FILES_OPEN_MAX 128U
/* How often it is looked whether a log file has been renamed. */
#define LOG_LOOK_USEC UINT64_C(1000000)
/* Between two attempts at a log file that cannot be written. */
#define LOG_RETRY_USEC UINT64_C(1000000)
/* The file "info" is written anew once a day while its log is, or age would delete it alone. */
#define LOG_INFO_USEC UINT64_C(86400000000)
#define LOG_INFO_MAX_BYTES (64U * 1024)
/* Records of one write to a file: those of a turn of usual lines. It grows for a single entry that
 * needs more. */
#define RECORDS_BYTES (128U * 1024)
/* How much of the end of a file is looked at first for its last record; and the most, which is more
 * than an entry can need. */
#define RESUME_LOOK_BYTES (8U * 1024)
#define RESUME_MAX_BYTES (4U * 1024 * 1024)
/* What is compressed in one turn of the loop, some 1 ms. */
#define COMPRESSOR_SLICE_BYTES (64U * 1024)
/* Logs whose rotated files wait for it, those of containers that are gone among them. */
#define COMPRESSOR_JOBS_MAX 4096U

/* A request or reply. Create with all labels and environment of a large container stays below. */
#define VARLINK_MESSAGE_MAX_BYTES (1024U * 1024)
/* Connections at a time. One more makes the longest silent one go. */
#define VARLINK_CONNECTIONS_MAX 128U
/* File descriptors that come with one message; Adopt takes two. A message that is not whole yet may
 * hold them for VARLINK_IDLE_USEC, and one more, which tells that there were too many; another one
 * may have come behind it. So all connections together hold 128 * 2 * 9 of them at most, a small
 * part of LimitNOFILE= in the unit. */
#define VARLINK_FDS_MAX 8U
/* A connection with no complete request for this long is closed. */
#define VARLINK_IDLE_USEC UINT64_C(30000000)
/* Replies that wait for their readers, of all connections. A List of 16,384 containers is about
 * 16 MiB. */
#define VARLINK_OUTPUT_MAX_BYTES (64U * 1024 * 1024)
/* After accept(2) failed for want of fds: closing something takes someone else a while. */
#define VARLINK_ACCEPT_RETRY_USEC UINT64_C(200000)
/* JSON nesting of a request; jansson's own parser limit is 2048. */
#define JSON_DEPTH_MAX 32U

/* To the service manager, after the kernel had no memory for a message. */
#define NOTIFY_RETRY_USEC UINT64_C(50000)

/* A container's saved configuration: a request and what was resolved from it. */
#define SPEC_FILE_MAX_BYTES (2U * 1024 * 1024)

/* Names of stored fds. At the start of a service all of them come in one environment string, and
 * the kernel takes no string above 128 KiB: the start fails then, and the store is lost. So a name
 * has three characters, four with the colon, and FileDescriptorStoreMax= in the unit is 32000. That
 * is enough for the containers above, three fds each, and two thousand more for execs. */
#define FDSTORE_NAME_MAX_BYTES 3U
#define FDSTORE_MAX 32000U
/* Fds that containers do not get: for connections (VARLINK_CONNECTIONS_MAX), log files
 * (LOG_FILES_OPEN_MAX), files that are open for a moment, the journal. Without them those that are
 * there could not be served. */
#define FDS_RESERVED 384U

/* Send buffer towards the service manager: the least there is, half a dozen messages. It works
 * through what is in its queue before it looks after a service that has ended, and with many fds in
 * the store one more takes it milliseconds. */
#define NOTIFY_SEND_BUFFER_BYTES 2048

/* State pages that stay mapped; further ones are mapped again when their container speaks. */
#define STATES_MAPPED_MAX 256U

/* Larger blocks of memory are never kept for later: less than what a connection reads at once. */
#define ALLOCATION_KEPT_BYTES (32 * 1024)

/* One message of our own log. */
#define LOG_LINE_MAX_BYTES 2048U

/* What conlogctl holds of lines that it joins from parts: so many at a time, each stream of the
 * container and of its logged execs may have one; and so long. More comes out in pieces. */
#define OPEN_LINES_MAX (2U * (1 + EXECS_LOGGED_MAX))
#define OPEN_LINE_MAX_BYTES (16U * 1024 * 1024)
/* Attributes of a line that conlogctl shows: what journald takes in one entry. */
#define LOG_ATTRIBUTES_MAX 1024U
/* A record in a log file: a line with what Docker's drivers put around it, or many that belong
 * together. What is longer is no record. */
#define LOG_RECORD_MAX_BYTES (16U * 1024 * 1024)
