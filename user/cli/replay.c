// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* homeostat replay: computes the decisions of a log again, and compares. */
#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "../lib/json.h"
#include "cli.h"
#include "recompute.h"

struct replay {
	struct cli *cli;
	const char *path;
	struct decision_log log;
	struct recompute re;
	__u64 calls, steps; /* computed again; knobs of them that moved, or were sent elsewhere */
	__u64 torn;	    /* not compared: what they went by is not certain */
	__u64 first_ns, last_ns;
	char difference[512]; /* "" = none */
};

static __u64 steps_of(const struct hs_decision *d)
{
	__u64 n = 0;

	for (__u32 i = 0; i < d->items; i++)
		n += decision_items(d)[i].kind == HS_DECIDED_KNOB;
	return n;
}

/* One record. 0 or negative errno; a difference is no error. */
static int one(struct replay *r)
{
	const struct hs_decision *d = &r->log.record.call;
	int err;

	if (r->log.record.mark.type == HS_DECISION_STATE)
		return recompute_state(&r->re, &r->log.record.state);
	err = recompute_call(&r->re, d);
	if (err)
		return err;
	if (!r->calls && !r->torn)
		r->first_ns = d->now_ns;
	r->last_ns = d->now_ns;
	if (d->flags & HS_DECISION_TORN) {
		r->torn++;
		return 0;
	}
	r->calls++;
	r->steps += steps_of(d);
	recompute_differs(d, &r->re.made.call, r->difference, sizeof(r->difference));
	return 0;
}

static int all(struct replay *r, char *error, size_t size)
{
	int rc;

	while ((rc = decision_log_next(&r->log, error, size)) > 0) {
		int err = one(r);

		if (err) {
			snprintf(error, size, "record %llu could not be computed again: %s",
				 r->log.number, strerror(-err));
			return err;
		}
		if (*r->difference)
			return 0;
	}
	return rc;
}

static void print(const struct replay *r)
{
	const struct decision_log *log = &r->log;
	FILE *f = r->cli->out;

	if (*r->difference) {
		fprintf(f, "record %llu (%s) at %llu ns differs, after %llu that do not: %s\n",
			log->number, decision_type_name(log->record.mark.type),
			log->record.call.now_ns, r->calls - 1, r->difference);
		return;
	}
	fprintf(f, "identical: %llu decisions, %llu steps of knobs, %.1f s\n", r->calls, r->steps,
		(double)(r->last_ns - r->first_ns) / NS_PER_S);
	if (r->torn)
		fprintf(f,
			"%llu more were not compared: bounds, rules or gate changed while they "
			"were made\n",
			r->torn);
	if (log->lost)
		fprintf(f, "%llu more are not in the log: they found no room\n", log->lost);
	if (log->cut)
		fprintf(f, "the last record is cut off\n");
	else if (!log->ended)
		fprintf(f, "the log has no end: its recorder was killed, or still writes\n");
}

static void print_json(const struct replay *r)
{
	struct json_object *o = json_object_new_object();

	js_add_bool(o, "identical", !*r->difference);
	js_add_u64(o, "decisions", r->calls);
	js_add_u64(o, "steps", r->steps);
	js_add_u64(o, "torn", r->torn);
	js_add_u64(o, "lost", r->log.lost);
	js_add_bool(o, "cut", r->log.cut);
	js_add_bool(o, "ended", r->log.ended);
	if (*r->difference) {
		js_add_u64(o, "record", r->log.number);
		js_add_u64(o, "time_ns", r->log.record.call.now_ns);
		js_add_str(o, "difference", r->difference);
	}
	out_json(r->cli, o);
	json_object_put(o);
}

/* A log that has not all of it is no proof of anything. */
static int verdict(const struct replay *r)
{
	return *r->difference || r->log.lost || r->log.cut || !r->log.ended ? CLI_FINDINGS : CLI_OK;
}

int cmd_replay(struct cli *cli, int argc, char **argv)
{
	int rc = cli_options(cli, NULL, &argc, argv), err;
	static struct replay r;
	char error[512];

	if (rc || argc != 1)
		return rc ? rc : cli_usage(cli, "replay takes one log of decisions");
	r = (struct replay){.cli = cli, .path = argv[0]};
	err = decision_log_open(&r.log, fopen(argv[0], "re"), error, sizeof(error));
	if (err) {
		cli_error(cli, "%s: %s", argv[0], error);
		decision_log_close(&r.log);
		return CLI_FAILED;
	}
	err = recompute_open(&r.re, error, sizeof(error));
	if (err) {
		cli_error(cli, "%s", error);
		rc = err == -EPERM || err == -EACCES ? CLI_REFUSED : CLI_FAILED;
	} else {
		err = all(&r, error, sizeof(error));
		if (err)
			cli_error(cli, "%s: %s", argv[0], error);
		rc = err ? CLI_FAILED : verdict(&r);
	}
	if (!err && cli->json)
		print_json(&r);
	else if (!err)
		print(&r);
	recompute_close(&r.re);
	decision_log_close(&r.log);
	return rc;
}
