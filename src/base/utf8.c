/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* UTF-8 (RFC 3629) and just enough of Unicode to compare what servers write: simple case folding, white space, quotes.
   No normalisation forms, no locale: bounces of one server are spelled the same every time. */

#include "base/utf8.h"

#include "base/many.h"

static bool is_continuation(char c) { return ((unsigned char)c & 0xc0) == 0x80; }

size_t carom_utf8_decode(struct carom_str s, uint32_t *character_r)
{
    unsigned char first = (unsigned char)s.ptr[0];
    if (first < 0x80) {
        *character_r = first;
        return 1;
    }
    size_t n = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || s.len < n)
        return 0;
    uint32_t character = first & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if (!is_continuation(s.ptr[i]))
            return 0;
        character = character << 6 | ((unsigned char)s.ptr[i] & 0x3f);
    }
    /* Overlong forms, surrogates, beyond Unicode. */
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (character < least[n] || (character >= 0xd800 && character <= 0xdfff) || character > 0x10ffff)
        return 0;
    *character_r = character;
    return n;
}

size_t carom_utf8_encode(uint32_t character, char out[4])
{
    if (character < 0x80) {
        out[0] = (char)character;
        return 1;
    }
    size_t n = character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, character >>= 6)
        out[i] = (char)(0x80 | (character & 0x3f));
    out[0] = (char)((0xf00u >> n & 0xf0) | character);
    return n;
}

/* How many bytes at the start are ASCII, eight at a time. */
static size_t ascii_length(struct carom_str s)
{
    size_t at = 0;
    for (uint64_t word; at + sizeof(word) <= s.len; at += sizeof(word)) {
        memcpy(&word, s.ptr + at, sizeof(word));
        if (word & 0x8080808080808080u)
            break;
    }
    while (at < s.len && (unsigned char)s.ptr[at] < 0x80)
        at++;
    return at;
}

/* How many bytes at the start are valid. */
static size_t valid_length(struct carom_str s)
{
    size_t at = 0;
    while ((at += ascii_length(carom_str_from(s, at))) < s.len) {
        uint32_t character;
        size_t n = carom_utf8_decode(carom_str_from(s, at), &character);
        if (n == 0)
            break;
        at += n;
    }
    return at;
}

static inline carom_many as_it_is(carom_many bytes)
{
    return bytes;
}

bool carom_utf8_ascii(struct carom_str s)
{
    return !carom_many_any((carom_many)((carom_many_signed)carom_many_gather(s, as_it_is) < 0));
}

static inline carom_many not_shown(carom_many bytes)
{
    return (carom_many)(bytes - ' ' >= 0x7f - ' ');
}

bool carom_utf8_visible(struct carom_str s)
{
    return carom_many_none(s, not_shown);
}

static bool is_visible(struct carom_str s, size_t at)
{
    return at < s.len && s.ptr[at] > ' ' && s.ptr[at] < 0x7f;
}

/* What is not shown, and a space before another one. It looks at the byte behind them, too. */
static inline carom_many uneven(const char *at)
{
    carom_many bytes = carom_many_load(at);
    return not_shown(bytes) | (carom_many)((bytes == ' ') & (carom_many_load(at + 1) == ' '));
}

/* The last vector overlaps the one before it. */
bool carom_utf8_even(struct carom_str s)
{
    carom_many found = {0};
    if (!is_visible(s, 0) || !is_visible(s, s.len - 1))
        return false;
    if (s.len <= CAROM_MANY)
        return carom_utf8_visible(s) && carom_str_find(s, CAROM_STR("  ")) == SIZE_MAX;
    for (size_t i = 0; i + CAROM_MANY < s.len; i += CAROM_MANY)
        found |= uneven(s.ptr + i);
    return !carom_many_any(found | uneven(s.ptr + s.len - CAROM_MANY - 1));
}

bool carom_utf8_plain(struct carom_str s)
{
    return carom_utf8_ascii(s) && carom_str_chr(s, '\0') == SIZE_MAX;
}

bool carom_utf8_valid(struct carom_str s)
{
    return carom_utf8_ascii(s) || valid_length(s) == s.len;
}

static size_t count_bad(struct carom_str s)
{
    size_t bad = 0;
    if (carom_utf8_ascii(s)) /* nearly all are */
        return 0;
    for (size_t n; (n = valid_length(s)) < s.len; bad++)
        s = carom_str_from(s, n + 1);
    return bad;
}

struct carom_str carom_utf8_clean(struct carom_arena *arena, struct carom_str s)
{
    size_t bad = count_bad(s);
    if (bad == 0)
        return s;
    char *clean = carom_arena_array(arena, char, s.len + 2 * bad + 1);
    size_t used = 0;
    for (size_t n;; s = carom_str_from(s, n + 1)) {
        n = valid_length(s);
        memcpy(clean + used, s.ptr, n);
        used += n;
        if (n == s.len)
            return carom_str_n(clean, used);
        memcpy(clean + used, "\xef\xbf\xbd", 3);
        used += 3;
    }
}

/* Zero-width and joining characters, line separators, marks and isolates that reorder text, byte order mark, tags. */
static bool is_invisible(uint32_t c)
{
    return (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) ||
           c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe007f) || c == 0xad || c == 0x61c;
}

bool carom_utf8_printable(uint32_t character)
{
    return character >= 0x20 && (character < 0x7f || (character > 0x9f && !is_invisible(character)));
}

/* Unicode's simple case folding (CaseFolding.txt, C and S) of the scripts named in the header; a row holds for each
   step-th character from first to last. Left out: foldings that need more bytes in UTF-8 (three letters of African
   orthographies). Beyond it: capital I with dot is i, capital sharp s the small one. */
static const struct {
    uint16_t first, last;
    int16_t delta;
    uint16_t step;
} foldings[] = {
    {0x00b5, 0x00b5, 775, 1}, {0x00c0, 0x00d6, 32, 1}, {0x00d8, 0x00de, 32, 1}, {0x0100, 0x012e, 1, 2},
    {0x0130, 0x0130, -199, 1}, {0x0132, 0x0136, 1, 2}, {0x0139, 0x0147, 1, 2}, {0x014a, 0x0176, 1, 2},
    {0x0178, 0x0178, -121, 1}, {0x0179, 0x017d, 1, 2}, {0x017f, 0x017f, -268, 1}, {0x0181, 0x0181, 210, 1},
    {0x0182, 0x0184, 1, 2}, {0x0186, 0x0186, 206, 1}, {0x0187, 0x0187, 1, 1}, {0x0189, 0x018a, 205, 1},
    {0x018b, 0x018b, 1, 1}, {0x018e, 0x018e, 79, 1}, {0x018f, 0x018f, 202, 1}, {0x0190, 0x0190, 203, 1},
    {0x0191, 0x0191, 1, 1}, {0x0193, 0x0193, 205, 1}, {0x0194, 0x0194, 207, 1}, {0x0196, 0x0196, 211, 1},
    {0x0197, 0x0197, 209, 1}, {0x0198, 0x0198, 1, 1}, {0x019c, 0x019c, 211, 1}, {0x019d, 0x019d, 213, 1},
    {0x019f, 0x019f, 214, 1}, {0x01a0, 0x01a4, 1, 2}, {0x01a6, 0x01a6, 218, 1}, {0x01a7, 0x01a7, 1, 1},
    {0x01a9, 0x01a9, 218, 1}, {0x01ac, 0x01ac, 1, 1}, {0x01ae, 0x01ae, 218, 1}, {0x01af, 0x01af, 1, 1},
    {0x01b1, 0x01b2, 217, 1}, {0x01b3, 0x01b5, 1, 2}, {0x01b7, 0x01b7, 219, 1}, {0x01b8, 0x01b8, 1, 1},
    {0x01bc, 0x01bc, 1, 1}, {0x01c4, 0x01c4, 2, 1}, {0x01c5, 0x01c5, 1, 1}, {0x01c7, 0x01c7, 2, 1},
    {0x01c8, 0x01c8, 1, 1}, {0x01ca, 0x01ca, 2, 1}, {0x01cb, 0x01db, 1, 2}, {0x01de, 0x01ee, 1, 2},
    {0x01f1, 0x01f1, 2, 1}, {0x01f2, 0x01f4, 1, 2}, {0x01f6, 0x01f6, -97, 1}, {0x01f7, 0x01f7, -56, 1},
    {0x01f8, 0x021e, 1, 2}, {0x0220, 0x0220, -130, 1}, {0x0222, 0x0232, 1, 2}, {0x023b, 0x023b, 1, 1},
    {0x023d, 0x023d, -163, 1}, {0x0241, 0x0241, 1, 1}, {0x0243, 0x0243, -195, 1}, {0x0244, 0x0244, 69, 1},
    {0x0245, 0x0245, 71, 1}, {0x0246, 0x024e, 1, 2}, {0x0370, 0x0372, 1, 2}, {0x0376, 0x0376, 1, 1},
    {0x037f, 0x037f, 116, 1}, {0x0386, 0x0386, 38, 1}, {0x0388, 0x038a, 37, 1}, {0x038c, 0x038c, 64, 1},
    {0x038e, 0x038f, 63, 1}, {0x0391, 0x03a1, 32, 1}, {0x03a3, 0x03ab, 32, 1}, {0x03c2, 0x03c2, 1, 1},
    {0x03cf, 0x03cf, 8, 1}, {0x03d0, 0x03d0, -30, 1}, {0x03d1, 0x03d1, -25, 1}, {0x03d5, 0x03d5, -15, 1},
    {0x03d6, 0x03d6, -22, 1}, {0x03d8, 0x03ee, 1, 2}, {0x03f0, 0x03f0, -54, 1}, {0x03f1, 0x03f1, -48, 1},
    {0x03f4, 0x03f4, -60, 1}, {0x03f5, 0x03f5, -64, 1}, {0x03f7, 0x03f7, 1, 1}, {0x03f9, 0x03f9, -7, 1},
    {0x03fa, 0x03fa, 1, 1}, {0x03fd, 0x03ff, -130, 1}, {0x0400, 0x040f, 80, 1}, {0x0410, 0x042f, 32, 1},
    {0x0460, 0x0480, 1, 2}, {0x048a, 0x04be, 1, 2}, {0x04c0, 0x04c0, 15, 1}, {0x04c1, 0x04cd, 1, 2},
    {0x04d0, 0x052e, 1, 2}, {0x0531, 0x0556, 48, 1}, {0x1e00, 0x1e94, 1, 2}, {0x1e9b, 0x1e9b, -58, 1},
    {0x1e9e, 0x1e9e, -7615, 1}, {0x1ea0, 0x1efe, 1, 2}, {0x2126, 0x2126, -7517, 1}, {0x212a, 0x212a, -8383, 1},
    {0x212b, 0x212b, -8262, 1}, {0xff21, 0xff3a, 32, 1},
};

uint32_t carom_utf8_fold(uint32_t character)
{
    if (character < 0x80)
        return (unsigned char)carom_lower((char)character);
    size_t low = 0, high = sizeof(foldings) / sizeof(foldings[0]);
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (character > foldings[middle].last)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == sizeof(foldings) / sizeof(foldings[0]) || character < foldings[low].first ||
        (character - foldings[low].first) % foldings[low].step != 0)
        return character;
    return (uint32_t)((int32_t)character + foldings[low].delta);
}

static bool is_white(uint32_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

/* ' and " for what word processors make of them, 0 for the rest. Low and angle quotes are those of German, French and
   Russian texts. */
static char plain_quote(uint32_t c)
{
    if ((c >= 0x2018 && c <= 0x201b) || c == 0x2032)
        return '\'';
    return (c >= 0x201c && c <= 0x201f) || c == 0x2033 || c == 0xab || c == 0xbb ? '"' : '\0';
}

/* The text under construction. Neither side gets longer than what was read, but for bad bytes. */
struct pair {
    char *shown, *folded;
    size_t len;
    bool space; /* white space since the last character: written only when another one follows */
};

static void pair_add_ascii(struct pair *pair, char c)
{
    pair->shown[pair->len] = c;
    pair->folded[pair->len++] = carom_lower(c);
}

static void pair_add(struct pair *pair, uint32_t character)
{
    char shown[4], folded[4];
    size_t n = carom_utf8_encode(character, shown);
    size_t m = carom_utf8_encode(carom_utf8_fold(character), folded);
    /* The Kelvin sign and a few more fold to something shorter: it is then shown folded, to keep the offsets equal. */
    memcpy(pair->shown + pair->len, n == m ? shown : folded, m);
    memcpy(pair->folded + pair->len, folded, m);
    pair->len += m;
}

static void pair_add_character(struct pair *pair, uint32_t character)
{
    if (is_white(character)) {
        pair->space = true;
        return;
    }
    if (character == 0 || (character > 0x7f && is_invisible(character)))
        return;
    if (pair->space && pair->len > 0)
        pair_add_ascii(pair, ' ');
    pair->space = false;
    char quote = character < 0x80 ? (char)character : plain_quote(character);
    if (quote)
        pair_add_ascii(pair, quote);
    else
        pair_add(pair, character);
}

static inline carom_many not_visible(carom_many bytes)
{
    return (carom_many)(bytes - '!' >= 0x7f - '!');
}

/* How many of the many bytes at `at` are visible ASCII, or a space before it. It looks at the one behind them, too. */
static size_t words_length(const char *at)
{
    carom_many bytes = carom_many_load(at), space = (carom_many)(bytes == ' ');
    return carom_many_first(not_visible(bytes) & ~(space & ~not_visible(carom_many_load(at + 1))));
}

static void fold_many(char *out, const char *at)
{
    carom_many bytes = carom_many_load(at);
    bytes |= (carom_many)(bytes - 'A' <= 'Z' - 'A') & 0x20;
    memcpy(out, &bytes, CAROM_MANY);
}

/* Nearly all text is words in ASCII with one space between: takes them off *s. Many bytes are written where more are
   left to be read, so that there is room for them; what counts of them is known then. */
static void pair_add_words(struct pair *pair, struct carom_str *s)
{
    char *shown = pair->shown + pair->len, *folded = pair->folded + pair->len;
    size_t n = 0, words = is_visible(*s, 0) ? CAROM_MANY : 0;
    for (; words == CAROM_MANY && s->len - n > CAROM_MANY; n += words) {
        words = words_length(s->ptr + n);
        memcpy(shown + n, s->ptr + n, CAROM_MANY);
        fold_many(folded + n, s->ptr + n);
    }
    while (is_visible(*s, n) || (n > 0 && n < s->len && s->ptr[n] == ' ' && is_visible(*s, n + 1))) {
        shown[n] = s->ptr[n];
        folded[n] = carom_lower(s->ptr[n]);
        n++;
    }
    pair->len += n;
    *s = carom_str_n(s->ptr + n, s->len - n);
}

/* Of what is even. The last vector overlaps the one before it. */
static struct carom_str fold_even(struct carom_arena *arena, struct carom_str s)
{
    if (s.len < CAROM_MANY)
        return carom_arena_lower(arena, s);
    char *out = carom_arena_raw(arena, s.len);
    for (size_t i = 0; i + CAROM_MANY < s.len; i += CAROM_MANY)
        fold_many(out + i, s.ptr + i);
    fold_many(out + s.len - CAROM_MANY, s.ptr + s.len - CAROM_MANY);
    return carom_str_n(out, s.len);
}

static __attribute__((noinline)) struct carom_utf8_text normalise_uneven(struct carom_arena *arena, struct carom_str s)
{
    size_t most = s.len + 2 * count_bad(s);
    struct pair pair = {.shown = carom_arena_raw(arena, most + 1), .folded = carom_arena_raw(arena, most + 1)};
    while (s.len > 0) {
        uint32_t character;
        size_t n = carom_utf8_decode(s, &character);
        pair_add_character(&pair, n ? character : 0xfffd);
        s = carom_str_from(s, n ? n : 1);
        if (!pair.space)
            pair_add_words(&pair, &s);
    }
    return (struct carom_utf8_text){carom_str_n(pair.shown, pair.len), carom_str_n(pair.folded, pair.len)};
}

struct carom_utf8_text carom_utf8_normalise(struct carom_arena *arena, struct carom_str s)
{
    return carom_utf8_even(s) ? (struct carom_utf8_text){s, fold_even(arena, s)} : normalise_uneven(arena, s);
}

bool carom_utf8_match(struct carom_arena *arena, struct carom_str text, struct carom_str pattern)
{
    struct carom_str rest = carom_utf8_normalise(arena, text).folded;
    struct carom_str pieces = carom_utf8_normalise(arena, pattern).folded;
    while (pieces.len > 0) {
        size_t star = carom_str_chr(pieces, '*');
        struct carom_str piece = carom_str_head(pieces, star);
        size_t at = carom_str_find(rest, piece);
        if (at == SIZE_MAX)
            return false;
        rest = carom_str_from(rest, at + piece.len);
        pieces = carom_str_from(pieces, star == SIZE_MAX ? star : star + 1);
    }
    return true;
}
