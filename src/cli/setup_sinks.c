/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The sinks over the network, all at once: connected to and left again. */

#include "base/error.h"
#include "cli/setup.h"
#include "outbox/trial.h"

struct trials {
    struct carom_setup *setup;
    struct carom_trial *list;
    size_t n, max;
};

static bool same(const struct carom_sink *a, const struct carom_sink *b)
{
    return a->type == b->type && a->allow_private == b->allow_private && carom_str_eq(a->url, b->url) &&
           carom_str_eq(a->ca, b->ca) && carom_str_eq(a->user, b->user);
}

/* A sink that takes the server of carom.configure's smtp is that server. */
static void add(struct trials *trials, const struct carom_sink *sink)
{
    if (sink->type == CAROM_SINK_COMMAND || !sink->url.len)
        return;
    for (size_t i = 0; i < trials->n; i++)
        if (same(trials->list[i].sink, sink))
            return;
    if (trials->n == trials->max) {
        size_t max = trials->max ? 2 * trials->max : 16;
        struct carom_trial *list = carom_arena_array(trials->setup->arena, struct carom_trial, max);
        if (trials->n)
            memcpy(list, trials->list, trials->n * sizeof(*list));
        trials->list = list;
        trials->max = max;
    }
    trials->list[trials->n++] = (struct carom_trial){.sink = sink};
}

static void say(struct carom_setup *setup, const struct carom_trial *trial)
{
    const char *name = trial->sink->name.ptr, *origin = trial->origin.ptr;
    bool mail = trial->sink->type == CAROM_SINK_SMTP;
    bool clear = !mail && carom_str_istarts(trial->origin, CAROM_STR("http:")) && !trial->sink->allow_private;

    if (!trial->good)
        carom_setup_say(setup, CAROM_SETUP_FAILURE, "sink",
                        carom_setup_text(setup, "sink %s: %s: " CAROM_STR_FMT, name, origin, CAROM_STR_ARG(trial->why)),
                        CAROM_STR("mend the address, the server or its certificate; until then its jobs wait"));
    else if (clear)
        carom_setup_say(setup, CAROM_SETUP_WARNING, "sink",
                        carom_setup_text(setup, "sink %s: %s answers, but without TLS: what is sent can be read on its way", name, origin),
                        CAROM_STR("write https://"));
    else
        carom_setup_say(setup, CAROM_SETUP_OK, "sink",
                        mail ? carom_setup_text(setup, "sink %s: %s greets: " CAROM_STR_FMT, name, origin, CAROM_STR_ARG(trial->why))
                             : carom_setup_text(setup, "sink %s: %s answers%s", name, origin,
                                                carom_str_istarts(trial->origin, CAROM_STR("https:")) ? ", its certificate is valid" : ""),
                        CAROM_STR_EMPTY);
}

static void add_entries(struct trials *trials, const struct carom_sink_entry *entry)
{
    for (; entry; entry = entry->next)
        for (const struct carom_sink *sink = entry->sinks; sink; sink = sink->next)
            add(trials, sink);
}

void carom_setup_check_sinks(struct carom_setup *setup)
{
    struct trials trials = {.setup = setup};
    struct carom_error err = {0};

    if (setup->config->smtp)
        add(&trials, setup->config->smtp);
    add_entries(&trials, setup->config->sinks);
    add_entries(&trials, setup->config->endpoints);
    if (trials.n && carom_trials_run(setup->arena, trials.list, trials.n, &err) != 0) {
        carom_setup_say(setup, CAROM_SETUP_FAILURE, "sinks", carom_setup_text(setup, "%s", err.text), CAROM_STR_EMPTY);
        return;
    }
    for (size_t i = 0; i < trials.n; i++)
        say(setup, &trials.list[i]);
}
