/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The id of a fact: the same for the same bounce and recipient, however often and by whatever way it comes. */

#ifndef CAROM_CLASSIFY_IDENTITY_H
#define CAROM_CLASSIFY_IDENTITY_H

#include "mail/message.h"

/* What tells one message from all others, as 32 hexadecimal digits: of its Message-ID, which is given, else of all of it
   without the headers that each server on its way adds. */
struct carom_str carom_identity_message(struct carom_arena *arena, const struct carom_message *message,
                                        struct carom_str id);
/* The id of one recipient's fate in what `origin` names: also of its token, list, delivery and kind, since reporters
   use one Message-ID for several. */
struct carom_str carom_identity_fact(struct carom_arena *arena, struct carom_str origin, const struct carom_fact *fact);

#endif
