// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "boot_trial.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "boot_files.h"
#include "parse.h"

#define X(id, name, bad, meaning) {name, bad, meaning},
const struct boot_verdict_info boot_verdicts[BOOT_VERDICT_NR] = {BOOT_VERDICTS(X)};
#undef X

/* Sector by sector, each on the disk before the next. */
static int write_plan(const struct boot *b, const struct grubenv_plan *plan, char *why, size_t size)
{
	int err = 0;

	for (unsigned int i = 0; i < plan->nr && !err; i++)
		err = boot_overwrite(b->root, BOOT_GRUBENV, plan->write[i].bytes, GRUBENV_SECTOR,
				     (off_t)plan->write[i].at);
	if (!plan->nr)
		err = boot_sync(b->root, BOOT_GRUBENV);
	return err ? boot_fault(why, size, BOOT_GRUBENV, err) : 0;
}

static int write_custom(const struct boot *b, const char *custom, const char *entry, char *why,
			size_t size)
{
	char *text = NULL;
	int err = grub_custom_set(custom, entry, &text);

	if (!err && !strcmp(text, custom))
		err = boot_sync(b->root, BOOT_CUSTOM);
	else if (!err && !text[0]) /* it was ours alone */
		err = boot_remove(b->root, BOOT_CUSTOM);
	else if (!err)
		err = boot_replace(b->root, BOOT_CUSTOM, text, strlen(text), 0644);
	free(text);
	return err ? boot_fault(why, size, BOOT_CUSTOM, err) : 0;
}

int boot_clear(const struct boot *b, char *why, size_t size)
{
	char block[GRUBENV_SIZE], *custom, *there;
	struct grubenv_plan plan;
	int err = boot_text(b->root, BOOT_GRUBENV, &there);

	free(there);
	if (err != -ENOENT) {
		err = boot_grubenv_read(b, block, why, size);
		if (err)
			return err;
		grubenv_plan_clear(block, &plan);
		err = write_plan(b, &plan, why, size);
		if (err)
			return err;
	}
	err = boot_custom_read(b, &custom, why, size);
	if (err)
		return err;
	err = write_custom(b, custom, NULL, why, size);
	free(custom);
	return err;
}

/* What boot loader is it, where it is none that we know? */
static int no_grub(const struct boot *b, char *why, size_t size)
{
	static const struct {
		const char *path, *name;
	} known[] = {
		{"/boot/grub2/grub.cfg", "GRUB 2 as Fedora and SUSE have it (/boot/grub2)"},
		{"/boot/loader/loader.conf", "systemd-boot"},
		{"/efi/loader/loader.conf", "systemd-boot"},
		{"/boot/efi/loader/loader.conf", "systemd-boot"},
		{"/boot/extlinux/extlinux.conf", "extlinux"},
		{"/boot/refind_linux.conf", "rEFInd"},
	};
	char full[PATH_MAX];
	size_t i = 0;

	while (i < sizeof(known) / sizeof(*known) &&
	       (root_path(full, sizeof(full), b->root, known[i].path) || access(full, F_OK)))
		i++;
	snprintf(why, size,
		 "the boot loader is %s; supported is GRUB 2 as Debian has it (" BOOT_GRUB_CFG ")",
		 i < sizeof(known) / sizeof(*known) ? known[i].name : "none that is known");
	return -EOPNOTSUPP;
}

/* A field of /proc/mounts, at *at, which is moved behind it. */
static size_t field(const char **at, const char **text)
{
	size_t len;

	*text = *at + strspn(*at, " ");
	len = strcspn(*text, " \n");
	*at = *text + len;
	return len;
}

/* Could GRUB write where its files are? As 00_header has it. What is no mount that we see is left to our entry, which asks GRUB. */
static int check_disk(const struct boot *b, char *why, size_t size)
{
	static const char *const no[] = {"btrfs", "zfs", "squashfs", "cramfs", "iso9660", "f2fs"};
	char *mounts, device[128] = "", type[32] = "";
	const char *at, *d, *m, *t;
	size_t best = 0, dl, ml, tl;
	bool bad;

	if (boot_text(b->root, "/proc/self/mounts", &mounts))
		return 0;
	for (at = mounts; *at; at += strcspn(at, "\n"), at += *at == '\n') {
		dl = field(&at, &d);
		ml = field(&at, &m);
		tl = field(&at, &t);
		/* of two at the same place the later one is on top */
		if (ml < best || strncmp(m, BOOT_GRUB_DIR, ml) ||
		    (ml > 1 && BOOT_GRUB_DIR[ml] && BOOT_GRUB_DIR[ml] != '/'))
			continue;
		best = ml;
		snprintf(device, sizeof(device), "%.*s", (int)dl, d);
		snprintf(type, sizeof(type), "%.*s", (int)tl, t);
	}
	free(mounts);
	bad = !strncmp(device, "/dev/mapper/", 12) || !strncmp(device, "/dev/md", 7) ||
	      !strncmp(device, "/dev/dm-", 8);
	for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++)
		bad = bad || !strcmp(type, no[i]);
	if (!bad)
		return 0;
	snprintf(why, size,
		 BOOT_GRUB_DIR " is on %s (%s), where GRUB cannot write: it could not forget "
			       "that it was to boot a trial once",
		 device, type);
	return -EOPNOTSUPP;
}

/* May another trial begin? Also done once more: the same in the same boot; and what was cut off before it was staged. */
static int check_state(const struct boot *b, const struct boot_parameter *p, unsigned int nr,
		       bool *again, char *why, size_t size)
{
	const struct boot_journal *j = &b->journal;
	bool same = j->trial_nr == nr, here = !strcmp(j->boot_id, b->boot_id), on = true;

	*again = false;
	if (b->damaged) {
		snprintf(why, size, "%s is damaged (%s); see homeostat boot cancel", BOOT_JOURNAL,
			 b->damage);
		return -EBADMSG;
	}
	if (!boot_states[j->state].open && j->state != BOOT_REVERTING)
		return 0;
	for (unsigned int i = 0; i < j->trial_nr; i++) {
		same = same && !strcmp(j->trial[i].key, p[i].key) &&
		       !strcmp(j->trial[i].word, p[i].word);
		on = on && boot_line_has(b->line, &j->trial[i]);
	}
	*again = (j->state == BOOT_STAGING || j->state == BOOT_STAGED) && here && same;
	if (*again || (j->state == BOOT_STAGING && !here && !on))
		return 0;
	snprintf(why, size, "the trial before is not at its end: %s; see homeostat boot %s",
		 boot_states[j->state].meaning,
		 j->state == BOOT_GOOD || j->state == BOOT_KEEPING ? "keep"
		 : j->state == BOOT_REVERTING			   ? "revert"
		 : here						   ? "cancel"
								   : "check");
	return -EBUSY;
}

int boot_fill(const struct boot *b, struct boot_parameter *p, unsigned int nr, char *why,
	      size_t size)
{
	bool all = true;

	for (unsigned int i = 0; i < nr; i++) {
		unsigned int times = boot_line_find(b->line, p[i].key, p[i].old);

		if (times > 1) {
			snprintf(why, size,
				 "%s stands %u times on the command line; which of them is meant "
				 "is not known",
				 p[i].key, times);
			return -EINVAL;
		}
		all = all && boot_line_has(b->line, &p[i]);
	}
	if (!all)
		return 0;
	snprintf(why, size, "the present boot has them already");
	return -EALREADY;
}

/* The texts of a trial: all that can be wrong is wrong before the first write. */
struct texts {
	char entry[GRUB_ENTRY_MAX];
	char *custom;
	struct grubenv_plan plan;
	char kernel[GRUB_KERNEL_LEN];
};

/* Our entry, out of the one whose kernel runs. */
static int make_entry(const struct boot *b, const struct boot_parameter *p, unsigned int nr,
		      struct texts *t, const char *cfg, char *why, size_t size)
{
	struct boot_parameter panic = {.key = "panic", .word = GRUB_PANIC};
	char line[BOOT_LINE_MAX], trial[BOOT_LINE_MAX], present[BOOT_LINE_MAX];
	char word[BOOT_WORD_LEN];
	struct grub_entry entry;
	int err = grub_cfg_check(cfg, why, size);

	if (err)
		return err;
	err = boot_line_check(b->line, why, size);
	if (err)
		return err;
	err = grub_kernel(b->line, t->kernel);
	if (err) {
		snprintf(why, size,
			 "the command line does not say which kernel GRUB has booted "
			 "(BOOT_IMAGE)");
		return err;
	}
	err = grub_entry_find(cfg, t->kernel, b->line, &entry, why, size);
	if (err)
		return err;
	err = boot_line_change(present, b->line, NULL, 0);
	if (!err)
		err = boot_line_change(line, b->line, p, nr);
	if (!err) /* what does not come up is to restart by itself, unless it is told otherwise */
		err = boot_line_change(trial, line, &panic, !boot_line_find(line, panic.key, word));
	/* GRUB puts the kernel's path before it */
	if (!err && strlen("BOOT_IMAGE= ") + strlen(t->kernel) + strlen(trial) >= BOOT_LINE_MAX)
		err = -E2BIG;
	if (!err)
		err = grub_trial_text(t->entry, &entry, trial, present);
	if (err)
		snprintf(why, size, "the command line or the menu entry would be too long");
	return err;
}

static int make_texts(const struct boot *b, const struct boot_parameter *p, unsigned int nr,
		      struct texts *t, char *why, size_t size)
{
	char block[GRUBENV_SIZE], clause[GRUBENV_WHY_LEN], *cfg = NULL;
	int err = boot_text(b->root, BOOT_GRUB_CFG, &cfg);

	if (err == -ENOENT || err == -ENOTDIR)
		return no_grub(b, why, size);
	if (err)
		return boot_fault(why, size, BOOT_GRUB_CFG, err);
	err = make_entry(b, p, nr, t, cfg, why, size);
	free(cfg);
	if (!err)
		err = check_disk(b, why, size);
	if (!err)
		err = boot_grubenv_read(b, block, why, size);
	if (err)
		return err;
	err = grubenv_plan_set(block, &t->plan, clause, sizeof(clause));
	if (err) {
		snprintf(why, size, "%s: %s", BOOT_GRUBENV, clause);
		return err;
	}
	return boot_custom_read(b, &t->custom, why, size);
}

/* The writes, in the order that boot_trial.h has. */
static int write_trial(struct boot *b, const struct boot_parameter *p, unsigned int nr,
		       struct texts *t, char *why, size_t size)
{
	struct boot_journal *j = &b->journal;
	int err;

	memcpy(j->trial, p, nr * sizeof(*p));
	j->trial_nr = nr;
	memcpy(j->boot_id, b->boot_id, sizeof(j->boot_id));
	memcpy(j->kernel, t->kernel, sizeof(j->kernel));
	err = boot_journal_save(b, BOOT_STAGING, why, size);
	if (!err)
		err = write_custom(b, t->custom, t->entry, why, size);
	if (!err)
		err = write_plan(b, &t->plan, why, size);
	return err ? err : boot_journal_save(b, BOOT_STAGED, why, size);
}

int boot_stage(struct boot *b, const struct boot_parameter *p, unsigned int nr, char *why,
	       size_t size)
{
	struct texts *t = calloc(1, sizeof(*t));
	bool again = false;
	int err = t ? check_state(b, p, nr, &again, why, size) : -ENOMEM;

	if (!err)
		err = make_texts(b, p, nr, t, why, size);
	/* what an earlier trial has left is none of this one, and GRUB is not to boot it under its name */
	if (!err && !again) {
		free(t->custom);
		t->custom = NULL;
		err = boot_clear(b, why, size);
		if (!err)
			err = make_texts(b, p, nr, t, why, size);
	}
	if (!err)
		err = write_trial(b, p, nr, t, why, size);
	if (t)
		free(t->custom);
	free(t);
	return err;
}

int boot_cancel(struct boot *b, char *why, size_t size)
{
	struct boot_journal *j = &b->journal;
	int err;

	if (j->state == BOOT_KEEPING || j->state == BOOT_REVERTING) {
		snprintf(why, size, "%s; see homeostat boot %s", boot_states[j->state].meaning,
			 j->state == BOOT_KEEPING ? "keep" : "revert");
		return -EBUSY;
	}
	err = boot_clear(b, why, size);
	if (err)
		return err;
	if (b->damaged) {
		err = boot_rename(b->root, BOOT_JOURNAL, BOOT_DAMAGED);
		return err ? boot_fault(why, size, BOOT_JOURNAL, err) : 1;
	}
	if (!boot_states[j->state].open)
		return 0;
	j->trial_nr = 0;
	j->boot_id[0] = j->seen_id[0] = j->kernel[0] = '\0';
	err = boot_journal_save(b, BOOT_NONE, why, size);
	return err ? err : 1;
}

/* ---- after a boot ---- */

static bool line_has(const struct boot *b, const struct boot_parameter *p, unsigned int nr)
{
	bool all = true;

	for (unsigned int i = 0; i < nr; i++)
		all = all && boot_line_has(b->line, &p[i]);
	return all;
}

/*
 * The boot behind the one that has staged: came it up with them? That it did is only seen in this boot, so it is written first; that it did not is
 * seen in the next one, too, and first GRUB is told, as it may never have been asked (a boot from another disk).
 */
static int judge(struct boot *b, enum boot_verdict *verdict, char *why, size_t size)
{
	struct boot_journal *j = &b->journal;
	bool good = line_has(b, j->trial, j->trial_nr), cut = j->state == BOOT_STAGING;
	int err;

	memcpy(j->seen_id, b->boot_id, sizeof(j->seen_id));
	if (good) {
		*verdict = BOOT_VERDICT_GOOD;
		err = boot_journal_save(b, BOOT_GOOD, why, size);
		return err ? err : boot_clear(b, why, size);
	}
	*verdict = cut ? BOOT_VERDICT_CUT_OFF : BOOT_VERDICT_FELL_BACK;
	err = boot_clear(b, why, size);
	return err ? err : boot_journal_save(b, cut ? BOOT_NONE : BOOT_FELL_BACK, why, size);
}

/* Nothing is on trial: is what is permanent there? Where it was made so in this boot, it comes with the next. */
static int judge_permanent(const struct boot *b, enum boot_verdict *verdict, char *why, size_t size)
{
	const struct boot_journal *j = &b->journal;
	struct boot_look look;
	int err = boot_look(b, &look, why, size);

	if (err)
		return err;
	*verdict = !j->permanent_nr	  ? BOOT_VERDICT_NOTHING
		   : !look.permanent_fits ? BOOT_VERDICT_LOST
		   : !strcmp(j->seen_id, b->boot_id) || line_has(b, j->permanent, j->permanent_nr)
			   ? BOOT_VERDICT_PERMANENT
			   : BOOT_VERDICT_LOST;
	if (j->state == BOOT_FELL_BACK && !strcmp(j->seen_id, b->boot_id))
		*verdict = BOOT_VERDICT_FELL_BACK; /* told again, but not in later boots */
	return 0;
}

int boot_check(struct boot *b, enum boot_verdict *verdict, char *why, size_t size)
{
	struct boot_journal *j = &b->journal;
	bool idle = !b->damaged && j->state == BOOT_NONE && !j->permanent_nr;
	int err = 0;

	*verdict = BOOT_VERDICT_NOTHING;
	if (b->damaged) {
		snprintf(why, size, "%s is damaged (%s); see homeostat boot cancel", BOOT_JOURNAL,
			 b->damage);
		return -EBADMSG;
	}
	if (j->state == BOOT_STAGED && !strcmp(j->boot_id, b->boot_id)) {
		*verdict = BOOT_VERDICT_NOT_BOOTED;
		return 0;
	}
	if (j->state == BOOT_STAGING || j->state == BOOT_STAGED)
		return judge(b, verdict, why, size);
	if (j->state == BOOT_KEEPING)
		err = boot_keep(b, why, size);
	else if (j->state == BOOT_REVERTING)
		err = boot_revert(b, why, size);
	if (err >= 0)
		err = boot_clear(b, why, size);
	if (idle) /* what is odd about a boot loader that we have nothing to do with is not ours to say */
		return 0;
	if (err < 0)
		return err;
	if (j->state == BOOT_GOOD) {
		*verdict =
			line_has(b, j->trial, j->trial_nr) ? BOOT_VERDICT_GOOD : BOOT_VERDICT_WAITS;
		return 0;
	}
	return judge_permanent(b, verdict, why, size);
}
