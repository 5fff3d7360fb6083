// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "undo.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ethtool.h"
#include "parse.h"
#include "place.h"
#include "private_file.h"

/* the entry is written before its state, and read after it */
#define publish(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define state_of(e) __atomic_load_n(&(e)->state, __ATOMIC_ACQUIRE)

/* ---- what may stand in a table ---- */

static bool text_ok(const char *text, size_t size)
{
	size_t len = strnlen(text, size);

	for (size_t i = 0; i < len; i++) {
		if ((text[i] < ' ' && text[i] != '\t') || text[i] > '~')
			return false;
	}
	return len < size;
}

/* Below /proc/sys, /proc/irq or /sys, and written in the one way: no ".", no "..", no "//", no "/" at the end. Or a card's setting. */
static bool path_ok(const char *path)
{
	const char *p = path;

	if (!text_ok(path, UNDO_PATH_LEN))
		return false;
	if (ethtool_is(path))
		return ethtool_may_write(path);
	if (strncmp(path, "/proc/sys/", 10) && strncmp(path, "/proc/irq/", 10) &&
	    strncmp(path, "/sys/", 5))
		return false;
	while (*p) {
		size_t len = strcspn(++p, "/");

		if (!len || (p[0] == '.' && (len == 1 || (len == 2 && p[1] == '.'))))
			return false;
		p += len;
	}
	return true;
}

static bool entry_ok(const struct undo_entry *e)
{
	return e->state <= UNDO_COMMITTED && e->kind <= UNDO_CHOICE && e->seq && path_ok(e->path) &&
	       text_ok(e->old, sizeof(e->old)) && text_ok(e->written, sizeof(e->written)) &&
	       (e->state < UNDO_SHOWN || text_ok(e->shown, sizeof(e->shown)));
}

/* To stay as it is, unless somebody asks for it: also where the commit of its group was cut off. */
static bool stays(const struct undo_table *t, const struct undo_entry *e)
{
	return state_of(e) == UNDO_COMMITTED || (e->group && e->group == t->committing);
}

int undo_check(const void *image, size_t size)
{
	const struct undo_table *t = image;
	int live = 0;

	if (size != sizeof(*t) || t->magic != UNDO_MAGIC || t->version != UNDO_VERSION ||
	    !text_ok(t->boot_id, sizeof(t->boot_id)))
		return -EBADMSG;
	for (size_t i = 0; i < UNDO_ENTRIES; i++) {
		const struct undo_entry *e = &t->entry[i];

		if (state_of(e) == UNDO_FREE)
			continue; /* whatever is in it: somebody was killed while he filled it */
		if (!entry_ok(e) || e->seq > t->seq)
			return -EBADMSG;
		live += !stays(t, e);
	}
	return live;
}

const char *undo_error(int err)
{
	switch (err) {
	case -EBADMSG:
		return "damaged, or of another version; nothing is put back from it. Look into it, "
		       "then remove it";
	case -ELOOP:
		return "is a link; remove it";
	case -ENOTDIR:
		return "its directory is a link, or none";
	case -EPERM:
		return "it or its directory belongs to somebody else, or others may write it; "
		       "remove it";
	case -EBUSY:
		return "a homeostatd that lives holds it";
	case -EINPROGRESS:
		return "the homeostat-hand of a homeostatd that has ended is still at a driver; "
		       "network "
		       "interfaces are as it left them. `homeostat restore`, once it has returned";
	default:
		return strerror(-err);
	}
}

/* ---- the file ---- */

/* Its owner alone may say what root is to write where. */
static int open_file(const char *dir, bool create)
{
	char why[160]; /* undo_error() says it */
	int dir_fd = private_dir(AT_FDCWD, dir, create ? 0755 : 0, why, sizeof(why)), fd;

	if (dir_fd < 0)
		return dir_fd;
	fd = private_file(dir_fd, UNDO_FILE, create, why, sizeof(why));
	close(dir_fd);
	return fd;
}

/* Empties the table of another boot, or makes a new one: only who has the lock may. */
static int make_fresh(struct undo *undo, const char *boot_id)
{
	struct undo_table *t = undo->table;
	int err = undo_lock(undo, 0);

	if (err)
		return err;
	memset(t, 0, sizeof(*t));
	strcpy(t->boot_id, boot_id);
	t->version = UNDO_VERSION;
	publish(&t->magic, UNDO_MAGIC);
	return undo_unlock(undo);
}

static int map_file(struct undo *undo, bool create)
{
	struct stat st;
	int err;

	if (fstat(undo->fd, &st))
		return -errno;
	/* whoever made the file and died before it had its size left an empty one */
	if (st.st_size != (off_t)sizeof(struct undo_table) && (st.st_size || !create))
		return -EBADMSG;
	/* a page that tmpfs could not give at the first store would be a SIGBUS */
	err = posix_fallocate(undo->fd, 0, sizeof(struct undo_table));
	if (err)
		return -err;
	undo->table = mmap(NULL, sizeof(struct undo_table), PROT_READ | PROT_WRITE, MAP_SHARED,
			   undo->fd, 0);
	if (undo->table == MAP_FAILED) {
		undo->table = NULL;
		return -errno;
	}
	return 0;
}

int undo_open(struct undo *undo, const char *dir, const char *root, bool create)
{
	char boot_id[sizeof(undo->table->boot_id)];
	struct undo_table *t;
	ssize_t err;

	undo->table = NULL;
	err = read_file(root, "/proc/sys/kernel/random/boot_id", boot_id, sizeof(boot_id));
	if (err < 0)
		return (int)err;
	undo->fd = open_file(dir, create);
	if (undo->fd < 0)
		return undo->fd;
	err = map_file(undo, create);
	t = undo->table;
	if (!err && (!t->magic || (undo_check(t, sizeof(*t)) >= 0 && strcmp(t->boot_id, boot_id))))
		err = make_fresh(undo, boot_id);
	if (!err)
		err = undo_check(t, sizeof(*t));
	if (err >= 0)
		return 0;
	if (!undo->table)
		close(undo->fd);
	undo_close(undo);
	return (int)err;
}

void undo_close(struct undo *undo)
{
	if (!undo->table)
		return;
	munmap(undo->table, sizeof(*undo->table));
	close(undo->fd);
	undo->table = NULL;
}

/* ---- values ---- */

/* What the file holds now. -EFBIG, -EBADMSG: nothing that could stand in a table. */
static int read_value(const char *root, const char *path, char value[UNDO_VALUE_LEN])
{
	ssize_t len = place_read(root, path, value, UNDO_VALUE_LEN);

	if (len < 0)
		return (int)len;
	return strlen(value) == (size_t)len && text_ok(value, UNDO_VALUE_LEN) ? 0 : -EBADMSG;
}

static struct undo_entry *free_entry(struct undo_table *t)
{
	for (struct undo_entry *e = t->entry; e < t->entry + UNDO_ENTRIES; e++) {
		if (e->state == UNDO_FREE)
			return e;
	}
	return NULL;
}

int undo_enter(struct undo_table *table, const char *root, __u32 group, const char *path,
	       const char *value)
{
	struct undo_entry *e;
	char old[UNDO_VALUE_LEN];
	int err;

	if (!path_ok(path) || !text_ok(value, UNDO_VALUE_LEN))
		return -EINVAL;
	err = read_value(root, path, old);
	if (err)
		return err == -EBADMSG ? -EINVAL : err;
	e = free_entry(table);
	if (!e)
		return -ENOSPC;
	e->kind = !strncmp(path, "/sys/", 5) && choice_cut(old) ? UNDO_CHOICE : UNDO_TEXT;
	e->seq = ++table->seq;
	e->outcome = 0;
	e->group = group;
	e->committed_ns = 0;
	e->shown[0] = '\0';
	strcpy(e->path, path);
	strcpy(e->old, old);
	strcpy(e->written, value);
	publish(&e->state, UNDO_ENTERED);
	return (int)(e - table->entry);
}

void undo_wrote(struct undo_table *table, const char *root, int index)
{
	struct undo_entry *e = &table->entry[index];

	if (e->state != UNDO_ENTERED || read_value(root, e->path, e->shown))
		return;
	if (e->kind == UNDO_CHOICE)
		choice_cut(e->shown);
	publish(&e->state, UNDO_SHOWN);
}

void undo_forget(struct undo_table *table, int index)
{
	publish(&table->entry[index].state, UNDO_FREE);
}

/* ---- what is committed ---- */

__u32 undo_group(const struct undo_table *table)
{
	__u32 group = table->last_id + 1;

	for (const struct undo_entry *e = table->entry; e < table->entry + UNDO_ENTRIES; e++) {
		if (e->state != UNDO_FREE && e->group >= group)
			group = e->group + 1;
	}
	return group;
}

/* Of what is committed of @path the oldest, or the youngest; NULL: there is none. */
static const struct undo_entry *committed(const struct undo_table *t, const char *path, bool oldest)
{
	const struct undo_entry *found = NULL;

	for (const struct undo_entry *e = t->entry; e < t->entry + UNDO_ENTRIES; e++) {
		if (e->state == UNDO_COMMITTED && !strcmp(e->path, path) &&
		    (!found || (oldest ? e->seq < found->seq : e->seq > found->seq)))
			found = e;
	}
	return found;
}

/*
 * All changes of one path become one, from before the oldest to the youngest. The new entry is there before the others go, the
 * youngest of which goes first: whoever is killed between leaves what ends at the same value, and what the next join makes one of.
 */
static void join(struct undo_table *t, struct undo_entry *younger)
{
	const struct undo_entry *older = committed(t, younger->path, true);
	struct undo_entry *e = NULL, *last;
	char path[UNDO_PATH_LEN];

	if (older == younger)
		return;
	strcpy(path, younger->path);
	if (!same_words(older->old, younger->shown) && !same_words(older->old, younger->written)) {
		e = free_entry(t);
		if (!e)
			return; /* then all stay, which is as good */
		e->kind = younger->kind;
		e->seq = ++t->seq;
		e->committed_ns = younger->committed_ns;
		e->outcome = 0;
		e->group = younger->group;
		strcpy(e->path, younger->path);
		strcpy(e->old, older->old);
		strcpy(e->written, younger->written);
		strcpy(e->shown, younger->shown);
		publish(&e->state, UNDO_COMMITTED);
	}
	do { /* the youngest but the new one */
		last = NULL;
		for (struct undo_entry *o = t->entry; o < t->entry + UNDO_ENTRIES; o++) {
			if (o != e && o->state == UNDO_COMMITTED && !strcmp(o->path, path) &&
			    (!last || o->seq > last->seq))
				last = o;
		}
		if (last)
			publish(&last->state, UNDO_FREE);
	} while (last);
}

const char *undo_before(const struct undo_table *table, const char *path)
{
	const struct undo_entry *e = committed(table, path, true);

	return e ? e->old : NULL;
}

void undo_commit(struct undo_table *table, __u32 group, __u64 now_ns)
{
	struct undo_entry *e;

	publish(&table->committing, group);
	for (e = table->entry; e < table->entry + UNDO_ENTRIES; e++) {
		if (e->group != group || e->state == UNDO_FREE || e->state == UNDO_COMMITTED)
			continue;
		e->committed_ns = now_ns;
		publish(&e->state, UNDO_COMMITTED);
	}
	publish(&table->committing, 0);
	for (e = table->entry; e < table->entry + UNDO_ENTRIES; e++) {
		if (e->group == group && e->state == UNDO_COMMITTED &&
		    e == committed(table, e->path, false))
			join(table, e);
	}
}

/* ---- replay ---- */

const char *undo_outcome_name(enum undo_outcome outcome)
{
	static const char *const names[] = {
		[UNDO_RESTORED] = "put back",
		[UNDO_ALREADY] = "had its old value",
		[UNDO_FOREIGN] = "left alone: somebody else has written it since",
		[UNDO_GONE] = "is gone",
		[UNDO_FAILED] = "not put back",
	};

	return names[outcome];
}

bool undo_ours(const struct undo_table *table, const char *path, const char *value)
{
	for (const struct undo_entry *o = table->entry; o < table->entry + UNDO_ENTRIES; o++) {
		if (o->state != UNDO_FREE && !strcmp(o->path, path) &&
		    (same_words(o->written, value) ||
		     (o->state >= UNDO_SHOWN && o->shown[0] && same_words(o->shown, value))))
			return true;
	}
	return false;
}

/* At a network interface, where the hand may be (hand.h), and where a driver that hangs holds up everybody. */
static bool of_interface(const char *path)
{
	static const char net[] = "/sys/class/net/";

	return ethtool_is(path) || !strncmp(path, net, sizeof(net) - 1);
}

static enum undo_outcome put_back(const struct undo_table *t, const struct undo_entry *e,
				  const char *root, int *err)
{
	char now[UNDO_VALUE_LEN];

	*err = read_value(root, e->path, now);
	if (*err == -ENOENT || *err == -ENODEV || *err == -EOPNOTSUPP)
		return UNDO_GONE;
	if (*err == -EFBIG || *err == -EBADMSG)
		return UNDO_FOREIGN;
	if (*err)
		return UNDO_FAILED;
	if (e->kind == UNDO_CHOICE)
		choice_cut(now);
	if (same_words(now, e->old))
		return UNDO_ALREADY;
	/* what a driver makes of a value that it was slow to take nobody may have come to note: it is held to be ours */
	if (!undo_ours(t, e->path, now) && (e->state != UNDO_ENTERED || !of_interface(e->path)))
		return UNDO_FOREIGN;
	*err = place_write(root, e->path, e->old);
	return *err ? UNDO_FAILED : UNDO_RESTORED;
}

/* The newest of those that are older than `last` (NULL: of all); NULL: there is none. */
static struct undo_entry *newest(struct undo_table *t, const struct undo_entry *last)
{
	struct undo_entry *found = NULL;

	for (struct undo_entry *e = t->entry; e < t->entry + UNDO_ENTRIES; e++) {
		if (e->state != UNDO_FREE &&
		    (!last || e->seq < last->seq || (e->seq == last->seq && e < last)) &&
		    (!found || e->seq >= found->seq))
			found = e;
	}
	return found;
}

static __u64 boot_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (__u64)ts.tv_sec * 1000000000ULL + (__u64)ts.tv_nsec;
}

/* Puts back what @chosen chooses, of @what. */
typedef bool (*undo_chosen)(const struct undo_table *t, const struct undo_entry *e,
			    const void *what);

static int replay(struct undo_table *t, const char *root, undo_chosen chosen, const void *what,
		  undo_report report, void *ctx)
{
	struct undo_entry *e = NULL;
	int left = 0, err = undo_check(t, sizeof(*t));

	if (err < 0)
		return err;
	if (t->committing) /* whoever was at it was killed */
		undo_commit(t, t->committing, boot_ns());
	while ((e = newest(t, e))) {
		enum undo_outcome outcome;

		if (!chosen(t, e, what))
			continue;
		outcome = put_back(t, e, root, &err);
		if (report)
			report(ctx, e, outcome, outcome == UNDO_FAILED ? err : 0);
		if (outcome == UNDO_FAILED) {
			left++;
			continue;
		}
		e->outcome = (__u32)outcome + 1;
		publish(&e->state, UNDO_FREE);
	}
	return left;
}

static bool under_way(const struct undo_table *t, const struct undo_entry *e, const void *group)
{
	return !stays(t, e) && (!group || e->group == *(const __u32 *)group);
}

int undo_replay(struct undo_table *table, const char *root, undo_report report, void *ctx)
{
	return replay(table, root, under_way, NULL, report, ctx);
}

static bool elsewhere(const struct undo_table *t, const struct undo_entry *e, const void *what)
{
	return under_way(t, e, what) && !of_interface(e->path);
}

int undo_replay_elsewhere(struct undo_table *table, const char *root, undo_report report, void *ctx)
{
	return replay(table, root, elsewhere, NULL, report, ctx);
}

int undo_replay_group(struct undo_table *table, const char *root, __u32 group, undo_report report,
		      void *ctx)
{
	return replay(table, root, under_way, &group, report, ctx);
}

static bool asked_for(const struct undo_table *t, const struct undo_entry *e, const void *what)
{
	const struct undo_which *which = what;

	return stays(t, e) && (which->all || (which->group && e->group == which->group) ||
			       (which->since_ns && e->committed_ns >= which->since_ns));
}

int undo_revert(struct undo_table *table, const char *root, const struct undo_which *which,
		undo_report report, void *ctx)
{
	return replay(table, root, asked_for, which, report, ctx);
}

bool undo_unchanged(const struct undo_table *table, const char *root, int index)
{
	const struct undo_entry *e = &table->entry[index];
	char now[UNDO_VALUE_LEN];

	if (read_value(root, e->path, now))
		return false;
	if (e->kind == UNDO_CHOICE)
		choice_cut(now);
	return same_words(now, e->old);
}

bool undo_foreign(const struct undo_table *table, const char *root, int index)
{
	const struct undo_entry *e = &table->entry[index];
	char now[UNDO_VALUE_LEN];

	if (read_value(root, e->path, now))
		return false;
	if (e->kind == UNDO_CHOICE)
		choice_cut(now);
	return !undo_ours(table, e->path, now);
}

void undo_told(struct undo_table *table, undo_report report, void *ctx)
{
	for (struct undo_entry *e = table->entry; e < table->entry + UNDO_ENTRIES; e++) {
		__u32 outcome = e->outcome;

		if (state_of(e) != UNDO_FREE || !outcome)
			continue;
		e->outcome = 0;
		if (report && outcome <= UNDO_GONE + 1 && path_ok(e->path) &&
		    text_ok(e->old, sizeof(e->old)))
			report(ctx, e, (enum undo_outcome)(outcome - 1), 0);
	}
}
