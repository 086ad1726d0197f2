/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The facts of an address lie side by side, as they are handed over; what stands for an address is a short list at it. What a
   decision does to an address is what ledger/effect.c does to one in a file. */

#include "ledger/memory.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/hash.h"
#include "ledger/crowd.h"
#include "ledger/hashes.h"
#include "ledger/interned.h"
#include "ledger/stands.h"

enum { PAST_MAX = 1000, CHUNK = 4096 };

/* A fact, by its number. */
struct row {
    uint32_t address;
    bool recalled;
};

struct carom_memory_address {
    struct carom_stands stands;
    int64_t restored;
    struct carom_past *facts; /* oldest first */
    uint32_t n, room;
};

struct memory {
    struct carom_arena *arena; /* texts, and what stands */
    struct carom_interned keys, words;
    struct carom_memory_address *addresses; /* of keys.list */
    size_t room;
    struct row **chunks;
    uint32_t n, last;
    struct carom_hashes seen;
    struct carom_crowds crowds;
    uint32_t asked; /* the address that was looked for last */
};

static struct memory *memory_of(struct carom_store *store)
{
    return (struct memory *)(void *)store;
}

static const struct memory *memory_in(const struct carom_ledger *ledger)
{
    return (const struct memory *)(const void *)ledger->store;
}

static struct row *row_at(const struct memory *memory, uint32_t number)
{
    return &memory->chunks[(number - 1) / CHUNK][(number - 1) % CHUNK];
}

/* ---- Addresses ---- */

/* It is asked for its past, then recorded. */
static uint32_t find_address(struct memory *memory, struct carom_str key)
{
    if (memory->asked && carom_str_eq(carom_interned_text(&memory->keys, memory->asked), key))
        return memory->asked;
    return memory->asked = carom_interned_find(&memory->keys, key);
}

static int make_address(struct memory *memory, struct carom_str key, uint32_t *number_r, struct carom_error *err)
{
    *number_r = find_address(memory, key);
    if (*number_r)
        return 0;
    if (memory->keys.n == memory->room) {
        size_t room = memory->room ? 2 * memory->room : 256;
        struct carom_memory_address *addresses = reallocarray(memory->addresses, room, sizeof(*addresses));
        if (!addresses)
            return carom_error_memory(err);
        memory->addresses = addresses;
        memory->room = room;
    }
    if (!(*number_r = memory->asked = carom_interned_add(&memory->keys, key)))
        return carom_error_memory(err);
    memory->addresses[*number_r - 1] = (struct carom_memory_address){0};
    return 0;
}

/* ---- Facts ---- */

static struct row *add_row(struct memory *memory, struct carom_error *err)
{
    if (memory->n % CHUNK == 0) {
        struct row **chunks = reallocarray(memory->chunks, memory->n / CHUNK + 1, sizeof(*chunks));
        if (chunks)
            memory->chunks = chunks;
        if (!chunks || !(chunks[memory->n / CHUNK] = calloc(CHUNK, sizeof(struct row)))) {
            carom_error_memory(err);
            return NULL;
        }
    }
    return row_at(memory, ++memory->n);
}

/* With the next number. */
static int add_fact(struct memory *memory, uint32_t address, const struct carom_past *past, struct carom_error *err)
{
    struct carom_memory_address *it = &memory->addresses[address - 1];
    uint32_t list = past->list.len ? carom_interned_add(&memory->words, past->list) : 0;

    if (past->list.len && !list)
        return carom_error_memory(err);
    if (it->n == it->room) { /* most bounce once */
        uint32_t room = it->room ? 4 * it->room : 1;
        struct carom_past *facts = reallocarray(it->facts, room, sizeof(*facts));
        if (!facts)
            return carom_error_memory(err);
        it->facts = facts;
        it->room = room;
    }
    struct row *row = add_row(memory, err);
    if (!row)
        return -1;
    *row = (struct row){.address = address};
    it->facts[it->n] = *past;
    it->facts[it->n].id = memory->n;
    it->facts[it->n++].list = carom_interned_text(&memory->words, list);
    return 0;
}

static void fill_past(const struct carom_memory_address *it, struct carom_arena *arena, struct carom_history *history)
{
    history->n = it->n < PAST_MAX ? it->n : PAST_MAX;
    history->list = carom_arena_raw(arena, history->n * sizeof(*history->list));
    for (size_t i = 0; i < history->n; i++)
        history->list[i] = it->facts[it->n - 1 - i];
}

static int past(struct carom_store *store, struct carom_arena *arena, struct carom_str address,
                struct carom_history *history, struct carom_error *err)
{
    struct memory *memory = memory_of(store);
    uint32_t number = find_address(memory, address);

    carom_history_empty(history);
    if (!number)
        return 0;
    if (carom_arena_guard(arena))
        return carom_error_memory(err);
    const struct carom_memory_address *it = &memory->addresses[number - 1];
    history->restored = it->restored;
    fill_past(it, arena, history);
    carom_stands_read(&it->stands, arena, history);
    carom_arena_unguard(arena);
    return 0;
}

static int seen(struct carom_store *store, uint64_t identity, struct carom_str address, struct carom_error *err)
{
    (void)address, (void)err; /* hashes of which no two are the same by chance */
    return carom_hashes_has(&memory_of(store)->seen, (int64_t)identity);
}

/* ---- Recording ---- */

static int put_fact(struct memory *memory, const struct carom_entry *entry, struct carom_error *err)
{
    const struct carom_past past = carom_entry_past(entry, memory->n + 1);
    uint32_t address;

    if (make_address(memory, entry->address, &address, err) != 0 || add_fact(memory, address, &past, err) != 0)
        return -1;
    memory->last = memory->n;
    return 0;
}

/* What the engine names a group of removes, or would; below the gate it is nothing yet. */
static int put_removal(struct memory *memory, const struct carom_entry *entry, struct carom_error *err)
{
    enum carom_hold hold = entry->decision->hold;
    int64_t received = entry->fact->received * 1000;
    if (entry->group && !memory->crowds.first)
        memory->crowds.first = received;
    if (!entry->group || hold == CAROM_HOLD_GATE || hold == CAROM_HOLD_OBSERVE)
        return 0;
    const struct carom_crowd_removal removal = {.received = received,
                                                .address = (int64_t)carom_hash(entry->address),
                                                .fact = memory->last,
                                                .done = hold == CAROM_HOLD_NONE};
    return carom_crowds_add(&memory->crowds, entry->group, &removal, err);
}

static int record(struct carom_store *store, struct carom_arena *arena, const struct carom_entry *entry,
                  struct carom_error *err)
{
    struct memory *memory = memory_of(store);
    const struct carom_decision *decision = entry->decision;

    (void)arena;
    memory->last = 0;
    if (carom_hashes_add(&memory->seen, (int64_t)entry->identity, err) != 0)
        return -1;
    if (!entry->address.len)
        return 0;
    if (put_fact(memory, entry, err) != 0)
        return -1;
    struct carom_stands *stands = &memory->addresses[row_at(memory, memory->last)->address - 1].stands;
    struct carom_stands_work work = {memory->arena, &memory->words, stands, entry, memory->last};
    if (entry->fact->kind == CAROM_KIND_DELIVERED && !decision->ignored && decision->hold == CAROM_HOLD_NONE)
        carom_stands_delivered(&work);
    for (const struct carom_decided *decided = decision->first; decided; decided = decided->next)
        if (decided->state == CAROM_ACTION_DECIDED && carom_stands_carry_out(&work, decided) != 0)
            return carom_error_memory(err);
    return put_removal(memory, entry, err);
}

/* ---- The breaker ---- */

static int crowd(struct carom_store *store, const struct carom_crowd_ask *ask, struct carom_crowd **crowd_r,
                 struct carom_error *err)
{
    (void)err;
    *crowd_r = carom_crowds_find(&memory_of(store)->crowds, ask->group);
    return 0;
}

static int first_removal(struct carom_store *store, int64_t *received_r, struct carom_error *err)
{
    (void)err;
    *received_r = memory_of(store)->crowds.first;
    return 0;
}

static int incident_at(struct carom_store *store, struct carom_arena *arena, uint64_t group, int64_t time,
                       struct carom_incident *incident_r, struct carom_error *err)
{
    (void)arena, (void)err;
    *incident_r = carom_crowds_incident(&memory_of(store)->crowds, group, time);
    return 0;
}

static int incident_put(struct carom_store *store, struct carom_incident *incident, struct carom_error *err)
{
    struct memory *memory = memory_of(store);
    uint32_t provider = carom_interned_add(&memory->words, incident->provider),
             reason = carom_interned_add(&memory->words, incident->reason);
    if (!provider || !reason)
        return carom_error_memory(err);
    struct carom_incident kept = *incident;
    kept.provider = carom_interned_text(&memory->words, provider);
    kept.reason = carom_interned_text(&memory->words, reason);
    if (carom_crowds_put_incident(&memory->crowds, &kept, err) != 0)
        return -1;
    incident->id = kept.id;
    return 0;
}

/* No job was tried: nobody delivers. */
static int recall(struct carom_store *store, const struct carom_incident *incident, int64_t from,
                  const struct carom_config *config, int64_t now, int64_t *n_r, struct carom_error *err)
{
    struct memory *memory = memory_of(store);
    struct carom_crowd *crowd = carom_crowds_find(&memory->crowds, incident->group);

    (void)now, (void)err;
    *n_r = 0;
    if (crowd)
        carom_crowd_changed(crowd);
    for (size_t i = crowd ? crowd->n : 0; i-- > 0 && crowd->list[i].received > from;) {
        struct carom_crowd_removal *removal = &crowd->list[i];
        if (!removal->done || !removal->fact)
            continue;
        struct row *row = row_at(memory, removal->fact);
        removal->done = false;
        row->recalled = true;
        carom_stands_take_back(&memory->addresses[row->address - 1].stands, config, removal->fact);
        ++*n_r;
    }
    return 0;
}

/* What the servers said is not kept: the hook sees what the present one said. */
static int samples(struct carom_store *store, struct carom_arena *arena, uint64_t group, struct carom_str *samples_r,
                   size_t max, size_t *n_r, struct carom_error *err)
{
    (void)store, (void)arena, (void)group, (void)samples_r, (void)max, (void)n_r, (void)err;
    return 0;
}

/* ---- What stood before ---- */

bool carom_memory_knows(const struct carom_ledger *ledger, struct carom_str address)
{
    return find_address(memory_of(ledger->store), address) != 0;
}

int carom_memory_adopt(struct carom_ledger *ledger, struct carom_str address, const struct carom_history *history,
                       struct carom_error *err)
{
    struct memory *memory = memory_of(ledger->store);
    uint32_t number;

    if (make_address(memory, address, &number, err) != 0)
        return -1;
    for (size_t i = history->n; i-- > 0;)
        if (add_fact(memory, number, &history->list[i], err) != 0)
            return -1;
    struct carom_memory_address *it = &memory->addresses[number - 1];
    struct carom_stands_work work = {memory->arena, &memory->words, &it->stands, NULL, 0};
    it->restored = history->restored;
    return carom_stands_adopt(&work, history) == 0 ? 0 : carom_error_memory(err);
}

int carom_memory_adopt_removal(struct carom_ledger *ledger, uint64_t group, int64_t received, int64_t address, bool done,
                               struct carom_error *err)
{
    const struct carom_crowd_removal removal = {.received = received, .address = address, .done = done};
    return carom_crowds_add(&memory_of(ledger->store)->crowds, group, &removal, err);
}

struct carom_crowd *carom_memory_crowd(const struct carom_ledger *ledger, uint64_t group)
{
    return carom_crowds_find(&memory_in(ledger)->crowds, group);
}

/* ---- The rest ---- */

static int begin(struct carom_store *store, struct carom_error *err)
{
    return (void)store, (void)err, 0;
}

static void rollback(struct carom_store *store)
{
    (void)store;
}

/* Nobody taught it. */
static int references(struct carom_store *store, uint64_t hash,
                      int (*each)(void *user, const struct carom_reference *reference), void *user, struct carom_error *err)
{
    return (void)store, (void)hash, (void)each, (void)user, (void)err, 0;
}

static void close_memory(struct carom_store *store)
{
    struct memory *memory = memory_of(store);
    for (size_t i = 0; i * CHUNK < memory->n; i++)
        free(memory->chunks[i]);
    free(memory->chunks);
    for (uint32_t i = 0; i < memory->keys.n; i++)
        free(memory->addresses[i].facts);
    free(memory->addresses);
    carom_interned_deinit(&memory->keys);
    carom_interned_deinit(&memory->words);
    carom_hashes_deinit(&memory->seen);
    carom_crowds_deinit(&memory->crowds);
    carom_arena_free(memory->arena);
    free(memory);
}

int carom_memory_open(struct carom_ledger *ledger_r, struct carom_error *err)
{
    static const struct carom_store_ops ops = {
        .begin = begin, .commit = begin, .rollback = rollback, .seen = seen, .past = past, .record = record,
        .references = references, .crowd = crowd, .first_removal = first_removal, .incident_at = incident_at,
        .incident_put = incident_put, .recall = recall, .samples = samples, .close = close_memory,
    };
    struct memory *memory = calloc(1, sizeof(*memory));

    *ledger_r = (struct carom_ledger){0};
    if (!memory || !(memory->arena = carom_arena_new())) {
        free(memory);
        return carom_error_memory(err);
    }
    memory->keys.arena = memory->words.arena = memory->arena;
    *ledger_r = (struct carom_ledger){.ops = &ops, .store = (struct carom_store *)(void *)memory};
    return 0;
}

uint32_t carom_memory_facts(const struct carom_ledger *ledger)
{
    return memory_in(ledger)->n;
}

bool carom_memory_recalled(const struct carom_ledger *ledger, uint32_t fact)
{
    return fact && row_at(memory_in(ledger), fact)->recalled;
}
