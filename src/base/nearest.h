/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Did you mean …? The word that a misspelt one comes nearest to. */

#ifndef CAROM_BASE_NEAREST_H
#define CAROM_BASE_NEAREST_H

#include "base/str.h"

struct carom_nearest {
    struct carom_str wanted, best; /* best: borrowed of whoever offered it; empty: nothing comes near */
    size_t distance;
};
struct carom_nearest carom_nearest_to(struct carom_str wanted);
void carom_nearest_offer(struct carom_nearest *nearest, struct carom_str candidate);

#endif
