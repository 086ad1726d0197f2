/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Writes, reads and checks tokens. It knows no ledger: who resolves a reference fills in what it says, and asks. */

#include "bounce/verp.h"

#include <nettle/memops.h>
#include <nettle/sha2.h>

#include "base/buf.h"
#include "base/error.h"
#include "mail/address.h"

enum { HEAD = 20, REFERENCE = 13, DAY_S = 86400, DAYS = 1 << 15, HEADER_LINE_MAX = 998, FIELDS = 3 };

static const char base32[] = "abcdefghijklmnopqrstuvwxyz234567"; /* RFC 4648 6, in lower case */

void carom_verp_key_set(struct carom_verp_key *key, unsigned id, int64_t since, struct carom_str secret)
{
    key->id = id;
    key->since = since;
    hmac_sha256_set_key(&key->mac, secret.len, (const uint8_t *)secret.ptr);
}

static const struct carom_verp_key *find_key(const struct carom_verp *verp, unsigned id)
{
    for (size_t i = 0; i < verp->n; i++)
        if (verp->keys[i].id == id)
            return &verp->keys[i];
    return NULL;
}

/* The newest key that has begun. */
static const struct carom_verp_key *signing_key(const struct carom_verp *verp, int64_t now)
{
    const struct carom_verp_key *best = NULL;

    for (size_t i = 0; i < verp->n; i++)
        if (verp->keys[i].since <= now && (!best || verp->keys[i].since > best->since))
            best = &verp->keys[i];
    return best;
}

/* ---- Base32 ---- */

/* The bits of bytes from the first on, n characters; what is missing at the end is 0. */
static void encode32(const uint8_t *bytes, size_t size, char *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned value = 0;
        for (size_t bit = 5 * i; bit < 5 * i + 5; bit++)
            value = value << 1 | (bit / 8 < size ? (unsigned)bytes[bit / 8] >> (7 - bit % 8) & 1u : 0u);
        out[i] = base32[value];
    }
}

static int digit32(char c)
{
    c = carom_lower(c);
    if (c >= 'a' && c <= 'z')
        return c - 'a';
    return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

static bool decode32(struct carom_str text, uint8_t *bytes, size_t size)
{
    memset(bytes, 0, size);
    for (size_t i = 0; i < text.len; i++) {
        int value = digit32(text.ptr[i]);
        if (value < 0)
            return false;
        for (size_t k = 0; k < 5; k++) {
            size_t bit = 5 * i + k;
            bool set = value >> (4 - k) & 1;
            if (bit / 8 >= size && set)
                return false; /* one text for each value, so that no character can be changed unnoticed */
            if (set)
                bytes[bit / 8] = (uint8_t)(bytes[bit / 8] | 1u << (7 - bit % 8));
        }
    }
    return true;
}

/* ---- The MAC ---- */

/* Lengths in front, so that no two subjects are the same bytes. */
static void add(struct hmac_sha256_ctx *mac, struct carom_str text)
{
    uint8_t length[4] = {(uint8_t)(text.len >> 24), (uint8_t)(text.len >> 16), (uint8_t)(text.len >> 8),
                         (uint8_t)text.len};

    hmac_sha256_update(mac, sizeof length, length);
    hmac_sha256_update(mac, text.len, (const uint8_t *)text.ptr);
}

static void make_mac(struct carom_arena *arena, const struct carom_verp *verp, const struct carom_verp_key *key,
                     enum carom_verp_place place, unsigned day, const struct carom_verp_subject *subject,
                     uint8_t out[CAROM_VERP_MAC_SIZE])
{
    struct hmac_sha256_ctx mac = key->mac;
    const char fixed[] = {'c', 'a', 'r', 'o', 'm', '1', (char)place, (char)key->id, (char)(day >> 8), (char)day};

    add(&mac, carom_str_n(fixed, sizeof fixed));
    add(&mac, verp->domain);
    add(&mac, carom_arena_lower(arena, subject->list));
    add(&mac, subject->id);
    add(&mac, subject->recipient.len ? carom_address_key(arena, subject->recipient) : CAROM_STR_EMPTY);
    hmac_sha256_digest(&mac, CAROM_VERP_MAC_SIZE, out);
}

/* between: what keeps addresses and ids apart. */
static uint64_t hash(struct carom_arena *arena, struct carom_str list, struct carom_str between, struct carom_str text)
{
    struct carom_str name = carom_arena_lower(arena, list);
    struct sha256_ctx ctx;
    uint8_t digest[8];
    uint64_t value = 0;

    sha256_init(&ctx);
    sha256_update(&ctx, name.len, (const uint8_t *)name.ptr);
    sha256_update(&ctx, between.len, (const uint8_t *)between.ptr);
    sha256_update(&ctx, text.len, (const uint8_t *)text.ptr);
    sha256_digest(&ctx, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        value = value << 8 | digest[i];
    return value;
}

uint64_t carom_verp_reference(struct carom_arena *arena, struct carom_str list, struct carom_str recipient)
{
    return hash(arena, list, carom_str_n("", 1), carom_address_key(arena, recipient));
}

uint64_t carom_verp_reference_id(struct carom_arena *arena, struct carom_str list, struct carom_str id)
{
    return hash(arena, list, carom_str_n("\0", 2), id);
}

/* ---- Writing ---- */

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || carom_is_digit(c) || c == '-';
}

/* A dot stays where a dot-atom may have it (RFC 5322 3.2.3): not behind another, not at the end. */
static void add_field(struct carom_buf *out, struct carom_str text, bool address)
{
    size_t at = address ? carom_str_rchr(text, '@') : SIZE_MAX;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool dot = c == '.' && out->len && out->ptr[out->len - 1] != '.' && i + 1 < text.len;
        if (i == at)
            carom_buf_add(out, "==", 2);
        else if (is_plain(c) || dot)
            carom_buf_add_char(out, c);
        else
            carom_buf_printf(out, "=%02x", (unsigned)(unsigned char)c);
    }
}

static void add_fields(struct carom_arena *arena, struct carom_buf *out, const struct carom_verp_subject *subject,
                       bool address)
{
    add_field(out, carom_arena_lower(arena, subject->list), false);
    if (subject->id.len) {
        carom_buf_add(out, "=.", 2);
        add_field(out, subject->id, false);
    }
    if (address) {
        carom_buf_add(out, "=.", 2);
        add_field(out, carom_arena_lower(arena, subject->recipient), true);
    }
}

static void add_reference(struct carom_arena *arena, struct carom_buf *out, const struct carom_verp_subject *subject)
{
    uint64_t reference = carom_verp_reference(arena, subject->list, subject->recipient);
    uint8_t bytes[8];
    char text[REFERENCE];

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(reference >> (56 - 8 * i));
    encode32(bytes, sizeof bytes, text, sizeof text);
    carom_buf_add(out, text, sizeof text);
}

/* The first of these that fits: with the address, with the id alone, the reference. *subject is what then is signed. */
static bool add_payload(struct carom_arena *arena, struct carom_buf *out, struct carom_verp_subject *subject,
                        size_t room, bool header)
{
    if (subject->recipient.len) {
        add_fields(arena, out, subject, true);
        if (!out->failed && out->len <= room)
            return true;
        carom_buf_clear(out);
    }
    if (header)
        return false;
    if (subject->id.len) {
        add_fields(arena, out, subject, false);
        if (!out->failed && out->len <= room)
            return true;
        carom_buf_clear(out);
    }
    if (!subject->recipient.len)
        return false;
    subject->id = CAROM_STR_EMPTY;
    add_reference(arena, out, subject);
    return out->len <= room;
}

static void write_head(struct carom_arena *arena, const struct carom_verp *verp, const struct carom_verp_key *key,
                       enum carom_verp_place place, const struct carom_verp_subject *subject, int64_t now,
                       char out[HEAD])
{
    unsigned day = (unsigned)(now / DAY_S % DAYS);
    uint8_t mac[CAROM_VERP_MAC_SIZE];

    make_mac(arena, verp, key, place, day, subject, mac);
    out[0] = base32[key->id];
    for (size_t i = 0; i < 3; i++)
        out[1 + i] = base32[day >> (10 - 5 * i) & 31];
    encode32(mac, sizeof mac, out + 4, HEAD - 4);
}

struct carom_str carom_verp_sign(struct carom_arena *arena, const struct carom_verp *verp, enum carom_verp_place place,
                                 const struct carom_verp_subject *subject, int64_t now, struct carom_error *err)
{
    const struct carom_verp_key *key = signing_key(verp, now);
    const bool header = place == CAROM_VERP_HEADER;
    struct carom_verp_subject signs = *subject;
    char payload[HEADER_LINE_MAX], head[HEAD];
    /* A buffer that never grows: nothing to free when the arena runs out of memory. */
    struct carom_buf out = {.ptr = payload, .capacity = sizeof payload, .max = sizeof payload - 1};
    size_t room = header ? HEADER_LINE_MAX - HEAD - 1 - sizeof CAROM_VERP_HEADER_NAME - 1
                         : CAROM_VERP_LOCAL_MAX - HEAD - 1 - verp->prefix.len;

    if (!key)
        return carom_error_set(err, CAROM_ERROR_CONFIG,
                               "verp: no key signs yet: all of them have a `since` in the future"),
               CAROM_STR_EMPTY;
    if (!signs.id.len && !signs.recipient.len)
        return carom_error_set(err, CAROM_ERROR_USAGE, "verp: nothing to sign: give the recipient, or an id of yours"),
               CAROM_STR_EMPTY;
    if (!add_payload(arena, &out, &signs, room, header))
        return carom_error_set(err, CAROM_ERROR_LIMIT, "verp: %s",
                               !header ? "list and id are too long for a local part of 64 bytes: give the recipient too"
                               : signs.recipient.len ? "list, id and recipient are too long for a header line"
                                                     : "a reference in a header needs the recipient"),
               CAROM_STR_EMPTY;
    write_head(arena, verp, key, place, &signs, now, head);
    if (header)
        return carom_arena_printf(arena, "%.*s-%.*s", HEAD, head, (int)out.len, payload);
    return carom_arena_printf(arena, CAROM_STR_FMT "%.*s-%.*s@" CAROM_STR_FMT, CAROM_STR_ARG(verp->prefix), HEAD, head,
                              (int)out.len, payload, CAROM_STR_ARG(verp->domain));
}

/* ---- Reading ---- */

static int hex(char c)
{
    if (carom_is_digit(c))
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undoes add_field for each field of the payload. */
static bool read_fields(struct carom_arena *arena, struct carom_str payload, struct carom_str fields[FIELDS],
                        bool is_address[FIELDS], size_t *n_r)
{
    char *out = carom_arena_alloc(arena, payload.len + 1);
    size_t used = 0, n = 0;

    fields[0] = carom_str_n(out, 0);
    for (size_t i = 0; i < payload.len; i++) {
        char c = payload.ptr[i], next = i + 1 < payload.len ? payload.ptr[i + 1] : '\0';
        if (c != '=') {
            if (!is_plain(c) && c != '.')
                return false;
            out[used++] = c;
        } else if (next == '.') {
            if (++n == FIELDS)
                return false;
            fields[n] = carom_str_n(out + used, 0);
        } else if (next == '=') {
            is_address[n] = true;
            out[used++] = '@';
        } else {
            int high = hex(next), low = i + 2 < payload.len ? hex(payload.ptr[i + 2]) : -1;
            if (high < 0 || low < 0 || (high | low) == 0)
                return false;
            out[used++] = (char)(high << 4 | low);
            i++;
        }
        i += c == '=';
        fields[n].len = (size_t)(out + used - fields[n].ptr);
    }
    *n_r = n + 1;
    return true;
}

/* One spelling for each subject, or the same token would count as another one. */
static bool is_canonical(struct carom_arena *arena, const struct carom_verp_subject *says, struct carom_str payload)
{
    char bytes[HEADER_LINE_MAX];
    struct carom_buf out = {.ptr = bytes, .capacity = sizeof bytes, .max = sizeof bytes - 1};

    if ((says->recipient.len && !carom_address_valid(says->recipient)) || says->id.len + says->recipient.len == 0)
        return false;
    add_fields(arena, &out, says, says->recipient.len > 0);
    return !out.failed && carom_str_eq(carom_str_n(bytes, out.len), payload);
}

static bool read_payload(struct carom_arena *arena, struct carom_str payload, struct carom_verp_token *token)
{
    struct carom_str fields[FIELDS] = {CAROM_STR_EMPTY, CAROM_STR_EMPTY, CAROM_STR_EMPTY};
    bool is_address[FIELDS] = {false, false, false};
    uint8_t bytes[8];
    size_t n;

    if (carom_str_chr(payload, '=') == SIZE_MAX) {
        token->refers = payload.len == REFERENCE && decode32(payload, bytes, sizeof bytes);
        for (size_t i = 0; token->refers && i < sizeof bytes; i++)
            token->reference = token->reference << 8 | bytes[i];
        return token->refers;
    }
    if (!read_fields(arena, payload, fields, is_address, &n) || n < 2 || is_address[0])
        return false;
    token->says.list = fields[0];
    if (is_address[n - 1])
        token->says.recipient = fields[n - 1];
    if (n == 3 || !is_address[1])
        token->says.id = fields[1];
    return (n == 2 || (!is_address[1] && is_address[2])) && is_canonical(arena, &token->says, payload);
}

/* '+' may have become '-' on the way. */
static bool has_prefix(struct carom_str local, struct carom_str prefix)
{
    if (local.len < prefix.len)
        return false;
    for (size_t i = 0; i < prefix.len; i++) {
        char want = carom_lower(prefix.ptr[i]), got = carom_lower(local.ptr[i]);
        if (want != got && !(want == '+' && got == '-'))
            return false;
    }
    return true;
}

bool carom_verp_read(struct carom_arena *arena, const struct carom_verp *verp, enum carom_verp_place place,
                     struct carom_str text, struct carom_verp_token *token_r)
{
    const struct carom_str none = CAROM_STR_EMPTY;
    size_t at = carom_str_rchr(text, '@');
    uint8_t head[2];

    *token_r = (struct carom_verp_token){.text = none, .says = {none, none, none}};
    text = carom_str_trim(text);
    if (place == CAROM_VERP_PATH) {
        if (at == SIZE_MAX || !carom_str_ieq(carom_str_from(text, at + 1), verp->domain) ||
            !has_prefix(carom_str_head(text, at), verp->prefix))
            return false;
        text = carom_str_from(carom_str_head(text, at), verp->prefix.len);
    }
    if (text.len < HEAD + 2 || text.len > HEADER_LINE_MAX || text.ptr[HEAD] != '-')
        return false;
    text = carom_arena_lower(arena, text);
    if (digit32(text.ptr[0]) < 0 || !decode32(carom_str_n(text.ptr + 1, 3), head, sizeof head) ||
        !decode32(carom_str_n(text.ptr + 4, HEAD - 4), token_r->mac, sizeof token_r->mac))
        return false;
    token_r->text = text;
    token_r->key = (unsigned)digit32(text.ptr[0]);
    token_r->day = (int64_t)(head[0] << 7 | head[1] >> 1) * DAY_S;
    return read_payload(arena, carom_str_from(text, HEAD + 1), token_r);
}

/* ---- Checking ---- */

enum carom_verp_verdict carom_verp_check(struct carom_arena *arena, const struct carom_verp *verp,
                                         enum carom_verp_place place, const struct carom_verp_token *token,
                                         const struct carom_verp_subject *subject, int64_t now)
{
    const struct carom_verp_key *key = find_key(verp, token->key);
    uint8_t mac[CAROM_VERP_MAC_SIZE];
    int64_t age = now - token->day;

    if (!key)
        return CAROM_VERP_NO_KEY;
    make_mac(arena, verp, key, place, (unsigned)(token->day / DAY_S), subject, mac);
    if (!memeql_sec(mac, token->mac, sizeof mac))
        return CAROM_VERP_FORGED;
    /* Signed late on its day; and clocks differ. */
    return age > verp->max_age + DAY_S || age < -DAY_S ? CAROM_VERP_EXPIRED : CAROM_VERP_VALID;
}

const char *carom_verp_verdict_text(enum carom_verp_verdict verdict)
{
    switch (verdict) {
    case CAROM_VERP_VALID:
        return "valid";
    case CAROM_VERP_EXPIRED:
        return "expired";
    case CAROM_VERP_UNKNOWN:
        return "a reference that the ledger was not taught (carom verp import)";
    case CAROM_VERP_NO_KEY:
        return "signed by a key that is not configured";
    default:
        return "not signed by us, or changed";
    }
}
