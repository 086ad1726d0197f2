/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Mailbox providers (tables/providers.tsv): by the host that refused, else by the recipient's domain. */

#ifndef CAROM_CLASSIFY_PROVIDER_H
#define CAROM_CLASSIFY_PROVIDER_H

#include "base/sieve.h"

struct carom_provider {
    const char *id, *name;
    const char *hosts;   /* space-separated patterns, '*' any run: "*.google.com" is also google.com */
    const char *domains; /* space-separated recipient domains */
};
extern const struct carom_provider carom_providers[];
extern const size_t carom_providers_n;
extern const struct carom_sieve carom_provider_host_sieves[], carom_provider_domain_sieves[];
extern const size_t carom_provider_host_sieves_n, carom_provider_domain_sieves_n;

/* The id, or the empty string. Either argument may be empty. */
struct carom_str carom_provider_find(struct carom_str remote_host, struct carom_str recipient_domain);

#endif
