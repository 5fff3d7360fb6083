// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* What there is of boot parameters below a root: the journal, GRUB's files, and whether they go together. */
#include "boot_trial.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "boot_files.h"
#include "boot_grubenv.h"
#include "parse.h"
#include "private_file.h"

int boot_fault(char *why, size_t size, const char *path, int err)
{
	snprintf(why, size, "%s: %s", path,
		 err == -ELOOP	   ? "is no plain file"
		 : err == -EFBIG   ? "is larger than 1 MiB"
		 : err == -EBADMSG ? "has a zero byte in it"
				   : strerror(-err));
	return err;
}

/* Reads to the end into a buffer that grows: files of /proc do not say how long they are. */
static int read_to_end(int fd, char **text, size_t *len)
{
	size_t size = 4096;
	ssize_t n = 1;

	*len = 0;
	*text = NULL;
	while (n > 0) {
		char *more = !*text || *len == size ? realloc(*text, (size *= 2) + 1) : *text;

		if (!more)
			return -ENOMEM;
		*text = more;
		n = read(fd, *text + *len, size - *len);
		if (n < 0 && errno == EINTR)
			n = 1; /* once more */
		else if (n > 0)
			*len += (size_t)n;
		if (*len > GRUB_TEXT_MAX)
			return -EFBIG;
	}
	return n ? -errno : 0;
}

int boot_text(const char *root, const char *path, char **text)
{
	char full[PATH_MAX];
	int err = root_path(full, sizeof(full), root, path), fd;
	size_t len;

	*text = NULL;
	if (err)
		return err;
	/* non-blocking: what stands there may be a fifo */
	fd = open(full, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = read_to_end(fd, text, &len);
	close(fd);
	if (!err && memchr(*text, '\0', len))
		err = -EBADMSG;
	if (!err) {
		(*text)[len] = '\0';
		return 0;
	}
	free(*text);
	*text = NULL;
	return err;
}

/* The state directory, ours alone, with its lock. */
static int lock(struct boot *b, char *why, size_t size)
{
	char dir[PATH_MAX], clause[256];
	int err = boot_mkdir(b->root, STATE_DIR, 0700);

	if (err)
		return boot_fault(why, size, STATE_DIR, err);
	err = root_path(dir, sizeof(dir), b->root, STATE_DIR);
	b->lock_fd = err ? err : private_dir(AT_FDCWD, dir, 0, clause, sizeof(clause));
	if (b->lock_fd < 0) {
		err = b->lock_fd;
		b->lock_fd = -1;
		snprintf(why, size, "%s: %s", STATE_DIR, clause);
		return err;
	}
	if (!flock(b->lock_fd, LOCK_EX | LOCK_NB))
		return 0;
	snprintf(why, size, "another homeostat boot is at work");
	return errno == EWOULDBLOCK ? -EBUSY : -errno;
}

static int read_journal(struct boot *b, char *why, size_t size)
{
	char *text;
	int err = boot_text(b->root, BOOT_JOURNAL, &text);

	if (err == -ENOENT)
		return 0;
	if (err == -EFBIG || err == -EBADMSG || err == -ELOOP) {
		b->damaged = true;
		boot_fault(b->damage, sizeof(b->damage), BOOT_JOURNAL, err);
		return 0;
	}
	if (err)
		return boot_fault(why, size, BOOT_JOURNAL, err);
	b->damaged =
		boot_journal_parse(&b->journal, text, strlen(text), b->damage, sizeof(b->damage));
	free(text);
	return 0;
}

int boot_open(struct boot *b, const char *root, bool write, char *why, size_t size)
{
	char id[64];
	int err;

	memset(b, 0, sizeof(*b));
	b->lock_fd = -1;
	if (root && strcmp(root, "/") &&
	    snprintf(b->root, sizeof(b->root), "%s", root) >= (int)sizeof(b->root))
		return boot_fault(why, size, "the root", -ENAMETOOLONG);
	err = (int)read_file(b->root, "/proc/cmdline", b->line, sizeof(b->line));
	if (err < 0)
		return boot_fault(why, size, "/proc/cmdline", err == -EFBIG ? -E2BIG : err);
	err = (int)read_file(b->root, BOOT_ID_FILE, id, sizeof(id));
	if (err < 0 || !boot_id_ok(id))
		return boot_fault(why, size, BOOT_ID_FILE, err < 0 ? err : -EINVAL);
	strcpy(b->boot_id, id);
	err = write ? lock(b, why, size) : 0;
	return err ? err : read_journal(b, why, size);
}

void boot_close(struct boot *b)
{
	if (b->lock_fd >= 0)
		close(b->lock_fd);
	b->lock_fd = -1;
}

int boot_journal_save(struct boot *b, enum boot_state state, char *why, size_t size)
{
	char *text;
	int err;

	b->journal.state = state;
	b->journal.at_s = (__u64)time(NULL);
	err = boot_journal_text(&b->journal, &text);
	if (!err)
		err = boot_replace(b->root, BOOT_JOURNAL, text, strlen(text), 0600);
	free(text);
	return err ? boot_fault(why, size, BOOT_JOURNAL, err) : 0;
}

/* ---- what there is ---- */

int boot_grubenv_read(const struct boot *b, char block[GRUBENV_SIZE], char *why, size_t size)
{
	char clause[GRUBENV_WHY_LEN], *text;
	int err = boot_text(b->root, BOOT_GRUBENV, &text);

	if (err)
		return boot_fault(why, size, BOOT_GRUBENV, err);
	err = grubenv_check(text, strlen(text), clause, sizeof(clause));
	if (err)
		snprintf(why, size, "%s: %s", BOOT_GRUBENV, clause);
	else
		memcpy(block, text, GRUBENV_SIZE);
	free(text);
	return err;
}

int boot_custom_read(const struct boot *b, char **text, char *why, size_t size)
{
	int err = boot_text(b->root, BOOT_CUSTOM, text);
	const char *begin;
	size_t len;

	if (err == -ENOENT) {
		*text = strdup("");
		err = *text ? 0 : -ENOMEM;
	}
	if (err)
		return boot_fault(why, size, BOOT_CUSTOM, err);
	if (grub_custom_find(*text, &begin, &len) != -EBADMSG)
		return 0;
	snprintf(why, size,
		 "%s: the marks of homeostat's entry are without each other, or there twice; take "
		 "them out by hand",
		 BOOT_CUSTOM);
	free(*text);
	*text = NULL;
	return -EBADMSG;
}

static void look_at_entry(const struct boot *b, const char *custom, struct boot_look *look)
{
	const struct boot_journal *j = &b->journal;
	char line[BOOT_LINE_MAX];
	const char *begin;
	size_t len;

	look->entry = !grub_custom_find(custom, &begin, &len);
	look->entry_fits = look->entry && !grub_trial_line(begin, len, line);
	for (unsigned int i = 0; look->entry_fits && i < j->trial_nr; i++)
		look->entry_fits = boot_line_has(line, &j->trial[i]);
}

static int look_at_permanent(const struct boot *b, struct boot_look *look)
{
	char wanted[GRUB_PERMANENT_MAX], *text;
	int err = boot_text(b->root, BOOT_PIECE, &text);

	if (err)
		return err == -ENOENT || err == -ENOTDIR ? 0 : err;
	look->permanent = grub_permanent_ours(text);
	look->permanent_fits =
		b->journal.permanent_nr &&
		!grub_permanent_text(wanted, b->journal.permanent, b->journal.permanent_nr) &&
		!strcmp(text, wanted);
	free(text);
	return 0;
}

int boot_look(const struct boot *b, struct boot_look *look, char *why, size_t size)
{
	char block[GRUBENV_SIZE], value[64], *custom;
	int err;

	memset(look, 0, sizeof(*look));
	err = boot_custom_read(b, &custom, why, size);
	if (err)
		return err;
	look_at_entry(b, custom, look);
	free(custom);
	err = look_at_permanent(b, look);
	if (err)
		return boot_fault(why, size, BOOT_PIECE, err);
	if (boot_text(b->root, BOOT_GRUBENV, &custom) == -ENOENT)
		return 0;
	free(custom);
	err = boot_grubenv_read(b, block, why, size);
	if (!err)
		look->next = !grubenv_get(block, "next_entry", value, sizeof(value)) &&
			     !strcmp(value, GRUB_ENTRY);
	return err;
}

unsigned int boot_faults(const struct boot *b, const struct boot_look *look,
			 const char *fault[BOOT_FAULTS_MAX])
{
	const struct boot_journal *j = &b->journal;
	bool trial = j->state == BOOT_STAGING || j->state == BOOT_STAGED;
	bool moves = j->state == BOOT_KEEPING || j->state == BOOT_REVERTING;
	bool here = !strcmp(j->boot_id, b->boot_id);
	unsigned int nr = 0;

	if (b->damaged)
		fault[nr++] = "the journal is damaged; see homeostat boot cancel";
	if (trial && !here)
		fault[nr++] =
			"this is a later boot, and it is not judged; see homeostat boot check";
	if (j->state == BOOT_STAGING && here)
		fault[nr++] = "staging was cut off; stage it again, or see homeostat boot cancel";
	if (j->state == BOOT_STAGED && here && !look->next)
		fault[nr++] = "GRUB does not boot it next: next_entry is not set; stage it again";
	if (j->state == BOOT_STAGED && here && !look->entry_fits)
		fault[nr++] =
			"the entry in custom.cfg is not there, or not as it was staged; stage "
			"it again";
	if (!trial && (look->next || look->entry))
		fault[nr++] = look->next ? "GRUB boots an entry of ours next that is no trial; see "
					   "homeostat boot cancel"
					 : "an entry of ours is left in custom.cfg; see homeostat "
					   "boot check";
	if (moves)
		fault[nr++] = j->state == BOOT_KEEPING
				      ? "making permanent was cut off; see homeostat boot keep, or "
					"revert"
				      : "taking out was cut off; see homeostat boot revert";
	if (!moves && j->permanent_nr && !look->permanent_fits)
		fault[nr++] = BOOT_PIECE " is not as it was written; see homeostat boot revert";
	if (!moves && !j->permanent_nr && look->permanent)
		fault[nr++] =
			BOOT_PIECE " is there, and the journal knows of nothing permanent; see "
				   "homeostat boot revert";
	return nr;
}
