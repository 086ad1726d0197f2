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

/* A row of tables/charsets.tsv, sorted by label (lower case). */
enum carom_charset_way {
    CAROM_CHARSET_GUESS,        /* says nothing, or must not reach iconv: as if there were no label */
    CAROM_CHARSET_UTF_8,
    CAROM_CHARSET_WINDOWS_1252, /* done here: the fallback must work without iconv's modules */
    CAROM_CHARSET_ASCII,        /* iconv; bytes that are all ASCII need no conversion */
    CAROM_CHARSET_ICONV,        /* iconv always: 7-bit with shifts, or wider than a byte */
};
struct carom_charset_row {
    const char *label, *name;
    enum carom_charset_way way;
};
extern const struct carom_charset_row carom_charsets[];
extern const size_t carom_charsets_n;
extern const uint16_t carom_charsets_index[]; /* of labels, as tools/tablec.c made it */
extern const size_t carom_charsets_index_n;

#endif
