/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Reads the trace headers of a returned message from the top, which is the latest. It knows servers by what they
   write (Postfix and qmail Delivered-To, Exim Envelope-To), not by name. */

#include "classify/trace.h"

#include "base/str.h"
#include "mail/address.h"

/* Whether one of the addresses in the fields of that name is address. */
static bool stands_in(struct carom_arena *arena, const struct carom_headers *headers, const char *name,
                      struct carom_str address)
{
    struct carom_str value, found;

    for (const struct carom_header *header = carom_headers_find(headers, carom_str(name), 0); header;
         header = carom_headers_next(headers, header)) {
        value = carom_header_token(arena, header->value);
        while (carom_address_next(arena, &value, &found, NULL)) {
            if (carom_address_same(arena, found, address))
                return true;
        }
    }
    return false;
}

/* "<mailto:list@example.org>" */
static bool is_list_post(struct carom_arena *arena, const struct carom_headers *headers, struct carom_str address)
{
    struct carom_str value = carom_headers_get(headers, "List-Post");
    size_t at = carom_str_ifind(value, CAROM_STR("mailto:"));

    return at != SIZE_MAX &&
           carom_address_same(arena, carom_address_find(arena, carom_str_from(value, at + strlen("mailto:"))), address);
}

static bool came_from_list(const struct carom_headers *headers)
{
    static const char *const names[] = {"List-Id", "List-Post", "List-Unsubscribe", "List-Help", "Mailing-List",
                                        "X-BeenThere", "X-Mailing-List", "X-ML-Name", "X-Loop"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (carom_headers_has(headers, names[i]))
            return true;
    }
    return false;
}

/* Addresses that the sending side has itself: of the list, of its owner, of its bounces. On its way into the list
   the message was "for" these. */
static bool is_senders_own(struct carom_arena *arena, const struct carom_headers *headers, struct carom_str address)
{
    static const char *const always[] = {"From", "Sender", "Reply-To", "Return-Path", "Errors-To", "X-BeenThere",
                                         "X-Mailing-List", "X-Loop", "List-Owner"};
    static const char *const of_lists[] = {"To", "Cc", "Resent-To", "X-Original-From"};

    for (size_t i = 0; i < sizeof always / sizeof *always; i++) {
        if (stands_in(arena, headers, always[i], address))
            return true;
    }
    for (size_t i = 0; came_from_list(headers) && i < sizeof of_lists / sizeof *of_lists; i++) {
        if (stands_in(arena, headers, of_lists[i], address))
            return true;
    }
    return is_list_post(arena, headers, address);
}

/* The word behind " by " or " for ". */
static struct carom_str word_after(struct carom_str token, const char *clause)
{
    size_t at = carom_str_ifind(token, carom_str(clause)), end = 0;
    struct carom_str rest = at == SIZE_MAX ? CAROM_STR_EMPTY : carom_str_from(token, at + strlen(clause));

    rest = carom_str_trim(rest);
    while (end < rest.len && !carom_is_space(rest.ptr[end]) && rest.ptr[end] != ';')
        end++;
    return carom_str_head(rest, end);
}

/* "from a by mx.example.org with ESMTP id 1 for <jane@example.org>; Mon, …": a server that took the message for one
   address and reports that another one failed has forwarded it. Others only passed it on, before or behind. */
static struct carom_str received_for(struct carom_arena *arena, struct carom_str value, struct carom_str reporting_mta)
{
    struct carom_str token = carom_header_token(arena, value);
    struct carom_str host = word_after(token, carom_str_istarts(token, CAROM_STR("by ")) ? "by " : " by ");

    if (reporting_mta.len == 0 || !carom_str_ieq(host, reporting_mta))
        return CAROM_STR_EMPTY;
    return carom_address_first(arena, word_after(token, " for "));
}

static struct carom_str traced(struct carom_arena *arena, const struct carom_header *header,
                               struct carom_str reporting_mta)
{
    static const char *const names[] = {"X-Original-To", "Delivered-To", "Envelope-To", "X-Envelope-To",
                                        "X-Delivered-To"};

    if (carom_str_ieq(header->name, CAROM_STR("Received")))
        return received_for(arena, header->value, reporting_mta);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (carom_str_ieq(header->name, carom_str(names[i])))
            return carom_address_first(arena, carom_header_token(arena, header->value));
    }
    return CAROM_STR_EMPTY;
}

/* The sender wrote to it under that very name: then nothing in between gave it another. */
static bool was_written_to(struct carom_arena *arena, const struct carom_headers *headers, struct carom_str address)
{
    return stands_in(arena, headers, "To", address) || stands_in(arena, headers, "Cc", address);
}

struct carom_str carom_trace_recipient(struct carom_arena *arena, const struct carom_headers *returned,
                                       struct carom_str failed, struct carom_str ours,
                                       struct carom_str reporting_mta)
{
    if (was_written_to(arena, returned, failed))
        return CAROM_STR_EMPTY;
    for (size_t i = 0; i < returned->n; i++) {
        struct carom_str address = traced(arena, &returned->list[i], reporting_mta);

        if (carom_address_valid(address) && !carom_address_same(arena, address, failed) &&
            !carom_address_same(arena, address, ours) && !is_senders_own(arena, returned, address))
            return address;
    }
    return CAROM_STR_EMPTY;
}
