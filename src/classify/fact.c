/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* From report to facts. The order in which claims are believed stands here and is the contract of carom-fact(5); what
   words and codes mean stands in the tables, who sent the message and whether to trust it is the engine's business. */

#include "classify/fact.h"

#include "base/date.h"
#include "base/str.h"
#include "classify/identity.h"
#include "classify/path.h"
#include "classify/proof.h"
#include "classify/provider.h"
#include "classify/rules.h"
#include "classify/trace.h"
#include "mail/address.h"
#include "smtp/reply.h"

enum { CLAIMS_MAX = 64 };

struct making {
    struct carom_arena *arena;
    const struct carom_message *message; /* NULL for a single reply */
    const struct carom_report *report;
    const struct carom_judging *judging; /* NULL: the built-in rules alone */
    struct carom_fact *common; /* what all facts of the message share: it becomes the last of them */
    struct carom_str origin;  /* names the message in ids */
    struct carom_path *path;  /* what the sender left word of for itself */
    struct carom_trust *trust;
    const struct carom_proof *proof; /* what of it he signed */
};

/* What one recipient's fields say in codes. */
struct codes {
    int code;
    struct carom_str status;        /* the one to state */
    struct carom_str remote_status; /* of the remote server's own words, no filler */
    struct carom_str report_status; /* of the DSN, no filler */
    struct carom_str command;       /* what was refused */
};

static struct carom_str empty_unless_status(struct carom_str status)
{
    status = carom_str_head(status, carom_status_length(status));
    return carom_status_is_filler(status) ? CAROM_STR_EMPTY : status;
}

/* X.Y.0 says less than another code of the same class and subject. */
static bool says_less(struct carom_str status, struct carom_str than)
{
    return status.len == 5 && status.ptr[4] == '0' && than.len >= 5 && memcmp(status.ptr, than.ptr, 4) == 0;
}

/* An X-Unix diagnostic that is an exit status holds no words, unless the report had some beside it. */
static bool has_words(const struct carom_report_recipient *recipient)
{
    return recipient->exit_status == 0 || carom_str_number(carom_str_trim(recipient->diagnostic)) < 0;
}

/* The words of the remote server that hold its reply, else those of the report; the status may come of either. */
static struct carom_str find_reply(const struct carom_report_recipient *recipient, struct carom_reply *reply_r)
{
    struct carom_str words = has_words(recipient) ? recipient->diagnostic : CAROM_STR_EMPTY;
    struct carom_reply reply = carom_reply_find(words), text;

    *reply_r = reply;
    if (reply.code != 0 && reply.status.len > 0)
        return words;
    text = carom_reply_find(recipient->text_diagnostic);
    if (reply.code == 0 && text.code != 0)
        *reply_r = text;
    if (reply_r->status.len == 0)
        reply_r->status = text.status;
    return reply.code == 0 && text.code != 0 ? recipient->text_diagnostic : words;
}

static struct codes read_codes(const struct carom_report_recipient *recipient)
{
    struct carom_reply reply;
    struct carom_str words = find_reply(recipient, &reply);
    struct carom_str stated = carom_str_head(recipient->status, carom_status_length(recipient->status));
    struct codes codes = {
        .code = reply.code ? reply.code : recipient->reply_code,
        .remote_status = empty_unless_status(reply.status), .report_status = empty_unless_status(stated),
        .command = recipient->command.len > 0 ? recipient->command : carom_reply_command(words)};

    if (codes.remote_status.len > 0 && !says_less(codes.remote_status, codes.report_status))
        codes.status = codes.remote_status;
    else if (codes.report_status.len > 0)
        codes.status = codes.report_status;
    else
        codes.status = reply.status.len > 0 ? reply.status : stated;
    if (codes.status.len == 0)
        codes.status = CAROM_STR_EMPTY;
    return codes;
}

/* ---- Kind ---- */

static bool is_action(const struct carom_report_recipient *recipient, const char *action)
{
    return carom_str_ieq(recipient->action, carom_str(action));
}

/* 4 and 5 decide; 2 is no failure and so no news where one is reported. */
static bool kind_of_class(char klass, enum carom_kind *kind_r)
{
    if (klass == '4')
        *kind_r = CAROM_KIND_TRANSIENT;
    else if (klass == '5')
        *kind_r = CAROM_KIND_PERMANENT;
    else
        return false;
    return true;
}

/* Causes that pass, where words alone state them. */
bool carom_reason_passes(enum carom_reason reason)
{
    switch (reason) {
    case CAROM_REASON_EXPIRED:
    case CAROM_REASON_NETWORK_ERROR:
    case CAROM_REASON_SYSTEM_FULL:
    case CAROM_REASON_RATE_LIMITED:
    case CAROM_REASON_TOO_MANY_CONNECTIONS:
    case CAROM_REASON_GREYLISTED: return true;
    default: return false;
    }
}

/* Whether the report says by itself what became of the recipient, whatever the codes say. */
static bool kind_is_settled(const struct carom_report_recipient *recipient, enum carom_kind *kind_r)
{
    if (is_action(recipient, "delayed") || recipient->claim == CAROM_CLAIM_DELAYED)
        *kind_r = CAROM_KIND_DELAYED;
    else if (is_action(recipient, "delivered") || is_action(recipient, "relayed") ||
             is_action(recipient, "expanded") || recipient->claim == CAROM_CLAIM_DELIVERED)
        *kind_r = CAROM_KIND_DELIVERED;
    else
        return false;
    return true;
}

static enum carom_kind failure_kind(const struct carom_report_recipient *recipient, const struct codes *codes,
                                    const struct carom_verdict *verdict)
{
    enum carom_kind kind = CAROM_KIND_PERMANENT;

    if (verdict->kind >= 0)
        return (enum carom_kind)verdict->kind;
    if (kind_of_class(codes->remote_status.len ? codes->remote_status.ptr[0] : ' ', &kind))
        return kind;
    if (codes->code > 0 && kind_of_class((char)('0' + codes->code / 100), &kind))
        return kind;
    if (kind_of_class(codes->report_status.len ? codes->report_status.ptr[0] : ' ', &kind))
        return kind;
    if (recipient->claim == CAROM_CLAIM_GAVE_UP || carom_reason_passes(verdict->reason))
        return CAROM_KIND_TRANSIENT;
    if (verdict->reason == CAROM_REASON_UNKNOWN)
        kind_of_class(codes->status.len ? codes->status.ptr[0] : ' ', &kind); /* X.0.0, better than nothing */
    return kind;
}

bool carom_fact_is_hard(const struct carom_fact *fact)
{
    if (fact->kind != CAROM_KIND_PERMANENT)
        return false;
    switch (fact->reason) {
    case CAROM_REASON_USER_UNKNOWN:
    case CAROM_REASON_USER_DISABLED:
    case CAROM_REASON_USER_MOVED:
    case CAROM_REASON_HOST_UNKNOWN:
    case CAROM_REASON_NOT_ACCEPTING: return true;
    default: return false;
    }
}

/* ---- Reason ---- */

static bool judge_exit_status(struct making *making, const struct carom_report_recipient *recipient,
                              struct carom_verdict *verdict_r)
{
    int status = recipient->exit_status;
    enum carom_reason reason = CAROM_REASON_MAILER_ERROR;

    if (status == 0)
        return false;
    if (status == 67)
        reason = CAROM_REASON_USER_UNKNOWN;
    else if (status == 68)
        reason = CAROM_REASON_HOST_UNKNOWN;
    *verdict_r = (struct carom_verdict){
        .reason = reason, .kind = -1, .confidence = CAROM_CONFIDENCE_MEDIUM, .text = recipient->diagnostic,
        .rule = carom_arena_printf(making->arena, "x-unix:%d", status), .where = recipient->where};
    return true;
}

/* The text of the whole report tells of this recipient only where there is no other one. Of a session it is a summary:
   Sendmail calls every 550 to RCPT "User unknown". */
static struct carom_str other_words(const struct making *making, const struct carom_report_recipient *recipient)
{
    if (recipient->diagnostic.len > 0 && recipient->text_diagnostic.len > 0)
        return recipient->text_diagnostic;
    if (recipient->session)
        return CAROM_STR_EMPTY;
    return making->report->n <= 1 ? making->report->text : CAROM_STR_EMPTY;
}

/* What Sendmail calls an exit status: 5.5.0 for 69 (service unavailable), 4.4.7 in the end for 75 (try again). */
static bool is_sendmails(const struct carom_verdict *verdict)
{
    return carom_str_eq(verdict->where, CAROM_STR("status")) &&
           (verdict->reason == CAROM_REASON_SYNTAX_ERROR || verdict->reason == CAROM_REASON_EXPIRED);
}

static struct carom_verdict judge(struct making *making, const struct carom_report_recipient *recipient,
                                  const struct codes *codes, struct carom_str provider)
{
    struct carom_verdict verdict;
    struct carom_case what = {
        .reply_code = codes->code, .status = codes->status, .provider = provider,
        .diagnostic = recipient->diagnostic.len > 0 ? recipient->diagnostic : recipient->text_diagnostic,
        .command = codes->command,
        .where = recipient->where.len > 0 ? recipient->where : CAROM_STR("diagnostic"),
        .text = other_words(making, recipient), .guess = making->report->guess, .machine = making->report->machine};

    if (!has_words(recipient) && judge_exit_status(making, recipient, &verdict) &&
        verdict.reason != CAROM_REASON_MAILER_ERROR)
        return verdict;
    verdict = carom_rules_judge(making->arena, &what, making->judging);
    /* A guess by the status says less than the exit status does. */
    if (verdict.confidence == CAROM_CONFIDENCE_LOW || is_sendmails(&verdict))
        judge_exit_status(making, recipient, &verdict);
    return verdict;
}

/* Nothing said why: the evidence is then what said that it failed. */
static void name_evidence(struct making *making, const struct carom_report_recipient *recipient,
                          struct carom_fact *fact)
{
    struct carom_arena *arena = making->arena;

    if (fact->evidence.rule.len > 0)
        return;
    fact->evidence.text = carom_str_head(recipient->diagnostic, 200);
    fact->evidence.where = recipient->where;
    if (fact->reply_code != 0)
        fact->evidence.rule = carom_arena_printf(arena, "code:%d", fact->reply_code);
    else if (fact->status.len > 0)
        fact->evidence.rule = carom_arena_printf(arena, "status:" CAROM_STR_FMT, CAROM_STR_ARG(fact->status));
    else if (recipient->action.len > 0)
        fact->evidence.rule = carom_arena_printf(arena, "action:" CAROM_STR_FMT, CAROM_STR_ARG(recipient->action));
    else
        fact->evidence.rule = carom_arena_printf(arena, "format:" CAROM_STR_FMT, CAROM_STR_ARG(fact->format));
}

/* ---- Recipient ---- */

static struct carom_str address_of(struct making *making, struct carom_str text)
{
    struct carom_str address = carom_address_first(making->arena, text);

    return address.len > 0 ? address : carom_address_find(making->arena, text);
}

/* Mostly that very address stands in To of the returned message, and was not decoded: no trace leads elsewhere. */
static bool was_written_to(const struct carom_original *original, struct carom_str address)
{
    return carom_str_eq(original->to, address) &&
           (uintptr_t)original->to.ptr - (uintptr_t)original->headers.ptr < original->headers.len;
}

/* The one that we signed for (the message had no other), else Original-Recipient, else what the sender wrote into its
   own mail, else the forwarding trace, else Final-Recipient. Where several failed the last two but one may be of any of
   them, and so are of none. */
static void find_recipient(struct making *making, const struct carom_report_recipient *recipient,
                           struct carom_fact *fact)
{
    struct carom_str final = address_of(making, recipient->final);

    fact->recipient = making->proof->recipient;
    if (fact->recipient.len == 0)
        fact->recipient = address_of(making, recipient->original);
    if (fact->recipient.len == 0 && making->report->n <= 1)
        fact->recipient = carom_path_recipient(making->arena, making->path, making->report);
    if (fact->recipient.len == 0 && final.len > 0 && making->report->n == 1 && !was_written_to(&fact->original, final))
        fact->recipient = carom_trace_recipient(making->arena, &making->report->returned_headers, final,
                                                fact->envelope_to, making->report->reporting_mta);
    if (fact->recipient.len == 0)
        fact->recipient = final;
    else if (final.len > 0 && !carom_address_same(making->arena, final, fact->recipient))
        fact->final_recipient = final;
}

/* Collectors of complaints hide the address: "redacted@…", "x*****@…". */
static bool is_masked(struct carom_str address)
{
    static const char *const masks[] = {"redacted", "removed", "*", "xxx", "undisclosed", "[", "anonym", "hidden"};

    for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) {
        if (carom_str_ifind(address, carom_str(masks[i])) != SIZE_MAX)
            return true;
    }
    return address.len == 0;
}

/* The one that we signed for, else the provider's own field, else what the sender wrote into its own mail, else the To
   of the returned message where that is one address. */
static struct carom_str complaint_recipient(struct making *making)
{
    struct carom_str recipient = address_of(making, making->report->feedback_recipient), to, second;

    if (making->proof->recipient.len > 0)
        return making->proof->recipient;
    if (is_masked(recipient))
        recipient = carom_path_recipient(making->arena, making->path, making->report);
    if (!is_masked(recipient))
        return recipient;
    to = carom_headers_get(&making->report->returned_headers, "To");
    if (carom_headers_nth(&making->report->returned_headers, "To", 1).len > 0 ||
        !carom_address_next(making->arena, &to, &recipient, NULL) ||
        carom_address_next(making->arena, &to, &second, NULL) || is_masked(recipient))
        return CAROM_STR_EMPTY;
    return recipient;
}

/* ---- Time ---- */

/* The date behind the last ';' of a Received field. */
static int64_t received_date(struct carom_arena *arena, struct carom_str received)
{
    size_t at = carom_str_rchr(received, ';');

    return at == SIZE_MAX ? 0 : carom_date_parse(carom_header_text(arena, carom_str_from(received, at + 1)));
}

/* "From sender Mon Jan  2 15:04:05 2006" */
static int64_t from_line_date(struct carom_str line)
{
    struct carom_str word;

    if (!carom_str_word(&line, &word) || !carom_str_word(&line, &word))
        return 0;
    return carom_date_parse(carom_str_trim(line));
}

static int64_t header_date(struct making *making, const char *name)
{
    return carom_date_parse(carom_header_text(making->arena, carom_headers_get(&making->message->root->headers, name)));
}

static int64_t find_received(struct making *making, const struct carom_envelope *envelope, int64_t now)
{
    int64_t received = envelope->received;

    if (received == 0)
        received = received_date(making->arena, carom_headers_get(&making->message->root->headers, "Received"));
    if (received == 0 && making->message->from_line.len > 0)
        received = from_line_date(making->message->from_line);
    if (received == 0)
        received = header_date(making, "Date");
    if (received == 0)
        received = envelope->file_time;
    return received == 0 || (now > 0 && received > now) ? now : received;
}

static int64_t find_time(struct making *making, const struct carom_report_recipient *recipient)
{
    int64_t time = recipient ? recipient->last_attempt : 0;

    if (time == 0)
        time = carom_date_parse(making->report->arrival_date);
    if (time == 0 && making->message)
        time = header_date(making, "Date");
    return time == 0 || time > making->common->received ? making->common->received : time;
}

/* ---- What all facts of a message share ---- */

static struct carom_str address_or_text(struct making *making, struct carom_str value)
{
    struct carom_str text = carom_header_text(making->arena, value);
    struct carom_str address = carom_address_first(making->arena, text);

    return address.len > 0 ? address : text;
}

static void describe_original(struct making *making)
{
    const struct carom_headers *headers = &making->report->returned_headers;
    struct carom_original *original = &making->common->original;

    if (headers->n == 0)
        return;
    original->message_id = carom_header_token(making->arena, carom_headers_get(headers, "Message-ID"));
    original->subject = carom_headers_text(making->arena, headers, "Subject");
    original->from = address_or_text(making, carom_headers_get(headers, "From"));
    original->to = address_or_text(making, carom_headers_get(headers, "To"));
    original->date = carom_headers_text(making->arena, headers, "Date");
    original->list_id = carom_headers_text(making->arena, headers, "List-Id");
    original->headers = headers->block;
    original->complete = making->report->returned_complete;
}

/* "Dinner <dinner.example.org>" is dinner.example.org; so is List-Post: <mailto:dinner@example.org>. */
static struct carom_str list_of_headers(struct making *making)
{
    const struct carom_headers *headers = &making->report->returned_headers;
    struct carom_str id = carom_headers_get(headers, "List-Id"), post = carom_headers_get(headers, "List-Post");
    struct carom_str address;
    size_t from = carom_str_rchr(id, '<'), to = carom_str_rchr(id, '>');

    if (from != SIZE_MAX && to != SIZE_MAX && from + 1 < to)
        return carom_str_trim(carom_str_n(id.ptr + from + 1, to - from - 1));
    if (id.len > 0 && carom_str_chr(id, '<') == SIZE_MAX && carom_str_chr(id, ' ') == SIZE_MAX)
        return id;
    from = carom_str_ifind(post, CAROM_STR("mailto:"));
    address = from == SIZE_MAX ? CAROM_STR_EMPTY
                               : carom_address_find(making->arena, carom_str_from(post, from + strlen("mailto:")));
    if (address.len == 0)
        return CAROM_STR_EMPTY;
    return carom_arena_join(making->arena, carom_address_local(address), '.', carom_address_domain(address));
}

/* Our own token, else the caller, else a return path that only list managers write, else the returned header, else any other return path. */
static void find_list(struct making *making, const struct carom_envelope *envelope)
{
    const struct carom_return_path *path = &making->path->says;
    struct carom_fact *common = making->common;
    struct carom_str header;

    if (making->proof->list.len > 0) {
        common->list = making->proof->list;
        common->list_by = CAROM_STR("token");
        return;
    }
    if (envelope->list && *envelope->list) {
        common->list = carom_arena_str(making->arena, carom_str(envelope->list));
        common->list_by = CAROM_STR("caller");
        return;
    }
    common->list = path->list;
    common->list_by = path->list.len > 0 ? CAROM_STR("return_path") : CAROM_STR_EMPTY;
    if (path->list.len > 0 && path->sure)
        return;
    header = list_of_headers(making);
    if (header.len > 0) {
        common->list = header;
        common->list_by = CAROM_STR("header");
    }
}

/* All addresses that the report says it is about: for one of them we may have signed. */
static void find_proof(struct making *making, struct carom_proof *proof_r)
{
    const struct carom_headers *returned = &making->report->returned_headers;
    struct carom_str claims[CLAIMS_MAX];
    size_t n = 0;

    if (!making->trust)
        return;
    claims[n++] = address_of(making, making->report->feedback_recipient);
    claims[n++] = carom_path_recipient(making->arena, making->path, making->report);
    claims[n++] = carom_address_first(making->arena, carom_headers_get(returned, "X-Original-To"));
    claims[n++] = carom_address_first(making->arena, carom_headers_get(returned, "Delivered-To"));
    claims[n++] = carom_address_first(making->arena, carom_headers_get(returned, "To"));
    claims[n++] = making->common->from;
    for (const struct carom_report_recipient *r = making->report->recipients; r && n + 2 <= CLAIMS_MAX; r = r->next) {
        claims[n++] = address_of(making, r->original);
        claims[n++] = address_of(making, r->final);
    }
    *proof_r = carom_proof_find(making->arena, making->trust, &making->message->root->headers, making->report,
                                making->path, claims, n, making->common->received);
    making->proof = proof_r;
    making->common->token = making->proof->token;
    making->common->token_time = making->proof->token_time;
}

static void describe_message(struct making *making, const struct carom_envelope *envelope, int64_t now,
                             struct carom_proof *proof_r)
{
    const struct carom_headers *headers = &making->message->root->headers;
    struct carom_fact *common = making->common;

    common->source = carom_arena_str(making->arena, carom_str(envelope->source));
    common->index = envelope->index;
    common->reporting_mta = making->report->reporting_mta;
    common->format = making->report->format;
    common->authenticity = CAROM_AUTHENTICITY_UNPROVEN;
    common->received = find_received(making, envelope, now);
    common->truncated = making->message->truncated || making->report->truncated;
    common->autoreply = making->report->autoreply;
    common->feedback = making->report->feedback;
    common->message_id = carom_header_token(making->arena, carom_headers_get(headers, "Message-ID"));
    making->origin = carom_identity_message(making->arena, making->message, common->message_id);
    common->subject = carom_headers_text(making->arena, headers, "Subject");
    common->from = address_or_text(making, carom_headers_get(headers, "From"));
    common->to = address_or_text(making, carom_headers_get(headers, "To"));
    describe_original(making);
    carom_path_find(making->arena, headers, making->report, envelope->recipient,
                    making->trust ? making->trust->return_paths : NULL, making->path);
    common->envelope_to = making->path->to;
    find_proof(making, proof_r);
    if (making->proof->probe)
        common->mail_type = CAROM_STR("probe");
    else if (making->path->says.sure && !carom_str_eq(making->path->says.type, CAROM_STR("bounce")))
        common->mail_type = making->path->says.type;
    find_list(making, envelope);
    common->delivery = making->proof->delivery.len ? making->proof->delivery
                                                  : carom_path_delivery(making->arena, making->path, making->report);
}

/* ---- One fact ---- */

static void begin(const struct making *making, struct carom_fact *fact)
{
    if (fact != making->common)
        *fact = *making->common;
}

static void finish(struct making *making, struct carom_fact *fact)
{
    fact->fault = carom_reason_fault(fact->reason);
    fact->hard = carom_fact_is_hard(fact);
    if (fact->delivery.len == 0 && fact->original.message_id.len > 0 && fact->recipient.len > 0)
        fact->delivery = carom_arena_join(making->arena, fact->original.message_id, ' ', fact->recipient);
    if (fact->delivery.len == 0 && fact->token_time != 0)
        fact->delivery = fact->token;
    if (making->trust && fact->authenticity != CAROM_AUTHENTICITY_DIRECT)
        fact->authenticity = carom_proof_tier(making->arena, making->trust, making->proof, fact);
    fact->id = carom_identity_fact(making->arena, making->origin, fact);
}

static void explain(struct making *making, const struct carom_report_recipient *recipient, const struct codes *codes,
                    struct carom_fact *fact)
{
    const struct carom_rules_watch *watch = making->judging ? making->judging->watch : NULL;

    if (watch) /* here and not in judging: an exit status may leave no rule to ask */
        watch->next(watch->user);
    struct carom_verdict verdict = judge(making, recipient, codes, fact->provider);

    /* Words that it was given up outrank Action: delayed; but no warning becomes a permanent failure by its words. */
    if (fact->kind != CAROM_KIND_DELAYED || verdict.kind == CAROM_KIND_TRANSIENT)
        fact->kind = failure_kind(recipient, codes, &verdict);
    fact->reason = verdict.reason;
    fact->confidence = verdict.confidence;
    fact->evidence.rule = verdict.rule;
    fact->evidence.text = verdict.text;
    fact->evidence.where = verdict.where;
    name_evidence(making, recipient, fact);
}

static void make_delivery(struct making *making, const struct carom_report_recipient *recipient,
                          struct carom_fact *fact)
{
    struct codes codes = read_codes(recipient);
    bool settled;

    begin(making, fact);
    find_recipient(making, recipient, fact);
    fact->reply_code = codes.code;
    fact->status = codes.status;
    fact->diagnostic = recipient->diagnostic.len > 0 ? recipient->diagnostic : recipient->text_diagnostic;
    fact->command = codes.command;
    fact->action = recipient->action;
    fact->remote_mta = recipient->remote_mta;
    fact->remote_ip = recipient->remote_ip;
    fact->provider = carom_provider_find(recipient->remote_mta, carom_address_domain(
                        fact->final_recipient.len > 0 ? fact->final_recipient : fact->recipient));
    fact->time = find_time(making, recipient);
    fact->retry_until = recipient->retry_until;
    fact->confidence = making->report->guess     ? CAROM_CONFIDENCE_LOW
                      : making->report->machine ? CAROM_CONFIDENCE_HIGH
                                                : CAROM_CONFIDENCE_MEDIUM;
    settled = kind_is_settled(recipient, &fact->kind);
    if (!settled && codes.code >= 200 && codes.code < 300 && recipient->action.len == 0)
        settled = true, fact->kind = CAROM_KIND_DELIVERED;
    if (!settled || fact->kind == CAROM_KIND_DELAYED)
        explain(making, recipient, &codes, fact);
    finish(making, fact);
}

static enum carom_kind kind_of_report(const struct carom_report *report)
{
    switch (report->type) {
    case CAROM_REPORT_FEEDBACK: return report->not_complaint ? CAROM_KIND_OTHER : CAROM_KIND_COMPLAINT;
    case CAROM_REPORT_UNSUBSCRIBE: return CAROM_KIND_UNSUBSCRIBE;
    case CAROM_REPORT_AUTOREPLY: return CAROM_KIND_AUTOREPLY;
    case CAROM_REPORT_CHALLENGE: return CAROM_KIND_CHALLENGE;
    case CAROM_REPORT_RECEIPT: return CAROM_KIND_RECEIPT;
    default: return CAROM_KIND_OTHER;
    }
}

/* Who answers from another address than the one we know is the one that we wrote to. */
static struct carom_str writer(struct making *making)
{
    const struct carom_return_path *path = &making->path->says;

    if (making->proof->recipient.len > 0)
        return making->proof->recipient;
    if (path->sure && path->recipient.len > 0)
        return path->recipient;
    return carom_address_first(making->arena, making->common->from);
}

/* A message that reports no delivery: one fact, about the message. */
static void make_notice(struct making *making, struct carom_fact *fact)
{
    const struct carom_report_recipient *first = making->report->recipients;

    begin(making, fact);
    fact->kind = kind_of_report(making->report);
    if (fact->kind == CAROM_KIND_COMPLAINT)
        fact->recipient = complaint_recipient(making);
    else if (fact->kind == CAROM_KIND_RECEIPT && first)
        find_recipient(making, first, fact);
    else if (fact->kind != CAROM_KIND_OTHER)
        fact->recipient = writer(making);
    fact->provider = carom_provider_find(CAROM_STR_EMPTY, carom_address_domain(fact->recipient));
    if (fact->kind != CAROM_KIND_OTHER)
        fact->confidence = making->report->machine ? CAROM_CONFIDENCE_HIGH : CAROM_CONFIDENCE_MEDIUM;
    fact->time = find_time(making, NULL);
    finish(making, fact);
}

static const struct carom_proof no_proof = {.token = CAROM_STR_INIT(""), .recipient = CAROM_STR_INIT(""),
                                            .list = CAROM_STR_INIT(""), .delivery = CAROM_STR_INIT("")};

static const struct carom_report_recipient nobody = {
    .original = CAROM_STR_INIT(""), .final = CAROM_STR_INIT(""), .action = CAROM_STR_INIT(""), .status = CAROM_STR_INIT(""),
    .diagnostic = CAROM_STR_INIT(""), .diagnostic_type = CAROM_STR_INIT(""), .text_diagnostic = CAROM_STR_INIT(""),
    .remote_mta = CAROM_STR_INIT(""), .remote_ip = CAROM_STR_INIT(""), .command = CAROM_STR_INIT(""),
    .where = CAROM_STR_INIT("")};

struct carom_report_recipient carom_report_nobody(void) { return nobody; }

/* ---- The ways in ---- */

struct carom_fact_list carom_facts_make(struct carom_arena *arena, const struct carom_message *message,
                                        const struct carom_report *report, const struct carom_envelope *envelope,
                                        struct carom_trust *trust, const struct carom_judging *judging, int64_t now)
{
    static const struct carom_envelope nothing;
    size_t n = report->type == CAROM_REPORT_DELIVERY && report->n > 0 ? report->n : 1;
    struct carom_fact_list facts = {carom_arena_raw(arena, carom_arena_product(sizeof *facts.list, n)), 0, message, report};
    struct carom_path path;
    struct carom_proof proof;
    struct making making = {.arena = arena, .message = message, .report = report, .judging = judging,
                            .common = &facts.list[n - 1], .path = &path, .trust = trust, .proof = &no_proof};

    *making.common = carom_fact_blank;
    describe_message(&making, envelope ? envelope : &nothing, now, &proof);
    if (report->type != CAROM_REPORT_DELIVERY) {
        make_notice(&making, &facts.list[facts.n++]);
        return facts;
    }
    for (const struct carom_report_recipient *r = report->recipients; r && facts.n < report->n; r = r->next)
        make_delivery(&making, r, &facts.list[facts.n++]);
    if (facts.n == 0) /* a failure of nobody knows whom */
        make_delivery(&making, &nobody, &facts.list[facts.n++]);
    return facts;
}

struct carom_fact_list carom_facts_alone(struct carom_arena *arena, const struct carom_report_recipient *one,
                                         const struct carom_fact *common, struct carom_str origin,
                                         const struct carom_judging *judging)
{
    struct carom_report *report = carom_arena_new_of(arena, struct carom_report);
    struct carom_report_recipient *copy = carom_arena_new_of(arena, struct carom_report_recipient);
    struct carom_fact_list facts = {carom_arena_new_of(arena, struct carom_fact), 1, NULL, report};
    struct carom_path path;
    struct making making = {.arena = arena, .report = report, .judging = judging, .common = facts.list,
                            .origin = origin, .path = &path, .proof = &no_proof};

    carom_path_clear(&path);
    facts.list[0] = *common;
    *copy = *one;
    *report = (struct carom_report){.type = CAROM_REPORT_DELIVERY, .format = common->format, .machine = true,
                                    .recipients = copy, .n = 1, .reporting_mta = CAROM_STR_EMPTY,
                                    .arrival_date = CAROM_STR_EMPTY, .text = CAROM_STR_EMPTY};
    make_delivery(&making, copy, &facts.list[0]);
    return facts;
}

/* What tells a reply from its copy: the sender's delivery and the time that it states, so
   that a second 450 is news and the same one fed again is not. */
static struct carom_str origin_of_reply(struct carom_arena *arena, const struct carom_reply_input *input)
{
    struct carom_str reply = carom_str_trim(carom_str(input->reply));

    if (!carom_str(input->delivery).len && !input->time)
        return carom_arena_str(arena, reply);
    return carom_arena_printf(arena, "%s\n%lld\n" CAROM_STR_FMT, input->delivery ? input->delivery : "",
                              (long long)input->time, CAROM_STR_ARG(reply));
}

static struct carom_report_recipient recipient_of_reply(struct carom_arena *arena, const struct carom_reply_input *input)
{
    struct carom_report_recipient one = carom_report_nobody();

    one.final = carom_arena_str(arena, carom_str(input->recipient));
    one.diagnostic = carom_arena_str(arena, carom_str_trim(carom_str(input->reply)));
    one.command = carom_arena_str(arena, carom_str(input->command));
    one.remote_mta = carom_arena_str(arena, carom_str(input->remote_mta));
    one.where = CAROM_STR("reply");
    one.last_attempt = input->time;
    return one;
}

/* "450-busy", "450 try later": line ends are for the reader of codes, the fact states one line. */
static struct carom_str unfold(struct carom_arena *arena, struct carom_str text)
{
    char *out = carom_arena_alloc(arena, text.len + 1);
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        bool end = text.ptr[i] == '\r' || text.ptr[i] == '\n';
        if (!end || (n > 0 && out[n - 1] != ' '))
            out[n++] = end ? ' ' : text.ptr[i];
    }
    return carom_str_n(out, n);
}

struct carom_fact_list carom_facts_reply(struct carom_arena *arena, const struct carom_reply_input *input,
                                         const struct carom_judging *judging, int64_t now)
{
    struct carom_report_recipient one = recipient_of_reply(arena, input);
    struct carom_fact common = carom_fact_blank;
    struct carom_fact_list facts;

    common.format = CAROM_STR("smtp-reply");
    common.authenticity = CAROM_AUTHENTICITY_DIRECT;
    common.received = now;
    common.delivery = carom_arena_str(arena, carom_str(input->delivery));
    common.list = carom_arena_str(arena, carom_str(input->list));
    common.list_by = common.list.len ? CAROM_STR("caller") : CAROM_STR_EMPTY;
    facts = carom_facts_alone(arena, &one, &common, origin_of_reply(arena, input), judging);
    facts.list[0].diagnostic = unfold(arena, facts.list[0].diagnostic);
    return facts;
}

struct carom_fact_list carom_facts_read(struct carom_arena *arena, struct carom_str bytes,
                                        const struct carom_envelope *envelope, struct carom_trust *trust,
                                        const struct carom_judging *judging, int64_t now)
{
    const struct carom_message *message = carom_message_parse(arena, bytes);

    return carom_facts_make(arena, message, carom_report_read(arena, message, envelope ? envelope->sender : NULL),
                            envelope, trust, judging, now);
}
