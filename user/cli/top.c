// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* homeostat top: status, vital signs, knobs with their cause, last events; again every second. */
#include <curses.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../lib/control.h"
#include "../lib/json.h"
#include "../lib/parse.h"
#include "cli.h"
#include "prose.h"

#define EVENTS 64
#define ROW "%-34s %10s %10s" /* a name and two values */
#define VITAL_WIDTH 60	      /* of one column of vital signs: a row and a gap */
#define EVENTS_LEAST 4	      /* lines of events that are kept however small the screen is */

struct top {
	struct control *control;			      /* NULL = not connected */
	struct json_object *status, *vitals, *knobs, *events; /* last replies */
	int error;					      /* negative errno of the last look */
	int scroll; /* rows of vital signs above the first shown */
};

static void top_forget(struct top *t)
{
	json_object_put(t->status);
	json_object_put(t->vitals);
	json_object_put(t->knobs);
	json_object_put(t->events);
	t->status = t->vitals = t->knobs = t->events = NULL;
}

static int ask(struct top *t, const char *verb, struct json_object **reply)
{
	struct json_object *request = control_request(verb);
	int err;

	if (!strcmp(verb, "events"))
		js_add_u64(request, "n", EVENTS);
	err = request ? control_call(t->control, request, reply) : -ENOMEM;
	json_object_put(request);
	return err;
}

/* One look at everything. What was there stays on the screen where the daemon does not answer. */
static void look(struct top *t, const char *socket)
{
	struct top new = {.control = t->control};

	t->error = t->control ? 0 : control_open(&new.control, socket);
	t->control = new.control;
	if (!t->error)
		t->error = ask(&new, "status", &new.status);
	if (!t->error)
		t->error = ask(&new, "vitals", &new.vitals);
	if (!t->error)
		t->error = ask(&new, "knobs", &new.knobs);
	if (!t->error)
		t->error = ask(&new, "events", &new.events);
	if (t->error) {
		top_forget(&new);
		control_close(t->control);
		t->control = NULL;
		return;
	}
	top_forget(t);
	t->status = new.status;
	t->vitals = new.vitals;
	t->knobs = new.knobs;
	t->events = new.events;
}

static struct json_object *rows_of(struct json_object *reply, const char *key, int *nr)
{
	struct json_object *rows = NULL;

	js_get_array(reply, key, &rows);
	*nr = rows ? (int)json_object_array_length(rows) : 0;
	return rows;
}

static void title(int y, const char *text)
{
	attron(A_REVERSE);
	mvprintw(y, 0, "%-*s", COLS, text);
	attroff(A_REVERSE);
}

static void draw_status(const struct top *t)
{
	struct json_object *s = t->status, *pulse = NULL, *beat = NULL, *trip = NULL;
	char line[512], a[32], b[32];

	if (t->error) {
		snprintf(line, sizeof(line), "homeostatd does not answer (%s); trying again",
			 strerror(-t->error));
		title(0, line);
		return;
	}
	js_get_obj(s, "pulse", &pulse);
	js_get_obj(s, "heartbeat", &beat);
	js_get_obj(s, "tripped", &trip);
	snprintf(line, sizeof(line), "%s, %s  %s%s%s  scheduler %s  pulse %s  beat %s ago",
		 js_str(s, "mode"), js_str(s, "profile"),
		 js_bool(s, "armed") ? "armed" : "not armed",
		 trip && !js_bool(s, "armed") ? ": " : "",
		 trip && !js_bool(s, "armed") ? js_str(trip, "reason") : "", js_str(s, "scheduler"),
		 out_ns(a, sizeof(a), js_u64(pulse, "period_ns")),
		 out_ns(b, sizeof(b), js_u64(beat, "age_ns")));
	title(0, line);
}

/* Vital signs in as many columns as fit, `lines` lines at most. Returns the next free line. */
static int draw_vitals(struct top *t, int y, int lines)
{
	struct json_object *all;
	int nr, columns = COLS / VITAL_WIDTH ? COLS / VITAL_WIDTH : 1, at = 0, rows;
	char now[64], average[64], head[128];

	all = rows_of(t->vitals, "vitals", &nr);
	rows = (nr + columns - 1) / columns;
	if (t->scroll > rows - (lines - 1))
		t->scroll = rows - (lines - 1);
	if (t->scroll < 0)
		t->scroll = 0;
	snprintf(head, sizeof(head), ROW, "VITAL SIGN", "NOW", "AVERAGE");
	title(y++, head);
	for (int row = 0; row < lines - 1 && row + t->scroll < rows; row++, y++)
		for (int c = 0; c < columns; c++) {
			struct json_object *v;

			at = (row + t->scroll) * columns + c;
			if (at >= nr)
				break;
			v = json_object_array_get_idx(all, at);
			mvprintw(y, c * VITAL_WIDTH, ROW, js_str(v, "name"),
				 out_value(now, sizeof(now), v, "value"),
				 out_value(average, sizeof(average), v, "ewma"));
		}
	return y;
}

static int draw_knobs(const struct top *t, int y)
{
	struct json_object *all;
	char value[64], stock[64], ago[32], head[128];
	int nr;

	all = rows_of(t->knobs, "knobs", &nr);
	snprintf(head, sizeof(head), ROW "  CAUSE", "KNOB", "VALUE", "STOCK");
	title(y++, head);
	for (int i = 0; i < nr && y < LINES; i++, y++) {
		struct json_object *k = json_object_array_get_idx(all, i);
		bool moved = js_u64(k, "value") != js_u64(k, "stock");

		if (moved)
			attron(A_BOLD);
		mvprintw(y, 0, ROW "  %s", js_str(k, "name"),
			 out_value(value, sizeof(value), k, "value"),
			 out_value(stock, sizeof(stock), k, "stock"), js_str(k, "cause"));
		if (js_u64(k, "changed_ago_ns"))
			printw(", %s ago", out_ns(ago, sizeof(ago), js_u64(k, "changed_ago_ns")));
		if (moved)
			attroff(A_BOLD);
	}
	return y;
}

/* The newest events, the last one at the bottom. */
static void draw_events(const struct top *t, int y)
{
	struct json_object *all;
	int nr, first;

	if (y >= LINES)
		return;
	all = rows_of(t->events, "events", &nr);
	title(y++, "EVENTS");
	first = nr - (LINES - y);
	for (int i = first > 0 ? first : 0; i < nr && y < LINES; i++, y++) {
		struct json_object *e = json_object_array_get_idx(all, i);
		unsigned long long ms = js_u64(e, "ts_ns") / 1000000;
		char text[256];

		mvprintw(y, 0, "[%llu.%03llu] %-8s %.*s", ms / 1000, ms % 1000, js_str(e, "type"),
			 COLS > 24 ? COLS - 24 : 0, prose_event(text, sizeof(text), e));
	}
}

static void draw(struct top *t)
{
	int knobs, y;

	erase();
	draw_status(t);
	rows_of(t->knobs, "knobs", &knobs);
	y = LINES - 1 - (knobs + 1) - EVENTS_LEAST;
	y = draw_vitals(t, 1, y > 3 ? y : 3);
	y = draw_knobs(t, y);
	draw_events(t, y);
	refresh();
}

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* Until q: looks every @period_ms, draws also on keys and when the screen changes its size. */
static void loop(struct top *t, const char *socket, int period_ms)
{
	long long next = now_ms() + period_ms;

	for (;;) {
		long long left = next - now_ms();

		draw(t);
		timeout(left > 0 ? (int)left : 0);
		switch (getch()) {
		case 'q':
		case 'Q':
			return;
		case KEY_DOWN:
		case 'j':
			t->scroll++;
			break;
		case KEY_UP:
		case 'k':
			t->scroll--;
			break;
		case ERR:
			if (feof(stdin))
				return;
			break;
		}
		if (now_ms() >= next) {
			look(t, socket);
			next = now_ms() + period_ms;
		}
	}
}

static int show(struct cli *cli, struct top *t, int period_ms)
{
	const char *term = getenv("TERM");
	/* newterm, not initscr: that one ends the process when it does not know the terminal */
	SCREEN *screen = newterm(NULL, cli->out, stdin);

	if (!screen) {
		cli_error(cli, "terminal '%s' is unknown here: set TERM, or use homeostat status",
			  term ? term : "");
		return CLI_FAILED;
	}
	cbreak();
	noecho();
	curs_set(0);
	keypad(stdscr, TRUE);
	loop(t, cli->socket, period_ms);
	endwin();
	delscreen(screen);
	return CLI_OK;
}

int cmd_top(struct cli *cli, int argc, char **argv)
{
	const char *delay = NULL;
	const struct cli_option options[] = {{"-d", &delay, NULL}, {0}};
	struct top t = {0};
	__u64 seconds = 1;
	int rc = cli_options(cli, options, &argc, argv);

	if (rc || argc)
		return rc ? rc : cli_usage(cli, "top takes no argument");
	if (delay && (parse_u64_max(delay, 60, &seconds) || !seconds))
		return cli_usage(cli, "-d %s: seconds, from 1 to 60", delay);
	if (cli->json)
		return cli_usage(cli, "top has no JSON; use status, vitals, knobs or events -f");
	if (!isatty(fileno(cli->out)) || !isatty(STDIN_FILENO)) {
		cli_error(cli, "top needs a terminal; use status, vitals, knobs or events -f");
		return CLI_FAILED;
	}
	look(&t, cli->socket);
	rc = t.error ? cli_unreachable(cli, t.error) : show(cli, &t, seconds * 1000);
	top_forget(&t);
	control_close(t.control);
	return rc;
}
