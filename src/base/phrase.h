/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Phrases as people write them, made ready for the matcher (base/matcher.h): classes of words put in ("{who}" is any of
   the words of that class, in all languages), then folded as texts are (base/utf8.h). A ready one is taken apart by its
   signs. A '*' stands for any run, '~' for at most a few words of the same sentence; what stands between such signs is
   a place: a text, or "{a,b}", alone there, for any of its words. Places follow one another without overlap. A word
   that begins or ends with a letter or digit at a mark '|' must stand at a word boundary there ("|no such user",
   "552|"); the mark counts only as the first or last character. A backslash before one of | * ~ { } , makes it the
   character itself. */

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

/* The pattern, of the arena. Empty: nothing is left of it, or it names a class that is none of
   rows; *unknown_r is then that name, else empty. "{a,b}" and "\{" stay as they are. */
struct carom_str carom_phrase_ready(struct carom_arena *arena, struct carom_str text, const struct carom_word_row *rows,
                                    size_t n, struct carom_str *unknown_r);

/* As written, escapes and all. */
struct carom_phrase_place {
    struct carom_str words;
    bool several; /* "{a,b}", without the braces */
    bool near;    /* behind '~' */
};
enum { CAROM_PHRASE_WORD_BEFORE = 1, CAROM_PHRASE_WORD_AFTER = 2 };
struct carom_phrase_word {
    struct carom_str raw; /* without the marks; not empty */
    uint8_t flags;        /* CAROM_PHRASE_…: its marks */
};

/* The next place that is not empty; false at the end of the pattern. *near_next, false at the beginning, is for the
   next call. */
bool carom_phrase_place(struct carom_str *rest, bool *near_next, struct carom_phrase_place *place_r);
/* The words of a place one after the other, which they use up; an empty one is left out. */
bool carom_phrase_word(struct carom_phrase_place *place, struct carom_phrase_word *word_r);
/* The bytes of a word one after the other, without escapes. */
bool carom_phrase_byte(struct carom_str *raw, unsigned char *byte_r);
/* A brace that neither opens nor closes a whole place would be looked for as itself, which nobody means. */
bool carom_phrase_has_brace(struct carom_str raw);

/* Whether a letter or digit stands at, or ends there. */
bool carom_phrase_letter_at(struct carom_str text, size_t at);
bool carom_phrase_letter_before(struct carom_str text, size_t end);

#endif
