/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

#include "tools/gram.h"

#include <stdio.h>

void carom_gram_set_print(const struct carom_gram_set *set, size_t number)
{
    printf("static const _Alignas(64) struct carom_gram_marks marks_%zu[] = {", number);
    for (size_t i = 0; i < ((size_t)1 << set->bits) / 32; i++)
        printf("%s{0x%lx,%lu},", i % 16 ? "" : "\n", (unsigned long)set->marks[i].marked,
               (unsigned long)set->marks[i].before);
    puts("\n};");
}
