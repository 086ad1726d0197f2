/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Modules: parts of carom that cost more at start than most who run it can afford, and are loaded on first use. It knows
   where they lie, not what they do. */

#ifndef CAROM_BASE_MODULE_H
#define CAROM_BASE_MODULE_H

#include "base/error.h"

/* The symbol of the module file: in CAROM_MODULES where that is set, else beside us, else where carom is installed. what: for
   the error, what is missed without it. Loading again gives the same. NULL: err. */
void *carom_module_load(const char *file, const char *symbol, const char *what, struct carom_error *err);

#endif
