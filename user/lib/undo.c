// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "undo.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "names.h"
#include "parse.h"
#include "private_file.h"

#define LOCK_POLL_NS 5000000L

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

/* Below /proc/sys or /sys, and written in the one way: no ".", no "..", no "//", no "/" at the end. */
static bool path_ok(const char *path)
{
	const char *p = path;

	if (!text_ok(path, UNDO_PATH_LEN) ||
	    (strncmp(path, "/proc/sys/", 10) && strncmp(path, "/sys/", 5)))
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
	return e->state <= UNDO_SHOWN && e->kind <= UNDO_CHOICE && e->seq && path_ok(e->path) &&
	       text_ok(e->old, sizeof(e->old)) && text_ok(e->written, sizeof(e->written)) &&
	       (e->state != UNDO_SHOWN || text_ok(e->shown, sizeof(e->shown)));
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
		live++;
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

int undo_lock(struct undo *undo, int timeout_ms)
{
	const struct timespec pause = {.tv_nsec = LOCK_POLL_NS};
	long left = timeout_ms * 1000000L;

	while (flock(undo->fd, timeout_ms < 0 ? LOCK_EX : LOCK_EX | LOCK_NB)) {
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK)
			return -errno;
		if (left <= 0)
			return -EBUSY;
		nanosleep(&pause, NULL);
		left -= LOCK_POLL_NS;
	}
	return 0;
}

int undo_unlock(struct undo *undo)
{
	return flock(undo->fd, LOCK_UN) ? -errno : 0;
}

/* ---- values ---- */

/* The same words, however the kernel spaces them. */
static bool same(const char *a, const char *b)
{
	static const char spaces[] = " \t";

	for (;;) {
		size_t la, lb;

		a += strspn(a, spaces);
		b += strspn(b, spaces);
		la = strcspn(a, spaces);
		lb = strcspn(b, spaces);
		if (la != lb || memcmp(a, b, la))
			return false;
		if (!la)
			return true;
		a += la;
		b += lb;
	}
}

/* Cuts `text` down to the word in brackets, if there is one. */
static bool cut_choice(char *text)
{
	char *from = strchr(text, '['), *to = from ? strchr(from, ']') : NULL;

	if (!to || to == from + 1 || (from > text && from[-1] != ' ') || (to[1] && to[1] != ' '))
		return false;
	*to = '\0';
	memmove(text, from + 1, (size_t)(to - from));
	return true;
}

/* What the file holds now. -EFBIG, -EBADMSG: nothing that could stand in a table. */
static int read_value(const char *root, const char *path, char value[UNDO_VALUE_LEN])
{
	ssize_t len = read_file(root, path, value, UNDO_VALUE_LEN);

	if (len < 0)
		return (int)len;
	return strlen(value) == (size_t)len && text_ok(value, UNDO_VALUE_LEN) ? 0 : -EBADMSG;
}

int undo_enter(struct undo_table *table, const char *root, const char *path, const char *value)
{
	struct undo_entry *e = table->entry;
	char old[UNDO_VALUE_LEN];
	int err;

	if (!path_ok(path) || !text_ok(value, UNDO_VALUE_LEN))
		return -EINVAL;
	err = read_value(root, path, old);
	if (err)
		return err == -EBADMSG ? -EINVAL : err;
	while (e < table->entry + UNDO_ENTRIES && e->state != UNDO_FREE)
		e++;
	if (e == table->entry + UNDO_ENTRIES)
		return -ENOSPC;
	e->kind = !strncmp(path, "/sys/", 5) && cut_choice(old) ? UNDO_CHOICE : UNDO_TEXT;
	e->seq = ++table->seq;
	e->outcome = 0;
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
		cut_choice(e->shown);
	publish(&e->state, UNDO_SHOWN);
}

void undo_forget(struct undo_table *table, int index)
{
	publish(&table->entry[index].state, UNDO_FREE);
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

/* Has one of our own writes, of this entry or another that is still here, left this value? */
static bool known(const struct undo_table *t, const struct undo_entry *e, const char *now)
{
	for (const struct undo_entry *o = t->entry; o < t->entry + UNDO_ENTRIES; o++) {
		if (o->state != UNDO_FREE && !strcmp(o->path, e->path) &&
		    (same(o->written, now) || (o->state == UNDO_SHOWN && same(o->shown, now))))
			return true;
	}
	return false;
}

static enum undo_outcome put_back(const struct undo_table *t, const struct undo_entry *e,
				  const char *root, int *err)
{
	char now[UNDO_VALUE_LEN];

	*err = read_value(root, e->path, now);
	if (*err == -ENOENT || *err == -ENODEV)
		return UNDO_GONE;
	if (*err == -EFBIG || *err == -EBADMSG)
		return UNDO_FOREIGN;
	if (*err)
		return UNDO_FAILED;
	if (e->kind == UNDO_CHOICE)
		cut_choice(now);
	if (same(now, e->old))
		return UNDO_ALREADY;
	if (!known(t, e, now))
		return UNDO_FOREIGN;
	*err = write_file(root, e->path, e->old);
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

int undo_replay(struct undo_table *table, const char *root, undo_report report, void *ctx)
{
	struct undo_entry *e = NULL;
	int left = 0, err = undo_check(table, sizeof(*table));

	if (err < 0)
		return err;
	while ((e = newest(table, e))) {
		enum undo_outcome outcome = put_back(table, e, root, &err);

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

/* ---- the hook ---- */

int undo_set_hook(struct undo_table *table, const char *path, __u32 limit_ms)
{
	if (path && strlen(path) >= sizeof(table->hook))
		return -ENAMETOOLONG;
	/* half a path must never be run: whoever reads meanwhile, or before and after, sees it by the number */
	publish(&table->hook_seq, table->hook_seq | 1);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	strcpy(table->hook, path ? path : "");
	table->hook_limit_ms = table->hook[0] ? limit_ms : 0;
	publish(&table->hook_seq, table->hook_seq + 1);
	return 0;
}

__u32 undo_get_hook(const struct undo_table *table, char path[UNDO_HOOK_LEN],
		    char reason[UNDO_REASON_LEN])
{
	__u32 seq = __atomic_load_n(&table->hook_seq, __ATOMIC_ACQUIRE);
	__u32 limit_ms = table->hook_limit_ms;

	memcpy(path, table->hook, UNDO_HOOK_LEN);
	memcpy(reason, table->reason, UNDO_REASON_LEN);
	path[UNDO_HOOK_LEN - 1] = reason[UNDO_REASON_LEN - 1] = '\0';
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return seq & 1 || seq != __atomic_load_n(&table->hook_seq, __ATOMIC_RELAXED) ? 0 : limit_ms;
}

void undo_set_reason(struct undo_table *table, const char *text)
{
	size_t i = 0;

	for (; text[i] && i < sizeof(table->reason) - 1; i++)
		table->reason[i] = text[i] < ' ' || text[i] > '~' ? '?' : text[i];
	table->reason[i] = '\0';
	table->hook_due = 1;
}

void undo_keep_trip(struct undo_table *table, const struct hs_gate *gate)
{
	table->trip = (struct undo_trip){
		.trip_ns = gate->trip_ns,
		.reason = gate->trip_reason,
		.vital = gate->trip_vital,
		.value = gate->trip_value,
		.limit = gate->trip_limit,
	};
	undo_set_reason(table, trip_name(gate->trip_reason));
}
