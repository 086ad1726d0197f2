/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Classes of words in phrases. It knows no class by name: the rows come from the caller, for the build tool reads them
   from the table that the library has compiled in. */

#include "base/phrase.h"

#include "base/utf8.h"

/* The words of all rows of a class, joined by commas; empty: no row has that name. */
static struct carom_str words_of(struct carom_arena *arena, struct carom_str name, const struct carom_word_row *rows,
                                 size_t n)
{
    struct carom_str all = CAROM_STR_EMPTY;

    for (size_t i = 0; i < n; i++)
        if (carom_str_eq(name, carom_str(rows[i].name)))
            all = carom_arena_printf(arena, CAROM_STR_FMT "%s%s", CAROM_STR_ARG(all), all.len ? "," : "", rows[i].words);
    return all;
}

/* The next "{name}", which has no comma. false: none is left. */
static bool find_class(struct carom_str text, size_t from, size_t *start_r, size_t *end_r)
{
    for (size_t i = from; i < text.len; i++) {
        if (text.ptr[i] == '\\')
            i++;
        else if (text.ptr[i] == '{') {
            struct carom_str rest = carom_str_from(text, i);
            size_t end = carom_str_chr(rest, '}');
            if (end >= rest.len || carom_str_chr(carom_str_head(rest, end), ',') < end)
                continue;
            *start_r = i;
            *end_r = i + end + 1;
            return true;
        }
    }
    return false;
}

struct carom_str carom_phrase_ready(struct carom_arena *arena, struct carom_str text, const struct carom_word_row *rows,
                                    size_t n, struct carom_str *unknown_r)
{
    size_t from = 0, start, end;

    *unknown_r = CAROM_STR_EMPTY;
    while (find_class(text, from, &start, &end)) {
        struct carom_str name = carom_str_n(text.ptr + start + 1, end - start - 2), words = words_of(arena, name, rows, n);
        if (words.len == 0) {
            *unknown_r = name;
            return CAROM_STR_EMPTY;
        }
        text = carom_arena_printf(arena, CAROM_STR_FMT "{" CAROM_STR_FMT "}" CAROM_STR_FMT,
                                  (int)start, text.ptr, CAROM_STR_ARG(words), CAROM_STR_ARG(carom_str_from(text, end)));
        from = start + words.len + 2;
    }
    return carom_arena_str(arena, carom_utf8_normalise(arena, text).folded);
}
