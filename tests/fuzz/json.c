/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The JSON writer against another's reader: what goes in as a name or a text comes out again, each byte that is not
   UTF-8 as U+FFFD. */

#include <jansson.h>

#include "base/json.h"
#include "base/utf8.h"
#include "fuzz.h"

static struct carom_str text_of(const json_t *value)
{
    return carom_str_n(json_string_value(value), json_string_length(value));
}

static void target(struct carom_arena *arena, struct carom_str bytes)
{
    struct carom_buf buf = CAROM_BUF_INIT(1 << 22);
    struct carom_json json = carom_json_to(&buf);
    struct carom_str want = carom_utf8_clean(arena, bytes), line = fuzz_line(&bytes);

    carom_json_object(&json);
    carom_json_key(&json, CAROM_STR("all"));
    carom_json_str(&json, want);
    carom_json_key(&json, CAROM_STR("list"));
    carom_json_array(&json);
    carom_json_str(&json, line);
    carom_json_int(&json, INT64_MIN);
    carom_json_number(&json, (double)bytes.len / 3);
    carom_json_array_end(&json);
    carom_json_field_str(&json, "rest", bytes);
    carom_json_object_end(&json);
    if (!buf.failed) {
        json_t *root = json_loadb(buf.ptr, buf.len, JSON_ALLOW_NUL, NULL);
        FUZZ_CHECK(root);
        FUZZ_CHECK(carom_str_eq(text_of(json_object_get(root, "all")), want));
        FUZZ_CHECK(carom_str_eq(text_of(json_array_get(json_object_get(root, "list"), 0)), carom_utf8_clean(arena, line)));
        json_decref(root);
    }
    carom_buf_deinit(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) { return fuzz_in_arena(target, bytes, size); }
