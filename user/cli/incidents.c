// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* homeostat incidents and incident: the records of trips, read where the daemon keeps them. */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/json.h"
#include "../lib/names.h"
#include "../lib/statedir.h"
#include "cli.h"
#include "prose.h"

#define LAST_EVENTS 20 /* shown as text */

/* The directory of the records, or negative errno. */
static int open_records(const char *state)
{
	int state_fd = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;

	if (state_fd < 0)
		return -errno;
	fd = openat(state_fd, INCIDENTS_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		fd = -errno;
	close(state_fd);
	return fd;
}

/* Tells why there is nothing to read; the exit code. */
static int unreadable(struct cli *cli, const char *state, int err)
{
	if (err == -EACCES || err == -EPERM) {
		cli_error(cli, "%s: not allowed: the records of trips are for root", state);
		return CLI_REFUSED;
	}
	cli_error(cli, "%s/" INCIDENTS_DIR ": %s%s", state, strerror(-err),
		  err == -ENOENT ? "; no homeostatd has kept records there (see its --state)" : "");
	return CLI_FAILED;
}

/* One record, the caller's. NULL with errno: it cannot be read, or (EPROTO) is none. */
static struct json_object *read_record(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct json_object *record = NULL;
	char *text = NULL;
	ssize_t len = -1;
	struct stat st;

	if (fd < 0)
		return NULL;
	errno = EPROTO;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size <= INCIDENT_SIZE_MAX)
		text = malloc((size_t)st.st_size + 1);
	if (text)
		len = read(fd, text, (size_t)st.st_size);
	while (len > 0 && text[len - 1] == '\n')
		len--;
	if (len > 0)
		record = js_parse(text, (size_t)len);
	if (!record)
		errno = EPROTO;
	free(text);
	close(fd);
	return record;
}

static struct json_object *read_list(int dir_fd, char **names, int nr)
{
	struct json_object *rows = json_object_new_array();

	for (int i = 0; rows && i < nr; i++) {
		struct json_object *record = read_record(dir_fd, names[i]);
		struct json_object *row = js_push_obj(rows);

		js_add_str(row, "name", names[i]);
		js_add_str(row, "wall", js_str(record, "wall"));
		js_add_str(row, "reason", record ? js_str(record, "reason") : "unreadable");
		js_add_str(row, "meaning", js_str(record, "meaning"));
		json_object_put(record);
	}
	return rows;
}

int cmd_incidents(struct cli *cli, int argc, char **argv)
{
	static const struct column columns[] = {
		{"wall", "when (UTC)", COLUMN_TEXT},
		{"reason", "reason", COLUMN_TEXT},
		{"name", "name", COLUMN_TEXT},
	};
	const char *state = STATE_DIR;
	const struct cli_option options[] = {{"--state", &state, NULL}, {0}};
	int rc = cli_options(cli, options, &argc, argv), fd, nr;
	struct json_object *out, *rows;
	char **names;

	if (rc || argc)
		return rc ? rc : cli_usage(cli, "incidents takes no argument");
	fd = open_records(state);
	nr = fd < 0 ? fd : incidents_list(fd, &names);
	if (nr < 0) {
		if (fd >= 0)
			close(fd);
		return unreadable(cli, state, nr);
	}
	rows = read_list(fd, names, nr);
	if (cli->json) {
		out = json_object_new_object();
		js_add(out, "incidents", rows);
		out_json(cli, out);
		json_object_put(out);
	} else {
		out_table(cli->out, rows, columns, sizeof(columns) / sizeof(*columns));
		json_object_put(rows);
	}
	incidents_free(names, nr);
	close(fd);
	return CLI_OK;
}

static void print_why(FILE *f, struct json_object *r)
{
	struct json_object *part = NULL;
	char cause[224] = "", stall[96] = "", a[32];
	__u64 trip_ns = js_u64(r, "trip_ns");

	if (!js_get_obj(r, "cause", &part))
		prose_cause(cause, sizeof(cause), part);
	if (!js_get_obj(r, "heartbeat", &part))
		prose_stall(stall, sizeof(stall), part);
	out_line(f, "when", "%s", js_str(r, "wall"));
	out_line(f, "reason", "%s: %s%s%s", js_str(r, "reason"), js_str(r, "meaning"), stall,
		 cause);
	if (js_u64(r, "safe_ns") >= trip_ns && js_u64(r, "safe_ns"))
		out_line(f, "stock", "%s after the gate was shut",
			 out_ns(a, sizeof(a), js_u64(r, "safe_ns") - trip_ns));
	if (js_u64(r, "off_ns") >= trip_ns && js_u64(r, "off_ns"))
		out_line(f, "off", "%s after it: all tasks with the kernel's own scheduler",
			 out_ns(a, sizeof(a), js_u64(r, "off_ns") - trip_ns));
	if (!js_get_obj(r, "sched_ext", &part))
		out_line(f, "sched_ext", "kind %llu, code %llu: %s", js_u64(part, "kind"),
			 js_u64(part, "code"), js_str(part, "msg"));
}

static void print_circumstances(FILE *f, struct json_object *r)
{
	struct json_object *part = NULL;
	__u64 last, trip = js_u64(r, "trip_ns");
	char a[32], b[32];

	if (!js_get_obj(r, "profile", &part))
		out_line(f, "profile", "%s (%s), mode %s, armed %llu times", js_str(part, "name"),
			 js_str(part, "fnv1a64"), js_str(r, "mode"), js_u64(r, "generation"));
	if (!js_get_obj(r, "heartbeat", &part)) {
		last = js_u64(part, "last_ns");
		out_line(f, "heartbeat", "last one %s before, limit %s",
			 out_ns(a, sizeof(a), trip > last ? trip - last : 0),
			 out_ns(b, sizeof(b), js_u64(part, "limit_ns")));
	}
	if (!js_get_obj(r, "rearm", &part))
		out_line(f, "again", "trip %llu in the window; %s%s", js_u64(part, "trips"),
			 js_bool(part, "held")	 ? "held at stock"
			 : js_u64(part, "in_ns") ? "by itself after "
						 : "by hand",
			 js_bool(part, "held") || !js_u64(part, "in_ns")
				 ? ""
				 : out_ns(a, sizeof(a), js_u64(part, "in_ns")));
	out_line(f, "version", "%s, kernel %s", js_str(r, "version"), js_str(r, "kernel"));
}

static void print_undone(FILE *f, struct json_object *r)
{
	struct json_object *part = NULL, *first = NULL;
	size_t named = 0;
	__u64 all;

	if (js_get_obj(r, "undone", &part) || js_get_array(part, "first", &first))
		return;
	all = js_u64(part, "values");
	for (; named < json_object_array_length(first); named++) {
		struct json_object *row = json_object_array_get_idx(first, named);

		out_line(f, "undone", "%s: %s (%s)", js_str(row, "path"), js_str(row, "outcome"),
			 js_str(row, "old"));
	}
	if (all > named)
		out_line(f, "undone", "%llu more", all - named);
}

/* Least, largest and last value of each vital sign in the samples; absent ones are left out. */
static struct json_object *summarise(struct json_object *r)
{
	struct json_object *names = NULL, *samples = NULL, *rows = json_object_new_array();

	if (js_get_array(r, "vitals", &names) || js_get_array(r, "samples", &samples))
		return rows;
	for (size_t v = 0; v < json_object_array_length(names); v++) {
		const char *name = json_object_get_string(json_object_array_get_idx(names, v));
		__u64 least = ~0ULL, most = 0, last = 0;
		struct json_object *row, *values;
		int id = vital_find(name ? name : "");
		bool any = false;

		for (size_t s = 0; s < json_object_array_length(samples); s++) {
			struct json_object *one = json_object_array_get_idx(samples, s), *value;

			if (js_get_array(one, "vitals", &values))
				continue;
			value = json_object_array_get_idx(values, v);
			if (!value)
				continue;
			last = json_object_get_uint64(value);
			least = last < least ? last : least;
			most = last > most ? last : most;
			any = true;
		}
		if (!any || id < 0)
			continue;
		row = js_push_obj(rows);
		js_add_str(row, "name", name);
		js_add_str(row, "unit", vital_infos[id].unit);
		js_add_u64(row, "min", least);
		js_add_u64(row, "max", most);
		js_add_u64(row, "last", last);
	}
	return rows;
}

static void print_minute(FILE *f, struct json_object *r)
{
	static const struct column columns[] = {
		{"name", "vital sign, in the minute before", COLUMN_TEXT},
		{"min", "least", COLUMN_UNIT},
		{"max", "most", COLUMN_UNIT},
		{"last", "last", COLUMN_UNIT},
	};
	struct json_object *events = NULL, *rows = summarise(r);
	size_t nr, i;

	fputc('\n', f);
	out_table(f, rows, columns, sizeof(columns) / sizeof(*columns));
	json_object_put(rows);
	if (js_get_array(r, "events", &events))
		return;
	nr = json_object_array_length(events);
	fprintf(f, "\nlast events, of %zu\n", nr);
	for (i = nr > LAST_EVENTS ? nr - LAST_EVENTS : 0; i < nr; i++)
		out_event(f, json_object_array_get_idx(events, i));
}

/* The newest, or that of the given name. */
static int show(struct cli *cli, int dir_fd, const char *name)
{
	struct json_object *record = NULL;
	char **names;
	int nr;

	nr = incidents_list(dir_fd, &names);
	if (!name && nr > 0)
		name = names[nr - 1];
	if (name)
		record = read_record(dir_fd, name);
	if (!name) {
		cli_error(cli, "there is no record of any trip");
	} else if (!record) {
		cli_error(cli, "%s: %s", name,
			  errno == EPROTO ? "this is no incident record" : strerror(errno));
	} else if (cli->json) {
		out_json(cli, record);
	} else {
		fprintf(cli->out, "%s\n", name);
		print_why(cli->out, record);
		print_undone(cli->out, record);
		print_circumstances(cli->out, record);
		print_minute(cli->out, record);
	}
	incidents_free(names, nr);
	nr = record ? CLI_OK : CLI_FAILED;
	json_object_put(record);
	return nr;
}

int cmd_incident(struct cli *cli, int argc, char **argv)
{
	const char *state = STATE_DIR;
	const struct cli_option options[] = {{"--state", &state, NULL}, {0}};
	int rc = cli_options(cli, options, &argc, argv), fd;

	if (rc || argc > 1)
		return rc ? rc : cli_usage(cli, "incident takes one NAME at most");
	if (argc && !incident_name_ok(argv[0]))
		return cli_usage(cli, "'%s' is no name of a record; homeostat incidents lists them",
				 argv[0]);
	fd = open_records(state);
	if (fd < 0)
		return unreadable(cli, state, fd);
	rc = show(cli, fd, argc ? argv[0] : NULL);
	close(fd);
	return rc;
}

void complete_incidents(FILE *f)
{
	int fd = open_records(STATE_DIR), nr;
	char **names;

	if (fd < 0)
		return;
	nr = incidents_list(fd, &names);
	for (int i = 0; i < nr; i++)
		fprintf(f, "%s\n", names[i]);
	incidents_free(names, nr);
	close(fd);
}
