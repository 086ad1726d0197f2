/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* {placeholders}: found, checked, replaced. A placeholder is a brace, a letter, then letters, digits, '_', '-' and '.',
   and a brace; every other brace is itself, so that a JSON text can be a template. It does not know where values come
   from. */

#include "decision/template.h"

#include <stdio.h>

#include "base/error.h"
#include "classify/fact.h"

#define HEADER_PREFIX CAROM_STR("header.")
#define SQL_PREFIX CAROM_STR("sql.")
#define NUMBER_PREFIX CAROM_STR("number.")

/* What actions have beside the fields of the fact (action.c writes them), and what is made from either. */
static const char *const own_names[] = {"address", "list_key", "list_address",
                                        "action", "list", "scope", "duration", "until", "after", "due", "limit",
                                        "points", "endpoint", "payload", "text", "key", "value", "every", "count",
                                        "force"};
enum { OWN_NAMES = sizeof(own_names) / sizeof(own_names[0]), NAME_MAX_LENGTH = 64 };

static bool is_name(char c)
{
    return carom_is_alpha(c) || carom_is_digit(c) || c == '_' || c == '-' || c == '.';
}

/* The placeholder at the start of text, which begins with '{': its length with both braces, or 0. */
static size_t placeholder(struct carom_str text, struct carom_str *name_r)
{
    size_t end = 1;
    if (text.len < 3 || !carom_is_alpha(text.ptr[1]))
        return 0;
    while (end < text.len && is_name(text.ptr[end]))
        end++;
    if (end == text.len || text.ptr[end] != '}')
        return 0;
    *name_r = carom_str_n(text.ptr + 1, end - 1);
    return end + 1;
}

/* ---- Replacing ---- */

static void add_url(struct carom_buf *out, unsigned char c)
{
    static const char hex[] = "0123456789ABCDEF";
    bool unreserved = carom_is_alpha((char)c) || carom_is_digit((char)c) || c == '-' || c == '.' || c == '_' || c == '~';
    if (unreserved)
        carom_buf_add_char(out, (char)c);
    else
        carom_buf_add(out, (char[]){'%', hex[c >> 4], hex[c & 15]}, 3);
}

/* The JSON writer makes strings valid; its quotes are ours to take off again. */
static void add_json(struct carom_buf *out, struct carom_str value)
{
    struct carom_json json = carom_json_to(out);
    size_t start = out->len;
    carom_json_str(&json, value);
    if (out->failed)
        return;
    memmove(out->ptr + start, out->ptr + start + 1, out->len - start - 2);
    out->len -= 2;
}

static void add_value(struct carom_buf *out, struct carom_str value, enum carom_escape escape)
{
    if (escape == CAROM_ESCAPE_JSON) {
        add_json(out, value);
        return;
    }
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if (escape == CAROM_ESCAPE_URL)
            add_url(out, c);
        else if (escape == CAROM_ESCAPE_TEXT)
            carom_buf_add_char(out, c < 0x20 || c == 0x7f ? ' ' : (char)c);
        else if (c != '\r' && c != '\n' && c != '\0')
            carom_buf_add_char(out, (char)c);
    }
}

/* Digits that JSON takes for a number; others stay a text. */
static bool is_number(struct carom_str value)
{
    enum { DIGITS_MAX = 18 };
    bool is = value.len > 0 && value.len <= DIGITS_MAX && (value.len == 1 || value.ptr[0] != '0');
    for (size_t i = 0; is && i < value.len; i++)
        is = carom_is_digit(value.ptr[i]);
    return is;
}

/* "{number.id}" in a JSON text, rest begins behind the placeholder: the quotes go. */
static bool add_number(struct carom_buf *out, struct carom_str name, struct carom_str value, struct carom_str rest)
{
    bool alone = out->len > 1 && out->ptr[out->len - 1] == '"' && out->ptr[out->len - 2] != '\\' && rest.len && *rest.ptr == '"';
    if (!alone || !carom_str_starts(name, NUMBER_PREFIX) || !is_number(value))
        return false;
    out->len--;
    carom_buf_add_str(out, value);
    return true;
}

void carom_template_expand(struct carom_buf *out, struct carom_str text, enum carom_escape escape,
                           carom_template_lookup *lookup, void *user)
{
    while (text.len) {
        struct carom_str name, value = CAROM_STR_EMPTY;
        size_t brace = carom_str_chr(text, '{');
        if (brace == SIZE_MAX)
            brace = text.len;
        carom_buf_add(out, text.ptr, brace);
        text = carom_str_from(text, brace);
        size_t n = text.len ? placeholder(text, &name) : 0;
        bool known = n && lookup(user, name, &value);
        if (known && escape == CAROM_ESCAPE_JSON && add_number(out, name, value, carom_str_from(text, n)))
            n++;
        else if (known)
            add_value(out, value, escape);
        else if (!n && text.len)
            carom_buf_add_char(out, '{');
        text = carom_str_from(text, n ? n : 1);
    }
}

/* ---- Checking at load ---- */

static bool is_known(struct carom_str name, const struct carom_pair *more)
{
    for (; more; more = more->next)
        if (carom_str_eq(name, more->name))
            return true;
    if (carom_str_starts(name, SQL_PREFIX))
        name = carom_str_from(name, SQL_PREFIX.len);
    else if (carom_str_starts(name, NUMBER_PREFIX))
        name = carom_str_from(name, NUMBER_PREFIX.len);
    if (carom_str_starts(name, HEADER_PREFIX))
        return name.len > HEADER_PREFIX.len;
    for (size_t i = 0; i < OWN_NAMES; i++)
        if (carom_str_eq(name, carom_str(own_names[i])))
            return true;
    size_t dot = carom_str_chr(name, '.');
    if (dot == SIZE_MAX)
        return carom_field_find(CAROM_STR_EMPTY, name) != NULL;
    return carom_field_find(carom_str_head(name, dot), carom_str_from(name, dot + 1)) != NULL;
}

/* Edits between two short names; more than NAME_MAX_LENGTH bytes are as far away as can be. */
static size_t distance(struct carom_str a, struct carom_str b)
{
    size_t row[NAME_MAX_LENGTH + 1];
    if (a.len > NAME_MAX_LENGTH || b.len > NAME_MAX_LENGTH)
        return SIZE_MAX;
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t change = diagonal + (a.ptr[i - 1] != b.ptr[j - 1]);
            size_t gap = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = change < gap ? change : gap;
        }
    }
    return row[b.len];
}

struct nearest {
    struct carom_str wanted, group, name;
    size_t distance;
};

static void consider_text(struct nearest *nearest, struct carom_str full, struct carom_str group, struct carom_str name)
{
    size_t d = distance(nearest->wanted, full);
    if (d < nearest->distance)
        *nearest = (struct nearest){nearest->wanted, group, name, d};
}

static void consider(struct nearest *nearest, const char *group, const char *name)
{
    char full[2 * NAME_MAX_LENGTH];
    int n = snprintf(full, sizeof(full), "%s%s%s", group, *group ? "." : "", name);
    consider_text(nearest, carom_str_n(full, n > 0 ? (size_t)n : 0), carom_str(group), carom_str(name));
}

int carom_template_check(struct carom_str text, struct carom_error *err)
{
    return carom_template_check_with(text, NULL, err);
}

int carom_template_check_with(struct carom_str text, const struct carom_pair *more, struct carom_error *err)
{
    for (size_t at = 0; at < text.len; at++) {
        struct carom_str name;
        size_t n = text.ptr[at] == '{' ? placeholder(carom_str_from(text, at), &name) : 0;
        if (!n)
            continue;
        if (is_known(name, more)) {
            at += n - 1;
            continue;
        }
        struct nearest nearest = {.wanted = name, .distance = SIZE_MAX};
        for (const struct carom_pair *pair = more; pair; pair = pair->next)
            consider_text(&nearest, pair->name, CAROM_STR_EMPTY, pair->name);
        for (size_t i = 0; i < OWN_NAMES; i++)
            consider(&nearest, "", own_names[i]);
        for (size_t i = 0; i < carom_fields_n; i++)
            consider(&nearest, carom_fields[i].group, carom_fields[i].name);
        if (nearest.distance == SIZE_MAX)
            return carom_error_set(err, CAROM_ERROR_CONFIG, "{" CAROM_STR_FMT "} is no placeholder",
                                   CAROM_STR_ARG(name));
        return carom_error_set(err, CAROM_ERROR_CONFIG,
                               "{" CAROM_STR_FMT "} is no placeholder; the nearest is {" CAROM_STR_FMT "%s" CAROM_STR_FMT
                               "}",
                               CAROM_STR_ARG(name), CAROM_STR_ARG(nearest.group), nearest.group.len ? "." : "",
                               CAROM_STR_ARG(nearest.name));
    }
    return 0;
}
