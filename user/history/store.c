// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The database: opening, tables, and what is done where it is not as it should be. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store.h"

#define STRING_(x) #x
#define STRING(x) STRING_(x)

/* Clustered by time: what is written together lies together, and so does what is deleted. */
#define AGGREGATE_TABLE(name)                                                                      \
	"CREATE TABLE " name "(at INTEGER NOT NULL, vital INTEGER NOT NULL,"                       \
	" samples INTEGER NOT NULL, present INTEGER NOT NULL, min INTEGER NOT NULL,"               \
	" max INTEGER NOT NULL, mean INTEGER NOT NULL, variance INTEGER NOT NULL,"                 \
	" p50 INTEGER NOT NULL, p95 INTEGER NOT NULL, p99 INTEGER NOT NULL,"                       \
	" peak INTEGER NOT NULL, ewma INTEGER NOT NULL, PRIMARY KEY(at, vital))"                   \
	" STRICT, WITHOUT ROWID;"

static const char tables[] =
	"CREATE TABLE change(id INTEGER PRIMARY KEY, boot_id TEXT NOT NULL,"
	" number INTEGER NOT NULL, made_mono_ns INTEGER NOT NULL, made_wall_ns INTEGER NOT NULL,"
	" source TEXT NOT NULL, uid INTEGER NOT NULL, risk INTEGER NOT NULL, timing TEXT NOT NULL,"
	/* a daemon that is started anew may count from the beginning again */
	" reason TEXT NOT NULL, UNIQUE(boot_id, made_mono_ns, number)) STRICT;"
	"CREATE INDEX change_made ON change(made_wall_ns);"
	"CREATE TABLE change_state(change INTEGER NOT NULL REFERENCES change ON DELETE CASCADE,"
	" seen INTEGER NOT NULL, state TEXT NOT NULL, why TEXT NOT NULL,"
	" at_mono_ns INTEGER NOT NULL, at_wall_ns INTEGER NOT NULL, PRIMARY KEY(change, seen))"
	" STRICT, WITHOUT ROWID;"
	"CREATE TABLE change_file(change INTEGER NOT NULL REFERENCES change ON DELETE CASCADE,"
	" place INTEGER NOT NULL, parameter TEXT NOT NULL, path TEXT NOT NULL,"
	" from_value TEXT NOT NULL, to_value TEXT NOT NULL, PRIMARY KEY(change, place))"
	" STRICT, WITHOUT ROWID;"
	"CREATE INDEX change_file_parameter ON change_file(parameter);"
	"CREATE TABLE vital(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
	" unit TEXT NOT NULL) STRICT;"
	"CREATE TABLE raw(at INTEGER NOT NULL, vital INTEGER NOT NULL, value INTEGER NOT NULL,"
	" PRIMARY KEY(at, vital)) STRICT, WITHOUT ROWID;" AGGREGATE_TABLE("minute")
		AGGREGATE_TABLE("hour") "CREATE TABLE spike(id INTEGER PRIMARY KEY,"
					" at INTEGER NOT NULL, vital INTEGER NOT NULL,"
					" value INTEGER NOT NULL, average INTEGER NOT NULL,"
					" deviation INTEGER NOT NULL) STRICT;"
					"CREATE INDEX spike_at ON spike(at);"
					"CREATE TABLE spike_around(spike INTEGER NOT NULL"
					" REFERENCES spike ON DELETE CASCADE,"
					" vital INTEGER NOT NULL, average INTEGER NOT NULL,"
					" before INTEGER, at INTEGER, after INTEGER,"
					" PRIMARY KEY(spike, vital)) STRICT, WITHOUT ROWID;";

/*
 * TRUNCATE: a reader needs no right to write, as it would for a write-ahead log. FULL: what is committed has been synced, the end
 * of the journal included. The cache is small, as what is written lies together.
 */
static const char settings[] = "PRAGMA journal_mode=TRUNCATE; PRAGMA synchronous=FULL;"
			       "PRAGMA foreign_keys=ON; PRAGMA cache_size=-256;"
			       "PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF;";

static const char *const statements[STORE_NR] = {
#define X(id, sql) [STORE_##id] = sql,
	STORE_STATEMENTS(X)
#undef X
};

int store_result(struct history *h, int code)
{
	if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE)
		return 0;
	snprintf(h->error, sizeof(h->error), "%s",
		 h->db ? sqlite3_errmsg(h->db) : sqlite3_errstr(code));
	if (code == SQLITE_READONLY_ROLLBACK || code == SQLITE_BUSY_RECOVERY) {
		snprintf(h->error, sizeof(h->error),
			 "its writer died while writing; it is put right when homeostat-historian "
			 "is started");
		return -EBUSY;
	}
	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_SCHEMA:
		return -EUCLEAN;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_PERM:
	case SQLITE_AUTH:
	case SQLITE_READONLY:
		return -EACCES;
	case SQLITE_CANTOPEN:
		return -ENOENT;
	default:
		return -EIO;
	}
}

sqlite3_stmt *store_statement(struct history *h, enum store_statement id)
{
	sqlite3_reset(h->statement[id]);
	return h->statement[id];
}

int store_run(struct history *h, sqlite3_stmt *statement)
{
	int code = sqlite3_step(statement), err = store_result(h, code);

	/* no lock is kept for longer than it has to be */
	sqlite3_reset(statement);
	return err ? err : code == SQLITE_DONE ? 0 : -EPROTO;
}

int store_begin(struct history *h)
{
	return store_run(h, store_statement(h, STORE_BEGIN));
}

int store_end(struct history *h, int err)
{
	char told[HISTORY_ERROR_LEN];

	if (!err)
		err = store_run(h, store_statement(h, STORE_COMMIT));
	if (!err || sqlite3_get_autocommit(h->db))
		return err;
	memcpy(told, h->error, sizeof(told));
	store_run(h, store_statement(h, STORE_ROLLBACK));
	memcpy(h->error, told, sizeof(told));
	return err;
}

void store_bind_text(sqlite3_stmt *statement, int column, const char *text)
{
	sqlite3_bind_text(statement, column, text ? text : "", -1, SQLITE_TRANSIENT);
}

void store_bind(sqlite3_stmt *statement, int column, __u64 value)
{
	sqlite3_bind_int64(
		statement, column,
		(sqlite3_int64)(value > AGGREGATE_VALUE_MAX ? AGGREGATE_VALUE_MAX : value));
}

void store_bind_aggregate(sqlite3_stmt *statement, int column, const struct aggregate *a)
{
#define X(member) store_bind(statement, column++, a->member);
	AGGREGATE_MEMBERS(X)
#undef X
}

struct aggregate store_aggregate(sqlite3_stmt *statement, int column)
{
	struct aggregate a;

#define X(member) a.member = (__u64)sqlite3_column_int64(statement, column++);
	AGGREGATE_MEMBERS(X)
#undef X
	return a;
}

sqlite3_stmt *store_prepare(struct history *h, const char *sql)
{
	sqlite3_stmt *statement = NULL;

	store_result(h, sqlite3_prepare_v2(h->db, sql, -1, &statement, NULL));
	return statement;
}

__u64 store_number(struct history *h, const char *sql)
{
	sqlite3_stmt *statement = store_prepare(h, sql);
	__u64 value = 0;

	if (statement && sqlite3_step(statement) == SQLITE_ROW)
		value = (__u64)sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return value;
}

static int run_text(struct history *h, const char *sql)
{
	return store_result(h, sqlite3_exec(h->db, sql, NULL, NULL, NULL));
}

/* Whole, as far as a look at every page can tell. 0, -EUCLEAN, or that it could not be read. */
static int look_through(struct history *h)
{
	sqlite3_stmt *statement = store_prepare(h, "PRAGMA quick_check(1)");
	int code = statement ? sqlite3_step(statement) : sqlite3_extended_errcode(h->db), err;
	const char *text =
		code == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;

	err = store_result(h, code);
	if (!err && (!text || strcmp(text, "ok"))) {
		snprintf(h->error, sizeof(h->error), "damaged: %s", text ? text : "?");
		err = -EUCLEAN;
	}
	sqlite3_finalize(statement);
	return err;
}

/* Whose is it? 0: ours; 1: nobody's yet; -EUCLEAN, or that it could not be read. */
static int whose(struct history *h)
{
	sqlite3_stmt *statement = store_prepare(
		h, "SELECT (SELECT count(*) FROM sqlite_schema), (SELECT application_id FROM"
		   " pragma_application_id), (SELECT user_version FROM pragma_user_version)");
	int code = statement ? sqlite3_step(statement) : sqlite3_extended_errcode(h->db);
	int err = store_result(h, code), ours = 0;

	if (!err) {
		int nr = sqlite3_column_int(statement, 0), id = sqlite3_column_int(statement, 1),
		    version = sqlite3_column_int(statement, 2);

		ours = !nr && !id && !version;
		if (!ours && id != HISTORY_ID)
			snprintf(h->error, sizeof(h->error), "not a history of homeostat");
		else if (!ours && version != HISTORY_VERSION)
			snprintf(h->error, sizeof(h->error),
				 "a history of version %d; expected " STRING(HISTORY_VERSION),
				 version);
		if (!ours && (id != HISTORY_ID || version != HISTORY_VERSION))
			err = -EUCLEAN;
	}
	sqlite3_finalize(statement);
	return err ? err : ours;
}

static int make_tables(struct history *h)
{
	/* so that free pages can be given back later; only before the first table */
	int err = run_text(h, "PRAGMA auto_vacuum=INCREMENTAL");

	err = err ? err : store_result(h, sqlite3_exec(h->db, "BEGIN IMMEDIATE", NULL, NULL, NULL));
	if (err)
		return err;
	err = run_text(h, tables);
	if (!err)
		err = run_text(
			h,
			"PRAGMA application_id=" STRING(HISTORY_ID) "; PRAGMA user_version=" STRING(
				HISTORY_VERSION) ";COMMIT");
	return err;
}

/* Opens it as it is. */
static int open_plain(struct history **out, const char *path, const char *vfs, int flags)
{
	struct history *h = calloc(1, sizeof(*h));
	int err;

	*out = h;
	if (!h)
		return -ENOMEM;
	err = store_result(h, sqlite3_open_v2(path, &h->db, flags | SQLITE_OPEN_EXRESCODE, vfs));
	if (err)
		return err;
	sqlite3_busy_timeout(h->db, HISTORY_BUSY_MS);
	sqlite3_db_config(h->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	return 0;
}

static int open_write(struct history **out, const char *path, const char *vfs)
{
	int err = open_plain(out, path, vfs, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
	struct history *h = *out;

	if (!err)
		err = run_text(h, settings);
	if (!err)
		err = whose(h);
	if (err > 0)
		err = make_tables(h);
	else if (!err)
		err = look_through(h);
	for (int i = 0; i < STORE_NR && !err; i++)
		err = store_result(h, sqlite3_prepare_v3(h->db, statements[i], -1,
							 SQLITE_PREPARE_PERSISTENT,
							 &h->statement[i], NULL));
	return err;
}

/* Out of the way, in the place of what was there before. 0 or negative errno. */
static int move_aside(const char *path)
{
	char from[PATH_MAX], to[PATH_MAX];

	/* its journal first: it would be played into the new one */
	if ((size_t)snprintf(from, sizeof(from), "%s-journal", path) >= sizeof(from) ||
	    (size_t)snprintf(to, sizeof(to), "%s" HISTORY_ASIDE "-journal", path) >= sizeof(to))
		return -ENAMETOOLONG;
	unlink(to);
	if (rename(from, to) && errno != ENOENT)
		return -errno;
	snprintf(to, sizeof(to), "%s" HISTORY_ASIDE, path);
	return rename(path, to) ? -errno : 0;
}

int history_open(struct history **out, const char *path, const char *vfs, char *why, size_t size)
{
	int err = open_write(out, path, vfs);

	why[0] = '\0';
	/* a table or column that is missing is SQLITE_ERROR when it is prepared: it is not ours as it should be */
	if (err == -EUCLEAN || (err == -EIO && *out && (*out)->db &&
				(sqlite3_errcode((*out)->db) & 0xff) == SQLITE_ERROR)) {
		snprintf(why, size, "%s: %s; moved to %s" HISTORY_ASIDE ", a new one is begun",
			 path, history_error(*out), path);
		history_close(*out);
		*out = NULL;
		err = move_aside(path);
		if (!err)
			err = open_write(out, path, vfs);
		else
			snprintf(why, size, "%s is damaged and cannot be moved aside: %s", path,
				 strerror(-err));
	}
	if (!err)
		return 0;
	if (*out)
		snprintf(why, size, "%s: %s", path, history_error(*out));
	history_close(*out);
	*out = NULL;
	return err;
}

int history_open_read(struct history **out, const char *path, char *why, size_t size)
{
	struct history *h;
	int err;

	why[0] = '\0';
	if (access(path, R_OK)) {
		err = -errno;
		snprintf(why, size, "%s: %s", path, strerror(-err));
		*out = NULL;
		return err;
	}
	err = open_plain(&h, path, NULL, SQLITE_OPEN_READONLY);
	if (!err)
		err = run_text(h, "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;");
	if (!err)
		err = whose(h);
	if (err > 0)
		snprintf(h->error, sizeof(h->error), "nothing is in it yet");
	if (err) {
		snprintf(why, size, "%s: %s", path, h ? history_error(h) : strerror(ENOMEM));
		history_close(h);
		*out = NULL;
		return err > 0 ? -ENOENT : err == -EUCLEAN ? -EINVAL : err;
	}
	*out = h;
	return 0;
}

void history_close(struct history *h)
{
	if (!h)
		return;
	for (int i = 0; i < STORE_NR; i++)
		sqlite3_finalize(h->statement[i]);
	sqlite3_close(h->db);
	free(h);
}

const char *history_error(const struct history *h)
{
	return h ? h->error : "";
}
