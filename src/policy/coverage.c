/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Lua's line hook tells what was reached. What there is to reach it tells only of functions that exist, so that comes
   out of the compiled chunk, functions that never come to exist among them. */

#include "policy/coverage.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "policy/host.h"
#include "policy/lines.h"

struct carom_coverage {
    struct carom_arena *arena;
    struct carom_covered_file *files, **files_end;
    struct carom_covered_hook *hooks, **hooks_end;
};

struct carom_coverage *carom_coverage_new(void)
{
    struct carom_coverage *coverage = calloc(1, sizeof(*coverage));

    if (!coverage || !(coverage->arena = carom_arena_new())) {
        free(coverage);
        return NULL;
    }
    coverage->files_end = &coverage->files;
    coverage->hooks_end = &coverage->hooks;
    return coverage;
}

void carom_coverage_free(struct carom_coverage *coverage)
{
    if (!coverage)
        return;
    carom_arena_free(coverage->arena);
    free(coverage);
}

const struct carom_covered_file *carom_coverage_files(const struct carom_coverage *coverage)
{
    return coverage->files;
}

const struct carom_covered_hook *carom_coverage_hooks(const struct carom_coverage *coverage)
{
    return coverage->hooks;
}

/* ---- What there is ---- */

static void *keep(lua_State *L, struct carom_coverage *coverage, const void *bytes, size_t n)
{
    char *copy = carom_arena_try(coverage->arena, n + 1);

    if (!copy)
        carom_sandbox_no_memory(L);
    if (bytes)
        memcpy(copy, bytes, n);
    return copy;
}

static size_t count_lines(struct carom_str text)
{
    struct carom_str line;
    size_t n = 0;

    while (carom_str_line(&text, &line))
        n++;
    return n;
}

void carom_coverage_add(lua_State *L, struct carom_coverage *coverage, const char *name, struct carom_str text)
{
    struct carom_covered_file *file = keep(L, coverage, NULL, sizeof(*file));
    size_t n = count_lines(text);
    unsigned char *lines = keep(L, coverage, NULL, n + 1);

    if (!carom_lines_of(L, lines, n))
        luaL_error(L, "the lines of %s cannot be told: its compiled form is not that of Lua 5.4", name);
    *file = (struct carom_covered_file){.name = keep(L, coverage, name, strlen(name)), .lines = lines, .n = n,
                                        .text = {keep(L, coverage, text.ptr, text.len), text.len}};
    *coverage->files_end = file;
    coverage->files_end = &file->next;
}

void carom_coverage_add_hook(lua_State *L, struct carom_coverage *coverage, const char *name)
{
    struct carom_covered_hook *hook = keep(L, coverage, NULL, sizeof(*hook));

    hook->name = keep(L, coverage, name, strlen(name));
    *coverage->hooks_end = hook;
    coverage->hooks_end = &hook->next;
}

/* ---- What was reached ---- */

void carom_coverage_ran(struct carom_coverage *coverage, const char *name)
{
    for (struct carom_covered_hook *hook = coverage->hooks; hook; hook = hook->next)
        hook->ran = hook->ran || strcmp(hook->name, name) == 0;
}

void carom_coverage_line(lua_State *L, lua_Debug *ar)
{
    struct carom_coverage *coverage = carom_host_policy(L)->coverage;

    lua_getinfo(L, "S", ar);
    if (*ar->source != '@')
        return;
    for (struct carom_covered_file *file = coverage->files; file; file = file->next) {
        unsigned char *lines = (unsigned char *)file->lines;
        if (strcmp(file->name, ar->source + 1) == 0 && ar->currentline > 0 && (size_t)ar->currentline <= file->n &&
            lines[ar->currentline] == CAROM_LINE_MISSED)
            lines[ar->currentline] = CAROM_LINE_REACHED;
    }
}
