/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Of what is done alike and removes nobody only the number is kept; of the rest a short record, since the breaker may
   still recall a removal. Words are numbers until somebody reads them. */

#include "cli/trial/contrast.h"

#include <stdlib.h>

#include "cli/trial/treatment.h"
#include "ledger/interned.h"
#include "ledger/memory.h"

struct record {
    int64_t received; /* s */
    struct {
        uint32_t what, fact;
    } sides[2];
    uint32_t change, group, person, list;
    bool details; /* of the same words */
};

struct person {
    uint8_t levels[2];
    bool differs;
};

struct carom_contrast {
    struct carom_arena *arena;
    struct carom_treatments treatments;
    struct carom_interned groups, keys, lists; /* groups: "kind\nreason\nprovider" */
    struct person *people;                     /* of keys */
    size_t people_room;
    struct record *records;
    size_t n, room;
    uint64_t facts;
};

struct carom_contrast *carom_contrast_new(bool bookkeeping)
{
    struct carom_contrast *contrast = calloc(1, sizeof(*contrast));
    if (contrast && !(contrast->arena = carom_arena_new())) {
        free(contrast);
        return NULL;
    }
    if (contrast) {
        contrast->groups.arena = contrast->keys.arena = contrast->lists.arena = contrast->arena;
        carom_treatments_init(&contrast->treatments, contrast->arena, bookkeeping);
    }
    return contrast;
}

void carom_contrast_free(struct carom_contrast *contrast)
{
    if (!contrast)
        return;
    carom_treatments_deinit(&contrast->treatments);
    carom_interned_deinit(&contrast->groups);
    carom_interned_deinit(&contrast->keys);
    carom_interned_deinit(&contrast->lists);
    carom_arena_free(contrast->arena);
    free(contrast->people);
    free(contrast->records);
    free(contrast);
}

/* ---- Taking in ---- */

int carom_contrast_treat(struct carom_contrast *contrast, const struct carom_decision *decision,
                         struct carom_treatment *treatment_r)
{
    return carom_treatments_of(&contrast->treatments, decision, treatment_r);
}

int carom_contrast_other(struct carom_contrast *contrast, const char *words, struct carom_treatment *treatment_r)
{
    *treatment_r = (struct carom_treatment){.what = carom_treatments_named(&contrast->treatments, carom_str(words))};
    return treatment_r->what ? 0 : -1;
}

static bool differ_in(const struct carom_treatment *one, const struct carom_treatment *other)
{
    return one->what != other->what || one->details != other->details;
}

static uint32_t group_of(struct carom_contrast *contrast, const struct carom_fact *fact)
{
    struct carom_buf text = CAROM_BUF_INIT(1 << 16);
    const char *reason = carom_reason_name(fact->reason);
    carom_buf_printf(&text, "%s\n%s\n" CAROM_STR_FMT, carom_kind_name(fact->kind), reason ? reason : "",
                     CAROM_STR_ARG(fact->provider));
    uint32_t group = text.failed ? 0 : carom_interned_add(&contrast->groups, carom_buf_str(&text));
    carom_buf_deinit(&text);
    return group;
}

static struct record *add_record(struct carom_contrast *contrast)
{
    if (contrast->n == contrast->room) {
        size_t room = contrast->room ? 2 * contrast->room : 256;
        struct record *records = reallocarray(contrast->records, room, sizeof(*records));
        if (!records)
            return NULL;
        contrast->records = records;
        contrast->room = room;
    }
    return &contrast->records[contrast->n++];
}

/* -1: no memory. The empty key is nobody. */
static int person_of(struct carom_contrast *contrast, struct carom_str key, uint32_t *person_r)
{
    uint32_t before = contrast->keys.n;

    *person_r = 0;
    if (!key.len)
        return 0;
    if (contrast->keys.n == contrast->people_room) {
        size_t room = contrast->people_room ? 2 * contrast->people_room : 256;
        struct person *people = reallocarray(contrast->people, room, sizeof(*people));
        if (!people)
            return -1;
        contrast->people = people;
        contrast->people_room = room;
    }
    if (!(*person_r = carom_interned_add(&contrast->keys, key)))
        return -1;
    if (contrast->keys.n > before)
        contrast->people[*person_r - 1] = (struct person){0};
    return 0;
}

int carom_contrast_add(struct carom_contrast *contrast, const struct carom_fact *fact, struct carom_str key,
                       const struct carom_treatment *old, const struct carom_treatment *new)
{
    bool differ = differ_in(old, new);
    uint32_t person, group, list = 0;
    struct record *record;

    contrast->facts++;
    if (person_of(contrast, key, &person) != 0)
        return -1;
    if (!differ && !carom_treatments_level(&contrast->treatments, old->what))
        return 0;
    if (!(group = group_of(contrast, fact)) ||
        (fact->list.len && !(list = carom_interned_add(&contrast->lists, fact->list))) ||
        !(record = add_record(contrast)))
        return -1;
    *record = (struct record){.received = fact->received,
                              .sides = {{old->what, old->fact}, {new->what, new->fact}},
                              .group = group,
                              .person = person,
                              .list = list,
                              .details = old->what == new->what && differ};
    return 0;
}

/* ---- What came of it ---- */

static bool differs(const struct record *record)
{
    return record->sides[0].what != record->sides[1].what || record->details;
}

static int settle(struct carom_contrast *contrast, struct record *record, size_t side, const struct carom_ledger *ledger)
{
    uint32_t *what = &record->sides[side].what;
    if (ledger && carom_memory_recalled(ledger, record->sides[side].fact) &&
        !(*what = carom_treatments_held(&contrast->treatments, *what)))
        return -1;
    uint8_t level = carom_treatments_level(&contrast->treatments, *what);
    struct person *person = record->person ? &contrast->people[record->person - 1] : NULL;
    if (person && level > person->levels[side])
        person->levels[side] = level;
    return 0;
}

/* How much harder the new one is. */
static int harm(const struct carom_contrast *contrast, const struct record *record)
{
    return carom_treatments_level(&contrast->treatments, record->sides[1].what) -
           carom_treatments_level(&contrast->treatments, record->sides[0].what);
}

static int order(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int by_change(const void *left, const void *right)
{
    const struct record *a = left, *b = right;
    int by = order(a->sides[0].what, b->sides[0].what);
    by = by ? by : order(a->sides[1].what, b->sides[1].what);
    by = by ? by : order(a->group, b->group);
    by = by ? by : order(a->person, b->person);
    return by ? by : order((uint64_t)a->received, (uint64_t)b->received);
}

static void drop_alike(struct carom_contrast *contrast)
{
    size_t n = 0;
    for (size_t i = 0; i < contrast->n; i++) {
        struct record *record = &contrast->records[i];
        if (!differs(record))
            continue;
        if (record->person)
            contrast->people[record->person - 1].differs = true;
        contrast->records[n++] = *record;
    }
    contrast->n = n;
}

int carom_contrast_finish(struct carom_contrast *contrast, const struct carom_ledger *old, const struct carom_ledger *new)
{
    for (size_t i = 0; i < contrast->n; i++)
        if (settle(contrast, &contrast->records[i], 0, old) != 0 || settle(contrast, &contrast->records[i], 1, new) != 0)
            return -1;
    drop_alike(contrast);
    if (contrast->n)
        qsort(contrast->records, contrast->n, sizeof(*contrast->records), by_change);
    return 0;
}

struct carom_contrast_totals carom_contrast_totals(const struct carom_contrast *contrast)
{
    struct carom_contrast_totals totals = {.facts = contrast->facts, .different = contrast->n, .people = contrast->keys.n};
    for (uint32_t i = 0; i < contrast->keys.n; i++) {
        const struct person *person = &contrast->people[i];
        int old = person->levels[0], new = person->levels[1];
        totals.treated_differently += person->differs;
        totals.removed[0] += old == CAROM_LEVEL_REMOVED && new < old;
        totals.removed[1] += new == CAROM_LEVEL_REMOVED && old < new;
        totals.paused[0] += old == CAROM_LEVEL_PAUSED && new < old;
        totals.paused[1] += new == CAROM_LEVEL_PAUSED && old < new;
        totals.harder += new == CAROM_LEVEL_REMOVED && old == CAROM_LEVEL_PAUSED;
    }
    return totals;
}

/* ---- Showing ---- */

static void read_group(const struct carom_contrast *contrast, uint32_t group, struct carom_str *kind_r,
                       struct carom_str *reason_r, struct carom_str *provider_r)
{
    struct carom_str text = carom_interned_text(&contrast->groups, group);
    size_t line = carom_str_chr(text, '\n');
    *kind_r = carom_str_head(text, line);
    text = carom_str_from(text, line + 1);
    line = carom_str_chr(text, '\n');
    *reason_r = carom_str_head(text, line);
    *provider_r = carom_str_from(text, line + 1);
}

/* A stretch of the sorted records. */
struct stretch {
    size_t first, n;
    int harm;
};

static bool is_one_change(const struct record *a, const struct record *b)
{
    return a->sides[0].what == b->sides[0].what && a->sides[1].what == b->sides[1].what;
}

static int worst_first(const void *left, const void *right)
{
    const struct stretch *a = left, *b = right;
    if (a->harm != b->harm)
        return a->harm > b->harm ? -1 : 1;
    return a->n != b->n ? order(b->n, a->n) : order(a->first, b->first);
}

/* NULL: no memory. The caller frees it. */
static struct stretch *find_changes(const struct carom_contrast *contrast, size_t *n_r)
{
    const struct record *records = contrast->records;
    size_t n = 0;
    for (size_t i = 0; i < contrast->n; i++)
        n += i == 0 || !is_one_change(&records[i - 1], &records[i]);
    struct stretch *changes = calloc(n + 1, sizeof(*changes)), *change = changes;
    *n_r = n;
    for (size_t i = 0; changes && i < contrast->n; i++) {
        if (i > 0 && !is_one_change(&records[i - 1], &records[i]))
            change++;
        if (!change->n)
            *change = (struct stretch){.first = i, .harm = harm(contrast, &records[i])};
        change->n++;
    }
    if (changes && n)
        qsort(changes, n, sizeof(*changes), worst_first);
    return changes;
}

static int most_first(const void *left, const void *right)
{
    const struct carom_change_group *a = left, *b = right;
    return order(b->facts, a->facts);
}

static int show_change(const struct carom_contrast *contrast, const struct stretch *stretch,
                       int (*each)(void *user, const struct carom_change *change), void *user)
{
    const struct record *records = contrast->records + stretch->first;
    struct carom_change change = {.facts = stretch->n,
                                  .same_words = records->details,
                                  .old = carom_treatments_words(&contrast->treatments, records->sides[0].what),
                                  .new = carom_treatments_words(&contrast->treatments, records->sides[1].what)};
    for (size_t i = 0; i < stretch->n; i++)
        change.groups_n += i == 0 || records[i].group != records[i - 1].group;
    if (!(change.groups = calloc(change.groups_n, sizeof(*change.groups))))
        return -1;
    struct carom_change_group *group = change.groups;
    for (size_t i = 0; i < stretch->n; i++) {
        if (i > 0 && records[i].group != records[i - 1].group)
            group++;
        if (!group->facts++)
            read_group(contrast, records[i].group, &group->kind, &group->reason, &group->provider);
    }
    qsort(change.groups, change.groups_n, sizeof(*change.groups), most_first);
    int result = each(user, &change);
    free(change.groups);
    return result;
}

int carom_contrast_changes(const struct carom_contrast *contrast,
                           int (*each)(void *user, const struct carom_change *change), void *user)
{
    size_t n;
    struct stretch *changes = find_changes(contrast, &n);
    int result = changes ? 0 : -1;
    for (size_t i = 0; result == 0 && i < n; i++)
        result = show_change(contrast, &changes[i], each, user);
    free(changes);
    return result;
}

int carom_contrast_names(const struct carom_contrast *contrast,
                         int (*each)(void *user, const struct carom_contrast_name *name), void *user)
{
    size_t n;
    struct stretch *changes = find_changes(contrast, &n);
    int result = changes ? 0 : -1;
    for (size_t i = 0; i < n && result == 0; i++)
        for (size_t k = changes[i].first; k < changes[i].first + changes[i].n && result == 0; k++) {
            const struct record *record = &contrast->records[k];
            struct carom_contrast_name name = {
                .address = carom_interned_text(&contrast->keys, record->person),
                .list = carom_interned_text(&contrast->lists, record->list),
                .old = carom_treatments_words(&contrast->treatments, record->sides[0].what),
                .new = carom_treatments_words(&contrast->treatments, record->sides[1].what),
                .received = record->received};
            read_group(contrast, record->group, &name.kind, &name.reason, &name.provider);
            result = each(user, &name);
        }
    free(changes);
    return result;
}
