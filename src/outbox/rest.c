/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* carom.http: any REST call, made of templates. Values come from mail, so that each place has its own escape, and a
   value that would turn the URL into another one (an empty or dotted path segment: DELETE …/lists//member) is refused. */

#include "outbox/render.h"

static enum carom_rendered refuse(struct carom_render *render, const char *why, struct carom_str what)
{
    carom_error_set(render->err, CAROM_ERROR_USAGE, "sink %.*s: not sent: %s%.*s",
                    CAROM_STR_ARG(render->sink->name), why, CAROM_STR_ARG(what));
    return CAROM_RENDER_DEAD;
}

/* Bytes of the separator that path begins with, 0: none. Some servers decode a path before they split it. */
static size_t separator(struct carom_str path)
{
    bool encoded = carom_str_istarts(path, CAROM_STR("%2f")) || carom_str_istarts(path, CAROM_STR("%5c"));
    return encoded ? 3 : path.len && path.ptr[0] == '/';
}

/* Segments "." and "..", which a server resolves (RFC 3986 5.2.4), also percent-encoded. */
static bool has_dots(struct carom_str path)
{
    while (path.len) {
        size_t end = 0;
        while (end < path.len && !separator(carom_str_from(path, end)))
            end++;
        struct carom_str segment = carom_str_head(path, end);
        size_t dots = 0, i = 0;
        while (i < segment.len) {
            bool encoded = carom_str_istarts(carom_str_from(segment, i), CAROM_STR("%2e"));
            if (!encoded && segment.ptr[i] != '.')
                break;
            i += encoded ? 3 : 1;
            dots++;
        }
        if (i == segment.len && (dots == 1 || dots == 2))
            return true;
        path = carom_str_from(path, end);
        path = carom_str_from(path, separator(path));
    }
    return false;
}

/* An empty value is refused in the path, where it names the thing; in the query it is only empty. */
static enum carom_rendered make_url(struct carom_render *render, struct carom_str template,
                                    struct carom_request *request)
{
    struct carom_str path, query;
    size_t mark = carom_str_chr(template, '?');
    size_t split = mark == SIZE_MAX ? template.len : mark;
    if (carom_render_text(render, carom_str_head(template, split), CAROM_ESCAPE_URL, &path) != 0)
        return CAROM_RENDER_DEAD;
    if (render->empty.len)
        return refuse(render, "the URL's path has no value for the placeholder ", render->empty);
    size_t host = carom_str_find(path, CAROM_STR("://")) + 3;
    if (has_dots(carom_str_from(path, host)))
        return refuse(render, "a value makes a segment of dots in the URL's path", CAROM_STR_EMPTY);
    if (carom_render_text(render, carom_str_from(template, split), CAROM_ESCAPE_URL, &query) != 0)
        return CAROM_RENDER_DEAD;
    request->url = carom_arena_printf(render->arena, "%.*s%.*s", CAROM_STR_ARG(path), CAROM_STR_ARG(query)).ptr;
    return CAROM_RENDERED;
}

/* application/x-www-form-urlencoded, with %20 for the space, which every reader takes. */
static void add_encoded(struct carom_buf *out, struct carom_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (carom_is_alpha(c) || carom_is_digit(c) || (c && strchr("-._~", c)))
            carom_buf_add_char(out, c);
        else
            carom_buf_printf(out, "%%%02X", (unsigned)(unsigned char)c);
    }
}

static enum carom_rendered make_form(struct carom_render *render, struct carom_request *request)
{
    struct carom_buf *form = &render->form;
    for (const struct carom_pair *pair = render->sink->form; pair; pair = pair->next) {
        struct carom_str value;
        if (carom_render_text(render, pair->value, CAROM_ESCAPE_TEXT, &value) != 0)
            return CAROM_RENDER_DEAD;
        if (form->len)
            carom_buf_add_char(form, '&');
        add_encoded(form, pair->name);
        carom_buf_add_char(form, '=');
        add_encoded(form, value);
    }
    if (form->failed)
        return refuse(render, "the form is too large", CAROM_STR_EMPTY);
    request->body = carom_arena_str(render->arena, carom_buf_str(form));
    return CAROM_RENDERED;
}

static enum carom_rendered make_body(struct carom_render *render, struct carom_request *request)
{
    if (render->sink->form)
        return make_form(render, request);
    if (render->sink->body.len == 0)
        return CAROM_RENDERED;
    return carom_render_text(render, render->sink->body, CAROM_ESCAPE_JSON, &request->body) == 0 ? CAROM_RENDERED
                                                                                                  : CAROM_RENDER_DEAD;
}

static enum carom_rendered set_authentication(struct carom_render *render, struct carom_request *request)
{
    const struct carom_sink *sink = render->sink;
    struct carom_str value;
    if (sink->user.len) {
        request->user = carom_arena_str(render->arena, sink->user).ptr;
        request->password = "";
        if (sink->password.from != CAROM_SECRET_NONE) {
            if (carom_render_secret(render, &sink->password, "password", &value) != 0)
                return CAROM_RENDER_WAIT;
            request->password = carom_arena_str(render->arena, value).ptr;
        }
    }
    if (sink->token.from == CAROM_SECRET_NONE)
        return CAROM_RENDERED;
    if (carom_render_secret(render, &sink->token, "token", &value) != 0)
        return CAROM_RENDER_WAIT;
    value = carom_arena_printf(render->arena, "Bearer %.*s", CAROM_STR_ARG(value));
    carom_render_header(render, CAROM_STR("Authorization"), value);
    return CAROM_RENDERED;
}

static bool names_header(const struct carom_sink *sink, struct carom_str name)
{
    for (const struct carom_pair *pair = sink->headers; pair; pair = pair->next)
        if (carom_str_ieq(pair->name, name))
            return true;
    return false;
}

static enum carom_rendered set_headers(struct carom_render *render, const struct carom_request *request)
{
    struct carom_str type = render->sink->form ? CAROM_STR("application/x-www-form-urlencoded")
                                               : CAROM_STR("application/json");
    if (request->body.len && !names_header(render->sink, CAROM_STR("Content-Type")))
        carom_render_header(render, CAROM_STR("Content-Type"), type);
    /* At least once is what we promise: the key lets the other side make it once. */
    if (!names_header(render->sink, CAROM_STR("Idempotency-Key")))
        carom_render_header(render, CAROM_STR("Idempotency-Key"), render->job->key);
    return carom_render_sink_headers(render);
}

static enum carom_rendered set_method(struct carom_render *render, struct carom_str method,
                                      struct carom_request *request)
{
    char *word = (char *)(uintptr_t)carom_arena_str(render->arena, method).ptr; /* our own copy */
    for (char *c = word; *c; c++)
        if (*c >= 'a' && *c <= 'z')
            *c = (char)(*c - 32);
    request->method = word;
    if (strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == method.len && strcmp(word, "CONNECT") != 0)
        return CAROM_RENDERED;
    carom_error_set(render->err, CAROM_ERROR_CONFIG, "sink %.*s: %.*s is no method for a request",
                    CAROM_STR_ARG(render->sink->name), CAROM_STR_ARG(method));
    return CAROM_RENDER_WAIT;
}

enum carom_rendered carom_rest_render(struct carom_render *render, struct carom_request *request)
{
    struct carom_str method = render->sink->method.len ? render->sink->method : CAROM_STR("POST");
    enum carom_rendered result = set_method(render, method, request);
    if (result == CAROM_RENDERED)
        result = make_url(render, render->sink->url, request);
    if (result == CAROM_RENDERED)
        result = make_body(render, request);
    if (result == CAROM_RENDERED)
        result = set_authentication(render, request);
    return result == CAROM_RENDERED ? set_headers(render, request) : result;
}

/* The look-up: as whom the call itself goes, and nothing but a question. */
enum carom_rendered carom_rest_render_first(struct carom_render *render, struct carom_request *request)
{
    struct carom_str method = render->sink->first.method.len ? render->sink->first.method : CAROM_STR("GET");
    enum carom_rendered result = set_method(render, method, request);
    if (result == CAROM_RENDERED)
        result = make_url(render, render->sink->first.url, request);
    if (result == CAROM_RENDERED)
        result = set_authentication(render, request);
    return result == CAROM_RENDERED ? carom_render_sink_headers(render) : result;
}
