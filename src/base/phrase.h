/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Phrases as people write them, made ready for the automaton: classes of words put in ("{who}" is any of the words of
   that class, in all languages), then folded as texts are. */

#ifndef CAROM_BASE_PHRASE_H
#define CAROM_BASE_PHRASE_H

#include "base/arena.h"
#include "base/str.h"

/* words.tsv: the words of one class in one language, separated by commas. */
struct carom_word_row {
    const char *name, *words;
};
extern const struct carom_word_row carom_word_rows[];
extern const size_t carom_word_rows_n;

/* The pattern for base/automaton.h, of the arena. Empty: nothing is left of it, or it names a class that is none of
   rows; *unknown_r is then that name, else empty. "{a,b}" and "\{" stay as they are. */
struct carom_str carom_phrase_ready(struct carom_arena *arena, struct carom_str text, const struct carom_word_row *rows,
                                    size_t n, struct carom_str *unknown_r);

#endif
