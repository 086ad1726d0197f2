/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Standard Webhooks (standardwebhooks.com, specification 1.0): an id that stays the same over retries, the time of this
   attempt, and a signature over both and the body. Knows nothing of what the event says. */

#include "outbox/render.h"

#include <nettle/base64.h>
#include <nettle/hmac.h>

#include "base/date.h"
#include "base/json.h"

#define SECRET_PREFIX CAROM_STR("whsec_")

/* The key that a secret stands for. */
static int key_of(struct carom_arena *arena, struct carom_str secret, struct carom_str *key_r)
{
    *key_r = secret;
    if (carom_str_starts(secret, SECRET_PREFIX)) {
        struct carom_str text = carom_str_from(secret, SECRET_PREFIX.len);
        uint8_t *bytes = carom_arena_alloc(arena, BASE64_DECODE_LENGTH(text.len) + 1);
        size_t n = 0;
        struct base64_decode_ctx ctx;
        base64_decode_init(&ctx);
        if (!base64_decode_update(&ctx, &n, bytes, text.len, text.ptr) || !base64_decode_final(&ctx))
            return -1;
        *key_r = carom_str_n((const char *)bytes, n);
    }
    return key_r->len ? 0 : -1;
}

static void update(struct hmac_sha256_ctx *ctx, struct carom_str text)
{
    hmac_sha256_update(ctx, text.len, (const uint8_t *)text.ptr);
}

int carom_webhook_sign(struct carom_arena *arena, struct carom_str secret, struct carom_str id, int64_t timestamp,
                       struct carom_str body, char signature_r[CAROM_SIGNATURE_SIZE])
{
    struct carom_str key;
    if (key_of(arena, secret, &key) != 0)
        return -1;
    struct hmac_sha256_ctx ctx;
    hmac_sha256_set_key(&ctx, key.len, (const uint8_t *)key.ptr);
    update(&ctx, id);
    update(&ctx, carom_arena_printf(arena, ".%lld.", (long long)timestamp));
    update(&ctx, body);
    uint8_t digest[SHA256_DIGEST_SIZE];
    hmac_sha256_digest(&ctx, sizeof digest, digest);
    memcpy(signature_r, "v1,", 3);
    base64_encode_raw(signature_r + 3, sizeof digest, digest);
    signature_r[CAROM_SIGNATURE_SIZE - 1] = '\0';
    return 0;
}

/* With both secrets while one is rotated: the receiver accepts either. */
static int signatures(struct carom_render *render, struct carom_str body, struct carom_str *value_r)
{
    *value_r = CAROM_STR_EMPTY;
    for (int i = 0; i < 2; i++) {
        struct carom_str secret;
        char signature[CAROM_SIGNATURE_SIZE];
        if (render->sink->secrets[i].from == CAROM_SECRET_NONE)
            continue;
        /* Raw bytes are allowed here, also such as would not fit a header. */
        if (carom_secret_resolve(render->arena, &render->sink->secrets[i], &secret, render->err) != 0)
            return carom_error_prefix(render->err, "sink %.*s", CAROM_STR_ARG(render->sink->name));
        if (carom_webhook_sign(render->arena, secret, render->job->key, render->now, body, signature) != 0)
            return carom_error_set(render->err, CAROM_ERROR_CONFIG,
                                   "sink %.*s: its secret is empty, or begins with whsec_ and is not base64 after that",
                                   CAROM_STR_ARG(render->sink->name));
        *value_r = carom_arena_printf(render->arena, "%.*s%s%s", CAROM_STR_ARG(*value_r), value_r->len ? " " : "",
                                      signature);
    }
    if (value_r->len == 0)
        return carom_error_set(render->err, CAROM_ERROR_CONFIG,
                               "sink %.*s: a webhook without a secret cannot be signed; give it one, or use carom.http",
                               CAROM_STR_ARG(render->sink->name));
    return 0;
}

/* The same bytes at every attempt: its time is that of the decision. */
static struct carom_str event(struct carom_render *render)
{
    char created[32];
    size_t n = carom_date_format(render->job->created / 1000, created);
    struct carom_buf *out = &render->text;
    carom_buf_clear(out);
    struct carom_json json = carom_json_to(out);
    carom_json_object(&json);
    carom_json_key(&json, CAROM_STR("type"));
    carom_json_str(&json, carom_arena_printf(render->arena, "carom.%.*s", CAROM_STR_ARG(render->job->action)));
    carom_json_key(&json, CAROM_STR("timestamp"));
    carom_json_str(&json, carom_str_n(created, n));
    carom_json_key(&json, CAROM_STR("data"));
    carom_json_raw(&json, render->job->data);
    carom_json_object_end(&json);
    return out->failed ? CAROM_STR_EMPTY : carom_arena_str(render->arena, carom_buf_str(out));
}

enum carom_rendered carom_webhook_render(struct carom_render *render, struct carom_request *request)
{
    request->method = "POST";
    request->url = carom_arena_str(render->arena, render->sink->url).ptr; /* an endpoint's URL is fixed */
    request->body = event(render);
    if (request->body.len == 0) {
        carom_error_set(render->err, CAROM_ERROR_LIMIT, "job %lld: the event is too large",
                        (long long)render->job->id);
        return CAROM_RENDER_DEAD;
    }
    struct carom_str signature;
    if (signatures(render, request->body, &signature) != 0)
        return CAROM_RENDER_WAIT;
    struct carom_str timestamp = carom_arena_printf(render->arena, "%lld", (long long)render->now);
    carom_render_header(render, CAROM_STR("content-type"), CAROM_STR("application/json"));
    carom_render_header(render, CAROM_STR("webhook-id"), render->job->key);
    carom_render_header(render, CAROM_STR("webhook-timestamp"), timestamp);
    carom_render_header(render, CAROM_STR("webhook-signature"), signature);
    return carom_render_sink_headers(render);
}
