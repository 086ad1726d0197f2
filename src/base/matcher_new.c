/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* How a matcher is made of patterns: their words and places, each once; of each word its gram; then the arrays. */

#include <stdlib.h>

#include "base/matcher.h"
#include "base/phrase.h"

enum { BYTES_MAX = 1 << 19, WORD_BYTES_MAX = UINT16_MAX, PATTERN_PLACES_MAX = UINT16_MAX };
static const size_t gram_lengths[CAROM_MATCHER_INDEXES] = {4, 2, 1};

/* ---- Measuring ---- */

/* What the patterns need at most: words and places that they share make it less. */
struct sizes {
    size_t patterns, words, places, bytes;
};

static int measure_word(struct sizes *sizes, struct carom_str raw, size_t number, struct carom_error *err)
{
    if (raw.len > WORD_BYTES_MAX)
        return carom_error_set(err, CAROM_ERROR_LIMIT, "pattern %zu is beyond 65535 bytes: shorten it", number);
    if (carom_phrase_has_brace(raw))
        return carom_error_set(err, CAROM_ERROR_CONFIG,
                               "pattern %zu: {…} stands alone between the beginning, '*', '~' and the end; a brace "
                               "itself is written \\{ or \\}",
                               number);
    sizes->words++;
    sizes->bytes += raw.len;
    return 0;
}

static int measure_pattern(struct sizes *sizes, struct carom_str pattern, size_t number, struct carom_error *err)
{
    struct carom_str rest = pattern;
    struct carom_phrase_place place;
    struct carom_phrase_word word;
    size_t places = 0, words = sizes->words;
    for (bool near = false; carom_phrase_place(&rest, &near, &place); places++) {
        if (places == PATTERN_PLACES_MAX)
            return carom_error_set(err, CAROM_ERROR_LIMIT, "pattern %zu has too many parts: shorten it", number);
        while (carom_phrase_word(&place, &word))
            if (measure_word(sizes, word.raw, number, err) < 0)
                return -1;
    }
    sizes->places += places;
    if (sizes->words == words)
        return carom_error_set(err, CAROM_ERROR_CONFIG, "pattern %zu (\"%.*s\") has no text: it would match everything",
                               number, (int)(pattern.len < 100 ? pattern.len : 100), pattern.ptr);
    if (sizes->bytes > BYTES_MAX)
        return carom_error_set(err, CAROM_ERROR_LIMIT, "the patterns up to %zu are together beyond %d bytes", number,
                               BYTES_MAX);
    return 0;
}

static int measure(struct sizes *sizes, const struct carom_str *patterns, size_t n, struct carom_error *err)
{
    *sizes = (struct sizes){.patterns = n};
    for (size_t i = 0; i < n; i++)
        if (measure_pattern(sizes, patterns[i], i + 1, err) < 0)
            return -1;
    return 0;
}

/* ---- Room ---- */

/* Texts, each once, in the order of coming. */
struct name {
    struct carom_str text;
    uint32_t flags; /* of a word; of a place: there are several words */
};
struct names {
    struct name *list;
    uint32_t n;
    uint32_t *slots; /* 1 + the number of the one with that hash, or behind it */
    size_t mask;
};
struct word {
    uint32_t last; /* 1 + its last target */
    uint32_t gram; /* where in it */
    uint32_t count; /* how often that stands in all words, about */
};
/* What a word belongs to, one behind the other. */
struct target {
    uint32_t what, before; /* before: 1 + the one before it */
};
struct building {
    struct carom_matcher *matcher;
    /* The matcher's arrays, still writable. */
    struct carom_matcher_sequence *sequences;
    struct carom_matcher_step *steps;
    uint32_t *targets, *keyed;
    char *bytes;
    /* Only needed while building; the same numbers as in names. */
    struct names word_names, place_names;
    struct word *word_drafts;
    uint32_t *often; /* per place, the sum of its words' counts */
    struct target *target_drafts;
    struct carom_matcher_sequence *sequence_drafts;
    uint32_t targets_n;
};

static void *carve(char **memory, size_t n, size_t size)
{
    void *array = *memory;
    *memory += n * size;
    return array;
}

/* A power of two that leaves half of the slots free. */
static size_t slots_for(size_t n)
{
    size_t slots = 4;
    while (slots < 2 * n)
        slots *= 2;
    return slots;
}

static uint8_t bits_for(size_t words)
{
    uint8_t bits = 8;
    while (words * 16 > (size_t)1 << bits && bits < 24)
        bits++;
    return bits;
}

/* One block for the matcher and its arrays, the widest members first; another one for the time of building. The indexes
   follow when it is known how many words there are of each length. */
static bool allocate(struct building *b, const struct sizes *s)
{
    size_t word_slots = slots_for(s->words), place_slots = slots_for(s->places);
    char *memory = calloc(1, sizeof(*b->matcher) + s->patterns * sizeof(*b->sequences) +
                                 s->places * sizeof(*b->steps) + s->words * sizeof(*b->targets) +
                                 (s->places + 1) * sizeof(uint32_t) + s->bytes);
    char *scratch = calloc(1, (s->words + s->places) * sizeof(struct name) + s->words * sizeof(struct word) +
                                  s->words * sizeof(struct target) + s->patterns * sizeof(*b->sequences) +
                                  (word_slots + place_slots + s->places) * sizeof(uint32_t));
    if (!memory || !scratch) {
        free(memory);
        free(scratch);
        return false;
    }
    b->matcher = carve(&memory, 1, sizeof(*b->matcher));
    b->sequences = carve(&memory, s->patterns, sizeof(*b->sequences));
    b->steps = carve(&memory, s->places, sizeof(*b->steps));
    b->targets = carve(&memory, s->words, sizeof(*b->targets));
    b->keyed = carve(&memory, s->places + 1, sizeof(uint32_t));
    b->bytes = carve(&memory, s->bytes, 1);
    b->word_names.list = carve(&scratch, s->words, sizeof(struct name));
    b->place_names.list = carve(&scratch, s->places, sizeof(struct name));
    b->target_drafts = carve(&scratch, s->words, sizeof(struct target));
    b->word_drafts = carve(&scratch, s->words, sizeof(struct word));
    b->sequence_drafts = carve(&scratch, s->patterns, sizeof(*b->sequences));
    b->often = carve(&scratch, s->places, sizeof(uint32_t));
    b->word_names.slots = carve(&scratch, word_slots, sizeof(uint32_t));
    b->place_names.slots = carve(&scratch, place_slots, sizeof(uint32_t));
    b->word_names.mask = word_slots - 1;
    b->place_names.mask = place_slots - 1;
    *b->matcher = (struct carom_matcher){.patterns = (uint32_t)s->patterns, .bytes = b->bytes, .targets = b->targets,
                                         .keyed = b->keyed, .sequences = b->sequences, .steps = b->steps};
    return true;
}

/* ---- Words and places, each once ---- */

/* Its number; *new_r: it was not there. */
static uint32_t number_of(struct names *names, struct carom_str text, uint32_t flags, bool *new_r)
{
    size_t at = carom_str_hash(flags, text) & names->mask;
    for (; names->slots[at]; at = (at + 1) & names->mask) {
        const struct name *name = &names->list[names->slots[at] - 1];
        if (name->flags == flags && carom_str_eq(name->text, text)) {
            *new_r = false;
            return names->slots[at] - 1;
        }
    }
    *new_r = true;
    names->list[names->n] = (struct name){text, flags};
    names->slots[at] = names->n + 1;
    return names->n++;
}

/* Its bytes without escapes; a word that is there already gives them back. */
static uint32_t add_word(struct building *b, struct carom_phrase_word word)
{
    uint32_t *bytes_n = &b->matcher->bytes_n, flags = word.flags;
    struct carom_str text = {b->bytes + *bytes_n, 0};
    unsigned char byte;
    bool is_new;
    while (carom_phrase_byte(&word.raw, &byte))
        b->bytes[*bytes_n + text.len++] = (char)byte;
    if (!carom_phrase_letter_at(text, 0))
        flags &= ~(uint32_t)CAROM_PHRASE_WORD_BEFORE;
    if (!carom_phrase_letter_before(text, text.len))
        flags &= ~(uint32_t)CAROM_PHRASE_WORD_AFTER;
    uint32_t number = number_of(&b->word_names, text, flags, &is_new);
    if (is_new)
        *bytes_n += (uint32_t)text.len;
    return number;
}

static void add_words(struct building *b, struct carom_phrase_place place, uint32_t target)
{
    struct carom_phrase_word word;
    while (carom_phrase_word(&place, &word)) {
        struct word *draft = &b->word_drafts[add_word(b, word)];
        if (draft->last && b->target_drafts[draft->last - 1].what == target)
            continue; /* the same word twice */
        b->target_drafts[b->targets_n] = (struct target){target, draft->last};
        draft->last = ++b->targets_n;
    }
}

static void add_step(struct building *b, struct carom_phrase_place place)
{
    bool is_new;
    uint32_t number = number_of(&b->place_names, place.words, place.several, &is_new);
    if (is_new)
        add_words(b, place, number * CAROM_MATCHER_NUMBER | CAROM_MATCHER_PLACE);
    b->steps[b->matcher->steps_n++] = (struct carom_matcher_step){number, place.near};
}

static bool is_one_word(struct carom_str pattern)
{
    struct carom_phrase_place place;
    struct carom_phrase_word word;
    bool near = false;
    return carom_phrase_place(&pattern, &near, &place) && carom_phrase_word(&place, &word) &&
           !carom_phrase_word(&place, &word) && !carom_phrase_place(&pattern, &near, &place);
}

static void add_pattern(struct building *b, struct carom_str pattern, uint32_t number)
{
    struct carom_phrase_place place;
    uint32_t *steps_n = &b->matcher->steps_n, steps = *steps_n;
    bool near = false, one = is_one_word(pattern);
    while (carom_phrase_place(&pattern, &near, &place)) {
        if (one)
            add_words(b, place, number * CAROM_MATCHER_NUMBER);
        else
            add_step(b, place);
    }
    if (!one)
        b->sequence_drafts[b->matcher->sequences_n++] = (struct carom_matcher_sequence){number, steps, *steps_n - steps};
}

/* ---- Indexes ---- */

static uint32_t gram_at(struct carom_str word, size_t at, size_t index)
{
    return carom_gram(word.ptr + at, gram_lengths[index]);
}

static bool is_of(size_t index, struct carom_str word)
{
    return word.len >= gram_lengths[index] && (index == 0 || word.len < gram_lengths[index - 1]);
}

/* How often the hash of each gram stands in the words, and then which of them each word is known by: the rarest. One
   that is taken counts once more, so that words do not share it without need. */
static void choose_grams(struct building *b, size_t index, unsigned bits, uint32_t *often)
{
    const struct names *names = &b->word_names;
    for (int choose = 0; choose < 2; choose++)
        for (uint32_t i = 0; i < names->n; i++) {
            struct carom_str word = names->list[i].text;
            uint32_t fewest = UINT32_MAX, *rarest = NULL;
            for (size_t at = 0; is_of(index, word) && at + gram_lengths[index] <= word.len; at++) {
                uint32_t *here = &often[carom_gram_hash(gram_at(word, at, index), bits)];
                if (!choose) {
                    ++*here;
                } else if (*here < fewest) {
                    fewest = *(rarest = here);
                    b->word_drafts[i].gram = (uint32_t)at;
                }
            }
            if (rarest) {
                b->word_drafts[i].count = fewest;
                ++*rarest;
            }
        }
}

/* What the word belongs to, or where the list of that begins. */
static uint32_t put_targets(struct building *b, const struct word *word)
{
    uint32_t *n = &b->matcher->targets_n, first = *n;
    for (uint32_t t = word->last; t; t = b->target_drafts[t - 1].before) {
        uint32_t what = b->target_drafts[t - 1].what;
        b->targets[(*n)++] = what | (b->target_drafts[t - 1].before ? CAROM_MATCHER_MORE : 0);
        if (what & CAROM_MATCHER_PLACE)
            b->often[what / CAROM_MATCHER_NUMBER] += word->count;
    }
    if (*n - first > 1)
        return first * CAROM_MATCHER_NUMBER | CAROM_MATCHER_MORE;
    return b->targets[--*n];
}

static struct carom_matcher_word make_word(struct building *b, uint32_t number, size_t index)
{
    const struct name *name = &b->word_names.list[number];
    const struct word *draft = &b->word_drafts[number];
    struct carom_str text = name->text;
    size_t length = gram_lengths[index];
    bool known = text.len <= 2 * length || (draft->gram <= length && draft->gram + 2 * length >= text.len);
    return (struct carom_matcher_word){.gram = gram_at(text, draft->gram, index), .head = gram_at(text, 0, index),
                                       .tail = gram_at(text, text.len - length, index),
                                       .bytes = (uint32_t)(text.ptr - b->bytes), .target = put_targets(b, draft),
                                       .length = (uint16_t)text.len, .before = (uint16_t)draft->gram,
                                       .flags = (uint16_t)name->flags, .known = known};
}

/* In the entry of its hash, or behind all entries and at the end of that hash's chain; *n is where. */
static void put_word(const struct carom_matcher_index *index, struct carom_matcher_word *words, uint32_t *n,
                     struct carom_matcher_word word)
{
    struct carom_matcher_word *at = &words[carom_gram_entry(&index->set, carom_gram_hash(word.gram, index->set.bits))];
    while (at->more)
        at = &words[at->more];
    if (at->length > 0)
        at = &words[at->more = (*n)++];
    *at = word;
}

static bool make_index(struct building *b, size_t number, uint32_t n)
{
    const struct names *names = &b->word_names;
    unsigned bits = bits_for(n);
    size_t hashes = (size_t)1 << bits;
    uint32_t *often = calloc(hashes, sizeof(*often));
    uint32_t *marks = calloc(2 * carom_gram_numbers(bits), sizeof(*marks));
    struct carom_matcher_word *words = calloc(n, sizeof(*words));
    struct carom_matcher_index *index = &b->matcher->indexes[number];
    *index = (struct carom_matcher_index){{marks, bits}, words, n};
    bool room = often && marks && words;
    if (room)
        choose_grams(b, number, bits, often);
    for (uint32_t i = 0; room && i < names->n; i++) {
        if (!is_of(number, names->list[i].text))
            continue;
        carom_gram_mark(marks, carom_gram_hash(gram_at(names->list[i].text, b->word_drafts[i].gram, number), bits));
    }
    uint32_t last = room ? carom_gram_count(marks, bits) : 0;
    for (uint32_t i = 0; room && i < names->n; i++)
        if (is_of(number, names->list[i].text))
            put_word(index, words, &last, make_word(b, i, number));
    free(often);
    return room;
}

static bool make_indexes(struct building *b)
{
    for (size_t index = 0; index < CAROM_MATCHER_INDEXES; index++) {
        uint32_t n = 0;
        for (uint32_t i = 0; i < b->word_names.n; i++)
            n += is_of(index, b->word_names.list[i].text);
        if (n > 0 && !make_index(b, index, n))
            return false;
    }
    return true;
}

/* ---- Sequences ---- */

/* The rarest of its places: where that does not stand, the sequence is not tried in vain. */
static uint32_t key_of(const struct building *b, const struct carom_matcher_sequence *sequence)
{
    uint32_t key = b->steps[sequence->steps].place;
    for (uint32_t i = sequence->steps + 1; i < sequence->steps + sequence->steps_n; i++)
        if (b->often[b->steps[i].place] < b->often[key])
            key = b->steps[i].place;
    return key;
}

/* By their keys: how many there are of each, then where they end, which falls as they are put. */
static void make_sequences(struct building *b)
{
    const struct carom_matcher_sequence *drafts = b->sequence_drafts;
    for (uint32_t i = 0; i < b->matcher->sequences_n; i++)
        b->keyed[key_of(b, &drafts[i])]++;
    for (size_t i = 1; i <= b->matcher->places; i++)
        b->keyed[i] += b->keyed[i - 1];
    for (uint32_t i = b->matcher->sequences_n; i-- > 0;)
        b->sequences[--b->keyed[key_of(b, &drafts[i])]] = drafts[i];
}

struct carom_matcher *carom_matcher_new(const struct carom_str *patterns, size_t n, struct carom_error *err)
{
    struct sizes sizes;
    if (measure(&sizes, patterns, n, err) < 0)
        return NULL;
    struct building b = {0};
    if (!allocate(&b, &sizes)) {
        carom_error_memory(err);
        return NULL;
    }
    for (size_t i = 0; i < n; i++)
        add_pattern(&b, patterns[i], (uint32_t)i);
    b.matcher->places = b.place_names.n;
    bool made = make_indexes(&b);
    if (made)
        make_sequences(&b);
    free(b.word_names.list); /* the first of the scratch block */
    if (made)
        return b.matcher;
    carom_matcher_free(b.matcher);
    carom_error_memory(err);
    return NULL;
}

void carom_matcher_free(struct carom_matcher *matcher)
{
    for (size_t i = 0; matcher && i < CAROM_MATCHER_INDEXES; i++) {
        free((void *)(uintptr_t)matcher->indexes[i].set.marks);
        free((void *)(uintptr_t)matcher->indexes[i].words);
    }
    free(matcher);
}
