/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Filling a struct carom_error (see carom.h). NULL err is allowed everywhere. */

#ifndef CAROM_BASE_ERROR_H
#define CAROM_BASE_ERROR_H

#include "carom.h"

/* Sets code and text (printf format, cut to fit, line ends and control bytes made spaces). Returns -1, so that a
   caller can write `return carom_error_set(err, …)`. */
int carom_error_set(struct carom_error *err, enum carom_error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "where: " before the text already in err. Returns -1. */
int carom_error_prefix(struct carom_error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

int carom_error_memory(struct carom_error *err); /* returns -1 */

#endif
