/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* All phrases in one pass: an Aho-Corasick automaton over folded text (base/utf8.h). A pattern is a phrase whose '*'
   stand for any run; its pieces must follow one another without overlap. A piece that begins or ends with a letter or
   digit at a place marked '|' must stand at a word boundary there ("|no such user", "552|"). The mark counts only as
   the first or last character of a piece. '~' stands for at most a few words of the same sentence, and "{a,b}", alone
   between two such signs, for any of its words. A backslash before one of | * ~ { } , makes it the character itself.

   The automaton is plain arrays, so that the build tool can print one as a C table (src/tools) and the same
   code can compile a policy's own rules at load. The shallow states, where a search spends its time,
   come first and have a row with an entry for each class of bytes; the others, of which nearly all continue in one way
   only, a list of children, which are numbered in a row, and a state to fall back to. */

#ifndef CAROM_BASE_AUTOMATON_H
#define CAROM_BASE_AUTOMATON_H

#include "base/error.h"
#include "base/str.h"

struct carom_automaton_state {
    uint32_t child;   /* the first one; the others follow it */
    uint32_t fail;    /* the state of its longest suffix */
    uint32_t output;  /* 1 + the first piece that ends here; 0 none */
    uint8_t children; /* how many */
    uint8_t first;    /* class that leads to the first child; none has UINT8_MAX */
    uint8_t class;    /* class that leads here */
};

/* Those that end at one state stand side by side. */
struct carom_automaton_piece {
    uint32_t pattern;
    uint32_t slot;   /* where a pattern of several pieces keeps how far it has come */
    uint32_t more;   /* of the last one at a state: 1 + the first one that ends with the state's suffix; 0 none */
    uint16_t index;  /* its place in the pattern, from 0; pieces of one place are alternatives */
    uint16_t length; /* bytes */
    uint8_t flags;   /* CAROM_PIECE_… */
};
enum {
    CAROM_PIECE_WORD_BEFORE = 1,
    CAROM_PIECE_WORD_AFTER = 2,
    CAROM_PIECE_LAST = 4,
    CAROM_PIECE_NEAR = 8,      /* not far behind the one before */
    CAROM_PIECE_NEAR_NEXT = 16, /* the next one is */
    CAROM_PIECE_END = 32       /* the last one at its state */
};

struct carom_automaton {
    uint32_t states_n, pieces_n;
    uint32_t dense; /* how many states, from the root on, have a row */
    uint32_t slots; /* patterns of several pieces */
    uint32_t patterns, classes;
    const uint8_t *class_of; /* 256: byte to class; 0 is in no pattern */
    const uint16_t *rows;    /* dense × classes, complete: the next state, which is a child of a dense one or dense */
    const struct carom_automaton_state *states;
    const struct carom_automaton_piece *pieces;
};

/* Compiles n patterns (already folded: carom_utf8_normalise) into heap memory; free with carom_automaton_free.
   NULL: no memory, an empty pattern, or too many. */
struct carom_automaton *carom_automaton_new(const struct carom_str *patterns, size_t n, struct carom_error *err);
void carom_automaton_free(struct carom_automaton *automaton);

/* Working memory of a search; caller's storage, reused over searches. A bit a pattern, and a bit and some words for the
   few patterns that have several pieces: each search clears the bits. */
struct carom_automaton_progress {
    uint32_t wanted; /* the next piece */
    uint32_t start;  /* where the first piece began */
    uint32_t end;    /* where the last piece ended */
};
struct carom_automaton_run {
    uint32_t *done;  /* bit set: patterns that were found */
    uint32_t *begun; /* bit set: slots whose progress says something */
    struct carom_automaton_progress *progress;
};
size_t carom_automaton_run_size(const struct carom_automaton *automaton); /* bytes for _begin, aligned as words */
void carom_automaton_begin(const struct carom_automaton *automaton, void *memory, struct carom_automaton_run *run_r);

/* Calls found once for each pattern that stands in folded (first occurrence), in order of its end. found returns
   false to stop. Linear in the text, whatever the patterns. */
void carom_automaton_search(const struct carom_automaton *automaton, struct carom_automaton_run *run,
                            struct carom_str folded,
                            bool (*found)(void *user, uint32_t pattern, size_t start, size_t end), void *user);

#endif
