/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The fields of a fact by name: one table for JSON, Lua and placeholders. It knows their types, not how they came. */

#include <inttypes.h>
#include <limits.h>

#include "base/date.h"
#include "base/str.h"
#include "classify/fact.h"

/* Object that it is a member of, name, type and member, in the order in which they are written. */
#define FIELDS(FIELD)                                                                                                  \
    FIELD(fact, "source", STR, source)                                                                                 \
    FIELD(fact, "index", INT, index)                                                                                   \
    FIELD(fact, "id", STR, id)                                                                                         \
    FIELD(fact, "kind", KIND, kind)                                                                                    \
    FIELD(fact, "reason", REASON, reason)                                                                              \
    FIELD(fact, "fault", FAULT, fault)                                                                                 \
    FIELD(fact, "hard", BOOL, hard)                                                                                    \
    FIELD(fact, "envelope_to", STR, envelope_to)                                                                       \
    FIELD(fact, "token", STR, token)                                                                                   \
    FIELD(fact, "token_time", TIME, token_time)                                                                        \
    FIELD(fact, "recipient", STR, recipient)                                                                           \
    FIELD(fact, "list", STR, list)                                                                                     \
    FIELD(fact, "list_by", STR, list_by)                                                                               \
    FIELD(fact, "mail_type", STR, mail_type)                                                                           \
    FIELD(fact, "delivery", STR, delivery)                                                                             \
    FIELD(fact, "final_recipient", STR, final_recipient)                                                               \
    FIELD(fact, "reply_code", INT, reply_code)                                                                         \
    FIELD(fact, "status", STR, status)                                                                                 \
    FIELD(fact, "diagnostic", STR, diagnostic)                                                                         \
    FIELD(fact, "command", STR, command)                                                                               \
    FIELD(fact, "action", STR, action)                                                                                 \
    FIELD(fact, "reporting_mta", STR, reporting_mta)                                                                   \
    FIELD(fact, "remote_mta", STR, remote_mta)                                                                         \
    FIELD(fact, "remote_ip", STR, remote_ip)                                                                           \
    FIELD(fact, "provider", STR, provider)                                                                             \
    FIELD(fact, "format", STR, format)                                                                                 \
    FIELD(fact, "confidence", CONFIDENCE, confidence)                                                                  \
    FIELD(evidence, "rule", STR, evidence.rule)                                                                        \
    FIELD(evidence, "text", STR, evidence.text)                                                                        \
    FIELD(evidence, "where", STR, evidence.where)                                                                      \
    FIELD(fact, "authenticity", AUTHENTICITY, authenticity)                                                            \
    FIELD(fact, "time", TIME, time)                                                                                    \
    FIELD(fact, "received", TIME, received)                                                                            \
    FIELD(fact, "retry_until", TIME, retry_until)                                                                      \
    FIELD(fact, "truncated", BOOL, truncated)                                                                          \
    FIELD(autoreply, "type", STR, autoreply.type)                                                                      \
    FIELD(autoreply, "until", TIME, autoreply.until)                                                                   \
    FIELD(autoreply, "new_address", STR, autoreply.new_address)                                                        \
    FIELD(feedback, "type", STR, feedback.type)                                                                        \
    FIELD(feedback, "source_ip", STR, feedback.source_ip)                                                              \
    FIELD(feedback, "user_agent", STR, feedback.user_agent)                                                            \
    FIELD(feedback, "auth_failure", STR, feedback.auth_failure)                                                        \
    FIELD(feedback, "reported_domain", STR, feedback.reported_domain)                                                  \
    FIELD(feedback, "original_mail_from", STR, feedback.original_mail_from)                                            \
    FIELD(feedback, "arrival_date", STR, feedback.arrival_date)                                                        \
    FIELD(original, "message_id", STR, original.message_id)                                                            \
    FIELD(original, "subject", STR, original.subject)                                                                  \
    FIELD(original, "from", STR, original.from)                                                                        \
    FIELD(original, "to", STR, original.to)                                                                            \
    FIELD(original, "date", STR, original.date)                                                                        \
    FIELD(original, "list_id", STR, original.list_id)                                                                  \
    FIELD(original, "complete", BOOL, original.complete)                                                               \
    FIELD(fact, "message_id", STR, message_id)                                                                         \
    FIELD(fact, "subject", STR, subject)                                                                               \
    FIELD(fact, "from", STR, from)                                                                                     \
    FIELD(fact, "to", STR, to)

/* Objects within the fact, and itself. */
enum group { GROUP_fact, GROUP_evidence, GROUP_autoreply, GROUP_feedback, GROUP_original };
#define NAME_fact ""
#define NAME_evidence "evidence"
#define NAME_autoreply "autoreply"
#define NAME_feedback "feedback"
#define NAME_original "original"

#define FIELD(group, name, type, member) {NAME_##group, name, CAROM_FIELD_##type, offsetof(struct carom_fact, member)},
const struct carom_field carom_fields[] = {FIELDS(FIELD)};
enum { FIELDS_N = sizeof carom_fields / sizeof *carom_fields };
const size_t carom_fields_n = FIELDS_N;

#define BLANK_STR(member) .member = CAROM_STR_INIT(""),
#define BLANK_INT(member)
#define BLANK_TIME(member)
#define BLANK_BOOL(member)
#define BLANK_KIND(member)
#define BLANK_REASON(member)
#define BLANK_FAULT(member)
#define BLANK_CONFIDENCE(member)
#define BLANK_AUTHENTICITY(member)
#define BLANK(group, name, type, member) BLANK_##type(member)

/* Texts that are not known point to something all the same (see carom.h). */
const struct carom_fact carom_fact_blank = {FIELDS(BLANK).original.headers = CAROM_STR_INIT("")};

/* A name as it is written, or a value. */
struct ready {
    _Alignas(32) char text[CAROM_JSON_KEY]; /* ,"name": or "word" */
    uint8_t n;
};
#define KEY(group, name, type, member) {",\"" name "\":", sizeof(name) + 3},
static const struct ready keys[] = {FIELDS(KEY)};
#define GROUP_KEY(group) [GROUP_##group] = {",\"" NAME_##group "\":{", sizeof(NAME_##group) + 4} /* its object begun */

const struct carom_field *carom_field_find(struct carom_str group, struct carom_str name)
{
    for (size_t i = 0; i < carom_fields_n; i++) {
        if (carom_str_eq(carom_str_n(keys[i].text + 2, keys[i].n - 4u), name) && carom_str_eq(carom_str(carom_fields[i].group), group))
            return &carom_fields[i];
    }
    return NULL;
}

/* offset and type stand in the same row of the table above, so the pointer has the right type. */
static const void *member(const struct carom_field *field, const struct carom_fact *fact)
{
    return (const char *)fact + field->offset;
}

/* index is unsigned and wider than reply_code. */
static int64_t integer(size_t offset, const struct carom_fact *fact)
{
    if (offset == offsetof(struct carom_fact, index))
        return (int64_t)fact->index;
    return fact->reply_code;
}

static struct carom_str word(enum carom_field_type type, const struct carom_fact *fact)
{
    switch (type) {
    case CAROM_FIELD_KIND: return carom_field_word(type, fact->kind);
    case CAROM_FIELD_REASON: return carom_field_word(type, fact->reason);
    case CAROM_FIELD_FAULT: return carom_field_word(type, fact->fault);
    case CAROM_FIELD_CONFIDENCE: return carom_field_word(type, fact->confidence);
    case CAROM_FIELD_AUTHENTICITY: return carom_field_word(type, fact->authenticity);
    default: return CAROM_STR_EMPTY;
    }
}

static struct carom_str time_text(struct carom_arena *arena, int64_t seconds)
{
    char out[32];

    if (seconds == 0)
        return CAROM_STR_EMPTY;
    return carom_arena_str(arena, carom_str_n(out, carom_date_format(seconds, out)));
}

struct carom_str carom_field_text(struct carom_arena *arena, const struct carom_field *field,
                                  const struct carom_fact *fact)
{
    int64_t number;

    switch (field->type) {
    case CAROM_FIELD_STR: return *(const struct carom_str *)member(field, fact);
    case CAROM_FIELD_TIME: return time_text(arena, *(const int64_t *)member(field, fact));
    case CAROM_FIELD_BOOL: return *(const bool *)member(field, fact) ? CAROM_STR("true") : CAROM_STR("false");
    case CAROM_FIELD_INT:
        number = integer(field->offset, fact);
        return number ? carom_arena_printf(arena, "%" PRId64, number) : CAROM_STR_EMPTY;
    default: return word(field->type, fact);
    }
}

/* ---- From text ---- */

static void *member_of(const struct carom_field *field, struct carom_fact *fact)
{
    return (char *)fact + field->offset;
}

static bool parse_number(const struct carom_field *field, struct carom_str text, struct carom_fact *fact)
{
    int64_t number = carom_str_number(text);

    if (number < 0 || (field->offset != offsetof(struct carom_fact, index) && number > INT_MAX))
        return false;
    if (field->offset == offsetof(struct carom_fact, index)) /* wider than the others */
        fact->index = (uint64_t)number;
    else
        *(int *)member_of(field, fact) = (int)number;
    return true;
}

static bool parse_time(struct carom_str text, int64_t *time_r)
{
    int64_t time = carom_date_parse_rfc3339(text);

    if (time != 0)
        *time_r = time;
    return time != 0;
}

bool carom_field_parse(struct carom_arena *arena, const struct carom_field *field, struct carom_str text,
                       struct carom_fact *fact)
{
    void *value = member_of(field, fact);

    switch (field->type) {
    case CAROM_FIELD_STR: *(struct carom_str *)value = carom_arena_str(arena, text); return true;
    case CAROM_FIELD_INT: return parse_number(field, text, fact);
    case CAROM_FIELD_TIME: return parse_time(text, value);
    case CAROM_FIELD_BOOL:
        *(bool *)value = carom_str_eq(text, CAROM_STR("true"));
        return *(bool *)value || carom_str_eq(text, CAROM_STR("false"));
    case CAROM_FIELD_KIND: return carom_kind_parse(text, value);
    case CAROM_FIELD_REASON: return carom_reason_parse(text, value);
    case CAROM_FIELD_FAULT: return carom_fault_parse(text, value);
    case CAROM_FIELD_CONFIDENCE: return carom_confidence_parse(text, value);
    default: return carom_authenticity_parse(text, value);
    }
}

void carom_field_copy(const struct carom_field *field, const struct carom_fact *from, struct carom_fact *to)
{
    void *value = member_of(field, to);

    switch (field->type) {
    case CAROM_FIELD_STR: *(struct carom_str *)value = *(const struct carom_str *)member(field, from); break;
    case CAROM_FIELD_TIME: *(int64_t *)value = *(const int64_t *)member(field, from); break;
    case CAROM_FIELD_BOOL: *(bool *)value = *(const bool *)member(field, from); break;
    case CAROM_FIELD_INT:
        if (field->offset == offsetof(struct carom_fact, index))
            to->index = from->index;
        else
            *(int *)value = *(const int *)member(field, from);
        break;
    case CAROM_FIELD_KIND: to->kind = from->kind; break;
    case CAROM_FIELD_REASON: to->reason = from->reason; break;
    case CAROM_FIELD_FAULT: to->fault = from->fault; break;
    case CAROM_FIELD_CONFIDENCE: to->confidence = from->confidence; break;
    case CAROM_FIELD_AUTHENTICITY: to->authenticity = from->authenticity; break;
    }
}

/* ---- JSON ---- */

/* Kind, hard and recipient are written always, the others where they are known. */
#define WRITTEN_STR(member) (fact->member.len > 0 || offsetof(struct carom_fact, member) == offsetof(struct carom_fact, recipient))
#define WRITTEN_BOOL(member) (fact->member || offsetof(struct carom_fact, member) == offsetof(struct carom_fact, hard))
#define WRITTEN_INT(member) (fact->member != 0)
#define WRITTEN_TIME(member) (fact->member != 0)
#define WRITTEN_KIND(member) true
#define WRITTEN_REASON(member) (fact->member != CAROM_REASON_NONE)
#define WRITTEN_FAULT(member) (fact->member != CAROM_FAULT_NONE)
#define WRITTEN_CONFIDENCE(member) (fact->member != CAROM_CONFIDENCE_NONE)
#define WRITTEN_AUTHENTICITY(member) true

/* What is called for many fields, that carom_fact_write stays short. */
#define OUT_OF_LINE __attribute__((noinline))

static OUT_OF_LINE void write_null(struct carom_json *json, const struct ready *key)
{
    carom_json_key_ready(json, key->text, key->n);
    carom_json_null(json);
}

static inline void write_str(struct carom_json *json, const struct ready *key, struct carom_str value)
{
    if (value.len > 0)
        carom_json_member(json, key->text, key->n, value);
    else
        write_null(json, key);
}

static OUT_OF_LINE void write_time(struct carom_json *json, const struct ready *key, int64_t seconds)
{
    char out[40] = "\"";
    size_t n = 1 + carom_date_format(seconds, out + 1);

    out[n] = '"';
    carom_json_member_ready(json, key->text, key->n, out, n + 1);
}

static OUT_OF_LINE void write_int(struct carom_json *json, const struct ready *key, int64_t value)
{
    carom_json_key_ready(json, key->text, key->n);
    carom_json_int(json, value);
}

/* What has few values has them ready made; the empty one is of what is none of them. */
#define QUOTED(name, word) {"\"" #word "\"", sizeof(#word) + 1},
#define QUOTED_REASON(name, word, fault) QUOTED(name, word)
#define QUOTED_NONE {"\"\"", 2}
static const struct ready none = QUOTED_NONE, bools[] = {{"false", 5}, {"true", 4}}, kinds[] = {CAROM_KINDS(QUOTED)},
                          faults[] = {QUOTED_NONE, CAROM_FAULTS(QUOTED)},
                          reasons[] = {QUOTED_NONE, CAROM_REASONS(QUOTED_REASON)},
                          confidences[] = {QUOTED_NONE, CAROM_CONFIDENCES(QUOTED)},
                          authenticities[] = {CAROM_AUTHENTICITIES(QUOTED)};
#define VALUE(list, value) ((size_t)(value) < sizeof(list) / sizeof *(list) ? &(list)[value] : &none)

static OUT_OF_LINE void write_value(struct carom_json *json, const struct ready *key, const struct ready *value)
{
    carom_json_member_ready(json, key->text, key->n, value->text, value->n);
}

/* By type. */
#define WRITE_STR(member) write_str(json, key, fact->member)
#define WRITE_TIME(member) write_time(json, key, fact->member)
#define WRITE_BOOL(member) write_value(json, key, VALUE(bools, fact->member))
#define WRITE_INT(member) write_int(json, key, (int64_t)fact->member)
#define WRITE_KIND(member) write_value(json, key, VALUE(kinds, fact->member))
#define WRITE_REASON(member) write_value(json, key, VALUE(reasons, fact->member))
#define WRITE_FAULT(member) write_value(json, key, VALUE(faults, fact->member))
#define WRITE_CONFIDENCE(member) write_value(json, key, VALUE(confidences, fact->member))
#define WRITE_AUTHENTICITY(member) write_value(json, key, VALUE(authenticities, fact->member))
#define WRITE(group, name, type, member)                 \
    if (WRITTEN_##type(member)) {                        \
        if (now != GROUP_##group)                        \
            now = change_group(now, GROUP_##group, json); \
        WRITE_##type(member);                            \
    }                                                    \
    key++;

/* Fields of a group are members of an object of its name, the others of the fact's own. Returns `to`. */
static OUT_OF_LINE enum group change_group(enum group from, enum group to, struct carom_json *json)
{
    static const struct ready begins[] = {GROUP_KEY(fact), GROUP_KEY(evidence), GROUP_KEY(autoreply),
                                          GROUP_KEY(feedback), GROUP_KEY(original)};

    if (from != GROUP_fact)
        carom_json_object_end(json);
    if (to != GROUP_fact)
        carom_json_key_ready(json, begins[to].text, begins[to].n);
    return to;
}

/* One field after the other, each with what its type needs: which of them are there is mostly the same. */
void carom_fact_write(const struct carom_fact *fact, struct carom_json *json)
{
    const struct ready *key = keys;
    enum group now = GROUP_fact;

    carom_json_object(json);
    FIELDS(WRITE)
    if (now != GROUP_fact)
        change_group(now, GROUP_fact, json);
    carom_json_object_end(json);
}
