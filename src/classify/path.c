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
static struct carom_str unless_qmails(struct carom_arena *arena, struct carom_str value, struct carom_str address)
{
    struct carom_str token;

    if (carom_str_chr(value, '[') == SIZE_MAX)
        return address;
    token = carom_str_trim(carom_header_token(arena, value));
    if (token.len > 2 && token.ptr[0] == '<' && token.ptr[token.len - 1] == '>')
        token = carom_str_n(token.ptr + 1, token.len - 2);
    return carom_str_iends(token, CAROM_STR("-@[]")) ? token : address;
}

/* Returns the address in the value, as a parser sees it. */
static struct carom_str consider_value(struct carom_arena *arena, struct carom_path *path, struct carom_str value)
{
    struct carom_str address = carom_address_first(arena, value);

    consider(arena, path, unless_qmails(arena, value, address));
    return address;
}

/* Returns the address in that field; it and those of the same name behind it are considered. NULL: there is none. */
static struct carom_str consider_fields(struct carom_arena *arena, struct carom_path *path,
                                        const struct carom_headers *headers, const struct carom_header *field)
{
    enum { FIELDS_MAX = 4 };
    struct carom_str first = CAROM_STR_EMPTY;

    for (int i = 0; field && field->value.len > 0 && i < FIELDS_MAX; i++, field = carom_headers_next(headers, field)) {
        struct carom_str address = consider_value(arena, path, field->value);
        if (i == 0)
            first = address;
    }
    return first;
}

/* What delivering servers write, and To. NULL: there is none. */
struct recipients {
    const struct carom_header *of[5];
};
enum { RECIPIENTS = sizeof(struct recipients) / sizeof(struct carom_header *) };

static struct recipients find_recipients(const struct carom_headers *headers)
{
    return (struct recipients){.of = {carom_headers_find(headers, CAROM_STR("X-Original-To"), 0),
                                      carom_headers_find(headers, CAROM_STR("Delivered-To"), 0),
                                      carom_headers_find(headers, CAROM_STR("Envelope-To"), 0),
                                      carom_headers_find(headers, CAROM_STR("X-Envelope-To"), 0),
                                      carom_headers_find(headers, CAROM_STR("To"), 0)}};
}

/* Whether one of the identifiers may be there: few messages have any. */
static bool may_be_identified(const struct carom_headers *headers)
{
    bool seen = false;

    for (size_t i = 0; i < carom_identifiers_n; i++)
        seen |= carom_headers_seen(headers, carom_identifiers[i].tag);
    return seen;
}

void carom_path_clear(struct carom_path *path)
{
    const struct carom_str none = CAROM_STR_EMPTY;

    path->says = (struct carom_return_path){none, none, none, none, none, false};
    path->to = none;
    path->n = path->own = 0;
    path->identified = false;
    path->chosen = NULL;
}

void carom_path_find(struct carom_arena *arena, const struct carom_headers *headers, const struct carom_report *report,
                     const char *envelope_to, const struct carom_return_paths *chosen, struct carom_path *path_r)
{
    const struct carom_headers *returned = &report->returned_headers;
    const struct recipients recipients = find_recipients(headers);

    carom_path_clear(path_r);
    path_r->chosen = chosen;
    path_r->identified = returned->n > 0 && may_be_identified(returned);
    if (envelope_to) /* as mail servers hand it over: bare, in angle brackets, or for nobody */
        path_r->to = consider_value(arena, path_r, carom_arena_str(arena, carom_str(envelope_to)));
    for (size_t i = 0; i < RECIPIENTS; i++) {
        if (!recipients.of[i])
            continue;
        struct carom_str address = consider_fields(arena, path_r, headers, recipients.of[i]);
        path_r->to = path_r->to.len > 0 ? path_r->to : address;
    }
    path_r->own = path_r->n;
    consider(arena, path_r, report->envelope_from);
    consider_fields(arena, path_r, returned, carom_headers_find(returned, CAROM_STR("Return-Path"), 0));
    consider_fields(arena, path_r, returned, carom_headers_find(returned, CAROM_STR("X-Envelope-From"), 0));
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
    if (!may_name(path))
        return CAROM_STR_EMPTY;
    const struct recipients recipients = find_recipients(returned);
    for (size_t i = 0; i < RECIPIENTS; i++) {
        const struct carom_header *field = recipients.of[i];
        struct carom_str address = field ? carom_address_first(arena, field->value) : CAROM_STR_EMPTY;

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

    for (size_t i = 0; value.len == 0 && i < carom_identifiers_n; i++) {
        if (carom_headers_seen(headers, carom_identifiers[i].tag) && *carom_identifiers[i].gives == gives)
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
    if (recipient.len == 0 && path->identified)
        recipient = carom_address_first(arena, identifier(arena, &report->returned_headers, 'r'));
    return carom_address_valid(recipient) ? recipient : CAROM_STR_EMPTY;
}

struct carom_str carom_path_delivery(struct carom_arena *arena, const struct carom_path *path,
                                     const struct carom_report *report)
{
    return path->identified ? identifier(arena, &report->returned_headers, 'd') : CAROM_STR_EMPTY;
}
