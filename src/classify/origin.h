/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Who handed us a message, as our own server wrote it down: the host that connected, and the domains that
   Authentication-Results (RFC 8601) vouch for. */

#ifndef CAROM_CLASSIFY_ORIGIN_H
#define CAROM_CLASSIFY_ORIGIN_H

#include "classify/trust.h"
#include "mail/header.h"

enum { CAROM_ORIGIN_DOMAINS = 16 };

struct carom_origin {
    struct carom_str host, ip; /* of the client; host only where our server verified it; empty: not known */
    struct carom_str domains[CAROM_ORIGIN_DOMAINS]; /* that dkim, spf or dmarc pass for */
    size_t n;
};

/* Believes what stands above the second hop from outside, and there only Authentication-Results of these authserv-ids;
   of each method the topmost. What the sender wrote himself stands below. */
struct carom_origin carom_origin_find(struct carom_arena *arena, const struct carom_headers *headers,
                                      const struct carom_names *authserv);

/* The same domain, or one is below the other ("relaxed" as DKIM and SPF are aligned in RFC 7489 3.1). */
bool carom_domain_related(struct carom_str a, struct carom_str b);
/* name is the domain, or below it. */
bool carom_domain_within(struct carom_str name, struct carom_str domain);
/* One of the vouched domains is related to domain. */
bool carom_origin_vouches(const struct carom_origin *origin, struct carom_str domain);

#endif
