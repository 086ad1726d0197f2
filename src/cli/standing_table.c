/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What carom show prints for people: a line for each fact with what was decided, then how it stands with the address.
   The facts come from the ledger as JSON; text from mail is made safe by the printer. */

#include "cli/standing_table.h"

#include <jansson.h>
#include <stdio.h>

#include "base/date.h"
#include "cli/print.h"

static struct carom_str text_of(const json_t *object, const char *name)
{
    return carom_str(json_string_value(json_object_get(object, name)));
}

/* "unsubscribe, suppress held": an action that was carried out needs no word more. */
static void add_actions(const json_t *decision, struct carom_buf *buf)
{
    const json_t *actions = json_object_get(decision, "actions"), *action;
    size_t i;

    json_array_foreach(actions, i, action) {
        struct carom_str state = text_of(action, "state");
        bool done = carom_str_eq(state, CAROM_STR("decided"));
        carom_buf_printf(buf, "%s" CAROM_STR_FMT, i ? ", " : "", CAROM_STR_ARG(text_of(action, "name")));
        if (!done)
            carom_buf_printf(buf, " " CAROM_STR_FMT, CAROM_STR_ARG(state));
    }
    if (!json_array_size(actions))
        carom_buf_add_str(buf, CAROM_STR("left alone"));
}

static void add_why(const json_t *fact, struct carom_buf *buf)
{
    struct carom_str reason = text_of(fact, "reason"), said = text_of(fact, "diagnostic");

    carom_buf_add_str(buf, text_of(fact, "kind"));
    if (reason.len)
        carom_buf_printf(buf, " " CAROM_STR_FMT, CAROM_STR_ARG(reason));
    if (!said.len)
        said = text_of(fact, "subject");
    if (said.len)
        carom_buf_printf(buf, ": " CAROM_STR_FMT, CAROM_STR_ARG(said));
}

int carom_show_fact(struct carom_str line, bool address)
{
    struct carom_buf actions = CAROM_BUF_INIT(1 << 16), why = CAROM_BUF_INIT(1 << 20);
    json_t *fact = json_loadb(line.ptr, line.len, 0, NULL);

    if (!fact)
        return -1;
    add_actions(json_object_get(fact, "decision"), &actions);
    add_why(fact, &why);
    carom_print_cell(stdout, text_of(fact, "received"), 20);
    fputs("  ", stdout);
    if (address) {
        struct carom_str recipient = text_of(fact, "recipient");
        carom_print_cell(stdout, recipient.len ? recipient : CAROM_STR("-"), 28);
        fputs("  ", stdout);
    }
    carom_print_cell(stdout, carom_buf_str(&actions), 24);
    fputs("  ", stdout);
    carom_print_cell(stdout, carom_buf_str(&why), 80);
    putchar('\n');
    carom_buf_deinit(&actions);
    carom_buf_deinit(&why);
    json_decref(fact);
    return 0;
}

/* ---- The standing ---- */

static void say_time(const char *word, int64_t ms)
{
    char text[32];
    if (!ms)
        return;
    carom_date_format(ms / 1000, text);
    printf(" %s %s", word, text);
}

static void say_list(const char *what, struct carom_str list)
{
    printf("  %-12s", what);
    carom_print_cell(stdout, list, 0);
}

void carom_show_standing(struct carom_str address, const struct carom_history *history)
{
    bool any = false;
    carom_print_cell(stdout, address, 0);
    putchar('\n');
    for (const struct carom_suppression *s = history->suppressions; s; s = s->next, any = true) {
        say_list("suppressed", s->list.len ? s->list : CAROM_STR("everywhere"));
        say_time("since", s->since);
        say_time("until", s->until);
        putchar('\n');
    }
    for (const struct carom_departure *d = history->departures; d; d = d->next, any = true) {
        say_list("left", d->list.len ? d->list : d->each ? CAROM_STR("each of the lists") : CAROM_STR("all lists"));
        say_time("since", d->since);
        putchar('\n');
    }
    for (const struct carom_tag *t = history->tags; t; t = t->next, any = true) {
        say_list("tag", t->key);
        fputs(" = ", stdout);
        carom_print_cell(stdout, t->value, 0);
        putchar('\n');
    }
    if (carom_history_score(history) != 0)
        printf("  %-12s%.2f\n", "score", carom_history_score(history));
    if (!any)
        puts("  no suppression, and no list left");
}
