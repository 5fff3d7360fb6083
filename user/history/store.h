/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* Inside the history: the database and its statements. */
#ifndef HOMEOSTAT_STORE_H
#define HOMEOSTAT_STORE_H

#include <sqlite3.h>

#include "history.h"

#define HISTORY_BUSY_MS 2000 /* that a reader may keep us waiting */

/* X(ID, sql): what is written again and again. `at` is the second that a span begins with. */
#define STORE_AGGREGATES                                                                           \
	"(at,vital,samples,present,min,max,mean,variance,p50,p95,p99,peak,ewma)"                   \
	" VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13)"
#define STORE_STATEMENTS(X)                                                                        \
	X(BEGIN, "BEGIN IMMEDIATE")                                                                \
	X(COMMIT, "COMMIT")                                                                        \
	X(ROLLBACK, "ROLLBACK")                                                                    \
	X(CHANGE_FIND, "SELECT c.id, s.state, s.at_mono_ns FROM change c JOIN change_state s"      \
		       " ON s.change = c.id WHERE c.boot_id = ?1 AND c.made_mono_ns = ?2"          \
		       " AND c.number = ?3 ORDER BY s.seen DESC LIMIT 1")                          \
	X(CHANGE_ADD, "INSERT INTO change(boot_id,number,made_mono_ns,made_wall_ns,source,uid,"    \
		      "risk,timing,reason) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9)")                    \
	X(STATE_ADD, "INSERT INTO change_state(change,seen,state,why,at_mono_ns,at_wall_ns)"       \
		     " VALUES(?1,(SELECT ifnull(max(seen),0)+1 FROM change_state"                  \
		     " WHERE change=?1),?2,?3,?4,?5)")                                             \
	X(FILE_ADD, "INSERT OR REPLACE INTO change_file(change,place,parameter,path,from_value,"   \
		    "to_value) VALUES(?1,?2,?3,?4,?5,?6)")                                         \
	X(VITAL_FIND, "SELECT id FROM vital WHERE name = ?1")                                      \
	X(VITAL_ADD, "INSERT INTO vital(name,unit) SELECT ?1,?2"                                   \
		     " WHERE (SELECT count(*) FROM vital) < ?3")                                   \
	X(RAW_ADD, "INSERT OR REPLACE INTO raw(at,vital,value) VALUES(?1,?2,?3)")                  \
	X(RAW_OLD, "DELETE FROM raw WHERE at < ?1 OR at > ?2")                                     \
	X(MINUTE_ADD, "INSERT OR REPLACE INTO minute" STORE_AGGREGATES)                            \
	X(HOUR_ADD, "INSERT OR REPLACE INTO hour" STORE_AGGREGATES)                                \
	X(MINUTES_OF, "SELECT vital,samples,present,min,max,mean,variance,p50,p95,p99,peak,ewma"   \
		      " FROM minute WHERE at >= ?1 AND at < ?2 ORDER BY vital, at")                \
	X(SPIKE_ADD, "INSERT INTO spike(at,vital,value,average,deviation) VALUES(?1,?2,?3,?4,?5)") \
	X(AROUND_ADD, "INSERT INTO spike_around(spike,vital,average,before,at,after)"              \
		      " VALUES(?1,?2,?3,?4,?5,?6)")
enum store_statement {
#define X(id, sql) STORE_##id,
	STORE_STATEMENTS(X)
#undef X
	STORE_NR
};

struct history {
	sqlite3 *db;
	sqlite3_stmt *statement[STORE_NR];
	char error[HISTORY_ERROR_LEN];
};

/* SQLite's result code as negative errno, kept for history_error(); SQLITE_OK, ROW and DONE are 0. */
int store_result(struct history *h, int code);

/* A statement, reset, to bind to and step. */
sqlite3_stmt *store_statement(struct history *h, enum store_statement id);

/* Steps a statement that returns no row. 0 or negative errno. */
int store_run(struct history *h, sqlite3_stmt *statement);

/* Around what is stored whole or not at all. store_end() commits, or where @err rolls back; the first error is returned. */
int store_begin(struct history *h);
int store_end(struct history *h, int err);

/* Binds text as it is, NULL as "". */
void store_bind_text(sqlite3_stmt *statement, int column, const char *text);

/* Binds a number, cut to what SQLite's integers hold. */
void store_bind(sqlite3_stmt *statement, int column, __u64 value);

/* The members of an aggregate from a column on, and back. */
void store_bind_aggregate(sqlite3_stmt *statement, int column, const struct aggregate *a);
struct aggregate store_aggregate(sqlite3_stmt *statement, int column);

/* Prepares one for a single use; the caller finalizes it. NULL: history_error(). */
sqlite3_stmt *store_prepare(struct history *h, const char *sql);

/* A number that a query has as its first result; 0 also where it has none. */
__u64 store_number(struct history *h, const char *sql);

#endif
