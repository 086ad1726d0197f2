/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* From report to facts: recipient, kind, reason, fault, evidence, id. See FACT in carom-fact(5). */

#ifndef CAROM_CLASSIFY_FACT_H
#define CAROM_CLASSIFY_FACT_H

#include "base/json.h"
#include "bounce/report.h"
#include "classify/trust.h"

struct carom_judging; /* classify/rules.h */

struct carom_fact_list {
    struct carom_fact *list; /* at least one */
    size_t n;
    const struct carom_message *message;
    const struct carom_report *report;
};

/* Judges every recipient of the report. now: seconds since 1970, never earlier than a failure. trust: NULL for none;
   after the call its `failed` says whether the facts may be used. judging: the operator's rules and who watches; NULL
   neither. */
struct carom_fact_list carom_facts_make(struct carom_arena *arena, const struct carom_message *message,
                                        const struct carom_report *report, const struct carom_envelope *envelope,
                                        struct carom_trust *trust, const struct carom_judging *judging, int64_t now);
/* The same for a single SMTP reply. */
struct carom_fact_list carom_facts_reply(struct carom_arena *arena, const struct carom_reply_input *input,
                                         const struct carom_judging *judging, int64_t now);
/* The same for one recipient's fate that stands in no message. common: what is known beside it; origin tells it from
   others in ids. */
struct carom_fact_list carom_facts_alone(struct carom_arena *arena, const struct carom_report_recipient *one,
                                         const struct carom_fact *common, struct carom_str origin,
                                         const struct carom_judging *judging);

extern const struct carom_fact carom_fact_blank; /* nothing is known */
bool carom_fact_is_hard(const struct carom_fact *fact);     /* from kind and reason */
bool carom_reason_passes(enum carom_reason reason);         /* a cause that passes, where words alone state it */
struct carom_report_recipient carom_report_nobody(void);    /* nothing is known */

/* Is it only failed because nobody knows better: no code, no status, and no words that a rule knows? */
static inline bool carom_fact_says_nothing(const struct carom_fact *fact)
{
    return !fact->reply_code && !fact->status.len && fact->reason == CAROM_REASON_UNKNOWN;
}

/* Everything in one call: parse, read, judge. */
struct carom_fact_list carom_facts_read(struct carom_arena *arena, struct carom_str bytes,
                                        const struct carom_envelope *envelope, struct carom_trust *trust,
                                        const struct carom_judging *judging, int64_t now);

/* A fact that was kept, judged once more by the operator's own rules alone: where one of them knows its words it decides,
   else nothing changes. text: the human text of the bounce where it is at hand. Under the arena's guard. */
void carom_fact_judge_own(struct carom_arena *arena, struct carom_fact *fact, struct carom_str text,
                          const struct carom_judging *judging);

/* Words to values; false: none of them. */
bool carom_kind_parse(struct carom_str word, enum carom_kind *kind_r);
bool carom_reason_parse(struct carom_str word, enum carom_reason *reason_r);
bool carom_fault_parse(struct carom_str word, enum carom_fault *fault_r);
bool carom_authenticity_parse(struct carom_str word, enum carom_authenticity *authenticity_r);
bool carom_confidence_parse(struct carom_str word, enum carom_confidence *confidence_r);

/* One table of all fields drives JSON, Lua and placeholders. */
enum carom_field_type { CAROM_FIELD_STR, CAROM_FIELD_INT, CAROM_FIELD_TIME, CAROM_FIELD_BOOL, CAROM_FIELD_KIND,
                        CAROM_FIELD_REASON, CAROM_FIELD_FAULT, CAROM_FIELD_CONFIDENCE, CAROM_FIELD_AUTHENTICITY };
struct carom_field {
    const char *group; /* "" or evidence, autoreply, feedback, original */
    const char *name;
    enum carom_field_type type;
    size_t offset; /* in struct carom_fact */
};
extern const struct carom_field carom_fields[];
extern const size_t carom_fields_n;
const struct carom_field *carom_field_find(struct carom_str group, struct carom_str name); /* NULL: none */
/* The word for a value of a field that has words; empty: it has none. */
struct carom_str carom_field_word(enum carom_field_type type, unsigned value);
/* The value as text (times RFC 3339, booleans true/false); empty when not known. */
struct carom_str carom_field_text(struct carom_arena *arena, const struct carom_field *field,
                                  const struct carom_fact *fact);
/* And back. False, and nothing is changed: it is no value of that field. */
bool carom_field_parse(struct carom_arena *arena, const struct carom_field *field, struct carom_str text,
                       struct carom_fact *fact);
void carom_field_copy(const struct carom_field *field, const struct carom_fact *from, struct carom_fact *to);

/* The fact as a JSON object. Kind, hard and recipient are always written (recipient null when not known). */
void carom_fact_write(const struct carom_fact *fact, struct carom_json *json);
/* And back: out of that member of the object in text, or the object itself (NULL). Its texts in the arena, whose guard it
   sets itself; headers are not among them. */
int carom_fact_read(struct carom_arena *arena, struct carom_str text, const char *member, struct carom_fact *fact_r,
                    struct carom_error *err);

#endif
