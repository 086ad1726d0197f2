/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The table compiler: prints a table of src/tables as C. It runs on the building machine only.

       tablec rows [SYMBOL STRUCT HEADER TYPES FILE.tsv]…

   prints of each table `const struct STRUCT SYMBOL[]` and `const size_t SYMBOL_n`, and at the end the texts of all of
   them (base/cell.h); TYPES has one letter a column, in the order of the struct's members:
       s  text; "-" alone or nothing: ""
       t  the same, as a struct carom_cell
       v  values that " ; " separates, for carom_cell_next: each behind its length, one byte; "-" alone or nothing: ""
       h  names of header fields, as v; and a second member, the tag of the first (mail/header.h)
       i  whole number; "-" or nothing: 0
       n  whole number; "*": -1
       d  whole number or range of them, two members: "4", "500-699"; "*": -1, -1
       c  reply codes, two members: "550", "550-559", "5xx", "-" for any (0, 0)
       r  reason by its word; "-": none
       k  kind by its word, an int; "-": -1
       b  yes or no
       e  a C constant, written as it is
       .  a column for people only: no member

       tablec index SYMBOL HEADER COLUMN COLUMN FILE.tsv

   prints where the rows stand by the hash of two columns, the second behind the first, or of one where the second is "-":
   `const uint16_t SYMBOL[]`, a power of two of places, SYMBOL_n, with the number of a row from 1 on or 0. Who finds his
   place taken looks in the next one.

       tablec matcher SYMBOL HEADER COLUMN FILE.tsv WORDS.tsv

   prints the phrases of a column as one `const struct carom_matcher SYMBOL`; WORDS.tsv has the classes of words that
   they name.

       tablec sieve SYMBOL HEADER COLUMN KEY SHAPE SEPARATOR FILE.tsv USUAL.tsv

   prints the patterns of a column as `const struct carom_sieve SYMBOL[]` (tools/sieve.h) and `const size_t SYMBOL_n`;
   USUAL.tsv has the words by which nothing is told apart.

   It knows nothing of what the tables say. */

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "mail/header.h"
#include "tools/matcher.h"
#include "tools/sieve.h"
#include "tools/tsv.h"

struct word {
    const char *word, *constant;
};
#define KIND_WORD(name, word) {#word, "CAROM_KIND_" #name},
#define REASON_WORD(name, word, fault) {#word, "CAROM_REASON_" #name},
static const struct word kinds[] = {{"-", "-1"}, {"", "-1"}, CAROM_KINDS(KIND_WORD) {NULL, NULL}};
static const struct word reasons[] = {
    {"-", "CAROM_REASON_NONE"}, {"", "CAROM_REASON_NONE"}, CAROM_REASONS(REASON_WORD) {NULL, NULL}};

/* Everything beyond printable ASCII is octal, so that neither trigraphs nor the compiler's charset matter. */
static void print_string(const char *text)
{
    putchar('"');
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '"' || *c == '\\' || *c == '?')
            printf("\\%c", *c);
        else if (*c < ' ' || *c > '~')
            printf("\\%03o", *c);
        else
            putchar(*c);
    }
    putchar('"');
}

/* ---- Texts, each once ---- */

enum { TEXTS_MAX = 1 << 20, PLACES = 1 << 16 };
static char texts[TEXTS_MAX];
static uint32_t places[PLACES]; /* by hash, from 1 on; 0: free */
static size_t texts_n, places_n;

static uint32_t place_of(const struct carom_tsv *tsv, const char *text, size_t len)
{
    uint32_t slot = carom_str_hash(0, carom_str_n(text, len));

    while (places[slot % PLACES] && strcmp(texts + places[slot % PLACES] - 1, text) != 0)
        slot++;
    if (!places[slot % PLACES]) {
        if (texts_n + len >= TEXTS_MAX || ++places_n > PLACES / 2)
            carom_tsv_fail(tsv, "the tables have more texts than there is room for");
        places[slot % PLACES] = (uint32_t)texts_n + 1;
        memcpy(texts + texts_n, text, len + 1);
        texts_n += len + 1;
    }
    return places[slot % PLACES] - 1;
}

static void print_place(const struct carom_tsv *tsv, const char *text)
{
    size_t len = strlen(text);
    printf("{%u, %zu}", place_of(tsv, text, len), len);
}

/* One by one, for no compiler must take a literal of that length. */
static void print_texts(void)
{
    fputs("const char carom_cell_texts[] = {", stdout);
    for (size_t i = 0; i < texts_n; i++)
        printf("%s'\\%03o',", i % 32 ? "" : "\n", (unsigned char)texts[i]);
    puts("\n};");
}

/* ---- Cells ---- */

static void print_values(const struct carom_tsv *tsv, const char *cell)
{
    fputs("\"\"", stdout);
    while (*cell) {
        const char *end = strstr(cell, " ; ");
        size_t n = end ? (size_t)(end - cell) : strlen(cell);
        char value[256];

        if (n == 0 || n >= sizeof value)
            carom_tsv_fail(tsv, "a value has %zu bytes: it must have 1 to %zu", n, sizeof value - 1);
        memcpy(value, cell, n);
        value[n] = '\0';
        printf("\"\\%03zo\" ", n);
        print_string(value);
        cell += n + (end ? 3 : 0);
    }
}

static void print_names(const struct carom_tsv *tsv, const char *cell)
{
    struct carom_str first = carom_str(cell);

    print_values(tsv, cell);
    printf(", %d", carom_header_tag(carom_str_head(first, carom_str_chr(first, ' '))));
}

static void print_word(const struct carom_tsv *tsv, const struct word *words, const char *cell)
{
    for (; words->word; words++) {
        if (strcmp(words->word, cell) == 0) {
            fputs(words->constant, stdout);
            return;
        }
    }
    carom_tsv_fail(tsv, "'%s' is no known word of this column", cell);
}

static long number(const struct carom_tsv *tsv, const char *cell)
{
    char *end;
    long value = strtol(cell, &end, 10);

    if (end == cell || *end)
        carom_tsv_fail(tsv, "'%s' is no whole number", cell);
    return value;
}

static void print_range(const struct carom_tsv *tsv, const char *cell)
{
    int low, high;
    char tail;

    if (strcmp(cell, "*") == 0)
        low = high = -1;
    else if (sscanf(cell, "%d-%d%c", &low, &high, &tail) != 2)
        low = high = (int)number(tsv, cell);
    if (low > high)
        carom_tsv_fail(tsv, "'%s' is no range: the smaller number stands first", cell);
    printf("%d, %d", low, high);
}

static void print_codes(const struct carom_tsv *tsv, const char *cell)
{
    int low, high;
    char tail;

    if (strcmp(cell, "-") == 0 || !*cell)
        low = high = 0;
    else if (sscanf(cell, "%1dxx%c", &low, &tail) == 1 && strlen(cell) == 3 && cell[1] == 'x')
        low *= 100, high = low + 99;
    else if (sscanf(cell, "%3d-%3d%c", &low, &high, &tail) != 2)
        low = high = (int)number(tsv, cell);
    if (low > high || (low != 0 && (low < 200 || high > 599)))
        carom_tsv_fail(tsv, "'%s' is no reply code or range of them (200 to 599)", cell);
    printf("%d, %d", low, high);
}

static void print_constant(const struct carom_tsv *tsv, const char *cell)
{
    if (!*cell || cell[strspn(cell, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789")])
        carom_tsv_fail(tsv, "'%s' is no constant", cell);
    fputs(cell, stdout);
}

static void print_bool(const struct carom_tsv *tsv, const char *cell)
{
    if (strcmp(cell, "yes") != 0 && strcmp(cell, "no") != 0)
        carom_tsv_fail(tsv, "'%s' is neither yes nor no", cell);
    fputs(strcmp(cell, "yes") == 0 ? "true" : "false", stdout);
}

static void print_cell(const struct carom_tsv *tsv, char type, const char *cell)
{
    bool none = strcmp(cell, "-") == 0 || !*cell;

    switch (type) {
    case 's': print_string(none ? "" : cell); break;
    case 't': print_place(tsv, none ? "" : cell); break;
    case 'v': print_values(tsv, none ? "" : cell); break;
    case 'h': print_names(tsv, none ? "" : cell); break;
    case 'i': printf("%ld", none ? 0 : number(tsv, cell)); break;
    case 'n': printf("%ld", strcmp(cell, "*") == 0 ? -1 : number(tsv, cell)); break;
    case 'd': print_range(tsv, cell); break;
    case 'c': print_codes(tsv, cell); break;
    case 'r': print_word(tsv, reasons, cell); break;
    case 'k': print_word(tsv, kinds, cell); break;
    case 'b': print_bool(tsv, cell); break;
    case 'e': print_constant(tsv, cell); break;
    default: carom_tsv_fail(tsv, "'%c' is no column type", type);
    }
}

static void rows_of(char **args)
{
    const char *symbol = args[0], *structure = args[1], *header = args[2], *types = args[3];
    struct carom_tsv tsv;

    carom_tsv_begin(&tsv, args[4]);
    if (tsv.columns != strlen(types))
        carom_tsv_fail(&tsv, "%zu columns, but the build names %zu types (%s)", tsv.columns, strlen(types), types);
    printf("#include \"%s\"\nconst struct %s %s[] = {\n", header, structure, symbol);
    while (carom_tsv_next(&tsv)) {
        fputs("    {", stdout);
        for (size_t i = 0; i < tsv.columns; i++) {
            if (types[i] == '.')
                continue;
            print_cell(&tsv, types[i], tsv.cell[i]);
            fputs(", ", stdout);
        }
        puts("},");
    }
    printf("};\nconst size_t %s_n = sizeof %s / sizeof %s[0];\n\n", symbol, symbol, symbol);
    carom_tsv_end(&tsv);
}

static int rows(char **args)
{
    for (; *args; args += 5)
        rows_of(args);
    print_texts();
    return 0;
}

static int index_of(char **args)
{
    static uint32_t hashes[UINT16_MAX];
    static uint16_t places[4 << 16];
    const char *symbol = args[0];
    struct carom_tsv tsv;
    size_t rows = 0, n = 1;

    carom_tsv_begin(&tsv, args[4]);
    bool two = strcmp(args[3], "-") != 0;
    size_t first = carom_tsv_column(&tsv, args[2]), second = two ? carom_tsv_column(&tsv, args[3]) : 0;
    for (; carom_tsv_next(&tsv); rows++) {
        if (rows == UINT16_MAX)
            carom_tsv_fail(&tsv, "more rows than an index has room for");
        hashes[rows] = carom_str_hash(0, carom_str(tsv.cell[first]));
        if (two)
            hashes[rows] = carom_str_hash(hashes[rows], carom_str(tsv.cell[second]));
    }
    carom_tsv_end(&tsv);
    while (n < 4 * rows)
        n *= 2;
    for (size_t i = 0; i < rows; i++) {
        size_t at = hashes[i];
        while (places[at & (n - 1)])
            at++;
        places[at & (n - 1)] = (uint16_t)(i + 1);
    }
    printf("#include \"%s\"\n\nconst uint16_t %s[] = {", args[1], symbol);
    for (size_t i = 0; i < n; i++)
        printf("%s%d,", i % 32 ? "" : "\n", places[i]);
    printf("\n};\nconst size_t %s_n = %zu;\n", symbol, n);
    return 0;
}

int main(int argc, char **argv)
{
    int result;

    if (argc > 2 && argc % 5 == 2 && strcmp(argv[1], "rows") == 0)
        result = rows(argv + 2);
    else if (argc == 7 && strcmp(argv[1], "index") == 0)
        result = index_of(argv + 2);
    else if (argc == 7 && strcmp(argv[1], "matcher") == 0)
        result = carom_matcher_print(argv[2], argv[3], argv[4], argv[5], argv[6]);
    else if (argc == 10 && strcmp(argv[1], "sieve") == 0)
        result = carom_sieve_print(argv[2], argv[3], argv[4], argv[5], argv[6], argv[7], argv[8], argv[9]);
    else {
        fputs("usage: tablec rows [SYMBOL STRUCT HEADER TYPES FILE.tsv]…\n"
              "       tablec index SYMBOL HEADER COLUMN COLUMN FILE.tsv\n"
              "       tablec matcher SYMBOL HEADER COLUMN FILE.tsv WORDS.tsv\n"
              "       tablec sieve SYMBOL HEADER COLUMN KEY SHAPE SEPARATOR FILE.tsv USUAL.tsv\n",
              stderr);
        return 2;
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("tablec: cannot write");
        return 1;
    }
    return result;
}
