/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Diagnostics that no rule knew. What a reply says of this one recipient or connection is masked; reply codes and
   enhanced status codes stay, for a rule may ask for them. */

#include "cli/unmatched.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "cli/print.h"
#include "smtp/reply.h"

enum { TEXT_MAX = 300, SLOTS_START = 1024 };

struct entry {
    struct carom_str text, provider; /* of the arena */
    struct carom_str source;         /* one message that had it */
    enum carom_kind kind;
    uint64_t count, hash;
};

struct carom_unmatched {
    struct carom_arena *arena, *scratch;
    struct entry *slots; /* open addressing, a power of two */
    size_t capacity, n;
};

struct carom_unmatched *carom_unmatched_new(void)
{
    struct carom_unmatched *unmatched = calloc(1, sizeof(*unmatched));

    if (!unmatched)
        return NULL;
    unmatched->arena = carom_arena_new();
    unmatched->scratch = carom_arena_new();
    unmatched->capacity = SLOTS_START;
    unmatched->slots = calloc(unmatched->capacity, sizeof(*unmatched->slots));
    if (unmatched->arena && unmatched->scratch && unmatched->slots)
        return unmatched;
    carom_unmatched_free(unmatched);
    return NULL;
}

void carom_unmatched_free(struct carom_unmatched *unmatched)
{
    if (!unmatched)
        return;
    free(unmatched->slots);
    carom_arena_free(unmatched->scratch);
    carom_arena_free(unmatched->arena);
    free(unmatched);
}

/* ---- Masking ---- */

static bool is_word(char c)
{
    return carom_is_alpha(c) || carom_is_digit(c) || (unsigned char)c >= 0x80 || (c && strchr("@._-+=%", c));
}

struct counted {
    size_t letters, digits, dots, ats, others;
};

static struct counted count(struct carom_str word)
{
    struct counted n = {0};

    for (size_t i = 0; i < word.len; i++) {
        n.letters += carom_is_alpha(word.ptr[i]);
        n.digits += carom_is_digit(word.ptr[i]);
        n.dots += word.ptr[i] == '.';
        n.ats += word.ptr[i] == '@';
        n.others += (unsigned char)word.ptr[i] >= 0x80;
    }
    return n;
}

/* "mx1.example.com": labels, the last one of two letters or more. */
static bool is_host(struct carom_str word, const struct counted *n)
{
    size_t dot = carom_str_rchr(word, '.');

    if (n->dots == 0 || n->letters == 0 || dot == SIZE_MAX || dot == 0 || word.len - dot < 3)
        return false;
    for (size_t i = dot + 1; i < word.len; i++)
        if (!carom_is_alpha(word.ptr[i]))
            return false;
    return true;
}

/* What stands for the word, or the empty one: it stays. first: nothing but codes stood before it. */
static struct carom_str mask_of(struct carom_str word, bool first)
{
    struct counted n = count(word);

    if (n.ats > 0)
        return CAROM_STR("<address>");
    if (n.digits == 0)
        return is_host(word, &n) ? CAROM_STR("<host>") : CAROM_STR_EMPTY;
    if (n.letters == 0 && n.others == 0) {
        if (n.dots == 3 && n.digits >= 4)
            return CAROM_STR("<ip>");
        bool code = word.len == 3 && n.dots == 0 && (first || word.ptr[0] == '4' || word.ptr[0] == '5');
        if (code || carom_status_length(word) == word.len)
            return CAROM_STR_EMPTY;
        return CAROM_STR("<n>");
    }
    if (is_host(word, &n))
        return CAROM_STR("<host>");
    return n.digits >= 3 && n.others == 0 ? CAROM_STR("<id>") : CAROM_STR_EMPTY;
}

/* "2001:db8::25": takes what belongs together off *rest. */
static bool take_ipv6(struct carom_str *rest)
{
    size_t n = 0, colons = 0;

    while (n < rest->len && (carom_is_digit(rest->ptr[n]) || strchr(":abcdefABCDEF", rest->ptr[n])))
        colons += rest->ptr[n++] == ':';
    if (colons < 2 || n < 6)
        return false;
    *rest = carom_str_from(*rest, n);
    return true;
}

static void add_text(char *out, size_t *n, struct carom_str text)
{
    size_t len = *n + text.len <= TEXT_MAX ? text.len : TEXT_MAX - *n;

    memcpy(out + *n, text.ptr, len);
    *n += len;
}

static struct carom_str take_word(struct carom_str *rest)
{
    size_t n = 0;

    while (n < rest->len && is_word(rest->ptr[n]))
        n++;
    while (n > 1 && strchr("._-+=", rest->ptr[n - 1])) /* the full stop behind a sentence */
        n--;
    struct carom_str word = carom_str_head(*rest, n);
    *rest = carom_str_from(*rest, n);
    return word;
}

struct carom_str carom_unmatched_mask(struct carom_arena *arena, struct carom_str diagnostic)
{
    char *out = carom_arena_alloc(arena, TEXT_MAX + 1);
    struct carom_str rest = carom_str_trim(diagnostic), word, mask;
    size_t n = 0;
    bool first = true;

    while (rest.len > 0 && n < TEXT_MAX) {
        if (carom_is_space(rest.ptr[0])) {
            if (n > 0 && out[n - 1] != ' ')
                add_text(out, &n, CAROM_STR(" "));
            rest = carom_str_from(rest, 1);
        } else if (take_ipv6(&rest)) {
            add_text(out, &n, CAROM_STR("<ip>"));
        } else if (is_word(rest.ptr[0])) {
            word = take_word(&rest);
            mask = mask_of(word, first);
            add_text(out, &n, mask.len ? mask : word);
            first = first && !count(word).letters;
        } else {
            add_text(out, &n, carom_str_head(rest, 1));
            rest = carom_str_from(rest, 1);
        }
    }
    return carom_str_trim(carom_str_n(out, n));
}

/* ---- Counting ---- */

/* The evidence of words is the name of a rule; that of codes and formats has a colon in it, and no line of a policy. */
static bool no_rule_knew(const struct carom_fact *fact)
{
    static const char *const others[] = {"status:", "code:", "action:", "format:", "x-unix:"};

    if (fact->kind != CAROM_KIND_PERMANENT && fact->kind != CAROM_KIND_TRANSIENT && fact->kind != CAROM_KIND_DELAYED)
        return false;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (carom_str_starts(fact->evidence.rule, carom_str(others[i])))
            return fact->diagnostic.len > 0;
    return false;
}

static uint64_t hash_of(struct carom_str text)
{
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */

    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.ptr[i]) * UINT64_C(1099511628211);
    return hash;
}

static struct entry *find(struct entry *slots, size_t capacity, struct carom_str text, uint64_t hash)
{
    size_t i = hash & (capacity - 1);

    while (slots[i].count > 0 && (slots[i].hash != hash || !carom_str_eq(slots[i].text, text)))
        i = (i + 1) & (capacity - 1);
    return &slots[i];
}

static int grow(struct carom_unmatched *unmatched)
{
    size_t capacity = 2 * unmatched->capacity;
    struct entry *slots = calloc(capacity, sizeof(*slots));

    if (!slots)
        return -1;
    for (size_t i = 0; i < unmatched->capacity; i++) {
        const struct entry *old = &unmatched->slots[i];
        if (old->count > 0)
            *find(slots, capacity, old->text, old->hash) = *old;
    }
    free(unmatched->slots);
    unmatched->slots = slots;
    unmatched->capacity = capacity;
    return 0;
}

static void take(struct carom_unmatched *unmatched, const struct carom_fact *fact)
{
    struct carom_str text = carom_unmatched_mask(unmatched->scratch, fact->diagnostic);
    uint64_t hash = hash_of(text);
    struct entry *entry = find(unmatched->slots, unmatched->capacity, text, hash);

    if (entry->count == 0) {
        struct entry made = {.text = carom_arena_str(unmatched->arena, text),
                             .provider = carom_arena_str(unmatched->arena, fact->provider),
                             .source = carom_arena_str(unmatched->arena, fact->source),
                             .kind = fact->kind, .hash = hash};
        *entry = made;
        unmatched->n++;
    }
    entry->count++;
}

int carom_unmatched_add(struct carom_unmatched *unmatched, const struct carom_fact *fact)
{
    if (!no_rule_knew(fact))
        return 0;
    if (2 * unmatched->n >= unmatched->capacity && grow(unmatched) != 0)
        return -1;
    if (carom_arena_guard(unmatched->scratch))
        return -1;
    if (carom_arena_guard(unmatched->arena)) {
        carom_arena_unguard(unmatched->scratch);
        return -1;
    }
    take(unmatched, fact);
    carom_arena_unguard(unmatched->arena);
    carom_arena_unguard(unmatched->scratch);
    carom_arena_reset(unmatched->scratch);
    return 0;
}

/* ---- Showing ---- */

static int compare(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;

    if (a->count != b->count)
        return a->count > b->count ? -1 : 1;
    size_t n = a->text.len < b->text.len ? a->text.len : b->text.len;
    int order = n ? memcmp(a->text.ptr, b->text.ptr, n) : 0;
    return order ? order : (a->text.len > b->text.len) - (a->text.len < b->text.len);
}

static void write_entry(struct carom_print *print, const struct entry *entry)
{
    struct carom_json json = carom_print_json(print);

    carom_json_object(&json);
    carom_json_key(&json, CAROM_STR("count"));
    carom_json_int(&json, (int64_t)entry->count);
    carom_json_field_str(&json, "diagnostic", entry->text);
    carom_json_field_str(&json, "kind", carom_str(carom_kind_name(entry->kind)));
    carom_json_field_str(&json, "provider", entry->provider);
    carom_json_field_str(&json, "source", entry->source);
    carom_json_object_end(&json);
    carom_print_line(print);
}

/* The slots are sorted: nothing can be added afterwards. */
int carom_unmatched_print(struct carom_unmatched *unmatched, bool as_json)
{
    struct carom_print print = carom_print_begin(stdout);

    qsort(unmatched->slots, unmatched->capacity, sizeof(*unmatched->slots), compare);
    for (size_t i = 0; i < unmatched->n; i++) {
        const struct entry *entry = &unmatched->slots[i];
        if (as_json) {
            write_entry(&print, entry);
            continue;
        }
        printf("%7llu  ", (unsigned long long)entry->count);
        carom_print_cell(stdout, entry->text, 0);
        putchar('\n');
    }
    return carom_print_end(&print);
}
