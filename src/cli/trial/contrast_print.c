/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Counts first, then names. JSON: one line with the counts, then one for each name. */

#include "cli/trial/contrast_print.h"

#include <stdio.h>

#include "base/date.h"

enum { GROUPS_SHOWN = 8 };

struct showing {
    const struct carom_contrast_texts *texts;
    struct carom_json *json;
    struct carom_print *print;
};

static unsigned long long count(uint64_t n)
{
    return (unsigned long long)n;
}

/* ---- For people ---- */

static void print_totals(const struct carom_contrast_totals *t, const struct carom_contrast_texts *texts)
{
    printf("%-9s %llu compared: %llu treated alike, %llu differently\n", "facts", count(t->facts),
           count(t->facts - t->different), count(t->different));
    printf("%-9s %llu, %llu of them treated differently\n", "addresses", count(t->people), count(t->treated_differently));
    if (texts->copies)
        printf("%-9s %llu facts that had come before were left out\n", "copies", count(texts->copies));
    if (texts->unread)
        printf("%-9s %llu source%s, named above\n", "unread", count(texts->unread), texts->unread == 1 ? "" : "s");
    for (size_t side = 0; side < 2; side++)
        if (texts->failed[side])
            printf("%-9s a hook of %s fails for %llu message%s, for the reasons above\n", "failed",
                   side ? texts->new : texts->old, count(texts->failed[side]), texts->failed[side] == 1 ? "" : "s");
    if (!t->facts && !texts->unread)
        puts("Nothing was compared: there is no bounce of what was selected.");
}

static void print_group(const struct carom_change_group *group)
{
    printf("%19llu  ", count(group->facts));
    carom_print_cell(stdout, group->reason.len ? group->reason : group->kind, 20);
    putchar(' ');
    carom_print_cell(stdout, group->provider.len ? group->provider : CAROM_STR("other providers"), 0);
    putchar('\n');
}

static int print_change(void *user, const struct carom_change *change)
{
    uint64_t rest = 0;

    (void)user;
    printf("\n%9llu  ", count(change->facts));
    carom_print_cell(stdout, change->old, 0);
    fputs("  →  ", stdout);
    carom_print_cell(stdout, change->new, 0);
    puts(change->same_words ? " (worded otherwise)" : "");
    for (size_t i = 0; i < change->groups_n; i++)
        if (i < GROUPS_SHOWN)
            print_group(&change->groups[i]);
        else
            rest += change->groups[i].facts;
    if (rest)
        printf("%19llu  of %llu more reasons and providers\n", count(rest), count(change->groups_n - GROUPS_SHOWN));
    return 0;
}

static void print_people(uint64_t n, const char *what, const char *who, const char *note)
{
    if (n)
        printf("%s only by %s: %llu address%s%s\n", what, who, count(n), n == 1 ? "" : "es", note);
}

static void print_sides(const struct carom_contrast_totals *t, const struct carom_contrast_texts *texts)
{
    char note[96] = "";

    if (t->harder)
        snprintf(note, sizeof(note), ", of which the other pauses %llu", count(t->harder));
    if (t->removed[0] || t->removed[1] || t->paused[0] || t->paused[1])
        putchar('\n');
    print_people(t->removed[1], "Removed", texts->new, note);
    print_people(t->removed[0], "Removed", texts->old, "");
    print_people(t->paused[1], "Paused", texts->new, "");
    print_people(t->paused[0], "Paused", texts->old, "");
}

static int print_name(void *user, const struct carom_contrast_name *name)
{
    char time[32];

    (void)user;
    carom_date_format(name->received, time);
    printf("%.10s  ", time);
    carom_print_cell(stdout, name->address.len ? name->address : CAROM_STR("-"), 32);
    putchar(' ');
    carom_print_cell(stdout, name->reason.len ? name->reason : name->kind, 16);
    putchar(' ');
    carom_print_cell(stdout, name->old, 0);
    fputs("  →  ", stdout);
    carom_print_cell(stdout, name->new, 0);
    putchar('\n');
    return 0;
}

static int print_text(const struct carom_contrast *contrast, const struct carom_contrast_texts *texts)
{
    const struct carom_contrast_totals totals = carom_contrast_totals(contrast);

    print_totals(&totals, texts);
    if (carom_contrast_changes(contrast, print_change, NULL) != 0)
        return -1;
    print_sides(&totals, texts);
    if (!texts->names || !totals.different)
        return fflush(stdout);
    putchar('\n');
    return carom_contrast_names(contrast, print_name, NULL) == 0 ? fflush(stdout) : -1;
}

/* ---- For machines ---- */

static void number(struct carom_json *json, const char *name, uint64_t value)
{
    carom_json_key(json, carom_str(name));
    carom_json_int(json, (int64_t)value);
}

static void write_totals(struct carom_json *json, const struct carom_contrast_totals *t,
                         const struct carom_contrast_texts *texts)
{
    number(json, "facts", t->facts);
    number(json, "alike", t->facts - t->different);
    number(json, "different", t->different);
    number(json, "addresses", t->people);
    number(json, "addresses_different", t->treated_differently);
    number(json, "removed_only_by_new", t->removed[1]);
    number(json, "of_which_paused_by_old", t->harder);
    number(json, "removed_only_by_old", t->removed[0]);
    number(json, "paused_only_by_new", t->paused[1]);
    number(json, "paused_only_by_old", t->paused[0]);
    number(json, "copies", texts->copies);
    number(json, "unread", texts->unread);
    number(json, "failed_old", texts->failed[0]);
    number(json, "failed_new", texts->failed[1]);
}

static int write_change(void *user, const struct carom_change *change)
{
    struct carom_json *json = ((struct showing *)user)->json;

    carom_json_object(json);
    carom_json_field_str(json, "old", change->old);
    carom_json_field_str(json, "new", change->new);
    number(json, "facts", change->facts);
    carom_json_key(json, CAROM_STR("groups"));
    carom_json_array(json);
    for (size_t i = 0; i < change->groups_n; i++) {
        carom_json_object(json);
        carom_json_field_str(json, "kind", change->groups[i].kind);
        carom_json_field_str(json, "reason", change->groups[i].reason);
        carom_json_field_str(json, "provider", change->groups[i].provider);
        number(json, "facts", change->groups[i].facts);
        carom_json_object_end(json);
    }
    carom_json_array_end(json);
    carom_json_object_end(json);
    return 0;
}

static int write_name(void *user, const struct carom_contrast_name *name)
{
    struct showing *showing = user;
    struct carom_json json = carom_print_json(showing->print);

    carom_json_object(&json);
    carom_json_field_str(&json, "address", name->address);
    carom_json_field_str(&json, "list", name->list);
    carom_json_field_str(&json, "kind", name->kind);
    carom_json_field_str(&json, "reason", name->reason);
    carom_json_field_str(&json, "provider", name->provider);
    carom_json_field_time(&json, "received", name->received);
    carom_json_field_str(&json, "old", name->old);
    carom_json_field_str(&json, "new", name->new);
    carom_json_object_end(&json);
    return carom_print_line(showing->print);
}

static int print_json(const struct carom_contrast *contrast, const struct carom_contrast_texts *texts)
{
    const struct carom_contrast_totals totals = carom_contrast_totals(contrast);
    struct carom_print print = carom_print_begin(stdout);
    struct carom_json json = carom_print_json(&print);
    struct showing showing = {.texts = texts, .json = &json, .print = &print};

    carom_json_object(&json);
    write_totals(&json, &totals, texts);
    carom_json_key(&json, CAROM_STR("changes"));
    carom_json_array(&json);
    int result = carom_contrast_changes(contrast, write_change, &showing);
    carom_json_array_end(&json);
    carom_json_object_end(&json);
    if (carom_print_line(&print) != 0 ||
        (result == 0 && texts->names && carom_contrast_names(contrast, write_name, &showing) != 0))
        result = -1;
    return carom_print_end(&print) == 0 ? result : -1;
}

int carom_contrast_print(const struct carom_contrast *contrast, const struct carom_contrast_texts *texts)
{
    return texts->json ? print_json(contrast, texts) : print_text(contrast, texts);
}
