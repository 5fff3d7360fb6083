// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The daemon's side of the watchdog's outer layers: the undo table, and the guard. */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "daemon.h"
#include "ethtool.h"
#include "guard_link.h"
#include "log.h"

#define UNDO_WAIT_MS 10000 /* a restorer may still be at work */

/* What putting back has come to. */
struct undoing {
	struct homeostatd *d;
	bool waits; /* a driver is at something */
};

static void report(void *ctx, const struct undo_entry *e, enum undo_outcome outcome, int err)
{
	struct undoing *u = ctx;
	struct homeostatd *d = u->d;

	heartbeat_progress(&d->heartbeat);
	if (undo_waits(err)) {
		u->waits = true;
		return;
	}
	log_warn("undo: %s: %s%s%s (%s)", e->path, undo_outcome_name(outcome), err ? ": " : "",
		 err ? strerror(-err) : "", e->old);
	aftermath_undone(d, e, outcome);
}

static void restored(void *ctx, const struct undo_entry *e, enum undo_outcome outcome, int err)
{
	(void)err;
	aftermath_undone(ctx, e, outcome);
}

bool undo_all(struct homeostatd *d)
{
	struct undoing u = {.d = d};
	int left = d->undo.table ? undo_replay(d->undo.table, d->opt.root, report, &u) : 0;

	if (left < 0)
		log_error("undo table: %s", undo_error(left));
	else if (left && !u.waits)
		log_error("undo table: %d values could not be put back; that is tried again when "
			  "homeostatd ends, or is restarted",
			  left);
	if (d->undo.table)
		undo_told(d->undo.table, NULL, NULL); /* just now, by `report` */
	return u.waits;
}

int undo_take(struct homeostatd *d)
{
	char socket[PATH_MAX], *dir;
	int err, left;

	snprintf(socket, sizeof(socket), "%s", d->opt.socket);
	dir = dirname(socket);
	err = undo_open(&d->undo, dir, "", true);
	if (!err)
		err = undo_lock(&d->undo, UNDO_WAIT_MS);
	if (err == -EINPROGRESS) { /* nothing else waits for that */
		left = undo_settle(&d->undo, d->opt.root, UNDO_WAIT_MS, 0, NULL, NULL);
		err = left < 0 ? left : 0;
	}
	if (err) {
		log_error("%s/" UNDO_FILE ": %s", dir, undo_error(err));
		undo_close(&d->undo); /* it is not ours: when we end, nothing is put back from it */
		return err;
	}
	/*
	 * The lock is held as long as any process has the table mapped: a child of ours that waits for a disk or a driver would keep
	 * the restorer out.
	 */
	if (madvise(d->undo.table, sizeof(*d->undo.table), MADV_DONTFORK))
		log_warn("the undo table would be locked by our children, too: %s",
			 strerror(errno));
	/* what restorer or `homeostat restore` have put back, for the record of the death before */
	undo_told(d->undo.table, restored, d);
	undo_all(d);
	ethtool_close(); /* cards may have been among it; from now on they are the hand's */
	return 0;
}

int guard_greet(struct homeostatd *d)
{
	int err;

	if (d->opt.guard_fd < 0)
		return 0;
	err = guard_hello(d->opt.guard_fd, d->kernel.fd.gate, d->kernel.fd.pulse);
	if (err)
		log_error("the guard cannot be greeted: %s", strerror(-err));
	return err;
}

void guard_heard(struct homeostatd *d)
{
	if (d->stop || !guard_gone(d->opt.guard_fd))
		return;
	trip(d, HS_TRIP_GUARD, NULL);
	log_error("the guard is dead; so shall we be, in good order");
	d->exit_err = -EOWNERDEAD;
	d->stop = true;
}
