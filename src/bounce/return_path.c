/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Matches an address against the templates of tables/return-paths.tsv. It knows captures and separators, no system by
   name, and does not judge whether what an address claims is true. */

#include "bounce/return_path.h"

#include "base/many.h"
#include "bounce/line.h"
#include "bounce/tables.h"
#include "mail/address.h"

enum { ADDRESS_MAX = 640, WRAPS_MAX = 8 };

struct captures {
    struct carom_str list, host, user, dom, rest;
};

/* ---- Literals ---- */

static inline bool fits(char in_template, char c)
{
    switch (in_template) {
    case '%': return c == '+' || c == '-'; /* + is lost on the way to sites that use -, and where mail forms "clean" it */
    case '~': return c == '=' || c == '+' || c == '-';
    default: return carom_lower(in_template) == carom_lower(c);
    }
}

static bool starts(struct carom_str text, struct carom_str literal)
{
    if (text.len < literal.len)
        return false;
    for (size_t i = 0; i < literal.len; i++) {
        if (!fits(literal.ptr[i], text.ptr[i]))
            return false;
    }
    return true;
}

static bool ends(struct carom_str text, struct carom_str literal)
{
    return text.len >= literal.len && starts(carom_str_from(text, text.len - literal.len), literal);
}

static size_t find(struct carom_str text, struct carom_str literal, size_t from)
{
    for (size_t i = from; i + literal.len <= text.len; i++) {
        if (fits(literal.ptr[0], text.ptr[i]) && starts(carom_str_from(text, i), literal))
            return i;
    }
    return SIZE_MAX;
}

static size_t find_last(struct carom_str text, struct carom_str literal)
{
    for (size_t i = text.len; i-- > 0;) {
        if (fits(literal.ptr[0], text.ptr[i]) && starts(carom_str_from(text, i), literal))
            return i;
    }
    return SIZE_MAX;
}

/* ---- Captures ---- */

static bool is_hex(char c) { return carom_is_digit(c) || (carom_lower(c) >= 'a' && carom_lower(c) <= 'f'); }

static bool is_domain_char(char c)
{
    return carom_is_alpha(c) || carom_is_digit(c) || c == '.' || c == '-' || (unsigned char)c >= 0x80;
}

/* At least two labels: what bounces is not local. */
static bool is_domain(struct carom_str text)
{
    size_t dot = carom_str_rchr(text, '.');

    for (size_t i = 0; i < text.len; i++) {
        if (!is_domain_char(text.ptr[i]))
            return false;
    }
    return dot != SIZE_MAX && dot > 0 && dot + 1 < text.len;
}

static bool is_list_name(struct carom_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_domain_char(text.ptr[i]) && text.ptr[i] != '_')
            return false;
    }
    return text.len > 0;
}

/* {num}, {hex}, {hex32}, {word}: as many characters of the kind as there are; 0: not enough. */
static size_t run(struct carom_str name, struct carom_str text)
{
    bool hex = name.ptr[0] == 'h', num = name.ptr[0] == 'n';
    int64_t exactly = hex ? carom_str_number(carom_str_from(name, 3)) : -1;
    size_t n = 0;

    while (n < text.len && (num ? carom_is_digit(text.ptr[n])
                                : hex ? is_hex(text.ptr[n]) : carom_is_digit(text.ptr[n]) || carom_is_alpha(text.ptr[n])))
        n++;
    return exactly > 0 && n != (size_t)exactly ? 0 : n;
}

/* By the first letter, as no two names begin alike; but {host}, {hex}. */
static bool is_run(struct carom_str name)
{
    return name.ptr[0] == 'n' || name.ptr[0] == 'w' || (name.ptr[0] == 'h' && name.ptr[1] == 'e');
}

/* Keeps what a capture caught, if it may be that. */
static bool keep(struct captures *captures, struct carom_str name, struct carom_str caught)
{
    if (caught.len == 0)
        return false;
    switch (name.ptr[0]) { /* no two that are kept begin alike */
    case 'l': captures->list = caught; return is_list_name(caught);
    case 'h': captures->host = caught; return is_domain(caught);
    case 'd': captures->dom = caught; return is_domain(caught);
    case 'u': captures->user = caught; return true;
    case 'r': captures->rest = caught; return true;
    case 'x': return carom_str_chr(caught, '=') == SIZE_MAX;
    default: return true; /* any */
    }
}

static bool match(struct carom_str text, struct carom_str shape, struct captures *captures);
static bool match_behind(struct carom_str text, struct carom_str shape, struct captures *captures);

/* text matches a shape that begins with the capture `name`; `shape` is what follows it. Local parts end at the last
   literal (they may contain a '=', domains cannot), {x} at the next one, names of lists and domains at any that fits. */
static bool match_capture(struct carom_str text, struct carom_str name, struct carom_str shape,
                          struct captures *captures)
{
    size_t end = text.len;
    struct carom_str literal = carom_str_head(shape, carom_str_chr(shape, '{'));
    bool last = name.ptr[0] == 'u' || name.ptr[0] == 'r', anywhere = !last && name.ptr[0] != 'x';

    if (is_run(name)) {
        end = run(name, text);
        return end > 0 && match(carom_str_from(text, end), shape, captures);
    }
    if (literal.len == 0)
        return keep(captures, name, text) && match_behind(CAROM_STR_EMPTY, shape, captures);
    if (literal.len == shape.len && !ends(text, literal))
        return false;
    if (literal.len == shape.len && (last || anywhere)) /* no other place of the literal leaves nothing behind it */
        return keep(captures, name, carom_str_head(text, text.len - literal.len));
    for (end = last ? find_last(text, literal) : find(text, literal, 1); end != SIZE_MAX;
         end = anywhere ? find(text, literal, end + 1) : SIZE_MAX) {
        if (keep(captures, name, carom_str_head(text, end)) &&
            match_behind(carom_str_from(text, end + literal.len), carom_str_from(shape, literal.len), captures))
            return true;
    }
    return false;
}

/* The shape is what stands behind a literal: nothing, or it begins with a capture. */
static bool match_behind(struct carom_str text, struct carom_str shape, struct captures *captures)
{
    size_t close;

    if (shape.len == 0)
        return text.len == 0;
    close = carom_str_chr(shape, '}');
    return match_capture(text, carom_str_n(shape.ptr + 1, close - 1), carom_str_from(shape, close + 1), captures);
}

static bool match(struct carom_str text, struct carom_str shape, struct captures *captures)
{
    size_t brace = carom_str_chr(shape, '{');
    struct carom_str literal = carom_str_head(shape, brace);

    return starts(text, literal) &&
           match_behind(carom_str_from(text, literal.len), carom_str_from(shape, literal.len), captures);
}

/* ---- Addresses ---- */

/* "a=b" and a\=b are a=b: servers quote what needs no quotes. */
static struct carom_str unquote(struct carom_arena *arena, struct carom_str local)
{
    char *out;
    size_t n = 0;

    if (local.len < 2 || local.ptr[0] != '"' || local.ptr[local.len - 1] != '"')
        return local;
    out = carom_arena_raw(arena, local.len);
    for (size_t i = 1; i + 1 < local.len; i++) {
        if (local.ptr[i] == '\\' && i + 2 < local.len)
            i++;
        out[n++] = local.ptr[i];
    }
    return carom_str_n(out, n);
}

/* %3D and %2B, which web forms and some gateways make of = and +. */
static struct carom_str percent_decode(struct carom_arena *arena, struct carom_str local)
{
    char *out;
    size_t n = 0;

    if (carom_str_chr(local, '%') == SIZE_MAX)
        return local;
    out = carom_arena_alloc(arena, local.len + 1);
    for (size_t i = 0; i < local.len; i++) {
        struct carom_str here = carom_str_head(carom_str_from(local, i), 3);
        bool equals = carom_str_ieq(here, CAROM_STR("%3d")), plus = carom_str_ieq(here, CAROM_STR("%2b"));

        out[n++] = equals ? '=' : plus ? '+' : local.ptr[i];
        i += equals || plus ? 2 : 0;
    }
    return carom_str_n(out, n);
}

/* The last @: the one before it belongs to qmail's "-@[]". */
static bool split(struct carom_arena *arena, struct carom_str address, struct carom_str *local_r,
                  struct carom_str *domain_r)
{
    size_t at = carom_str_rchr(address, '@');

    if (at == SIZE_MAX || at == 0 || address.len > ADDRESS_MAX)
        return false;
    *local_r = percent_decode(arena, unquote(arena, carom_str_head(address, at)));
    *domain_r = carom_str_from(address, at + 1);
    return true;
}

/* By the first letter, which no other word of the column has. */
static bool is_wrap(const struct carom_return_path_row *row) { return row->gives[0] == 'w'; }
static bool is_asked(const struct carom_return_path_row *row) { return row->sure[0] == 'a'; }

bool carom_return_path_chosen(const struct carom_return_paths *chosen, const char *system)
{
    if (!chosen)
        return true;
    for (const struct carom_names *name = chosen->systems; name; name = name->next)
        if (carom_str_ieq(name->name, carom_str(system)))
            return true;
    return false;
}

/* A system's rows stand in several places of the table: the first of them counts. */
static bool is_first(size_t row)
{
    for (size_t i = 0; i < row; i++)
        if (strcmp(carom_return_paths[i].system, carom_return_paths[row].system) == 0)
            return false;
    return true;
}

const char *carom_return_path_system(size_t n)
{
    for (size_t i = 0; i < carom_return_paths_n; i++)
        if (!is_wrap(&carom_return_paths[i]) && is_first(i) && n-- == 0)
            return carom_return_paths[i].system;
    return NULL;
}

static void add_templates(struct carom_str group, struct carom_str local, struct carom_sieved *rows)
{
    carom_sieve_add(carom_sieve_named(carom_return_paths_sieves, carom_return_paths_sieves_n, group), local, rows);
}

static carom_many digits(carom_many bytes) { return (carom_many)(bytes - '0' < 10); }
static carom_many equals(carom_many bytes) { return (carom_many)(bytes == '='); }

/* Those that have a '=' or a number, and the others. Most addresses have neither, which saves most of the trying. */
static void find_rows(struct carom_str local, struct carom_sieved *rows_r)
{
    bool numbered = !carom_many_none(local, digits), equal = !carom_many_none(local, equals);

    carom_sieved_init(rows_r);
    add_templates(CAROM_STR(""), local, rows_r);
    if (numbered)
        add_templates(CAROM_STR("{num}"), local, rows_r);
    if (equal)
        add_templates(CAROM_STR("="), local, rows_r);
    if (numbered && equal)
        add_templates(CAROM_STR("={num}"), local, rows_r);
}

static const struct carom_return_path_row *find_row(struct carom_str local, struct carom_str domain,
                                                    const struct carom_return_paths *chosen, struct captures *captures_r)
{
    static const struct captures none = {{"", 0}, {"", 0}, {"", 0}, {"", 0}, {"", 0}};
    struct carom_sieved rows;

    find_rows(local, &rows);
    for (size_t i = 0; (i = carom_sieved_next(&rows, i)) != SIZE_MAX; i++) {
        const struct carom_return_path_row *row = &carom_return_paths[i];

        if (!is_wrap(row) && !(chosen ? carom_return_path_chosen(chosen, row->system) : !is_asked(row)))
            continue;
        *captures_r = none;
        if ((*row->host == '\0' || carom_cell_glob(domain, row->host)) &&
            match(local, carom_cell_str(row->local), captures_r))
            return row;
    }
    return NULL;
}

/* The domain that was captured, else the address's own. */
static struct carom_str lower(struct carom_arena *arena, struct carom_str captured, struct carom_str own)
{
    return carom_arena_lower(arena, captured.len > 0 ? captured : own);
}

static struct carom_str recipient_of(struct carom_arena *arena, const struct captures *captures,
                                     struct carom_str domain)
{
    struct carom_str recipient;

    if (captures->user.len == 0)
        return CAROM_STR_EMPTY;
    recipient = carom_arena_join(arena, captures->user, '@', lower(arena, captures->dom, domain));
    return carom_address_valid(recipient) ? recipient : CAROM_STR_EMPTY;
}

bool carom_return_path_read(struct carom_arena *arena, struct carom_str address,
                            const struct carom_return_paths *chosen, struct carom_return_path *path_r)
{
    const struct carom_return_path_row *row = NULL;
    struct carom_str local, domain;
    struct captures captures;

    *path_r = (struct carom_return_path){address,         CAROM_STR_EMPTY, CAROM_STR_EMPTY,
                                         CAROM_STR_EMPTY, CAROM_STR_EMPTY, false};
    for (int i = 0; i < WRAPS_MAX; i++) {
        if (!split(arena, path_r->address, &local, &domain))
            return false;
        row = find_row(local, domain, chosen, &captures);
        if (!row || !is_wrap(row))
            break;
        path_r->address = carom_arena_join(arena, captures.rest, '@', lower(arena, captures.dom, domain));
    }
    if (!row || is_wrap(row))
        return false;
    path_r->system = carom_str(row->system);
    path_r->type = carom_str(row->gives);
    path_r->sure = chosen || strcmp(row->sure, "yes") == 0;
    path_r->recipient = recipient_of(arena, &captures, domain);
    if (captures.list.len > 0)
        path_r->list = carom_arena_join(arena, carom_arena_lower(arena, captures.list), '.',
                                        lower(arena, captures.host, domain));
    return true;
}

bool carom_return_path_names(struct carom_str address, struct carom_str recipient)
{
    struct carom_str local = carom_str_head(address, carom_str_rchr(address, '@')), user, at_domain;
    size_t at = carom_str_rchr(recipient, '@'), start;

    if (at == SIZE_MAX || at == 0 || local.len == address.len || local.len < recipient.len + 2)
        return false;
    user = carom_str_head(recipient, at);
    at_domain = carom_str_from(recipient, at + 1);
    start = local.len - recipient.len;
    return fits('%', local.ptr[start - 1]) && local.ptr[start + at] == '=' &&
           carom_str_ieq(carom_str_head(carom_str_from(local, start), at), user) &&
           carom_str_ieq(carom_str_from(local, start + at + 1), at_domain);
}
