// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "dispatcher.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "parse.h"

#define TRIES 5	      /* others may come in between as often */
#define COMPONENTS 10 /* of a dispatcher */
#define ROUNDS 256    /* through all dispatchers, of which each one changes one */
#define PAUSE_NS 10000000L
#define SETTLE_NS 500000000L /* whoever has pinned a dispatcher attaches it within milliseconds */

static void pause_for(long ns)
{
	nanosleep(&(struct timespec){.tv_nsec = ns}, NULL);
}

/* ---- may it be believed? ---- */

/* Root's, and nobody else's to write to. */
static int check_dir(const char *root, const char *path, bool mounted, char *why, size_t size)
{
	char full[PATH_MAX];
	struct statfs fs;
	struct stat st;
	int err = root_path(full, sizeof(full), root, path);

	if (err)
		return err;
	if (lstat(full, &st)) {
		err = -errno;
		snprintf(why, size, "%s: %s", path, strerror(-err));
		return err;
	}
	if (!S_ISDIR(st.st_mode)) {
		snprintf(why, size, "%s is no directory", path);
		return -ENOTDIR;
	}
	/* below a root of tests there is no such file system */
	if (mounted && !*root && (statfs(full, &fs) || fs.f_type != BPF_FS_MAGIC)) {
		snprintf(why, size, "no bpffs is mounted at %s: mount -t bpf -o mode=0700 bpf %s",
			 path, path);
		return -ENODATA;
	}
	if (st.st_uid != (*root ? geteuid() : 0) || st.st_mode & (S_IWGRP | S_IWOTH)) {
		snprintf(why, size,
			 "%s is not root's alone (owner %u, mode %o): who may write there could "
			 "put another program in place of ours",
			 path, st.st_uid, st.st_mode & 07777);
		return -EPERM;
	}
	return 0;
}

int dispatcher_trust(const char *root, char *why, size_t size)
{
	int err = check_dir(root, DISPATCHER_BPFFS, true, why, size);

	if (err == -ENOENT)
		return -ENODATA; /* no such place at all */
	return err ? err : check_dir(root, DISPATCHER_DIR, false, why, size);
}

/* ---- joining and looking ---- */

static const char *reason(int err)
{
	switch (err) {
	case -EAGAIN:
		return "others changed its dispatcher each time, or libxdp could not read it";
	case -EBUSY:
		return "another loader keeps libxdp's lock (" DISPATCHER_DIR ")";
	case -EEXIST:
		return "another program is attached to it without a dispatcher";
	case -ESTALE:
		return "its dispatcher is there, but what is pinned of it cannot be read";
	case -EAFNOSUPPORT:
		return "netlink is not allowed here (RestrictAddressFamilies= of the unit)";
	case -EPERM:
		return "not allowed: that takes CAP_NET_ADMIN, CAP_SYS_ADMIN, CAP_BPF and "
		       "CAP_PERFMON";
	case -ENODEV:
		return "there is no such interface";
	default:
		return strerror(-err);
	}
}

static int explain(int err, char *why, size_t size)
{
	const char *said = err ? xdp_said() : "";

	if (err)
		snprintf(why, size, "%s%s%s%s", reason(err), *said ? " (" : "", said,
			 *said ? ")" : "");
	return err;
}

/* The same once more while somebody comes in between. */
static int look(__u32 ifindex, __u32 prog_id, struct xdp_there *there)
{
	int err = -EAGAIN;

	for (int i = 0; i < TRIES && err == -EAGAIN; i++) {
		if (i)
			pause_for(PAUSE_NS);
		err = xdp_look(ifindex, prog_id, there);
	}
	return err ? err : there->lost ? -ESTALE : 0;
}

int dispatcher_look(__u32 ifindex, __u32 prog_id, enum dispatcher_place *place, char *why,
		    size_t size)
{
	struct xdp_there there;
	int err = look(ifindex, prog_id, &there);

	if (err)
		return explain(err, why, size);
	*place = !there.ours	 ? DISPATCHER_ABSENT
		 : there.generic ? DISPATCHER_GENERIC
				 : DISPATCHER_NATIVE;
	return 0;
}

/* Where nothing is attached yet: in the driver, else behind it. */
static int join_first(__u32 ifindex, int prog_fd, bool *generic)
{
	int err = xdp_join(ifindex, prog_fd, false);

	*generic = err && err != -EAGAIN && err != -EBUSY && err != -EEXIST && err != -ENODEV &&
		   err != -EPERM && err != -EAFNOSUPPORT;
	return *generic ? xdp_join(ifindex, prog_fd, true) : err;
}

static int join_once(__u32 ifindex, int prog_fd, __u32 prog_id, struct xdp_there *there)
{
	int err = look(ifindex, prog_id, there);

	if (err || there->ours)
		return err;
	if (there->legacy)
		return -EEXIST;
	return there->main ? xdp_join(ifindex, prog_fd, there->generic)
			   : join_first(ifindex, prog_fd, &there->generic);
}

int dispatcher_join(const char *root, __u32 ifindex, int prog_fd, enum dispatcher_place *place,
		    char *why, size_t size)
{
	__u32 prog_id = xdp_program_id(prog_fd);
	struct xdp_there there;
	int err = dispatcher_trust(root, why, size);

	if (err && err != -ENOENT)
		return err;
	err = prog_id ? -EAGAIN : -EBADF;
	for (int i = 0; i < TRIES && err == -EAGAIN; i++) {
		if (i)
			pause_for(PAUSE_NS);
		err = join_once(ifindex, prog_fd, prog_id, &there);
	}
	if (!err)
		*place = there.generic ? DISPATCHER_GENERIC : DISPATCHER_NATIVE;
	return explain(err, why, size);
}

/* ---- leaving ---- */

/* One of our programs, as it is pinned. */
struct pinned {
	char dir[64]; /* below DISPATCHER_DIR */
	__u32 ifindex, dispatcher, component, id;
};

/* "dispatch-IFINDEX-ID" */
static bool parse_dir(const char *name, struct pinned *p)
{
	static const char prefix[] = "dispatch-";
	__u64 ifindex, id;

	if (strncmp(name, prefix, sizeof(prefix) - 1) || strlen(name) >= sizeof(p->dir))
		return false;
	strcpy(p->dir, name);
	name += sizeof(prefix) - 1;
	if (parse_digits(&name, 0x7fffffff, &ifindex) || *name++ != '-' ||
	    parse_digits(&name, 0xffffffff, &id) || *name || !ifindex || !id)
		return false;
	p->ifindex = (__u32)ifindex;
	p->dispatcher = (__u32)id;
	return true;
}

/* Stops at what returns non-zero, and returns that. */
typedef int (*pinned_fn)(void *ctx, const struct pinned *p, enum xdp_owner owner, int err);

static int each_component(const char *root, struct pinned *p, pinned_fn fn, void *ctx)
{
	char path[192];
	int stop = 0;

	for (p->component = 0; p->component < COMPONENTS && !stop; p->component++) {
		enum xdp_owner owner;
		int err;

		snprintf(path, sizeof(path), DISPATCHER_DIR "/%s/prog%u-prog", p->dir,
			 p->component);
		err = xdp_pinned(root, path, &p->id, &owner);
		if (err == -ENOENT)
			continue;
		if (err || owner != XDP_OWNER_OTHER)
			stop = fn(ctx, p, owner, err);
	}
	return stop;
}

/* All of ours that is pinned, and what cannot be read. */
static int each_pinned(const char *root, pinned_fn fn, void *ctx)
{
	char path[PATH_MAX];
	struct dirent *entry;
	struct pinned p;
	int stop = root_path(path, sizeof(path), root, DISPATCHER_DIR);
	DIR *dir = stop ? NULL : opendir(path);

	if (!dir)
		return stop ? stop : -errno;
	errno = 0;
	while (!stop && (entry = readdir(dir))) {
		if (parse_dir(entry->d_name, &p))
			stop = each_component(root, &p, fn, ctx);
		errno = 0;
	}
	if (!stop && errno)
		stop = -errno;
	closedir(dir);
	return stop;
}

static int unpin(const char *root, const struct pinned *p, const char *what)
{
	char below[192], path[PATH_MAX];
	int err;

	snprintf(below, sizeof(below), DISPATCHER_DIR "/%s/prog%u-%s", p->dir, p->component, what);
	err = root_path(path, sizeof(path), root, below);
	return err || !unlink(path) || errno == ENOENT ? err : -errno;
}

/* Takes away our pins, and the directory where they were the last ones. The caller knows that nothing is attached there. */
static int sweep(const char *root, const struct pinned *p)
{
	char below[128], path[PATH_MAX];
	int lock = xdp_lock(root), err;

	if (lock < 0)
		return lock;
	err = unpin(root, p, "link");
	if (!err)
		err = unpin(root, p, "prog");
	snprintf(below, sizeof(below), DISPATCHER_DIR "/%s", p->dir);
	if (!err)
		err = root_path(path, sizeof(path), root, below);
	if (!err && rmdir(path) && errno != ENOTEMPTY)
		err = -errno;
	close(lock);
	return err;
}

/* Is what was pinned there attached to nothing? Whoever has pinned it just now is about to attach it. */
static int stale(const struct pinned *p, struct xdp_there *there, bool *is)
{
	int err = 0;

	*is = true;
	for (int i = 0; i < 2 && !err && *is; i++) {
		if (i)
			pause_for(SETTLE_NS);
		err = xdp_look(p->ifindex, p->id, there);
		if (err == -ENODEV) /* gone, and what was attached to it */
			return 0;
		*is = there->main != p->dispatcher;
	}
	return err;
}

/* 1: something was changed; 0: it is gone already; negative errno. */
static int take_off(const char *root, const struct pinned *p, enum dispatcher_outcome *outcome)
{
	int err = -EAGAIN;

	for (int i = 0; i < TRIES && err == -EAGAIN; i++) {
		struct xdp_there there;
		bool is;

		if (i)
			pause_for(PAUSE_NS);
		err = stale(p, &there, &is);
		if (err)
			continue;
		*outcome = is ? DISPATCHER_SWEPT : DISPATCHER_LEFT;
		if (is)
			err = sweep(root, p);
		else
			err = there.lost ? -ESTALE : xdp_leave(p->ifindex, p->id, there.generic);
	}
	return err ? err : 1;
}

struct leaving {
	const char *root;
	__u32 ifindex, prog_id;
};

static int leave_one(void *ctx, const struct pinned *p, enum xdp_owner owner, int err)
{
	struct leaving *l = ctx;
	enum dispatcher_outcome outcome;

	(void)owner;
	if (err)
		return p->ifindex == l->ifindex ? err : 0;
	return p->id == l->prog_id && p->ifindex == l->ifindex ? take_off(l->root, p, &outcome) : 0;
}

int dispatcher_leave(const char *root, __u32 ifindex, __u32 prog_id, char *why, size_t size)
{
	struct leaving l = {.root = root, .ifindex = ifindex, .prog_id = prog_id};
	struct xdp_there there;
	int err = dispatcher_trust(root, why, size), more = !err;

	if (err && err != -ENOENT)
		return err;
	for (int i = 0; i < ROUNDS && more == 1; i++)
		more = each_pinned(root, leave_one, &l);
	if (more)
		return explain(more < 0 ? more : -EAGAIN, why, size);
	err = look(ifindex, prog_id, &there);
	if (err == -ENODEV || (!err && !there.ours))
		return 0;
	return explain(err ? err : -EAGAIN, why, size);
}

/* ---- what a dead daemon has left ---- */

#define SEEN_MAX 64

struct cleaning {
	const char *root;
	dispatcher_report report;
	void *ctx;
	struct {
		char dir[sizeof(((struct pinned *)0)->dir)];
		__u32 component;
	} seen[SEEN_MAX]; /* reported, and there to stay */
	int seen_nr, left;
};

static bool seen(const struct cleaning *c, const struct pinned *p)
{
	for (int i = 0; i < c->seen_nr; i++) {
		if (c->seen[i].component == p->component && !strcmp(c->seen[i].dir, p->dir))
			return true;
	}
	return false;
}

static int clean_one(void *ctx, const struct pinned *p, enum xdp_owner owner, int err)
{
	enum dispatcher_outcome outcome = DISPATCHER_SPARED;
	char why[DISPATCHER_WHY_LEN] = "";
	struct cleaning *c = ctx;

	if (seen(c, p))
		return 0;
	if (!err && owner == XDP_OWNER_DEAD)
		err = take_off(c->root, p, &outcome);
	if (err < 0) {
		outcome = DISPATCHER_FAILED;
		explain(err, why, sizeof(why));
		c->left++;
	}
	c->report(c->ctx, p->ifindex, p->id, outcome, why);
	if (err > 0)
		return 1; /* the rest is another one now */
	if (c->seen_nr == SEEN_MAX)
		return -E2BIG;
	strcpy(c->seen[c->seen_nr].dir, p->dir);
	c->seen[c->seen_nr++].component = p->component;
	return 0;
}

int dispatcher_clean(const char *root, dispatcher_report report, void *ctx, char *why, size_t size)
{
	struct cleaning c = {.root = root, .report = report, .ctx = ctx};
	char dir[PATH_MAX];
	struct stat st;
	int err = root_path(dir, sizeof(dir), root, DISPATCHER_DIR), more = 1;

	/* where nobody has ever made a dispatcher it does not matter whose the place is */
	if (!err && lstat(dir, &st) && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (!err)
		err = dispatcher_trust(root, why, size);
	if (err)
		return err == -ENODATA ? 0 : err;
	for (int i = 0; i < ROUNDS && more == 1; i++)
		more = each_pinned(root, clean_one, &c);
	if (more)
		return explain(more < 0 ? more : -EAGAIN, why, size);
	return c.left;
}

const char *dispatcher_outcome_name(enum dispatcher_outcome outcome)
{
	static const char *const names[] = {
		[DISPATCHER_LEFT] = "taken off",
		[DISPATCHER_SWEPT] = "its pins are removed, it was attached to nothing any more",
		[DISPATCHER_SPARED] = "left alone: its homeostatd runs",
		[DISPATCHER_FAILED] = "not taken off",
	};

	return names[outcome];
}
