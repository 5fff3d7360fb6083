// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* What waits outlives the daemon: written by the keeper (keeper.h) whenever it changes, taken up again at the start. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "daemon.h"
#include "json.h"
#include "log.h"
#include "private_file.h"

#define LOCK_POLL_NS 50000000
#define LOCK_POLLS 40 /* 2 s in all */
#define PLACE KEPT_DIR "/" KEPT_FILE

/* ---- reading ---- */

/* All of it into *text, the caller's. Its length or negative errno. */
static ssize_t read_kept(int dir_fd, char **text, char *why, size_t size)
{
	int fd = private_file(dir_fd, KEPT_FILE, false, why, size);
	ssize_t n, len = 0;

	*text = NULL;
	if (fd < 0)
		return fd;
	*text = malloc(KEPT_TEXT_MAX);
	while (*text && len < KEPT_TEXT_MAX &&
	       (n = read(fd, *text + len, (size_t)(KEPT_TEXT_MAX - len))) > 0)
		len += n;
	close(fd);
	return *text ? len : -ENOMEM;
}

/*
 * The directory of the file, locked; its keeper, who has the same descriptor, keeps the lock. That of a homeostatd which was killed may
 * still be at a write: read before that, the file would be an old one, and written after that, ours would be. Negative errno.
 */
static int open_dir(const char *state, char *why, size_t size)
{
	const struct timespec pause = {.tv_nsec = LOCK_POLL_NS};
	int at = private_dir(AT_FDCWD, state, 0700, why, size);
	int fd = at < 0 ? at : private_dir(at, KEPT_DIR, 0700, why, size);

	if (at >= 0)
		close(at);
	for (int i = 0; fd >= 0 && flock(fd, LOCK_EX | LOCK_NB); i++) {
		if (errno == EWOULDBLOCK && i < LOCK_POLLS) {
			nanosleep(&pause, NULL);
			continue;
		}
		snprintf(why, size, "the keeper of the last homeostatd is still at work there");
		close(fd);
		fd = -EBUSY;
	}
	return fd;
}

void keeping_open(struct homeostatd *d)
{
	struct changes *c = &d->changes;
	char why[160], *text;
	int fd = open_dir(d->opt.state, why, sizeof(why)), err;
	ssize_t len;

	if (fd < 0) {
		log_warn("%s/" KEPT_DIR ": %s. Changes that wait are forgotten when homeostatd "
			 "ends",
			 d->opt.state, why);
		return;
	}
	len = read_kept(fd, &text, why, sizeof(why));
	if (len >= 0 ? kept_parse(&c->kept, text, (size_t)len, why, sizeof(why)) : len != -ENOENT) {
		renameat(fd, KEPT_FILE, fd, KEPT_DAMAGED);
		log_error("%s/" PLACE ": %s. None of the changes in it is taken up again; it "
			  "is now " KEPT_DAMAGED,
			  d->opt.state, why);
	}
	free(text);
	err = keeper_start(&c->keeper, fd);
	if (err)
		log_warn("the keeper of what waits: %s; it is forgotten when homeostatd ends",
			 strerror(-err));
	close(fd);
}

/* A file that `x[*]` stands for now, and that was not to be changed when a person approved it. NULL: he has seen all, or named it. */
static const char *unseen(const struct kept_row *row, const struct tx *tx)
{
	if (!strchr(tx->asked, '*'))
		return NULL;
	for (unsigned int i = 0; i < tx->files_nr; i++) {
		if (!kept_held(row, tx->file[i].path))
			return tx->file[i].path;
	}
	return NULL;
}

/* What has become of one since the file was written. */
static void judge_row(const struct homeostatd *d, const struct kept_row *row, bool same,
		      struct tx *was)
{
	const struct undo_entry *e = d->undo.table->entry;

	was->state = row->state;
	snprintf(was->why, sizeof(was->why), "%s", row->why);
	if (row->state > TX_WAITING) {
		was->state = TX_ROLLED_BACK;
		snprintf(was->why, sizeof(was->why), "homeostatd ended while it was under way");
		for (; e < d->undo.table->entry + UNDO_ENTRIES; e++) {
			if (e->state == UNDO_COMMITTED && e->group == row->id)
				was->state = TX_COMMITTED;
		}
	} else if (!same && was->timing < KB_TIMING_MAINTENANCE) {
		was->state = TX_EXPIRED;
		snprintf(was->why, sizeof(was->why), "the host was booted since it was proposed");
	} else if (row->approved && unseen(row, was)) {
		was->approved = false;
		was->state = TX_PENDING;
		snprintf(was->why, sizeof(was->why), "it was approved without %.160s",
			 unseen(row, was));
	}
}

/* True: it is there, or there is nothing to do any more, as the host has what it asks for. */
static bool take_up_row(struct homeostatd *d, const struct tx_world *w, const struct kept_row *row)
{
	const char *boot_id = d->undo.table->boot_id;
	bool same = !strcmp(d->changes.kept.boot_id, boot_id);
	__u64 now_s = (__u64)time(NULL), age_ns;
	char error[512];
	struct ask_list list;
	struct tx *tx;
	int err = ask_read(&list, row->asked, error, sizeof(error));

	if (!err)
		err = tx_take_up(&d->changes.table, w, &list, row->uid, row->id, &tx, error,
				 sizeof(error));
	if (err) {
		log_warn("change %u, which waited when homeostatd ended, is not taken up again: %s",
			 row->id, error);
		return err == -EALREADY;
	}
	age_ns = now_s > row->made_s ? (now_s - row->made_s) * NS_PER_S : 0;
	tx->made_ns = age_ns < w->now_ns ? w->now_ns - age_ns : 0;
	tx->due_ns = kept_due(&d->changes.kept, row, boot_id, w->boot_ns, now_s);
	tx->approved = row->approved;
	if (row->approved && tx->source == PROPOSAL_PERSON)
		tx->must_help = false;
	/* of another boot, what it held then means nothing */
	for (unsigned int i = 0; same && i < tx->files_nr; i++) {
		const char *held = kept_held(row, tx->file[i].path);

		if (held && strlen(held) < sizeof(tx->file[i].from))
			strcpy(tx->file[i].from, held);
	}
	judge_row(d, row, same, tx);
	w->told(w->ctx, tx, TX_PENDING);
	return true;
}

/* The file as it was, beside the one that is written next: what was proposed is not lost because a card is not there yet. */
static void put_aside(struct homeostatd *d)
{
	char why[160], path[PATH_MAX];
	int dir_fd, err;

	snprintf(path, sizeof(path), "%s/" KEPT_DIR, d->opt.state);
	dir_fd = private_dir(AT_FDCWD, path, 0, why, sizeof(why));
	err = dir_fd < 0 ? dir_fd
			 : private_replace(dir_fd, KEPT_REFUSED, js_line(d->changes.kept.whole));
	if (dir_fd >= 0)
		close(dir_fd);
	if (err)
		log_error("%s/" KEPT_REFUSED ": %s: what is not taken up again is forgotten", path,
			  dir_fd < 0 ? why : strerror(-err));
	else
		log_warn("%s/" KEPT_REFUSED ": what is not taken up again stands there as it was "
			 "proposed",
			 path);
}

void keeping_take_up(struct homeostatd *d)
{
	struct changes *c = &d->changes;
	struct tx_world w = changes_world(d);
	bool all = true;

	if (d->undo.table->last_id < c->kept.last_id)
		d->undo.table->last_id = c->kept.last_id;
	for (unsigned int i = 0; i < c->kept.nr; i++)
		all = !c->refusal[0] && take_up_row(d, &w, &c->kept.row[i]) && all;
	if (!all)
		put_aside(d);
	kept_free(&c->kept);
}

/* ---- writing ---- */

/* @begins: a change that is to count as under way already. */
static bool add_row(struct json_object *whole, struct tx *tx, __u32 begins)
{
	__u64 now_ns = clock_ns(), boot_ns = clock_boot_ns(), now_s = (__u64)time(NULL);
	struct kept_row row = {.id = tx->id,
			       .uid = tx->uid,
			       .state = tx->id == begins ? TX_PREPARED : tx->state,
			       .approved = tx->approved,
			       .made_s = now_s - (now_ns - tx->made_ns) / NS_PER_S,
			       .due_s = now_s,
			       .due_boot_ns = tx->due_ns};
	struct json_object *files;
	bool ok;

	if (tx->state <= TX_WAITING && tx->due_ns > boot_ns)
		row.due_s += (tx->due_ns - boot_ns) / NS_PER_S;
	snprintf(row.why, sizeof(row.why), "%s", tx->why);
	files = tx->asked ? kept_add(whole, &row, proposal_sources[tx->source], tx->asked) : NULL;
	ok = files;
	for (unsigned int i = 0; ok && i < tx->files_nr; i++)
		ok = kept_file(files, tx->file[i].path, tx->file[i].from);
	if (row.state <= TX_WAITING)
		tx->filed = true;
	return ok;
}

static struct tx *next_alive(struct tx_table *t, __u32 after)
{
	struct tx *found = NULL;

	for (struct tx *tx = t->tx; tx < t->tx + TX_MAX; tx++) {
		if (tx->id > after && !tx_has_ended(tx->state) && (!found || tx->id < found->id))
			found = tx;
	}
	return found;
}

static int save(struct homeostatd *d, __u32 begins, int wait_ms)
{
	struct changes *c = &d->changes;
	struct json_object *whole =
		kept_begin(d->undo.table->boot_id, (__u64)time(NULL), d->undo.table->last_id);
	bool ok = whole;
	const char *text;
	int err;

	for (struct tx *tx = next_alive(&c->table, 0); ok && tx; tx = next_alive(&c->table, tx->id))
		ok = add_row(whole, tx, begins);
	text = ok ? js_line(whole) : NULL;
	err = text ? keeper_write(&c->keeper, text, wait_ms) : -ENOMEM;
	json_object_put(whole);
	if (!err || err == -EINPROGRESS) {
		c->sent = c->changed;
		c->begins = begins;
	}
	if (!err)
		c->saved = c->sent;
	else if (begins) /* nothing has changed but that, and the file may not say it */
		c->saved = c->changed - 1;
	return err;
}

/* Said once for each reason. */
static int failed(struct homeostatd *d, int err)
{
	if (err && err != -EINPROGRESS && err != -EBUSY && err != d->changes.keep_err)
		log_warn("%s/" PLACE ": %s: changes that wait are forgotten when homeostatd "
			 "ends",
			 d->opt.state, strerror(-err));
	if (err != -EINPROGRESS && err != -EBUSY)
		d->changes.keep_err = err;
	return err;
}

int keeping_save(struct homeostatd *d)
{
	return d->changes.keeper.child.pid ? failed(d, save(d, 0, KEEPING_WAIT_MS)) : -ECHILD;
}

void keeping_tick(struct homeostatd *d)
{
	struct changes *c = &d->changes;
	int err = c->keeper.busy ? failed(d, keeper_hear(&c->keeper, 0)) : -EINPROGRESS;

	if (!err)
		c->saved = c->sent;
	if (c->keeper.child.pid && !c->keeper.busy && c->saved != c->changed)
		failed(d, save(d, 0, 0));
}

/* Was it given away the last time, and is on the disk by now? One may take longer than we wait. */
static bool says_begun(struct homeostatd *d, const struct tx *tx)
{
	struct changes *c = &d->changes;

	if (c->keeper.busy && !failed(d, keeper_hear(&c->keeper, KEEPING_WAIT_MS)))
		c->saved = c->sent;
	return !c->keeper.busy && c->begins == tx->id && c->saved == c->changed;
}

bool keeping_begins(void *ctx, struct tx *tx)
{
	struct homeostatd *d = ctx;

	if (tx->filed && !says_begun(d, tx) && failed(d, save(d, tx->id, KEEPING_WAIT_MS))) {
		snprintf(tx->why, sizeof(tx->why), "until %.100s/" PLACE " can be written",
			 d->opt.state);
		return false;
	}
	tx->filed = false;
	d->changes.begins = 0;
	return true;
}

void keeping_close(struct homeostatd *d)
{
	struct changes *c = &d->changes;

	if (c->keeper.child.pid && (c->begins || c->saved != c->changed))
		keeping_save(d);
	keeper_stop(&c->keeper);
	kept_free(&c->kept);
}
