/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* How sure it is that a message tells of our own mail, and of whom. */

#ifndef CAROM_CLASSIFY_PROOF_H
#define CAROM_CLASSIFY_PROOF_H

#include "classify/origin.h"
#include "classify/path.h"

/* What holds for all facts of a message. Texts are empty where nothing says them. */
struct carom_proof {
    struct carom_str token;          /* as it came, valid or not */
    enum carom_verp_verdict verdict; /* of a token */
    int64_t token_time;              /* the day on which a valid one was signed */
    enum carom_authenticity tier;    /* of the token: signed, matched, or unproven */
    struct carom_str recipient;      /* the only one that the message was sent to */
    struct carom_str list, delivery;
    bool probe; /* it came back from a probe of ours */
    struct carom_origin origin;
};

/* claims: addresses that the report names; a token that was signed for an address which it does not hold is tried with
   them. received: seconds since 1970, when the message came. */
struct carom_proof carom_proof_find(struct carom_arena *arena, struct carom_trust *trust,
                                    const struct carom_headers *headers, const struct carom_report *report,
                                    const struct carom_path *path, const struct carom_str *claims, size_t claims_n,
                                    int64_t received);

/* The same of one token alone: an address without SRS and the like, or the value of a header. False: it is none. */
bool carom_proof_token(struct carom_arena *arena, struct carom_trust *trust, enum carom_verp_place place,
                       struct carom_str text, const struct carom_str *claims, size_t claims_n, int64_t received,
                       struct carom_proof *proof_r);

/* The tier of one fact, whose kind, recipient, envelope_to and from are known. */
enum carom_authenticity carom_proof_tier(struct carom_arena *arena, const struct carom_trust *trust,
                                         const struct carom_proof *proof, const struct carom_fact *fact);

#endif
