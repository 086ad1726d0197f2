/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What a byte may be part of in the fields of a header, looked up rather than compared. */

#ifndef CAROM_MAIL_CHARS_H
#define CAROM_MAIL_CHARS_H

#include "base/str.h"

enum {
    CAROM_CHAR_LOCAL = 1,  /* of an address: RFC 5322 3.2.3 with the dot (Japanese mobile networks had it anywhere) */
    CAROM_CHAR_DOMAIN = 2, /* RFC 952, and '_' */
    CAROM_CHAR_SMALL = 4,  /* of a domain as it is handed out, or of any word: no capital letter */
    CAROM_CHAR_SIGN = 8,   /* means something in a list of addresses */
    CAROM_CHAR_TYPE = 16,  /* of a media type: RFC 2045 5.1 */
    CAROM_CHAR_PARAM = 32, /* of a parameter's name as mailers have them, RFC 2231's stars among them */
    CAROM_CHAR_SPACE = 64, /* as carom_is_space */
};

extern const unsigned char carom_chars[256];

static inline unsigned carom_char_is(int classes, char c)
{
    return carom_chars[(unsigned char)c] & (unsigned)classes;
}

/* The end of what s[i] begins that is of those classes alone. */
static inline size_t carom_chars_end(struct carom_str s, size_t i, int classes)
{
    while (i < s.len && carom_char_is(classes, s.ptr[i]))
        i++;
    return i;
}

#endif
