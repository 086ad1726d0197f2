/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Chooses of each pattern the bytes to look for. A pattern is literals between signs that stand for something else:
   '*', captures in braces, and at one of several characters '~' and '%' (bounce/return_path.c; elsewhere they only end a
   literal early). */

#include "tools/sieve.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/sieve.h"
#include "tools/gram.h"
#include "tools/tsv.h"

struct pattern {
    char *key, *text;
};

struct table {
    struct pattern *rows;
    size_t n;
};

static void *checked(void *memory)
{
    if (!memory) {
        fputs("tablec: no memory\n", stderr);
        exit(1);
    }
    return memory;
}

/* Those of the signs that the cell has, one behind the other. */
static void name_by_signs(char *name, size_t size, const char *signs, const char *cell)
{
    struct carom_str rest = carom_str(signs);
    size_t n = 0;

    while (rest.len > 0) {
        struct carom_str sign = carom_str_head(rest, carom_str_chr(rest, '|'));
        rest = carom_str_from(rest, sign.len + 1);
        if (carom_str_find(carom_str(cell), sign) == SIZE_MAX)
            continue;
        carom_str_put(name + n, size - n, sign);
        n += strlen(name + n);
    }
}

static struct table read_table(const char *path, const char *column, const char *key)
{
    struct table table = {checked(calloc(CAROM_SIEVE_ROWS, sizeof *table.rows)), 0};
    bool apart = key[0] == '=', keyed = !apart && strcmp(key, "-") != 0;
    const char *second = strchr(key, '+');
    char first[64];
    struct carom_tsv tsv;

    carom_tsv_begin(&tsv, path);
    size_t text = carom_tsv_column(&tsv, column), group = 0, part = 0;
    carom_str_put(first, sizeof first, second ? carom_str_n(key, (size_t)(second - key)) : carom_str(key));
    if (keyed)
        group = carom_tsv_column(&tsv, first);
    if (second)
        part = carom_tsv_column(&tsv, second + 1);
    while (carom_tsv_next(&tsv)) {
        if (table.n == CAROM_SIEVE_ROWS)
            carom_tsv_fail(&tsv, "more than %d rows: raise CAROM_SIEVE_ROWS", CAROM_SIEVE_ROWS);
        const char *cell = strcmp(tsv.cell[text], "-") == 0 ? "" : tsv.cell[text];
        char name[128] = "";
        if (apart)
            name_by_signs(name, sizeof name, key, cell);
        if (keyed)
            snprintf(name, sizeof name, "%s%s%s", tsv.cell[group], second ? " " : "", second ? tsv.cell[part] : "");
        table.rows[table.n++] = (struct pattern){checked(strdup(name)), checked(strdup(cell))};
    }
    carom_tsv_end(&tsv);
    return table;
}

/* ---- Grams ---- */

/* How rare a byte is in mail: letters by their frequency, digits and signs rarer, beyond ASCII the rarest. */
static int rarity(char c)
{
    static const char often[] = "eatoinsrhldcumfpgwybvkxjqz";
    const char *at = c ? strchr(often, carom_lower(c)) : NULL;

    return at ? (int)(at - often) : c == '.' || c == ' ' ? 0 : (unsigned char)c < 0x80 ? 20 : 30;
}

/* In how many of a thousand texts each gram stands, by a hash of 16 bits, about: what is usual in such mail, and what many
   rows say. */
static unsigned frequency[1 << 16];

static void count(struct carom_str text, size_t length, unsigned weight)
{
    for (size_t i = 0; i + length <= text.len; i++) {
        char bytes[4] = {0};
        memcpy(bytes, text.ptr + i, length);
        frequency[carom_gram_hash(carom_sieve_gram(bytes, length), 16)] += weight;
    }
}

static void count_usual(const char *path, size_t length)
{
    struct carom_tsv tsv;
    char spaced[80];

    carom_tsv_begin(&tsv, path);
    size_t weight = carom_tsv_column(&tsv, "per_mille"), words = carom_tsv_column(&tsv, "words");
    while (carom_tsv_next(&tsv)) {
        struct carom_str rest = carom_str(tsv.cell[words]), word;
        while (carom_str_word(&rest, &word)) {
            int n = snprintf(spaced, sizeof spaced, " %.*s ", (int)word.len, word.ptr);
            if (n < 0 || (size_t)n >= sizeof spaced)
                carom_tsv_fail(&tsv, "a word has %zu bytes: it is none", word.len);
            count(carom_str_n(spaced, (size_t)n), length, (unsigned)strtoul(tsv.cell[weight], NULL, 10));
        }
    }
    carom_tsv_end(&tsv);
}

static void count_grams(const struct table *table, const char *usual)
{
    for (size_t length = 3; length <= 4; length++) {
        count_usual(usual, length);
        for (size_t row = 0; row < table->n; row++)
            count(carom_str(table->rows[row].text), length, 1);
    }
}

static bool ends_literal(char c) { return c == '*' || c == '~' || c == '%'; }

enum { OTHER_MAX = 32, STRIDE_MAX = 8 };
enum { OFTEN = 10000 }; /* of a thousand: words that have it add up */

/* How rare a gram is; -1: it is none. */
static int score(struct carom_str gram, bool spaces)
{
    char bytes[4] = {0};
    int sum = 0;

    for (size_t i = 0; i < gram.len; i++) {
        bool space = gram.ptr[i] == ' ' || gram.ptr[i] == '\t';
        if (ends_literal(gram.ptr[i]) || gram.ptr[i] == '{' || (space && !spaces))
            return -1;
        sum += rarity(gram.ptr[i]);
        bytes[i] = gram.ptr[i];
    }
    unsigned often = frequency[carom_gram_hash(carom_sieve_gram(bytes, gram.len), 16)];
    return sum + 128 * (often < OFTEN ? (int)(OFTEN - often) : 0);
}

struct sieve {
    struct carom_sieve_gram grams[STRIDE_MAX * CAROM_SIEVE_ROWS];
    uint16_t always[CAROM_SIEVE_ROWS];
    size_t n, always_n, length, stride;
    bool spaces; /* grams may have some */
    bool texts;  /* an empty cell matches nothing, not everything */
    unsigned bits;
};

/* Where the grams of an alternative begin, as many in a row as the stride has places: the least rare of them is as rare
   as can be. SIZE_MAX: no literal is that long. */
static size_t choose(const struct sieve *sieve, struct carom_str s)
{
    size_t window = sieve->length + sieve->stride - 1, chosen = SIZE_MAX;
    int best = -1;

    for (size_t start = 0; start + window <= s.len; start++) {
        int least = INT_MAX;

        if (s.ptr[start] == '{') {
            size_t close = carom_str_chr(carom_str_from(s, start), '}');
            start = close == SIZE_MAX ? s.len : start + close;
            continue;
        }
        for (size_t i = 0; i < sieve->stride; i++) {
            int here = score(carom_str_n(s.ptr + start + i, sieve->length), sieve->spaces);
            least = here < least ? here : least;
        }
        if (least > best) {
            best = least;
            chosen = start;
        }
    }
    return chosen;
}

/* May stand between the grams of a pattern: part of a literal, and no space that texts may have more of. */
static bool goes_on(const struct sieve *sieve, char c)
{
    return !ends_literal(c) && c != '{' && c != '}' && (sieve->spaces || (c != ' ' && c != '\t'));
}

/* Where in s, of the literal that goes on from the gram at `at`, four other bytes stand: as few of the same and as rare as
   can be. `at`: nowhere. */
static size_t choose_other(const struct sieve *sieve, struct carom_str s, size_t at)
{
    size_t first = at, end = at, chosen = at, fewest = 0;
    int best = -1;

    while (first > 0 && goes_on(sieve, s.ptr[first - 1]))
        first--;
    while (end < s.len && goes_on(sieve, s.ptr[end]))
        end++;
    for (size_t i = first; i + 4 <= end; i++) {
        size_t apart = i > at ? i - at : at - i, others = apart < 4 ? apart : 4;
        int here = score(carom_str_n(s.ptr + i, sieve->length), sieve->spaces);
        if (apart <= OTHER_MAX && (others > fewest || (others == fewest && others > 0 && here > best))) {
            fewest = others;
            best = here;
            chosen = i;
        }
    }
    return chosen;
}

static void add_gram(struct sieve *sieve, struct carom_str s, size_t at, size_t row)
{
    size_t other = choose_other(sieve, s, at);
    uint32_t others = other == at ? 0 : carom_sieve_gram(s.ptr + other, 4);
    char bytes[4] = {0};

    if (sieve->n == sizeof sieve->grams / sizeof *sieve->grams) {
        fputs("tablec: more grams than a sieve has room for\n", stderr);
        exit(1);
    }
    memcpy(bytes, s.ptr + at, sieve->length);
    sieve->grams[sieve->n++] = (struct carom_sieve_gram){carom_sieve_gram(bytes, sieve->length), others,
                                                         (int16_t)((int)other - (int)at), (uint16_t)row, 0};
}

/* A row with one alternative that has no gram is always let through. */
static void add_row(struct sieve *sieve, size_t row, struct carom_str rest, const char *separator)
{
    size_t before = sieve->n;

    if (sieve->texts && rest.len == 0)
        return;
    do {
        size_t end = *separator ? carom_str_find(rest, carom_str(separator)) : SIZE_MAX;
        struct carom_str one = carom_str_head(rest, end);
        size_t start = choose(sieve, one);

        if (start == SIZE_MAX) {
            sieve->n = before;
            sieve->always[sieve->always_n++] = (uint16_t)row;
            return;
        }
        for (size_t i = 0; i < sieve->stride; i++)
            add_gram(sieve, one, start + i, row);
        rest = end < rest.len ? carom_str_from(rest, end + strlen(separator)) : CAROM_STR_EMPTY;
    } while (rest.len > 0);
}

static unsigned bits_of_hash; /* qsort has no place for it */

static uint32_t hash_of(const struct carom_sieve_gram *gram, unsigned bits) { return carom_gram_hash(gram->bytes, bits); }

static int compare(const void *a, const void *b)
{
    const struct carom_sieve_gram *x = a, *y = b;
    uint32_t hash_x = hash_of(x, bits_of_hash), hash_y = hash_of(y, bits_of_hash);

    return hash_x != hash_y ? (hash_x > hash_y) - (hash_x < hash_y) : (x->row > y->row) - (x->row < y->row);
}

static void sort(struct sieve *sieve)
{
    sieve->bits = 9;
    while (sieve->n * 16 > (size_t)1 << sieve->bits)
        sieve->bits++;
    bits_of_hash = sieve->bits;
    qsort(sieve->grams, sieve->n, sizeof *sieve->grams, compare);
}

/* ---- Printing ---- */

/* The first of each hash in its entry, the others behind the entries, of which there are so many. */
static void print_grams(const struct sieve *sieve, const struct carom_gram_set *set, uint32_t entries, size_t number)
{
    struct carom_sieve_gram *list = checked(calloc(sieve->n + 1, sizeof *list)), *at = list;

    for (size_t i = 0; i < sieve->n; i++) {
        uint32_t hash = hash_of(&sieve->grams[i], set->bits);
        if (i > 0 && hash_of(&sieve->grams[i - 1], set->bits) == hash)
            at = &list[at->more = entries++];
        else
            at = &list[carom_gram_entry(set, hash)];
        *at = sieve->grams[i];
    }
    printf("static const _Alignas(64) struct carom_sieve_gram grams_%zu[] = {", number);
    for (size_t i = 0; i < sieve->n + (sieve->n == 0); i++)
        printf("%s{0x%lx,0x%lx,%d,%d,%lu},", i % 4 ? "" : "\n", (unsigned long)list[i].bytes,
               (unsigned long)list[i].other, list[i].distance, list[i].row, (unsigned long)list[i].more);
    puts("\n};");
    free(list);
}

static void print_sieve(const struct sieve *sieve, size_t number)
{
    uint32_t *marks = checked(calloc(2 * carom_gram_numbers(sieve->bits), sizeof *marks));
    const struct carom_gram_set set = {marks, sieve->bits};

    for (size_t i = 0; i < sieve->n; i++)
        carom_gram_mark(marks, hash_of(&sieve->grams[i], sieve->bits));
    uint32_t entries = carom_gram_count(marks, sieve->bits);
    carom_gram_set_print(&set, number);
    print_grams(sieve, &set, entries, number);
    printf("static const uint16_t always_%zu[] = {", number);
    for (size_t i = 0; i < sieve->always_n; i++)
        printf("%d,", sieve->always[i]);
    puts("0};");
    free(marks);
}

static void fill(struct sieve *sieve, const struct table *table, const char *key, const char *separator, size_t length,
                 size_t stride)
{
    sieve->length = length;
    sieve->stride = stride;
    sieve->n = sieve->always_n = 0;
    for (size_t row = 0; row < table->n; row++)
        if (strcmp(table->rows[row].key, key) == 0)
            add_row(sieve, row, carom_str(table->rows[row].text), separator);
}

/* The widest stride, and the longer grams, with which no further row is always let through. */
static void fill_widest(struct sieve *sieve, const struct table *table, const char *key, const char *separator,
                        size_t length, size_t stride)
{
    fill(sieve, table, key, separator, length, stride);
    size_t always = sieve->always_n;

    fill(sieve, table, key, separator, 4, stride);
    length = sieve->always_n == always ? 4 : length;
    for (size_t next = stride + 1; next <= STRIDE_MAX; next++) {
        fill(sieve, table, key, separator, length, next);
        stride = sieve->always_n == always ? next : stride;
    }
    fill(sieve, table, key, separator, length, stride);
}

static bool is_new(const struct table *table, size_t row)
{
    for (size_t i = 0; i < row; i++)
        if (strcmp(table->rows[i].key, table->rows[row].key) == 0)
            return false;
    return true;
}

int carom_sieve_print(const char *symbol, const char *header, const char *column, const char *key, const char *shape,
                      const char *separator, const char *path, const char *usual)
{
    struct table table = read_table(path, column, key);
    struct sieve *sieve = checked(malloc(sizeof *sieve));
    char *list = NULL;
    size_t size, number = 0;
    FILE *out = checked(open_memstream(&list, &size));

    const size_t length = shape[0] == '3' ? 3 : 4, stride = strstr(shape, "/4") ? 4 : 1;
    sieve->spaces = strchr(shape, '_') != NULL;
    sieve->texts = strchr(shape, '!') != NULL;
    count_grams(&table, usual);
    printf("#include \"%s\"\n\n", header);
    for (size_t row = 0; row < table.n; row++) {
        if (!is_new(&table, row))
            continue;
        fill_widest(sieve, &table, table.rows[row].key, separator, length, stride);
        sort(sieve);
        print_sieve(sieve, number);
        fprintf(out, "    {{\"%s\", %zu}, %zu, %zu, {marks_%zu, %u}, grams_%zu, %zu, always_%zu, %zu},\n",
                table.rows[row].key, strlen(table.rows[row].key), sieve->length, sieve->stride, number,
                sieve->bits, number, sieve->n, number, sieve->always_n);
        number++;
    }
    fclose(out);
    printf("const struct carom_sieve %s[] = {\n%s};\nconst size_t %s_n = %zu;\n", symbol, list, symbol, number);
    for (size_t row = 0; row < table.n; row++) {
        free(table.rows[row].key);
        free(table.rows[row].text);
    }
    free(table.rows);
    free(sieve);
    free(list);
    return 0;
}
