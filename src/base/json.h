/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* JSON writer into a buffer: one line, no spaces. Strings from mail are made valid: each byte that is not UTF-8
   becomes U+FFFD, control characters are escaped (RFC 8259 7). Commas are the writer's business. */

#ifndef CAROM_BASE_JSON_H
#define CAROM_BASE_JSON_H

#include "base/buf.h"

struct carom_json {
    struct carom_buf *buf;
    bool comma; /* the next value needs one */
};

static inline struct carom_json carom_json_to(struct carom_buf *buf) { return (struct carom_json){buf, false}; }
void carom_json_object(struct carom_json *json); /* { */
void carom_json_object_end(struct carom_json *json);
void carom_json_array(struct carom_json *json);
void carom_json_array_end(struct carom_json *json);
void carom_json_key(struct carom_json *json, struct carom_str name);
/* The same, ready made: ,"name": with the comma before it, its quotes and colon, n bytes. All of the array is copied,
   which is faster than to count. */
enum { CAROM_JSON_KEY = 24 };
static inline void carom_json_key_ready(struct carom_json *json, const char key[CAROM_JSON_KEY], size_t n)
{
    size_t skipped = !json->comma;
    if (!carom_buf_reserve(json->buf, CAROM_JSON_KEY))
        return;
    memcpy(json->buf->ptr + json->buf->len, key + skipped, CAROM_JSON_KEY - 1);
    json->buf->len += n - skipped;
    json->comma = false;
}
void carom_json_str(struct carom_json *json, struct carom_str value);
/* Both ready made: the value in the same way as the key, with its quotes if it is a string. */
enum { CAROM_JSON_VALUE = 24 };
void carom_json_grow_for_ready(struct carom_json *json, const char key[CAROM_JSON_KEY], size_t n,
                               const char value[CAROM_JSON_VALUE], size_t value_n);
static inline void carom_json_member_ready(struct carom_json *json, const char key[CAROM_JSON_KEY], size_t n,
                                           const char value[CAROM_JSON_VALUE], size_t value_n)
{
    size_t skipped = !json->comma;
    if (!carom_buf_has_room(json->buf, CAROM_JSON_KEY + CAROM_JSON_VALUE)) {
        carom_json_grow_for_ready(json, key, n, value, value_n); /* called last: nothing is kept for afterwards */
        return;
    }
    char *at = json->buf->ptr + json->buf->len;
    memcpy(at, key + skipped, CAROM_JSON_KEY - 1);
    memcpy(at + n - skipped, value, CAROM_JSON_VALUE);
    json->buf->len += n - skipped + value_n;
    json->comma = true;
}
/* A ready key, and the string. */
void carom_json_member(struct carom_json *json, const char key[CAROM_JSON_KEY], size_t n, struct carom_str value);
void carom_json_int(struct carom_json *json, int64_t value);
void carom_json_number(struct carom_json *json, double value); /* NaN and infinities: null */
void carom_json_bool(struct carom_json *json, bool value);
void carom_json_null(struct carom_json *json);
void carom_json_raw(struct carom_json *json, struct carom_str text); /* already JSON */
/* Only when known: nothing is written for an empty string or a zero time. Times as RFC 3339 in UTC. */
void carom_json_field_str(struct carom_json *json, const char *name, struct carom_str value);
void carom_json_field_time(struct carom_json *json, const char *name, int64_t seconds);

#endif
