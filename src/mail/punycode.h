/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Domain names as they are compared: A-labels (RFC 3492, RFC 5890), lower case. */

#ifndef CAROM_MAIL_PUNYCODE_H
#define CAROM_MAIL_PUNYCODE_H

#include "base/arena.h"

/* The domain with each label in lower case, and those that are not ASCII as "xn--…". A label that cannot be one (too
   long, not UTF-8) stays as it is. Characters are folded (base/utf8.h), not normalised.
   Where nothing of it changes, domain itself. */
struct carom_str carom_punycode_domain(struct carom_arena *arena, struct carom_str domain);

#endif
