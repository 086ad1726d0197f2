/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What the sender wrote into envelope and header of its mail, read back from a report: which list, which recipient,
   which delivery. */

#ifndef CAROM_CLASSIFY_PATH_H
#define CAROM_CLASSIFY_PATH_H

#include "bounce/report.h"
#include "bounce/return_path.h"

/* identifiers.tsv: fields that sending software writes. */
struct carom_identifier_row {
    const char *gives, *fields;
    unsigned char tag; /* carom_header_tag of the first field */
};
extern const struct carom_identifier_row carom_identifiers[];
extern const size_t carom_identifiers_n;

enum { CAROM_PATH_ADDRESSES = 16 };

struct carom_path {
    struct carom_return_path says; /* the surest template among the addresses; system empty: none */
    struct carom_str addresses[CAROM_PATH_ADDRESSES]; /* all of them, unwrapped */
    struct carom_str to;           /* whom the report came to: the envelope, else what the delivering server wrote, else To */
    size_t n, own;                 /* the first of them are where the report came to, the rest stood in it */
    bool identified;               /* the returned header may have a field that sending software writes */
    const struct carom_return_paths *chosen; /* NULL: all that are unmistakable */
};

/* Reads where the report came to (envelope_to, which may be NULL, and what the delivering servers wrote) and the
   envelope sender of the returned message. */
void carom_path_find(struct carom_arena *arena, const struct carom_headers *headers, const struct carom_report *report,
                     const char *envelope_to, const struct carom_return_paths *chosen, struct carom_path *path_r);

/* Without any address. */
void carom_path_clear(struct carom_path *path);

/* The recipient that the sender's own mail names: by a template that only its system writes, else by plain VERP of an
   address that the returned message has as recipient, else by a field of the sending software. Unsigned, so a claim.
   Empty: none. */
struct carom_str carom_path_recipient(struct carom_arena *arena, const struct carom_path *path,
                                      const struct carom_report *report);

/* The sender's own id of message and recipient in the returned header, or empty. */
struct carom_str carom_path_delivery(struct carom_arena *arena, const struct carom_path *path,
                                     const struct carom_report *report);

#endif
