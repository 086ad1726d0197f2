/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Parameters of Content-Type and its like (RFC 2045 5.1, RFC 2231), and of what mailers make of them: unquoted values
   with spaces, missing semicolons, quotes that are never closed. It knows no parameter by name. */

#include "base/many.h"
#include "mail/chars.h"
#include "mail/charset.h"
#include "mail/header.h"

enum { PIECES_MAX = 100 }; /* RFC 2231 continuations; the RFC sets no limit, mailers need about five */

/* One parameter as written. */
struct param {
    struct carom_str name;  /* without the star and number */
    struct carom_str value; /* without the quotes around it */
    bool quoted, extended;  /* "…", name*=… */
    size_t piece;           /* of name*N; SIZE_MAX: not continued */
};

static size_t skip_name(struct carom_str s, size_t i)
{
    return carom_chars_end(s, i, CAROM_CHAR_PARAM);
}

static size_t skip_space(struct carom_str s, size_t i)
{
    return carom_chars_end(s, i, CAROM_CHAR_SPACE);
}

/* Does "name =" stand at s[i]? Then a semicolon before it was forgotten. */
static bool param_begins(struct carom_str s, size_t i)
{
    size_t end = skip_name(s, i);

    return end > i && end < s.len && s.ptr[end] == '=';
}

/* Is s[i] behind a backslash that is not itself behind one? What begins at `start` is quoted. */
static bool is_escaped(struct carom_str s, size_t start, size_t i)
{
    size_t from = i;

    while (from > start && s.ptr[from - 1] == '\\')
        from--;
    return (i - from) % 2 == 1;
}

/* Offset of the quote that ends the string whose content starts at s[i]. Without one, the next semicolon ends it. */
static size_t quoted_end(struct carom_str s, size_t i)
{
    size_t semicolon;

    for (size_t at = i, next; (next = carom_str_chr(carom_str_from(s, at), '"')) != SIZE_MAX; at += next + 1)
        if (!is_escaped(s, i, at + next))
            return at + next;
    semicolon = carom_str_chr(carom_str_from(s, i), ';');
    return semicolon == SIZE_MAX ? s.len : i + semicolon;
}

/* The same of a bare value: a semicolon, a comment, the next parameter. A boundary may have spaces in it. */
static size_t bare_end(struct carom_str s, size_t i)
{
    for (; i < s.len && s.ptr[i] != ';'; i++) {
        if (carom_is_space(s.ptr[i])) {
            size_t next = skip_space(s, i);

            if (next == s.len || s.ptr[next] == '(' || param_begins(s, next))
                return i;
            i = next - 1;
        }
    }
    return i;
}

/* Cuts "*", "*3", "*3*" off the name. */
static void read_stars(struct param *param)
{
    struct carom_str suffix;
    size_t star = carom_str_chr(param->name, '*');

    param->piece = SIZE_MAX;
    param->extended = false;
    if (star == SIZE_MAX)
        return;
    suffix = carom_str_from(param->name, star + 1);
    param->name = carom_str_head(param->name, star);
    param->extended = suffix.len == 0 || suffix.ptr[suffix.len - 1] == '*';
    if (suffix.len > 0) {
        int64_t piece = carom_str_number(carom_str_head(suffix, suffix.len - (size_t)param->extended));

        param->piece = piece < 0 || piece >= PIECES_MAX ? PIECES_MAX : (size_t)piece;
    }
}

/* Takes the next parameter from *at on; what has no '=' (the type, stray words) is passed over. */
static bool next_param(struct carom_str s, size_t *at, struct param *param_r)
{
    size_t i = *at, start, end;

    for (;;) {
        while (i < s.len && !carom_char_is(CAROM_CHAR_PARAM, s.ptr[i]))
            i++;
        start = i;
        end = skip_name(s, start);
        i = skip_space(s, end);
        if (i == s.len)
            return false;
        if (s.ptr[i] == '=')
            break;
    }
    param_r->name = carom_str_n(s.ptr + start, end - start);
    read_stars(param_r);
    i = skip_space(s, i + 1);
    param_r->quoted = i < s.len && s.ptr[i] == '"';
    if (param_r->quoted)
        i++;
    end = param_r->quoted ? quoted_end(s, i) : bare_end(s, i);
    param_r->value = carom_str_trim(carom_str_n(s.ptr + i, end - i));
    *at = end + (end < s.len && s.ptr[end] == '"');
    return true;
}

static int hex_digit(char c)
{
    if (carom_is_digit(c))
        return c - '0';
    c = carom_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent decoding of an extended value. */
static size_t put_percent(char *out, struct carom_str s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++) {
        int high = s.ptr[i] == '%' && i + 2 < s.len ? hex_digit(s.ptr[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(s.ptr[i + 2]) : -1;

        if (low >= 0) {
            out[n++] = (char)(unsigned char)(high * 16 + low);
            i += 2;
        } else {
            out[n++] = s.ptr[i];
        }
    }
    return n;
}

/* A value without quoting and folding; a fold in the middle is one space, as it was before it was folded. */
static size_t put_plain(char *out, struct carom_str s, bool quoted)
{
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '\r' || s.ptr[i] == '\n') {
            while (n > 0 && carom_is_space(out[n - 1]))
                n--;
            i = skip_space(s, i) - 1;
            out[n++] = ' ';
        } else {
            if (quoted && s.ptr[i] == '\\' && i + 1 < s.len && (s.ptr[i + 1] == '"' || s.ptr[i + 1] == '\\'))
                i++;
            out[n++] = s.ptr[i];
        }
    }
    return n;
}

/* What put_plain may change. */
static inline carom_many not_plain(carom_many bytes)
{
    return (carom_many)((bytes == '\r') | (bytes == '\n') | (bytes == '\\'));
}

/* The wanted parameter, gathered from all of the value: plain, and in pieces. */
struct found {
    struct param plain;
    struct param pieces[PIECES_MAX];
    bool has_plain, has[PIECES_MAX];
    size_t room;
};

/* Where to begin to read when the name may stand at s[at] and not before: behind the semicolon that is before it, which
   ends all but a quoted value. */
static size_t last_start(struct carom_str s, size_t at)
{
    while (at > 0 && carom_is_space(s.ptr[at - 1]))
        at--;
    return at > 0 && s.ptr[at - 1] == ';' && carom_str_chr(carom_str_head(s, at), '"') == SIZE_MAX ? at : 0;
}

/* Reads from value[at] on; behind a plain one only if there may be pieces. */
static void gather(struct found *found, struct carom_str value, size_t at, struct carom_str name)
{
    struct param param;

    found->has_plain = false;
    found->room = 0;
    memset(found->has, 0, sizeof(found->has));
    while (next_param(value, &at, &param)) {
        size_t piece = param.piece == SIZE_MAX && param.extended ? 0 : param.piece;

        if (!carom_str_ieq(param.name, name))
            continue;
        found->room += param.value.len;
        if (piece == SIZE_MAX && !found->has_plain) {
            found->plain = param;
            found->has_plain = true;
            if (carom_str_chr(carom_str_from(value, at), '*') == SIZE_MAX)
                return;
        } else if (piece < PIECES_MAX && !found->has[piece]) {
            found->pieces[piece] = param;
            found->has[piece] = true;
        }
    }
}

/* charset'language'text (RFC 2231 4): takes the charset off *value. */
static struct carom_str take_charset(struct carom_str *value)
{
    size_t first = carom_str_chr(*value, '\'');
    struct carom_str rest = carom_str_from(*value, first == SIZE_MAX ? value->len : first + 1), charset;
    size_t second = carom_str_chr(rest, '\'');

    if (first == SIZE_MAX || second == SIZE_MAX)
        return CAROM_STR_EMPTY;
    charset = carom_str_head(*value, first);
    *value = carom_str_from(rest, second + 1);
    return charset;
}

struct carom_str carom_header_param_bytes(struct carom_arena *arena, struct carom_str value, const char *name,
                                          struct carom_str *charset_r)
{
    struct found found;
    size_t n = 0, at = carom_str_ifind(value, carom_str(name));
    char *out;

    *charset_r = CAROM_STR_EMPTY;
    if (at == SIZE_MAX)
        return CAROM_STR_EMPTY;
    gather(&found, value, last_start(value, at), carom_str(name));
    if (!found.has[0] && !found.has_plain)
        return CAROM_STR_EMPTY;
    if (!found.has[0] && carom_many_none(found.plain.value, not_plain))
        return found.plain.value;
    out = carom_arena_raw(arena, found.room);
    if (!found.has[0])
        return carom_str_n(out, put_plain(out, found.plain.value, found.plain.quoted));
    for (size_t i = 0; i < PIECES_MAX && found.has[i]; i++) {
        struct param *piece = &found.pieces[i];

        if (i == 0 && piece->extended)
            *charset_r = take_charset(&piece->value);
        n += piece->extended ? put_percent(out + n, piece->value) : put_plain(out + n, piece->value, piece->quoted);
    }
    return carom_str_n(out, n);
}

struct carom_str carom_header_param(struct carom_arena *arena, struct carom_str value, const char *name)
{
    struct carom_str charset, bytes = carom_header_param_bytes(arena, value, name, &charset);

    if (charset.len > 0)
        return carom_charset_to_utf8(arena, charset, bytes, bytes.len * 3);
    return carom_header_text(arena, bytes); /* names of files are often encoded words, though RFC 2047 5 forbids it */
}
