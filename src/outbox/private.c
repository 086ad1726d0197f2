/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The networks that are not the public internet, as one table. A sink's host name may come to point at the cloud's
   metadata service or a database next door; this file says what such an address is. Knows no names and no sockets. */

#include "outbox/private.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

struct network {
    uint8_t prefix[16];
    unsigned bits;
    const char *kind;
};

/* IANA special-purpose address registries (RFC 6890 and later). */
static const struct network networks4[] = {
    {{0}, 8, "unspecified"},                /* RFC 1122: Linux takes 0.0.0.0 as this host */
    {{10}, 8, "private"},                   /* RFC 1918 */
    {{100, 64}, 10, "shared (CGNAT)"},      /* RFC 6598 */
    {{127}, 8, "loopback"},                 /* RFC 1122 */
    {{169, 254}, 16, "link-local"},         /* RFC 3927; metadata services of the clouds */
    {{172, 16}, 12, "private"},             /* RFC 1918 */
    {{192, 0, 0}, 24, "reserved"},          /* RFC 6890 */
    {{192, 168}, 16, "private"},            /* RFC 1918 */
    {{198, 18}, 15, "reserved"},            /* RFC 2544: benchmarks */
    {{224}, 4, "multicast"},                /* RFC 5771 */
    {{240}, 4, "reserved"},                 /* RFC 1112, with the broadcast address */
};
static const struct network networks6[] = {
    {{[15] = 1}, 128, "loopback"},
    {{0}, 128, "unspecified"},
    {{[10] = 0xff, 0xff}, 96, "IPv4-mapped"},           /* RFC 4291: hides any of the above */
    {{[8] = 0xff, 0xff}, 96, "IPv4-translated"},        /* RFC 2765, deprecated: likewise */
    {{0}, 96, "IPv4-compatible"},                       /* RFC 4291, deprecated */
    {{0x00, 0x64, 0xff, 0x9b}, 96, "NAT64"},            /* RFC 6052 */
    {{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48, "NAT64"}, /* RFC 8215 */
    {{0x01, 0x00}, 64, "reserved"},                     /* RFC 6666: discard */
    {{0x20, 0x01, 0x00, 0x00}, 32, "Teredo"},           /* RFC 4380: embeds an IPv4 address */
    {{0x20, 0x02}, 16, "6to4"},                         /* RFC 3056: likewise */
    {{0xfc}, 7, "private (ULA)"},                       /* RFC 4193 */
    {{0xfe, 0x80}, 10, "link-local"},
    {{0xfe, 0xc0}, 10, "private (site-local)"},         /* RFC 3879, deprecated */
    {{0xff}, 8, "multicast"},
};

static int inside(const uint8_t *address, const struct network *network)
{
    unsigned bytes = network->bits / 8, rest = network->bits % 8;
    if (memcmp(address, network->prefix, bytes) != 0)
        return 0;
    return rest == 0 || ((address[bytes] ^ network->prefix[bytes]) >> (8 - rest)) == 0;
}

static const char *find(const uint8_t *address, const struct network *networks, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (inside(address, &networks[i]))
            return networks[i].kind;
    return NULL;
}

static const char *kind4(const void *address)
{
    return find(address, networks4, sizeof networks4 / sizeof networks4[0]);
}

static const char *kind6(const void *address)
{
    return find(address, networks6, sizeof networks6 / sizeof networks6[0]);
}

const char *carom_private_kind(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof in); /* the caller's storage need not be aligned for it */
        return kind4(&in.sin_addr);
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, address, sizeof in6);
        return kind6(&in6.sin6_addr);
    }
    return "not an internet address";
}

const char *carom_private_kind_text(const char *text)
{
    uint8_t address[16];
    if (inet_pton(AF_INET, text, address) == 1)
        return kind4(address);
    if (inet_pton(AF_INET6, text, address) == 1)
        return kind6(address);
    return strchr(text, '%') ? "link-local" : "not an internet address"; /* only those carry a zone */
}
