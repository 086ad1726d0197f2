/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Envelope senders that say more than where to answer: which list, which recipient, what kind of mail
   (tables/return-paths.tsv). Nothing here is signed: who can read such an address can write one. */

#ifndef CAROM_BOUNCE_RETURN_PATH_H
#define CAROM_BOUNCE_RETURN_PATH_H

#include "base/arena.h"

/* Texts are empty where the address does not say it. */
struct carom_return_path {
    struct carom_str address;   /* without SRS, BATV and the like */
    struct carom_str system;    /* "mailman", "mlmmj", …: the row that fitted; empty: none */
    struct carom_str type;      /* bounce, probe, confirm, owner, notice */
    struct carom_str list;      /* as in a List-Id: "name.domain", lower case */
    struct carom_str recipient; /* valid, domain lower-cased */
    bool sure;                  /* nobody else writes this */
};

/* Reads local@domain, as clean as carom_address_next gives it. False: no template fits; address is then filled all
   the same. Linear but for list names, quadratic there; longer than 640 bytes is no return path. */
bool carom_return_path_read(struct carom_arena *arena, struct carom_str address, struct carom_return_path *path_r);

/* The unwrapped address ends as the VERP of recipient: "anything+jane=example.net@…" or with '-'. */
bool carom_return_path_names(struct carom_str address, struct carom_str recipient);

#endif
