/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Charsets and transfer encodings: the first line is the label, the rest the bytes. The result is UTF-8, and no more
   of it than was asked for. */

#include "base/utf8.h"
#include "fuzz.h"
#include "mail/charset.h"
#include "mail/encoding.h"
#include "mail/html.h"

static void target(struct carom_arena *arena, struct carom_str bytes)
{
    struct carom_str label = fuzz_line(&bytes);

    for (int encoding = CAROM_ENCODING_NONE; encoding <= CAROM_ENCODING_QP; encoding++) {
        struct carom_str plain = carom_encoding_decode(arena, (enum carom_encoding)encoding, bytes, 4096);
        FUZZ_CHECK(plain.len <= 4096);
        struct carom_str text = carom_charset_to_utf8(arena, label, plain, 5000);
        FUZZ_CHECK(text.len <= 5000 && carom_utf8_valid(text));
        FUZZ_CHECK(carom_utf8_valid(carom_html_text(arena, text, 3000)));
        struct carom_utf8_text ready = carom_utf8_normalise(arena, text);
        FUZZ_CHECK(ready.shown.len == ready.folded.len);
    }
    carom_encoding_q(arena, bytes);
    carom_encoding_xtext(arena, bytes);
    FUZZ_CHECK(carom_utf8_valid(carom_utf8_clean(arena, bytes)));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) { return fuzz_in_arena(target, bytes, size); }
