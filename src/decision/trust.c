/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Secrets to keys, names of lists to List-Ids. It signs nothing. */

#include "decision/trust.h"

#include "base/error.h"

enum { SECRET_MIN = 16 };

static int load_key(struct carom_arena *arena, const struct carom_verp_source *source, struct carom_verp_key *key,
                    struct carom_error *err)
{
    struct carom_str secret;

    if (carom_secret_resolve(arena, &source->secret, &secret, err) != 0)
        return carom_error_prefix(err, "verp: key %u", source->id);
    if (secret.len < SECRET_MIN)
        return carom_error_set(
            err, CAROM_ERROR_CONFIG,
            "verp: key %u: its secret has %zu bytes: take 32 random ones, as openssl rand -base64 32 "
            "gives them",
            source->id, secret.len);
    carom_verp_key_set(key, source->id, source->since, secret);
    return 0;
}

int carom_trust_keys(struct carom_arena *arena, const struct carom_config *config, struct carom_verp **verp_r,
                     struct carom_error *err)
{
    struct carom_verp *verp;

    *verp_r = NULL;
    if (!config->verp)
        return 0;
    verp = carom_arena_new_of(arena, struct carom_verp);
    *verp = (struct carom_verp){.domain = config->verp->domain,
                                .prefix = config->verp->prefix,
                                .max_age = config->verp->max_age_ms / 1000,
                                .keys = carom_arena_array(arena, struct carom_verp_key, CAROM_VERP_KEY_IDS)};
    for (const struct carom_verp_source *source = config->verp->keys; source; source = source->next)
        if (load_key(arena, source, &verp->keys[verp->n++], err) != 0)
            return -1;
    *verp_r = verp;
    return 0;
}

/* ---- Names of lists ---- */

struct carom_str carom_trust_list_id(const struct carom_config *config, struct carom_str name)
{
    const struct carom_list_entry *found = carom_config_list(config, name);

    for (const struct carom_list_entry *list = config->lists; list && !found; list = list->next)
        if (list->key.len > 0 && carom_str_ieq(list->key, name))
            found = list;
    return found ? found->id : name;
}

struct carom_str carom_trust_list_name(const struct carom_config *config, struct carom_str list)
{
    const struct carom_list_entry *entry = carom_config_list(config, list);

    if (!entry || entry->key.len == 0 || entry->key.len >= list.len ||
        !carom_str_eq(carom_trust_list_id(config, entry->key), entry->id))
        return list;
    return entry->key;
}

/* ---- Two configurations ---- */

static bool alike_names(const struct carom_names *a, const struct carom_names *b)
{
    for (; a && b && carom_str_eq(a->name, b->name); a = a->next)
        b = b->next;
    return !a && !b;
}

static bool alike_lists(const struct carom_list_entry *a, const struct carom_list_entry *b)
{
    for (; a && b && carom_str_eq(a->id, b->id) && carom_str_eq(a->address, b->address) && carom_str_eq(a->key, b->key);
         a = a->next)
        b = b->next;
    return !a && !b;
}

static bool alike_fbl(const struct carom_fbl *a, const struct carom_fbl *b)
{
    for (; a && b && carom_str_eq(a->address, b->address) && alike_names(a->from, b->from); a = a->next)
        b = b->next;
    return !a && !b;
}

static bool alike_keys(const struct carom_verp_source *a, const struct carom_verp_source *b)
{
    for (; a && b && a->id == b->id && a->since == b->since && a->secret.from == b->secret.from &&
           carom_str_eq(a->secret.value, b->secret.value);
         a = a->next)
        b = b->next;
    return !a && !b;
}

static bool alike_verp(const struct carom_verp_config *a, const struct carom_verp_config *b)
{
    if (!a || !b)
        return !a && !b;
    return carom_str_eq(a->domain, b->domain) && carom_str_eq(a->prefix, b->prefix) && a->max_age_ms == b->max_age_ms &&
           alike_keys(a->keys, b->keys);
}

bool carom_trust_alike(const struct carom_config *a, const struct carom_config *b)
{
    const struct carom_return_paths *here = a->return_paths, *there = b->return_paths;
    bool paths = here && there ? alike_names(here->systems, there->systems) : !here && !there;
    return paths && alike_lists(a->lists, b->lists) && alike_names(a->authserv, b->authserv) && alike_fbl(a->fbl, b->fbl) &&
           alike_verp(a->verp, b->verp);
}
