// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* homeostat replay: computes the decisions of a log again, and compares. */
#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "../lib/json.h"
#include "../lib/manifest.h"
#include "cli.h"
#include "recompute.h"
#include "replay_policy.h"

struct replay {
	struct cli *cli;
	const char *path, *manifest; /* NULL = none */
	struct decision_log log;
	struct recompute re;
	struct replay_policy policy[HS_SLOTS];
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

/* Counts the answers that were given again. */
static void count_answers(struct replay *r, const struct hs_decision *d)
{
	for (__u32 i = 0; i < d->items; i++) {
		const struct hs_decision_item *it = &decision_items(d)[i];

		if (it->kind == HS_DECIDED_SLOT && it->a & 1 && r->policy[it->id].itself)
			r->policy[it->id].answered++;
	}
}

static int take_state(struct replay *r, char *error, size_t size)
{
	int err = 0;

	for (__u32 i = 0; i < HS_SLOTS && !err; i++)
		err = replay_policy_state(&r->policy[i], &r->re, i, &r->log.record.state,
					  r->log.lost, error, size);
	return err ?: recompute_state(&r->re, &r->log.record.state);
}

/* One record. 0 or negative errno, with `error` or without; a difference is no error. */
static int one(struct replay *r, char *error, size_t size)
{
	const struct hs_decision *d = &r->log.record.call;
	int err;

	if (r->log.record.mark.type == HS_DECISION_STATE)
		return take_state(r, error, size);
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
	count_answers(r, d);
	recompute_differs(d, &r->re.made.call, r->difference, sizeof(r->difference));
	return 0;
}

static int all(struct replay *r, char *error, size_t size)
{
	int rc;

	while ((rc = decision_log_next(&r->log, error, size)) > 0) {
		int err = one(r, error, size);

		if (err == -ENODATA)
			return err;
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
	for (__u32 i = 0; i < HS_SLOTS; i++)
		if (r->policy[i].link)
			fprintf(f, "policy %s answered %llu times by itself\n",
				r->policy[i].p.policy.name, r->policy[i].answered);
	if (r->torn)
		fprintf(f,
			"%llu more were not compared%s: bounds, rules or gate changed while they "
			"were made\n",
			r->torn, r->manifest ? ", and so are not proven" : "");
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
	js_add_u64(o, "answered", r->policy[0].answered + r->policy[1].answered);
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

/* A log that has not all of it is no proof of anything; nor of what was certified is one with calls that cannot be compared. */
static int verdict(const struct replay *r)
{
	return *r->difference || r->log.lost || r->log.cut || !r->log.ended ||
			       (r->manifest && r->torn)
		       ? CLI_FINDINGS
		       : CLI_OK;
}

/* The manifest that the log was written under, whole; its policies answer again. An exit code. */
static int by_manifest(struct replay *r, const char *objects[HS_SLOTS])
{
	const char *path = r->manifest;
	static struct manifest m, found;
	struct manifest_parts parts = {0};
	__u8 hash[DECISION_HASH_LEN];
	char error[2 * PATH_MAX + 512];
	int err = manifest_read(&m, path, error, sizeof(error));

	if (!err) {
		manifest_bytes(&m, hash);
		if (memcmp(hash, r->log.head.manifest, sizeof(hash))) {
			snprintf(error, sizeof(error), "%s was not written under manifest %s",
				 r->path, path);
			err = -EINVAL;
		}
	}
	for (__u32 i = 0; i < HS_SLOTS && m.value[MANIFEST_POLICY_0 + i][0]; i++)
		objects[i] = parts.policy[i] = m.path[MANIFEST_POLICY_0 + i];
	parts.object = recompute_object(&parts.object_len);
	parts.profile = m.path[MANIFEST_PROFILE];
	parts.parameters = m.path[MANIFEST_PARAMETERS];
	if (!err)
		err = manifest_make(&found, &parts, error, sizeof(error));
	if (!err && manifest_differs(&m, &found, error, sizeof(error)))
		err = -EINVAL;
	if (err)
		cli_error(r->cli, "%s", error);
	return err == -EINVAL ? CLI_FINDINGS : err ? CLI_FAILED : CLI_OK;
}

/* Loads what computes again. An exit code. */
static int prepare(struct replay *r, const char *const objects[HS_SLOTS])
{
	char error[512];
	int err = recompute_open(&r->re, error, sizeof(error));

	for (__u32 i = 0; i < HS_SLOTS && !err && objects[i]; i++)
		err = replay_policy_open(&r->policy[i], &r->re, i, objects[i], error,
					 sizeof(error));
	if (!err)
		return CLI_OK;
	cli_error(r->cli, "%s", error);
	return err == -EPERM || err == -EACCES ? CLI_REFUSED : CLI_FAILED;
}

static int replay(struct replay *r, const char *objects[HS_SLOTS])
{
	char error[512];
	int err = decision_log_open(&r->log, fopen(r->path, "re"), error, sizeof(error));
	int rc = CLI_FAILED;

	if (!err) {
		rc = r->manifest ? by_manifest(r, objects) : CLI_OK;
		rc = rc ?: prepare(r, objects);
		if (rc)
			return rc;
		err = all(r, error, sizeof(error));
	}
	if (err) {
		cli_error(r->cli, "%s: %s", r->path, error);
		return CLI_FAILED;
	}
	if (r->cli->json)
		print_json(r);
	else
		print(r);
	return verdict(r);
}

int cmd_replay(struct cli *cli, int argc, char **argv)
{
	const char *manifest = NULL, *objects[HS_SLOTS] = {NULL};
	const struct cli_option options[] = {{"--manifest", &manifest, NULL}, {0}};
	int rc = cli_options(cli, options, &argc, argv);
	static struct replay r; /* large */

	if (rc)
		return rc;
	if (!argc || argc > 1 + HS_SLOTS || (manifest && argc > 1))
		return cli_usage(cli,
				 "replay takes one log of decisions, and at most %d policies "
				 "or --manifest",
				 HS_SLOTS);
	r = (struct replay){.cli = cli, .path = argv[0], .manifest = manifest};
	for (int i = 1; i < argc; i++)
		objects[i - 1] = argv[i];
	rc = replay(&r, objects);
	for (__u32 i = 0; i < HS_SLOTS; i++)
		replay_policy_close(&r.policy[i]);
	recompute_close(&r.re);
	decision_log_close(&r.log);
	return rc;
}
