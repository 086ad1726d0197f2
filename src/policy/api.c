/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Looking up names in the table of the Lua API. It knows none of them. */

#include "policy/api.h"

const struct carom_api_row *carom_api_first(const char *of)
{
    for (size_t i = 0; i < carom_api_n; i++)
        if (strcmp(carom_api[i].of, of) == 0)
            return &carom_api[i];
    return NULL;
}

const struct carom_api_row *carom_api_next(const struct carom_api_row *row)
{
    const struct carom_api_row *next = row + 1;
    return next < carom_api + carom_api_n && strcmp(next->of, row->of) == 0 ? next : NULL;
}

/* Asked at each field that a hook reads. */
bool carom_api_has(const char *of, struct carom_str name)
{
    size_t at = carom_str_hash(carom_str_hash(0, carom_str(of)), name), row;

    for (; (row = carom_api_index[at & (carom_api_index_n - 1)]); at++)
        if (carom_str_eq(name, carom_str(carom_api[row - 1].name)) && strcmp(carom_api[row - 1].of, of) == 0)
            return name.len > 0;
    return false;
}

void carom_api_offer(struct carom_nearest *nearest, const char *of)
{
    for (const struct carom_api_row *row = carom_api_first(of); row; row = carom_api_next(row))
        carom_nearest_offer(nearest, carom_str(row->name));
}
