/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What a worker does with its message, as who owns the ledger. */

#include "cli/owner.h"
#include "cli/worker.h"

int carom_worker_decide(const struct carom_worker *worker, struct carom_worker_door *door, struct carom_error *err)
{
    struct carom_envelope envelope = {.source = "-"};
    struct carom_str bytes = CAROM_STR_EMPTY;
    struct carom_engine *engine;
    struct carom_result *result;

    if (carom_cli_become_owner(worker->place, err) != 0)
        return -1;
    const struct carom_engine_options options = {.policy = worker->place->policy, .store = worker->place->store,
                                                 .state = worker->place->state, .log = &worker->log->logger.log};
    if (worker->message(worker->user, &bytes, &envelope, err) != 0 || !(engine = carom_engine_open(&options, err)))
        return -1;
    carom_cli_log_policy(worker->log, carom_policy_config(engine->policy));
    engine->permit = carom_worker_ask;
    engine->permit_user = door;
    int failed = carom_engine_message(engine, bytes.ptr, bytes.len, &envelope, &result, err);
    if (!failed) {
        carom_cli_log_result(worker->log, result);
        carom_result_free(result);
    }
    carom_engine_close(engine);
    return failed;
}
