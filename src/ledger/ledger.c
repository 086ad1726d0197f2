/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* From a URL to a store. The only place that knows which stores there are. */

#include "ledger/ledger.h"

#include "base/error.h"
#include "ledger/care.h"
#include "ledger/overlay.h"
#include "ledger/store.h"

static const struct carom_str scheme = {"sqlite:", 7};

struct carom_str carom_ledger_path(struct carom_str url)
{
    return carom_str_from(url, carom_str_starts(url, scheme) ? scheme.len : 0);
}

static int open_stored(const char *path, enum carom_ledger_mode mode, struct carom_ledger *ledger_r, struct carom_error *err)
{
    const struct carom_store_module *module = carom_store_load(err);
    return module ? module->open(path, mode, ledger_r, err) : -1;
}

int carom_ledger_open(const char *url, enum carom_ledger_mode mode, struct carom_ledger *ledger_r,
                      struct carom_error *err)
{
    struct carom_str text = carom_str(url);

    *ledger_r = (struct carom_ledger){0};
    if (mode == CAROM_LEDGER_MEMORY)
        return open_stored(":memory:", mode, ledger_r, err);
    if (!carom_str_starts(text, scheme))
        return carom_error_set(err, CAROM_ERROR_CONFIG, "the store '%s' is none that this carom knows; write sqlite:PATH",
                               text.ptr);
    const char *path = url + scheme.len;
    if (!*path)
        return carom_error_set(err, CAROM_ERROR_CONFIG, "the store '%s' names no file; write sqlite:PATH", url);
    return mode == CAROM_LEDGER_DRY ? carom_overlay_open(path, ledger_r, err) : open_stored(path, mode, ledger_r, err);
}

int carom_ledger_inspect(const char *url, void (*finding)(void *user, const char *text), void *user,
                         struct carom_inspection *inspection_r, struct carom_error *err)
{
    const struct carom_store_module *module = carom_store_load(err);
    return module ? module->inspect(carom_ledger_path(carom_str(url)).ptr, finding, user, inspection_r, err) : -1;
}

int carom_ledger_backup(const char *url, const char *spool, const char *to, struct carom_backup *backup_r,
                        struct carom_error *err)
{
    const struct carom_store_module *module = carom_store_load(err);
    return module ? module->backup(carom_ledger_path(carom_str(url)).ptr, spool, to, backup_r, err) : -1;
}

int carom_ledger_unpack(struct carom_arena *arena, struct carom_str packed, struct carom_str *bytes_r,
                        struct carom_error *err)
{
    *bytes_r = CAROM_STR_EMPTY;
    if (!packed.len)
        return 0;
    const struct carom_store_module *module = carom_store_load(err);
    return module ? module->unpack(arena, packed, bytes_r, err) : -1;
}

struct carom_selection carom_selection_any(void)
{
    return (struct carom_selection){.reason = CAROM_STR_EMPTY, .provider = CAROM_STR_EMPTY, .rule = CAROM_STR_EMPTY,
                                    .list = CAROM_STR_EMPTY, .policy = CAROM_STR_EMPTY, .key = CAROM_STR_EMPTY,
                                    .cause = CAROM_STR_EMPTY};
}

struct carom_past carom_entry_past(const struct carom_entry *entry, int64_t id)
{
    const struct carom_fact *fact = entry->fact;
    return (struct carom_past){.id = id,
                               .kind = fact->kind,
                               .reason = fact->reason,
                               .authenticity = fact->authenticity,
                               .hard = fact->hard,
                               .ignored = entry->decision->ignored,
                               .held = entry->decision->hold == CAROM_HOLD_GATE,
                               .retried = carom_decision_retries(entry->decision, entry->now),
                               .time = carom_history_time(fact),
                               .received = fact->received * 1000,
                               .delivery = entry->delivery,
                               .list = fact->list,
                               .points = carom_decision_points(entry->decision)};
}

void carom_refusal_set(struct carom_refusal *refusal_r, const char *cause, int64_t since, int64_t until,
                       struct carom_str reason)
{
    *refusal_r = (struct carom_refusal){.cause = cause, .since = since / 1000, .until = until / 1000};
    carom_str_put(refusal_r->reason, sizeof(refusal_r->reason), reason);
}

void carom_ledger_close(struct carom_ledger *ledger)
{
    if (ledger->ops)
        ledger->ops->close(ledger->store);
    *ledger = (struct carom_ledger){0};
}
