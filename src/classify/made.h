/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Made-up facts, for trying a policy: a few fields are stated, the rest follows as it does of a bounce that was read. */

#ifndef CAROM_CLASSIFY_MADE_H
#define CAROM_CLASSIFY_MADE_H

#include "classify/fact.h"

struct carom_made_field {
    struct carom_str name;  /* of a field in carom-fact(5); members of groups as "original.message_id" */
    struct carom_str value; /* as text: times RFC 3339, booleans true or false; empty: not known */
};

/* The fact that has these fields. Not stated, and so derived:
   - kind and reason from diagnostic, reply_code, status and command, by the rules (judging: the operator's, or NULL);
     else kind from the reason, as the classifier does of words alone. fault and hard always follow and cannot be stated.
   - provider from remote_mta, else the recipient; list_by "caller"; confidence high; authenticity unproven;
   - received: time, else now; time: received. Neither may lie after now (seconds since 1970).
   - id: of all that is stated and of serial: the same fields with another serial are another bounce, and the same
     with the same serial a copy, whenever it comes.
   Texts are in the arena, whose guard it sets itself. -1: err says which field is wrong, and the nearest known. */
int carom_fact_made(struct carom_arena *arena, const struct carom_made_field *fields, size_t n, uint64_t serial,
                    const struct carom_judging *judging, int64_t now, struct carom_fact *fact_r, struct carom_error *err);

#endif
