/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* A header block: every field decoded in each way that the readers ask for. */

#include "base/utf8.h"
#include "fuzz.h"
#include "mail/header.h"

static void target(struct carom_arena *arena, struct carom_str bytes)
{
    static const char *const params[] = {"boundary", "charset", "name"};
    struct carom_str body, charset;
    struct carom_headers headers = carom_headers_parse(arena, bytes, &body);

    FUZZ_CHECK(headers.block.len + body.len <= bytes.len);
    for (size_t i = 0; i < headers.n; i++) {
        FUZZ_CHECK(carom_utf8_valid(carom_header_text(arena, headers.list[i].value)));
        carom_header_token(arena, headers.list[i].value);
        for (size_t k = 0; k < sizeof(params) / sizeof(*params); k++) {
            FUZZ_CHECK(carom_utf8_valid(carom_header_param(arena, headers.list[i].value, params[k])));
            carom_header_param_bytes(arena, headers.list[i].value, params[k], &charset);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) { return fuzz_in_arena(target, bytes, size); }
