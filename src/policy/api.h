/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What a policy may name: the rows of tables/api.tsv, from which the reference is made too. A key or field that has no
   row there does not exist, so that none is without its documentation. */

#ifndef CAROM_POLICY_API_H
#define CAROM_POLICY_API_H

#include "base/nearest.h"

struct carom_api_row {
    const char *of;   /* hook, carom, bounce …, or the call whose braces it stands in: "bounce:retry" */
    const char *name;
    const char *type; /* in the words of the Lua language server */
};
extern const struct carom_api_row carom_api[]; /* the rows of one owner stand together */
extern const size_t carom_api_n;
extern const uint16_t carom_api_index[]; /* of owner and name, as tools/tablec.c made it */
extern const size_t carom_api_index_n;

const struct carom_api_row *carom_api_first(const char *of); /* NULL: it has none */
/* The next row of the same owner, or NULL. */
const struct carom_api_row *carom_api_next(const struct carom_api_row *row);
bool carom_api_has(const char *of, struct carom_str name);
/* Offers the names of that owner. */
void carom_api_offer(struct carom_nearest *nearest, const char *of);

#endif
