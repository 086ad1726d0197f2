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
#include "base/gram.h"
#include "base/str.h"

/* What a word belongs to: the number of the pattern that it is alone, or of a place, times CAROM_MATCHER_NUMBER, with
   flags. MORE: others follow it. */
enum { CAROM_MATCHER_PLACE = 1, CAROM_MATCHER_MORE = 2, CAROM_MATCHER_NUMBER = 4 };

struct carom_matcher_word {
    uint32_t gram;
    uint32_t head, tail; /* its first bytes and its last, as many as a gram has */
    uint32_t bytes;      /* where all of them begin */
    uint32_t target;     /* or, with MORE, where the list of its targets begins */
    uint16_t length;
    uint16_t before;     /* so many of its bytes stand before the gram */
    uint16_t flags;      /* CAROM_PHRASE_…; no mark without a letter or digit at it */
    uint16_t known;      /* 1: gram, head and tail are all of it */
    uint32_t more;       /* the next word with the same hash, 0: none; a word is half a line of the cache */
};

/* Words by their grams, which all have the same length. */
struct carom_matcher_index {
    struct carom_gram_set set;
    const struct carom_matcher_word *words; /* by the hashes of their grams */
    uint32_t n;                             /* 0: the rest is empty */
};
enum { CAROM_MATCHER_INDEXES = 3 }; /* grams of 4, 2 and 1 bytes */

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

struct carom_matcher_user {
    /* Called once for each pattern that stands in the text, with the place that ends first, in no order; false: enough. */
    bool (*found)(void *user, uint32_t pattern, size_t start, size_t end);
    /* Whether it matters by now if that pattern stands there, which is asked before much is done for it; NULL: always. */
    bool (*matters)(void *user, uint32_t pattern);
    void *user;
};

/* Looks for all patterns in folded. Working memory is the arena's. Time grows with the text and with what stands in it; and with how many
   words share the rarest bytes they have, which are few unless somebody writes patterns of two letters. */
void carom_matcher_search(const struct carom_matcher *matcher, struct carom_arena *arena, struct carom_str folded,
                          const struct carom_matcher_user *user);

#endif
