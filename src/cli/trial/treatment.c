/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* From actions to words. The order in which a hook asked for them makes no difference, and is not shown. */

#include "cli/trial/treatment.h"

#include <stdlib.h>

#include "base/hash.h"

static const struct carom_str held_word = {" held", 5};

void carom_treatments_init(struct carom_treatments *treatments, struct carom_arena *arena, bool bookkeeping)
{
    *treatments = (struct carom_treatments){.words = {.arena = arena}, .bookkeeping = bookkeeping};
}

void carom_treatments_deinit(struct carom_treatments *treatments)
{
    carom_interned_deinit(&treatments->words);
    free(treatments->levels);
}

/* ---- Hashes: what tells decisions apart ---- */

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = hash * 31 + value + UINT64_C(0x9e3779b97f4a7c15); /* and the finish of splitmix64 */
    hash = (hash ^ hash >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    hash = (hash ^ hash >> 27) * UINT64_C(0x94d049bb133111eb);
    return hash ^ hash >> 31;
}

static uint64_t mix_text(uint64_t hash, struct carom_str text)
{
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.ptr[i]) * UINT64_C(1099511628211); /* FNV-1a */
    return mix(hash, text.len);
}

/* What its words say. */
static uint64_t hash_words(const struct carom_decided *d)
{
    uint64_t hash = mix(mix(mix(1, (uint64_t)d->type), (uint64_t)d->state), (uint64_t)d->all << 1 | d->list_only);
    hash = mix(mix(hash, (uint64_t)d->duration_ms), (uint64_t)d->after_ms);
    hash = mix_text(mix_text(hash, d->endpoint), d->command);
    return d->type == CAROM_ACTION_TAG ? mix_text(hash, d->key) : hash;
}

static uint64_t hash_number(uint64_t hash, double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof(bits));
    return mix(hash, bits);
}

/* All that it says. Of a retry what was asked for, not when it is due. */
static uint64_t hash_details(const struct carom_decided *d)
{
    uint64_t hash = hash_number(hash_words(d), d->points);
    hash = mix(mix(mix(hash, (uint64_t)d->limit), (uint64_t)d->every_ms), (uint64_t)d->force << 8 | (uint64_t)d->accept);
    hash = mix_text(mix_text(mix_text(hash, d->list), d->payload), d->to);
    hash = mix_text(mix_text(mix_text(hash, d->text), d->key), d->value);
    for (const struct carom_pair *argument = d->arguments; argument; argument = argument->next)
        hash = mix_text(hash, argument->value);
    return hash;
}

static bool is_compared(const struct carom_treatments *treatments, const struct carom_decided *d)
{
    bool done = d->state == CAROM_ACTION_DECIDED || d->state == CAROM_ACTION_HELD || d->state == CAROM_ACTION_UNMATCHED;
    return done && (treatments->bookkeeping || (d->type != CAROM_ACTION_SCORE && d->type != CAROM_ACTION_IGNORE));
}

/* ---- Words ---- */

static void write_duration(struct carom_buf *buf, int64_t ms)
{
    static const struct {
        int64_t ms;
        char unit;
    } units[] = {{86400000, 'd'}, {3600000, 'h'}, {60000, 'm'}, {1000, 's'}};
    size_t i = 0;
    while (i < 3 && ms % units[i].ms)
        i++;
    carom_buf_printf(buf, " %lld%c", (long long)(ms / units[i].ms), units[i].unit);
}

static void write_action(struct carom_buf *buf, const struct carom_decided *d)
{
    if (buf->len)
        carom_buf_add_str(buf, CAROM_STR(", "));
    carom_buf_add_str(buf, carom_str(carom_action_name(d->type)));
    if (d->all)
        carom_buf_add_str(buf, CAROM_STR(" all"));
    if (d->list_only)
        carom_buf_add_str(buf, CAROM_STR(" by list"));
    if (d->duration_ms)
        write_duration(buf, d->duration_ms);
    if (d->type == CAROM_ACTION_RETRY && d->after_ms)
        write_duration(buf, d->after_ms);
    struct carom_str name = d->type == CAROM_ACTION_TAG ? d->key : d->endpoint.len ? d->endpoint : d->command;
    if (name.len)
        carom_buf_printf(buf, " " CAROM_STR_FMT, CAROM_STR_ARG(name));
    if (d->state == CAROM_ACTION_HELD)
        carom_buf_add_str(buf, held_word);
    if (d->state == CAROM_ACTION_UNMATCHED)
        carom_buf_add_str(buf, CAROM_STR(" unmatched"));
}

static enum carom_level level_of(const struct carom_decided *d)
{
    if (d->state != CAROM_ACTION_DECIDED)
        return CAROM_LEVEL_NONE;
    if (d->type == CAROM_ACTION_UNSUBSCRIBE || (d->type == CAROM_ACTION_SUPPRESS && !d->duration_ms))
        return CAROM_LEVEL_REMOVED;
    return d->type == CAROM_ACTION_SUPPRESS ? CAROM_LEVEL_PAUSED : CAROM_LEVEL_NONE;
}

static uint32_t named(struct carom_treatments *treatments, struct carom_str words, enum carom_level level)
{
    if (treatments->words.n == treatments->room) {
        size_t room = treatments->room ? 2 * treatments->room : 64;
        uint8_t *levels = realloc(treatments->levels, room);
        if (!levels)
            return 0;
        treatments->levels = levels;
        treatments->room = room;
    }
    uint32_t what = carom_interned_add(&treatments->words, words);
    if (what)
        treatments->levels[what - 1] = (uint8_t)level;
    return what;
}

uint32_t carom_treatments_named(struct carom_treatments *treatments, struct carom_str words)
{
    return named(treatments, words, CAROM_LEVEL_NONE);
}

/* By the order of the types, each of the same words once. */
static uint32_t write_words(struct carom_treatments *treatments, const struct carom_decision *decision)
{
    struct carom_buf buf = CAROM_BUF_INIT(1 << 16);
    enum carom_level level = CAROM_LEVEL_NONE;

    for (int type = 0; type < CAROM_ACTION_COUNT; type++) {
        uint64_t before = 0;
        for (const struct carom_decided *d = decision->first; d; d = d->next) {
            if ((int)d->type != type || !is_compared(treatments, d) || hash_words(d) == before)
                continue;
            before = hash_words(d);
            write_action(&buf, d);
            level = level_of(d) > level ? level_of(d) : level;
        }
    }
    struct carom_str words = buf.len ? carom_buf_str(&buf) : CAROM_STR("nothing");
    uint32_t what = buf.failed ? 0 : named(treatments, words, level);
    carom_buf_deinit(&buf);
    return what;
}

int carom_treatments_of(struct carom_treatments *treatments, const struct carom_decision *decision,
                        struct carom_treatment *treatment_r)
{
    uint64_t words = 1;

    *treatment_r = (struct carom_treatment){0};
    for (const struct carom_decided *d = decision->first; d; d = d->next)
        if (is_compared(treatments, d)) { /* sums: whatever the order */
            words += hash_words(d);
            treatment_r->details += hash_details(d);
        }
    size_t place = (size_t)(words ^ words >> 32) % CAROM_TREATMENTS_KNOWN;
    if (treatments->known[place].hash != words || !treatments->known[place].what) {
        treatments->known[place].what = write_words(treatments, decision);
        treatments->known[place].hash = words;
    }
    treatment_r->what = treatments->known[place].what;
    return treatment_r->what ? 0 : -1;
}

/* ---- Of what was written ---- */

static bool is_removal(struct carom_str word)
{
    return carom_str_starts(word, CAROM_STR("unsubscribe")) || carom_str_starts(word, CAROM_STR("suppress"));
}

uint32_t carom_treatments_held(struct carom_treatments *treatments, uint32_t what)
{
    struct carom_buf buf = CAROM_BUF_INIT(1 << 16);
    struct carom_str rest = carom_treatments_words(treatments, what);

    while (rest.len) {
        size_t comma = carom_str_chr(rest, ',');
        struct carom_str word = carom_str_head(rest, comma);
        rest = comma == SIZE_MAX ? CAROM_STR_EMPTY : carom_str_from(rest, comma + 2);
        carom_buf_printf(&buf, "%s" CAROM_STR_FMT, buf.len ? ", " : "", CAROM_STR_ARG(word));
        struct carom_str end = carom_str_from(word, word.len > held_word.len ? word.len - held_word.len : 0);
        if (is_removal(word) && !carom_str_eq(end, held_word))
            carom_buf_add_str(&buf, held_word);
    }
    uint32_t held = buf.failed ? 0 : named(treatments, carom_buf_str(&buf), CAROM_LEVEL_NONE);
    carom_buf_deinit(&buf);
    return held;
}

uint8_t carom_treatments_level(const struct carom_treatments *treatments, uint32_t what)
{
    return what ? treatments->levels[what - 1] : 0;
}

struct carom_str carom_treatments_words(const struct carom_treatments *treatments, uint32_t what)
{
    return carom_interned_text(&treatments->words, what);
}
