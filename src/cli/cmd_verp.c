/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* carom verp: signs return paths for one message or a column of millions, checks them, and teaches the ledger whom
   those mean that are too short for an address. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/date.h"
#include "base/error.h"
#include "cli/cli.h"
#include "cli/csv.h"
#include "cli/ledger.h"
#include "cli/owner.h"
#include "cli/print.h"
#include "decision/trust.h"
#include "engine/trust.h"
#include "ledger/care.h"
#include "mail/address.h"

enum { CHUNK = 5000 }; /* rows in one transaction: nobody waits long for the ledger */

struct job {
    struct carom_cli_place place;
    const char *list, *id;
    bool header;
    struct carom_arena *arena; /* of one row */
    struct carom_policy *policy;
    const struct carom_verp *verp;
    int64_t now; /* seconds */
    size_t references, wrong;
    struct carom_ledger ledger;
    size_t added, known, needless;
    struct carom_error *err;
};

/* ---- Rows ---- */

enum column { ADDRESS, LIST, ID, COLUMNS };

struct rows {
    FILE *from;
    const char *name;
    char *line;
    size_t room, number;
    struct carom_csv csv;
    size_t columns[COLUMNS]; /* where each stands; SIZE_MAX: nowhere */
};

static bool find_columns(struct rows *rows, const struct carom_str *cells, size_t n)
{
    static const struct {
        const char *name;
        enum column column;
    } names[] = {
        {"address", ADDRESS}, {"email", ADDRESS}, {"emailaddress", ADDRESS}, {"recipient", ADDRESS}, {"list", LIST},
        {"listid", LIST},     {"id", ID}};
    bool any = false;

    for (size_t i = n; i-- > 0;) /* of two with one name the first */
        for (size_t k = 0; k < sizeof names / sizeof *names; k++)
            if (carom_csv_is(cells[i], names[k].name))
                rows->columns[names[k].column] = i, any = true;
    return any;
}

/* The first line names the columns, or is a row: then it holds an address and nothing else. *header_r: which. */
static int read_first(struct rows *rows, bool *header_r, struct carom_error *err)
{
    const struct carom_str *cells = rows->csv.cells;

    for (size_t i = 0; i < COLUMNS; i++)
        rows->columns[i] = SIZE_MAX;
    *header_r = carom_str_chr(cells[0], '@') == SIZE_MAX && find_columns(rows, cells, rows->csv.n);
    if (*header_r)
        return 0;
    if (rows->csv.n > 1 || carom_str_chr(cells[0], '@') == SIZE_MAX)
        return carom_error_set(err, CAROM_ERROR_LIMIT,
                               "verp: %s:%zu: begin with a line that names the columns, such as "
                               "address,list,id, or give a column of addresses",
                               rows->name, rows->number);
    rows->columns[ADDRESS] = 0;
    return 0;
}

/* 1: a row, its texts in the arena; an empty line is an empty row. 0: the end. -1. *wrong_r: it cannot be understood.
 */
static int next_row(struct rows *rows, struct carom_arena *arena, struct carom_verp_subject *row_r,
                    const char **wrong_r, struct carom_error *err)
{
    struct carom_csv *csv = &rows->csv;
    bool header, any;

    do {
        ssize_t length = getline(&rows->line, &rows->room, rows->from);
        if (length < 0)
            return feof(rows->from) ? 0
                                    : carom_error_set(err, CAROM_ERROR_IO, "verp: cannot read %s: %s", rows->name,
                                                      strerror(errno));
        csv->rest = carom_str_n(rows->line, (size_t)length);
        if (!rows->number++ && carom_str_starts(csv->rest, CAROM_STR("\xef\xbb\xbf")))
            csv->rest = carom_str_from(csv->rest, 3);
        const bool first = !csv->columns;
        *wrong_r = NULL;
        header = false;
        any = carom_csv_next(csv, arena, wrong_r);
        if (!*wrong_r && !carom_str_blank(csv->rest))
            *wrong_r = "has a line end of CR alone in it";
        if (any && first && *wrong_r)
            return carom_error_set(err, CAROM_ERROR_LIMIT, "verp: %s:%zu: %s", rows->name, rows->number, *wrong_r);
        if (any && first && read_first(rows, &header, err) != 0)
            return -1;
    } while (header);
    struct carom_str *texts[COLUMNS] = {&row_r->recipient, &row_r->list, &row_r->id};
    for (size_t i = 0; i < COLUMNS; i++)
        *texts[i] = any && !*wrong_r && rows->columns[i] < csv->n ? csv->cells[rows->columns[i]] : CAROM_STR_EMPTY;
    return 1;
}

static int open_rows(struct rows *rows, const char *name, struct carom_error *err)
{
    *rows = (struct rows){.name = name, .from = strcmp(name, "-") ? fopen(name, "re") : stdin};
    return rows->from ? 0 : carom_error_set(err, CAROM_ERROR_IO, "verp: cannot read %s: %s", name, strerror(errno));
}

static void close_rows(struct rows *rows)
{
    if (rows->from != stdin)
        fclose(rows->from);
    free(rows->line);
}

/* ---- sign ---- */

static struct carom_str clean(struct carom_arena *arena, struct carom_str text)
{
    struct carom_str address = carom_address_only(arena, text);

    return address.len ? address : text; /* which is then refused as it stands */
}

/* What was said for all rows, where the row itself says nothing. */
static void complete(const struct job *job, struct carom_verp_subject *row)
{
    row->recipient = row->recipient.len ? clean(job->arena, row->recipient) : row->recipient;
    row->list = row->list.len ? row->list : carom_str(job->list);
    row->id = row->id.len ? row->id : carom_str(job->id);
}

/* All others have a separator of fields. */
static bool is_reference(const struct job *job, struct carom_str path)
{
    return carom_str_find(carom_str_from(path, job->verp->prefix.len), CAROM_STR("=.")) == SIZE_MAX;
}

/* Nobody would see a misspelt one before a million return paths are out. */
static const char *wrong_list(const struct job *job, struct carom_str name)
{
    struct carom_str list = carom_trust_list_id(carom_policy_config(job->policy), name);
    const char *wrong = carom_cli_list_wrong(job->arena, job->policy, list);

    return wrong ? carom_arena_printf(job->arena, "'" CAROM_STR_FMT "' %s", CAROM_STR_ARG(name), wrong).ptr : NULL;
}

static int sign_row(struct job *job, struct carom_verp_subject row)
{
    enum carom_verp_place place = job->header ? CAROM_VERP_HEADER : CAROM_VERP_PATH;

    complete(job, &row);
    struct carom_str text = carom_engine_sign_for(job->arena, job->policy, place, row, job->now, job->err);
    if (!text.len)
        return -1;
    job->references += !job->header && is_reference(job, text);
    if (job->header)
        fputs(CAROM_VERP_HEADER_NAME ": ", stdout);
    fwrite(text.ptr, 1, text.len, stdout);
    putchar('\n');
    return 0;
}

/* One line for each row, so that both can be put side by side: an empty one for what cannot be signed. */
static int sign_rows(struct job *job)
{
    struct carom_verp_subject row;
    struct rows rows;
    const char *wrong;
    int got;

    if (open_rows(&rows, "-", job->err) != 0)
        return -1;
    for (carom_arena_reset(job->arena); (got = next_row(&rows, job->arena, &row, &wrong, job->err)) > 0;
         carom_arena_reset(job->arena)) {
        wrong = wrong ? wrong : wrong_list(job, row.list);
        if (!wrong && !row.recipient.len && !row.list.len && !row.id.len)
            putchar('\n');
        else if (wrong || sign_row(job, row) != 0) {
            fprintf(stderr, "carom: -:%zu: %s\n", rows.number, wrong ? wrong : job->err->text);
            putchar('\n');
            job->wrong++;
        }
    }
    close_rows(&rows);
    return got;
}

static int sign(struct job *job, char **operands, int n)
{
    int result = 0;

    if (n == 1 && !strcmp(operands[0], "-"))
        result = sign_rows(job);
    else if (n == 0)
        result = sign_row(job, (struct carom_verp_subject){CAROM_STR_EMPTY, CAROM_STR_EMPTY, CAROM_STR_EMPTY});
    for (int i = 0; i < n && strcmp(operands[0], "-") && result == 0; i++)
        result = sign_row(job, (struct carom_verp_subject){CAROM_STR_EMPTY, CAROM_STR_EMPTY, carom_str(operands[i])});
    if (job->references)
        fprintf(stderr,
                "carom: verp: %zu too long for their address: carom knows whom they mean once it was told by "
                "carom verp import\n",
                job->references);
    return result;
}

/* ---- verify ---- */

static void say(const char *label, const char *value)
{
    if (!*value)
        return;
    printf("%s ", label);
    carom_print_cell(stdout, carom_str(value), 0);
    putchar('\n');
}

/* 0 valid, 1 not, -1. */
static int verify(struct job *job, struct carom_arena *arena, char **operands, int n)
{
    struct carom_engine_trust trust;
    struct carom_verp_answer answer;
    char time[32] = "";

    if (carom_cli_ledger_if_any(arena, &job->place, job->policy, &job->ledger, job->err) != 0 ||
        carom_engine_trust(job->policy, job->ledger.ops ? &job->ledger : NULL, &trust, job->err) != 0)
        return -1;
    int valid = carom_engine_check_token(arena, &trust, carom_str(operands[0]), carom_str(n > 1 ? operands[1] : NULL),
                                         job->now, &answer, job->err);
    if (valid < 0)
        return -1;
    printf(valid ? "valid\n" : "not valid: %s\n", answer.why);
    if (answer.time)
        carom_date_format(answer.time, time), time[10] = '\0';
    say("recipient", answer.recipient);
    say("list     ", answer.list);
    say("id       ", answer.id);
    say("signed   ", time);
    return !valid;
}

/* ---- import ---- */

/* Only what a return path cannot say by itself is worth a row. */
static int teach(struct job *job, struct carom_verp_subject row)
{
    struct carom_reference reference = {.own = row.id, .spelling = row.recipient};

    row.list = carom_trust_list_name(carom_policy_config(job->policy), row.list);
    if (!row.id.len) {
        struct carom_str path = carom_verp_sign(job->arena, job->verp, CAROM_VERP_PATH, &row, job->now, job->err);
        if (!path.len)
            return -1;
        if (!is_reference(job, path))
            return job->needless++, 0;
    }
    char *list = (char *)carom_arena_str(job->arena, row.list).ptr;
    for (char *c = list; *c; c++)
        *c = carom_lower(*c);
    reference.list = carom_str(list);
    reference.key = carom_address_key(job->arena, row.recipient);
    reference.hash = carom_engine_reference(job->arena, &row);
    int new = job->ledger.care->teach(job->ledger.store, &reference, job->now * 1000, job->err);
    job->added += new > 0;
    job->known += new == 0;
    return new < 0 ? -1 : 0;
}

static int import_row(struct job *job, const struct rows *rows, struct carom_verp_subject row, const char *wrong)
{
    wrong = wrong ? wrong : wrong_list(job, row.list);
    complete(job, &row);
    if (!wrong && !row.recipient.len && !row.id.len)
        return 0;
    if (!wrong && !carom_address_valid(row.recipient))
        wrong = "there is no address in it";
    if (wrong)
        return carom_error_set(job->err, CAROM_ERROR_LIMIT, "verp: %s:%zu: %s; the rows before it are imported",
                               rows->name, rows->number, wrong);
    return teach(job, row);
}

static int import_chunk(struct job *job, struct rows *rows)
{
    const struct carom_store_ops *ops = job->ledger.ops;
    struct carom_verp_subject row;
    const char *wrong;
    int got = 1, result = 0;

    if (ops->begin(job->ledger.store, job->err) != 0)
        return -1;
    for (int i = 0; i < CHUNK && result == 0; i++) {
        carom_arena_reset(job->arena);
        if ((got = next_row(rows, job->arena, &row, &wrong, job->err)) <= 0)
            break;
        result = import_row(job, rows, row, wrong);
    }
    struct carom_error first = *job->err; /* what was read before the bad row is kept */
    if (ops->commit(job->ledger.store, job->err) != 0)
        return -1;
    *job->err = first;
    return result != 0 || got < 0 ? -1 : got;
}

static int import(struct job *job, struct carom_arena *arena, char **files, int n)
{
    struct carom_str url;
    int result = 0;

    if (carom_engine_store_url(arena, job->place.store, carom_policy_config(job->policy), job->place.state, &url,
                               job->err) != 0 ||
        carom_engine_store_make(arena, url, job->place.state, job->err) != 0 ||
        carom_ledger_open(url.ptr, CAROM_LEDGER_WRITE, &job->ledger, job->err) != 0)
        return -1;
    for (int i = 0; i < n && result == 0; i++) {
        struct rows rows;
        if (open_rows(&rows, files[i], job->err) != 0)
            return -1;
        do
            result = import_chunk(job, &rows);
        while (result > 0);
        close_rows(&rows);
    }
    if (result == 0)
        printf("%zu new, %zu known already, %zu need none: their return paths hold the address\n", job->added,
               job->known, job->needless);
    return result;
}

/* ---- The command ---- */

enum verb { SIGN, VERIFY, IMPORT, VERBS };
static const char *const verbs[] = {"sign", "verify", "import", NULL};

static int check_usage(const struct job *job, enum verb verb, const char *word, int n)
{
    const char *nearest = carom_cli_nearest(word, verbs);

    if (verb == VERBS)
        return carom_cli_usage("verp", "'%s' is none of sign, verify, import%s%s%s", word,
                               nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
    if (!job->place.policy)
        return carom_cli_usage("verp", "no policy given: --policy FILE holds the keys");
    if (verb == SIGN && n == 0 && !job->id)
        return carom_cli_usage("verp", "sign wants an ADDRESS, an --id of yours, or - for a column");
    if (verb == VERIFY && (n < 1 || n > 2))
        return carom_cli_usage("verp", "verify wants one RETURN-PATH and perhaps the ADDRESS that it should be for");
    if (verb == IMPORT && n == 0)
        return carom_cli_usage("verp", "import wants a FILE, or -");
    if (verb != SIGN && (job->header || job->id))
        return carom_cli_usage("verp", "--header and --id go with sign");
    if (verb == VERIFY && job->list)
        return carom_cli_usage("verp", "--list goes with sign and import");
    return 0;
}

static int run(struct job *job, enum verb verb, struct carom_arena *arena, char **operands, int n)
{
    volatile int result = -1;

    if (carom_cli_become_owner(&job->place, job->err) != 0 ||
        !(job->policy = carom_policy_load(job->place.policy, &carom_log_stderr, job->err)) ||
        carom_policy_verp(job->policy, &job->verp, job->err) != 0)
        return -1;
    if (!job->verp)
        return carom_error_set(job->err, CAROM_ERROR_CONFIG,
                               "%s: verp is not configured: there are no keys to sign with", job->place.policy);
    struct carom_str list = carom_trust_list_id(carom_policy_config(job->policy), carom_str(job->list));
    if (job->list && carom_cli_list(arena, job->policy, list.ptr, job->err) != 0)
        return -1;
    if (carom_arena_guard(job->arena))
        return carom_error_memory(job->err);
    switch (verb) {
    case SIGN:
        result = sign(job, operands, n);
        break;
    case VERIFY:
        result = verify(job, arena, operands, n);
        break;
    default:
        result = import(job, arena, operands, n);
        break;
    }
    carom_arena_unguard(job->arena);
    return result;
}

int cmd_verp(int argc, char **argv)
{
    struct carom_error err = {0};
    struct job job = {.err = &err, .now = carom_date_now_ms() / 1000};
    const struct carom_option options[] = {
        CAROM_CLI_PLACE_OPTIONS(job.place),
        {"list", CAROM_OPTION_TEXT, &job.list, "LIST", "the list, a List-Id or the key of a configured one"},
        {"id", CAROM_OPTION_TEXT, &job.id, "ID", "sign: your own id of this message and recipient"},
        {"header", CAROM_OPTION_FLAG, &job.header, NULL, "sign: the header X-Carom-Reference instead of a return path"},
        {NULL, 0, NULL, NULL, NULL}};
    char **operands;
    int n = carom_cli_options(
        argc, argv, options,
        "--policy FILE [OPTIONS] sign ADDRESS… | sign - | verify RETURN-PATH [ADDRESS] | import FILE…",
        "Signs return paths, so that a bounce proves whom it is about, and checks them. sign - reads a\n"
        "column of addresses, or CSV with the columns address, list and id; so does import, which\n"
        "teaches the ledger whom those mean that are too short for an address.",
        &operands);
    enum verb verb = SIGN;

    if (n < 0)
        return carom_cli_options_exit(n);
    if (n == 0)
        return carom_cli_usage("verp", "say sign, verify or import");
    while (verb < VERBS && strcmp(operands[0], verbs[verb]))
        verb++;
    int wrong = check_usage(&job, verb, operands[0], n - 1);
    if (wrong)
        return wrong;
    struct carom_arena *arena = carom_arena_new();
    job.arena = carom_arena_new();
    int result = -1;
    if (!arena || !job.arena || carom_arena_guard(arena))
        carom_error_memory(&err);
    else
        result = run(&job, verb, arena, operands + 1, n - 1);
    if (job.ledger.ops)
        carom_ledger_close(&job.ledger);
    carom_policy_free(job.policy);
    carom_arena_free(job.arena);
    carom_arena_free(arena);
    if (result < 0)
        return carom_cli_fail(&err);
    return job.wrong ? EX_DATAERR : result;
}
