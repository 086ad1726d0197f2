/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Lua's tokens (Lua 5.4 manual, 3.1), as far as they tell names and strings from comments and all else. */

#ifndef CAROM_POLICY_TOKENS_H
#define CAROM_POLICY_TOKENS_H

#include "base/str.h"

struct carom_token {
    enum carom_token_type { CAROM_TOKEN_NAME, CAROM_TOKEN_STRING, CAROM_TOKEN_NUMBER, CAROM_TOKEN_SIGN } type;
    struct carom_str text; /* of a string what stands between its quotes, escapes as they are written */
    int line;              /* in which it begins, from 1 */
};

/* Zero-initialise, and give the whole text to rest. */
struct carom_tokens {
    struct carom_str rest;
    int lines;
};

/* 1 and the next token; 0: there is none. Keywords are names; "::", "==", "~=" and the like are one sign. */
int carom_tokens_next(struct carom_tokens *tokens, struct carom_token *token_r);

#endif
