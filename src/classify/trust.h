/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What the operator lets us believe. Without it nothing is proven, and nothing is taken for our own token. */

#ifndef CAROM_CLASSIFY_TRUST_H
#define CAROM_CLASSIFY_TRUST_H

#include "bounce/return_path.h"
#include "bounce/verp.h"

/* An address at which feedback reports arrive, and the hosts or domains that send them. */
struct carom_fbl {
    struct carom_str address;
    struct carom_names *from;
    struct carom_fbl *next;
};

struct carom_trust {
    const struct carom_verp *verp;      /* NULL: no keys */
    const struct carom_names *authserv; /* authserv-ids whose Authentication-Results are believed */
    const struct carom_fbl *fbl;
    const struct carom_return_paths *return_paths; /* NULL: all that are unmistakable */
    /* Whom a token may mean that holds only a hash, or an id: *n_r subjects in the arena. NULL: nobody knows. -1: the
       ledger could not be asked; nothing may then be decided. */
    int (*resolve)(void *user, struct carom_arena *arena, const struct carom_verp_token *token,
                   struct carom_verp_subject **list_r, size_t *n_r);
    /* The List-Id of a list as a token names it; NULL: it is named by its List-Id. */
    struct carom_str (*list_of)(void *user, struct carom_str name);
    void *user;
    bool failed; /* resolve was -1 */
};

#endif
