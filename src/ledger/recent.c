/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* A short list of addresses. Whether it is still true is not left to those who change the ledger: SQLite counts the rows
   that this connection changed, and says whether another one has committed. Where memory is short all is let go. */

#include "ledger/recent.h"

#include <stdlib.h>

#include "ledger/sqlite.h"

enum { ADDRESSES_MAX = 128, ROWS_MAX = 1 << 16, WORDS_MAX = 1 << 12 };

struct carom_recent_address {
    int64_t row;
    struct carom_past *facts; /* oldest first */
    size_t n, room;
    struct carom_suppression *suppressions; /* of all times, oldest first; next is not used */
    size_t suppressions_n, suppressions_room;
};

static void forget_one(struct carom_recent *recent, size_t place)
{
    struct carom_recent_address *it = &recent->list[place];
    recent->rows -= it->n + it->suppressions_n;
    free(it->facts);
    free(it->suppressions);
    *it = recent->list[--recent->n];
}

static void clear(struct carom_recent *recent)
{
    while (recent->n)
        forget_one(recent, recent->n - 1);
    carom_interned_deinit(&recent->words);
    if (recent->arena)
        carom_arena_reset(recent->arena);
    recent->words = (struct carom_interned){.arena = recent->arena};
}

void carom_recent_deinit(struct carom_recent *recent)
{
    clear(recent);
    free(recent->list);
    carom_arena_free(recent->arena);
}

/* ---- Is it true? ---- */

void carom_recent_begin(struct carom_store *store)
{
    struct carom_recent *recent = &store->recent;
    struct carom_error ignored;
    bool changed;

    if (recent->n && (recent->changes != sqlite3_total_changes(store->db.handle) ||
                      carom_db_changed(&store->db, &recent->since, &changed, &ignored) != 0 || changed))
        clear(recent);
}

void carom_recent_end(struct carom_store *store)
{
    store->recent.changes = sqlite3_total_changes(store->db.handle);
}

static bool may_be_kept(const struct carom_db *db)
{
    return db->open && db->mode != CAROM_DB_READ;
}

static struct carom_recent_address *find(struct carom_recent *recent, int64_t address)
{
    for (size_t i = 0; i < recent->n; i++)
        if (recent->list[i].row == address)
            return &recent->list[i];
    return NULL;
}

const struct carom_recent_address *carom_recent_find(struct carom_store *store, int64_t address)
{
    if (!may_be_kept(&store->db))
        return NULL;
    carom_recent_begin(store);
    return find(&store->recent, address);
}

/* ---- Keeping ---- */

static bool keep_word(struct carom_recent *recent, struct carom_str *word)
{
    uint32_t number = word->len ? carom_interned_add(&recent->words, *word) : 0;
    bool kept = number || !word->len;
    *word = carom_interned_text(&recent->words, number);
    return kept;
}

static bool grow(void **list, size_t n, size_t *room, size_t size)
{
    if (n < *room)
        return true;
    size_t more = *room ? 2 * *room : 32;
    void *grown = reallocarray(*list, more, size);
    if (!grown)
        return false;
    *list = grown;
    *room = more;
    return true;
}

static bool add_fact(struct carom_recent *recent, struct carom_recent_address *it, const struct carom_past *past)
{
    void *list = it->facts;
    bool grown = grow(&list, it->n, &it->room, sizeof(*it->facts));
    it->facts = list;
    if (!grown)
        return false;
    if (it->n == CAROM_PAST_MAX) {
        memmove(it->facts, it->facts + 1, --it->n * sizeof(*it->facts));
        recent->rows--;
    }
    it->facts[it->n++] = *past;
    recent->rows++;
    return keep_word(recent, &it->facts[it->n - 1].list);
}

static bool add_suppression(struct carom_recent *recent, struct carom_recent_address *it,
                            const struct carom_suppression *suppression)
{
    void *list = it->suppressions;
    bool grown = grow(&list, it->suppressions_n, &it->suppressions_room, sizeof(*it->suppressions));
    it->suppressions = list;
    if (!grown)
        return false;
    struct carom_suppression *new = &it->suppressions[it->suppressions_n++];
    *new = *suppression;
    new->next = NULL;
    recent->rows++;
    return keep_word(recent, &new->list) && keep_word(recent, &new->reason);
}

static bool make(struct carom_recent *recent, size_t rows)
{
    if (recent->n == ADDRESSES_MAX || recent->rows + rows > ROWS_MAX || recent->words.n > WORDS_MAX)
        clear(recent);
    if (!recent->arena && !(recent->arena = carom_arena_new()))
        return false;
    if (!recent->list && !(recent->list = calloc(ADDRESSES_MAX, sizeof(*recent->list))))
        return false;
    recent->words.arena = recent->arena;
    return true;
}

static bool fill(struct carom_recent *recent, struct carom_recent_address *it, const struct carom_history *history)
{
    for (size_t i = history->n; i-- > 0;)
        if (!add_fact(recent, it, &history->list[i]))
            return false;
    for (const struct carom_suppression *s = history->suppressions; s; s = s->next)
        if (!add_suppression(recent, it, s))
            return false;
    return true;
}

const struct carom_recent_address *carom_recent_keep(struct carom_store *store, int64_t address,
                                                     const struct carom_history *history)
{
    struct carom_recent *recent = &store->recent;
    struct carom_db *db = &store->db;

    if (!may_be_kept(db) || !make(recent, history->n))
        return NULL;
    if (!recent->n) {
        struct carom_error ignored;
        bool changed;
        if (carom_db_changed(db, &recent->since, &changed, &ignored) != 0)
            return NULL;
        carom_recent_end(store);
    }
    struct carom_recent_address *it = &recent->list[recent->n++];
    *it = (struct carom_recent_address){.row = address};
    if (fill(recent, it, history))
        return it;
    clear(recent);
    return NULL;
}

void carom_recent_add(struct carom_store *store, int64_t address, const struct carom_past *past)
{
    struct carom_recent_address *it = find(&store->recent, address);
    if (it && !add_fact(&store->recent, it, past))
        clear(&store->recent);
}

void carom_recent_suppress(struct carom_store *store, int64_t address, const struct carom_suppression *suppression)
{
    struct carom_recent_address *it = find(&store->recent, address);
    if (it && !add_suppression(&store->recent, it, suppression))
        clear(&store->recent);
}

void carom_recent_drop(struct carom_store *store, int64_t address)
{
    struct carom_recent_address *it = find(&store->recent, address);
    if (it)
        forget_one(&store->recent, (size_t)(it - store->recent.list));
}

/* ---- Reading ---- */

/* What was kept may be let go while the history is still used. */
static struct carom_str copy(struct carom_arena *arena, struct carom_str word, struct carom_str before, struct carom_str before_copied)
{
    return word.ptr == before.ptr && word.len == before.len ? before_copied : carom_arena_str(arena, word);
}

void carom_recent_read(const struct carom_recent_address *it, struct carom_arena *arena, struct carom_history *history)
{
    struct carom_suppression **tail = &history->suppressions;
    struct carom_str word = CAROM_STR_EMPTY, copied = CAROM_STR_EMPTY;

    history->list = carom_arena_raw(arena, carom_arena_product(sizeof(*history->list), it->n));
    for (history->n = 0; history->n < it->n; history->n++) {
        struct carom_past *past = &history->list[history->n];
        *past = it->facts[it->n - 1 - history->n];
        copied = copy(arena, past->list, word, copied);
        word = past->list;
        past->list = copied;
    }
    for (size_t i = 0; i < it->suppressions_n; i++) {
        const struct carom_suppression *s = &it->suppressions[i];
        if (s->until && s->until <= history->now)
            continue;
        *tail = carom_arena_new_of(arena, struct carom_suppression);
        **tail = *s;
        (*tail)->list = carom_arena_str(arena, s->list);
        (*tail)->reason = carom_arena_str(arena, s->reason);
        tail = &(*tail)->next;
    }
}
