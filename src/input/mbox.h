/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The messages of an mbox (RFC 4155), whatever its dialect: mboxo, mboxrd, mboxcl, mboxcl2. */

#ifndef CAROM_INPUT_MBOX_H
#define CAROM_INPUT_MBOX_H

#include "input/window.h"

/* Does a file that begins with head look like an mbox: a From_ line with a date? */
bool carom_mbox_starts(struct carom_str head);

/* The next message: 1 and its bytes with the From_ line, unquoted, borrowed until the next call; 0 the end; -1 the file
   could not be read, or CAROM_ERROR_LIMIT: this message is larger than max, call again for the one after it. */
int carom_mbox_next(struct carom_window *window, size_t max, struct carom_str *message_r, struct carom_error *err);

#endif
