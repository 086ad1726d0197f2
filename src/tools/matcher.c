/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Compiles phrases with the library's own matcher and prints its arrays, so that a program starts with them ready.
   It knows neither rules nor reasons. */

#include "tools/matcher.h"

#include <stdlib.h>
#include <string.h>

#include "base/matcher.h"
#include "base/phrase.h"
#include "tools/gram.h"
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

/* Every number of an array, of which `each` prints one. */
static void print_array(const char *type, const char *name, size_t n,
                        void (*each)(const struct carom_matcher *m, size_t i), const struct carom_matcher *m)
{
    printf("static const %s %s[] = {", type, name);
    for (size_t i = 0; i < n; i++) {
        fputs(i % 8 ? "" : "\n", stdout);
        each(m, i);
        putchar(',');
    }
    puts(n ? "\n};" : "0};");
}

static void print_byte(const struct carom_matcher *m, size_t i) { printf("'\\%o'", (unsigned char)m->bytes[i]); }
static void print_target(const struct carom_matcher *m, size_t i) { printf("%lu", (unsigned long)m->targets[i]); }
static void print_key(const struct carom_matcher *m, size_t i) { printf("%lu", (unsigned long)m->keyed[i]); }

static void print_sequence(const struct carom_matcher *m, size_t i)
{
    printf("{%lu,%lu,%lu}", (unsigned long)m->sequences[i].pattern, (unsigned long)m->sequences[i].steps,
           (unsigned long)m->sequences[i].steps_n);
}

static void print_step(const struct carom_matcher *m, size_t i)
{
    printf("{%lu,%lu}", (unsigned long)m->steps[i].place, (unsigned long)m->steps[i].near);
}

static void print_index(const struct carom_matcher_index *index, size_t number)
{
    carom_gram_set_print(&index->set, number);
    printf("static const _Alignas(64) struct carom_matcher_word words_%zu[] = {", number);
    for (size_t i = 0; i < index->n; i++) {
        const struct carom_matcher_word *w = &index->words[i];

        printf("%s{0x%lx,0x%lx,0x%lx,%lu,%lu,%u,%u,%u,%u,%lu},", i % 8 ? "" : "\n", (unsigned long)w->gram,
               (unsigned long)w->head, (unsigned long)w->tail, (unsigned long)w->bytes, (unsigned long)w->target,
               w->length, w->before, w->flags, w->known, (unsigned long)w->more);
    }
    puts("\n};");
}

static void print(const struct carom_matcher *m, const char *symbol, const char *header)
{
    printf("#include \"%s\"\n\n", header);
    print_array("char", "bytes", m->bytes_n, print_byte, m);
    print_array("uint32_t", "targets", m->targets_n, print_target, m);
    print_array("uint32_t", "keyed", m->places + 1, print_key, m);
    print_array("struct carom_matcher_sequence", "sequences", m->sequences_n, print_sequence, m);
    print_array("struct carom_matcher_step", "steps", m->steps_n, print_step, m);
    for (size_t i = 0; i < CAROM_MATCHER_INDEXES; i++)
        if (m->indexes[i].n > 0)
            print_index(&m->indexes[i], i);
    printf("const struct carom_matcher %s = {\n", symbol);
    printf("    .patterns = %lu, .places = %lu, .targets_n = %lu, .sequences_n = %lu, .steps_n = %lu,\n",
           (unsigned long)m->patterns, (unsigned long)m->places, (unsigned long)m->targets_n,
           (unsigned long)m->sequences_n, (unsigned long)m->steps_n);
    printf("    .bytes_n = %lu,\n", (unsigned long)m->bytes_n);
    for (size_t i = 0; i < CAROM_MATCHER_INDEXES; i++)
        if (m->indexes[i].n > 0)
            printf("    .indexes[%zu] = {{marks_%zu, %lu}, words_%zu, %lu},\n", i, i,
                   (unsigned long)m->indexes[i].set.bits, i, (unsigned long)m->indexes[i].n);
    puts("    .bytes = bytes, .targets = targets, .keyed = keyed, .sequences = sequences, .steps = steps};");
}

int carom_matcher_print(const char *symbol, const char *header, const char *column, const char *path,
                          const char *words_path)
{
    struct carom_arena *arena = carom_arena_new();
    struct carom_matcher *matcher;
    struct carom_error err;
    struct phrases phrases;
    struct words words;

    if (!arena || carom_arena_guard(arena)) {
        fputs("tablec: no memory\n", stderr);
        return 1;
    }
    words = read_words(arena, words_path);
    phrases = read_phrases(arena, column, path, &words);
    matcher = carom_matcher_new(phrases.list, phrases.n, &err);
    if (!matcher) {
        fprintf(stderr, "%s: %s\n", path, err.text);
        return 1;
    }
    print(matcher, symbol, header);
    carom_matcher_free(matcher);
    free(phrases.list);
    free(words.list);
    carom_arena_unguard(arena);
    carom_arena_free(arena);
    return 0;
}
