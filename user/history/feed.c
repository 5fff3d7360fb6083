// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* From a vital sign's values to raw rows, minutes and hours. */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/json.h"
#include "feed.h"
#include "store.h"

#define NS_PER_S 1000000000ULL
#define MINUTE_S 60ULL
#define HOUR_S 3600ULL

int feed_open(struct feed **out, struct history *h)
{
	struct feed *f = calloc(1, sizeof(*f));

	*out = f;
	if (!f)
		return -ENOMEM;
	f->h = h;
	return 0;
}

void feed_close(struct feed *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->vitals_nr; i++)
		free(f->vital[i]);
	free(f->vital);
	free(f);
}

/* One more vital sign; NULL: no memory, or too many. */
static struct feed_vital *add_vital(struct feed *f, const char *name, const char *unit)
{
	struct feed_vital **more, *v;

	if (f->vitals_nr == HISTORY_VITALS_MAX)
		return NULL;
	more = realloc(f->vital, (f->vitals_nr + 1) * sizeof(*more));
	if (!more)
		return NULL;
	f->vital = more;
	v = calloc(1, sizeof(*v));
	if (!v)
		return NULL;
	snprintf(v->name, sizeof(v->name), "%s", name);
	snprintf(v->unit, sizeof(v->unit), "%s", unit);
	for (size_t n = 0; n < FEED_RING; n++)
		v->value[n] = AGGREGATE_ABSENT;
	f->vital[f->vitals_nr++] = v;
	return v;
}

/* By its name; `hint` is where it was last time. */
static struct feed_vital *find_vital(struct feed *f, const char *name, const char *unit,
				     size_t hint)
{
	if (hint < f->vitals_nr && !strcmp(f->vital[hint]->name, name))
		return f->vital[hint];
	for (size_t i = 0; i < f->vitals_nr; i++)
		if (!strcmp(f->vital[i]->name, name))
			return f->vital[i];
	return *name && strlen(name) < sizeof(f->vital[0]->name) ? add_vital(f, name, unit) : NULL;
}

static void take_row(struct feed *f, struct json_object *row, size_t hint)
{
	struct feed_vital *v = find_vital(f, js_str(row, "name"), js_str(row, "unit"), hint);
	__u64 value;

	/* of the last second, as a burst may be over by now; a daemon that has just begun knows the last window only */
	if (!v || !js_bool(row, "present") ||
	    (js_get_u64(row, "mean", &value) && js_get_u64(row, "value", &value)))
		return;
	*feed_slot(v, f->next) = value > AGGREGATE_VALUE_MAX ? AGGREGATE_VALUE_MAX : value;
	v->ewma = js_u64(row, "ewma");
	v->peak = js_u64(row, "peak");
	/* what was the peak before we looked says nothing of this minute; lower: the daemon was started anew */
	if (!v->peak_before || v->peak < v->peak_before)
		v->peak_before = v->peak;
}

/* The minute that has ended, of all vital signs. */
static void close_minute(struct feed *f)
{
	__u64 value[FEED_RING], from = f->minute_first, last = f->at_s[(f->next - 1) % FEED_RING];
	unsigned int place = f->minutes_nr;

	if (f->next - from > FEED_RING)
		from = f->next - FEED_RING;
	/* nobody could write them for so long: the oldest is lost */
	if (place == FEED_MINUTES) {
		place--;
		memmove(f->minute_s, f->minute_s + 1, place * sizeof(*f->minute_s));
	}
	for (size_t i = 0; i < f->vitals_nr; i++) {
		struct feed_vital *v = f->vital[i];
		struct aggregate *a = &v->minute[place];

		if (f->minutes_nr == FEED_MINUTES)
			memmove(v->minute, v->minute + 1, place * sizeof(*v->minute));
		for (__u64 n = from; n < f->next; n++)
			value[n - from] = *feed_slot(v, n);
		*a = aggregate_samples(value, f->next - from);
		if (!a->present)
			continue;
		a->ewma = v->ewma;
		/* the highest since the daemon's start has become higher: that was between two of our looks */
		if (v->peak > v->peak_before && v->peak > a->max)
			a->peak = v->peak;
		v->peak_before = v->peak;
	}
	f->minute_s[place] = last - last % MINUTE_S;
	f->minutes_nr = place + 1;
	f->minute_first = f->next;
}

/* ---- writing ---- */

/* The vital sign's number in the database: 0 where there is no room for more of them. */
static int number_of(struct history *h, struct feed_vital *v)
{
	sqlite3_stmt *s = store_statement(h, STORE_VITAL_FIND);
	int code, err;

	if (v->id)
		return 0;
	store_bind_text(s, 1, v->name);
	code = sqlite3_step(s);
	err = store_result(h, code);
	v->id = code == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
	sqlite3_reset(s);
	if (err || v->id)
		return err;
	s = store_statement(h, STORE_VITAL_ADD);
	store_bind_text(s, 1, v->name);
	store_bind_text(s, 2, v->unit);
	store_bind(s, 3, 2 * HISTORY_VITALS_MAX);
	err = store_run(h, s);
	if (!err && sqlite3_changes(h->db))
		v->id = sqlite3_last_insert_rowid(h->db);
	return err;
}

static int write_raw(struct feed *f, __u64 now_s)
{
	sqlite3_stmt *s = store_statement(f->h, STORE_RAW_OLD);
	__u64 from = f->written;
	int err;

	store_bind(s, 1, now_s > HISTORY_RAW_S ? now_s - HISTORY_RAW_S + 1 : 0);
	store_bind(s, 2, now_s); /* the clock went back */
	err = store_run(f->h, s);
	if (f->next - from > FEED_RING)
		from = f->next - FEED_RING;
	for (; from < f->next && !err; from++)
		for (size_t i = 0; i < f->vitals_nr && !err; i++) {
			struct feed_vital *v = f->vital[i];

			if (!v->id || *feed_slot(v, from) == AGGREGATE_ABSENT)
				continue;
			s = store_statement(f->h, STORE_RAW_ADD);
			store_bind(s, 1, f->at_s[from % FEED_RING]);
			sqlite3_bind_int64(s, 2, v->id);
			store_bind(s, 3, *feed_slot(v, from));
			err = store_run(f->h, s);
		}
	return err;
}

static int write_aggregate(struct history *h, enum store_statement id, __u64 at_s,
			   sqlite3_int64 vital, const struct aggregate *a)
{
	sqlite3_stmt *s = store_statement(h, id);

	if (!vital || !a->present)
		return 0;
	store_bind(s, 1, at_s);
	sqlite3_bind_int64(s, 2, vital);
	store_bind_aggregate(s, 3, a);
	return store_run(h, s);
}

static int write_minutes(struct feed *f)
{
	int err = 0;

	for (unsigned int m = 0; m < f->minutes_nr; m++)
		for (size_t i = 0; i < f->vitals_nr && !err; i++)
			err = write_aggregate(f->h, STORE_MINUTE_ADD, f->minute_s[m],
					      f->vital[i]->id, &f->vital[i]->minute[m]);
	return err;
}

/* One hour from its minutes, which come by vital sign. */
static int write_hour(struct history *h, __u64 at_s)
{
	struct aggregate minute[HOUR_S / MINUTE_S], whole;
	sqlite3_stmt *s = store_statement(h, STORE_MINUTES_OF);
	sqlite3_int64 vital = 0, next;
	size_t nr = 0;
	int code, err = 0;

	store_bind(s, 1, at_s);
	store_bind(s, 2, at_s + HOUR_S);
	do {
		code = sqlite3_step(s);
		err = store_result(h, code);
		next = code == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
		if (next != vital && nr && !err) {
			whole = aggregate_merge(minute, nr);
			err = write_aggregate(h, STORE_HOUR_ADD, at_s, vital, &whole);
			nr = 0;
		}
		vital = next;
		if (next && nr < HOUR_S / MINUTE_S)
			minute[nr++] = store_aggregate(s, 1);
	} while (next && !err);
	sqlite3_reset(s);
	return err;
}

/* All hours that have ended and are not made yet; *next_s: the first one after them. */
static int write_hours(struct feed *f, __u64 now_s, __u64 *next_s)
{
	__u64 end = now_s - now_s % HOUR_S,
	      oldest = end > HISTORY_MINUTES_S ? end - HISTORY_MINUTES_S : 0;
	int err = 0;

	*next_s = f->hour_next_s;
	if (!*next_s)
		*next_s = store_number(f->h, "SELECT max(at) + 3600 FROM hour");
	if (*next_s < oldest)
		*next_s = oldest;
	for (; *next_s < end && !err; *next_s += HOUR_S)
		err = write_hour(f->h, *next_s);
	return err;
}

static void bind_present(sqlite3_stmt *s, int column, __u64 value)
{
	if (value == AGGREGATE_ABSENT)
		sqlite3_bind_null(s, column);
	else
		store_bind(s, column, value);
}

static int write_spike(struct feed *f, const struct feed_spike *spike)
{
	sqlite3_stmt *s = store_statement(f->h, STORE_SPIKE_ADD);
	sqlite3_int64 id;
	int err;

	if (!f->vital[spike->vital]->id)
		return 0;
	store_bind(s, 1, spike->at_s);
	sqlite3_bind_int64(s, 2, f->vital[spike->vital]->id);
	store_bind(s, 3, spike->value);
	store_bind(s, 4, spike->average);
	store_bind(s, 5, spike->deviation);
	err = store_run(f->h, s);
	id = sqlite3_last_insert_rowid(f->h->db);
	for (unsigned int i = 0; i < spike->around_nr && !err; i++) {
		const struct feed_side *side = &spike->around[i];

		s = store_statement(f->h, STORE_AROUND_ADD);
		if (!f->vital[side->vital]->id)
			continue;
		sqlite3_bind_int64(s, 1, id);
		sqlite3_bind_int64(s, 2, f->vital[side->vital]->id);
		store_bind(s, 3, side->average);
		bind_present(s, 4, side->before);
		bind_present(s, 5, side->at);
		bind_present(s, 6, side->after);
		err = store_run(f->h, s);
	}
	return err;
}

static int write_all(struct feed *f, __u64 now_s, __u64 *hour_next_s)
{
	int err = store_begin(f->h);

	if (err)
		return err;
	for (size_t i = 0; i < f->vitals_nr && !err; i++)
		err = number_of(f->h, f->vital[i]);
	if (!err)
		err = write_raw(f, now_s);
	if (!err)
		err = write_minutes(f);
	if (!err)
		err = write_hours(f, now_s, hour_next_s);
	for (unsigned int i = 0; i < f->spikes_nr && !err; i++)
		err = write_spike(f, &f->spike[i]);
	return store_end(f->h, err);
}

int feed_flush(struct feed *f)
{
	__u64 now_s = f->next ? f->at_s[(f->next - 1) % FEED_RING] : 0, hour_next_s = 0;
	int err;

	if (!f->next)
		return 0;
	err = write_all(f, now_s, &hour_next_s);
	if (err) {
		/* names that were added have gone with the rest */
		for (size_t i = 0; i < f->vitals_nr; i++)
			f->vital[i]->id = 0;
		return err;
	}
	f->written = f->next;
	f->written_s = now_s;
	f->minutes_nr = f->spikes_nr = 0;
	f->hour_next_s = hour_next_s;
	if (f->retained_s / HOUR_S == now_s / HOUR_S)
		return 0;
	err = history_retain(f->h, now_s);
	if (!err)
		f->retained_s = now_s;
	return err;
}

int feed_take(struct feed *f, struct json_object *reply, struct history_time now)
{
	__u64 now_s = now.wall_ns / NS_PER_S,
	      last_s = f->next ? f->at_s[(f->next - 1) % FEED_RING] : 0;
	struct json_object *rows = NULL;
	bool closed = false;

	if (js_get_array(reply, "vitals", &rows))
		return -EPROTO;
	if (now_s == last_s)
		return 0;
	if (f->next && now_s / MINUTE_S != last_s / MINUTE_S) {
		close_minute(f);
		closed = true;
	}
	if (now_s < last_s || now_s - last_s > FEED_GAP_S)
		f->first = f->next;
	/* a clock that was far ahead */
	if (now_s < last_s)
		f->hour_next_s = f->written_s = 0;
	for (size_t i = 0; i < f->vitals_nr; i++)
		*feed_slot(f->vital[i], f->next) = AGGREGATE_ABSENT;
	f->at_s[f->next % FEED_RING] = now_s;
	for (size_t i = 0; i < json_object_array_length(rows); i++)
		take_row(f, json_object_array_get_idx(rows, i), i);
	f->next++;
	feed_spikes(f);
	return closed || now_s - f->written_s >= FEED_FLUSH_S ? feed_flush(f) : 0;
}
