// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* homeostat boot: parameters of the kernel's command line, on trial for one boot, then permanent. Needs no daemon. */
#include <errno.h>
#include <json-c/json.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../lib/boot_choose.h"
#include "../lib/boot_trial.h"
#include "../lib/json.h"
#include "../lib/kb.h"
#include "cli.h"

/* What a verb is about. */
struct work {
	struct cli *cli;
	const char *root, *kb_path;
	bool keep;
	struct boot boot;
	char why[BOOT_WHY_LEN];
};

/* Tells why not, and with which exit code. */
static int refused(struct work *w, int err)
{
	cli_error(w->cli, "%s", w->why[0] ? w->why : strerror(-err));
	switch (err) {
	case -EACCES:
	case -EPERM:
	case -EBUSY:
	case -EAGAIN:
	case -EALREADY:
	case -EEXIST:
	case -EOPNOTSUPP:
		return CLI_REFUSED;
	case -EINVAL:
	case -ERANGE:
	case -EBADMSG:
	case -E2BIG:
		return CLI_FINDINGS;
	default:
		return CLI_FAILED;
	}
}

static void add_parameters(struct json_object *out, const char *key, const struct boot_parameter *p,
			   unsigned int nr)
{
	struct json_object *rows = js_add_array(out, key);

	for (unsigned int i = 0; i < nr; i++) {
		struct json_object *row = js_push_obj(rows);

		js_add_str(row, "name", p[i].name);
		js_add_str(row, "before", p[i].old);
		js_add_str(row, "word", p[i].word);
	}
}

static void print_parameters(FILE *f, const char *head, const struct boot_parameter *p,
			     unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		out_line(f, i ? "" : head, "%s: %s -> %s", p[i].name,
			 p[i].old[0] ? p[i].old : "(not there)",
			 p[i].word[0] ? p[i].word : "(not there)");
}

/* Below another root nobody but its owner can run it. */
static void remind(struct work *w)
{
	if (w->boot.update_wanted && !w->cli->json)
		fprintf(w->cli->out,
			"update-grub has to be run there: it was not, as %s is not "
			"this machine's root\n",
			w->boot.root);
}

/* The state, and nothing more: what cancel, keep and revert have to say. */
static void tell(struct work *w, const char *text)
{
	struct json_object *out;

	if (!w->cli->json) {
		fprintf(w->cli->out, "%s\n", text);
		remind(w);
		return;
	}
	out = json_object_new_object();
	js_add_str(out, "state", boot_states[w->boot.journal.state].name);
	js_add_str(out, "meaning", text);
	js_add_bool(out, "update_wanted", w->boot.update_wanted);
	out_json(w->cli, out);
	json_object_put(out);
}

/* ---- stage ---- */

static void tell_staged(struct work *w, const struct kb *kb)
{
	const struct boot_journal *j = &w->boot.journal;
	struct json_object *out = json_object_new_object(), *warnings;
	FILE *f = w->cli->out;

	js_add_str(out, "state", boot_states[j->state].name);
	js_add_str(out, "kernel", j->kernel);
	add_parameters(out, "parameters", j->trial, j->trial_nr);
	warnings = js_add_array(out, "warnings");
	if (!w->cli->json)
		print_parameters(f, "next boot", j->trial, j->trial_nr);
	for (unsigned int i = 0; i < j->trial_nr; i++) {
		const struct kb_parameter *p = kb_find(kb, j->trial[i].name);

		if (!p->warning[0] || !j->trial[i].word[0])
			continue;
		json_object_array_add(warnings, json_object_new_string(p->warning));
		if (!w->cli->json)
			fprintf(f, "%s: warning: %s\n", p->name, p->warning);
	}
	if (w->cli->json)
		out_json(w->cli, out);
	else
		fprintf(f, "The next boot is on trial with %s; the one after it is as before.\n",
			j->kernel);
	json_object_put(out);
}

static int stage(struct work *w, int argc, char **argv)
{
	struct boot_parameter p[BOOT_PARAMETERS_MAX];
	struct kb_machine machine;
	unsigned int nr = 0;
	struct kb kb;
	int err = kb_machine_read(&machine, w->root);

	if (err) {
		cli_error(w->cli, "memory and CPUs of %s cannot be read: %s",
			  w->root ? w->root : "this machine", strerror(-err));
		return CLI_FAILED;
	}
	if (kb_load(&kb, w->kb_path, w->why, sizeof(w->why))) {
		cli_error(w->cli, "%s", w->why);
		return CLI_FAILED;
	}
	memset(p, 0, sizeof(p));
	err = boot_choose(&kb, &machine, w->boot.line, argv, (unsigned int)argc, p, &nr, w->why,
			  sizeof(w->why));
	if (!err)
		err = boot_fill(&w->boot, p, nr, w->why, sizeof(w->why));
	if (!err)
		err = boot_stage(&w->boot, p, nr, w->why, sizeof(w->why));
	if (!err)
		tell_staged(w, &kb);
	kb_free(&kb);
	return err ? refused(w, err) : CLI_OK;
}

/* ---- show ---- */

static void show_json(struct work *w, const struct boot_look *look, const char *const *fault,
		      unsigned int nr)
{
	const struct boot_journal *j = &w->boot.journal;
	struct json_object *out = json_object_new_object(), *faults;

	js_add_str(out, "state", w->boot.damaged ? "damaged" : boot_states[j->state].name);
	js_add_str(out, "meaning", boot_states[j->state].meaning);
	js_add_str(out, "boot_id", j->boot_id);
	js_add_str(out, "seen_id", j->seen_id);
	js_add_u64(out, "at_s", j->at_s);
	js_add_str(out, "kernel", j->kernel);
	js_add_bool(out, "booted_next", look->next);
	js_add_bool(out, "entry", look->entry);
	js_add_bool(out, "permanent_there", look->permanent);
	add_parameters(out, "trial", j->trial, j->trial_nr);
	add_parameters(out, "permanent", j->permanent, j->permanent_nr);
	faults = js_add_array(out, "faults");
	for (unsigned int i = 0; i < nr; i++)
		json_object_array_add(faults, json_object_new_string(fault[i]));
	out_json(w->cli, out);
	json_object_put(out);
}

static void show_text(struct work *w, const char *const *fault, unsigned int nr)
{
	const struct boot_journal *j = &w->boot.journal;
	time_t at = (time_t)j->at_s;
	FILE *f = w->cli->out;
	char when[64] = "";
	struct tm tm;

	if (w->boot.damaged)
		out_line(f, "state", "not known: %s", w->boot.damage);
	else
		out_line(f, "state", "%s: %s", boot_states[j->state].name,
			 boot_states[j->state].meaning);
	if (j->at_s && localtime_r(&at, &tm) &&
	    strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm))
		out_line(f, "since", "%s", when);
	print_parameters(f, "trial", j->trial, j->trial_nr);
	print_parameters(f, "permanent", j->permanent, j->permanent_nr);
	for (unsigned int i = 0; i < nr; i++)
		out_line(f, i ? "" : "but", "%s", fault[i]);
}

static int show(struct work *w)
{
	const char *fault[BOOT_FAULTS_MAX];
	struct boot_look look;
	unsigned int nr;
	int err = boot_look(&w->boot, &look, w->why, sizeof(w->why));

	if (err)
		return refused(w, err);
	nr = boot_faults(&w->boot, &look, fault);
	if (w->cli->json)
		show_json(w, &look, fault, nr);
	else
		show_text(w, fault, nr);
	return nr ? CLI_FINDINGS : CLI_OK;
}

/* ---- check ---- */

static void tell_verdict(struct work *w, enum boot_verdict verdict)
{
	const struct boot_journal *j = &w->boot.journal;
	bool lost = verdict == BOOT_VERDICT_LOST;
	const struct boot_parameter *p = lost ? j->permanent : j->trial;
	unsigned int nr = lost ? j->permanent_nr : j->trial_nr;
	struct json_object *out = json_object_new_object(), *missing;

	js_add_str(out, "verdict", boot_verdicts[verdict].name);
	js_add_str(out, "meaning", boot_verdicts[verdict].meaning);
	js_add_str(out, "state", boot_states[j->state].name);
	missing = js_add_array(out, "missing");
	if (!w->cli->json)
		fprintf(w->cli->out, "%s: %s\n", boot_verdicts[verdict].name,
			boot_verdicts[verdict].meaning);
	for (unsigned int i = 0; i < nr && boot_verdicts[verdict].bad; i++) {
		if (boot_line_has(w->boot.line, &p[i]))
			continue;
		json_object_array_add(missing, json_object_new_string(p[i].name));
		if (!w->cli->json)
			fprintf(w->cli->out, "%s: expected %s on the command line\n", p[i].name,
				p[i].word[0] ? p[i].word : "nothing of it");
	}
	if (w->cli->json)
		out_json(w->cli, out);
	else
		remind(w);
	json_object_put(out);
}

static int check(struct work *w)
{
	enum boot_verdict verdict;
	int err = boot_check(&w->boot, &verdict, w->why, sizeof(w->why));

	if (!err && verdict == BOOT_VERDICT_GOOD && w->keep) {
		err = boot_keep(&w->boot, w->why, sizeof(w->why));
		verdict = BOOT_VERDICT_PERMANENT;
	}
	if (err)
		return refused(w, err);
	tell_verdict(w, verdict);
	return boot_verdicts[verdict].bad ? CLI_FINDINGS : CLI_OK;
}

/* ---- the rest ---- */

static int cancel(struct work *w)
{
	int n = boot_cancel(&w->boot, w->why, sizeof(w->why));

	if (n < 0)
		return refused(w, n);
	tell(w, n ? "taken back: the next boot is as before" : "nothing is staged");
	return CLI_OK;
}

static int keep(struct work *w)
{
	int err = boot_keep(&w->boot, w->why, sizeof(w->why));

	if (err)
		return refused(w, err);
	tell(w, "permanent, from the next boot on");
	return CLI_OK;
}

static int revert(struct work *w)
{
	int n = boot_revert(&w->boot, w->why, sizeof(w->why));

	if (n < 0)
		return refused(w, n);
	tell(w, n ? "taken out; the present boot still has them" : "nothing is permanent");
	return CLI_OK;
}

static int run(struct work *w, const char *verb, int argc, char **argv)
{
	bool looks = !strcmp(verb, "show");
	int rc, err;

	if (geteuid() && (!w->root || !strcmp(w->root, "/") || !*w->root)) {
		cli_error(w->cli, "boot %s is for root", verb);
		return CLI_REFUSED;
	}
	err = boot_open(&w->boot, w->root, !looks, w->why, sizeof(w->why));
	if (err)
		rc = refused(w, err);
	else if (looks)
		rc = show(w);
	else if (!strcmp(verb, "stage"))
		rc = stage(w, argc, argv);
	else if (!strcmp(verb, "check"))
		rc = check(w);
	else if (!strcmp(verb, "keep"))
		rc = keep(w);
	else
		rc = !strcmp(verb, "cancel") ? cancel(w) : revert(w);
	boot_close(&w->boot);
	return rc;
}

void complete_boot(FILE *f)
{
	char error[512];
	struct kb kb;

	if (kb_load(&kb, KB_FILE, error, sizeof(error)))
		return;
	for (unsigned int i = 0; i < kb.nr; i++)
		if (kb.parameter[i].actuator == KB_BOOT && !kb.parameter[i].report)
			fprintf(f, "%s=\n", kb.parameter[i].name);
	kb_free(&kb);
}

int cmd_boot(struct cli *cli, int argc, char **argv)
{
	static const char *const verbs[] = {"show", "check", "keep", "cancel", "revert"};
	struct work w = {.cli = cli, .kb_path = KB_FILE};
	const struct cli_option options[] = {{"--keep", NULL, &w.keep},
					     {"--kb", &w.kb_path, NULL},
					     {"--root", &w.root, NULL},
					     {0}};
	int rc = cli_options(cli, options, &argc, argv);
	bool known;

	if (rc)
		return rc;
	known = argc > 1 && !strcmp(argv[0], "stage");
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		known = known || (argc == 1 && !strcmp(argv[0], verbs[i]));
	if (!known)
		return cli_usage(cli, "boot takes stage NAME=VALUE…, show, check, keep, cancel or "
				      "revert");
	if (w.keep && strcmp(argv[0], "check"))
		return cli_usage(cli, "--keep is for boot check");
	return run(&w, argv[0], argc - 1, argv + 1);
}
