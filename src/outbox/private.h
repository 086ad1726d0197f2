/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Addresses that a sink does not reach unless it says allow_private = true. */

#ifndef CAROM_OUTBOX_PRIVATE_H
#define CAROM_OUTBOX_PRIVATE_H

#include <sys/socket.h>

/* What kind of non-public address it is ("loopback", "private", …; static), or NULL for a public one. Whatever is not
   IPv4 or IPv6 is "not an internet address". address must be complete for its family. */
const char *carom_private_kind(const struct sockaddr *address);
/* The same for a numeric address as text, as getnameinfo writes it. */
const char *carom_private_kind_text(const char *text);

#endif
