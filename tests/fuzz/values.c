/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Values of a configuration: durations, dates, numbers, globs, addresses of hosts, templates. */

#include "base/date.h"
#include "decision/template.h"
#include "fuzz.h"
#include "outbox/private.h"

/* A value as hostile as mail has it. */
static bool look_up(void *user, struct carom_str name, struct carom_str *value_r)
{
    (void)user;
    *value_r = CAROM_STR("a\r\nb\0{x}\"\\\xff%");
    return name.len % 2;
}

static void expand(struct carom_str text, enum carom_escape escape, const char *never)
{
    struct carom_buf out = CAROM_BUF_INIT(1 << 16);
    struct carom_error err;
    bool plain = carom_str_chr(text, '\r') == SIZE_MAX && carom_str_chr(text, '\n') == SIZE_MAX;

    carom_template_check(text, &err);
    carom_template_expand(&out, text, escape, look_up, NULL);
    for (; plain && *never; never++)
        FUZZ_CHECK(carom_str_chr(carom_buf_str(&out), *never) == SIZE_MAX);
    carom_buf_deinit(&out);
}

static void target(struct carom_arena *arena, struct carom_str bytes)
{
    char date[32];
    int64_t time = carom_date_parse(bytes), ms = carom_duration_parse_ms(bytes);

    FUZZ_CHECK(ms >= -1 && time >= 0);
    if (time) {
        carom_date_format(time, date);
        FUZZ_CHECK(carom_date_parse_rfc3339(carom_str(date)) == time);
    }
    FUZZ_CHECK(carom_date_parse_rfc3339(bytes) >= 0 && carom_str_number(bytes) >= -1);
    carom_private_kind_text(carom_arena_str(arena, bytes).ptr);
    expand(bytes, CAROM_ESCAPE_TEXT, "\r\n");
    expand(bytes, CAROM_ESCAPE_URL, "\r\n");
    expand(bytes, CAROM_ESCAPE_HEADER, "\r\n");
    expand(bytes, CAROM_ESCAPE_JSON, "\r\n");
    struct carom_str pattern = fuzz_line(&bytes);
    carom_str_glob(bytes, pattern);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) { return fuzz_in_arena(target, bytes, size); }
