/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* A colon before a name is a method call and nothing else; "::" marks a label. What is called in a roundabout way is not
   seen. */

#include "policy/calls.h"

#include "policy/tokens.h"

static void note(struct carom_str name, bool calls[CAROM_ACTION_COUNT])
{
    for (int type = 0; type < CAROM_ACTION_COUNT; type++)
        if (carom_str_eq(name, carom_str(carom_action_name((enum carom_action_type)type))))
            calls[type] = true;
}

void carom_calls_find(struct carom_str text, bool calls[CAROM_ACTION_COUNT])
{
    struct carom_tokens tokens = {.rest = text};
    struct carom_token token;
    bool colon = false;
    while (carom_tokens_next(&tokens, &token)) {
        if (token.type == CAROM_TOKEN_NAME && colon)
            note(token.text, calls);
        colon = token.type == CAROM_TOKEN_SIGN && carom_str_eq(token.text, CAROM_STR(":"));
    }
}
