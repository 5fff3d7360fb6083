// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* What was good becomes permanent, and is taken out again: a piece of /etc/default/grub.d, and update-grub. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boot_files.h"
#include "boot_trial.h"
#include "parse.h"

#define UPDATE "/usr/sbin/update-grub"
#define DEFAULT_GRUB "/etc/default/grub"
#define DEFAULT_DIR "/etc/default/grub.d"

/* Runs update-grub; what it says goes to stderr. 0 or negative errno. */
static int run_update(char *why, size_t size)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		char *const argv[] = {UPDATE, NULL};

		dup2(STDERR_FILENO, STDOUT_FILENO);
		execv(UPDATE, argv);
		_exit(127);
	}
	if (pid < 0)
		return boot_fault(why, size, UPDATE, -errno);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return boot_fault(why, size, UPDATE, -errno);
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	snprintf(why, size, UPDATE ": %s",
		 WIFEXITED(status) && WEXITSTATUS(status) == 127 ? "it cannot be run"
								 : "it failed");
	return -EIO;
}

/*
 * Has grub.cfg made anew, and on the disk: update-grub does not sync it. Below another root that is for whoever has it, as update-grub looks at the
 * machine that it runs on.
 */
static int update(struct boot *b, const struct boot_parameter *p, unsigned int nr, char *why,
		  size_t size)
{
	char kernel[GRUB_KERNEL_LEN], *cfg;
	bool has = false;
	int err;

	if (b->root[0]) {
		b->update_wanted = true;
		return 0;
	}
	err = run_update(why, size);
	if (err)
		return err;
	err = boot_sync(b->root, BOOT_GRUB_CFG);
	if (!err)
		err = boot_text(b->root, BOOT_GRUB_CFG, &cfg);
	if (err)
		return boot_fault(why, size, BOOT_GRUB_CFG, err);
	has = !nr || (!grub_kernel(b->line, kernel) && grub_cfg_has(cfg, kernel, p, nr));
	free(cfg);
	if (has)
		return 0;
	snprintf(why, size,
		 "update-grub has run, and " BOOT_GRUB_CFG
		 " has not got them: does another file of " DEFAULT_DIR
		 " set the command line anew?");
	return -EIO;
}

/* Is what stands in our piece's place ours, or nothing? */
static int check_piece(const struct boot *b, char *why, size_t size)
{
	char *text;
	int err = boot_text(b->root, BOOT_PIECE, &text);
	bool ours = !err && grub_permanent_ours(text);

	free(text);
	if (err == -ENOENT || err == -ENOTDIR || ours)
		return 0;
	if (err)
		return boot_fault(why, size, BOOT_PIECE, err);
	snprintf(why, size, BOOT_PIECE " is somebody else's; move it out of the way");
	return -EEXIST;
}

static int check_keep(const struct boot *b, char *why, size_t size)
{
	char full[PATH_MAX];

	if (b->damaged) {
		snprintf(why, size, "%s is damaged (%s); see homeostat boot cancel", BOOT_JOURNAL,
			 b->damage);
		return -EBADMSG;
	}
	if (b->journal.state != BOOT_GOOD && b->journal.state != BOOT_KEEPING) {
		snprintf(why, size, "no boot has been good with them: %s",
			 boot_states[b->journal.state].meaning);
		return -EAGAIN;
	}
	if (root_path(full, sizeof(full), b->root, DEFAULT_GRUB) || access(full, F_OK)) {
		snprintf(why, size, "there is no " DEFAULT_GRUB ", which update-grub would read");
		return -EOPNOTSUPP;
	}
	return check_piece(b, why, size);
}

int boot_keep(struct boot *b, char *why, size_t size)
{
	struct boot_journal *j = &b->journal;
	struct boot_parameter all[BOOT_PARAMETERS_MAX];
	unsigned int nr = j->permanent_nr;
	char text[GRUB_PERMANENT_MAX];
	int err = check_keep(b, why, size);

	if (err)
		return err;
	memcpy(all, j->permanent, sizeof(all));
	err = boot_merge(all, &nr, j->trial, j->trial_nr);
	if (!err)
		err = grub_permanent_text(text, all, nr);
	if (err) {
		snprintf(why, size, "there would be too many that are permanent");
		return err;
	}
	err = boot_clear(b, why, size);
	if (!err)
		err = boot_journal_save(b, BOOT_KEEPING, why, size);
	if (err)
		return err;
	err = boot_mkdir(b->root, DEFAULT_DIR, 0755);
	if (!err)
		err = boot_replace(b->root, BOOT_PIECE, text, strlen(text), 0644);
	if (err)
		return boot_fault(why, size, BOOT_PIECE, err);
	err = update(b, all, nr, why, size);
	if (err)
		return err;
	memcpy(j->permanent, all, sizeof(all));
	j->permanent_nr = nr;
	memcpy(j->seen_id, b->boot_id, sizeof(j->seen_id));
	return boot_journal_save(b, BOOT_PERMANENT, why, size);
}

int boot_revert(struct boot *b, char *why, size_t size)
{
	struct boot_journal *j = &b->journal;
	struct boot_look look;
	int err;

	if (boot_states[j->state].open && j->state != BOOT_KEEPING) {
		snprintf(why, size, "a trial is not at its end: %s", boot_states[j->state].meaning);
		return -EBUSY;
	}
	err = check_piece(b, why, size);
	if (!err)
		err = boot_look(b, &look, why, size);
	if (err)
		return err;
	if (!j->permanent_nr && !look.permanent && j->state != BOOT_REVERTING &&
	    j->state != BOOT_KEEPING)
		return 0;
	/* a damaged journal stays for whoever wants to look at it; `cancel` moves it away */
	err = b->damaged ? 0 : boot_journal_save(b, BOOT_REVERTING, why, size);
	if (err)
		return err;
	err = boot_remove(b->root, BOOT_PIECE);
	if (err && err != -ENOTDIR)
		return boot_fault(why, size, BOOT_PIECE, err);
	err = update(b, NULL, 0, why, size);
	if (err)
		return err;
	j->permanent_nr = j->trial_nr = 0;
	j->boot_id[0] = j->kernel[0] = '\0';
	memcpy(j->seen_id, b->boot_id, sizeof(j->seen_id));
	err = b->damaged ? 0 : boot_journal_save(b, BOOT_NONE, why, size);
	return err ? err : 1;
}
