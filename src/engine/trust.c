/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The keys of the policy, and the ledger asked for whom a token stands. */

#include "engine/trust.h"

#include "base/error.h"
#include "decision/trust.h"
#include "mail/address.h"

uint64_t carom_engine_reference(struct carom_arena *arena, const struct carom_verp_subject *subject)
{
    return subject->id.len ? carom_verp_reference_id(arena, subject->list, subject->id)
                           : carom_verp_reference(arena, subject->list, subject->recipient);
}

struct carom_str carom_engine_sign_for(struct carom_arena *arena, struct carom_policy *policy,
                                       enum carom_verp_place place, struct carom_verp_subject subject, int64_t now,
                                       struct carom_error *err)
{
    const struct carom_verp *verp;

    if (carom_policy_verp(policy, &verp, err) != 0)
        return CAROM_STR_EMPTY;
    if (!verp) {
        carom_error_set(err, CAROM_ERROR_CONFIG, "verp: the policy has no keys: configure verp");
        return CAROM_STR_EMPTY;
    }
    if (subject.recipient.len && !carom_address_valid(subject.recipient)) {
        carom_error_set(err, CAROM_ERROR_USAGE, "verp: '" CAROM_STR_FMT "' is no address",
                        CAROM_STR_ARG(carom_str_head(subject.recipient, 200)));
        return CAROM_STR_EMPTY;
    }
    if (carom_str_ieq(subject.id, CAROM_STR(CAROM_VERP_PROBE))) {
        carom_error_set(err, CAROM_ERROR_USAGE, "verp: the id '" CAROM_VERP_PROBE "' is that of carom's own probes");
        return CAROM_STR_EMPTY;
    }
    subject.list = carom_trust_list_name(carom_policy_config(policy), subject.list);
    return carom_verp_sign(arena, verp, place, &subject, now, err);
}

/* ---- Whom a token means ---- */

enum { SUBJECTS_MAX = 16 };

struct collecting {
    struct carom_arena *arena;
    const struct carom_verp_token *token;
    struct carom_verp_subject *list;
    size_t n;
};

static bool copy(struct carom_arena *arena, struct carom_str text, struct carom_str *copy_r)
{
    char *bytes = carom_arena_try(arena, text.len + 1); /* no jump out of the store */

    if (!bytes)
        return false;
    memcpy(bytes, text.ptr, text.len);
    *copy_r = carom_str_n(bytes, text.len);
    return true;
}

static int collect(void *user, const struct carom_reference *reference)
{
    struct collecting *collecting = user;
    const struct carom_verp_token *token = collecting->token;
    struct carom_verp_subject *subject = &collecting->list[collecting->n];

    if (collecting->n == SUBJECTS_MAX || (token->refers ? reference->own.len > 0
                                                        : !carom_str_eq(reference->own, token->says.id) ||
                                                              !carom_str_ieq(reference->list, token->says.list)))
        return 0;
    if (!copy(collecting->arena, reference->list, &subject->list) ||
        !copy(collecting->arena, reference->own, &subject->id) ||
        !copy(collecting->arena, reference->spelling, &subject->recipient))
        return -1;
    collecting->n++;
    return 0;
}

static int resolve(void *user, struct carom_arena *arena, const struct carom_verp_token *token,
                   struct carom_verp_subject **list_r, size_t *n_r)
{
    struct carom_engine_trust *trust = user;
    const struct carom_ledger *ledger = trust->ledger;
    struct collecting collecting = {.arena = arena, .token = token};
    uint64_t hash = token->refers ? token->reference : carom_verp_reference_id(arena, token->says.list, token->says.id);

    collecting.list = carom_arena_array(arena, struct carom_verp_subject, SUBJECTS_MAX + 1);
    *list_r = collecting.list;
    *n_r = 0;
    if (!ledger)
        return 0;
    if (ledger->ops->references(ledger->store, hash, collect, &collecting, &trust->err) != 0)
        return -1;
    *n_r = collecting.n;
    return 0;
}

static struct carom_str list_of(void *user, struct carom_str name)
{
    const struct carom_engine_trust *trust = user;

    return carom_trust_list_id(trust->config, name);
}

int carom_engine_trust(struct carom_policy *policy, const struct carom_ledger *ledger,
                       struct carom_engine_trust *trust_r, struct carom_error *err)
{
    const struct carom_config *config = carom_policy_config(policy);

    *trust_r = (struct carom_engine_trust){.trust = {.authserv = config->authserv,
                                                     .fbl = config->fbl,
                                                     .return_paths = config->return_paths,
                                                     .resolve = resolve,
                                                     .list_of = list_of,
                                                     .user = trust_r},
                                           .ledger = ledger,
                                           .config = config};
    return carom_policy_verp(policy, &trust_r->trust.verp, err);
}
