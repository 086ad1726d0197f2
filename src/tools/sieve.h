/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Prints sieves (base/sieve.h) over the patterns of a table's column. */

#ifndef CAROM_TOOLS_SIEVE_H
#define CAROM_TOOLS_SIEVE_H

/* One for each value of the column `key` ("-": one for all rows), in the order in which they come. length: of the grams.
   separator: between the alternatives of a cell; "": it has none. Returns the program's exit code. */
int carom_sieve_print(const char *symbol, const char *header, const char *column, const char *key, const char *length,
                      const char *separator, const char *path);

#endif
