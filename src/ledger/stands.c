/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The conditions are those of the statements in ledger/effect.c, without the jobs. */

#include "ledger/stands.h"

#include "base/buf.h"
#include "decision/hold.h"

struct carom_stands_suppression {
    struct carom_suppression it; /* its next is not used */
    uint32_t fact;
    struct carom_stands_suppression *next;
};
struct carom_stands_departure {
    struct carom_departure it;
    uint32_t fact;
    struct heir {
        uint32_t fact;
        struct heir *next;
    } *heirs; /* facts since, oldest first, that would have brought it too */
    struct carom_stands_departure *next;
};
struct carom_stands_tag {
    struct carom_tag it;
    uint32_t fact;
    struct carom_stands_tag *next;
};

/* A copy that stays. -1: no memory. */
static int keep(struct carom_stands_work *work, struct carom_str text, struct carom_str *kept_r)
{
    uint32_t number = text.len ? carom_interned_add(work->words, text) : 0;
    *kept_r = carom_interned_text(work->words, number);
    return number || !text.len ? 0 : -1;
}

/* ---- Suppressions ---- */

static int add_suppression(struct carom_stands_work *work, const struct carom_suppression *suppression, uint32_t fact)
{
    struct carom_stands_suppression **tail = &work->stands->suppressions,
                                    *new = carom_arena_try(work->arena, sizeof(*new));
    if (!new)
        return -1;
    *new = (struct carom_stands_suppression){.it = *suppression, .fact = fact};
    new->it.next = NULL;
    while (*tail)
        tail = &(*tail)->next;
    *tail = new;
    return keep(work, suppression->list, &new->it.list) == 0 ? keep(work, suppression->reason, &new->it.reason) : -1;
}

static int suppress(struct carom_stands_work *work, const struct carom_decided *decided)
{
    const struct carom_fact *fact = work->entry->fact;
    struct carom_buf reason = CAROM_BUF_INIT(128);
    struct carom_suppression suppression = {.list = decided->list_only ? decided->list : CAROM_STR_EMPTY,
                                            .since = work->entry->now,
                                            .cause = carom_history_time(fact),
                                            .soft = carom_hold_is_soft(fact)};
    if (decided->duration_ms > 0 && __builtin_add_overflow(work->entry->now, decided->duration_ms, &suppression.until))
        suppression.until = 0;
    carom_buf_printf(&reason, "%s%s%s", carom_kind_name(fact->kind), fact->reason ? " " : "",
                     fact->reason ? carom_reason_name(fact->reason) : "");
    suppression.reason = carom_buf_str(&reason);
    int result = reason.failed ? -1 : add_suppression(work, &suppression, work->fact);
    carom_buf_deinit(&reason);
    return result;
}

void carom_stands_delivered(struct carom_stands_work *work)
{
    struct carom_stands_suppression **link = &work->stands->suppressions;
    int64_t time = carom_history_time(work->entry->fact), now = work->entry->now;
    while (*link) {
        const struct carom_suppression *it = &(*link)->it;
        if (it->soft && it->cause <= time && (!it->until || it->until > now))
            *link = (*link)->next;
        else
            link = &(*link)->next;
    }
}

/* ---- Departures ---- */

static int add_departure(struct carom_stands_work *work, const struct carom_departure *departure, uint32_t fact)
{
    struct carom_stands_departure **tail = &work->stands->departures, *new = carom_arena_try(work->arena, sizeof(*new));
    if (!new)
        return -1;
    *new = (struct carom_stands_departure){.it = *departure, .fact = fact};
    new->it.next = NULL;
    while (*tail)
        tail = &(*tail)->next;
    *tail = new;
    return keep(work, departure->list, &new->it.list);
}

static bool has_left(const struct carom_stands *stands, struct carom_str list, bool each)
{
    for (const struct carom_stands_departure *d = stands->departures; d; d = d->next)
        if (carom_str_eq(d->it.list, list) && d->it.each <= each)
            return true;
    return false;
}

static int depart(struct carom_stands_work *work, struct carom_str list, bool each)
{
    const struct carom_departure departure = {.list = list, .each = each, .since = work->entry->now};
    return has_left(work->stands, list, each) ? 0 : add_departure(work, &departure, work->fact);
}

static bool has_left_each(const struct carom_stands *stands, const struct carom_config *config)
{
    for (const struct carom_list_entry *list = config->lists; list; list = list->next)
        if (!has_left(stands, list->id, true))
            return false;
    return config->lists;
}

static int depart_from_each(struct carom_stands_work *work)
{
    return has_left_each(work->stands, work->entry->config) ? depart(work, CAROM_STR_EMPTY, true) : 0;
}

/* One spelling of a list's id, however the mail wrote it. */
static int depart_from(struct carom_stands_work *work, struct carom_str list)
{
    const struct carom_list_entry *entry = carom_config_list(work->entry->config, list);
    return list.len ? depart(work, entry ? entry->id : list, false) : 0;
}

static int add_heir(struct carom_stands_work *work, struct carom_stands_departure *departure)
{
    struct heir **tail = &departure->heirs, *new = carom_arena_try(work->arena, sizeof(*new));
    if (!new)
        return -1;
    *new = (struct heir){.fact = work->fact};
    while (*tail)
        tail = &(*tail)->next;
    *tail = new;
    return 0;
}

static int inherit(struct carom_stands_work *work, const struct carom_decided *decided)
{
    for (struct carom_stands_departure *d = work->stands->departures; d; d = d->next)
        if (d->fact != work->fact && (decided->all || (d->it.list.len && carom_str_ieq(d->it.list, decided->list))) &&
            add_heir(work, d) != 0)
            return -1;
    return 0;
}

static int unsubscribe(struct carom_stands_work *work, const struct carom_decided *decided)
{
    const struct carom_list_entry *lists = work->entry->config->lists;

    if (inherit(work, decided) != 0)
        return -1;
    if (!decided->all)
        return depart_from(work, decided->list) == 0 ? depart_from_each(work) : -1;
    for (const struct carom_list_entry *list = lists; list; list = list->next)
        if (depart_from(work, list->id) != 0)
            return -1;
    return lists || depart_from(work, decided->list) == 0 ? depart(work, CAROM_STR_EMPTY, false) : -1;
}

static void disinherit(struct carom_stands_departure *departure, uint32_t fact)
{
    struct heir **heir = &departure->heirs;
    while (*heir)
        if ((*heir)->fact == fact)
            *heir = (*heir)->next;
        else
            heir = &(*heir)->next;
}

/* What the fact brought the next has that would have brought it too. Of having left each list that is who left the last of
   them since, unless this fact still has one. */
static void pass_on(struct carom_stands *stands, uint32_t fact)
{
    uint32_t last = 0;
    bool has_one = false;
    for (struct carom_stands_departure *d = stands->departures; d; d = d->next) {
        disinherit(d, fact);
        if (d->fact == fact && d->heirs) {
            d->fact = d->heirs->fact;
            d->heirs = d->heirs->next;
        }
        if (d->it.list.len && d->fact > last)
            last = d->fact;
        has_one |= d->it.list.len && d->fact == fact;
    }
    for (struct carom_stands_departure *d = stands->departures; d && !has_one && last > fact; d = d->next)
        if (d->it.each && d->fact == fact)
            d->fact = last;
}

/* ---- Tags ---- */

static int put_tag(struct carom_stands_work *work, const struct carom_tag *tag, uint32_t fact)
{
    struct carom_stands_tag **link = &work->stands->tags;
    while (*link && !carom_str_eq((*link)->it.key, tag->key))
        link = &(*link)->next;
    struct carom_stands_tag *it = *link;
    if (it && carom_str_eq(it->it.value, tag->value))
        return 0;
    if (it) /* the new value is the youngest */
        *link = it->next;
    else if (!(it = carom_arena_try(work->arena, sizeof(*it))))
        return -1;
    *it = (struct carom_stands_tag){.fact = fact};
    for (link = &work->stands->tags; *link;)
        link = &(*link)->next;
    *link = it;
    return keep(work, tag->key, &it->it.key) == 0 ? keep(work, tag->value, &it->it.value) : -1;
}

/* ---- All of them ---- */

int carom_stands_carry_out(struct carom_stands_work *work, const struct carom_decided *decided)
{
    const struct carom_tag tag = {.key = decided->key, .value = decided->value};

    switch (decided->type) {
    case CAROM_ACTION_UNSUBSCRIBE:
        return unsubscribe(work, decided);
    case CAROM_ACTION_SUPPRESS:
        return suppress(work, decided);
    case CAROM_ACTION_UNSUPPRESS:
        work->stands->suppressions = NULL;
        return 0;
    case CAROM_ACTION_TAG:
        return put_tag(work, &tag, work->fact);
    default: /* they leave nothing at the address */
        return 0;
    }
}

void carom_stands_take_back(struct carom_stands *stands, const struct carom_config *config, uint32_t fact)
{
    struct carom_stands_suppression **suppression = &stands->suppressions;
    struct carom_stands_departure **departure = &stands->departures;
    pass_on(stands, fact);
    while (*suppression)
        if ((*suppression)->fact == fact)
            *suppression = (*suppression)->next;
        else
            suppression = &(*suppression)->next;
    bool returned = false;
    while (*departure)
        if ((*departure)->fact == fact) {
            *departure = (*departure)->next;
            returned = true;
        } else
            departure = &(*departure)->next;
    returned = returned && !has_left_each(stands, config);
    for (departure = &stands->departures; returned && *departure;)
        if ((*departure)->it.each)
            *departure = (*departure)->next;
        else
            departure = &(*departure)->next;
}

void carom_stands_read(const struct carom_stands *stands, struct carom_arena *arena, struct carom_history *history)
{
    struct carom_suppression **suppression = &history->suppressions;
    struct carom_departure **departure = &history->departures;
    struct carom_tag **tag = &history->tags;

    for (const struct carom_stands_suppression *s = stands->suppressions; s; s = s->next) {
        if (s->it.until && s->it.until <= history->now)
            continue;
        *suppression = carom_arena_new_of(arena, struct carom_suppression);
        **suppression = s->it;
        suppression = &(*suppression)->next;
    }
    for (const struct carom_stands_departure *d = stands->departures; d; d = d->next) {
        *departure = carom_arena_new_of(arena, struct carom_departure);
        **departure = d->it;
        departure = &(*departure)->next;
    }
    for (const struct carom_stands_tag *t = stands->tags; t; t = t->next) {
        *tag = carom_arena_new_of(arena, struct carom_tag);
        **tag = t->it;
        tag = &(*tag)->next;
    }
}

int carom_stands_adopt(struct carom_stands_work *work, const struct carom_history *history)
{
    for (const struct carom_suppression *s = history->suppressions; s; s = s->next)
        if (add_suppression(work, s, 0) != 0)
            return -1;
    for (const struct carom_departure *d = history->departures; d; d = d->next)
        if (add_departure(work, d, 0) != 0)
            return -1;
    for (const struct carom_tag *t = history->tags; t; t = t->next)
        if (put_tag(work, t, 0) != 0)
            return -1;
    return 0;
}
