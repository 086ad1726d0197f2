/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* A few bytes in a row, by which a text is known to hold something longer. The build tool and the search, on other
   machines, must agree on them. */

#ifndef CAROM_BASE_GRAM_H
#define CAROM_BASE_GRAM_H

#include <stddef.h>
#include <stdint.h>

/* Of 1, 2 or 4 bytes; length is a constant where speed matters. */
static inline uint32_t carom_gram(const char *bytes, size_t length)
{
    const unsigned char *b = (const unsigned char *)bytes;

    return length == 4   ? (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24
           : length == 2 ? (uint32_t)b[0] | (uint32_t)b[1] << 8
                         : b[0];
}
static inline uint32_t carom_gram_hash(uint32_t gram, unsigned bits) { return gram * 0x9e3779b1u >> (32 - bits); }

#endif
