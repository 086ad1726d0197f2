/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Prints sieves (base/sieve.h) over the patterns of a table's column. */

#ifndef CAROM_TOOLS_SIEVE_H
#define CAROM_TOOLS_SIEVE_H

/* One for each value of the column `key` ("-": one for all rows; "a+b": for each two values of a and b, which the name has
   with a blank between; "=|{num}": signs, one for the patterns that have both, named so, for those that have one of them,
   for the others), in the order in which they come. A text is looked at in strides as wide as the shortest pattern allows.
   shape: how short patterns may be, those below are always let through: "3" or "4" bytes, with "/4" seven; with "_" they may
   have spaces: texts that are sieved have them as they are matched; with "!" an empty cell matches nothing, else everything.
   separator: between the alternatives of a cell; "": it has none. usual: the table of words by which nothing is told apart.
   Returns the program's exit code. */
int carom_sieve_print(const char *symbol, const char *header, const char *column, const char *key, const char *shape,
                      const char *separator, const char *path, const char *usual);

#endif
