/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Which patterns of a table need to be tried on a text at all. Of each pattern the build tool (src/tools/sieve.c) kept a
   few bytes in a row that stand in every text in which it matches, the rarest it has: one pass over the text, some
   instructions a byte, leaves the rows whose bytes were seen, with others of the pattern where those must stand. A sieve
   only lets through: whoever asks must still match. Letters of ASCII have no case here. */

#ifndef CAROM_BASE_SIEVE_H
#define CAROM_BASE_SIEVE_H

#include "base/gram.h"
#include "base/str.h"

enum { CAROM_SIEVE_ROWS = 1280 };

struct carom_sieve_gram {
    uint32_t bytes;
    uint32_t other; /* four more of the pattern, so many bytes behind these or, less than 0, before them; 0: none */
    int16_t distance;
    uint16_t row;
    uint32_t more; /* the next gram with the same hash; 0: none */
};

struct carom_sieve {
    struct carom_str name;  /* the group of rows in its table, "" all */
    uint8_t length;         /* of a gram: 3 or 4 bytes */
    uint8_t stride;         /* places from one look to the next: as many grams in a row has each pattern */
    struct carom_gram_set set;
    const struct carom_sieve_gram *grams; /* by their hashes */
    size_t grams_n;
    const uint16_t *always; /* rows that have no bytes to look for */
    size_t always_n;
};

struct carom_sieved {
    size_t words;                         /* how many of rows are in use: 0 makes it empty */
    uint64_t rows[CAROM_SIEVE_ROWS / 64]; /* a bit a row */
};
static inline void carom_sieved_init(struct carom_sieved *sieved) { sieved->words = 0; }

/* The sieve of that group out of n. There is one, or it is our bug. */
const struct carom_sieve *carom_sieve_named(const struct carom_sieve *sieves, size_t n, struct carom_str name);
/* Adds the rows of which a pattern may match the text, or a part of it. */
void carom_sieve_add(const struct carom_sieve *sieve, struct carom_str text, struct carom_sieved *sieved);
/* Calls found for each place at which the bytes of a row stand: with one of them, until it returns true. The rows that
   have none come first, with SIZE_MAX for the place. Returns what found did. */
bool carom_sieve_scan(const struct carom_sieve *sieve, struct carom_str text,
                      bool (*found)(void *user, size_t row, size_t at), void *user);
/* Adds all rows of the sieve. */
void carom_sieve_add_all(const struct carom_sieve *sieve, struct carom_sieved *sieved);
void carom_sieved_add(struct carom_sieved *sieved, size_t row);
/* The first row at or behind `from`; SIZE_MAX: no more. */
size_t carom_sieved_next(const struct carom_sieved *sieved, size_t from);

/* What build tool and search must agree on. Four bytes are read, whatever the length. */
static inline uint32_t carom_sieve_gram(const char *bytes, size_t length)
{
    return (carom_gram(bytes, 4) | 0x20202020u) & (length == 3 ? 0xffffffu : 0xffffffffu);
}

#endif
