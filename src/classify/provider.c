/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Finds the mailbox provider of a host or a domain. Which they are stands in tables/providers.tsv. */

#include "classify/provider.h"

#include "base/many.h"
#include "base/str.h"

/* A pattern "*.google.com" is also google.com itself. */
static bool host_fits(struct carom_str host, struct carom_str pattern)
{
    if (carom_str_glob(host, pattern))
        return true;
    return carom_str_starts(pattern, CAROM_STR("*.")) && carom_str_ieq(host, carom_str_from(pattern, 2));
}

static bool any_fits(const char *patterns, struct carom_str name, bool (*fits)(struct carom_str, struct carom_str))
{
    struct carom_str rest = carom_str(patterns), pattern;

    while (carom_str_word(&rest, &pattern)) {
        if (fits(name, pattern))
            return true;
    }
    return false;
}

static bool ends_host(char c)
{
    switch (c) {
    case '\0': case ' ': case '\t': case '\r': case '\n': case '(': case '[': case ',': case ';': case ':': return true;
    default: return false;
    }
}

/* Those, and some more: mostly there is none. */
static carom_many may_end_host(carom_many bytes)
{
    return (carom_many)((bytes <= ' ') | (bytes == '(') | (bytes == '[') | (bytes == ',') | (bytes == ';') | (bytes == ':'));
}

static struct carom_str without_dot(struct carom_str host)
{
    return carom_str_head(host, host.len - (host.len > 0 && host.ptr[host.len - 1] == '.'));
}

/* "mx.example.net." and "mx.example.net (192.0.2.1, the server for …)": the name alone. */
static struct carom_str bare_host(struct carom_str host)
{
    size_t n = carom_many_none(host, may_end_host) ? host.len : 0;

    host = carom_str_trim(host);
    while (n < host.len && !ends_host(host.ptr[n]))
        n++;
    return without_dot(carom_str_head(host, n));
}

struct carom_str carom_provider_find(struct carom_str remote_host, struct carom_str recipient_domain)
{
    struct carom_str host = bare_host(remote_host), domain = without_dot(recipient_domain);

    struct carom_sieved rows;

    carom_sieved_init(&rows);
    carom_sieve_add(carom_provider_host_sieves, host, &rows);
    for (size_t i = 0; host.len > 0 && (i = carom_sieved_next(&rows, i)) != SIZE_MAX; i++) {
        if (any_fits(carom_providers[i].hosts, host, host_fits))
            return carom_str(carom_providers[i].id);
    }
    carom_sieved_init(&rows);
    carom_sieve_add(carom_provider_domain_sieves, domain, &rows);
    for (size_t i = 0; domain.len > 0 && (i = carom_sieved_next(&rows, i)) != SIZE_MAX; i++) {
        if (any_fits(carom_providers[i].domains, domain, carom_str_ieq))
            return carom_str(carom_providers[i].id);
    }
    return CAROM_STR_EMPTY;
}
