/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* All phrases in one pass: an Aho-Corasick automaton over folded text (base/utf8.h). A pattern is a phrase whose '*'
   stand for any run; its pieces must follow one another without overlap. A piece that begins or ends with a letter or
   digit at a place marked '|' must stand at a word boundary there ("|no such user", "552|"). The mark counts only as
   the first or last character of a piece; "\|" and "\*" are the characters themselves.

   The automaton is plain arrays, so that the build tool can print one as a C table (src/tools) and the same
   code can compile a policy's own rules at load. */

#ifndef CAROM_BASE_AUTOMATON_H
#define CAROM_BASE_AUTOMATON_H

#include "base/error.h"
#include "base/str.h"

struct carom_automaton {
    uint32_t states, pieces, patterns, classes;
    const uint8_t *class_of;       /* 256: byte to class */
    const uint32_t *next;          /* states × classes, complete: next state × classes, and CAROM_AUTOMATON_ENDS */
    const uint32_t *first_output;  /* per state: index into outputs, 0 none */
    const uint32_t *suffix_output; /* per state: next state on the suffix chain that has an output, 0 none */
    const uint32_t *outputs;       /* piece numbers, each list ended by UINT32_MAX */
    const uint32_t *piece_pattern; /* per piece: its pattern */
    const uint16_t *piece_index;   /* per piece: its place in the pattern, from 0 */
    const uint16_t *piece_length;  /* per piece: bytes */
    const uint8_t *piece_flags;    /* CAROM_PIECE_… */
    const uint16_t *pattern_pieces; /* per pattern: how many */
    uint32_t outputs_n;             /* length of outputs, for printing */
};
#define CAROM_AUTOMATON_ENDS UINT32_C(0x80000000) /* in next: some piece ends there */
enum { CAROM_PIECE_WORD_BEFORE = 1, CAROM_PIECE_WORD_AFTER = 2 };

/* Compiles n patterns (already folded: carom_utf8_normalise) into heap memory; free with carom_automaton_free.
   NULL: no memory, an empty pattern, or too many. */
struct carom_automaton *carom_automaton_new(const struct carom_str *patterns, size_t n, struct carom_error *err);
void carom_automaton_free(struct carom_automaton *automaton);

/* Working memory of a search: per pattern how far it has come; caller's storage, reused over searches. */
struct carom_automaton_run {
    uint32_t *progress; /* per pattern: next piece wanted */
    uint32_t *end;      /* per pattern: where the last piece ended */
    uint32_t *start;    /* per pattern: where the first piece began */
};
size_t carom_automaton_run_size(const struct carom_automaton *automaton); /* bytes to give to _begin */
void carom_automaton_begin(const struct carom_automaton *automaton, void *memory, struct carom_automaton_run *run_r);

/* Calls found once for each pattern that stands in folded (first occurrence), in order of its end. found returns
   false to stop. Linear in the text, whatever the patterns. */
void carom_automaton_search(const struct carom_automaton *automaton, struct carom_automaton_run *run,
                            struct carom_str folded,
                            bool (*found)(void *user, uint32_t pattern, size_t start, size_t end), void *user);

#endif
