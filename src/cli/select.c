/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* From options to a selection. */

#include "cli/select.h"

#include <stdio.h>

#include "base/date.h"
#include "classify/provider.h"
#include "cli/ledger.h"
#include "mail/address.h"

enum { PROVIDERS_MAX = 256 };

/* A date, a time, or how long ago. */
static int read_time(const char *option, const char *text, int64_t now, int64_t *ms_r, struct carom_error *err)
{
    char whole[32];
    int64_t ago = carom_duration_parse_ms(carom_str(text)), at;

    *ms_r = 0;
    if (!text)
        return 0;
    if (ago > 0) {
        *ms_r = now - ago;
        return 0;
    }
    snprintf(whole, sizeof(whole), "%s%s", text, strlen(text) == 10 ? "T00:00:00Z" : "");
    at = carom_date_parse_rfc3339(carom_str(whole));
    if (!at)
        return carom_error_set(err, CAROM_ERROR_USAGE,
                               "--%s: '%s' is no time; write 2026-03-01, 2026-03-01T12:00:00Z, or 6h for six hours ago",
                               option, text);
    *ms_r = at * 1000;
    return 0;
}

/* A reason or a kind. */
static int check_reason(const char *text, struct carom_error *err)
{
    const char *words[CAROM_REASON_COUNT + CAROM_KIND_COUNT + 1] = {NULL};
    size_t n = 0;
    for (int i = 1; i < CAROM_REASON_COUNT; i++)
        words[n++] = carom_reason_name((enum carom_reason)i);
    for (int i = 0; i < CAROM_KIND_COUNT; i++)
        words[n++] = carom_kind_name((enum carom_kind)i);
    for (size_t i = 0; text && i < n; i++)
        if (strcmp(words[i], text) == 0)
            return 0;
    if (!text)
        return 0;
    const char *nearest = carom_cli_nearest(text, words);
    return carom_error_set(err, CAROM_ERROR_USAGE, "--reason: '%s' is no reason or kind%s%s%s", text,
                           nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

/* One that is misspelt had no bounces, which would read like good news. Others go by their domain, as incidents print it. */
static int check_provider(const char *text, struct carom_error *err)
{
    const char *words[PROVIDERS_MAX + 1] = {NULL}, *nearest;
    for (size_t i = 0; i < carom_providers_n && i < PROVIDERS_MAX; i++) {
        words[i] = carom_providers[i].id;
        if (text && strcmp(words[i], text) == 0)
            return 0;
    }
    if (!text || strchr(text, '.'))
        return 0;
    nearest = carom_cli_nearest(text, words);
    return carom_error_set(err, CAROM_ERROR_USAGE, "--provider: '%s' is none%s%s%s; carom codes --providers lists them", text,
                           nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

int carom_cli_selection(const struct carom_cli_select *select, int64_t now, struct carom_selection *selection_r,
                        struct carom_error *err)
{
    *selection_r = (struct carom_selection){.reason = carom_str(select->reason),
                                            .provider = carom_str(select->provider),
                                            .rule = carom_str(select->rule),
                                            .list = carom_str(select->list),
                                            .policy = carom_str(select->policy),
                                            .key = CAROM_STR_EMPTY,
                                            .cause = CAROM_STR_EMPTY};
    return check_reason(select->reason, err) == 0 && check_provider(select->provider, err) == 0 &&
                   read_time("since", select->since, now, &selection_r->since, err) == 0 &&
                   read_time("until", select->until, now, &selection_r->until, err) == 0
               ? 0
               : -1;
}

static int refuse(struct carom_arena *arena, const char *option, const struct carom_policy *policy,
                  const struct carom_selection *selection, struct carom_error *err)
{
    const struct {
        const char *option;
        struct carom_str value;
    } named[] = {{"provider", selection->provider}, {"rule", selection->rule}, {"list", selection->list},
                 {"by-policy", selection->policy}};
    const char *wrong = strcmp(option, "list") == 0 ? carom_cli_list_wrong(arena, policy, selection->list) : NULL;

    for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++)
        if (strcmp(option, named[i].option) == 0)
            return carom_error_set(err, CAROM_ERROR_USAGE, "--%s: '" CAROM_STR_FMT "' %s", option, CAROM_STR_ARG(named[i].value),
                                   wrong ? wrong : "stands nowhere in the ledger");
    return carom_error_set(err, CAROM_ERROR_USAGE, "--incident: there is no incident %lld; carom incidents lists them",
                           (long long)selection->incident);
}

int carom_cli_selection_known(struct carom_arena *arena, const struct carom_ledger *ledger, const struct carom_policy *policy,
                              const struct carom_selection *selection, struct carom_error *err)
{
    struct carom_selection asked = *selection;
    const struct carom_config *config = carom_policy_config(policy);
    const char *option;

    if (carom_str_chr(asked.provider, '.') == SIZE_MAX)
        asked.provider = CAROM_STR_EMPTY; /* it is one of ours */
    if (config && asked.list.len && carom_config_list(config, asked.list))
        asked.list = CAROM_STR_EMPTY;
    if (ledger->care->unknown(ledger->store, &asked, &option, err) != 0)
        return -1;
    return option ? refuse(arena, option, policy, selection, err) : 0;
}

int carom_cli_address(struct carom_arena *arena, const char *command, const char *typed, struct carom_str *key_r,
                      struct carom_error *err)
{
    struct carom_str address = carom_address_only(arena, carom_str(typed));
    *key_r = carom_address_key(arena, address.len ? address : carom_str_trim(carom_str(typed)));
    return key_r->len ? 0 : carom_error_set(err, CAROM_ERROR_USAGE, "%s: '%s' is no address", command, typed);
}

static bool says(struct carom_str wanted, struct carom_str word)
{
    return !wanted.len || carom_str_eq(wanted, word);
}

/* As the ledger has it (ledger/stored.h). */
static bool is_of(const struct carom_fact *fact, struct carom_str provider)
{
    struct carom_str host = fact->remote_mta.len ? fact->remote_mta : fact->recipient;
    const char before = fact->remote_mta.len ? '.' : '@';

    if (!provider.len || fact->provider.len || carom_str_chr(provider, '.') == SIZE_MAX)
        return says(provider, fact->provider);
    if (host.len && before == '.' && host.ptr[host.len - 1] == '.')
        host.len--;
    return carom_str_iends(host, provider) &&
           (host.len == provider.len ? before == '.' : host.ptr[host.len - provider.len - 1] == before);
}

bool carom_cli_selects(const struct carom_selection *s, const struct carom_fact *fact)
{
    int64_t received = fact->received * 1000;
    return (!s->since || received >= s->since) && (!s->until || received < s->until) &&
           (says(s->reason, carom_str(carom_reason_name(fact->reason))) ||
            says(s->reason, carom_str(carom_kind_name(fact->kind)))) &&
           is_of(fact, s->provider) && says(s->rule, fact->evidence.rule) &&
           (!s->list.len || carom_str_ieq(s->list, fact->list));
}

bool carom_cli_selects_nothing(const struct carom_selection *s)
{
    return !s->since && !s->until && !s->reason.len && !s->provider.len && !s->rule.len && !s->list.len &&
           !s->policy.len && !s->key.len && !s->cause.len && !s->incident;
}
