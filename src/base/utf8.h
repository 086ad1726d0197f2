/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* UTF-8 (RFC 3629): decoding, checking, and caseless comparison for the scripts in which bounces are written. */

#ifndef CAROM_BASE_UTF8_H
#define CAROM_BASE_UTF8_H

#include "base/arena.h"

/* Decodes one character at the start of s (not empty). Returns its length, or 0 when the first byte starts none. */
size_t carom_utf8_decode(struct carom_str s, uint32_t *character_r);
size_t carom_utf8_encode(uint32_t character, char out[4]);
bool carom_utf8_valid(struct carom_str s);
bool carom_utf8_ascii(struct carom_str s);
/* All of it ASCII that is seen, or spaces. */
bool carom_utf8_visible(struct carom_str s);
/* The same, not empty, with single spaces between words alone: neither flowing nor folding changes more than its case. */
bool carom_utf8_even(struct carom_str s);
/* All of it ASCII, and no NUL. */
bool carom_utf8_plain(struct carom_str s);
/* s itself when valid, else a copy in which each bad byte is U+FFFD. */
struct carom_str carom_utf8_clean(struct carom_arena *arena, struct carom_str s);
/* Does it show? Not controls (C0, DEL, C1), nor what hides or reorders the text around it. */
bool carom_utf8_printable(uint32_t character);
/* Simple case folding of one character: ASCII, Latin, Greek, Cyrillic, Armenian, full width. */
uint32_t carom_utf8_fold(uint32_t character);

/* Text made ready for matching: white space runs (also NBSP and ideographic space) become one space, typographic
   quotes ' and "; what does not show (soft hyphens, zero width, NUL) is left out, the result trimmed. `shown` keeps
   case, `folded` is caseless; both have the same length, so that an offset in one is an offset in the other. Where nothing is to be changed,
   shown is the text itself. */
struct carom_utf8_text {
    struct carom_str shown, folded;
};
struct carom_utf8_text carom_utf8_normalise(struct carom_arena *arena, struct carom_str s);

/* Caseless in Unicode, '*' any run, anywhere in text, linear in the text (what policies call carom.match). */
bool carom_utf8_match(struct carom_arena *arena, struct carom_str text, struct carom_str pattern);

#endif
