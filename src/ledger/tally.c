/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Rows of a period. The index on the time of decisions finds them; what was done is found by ids, which ascend in time. */

#include "ledger/tally.h"

#include "base/error.h"
#include "ledger/care.h"
#include "ledger/sqlite.h"
#include "ledger/stored.h"

/* Of the fact, whatever its time; ?3 to ?7. */
#define PART                                                                                                           \
    " (?3 = '' OR f.reason = ?3 OR f.kind = ?3) AND " CAROM_SELECTION_PROVIDER " AND (?5 = '' OR f.rule = ?5) AND" \
    " (?6 = '' OR lower(f.list) = lower(?6)) AND (?7 = '' OR substr(f.policy, 1, length(?7)) = ?7) "
#define PART_TYPES "sssss"
#define PART_VALUES(s) (s)->reason, (s)->provider, (s)->rule, (s)->list, (s)->policy

static int64_t until_of(const struct carom_selection *selection)
{
    return selection->until ? selection->until : INT64_MAX;
}

static bool is_part(const struct carom_selection *s)
{
    return s->reason.len || s->provider.len || s->rule.len || s->list.len || s->policy.len;
}

/* ---- Facts ---- */

static void read_row(sqlite3_stmt *row, struct carom_tally *tally)
{
    *tally = (struct carom_tally){.decided = sqlite3_column_int64(row, 0),
                                  .kind = CAROM_KIND_OTHER,
                                  .delivery = (uint64_t)sqlite3_column_int64(row, 3),
                                  .held = sqlite3_column_int(row, 4) != 0,
                                  .ignored = sqlite3_column_int(row, 5) != 0,
                                  .unmatched = sqlite3_column_int64(row, 6),
                                  .provider = carom_db_bytes(row, 7),
                                  .list = carom_db_bytes(row, 8),
                                  .diagnostic = carom_db_bytes(row, 9)};
    carom_kind_parse(carom_db_bytes(row, 1), &tally->kind);
    carom_reason_parse(carom_db_bytes(row, 2), &tally->reason);
}

int carom_sqlite_tally(struct carom_store *store, const struct carom_selection *selection, int64_t worded,
                       int (*each)(void *user, const struct carom_tally *tally), void *user, struct carom_error *err)
{
    static const char sql[] =
        "SELECT f.decided, f.kind, f.reason, f.delivery, f.held, f.ignored, f.unmatched, f.provider, f.list,"
        " CASE WHEN f.decided >= ?8 AND f.reason IS NOT NULL THEN json_extract(f.fact, '$.diagnostic') END"
        " FROM fact f WHERE f.decided >= ?1 AND f.decided < ?2 AND" PART "ORDER BY f.decided";
    sqlite3_stmt *row = carom_db_use(&store->db, err, sql, "ii" PART_TYPES "i", selection->since, until_of(selection),
                                     PART_VALUES(selection), worded);
    int found = row ? 0 : -1;

    while (row && (found = carom_db_row(&store->db, row, err)) > 0) {
        struct carom_tally tally;
        read_row(row, &tally);
        if (each(user, &tally) != 0) {
            carom_db_done(row);
            return carom_error_memory(err);
        }
    }
    return found;
}

int carom_sqlite_beginning(struct carom_store *store, int64_t *time_r, struct carom_error *err)
{
    static const char sql[] = "SELECT min(decided) FROM fact";
    return carom_db_value(&store->db, carom_db_use(&store->db, err, sql, ""), time_r, err);
}

/* ---- Deeds ---- */

static int count(struct carom_store *store, const struct carom_selection *selection, const char *sql, bool by_id,
                 int64_t *n_r, struct carom_error *err)
{
    int64_t from = by_id ? carom_db_first_id(selection->since) : selection->since;
    int64_t to = !selection->until ? INT64_MAX : by_id ? carom_db_first_id(selection->until) : selection->until;
    return carom_db_value(&store->db,
                          carom_db_use(&store->db, err, sql, "ii" PART_TYPES "i", from, to, PART_VALUES(selection),
                                       (int64_t)is_part(selection)),
                          n_r, err);
}

/* Decisions in operations of that name. */
static int count_operations(struct carom_store *store, const struct carom_selection *selection, const char *action,
                            int64_t *n_r, struct carom_error *err)
{
    static const char sql[] = "SELECT coalesce(sum(facts), 0) FROM operation WHERE time >= ?1 AND time < ?2 AND action = ?3";
    *n_r = -1;
    if (is_part(selection))
        return 0;
    return carom_db_value(&store->db,
                          carom_db_use(&store->db, err, sql, "iis", selection->since, until_of(selection), carom_str(action)),
                          n_r, err);
}

/* What has no fact belongs to the whole, or to its own list when that is all that is asked for. */
#define OF_FACT " AND (?8 = 0 OR (f.id IS NOT NULL AND" PART ")) "

int carom_sqlite_deeds(struct carom_store *store, const struct carom_selection *selection, struct carom_deeds *deeds,
                       struct carom_error *err)
{
    static const char left[] = "SELECT count(DISTINCT d.address) FROM departure d LEFT JOIN fact f ON f.id = d.fact WHERE"
                               " d.id >= ?1 AND d.id < ?2" OF_FACT;
    static const char suppressed[] = "SELECT count(*) FROM suppression s JOIN fact f ON f.id = s.fact WHERE"
                                     " s.id >= ?1 AND s.id < ?2" OF_FACT;
    static const char by_hand[] = "SELECT count(*) FROM suppression s WHERE s.id >= ?1 AND s.id < ?2 AND s.fact IS NULL AND"
                                  " (?8 = 0 OR (?3 || ?4 || ?5 || ?7 = '' AND lower(s.list) = lower(?6)))";
    static const char ended[] = "SELECT count(*) FROM suppression s LEFT JOIN fact f ON f.id = s.fact WHERE"
                                " s.ended >= max(?1, 1) AND s.ended < ?2" OF_FACT;
    static const char held[] =
        "SELECT count(*) FROM held h JOIN fact f ON f.id = h.fact WHERE f.decided >= ?1 AND f.decided < ?2" OF_FACT;

    return count(store, selection, left, true, &deeds->left, err) == 0 &&
                   count(store, selection, suppressed, true, &deeds->suppressed, err) == 0 &&
                   count(store, selection, by_hand, true, &deeds->by_hand, err) == 0 &&
                   count(store, selection, ended, false, &deeds->ended, err) == 0 &&
                   count(store, selection, held, false, &deeds->held, err) == 0 &&
                   count_operations(store, selection, "release", &deeds->released, err) == 0 &&
                   count_operations(store, selection, "discard", &deeds->discarded, err) == 0 &&
                   count_operations(store, selection, "expire", &deeds->expired, err) == 0 &&
                   count_operations(store, selection, "undo", &deeds->undone, err) == 0 &&
                   count_operations(store, selection, "redo", &deeds->redone, err) == 0
               ? 0
               : -1;
}
