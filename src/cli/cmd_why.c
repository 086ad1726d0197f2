/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* carom why: the story of an address, for people. */

#include <errno.h>
#include <stdio.h>

#include "base/date.h"
#include "cli/cli.h"
#include "cli/ledger.h"
#include "cli/print.h"
#include "cli/select.h"
#include "cli/why/story.h"
#include "mail/address.h"

enum { FOUND_MAX = 1000 };

struct request {
    struct carom_cli_place place;
    const char *tag;
    bool raw, letter;
    int64_t fact;
};

/* ---- Who is meant ---- */

struct finding {
    struct carom_arena *arena;
    struct carom_str wanted;
    struct carom_str keys[FOUND_MAX];
    size_t n, more;
};

static void find(struct finding *finding, struct carom_str key)
{
    for (size_t i = 0; i < finding->n; i++)
        if (carom_str_eq(finding->keys[i], key))
            return;
    if (finding->n < FOUND_MAX)
        finding->keys[finding->n++] = carom_arena_str(finding->arena, key);
    else
        finding->more++;
}

static int final_row(void *user, struct carom_str key, struct carom_str final_recipient)
{
    struct finding *finding = user;
    if (carom_str_ieq(final_recipient, finding->wanted) && !carom_str_eq(key, finding->wanted))
        find(finding, key);
    return 0;
}

static int tag_row(void *user, struct carom_str key)
{
    find(user, key);
    return 0;
}

static int find_tagged(struct carom_arena *arena, const struct carom_ledger *ledger, const char *tag,
                       struct finding *finding, struct carom_error *err)
{
    struct carom_str text = carom_str(tag);
    size_t equals = carom_str_chr(text, '=');
    if (equals == SIZE_MAX || !equals)
        return carom_error_set(err, CAROM_ERROR_USAGE, "why: --tag '%s' has no value; write --tag key=value", tag);
    finding->arena = arena;
    return ledger->care->tagged(ledger->store, carom_str_head(text, equals), carom_str_from(text, equals + 1), tag_row,
                                finding, err);
}

static void print_found(const struct finding *finding, const struct request *request, const char *where)
{
    if (request->tag)
        printf("Addresses tagged %s: %zu\n", request->tag, finding->n + finding->more);
    else
        printf("Addresses whose mail ended at it: %zu\n", finding->n + finding->more);
    for (size_t i = 0; i < finding->n; i++) {
        fputs("  carom why", stdout);
        carom_print_cell(stdout, carom_why_operand(finding->arena, finding->keys[i], where), 0);
        putchar('\n');
    }
    if (finding->more)
        printf("  and %zu more\n", finding->more);
}

/* ---- The kept message ---- */

static const struct carom_story_fact *choose(const struct carom_why *why, int64_t id)
{
    const struct carom_story_fact *only = NULL;
    for (const struct carom_story_fact *fact = why->story.facts; fact; fact = fact->next) {
        if (!fact->raw || (id && fact->id != id))
            continue;
        if (only && only->raw != fact->raw)
            return NULL;
        only = fact;
    }
    return only;
}

static int refuse_choice(const struct carom_why *why, int64_t id, struct carom_error *err)
{
    size_t n = 0;
    for (const struct carom_story_fact *fact = why->story.facts; fact; fact = fact->next)
        n += fact->raw != 0;
    if (id)
        return carom_error_set(err, CAROM_ERROR_USAGE, "why: no message is kept of fact %lld of " CAROM_STR_FMT,
                               (long long)id, CAROM_STR_ARG(why->key));
    if (!n)
        return carom_error_set(err, CAROM_ERROR_USAGE, "why: nothing is kept of any message of " CAROM_STR_FMT
                               "; carom pipe keeps them for as long as `keep` in the policy says, carom run keeps none",
                               CAROM_STR_ARG(why->key));
    for (const struct carom_story_fact *fact = why->story.facts; fact; fact = fact->next)
        if (fact->raw)
            fprintf(stderr, "  --fact %lld  %s\n", (long long)fact->id, carom_why_time(why, fact->decided));
    return carom_error_set(err, CAROM_ERROR_USAGE, "why: %zu messages are kept; say which with one of these --fact", n);
}

static int print_raw(const struct carom_why *why, int64_t id, struct carom_error *err)
{
    const struct carom_story_fact *fact = choose(why, id);
    struct carom_str bytes;
    if (!fact)
        return refuse_choice(why, id, err);
    if (why->ledger->care->message(why->ledger->store, why->arena, fact->raw, &bytes, err) != 0)
        return -1;
    fwrite(bytes.ptr, 1, bytes.len, stdout);
    return 0;
}

/* ---- The story ---- */

static const char *place_text(struct carom_arena *arena, const struct carom_cli_place *place)
{
    const char *const options[][2] = {{"policy", place->policy}, {"store", place->store}, {"state", place->state}};
    struct carom_str text = CAROM_STR_EMPTY;
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        if (options[i][1])
            text = carom_arena_printf(arena, CAROM_STR_FMT " --%s " CAROM_STR_FMT, CAROM_STR_ARG(text), options[i][0],
                                      CAROM_STR_ARG(carom_why_quote(arena, carom_str(options[i][1]))));
    return text.ptr;
}

static int tell(const struct carom_why *why, const struct request *request, struct carom_error *err)
{
    if (request->raw)
        return print_raw(why, request->fact, err);
    if (request->letter)
        return carom_why_letter(why, err);
    carom_print_cell(stdout, why->story.spelling, 0);
    fputs("\n\n", stdout);
    carom_why_tell(why);
    if (carom_why_is_empty(why))
        puts("Nothing is kept of it: no bounce, no suppression.\n");
    return carom_why_outlook(why, err);
}

/* By its own name, and by that under which mail to others ended at it. */
static int answer(struct carom_why *why, const struct request *request, struct carom_error *err)
{
    struct finding finding = {.arena = why->arena, .wanted = why->key};
    if (carom_why_read(why, err) != 0)
        return -1;
    if (request->raw || request->letter) {
        if (request->letter && carom_why_is_empty(why))
            return carom_error_set(err, CAROM_ERROR_USAGE, "why: nothing is kept of " CAROM_STR_FMT "; there is nothing to write",
                                   CAROM_STR_ARG(why->key));
        return tell(why, request, err);
    }
    if (why->ledger->care->finals(why->ledger->store, final_row, &finding, err) != 0)
        return -1;
    /* A report may name somebody by less than an address; what nobody named is a slip of the keyboard. */
    if (carom_why_is_empty(why) && !finding.n && !carom_address_valid(why->key))
        return carom_error_set(err, CAROM_ERROR_USAGE, "why: '" CAROM_STR_FMT "' is no address", CAROM_STR_ARG(why->key));
    if (tell(why, request, err) != 0)
        return -1;
    if (finding.n) {
        putchar('\n');
        print_found(&finding, request, why->where);
    }
    return 0;
}

static int run(struct carom_arena *arena, const struct request *request, const char *address, struct carom_error *err)
{
    struct carom_ledger ledger;
    struct carom_policy *policy;
    struct carom_str url;
    struct finding tagged = {.n = 0};

    if (carom_cli_ledger(arena, &request->place, CAROM_LEDGER_READ, false, &ledger, &policy, &url, err) != 0)
        return -1;
    struct carom_why why = {.arena = arena,
                            .ledger = &ledger,
                            .config = policy ? carom_policy_config(policy) : NULL,
                            .where = place_text(arena, &request->place),
                            .now = carom_date_now_ms()};
    int result = request->tag ? find_tagged(arena, &ledger, request->tag, &tagged, err) : 0;
    const bool many = request->tag && tagged.n != 1;
    if (result == 0 && request->tag)
        why.key = tagged.keys[0];
    else if (result == 0)
        result = carom_cli_address(arena, "why", address, &why.key, err);
    if (result == 0 && many && (request->raw || request->letter))
        result = carom_error_set(err, CAROM_ERROR_USAGE, "why: %zu addresses carry the tag %s: name one", tagged.n, request->tag);
    else if (result == 0 && many)
        print_found(&tagged, request, why.where);
    else if (result == 0)
        result = answer(&why, request, err);
    carom_ledger_close(&ledger);
    carom_policy_free(policy);
    return result;
}

int cmd_why(int argc, char **argv)
{
    struct request request = {0};
    const struct carom_option options[] = {
        CAROM_CLI_PLACE_OPTIONS(request.place),
        {"tag", CAROM_OPTION_TEXT, &request.tag, "KEY=VALUE", "the address that carries this tag"},
        {"letter", CAROM_OPTION_FLAG, &request.letter, NULL, "a letter to the subscriber"},
        {"raw", CAROM_OPTION_FLAG, &request.raw, NULL, "the kept message, as it came"},
        {"fact", CAROM_OPTION_NUMBER, &request.fact, "NUMBER", "raw: of this fact"},
        {NULL, 0, NULL, NULL, NULL}};
    char **operands;
    int n = carom_cli_options(argc, argv, options, "[OPTIONS] ADDRESS | --tag KEY=VALUE",
                              "Tells what happened to an address, why, where it stands, and what can be done. For\n"
                              "machines there is carom show.", &operands);
    struct carom_error err = {0};

    if (n < 0)
        return carom_cli_options_exit(n);
    if (n + (request.tag != NULL) != 1)
        return carom_cli_usage("why", n || request.tag ? "one ADDRESS, or --tag" : "no ADDRESS given");
    if (request.raw && request.letter)
        return carom_cli_usage("why", "--raw and --letter exclude one another");
    if (request.fact && !request.raw)
        return carom_cli_usage("why", "--fact goes with --raw");
    struct carom_arena *arena = carom_arena_new();
    if (!arena || carom_arena_guard(arena))
        return carom_cli_no_memory(arena);
    int result = run(arena, &request, n ? operands[0] : NULL, &err);
    if ((fflush(stdout) != 0 || ferror(stdout)) && result == 0)
        result = carom_cli_output_error(&err, "why");
    carom_arena_free(arena);
    return result == 0 ? EX_OK : carom_cli_fail(&err);
}
