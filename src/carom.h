/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* libcarom: reads bounces, complaints, auto-replies and SMTP replies, says what happened to whom and whose fault it
   was, keeps a ledger per address, and lets an operator's Lua policy decide.

   Threads: no global state. An engine, and everything that came from it, belongs to one thread at a time; two
   engines in two threads share nothing but the ledger file.
   Memory: calls that can fail for want of memory return -1 or NULL with CAROM_ERROR_MEMORY; nothing is leaked and the
   engine stays usable. Bad mail is never an error: a reader returns what it found.
   Texts are struct carom_str: pointer and length, UTF-8, borrowed from the result that they stand in. Not known is
   len 0; ptr is then still a valid pointer, never NULL. They are not NUL-terminated: print with CAROM_STR_ARG. */

#ifndef CAROM_H
#define CAROM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define CAROM_API __attribute__((visibility("default")))
#else
#define CAROM_API
#endif

struct carom_str {
    const char *ptr;
    size_t len;
};
#define CAROM_STR_FMT "%.*s"
#define CAROM_STR_ARG(s) (int)(s).len, (s).ptr

enum carom_error_code {
    CAROM_ERROR_NONE,
    CAROM_ERROR_MEMORY,
    CAROM_ERROR_IO,     /* a file, the ledger, the network */
    CAROM_ERROR_BUSY,   /* somebody else holds the ledger; try again */
    CAROM_ERROR_LIMIT,  /* larger or deeper than allowed */
    CAROM_ERROR_CONFIG, /* the policy or an option is wrong; the text says where */
    CAROM_ERROR_SCRIPT, /* a hook failed; the text says file, line and hook */
    CAROM_ERROR_USAGE,  /* the caller's arguments */
};

/* What, where, why, what to do: one line of UTF-8 without a line end. Callers may pass NULL for any err. */
struct carom_error {
    enum carom_error_code code;
    char text[512];
};

/* Where log lines go: what a policy says by carom.log, and what went wrong on the way. One line of printable UTF-8. */
enum carom_log_level { CAROM_LOG_DEBUG, CAROM_LOG_INFO, CAROM_LOG_WARNING, CAROM_LOG_ERROR };
struct carom_log {
    void (*write)(void *user, enum carom_log_level level, struct carom_str line);
    void *user;
};

/* ---- Facts: see FACT in carom-fact(5). One list makes the enum, the words and the tables. ---- */

#define CAROM_KINDS(X) \
    X(PERMANENT, permanent) X(TRANSIENT, transient) X(DELAYED, delayed) X(DELIVERED, delivered) \
    X(COMPLAINT, complaint) X(UNSUBSCRIBE, unsubscribe) X(AUTOREPLY, autoreply) X(CHALLENGE, challenge) \
    X(RECEIPT, receipt) X(OTHER, other)

#define CAROM_FAULTS(X) \
    X(RECIPIENT, recipient) X(DOMAIN, domain) X(TRANSPORT, transport) X(SYSTEM, system) X(RATE, rate) \
    X(CONTENT, content) X(SENDER, sender) X(UNKNOWN, unknown)

/* Name, word, fault. */
#define CAROM_REASONS(X) \
    X(USER_UNKNOWN, user_unknown, RECIPIENT) X(USER_DISABLED, user_disabled, RECIPIENT) \
    X(USER_MOVED, user_moved, RECIPIENT) X(MAILBOX_FULL, mailbox_full, RECIPIENT) X(FILTERED, filtered, RECIPIENT) \
    X(HOST_UNKNOWN, host_unknown, DOMAIN) X(NOT_ACCEPTING, not_accepting, DOMAIN) \
    X(NETWORK_ERROR, network_error, TRANSPORT) X(EXPIRED, expired, TRANSPORT) X(MAIL_LOOP, mail_loop, TRANSPORT) \
    X(SYSTEM_FULL, system_full, SYSTEM) X(SYSTEM_ERROR, system_error, SYSTEM) \
    X(MAILER_ERROR, mailer_error, SYSTEM) X(SYNTAX_ERROR, syntax_error, SYSTEM) \
    X(RATE_LIMITED, rate_limited, RATE) X(TOO_MANY_CONNECTIONS, too_many_connections, RATE) \
    X(GREYLISTED, greylisted, RATE) \
    X(MESSAGE_TOO_LARGE, message_too_large, CONTENT) X(CONTENT_REJECTED, content_rejected, CONTENT) \
    X(SPAM_DETECTED, spam_detected, CONTENT) X(VIRUS_DETECTED, virus_detected, CONTENT) \
    X(NOT_COMPLIANT, not_compliant, CONTENT) \
    X(BLOCKED, blocked, SENDER) X(BAD_REPUTATION, bad_reputation, SENDER) X(AUTH_FAILURE, auth_failure, SENDER) \
    X(PTR_REQUIRED, ptr_required, SENDER) X(TLS_REQUIRED, tls_required, SENDER) \
    X(SENDER_REJECTED, sender_rejected, SENDER) X(RELAY_DENIED, relay_denied, SENDER) \
    X(POLICY_VIOLATION, policy_violation, SENDER) X(SECURITY_ERROR, security_error, SENDER) \
    X(SUPPRESSED, suppressed, SENDER) \
    X(UNKNOWN, unknown, UNKNOWN)

#define CAROM_CONFIDENCES(X) X(LOW, low) X(MEDIUM, medium) X(HIGH, high)

/* Weakest first, so that a gate is a comparison. */
#define CAROM_AUTHENTICITIES(X) \
    X(UNPROVEN, unproven) X(ALIGNED, aligned) X(MATCHED, matched) X(SIGNED, signed) X(DIRECT, direct)

#define CAROM_ENUM_KIND(name, word) CAROM_KIND_##name,
#define CAROM_ENUM_FAULT(name, word) CAROM_FAULT_##name,
#define CAROM_ENUM_REASON(name, word, fault) CAROM_REASON_##name,
#define CAROM_ENUM_CONFIDENCE(name, word) CAROM_CONFIDENCE_##name,
#define CAROM_ENUM_AUTHENTICITY(name, word) CAROM_AUTHENTICITY_##name,

enum carom_kind { CAROM_KINDS(CAROM_ENUM_KIND) CAROM_KIND_COUNT };
enum carom_fault { CAROM_FAULT_NONE, CAROM_FAULTS(CAROM_ENUM_FAULT) CAROM_FAULT_COUNT };
enum carom_reason { CAROM_REASON_NONE, CAROM_REASONS(CAROM_ENUM_REASON) CAROM_REASON_COUNT };
enum carom_confidence { CAROM_CONFIDENCE_NONE, CAROM_CONFIDENCES(CAROM_ENUM_CONFIDENCE) CAROM_CONFIDENCE_COUNT };
enum carom_authenticity { CAROM_AUTHENTICITIES(CAROM_ENUM_AUTHENTICITY) CAROM_AUTHENTICITY_COUNT };

/* The word of a value, as in JSON and Lua; NULL for …_NONE. Static. */
CAROM_API const char *carom_kind_name(enum carom_kind kind);
CAROM_API const char *carom_fault_name(enum carom_fault fault);
CAROM_API const char *carom_reason_name(enum carom_reason reason);
CAROM_API const char *carom_confidence_name(enum carom_confidence confidence);
CAROM_API const char *carom_authenticity_name(enum carom_authenticity authenticity);
CAROM_API enum carom_fault carom_reason_fault(enum carom_reason reason);

struct carom_autoreply {
    struct carom_str type; /* vacation, left, moved, ticket */
    int64_t until;         /* seconds since 1970, 0 not stated */
    struct carom_str new_address;
};

struct carom_feedback {
    struct carom_str type, source_ip, user_agent, auth_failure, reported_domain, original_mail_from, arrival_date;
};

struct carom_original {
    struct carom_str message_id, subject, from, to, date, list_id;
    struct carom_str headers; /* the whole header block as it came back, undecoded */
    bool complete;            /* the whole message came back, not only headers */
};

/* One recipient's fate. Read-only; new members are added at the end. */
struct carom_fact {
    struct carom_str source;
    uint64_t index; /* the message's number in an mbox, from 1; 0 elsewhere */
    struct carom_str id;
    enum carom_kind kind;
    enum carom_reason reason;
    enum carom_fault fault;
    bool hard;
    struct carom_str envelope_to, token;
    struct carom_str recipient;
    struct carom_str list, list_by;
    struct carom_str delivery;
    struct carom_str final_recipient;
    int reply_code; /* 0 not stated */
    struct carom_str status;
    struct carom_str diagnostic, command, action;
    struct carom_str reporting_mta, remote_mta, remote_ip;
    struct carom_str provider, format;
    enum carom_confidence confidence;
    struct {
        struct carom_str rule, text, where;
    } evidence;
    enum carom_authenticity authenticity;
    int64_t time, received, retry_until; /* seconds since 1970; 0 not known */
    bool truncated;
    struct carom_autoreply autoreply;
    struct carom_feedback feedback;
    struct carom_original original;
    struct carom_str message_id, subject, from, to;
    struct carom_str mail_type; /* probe, confirm, notice: what came back is no ordinary list mail */
    int64_t token_time; /* the day on which we signed token, seconds since 1970; 0: none, or it is not valid */
};

/* ---- Reading without policy, ledger or network ---- */

/* What the caller knows beside the bytes. Zero-initialise; every member may be empty. */
struct carom_envelope {
    const char *sender;    /* of the bounce; "", "<>" and MAILER-DAEMON are the null sender; NULL not known */
    const char *recipient; /* the address that the bounce was sent to */
    const char *source;    /* file name, "-", queue id */
    uint64_t index;
    const char *list; /* the caller knows the list: list_by "caller" */
    int64_t received;  /* when we received it, seconds since 1970; 0: from the message's own trace */
    int64_t file_time; /* of the file it stood in: received when the message states no time; 0 not known */
};

struct carom_facts; /* the facts of one message, and the memory they stand in */

/* Reads one message (RFC 5322 bytes; LF, CRLF, CR; a leading From_ line is skipped). bytes need only live during
   the call. 0 and *facts_r, which the caller frees with carom_facts_free; -1 for want of memory. */
CAROM_API int carom_parse(const void *bytes, size_t size, const struct carom_envelope *envelope,
                          struct carom_facts **facts_r, struct carom_error *err);

/* What a sender heard from the other side. Zero-initialise; every member but reply may be NULL, "" or 0. */
struct carom_reply_input {
    const char *recipient;  /* an address, or "Name <address>"; with anything else around it it is refused */
    const char *reply;      /* "450 4.2.1 …", of several lines too: "450-…\n450 …"; or the words of a lost connection */
    const char *delivery;   /* the sender's own id of this message and recipient */
    const char *list;       /* a List-Id */
    const char *command;    /* that it answered: CONN, EHLO, MAIL, RCPT, DATA, BDAT */
    const char *remote_mta; /* name of the host that said it */
    int64_t time;           /* when, seconds since 1970 */
};

/* Classifies one SMTP reply, such as "550 5.1.1 <a@example.org>: User unknown" (RFC 5321 4.2). recipient and
   remote_mta may be NULL. One fact, format "smtp-reply", authenticity direct. CAROM_ERROR_USAGE: no final answer (354), or
   nothing that a cause could be seen in (an empty reply; words that no rule knows, without a code). */
CAROM_API int carom_classify_reply(const char *reply, const char *recipient, const char *remote_mta,
                                   struct carom_facts **facts_r, struct carom_error *err);

CAROM_API size_t carom_facts_count(const struct carom_facts *facts); /* at least 1 */
CAROM_API const struct carom_fact *carom_facts_get(const struct carom_facts *facts, size_t i); /* borrowed */
CAROM_API void carom_facts_free(struct carom_facts *facts);

/* One fact as a line of JSON without line end, NUL-terminated; the caller frees it with free(). NULL: no memory. */
CAROM_API char *carom_fact_json(const struct carom_fact *fact);

/* ---- Deciding: a policy, a ledger, and the outbox that delivers later ---- */

struct carom_engine;
struct carom_result;

struct carom_engine_options {
    const char *policy; /* path of the Lua file; required */
    const char *store;  /* "sqlite:PATH"; NULL: the policy's, else carom.db in the state directory */
    const char *state;  /* the state directory; NULL: CAROM_STATE, /var/lib/carom, the user's XDG state folder */
    bool dry_run;       /* decide against a private overlay in memory; touch nothing. A reply told twice has no
                           actions the second time */
    int64_t now;        /* fixed clock for tests, seconds since 1970; 0: the system's */
    const struct carom_log *log; /* borrowed until the engine is closed; NULL: silent */
};

/* NULL with err when the policy does not load or the ledger cannot be opened. Free with carom_engine_close. */
CAROM_API struct carom_engine *carom_engine_open(const struct carom_engine_options *options, struct carom_error *err);
CAROM_API void carom_engine_close(struct carom_engine *engine);

/* Reads a message, runs the hooks, commits facts, decisions and jobs in one transaction. 0 after the commit: the
   message may be acknowledged. -1: nothing of it is stored. *result_r is the caller's: carom_result_free. */
CAROM_API int carom_engine_message(struct carom_engine *engine, const void *bytes, size_t size,
                                   const struct carom_envelope *envelope, struct carom_result **result_r,
                                   struct carom_error *err);

/* The same for a reply that the sender itself received: authenticity direct. It needs `delivery` or `time`: fed again
   with both unchanged it is a copy and has no effect, its actions are those decided the first time; another reply, or
   another time, for the same delivery runs its hook and replaces the earlier transient one in the counts. A 2xx reply gives kind delivered. One fact, whose actions
   say whether to requeue (retry) or drop. */
CAROM_API int carom_engine_reply(struct carom_engine *engine, const struct carom_reply_input *input,
                                 struct carom_result **result_r, struct carom_error *err);

/* These recipients' servers took the message. For an address without history one look-up and no write; for others a
   delivered fact, which clears soft failures and runs on_delivered. delivery: the message's id, one for all of them,
   or NULL; time: when, 0 now. *recorded_r, if not NULL, how many facts were written. Commits as it goes. -1: err says
   what is wrong with the first recipient that was left out, or with the ledger; call again with the same delivery and
   time, which repeats nothing. */
CAROM_API int carom_delivered(struct carom_engine *engine, const char *const *recipients, size_t n,
                              const char *delivery, int64_t time, size_t *recorded_r, struct carom_error *err);

/* An action that the policy asked for. */
struct carom_action {
    struct carom_str name;    /* unsubscribe, suppress, retry, … */
    struct carom_str state;   /* decided, unmatched (list, recipient or sink missing), refused (confidence), held (see carom held) */
    struct carom_str details; /* its arguments as one JSON object */
    struct carom_str note;    /* why it was not carried out, for people */
};

CAROM_API size_t carom_result_facts(const struct carom_result *result);
CAROM_API const struct carom_fact *carom_result_fact(const struct carom_result *result, size_t fact);
CAROM_API bool carom_result_duplicate(const struct carom_result *result, size_t fact); /* seen before: no effect */
CAROM_API struct carom_str carom_result_hook(const struct carom_result *result, size_t fact); /* empty: none ran */
CAROM_API size_t carom_result_actions(const struct carom_result *result, size_t fact);
CAROM_API const struct carom_action *carom_result_action(const struct carom_result *result, size_t fact, size_t i);
CAROM_API void carom_result_free(struct carom_result *result);

/* Why an address is not to be mailed. */
struct carom_refusal {
    const char *cause;    /* suppressed, left (that list), left_all, erased (and not to be mailed), held; static */
    int64_t since, until; /* seconds since 1970; until 0: for good */
    char reason[128];     /* what was noted with it, such as "permanent user_unknown"; may be empty */
};

/* May this address be mailed; by that list, where list (its List-Id) is given? One look-up, no write. 1 yes; 0 no, and
   *refusal_r (NULL allowed) says why; -1 not known, with err: whoever mails then may mail the wrong one. */
CAROM_API int carom_may_mail(struct carom_engine *engine, const char *address, const char *list,
                             struct carom_refusal *refusal_r, struct carom_error *err);

/* ---- Signed return paths: see carom-verp(1) and `verp` in carom-policy(5) ---- */

/* What a return path, or the header X-Carom-Reference, is signed for. Zero-initialise; recipient or id must be given. */
struct carom_verp_input {
    const char *recipient; /* give it wherever it is known: a forged bounce can then not name another */
    const char *list;      /* a List-Id, or the key of a configured list */
    const char *id;        /* your own id of this message and recipient: the fact's delivery */
    int64_t time;          /* when, seconds since 1970; 0 now */
};
enum { CAROM_VERP_PATH_SIZE = 320, CAROM_VERP_HEADER_SIZE = 1000 };

/* An address whose local part has at most 64 bytes: what does not fit becomes a reference, which the ledger must have
   been taught (carom verp import). 0, or -1: no keys, a secret is missing, recipient is no address. */
CAROM_API int carom_engine_sign(struct carom_engine *engine, const struct carom_verp_input *input,
                                char path_r[CAROM_VERP_PATH_SIZE], struct carom_error *err);
/* The value of a header X-Carom-Reference, which proves the same where only the message comes back. */
CAROM_API int carom_engine_sign_header(struct carom_engine *engine, const struct carom_verp_input *input,
                                       char value_r[CAROM_VERP_HEADER_SIZE], struct carom_error *err);

struct carom_verp_answer {
    char recipient[CAROM_VERP_PATH_SIZE]; /* empty: an id of yours, and nobody told carom whose */
    char list[256], id[256];
    int64_t time;    /* the day on which it was signed */
    const char *why; /* "expired", …: what is wrong with it; static */
};
/* Whether we signed that return path (SRS and the like are taken off) or header value, for that recipient where one is
   given. 1 yes; 0 no, and why; -1: no keys, or the ledger cannot be asked. */
CAROM_API int carom_engine_verify(struct carom_engine *engine, const char *text, const char *recipient,
                                  struct carom_verp_answer *answer_r, struct carom_error *err);

CAROM_API const char *carom_version(void);

#ifdef __cplusplus
}
#endif
#endif
