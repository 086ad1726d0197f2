/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What the readers know about producers, compiled from src/tables. A cell of several values has them one behind the other
   (carom_cell_next); how each column is read is said on top of its table. Strings are static, "" for nothing. */

#ifndef CAROM_BOUNCE_TABLES_H
#define CAROM_BOUNCE_TABLES_H

#include "base/cell.h"
#include "base/sieve.h"

/* formats.tsv: one row is one shape of report that a producer writes as text. */
struct carom_format_row {
    const char *name;
    const char *from, *subject, *header, *body; /* how it is recognised: each a cell of several values */
    const char *start, *recipient;              /* where addresses stand: the same */
    const char *take, *label;                   /* where the diagnostic stands; label and end the same */
    const char *end;
    const char *claim;
    bool certain; /* unmistakable */
};
/* markers.tsv: where the returned message begins. */
struct carom_marker_row {
    struct carom_cell where, kind, pattern;
};
/* notices.tsv: mail that is no report on delivery. */
struct carom_notice_row {
    struct carom_cell gives, type, where, pattern, where_too, pattern_too;
    bool sure; /* outranks the formats of bounces */
};
/* autoreplies.tsv: what automatic replies state. */
struct carom_autoreply_row {
    struct carom_cell what, pattern;
};
/* signs.tsv: what makes mail look like a bounce, for the cautious reader. */
struct carom_sign_row {
    struct carom_cell where, pattern;
};
/* details.tsv: how diagnostics name hosts, commands and the address before forwarding. */
struct carom_detail_row {
    struct carom_cell pattern, command;
};
/* return-paths.tsv: what systems write into the envelope sender. */
struct carom_return_path_row {
    const char *system;
    struct carom_cell local;
    const char *host;
    char gives[8], sure[8]; /* words that stand in the row itself, as they are asked for most often */
};

extern const struct carom_format_row carom_formats[];
extern const size_t carom_formats_n;
extern const struct carom_marker_row carom_markers[];
extern const size_t carom_markers_n;
extern const struct carom_notice_row carom_notices[];
extern const size_t carom_notices_n;
extern const struct carom_autoreply_row carom_autoreplies[];
extern const size_t carom_autoreplies_n;
extern const struct carom_sign_row carom_signs[];
extern const size_t carom_signs_n;
extern const struct carom_detail_row carom_details[];
extern const size_t carom_details_n;
extern const struct carom_return_path_row carom_return_paths[];
extern const size_t carom_return_paths_n;

/* Which rows may concern a text: of formats by their body, of markers and signs by where, of notices by sure and where ("no text"). */
extern const struct carom_sieve carom_formats_sieves[], carom_markers_sieves[], carom_notices_sieves[],
    carom_autoreplies_sieves[], carom_signs_sieves[], carom_details_sieves[], carom_return_paths_sieves[];
extern const size_t carom_formats_sieves_n, carom_markers_sieves_n, carom_notices_sieves_n, carom_autoreplies_sieves_n,
    carom_signs_sieves_n, carom_details_sieves_n, carom_return_paths_sieves_n;

#endif
