/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Embedding carom: classify one SMTP reply, parse a bounce, let a policy decide, in two threads with an engine each, and
   tell it what the sender itself heard.

   cc -o embed embed.c $(pkg-config --cflags --libs carom) -pthread
   ./embed BOUNCE.eml POLICY.lua sqlite:/tmp/embed.db */

#include <carom.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct message {
    char *bytes;
    size_t size;
};

static int read_file(const char *path, struct message *message)
{
    FILE *file = fopen(path, "rb");
    size_t room = 1 << 20, got;

    if (!file)
        return -1;
    message->size = 0;
    message->bytes = malloc(room);
    while (message->bytes && (got = fread(message->bytes + message->size, 1, room - message->size, file)) > 0)
        if ((message->size += got) == room)
            message->bytes = realloc(message->bytes, room *= 2);
    fclose(file);
    return message->bytes ? 0 : -1;
}

/* What a sending pipeline does with the answer of the other side. No policy, no ledger. */
static int classify(void)
{
    struct carom_error err;
    struct carom_facts *facts;

    if (carom_classify_reply("550 5.1.1 <anna@example.com>: User unknown", "anna@example.com", "mx.example.com", &facts,
                             &err) != 0) {
        fprintf(stderr, "%s\n", err.text);
        return -1;
    }
    const struct carom_fact *fact = carom_facts_get(facts, 0);
    printf("reply: %s, %s, fault %s, %s\n", carom_kind_name(fact->kind), carom_reason_name(fact->reason),
           carom_fault_name(fact->fault), fact->hard ? "hard" : "soft");
    carom_facts_free(facts);
    return 0;
}

/* What came back as a message: one fact a recipient. */
static int parse(const struct message *message)
{
    struct carom_error err;
    struct carom_facts *facts;
    const struct carom_envelope envelope = {.source = "embed"};

    if (carom_parse(message->bytes, message->size, &envelope, &facts, &err) != 0) {
        fprintf(stderr, "%s\n", err.text);
        return -1;
    }
    for (size_t i = 0; i < carom_facts_count(facts); i++) {
        const struct carom_fact *fact = carom_facts_get(facts, i);
        printf("parsed: %s of " CAROM_STR_FMT "\n", carom_kind_name(fact->kind), CAROM_STR_ARG(fact->recipient));
    }
    char *json = carom_fact_json(carom_facts_get(facts, 0));
    if (json)
        printf("json: %s\n", json);
    free(json);
    carom_facts_free(facts);
    return json ? 0 : -1;
}

/* A sender's own replies: after the commit the actions say whether to send again. What was delivered clears what was
   soft; of an address without history nothing is written. */
static int hear(const char *policy, const char *store)
{
    static const struct carom_reply_input busy = {.reply = "450 4.2.0 Greylisted, try again",
                                                  .recipient = "dieter@example.net",
                                                  .delivery = "4711/12",
                                                  .remote_mta = "mx.example.net"};
    static const char *const delivered[] = {"dieter@example.net", "never-failed@example.org"};
    const struct carom_engine_options options = {.policy = policy, .store = store};
    struct carom_error err;
    struct carom_result *result;
    size_t recorded = 0;
    struct carom_engine *engine = carom_engine_open(&options, &err);
    int failed = !engine || carom_engine_reply(engine, &busy, &result, &err) != 0;

    if (!failed) {
        for (size_t i = 0; i < carom_result_actions(result, 0); i++) {
            const struct carom_action *action = carom_result_action(result, 0, i);
            printf("heard: " CAROM_STR_FMT " " CAROM_STR_FMT "\n", CAROM_STR_ARG(action->name),
                   CAROM_STR_ARG(action->details));
        }
        carom_result_free(result);
        failed = carom_delivered(engine, delivered, 2, "4711", 0, &recorded, &err) != 0;
        printf("delivered: %zu of 2 had a history\n", recorded);
    }
    if (failed)
        fprintf(stderr, "%s\n", err.text);
    carom_engine_close(engine);
    return failed ? -1 : 0;
}

struct job {
    const struct message *message;
    const char *policy, *store;
    char said[4096];
};

static void describe(struct job *job, const struct carom_result *result)
{
    size_t used = 0;

    for (size_t i = 0; i < carom_result_facts(result); i++) {
        const struct carom_fact *fact = carom_result_fact(result, i);
        struct carom_str hook = carom_result_hook(result, i);
        used += (size_t)snprintf(job->said + used, sizeof(job->said) - used, CAROM_STR_FMT ": %s, hook " CAROM_STR_FMT,
                                 CAROM_STR_ARG(fact->recipient),
                                 carom_result_duplicate(result, i) ? "known already" : "new", CAROM_STR_ARG(hook));
        for (size_t k = 0; k < carom_result_actions(result, i) && used < sizeof(job->said); k++) {
            const struct carom_action *action = carom_result_action(result, i, k);
            used += (size_t)snprintf(job->said + used, sizeof(job->said) - used,
                                     ", " CAROM_STR_FMT " " CAROM_STR_FMT " " CAROM_STR_FMT,
                                     CAROM_STR_ARG(action->name), CAROM_STR_ARG(action->state),
                                     CAROM_STR_ARG(action->details));
        }
        if (used >= sizeof(job->said) - 1)
            break;
    }
}

/* One thread: its own engine; nothing is shared but the ledger's file. Returns NULL when all went well. */
static void *decide(void *user)
{
    struct job *job = user;
    const struct carom_engine_options options = {.policy = job->policy, .store = job->store};
    const struct carom_envelope envelope = {.source = "embed"};
    struct carom_error err = {0};
    struct carom_result *result;
    struct carom_engine *engine = carom_engine_open(&options, &err);

    if (engine && carom_engine_message(engine, job->message->bytes, job->message->size, &envelope, &result, &err) == 0) {
        describe(job, result);
        carom_result_free(result);
    } else {
        snprintf(job->said, sizeof(job->said), "%s", err.text);
        user = NULL;
    }
    carom_engine_close(engine);
    return user ? NULL : job;
}

int main(int argc, char **argv)
{
    struct message message;

    if (argc != 4) {
        fprintf(stderr, "usage: embed BOUNCE POLICY STORE\n");
        return 64;
    }
    if (read_file(argv[1], &message) != 0) {
        perror(argv[1]);
        return 66;
    }
    printf("carom %s\n", carom_version());
    int failed = classify() != 0 || parse(&message) != 0;
    struct job jobs[2] = {{.message = &message, .policy = argv[2], .store = argv[3]},
                          {.message = &message, .policy = argv[2], .store = argv[3]}};
    pthread_t threads[2];
    for (size_t i = 0; i < 2; i++)
        if (pthread_create(&threads[i], NULL, decide, &jobs[i]) != 0)
            return 71;
    for (size_t i = 0; i < 2; i++) {
        void *wrong;
        pthread_join(threads[i], &wrong);
        printf("decided: %s\n", jobs[i].said);
        failed = failed || wrong;
    }
    failed = hear(argv[2], argv[3]) != 0 || failed;
    free(message.bytes);
    return failed ? 70 : 0;
}
