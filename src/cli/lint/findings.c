/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Findings by place and text. It knows nothing of policies. */

#include "cli/lint/findings.h"

#include <stdarg.h>
#include <stdlib.h>

#include "cli/print.h"

const char *carom_severity_name(enum carom_severity severity)
{
    static const char *const names[] = {"advice", "warning", "error"};
    return names[severity];
}

static struct carom_finding *find(struct carom_findings *findings, const struct carom_finding *like)
{
    struct carom_finding *finding = findings->first;
    while (finding && !(finding->line == like->line && carom_str_eq(finding->file, like->file) &&
                        carom_str_eq(finding->what, like->what)))
        finding = finding->next;
    return finding;
}

static struct carom_str format(struct carom_arena *arena, const char *text, va_list list)
{
    char out[1024];
    vsnprintf(out, sizeof out, text, list);
    return carom_arena_str(arena, carom_str(out));
}

static void add_example(struct carom_findings *findings, struct carom_finding *finding, struct carom_str example)
{
    struct carom_example **at = &finding->examples;
    for (; *at; at = &(*at)->next)
        if (carom_str_eq((*at)->text, example))
            return;
    *at = carom_arena_new_of(findings->arena, struct carom_example);
    **at = (struct carom_example){.text = carom_arena_str(findings->arena, example)};
    finding->cases++;
}

void carom_findings_add(struct carom_findings *findings, enum carom_severity severity, struct carom_str at,
                        const char *example, const char *todo, const char *what, ...)
{
    size_t colon = carom_str_rchr(at, ':');
    struct carom_finding made = {.severity = severity, .file = at, .todo = CAROM_STR_EMPTY}, *finding;
    int64_t line = colon == SIZE_MAX ? -1 : carom_str_number(carom_str_from(at, colon + 1));
    va_list list;

    if (line >= 0) {
        made.line = (int)line;
        made.file = carom_str_head(at, colon);
    }
    va_start(list, what);
    made.what = format(findings->arena, what, list);
    va_end(list);
    finding = find(findings, &made);
    if (!finding) {
        finding = carom_arena_alloc(findings->arena, sizeof *finding);
        *finding = made;
        finding->file = carom_arena_str(findings->arena, made.file);
        finding->todo = carom_arena_str(findings->arena, carom_str(todo));
        finding->next = findings->first;
        findings->first = finding;
    }
    if (example)
        add_example(findings, finding, carom_str(example));
}

static int order_of_texts(struct carom_str a, struct carom_str b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n ? memcmp(a.ptr, b.ptr, n) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static bool is_before(const struct carom_finding *a, const struct carom_finding *b)
{
    int order = order_of_texts(a->file, b->file);
    if (!order)
        order = (a->line > b->line) - (a->line < b->line);
    if (!order)
        order = (int)b->severity - (int)a->severity;
    return (order ? order : order_of_texts(a->what, b->what)) < 0;
}

void carom_findings_sort(struct carom_findings *findings)
{
    struct carom_finding *sorted = NULL, *next;
    for (struct carom_finding *finding = findings->first; finding; finding = next) {
        struct carom_finding **at = &sorted;
        next = finding->next;
        while (*at && is_before(*at, finding))
            at = &(*at)->next;
        finding->next = *at;
        *at = finding;
    }
    findings->first = sorted;
}

/* ---- Out ---- */

static struct carom_str file_of(const struct carom_finding *finding, struct carom_str main)
{
    return finding->file.len ? finding->file : main;
}

static void print_examples(const struct carom_finding *finding)
{
    enum { SHOWN = 3 };
    size_t i = 0;
    for (const struct carom_example *example = finding->examples; example && i < SHOWN; example = example->next, i++)
        printf("%s" CAROM_STR_FMT, i == 0 ? " (" : i + 1 == finding->cases ? " and " : ", ",
               CAROM_STR_ARG(example->text));
    if (finding->cases > i)
        printf(" and %zu more", finding->cases - i);
    if (i)
        putchar(')');
}

void carom_findings_print(const struct carom_findings *findings, struct carom_str directory, struct carom_str main)
{
    for (const struct carom_finding *finding = findings->first; finding; finding = finding->next) {
        carom_print_cell(stdout, directory, 0);
        carom_print_cell(stdout, file_of(finding, main), 0);
        if (finding->line)
            printf(":%d", finding->line);
        printf(": %s: ", carom_severity_name(finding->severity));
        carom_print_cell(stdout, finding->what, 0);
        print_examples(finding);
        printf("; ");
        carom_print_cell(stdout, finding->todo, 0);
        putchar('\n');
    }
}

int carom_findings_json(const struct carom_findings *findings, struct carom_str directory, struct carom_str main)
{
    struct carom_print print = carom_print_begin(stdout);
    char path[4096];

    for (const struct carom_finding *finding = findings->first; finding; finding = finding->next) {
        struct carom_json json = carom_print_json(&print);
        snprintf(path, sizeof path, CAROM_STR_FMT CAROM_STR_FMT, CAROM_STR_ARG(directory),
                 CAROM_STR_ARG(file_of(finding, main)));
        carom_json_object(&json);
        carom_json_field_str(&json, "file", carom_str(path));
        if (finding->line) {
            carom_json_key(&json, CAROM_STR("line"));
            carom_json_int(&json, finding->line);
        }
        carom_json_field_str(&json, "severity", carom_str(carom_severity_name(finding->severity)));
        carom_json_field_str(&json, "what", finding->what);
        carom_json_field_str(&json, "todo", finding->todo);
        if (finding->cases) {
            carom_json_key(&json, CAROM_STR("examples"));
            carom_json_array(&json);
            for (const struct carom_example *example = finding->examples; example; example = example->next)
                carom_json_str(&json, example->text);
            carom_json_array_end(&json);
        }
        carom_json_object_end(&json);
        carom_print_line(&print);
    }
    return carom_print_end(&print);
}
