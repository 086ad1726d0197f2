/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* JSON reader (RFC 8259) by recursive descent. It knows no number: nobody asks a message for one. */

#include "base/tree.h"

#include "base/many.h"
#include "base/utf8.h"

enum { DEPTH_MAX = 2048 };

struct reader {
    struct carom_arena *arena;
    struct carom_str rest;
};

static struct carom_tree nothing(void)
{
    return (struct carom_tree){CAROM_TREE_OTHER, CAROM_STR_EMPTY, CAROM_STR_EMPTY, NULL, NULL};
}

static void skip_space(struct reader *reader)
{
    while (reader->rest.len > 0 && carom_is_space(reader->rest.ptr[0]))
        reader->rest = carom_str_from(reader->rest, 1);
}

static bool take(struct reader *reader, char c)
{
    skip_space(reader);
    if (reader->rest.len == 0 || reader->rest.ptr[0] != c)
        return false;
    reader->rest = carom_str_from(reader->rest, 1);
    return true;
}

/* ---- Strings ---- */

/* The first byte at or behind i that a string may not have as it is; at the end: there is none. */
static size_t plain_end(struct carom_str s, size_t i)
{
    for (size_t hit; i + CAROM_MANY <= s.len; i += CAROM_MANY) {
        carom_many bytes = carom_many_load(s.ptr + i);
        if ((hit = carom_many_first((carom_many)((bytes < ' ') | (bytes == '"') | (bytes == '\\')))) < CAROM_MANY)
            return i + hit;
    }
    while (i < s.len && (unsigned char)s.ptr[i] >= ' ' && s.ptr[i] != '"' && s.ptr[i] != '\\')
        i++;
    return i;
}

/* The four hexadecimal digits at the start of s; -1: there are none. */
static int32_t four_digits(struct carom_str s)
{
    int32_t unit = 0;

    for (size_t i = 0; i < 4; i++) {
        char c = i < s.len ? carom_lower(s.ptr[i]) : ' ';
        if (!carom_is_digit(c) && (c < 'a' || c > 'f'))
            return -1;
        unit = unit * 16 + (carom_is_digit(c) ? c - '0' : c - 'a' + 10);
    }
    return unit;
}

/* RFC 8259 7: what lies beyond the basic plane is written as two. Takes what follows "\u" off *s; 0: it means no character. */
static uint32_t take_unicode(struct carom_str *s)
{
    int32_t unit = four_digits(*s), low;

    *s = carom_str_from(*s, 4);
    if (unit < 0xd800 || unit > 0xdfff)
        return unit > 0 ? (uint32_t)unit : 0;
    if (unit > 0xdbff || !carom_str_starts(*s, CAROM_STR("\\u")))
        return 0;
    low = four_digits(carom_str_from(*s, 2));
    *s = carom_str_from(*s, 6);
    return low >= 0xdc00 && low <= 0xdfff ? 0x10000 + (uint32_t)(unit - 0xd800) * 0x400 + (uint32_t)(low - 0xdc00) : 0;
}

/* Takes what follows a backslash off *s. */
static uint32_t take_escape(struct carom_str *s)
{
    static const char letters[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
    char c = s->len > 0 ? s->ptr[0] : '\0';

    *s = carom_str_from(*s, 1);
    if (c == 'u')
        return take_unicode(s);
    for (const char *pair = letters; *pair; pair += 2)
        if (*pair == c)
            return (unsigned char)pair[1];
    return 0;
}

/* Of what stands between the quotes. An escape is never shorter than what it means. */
static bool unescape(struct carom_arena *arena, struct carom_str raw, struct carom_str *text_r)
{
    char *out = carom_arena_raw(arena, raw.len);
    size_t n = 0;

    while (raw.len > 0) {
        size_t plain = plain_end(raw, 0);
        memcpy(out + n, raw.ptr, plain);
        n += plain;
        if (plain == raw.len)
            break;
        raw = carom_str_from(raw, plain + 1);
        uint32_t character = take_escape(&raw);
        if (character == 0)
            return false;
        n += carom_utf8_encode(character, out + n);
    }
    *text_r = carom_str_n(out, n);
    return true;
}

/* Behind the opening quote. */
static bool read_string(struct reader *reader, struct carom_str *text_r)
{
    struct carom_str s = reader->rest;
    size_t plain = plain_end(s, 0), end = plain;

    while (end + 1 < s.len && s.ptr[end] == '\\')
        end = plain_end(s, end + 2);
    if (end >= s.len || s.ptr[end] != '"')
        return false;
    reader->rest = carom_str_from(s, end + 1);
    *text_r = carom_str_head(s, end);
    return carom_utf8_valid(*text_r) && (plain == end || unescape(reader->arena, *text_r, text_r));
}

/* ---- Values ---- */

static bool take_digits(struct reader *reader)
{
    size_t n = 0;

    while (n < reader->rest.len && carom_is_digit(reader->rest.ptr[n]))
        n++;
    reader->rest = carom_str_from(reader->rest, n);
    return n > 0;
}

static bool take_any(struct reader *reader, const char *any)
{
    if (reader->rest.len == 0 || !reader->rest.ptr[0] || !strchr(any, reader->rest.ptr[0]))
        return false;
    reader->rest = carom_str_from(reader->rest, 1);
    return true;
}

static bool read_number(struct reader *reader)
{
    take_any(reader, "-");
    if (!take_any(reader, "0") && !take_digits(reader))
        return false;
    if (take_any(reader, ".") && !take_digits(reader))
        return false;
    if (!take_any(reader, "eE"))
        return true;
    take_any(reader, "+-");
    return take_digits(reader);
}

static bool read_other(struct reader *reader)
{
    static const struct carom_str words[] = {CAROM_STR_INIT("true"), CAROM_STR_INIT("false"), CAROM_STR_INIT("null")};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (carom_str_starts(reader->rest, words[i])) {
            reader->rest = carom_str_from(reader->rest, words[i].len);
            return true;
        }
    return read_number(reader);
}

static bool read_value(struct reader *reader, struct carom_tree *value, int depth);

/* Behind its opening bracket. */
static bool read_list(struct reader *reader, struct carom_tree *list, int depth)
{
    bool object = list->type == CAROM_TREE_OBJECT;
    char close = object ? '}' : ']';
    struct carom_tree **tail = &list->first;

    if (take(reader, close))
        return true;
    do {
        struct carom_tree *one = carom_arena_raw(reader->arena, sizeof *one);
        *one = nothing();
        if (object && !(take(reader, '"') && read_string(reader, &one->key) && take(reader, ':')))
            return false;
        if (!read_value(reader, one, depth - 1))
            return false;
        *tail = one;
        tail = &one->next;
    } while (take(reader, ','));
    return take(reader, close);
}

static bool read_value(struct reader *reader, struct carom_tree *value, int depth)
{
    if (take(reader, '"')) {
        value->type = CAROM_TREE_STRING;
        return read_string(reader, &value->text);
    }
    value->type = take(reader, '{') ? CAROM_TREE_OBJECT : take(reader, '[') ? CAROM_TREE_ARRAY : CAROM_TREE_OTHER;
    return value->type == CAROM_TREE_OTHER ? read_other(reader) : depth > 0 && read_list(reader, value, depth);
}

const struct carom_tree *carom_tree_read(struct carom_arena *arena, struct carom_str text, struct carom_str *rest_r)
{
    struct reader reader = {arena, text};
    struct carom_tree *root = carom_arena_raw(arena, sizeof *root);

    *root = nothing();
    if (!read_value(&reader, root, DEPTH_MAX) || root->type < CAROM_TREE_ARRAY)
        return NULL;
    if (rest_r)
        *rest_r = reader.rest;
    skip_space(&reader);
    return rest_r || reader.rest.len == 0 ? root : NULL;
}

/* ---- What was read ---- */

const struct carom_tree *carom_tree_get(const struct carom_tree *object, const char *name)
{
    const struct carom_tree *found = NULL;
    struct carom_str key = carom_str(name);

    for (const struct carom_tree *m = object && object->type == CAROM_TREE_OBJECT ? object->first : NULL; m; m = m->next)
        if (carom_str_eq(m->key, key))
            found = m;
    return found;
}

const struct carom_tree *carom_tree_elements(const struct carom_tree *array)
{
    return array && array->type == CAROM_TREE_ARRAY ? array->first : NULL;
}

struct carom_str carom_tree_text(const struct carom_tree *string)
{
    return string && string->type == CAROM_TREE_STRING ? string->text : CAROM_STR_EMPTY;
}
