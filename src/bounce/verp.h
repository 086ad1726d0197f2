/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Our own return paths and references: short texts that say for whom a message was, and prove by a MAC that we said it.

   token: key (5 bits), day since 1970 (15 bits), HMAC-SHA256 cut to 80 bits, as 20 characters of base32, then '-' and
   what it says: LIST=.ID, LIST=.ADDRESS, LIST=.ID=.ADDRESS, or 13 characters of base32, the hash of list and address.
   Only [a-z0-9=.-], compared without case, because servers change case and rewrite '+' on the way: '@' is "==", any
   other byte '=' and two hex digits. */

#ifndef CAROM_BOUNCE_VERP_H
#define CAROM_BOUNCE_VERP_H

#include <nettle/hmac.h>

#include "base/arena.h"

enum {
    CAROM_VERP_KEY_IDS = 32,
    CAROM_VERP_LOCAL_MAX = 64, /* RFC 5321 4.5.3.1.1 */
    CAROM_VERP_MAC_SIZE = 10,
};
#define CAROM_VERP_HEADER_NAME "X-Carom-Reference"

/* The id of a probe that we sent ourselves. */
#define CAROM_VERP_PROBE "probe"

struct carom_verp_key {
    unsigned id;
    int64_t since; /* seconds since 1970: it signs from then on */
    struct hmac_sha256_ctx mac;
};

struct carom_verp {
    struct carom_str domain; /* lower case */
    struct carom_str prefix; /* of the local part, such as "bounces+"; may be empty */
    int64_t max_age;         /* seconds */
    struct carom_verp_key *keys;
    size_t n;
};

/* A token in a return path cannot be made of one that stood in a message's header for everybody to read. */
enum carom_verp_place { CAROM_VERP_PATH = 'p', CAROM_VERP_HEADER = 'h' };

/* Whom and what a token is about. Each may be empty, but not both id and recipient. */
struct carom_verp_subject {
    struct carom_str list;      /* as the sender calls it, without case */
    struct carom_str id;        /* the sender's own */
    struct carom_str recipient; /* an address */
};

struct carom_verp_token {
    struct carom_str text; /* lower case, without prefix and domain */
    struct carom_verp_subject says;
    bool refers;        /* it holds but a hash: says is empty until somebody resolves it */
    uint64_t reference; /* the hash */
    unsigned key;
    int64_t day; /* seconds since 1970 at which it begins */
    uint8_t mac[CAROM_VERP_MAC_SIZE];
};

enum carom_verp_verdict {
    CAROM_VERP_VALID,
    CAROM_VERP_FORGED,
    CAROM_VERP_EXPIRED,
    CAROM_VERP_NO_KEY,
    CAROM_VERP_UNKNOWN, /* a reference that nobody resolved */
};

/* "expired", …; for people. */
const char *carom_verp_verdict_text(enum carom_verp_verdict verdict);

/* PATH: a whole address; HEADER: the value of X-Carom-Reference. What is too long for 64 bytes leaves out the address
   (the MAC still covers it) or becomes a reference. Empty, and err says why: no key signs at that time, nothing to
   sign, a header of more than 998 bytes. */
struct carom_str carom_verp_sign(struct carom_arena *arena, const struct carom_verp *verp, enum carom_verp_place place,
                                 const struct carom_verp_subject *subject, int64_t now, struct carom_error *err);

/* PATH: text is an address without SRS and the like. False: it has not the shape of a token, or is not at our domain.
 */
bool carom_verp_read(struct carom_arena *arena, const struct carom_verp *verp, enum carom_verp_place place,
                     struct carom_str text, struct carom_verp_token *token_r);

/* Whether we signed the token for this very subject, and within max_age before now. */
enum carom_verp_verdict carom_verp_check(struct carom_arena *arena, const struct carom_verp *verp,
                                         enum carom_verp_place place, const struct carom_verp_token *token,
                                         const struct carom_verp_subject *subject, int64_t now);

/* The hash by which a token refers to a list's recipient. */
uint64_t carom_verp_reference(struct carom_arena *arena, struct carom_str list, struct carom_str recipient);

/* The same of an id of the sender's. */
uint64_t carom_verp_reference_id(struct carom_arena *arena, struct carom_str list, struct carom_str id);

/* Fills a key from the secret's bytes. */
void carom_verp_key_set(struct carom_verp_key *key, unsigned id, int64_t since, struct carom_str secret);

#endif
