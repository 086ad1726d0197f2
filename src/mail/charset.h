/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Any charset that libc's iconv knows, to UTF-8. Labels pass through our own table (tables/charsets.tsv) first:
   mail says "x-sjis", "unicode-1-1-utf-7", "cp-850", "//TRANSLIT". */

#ifndef CAROM_MAIL_CHARSET_H
#define CAROM_MAIL_CHARSET_H

#include "base/arena.h"

/* Converts at most max bytes of result. What cannot be converted becomes U+FFFD. An unknown label, or none: the bytes
   if they are UTF-8, else read as windows-1252. ASCII and UTF-8 that are valid come back as they are, uncopied. */
struct carom_str carom_charset_to_utf8(struct carom_arena *arena, struct carom_str label, struct carom_str bytes,
                                       size_t max);

#endif
