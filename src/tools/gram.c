/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

#include "tools/gram.h"

#include <stdio.h>

void carom_gram_set_print(const struct carom_gram_set *set, size_t number)
{
    printf("static const _Alignas(64) uint32_t marks_%zu[] = {", number);
    for (size_t i = 0; i < 2 * carom_gram_numbers(set->bits); i++)
        printf("%s0x%lx,", i % 16 ? "" : "\n", (unsigned long)set->marks[i]);
    puts("\n};");
}
