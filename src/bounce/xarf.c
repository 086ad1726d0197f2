/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* X-ARF: abuse reports whose fields are YAML (version 0.1, 0.2) or JSON (version 4, RFC 9477 allows it). Of attacks they
   tell as well; only what is about mail is a complaint. */

#include "base/load.h"
#include "bounce/line.h"
#include "bounce/reader.h"

enum { FIELDS_MAX = 64 * 1024 };

struct fields {
    struct carom_str type, source, user_agent, category;
};

static bool is_yaml(struct carom_str name)
{
    return carom_str_ieq(name, CAROM_STR("report.txt")) || carom_str_iends(name, CAROM_STR(".yaml")) ||
           carom_str_iends(name, CAROM_STR(".yml"));
}

static struct carom_part *find_part(struct carom_reading *reading, bool json)
{
    struct carom_part *scope = reading->scope;

    for (struct carom_part *p = scope; p; p = carom_part_walk_own(scope, p)) {
        struct carom_str name = carom_part_name(reading->arena, p);

        if (json ? carom_part_is(p, "application/json")
                 : carom_part_is(p, "text/yaml") || carom_part_is(p, "application/yaml") ||
                       (carom_part_is(p, "text/plain") && is_yaml(name)))
            return p;
    }
    return NULL;
}

/* The YAML of these reports is "Key: value" on each line, between "---" and the end. */
static struct fields read_yaml(struct carom_arena *arena, struct carom_str text)
{
    struct fields f = {CAROM_STR_EMPTY, CAROM_STR_EMPTY, CAROM_STR_EMPTY, CAROM_STR_EMPTY};
    const struct {
        const char *name;
        struct carom_str *value;
    } wanted[] = {{"Report-Type", &f.type}, {"Source", &f.source}, {"User-Agent", &f.user_agent},
                  {"Category", &f.category}};
    struct carom_str line;

    while (carom_str_line(&text, &line)) {
        size_t colon = carom_str_chr(line, ':');
        for (size_t i = 0; colon < line.len && i < sizeof wanted / sizeof *wanted; i++)
            if (carom_str_ieq(carom_str_head(line, colon), carom_str(wanted[i].name)))
                *wanted[i].value = carom_arena_str(arena, carom_str_trim(carom_str_from(line, colon + 1)));
    }
    return f;
}

static struct carom_str member(struct carom_arena *arena, const json_t *root, const char *name)
{
    const char *value = json_string_value(json_object_get(root, name));

    return value ? carom_arena_str(arena, carom_str(value)) : CAROM_STR_EMPTY;
}

static struct fields read_json(struct carom_arena *arena, struct carom_str text)
{
    json_error_t wrong;
    json_t *root = carom_json_load(text, 0, &wrong);

    if (!root && carom_json_starved(&wrong))
        carom_arena_alloc(arena, SIZE_MAX);
    if (carom_arena_guard(arena)) { /* no memory: hand on, but not the tree */
        json_decref(root);
        carom_arena_alloc(arena, SIZE_MAX);
    }
    struct fields f = {member(arena, root, "type"), member(arena, root, "source_identifier"), CAROM_STR_EMPTY,
                       member(arena, root, "category")};
    carom_arena_unguard(arena);
    json_decref(root);
    return f;
}

static bool read_fields(struct carom_reading *reading, struct fields *fields_r)
{
    struct carom_arena *arena = reading->arena;
    struct carom_part *part = find_part(reading, false);

    if (part) {
        *fields_r = read_yaml(arena, carom_part_text(arena, part, FIELDS_MAX));
    } else if ((part = find_part(reading, true))) {
        *fields_r = read_json(arena, carom_part_bytes(arena, part, FIELDS_MAX));
    }
    return part && fields_r->type.len > 0;
}

bool carom_read_xarf(struct carom_reading *reading)
{
    const struct carom_headers *headers = &reading->message->root->headers;
    struct carom_report *report = reading->report;
    struct fields fields;

    if (!carom_headers_has(headers, "X-XARF") && !carom_headers_has(headers, "X-ARF"))
        return false;
    if (!read_fields(reading, &fields))
        return false;
    report->type = CAROM_REPORT_FEEDBACK;
    report->format = CAROM_STR("x-arf");
    report->machine = true;
    report->feedback.type = fields.type;
    report->feedback.source_ip = fields.source;
    report->feedback.user_agent = fields.user_agent;
    report->not_complaint = !carom_str_ieq(fields.type, CAROM_STR("spam")) &&
                            !carom_str_ieq(fields.category, CAROM_STR("messaging"));
    return true;
}
