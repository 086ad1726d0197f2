/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Anybody can write a report that names a victim. Believed is what only the recipient of one message can know: a token
   that we signed for that recipient, so that who forges a report with his own token harms nobody but himself. */

#include "classify/proof.h"

#include "base/str.h"
#include "bounce/reader.h"
#include "classify/provider.h"
#include "mail/address.h"

enum { REFERENCES_MAX = 4 }; /* of one message that went through several lists */

struct finding {
    struct carom_arena *arena;
    struct carom_trust *trust;
    const struct carom_str *claims;
    size_t claims_n;
    int64_t received;
    struct carom_proof *proof;
};

/* ---- Tokens ---- */

static bool is_valid(const struct finding *finding, enum carom_verp_place place, const struct carom_verp_token *token,
                     const struct carom_verp_subject *subject)
{
    enum carom_verp_verdict verdict =
        carom_verp_check(finding->arena, finding->trust->verp, place, token, subject, finding->received);

    if (verdict != CAROM_VERP_FORGED) /* it says most of the one subject that it was signed for */
        finding->proof->verdict = verdict;
    return verdict == CAROM_VERP_VALID;
}

static void accept(struct finding *finding, const struct carom_verp_token *token, enum carom_authenticity tier,
                   const struct carom_verp_subject *subject, bool id_of_delivery)
{
    struct carom_proof *proof = finding->proof;
    struct carom_trust *trust = finding->trust;

    proof->token = token->text;
    proof->token_time = token->day;
    proof->tier = subject->recipient.len > 0 ? tier : CAROM_AUTHENTICITY_UNPROVEN;
    proof->recipient = subject->recipient;
    proof->list = trust->list_of && subject->list.len ? trust->list_of(trust->user, subject->list) : subject->list;
    proof->probe = carom_str_eq(subject->id, CAROM_STR(CAROM_VERP_PROBE));
    proof->delivery = id_of_delivery && !proof->probe ? subject->id : CAROM_STR_EMPTY;
}

/* What the ledger knows of a hash, or of an id that was imported: then it is a subscriber's, not a delivery's. */
static bool accept_resolved(struct finding *finding, enum carom_verp_place place, const struct carom_verp_token *token,
                            enum carom_authenticity tier)
{
    struct carom_trust *trust = finding->trust;
    struct carom_verp_subject *list = NULL, signs;
    size_t n = 0;

    if (trust->resolve && trust->resolve(trust->user, finding->arena, token, &list, &n) != 0)
        trust->failed = true;
    if (token->refers && n == 0)
        finding->proof->verdict = CAROM_VERP_UNKNOWN;
    for (size_t i = 0; i < n; i++) {
        signs = token->refers ? list[i] : token->says;
        if (token->refers)
            signs.id = CAROM_STR_EMPTY;
        for (int bound = 1; bound >= 0; bound--) { /* was the address given when it was signed, or the id alone? */
            signs.recipient = bound ? list[i].recipient : CAROM_STR_EMPTY;
            if ((token->refers && !bound) || !is_valid(finding, place, token, &signs))
                continue;
            signs.recipient = list[i].recipient;
            accept(finding, token, tier, &signs, false);
            return true;
        }
    }
    return false;
}

/* The MAC covers an address that did not fit in: one of those which the report names, or none. */
static bool accept_claimed(struct finding *finding, enum carom_verp_place place, const struct carom_verp_token *token,
                           enum carom_authenticity tier)
{
    struct carom_verp_subject signs = token->says;

    for (size_t i = 0; i < finding->claims_n; i++) {
        signs.recipient = finding->claims[i];
        if (signs.recipient.len == 0 || !is_valid(finding, place, token, &signs))
            continue;
        accept(finding, token, tier, &signs, true);
        return true;
    }
    return false;
}

/* True: this one proves something, look no further. */
static bool consider(struct finding *finding, enum carom_verp_place place, struct carom_str text,
                     enum carom_authenticity tier)
{
    struct carom_verp_token token;

    if (text.len == 0 || !carom_verp_read(finding->arena, finding->trust->verp, place, text, &token))
        return false;
    if (token.says.recipient.len > 0 && is_valid(finding, place, &token, &token.says)) {
        accept(finding, &token, tier, &token.says, true);
        return true;
    }
    if (token.says.recipient.len == 0 && (accept_resolved(finding, place, &token, tier) ||
                                          (!token.refers && accept_claimed(finding, place, &token, tier))))
        return true;
    if (token.says.recipient.len == 0 && !token.refers && is_valid(finding, place, &token, &token.says)) {
        accept(finding, &token, tier, &token.says, true); /* an id, and nobody knows whose: a better one may follow */
        return false;
    }
    if (finding->proof->token.len == 0)
        finding->proof->token = token.text;
    return false;
}

/* Where the report came to, then what came back with it. */
static void find_token(struct finding *finding, const struct carom_report *report, const struct carom_path *path)
{
    for (size_t i = 0; i < path->own; i++)
        if (consider(finding, CAROM_VERP_PATH, path->addresses[i], CAROM_AUTHENTICITY_SIGNED))
            return;
    for (size_t i = 0; i < REFERENCES_MAX; i++)
        if (consider(finding, CAROM_VERP_HEADER,
                     carom_header_token(finding->arena,
                                        carom_headers_nth(&report->returned_headers, CAROM_VERP_HEADER_NAME, i)),
                     CAROM_AUTHENTICITY_MATCHED))
            return;
    for (size_t i = path->own; i < path->n; i++)
        if (consider(finding, CAROM_VERP_PATH, path->addresses[i], CAROM_AUTHENTICITY_MATCHED))
            return;
}

static struct carom_proof nothing(void)
{
    const struct carom_str none = CAROM_STR_EMPTY;

    return (struct carom_proof){
        .token = none, .verdict = CAROM_VERP_FORGED, .recipient = none, .list = none, .delivery = none};
}

bool carom_proof_token(struct carom_arena *arena, struct carom_trust *trust, enum carom_verp_place place,
                       struct carom_str text, const struct carom_str *claims, size_t claims_n, int64_t received,
                       struct carom_proof *proof_r)
{
    struct finding finding = {arena, trust, claims, claims_n, received, proof_r};

    *proof_r = nothing();
    consider(&finding, place, text, place == CAROM_VERP_PATH ? CAROM_AUTHENTICITY_SIGNED : CAROM_AUTHENTICITY_MATCHED);
    return proof_r->token.len > 0;
}

struct carom_proof carom_proof_find(struct carom_arena *arena, struct carom_trust *trust,
                                    const struct carom_headers *headers, const struct carom_report *report,
                                    const struct carom_path *path, const struct carom_str *claims, size_t claims_n,
                                    int64_t received)
{
    struct carom_proof proof = nothing();
    struct finding finding = {arena, trust, claims, claims_n, received, &proof};

    proof.origin = carom_origin_find(arena, headers, trust->authserv);
    if (trust->verp)
        find_token(&finding, report, path);
    return proof;
}

/* ---- Who reports ---- */

/* Names that no provider gives to a user: what is signed for a provider's domain may else be any user's mail. */
static bool is_mail_system(struct carom_str address)
{
    return carom_report_sign(carom_address_local(address), CAROM_STR("role"));
}

/* May who speaks for that domain tell the fate of this address? The address's own domain, its provider, or we. */
static bool speaks_for(const struct carom_trust *trust, struct carom_str domain, struct carom_str address)
{
    struct carom_str home = carom_address_domain(address);
    struct carom_str provider = carom_provider_find(CAROM_STR_EMPTY, home);

    return carom_domain_related(domain, home) ||
           (provider.len > 0 && carom_str_eq(provider, carom_provider_find(domain, domain))) ||
           (trust->verp && carom_domain_related(domain, trust->verp->domain));
}

static bool is_aligned_report(const struct carom_trust *trust, const struct carom_origin *origin,
                              const struct carom_fact *fact)
{
    if (!is_mail_system(fact->from) || fact->recipient.len == 0)
        return false;
    for (size_t i = 0; i < origin->n; i++)
        if (carom_domain_related(origin->domains[i], carom_address_domain(fact->from)) &&
            speaks_for(trust, origin->domains[i], fact->recipient))
            return true;
    return false;
}

/* Whoever writes of himself. */
static bool is_aligned_writer(struct carom_arena *arena, const struct carom_origin *origin,
                              const struct carom_fact *fact)
{
    return carom_address_same(arena, fact->from, fact->recipient) &&
           carom_origin_vouches(origin, carom_address_domain(fact->from));
}

static bool is_listed(const struct carom_origin *origin, const struct carom_names *from)
{
    for (; from; from = from->next) {
        if (carom_domain_within(origin->host, from->name) || carom_str_ieq(origin->ip, from->name))
            return true;
        for (size_t i = 0; i < origin->n; i++)
            if (carom_domain_within(origin->domains[i], from->name))
                return true;
    }
    return false;
}

static bool is_listed_feedback(struct carom_arena *arena, const struct carom_trust *trust,
                               const struct carom_origin *origin, const struct carom_fact *fact)
{
    for (const struct carom_fbl *fbl = trust->fbl; fbl; fbl = fbl->next)
        if (carom_address_same(arena, fact->envelope_to, fbl->address) && is_listed(origin, fbl->from))
            return true;
    return false;
}

enum carom_authenticity carom_proof_tier(struct carom_arena *arena, const struct carom_trust *trust,
                                         const struct carom_proof *proof, const struct carom_fact *fact)
{
    bool aligned;

    if (proof->tier > CAROM_AUTHENTICITY_ALIGNED)
        return proof->tier;
    switch (fact->kind) {
    case CAROM_KIND_COMPLAINT:
        aligned = is_listed_feedback(arena, trust, &proof->origin, fact);
        break;
    case CAROM_KIND_PERMANENT:
    case CAROM_KIND_TRANSIENT:
    case CAROM_KIND_DELAYED:
    case CAROM_KIND_DELIVERED:
        aligned = is_aligned_report(trust, &proof->origin, fact);
        break;
    default:
        aligned = is_aligned_writer(arena, &proof->origin, fact);
        break;
    }
    return aligned ? CAROM_AUTHENTICITY_ALIGNED : CAROM_AUTHENTICITY_UNPROVEN;
}
