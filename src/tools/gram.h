/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Prints a set of grams (base/gram.h). */

#ifndef CAROM_TOOLS_GRAM_H
#define CAROM_TOOLS_GRAM_H

#include "base/gram.h"

/* Its marks, as the array marks_NUMBER. */
void carom_gram_set_print(const struct carom_gram_set *set, size_t number);

#endif
