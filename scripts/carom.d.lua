---@meta
-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: the carom authors
--
-- The Lua API of policies, for the Lua language server: completion, and warnings while you write. It is made from
-- src/tables/api.tsv; a policy never loads it.

---@alias carom.kind "permanent"|"transient"|"delayed"|"delivered"|"complaint"|"unsubscribe"|"autoreply"|"challenge"|"receipt"|"other"
---@alias carom.reason
---| "user_unknown" # There is no such mailbox.
---| "user_disabled" # The mailbox exists but its provider has suspended, closed or expired it.
---| "user_moved" # The person has left or has another address.
---| "mailbox_full" # The mailbox is over its quota.
---| "filtered" # The recipient's own filter or settings refused the message.
---| "host_unknown" # The domain does not exist or has no usable DNS record.
---| "not_accepting" # The host takes no mail at all (null MX, 521, 556).
---| "network_error" # The host could not be reached: connection refused, lost, timed out, or DNS failed for now.
---| "expired" # The queue's patience ended and no other cause is stated.
---| "mail_loop" # The message went round in circles (too many hops).
---| "system_full" # The receiving system's disk is full.
---| "system_error" # The receiving system has an internal or configuration error.
---| "mailer_error" # The local delivery command behind the mailbox failed.
---| "syntax_error" # A command or parameter was refused.
---| "rate_limited" # Too much mail in a period.
---| "too_many_connections" # Too many connections, sessions or recipients at once.
---| "greylisted" # A first attempt is refused on purpose.
---| "message_too_large" # The message is larger than allowed.
---| "content_rejected" # The attachment type or content is not allowed.
---| "spam_detected" # The content was taken for spam.
---| "virus_detected" # The content was taken for malware.
---| "not_compliant" # The message violates RFC 5322 or its friends.
---| "blocked" # The sending host is listed or refused at connection.
---| "bad_reputation" # The reputation of the sending domain or address is bad.
---| "auth_failure" # SPF, DKIM or DMARC failed.
---| "ptr_required" # The sending host's reverse DNS or HELO name is missing or wrong.
---| "tls_required" # STARTTLS is required, or failed.
---| "sender_rejected" # The MAIL FROM address or its domain is refused.
---| "relay_denied" # The host does not relay for us: it does not feel responsible for that domain.
---| "policy_violation" # Another policy of that site refused it.
---| "security_error" # SMTP authentication or a permission is missing.
---| "suppressed" # Your own provider refused it from its suppression list.
---| "unknown" # No cause is stated.
---@alias carom.fault "recipient"|"domain"|"transport"|"system"|"rate"|"content"|"sender"|"unknown"
---@alias carom.confidence "low"|"medium"|"high"
---@alias carom.authenticity "unproven"|"aligned"|"matched"|"signed"|"direct"
---A length of time: `"90s"`, `"15m"`, `"4h"`, `"30d"`.
---@alias carom.duration string
---An amount of memory: `"8MiB"`.
---@alias carom.size string
---Seconds since 1970.
---@alias carom.time integer
---A text in which `{address}`, `{list}` and other placeholders are filled in.
---@alias carom.template string
---How much a line of the log matters.
---@alias carom.level "debug"|"info"|"warning"|"error"
---A text, or better `carom.file "/path"` or `carom.env "NAME"`.
---@alias carom.secret string|userdata
---What `carom.webhook`, `carom.http`, `carom.command` and `carom.smtp` make.
---@alias carom.sink userdata
---What is expected to be decided: a name, or a table that begins with one: `{ "retry", after = "4h", limit = 5 }`. See carom-test(1).
---@alias carom.action string|table

---@class carom.fact
---@field source? string Where it came from: file name or `-`; the message's number in an mbox, from 1.
---@field index? integer Where it came from: file name or `-`; the message's number in an mbox, from 1.
---@field id string Stable for the same bounce and recipient; for the same delivery, recipient, text and time of a reply.
---@field kind carom.kind What happened, see KIND.
---@field reason? carom.reason Why, for permanent, transient and delayed; see REASON AND FAULT.
---@field fault? carom.fault Whose fault it usually is.
---@field hard boolean The address itself is believed dead, see HARD.
---@field envelope_to? string The address that the bounce was sent to.
---@field token? string Our own token (see PROOF), from the address that the bounce was sent to or from the returned message, and the day on which it was signed. A token without a token_time is not valid: changed, expired, or for another recipient.
---@field token_time? carom.time Our own token (see PROOF), from the address that the bounce was sent to or from the returned message, and the day on which it was signed. A token without a token_time is not valid: changed, expired, or for another recipient.
---@field recipient? string The address as the sender knew it; the domain in lower case, UTF-8 kept. The one of a valid token, whomever the report names. Else the Original-Recipient of the report, else the address in a return path (see below) or in a field of the sending software that came back, else the one from which a trace of forwarding leads to the address that failed, else that one. Where a report names several recipients, return path and trace are of none of them. Of a complaint: the provider's own field, else the return path, else the To of the returned message where that is one unmasked address.
---@field list? string The list concerned, as a List-Id (name.domain), and how it is known: from our own `token`; from the `caller`; from a `return_path` of a known system; from the `header` List-Id or List-Post of the returned message; or, where none of these tells, from a `recipient`: the bounce was sent to the address of one of the policy's lists, or the returned message was written to it. This is also their order, but that addresses which others use too, such as news-bounces@ and owner-news@, stand behind the header.
---@field list_by "token"|"caller"|"return_path"|"header"|"recipient"|nil The list concerned, as a List-Id (name.domain), and how it is known: from our own `token`; from the `caller`; from a `return_path` of a known system; from the `header` List-Id or List-Post of the returned message; or, where none of these tells, from a `recipient`: the bounce was sent to the address of one of the policy's lists, or the returned message was written to it. This is also their order, but that addresses which others use too, such as news-bounces@ and owner-news@, stand behind the header.
---@field mail_type "probe"|"confirm"|"notice"|nil By the return path: the mail that came back was the `probe` of an address, asked somebody to `confirm` who may be no subscriber at all, or was a `notice` of the list manager; absent for ordinary mail. A policy that counts bounces of subscribers lets these out.
---@field delivery? string What identifies the delivery that failed: a warning and the final failure have the same. The sender's own id of message and recipient where it gave one (with a reply; listmonk, phpList), else the returned Message-ID and the recipient.
---@field final_recipient? string The address that finally failed, where it differs.
---@field reply_code? integer The SMTP code that caused it, only if stated.
---@field status? string The enhanced status code, only if stated; the remote server's own before the report's.
---@field diagnostic? string The remote server's own words, in one line of UTF-8.
---@field command "CONN"|"EHLO"|"MAIL"|"RCPT"|"DATA"|"BDAT"|nil The SMTP command that was answered.
---@field action? string The Action field of the report (RFC 3464).
---@field reporting_mta? string Who reports; who refused.
---@field remote_mta? string Who reports; who refused.
---@field remote_ip? string Who reports; who refused.
---@field provider? string The mailbox provider: `carom codes --providers` prints them.
---@field format? string Which reader understood it: rfc3464, arf, qmail, exim and so on.
---@field confidence? carom.confidence `high`: stated in machine-readable fields or an unmistakable format, in words or codes that mean one thing: of 200 such facts at most one has a wrong kind or a wrong `hard`; `medium`: a known text; `low`: a guess from wording.
---@field authenticity carom.authenticity How sure it is that the bounce is ours: `direct`, `signed`, `matched`, `aligned` or `unproven`. See PROOF.
---@field time? carom.time When it failed, and when we received it (RFC 3339; in Lua seconds since 1970).
---@field received? carom.time When it failed, and when we received it (RFC 3339; in Lua seconds since 1970).
---@field retry_until? carom.time Until when a delayed message is tried.
---@field truncated boolean The message broke off before its end.
---@field evidence carom.evidence An object: the rule that decided, the text that it matched, and where that stood. Never absent for a failure.
---@field autoreply? carom.autoreply An object, for automatic replies.
---@field feedback? carom.feedback An object, for complaints.
---@field original carom.original An object, the returned message.
---@field message_id? string Of the bounce itself.
---@field subject? string Of the bounce itself.
---@field from? string Of the bounce itself.
---@field to? string Of the bounce itself.

---@class carom.evidence
---@field rule? string One that `carom rules` lists, the place of a `carom.rule` (policy.lua:12), or status:5.1.1, code:550, action:failed or format:rfc3464 where no words said more.
---@field text? string The words that it matched.
---@field where? string The field or part in which they stood.

---@class carom.autoreply
---@field type "vacation"|"left"|"moved"|"ticket"|nil What it says of the person.
---@field until? carom.time The end of the absence, where it is stated.
---@field new_address? string The address to write to from now on, where it is stated.

---@class carom.feedback
---@field type? string The Feedback-Type: abuse, fraud, not-spam and so on.
---@field source_ip? string The report's fields of these names (RFC 5965, RFC 6591).
---@field user_agent? string The report's fields of these names (RFC 5965, RFC 6591).
---@field auth_failure? string The report's fields of these names (RFC 5965, RFC 6591).
---@field reported_domain? string The report's fields of these names (RFC 5965, RFC 6591).
---@field original_mail_from? string The report's fields of these names (RFC 5965, RFC 6591).
---@field arrival_date? string The report's fields of these names (RFC 5965, RFC 6591).

---@class carom.original
---@field message_id? string Its fields of these names.
---@field subject? string Its fields of these names.
---@field from? string Its fields of these names.
---@field to? string Its fields of these names.
---@field date? string Its fields of these names.
---@field list_id? string Its fields of these names.
---@field complete boolean Whether the whole message came back, not its header only.
---@field headers? string The whole header block as it came back, undecoded; in Lua only.
local original = {}

---Any header of it, decoded; in Lua only.
---@param name string
---@return string?
function original:header(name) end

---@class carom.bounce: carom.fact
---@field text? string The first text part of the bounce, UTF-8, at most 64 KiB.
---@field history carom.bounce.history What is known of the address.
local bounce = {}

---A header of the bounce; `bounce.original:header` reads those of the returned message.
---@param name string
---@return string?
function bounce:header(name) end

---How many deliveries to this address failed so, the present one included. Warnings, retries and the final failure of one delivery are one. With `days = true` distinct days (UTC) are counted.
---@param filter? carom.filter
---@return integer
function bounce:count(filter) end

---The time of the first and of the last such one, or nil.
---@param filter? carom.filter
---@return carom.time?
function bounce:first(filter) end

---The time of the first and of the last such one, or nil.
---@param filter? carom.filter
---@return carom.time?
function bounce:last(filter) end

---The address leaves the list: the fact's, unless one is named; every configured one with `scope = "all"`. A named list must be a configured one, where lists are configured, or the fact's own: that one is left, and the sinks are told of it, configured or not.
---
---What is kept: who leaves a list is not mailed by that list (`carom check --list`). With `scope = "all"` he left all of them, also those that are configured later: a complaint is about our mail, not about a list. Who left each list one by one, or the only one, is not mailed either where no list is named; but a list that is configured later may mail him. `carom suppressions remove` takes either back.
---@param options? carom.bounce.unsubscribe
function bounce:unsubscribe(options) end

---Not to be mailed, for a time or for good. One that came from a soft failure is lifted by a later delivery, and refused where we heard of that delivery first.
---@param options? carom.bounce.suppress
function bounce:suppress(options) end

---Lifts a suppression.
---@param options? carom.bounce.unsuppress
function bounce:unsuppress(options) end

---When due, the sink `retry` is told: the sending system sends again from its own copy. False once the limit is reached. A permanent failure of the same delivery, or that it arrived, ends what still waits. Where that sink is a `carom.smtp` the returned message itself is submitted again: complete, once per delivery, to the proven recipient, and only for direct or signed facts.
---@param options carom.bounce.retry
---@return boolean
function bounce:retry(options) end

---A probe mail is due, to see whether the address takes mail again. Only a direct or signed fact is probed; another one may be forged, and its probe is recorded as unmatched. To the sink `probe`, else by `smtp`.
---@param options? carom.bounce.probe
function bounce:probe(options) end

---Adds to the address's score, which decays by half-life, and returns it.
---@param points number
---@return number
function bounce:score(points) end

---An extra event to a named endpoint.
---@param endpoint string
---@param event? table
function bounce:webhook(endpoint, event) end

---One of the configured commands, with these arguments behind its own. There is no shell; an argument that begins with `-` is refused.
---@param command string
---@param arguments? (string|number)[]
function bounce:run(command, arguments) end

---The bounce goes on to a person, by `smtp`.
---@param address string
function bounce:forward(address) end

---To the sink `alert`, at most once for each key and period; the next one says how many came since.
---@param options carom.bounce.alert
function bounce:alert(options) end

---Kept at the address, readable in `history.tags`, told to the sink `tag`.
---@param key string
---@param value string|number|boolean
function bounce:tag(key, value) end

---Recorded and never counted; cancels all else.
function bounce:ignore() end

---@class carom.bounce.history
---@field score number The address's score now, with what this hook added.
---@field suppressed boolean Whether it is suppressed, for the fact's list at least.
---@field delivered_at? carom.time When it last took a message, as far as we heard.
---@field tags table<string, string> What `bounce:tag` left.

---@class carom.filter
---@field reason? carom.reason Only facts of that reason, kind, fault or authenticity. Kind `delayed` counts only when it is asked for.
---@field kind? carom.kind Only facts of that reason, kind, fault or authenticity. Kind `delayed` counts only when it is asked for.
---@field fault? carom.fault Only facts of that reason, kind, fault or authenticity. Kind `delayed` counts only when it is asked for.
---@field authenticity? carom.authenticity Only facts of that reason, kind, fault or authenticity. Kind `delayed` counts only when it is asked for.
---@field hard? boolean Only hard ones, or only soft ones.
---@field list? string Only those of mail of that list.
---@field within? carom.duration Only those not longer ago than this.
---@field days? boolean Days instead of deliveries. Default: false.
---@field held? boolean Also what the gate holds. Default: false.

---@class carom.bounce.unsubscribe
---@field list? string The List-Id of the list to leave. Default: the fact's list.
---@field scope? "all" All lists instead of one.
---@field force? boolean Also where the fact's confidence is low. Default: false.
---@field accept? carom.authenticity What is enough for this one action below the gate. Default: the gate.

---@class carom.bounce.suppress
---@field duration? carom.duration For how long. Default: for good.
---@field scope? "list" By the fact's list only.
---@field force? boolean Also where the fact's confidence is low. Default: false.
---@field accept? carom.authenticity What is enough for this one action below the gate. Default: the gate.

---@class carom.bounce.unsuppress
---@field accept? carom.authenticity What is enough for this one action below the gate. Default: the gate.

---@class carom.bounce.retry
---@field after carom.duration When, from the arrival of the bounce on.
---@field limit integer How many retries a delivery gets.
---@field accept? carom.authenticity What is enough for this one action below the gate. Default: the gate.

---@class carom.bounce.probe
---@field accept? carom.authenticity What is enough for this one action below the gate. Default: the gate.

---@class carom.bounce.alert
---@field text carom.template What is said.
---@field key? carom.template What is alerted once in a period. Default: provider and reason.
---@field every? carom.duration The period. Default: "1h".
---@field accept? carom.authenticity What is enough for this one action below the gate. Default: the gate.

---@class carom.message
---@field headers? string The whole header block.
---@field sender? string Of the envelope, where they are known; an empty sender is the null sender.
---@field recipient? string Of the envelope, where they are known; an empty sender is the null sender.
---@field size integer In bytes.
---@field source? string File name, `-` or queue id.
local message = {}

---One header, decoded.
---@param name string
---@return string?
function message:header(name) end

---@class carom.incident
---@field id integer Its number.
---@field provider? string Where, and of what.
---@field reason? carom.reason Where, and of what.
---@field since? carom.time When it began.
---@field count integer How many addresses would have been acted on, and how many it is in the busiest window otherwise.
---@field usual integer How many addresses would have been acted on, and how many it is in the busiest window otherwise.
---@field samples string[] What the servers said.
local incident = {}

---As for a bounce.
---@param options carom.bounce.alert
function incident:alert(options) end

---As for a bounce.
---@param endpoint string
---@param event? table
function incident:webhook(endpoint, event) end

---As for a bounce.
---@param command string
---@param arguments? (string|number)[]
function incident:run(command, arguments) end

---@class carom.job
---@field id integer Its number, as in `carom outbox`.
---@field action? string What it was to do: unsubscribe, alert and so on.
---@field attempts integer How often it was tried.
---@field last_answer? string What was answered last.
---@field fact carom.fact The bounce that it came from, with its fields.

---@class carom.verp
---@field recipient? string Whom the mail goes to. Give it wherever it is known: a forged bounce can then not name another.
---@field list? string A List-Id, or the key of a configured list.
---@field id? string Your own id of message and recipient.

---@class carom.rule
---@field text? string The words, looked for in the remote server's words, then in the text of the report; caseless. `*` is any run of characters, `~` a few words of the same sentence, `|` at an edge a word boundary. `{who}`, alone between these signs, is any word of a class in any language (who, absent, disabled, full, domain, sender, blocked, spam and more: a wrong name is answered with the nearest), `{a,b}` one of these words. A backslash before one of `| * ~ { } ,` makes it the character itself (in Lua: two backslashes). Addresses in the diagnostic are hidden before.
---@field code? integer|string A reply code: `550`, `"5xx"` or `"550-559"`.
---@field status? string An enhanced status code; `*` is any run: `"5.7.*"`.
---@field provider? string One or several providers, separated by spaces (`carom codes --providers`).
---@field reason? carom.reason What it means; where it is absent, the reason stays what it would have been.
---@field kind "permanent"|"transient"|"delayed"|nil Whatever the codes say.

---@class carom.webhook
---@field url string Where it goes; no placeholders.
---@field secret carom.secret|carom.secret[] Shared with who receives it: `whsec_` and 24 bytes or more in base64 behind it, such as `head -c 32 /dev/urandom | base64` prints; any other text is taken as it stands. A list of two while one is rotated.
---@field ca? string The file of a private certificate authority.
---@field allow_private? boolean Loopback and private addresses too. Default: false.

---@class carom.http
---@field method "GET"|"POST"|"PUT"|"PATCH"|"DELETE"|nil How it is asked. Default: "POST".
---@field url carom.template Placeholders in path and query; they are percent-encoded.
---@field headers? table<string, carom.template> Fields of the request.
---@field body? table Sent as JSON; its texts are templates.
---@field form? table<string, carom.template> Sent as a web form.
---@field user? string By HTTP Basic.
---@field password? carom.secret By HTTP Basic.
---@field token? carom.secret As a bearer.
---@field first? carom.http.first Looks something up before.
---@field done? (integer|string)[] The answers that mean done. Default: { "2xx" }, for DELETE also 404 and 410.
---@field pending? (integer|string)[] Those that mean taken but not done yet.
---@field ca? string The file of a private certificate authority.
---@field allow_private? boolean Loopback and private addresses too. Default: false.

---@class carom.http.first
---@field method "GET"|"POST"|"PUT"|"PATCH"|"DELETE"|nil How it is asked. Default: "GET".
---@field url carom.template Where.
---@field take table<string, string> Placeholders, and the member of the answer's JSON that fills each; `"a.b"` enters objects, `"a.0"` arrays. Where an array is too short nothing is there: judged like the answer 404.
---@field same? table<string, carom.template> Members of the answer, and what each must be, whatever its case: `{ email = "{address}" }`. An API may find whoever is similar; where one differs, what was meant is not there.

---@class carom.command
---@field argv carom.template[] The program by its absolute path, and its arguments.
---@field stdin? carom.template What it reads.
---@field done? integer[] Exit codes that mean success. Default: { 0 }.
---@field retry? integer[] Those that mean again; others that it will never do. Default: { 75 }.
---@field verify? carom.template[] A second such list: only when that exits with 0 is it really done.

---@class carom.smtp
---@field url? string `"smtp://host"` or `"smtps://host"`. Default: the server of `smtp`.
---@field to? string For alert: who is told.
---@field from? string Whom it comes from. Default: that of `smtp`.
---@field max_age? carom.duration For retry: an older message is not submitted again. Default: "2d".
---@field user? string Of that server.
---@field password? carom.secret Of that server.
---@field ca? string The file of a private certificate authority.
---@field allow_private? boolean Loopback and private addresses too. Default: false.

---@class carom.configure
---@field store? string The ledger, `"sqlite:/path"`. Default: carom.db in the state directory.
---@field lists? table<string, carom.configure.list> By List-Id. Where nothing else names the list of a bounce, one whose address it was sent to, or the returned message was written to, is its list.
---@field sinks? carom.configure.sinks Where decisions go: for each action a sink or a list of sinks. An action that has none is only recorded.
---@field endpoints? table<string, carom.sink> Sinks by a name of yours, for `bounce:webhook`.
---@field commands? table<string, carom.sink> By a name of yours, the `carom.command` of `bounce:run`.
---@field smtp? carom.configure.smtp The server that takes carom's own mail. Without it probe, forward and alert by mail are recorded as unmatched.
---@field verp? carom.configure.verp How return paths are signed.
---@field return_paths? string[] Whose return paths bounces come back to, `{ "mailman", "ezmlm" }`: only these are read, and what they say of list and recipient is believed; with an empty list, none. The names are those of `carom codes --return-paths`. `verp` is any address of the shape anything+user=domain@host: named here it is believed, else only where the returned message went to that recipient. SRS, BATV and the like are taken off in any case, and our own tokens (`verp` above) come before. Default: all that are unmistakable.
---@field trusted_authserv? string[] Whose Authentication-Results are believed, `{ "mx.example.org" }`; only servers of yours that remove such fields with their own name from what others send.
---@field fbl? table<string, string[]> Where feedback reports come, and the hosts or domains that send them: `{ ["fbl@example.org"] = { "mx.provider.example" } }`.
---@field score? carom.configure.score How scores decay.
---@field keep? carom.configure.keep How long the ledger keeps things; `carom deliver` removes what is older. A job that waits, is pending or dead stays, and its fact with it: dead letters until somebody resends or drops them. A message goes when its time is over; a job that was to mail it on says so and is a dead letter. Suppressions, departures and tags stay while they stand, with since and why; counts, scores and `history.delivered_at` follow from the facts that are kept. An address of which nothing else is kept goes too, within a day. A hook sees the 1,000 facts of an address that were recorded last.
---@field limits? carom.configure.limits For one hook. Calls in calls and the arguments of one call have 96 KiB.
---@field log? "syslog"|"stderr"|carom.configure.log Where the log goes. One line for each decision, and what `carom.log` says; in it bytes that do not print are \xNN, and so is a space in a value. A log that cannot be written stops nothing: its lines go to the default place. `carom pipe` writes nothing to standard error, which is the mail server's. Default: syslog, facility mail, under a mail server; else standard error.
---@field gate? carom.configure.gate The weakest authenticity that counts, of direct, signed, matched, aligned, unproven. Below it the hook runs and its whole decision is held; the bounce enters neither counts nor score nor breaker until somebody releases it.
---@field mode "act"|"observe"|nil With `"observe"` hooks run, facts and decisions are kept, and all actions are held as observed; only scores go on, so that the policy is seen as it would act. Default: "act".
---@field breaker? carom.configure.breaker For each provider and reason of failure, by the time of receipt: when `min` addresses would be unsubscribed or suppressed in a window, and more than `factor` times as many as in the busiest window of the 28 days before (with less history at least four times `min`), they are held, with those of the window whose jobs have not been tried, and `on_incident` runs. New ones pass again after two quiet windows. Complaints and unsubscribe requests never wait.
---@field settle? carom.duration Unsubscribe and suppress count for `carom check` at once, but their jobs leave only after this time, so that breaker and `carom undo` recall them unsent. Default: they leave at once.
---@field held? carom.configure.held Decisions that wait for a person.

---@class carom.configure.list
---@field address? string The address that subscribers write to.
---@field key? string Your own name or number of it, for placeholders.

---@class carom.configure.sinks
---@field unsubscribe? carom.sink|carom.sink[] For that action. The end of a suppression goes to unsuppress, an unsubscribe that is undone to resubscribe.
---@field suppress? carom.sink|carom.sink[] For that action. The end of a suppression goes to unsuppress, an unsubscribe that is undone to resubscribe.
---@field unsuppress? carom.sink|carom.sink[] For that action. The end of a suppression goes to unsuppress, an unsubscribe that is undone to resubscribe.
---@field resubscribe? carom.sink|carom.sink[] For that action. The end of a suppression goes to unsuppress, an unsubscribe that is undone to resubscribe.
---@field retry? carom.sink|carom.sink[] For that action. The end of a suppression goes to unsuppress, an unsubscribe that is undone to resubscribe.
---@field probe? carom.sink|carom.sink[] For that action. The end of a suppression goes to unsuppress, an unsubscribe that is undone to resubscribe.
---@field tag? carom.sink|carom.sink[] For that action. The end of a suppression goes to unsuppress, an unsubscribe that is undone to resubscribe.
---@field alert? carom.sink|carom.sink[] For that action. The end of a suppression goes to unsuppress, an unsubscribe that is undone to resubscribe.
---@field ["*"]? carom.sink|carom.sink[] For those that have none of their own.

---@class carom.configure.smtp
---@field url string `"smtp://host"` or `"smtps://host"`.
---@field from string The address that carom's own mail comes from.
---@field user? string Of that server.
---@field password? carom.secret Of that server.
---@field ca? string The file of a private certificate authority.
---@field allow_private? boolean Loopback and private addresses too. Default: false.

---@class carom.configure.verp
---@field domain string All mail of the domain must come to carom, or all that begins with `prefix`.
---@field prefix? string Where it is a domain that others use too, what each local part begins with: `"bounces+"`.
---@field keys carom.configure.verp.key[] Rotate by a second key with a later day, and take the first one away when `max_age` has passed since then.
---@field max_age? carom.duration How long a return path is valid. Default: "30d".

---@class carom.configure.verp.key
---@field id integer 0 to 31.
---@field secret carom.secret At least 16 bytes. It is read by who takes bounces, so that its file must be readable to that user.
---@field since string The day from which all mail is signed with it: `"2026-03-01"`.

---@class carom.configure.score
---@field half_life? carom.duration In which a score halves. Default: "30d".

---@class carom.configure.keep
---@field raw? carom.duration Whole messages. Default: "30d".
---@field facts? carom.duration Facts with their decisions; at least 7d, so that what comes twice is known. Default: "400d".
---@field jobs? carom.duration Jobs that are done or dropped; at least 7d. Default: "30d".

---@class carom.configure.limits
---@field time? carom.duration Of the processor. Default: "250ms".
---@field memory? carom.size That of Lua and of the decision. Default: "8MiB".
---@field instructions? integer Long texts given to functions of Lua count as instructions. Default: 1e7.

---@class carom.configure.log
---@field to "syslog"|"stderr"|nil One of these,
---@field file? string or an absolute path. It is opened for each line, so that it may be rotated at any time.
---@field format "text"|"json"|nil How a line looks. Default: "text".
---@field level? carom.level The least that is written. Default: "info".

---@class carom.configure.gate
---@field failure? carom.authenticity For failures, and for deliveries. Default: unproven; from a verp key's `since` day on matched.
---@field delivered? carom.authenticity For failures, and for deliveries. Default: unproven; from a verp key's `since` day on matched.
---@field complaint? carom.authenticity For complaints, and for requests to be taken off. Default: unproven; from a verp key's `since` day on aligned.
---@field unsubscribe? carom.authenticity For complaints, and for requests to be taken off. Default: unproven; from a verp key's `since` day on aligned.

---@class carom.configure.breaker
---@field window? carom.duration In which addresses are counted. Default: "1h".
---@field min? integer Fewer never trip it. Default: 50.
---@field factor? number How many times the busiest window. Default: 2.

---@class carom.configure.held
---@field expire? carom.duration When held decisions lapse. Default: "30d".
---@field check "allow"|"deny"|nil Whether `carom check` says no (`"deny"`) to those whose removal waits. Default: "allow".

---@class carom.decision
---@field fact table The fields of the fact; times in seconds since 1970.
---@field hook? string Which one ran.
---@field duplicate boolean A copy of what came before.
---@field held "gate"|"observe"|"breaker"|nil Why actions are held.
---@field actions table[] What was decided: `{ action = "suppress", duration = "90d", state = "decided" }` and the like, with `note`, which says why one is not carried out.

---@class carom.t
local t = {}

---Sets the clock: `"2026-03-01T12:00:00Z"`, `"2026-03-01"` or seconds since 1970. Once something has come it does not go back.
---@param time string|carom.time
function t:clock(time) end

---So long nothing happens.
---@param time carom.duration
function t:wait(time) end

---What the clock says.
---@return carom.time
function t:now() end

---A made-up bounce comes.
---@param fact userdata
---@return carom.decision
function t:feed(fact) end

---A message comes, from a file (beside the tests, where its path is no absolute one), or as the text itself where it has more than one line. Gives a list of decisions, one for each recipient, which also finds them by address: `d["anna@example.com"]`. Where one decision is asked for, a list of one will do.
---@param path string
---@param envelope? carom.t.message
---@return table<integer|string, carom.decision>
function t:message(path, envelope) end

---The sender itself hears this reply.
---@param text string
---@param of? carom.t.reply
---@return carom.decision
function t:reply(text, of) end

---A return path signed with the policy's keys: the recipient of a message.
---@param address string
---@param of? carom.t.sign
---@return string
function t:sign(address, of) end

---A job about this fact was given up: `on_dead_letter` runs.
---@param fact userdata
---@param job? carom.t.dead_letter
function t:dead_letter(fact, job) end

---These actions were decided, in whatever order, and no other; or `"nothing"`.
---@param decision carom.decision|table
---@param ... carom.action
function t:expect(decision, ...) end

---At least these.
---@param decision carom.decision|table
---@param ... carom.action
function t:includes(decision, ...) end

---None of these.
---@param decision carom.decision|table
---@param ... carom.action
function t:excludes(decision, ...) end

---This hook ran; `"none"`.
---@param decision carom.decision|table
---@param name string
function t:hook(decision, name) end

---What carom-check(1) would say now: it may be mailed.
---@param address string
---@param of? carom.t.allowed
function t:allowed(address, of) end

---It is not to be mailed.
---@param address string
---@param of? carom.t.denied
function t:denied(address, of) end

---@class carom.t.message
---@field recipient? string Of its envelope.
---@field sender? string Of its envelope.
---@field list? string The List-Id, where whoever hands it over knows it.

---@class carom.t.reply
---@field recipient? string Whose server said it.
---@field delivery? string Your own id of message and recipient.
---@field list? string The List-Id.
---@field command? string What was answered: CONN, EHLO, MAIL, RCPT, DATA, BDAT.
---@field remote_mta? string The host that said it.

---@class carom.t.sign
---@field list? string A List-Id, or the key of a configured list.
---@field id? string Your own id of message and recipient.

---@class carom.t.dead_letter
---@field action? string What could not be delivered. Default: "unsubscribe".
---@field attempts? integer How often it was tried. Default: 12.
---@field last_answer? string What was answered. Default: "503 Service Unavailable".

---@class carom.t.allowed
---@field list? string By that list.

---@class carom.t.denied
---@field list? string By that list.
---@field cause "suppressed"|"left"|"left_all"|"held"|nil Why. "left_all": left all lists, or each of the policy's, and none is asked about.

carom = {}

---Sets up carom: once, at the top of the file.
---@param options carom.configure
function carom.configure(options) end

---Says what a diagnostic means that the built-in rules do not know, or take otherwise. See RULES.
---@param options carom.rule
function carom.rule(options) end

---A sink by Standard Webhooks: a signed POST of type, timestamp and data, with the action and the fact.
---@param options carom.webhook
---@return carom.sink
function carom.webhook(options) end

---A sink by any REST call.
---@param options carom.http
---@return carom.sink
function carom.http(options) end

---A sink by a program and its arguments, without a shell. A value that begins with `-` is refused unless the template joins it (`"-a{address}"`).
---@param options carom.command
---@return carom.sink
function carom.command(options) end

---A sink by mail: for alert; for probe; and for retry, which submits the returned message again.
---@param options? carom.smtp
---@return carom.sink
function carom.smtp(options) end

---References to secrets in a file of that absolute path, and in a variable of the environment: read when they are used, never stored.
---@param path string
---@return carom.secret
function carom.file(path) end

---References to secrets in a file of that absolute path, and in a variable of the environment: read when they are used, never stored.
---@param name string
---@return carom.secret
function carom.env(name) end

---Is the pattern in the text? Caseless in Unicode, `*` is any run of characters, linear in time; no text matches nothing.
---@param text string?
---@param pattern string
---@return boolean
function carom.match(text, pattern) end

---A duration as a number: `carom.seconds "14d"`.
---@param text carom.duration
---@return integer
function carom.seconds(text) end

---The time of the decision, in a hook.
---@return carom.time
function carom.now() end

---In a hook: a signed return path, as `carom verp sign`.
---@param options carom.verp
---@return string
function carom.verp(options) end

---To the log.
---@param level carom.level
---@param text string
function carom.log(level, text) end

---A test, and what it does. At the top of the file.
---@param name string
---@param test fun(t: carom.t)
function carom.test(name, test) end

---A made-up bounce. Fields are those of carom-fact(5); members of a group as `original = { subject = "…" }`, where `headers` is the header block of the returned message; and `text`, the hook's `bounce.text`. What is not said follows as it would from a real one: from `diagnostic`, `reply_code`, `status` and `command` the rules, the policy's own among them, find kind and reason; without them the kind follows from the reason, permanent unless its cause passes. `fault` and `hard` always follow. `confidence` is high, `authenticity` unproven, `time` and `received` are now. An unknown field is an error that names the nearest one.
---
---Each call makes another bounce; the same one fed twice is a copy.
---@param fields table
---@return userdata
function carom.fact(fields) end

---For a permanent or transient fact of that reason: `on_mailbox_full`.
---@param bounce carom.bounce
function on_user_unknown(bounce) end

---For a permanent or transient fact of that reason: `on_mailbox_full`.
---@param bounce carom.bounce
function on_user_disabled(bounce) end

---For a permanent or transient fact of that reason: `on_mailbox_full`.
---@param bounce carom.bounce
function on_user_moved(bounce) end

---For a permanent or transient fact of that reason: `on_mailbox_full`.
---@param bounce carom.bounce
function on_mailbox_full(bounce) end

---For a permanent or transient fact of that reason: `on_mailbox_full`.
---@param bounce carom.bounce
function on_filtered(bounce) end

---For a permanent or transient fact of that reason: `on_mailbox_full`.
---@param bounce carom.bounce
function on_host_unknown(bounce) end

---For a permanent or transient fact of that reason: `on_mailbox_full`.
---@param bounce carom.bounce
function on_not_accepting(bounce) end

---For a permanent or transient fact of that reason: `on_mailbox_full`.
---@param bounce carom.bounce
function on_network_error(bounce) end

---For a permanent or transient fact of that reason: `on_mailbox_full`.
---@param bounce carom.bounce
function on_expired(bounce) end

---For a permanent or transient fact of that reason: `on_mailbox_full`.
---@param bounce carom.bounce
function on_mail_loop(bounce) end

---For a permanent or transient fact of that reason: `on_mailbox_full`.
---@param bounce carom.bounce
function on_system_full(bounce) end

---For a permanent or transient fact of that reason: `on_mailbox_full`.
---@param bounce carom.bounce
function on_system_error(bounce) end

---For a permanent or transient fact of that reason: `on_mailbox_full`.
---@param bounce carom.bounce
function on_mailer_error(bounce) end

---For a permanent or transient fact of that reason: `on_mailbox_full`.
---@param bounce carom.bounce
function on_syntax_error(bounce) end

---For a permanent or transient fact of that reason: `on_mailbox_full`.
---@param bounce carom.bounce
function on_rate_limited(bounce) end

---For a permanent or transient fact of that reason: `on_mailbox_full`.
---@param bounce carom.bounce
function on_too_many_connections(bounce) end

---For a permanent or transient fact of that reason: `on_mailbox_full`.
---@param bounce carom.bounce
function on_greylisted(bounce) end

---For a permanent or transient fact of that reason: `on_mailbox_full`.
---@param bounce carom.bounce
function on_message_too_large(bounce) end

---For a permanent or transient fact of that reason: `on_mailbox_full`.
---@param bounce carom.bounce
function on_content_rejected(bounce) end

---For a permanent or transient fact of that reason: `on_mailbox_full`.
---@param bounce carom.bounce
function on_spam_detected(bounce) end

---For a permanent or transient fact of that reason: `on_mailbox_full`.
---@param bounce carom.bounce
function on_virus_detected(bounce) end

---For a permanent or transient fact of that reason: `on_mailbox_full`.
---@param bounce carom.bounce
function on_not_compliant(bounce) end

---For a permanent or transient fact of that reason: `on_mailbox_full`.
---@param bounce carom.bounce
function on_blocked(bounce) end

---For a permanent or transient fact of that reason: `on_mailbox_full`.
---@param bounce carom.bounce
function on_bad_reputation(bounce) end

---For a permanent or transient fact of that reason: `on_mailbox_full`.
---@param bounce carom.bounce
function on_auth_failure(bounce) end

---For a permanent or transient fact of that reason: `on_mailbox_full`.
---@param bounce carom.bounce
function on_ptr_required(bounce) end

---For a permanent or transient fact of that reason: `on_mailbox_full`.
---@param bounce carom.bounce
function on_tls_required(bounce) end

---For a permanent or transient fact of that reason: `on_mailbox_full`.
---@param bounce carom.bounce
function on_sender_rejected(bounce) end

---For a permanent or transient fact of that reason: `on_mailbox_full`.
---@param bounce carom.bounce
function on_relay_denied(bounce) end

---For a permanent or transient fact of that reason: `on_mailbox_full`.
---@param bounce carom.bounce
function on_policy_violation(bounce) end

---For a permanent or transient fact of that reason: `on_mailbox_full`.
---@param bounce carom.bounce
function on_security_error(bounce) end

---For a permanent or transient fact of that reason: `on_mailbox_full`.
---@param bounce carom.bounce
function on_suppressed(bounce) end

---For a permanent or transient fact of that reason: `on_mailbox_full`.
---@param bounce carom.bounce
function on_unknown(bounce) end

---For a fact of that kind for which no `on_`reason is defined: `on_permanent`, `on_transient`, `on_delayed`, `on_delivered`, `on_complaint`, `on_unsubscribe`, `on_autoreply`, `on_challenge`, `on_receipt`, `on_other`.
---@param bounce carom.bounce
function on_permanent(bounce) end

---For a fact of that kind for which no `on_`reason is defined: `on_permanent`, `on_transient`, `on_delayed`, `on_delivered`, `on_complaint`, `on_unsubscribe`, `on_autoreply`, `on_challenge`, `on_receipt`, `on_other`.
---@param bounce carom.bounce
function on_transient(bounce) end

---For a fact of that kind for which no `on_`reason is defined: `on_permanent`, `on_transient`, `on_delayed`, `on_delivered`, `on_complaint`, `on_unsubscribe`, `on_autoreply`, `on_challenge`, `on_receipt`, `on_other`.
---@param bounce carom.bounce
function on_delayed(bounce) end

---For a fact of that kind for which no `on_`reason is defined: `on_permanent`, `on_transient`, `on_delayed`, `on_delivered`, `on_complaint`, `on_unsubscribe`, `on_autoreply`, `on_challenge`, `on_receipt`, `on_other`.
---@param bounce carom.bounce
function on_delivered(bounce) end

---For a fact of that kind for which no `on_`reason is defined: `on_permanent`, `on_transient`, `on_delayed`, `on_delivered`, `on_complaint`, `on_unsubscribe`, `on_autoreply`, `on_challenge`, `on_receipt`, `on_other`.
---@param bounce carom.bounce
function on_complaint(bounce) end

---For a fact of that kind for which no `on_`reason is defined: `on_permanent`, `on_transient`, `on_delayed`, `on_delivered`, `on_complaint`, `on_unsubscribe`, `on_autoreply`, `on_challenge`, `on_receipt`, `on_other`.
---@param bounce carom.bounce
function on_unsubscribe(bounce) end

---For a fact of that kind for which no `on_`reason is defined: `on_permanent`, `on_transient`, `on_delayed`, `on_delivered`, `on_complaint`, `on_unsubscribe`, `on_autoreply`, `on_challenge`, `on_receipt`, `on_other`.
---@param bounce carom.bounce
function on_autoreply(bounce) end

---For a fact of that kind for which no `on_`reason is defined: `on_permanent`, `on_transient`, `on_delayed`, `on_delivered`, `on_complaint`, `on_unsubscribe`, `on_autoreply`, `on_challenge`, `on_receipt`, `on_other`.
---@param bounce carom.bounce
function on_challenge(bounce) end

---For a fact of that kind for which no `on_`reason is defined: `on_permanent`, `on_transient`, `on_delayed`, `on_delivered`, `on_complaint`, `on_unsubscribe`, `on_autoreply`, `on_challenge`, `on_receipt`, `on_other`.
---@param bounce carom.bounce
function on_receipt(bounce) end

---For a fact of that kind for which no `on_`reason is defined: `on_permanent`, `on_transient`, `on_delayed`, `on_delivered`, `on_complaint`, `on_unsubscribe`, `on_autoreply`, `on_challenge`, `on_receipt`, `on_other`.
---@param bounce carom.bounce
function on_other(bounce) end

---For permanent, transient and delayed facts that have neither. Without any the fact is recorded only.
---@param bounce carom.bounce
function on_bounce(bounce) end

---Runs before a message is read. False skips it: it is recorded as a fact of kind other that is never counted, with a note.
---@param message carom.message
---@return boolean?
function on_message(message) end

---A provider's bad day began, see SAFETY NET. Runs once for each.
---@param incident carom.incident
function on_incident(incident) end

---A job was given up.
---@param job carom.job
function on_dead_letter(job) end

