/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* SHA-256, cut to 128 bits. It knows which headers change on the way, nothing of what they mean. */

#include "classify/identity.h"

#include <nettle/sha2.h>

#include "base/str.h"
#include "classify/fact.h"
#include "mail/address.h"

/* What is hashed, in blocks: it comes in many short pieces. */
struct hashing {
    struct sha256_ctx ctx;
    size_t n;
    char block[4096];
};

static void begin(struct hashing *hashing)
{
    sha256_init(&hashing->ctx);
    hashing->n = 0;
}

static void flush(struct hashing *hashing)
{
    sha256_update(&hashing->ctx, hashing->n, (const uint8_t *)hashing->block);
    hashing->n = 0;
}

/* Computed and not looked up, which compilers do for many at once. */
static char hex_digit(unsigned value)
{
    return (char)(value + (value < 10 ? '0' : 'a' - 10));
}

static struct carom_str digest(struct carom_arena *arena, struct hashing *hashing)
{
    uint8_t hash[16];
    char *hex = carom_arena_raw(arena, 2 * sizeof hash + 1);

    flush(hashing);
    sha256_digest(&hashing->ctx, sizeof hash, hash);
    for (size_t i = 0; i < sizeof hash; i++) {
        hex[2 * i] = hex_digit(hash[i] >> 4);
        hex[2 * i + 1] = hex_digit(hash[i] & 15);
    }
    hex[2 * sizeof hash] = '\0';
    return carom_str_n(hex, 2 * sizeof hash);
}

/* With NUL for its end. */
static void add(struct hashing *hashing, struct carom_str text)
{
    while (text.len >= sizeof hashing->block - hashing->n) {
        size_t run = sizeof hashing->block - hashing->n;

        memcpy(hashing->block + hashing->n, text.ptr, run);
        hashing->n += run;
        flush(hashing);
        text = carom_str_from(text, run);
    }
    memcpy(hashing->block + hashing->n, text.ptr, text.len);
    hashing->n += text.len;
    hashing->block[hashing->n++] = '\0';
}

/* Every line with NUL for its end: the same message with CRLF and with LF is one. */
static void add_lines(struct hashing *hashing, struct carom_str text)
{
    while (text.len > 0) {
        if (hashing->n + 1 >= sizeof hashing->block)
            flush(hashing);
        size_t run = carom_str_line_length(carom_str_head(text, sizeof hashing->block - 1 - hashing->n));

        memcpy(hashing->block + hashing->n, text.ptr, run);
        hashing->n += run;
        text = carom_str_from(text, run);
        if (text.len == 0 || text.ptr[0] == '\r' || text.ptr[0] == '\n') {
            hashing->block[hashing->n++] = '\0';
            text = carom_str_from(text, carom_str_starts(text, CAROM_STR("\r\n")) ? 2 : 1);
        }
    }
}

static bool is_trace(struct carom_str name)
{
    static const char *const names[] = {"Received", "Return-Path", "Delivered-To", "X-Original-To", "Envelope-To",
                                        "X-Envelope-To", "X-Envelope-From", "X-Delivered-To", "Authentication-Results",
                                        "Received-SPF", "X-UIDL", "X-UID", "Status", "X-Status", "X-Keywords",
                                        "Content-Length", "Lines", "X-Mozilla-Status", "X-Mozilla-Status2"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (carom_str_ieq(name, carom_str(names[i])))
            return true;
    }
    return carom_str_istarts(name, CAROM_STR("X-Spam")) || carom_str_istarts(name, CAROM_STR("ARC-"));
}

struct carom_str carom_identity_message(struct carom_arena *arena, const struct carom_message *message,
                                        struct carom_str id)
{
    const struct carom_headers *headers = &message->root->headers;
    struct hashing hashing;

    begin(&hashing);
    if (id.len > 0) {
        add(&hashing, id);
        return digest(arena, &hashing);
    }
    for (size_t i = 0; i < headers->n; i++) {
        if (is_trace(headers->list[i].name))
            continue;
        add(&hashing, headers->list[i].name);
        add_lines(&hashing, headers->list[i].value);
    }
    add_lines(&hashing, message->root->body);
    return digest(arena, &hashing);
}

struct carom_str carom_identity_fact(struct carom_arena *arena, struct carom_str origin, const struct carom_fact *fact)
{
    struct hashing hashing;

    begin(&hashing);
    add(&hashing, origin);
    add(&hashing, fact->recipient.len > 0 ? carom_address_key(arena, fact->recipient) : fact->recipient);
    add(&hashing, fact->token);
    add(&hashing, fact->list);
    add(&hashing, fact->delivery);
    add(&hashing, carom_field_word(CAROM_FIELD_KIND, fact->kind));
    return digest(arena, &hashing);
}
