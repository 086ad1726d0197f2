/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Compiles phrases with the library's own matcher and prints its arrays, so that a program starts with them ready.
   It knows neither rules nor reasons. */

#include "tools/automaton.h"

#include <stdlib.h>
#include <string.h>

#include "base/automaton.h"
#include "base/phrase.h"
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

struct words {
    struct carom_word_row *list;
    size_t n;
};

/* The classes of words.tsv: "class", language, words. */
static struct words read_words(struct carom_arena *arena, const char *path)
{
    struct words words = {NULL, 0};
    struct carom_tsv tsv;
    size_t name, text, capacity = 0;

    carom_tsv_begin(&tsv, path);
    name = carom_tsv_column(&tsv, "class");
    text = carom_tsv_column(&tsv, "words");
    while (carom_tsv_next(&tsv)) {
        if (words.n == capacity) {
            capacity = capacity ? 2 * capacity : 256;
            words.list = realloc(words.list, capacity * sizeof *words.list);
            if (!words.list)
                abort();
        }
        words.list[words.n++] =
            (struct carom_word_row){carom_arena_printf(arena, "%s", tsv.cell[name]).ptr,
                                    carom_arena_printf(arena, "%s", tsv.cell[text]).ptr};
    }
    carom_tsv_end(&tsv);
    return words;
}

static struct phrases read_phrases(struct carom_arena *arena, const char *column, const char *path,
                                   const struct words *words)
{
    struct phrases phrases = {NULL, 0, 0};
    struct carom_tsv tsv;
    size_t number;

    carom_tsv_begin(&tsv, path);
    number = carom_tsv_column(&tsv, column);
    while (carom_tsv_next(&tsv)) {
        struct carom_str unknown, ready =
            carom_phrase_ready(arena, carom_str(tsv.cell[number]), words->list, words->n, &unknown);

        if (unknown.len > 0)
            carom_tsv_fail(&tsv, "{%.*s} is no class of words", CAROM_STR_ARG(unknown));
        if (ready.len == 0)
            carom_tsv_fail(&tsv, "no text: it would match everything");
        add(&phrases, ready);
    }
    carom_tsv_end(&tsv);
    return phrases;
}

static void print_rows(const uint16_t *list, size_t n)
{
    printf("static const uint16_t rows[] = {");
    for (size_t i = 0; i < n; i++)
        printf("%s%d,", i % 32 ? "" : "\n", list[i]);
    puts("\n};");
}

static void print_classes(const uint8_t *class_of)
{
    printf("static const uint8_t class_of[] = {");
    for (size_t i = 0; i < 256; i++)
        printf("%s%d,", i % 32 ? "" : "\n", class_of[i]);
    puts("\n};");
}

static void print_states(const struct carom_automaton_state *states, size_t n)
{
    printf("static const struct carom_automaton_state states[] = {");
    for (const struct carom_automaton_state *s = states; s < states + n; s++)
        printf("%s{%lu,%lu,%lu,%d,%d,%d},", (s - states) % 8 ? "" : "\n", (unsigned long)s->child,
               (unsigned long)s->fail, (unsigned long)s->output, s->children, s->first, s->class);
    puts("\n};");
}

static void print_pieces(const struct carom_automaton_piece *pieces, size_t n)
{
    printf("static const struct carom_automaton_piece pieces[] = {");
    for (const struct carom_automaton_piece *p = pieces; p < pieces + n; p++)
        printf("%s{%lu,%lu,%lu,%d,%d,%d},", (p - pieces) % 8 ? "" : "\n", (unsigned long)p->pattern,
               (unsigned long)p->slot, (unsigned long)p->more, p->index, p->length, p->flags);
    puts("\n};");
}

static void print(const struct carom_automaton *a, const char *symbol, const char *header)
{
    printf("#include \"%s\"\n\n", header);
    print_classes(a->class_of);
    print_rows(a->rows, (size_t)a->dense * a->classes);
    print_states(a->states, a->states_n);
    print_pieces(a->pieces, a->pieces_n);
    printf("const struct carom_automaton %s = {\n", symbol);
    printf("    .states_n = %lu, .dense = %lu, .pieces_n = %lu, .slots = %lu, .patterns = %lu, .classes = %lu,\n",
           (unsigned long)a->states_n, (unsigned long)a->dense, (unsigned long)a->pieces_n, (unsigned long)a->slots,
           (unsigned long)a->patterns, (unsigned long)a->classes);
    puts("    .class_of = class_of, .rows = rows, .states = states, .pieces = pieces};");
}

int carom_automaton_print(const char *symbol, const char *header, const char *column, const char *path,
                          const char *words_path)
{
    struct carom_arena *arena = carom_arena_new();
    struct carom_automaton *automaton;
    struct carom_error err;
    struct phrases phrases;
    struct words words;

    if (!arena || carom_arena_guard(arena)) {
        fputs("tablec: no memory\n", stderr);
        return 1;
    }
    words = read_words(arena, words_path);
    phrases = read_phrases(arena, column, path, &words);
    automaton = carom_automaton_new(phrases.list, phrases.n, &err);
    if (!automaton) {
        fprintf(stderr, "%s: %s\n", path, err.text);
        return 1;
    }
    print(automaton, symbol, header);
    carom_automaton_free(automaton);
    free(phrases.list);
    free(words.list);
    carom_arena_unguard(arena);
    carom_arena_free(arena);
    return 0;
}
