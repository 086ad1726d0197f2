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

/* Asked at each field that a hook reads: most rows are passed by at their first letter. */
bool carom_api_has(const char *of, struct carom_str name)
{
    for (size_t i = 0; name.len && i < carom_api_n; i++)
        if (*carom_api[i].name == *name.ptr && carom_str_eq(name, carom_str(carom_api[i].name)) &&
            strcmp(carom_api[i].of, of) == 0)
            return true;
    return false;
}

void carom_api_offer(struct carom_nearest *nearest, const char *of)
{
    for (const struct carom_api_row *row = carom_api_first(of); row; row = carom_api_next(row))
        carom_nearest_offer(nearest, carom_str(row->name));
}
