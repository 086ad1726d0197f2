/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What all sinks share: the values of placeholders, headers that nothing breaks out of, secrets. The values were
   written by whoever sent the mail. Knows no answers and no schedule. */

#include "outbox/render.h"

#include <assert.h>

#include "base/load.h"
#include "ledger/ledger.h"

enum { TEXT_MAX = 4 << 20, FORM_MAX = 64 << 20 /* a mail that carries one */, OWN_HEADERS = 8 };

/* ---- Placeholders ---- */

struct carom_str carom_render_value(struct carom_arena *arena, const void *json)
{
    const json_t *value = json;
    switch (json_typeof(value)) {
    case JSON_STRING:
        return carom_str_n(json_string_value(value), json_string_length(value));
    case JSON_INTEGER:
        return carom_arena_printf(arena, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    case JSON_REAL:
        return carom_arena_printf(arena, "%.15g", json_real_value(value));
    case JSON_TRUE:
        return CAROM_STR("true");
    case JSON_FALSE:
        return CAROM_STR("false");
    default:
        return CAROM_STR_EMPTY;
    }
}

/* A field of the action or the fact, "name" or "group.name"; NULL: not there. */
static const json_t *member(const json_t *object, struct carom_str name)
{
    char word[64];
    if (name.len >= sizeof word)
        return NULL;
    size_t dot = carom_str_chr(name, '.');
    struct carom_str head = dot == SIZE_MAX ? name : carom_str_head(name, dot);
    memcpy(word, head.ptr, head.len);
    word[head.len] = '\0';
    const json_t *value = json_object_get(object, word);
    return dot == SIZE_MAX || !value ? value : member(value, carom_str_from(name, dot + 1));
}

static struct carom_str field(struct carom_render *render, struct carom_str name)
{
    const json_t *action = json_object_get(render->data, "action");
    const json_t *value = member(action, name);
    if (!value || json_is_null(value))
        value = member(json_object_get(render->data, "fact"), name);
    return value ? carom_render_value(render->arena, value) : CAROM_STR_EMPTY;
}

struct carom_str carom_render_field(struct carom_render *render, const char *name)
{
    return field(render, carom_str(name));
}

static struct carom_str returned_header(struct carom_render *render, struct carom_str name)
{
    struct carom_str block, body;
    if (!render->asked) {
        render->damaged = carom_ledger_unpack(render->arena, render->job->headers, &block, render->err) != 0;
        render->returned = carom_headers_parse(render->arena, block, &body);
        render->asked = true;
    }
    return carom_headers_text(render->arena, &render->returned, carom_arena_str(render->arena, name).ptr);
}

/* Between the quotes of an SQL text a quote is written twice. */
static struct carom_str double_quotes(struct carom_arena *arena, struct carom_str value)
{
    char *out = carom_arena_alloc(arena, 2 * value.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] == '\'')
            out[n++] = '\'';
        out[n++] = value.ptr[i];
    }
    return carom_str_n(out, n);
}

static struct carom_str value_of(struct carom_render *render, struct carom_str name)
{
    if (carom_str_starts(name, CAROM_STR("sql.")))
        return double_quotes(render->arena, value_of(render, carom_str_from(name, strlen("sql."))));
    if (carom_str_starts(name, CAROM_STR("number.")))
        return value_of(render, carom_str_from(name, strlen("number.")));
    for (const struct carom_pair *pair = render->found; pair; pair = pair->next)
        if (carom_str_eq(pair->name, name))
            return pair->value;
    if (carom_str_eq(name, CAROM_STR("address")))
        return field(render, CAROM_STR("recipient"));
    if (carom_str_starts(name, CAROM_STR("header.")))
        return returned_header(render, carom_str_from(name, strlen("header.")));
    bool key = carom_str_eq(name, CAROM_STR("list_key"));
    if (!key && !carom_str_eq(name, CAROM_STR("list_address")))
        return field(render, name);
    const struct carom_list_entry *list = carom_config_list(render->config, field(render, CAROM_STR("list")));
    return !list ? CAROM_STR_EMPTY : key ? list->key : list->address;
}

/* Names were checked when the policy was loaded: here a name without a value is an empty one. */
static bool look_up(void *user, struct carom_str name, struct carom_str *value_r)
{
    struct carom_render *render = user;
    *value_r = value_of(render, name);
    if (value_r->len == 0)
        render->empty = name;
    return true;
}

int carom_render_text(struct carom_render *render, struct carom_str text, enum carom_escape escape,
                      struct carom_str *text_r)
{
    render->empty = CAROM_STR_EMPTY;
    carom_buf_clear(&render->text);
    carom_template_expand(&render->text, text, escape, look_up, render);
    if (render->damaged)
        return carom_error_prefix(render->err, "job %lld", (long long)render->job->id);
    if (render->text.failed)
        return carom_error_set(render->err, CAROM_ERROR_LIMIT, "sink %.*s: a text is longer than %d bytes",
                               CAROM_STR_ARG(render->sink->name), TEXT_MAX);
    *text_r = carom_arena_str(render->arena, carom_buf_str(&render->text));
    return 0;
}

/* ---- Headers ---- */

/* RFC 9110 5.6.2. */
static bool is_token(struct carom_str name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!carom_is_alpha(name.ptr[i]) && !carom_is_digit(name.ptr[i]) &&
            !(name.ptr[i] && strchr("!#$%&'*+-.^_`|~", name.ptr[i])))
            return false;
    return name.len > 0;
}

static bool is_control(char c) { return (unsigned char)c < 0x20 || c == 0x7f; }

static bool has_control(struct carom_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (is_control(text.ptr[i]))
            return true;
    return false;
}

void carom_render_header(struct carom_render *render, struct carom_str name, struct carom_str value)
{
    struct carom_str line = carom_arena_printf(render->arena, "%.*s: %.*s", CAROM_STR_ARG(name), CAROM_STR_ARG(value));
    assert(render->headers_n < render->headers_max && !has_control(line));
    render->headers[render->headers_n++] = line.ptr;
}

enum carom_rendered carom_render_sink_headers(struct carom_render *render)
{
    for (const struct carom_pair *pair = render->sink->headers; pair; pair = pair->next) {
        struct carom_str value;
        if (!is_token(pair->name)) {
            carom_error_set(render->err, CAROM_ERROR_CONFIG, "sink %.*s: header %.*s: not a header's name",
                            CAROM_STR_ARG(render->sink->name), CAROM_STR_ARG(pair->name));
            return CAROM_RENDER_WAIT;
        }
        if (carom_render_text(render, pair->value, CAROM_ESCAPE_HEADER, &value) != 0)
            return CAROM_RENDER_DEAD;
        char *bytes = (char *)(uintptr_t)value.ptr; /* our own copy in the arena */
        for (size_t i = 0; i < value.len; i++)
            if (is_control(bytes[i])) /* a tab, and what else mail may bring */
                bytes[i] = ' ';
        carom_render_header(render, pair->name, value);
    }
    return CAROM_RENDERED;
}

int carom_render_secret(struct carom_render *render, const struct carom_secret *secret, const char *what,
                        struct carom_str *value_r)
{
    if (carom_secret_resolve(render->arena, secret, value_r, render->err) != 0)
        return carom_error_prefix(render->err, "sink %.*s: %s", CAROM_STR_ARG(render->sink->name), what);
    if (value_r->len == 0 || has_control(*value_r))
        return carom_error_set(render->err, CAROM_ERROR_CONFIG, "sink %.*s: %s: %s",
                               CAROM_STR_ARG(render->sink->name), what,
                               value_r->len ? "holds a line end or control character" : "is empty");
    return 0;
}

/* ---- The request ---- */

/* A host that mail could choose would make us a relay to anywhere. */
bool carom_render_url_is_sound(struct carom_render *render, struct carom_str url, const char *plain, const char *safe)
{
    struct carom_str name = render->sink->name;
    size_t scheme = carom_str_istarts(url, carom_str(safe))    ? strlen(safe)
                    : carom_str_istarts(url, carom_str(plain)) ? strlen(plain)
                                                               : 0;
    if (!scheme) {
        carom_error_set(render->err, CAROM_ERROR_CONFIG, "sink %.*s: its URL does not begin with %s or %s",
                        CAROM_STR_ARG(name), plain, safe);
        return false;
    }
    for (size_t i = scheme; i < url.len && !strchr("/?#", url.ptr[i]); i++)
        if (url.ptr[i] == '{') {
            carom_error_set(render->err, CAROM_ERROR_CONFIG,
                            "sink %.*s: a placeholder in the host of its URL; the host must be fixed",
                            CAROM_STR_ARG(name));
            return false;
        }
    return true;
}

static void begin_request(struct carom_render *render, struct carom_request *request)
{
    size_t n = OWN_HEADERS;
    for (const struct carom_pair *pair = render->sink->headers; pair; pair = pair->next)
        n++;
    *request = (struct carom_request){.body = CAROM_STR_EMPTY};
    render->headers_max = n;
    render->headers = carom_arena_array(render->arena, const char *, n + 1);
    request->headers = render->headers;
    request->allow_private = render->sink->allow_private;
    request->ca = render->sink->ca.len ? carom_arena_str(render->arena, render->sink->ca).ptr : NULL;
}

/* ---- One of them ---- */

enum what { REQUEST, FIRST, FOUND, COMMAND, VERIFY, MAIL };

static enum carom_rendered make(struct carom_render *render, enum what what, void *out)
{
    if (what == COMMAND || what == VERIFY)
        return carom_command_render(render, what == VERIFY, out);
    if (what == FOUND)
        return carom_lookup_take(render, out);
    begin_request(render, out);
    if (what == MAIL)
        return carom_mail_render(render, out);
    struct carom_str url = what == FIRST ? render->sink->first.url : render->sink->url;
    if (!carom_render_url_is_sound(render, url, "http://", "https://"))
        return CAROM_RENDER_WAIT;
    if (what == FIRST)
        return carom_rest_render_first(render, out);
    return render->sink->type == CAROM_SINK_WEBHOOK ? carom_webhook_render(render, out)
                                                    : carom_rest_render(render, out);
}

static enum carom_rendered guarded(struct carom_render *render, enum what what, void *out)
{
    if (carom_arena_guard(render->arena)) {
        carom_error_memory(render->err);
        return CAROM_RENDER_FAILED;
    }
    enum carom_rendered result = make(render, what, out);
    carom_arena_unguard(render->arena);
    return result;
}

/* A webhook sends the job's data as they are; only a placeholder asks what is in them. */
static bool looks_inside(const struct carom_sink *sink)
{
    if (sink->type != CAROM_SINK_WEBHOOK)
        return true;
    for (const struct carom_pair *pair = sink->headers; pair; pair = pair->next)
        if (carom_str_chr(pair->value, '{') != SIZE_MAX)
            return true;
    return false;
}

static enum carom_rendered render_job(const struct carom_render_input *input, enum what what, struct carom_arena *arena,
                                      void *out, struct carom_error *err)
{
    const struct carom_job *job = input->job;
    json_error_t wrong;
    bool needed = looks_inside(input->sink);
    json_t *data = needed ? carom_json_load(job->data, JSON_ALLOW_NUL, &wrong) : NULL;
    if (needed && !data && carom_json_starved(&wrong)) {
        carom_error_memory(err);
        return CAROM_RENDER_FAILED;
    }
    if (needed && !data) {
        carom_error_set(err, CAROM_ERROR_IO, "job %lld: its data is not a JSON object", (long long)job->id);
        return CAROM_RENDER_DEAD;
    }
    struct carom_render render = {.config = input->config, .sink = input->sink, .job = job, .found = input->found,
                                  .mail = input->mail, .arena = arena, .now = input->now, .data = data,
                                  .text = CAROM_BUF_INIT(TEXT_MAX), .form = CAROM_BUF_INIT(FORM_MAX),
                                  .empty = CAROM_STR_EMPTY, .err = err};
    enum carom_rendered result = guarded(&render, what, out);
    carom_buf_deinit(&render.text);
    carom_buf_deinit(&render.form);
    json_decref(data);
    return result;
}

enum carom_rendered carom_render_request(const struct carom_render_input *input, struct carom_arena *arena,
                                         struct carom_request *request_r, struct carom_error *err)
{
    return render_job(input, REQUEST, arena, request_r, err);
}

enum carom_rendered carom_render_first(const struct carom_render_input *input, struct carom_arena *arena,
                                       struct carom_request *request_r, struct carom_error *err)
{
    return render_job(input, FIRST, arena, request_r, err);
}

enum carom_rendered carom_render_command(const struct carom_render_input *input, bool verify, struct carom_arena *arena,
                                         struct carom_command *command_r, struct carom_error *err)
{
    return render_job(input, verify ? VERIFY : COMMAND, arena, command_r, err);
}

enum carom_rendered carom_render_mail(const struct carom_render_input *input, struct carom_arena *arena,
                                      struct carom_request *request_r, struct carom_error *err)
{
    return render_job(input, MAIL, arena, request_r, err);
}

enum carom_rendered carom_render_take(const struct carom_render_input *input, struct carom_str body,
                                      struct carom_arena *arena, struct carom_pair **found_r, struct carom_error *err)
{
    json_t *answer = carom_json_load(body, JSON_ALLOW_NUL, NULL);
    struct carom_looked_up looked_up = {.answer = answer};
    *found_r = NULL;
    if (!answer) {
        carom_error_set(err, CAROM_ERROR_IO, "sink %.*s: the look-up's answer is no JSON", CAROM_STR_ARG(input->sink->name));
        return CAROM_RENDER_DEAD;
    }
    enum carom_rendered result = render_job(input, FOUND, arena, &looked_up, err);
    *found_r = looked_up.found;
    json_decref(answer);
    return result;
}
