// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The restorer: puts back what the undo table holds. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guard.h"
#include "hook.h"
#include "log.h"
#include "parse.h"

#define HAND_MS 5000 /* longer than a driver takes that makes its rings anew */

char restorer_oom_score[16];

void restorer_settle(void)
{
	/* what fails here makes it weaker, no less right */
	setsid();
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	mlockall(MCL_CURRENT | MCL_FUTURE);
	if (read_file("", OOM_SCORE, restorer_oom_score, sizeof(restorer_oom_score)) > 0)
		write_file("", OOM_SCORE, "-1000");
}

static void report(void *ctx, const struct undo_entry *e, enum undo_outcome outcome, int err)
{
	(void)ctx;
	log_warn("restorer: %s: %s%s%s (%s)", e->path, undo_outcome_name(outcome), err ? ": " : "",
		 err ? strerror(-err) : "", e->old);
}

int restorer_main(int pipe, const char *dir, const char *root, const char *daemon)
{
	struct undo undo;
	int left = 0, err = undo_open(&undo, dir, root, false);
	char what = err ? 'q' : 'h';

	while (what != 'q') {
		ssize_t n = read(pipe, &what, 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n > 0 && what == 'h')
			hook_run(undo.table);
		if (n > 0 && what != 'u')
			continue;
		if (n <= 0) /* the guard is dead; until its own death the daemon has the lock */
			what = 'q';
		left = undo_settle(&undo, root, -1, HAND_MS, report, NULL);
		undo_unlock(&undo); /* a hook may go on for long; who comes next need not wait */
		leave_dispatchers(daemon);
		if (n <= 0)
			log_error("restorer: the guard is dead");
		hook_run(undo.table); /* who would have asked for it may be dead */
	}
	if (left == -EINPROGRESS) { /* a driver hangs; what it has nothing to do with is put back */
		log_error("restorer: %s", undo_error(left));
		left = undo_settle(&undo, root, -1, -1, report, NULL);
	}
	if (err || left < 0)
		log_error("restorer: undo table: %s", undo_error(err ? err : left));
	while (waitpid(-1, NULL, 0) > 0) /* a hook, which has its limit */
		;
	undo_close(&undo);
	return err || left;
}
