// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "changes.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "act/by_hand.h"
#include "clock.h"
#include "daemon.h"
#include "guard_link.h"
#include "log.h"
#include "parse.h"

#define YIELD_TICKS 10		/* how often what is committed is looked at */
#define CALL_NS (60 * NS_PER_S) /* a person is called no more often, for however many */

/* ---- the knowledge base ---- */

/* It says what root writes where: nobody else may have a hand in it. */
static int check_owner(const char *path, char *why, size_t size)
{
	struct stat st;

	if (stat(path, &st)) {
		snprintf(why, size, "%s: %s", path, strerror(errno));
		return -errno;
	}
	if (!st.st_uid && !(st.st_mode & (S_IWGRP | S_IWOTH)))
		return 0;
	snprintf(why, size, "%s: others than root may write it; expected owner root, mode 644",
		 path);
	return -EPERM;
}

void changes_open(struct homeostatd *d)
{
	struct changes *c = &d->changes;
	int err;

	if (d->undo.table->last_id < undo_group(d->undo.table) - 1)
		d->undo.table->last_id = undo_group(d->undo.table) - 1;
	err = check_owner(d->opt.kb, c->refusal, sizeof(c->refusal));

	if (!err)
		err = kb_load(&c->kb, d->opt.kb, c->refusal, sizeof(c->refusal));
	if (!err) {
		err = kb_machine_read(&c->machine, d->opt.root);
		if (err)
			snprintf(c->refusal, sizeof(c->refusal), "memory and CPUs of this host: %s",
				 strerror(-err));
	}
	if (err) {
		kb_free(&c->kb);
		log_warn("knowledge base: %s; nothing is changed beside what runs in the kernel",
			 c->refusal);
	}
	keeping_take_up(d);
}

void changes_hand(struct homeostatd *d)
{
	int err;

	if (d->changes.refusal[0])
		return;
	err = by_hand_start(&d->undo);
	if (err)
		log_info("queues, lengths and rings of network interfaces cannot be changed: %s",
			 err == -EPERM ? "CAP_NET_ADMIN is missing" : strerror(-err));
}

void changes_close(struct homeostatd *d)
{
	by_hand_stop();
	keeping_close(d);
	tx_free(&d->changes.table);
	kb_free(&d->changes.kb);
}

/* ---- who may, and when ---- */

/* Root, or a user whom the profile names. */
bool changes_adviser(const struct homeostatd *d, uid_t uid)
{
	const struct profile_changes *rule = &d->policy.profile.changes;
	char path[PATH_MAX];
	struct passwd *user;
	bool named = !uid;
	FILE *f;

	if (named || root_path(path, sizeof(path), d->opt.root, "/etc/passwd"))
		return named;
	f = fopen(path, "re");
	while (f && !named && (user = fgetpwent(f)))
		named = user->pw_uid == uid && kb_has_word(rule->advisers, user->pw_name);
	if (f)
		fclose(f);
	return named;
}

static const char unnamed[] = "the profile names no such adviser (changes: advisers)";

const char *changes_untrusted(const struct homeostatd *d, uid_t uid)
{
	if (!changes_adviser(d, uid))
		return unnamed;
	return d->mode == HS_MODE_ACT ? NULL : "mode advise: a person has to approve it";
}

/* The profile may have become another one since it was asked for. */
static const char *untrusted(void *ctx, uid_t uid)
{
	return changes_adviser(ctx, uid) ? NULL : unnamed;
}

static bool may_now(void *ctx, enum kb_timing timing, char *why, size_t size)
{
	struct homeostatd *d = ctx;

	return governor_may(&d->changes.governor, &d->policy.profile.changes, timing, clock_ns(),
			    time(NULL), why, size);
}

/* ---- telling ---- */

static void told(void *ctx, const struct tx *tx, enum tx_state from)
{
	struct homeostatd *d = ctx;
	const struct act_file *f = tx->file;
	char more[32] = "";
	struct hs_event event = {.type = HS_EVENT_CHANGE,
				 .id = tx->id,
				 .from = from,
				 .to = tx->state,
				 .value = tx->files_nr};

	if (tx->files_nr > 1)
		snprintf(more, sizeof(more), ", and %u more", tx->files_nr - 1);
	if (tx->state == TX_PENDING || tx->state == TX_WAITING)
		log_info("change %u: %s '%s' to '%s'%s: %s: %s; asked for by uid %u, %s: %s",
			 tx->id, f->path, f->from, f->to, more, tx_states[tx->state].name, tx->why,
			 tx->uid, proposal_sources[tx->source], tx->reason);
	else
		log_info("change %u: %s '%s' to '%s'%s: %s: %s", tx->id, f->path, f->from, f->to,
			 more, tx_states[tx->state].name, tx->why);
	d->changes.changed++;
	heartbeat_progress(&d->heartbeat);
	daemon_event(d, &event);
}

/* What waits for a person who was not called for it: what goes back without him first. */
static struct tx *uncalled(struct homeostatd *d)
{
	struct tx *found = NULL;

	for (struct tx *tx = d->changes.table.tx; tx < d->changes.table.tx + TX_MAX; tx++) {
		if (!tx->id || tx->called ||
		    (tx->state != TX_CONFIRM &&
		     (tx->state != TX_PENDING || !changes_adviser(d, tx->uid))))
			continue; /* who is nobody to us has nobody called */
		if (!found || (tx->state == TX_CONFIRM && found->state != TX_CONFIRM) ||
		    (tx->state == found->state && tx->id < found->id))
			found = tx;
	}
	return found;
}

/* "before 7: net.core.somaxconn 128 -> 4096": what a hook is told of a change. */
static void describe(char text[UNDO_REASON_LEN], const char *what, const struct tx *tx)
{
	const struct act_file *f = tx->file;
	int len = snprintf(text, UNDO_REASON_LEN, "%s %u: %s %.24s -> %.24s", what, tx->id,
			   f->p->name, f->from, f->to);

	if (tx->files_nr > 1 && len < UNDO_REASON_LEN)
		snprintf(text + len, UNDO_REASON_LEN - (size_t)len, ", %u more", tx->files_nr - 1);
}

/* A gate that was shut and of which nothing was told yet: its hook comes first. */
static bool trip_untold(const struct homeostatd *d)
{
	return d->armed && !d->kernel.gate->armed;
}

static __u32 run_hook(void *ctx, const struct tx *tx, bool before)
{
	struct homeostatd *d = ctx;
	const struct profile *p = &d->policy.profile;
	char text[UNDO_REASON_LEN];
	__u32 number = 0;

	describe(text, before ? "before" : "after", tx);
	if (d->opt.guard_fd >= 0 && !trip_untold(d))
		number = undo_ask_job(d->undo.table, before ? p->changes.before : p->changes.after,
				      (__u32)(p->trip.hook_limit_ns / 1000000), text);
	if (number && !guard_tripped(d->opt.guard_fd))
		return number;
	log_warn("change %u: its hook %s it was not run: there is no guard to do it", tx->id,
		 before ? "before" : "after");
	return 0;
}

static bool hook_done(void *ctx, __u32 number, int *code)
{
	struct homeostatd *d = ctx;

	return undo_job_done(d->undo.table, number, code);
}

/* The next of what waits for a window of which notice is to be given. */
static struct tx *unnoticed(struct homeostatd *d)
{
	struct tx *found = NULL;

	for (struct tx *tx = d->changes.table.tx; tx < d->changes.table.tx + TX_MAX; tx++) {
		if (tx->id && tx->state == TX_WAITING && tx->timing == KB_TIMING_MAINTENANCE &&
		    !tx->noticed_ns && (!found || tx->id < found->id))
			found = tx;
	}
	return found && governor_notice(&d->policy.profile.changes, time(NULL)) ? found : NULL;
}

/* The operator's hook, which the guard's restorer runs, is told something. */
static void call_hook(struct homeostatd *d, const struct tx *tx, const char *text)
{
	undo_set_reason(d->undo.table, text);
	if (guard_tripped(d->opt.guard_fd) && d->policy.profile.trip.hook[0])
		log_warn("change %u: there is no guard to run the hook: %s", tx->id, text);
}

/* The operator is told that something waits for him, or of what is to be changed in a window. That of a trip comes first. */
static void call_person(struct homeostatd *d, __u64 now_ns)
{
	struct changes *c = &d->changes;
	struct tx *tx = uncalled(d);
	char text[UNDO_REASON_LEN];

	if (d->undo.table->hook_due || trip_untold(d))
		return;
	if (tx && tx->state == TX_PENDING && c->called_ns && now_ns - c->called_ns < CALL_NS)
		tx = NULL;
	if (!tx) {
		tx = unnoticed(d);
		if (!tx)
			return;
		tx->noticed_ns = clock_boot_ns();
		describe(text, "notice", tx);
		call_hook(d, tx, text);
		return;
	}
	for (struct tx *other = c->table.tx; other < c->table.tx + TX_MAX; other++) {
		if (other->state == tx->state)
			other->called = true; /* he sees all of them when he looks */
	}
	c->called_ns = now_ns;
	snprintf(text, sizeof(text), "pending %u: %s", tx->id, tx->file[0].p->name);
	call_hook(d, tx, text);
}

static void yielded(void *ctx, const char *path)
{
	(void)ctx;
	log_warn("%s: somebody else has written it since it was changed and committed: it is his",
		 path);
}

/* ---- the clock ---- */

/* One more file is looked at, or written: that goes on, and the next one may take the kernel as long. */
static void progressed(void *ctx)
{
	struct homeostatd *d = ctx;

	if (d->heartbeat.patience_ns)
		heartbeat_patience(&d->heartbeat, CHANGE_PATIENCE_NS);
	else
		heartbeat_progress(&d->heartbeat);
}

struct tx_world changes_world(struct homeostatd *d)
{
	struct changes *c = &d->changes;
	struct tx_world w = {
		.root = d->opt.root,
		.undo = d->undo.table,
		.kb = &c->kb,
		.machine = c->machine,
		.profile = &d->policy.profile,
		.evidence = &c->evidence,
		.now_ns = clock_ns(),
		.boot_ns = clock_boot_ns(),
		.may_alone = d->mode == HS_MODE_ACT && d->armed,
		.looks = d->mode != HS_MODE_ACT || d->armed,
		.may_now = may_now,
		.begins = keeping_begins,
		.hook = run_hook,
		.hook_done = hook_done,
		.untrusted = untrusted,
		.progress = progressed,
		.told = told,
		.ctx = d,
	};

	w.may_approved = w.may_alone || d->mode == HS_MODE_ADVISE;
	for (__u32 i = 0; i < d->policy.profile.slo_nr; i++) {
		const struct slo_state *s = &d->judge.slo.state[i];

		if (s->present && s->value > d->policy.profile.slo[i].max)
			w.missed |= 1U << i;
	}
	return w;
}

/* Without a hand what it has changed cannot be put back by us, but by the restorer, which has the privilege: it waits for our end. */
static void check_hand(struct homeostatd *d)
{
	const struct tx *tx = tx_active(&d->changes.table);

	if (!tx || !tx->stuck || !by_hand_lost() || d->stop)
		return;
	log_error("change %u cannot be put back without the hand: we end, so that the restorer "
		  "does it",
		  tx->id);
	d->exit_err = -EOWNERDEAD;
	d->stop = true;
}

/* What putting back has come to; for who asked for it, if he waits. */
struct reverting {
	struct homeostatd *d;
	undo_report report;
	void *ctx;
	bool waits; /* a driver is at something */
};

static void reverted(void *ctx, const struct undo_entry *e, enum undo_outcome outcome, int err)
{
	struct reverting *r = ctx;

	heartbeat_patience(&r->d->heartbeat, CHANGE_PATIENCE_NS); /* for the next one */
	if (undo_waits(err))
		r->waits = true;
	else
		log_info("restore: %s: %s (%s)", e->path, undo_outcome_name(outcome), e->old);
	if (r->report)
		r->report(r->ctx, e, outcome, err);
}

bool changes_reverting(const struct homeostatd *d)
{
	return d->changes.reverting_ns;
}

static int revert(struct reverting *r)
{
	struct changes *c = &r->d->changes;
	int left = undo_revert(r->d->undo.table, r->d->opt.root, &c->reverting, reverted, r);

	undo_told(r->d->undo.table, NULL, NULL); /* by the report, just now */
	if (!r->waits || left < 0)
		c->reverting_ns = 0;
	return left;
}

int changes_revert(struct homeostatd *d, const struct undo_which *which, undo_report report,
		   void *ctx)
{
	struct reverting r = {d, report, ctx, false};
	int left = 0;

	if (changes_reverting(d))
		return -EBUSY;
	changes_abort(d, "committed values are put back");
	d->changes.reverting = *which;
	d->changes.reverting_ns = clock_ns() + TX_LATE_NS;
	if (tx_active(&d->changes.table)) /* a driver keeps it; what it stands on is older */
		return 0;
	heartbeat_patience(&d->heartbeat, CHANGE_PATIENCE_NS);
	left = revert(&r);
	heartbeat_patience(&d->heartbeat, 0);
	return left;
}

/* What drivers have kept from being put back. */
static void revert_on(struct homeostatd *d)
{
	struct reverting r = {.d = d};

	if (!changes_reverting(d) || tx_active(&d->changes.table))
		return;
	if (revert(&r) && changes_reverting(d) && clock_ns() >= d->changes.reverting_ns) {
		d->changes.reverting_ns = 0;
		log_error("restore: network cards could not be put back within %llu s: "
			  "`homeostat restore` again",
			  TX_LATE_NS / NS_PER_S);
	}
}

void changes_tick(struct homeostatd *d)
{
	struct tx_world w;

	evidence_sample(&d->changes.evidence, d->kernel.vitals); /* `vitals` tells it, too */
	if (d->changes.refusal[0])
		return;
	w = changes_world(d);
	governor_look(&d->changes.governor, d->judge.load.busy_permille, w.now_ns);
	/* each write may take the kernel long: huge pages, a queue that is set up anew */
	heartbeat_patience(&d->heartbeat, CHANGE_PATIENCE_NS);
	if (!changes_reverting(d) || tx_active(&d->changes.table))
		tx_look(&d->changes.table, &w);
	revert_on(d);
	check_hand(d);
	keeping_tick(d);
	call_person(d, w.now_ns);
	/* a value that is on its way back is nobody else's */
	if (!(d->ticks % YIELD_TICKS) && !changes_reverting(d))
		tx_yield(&d->changes.table, &w, yielded, d);
	heartbeat_patience(&d->heartbeat, 0);
}

void changes_abort(struct homeostatd *d, const char *why)
{
	__u64 until_ns = d->heartbeat.patience_ns, now_ns;
	struct tx_world w;

	if (!tx_active(&d->changes.table))
		return;
	w = changes_world(d);
	heartbeat_patience(&d->heartbeat, CHANGE_PATIENCE_NS);
	tx_abort(&d->changes.table, &w, why);
	/* that of the caller, if he has any, goes on */
	now_ns = clock_ns();
	heartbeat_patience(&d->heartbeat, until_ns > now_ns ? until_ns - now_ns : 0);
}
