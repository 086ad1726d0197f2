/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The reference of the Lua API out of its table, tables/api.tsv, so that nothing is told twice:

       apidoc lua API.tsv REASONS.tsv    type annotations for the Lua language server (LuaCATS), scripts/carom.d.lua
       apidoc fields API.tsv             the fields of a fact as macros, for lua/module.c
       apidoc man API.tsv PAGE           a manual page in which a line `.\"@ OWNER` gives way to the rows of that owner

       apidoc check API.tsv PAGE…        is every owner told of in one of the pages?

   It knows the form of the table, and of both languages; what the rows say is not its business. A type that nobody
   declares ends the build. */

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "carom.h"
#include "tools/tsv.h"

enum { OF, NAME, TYPE, DEFAULT, TEXT, COLUMNS, ROWS_MAX = 1000, WORD_MAX = 128 };

static const char TESTS[] = "carom in tests";

struct row {
    char *cell[COLUMNS];
    bool told; /* man: in a page's line `.\"@` */
};
static struct row rows[ROWS_MAX];
static size_t rows_n;

static void die(const char *what, const char *detail)
{
    fprintf(stderr, "apidoc: %s: %s\n", what, detail);
    exit(1);
}

static char *copy(const char *text)
{
    char *made = strdup(text);
    if (!made)
        die("no memory", "");
    return made;
}

static void read_rows(const char *path)
{
    struct carom_tsv tsv;

    carom_tsv_begin(&tsv, path);
    if (tsv.columns != COLUMNS)
        carom_tsv_fail(&tsv, "%zu columns instead of %d", tsv.columns, COLUMNS);
    while (carom_tsv_next(&tsv)) {
        if (rows_n == ROWS_MAX)
            carom_tsv_fail(&tsv, "more than %d rows", ROWS_MAX);
        for (size_t i = 0; i < rows_n; i++)
            if (!strcmp(rows[i].cell[OF], tsv.cell[OF]) &&
                (!strcmp(rows[i].cell[NAME], tsv.cell[NAME]) || strcmp(rows[rows_n - 1].cell[OF], tsv.cell[OF])))
                carom_tsv_fail(&tsv, "%s: \"%s\" stands there already, or apart from the others", tsv.cell[OF],
                               tsv.cell[NAME]);
        for (int i = 0; i < COLUMNS; i++)
            rows[rows_n].cell[i] = copy(strcmp(tsv.cell[i], "-") ? tsv.cell[i] : "");
        rows_n++;
    }
    carom_tsv_end(&tsv);
}

static const struct row *first_of(const char *of)
{
    for (size_t i = 0; i < rows_n; i++)
        if (!strcmp(rows[i].cell[OF], of))
            return &rows[i];
    return NULL;
}

static const struct row *next_of(const struct row *row)
{
    return row + 1 < rows + rows_n && !strcmp(row[1].cell[OF], row->cell[OF]) ? row + 1 : NULL;
}

static const char *text_of(const struct row *row)
{
    while (row && !*row->cell[TEXT])
        row = next_of(row);
    return row ? row->cell[TEXT] : "";
}

/* ---- Types ---- */

/* "carom.configure: verp: a key" is the class carom.configure.verp.key, "bounce:retry" is bounce.retry. */
static void class_of(const char *of, char class_r[WORD_MAX])
{
    size_t n = 0;

    for (; *of && n < WORD_MAX - 1; of++) {
        if (*of != ':') {
            class_r[n++] = *of;
            continue;
        }
        class_r[n++] = '.';
        if (of[1] == ' ')
            of += !strncmp(of + 2, "a ", 2) ? 3 : 1;
    }
    class_r[n] = '\0';
}

static const struct row *owner_of_class(const char *class)
{
    char name[WORD_MAX];

    for (size_t i = 0; i < rows_n; i++) {
        class_of(rows[i].cell[OF], name);
        if (!strcmp(name, class))
            return first_of(rows[i].cell[OF]);
    }
    return NULL;
}

/* "carom in tests" is written carom. */
static void spoken(const char *of, char spoken_r[WORD_MAX])
{
    const char *in = strstr(of, " in ");

    snprintf(spoken_r, WORD_MAX, "%.*s", (int)(in ? in - of : (ptrdiff_t)strlen(of)), of);
}

static const char *const enumerations[] = {"kind", "reason", "fault", "confidence", "authenticity"};
static const char *const builtin[] = {"string", "integer", "number", "boolean", "table", "userdata", "fun", "nil"};

static bool is_one_of(const char *word, const char *const *words, size_t n)
{
    while (n > 0)
        if (!strcmp(word, words[--n]))
            return true;
    return false;
}
#define IS_ONE_OF(word, words) is_one_of((word), (words), sizeof(words) / sizeof((words)[0]))

static bool is_declared(const char *word)
{
    if (IS_ONE_OF(word, enumerations) || owner_of_class(word))
        return true;
    for (const struct row *row = first_of("type"); row; row = next_of(row))
        if (!strcmp(row->cell[NAME], word))
            return true;
    return false;
}

/* Length of the name at the start of text, dots included. */
static size_t name_length(const char *text)
{
    size_t n = 0;
    while (isalnum((unsigned char)text[n]) || text[n] == '_' || (n && text[n] == '.'))
        n++;
    return n;
}

/* Types of ours are in the namespace carom; strings and names of parameters stay what they are. */
static void print_type(const char *type, size_t len)
{
    for (const char *end = type + len; type < end;) {
        char word[WORD_MAX];
        size_t n = *type == '"' ? strcspn(type + 1, "\"") + 2 : name_length(type);

        snprintf(word, sizeof word, "%.*s", (int)n, type);
        if (n && *type != '"' && type[n] != ':' && !(type[n] == '?' && type[n + 1] == ':') && !IS_ONE_OF(word, builtin)) {
            if (!is_declared(word))
                die("no such type", word);
            if (strncmp(word, "carom.", 6))
                fputs("carom.", stdout);
        }
        n += n == 0;
        fwrite(type, 1, n, stdout);
        type += n;
    }
}

/* ---- Functions: fun(self: bounce, key: string, value?: table): boolean ---- */

struct parameter {
    char name[WORD_MAX];
    const char *type;
    size_t len;
    bool optional;
};

static bool is_function(const struct row *row) { return !strncmp(row->cell[TYPE], "fun(", 4); }

/* The next parameter, or false at the closing bracket, behind which *at then points. */
static bool next_parameter(const char **at, struct parameter *parameter_r)
{
    const char *text = *at;
    int depth = 0;
    size_t n;

    while (*text == ',' || *text == ' ')
        text++;
    if (*text == ')')
        return *at = text + 1, false;
    n = strncmp(text, "...", 3) ? name_length(text) : 3;
    snprintf(parameter_r->name, WORD_MAX, "%.*s", (int)n, text);
    text += n;
    parameter_r->optional = *text == '?';
    text += parameter_r->optional;
    if (*text++ != ':')
        die("no function type", *at);
    parameter_r->type = text += *text == ' ';
    for (; depth || (*text != ',' && *text != ')'); text++) {
        if (!*text)
            die("no function type", *at);
        depth += *text == '(' || *text == '<';
        depth -= *text == ')' || *text == '>';
    }
    parameter_r->len = (size_t)(text - parameter_r->type);
    *at = text;
    return true;
}

static const char *result_of(const char *behind) { return *behind == ':' ? behind + 2 : NULL; }

/* ---- LuaCATS ---- */

/* Comment lines before what they are about: `---` each. */
static void print_comment(const char *text, const char *by_default)
{
    if (!*text && !*by_default)
        return;
    fputs("---", stdout);
    for (; *text; text++)
        if (*text == '\n')
            fputs("\n---\n---", stdout);
        else
            putchar(*text);
    printf("%s%s%s\n", *by_default ? " Default: " : "", by_default, *by_default ? "." : "");
}

static void lua_function(const struct row *row, const char *before)
{
    struct parameter parameter;
    char names[512] = "";
    const char *at = row->cell[TYPE] + 4;
    bool method = false;

    print_comment(text_of(row), row->cell[DEFAULT]);
    while (next_parameter(&at, &parameter)) {
        if (!strcmp(parameter.name, "self")) {
            method = true;
            continue;
        }
        printf("---@param %s%s ", parameter.name, parameter.optional ? "?" : "");
        print_type(parameter.type, parameter.len);
        putchar('\n');
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", *names ? ", " : "", parameter.name);
    }
    if (result_of(at)) {
        fputs("---@return ", stdout);
        print_type(result_of(at), strlen(result_of(at)));
        putchar('\n');
    }
    printf("function %s%s%s(%s) end\n\n", before, method ? ":" : *before ? "." : "", row->cell[NAME], names);
}

static void lua_field(const struct row *row)
{
    const char *type = row->cell[TYPE], *text = text_of(row), *by_default = row->cell[DEFAULT];
    size_t len = strlen(type);
    bool optional = len && type[len - 1] == '?', name = name_length(row->cell[NAME]) > 0;

    printf(name ? "---@field %s%s " : "---@field [\"%s\"]%s ", row->cell[NAME], optional ? "?" : "");
    print_type(type, len - optional);
    putchar(' ');
    for (; *text; text++)
        putchar(*text == '\n' ? ' ' : *text);
    printf("%s%s%s\n", *by_default ? " Default: " : "", by_default, *by_default ? "." : "");
}

/* One owner: what has methods becomes a local table, so that they have a place. */
static void lua_class(const struct row *first)
{
    char class[WORD_MAX], name[WORD_MAX];
    bool methods = false, own = !strncmp(first->cell[OF], "carom.", 6);

    class_of(first->cell[OF], class);
    printf("---@class %s%s%s\n", own ? "" : "carom.", class, strcmp(class, "bounce") ? "" : ": carom.fact");
    for (const struct row *row = first; row; row = next_of(row)) {
        methods = methods || is_function(row);
        if (!is_function(row))
            lua_field(row);
    }
    if (methods) {
        snprintf(name, sizeof name, "%s", class);
        printf("local %s = {}\n\n", name);
        for (const struct row *row = first; row; row = next_of(row))
            if (is_function(row))
                lua_function(row, name);
    } else {
        putchar('\n');
    }
}

static void lua_hook(const struct row *row, const char *word)
{
    char name[WORD_MAX];
    struct row hook = *row;
    size_t before = strcspn(row->cell[NAME], "<");

    snprintf(name, sizeof name, "%.*s%s", (int)before, row->cell[NAME], word);
    hook.cell[NAME] = name;
    lua_function(&hook, "");
}

#define WORD(name, word) #word,
#define WORD_OF_REASON(name, word, fault) #word,
static const char *const kinds[] = {CAROM_KINDS(WORD) NULL}, *const faults[] = {CAROM_FAULTS(WORD) NULL},
                  *const reasons[] = {CAROM_REASONS(WORD_OF_REASON) NULL},
                  *const confidences[] = {CAROM_CONFIDENCES(WORD) NULL},
                  *const authenticities[] = {CAROM_AUTHENTICITIES(WORD) NULL};
static const char *const *const words_of[] = {kinds, reasons, faults, confidences, authenticities};

static void lua_hooks(void)
{
    for (const struct row *row = first_of("hook"); row; row = next_of(row)) {
        bool by_kind = !strcmp(row->cell[NAME], "on_<kind>"), by_reason = !strcmp(row->cell[NAME], "on_<reason>");
        const char *const *words = by_kind ? kinds : reasons;

        if (!by_kind && !by_reason)
            lua_hook(row, "");
        for (; (by_kind || by_reason) && *words; words++)
            lua_hook(row, *words);
    }
}

/* With what the table of reasons says of each. */
static void lua_reasons(const char *path)
{
    struct carom_tsv tsv;

    carom_tsv_begin(&tsv, path);
    puts("---@alias carom.reason");
    while (carom_tsv_next(&tsv))
        printf("---| \"%s\" # %s\n", tsv.cell[0], tsv.cell[1]);
    carom_tsv_end(&tsv);
}

static void lua_types(const char *reasons_path)
{
    for (size_t i = 0; i < sizeof enumerations / sizeof *enumerations; i++) {
        if (words_of[i] == reasons) {
            lua_reasons(reasons_path);
            continue;
        }
        printf("---@alias carom.%s ", enumerations[i]);
        for (const char *const *word = words_of[i]; *word; word++)
            printf("%s\"%s\"", word == words_of[i] ? "" : "|", *word);
        putchar('\n');
    }
    for (const struct row *row = first_of("type"); row; row = next_of(row)) {
        print_comment(row->cell[TEXT], "");
        printf("---@alias carom.%s ", row->cell[NAME]);
        print_type(row->cell[TYPE], strlen(row->cell[TYPE]));
        putchar('\n');
    }
    putchar('\n');
}

static int lua(const char *reasons_path)
{
    puts("---@meta\n"
         "-- SPDX-License-Identifier: MIT\n"
         "-- SPDX-FileCopyrightText: the carom authors\n"
         "--\n"
         "-- The Lua API of policies, for the Lua language server: completion, and warnings while you write. It is made from\n"
         "-- src/tables/api.tsv; a policy never loads it.\n");
    lua_types(reasons_path);
    for (const struct row *row = rows; row < rows + rows_n; row++)
        if ((row == rows || strcmp(row[-1].cell[OF], row->cell[OF])) && strcmp(row->cell[OF], "type") &&
            strcmp(row->cell[OF], "hook") && strcmp(row->cell[OF], "carom") && strcmp(row->cell[OF], TESTS) &&
            strcmp(row->cell[OF], "environment"))
            lua_class(row);
    puts("carom = {}\n");
    for (const struct row *row = first_of("carom"); row; row = next_of(row))
        lua_function(row, "carom");
    for (const struct row *row = first_of(TESTS); row; row = next_of(row))
        lua_function(row, "carom");
    lua_hooks();
    return 0;
}

/* ---- The fact as macros: STRING(name, member), GROUP(name) … GROUP_END(name) ---- */

static const char *macro_of(const struct row *row)
{
    static const struct {
        const char *type, *macro;
    } macros[] = {{"string", "STRING"}, {"\"", "STRING"},   {"integer", "INTEGER"}, {"time", "INTEGER"},
                  {"boolean", "BOOLEAN"}, {"kind", "WORD"},    {"reason", "WORD"},     {"fault", "WORD"},
                  {"confidence", "WORD"}, {"authenticity", "WORD"}};
    for (size_t i = 0; i < sizeof macros / sizeof *macros; i++)
        if (!strncmp(row->cell[TYPE], macros[i].type, strlen(macros[i].type)))
            return macros[i].macro;
    return NULL;
}

static int fields(void)
{
    for (const struct row *row = first_of("fact"); row; row = next_of(row)) {
        const char *name = row->cell[NAME];
        if (macro_of(row)) {
            printf("%s(%s, %s)\n", macro_of(row), name, name);
            continue;
        }
        if (!first_of(name))
            die("no such group", name);
        printf("GROUP(%s)\n", name);
        for (const struct row *inner = first_of(name); inner; inner = next_of(inner))
            if (!is_function(inner))
                printf("%s(%s, %s.%s)\n", macro_of(inner), inner->cell[NAME], name, inner->cell[NAME]);
        printf("GROUP_END(%s)\n", name);
    }
    return 0;
}

/* ---- Manual pages ---- */

static void man_text(const char *text)
{
    bool bold = false, start = true;

    for (; *text; start = *text == '\n', text++) {
        if (start && (*text == '.' || *text == '\''))
            fputs("\\&", stdout);
        if (*text == '`')
            fputs((bold = !bold) ? "\\fB" : "\\fR", stdout);
        else if (*text == '\\')
            fputs("\\e", stdout);
        else if (*text == '-')
            fputs("\\-", stdout);
        else if (*text == '"')
            fputs("\\(dq", stdout);
        else if (*text == '~')
            fputs("\\(ti", stdout);
        else if (*text == '\n')
            fputs("\n.IP\n", stdout);
        else
            putchar(*text);
    }
}

/* The keys of the braces; those that must be there first stand in the table's order. */
static void man_braces(const struct row *first)
{
    fputs(" {", stdout);
    for (const struct row *row = first; row; row = next_of(row))
        printf("%s %s=", row == first ? "" : ",", row->cell[NAME]);
    fputs(" }", stdout);
}

static const struct row *braces_of(const struct parameter *parameter)
{
    char class[WORD_MAX];

    snprintf(class, sizeof class, "%.*s", (int)parameter->len, parameter->type);
    return owner_of_class(class);
}

/* Prints "bounce:retry { after=, limit= }"; returns whose the braces are. */
static const struct row *man_signature(const struct row *row)
{
    const char *at = row->cell[TYPE] + 4, *separator = "";
    const struct row *braces = NULL;
    struct parameter parameter;
    bool method = !strncmp(at, "self:", 5), global = !strcmp(row->cell[OF], "hook");
    char of[WORD_MAX];

    spoken(row->cell[OF], of);
    fputs("\\fB", stdout);
    if (!global)
        printf("%s%s", of, method ? ":" : ".");
    fputs(row->cell[NAME], stdout);
    while (next_parameter(&at, &parameter)) {
        if (!strcmp(parameter.name, "self"))
            continue;
        const struct row *keys = global ? NULL : braces_of(&parameter);
        if (keys) {
            fputs(*separator ? "," : "", stdout);
            man_braces(braces = keys);
            continue;
        }
        printf("%s\\fI%s\\fB", *separator ? separator : "(", parameter.name);
        separator = ", ";
    }
    if (*separator || !braces)
        printf("%s)", *separator ? "" : "(");
    fputs("\\fR", stdout);
    return braces;
}

static void man_type(const char *type)
{
    size_t len = strlen(type);

    if (len && type[len - 1] == '?')
        len--;
    else if (len > 4 && !strcmp(type + len - 4, "|nil"))
        len -= 4;
    for (size_t i = 0; i < len; i++)
        if (type[i] == '"')
            fputs("\\(dq", stdout);
        else if (type[i] == '|')
            fputs(", ", stdout);
        else if (!strncmp(type + i, "carom.", 6))
            fputs("table", stdout), i += name_length(type + i) - 1;
        else
            putchar(type[i]);
}

static void man_owner(const struct row *first);

/* "name, name" of rows that share a text; then what it says. */
static const struct row *man_row(const struct row *row)
{
    const struct row *braces = NULL, *shared = row;
    char class[WORD_MAX];

    puts(".TP");
    for (;; row = next_of(row)) {
        if (is_function(row))
            braces = man_signature(row);
        else
            printf("\\fB%s\\fR", row->cell[NAME]);
        if (*row->cell[TEXT] || !next_of(row))
            break;
        fputs(", ", stdout);
    }
    if (!is_function(row) && strcmp(row->cell[OF], "environment") && strcmp(row->cell[OF], "type")) {
        const char *of_ours = strstr(row->cell[TYPE], "carom.");
        if (of_ours) {
            snprintf(class, sizeof class, "%.*s", (int)name_length(of_ours), of_ours);
            braces = owner_of_class(class);
        }
        if (strcmp(row->cell[OF], "fact") && row == shared) {
            fputs(" (\\fI", stdout);
            man_type(row->cell[TYPE]);
            fputs("\\fR)", stdout);
        }
    }
    putchar('\n');
    if (!strcmp(row->cell[OF], "environment")) /* the names of a library */
        printf("\\fB%s\\fR.\n", row->cell[TYPE]);
    man_text(row->cell[TEXT]);
    if (*row->cell[DEFAULT]) {
        fputs(" Default: ", stdout);
        man_text(row->cell[DEFAULT]);
        putchar('.');
    }
    putchar('\n');
    if (braces && !rows[braces - rows].told) {
        puts(".RS");
        man_owner(braces);
        puts(".RE");
    }
    return next_of(row);
}

static void man_owner(const struct row *first)
{
    rows[first - rows].told = true;
    for (const struct row *row = first; row;)
        row = man_row(row);
}

static int man(const char *path)
{
    static const char mark[] = ".\\\"@ ";
    FILE *page = fopen(path, "r");
    char *line = NULL;
    size_t capacity = 0;

    if (!page)
        die(path, "cannot be opened");
    while (getline(&line, &capacity, page) >= 0) {
        if (strncmp(line, mark, sizeof mark - 1)) {
            fputs(line, stdout);
            continue;
        }
        line[strcspn(line, "\n")] = '\0';
        const struct row *first = first_of(line + sizeof mark - 1);
        if (!first || first->told)
            die(path, first ? "tells twice of an owner" : "no such owner");
        man_owner(first);
    }
    free(line);
    fclose(page);
    return 0;
}

static int check(char **pages)
{
    int result = 0;

    for (; *pages; pages++)
        man(*pages);
    for (size_t i = 0; i < rows_n; i++)
        if (first_of(rows[i].cell[OF]) == &rows[i] && !rows[i].told) {
            fprintf(stderr, "%s: no page tells of it\n", rows[i].cell[OF]);
            result = 1;
        }
    return result;
}

int main(int argc, char **argv)
{
    const char *mode = argc >= 4 || (argc == 3 && !strcmp(argv[1], "fields")) ? argv[1] : "";
    int result;

    if (strcmp(mode, "check") && strcmp(mode, "fields") && (argc != 4 || (strcmp(mode, "lua") && strcmp(mode, "man")))) {
        fputs("usage: apidoc lua API.tsv REASONS.tsv\n       apidoc fields API.tsv\n       apidoc man API.tsv PAGE\n       apidoc check API.tsv PAGE…\n",
              stderr);
        return 2;
    }
    read_rows(argv[2]);
    if (!strcmp(mode, "check"))
        result = check(argv + 3);
    else if (!strcmp(mode, "fields"))
        result = fields();
    else
        result = !strcmp(mode, "lua") ? lua(argv[3]) : man(argv[3]);
    for (size_t i = 0; i < rows_n; i++)
        for (int k = 0; k < COLUMNS; k++)
            free(rows[i].cell[k]);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("apidoc: cannot write");
        return 1;
    }
    return result;
}
