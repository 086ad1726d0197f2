/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The table of what a byte may be part of; no byte beyond ASCII is part of anything here. */

#include "mail/chars.h"

enum {
    LOCAL = CAROM_CHAR_LOCAL,
    SIGN = CAROM_CHAR_SIGN,
    SPACE = CAROM_CHAR_SPACE,
    TOKEN = LOCAL | CAROM_CHAR_TYPE, /* of a type, and so of a local part */
    CAPITAL = TOKEN | CAROM_CHAR_DOMAIN | CAROM_CHAR_PARAM,
    SMALL = CAPITAL | CAROM_CHAR_SMALL,
};

#define LETTER(letter) [letter] = CAPITAL, [letter | 32] = SMALL
const unsigned char carom_chars[256] = {
    LETTER('A'), LETTER('B'), LETTER('C'), LETTER('D'), LETTER('E'), LETTER('F'), LETTER('G'), LETTER('H'), LETTER('I'),
    LETTER('J'), LETTER('K'), LETTER('L'), LETTER('M'), LETTER('N'), LETTER('O'), LETTER('P'), LETTER('Q'), LETTER('R'),
    LETTER('S'), LETTER('T'), LETTER('U'), LETTER('V'), LETTER('W'), LETTER('X'), LETTER('Y'), LETTER('Z'),
    ['0'] = SMALL, ['1'] = SMALL, ['2'] = SMALL, ['3'] = SMALL, ['4'] = SMALL, ['5'] = SMALL, ['6'] = SMALL,
    ['7'] = SMALL, ['8'] = SMALL, ['9'] = SMALL, ['-'] = SMALL, ['.'] = SMALL, ['_'] = SMALL,
    ['*'] = TOKEN | CAROM_CHAR_PARAM,
    ['!'] = TOKEN, ['#'] = TOKEN, ['$'] = TOKEN, ['%'] = TOKEN, ['&'] = TOKEN, ['\''] = TOKEN, ['+'] = TOKEN,
    ['^'] = TOKEN, ['`'] = TOKEN, ['{'] = TOKEN, ['|'] = TOKEN, ['}'] = TOKEN, ['~'] = TOKEN,
    ['/'] = LOCAL, ['='] = LOCAL, ['?'] = LOCAL,
    ['"'] = SIGN, ['('] = SIGN, ['@'] = SIGN, ['<'] = SIGN, [','] = SIGN, [';'] = SIGN, [':'] = SIGN, ['\\'] = SIGN,
    [' '] = SPACE, ['\t'] = SPACE, ['\r'] = SPACE, ['\n'] = SPACE,
};
