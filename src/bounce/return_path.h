/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Envelope senders that say more than where to answer: which list, which recipient, what kind of mail
   (tables/return-paths.tsv). Nothing here is signed: who can read such an address can write one. */

#ifndef CAROM_BOUNCE_RETURN_PATH_H
#define CAROM_BOUNCE_RETURN_PATH_H

#include "base/arena.h"

struct carom_names { /* a list in order */
    struct carom_str name;
    struct carom_names *next;
};

/* Which systems of the table an operator's mail comes from. */
struct carom_return_paths {
    const struct carom_names *systems; /* NULL: none of them */
};

/* Texts are empty where the address does not say it. */
struct carom_return_path {
    struct carom_str address;   /* without SRS, BATV and the like */
    struct carom_str system;    /* "mailman", "mlmmj", …: the row that fitted; empty: none */
    struct carom_str type;      /* bounce, probe, confirm, owner, notice */
    struct carom_str list;      /* as in a List-Id: "name.domain", lower case */
    struct carom_str recipient; /* valid, domain lower-cased */
    bool sure;                  /* nobody else writes this, or the operator named the system */
};

/* Reads local@domain, as clean as carom_address_next gives it. False: no template fits; address is then filled all
   the same. Envelopes (SRS, BATV) are always taken off; of the rest only the chosen systems are known; NULL: all.
   Linear but for list names, quadratic there; longer than 640 bytes is no return path. */
bool carom_return_path_read(struct carom_arena *arena, struct carom_str address,
                            const struct carom_return_paths *chosen, struct carom_return_path *path_r);

/* The n-th name that an operator may choose, in the order of the table; NULL: no more. "verp" is the plain shape, which
   carom_return_path_names looks for. */
const char *carom_return_path_system(size_t n);
/* NULL chooses all. */
bool carom_return_path_chosen(const struct carom_return_paths *chosen, const char *system);

/* The unwrapped address ends as the VERP of recipient: "anything+jane=example.net@…" or with '-'. */
bool carom_return_path_names(struct carom_str address, struct carom_str recipient);

#endif
