/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The search. What a pattern means, and which of several is the better one, the callers know. */

#include "base/matcher.h"

#include "base/phrase.h"

enum { WORD_BITS = 32 };
/* How many characters '~' bridges: half a dozen words. */
enum { NEAR_MAX = 40 };

/* A word of a place stands there. */
struct occurrence {
    uint32_t place, start, end;
};

struct search {
    const struct carom_matcher *matcher;
    struct carom_arena *arena;
    struct carom_str text;
    const struct carom_matcher_user *user;
    uint32_t *done; /* bit set: patterns of one word that were found */
    uint32_t *seen; /* bit set: places of which a word was found */
    struct occurrence *list; /* by their ends, of equal ones the longer first */
    size_t n, capacity;
};

static size_t words_of(size_t bits) { return (bits + WORD_BITS - 1) / WORD_BITS; }
static bool has(const uint32_t *bits, uint32_t i) { return bits[i / WORD_BITS] >> i % WORD_BITS & 1; }
static void set(uint32_t *bits, uint32_t i) { bits[i / WORD_BITS] |= UINT32_C(1) << i % WORD_BITS; }

/* ---- Words ---- */

static void grow(struct search *search)
{
    size_t capacity = search->capacity ? 2 * search->capacity : 32;
    struct occurrence *list = carom_arena_raw(search->arena, capacity * sizeof(*list));

    if (search->n > 0)
        memcpy(list, search->list, search->n * sizeof(*list));
    search->list = list;
    search->capacity = capacity;
}

static bool is_behind(const struct occurrence *a, const struct occurrence *b)
{
    return a->end > b->end || (a->end == b->end && a->start > b->start);
}

/* They come by the places of their grams, so that one is hardly ever moved, and no further than a word is long. */
static void keep(struct search *search, struct occurrence occurrence)
{
    size_t at = search->n;

    if (search->n == search->capacity)
        grow(search);
    for (; at > 0 && is_behind(&search->list[at - 1], &occurrence); at--)
        search->list[at] = search->list[at - 1];
    search->list[at] = occurrence;
    search->n++;
}

static bool is_bounded(struct carom_str text, uint32_t flags, size_t start, size_t end)
{
    return !((flags & CAROM_PHRASE_WORD_BEFORE) && carom_phrase_letter_before(text, start)) &&
           !((flags & CAROM_PHRASE_WORD_AFTER) && carom_phrase_letter_at(text, end));
}

/* false: enough. */
static bool tell(struct search *search, uint32_t target, size_t start, size_t end)
{
    uint32_t number = target / CAROM_MATCHER_NUMBER;

    if (target & CAROM_MATCHER_PLACE) {
        set(search->seen, number);
        keep(search, (struct occurrence){number, (uint32_t)start, (uint32_t)end});
        return true;
    }
    if (has(search->done, number))
        return true;
    set(search->done, number);
    return search->user->found(search->user->user, number, start, end);
}

static bool tell_all(struct search *search, const struct carom_matcher_word *word, size_t start, size_t end)
{
    const uint32_t *list = &search->matcher->targets[word->target / CAROM_MATCHER_NUMBER];

    if (!(word->target & CAROM_MATCHER_MORE))
        return tell(search, word->target, start, end);
    while (*list & CAROM_MATCHER_MORE)
        if (!tell(search, *list++, start, end))
            return false;
    return tell(search, *list, start, end);
}

/* The first word with the hash of that gram, which is marked. */
static const struct carom_matcher_word *word_of(const struct carom_matcher_index *index, uint32_t gram)
{
    return &index->words[carom_gram_entry(&index->set, carom_gram_hash(gram, index->set.bits))];
}

/* Whether the word may stand where its gram stands at `at`: with its first bytes and its last. Nothing is branched on,
   for nobody could foretell it. length is that of the gram. */
static inline bool may_stand(const struct carom_matcher_word *word, struct carom_str text, size_t at, size_t length)
{
    uint32_t gram = carom_gram(text.ptr + at, length);
    size_t start = at - word->before, end = start + word->length; /* before the text it is beyond its end */
    bool fits = start < text.len && end <= text.len;
    size_t first = fits ? start : 0, last = fits ? end - length : 0;
    uint32_t other = (gram ^ word->gram) | (carom_gram(text.ptr + first, length) ^ word->head) |
                     (carom_gram(text.ptr + last, length) ^ word->tail);

    return fits && other == 0;
}

/* false: enough. */
static bool try_words(struct search *search, const struct carom_matcher_index *index, size_t at, size_t length)
{
    const struct carom_matcher_word *word = word_of(index, carom_gram(search->text.ptr + at, length));
    struct carom_str text = search->text;

    for (;; word = &index->words[word->more]) {
        size_t start = at - word->before;
        if (may_stand(word, text, at, length) &&
            (word->known || memcmp(text.ptr + start, search->matcher->bytes + word->bytes, word->length) == 0) &&
            is_bounded(text, word->flags, start, start + word->length) &&
            !tell_all(search, word, start, start + word->length))
            return false;
        if (!word->more)
            return true;
    }
}

/* So many places are looked at before the words are. */
enum { BLOCK = 256 };

/* At the places from `at` to `end`: those that have a gram of some word; those of them where the first word of that gram
   may stand, or others have it; and the words. The many are sorted out without a branch. */
static inline __attribute__((always_inline)) bool
find_in_block(struct search *search, const struct carom_matcher_index *index, size_t at, size_t end, size_t length)
{
    struct carom_str text = search->text;
    const uint32_t *marks = index->set.marks;
    uint32_t hits[BLOCK + 1];
    size_t n = 0, kept = 0;

    for (; at < end; at++) {
        hits[n] = (uint32_t)at;
        n += carom_gram_marked(marks, carom_gram_hash(carom_gram(text.ptr + at, length), index->set.bits));
    }
    for (size_t i = 0; i < n; i++) {
        const struct carom_matcher_word *word = word_of(index, carom_gram(text.ptr + hits[i], length));
        hits[kept] = hits[i];
        kept += (uint32_t)may_stand(word, text, hits[i], length) | (word->more > 0);
    }
    for (size_t i = 0; i < kept; i++)
        if (!try_words(search, index, hits[i], length))
            return false;
    return true;
}

/* At all places of the text. length is a constant where it is called, so that each has code of its own. */
static inline __attribute__((always_inline)) bool
find_words(struct search *search, const struct carom_matcher_index *index, size_t length)
{
    size_t places = index->n > 0 && search->text.len >= length ? search->text.len - length + 1 : 0;

    for (size_t at = 0; at < places; at += BLOCK)
        if (!find_in_block(search, index, at, places - at < BLOCK ? places : at + BLOCK, length))
            return false;
    return true;
}

/* ---- Patterns of several places ---- */

/* Some words further on and in the same sentence. */
static bool is_near(struct carom_str text, size_t from, size_t to)
{
    size_t characters = 0;
    for (size_t i = from; i < to; i++) {
        char c = text.ptr[i];
        characters += ((unsigned char)c & 0xc0) != 0x80;
        if (characters > NEAR_MAX ||
            ((c == '.' || c == ';' || c == '!' || c == '?') && i + 1 < text.len && text.ptr[i + 1] == ' '))
            return false;
    }
    return true;
}

static bool is_next(const struct search *search, const struct carom_matcher_step *step, const struct occurrence *o,
                    size_t end)
{
    return o->place == step->place && (!step->near || is_near(search->text, end, o->start));
}

/* Taking each word where it first ends leaves the most room for those that follow, so that nothing has to be tried
   again; only where the next one must be near, the last place is the better one, for what ends behind it. */
static bool stands(const struct search *search, const struct carom_matcher_step *first,
                   const struct carom_matcher_step *end, struct occurrence *all_r)
{
    const struct carom_matcher_step *next = first;
    struct occurrence all = {0, 0, 0}, later = all;

    for (const struct occurrence *o = search->list; o < search->list + search->n && next < end; o++) {
        if (o->end > later.end)
            all = later;
        if (o->start < all.end)
            continue;
        if (is_next(search, next, o, all.end)) {
            later = all = (struct occurrence){0, next == first ? o->start : all.start, o->end};
            next++;
        } else if (next > first && next->near && o->end > later.end && is_next(search, next - 1, o, all.end)) {
            later = (struct occurrence){0, next - 1 == first ? o->start : all.start, o->end};
        }
    }
    *all_r = all;
    return next == end;
}

static bool has_all(const struct search *search, const struct carom_matcher_step *step,
                    const struct carom_matcher_step *end)
{
    while (step < end && has(search->seen, step->place))
        step++;
    return step == end;
}

static bool matters(const struct carom_matcher_user *user, uint32_t pattern)
{
    return !user->matters || user->matters(user->user, pattern);
}

/* The sequences that need this place most. */
static bool try_sequences(const struct search *search, uint32_t place)
{
    const struct carom_matcher *m = search->matcher;
    struct occurrence all;

    for (uint32_t i = m->keyed[place]; i < m->keyed[place + 1]; i++) {
        const struct carom_matcher_sequence *sequence = &m->sequences[i];
        const struct carom_matcher_step *first = &m->steps[sequence->steps], *end = first + sequence->steps_n;
        if (has_all(search, first, end) && matters(search->user, sequence->pattern) &&
            stands(search, first, end, &all) &&
            !search->user->found(search->user->user, sequence->pattern, all.start, all.end))
            return false;
    }
    return true;
}

void carom_matcher_search(const struct carom_matcher *matcher, struct carom_arena *arena, struct carom_str folded,
                          const struct carom_matcher_user *user)
{
    size_t done = words_of(matcher->patterns), seen = words_of(matcher->places);
    uint32_t *bits = carom_arena_alloc(arena, (done + seen) * sizeof(*bits));
    struct search search = {.matcher = matcher, .arena = arena, .text = carom_str_head(folded, UINT32_MAX),
                            .user = user, .done = bits, .seen = bits + done};

    if (!find_words(&search, &matcher->indexes[0], 4) || !find_words(&search, &matcher->indexes[1], 2) ||
        !find_words(&search, &matcher->indexes[2], 1))
        return;
    for (size_t i = 0; i < seen && search.n > 0; i++)
        for (uint32_t rest = search.seen[i]; rest; rest &= rest - 1)
            if (!try_sequences(&search, (uint32_t)(i * WORD_BITS + (size_t)__builtin_ctz(rest))))
                return;
}
