/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* carom.command: the argument vector, made of templates. Each template is one argument, whatever its values hold. An
   argument that a value would turn into an option is refused, and so is a path that it would lead elsewhere. */

#include "outbox/render.h"

#include <jansson.h>

enum { ARGUMENTS_MAX = 256 };

static enum carom_rendered refuse(struct carom_render *render, const char *why, struct carom_str what)
{
    carom_error_set(render->err, CAROM_ERROR_USAGE, "sink %.*s: not run: %s%.*s", CAROM_STR_ARG(render->sink->name),
                    why, CAROM_STR_ARG(what));
    return CAROM_RENDER_DEAD;
}

static enum carom_rendered misconfigured(struct carom_render *render, const char *why)
{
    carom_error_set(render->err, CAROM_ERROR_CONFIG, "sink %.*s: %s", CAROM_STR_ARG(render->sink->name), why);
    return CAROM_RENDER_WAIT;
}

/* "/var/spool/mlmmj/{list}": a text with a slash and no space. */
static bool is_path(struct carom_str template)
{
    return carom_str_chr(template, '/') != SIZE_MAX && carom_str_chr(template, ' ') == SIZE_MAX &&
           carom_str_chr(template, '{') != SIZE_MAX;
}

static size_t slashes(struct carom_str text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++)
        n += text.ptr[i] == '/';
    return n;
}

static bool has_dots(struct carom_str path)
{
    for (;;) {
        size_t end = carom_str_chr(path, '/');
        struct carom_str segment = carom_str_head(path, end == SIZE_MAX ? path.len : end);
        if (carom_str_eq(segment, CAROM_STR("..")) || carom_str_eq(segment, CAROM_STR(".")))
            return true;
        if (end == SIZE_MAX)
            return false;
        path = carom_str_from(path, end + 1);
    }
}

static enum carom_rendered argument(struct carom_render *render, struct carom_str template, char **text_r)
{
    struct carom_str text;
    if (carom_render_text(render, template, CAROM_ESCAPE_TEXT, &text) != 0)
        return CAROM_RENDER_DEAD;
    bool option = text.len && text.ptr[0] == '-' && !(template.len && template.ptr[0] == '-');
    if (option)
        return refuse(render, "a value would be an option, since it begins with '-'; join it in the template, as in "
                              "\"-a{address}\": ", text);
    if (is_path(template) && (render->empty.len || has_dots(text) || slashes(text) != slashes(template)))
        return refuse(render, "a value is empty, or would lead the path elsewhere: ", text);
    *text_r = (char *)(uintptr_t)text.ptr; /* our own copy; exec takes no const */
    return CAROM_RENDERED;
}

/* What bounce:run added: values as they are. */
static enum carom_rendered add_given(struct carom_render *render, char **argv, size_t *n)
{
    const json_t *given = json_object_get(json_object_get(render->data, "action"), "arguments"), *value;
    size_t i;
    json_array_foreach(given, i, value) {
        struct carom_str text = carom_str_n(json_string_value(value), json_string_length(value));
        if (*n == ARGUMENTS_MAX)
            return refuse(render, "too many arguments", CAROM_STR_EMPTY);
        if (text.len && text.ptr[0] == '-')
            return refuse(render, "an argument would be an option, since it begins with '-': ", text);
        if (carom_str_chr(text, '\0') != SIZE_MAX)
            return refuse(render, "an argument holds a NUL", CAROM_STR_EMPTY);
        argv[(*n)++] = (char *)(uintptr_t)carom_arena_str(render->arena, text).ptr;
    }
    return CAROM_RENDERED;
}

/* Clean: nothing of ours, and what a script needs to be told that is not worth an argument. */
static char *const *environment(struct carom_render *render)
{
    char **environ = carom_arena_array(render->arena, char *, 5);
    const struct carom_job *job = render->job;
    environ[0] = (char *)(uintptr_t) "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    environ[1] = (char *)(uintptr_t) "LANG=C.UTF-8";
    environ[2] = (char *)(uintptr_t)carom_arena_printf(render->arena, "CAROM_JOB=%.*s", CAROM_STR_ARG(job->key)).ptr;
    environ[3] = (char *)(uintptr_t)carom_arena_printf(render->arena, "CAROM_ACTION=%.*s",
                                                       CAROM_STR_ARG(job->action)).ptr;
    return environ;
}

enum carom_rendered carom_command_render(struct carom_render *render, bool verify, struct carom_command *command)
{
    const struct carom_pair *pair = verify ? render->sink->verify : render->sink->argv;
    char **argv = carom_arena_array(render->arena, char *, ARGUMENTS_MAX + 1);
    size_t n = 0;
    if (!pair || pair->value.len == 0 || pair->value.ptr[0] != '/' || carom_str_chr(pair->value, '{') != SIZE_MAX)
        return misconfigured(render, "its command is no absolute path without placeholders");
    for (; pair; pair = pair->next) {
        if (n == ARGUMENTS_MAX)
            return misconfigured(render, "its command has too many arguments");
        enum carom_rendered result = argument(render, pair->value, &argv[n++]);
        if (result != CAROM_RENDERED)
            return result;
    }
    if (!verify && carom_str_eq(render->job->action, CAROM_STR("run"))) {
        enum carom_rendered result = add_given(render, argv, &n);
        if (result != CAROM_RENDERED)
            return result;
    }
    command->argv = argv;
    command->environment = environment(render);
    command->input = CAROM_STR_EMPTY;
    if (!verify && carom_render_text(render, render->sink->input, CAROM_ESCAPE_TEXT, &command->input) != 0)
        return CAROM_RENDER_DEAD;
    return CAROM_RENDERED;
}
