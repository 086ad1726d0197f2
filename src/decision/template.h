/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* {placeholders} in sinks and texts: fields of the action and of the fact, {address} (the recipient), {list},
   {list_key}, {list_address}, {header.X-…} of the returned message, {sql.NAME} of each for an SQL text,
   {number.NAME} for a JSON number. Values come from mail: every use names how they
   are made harmless. */

#ifndef CAROM_DECISION_TEMPLATE_H
#define CAROM_DECISION_TEMPLATE_H

#include "base/buf.h"
#include "decision/config.h"

enum carom_escape {
    CAROM_ESCAPE_TEXT,   /* control bytes become spaces */
    CAROM_ESCAPE_URL,    /* percent-encoded, RFC 3986 unreserved stay */
    CAROM_ESCAPE_HEADER, /* no CR, LF, NUL */
    CAROM_ESCAPE_JSON,   /* inside a JSON string */
};

/* Finds the value of a placeholder; false: unknown. An empty value is known. */
typedef bool carom_template_lookup(void *user, struct carom_str name, struct carom_str *value_r);

void carom_template_expand(struct carom_buf *out, struct carom_str text, enum carom_escape escape,
                           carom_template_lookup *lookup, void *user);
/* At load: 0, or -1 with err naming the unknown placeholder and the nearest known one. */
int carom_template_check(struct carom_str text, struct carom_error *err);
/* The same where further names are known: those of `more`. */
int carom_template_check_with(struct carom_str text, const struct carom_pair *more, struct carom_error *err);

#endif
