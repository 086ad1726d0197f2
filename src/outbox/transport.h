/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What the outbox asks of the HTTP module, which alone is linked to libcurl and is loaded on first use. */

#ifndef CAROM_OUTBOX_TRANSPORT_H
#define CAROM_OUTBOX_TRANSPORT_H

#include "base/error.h"

struct carom_request {
    const char *method, *url;
    const char *const *headers; /* "Name: value", NULL-terminated */
    struct carom_str body;
    const char *user, *password; /* basic authentication; NULL none */
    const char *ca;              /* CA file; NULL the system's */
    bool allow_private;
    bool connect_only;           /* nothing is asked: code 200 once connected, over verified TLS where the URL wants it;
                                    of mail the relay's last reply before a message, after a login where one is given */
    const char *rcpt;            /* mail: its one recipient; the URL is smtp: or smtps:, the body a message with CRLF;
                                    method and headers are not used */
    const char *sender;          /* mail: of the envelope; NULL: the null sender */
    void *job;                   /* handed back */
};
struct carom_answer {
    int code;                /* HTTP status, or SMTP reply code of what ended it; 0 none */
    int64_t retry_after_s;   /* -1 not stated */
    struct carom_str body;   /* the first 64 KiB */
    char error[256];         /* why there is no code, for people */
};

struct carom_transport_ops {
    void *(*open)(struct carom_error *err);
    /* Starts a request; its texts are copied. -1: not started, err says why. */
    int (*start)(void *transport, const struct carom_request *request, struct carom_error *err);
    /* Waits at most wait_ms for answers; calls done for each. Returns how many are still under way, -1 on failure. */
    int (*poll)(void *transport, int wait_ms, void (*done)(void *user, void *job, const struct carom_answer *answer),
                void *user, struct carom_error *err);
    void (*close)(void *transport);
};

/* Loads the module. NULL: err names the file that was looked for and how to get it. */
const struct carom_transport_ops *carom_transport_load(struct carom_error *err);
#define CAROM_TRANSPORT_SYMBOL "carom_transport_module"

#endif
