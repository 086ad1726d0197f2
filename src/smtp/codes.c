/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Looks codes up in the tables of src/tables. What they mean stands there, nothing here. */

#include "smtp/codes.h"

#include <stdlib.h>

#include "base/str.h"
#include "smtp/reply.h"

static int compare_code(const void *code, const void *row)
{
    return *(const int *)code - ((const struct carom_code_row *)row)->code;
}

const struct carom_code_row *carom_code_find(int code)
{
    return bsearch(&code, carom_codes, carom_codes_n, sizeof *carom_codes, compare_code);
}

/* "5.7.606": the three numbers of a code that carom_status_length has accepted. */
static void split(struct carom_str status, int numbers[3])
{
    size_t n = 0;

    numbers[0] = numbers[1] = numbers[2] = 0;
    for (size_t i = 0; i < status.len && n < 3; i++) {
        if (status.ptr[i] == '.')
            n++;
        else
            numbers[n] = numbers[n] * 10 + (status.ptr[i] - '0');
    }
}

/* How closely a row of the subject or of all fits, 0 not at all: the detail counts most, then the subject, then the
   class; a code by itself before the range that it lies in. */
static int closeness(const struct carom_status_row *row, const int numbers[3])
{
    if (row->klass != 0 && row->klass != numbers[0])
        return 0;
    if (row->detail >= 0 && (numbers[2] < row->detail || numbers[2] > row->detail_last))
        return 0;
    return 1 + (row->detail == row->detail_last ? 1 : 0) + (row->klass != 0 ? 2 : 0) + (row->subject >= 0 ? 4 : 0) +
           (row->detail >= 0 ? 8 : 0);
}

/* The first row of the details of that subject, or of a later one: behind those of any detail they are in order of
   subject and detail. */
static const struct carom_status_row *first_of_subject(int subject)
{
    const struct carom_status_row *row = carom_statuses;

    for (size_t n = carom_statuses_n, half; n > 0;) {
        half = n / 2;
        if (row[half].detail < 0 || row[half].subject < subject)
            row += half + 1, n -= half + 1;
        else
            n = half;
    }
    return row;
}

const struct carom_status_row *carom_status_find_row(struct carom_str status)
{
    const struct carom_status_row *best = NULL, *row, *end = carom_statuses + carom_statuses_n;
    int numbers[3], closest = 0, close;

    if (status.len == 0 || carom_status_length(status) != status.len)
        return NULL;
    split(status, numbers);
    row = first_of_subject(numbers[1]);
    for (; row < end && row->subject == numbers[1] && row->detail <= numbers[2]; row++) {
        close = closeness(row, numbers);
        if (close > closest)
            best = row, closest = close;
    }
    if (best) /* a row of any detail is never as close */
        return best;
    for (row = carom_statuses; row < end && row->detail < 0; row++) {
        close = row->subject == numbers[1] || row->subject < 0 ? closeness(row, numbers) : 0;
        if (close > closest)
            best = row, closest = close;
    }
    return best;
}
