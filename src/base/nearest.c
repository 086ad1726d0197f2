/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

#include "base/nearest.h"

enum { NAME_LENGTH = 40 };

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Edits from a to b, two swapped neighbours being one (optimal string alignment). */
static size_t edits(struct carom_str a, struct carom_str b)
{
    size_t rows[3][NAME_LENGTH + 1];
    for (size_t j = 0; j <= b.len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *higher = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            bool other = carom_lower(a.ptr[i - 1]) != carom_lower(b.ptr[j - 1]);
            row[j] = min3(row[j - 1] + 1, above[j] + 1, above[j - 1] + other);
            bool swapped = i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1];
            if (swapped && higher[j - 2] + 1 < row[j])
                row[j] = higher[j - 2] + 1;
        }
    }
    return rows[a.len % 3][b.len];
}

struct carom_nearest carom_nearest_to(struct carom_str wanted)
{
    return (struct carom_nearest){.wanted = wanted, .best = CAROM_STR_EMPTY, .distance = wanted.len / 2 + 1};
}

/* "warn" of warning, "code" of reply_code. */
static bool is_part(struct carom_str wanted, struct carom_str candidate)
{
    if (wanted.len < 3 || candidate.len <= wanted.len)
        return false;
    return carom_str_istarts(candidate, wanted) ||
           (carom_str_iends(candidate, wanted) && candidate.ptr[candidate.len - wanted.len - 1] == '_');
}

void carom_nearest_offer(struct carom_nearest *nearest, struct carom_str candidate)
{
    if (nearest->wanted.len > NAME_LENGTH || candidate.len > NAME_LENGTH)
        return;
    size_t distance = is_part(nearest->wanted, candidate) ? 1 : edits(nearest->wanted, candidate);
    if (distance >= nearest->distance)
        return;
    nearest->distance = distance;
    nearest->best = candidate;
}
