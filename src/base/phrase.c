/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Phrases and their signs. No class of words is known here by name: the rows come from the caller, for the build tool
   reads them from the table that the library has compiled in. */

#include "base/phrase.h"

#include "base/utf8.h"

/* ---- Classes of words ---- */

/* The words of all rows of a class, joined by commas; empty: no row has that name. */
static struct carom_str words_of(struct carom_arena *arena, struct carom_str name, const struct carom_word_row *rows,
                                 size_t n)
{
    struct carom_str all = CAROM_STR_EMPTY;

    for (size_t i = 0; i < n; i++)
        if (carom_str_eq(name, carom_str(rows[i].name)))
            all = carom_arena_printf(arena, CAROM_STR_FMT "%s%s", CAROM_STR_ARG(all), all.len ? "," : "", rows[i].words);
    return all;
}

/* The next "{name}", which has no comma. false: none is left. */
static bool find_class(struct carom_str text, size_t from, size_t *start_r, size_t *end_r)
{
    for (size_t i = from; i < text.len; i++) {
        if (text.ptr[i] == '\\')
            i++;
        else if (text.ptr[i] == '{') {
            struct carom_str rest = carom_str_from(text, i);
            size_t end = carom_str_chr(rest, '}');
            if (end >= rest.len || carom_str_chr(carom_str_head(rest, end), ',') < end)
                continue;
            *start_r = i;
            *end_r = i + end + 1;
            return true;
        }
    }
    return false;
}

struct carom_str carom_phrase_ready(struct carom_arena *arena, struct carom_str text, const struct carom_word_row *rows,
                                    size_t n, struct carom_str *unknown_r)
{
    size_t from = 0, start, end;

    *unknown_r = CAROM_STR_EMPTY;
    while (find_class(text, from, &start, &end)) {
        struct carom_str name = carom_str_n(text.ptr + start + 1, end - start - 2), words = words_of(arena, name, rows, n);
        if (words.len == 0) {
            *unknown_r = name;
            return CAROM_STR_EMPTY;
        }
        text = carom_arena_printf(arena, CAROM_STR_FMT "{" CAROM_STR_FMT "}" CAROM_STR_FMT,
                                  (int)start, text.ptr, CAROM_STR_ARG(words), CAROM_STR_ARG(carom_str_from(text, end)));
        from = start + words.len + 2;
    }
    return carom_arena_str(arena, carom_utf8_normalise(arena, text).folded);
}

/* ---- Signs ---- */

static bool is_escape(struct carom_str s, size_t at)
{
    return s.ptr[at] == '\\' && at + 1 < s.len && memchr("|*~{},", s.ptr[at + 1], 6);
}

/* Where one of the signs first stands and is not escaped; s.len: nowhere. */
static size_t find_sign(struct carom_str s, const char *signs)
{
    size_t n = 0;
    while (n < s.len && !memchr(signs, s.ptr[n], strlen(signs)))
        n += is_escape(s, n) ? 2 : 1;
    return n < s.len ? n : s.len;
}

/* Escapes are read from the left: a '|' at the end may be the second half of one. */
static bool ends_with_mark(struct carom_str raw)
{
    size_t at = 0, last = SIZE_MAX;
    while (at < raw.len) {
        last = at;
        at += is_escape(raw, at) ? 2 : 1;
    }
    return last != SIZE_MAX && raw.ptr[last] == '|';
}

static struct carom_phrase_word marked(struct carom_str raw)
{
    struct carom_phrase_word word = {raw, 0};
    if (raw.len > 0 && raw.ptr[0] == '|') {
        word.flags |= CAROM_PHRASE_WORD_BEFORE;
        word.raw = carom_str_from(raw, 1);
    }
    if (ends_with_mark(word.raw)) {
        word.flags |= CAROM_PHRASE_WORD_AFTER;
        word.raw.len--;
    }
    return word;
}

/* Spaces beside '~' and braces are for the eye. */
bool carom_phrase_place(struct carom_str *rest, bool *near_next, struct carom_phrase_place *place_r)
{
    while (rest->len > 0) {
        size_t end = find_sign(*rest, "*~");
        bool near = end < rest->len && rest->ptr[end] == '~';
        struct carom_phrase_place place = {carom_str_head(*rest, end), false, *near_next};
        struct carom_str trimmed = carom_str_trim(place.words);
        *rest = carom_str_from(*rest, end + 1);
        place.several = trimmed.len > 2 && trimmed.ptr[0] == '{' && trimmed.ptr[trimmed.len - 1] == '}';
        if (place.several)
            place.words = carom_str_n(trimmed.ptr + 1, trimmed.len - 2);
        else if (place.near || near)
            place.words = trimmed;
        *near_next = near;
        if (!place.several && marked(place.words).raw.len == 0)
            continue;
        *place_r = place;
        return true;
    }
    return false;
}

bool carom_phrase_word(struct carom_phrase_place *place, struct carom_phrase_word *word_r)
{
    while (place->words.len > 0) {
        size_t end = place->several ? find_sign(place->words, ",") : place->words.len;
        struct carom_str word = carom_str_head(place->words, end);
        *word_r = marked(place->several ? carom_str_trim(word) : word);
        place->words = carom_str_from(place->words, end + 1);
        if (word_r->raw.len > 0)
            return true;
    }
    return false;
}

bool carom_phrase_has_brace(struct carom_str raw)
{
    return find_sign(raw, "{}") < raw.len;
}

bool carom_phrase_byte(struct carom_str *raw, unsigned char *byte_r)
{
    if (raw->len == 0)
        return false;
    size_t escape = is_escape(*raw, 0);
    *byte_r = (unsigned char)raw->ptr[escape];
    *raw = carom_str_from(*raw, escape + 1);
    return true;
}

/* ---- Letters ---- */

/* Or digit. Beyond ASCII nearly everything is; white space and quotes are ASCII by now, so that Latin-1 signs,
   general and CJK punctuation and the full width forms of ASCII's remain. */
static bool is_letter(uint32_t c)
{
    if (c < 0x80)
        return carom_is_alpha((char)c) || carom_is_digit((char)c);
    return c > 0xbf && !(c >= 0x2000 && c <= 0x206f) && !(c >= 0x3000 && c <= 0x303f) &&
           !(c >= 0xff00 && c <= 0xff0f) && !(c >= 0xff1a && c <= 0xff20) && c != 0xfffd;
}

bool carom_phrase_letter_at(struct carom_str text, size_t at)
{
    uint32_t c;
    if (at < text.len && (unsigned char)text.ptr[at] < 0x80)
        return is_letter((unsigned char)text.ptr[at]);
    return at < text.len && carom_utf8_decode(carom_str_from(text, at), &c) > 0 && is_letter(c);
}

bool carom_phrase_letter_before(struct carom_str text, size_t end)
{
    size_t at = end;
    do {
        if (at == 0 || end - at == 4)
            return false;
        at--;
    } while (((unsigned char)text.ptr[at] & 0xc0) == 0x80);
    return carom_phrase_letter_at(text, at);
}
