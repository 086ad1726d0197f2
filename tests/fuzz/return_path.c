/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Return paths of others, and tokens in the shape of ours: nothing that is made up counts as signed. */

#include "bounce/return_path.h"
#include "bounce/verp.h"
#include "fuzz.h"

static const int64_t now = 1772366400; /* 2026-03-01 */

static void check(struct carom_arena *arena, const struct carom_verp *verp, enum carom_verp_place place,
                  struct carom_str text)
{
    struct carom_verp_token token;

    if (carom_verp_read(arena, verp, place, text, &token))
        FUZZ_CHECK(carom_verp_check(arena, verp, place, &token, &token.says, now) != CAROM_VERP_VALID);
}

static void target(struct carom_arena *arena, struct carom_str bytes)
{
    struct carom_verp_key key;
    const struct carom_verp verp = {CAROM_STR("lists.example.org"), CAROM_STR("bounces+"), 30 * 86400, &key, 1};
    struct carom_return_path path;

    carom_verp_key_set(&key, 1, 0, CAROM_STR("a key that no fuzzer will guess"));
    carom_return_path_read(arena, bytes, NULL, &path);
    FUZZ_CHECK(path.address.len <= bytes.len);
    carom_return_path_names(bytes, CAROM_STR("anna@example.com"));
    check(arena, &verp, CAROM_VERP_HEADER, bytes);
    check(arena, &verp, CAROM_VERP_PATH, bytes);
    check(arena, &verp, CAROM_VERP_PATH,
          carom_arena_printf(arena, "bounces+" CAROM_STR_FMT "@lists.example.org", CAROM_STR_ARG(bytes)));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) { return fuzz_in_arena(target, bytes, size); }
