/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* From a job and its sink to one HTTP request, one command or one mail. */

#ifndef CAROM_OUTBOX_RENDER_H
#define CAROM_OUTBOX_RENDER_H

#include "decision/config.h"
#include "decision/template.h"
#include "ledger/job.h"
#include "mail/header.h"
#include "outbox/command.h"
#include "outbox/transport.h"

enum carom_rendered {
    CAROM_RENDERED,      /* the request is ready */
    CAROM_RENDER_WAIT,   /* nothing can go to this sink now: a secret is missing, the sink is misconfigured */
    CAROM_RENDER_DEAD,   /* this job's own values fit no request */
    CAROM_RENDER_FAILED, /* out of memory */
    CAROM_RENDER_NOTHING, /* what was looked up is not there, as a 404 says it */
};

struct carom_render_input {
    const struct carom_config *config;
    const struct carom_sink *sink;
    const struct carom_job *job;
    const struct carom_pair *found;    /* what `first` found; these placeholders come before all others */
    const struct carom_job_mail *mail; /* smtp: what the ledger knows; NULL else */
    int64_t now;                       /* seconds since 1970 */
};

/* The texts live in the arena. err says why not. */
enum carom_rendered carom_render_request(const struct carom_render_input *input, struct carom_arena *arena,
                                         struct carom_request *request_r, struct carom_error *err);
/* The look-up before it, of a sink that has one. */
enum carom_rendered carom_render_first(const struct carom_render_input *input, struct carom_arena *arena,
                                       struct carom_request *request_r, struct carom_error *err);
enum carom_rendered carom_render_command(const struct carom_render_input *input, bool verify, struct carom_arena *arena,
                                         struct carom_command *command_r, struct carom_error *err);
/* A request with a recipient. */
enum carom_rendered carom_render_mail(const struct carom_render_input *input, struct carom_arena *arena,
                                      struct carom_request *request_r, struct carom_error *err);

/* What `first` found: the members that `take` names, out of the answer's JSON. NOTHING: an array is too short, or a member
   is not what `same` says; DEAD: one is not there at all; err names it. */
enum carom_rendered carom_render_take(const struct carom_render_input *input, struct carom_str body,
                                      struct carom_arena *arena, struct carom_pair **found_r, struct carom_error *err);

/* ---- For the files that know one type of sink; they run under the arena's guard ---- */

struct carom_render {
    const struct carom_config *config;
    const struct carom_sink *sink;
    const struct carom_job *job;
    const struct carom_pair *found;
    const struct carom_job_mail *mail;
    struct carom_arena *arena;
    int64_t now;
    void *data;             /* the job's data, parsed */
    struct carom_buf text;  /* the text being made */
    struct carom_buf form;  /* the form, of such texts */
    const char **headers;   /* of the request, NULL-terminated */
    size_t headers_n, headers_max;
    struct carom_str empty; /* the last placeholder that had no value; empty: all had one */
    struct carom_headers returned; /* of the returned message, once a placeholder has asked for one */
    bool asked;
    bool damaged;           /* what a placeholder asks for is kept, but cannot be read: err says so */
    struct carom_error *err;
};

/* Placeholders replaced; NUL-terminated, in the arena. -1: too long, or damaged. Sets `empty`. */
int carom_render_text(struct carom_render *render, struct carom_str text, enum carom_escape escape,
                      struct carom_str *text_r);
/* Adds a header, one of at most eight beside the sink's own. The caller knows that nothing breaks out of it. */
void carom_render_header(struct carom_render *render, struct carom_str name, struct carom_str value);
/* The headers that the sink's configuration names. */
enum carom_rendered carom_render_sink_headers(struct carom_render *render);
/* A secret that goes into a header: one line of text. -1: missing or unfit, err names it, never its content. */
int carom_render_secret(struct carom_render *render, const struct carom_secret *secret, const char *what,
                        struct carom_str *value_r);

enum carom_rendered carom_webhook_render(struct carom_render *render, struct carom_request *request);
enum carom_rendered carom_rest_render(struct carom_render *render, struct carom_request *request);
enum carom_rendered carom_rest_render_first(struct carom_render *render, struct carom_request *request);
enum carom_rendered carom_command_render(struct carom_render *render, bool verify, struct carom_command *command);
enum carom_rendered carom_mail_render(struct carom_render *render, struct carom_request *request);
/* The answer of a look-up: parsed, and what was found in it. */
struct carom_looked_up {
    const void *answer;
    struct carom_pair *found;
};
enum carom_rendered carom_lookup_take(struct carom_render *render, struct carom_looked_up *looked_up);
/* A JSON value as text: empty for objects, arrays and null. */
struct carom_str carom_render_value(struct carom_arena *arena, const void *value);
/* A field of the action or the fact, as text; empty where there is none. */
struct carom_str carom_render_field(struct carom_render *render, const char *name);
/* Makes the scheme and host of a URL sure: one of the two schemes, and no placeholder in the host. */
bool carom_render_url_is_sound(struct carom_render *render, struct carom_str url, const char *plain, const char *safe);

/* "v1," and base64 of HMAC-SHA256 over "id.timestamp.body", NUL-terminated. secret: raw bytes, or "whsec_" and base64
   of them. -1: not base64, or empty. */
enum { CAROM_SIGNATURE_SIZE = 3 + 44 + 1 };
int carom_webhook_sign(struct carom_arena *arena, struct carom_str secret, struct carom_str id, int64_t timestamp,
                       struct carom_str body, char signature_r[CAROM_SIGNATURE_SIZE]);

#endif
