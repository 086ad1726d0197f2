/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Compiles phrases with the library's own matcher and prints its arrays, so that a program starts with them ready.
   It knows neither rules nor reasons. */

#include "tools/automaton.h"

#include <stdlib.h>
#include <string.h>

#include "base/automaton.h"
#include "base/utf8.h"
#include "tools/tsv.h"

struct phrases {
    struct carom_str *list;
    size_t n, capacity;
};

static void add(struct phrases *phrases, struct carom_str text)
{
    if (phrases->n == phrases->capacity) {
        phrases->capacity = phrases->capacity ? 2 * phrases->capacity : 256;
        phrases->list = realloc(phrases->list, phrases->capacity * sizeof *phrases->list);
        if (!phrases->list)
            abort();
    }
    phrases->list[phrases->n++] = text;
}

static size_t column_number(const struct carom_tsv *tsv, const char *name)
{
    for (size_t i = 0; i < tsv->columns; i++) {
        if (strcmp(tsv->cell[i], name) == 0)
            return i;
    }
    carom_tsv_fail(tsv, "no column is named '%s'", name);
}

static struct phrases read_phrases(struct carom_arena *arena, const char *column, const char *path)
{
    struct phrases phrases = {NULL, 0, 0};
    struct carom_tsv tsv;
    size_t number;

    carom_tsv_begin(&tsv, path);
    number = column_number(&tsv, column);
    while (carom_tsv_next(&tsv)) {
        struct carom_str folded = carom_utf8_normalise(arena, carom_str(tsv.cell[number])).folded;

        if (folded.len == 0)
            carom_tsv_fail(&tsv, "no text: it would match everything");
        add(&phrases, carom_arena_str(arena, folded));
    }
    carom_tsv_end(&tsv);
    return phrases;
}

#define PRINT_ARRAY(type, name, array, n) \
    do { \
        printf("static const " type " " name "[] = {"); \
        for (size_t i = 0; i < (n); i++) \
            printf("%s%lu,", i % 32 ? "" : "\n", (unsigned long)(array)[i]); \
        puts("\n};"); \
    } while (0)

static void print(const struct carom_automaton *a, const char *symbol, const char *header)
{
    printf("#include \"%s\"\n\n", header);
    PRINT_ARRAY("uint8_t", "class_of", a->class_of, 256);
    PRINT_ARRAY("uint32_t", "next", a->next, (size_t)a->states * a->classes);
    PRINT_ARRAY("uint32_t", "first_output", a->first_output, a->states);
    PRINT_ARRAY("uint32_t", "suffix_output", a->suffix_output, a->states);
    PRINT_ARRAY("uint32_t", "outputs", a->outputs, a->outputs_n);
    PRINT_ARRAY("uint32_t", "piece_pattern", a->piece_pattern, a->pieces);
    PRINT_ARRAY("uint16_t", "piece_index", a->piece_index, a->pieces);
    PRINT_ARRAY("uint16_t", "piece_length", a->piece_length, a->pieces);
    PRINT_ARRAY("uint8_t", "piece_flags", a->piece_flags, a->pieces);
    PRINT_ARRAY("uint16_t", "pattern_pieces", a->pattern_pieces, a->patterns);
    printf("const struct carom_automaton %s = {\n", symbol);
    printf("    .states = %u, .pieces = %u, .patterns = %u, .classes = %u, .outputs_n = %u,\n", a->states, a->pieces,
           a->patterns, a->classes, a->outputs_n);
    puts("    .class_of = class_of, .next = next, .first_output = first_output, .suffix_output = suffix_output,\n"
         "    .outputs = outputs, .piece_pattern = piece_pattern, .piece_index = piece_index,\n"
         "    .piece_length = piece_length, .piece_flags = piece_flags, .pattern_pieces = pattern_pieces};");
}

int carom_automaton_print(const char *symbol, const char *header, const char *column, const char *path)
{
    struct carom_arena *arena = carom_arena_new();
    struct carom_automaton *automaton;
    struct carom_error err;
    struct phrases phrases;

    if (!arena || carom_arena_guard(arena)) {
        fputs("tablec: no memory\n", stderr);
        return 1;
    }
    phrases = read_phrases(arena, column, path);
    automaton = carom_automaton_new(phrases.list, phrases.n, &err);
    if (!automaton) {
        fprintf(stderr, "%s: %s\n", path, err.text);
        return 1;
    }
    print(automaton, symbol, header);
    carom_automaton_free(automaton);
    free(phrases.list);
    carom_arena_unguard(arena);
    carom_arena_free(arena);
    return 0;
}
