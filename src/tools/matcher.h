/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Prints the phrases of a table's column as one struct carom_matcher in C. */

#ifndef CAROM_TOOLS_MATCHER_H
#define CAROM_TOOLS_MATCHER_H

/* Pattern i is row i. What is wrong ends the program, as in tools/tsv.h. Returns the program's exit code. */
int carom_matcher_print(const char *symbol, const char *header, const char *column, const char *path,
                          const char *words_path);

#endif
