/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What the files that each know one way out share. All of these raise; texts are kept as long as the policy. */

#ifndef CAROM_POLICY_SINKS_H
#define CAROM_POLICY_SINKS_H

#include "policy/args.h"
#include "policy/host.h"

void carom_sink_check_loading(lua_State *L, const char *what); /* sinks are made at load, never by a hook */
struct carom_sink *carom_sink_new(lua_State *L, enum carom_sink_type type);
struct carom_sink *carom_sink_push(lua_State *L, enum carom_sink_type type); /* the same, as the object on top */

struct carom_str carom_sink_keep(const struct carom_args *args, struct carom_str text);
struct carom_secret carom_sink_secret(const struct carom_args *args, const char *name); /* may be none */
extern const char *const carom_sink_web[2]; /* https://, http:// */
/* `url`, which must be there, begin with one of the schemes and name a host without placeholders. */
struct carom_str carom_sink_url(const struct carom_args *args, const char *const schemes[2]);
void carom_sink_common(const struct carom_args *args, struct carom_sink *sink); /* allow_private, ca */

/* `smtp` of carom.configure, read from its table. */
struct carom_sink *carom_sink_smtp_own(const struct carom_args *args);
/* Makes a carom.smtp the sink of that action: what it leaves open is own's, which may be NULL. */
void carom_sink_smtp_fit(lua_State *L, struct carom_sink *sink, struct carom_str action, const struct carom_sink *own);

#endif
