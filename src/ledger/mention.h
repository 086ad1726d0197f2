/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Finds an address in any text: as it is written, without regard to case, and as return paths and links write it
   (ann=example.com, ann%40example.com, ann=40example.com). It is not found within a longer one. */

#ifndef CAROM_LEDGER_MENTION_H
#define CAROM_LEDGER_MENTION_H

#include "base/arena.h"
#include "base/buf.h"

struct carom_mention {
    struct carom_str local, domain;
};

/* Where the first of n stands in text from offset on, and its end; SIZE_MAX: nowhere. Linear in the text. */
size_t carom_mention_find(const struct carom_mention *mentions, size_t n, struct carom_str text, size_t from,
                          size_t *end_r);
/* The text with "[erased]" for each of them into out. false: there is none, and out is empty. */
bool carom_mention_blot(const struct carom_mention *mentions, size_t n, struct carom_str text, struct carom_buf *out);

#endif
