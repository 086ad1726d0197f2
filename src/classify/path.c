/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Collects the addresses and fields in which a sender may have left word for itself. How such addresses look stands in
   tables/return-paths.tsv, such fields in tables/identifiers.tsv; which of several claims counts, fact.c decides. */

#include "classify/path.h"

#include "base/str.h"
#include "bounce/tables.h"
#include "mail/address.h"

/* The fields of a message mostly say the same. */
static bool is_known(const struct carom_path *path, struct carom_str address)
{
    for (size_t i = 0; i < path->n; i++) {
        if (carom_str_eq(path->addresses[i], address))
            return true;
    }
    return false;
}

/* The first template that is sure, else the first. */
static void consider(struct carom_arena *arena, struct carom_path *path, struct carom_str address)
{
    struct carom_return_path says;

    if (address.len == 0 || path->n == CAROM_PATH_ADDRESSES || is_known(path, address))
        return;
    if (carom_return_path_read(arena, address, path->chosen, &says) &&
        (path->says.system.len == 0 || (says.sure && !path->says.sure)))
        path->says = says;
    path->addresses[path->n++] = says.address;
}

/* qmail's sender before expansion, "list-return-17-@example.org-@[]", is no address to an RFC 5322 parser. */
static struct carom_str address_in(struct carom_arena *arena, struct carom_str value)
{
    struct carom_str token;

    if (carom_str_chr(value, '[') == SIZE_MAX)
        return carom_address_first(arena, value);
    token = carom_str_trim(carom_header_token(arena, value));
    if (token.len > 2 && token.ptr[0] == '<' && token.ptr[token.len - 1] == '>')
        token = carom_str_n(token.ptr + 1, token.len - 2);
    return carom_str_iends(token, CAROM_STR("-@[]")) ? token : carom_address_first(arena, value);
}

static void consider_fields(struct carom_arena *arena, struct carom_path *path, const struct carom_headers *headers,
                            const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t nth = 0; nth < 4; nth++) {
            struct carom_str value = carom_headers_nth(headers, names[i], nth);

            if (value.len == 0)
                break;
            consider(arena, path, address_in(arena, value));
        }
    }
}

struct carom_path carom_path_find(struct carom_arena *arena, const struct carom_headers *headers,
                                  const struct carom_report *report, const char *envelope_to,
                                  const struct carom_return_paths *chosen)
{
    static const char *const ours[] = {"X-Original-To", "Delivered-To", "Envelope-To", "X-Envelope-To", "To"};
    static const char *const returned[] = {"Return-Path", "X-Envelope-From"};
    const struct carom_str none = CAROM_STR_EMPTY;
    struct carom_path path = {.says = {none, none, none, none, none, false}, .chosen = chosen};

    consider(arena, &path, address_in(arena, carom_str(envelope_to)));
    consider_fields(arena, &path, headers, ours, sizeof ours / sizeof *ours);
    path.own = path.n;
    consider(arena, &path, report->envelope_from);
    consider_fields(arena, &path, &report->returned_headers, returned, sizeof returned / sizeof *returned);
    return path;
}

static bool is_named(const struct carom_path *path, struct carom_str recipient)
{
    for (size_t i = 0; i < path->n; i++) {
        if (carom_return_path_names(path->addresses[i], recipient))
            return true;
    }
    return false;
}

/* In all that name one a '=' stands for its '@'. */
static bool may_name(const struct carom_path *path)
{
    for (size_t i = 0; i < path->n; i++) {
        if (carom_str_chr(path->addresses[i], '=') != SIZE_MAX)
            return true;
    }
    return false;
}

/* Anybody's address may look like plain VERP; one that the returned message went to proves it. */
static struct carom_str plain_verp(struct carom_arena *arena, const struct carom_path *path,
                                   const struct carom_headers *returned)
{
    static const char *const names[] = {"X-Original-To", "Delivered-To", "Envelope-To", "X-Envelope-To", "To"};

    for (size_t i = 0; may_name(path) && i < sizeof names / sizeof *names; i++) {
        struct carom_str address = carom_address_first(arena, carom_headers_get(returned, names[i]));

        if (is_named(path, address) && carom_address_valid(address))
            return address;
    }
    return CAROM_STR_EMPTY;
}

/* The values of all the fields of a cell, separated by spaces; empty when one is missing. */
static struct carom_str values_of(struct carom_arena *arena, const struct carom_headers *headers, const char *cell)
{
    struct carom_str name, value, all = CAROM_STR_EMPTY;

    while (carom_cell_next(&cell, &name)) {
        const struct carom_header *header = carom_headers_find(headers, name, 0);

        if (!header || (value = carom_header_token(arena, header->value)).len == 0)
            return CAROM_STR_EMPTY;
        all = all.len > 0 ? carom_arena_join(arena, all, ' ', value) : value;
    }
    return all;
}

/* What the first row whose fields are all there gives; gives: the first letter, which no other word of the column has. */
static struct carom_str identifier(struct carom_arena *arena, const struct carom_headers *headers, char gives)
{
    struct carom_str value = CAROM_STR_EMPTY;

    for (size_t i = 0; headers->n > 0 && value.len == 0 && i < carom_identifiers_n; i++) {
        if (*carom_identifiers[i].gives == gives)
            value = values_of(arena, headers, carom_identifiers[i].fields);
    }
    return value;
}

struct carom_str carom_path_recipient(struct carom_arena *arena, const struct carom_path *path,
                                      const struct carom_report *report)
{
    struct carom_str recipient = path->says.sure ? path->says.recipient : CAROM_STR_EMPTY;

    if (recipient.len == 0 && carom_return_path_chosen(path->chosen, "verp"))
        recipient = plain_verp(arena, path, &report->returned_headers);
    if (recipient.len == 0)
        recipient = carom_address_first(arena, identifier(arena, &report->returned_headers, 'r'));
    return carom_address_valid(recipient) ? recipient : CAROM_STR_EMPTY;
}

struct carom_str carom_path_delivery(struct carom_arena *arena, const struct carom_report *report)
{
    return identifier(arena, &report->returned_headers, 'd');
}
