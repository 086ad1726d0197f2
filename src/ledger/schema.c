/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The tables, version 1. A change of anything here is a new version and a migration. Enumerations are kept as words,
   so that a word more in the middle of an enum does not change what is stored. */

#include "ledger/schema.h"

#include <stddef.h>

const char *const carom_schema[] = {
    /* key: carom_address_key; hash: of the key; spelling: as seen last, for people and sinks; restored: when somebody last
       took it back (undo, a suppression removed by hand), 0 never. */
    "CREATE TABLE address (id INTEGER PRIMARY KEY, hash INTEGER NOT NULL, key TEXT NOT NULL, spelling TEXT NOT NULL,"
    " restored INTEGER NOT NULL DEFAULT 0) STRICT;",
    "CREATE INDEX address_hash ON address (hash);",
    /* Whole messages, packed (pack.h); they go before their facts do, which then point to nothing. */
    "CREATE TABLE raw (id INTEGER PRIMARY KEY, message BLOB NOT NULL) STRICT;",
    /* A fact and what was decided on it. identity: the caller's hash, the next free number after a collision; unmatched:
       how many of its actions lacked a list, a recipient or a sink; held: 1 below the gate, so that it counts for nothing;
       undone: the operation that took its decision back, 0 none: then it counts no more either. */
    "CREATE TABLE fact (id INTEGER PRIMARY KEY, identity INTEGER NOT NULL, address INTEGER REFERENCES address (id),"
    " kind TEXT NOT NULL, reason TEXT, authenticity TEXT NOT NULL, hard INTEGER NOT NULL, ignored INTEGER NOT NULL,"
    " retried INTEGER NOT NULL, time INTEGER NOT NULL, received INTEGER NOT NULL, delivery INTEGER NOT NULL,"
    " points REAL NOT NULL, held INTEGER NOT NULL, undone INTEGER NOT NULL, provider TEXT, rule TEXT, list TEXT,"
    " raw INTEGER, policy TEXT, decided INTEGER NOT NULL, unmatched INTEGER NOT NULL, decision TEXT NOT NULL,"
    " fact TEXT NOT NULL, headers BLOB, returned BLOB) STRICT;",
    "CREATE UNIQUE INDEX fact_identity ON fact (identity);",
    "CREATE INDEX fact_address ON fact (address);",
    /* Rates are counted in it, without the wide rows. */
    "CREATE INDEX fact_decided ON fact (decided, kind, unmatched);",
    /* begun: when its attempts began, as it was created or sent again by hand; planned: when it was meant to go, which
       gives the order; due: when the next attempt may be made. part: its number among the jobs of the fact. suppression:
       the one whose end it tells. ended_by: the fact, operation or incident that dropped it; of suppression, departure
       and tag: that ended it. */
    "CREATE TABLE job (id INTEGER PRIMARY KEY, fact INTEGER NOT NULL REFERENCES fact (id), part INTEGER NOT NULL,"
    " address INTEGER REFERENCES address (id), state INTEGER NOT NULL, created INTEGER NOT NULL,"
    " begun INTEGER NOT NULL,"
    " planned INTEGER NOT NULL, due INTEGER NOT NULL, lease INTEGER NOT NULL, attempts INTEGER NOT NULL,"
    " suppression INTEGER, ended_by INTEGER, sink TEXT NOT NULL, action TEXT NOT NULL, arguments TEXT NOT NULL,"
    " answer TEXT NOT NULL) STRICT;",
    "CREATE INDEX job_due ON job (state, due, planned);",
    "CREATE INDEX job_order ON job (address, state, planned);",
    "CREATE INDEX job_fact ON job (fact);",
    /* ended: 0 while it stands. list: empty for everywhere. reason: for people; it outlives the fact. batch: the import
       that it came with. */
    "CREATE TABLE suppression (id INTEGER PRIMARY KEY, address INTEGER NOT NULL REFERENCES address (id),"
    " list TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL, cause INTEGER NOT NULL,"
    " soft INTEGER NOT NULL, fact INTEGER, batch INTEGER, reason TEXT NOT NULL, ended INTEGER NOT NULL,"
    " ended_by INTEGER) STRICT;",
    /* So wide that what is asked of an address is never looked up in suppression_ended, among all that stand. */
    "CREATE INDEX suppression_address ON suppression (address, ended, until);",
    "CREATE INDEX suppression_batch ON suppression (batch);",
    "CREATE INDEX suppression_ended ON suppression (ended, until);",
    "CREATE INDEX suppression_fact ON suppression (fact);",
    "CREATE INDEX suppression_ended_by ON suppression (ended_by);",
    /* What came in together by hand; source: the file. */
    "CREATE TABLE batch (id INTEGER PRIMARY KEY, created INTEGER NOT NULL, source TEXT NOT NULL) STRICT;",
    /* Addresses that were erased and are still not to be mailed. mac: keyed hash of the key; hash: its first 64 bits. */
    "CREATE TABLE erased (id INTEGER PRIMARY KEY, hash INTEGER NOT NULL, mac BLOB NOT NULL) STRICT;",
    "CREATE INDEX erased_hash ON erased (hash);",
    /* Whom a hash in a return path means (own empty), or whom the sender's own id does; list: as tokens name it. */
    "CREATE TABLE reference (id INTEGER PRIMARY KEY, hash INTEGER NOT NULL,"
    " address INTEGER NOT NULL REFERENCES address (id), list TEXT NOT NULL, own TEXT NOT NULL) STRICT;",
    "CREATE INDEX reference_hash ON reference (hash);",
    "CREATE INDEX reference_address ON reference (address);",
    /* When something was done last; id: enum carom_note. */
    "CREATE TABLE note (id INTEGER PRIMARY KEY, time INTEGER NOT NULL) STRICT;",
    /* Who left which list; list empty: all of them, also those that come later; with each = 1: there is none left that he
       has not left one by one, which says nothing of lists that come later. */
    "CREATE TABLE departure (id INTEGER PRIMARY KEY, address INTEGER NOT NULL REFERENCES address (id),"
    " list TEXT NOT NULL, each INTEGER NOT NULL, since INTEGER NOT NULL, fact INTEGER, ended INTEGER NOT NULL,"
    " ended_by INTEGER) STRICT;",
    "CREATE INDEX departure_address ON departure (address);",
    "CREATE INDEX departure_fact ON departure (fact);",
    "CREATE INDEX departure_ended_by ON departure (ended_by);",
    /* Of one address and key the one that was not ended counts. */
    "CREATE TABLE tag (id INTEGER PRIMARY KEY, address INTEGER NOT NULL REFERENCES address (id), key TEXT NOT NULL,"
    " value TEXT NOT NULL, fact INTEGER, ended INTEGER NOT NULL, ended_by INTEGER) STRICT;",
    "CREATE INDEX tag_address ON tag (address);",
    /* Actions that wait for a person: part is their number in the fact's decision; cause: gate, observe, breaker; list:
       empty for everywhere; incident: the breaker's, or 0. */
    "CREATE TABLE held (id INTEGER PRIMARY KEY, fact INTEGER NOT NULL REFERENCES fact (id), part INTEGER NOT NULL,"
    " address INTEGER REFERENCES address (id), action TEXT NOT NULL, list TEXT NOT NULL, cause TEXT NOT NULL,"
    " incident INTEGER NOT NULL, since INTEGER NOT NULL) STRICT;",
    "CREATE INDEX held_fact ON held (fact);",
    "CREATE INDEX held_address ON held (address);",
    "CREATE INDEX held_cause ON held (cause);",
    /* Who was, or would be, taken off a list or off the mail, for the breaker. id: the fact's; grp: hash of provider and
       reason; state: 0 carried out or released, 1 held, 2 discarded or undone. */
    "CREATE TABLE removal (id INTEGER PRIMARY KEY, grp INTEGER NOT NULL, received INTEGER NOT NULL,"
    " address INTEGER NOT NULL REFERENCES address (id), state INTEGER NOT NULL) STRICT;",
    "CREATE INDEX removal_grp ON removal (grp, received);",
    /* A provider's bad day. since, busy: first and last time (received) at which too many would have gone; usual: the
       busiest window before; ended: when the first passed again, 0 not yet. */
    "CREATE TABLE incident (id INTEGER PRIMARY KEY, grp INTEGER NOT NULL, provider TEXT NOT NULL, reason TEXT NOT NULL,"
    " since INTEGER NOT NULL, busy INTEGER NOT NULL, usual INTEGER NOT NULL, ended INTEGER NOT NULL) STRICT;",
    "CREATE INDEX incident_grp ON incident (grp, since);",
    /* What a person did with decisions: release, discard, undo, redo. what it was asked to do, as JSON. reversed: the
       operation that took this one back, 0 none. */
    "CREATE TABLE operation (id INTEGER PRIMARY KEY, time INTEGER NOT NULL, action TEXT NOT NULL, selection TEXT NOT NULL,"
    " facts INTEGER NOT NULL, reversed INTEGER NOT NULL) STRICT;",
    /* sent: when the last alert of that key was; held: how many were not sent since. */
    "CREATE TABLE alert (id INTEGER PRIMARY KEY, hash INTEGER NOT NULL, key TEXT NOT NULL, sent INTEGER NOT NULL,"
    " held INTEGER NOT NULL) STRICT;",
    "CREATE INDEX alert_hash ON alert (hash);",
    /* How far retention looked through a table (ledger/prune.c), and when it began at the first key. */
    "CREATE TABLE sweep (id INTEGER PRIMARY KEY, upto INTEGER NOT NULL, since INTEGER NOT NULL) STRICT;",
    /* Sinks that are stopped; a handful. until: the next trial, 0 when somebody must enable it. */
    "CREATE TABLE pause (id INTEGER PRIMARY KEY, sink TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL,"
    " why TEXT NOT NULL) STRICT;",
    NULL,
};
