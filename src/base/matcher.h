/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* All phrases (base/phrase.h) in one pass over a folded text (base/utf8.h). Each word is known by a few of its bytes in
   a row, its gram, the rarest among all words; the pass looks up the gram at each place of the text, and only where a
   word has it are its other bytes compared. A pattern that is one word is found with it; of the others it is first seen
   whether words of all their places stand in the text at all.

   The matcher is plain arrays, so that the build tool can print one as a C table (src/tools) and the same code can
   compile a policy's own rules at load. */

#ifndef CAROM_BASE_MATCHER_H
#define CAROM_BASE_MATCHER_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

/* What a word belongs to: the number of the pattern that it is alone, or of a place, times CAROM_MATCHER_NUMBER, with
   flags. MORE: others follow it. */
enum { CAROM_MATCHER_PLACE = 1, CAROM_MATCHER_MORE = 2, CAROM_MATCHER_NUMBER = 4 };

struct carom_matcher_word {
    uint32_t gram;
    uint32_t head, tail; /* its first bytes and its last, as many as a gram has */
    uint32_t bytes;      /* where all of them begin */
    uint32_t target;     /* or, with MORE, where the list of its targets begins */
    uint16_t length;     /* 0: the slot is free */
    uint16_t before;     /* so many of its bytes stand before the gram */
    uint16_t flags;      /* CAROM_PHRASE_…; no mark without a letter or digit at it */
    uint16_t known;      /* 1: gram, head and tail are all of it */
    uint32_t more;       /* 1: a word that belongs here or before stands behind; a slot is half a line of the cache */
};

/* Words by their grams, which all have the same length: in the slot of its hash, or in the next free one behind. */
struct carom_matcher_index {
    const uint32_t *marked; /* a bit per hash: a word has it */
    const struct carom_matcher_word *slots;
    uint32_t n; /* words; 0: the rest is empty */
    uint32_t slots_n;
    uint8_t bits; /* of a hash; its upper ones, but CAROM_MATCHER_SLOT_BITS, are the slot */
};
enum { CAROM_MATCHER_INDEXES = 3, CAROM_MATCHER_SLOT_BITS = 2 }; /* grams of 4, 2 and 1 bytes */

/* A pattern that is more than one word. */
struct carom_matcher_sequence {
    uint32_t pattern;
    uint32_t steps, steps_n; /* its first one, and how many */
};
struct carom_matcher_step {
    uint32_t place;
    uint32_t near; /* 1: not far behind the one before */
};

struct carom_matcher {
    uint32_t patterns, places;
    uint32_t targets_n, sequences_n, steps_n, bytes_n;
    struct carom_matcher_index indexes[CAROM_MATCHER_INDEXES];
    const char *bytes;
    const uint32_t *targets;                        /* of words that have several */
    const uint32_t *keyed;                          /* per place, the first sequence that needs it most; and the end */
    const struct carom_matcher_sequence *sequences; /* by that place */
    const struct carom_matcher_step *steps;
};

/* Compiles n patterns (already folded: carom_utf8_normalise) into heap memory; free with carom_matcher_free.
   NULL: no memory, an empty pattern, or too many. */
struct carom_matcher *carom_matcher_new(const struct carom_str *patterns, size_t n, struct carom_error *err);
void carom_matcher_free(struct carom_matcher *matcher);

/* Calls found once for each pattern that stands in folded, with the place that ends first, in no order; found returns
   false to stop. Working memory is the arena's. Time grows with the text and with what stands in it; and with how many
   words share the rarest bytes they have, which are few unless somebody writes patterns of two letters. */
void carom_matcher_search(const struct carom_matcher *matcher, struct carom_arena *arena, struct carom_str folded,
                          bool (*found)(void *user, uint32_t pattern, size_t start, size_t end), void *user);

#endif
