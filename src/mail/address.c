/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Addresses out of header fields and out of sentences. Strict grammars reject half of what reports quote, so the '@' is
   taken for the fixed point, and what may belong to it on both sides is gathered. It does not judge whether an
   address exists, nor which field it came from. */

#include "mail/address.h"

#include "base/many.h"
#include "base/utf8.h"
#include "mail/chars.h"
#include "mail/charset.h"
#include "mail/header.h"
#include "mail/punycode.h"

enum { ENCLOSED_MAX = 1000 }; /* a quoted string or comment longer than a line may be is none: keeps the scan linear */
enum {
    PLAIN_MIN = CAROM_MANY / 2, /* bytes of an address that is looked at as a whole */
    PLAIN_MAX = 63              /* in which no label can be too long */
};

/* ---- Characters ---- */

static bool high(char c)
{
    return (unsigned char)c >= 0x80;
}

/* Spaces, quotation marks and punctuation beyond ASCII stand around addresses, not in them. */
static bool is_punctuation(uint32_t c)
{
    return (c >= 0x80 && c <= 0xbf && c != 0xaa && c != 0xb5 && c != 0xba) || (c >= 0x2000 && c <= 0x206f) ||
           (c >= 0x3000 && c <= 0x303f && c != 0x3005 && c != 0x3007) || (c >= 0xff00 && c <= 0xff0f) ||
           (c >= 0xff1a && c <= 0xff20) || (c >= 0xff3b && c <= 0xff40) || (c >= 0xff5b && c <= 0xff65);
}

/* Scripts that are written without spaces: in running text an ASCII address ends where they begin. */
static bool is_wide(uint32_t c)
{
    return c >= 0x2e80;
}

static size_t skip_space(struct carom_str s, size_t i)
{
    while (i < s.len && carom_is_space(s.ptr[i]))
        i++;
    return i;
}

/* Offset behind the quoted string or comment at s[i], or i when it does not end (soon). */
static size_t skip_enclosed(struct carom_str s, size_t i)
{
    char open = s.ptr[i], close = open == '(' ? ')' : open;
    size_t depth = 1;

    for (size_t k = i + 1; k < s.len && k - i < ENCLOSED_MAX; k++) {
        if (s.ptr[k] == '\\')
            k++;
        else if (s.ptr[k] == close && --depth == 0)
            return k + 1;
        else if (s.ptr[k] == '(' && open == '(')
            depth++;
    }
    return i;
}

/* ---- From the '@' outwards ---- */

/* One character beyond ASCII that ends before s[i]: its length, 0 if it does not belong. Bytes that are no UTF-8 are
   taken for letters; they are converted at the end. */
static size_t high_before(struct carom_str s, size_t floor, size_t i, bool stop_wide)
{
    size_t start = i - 1;
    uint32_t character;

    while (start > floor && i - start < 4 && ((unsigned char)s.ptr[start] & 0xc0) == 0x80)
        start--;
    if (carom_utf8_decode(carom_str_n(s.ptr + start, i - start), &character) != i - start)
        return 1;
    return is_punctuation(character) || (stop_wide && is_wide(character)) ? 0 : i - start;
}

/* Where the local part that ends at s[end] begins; end when there is none. */
static size_t local_start(struct carom_str s, size_t floor, size_t end, bool text)
{
    size_t i = end;

    if (end > floor && s.ptr[end - 1] == '"') {
        for (i = end - 1; i-- > floor && end - i < ENCLOSED_MAX && s.ptr[i] != '\n';)
            if (s.ptr[i] == '"' && !(i > floor && s.ptr[i - 1] == '\\'))
                return i;
        return end;
    }
    while (i > floor) {
        bool ascii = i < end && !high(s.ptr[end - 1]);
        size_t length = high(s.ptr[i - 1]) ? high_before(s, floor, i, text && ascii)
                                           : carom_char_is(CAROM_CHAR_LOCAL, s.ptr[i - 1]) > 0;

        if (length == 0)
            break;
        i -= length;
    }
    while (i < end && s.ptr[i] && strchr(text ? "'`*{|=?&.!^" : "`", s.ptr[i]))
        i++; /* put around or before addresses in text; "lists=" and the like are the reader's business */
    return i;
}

static size_t literal_end(struct carom_str s, size_t i)
{
    size_t end = i + 1;

    while (end < s.len && end - i < 64 && s.ptr[end] > ' ' && s.ptr[end] != ']' && s.ptr[end] != '[')
        end++;
    return end < s.len && s.ptr[end] == ']' && end > i + 1 ? end + 1 : i;
}

/* Where the domain that begins at s[start] ends; start when there is none. A dot or hyphen at its end is the
   sentence's. */
static size_t domain_end(struct carom_str s, size_t start, bool text)
{
    size_t i = start, length;

    if (start < s.len && s.ptr[start] == '[')
        return literal_end(s, start);
    for (; i < s.len; i += length) {
        uint32_t character;

        length = carom_char_is(CAROM_CHAR_DOMAIN, s.ptr[i]) > 0;
        if (high(s.ptr[i])) {
            length = carom_utf8_decode(carom_str_from(s, i), &character);
            if (length == 0 || is_punctuation(character) ||
                (text && is_wide(character) && i > start && !high(s.ptr[start])))
                break;
        }
        if (length == 0)
            break;
    }
    while (i > start && strchr("-_.", s.ptr[i - 1]))
        i--;
    return i > start && s.ptr[start] == '.' ? start : i;
}

/* An address found: its two halves, which may be apart ("user(comment)@example.com"), and where it ends. */
struct found {
    struct carom_str local, domain;
    size_t end;
};

static bool around(struct carom_str s, size_t floor, size_t local, size_t domain, bool text, struct found *found_r)
{
    size_t start = local_start(s, floor, local, text), end = domain_end(s, domain, text);

    if (start == local || end == domain)
        return false;
    if (end < s.len && s.ptr[end] == '\'' && s.ptr[start] == '\'' && start + 1 < local)
        start++; /* 'user@example.com' */
    found_r->local = carom_str_n(s.ptr + start, local - start);
    found_r->domain = carom_str_n(s.ptr + domain, end - domain);
    found_r->end = end;
    return true;
}

/* ---- The address as it is handed out ---- */

static bool is_quoted(struct carom_str local)
{
    return local.len >= 2 && local.ptr[0] == '"' && local.ptr[local.len - 1] == '"';
}

/* All but CAROM_CHAR_LOCAL and what is beyond ASCII: few enough to be compared with, sixteen bytes at once. */
static inline carom_many not_local(carom_many bytes)
{
    return (carom_many)((bytes <= ' ') | (bytes == '"') | ((bytes & 0xfe) == '(') | (bytes == ',') |
                        (bytes - ':' <= '<' - ':') | (bytes == '>') | (bytes == '@') | (bytes - '[' <= ']' - '[') |
                        (bytes == 0x7f));
}

static bool needs_quotes(struct carom_str local)
{
    return local.len == 0 || !carom_many_none(local, not_local);
}

/* Quoted strings without the quotes and backslashes. */
static struct carom_str unquote(struct carom_arena *arena, struct carom_str s)
{
    char *out = carom_arena_raw(arena, s.len);
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '"')
            continue;
        if (s.ptr[i] == '\\' && i + 1 < s.len)
            i++;
        out[n++] = s.ptr[i];
    }
    return carom_str_n(out, n);
}

/* The local part, quoted if and only if it must be. */
static struct carom_str plain_local(struct carom_arena *arena, struct carom_str local)
{
    char *out;
    size_t n = 0;

    if (is_quoted(local))
        local = unquote(arena, local);
    if (!needs_quotes(local))
        return local;
    out = carom_arena_raw(arena, local.len * 2 + 2);
    out[n++] = '"';
    for (size_t i = 0; i < local.len; i++) {
        if (local.ptr[i] == '"' || local.ptr[i] == '\\')
            out[n++] = '\\';
        out[n++] = (unsigned char)local.ptr[i] < ' ' ? ' ' : local.ptr[i];
    }
    out[n++] = '"';
    return carom_str_n(out, n);
}

static inline carom_many capital(carom_many bytes)
{
    return (carom_many)((bytes >= 'A') & (bytes <= 'Z'));
}

static struct carom_str lower(struct carom_arena *arena, struct carom_str s)
{
    return carom_many_none(s, capital) ? s : carom_arena_lower(arena, s);
}

/* Joined in the arena only when it must be: most addresses are given out where they stand. */
static struct carom_str join(struct carom_arena *arena, struct carom_str local, struct carom_str domain)
{
    if (local.ptr + local.len + 1 == domain.ptr && local.ptr[local.len] == '@')
        return carom_str_n(local.ptr, local.len + 1 + domain.len);
    return carom_arena_join(arena, local, '@', domain);
}

static struct carom_str make(struct carom_arena *arena, const struct found *found)
{
    struct carom_str local = found->local, domain = lower(arena, found->domain), addr;

    if (is_quoted(local) || needs_quotes(local))
        local = plain_local(arena, local);
    if (local.len == 0 || carom_str_eq(local, CAROM_STR("\"\"")))
        return CAROM_STR_EMPTY;
    addr = join(arena, local, domain);
    return carom_charset_to_utf8(arena, CAROM_STR_EMPTY, addr, addr.len * 3);
}

/* ---- Lists of addresses ---- */

static size_t count(struct carom_str s, char c)
{
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++)
        n += s.ptr[i] == c;
    return n;
}

/* RFC 5322 4.4 allows white space around the dots and the '@'. */
static struct carom_str close_gaps(struct carom_arena *arena, struct carom_str s)
{
    char *out = carom_arena_raw(arena, s.len);
    size_t n = 0;

    for (size_t i = 0; i < s.len;) {
        size_t end = skip_space(s, i);
        bool gap = end > i && n > 0 && end < s.len && !strchr(".@", out[n - 1]) && !strchr(".@", s.ptr[end]);

        if (gap)
            out[n++] = ' ';
        if (end < s.len)
            out[n++] = s.ptr[end];
        i = end + 1;
    }
    return carom_str_n(out, n);
}

/* The content of <…>. A source route (RFC 5321 appendix C) goes; "mailto:" is Exchange's HTML made text. */
static struct carom_str read_angle(struct carom_arena *arena, struct carom_str s)
{
    struct found found;
    size_t at;

    s = carom_header_token(arena, s);
    if (carom_str_istarts(s, CAROM_STR("mailto:")))
        s = carom_str_from(s, 7);
    if (s.len > 0 && s.ptr[0] == '@')
        s = carom_str_from(s, carom_str_chr(s, ':') == SIZE_MAX ? s.len : carom_str_chr(s, ':') + 1);
    if (s.len > 0 && s.ptr[0] != '"') {
        if (carom_str_chr(s, ' ') != SIZE_MAX || carom_str_chr(s, '\t') != SIZE_MAX)
            s = close_gaps(arena, s);
        if (count(s, '@') > 1)
            return carom_address_find(arena, s);
    }
    at = carom_str_rchr(s, '@');
    if (at == SIZE_MAX || at == 0)
        return CAROM_STR_EMPTY;
    found.end = domain_end(s, at + 1, false);
    found.local = carom_str_trim(carom_str_head(s, at));
    found.domain = carom_str_n(s.ptr + at + 1, found.end - at - 1);
    if (found.domain.len == 0 || found.local.len == 0)
        return CAROM_STR_EMPTY;
    if (found.local.ptr[0] == '\'' && found.end < s.len && s.ptr[found.end] == '\'')
        found.local = carom_str_from(found.local, 1);
    return make(arena, &found);
}

/* The scan through a list. Everything since `start` belongs to the mailbox that is being read. */
struct list {
    struct carom_arena *arena;
    struct carom_str text;
    size_t at, start;
    struct carom_str comment;                 /* the last one, without its parentheses */
    size_t comment_start, comment_end;
    size_t quoted_start, quoted_end;          /* the last quoted string */
    struct carom_str addr, phrase;
};

static void begin_mailbox(struct list *list, size_t at)
{
    list->at = list->start = at;
    list->comment = CAROM_STR_EMPTY;
    list->comment_end = list->quoted_end = 0;
}

static void read_comment(struct list *list)
{
    size_t start = list->at, end = skip_enclosed(list->text, start);

    if (end == start) {
        list->at++;
        return;
    }
    list->comment = carom_str_n(list->text.ptr + start + 1, end - start - 2);
    list->comment_start = start;
    list->comment_end = list->at = end;
}

/* Comments behind an address are its: "user@example.com (Real Name)". */
static void read_trailing_comments(struct list *list)
{
    for (;;) {
        size_t i = skip_space(list->text, list->at);

        if (i == list->text.len || list->text.ptr[i] != '(' || skip_enclosed(list->text, i) == i)
            return;
        list->at = i;
        read_comment(list);
    }
}

/* At '@'. A word with '@' that is followed by '<' is a display name. */
static bool read_word(struct list *list)
{
    struct carom_str text = list->text;
    size_t at = list->at, local = at, domain = at + 1, next;
    struct found found;

    if (list->comment_end == at && at > 0)
        local = list->comment_start;
    if (domain < text.len && text.ptr[domain] == '(')
        domain = skip_enclosed(text, domain);
    if (!around(text, list->start, local, domain, false, &found)) {
        list->at++;
        return false;
    }
    next = skip_space(text, found.end);
    list->at = found.end;
    if (next < text.len && text.ptr[next] == '<')
        return false;
    list->addr = make(list->arena, &found);
    list->phrase = CAROM_STR_EMPTY;
    read_trailing_comments(list);
    return list->addr.len > 0;
}

/* A bit for each of the bytes: what nearly all local parts are made of, and CAROM_CHAR_SMALL. */
struct kinds {
    uint64_t local, small;
};

static inline struct kinds kinds_of(carom_many bytes)
{
    carom_many small = (carom_many)(bytes - 'a' <= 'z' - 'a'), letter = (carom_many)((bytes | 0x20) - 'a' <= 'z' - 'a');
    carom_many from_hyphen = (carom_many)((bytes - '-' <= '9' - '-')), line = (carom_many)(bytes == '_');

    return (struct kinds){
        carom_many_mask(letter | from_hyphen | line | (carom_many)((bytes == '+') | (bytes == '='))),
        carom_many_mask(small | (from_hyphen & (carom_many)(bytes != '/')) | line),
    };
}

/* Of PLAIN_MIN to PLAIN_MAX bytes. The last ones overlap those before; of less than many, both halves do. */
static inline struct kinds read_kinds(struct carom_str s)
{
    size_t last = s.len < CAROM_MANY ? 0 : s.len - CAROM_MANY;
    struct kinds all = {0, 0}, kinds;

    if (s.len < CAROM_MANY) {
        kinds = kinds_of(carom_many_load_few(s.ptr, s.len));
        return (struct kinds){(kinds.local & UINT8_MAX) | kinds.local >> PLAIN_MIN << (s.len - PLAIN_MIN),
                              (kinds.small & UINT8_MAX) | kinds.small >> PLAIN_MIN << (s.len - PLAIN_MIN)};
    }
    for (size_t i = 0;; i = i + CAROM_MANY < last ? i + CAROM_MANY : last) {
        kinds = kinds_of(carom_many_load(s.ptr + i));
        all.local |= kinds.local << i;
        all.small |= kinds.small << i;
        if (i == last)
            return all;
    }
}

/* Nearly all values are nothing but local@domain, bare or in brackets: it is then handed out as it stands. */
static struct carom_str plain_address(struct carom_str s)
{
    struct kinds kinds;
    size_t at;

    if (s.len > 2 && s.ptr[0] == '<' && s.ptr[s.len - 1] == '>')
        s = carom_str_n(s.ptr + 1, s.len - 2);
    if (s.len < PLAIN_MIN || s.len > PLAIN_MAX)
        return CAROM_STR_EMPTY;
    kinds = read_kinds(s);
    at = carom_many_lowest(~kinds.local);
    if (at == 0 || at + 1 >= s.len || s.ptr[at] != '@' || s.ptr[at + 1] == '.' ||
        carom_many_lowest(~kinds.small >> at >> 1) < s.len - at - 1)
        return CAROM_STR_EMPTY;
    return carom_is_alpha(s.ptr[s.len - 1]) || carom_is_digit(s.ptr[s.len - 1]) ? s : CAROM_STR_EMPTY;
}

/* At '<'. One that never ends, ends at white space or a comma. */
static bool read_bracketed(struct list *list)
{
    struct carom_str text = list->text;
    size_t start = list->at + 1, end = start, close = carom_str_chr(carom_str_from(text, start), '>');

    list->phrase = carom_str_n(text.ptr + list->start, list->at - list->start);
    if (close != SIZE_MAX && (list->addr = plain_address(carom_str_n(text.ptr + start, close))).len > 0) {
        list->at = start + close + 1;
        read_trailing_comments(list);
        return true;
    }
    while (end < text.len && text.ptr[end] != '>' && text.ptr[end] != '<' && end - start < ENCLOSED_MAX) {
        size_t skipped = text.ptr[end] == '"' ? skip_enclosed(text, end) : end;

        end = skipped > end ? skipped : end + 1;
    }
    if (end >= text.len || text.ptr[end] != '>')
        for (end = start; end < text.len && !carom_is_space(text.ptr[end]) && !strchr(",;<", text.ptr[end]);)
            end++;
    list->addr = read_angle(list->arena, carom_str_n(text.ptr + start, end - start));
    list->at = end + (end < text.len && text.ptr[end] == '>');
    if (list->addr.len == 0) {
        begin_mailbox(list, list->at);
        return false;
    }
    read_trailing_comments(list);
    return true;
}

/* At a separator or the end. "user@example.com": in quotes and nothing else is an address after all (GMX, 1&1). */
static bool end_mailbox(struct list *list)
{
    struct carom_str all = carom_str_trim(carom_str_n(list->text.ptr + list->start, list->at - list->start));

    list->phrase = CAROM_STR_EMPTY;
    list->addr = CAROM_STR_EMPTY;
    if (list->quoted_end > 0 && all.len == list->quoted_end - list->quoted_start && all.len > 2)
        list->addr = carom_address_find(list->arena, carom_str_n(all.ptr + 1, all.len - 2));
    if (list->addr.len == 0)
        begin_mailbox(list, list->at + (list->at < list->text.len));
    return list->addr.len > 0;
}

static void read_quoted(struct list *list)
{
    size_t end = skip_enclosed(list->text, list->at);

    if (end == list->at) {
        list->at++;
        return;
    }
    list->quoted_start = list->at;
    list->quoted_end = list->at = end;
}

/* One step; true: list->addr has been found. A colon ends the name of a group, or "mailto", or a caption. */
static bool step(struct list *list)
{
    switch (list->text.ptr[list->at]) {
    case '"': read_quoted(list); return false;
    case '(': read_comment(list); return false;
    case '@': return read_word(list);
    case '<': return read_bracketed(list);
    case ',': case ';': case ':': return end_mailbox(list);
    case '\\': list->at += list->at + 1 < list->text.len ? 2 : 1; return false;
    default:
        while (list->at < list->text.len && !carom_char_is(CAROM_CHAR_SIGN, list->text.ptr[list->at]))
            list->at++;
        return false;
    }
}

static struct carom_str read_name(struct list *list)
{
    struct carom_str name = carom_header_token(list->arena, list->phrase);

    if (name.len == 0)
        name = list->comment;
    if (carom_str_chr(name, '"') != SIZE_MAX || carom_str_chr(name, '\\') != SIZE_MAX)
        name = unquote(list->arena, name);
    return carom_header_text(list->arena, name);
}

static bool read_next(struct carom_arena *arena, struct carom_str *rest, struct carom_str *addr_r, struct carom_str *name_r)
{
    struct list list = {.arena = arena, .text = *rest, .addr = CAROM_STR_EMPTY, .phrase = CAROM_STR_EMPTY};
    bool found = false;

    begin_mailbox(&list, 0);
    while (!found && list.at < list.text.len)
        found = step(&list);
    if (!found)
        found = end_mailbox(&list);
    *rest = carom_str_from(list.text, list.at);
    if (found)
        *addr_r = list.addr;
    if (found && name_r)
        *name_r = read_name(&list);
    return found;
}

bool carom_address_next(struct carom_arena *arena, struct carom_str *rest, struct carom_str *addr_r,
                        struct carom_str *name_r)
{
    struct carom_str plain = plain_address(*rest);

    *addr_r = plain;
    if (name_r)
        *name_r = CAROM_STR_EMPTY;
    if (plain.len == 0 && rest->len > 0)
        return read_next(arena, rest, addr_r, name_r);
    *rest = carom_str_from(*rest, rest->len);
    return plain.len > 0;
}

/* CAROM_CHAR_SIGN. */
static inline carom_many signs(carom_many bytes)
{
    return (carom_many)((bytes - ':' <= '<' - ':') | (bytes == '"') | (bytes == '(') | (bytes == '@') | (bytes == ',') |
                        (bytes == '\\'));
}

/* The address in brackets at the end behind a name of words alone; else all of it. */
static struct carom_str without_name(struct carom_str s)
{
    size_t open = s.len > 0 && s.ptr[0] != '<' && s.ptr[s.len - 1] == '>' ? carom_str_rchr(s, '<') : SIZE_MAX;

    return open != SIZE_MAX && carom_many_none(carom_str_head(s, open), signs) ? carom_str_from(s, open) : s;
}

struct carom_str carom_address_first(struct carom_arena *arena, struct carom_str text)
{
    struct carom_str addr = plain_address(without_name(text));

    if (addr.len == 0 && text.len > 0)
        read_next(arena, &text, &addr, NULL);
    return addr;
}

struct carom_str carom_address_only(struct carom_arena *arena, struct carom_str text)
{
    struct carom_str whole = carom_str_trim(text), bare = whole, addr;

    if (whole.len > 0 && whole.ptr[whole.len - 1] == '>') {
        bare = carom_str_from(whole, carom_str_rchr(whole, '<') + 1); /* SIZE_MAX + 1 is 0 */
        bare = carom_str_head(bare, bare.len - 1);
    }
    addr = carom_address_first(arena, bare);
    if (!carom_address_same(arena, addr, bare) ||
        (bare.len < whole.len && !carom_address_same(arena, carom_address_first(arena, whole), addr)))
        return CAROM_STR_EMPTY;
    return addr;
}

static size_t next_at(struct carom_str text, size_t i)
{
    size_t more = carom_str_chr(carom_str_from(text, i + 1), '@');

    return more == SIZE_MAX ? more : i + 1 + more;
}

struct carom_str carom_address_find(struct carom_arena *arena, struct carom_str text)
{
    for (size_t i = carom_str_chr(text, '@'), floor = 0; i < text.len; i = next_at(text, i)) {
        struct found found;
        struct carom_str addr;

        if (around(text, floor, i, i + 1, true, &found) && carom_str_find(found.local, CAROM_STR("//")) == SIZE_MAX) {
            addr = make(arena, &found);
            if (addr.len > 0)
                return addr;
        }
        floor = i + 1;
    }
    return CAROM_STR_EMPTY;
}

/* ---- Halves, shape, key ---- */

struct carom_str carom_address_local(struct carom_str addr)
{
    size_t at = carom_str_rchr(addr, '@');

    return at == SIZE_MAX ? addr : carom_str_head(addr, at);
}

struct carom_str carom_address_domain(struct carom_str addr)
{
    size_t at = carom_str_rchr(addr, '@');

    return at == SIZE_MAX ? CAROM_STR_EMPTY : carom_str_from(addr, at + 1);
}

/* Longer than the 64 of RFC 5321 4.5.3.1.1, which forwarders (SRS) and return paths exceed. */
static bool valid_local(struct carom_str local)
{
    if (local.len == 0 || local.len > 255)
        return false;
    if (!is_quoted(local))
        return !needs_quotes(local);
    for (size_t i = 1; i + 1 < local.len; i++) {
        if (local.ptr[i] == '\\')
            i++;
        else if (local.ptr[i] == '"')
            return false;
        if (i + 1 >= local.len || (unsigned char)local.ptr[i] < ' ' || local.ptr[i] == 127)
            return false;
    }
    return local.len > 2;
}

/* "[192.0.2.1]", "[IPv6:2001:db8::1]", and other tags of RFC 5321 4.1.3. */
static bool valid_literal(struct carom_str domain)
{
    if (domain.len < 3 || domain.ptr[domain.len - 1] != ']')
        return false;
    for (size_t i = 1; i + 1 < domain.len; i++)
        if (!carom_is_alpha(domain.ptr[i]) && !carom_is_digit(domain.ptr[i]) && !strchr(".:-", domain.ptr[i]))
            return false;
    return true;
}

/* All but CAROM_CHAR_DOMAIN and what is beyond ASCII. */
static inline carom_many not_domain(carom_many bytes)
{
    carom_many small = bytes | 0x20;

    return (carom_many) ~(((small >= 'a') & (small <= 'z')) | ((bytes >= '0') & (bytes <= '9')) | (bytes == '-') |
                          (bytes == '.') | (bytes == '_') | (bytes >= 0x80));
}

static inline carom_many edges(carom_many bytes, carom_many next)
{
    return (carom_many)(((bytes == '.') & ((next == '.') | (next == '-'))) | ((bytes == '-') & (next == '.')));
}

/* Does a label begin or end with a hyphen, or is there nothing in it? */
static bool bad_label(struct carom_str domain)
{
    const char *first = domain.ptr, last = domain.ptr[domain.len - 1];
    carom_many found = {0};
    size_t n = domain.len - 1;

    for (size_t i = CAROM_MANY; i < n; i += CAROM_MANY)
        found |= edges(carom_many_load(first + i - CAROM_MANY), carom_many_load(first + i - CAROM_MANY + 1));
    if (n >= CAROM_MANY)
        found |= edges(carom_many_load(first + n - CAROM_MANY), carom_many_load(first + n - CAROM_MANY + 1));
    else if (n > 0)
        found |= edges(carom_many_load_few(first, n), carom_many_load_few(first + 1, n));
    return *first == '.' || *first == '-' || last == '.' || last == '-' || carom_many_any(found);
}

/* Longer than the 63 characters of RFC 1035 2.3.4, in UTF-8. */
static bool long_label(struct carom_str domain)
{
    for (size_t max = (size_t)63 * 4; domain.len > max;) {
        size_t dot = carom_str_chr(domain, '.');
        if (dot > max)
            return true;
        domain = carom_str_from(domain, dot + 1);
    }
    return false;
}

static bool valid_domain(struct carom_str domain)
{
    if (domain.len == 0 || domain.len > 255)
        return false;
    if (domain.ptr[0] == '[')
        return valid_literal(domain);
    return carom_many_none(domain, not_domain) && !bad_label(domain) && !long_label(domain);
}

bool carom_address_valid(struct carom_str addr)
{
    struct carom_str local = carom_address_local(addr);

    return local.len > 0 && local.len < addr.len && (carom_utf8_ascii(addr) || carom_utf8_valid(addr)) && valid_local(local) &&
           valid_domain(carom_str_from(addr, local.len + 1));
}

static inline carom_many odd(carom_many bytes)
{
    return (carom_many)(((carom_many_signed)bytes <= 0) | (bytes == '"'));
}

/* What the key may change beside the case; it is not empty. */
static bool is_odd(struct carom_str addr)
{
    return addr.ptr[addr.len - 1] == '.' || !carom_many_none(addr, odd);
}

struct carom_str carom_address_key(struct carom_arena *arena, struct carom_str addr)
{
    if (addr.len > 0 && addr.len <= PLAIN_MAX && addr.ptr[addr.len - 1] != '@' && !is_odd(addr))
        return lower(arena, addr);
    struct carom_str local = carom_address_local(addr), domain = carom_str_from(addr, local.len + 1);

    while (domain.len > 0 && domain.ptr[domain.len - 1] == '.')
        domain.len--;
    if (domain.len == 0)
        return lower(arena, local);
    local = lower(arena, is_quoted(local) ? plain_local(arena, local) : local);
    return join(arena, local, carom_punycode_domain(arena, domain));
}

bool carom_address_same(struct carom_arena *arena, struct carom_str a, struct carom_str b)
{
    return a.len > 0 && b.len > 0 &&
           (carom_str_ieq(a, b) ||
            ((is_odd(a) || is_odd(b)) && carom_str_eq(carom_address_key(arena, a), carom_address_key(arena, b))));
}
