/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Connections that are opened and closed again, by the module that delivers, with the checks of a delivery. */

#include "outbox/trial.h"

#include "outbox/transport.h"

enum { POLL_MS = 500 };

struct carom_str carom_trial_origin(struct carom_arena *arena, struct carom_str url)
{
    size_t host = carom_str_find(url, CAROM_STR("://")) + 3, end = host;
    while (end < url.len && !strchr("/?#", url.ptr[end]))
        end++;
    return carom_arena_str(arena, carom_str_head(url, end));
}

/* A relay is only of use to whom it lets in; whoever else is asked for a password later, with the request. */
static void add_login(struct carom_arena *arena, const struct carom_sink *sink, struct carom_request *request)
{
    struct carom_str password;
    if (sink->type != CAROM_SINK_SMTP || !sink->user.len ||
        carom_secret_resolve(arena, &sink->password, &password, NULL) != 0)
        return;
    request->user = carom_arena_str(arena, sink->user).ptr;
    request->password = carom_arena_str(arena, password).ptr;
}

static void start(const struct carom_transport_ops *ops, void *transport, struct carom_arena *arena,
                  struct carom_trial *trial)
{
    const struct carom_sink *sink = trial->sink;
    struct carom_error why = {0};
    struct carom_request request = {.method = "GET", .body = CAROM_STR_EMPTY, .connect_only = true, .job = trial,
                                    .allow_private = sink->allow_private};

    trial->origin = carom_trial_origin(arena, sink->url);
    request.url = trial->origin.ptr;
    if (sink->ca.len)
        request.ca = carom_arena_str(arena, sink->ca).ptr;
    if (sink->type == CAROM_SINK_SMTP)
        request.rcpt = "";
    add_login(arena, sink, &request);
    trial->why = CAROM_STR("no answer");
    if (ops->start(transport, &request, &why) != 0)
        trial->why = carom_arena_str(arena, carom_str(why.text));
}

static void done(void *user, void *job, const struct carom_answer *answer)
{
    struct carom_trial *trial = job;
    trial->good = answer->code >= 200 && answer->code <= 299;
    trial->why = carom_arena_str(user, carom_str_trim(answer->error[0] ? carom_str(answer->error) : answer->body));
}

int carom_trials_run(struct carom_arena *arena, struct carom_trial *trials, size_t n, struct carom_error *err)
{
    const struct carom_transport_ops *ops = carom_transport_load(err);
    void *transport = ops ? ops->open(err) : NULL;
    int left;

    if (!transport)
        return -1;
    for (size_t i = 0; i < n; i++)
        start(ops, transport, arena, &trials[i]);
    do
        left = ops->poll(transport, POLL_MS, done, arena, err);
    while (left > 0);
    ops->close(transport);
    return left;
}
