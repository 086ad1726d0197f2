/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Addresses in lists and in free text. What is found has the shape of one, and its key is its own key. */

#include "fuzz.h"
#include "mail/address.h"

static void target(struct carom_arena *arena, struct carom_str bytes)
{
    struct carom_str rest = bytes, address, name;

    while (carom_address_next(arena, &rest, &address, &name)) {
        struct carom_str key = carom_address_key(arena, address);
        FUZZ_CHECK(carom_str_chr(address, '@') != SIZE_MAX);
        FUZZ_CHECK(carom_str_eq(carom_address_key(arena, key), key));
        carom_address_valid(address);
    }
    address = carom_address_find(arena, bytes);
    FUZZ_CHECK(address.len == 0 || carom_str_chr(address, '@') != SIZE_MAX);
    carom_address_key(arena, bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) { return fuzz_in_arena(target, bytes, size); }
