/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* carom codes: the tables, for people who look something up. */

#include <stdio.h>

#include "bounce/tables.h"
#include "classify/provider.h"
#include "classify/reasons.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "smtp/codes.h"

static const char *word(enum carom_reason reason)
{
    return reason ? carom_reason_name(reason) : "";
}

/* Tab-separated: stays readable on a terminal and is easy to cut. */
static void print_codes(void)
{
    printf("code\treason\tmeaning\tfault\tusually\treference\tbeware\n");
    for (size_t i = 0; i < carom_codes_n; i++) {
        const struct carom_code_row *row = &carom_codes[i];
        printf("%d\t%s\t%s\t%s\t%s\t%s\t%s\n", row->code, word(row->reason), row->meaning, row->fault, row->advice,
               row->reference, row->notes);
    }
}

static void print_number(int number, const char *any)
{
    if (number > 0 || (number == 0 && !strcmp(any, "Z")))
        printf("%d", number);
    else
        fputs(any, stdout);
}

static void print_statuses(void)
{
    printf("status\treason\tmeaning\treference\tbeware\n");
    for (size_t i = 0; i < carom_statuses_n; i++) {
        const struct carom_status_row *row = &carom_statuses[i];
        print_number(row->klass, "X");
        putchar('.');
        print_number(row->subject < 0 ? -1 : row->subject, row->subject == 0 ? "Z" : "Y");
        putchar('.');
        print_number(row->detail, row->detail == 0 ? "Z" : "*");
        if (row->detail_last > row->detail)
            printf("-%d", row->detail_last);
        printf("\t%s\t%s\t%s\t%s\n", word(row->reason), row->meaning, row->reference, row->notes);
    }
}

static void print_providers(void)
{
    printf("provider\tname\thosts\tdomains\n");
    for (size_t i = 0; i < carom_providers_n; i++)
        printf("%s\t%s\t%s\t%s\n", carom_providers[i].id, carom_providers[i].name, carom_providers[i].hosts,
               carom_providers[i].domains);
}

/* As its table has them. */
static void print_values(const char *cell)
{
    struct carom_str value;

    for (const char *between = ""; carom_cell_next(&cell, &value); between = " ; ")
        printf("%s" CAROM_STR_FMT, between, CAROM_STR_ARG(value));
}

static void print_return_paths(void)
{
    printf("return path\tlocal part\thosts\tgives\tsure\n");
    for (size_t i = 0; i < carom_return_paths_n; i++) {
        const struct carom_return_path_row *row = &carom_return_paths[i];
        printf("%s\t%s\t", row->system, carom_cell_str(row->local).ptr);
        print_values(row->host);
        printf("\t%s\t%s\n", row->gives, row->sure);
    }
}

static void print_reasons(void)
{
    printf("reason\tfault\tmeaning\tto do\n");
    for (size_t i = 0; i < carom_reason_rows_n; i++)
        printf("%s\t%s\t%s\t%s\n", carom_reason_name(carom_reason_rows[i].reason),
               carom_fault_name(carom_reason_fault(carom_reason_rows[i].reason)), carom_reason_rows[i].meaning,
               carom_reason_rows[i].advice);
}

static void codes_json(struct carom_print *print)
{
    for (size_t i = 0; i < carom_codes_n; i++) {
        struct carom_json json = carom_print_json(print);
        const struct carom_code_row *row = &carom_codes[i];
        carom_json_object(&json);
        carom_json_key(&json, CAROM_STR("code"));
        carom_json_int(&json, row->code);
        carom_json_field_str(&json, "reason", carom_str(word(row->reason)));
        carom_json_field_str(&json, "meaning", carom_str(row->meaning));
        carom_json_field_str(&json, "fault", carom_str(row->fault));
        carom_json_field_str(&json, "usually", carom_str(row->advice));
        carom_json_field_str(&json, "reference", carom_str(row->reference));
        carom_json_field_str(&json, "beware", carom_str(row->notes));
        carom_json_object_end(&json);
        carom_print_line(print);
    }
}

int cmd_codes(int argc, char **argv)
{
    bool providers = false, reasons = false, statuses = false, replies = false, paths = false, json = false;
    const struct carom_option options[] = {
        {"replies", CAROM_OPTION_FLAG, &replies, NULL, "only the three-digit reply codes"},
        {"statuses", CAROM_OPTION_FLAG, &statuses, NULL, "only the enhanced status codes"},
        {"providers", CAROM_OPTION_FLAG, &providers, NULL, "the mailbox providers that we know by host or domain"},
        {"reasons", CAROM_OPTION_FLAG, &reasons, NULL, "the reasons and faults"},
        {"return-paths", CAROM_OPTION_FLAG, &paths, NULL, "the envelope senders that we read"},
        {"json", CAROM_OPTION_FLAG, &json, NULL, "the reply codes as JSON lines"},
        {NULL, 0, NULL, NULL, NULL}};
    char **operands;
    int n = carom_cli_options(argc, argv, options, "[OPTIONS]",
                              "Prints the tables, tab-separated: reply codes, then enhanced status codes.", &operands);

    if (n < 0)
        return carom_cli_options_exit(n);
    if (n > 0)
        return carom_cli_usage("codes", "takes no operand '%s'; carom explain %s says what it means", operands[0],
                               operands[0]);
    if (json) {
        if (providers || reasons || paths || statuses)
            return carom_cli_usage("codes", "--json prints the reply codes only");
        struct carom_print print = carom_print_begin(stdout);
        codes_json(&print);
        return carom_print_end(&print) == 0 ? EX_OK : EX_IOERR;
    }
    if (providers)
        print_providers();
    if (reasons)
        print_reasons();
    if (paths)
        print_return_paths();
    if (replies || !(providers || reasons || paths || statuses))
        print_codes();
    if (!(providers || reasons || paths || statuses || replies))
        putchar('\n');
    if (statuses || !(providers || reasons || paths || replies))
        print_statuses();
    return EX_OK;
}
