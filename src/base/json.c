/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* JSON writer (RFC 8259). Strings come from mail: what is clean is copied in runs, the rest made valid byte by byte.
   It does not check that calls nest: that is the caller's program, not its data. */

#include "base/json.h"

#include <math.h>
#include <stdio.h>

#include "base/date.h"
#include "base/many.h"
#include "base/utf8.h"

static void before_value(struct carom_json *json)
{
    if (json->comma)
        carom_buf_add_char(json->buf, ',');
    json->comma = true;
}

static void open_with(struct carom_json *json, char bracket)
{
    before_value(json);
    carom_buf_add_char(json->buf, bracket);
    json->comma = false;
}

static void close_with(struct carom_json *json, char bracket)
{
    carom_buf_add_char(json->buf, bracket);
    json->comma = true;
}

void carom_json_object(struct carom_json *json) { open_with(json, '{'); }
void carom_json_object_end(struct carom_json *json) { close_with(json, '}'); }
void carom_json_array(struct carom_json *json) { open_with(json, '['); }
void carom_json_array_end(struct carom_json *json) { close_with(json, ']'); }

/* RFC 8259 7: quote, backslash and C0 must be escaped. DEL and C1 need not be, but terminals obey them. */
static void add_escaped(struct carom_buf *buf, uint32_t character)
{
    static const char letters[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    for (const char *pair = letters; *pair; pair += 2)
        if ((uint32_t)(unsigned char)*pair == character) {
            carom_buf_add(buf, (char[]){'\\', pair[1]}, 2);
            return;
        }
    static const char hex[] = "0123456789abcdef";
    carom_buf_add(buf, (char[]){'\\', 'u', '0', '0', hex[character >> 4 & 15], hex[character & 15]}, 6);
}

static bool is_clean(unsigned char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }

static inline carom_many unclean(carom_many bytes)
{
    return (carom_many)((bytes - 0x20 >= 0x7f - 0x20) | (bytes == '"') | (bytes == '\\'));
}

/* How many bytes at the start need no escape. */
static size_t clean_length(struct carom_str s)
{
    size_t at = 0;
    while (at + CAROM_MANY <= s.len && !carom_many_any(unclean(carom_many_load(s.ptr + at))))
        at += CAROM_MANY;
    while (at < s.len && is_clean((unsigned char)s.ptr[at]))
        at++;
    return at;
}

static inline carom_many copy_many(char *out, const char *at)
{
    carom_many bytes = carom_many_load(at);
    memcpy(out, &bytes, CAROM_MANY);
    return unclean(bytes);
}

/* Copies all of s; the last bytes overlap those before. false: some need an escape. */
static inline __attribute__((always_inline)) bool copy_clean(char *out, struct carom_str s)
{
    enum { STEP = 2 * CAROM_MANY };
    carom_many hits = {0};
    if (s.len == 0)
        return true;
    if (s.len < CAROM_MANY)
        return !carom_many_any(unclean(carom_many_copy_few(out, s.ptr, s.len)));
    for (size_t at = 0; at + STEP < s.len; at += STEP)
        hits |= copy_many(out + at, s.ptr + at) | copy_many(out + at + CAROM_MANY, s.ptr + at + CAROM_MANY);
    size_t before = s.len < STEP ? 0 : s.len - STEP, last = s.len - CAROM_MANY;
    hits |= copy_many(out + before, s.ptr + before) | copy_many(out + last, s.ptr + last);
    return !carom_many_any(hits);
}

static __attribute__((noinline)) void add_unclean(struct carom_buf *buf, struct carom_str s)
{
    size_t run = 0, at = clean_length(s);
    carom_buf_add_char(buf, '"');
    while (at < s.len) {
        uint32_t character;
        size_t n = carom_utf8_decode(carom_str_from(s, at), &character);
        if (n == 0 || character <= 0x9f) {
            carom_buf_add(buf, s.ptr + run, at - run);
            if (n == 0)
                carom_buf_add_str(buf, CAROM_STR("\xef\xbf\xbd"));
            else
                add_escaped(buf, character);
            run = at + (n ? n : 1);
        }
        at += n ? n : 1;
        at += clean_length(carom_str_from(s, at));
    }
    carom_buf_add(buf, s.ptr + run, s.len - run);
    carom_buf_add_char(buf, '"');
}

/* Nearly all need no escape: they are copied while that is found out. */
static void add_string(struct carom_buf *buf, struct carom_str s)
{
    if (!carom_buf_reserve(buf, s.len + 2))
        return;
    char *at = buf->ptr + buf->len;
    if (!copy_clean(at + 1, s)) {
        add_unclean(buf, s);
        return;
    }
    at[0] = at[s.len + 1] = '"';
    buf->len += s.len + 2;
}

void carom_json_str(struct carom_json *json, struct carom_str value)
{
    before_value(json);
    add_string(json->buf, value);
}

static __attribute__((noinline)) void grow_for_member(struct carom_json *json, const char key[CAROM_JSON_KEY], size_t n,
                                                      struct carom_str value)
{
    if (carom_buf_grow(json->buf, CAROM_JSON_KEY + value.len + 2))
        carom_json_member(json, key, n, value);
}

void carom_json_grow_for_ready(struct carom_json *json, const char key[CAROM_JSON_KEY], size_t n,
                               const char value[CAROM_JSON_VALUE], size_t value_n)
{
    if (carom_buf_grow(json->buf, CAROM_JSON_KEY + CAROM_JSON_VALUE))
        carom_json_member_ready(json, key, n, value, value_n);
}

/* What is rare is called last, so that nothing has to be kept for afterwards. */
void carom_json_member(struct carom_json *json, const char key[CAROM_JSON_KEY], size_t n, struct carom_str value)
{
    struct carom_buf *buf = json->buf;
    size_t skipped = !json->comma;
    if (!carom_buf_has_room(buf, CAROM_JSON_KEY + value.len + 2)) {
        grow_for_member(json, key, n, value);
        return;
    }
    char *at = buf->ptr + buf->len;
    memcpy(at, key + skipped, CAROM_JSON_KEY - 1);
    at += n - skipped;
    json->comma = true;
    buf->len = (size_t)(at - buf->ptr);
    if (!copy_clean(at + 1, value)) {
        add_unclean(buf, value);
        return;
    }
    at[0] = at[value.len + 1] = '"';
    buf->len += value.len + 2;
}

void carom_json_key(struct carom_json *json, struct carom_str name)
{
    before_value(json);
    add_string(json->buf, name);
    carom_buf_add_char(json->buf, ':');
    json->comma = false;
}

void carom_json_int(struct carom_json *json, int64_t value)
{
    before_value(json);
    char digits[20];
    size_t at = sizeof(digits);
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do
        digits[--at] = (char)('0' + rest % 10);
    while ((rest /= 10) > 0);
    if (value < 0)
        digits[--at] = '-';
    carom_buf_add(json->buf, digits + at, sizeof(digits) - at);
}

/* The shortest of the two precisions that reads back as the same number; the decimal point is '.' whatever the locale
   of the program that embeds us. */
void carom_json_number(struct carom_json *json, double value)
{
    if (!isfinite(value)) {
        carom_json_null(json);
        return;
    }
    char text[40];
    double back = 0;
    int n = snprintf(text, sizeof(text), "%.15g", value);
    if (sscanf(text, "%lf", &back) != 1 || back < value || back > value)
        n = snprintf(text, sizeof(text), "%.17g", value);
    for (int i = 0; i < n; i++)
        if (!carom_is_digit(text[i]) && !strchr("+-e", text[i]))
            text[i] = '.';
    carom_json_raw(json, carom_str_n(text, (size_t)n));
}

void carom_json_bool(struct carom_json *json, bool value)
{
    carom_json_raw(json, value ? CAROM_STR("true") : CAROM_STR("false"));
}

void carom_json_null(struct carom_json *json)
{
    carom_json_raw(json, CAROM_STR("null"));
}

void carom_json_raw(struct carom_json *json, struct carom_str text)
{
    before_value(json);
    carom_buf_add_str(json->buf, text);
}

void carom_json_field_str(struct carom_json *json, const char *name, struct carom_str value)
{
    if (value.len == 0)
        return;
    carom_json_key(json, carom_str(name));
    carom_json_str(json, value);
}

void carom_json_field_time(struct carom_json *json, const char *name, int64_t seconds)
{
    if (seconds == 0)
        return;
    char text[32];
    size_t n = carom_date_format(seconds, text);
    carom_json_key(json, carom_str(name));
    carom_json_str(json, carom_str_n(text, n));
}
