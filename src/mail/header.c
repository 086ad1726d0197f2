/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Header blocks: finding the fields, and reading their values as text, as tokens. It knows the syntax of a field, not
   the meaning of any. Parameters of Content-Type and its like are in param.c. */

#include "mail/header.h"

#include "base/many.h"
#include "base/utf8.h"
#include "mail/charset.h"
#include "mail/encoding.h"

enum {
    FIELDS_MAX = 1000,
    BLOCK_MAX = 256 << 10, /* fields that begin behind it are not kept */
    CONVERSIONS_MAX = 256  /* of one value: opening a converter costs up to 0.1 ms, a hostile value has thousands */
};

/* ---- Fields ---- */

/* Where the line of s[i] ends. */
static size_t line_end(struct carom_str s, size_t i)
{
    return i + carom_many_line_length(carom_str_n(s.ptr + i, s.len - i));
}

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Where the printable ASCII that begins at s[i] ends, or has a colon. */
static size_t name_end(struct carom_str s, size_t i)
{
    for (size_t hit; i + CAROM_MANY <= s.len; i += CAROM_MANY) {
        carom_many bytes = carom_many_load(s.ptr + i);

        hit = carom_many_first((carom_many)((bytes - '!' >= 127 - '!') | (bytes == ':')));
        if (hit < CAROM_MANY)
            return i + hit;
    }
    while (i < s.len && s.ptr[i] > ' ' && s.ptr[i] < 127 && s.ptr[i] != ':')
        i++;
    return i;
}

/* RFC 5322 2.2, with the white space before the colon that 4.5 allows ("Action : failed", Mimecast). Length of the
   name at s[i], its colon in *colon_r; 0: no field begins here. "--" begins a boundary, even one with a colon in it. */
static size_t field_name(struct carom_str s, size_t i, size_t *colon_r)
{
    size_t end = name_end(s, i), colon = end;

    if (colon == s.len || (s.ptr[i] == '-' && s.ptr[i + 1] == '-'))
        return 0;
    for (; s.ptr[colon] != ':'; colon++)
        if (!blank(s.ptr[colon]) || colon + 1 == s.len)
            return 0;
    *colon_r = colon;
    return end - i;
}

/* "From sender date" of mbox, also quoted, before a header block: returned messages often keep it. */
static size_t skip_from_line(struct carom_str s)
{
    if (carom_str_starts(s, CAROM_STR("From ")) || carom_str_starts(s, CAROM_STR(">From ")))
        return carom_str_skip_line_end(s, carom_str_line_length(s));
    return 0;
}

static void make_room(struct carom_arena *arena, struct carom_headers *headers)
{
    size_t n = headers->n, room = n ? n * 2 : CAROM_MANY;
    struct carom_header *list = carom_arena_raw(arena, room * (sizeof(*list) + 1));
    unsigned char *tags = (unsigned char *)(list + room);

    memset(tags + n, 0, room - n); /* they are compared by vectors */
    if (n > 0) {
        memcpy(list, headers->list, n * sizeof(*list));
        memcpy(tags, headers->tags, n);
    }
    headers->list = list;
    headers->tags = tags;
    headers->room = room;
}

static inline void add(struct carom_arena *arena, struct carom_headers *headers, struct carom_str name,
                       struct carom_str value)
{
    unsigned char tag = carom_header_tag(name);

    if (headers->n == headers->room)
        make_room(arena, headers);
    headers->seen[tag / 64] |= UINT64_C(1) << tag % 64;
    headers->tags[headers->n] = tag;
    headers->list[headers->n++] = (struct carom_header){name, value};
}

void carom_headers_add(struct carom_arena *arena, struct carom_headers *headers, struct carom_str name,
                       struct carom_str value)
{
    add(arena, headers, name, value);
}

struct carom_headers carom_headers_parse(struct carom_arena *arena, struct carom_str bytes, struct carom_str *body_r)
{
    struct carom_headers headers = {0};
    size_t i = skip_from_line(bytes), colon, name;

    make_room(arena, &headers);
    while ((name = field_name(bytes, i, &colon)) > 0) {
        size_t start = i, end;

        i = colon;
        do {
            end = line_end(bytes, i);
            i = carom_str_skip_line_end(bytes, end);
        } while (i < bytes.len && blank(bytes.ptr[i]));
        if (headers.n < FIELDS_MAX && i <= BLOCK_MAX)
            add(arena, &headers, carom_str_n(bytes.ptr + start, name),
                carom_str_trim(carom_str_n(bytes.ptr + colon + 1, end - colon - 1)));
    }
    if (headers.n == 0)
        i = 0;
    headers.block = carom_str_head(bytes, i);
    *body_r = carom_str_from(bytes, carom_str_skip_line_end(bytes, i));
    return headers;
}

/* Which of those from the whole vector `at` on have the tag. */
static inline uint64_t tagged(const struct carom_headers *headers, unsigned char tag, size_t at)
{
    return carom_many_mask((carom_many)(carom_many_load((const char *)headers->tags + at) == tag));
}

/* The first place at or behind `at` that has the tag: headers->n or beyond: none has. */
static size_t next_tag(const struct carom_headers *headers, unsigned char tag, size_t at)
{
    for (; at < headers->n; at += CAROM_MANY - at % CAROM_MANY) {
        size_t from = at % CAROM_MANY;
        uint64_t mask = carom_many_mask_from(tagged(headers, tag, at - from), from);

        if (mask)
            return at - from + carom_many_lowest(mask);
    }
    return at;
}

const struct carom_header *carom_headers_first(const struct carom_headers *headers, unsigned char tag)
{
    return &headers->list[next_tag(headers, tag, 0)];
}

const struct carom_header *carom_headers_tagged(const struct carom_headers *headers, struct carom_str name,
                                                unsigned char tag, size_t i)
{
    for (size_t at = 0; at < headers->n; at += CAROM_MANY)
        for (uint64_t mask = tagged(headers, tag, at); mask; mask &= mask - 1) {
            const struct carom_header *field = &headers->list[at + carom_many_lowest(mask)];

            if (carom_str_ieq(field->name, name) && i-- == 0)
                return field;
        }
    return NULL;
}

const struct carom_header *carom_headers_next(const struct carom_headers *headers, const struct carom_header *field)
{
    size_t at = (size_t)(field - headers->list);
    unsigned char tag = headers->tags[at];

    while ((at = next_tag(headers, tag, at + 1)) < headers->n)
        if (carom_str_ieq(headers->list[at].name, field->name))
            return &headers->list[at];
    return NULL;
}

/* ---- Text ---- */

/* The text so far; its memory was measured before. */
struct text {
    char *ptr;
    size_t len, room;
};

static void put(struct text *text, struct carom_str s)
{
    s = carom_str_head(s, text->room - text->len);
    memcpy(text->ptr + text->len, s.ptr, s.len);
    text->len += s.len;
}

/* End of the white space at s[i]; *folded_r: a line end is in it. */
static size_t skip_space(struct carom_str s, size_t i, bool *folded_r)
{
    *folded_r = false;
    for (; i < s.len && carom_is_space(s.ptr[i]); i++)
        *folded_r |= !blank(s.ptr[i]);
    return i;
}

/* Unfolds raw words: whatever surrounds a line end becomes one space, other white space stays. */
static struct carom_str unfold(struct carom_arena *arena, struct carom_str s)
{
    struct text text = {.room = s.len};

    size_t end = carom_str_line_length(s);

    if (end == s.len)
        return s;
    text.ptr = carom_arena_raw(arena, s.len);
    for (size_t i = 0;; end = i + carom_str_line_length(carom_str_from(s, i))) {
        size_t word = end;
        bool folded;

        while (end < s.len && word > i && blank(s.ptr[word - 1]))
            word--;
        put(&text, carom_str_n(s.ptr + i, word - i));
        if (end == s.len)
            return carom_str_n(text.ptr, text.len);
        put(&text, CAROM_STR(" "));
        i = skip_space(s, end, &folded);
    }
}

struct carom_str carom_header_unfold(struct carom_arena *arena, struct carom_str value)
{
    return unfold(arena, carom_str_trim(value));
}

/* An encoded word (RFC 2047 2): =?charset*language?encoding?text?= */
struct word {
    struct carom_str charset, text;
    bool base64;
    size_t end; /* offset behind it */
};

/* Where the encoded text that starts at s[i] ends, or SIZE_MAX. Spaces in it are forgiven; the start of another word
   means that this one has no end. "=?=" is padding before the end. */
static size_t word_end(struct carom_str s, size_t i)
{
    for (; i + 1 < s.len; i++) {
        if (s.ptr[i] == '?' && s.ptr[i + 1] == '=')
            return i;
        if (s.ptr[i] == '=' && s.ptr[i + 1] == '?' && !(i + 2 < s.len && s.ptr[i + 2] == '='))
            return SIZE_MAX;
    }
    return SIZE_MAX;
}

static bool read_word(struct carom_str s, size_t i, struct word *word_r)
{
    size_t charset = i + 2, text = charset, end;
    char encoding;

    if (i + 1 >= s.len || s.ptr[i] != '=' || s.ptr[i + 1] != '?')
        return false;
    while (text < s.len && text - charset < 80 && s.ptr[text] > ' ' && s.ptr[text] != '?')
        text++;
    if (text == charset || text + 2 >= s.len || s.ptr[text] != '?' || s.ptr[text + 2] != '?')
        return false;
    encoding = carom_lower(s.ptr[text + 1]);
    end = word_end(s, text + 3);
    if ((encoding != 'b' && encoding != 'q') || end == SIZE_MAX)
        return false;
    word_r->charset = carom_str_n(s.ptr + charset, text - charset);
    word_r->charset = carom_str_head(word_r->charset, carom_str_chr(word_r->charset, '*')); /* RFC 2231 5: language */
    word_r->base64 = encoding == 'b';
    word_r->text = carom_str_n(s.ptr + text + 3, end - text - 3);
    word_r->end = end + 2;
    return true;
}

static struct carom_str decode_word(struct carom_arena *arena, const struct word *word)
{
    struct carom_str text = unfold(arena, word->text);

    if (word->base64)
        return carom_encoding_decode(arena, CAROM_ENCODING_BASE64, text, text.len);
    return carom_encoding_q(arena, text);
}

/* Is the next thing behind offset end, but for white space, a word in the same charset? Then it becomes *word. */
static bool next_word(struct carom_str s, size_t end, struct word *word)
{
    struct word next;
    bool folded;

    if (!read_word(s, skip_space(s, end, &folded), &next) || !carom_str_ieq(next.charset, word->charset))
        return false;
    *word = next;
    return true;
}

/* The word and those that follow it with nothing but white space between and in the same charset: their bytes are
   joined before conversion, since many senders cut within a character. Returns the offset behind the last. */
static size_t put_words(struct carom_arena *arena, struct text *text, struct carom_str s, struct word first)
{
    struct word word = first;
    struct text joined = {.room = first.text.len};

    while (next_word(s, word.end, &word))
        joined.room += word.text.len;
    joined.ptr = carom_arena_raw(arena, joined.room);
    word = first;
    do
        put(&joined, decode_word(arena, &word));
    while (next_word(s, word.end, &word));
    put(text, carom_charset_to_utf8(arena, word.charset, carom_str_n(joined.ptr, joined.len), text->room - text->len));
    return word.end;
}

/* Offset of the next thing that may be an encoded word. */
static size_t find_word(struct carom_str s, size_t i, struct word *word_r)
{
    for (size_t next; (next = carom_str_find(carom_str_from(s, i), CAROM_STR("=?"))) != SIZE_MAX; i++)
        if (read_word(s, i += next, word_r))
            return i;
    return s.len;
}

/* What is not ASCII that is seen, and what may begin an encoded word. */
static inline carom_many not_plain(carom_many bytes)
{
    return (carom_many)((bytes - ' ' >= 127 - ' ') | (bytes == '='));
}

static void put_raw(struct carom_arena *arena, struct text *text, struct carom_str raw)
{
    put(text, carom_charset_to_utf8(arena, CAROM_STR_EMPTY, unfold(arena, raw), text->room - text->len));
}

/* Of what is trimmed. Apart, as few have anything to decode. */
static __attribute__((noinline)) struct carom_str decode(struct carom_arena *arena, struct carom_str value)
{
    struct text text = {.room = value.len * 3}; /* a raw byte has at most three in UTF-8, an encoded one fewer */
    struct word word;
    size_t i = 0, words = 0;
    bool folded;

    if (carom_utf8_visible(value) && carom_str_find(value, CAROM_STR("=?")) == SIZE_MAX)
        return value;
    text.ptr = carom_arena_raw(arena, text.room);
    while (i < value.len) {
        size_t start = words < CONVERSIONS_MAX ? find_word(value, i, &word) : value.len;

        /* White space between two encoded words is no text. */
        if (start > i && (words == 0 || skip_space(value, i, &folded) < start || start == value.len))
            put_raw(arena, &text, carom_str_n(value.ptr + i, start - i));
        if (start == value.len)
            break;
        i = put_words(arena, &text, value, word);
        words++;
    }
    return carom_str_trim(carom_str_n(text.ptr, text.len));
}

struct carom_str carom_header_text(struct carom_arena *arena, struct carom_str value)
{
    value = carom_str_trim(value);
    return carom_many_none(value, not_plain) ? value : decode(arena, value);
}

/* ---- Tokens ---- */

/* Offset behind the quoted string or comment at s[i]; s.len + 1 when it has no end. Comments nest (RFC 5322 3.2.2). */
static size_t skip_enclosed(struct carom_str s, size_t i)
{
    bool comment = s.ptr[i] == '(';
    size_t depth = 1;

    for (i++; i < s.len; i++) {
        char c = s.ptr[i];

        if (c == '\\')
            i++;
        else if (comment && c == '(')
            depth++;
        else if (c == (comment ? ')' : '"') && --depth == 0)
            return i + 1;
    }
    return s.len + 1;
}

/* One step over s[i]: a quoted string, a comment, white space, or one character. *gap_r: it is a comment or holds a
   line end. What is opened and never closed is text: broken_r says so, and from then on nothing encloses. */
static size_t step(struct carom_str s, size_t i, bool *gap_r, bool *broken_r)
{
    size_t end = skip_space(s, i, gap_r);

    if (end > i)
        return end;
    if ((s.ptr[i] == '(' || s.ptr[i] == '"') && !*broken_r) {
        end = skip_enclosed(s, i);
        *broken_r = end > s.len;
        *gap_r = s.ptr[i] == '(' && !*broken_r;
        return *broken_r ? i + 1 : end;
    }
    return i + 1;
}

static inline carom_many not_token(carom_many bytes)
{
    return (carom_many)((bytes == '\n') | (bytes == '\r') | (bytes == '('));
}

/* Of what is trimmed, and folded or has a comment. */
static __attribute__((noinline)) struct carom_str clear(struct carom_arena *arena, struct carom_str value)
{
    struct text text = {.room = value.len};
    bool gap = false, broken = false;

    if (carom_str_chr(value, '(') == SIZE_MAX)
        return unfold(arena, value);
    text.ptr = carom_arena_raw(arena, text.room);
    for (size_t i = 0, end; i < value.len; i = end) {
        end = step(value, i, &gap, &broken);
        if (!gap && !(carom_is_space(value.ptr[i]) && text.len > 0 && text.ptr[text.len - 1] == ' '))
            put(&text, unfold(arena, carom_str_n(value.ptr + i, end - i)));
        else if (gap && text.len > 0 && text.ptr[text.len - 1] != ' ')
            put(&text, CAROM_STR(" "));
    }
    return carom_str_trim(carom_str_n(text.ptr, text.len));
}

struct carom_str carom_header_token(struct carom_arena *arena, struct carom_str value)
{
    value = carom_str_trim(value);
    return carom_many_none(value, not_token) ? value : clear(arena, value);
}
