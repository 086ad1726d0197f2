/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* One hash for identities, keys and seeds. */

#include "base/hash.h"

#include <nettle/sha2.h>

uint64_t carom_hash(struct carom_str text)
{
    struct sha256_ctx context;
    uint8_t digest[8];
    uint64_t value = 0;

    sha256_init(&context);
    sha256_update(&context, text.len, (const uint8_t *)text.ptr);
    sha256_digest(&context, sizeof(digest), digest);
    for (size_t i = 0; i < sizeof(digest); i++)
        value = value << 8 | digest[i];
    return value;
}
