/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Lines of a container on our own standard streams: those of its stdout on ours, those of its
 * stderr on ours. On a terminal nothing of a line can move the cursor or change colours.
 */

#include "record/timestamp.h"
#include "tool/joiner.h"

typedef enum PrinterFormat {
        PRINTER_CAT,   /* the bare line */
        PRINTER_SHORT, /* as journalctl shows it */
        PRINTER_JSON,  /* an object for each line, all on standard output */
} PrinterFormat;

typedef struct PrinterStream {
        int fd;
        bool is_terminal;
        bool is_coloured;
        Buffer buffer;
        size_t chunk; /* written when it has grown that large */
} PrinterStream;

typedef struct Printer {
        PrinterFormat format;
        bool has_timestamps;
        bool has_details;
        bool is_one; /* both go to the same place: in order, then */
        char host[256];
        char tag[NAME_MAX_BYTES + 1]; /* for lines without one */
        PrinterStream streams[ENTRY_STREAMS];
        Timestamp timestamp;
        uint64_t clock_second; /* what clock shows */
        char clock[64];
} Printer;

/* What is printed where, as far as it is not set yet. */
void printer_init(Printer *printer);

/* Returns 0 or a negative errno that has been told. */
int printer_put(Printer *printer, const JoinedLine *line);

/* Writes what is in the buffers. */
int printer_flush(Printer *printer);

void printer_done(Printer *printer);
