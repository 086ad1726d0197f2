/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Looks codes up in the tables of src/tables. What they mean stands there, nothing here. */

#include "smtp/codes.h"

#include <assert.h>
#include <pthread.h>

#include "base/str.h"
#include "smtp/reply.h"

/* Where the rows stand: of each reply code, from 1 on, 0 none; and the first of the details of each subject, of one
   figure all of them, behind those of any detail. */
enum { CODES = 1000, SUBJECTS = 10 };
static unsigned char of_code[CODES];
static uint16_t of_subject[SUBJECTS + 1];

static void make_places(void)
{
    size_t row = 0;

    assert(carom_codes_n <= UINT8_MAX && carom_statuses_n <= UINT16_MAX);
    for (size_t i = 0; i < carom_codes_n; i++) {
        assert(carom_codes[i].code < CODES);
        of_code[carom_codes[i].code] = (unsigned char)(i + 1);
    }
    for (int subject = 0; subject <= SUBJECTS; subject++) {
        while (row < carom_statuses_n && (carom_statuses[row].detail < 0 || carom_statuses[row].subject < subject))
            row++;
        of_subject[subject] = (uint16_t)row;
    }
    assert(row == carom_statuses_n);
}

static void be_ready(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, make_places);
}

const struct carom_code_row *carom_code_find(int code)
{
    be_ready();
    return code >= 0 && code < CODES && of_code[code] > 0 ? &carom_codes[of_code[code] - 1] : NULL;
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

const struct carom_status_row *carom_status_find_row(struct carom_str status)
{
    const struct carom_status_row *best = NULL, *row, *end = carom_statuses + carom_statuses_n;
    int numbers[3], closest = 0, close;

    if (status.len == 0 || carom_status_length(status) != status.len)
        return NULL;
    split(status, numbers);
    be_ready();
    row = &carom_statuses[of_subject[numbers[1] < SUBJECTS ? numbers[1] : SUBJECTS]];
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
