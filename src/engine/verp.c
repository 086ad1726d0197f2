/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Signing and checking for senders that embed carom. */

#include "base/error.h"
#include "bounce/return_path.h"
#include "classify/proof.h"
#include "engine/engine.h"
#include "engine/trust.h"
#include "mail/address.h"

static int sign(struct carom_engine *engine, enum carom_verp_place place, const struct carom_verp_input *input,
                char *out, size_t size, struct carom_error *err)
{
    struct carom_arena *arena = carom_arena_new();
    const struct carom_verp_subject subject = {carom_str(input->list), carom_str(input->id),
                                               carom_str(input->recipient)};

    *out = '\0';
    if (!arena)
        return carom_error_memory(err);
    if (carom_arena_guard(arena)) {
        carom_arena_free(arena);
        return carom_error_memory(err);
    }
    int64_t now = input->time ? input->time : carom_engine_now_ms(engine) / 1000;
    struct carom_str text = carom_engine_sign_for(arena, engine->policy, place, subject, now, err);
    carom_str_put(out, size, text);
    carom_arena_unguard(arena);
    carom_arena_free(arena);
    return *out ? 0 : -1;
}

int carom_engine_sign(struct carom_engine *engine, const struct carom_verp_input *input,
                      char path_r[CAROM_VERP_PATH_SIZE], struct carom_error *err)
{
    return sign(engine, CAROM_VERP_PATH, input, path_r, CAROM_VERP_PATH_SIZE, err);
}

int carom_engine_sign_header(struct carom_engine *engine, const struct carom_verp_input *input,
                             char value_r[CAROM_VERP_HEADER_SIZE], struct carom_error *err)
{
    return sign(engine, CAROM_VERP_HEADER, input, value_r, CAROM_VERP_HEADER_SIZE, err);
}

/* ---- Checking ---- */

static bool same(struct carom_arena *arena, struct carom_str a, struct carom_str b)
{
    return carom_str_eq(carom_address_key(arena, a), carom_address_key(arena, b));
}

static void answer(struct carom_arena *arena, const struct carom_proof *proof, struct carom_str recipient,
                   struct carom_verp_answer *answer_r)
{
    carom_str_put(answer_r->recipient, sizeof answer_r->recipient, proof->recipient);
    carom_str_put(answer_r->list, sizeof answer_r->list, proof->list);
    carom_str_put(answer_r->id, sizeof answer_r->id, proof->delivery);
    answer_r->time = proof->token_time;
    if (!proof->token_time)
        answer_r->why = carom_verp_verdict_text(proof->verdict);
    else if (recipient.len && !proof->recipient.len)
        answer_r->why = "signed for an id alone, and the ledger does not know whose";
    else if (recipient.len && !same(arena, recipient, proof->recipient))
        answer_r->why = "signed for another recipient";
    else
        answer_r->why = NULL;
}

int carom_engine_check_token(struct carom_arena *arena, struct carom_engine_trust *trust, struct carom_str text,
                             struct carom_str recipient, int64_t now, struct carom_verp_answer *answer_r,
                             struct carom_error *err)
{
    const struct carom_str name = CAROM_STR(CAROM_VERP_HEADER_NAME ":");
    struct carom_proof proof;
    struct carom_return_path path = {.address = text};
    enum carom_verp_place place = carom_str_chr(text, '@') == SIZE_MAX ? CAROM_VERP_HEADER : CAROM_VERP_PATH;

    *answer_r = (struct carom_verp_answer){.why = "no token of ours"};
    if (!trust->trust.verp)
        return carom_error_set(err, CAROM_ERROR_CONFIG, "verp: the policy has no keys: configure verp");
    if (place == CAROM_VERP_PATH)
        carom_return_path_read(arena, carom_address_first(arena, text), NULL, &path);
    else if (carom_str_istarts(text, name))
        path.address = carom_str_trim(carom_str_from(text, name.len));
    bool is_token = carom_proof_token(arena, &trust->trust, place, path.address, &recipient, 1, now, &proof);
    if (trust->trust.failed) {
        if (err)
            *err = trust->err;
        return -1;
    }
    if (is_token)
        answer(arena, &proof, recipient, answer_r);
    return answer_r->why == NULL;
}

int carom_engine_verify(struct carom_engine *engine, const char *text, const char *recipient,
                        struct carom_verp_answer *answer_r, struct carom_error *err)
{
    struct carom_arena *arena = carom_arena_new();
    struct carom_engine_trust trust;
    int result;

    if (!arena)
        return carom_error_memory(err);
    if (carom_arena_guard(arena)) {
        carom_arena_free(arena);
        return carom_error_memory(err);
    }
    result = carom_engine_trust(engine->policy, &engine->ledger, &trust, err);
    if (result == 0)
        result = carom_engine_check_token(arena, &trust, carom_str(text), carom_str(recipient),
                                          carom_engine_now_ms(engine) / 1000, answer_r, err);
    carom_arena_unguard(arena);
    carom_arena_free(arena);
    return result;
}
