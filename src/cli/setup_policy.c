/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What the policy leans on: a server for its mail, secrets, programs, a log. Nothing is sent and no secret shown. */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/setup.h"
#include "outbox/render.h"

enum { SECRET_MIN = 16 }; /* bytes, as for a key of verp */

static bool may(const char *path, int mode)
{
    return faccessat(AT_FDCWD, path, mode, AT_EACCESS) == 0;
}

void carom_setup_each_sink(struct carom_setup *setup, void (*visit)(struct carom_setup *setup, const struct carom_sink *sink))
{
    const struct carom_sink_entry *const lists[] = {setup->config->sinks, setup->config->endpoints, setup->config->commands};

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        for (const struct carom_sink_entry *entry = lists[i]; entry; entry = entry->next)
            for (const struct carom_sink *sink = entry->sinks; sink; sink = sink->next)
                visit(setup, sink);
    if (setup->config->smtp)
        visit(setup, setup->config->smtp);
}

/* ---- Hooks ---- */

static void check_hooks(struct carom_setup *setup)
{
    static const char remedy[] = "name a function after what happened, such as on_permanent; carom lint says more";
    const struct carom_policy_hook *function = carom_policy_functions(setup->policy);

    if (!carom_policy_decides(setup->policy))
        carom_setup_say(setup, CAROM_SETUP_WARNING, "policy",
                        CAROM_STR("defines no hook that a bounce runs: nothing is ever decided"), carom_str(remedy));
    for (; function; function = function->next) {
        struct carom_str meant = carom_policy_slip(setup->arena, setup->policy, function);
        if (meant.len)
            carom_setup_say(setup, CAROM_SETUP_WARNING, "policy",
                            carom_setup_text(setup, "%s: %s is no hook; did you mean \"%s\"?", function->at.ptr,
                                             function->name.ptr, meant.ptr), CAROM_STR_EMPTY);
    }
}

/* ---- smtp ---- */

static const char remedy_smtp[] = "configure smtp = { url =, from = } in the policy, or take the call out";

static bool mails(const struct carom_sink *sink)
{
    for (; sink; sink = sink->next)
        if (sink->type == CAROM_SINK_SMTP)
            return true;
    return false;
}

static void check_smtp(struct carom_setup *setup)
{
    const struct carom_config *config = setup->config;
    const struct carom_sink *alert = carom_config_sinks(config, CAROM_STR("alert"));
    const struct {
        enum carom_action_type type;
        bool nowhere;
    } needs[] = {{CAROM_ACTION_PROBE, !carom_config_probe(config)},
                 {CAROM_ACTION_FORWARD, !config->smtp},
                 {CAROM_ACTION_ALERT, mails(alert) && !alert->url.len}};

    for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
        if (needs[i].nowhere && carom_policy_calls(setup->policy, needs[i].type))
            carom_setup_say(setup, CAROM_SETUP_FAILURE, "smtp",
                            carom_setup_text(setup, "the policy calls bounce:%s, and no mail can be sent: it has no smtp",
                                             carom_action_name(needs[i].type)), carom_str(remedy_smtp));
    if (!alert && carom_policy_calls(setup->policy, CAROM_ACTION_ALERT))
        carom_setup_say(setup, CAROM_SETUP_WARNING, "alert", CAROM_STR("the policy calls bounce:alert, and no sink takes it"),
                        CAROM_STR("name one in sinks: alert = carom.smtp { to = } or carom.webhook { … }"));
}

/* ---- Secrets ---- */

static struct carom_str secret_remedy(struct carom_setup *setup, const struct carom_secret *secret)
{
    if (secret->from == CAROM_SECRET_ENV)
        return carom_setup_text(setup, "set it where carom deliver runs: a mail server and a service hand down nothing of your "
                                       "shell; or keep it in a file, carom.file \"/etc/carom/…\"");
    return carom_setup_text(setup, "the file must be readable for %s, who runs carom deliver", setup->user.ptr);
}

/* Signed with, not only read: "whsec_" must be followed by base64. */
static bool fits(struct carom_setup *setup, const struct carom_sink *sink, struct carom_str value)
{
    char signature[CAROM_SIGNATURE_SIZE];
    return value.len && (sink->type != CAROM_SINK_WEBHOOK ||
                         carom_webhook_sign(setup->arena, value, CAROM_STR("id"), 0, CAROM_STR_EMPTY, signature) == 0);
}

/* A word that somebody thought of is guessed. */
static void warn_of_length(struct carom_setup *setup, const struct carom_sink *sink, struct carom_str value)
{
    const size_t prefix = sizeof("whsec_") - 1;
    size_t bytes = carom_str_starts(value, CAROM_STR("whsec_")) ? (value.len - prefix) * 3 / 4 : value.len;
    if (sink->type == CAROM_SINK_WEBHOOK && bytes < SECRET_MIN)
        carom_setup_say(setup, CAROM_SETUP_WARNING, "secret",
                        carom_setup_text(setup, "sink %s: the secret is short: %zu bytes", sink->name.ptr, bytes),
                        CAROM_STR("make one: whsec_ and what head -c 32 /dev/urandom | base64 prints"));
}

static void warn_of_readers(struct carom_setup *setup, const struct carom_secret *secret)
{
    struct stat info;
    if (secret->from == CAROM_SECRET_FILE && stat(secret->value.ptr, &info) == 0 && info.st_mode & 04)
        carom_setup_say(setup, CAROM_SETUP_WARNING, "secret",
                        carom_setup_text(setup, "everybody may read %s", secret->value.ptr),
                        carom_setup_text(setup, "chmod o= %s", secret->value.ptr));
}

static void check_secret(struct carom_setup *setup, const struct carom_sink *sink, const struct carom_secret *secret)
{
    struct carom_error err = {0};
    struct carom_str value = CAROM_STR_EMPTY;

    if (secret->from == CAROM_SECRET_NONE)
        return;
    if (carom_secret_resolve(setup->arena, secret, &value, &err) != 0)
        carom_setup_say(setup, CAROM_SETUP_FAILURE, "secret", carom_setup_text(setup, "sink %s: %s", sink->name.ptr, err.text),
                        secret_remedy(setup, secret));
    else if (!fits(setup, sink, value))
        carom_setup_say(setup, CAROM_SETUP_FAILURE, "secret",
                        carom_setup_text(setup, "sink %s: the secret is %s", sink->name.ptr,
                                         value.len ? "no base64 behind whsec_" : "empty"),
                        CAROM_STR("take it again from the system that gave it"));
    else if (secret->from == CAROM_SECRET_ENV)
        carom_setup_say(setup, CAROM_SETUP_OK, "secret",
                        carom_setup_text(setup, "sink %s: %s is set here; carom deliver must have it too", sink->name.ptr,
                                         secret->value.ptr), CAROM_STR_EMPTY);
    else if (secret->from == CAROM_SECRET_FILE)
        carom_setup_say(setup, CAROM_SETUP_OK, "secret",
                        carom_setup_text(setup, "sink %s: %s can be read", sink->name.ptr, secret->value.ptr), CAROM_STR_EMPTY);
    if (fits(setup, sink, value))
        warn_of_length(setup, sink, value);
    warn_of_readers(setup, secret);
}

/* These are read by carom pipe, too, and what it gets from a mail server is no environment of ours. */
static void check_verp(struct carom_setup *setup)
{
    static const char remedy[] = "keep it in a file: carom.file \"/etc/carom/verp.secret\", readable for who runs carom pipe";
    const struct carom_verp *verp;
    struct carom_error err = {0};

    if (!setup->config->verp)
        return;
    if (carom_policy_verp(setup->policy, &verp, &err) != 0) {
        carom_setup_say(setup, CAROM_SETUP_FAILURE, "verp", carom_setup_text(setup, "%s", err.text), carom_str(remedy));
        return;
    }
    carom_setup_say(setup, CAROM_SETUP_OK, "verp", CAROM_STR("the keys of return paths can be had"), CAROM_STR_EMPTY);
    for (const struct carom_verp_source *key = setup->config->verp->keys; key; key = key->next) {
        if (key->secret.from == CAROM_SECRET_ENV)
            carom_setup_say(setup, CAROM_SETUP_WARNING, "verp",
                            carom_setup_text(setup, "key %u: %s is set here, but a mail server hands it down to no carom pipe",
                                             key->id, key->secret.value.ptr), carom_str(remedy));
        warn_of_readers(setup, &key->secret);
    }
}

/* ---- Programs ---- */

static void check_program(struct carom_setup *setup, const struct carom_sink *sink, const struct carom_pair *argv)
{
    struct stat info;
    if (!argv)
        return;
    const char *path = carom_arena_str(setup->arena, argv->value).ptr;
    int error = stat(path, &info) != 0 ? errno : !S_ISREG(info.st_mode) || !may(path, X_OK) ? EACCES : 0;
    if (error)
        carom_setup_say(setup, CAROM_SETUP_FAILURE, "program",
                        carom_setup_text(setup, "sink %s: %s cannot be run by %s: %s", sink->name.ptr, path, setup->user.ptr,
                                         strerror(error)),
                        CAROM_STR("install it, and let the user who runs carom deliver execute it"));
    else
        carom_setup_say(setup, CAROM_SETUP_OK, "program",
                        carom_setup_text(setup, "sink %s: %s may run %s", sink->name.ptr, setup->user.ptr, path), CAROM_STR_EMPTY);
}

static void check_sink(struct carom_setup *setup, const struct carom_sink *sink)
{
    check_secret(setup, sink, &sink->password);
    check_secret(setup, sink, &sink->token);
    check_secret(setup, sink, &sink->secrets[0]);
    check_secret(setup, sink, &sink->secrets[1]);
    check_program(setup, sink, sink->argv);
    if (!sink->argv || !sink->verify || !carom_str_eq(sink->argv->value, sink->verify->value))
        check_program(setup, sink, sink->verify);
}

/* ---- The log ---- */

static void check_log(struct carom_setup *setup)
{
    const struct carom_log_settings *log = &setup->config->log;
    struct carom_str path = log->path, directory;
    bool there = log->to == CAROM_LOG_TO_FILE && access(path.ptr, F_OK) == 0;

    if (log->to != CAROM_LOG_TO_FILE)
        return;
    directory = carom_arena_str(setup->arena, carom_str_head(path, carom_str_rchr(path, '/') ? carom_str_rchr(path, '/') : 1));
    if (there ? may(path.ptr, W_OK) : may(directory.ptr, W_OK | X_OK))
        carom_setup_say(setup, CAROM_SETUP_OK, "log", carom_setup_text(setup, "%s can be written", path.ptr), CAROM_STR_EMPTY);
    else
        carom_setup_say(setup, CAROM_SETUP_WARNING, "log",
                        carom_setup_text(setup, "%s may not write %s: its lines go to the default place", setup->user.ptr, path.ptr),
                        carom_setup_text(setup, "make the file, and chown %s %s", setup->user.ptr, path.ptr));
}

void carom_setup_check_policy(struct carom_setup *setup)
{
    check_hooks(setup);
    check_smtp(setup);
    check_log(setup);
    check_verp(setup);
    carom_setup_each_sink(setup, check_sink);
}
