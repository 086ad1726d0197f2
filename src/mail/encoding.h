/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Content-Transfer-Encoding (RFC 2045 6): base64 and quoted-printable as mail really has them, xtext (RFC 3461 4). */

#ifndef CAROM_MAIL_ENCODING_H
#define CAROM_MAIL_ENCODING_H

#include "base/arena.h"

enum carom_encoding { CAROM_ENCODING_NONE, CAROM_ENCODING_BASE64, CAROM_ENCODING_QP };

enum carom_encoding carom_encoding_parse(struct carom_str value); /* unknown: none */
/* At most max bytes of result; bytes that do not belong are skipped. NONE: the head of bytes itself. */
struct carom_str carom_encoding_decode(struct carom_arena *arena, enum carom_encoding encoding, struct carom_str bytes,
                                       size_t max);
/* The Q of RFC 2047: like quoted-printable, '_' is a space. */
struct carom_str carom_encoding_q(struct carom_arena *arena, struct carom_str bytes);
/* xtext: "+" and two hex digits; also utf-8-addr-xtext "\x{HEX}" (RFC 6533 3). */
struct carom_str carom_encoding_xtext(struct carom_arena *arena, struct carom_str text);

#endif
