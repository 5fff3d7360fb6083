// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * What is taken out of libxdp's dispatchers, and what is left alone: with a tree of files in place of the bpffs, and a kernel and
 * a libxdp that are played. A pin holds "ID OWNER"; an interface has one program attached.
 */
#include "fixture.h"

#include <sys/file.h>

#include "dispatcher.h"

#define IFS 4
#define US 7 /* id of our program */

static char root[64], why[DISPATCHER_WHY_LEN];

static struct {
	struct xdp_there at[IFS]; /* by ifindex; `ours`: US is in it */
	int look_err[IFS], join_err, leave_err;
	unsigned joins, leaves, looks;
	int again;    /* as often somebody comes in between */
	bool generic; /* the driver has no XDP */
} played;

int __wrap_xdp_pinned(const char *at, const char *path, __u32 *id, enum xdp_owner *owner);
int __wrap_xdp_look(__u32 ifindex, __u32 prog_id, struct xdp_there *there);
int __wrap_xdp_join(__u32 ifindex, int prog_fd, bool generic);
int __wrap_xdp_leave(__u32 ifindex, __u32 prog_id, bool generic);
__u32 __wrap_xdp_program_id(int prog_fd);

int __wrap_xdp_pinned(const char *at, const char *path, __u32 *id, enum xdp_owner *owner)
{
	char full[PATH_MAX], text[32] = "", kind = '?';
	FILE *f;

	snprintf(full, sizeof(full), "%s%s", at, path);
	f = fopen(full, "r");
	if (!f)
		return -errno;
	assert_non_null(fgets(text, sizeof(text), f));
	fclose(f);
	assert_int_equal(sscanf(text, "%u %c", id, &kind), 2);
	*owner = kind == 'd' ? XDP_OWNER_DEAD : kind == 'a' ? XDP_OWNER_ALIVE : XDP_OWNER_OTHER;
	return kind == 'x' ? -EACCES : 0;
}

int __wrap_xdp_look(__u32 ifindex, __u32 prog_id, struct xdp_there *there)
{
	played.looks++;
	assert_in_range(ifindex, 1, IFS - 1);
	*there = played.at[ifindex];
	there->ours &= prog_id == US;
	return played.look_err[ifindex];
}

static int interrupted(void)
{
	return played.again && played.again-- ? -EAGAIN : 0;
}

int __wrap_xdp_join(__u32 ifindex, int prog_fd, bool generic)
{
	assert_int_equal(prog_fd, 3);
	played.joins++;
	if (interrupted())
		return -EAGAIN;
	if (played.join_err)
		return played.join_err;
	if (played.generic && !generic)
		return -EOPNOTSUPP;
	played.at[ifindex] = (struct xdp_there){.main = 100, .ours = true, .generic = generic};
	return 0;
}

static void dir_of(char *path, size_t size, __u32 ifindex, __u32 id)
{
	snprintf(path, size, DISPATCHER_DIR "/dispatch-%u-%u", ifindex, id);
}

static void pin(__u32 ifindex, __u32 dispatcher, __u32 component, const char *text)
{
	char dir[64], path[128];

	dir_of(dir, sizeof(dir), ifindex, dispatcher);
	snprintf(path, sizeof(path), "%s/prog%u-prog", dir, component);
	tree_put(root, path, text);
	snprintf(path, sizeof(path), "%s/prog%u-link", dir, component);
	tree_put(root, path, "");
}

static bool pinned(__u32 ifindex, __u32 dispatcher, __u32 component)
{
	char full[PATH_MAX], dir[64];

	dir_of(dir, sizeof(dir), ifindex, dispatcher);
	snprintf(full, sizeof(full), "%s%s/prog%u-link", root, dir, component);
	return !access(full, F_OK);
}

static bool has_dir(__u32 ifindex, __u32 dispatcher)
{
	char full[PATH_MAX], dir[64];

	dir_of(dir, sizeof(dir), ifindex, dispatcher);
	snprintf(full, sizeof(full), "%s%s", root, dir);
	return !access(full, F_OK);
}

int __wrap_xdp_leave(__u32 ifindex, __u32 prog_id, bool generic)
{
	char full[PATH_MAX], dir[64];

	assert_int_equal(prog_id, US);
	assert_int_equal(generic, played.at[ifindex].generic);
	played.leaves++;
	if (interrupted())
		return -EAGAIN;
	if (played.leave_err)
		return played.leave_err;
	dir_of(dir, sizeof(dir), ifindex, played.at[ifindex].main);
	snprintf(full, sizeof(full), "%s%s", root, dir);
	tree_free(full);
	played.at[ifindex] = (struct xdp_there){0};
	return 0;
}

__u32 __wrap_xdp_program_id(int prog_fd)
{
	return prog_fd == 3 ? US : 0;
}

static int setup(void **state)
{
	char full[PATH_MAX];

	(void)state;
	memset(&played, 0, sizeof(played));
	why[0] = '\0';
	tree_make(root);
	tree_put(root, DISPATCHER_DIR, NULL);
	snprintf(full, sizeof(full), "%s" DISPATCHER_BPFFS, root);
	assert_int_equal(chmod(full, 0700), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tree_free(root);
	return 0;
}

static int join(enum dispatcher_place *place)
{
	return dispatcher_join(root, 1, 3, place, why, sizeof(why));
}

static int leave(void)
{
	return dispatcher_leave(root, 1, US, why, sizeof(why));
}

static void test_trust(void **state)
{
	enum dispatcher_place place;
	char full[PATH_MAX];

	(void)state;
	assert_int_equal(dispatcher_trust(root, why, sizeof(why)), 0);
	for (const char **p = (const char *[]){DISPATCHER_DIR, DISPATCHER_BPFFS, NULL}; *p; p++) {
		snprintf(full, sizeof(full), "%s%s", root, *p);
		for (const mode_t *m = (const mode_t[]){0770, 01777, 0}; *m; m++) {
			assert_int_equal(chmod(full, *m), 0);
			assert_int_equal(join(&place), -EPERM);
			assert_non_null(strstr(why, "root's alone"));
			assert_int_equal(leave(), -EPERM);
			assert_int_equal(dispatcher_clean(root, NULL, NULL, why, sizeof(why)),
					 -EPERM);
		}
		assert_int_equal(chmod(full, 0700), 0);
	}
	assert_int_equal(played.joins + played.leaves, 0);
	snprintf(full, sizeof(full), "%s" DISPATCHER_DIR, root);
	assert_int_equal(rmdir(full), 0);
	assert_int_equal(dispatcher_trust(root, why, sizeof(why)), -ENOENT);
	assert_int_equal(symlink("/tmp", full), 0);
	assert_int_equal(dispatcher_trust(root, why, sizeof(why)), -ENOTDIR);
	assert_int_equal(unlink(full), 0);
	/* nobody has made one: whose the place is concerns only who wants to join */
	snprintf(full, sizeof(full), "%s" DISPATCHER_BPFFS, root);
	assert_int_equal(chmod(full, 01777), 0);
	assert_int_equal(dispatcher_clean(root, NULL, NULL, why, sizeof(why)), 0);
	assert_int_equal(join(&place), -EPERM);
	assert_int_equal(chmod(full, 0700), 0);
	/* libxdp will make it */
	assert_int_equal(join(&place), 0);
	assert_int_equal(dispatcher_clean(root, NULL, NULL, why, sizeof(why)), 0);
	snprintf(full, sizeof(full), "%s" DISPATCHER_BPFFS, root);
	assert_int_equal(rmdir(full), 0);
	assert_int_equal(join(&place), -ENODATA);
	assert_int_equal(dispatcher_clean(root, NULL, NULL, why, sizeof(why)), 0);
}

static void test_join(void **state)
{
	enum dispatcher_place place;

	(void)state;
	assert_int_equal(join(&place), 0);
	assert_int_equal(place, DISPATCHER_NATIVE);
	assert_int_equal(played.joins, 1);
	assert_int_equal(join(&place), 0); /* it is there */
	assert_int_equal(played.joins, 1);
	/* behind the driver */
	memset(played.at, 0, sizeof(played.at));
	played.generic = true;
	assert_int_equal(join(&place), 0);
	assert_int_equal(place, DISPATCHER_GENERIC);
	assert_int_equal(played.joins, 3);
	/* as the others are */
	played.at[1] = (struct xdp_there){.main = 5, .generic = true};
	assert_int_equal(join(&place), 0);
	assert_int_equal(place, DISPATCHER_GENERIC);
	assert_int_equal(played.joins, 4);
	assert_int_equal(dispatcher_look(1, US, &place, why, sizeof(why)), 0);
	assert_int_equal(place, DISPATCHER_GENERIC);
	assert_int_equal(dispatcher_look(2, US, &place, why, sizeof(why)), 0);
	assert_int_equal(place, DISPATCHER_ABSENT);
}

static void refused(int err, const char *text)
{
	enum dispatcher_place place;

	assert_int_equal(join(&place), err);
	if (!strstr(why, text))
		fail_msg("'%s' lacks '%s'", why, text);
}

static void test_join_refused(void **state)
{
	enum dispatcher_place place;

	(void)state;
	played.at[1] = (struct xdp_there){.main = 5, .legacy = true};
	refused(-EEXIST, "without a dispatcher");
	played.at[1] = (struct xdp_there){.main = 5, .legacy = true, .lost = true};
	refused(-ESTALE, "cannot be read");
	assert_int_equal(dispatcher_look(1, US, &place, why, sizeof(why)), -ESTALE);
	played.look_err[1] = -EACCES; /* not known is not free */
	refused(-EACCES, strerror(EACCES));
	played.look_err[1] = -EAFNOSUPPORT;
	refused(-EAFNOSUPPORT, "RestrictAddressFamilies");
	played.look_err[1] = 0;
	assert_int_equal(played.joins, 0);
	memset(played.at, 0, sizeof(played.at));
	played.join_err = -EPERM;
	refused(-EPERM, "CAP_NET_ADMIN");
	assert_int_equal(played.joins, 1); /* nor tried behind the driver */
	played.join_err = -EBUSY;
	refused(-EBUSY, "lock");
	/* others come in between: some times, and each time */
	played.join_err = 0;
	played.joins = 0;
	played.again = 3;
	assert_int_equal(join(&place), 0);
	assert_int_equal(played.joins, 4);
	memset(played.at, 0, sizeof(played.at));
	played.again = 1000;
	refused(-EAGAIN, "others changed");
	assert_in_range(played.joins, 5, 20);
}

static void test_leave(void **state)
{
	(void)state;
	assert_int_equal(leave(), 0); /* nothing there */
	assert_int_equal(played.leaves, 0);
	played.at[1] = (struct xdp_there){.main = 50, .ours = true};
	pin(1, 50, 0, "7 a");
	pin(2, 60, 0, "7 a"); /* of another interface */
	played.again = 2;
	assert_int_equal(leave(), 0);
	assert_int_equal(played.leaves, 3);
	assert_true(pinned(2, 60, 0));
	/* a failure is one */
	played.at[1] = (struct xdp_there){.main = 51, .ours = true};
	pin(1, 51, 0, "9 o");
	pin(1, 51, 1, "7 a");
	played.leave_err = -EBUSY;
	assert_int_equal(leave(), -EBUSY);
	assert_non_null(strstr(why, "lock"));
	played.leave_err = 0;
	played.look_err[1] = -EACCES;
	assert_int_equal(leave(), -EACCES);
	played.look_err[1] = 0;
	/* so is a pin that cannot be read, and one that is gone while the program is not */
	pin(1, 51, 1, "7 x");
	assert_int_equal(leave(), -EACCES);
	pin(1, 51, 1, "9 o");
	assert_int_equal(leave(), -EAGAIN);
}

/* Gone interfaces, and dispatchers that were replaced: the pins go, but none of others. */
static void test_sweep(void **state)
{
	(void)state;
	pin(1, 50, 0, "9 o");
	pin(1, 50, 1, "7 a");
	played.look_err[1] = -ENODEV;
	assert_int_equal(leave(), 0);
	assert_true(pinned(1, 50, 0) && !pinned(1, 50, 1));
	assert_int_equal(played.leaves, 0);
	pin(1, 51, 0, "7 a");
	played.look_err[1] = 0;
	played.at[1] = (struct xdp_there){.main = 52};
	pin(1, 52, 0, "9 o");
	assert_int_equal(leave(), 0);
	assert_false(has_dir(1, 51));
	assert_true(pinned(1, 52, 0) && pinned(1, 50, 0));
	assert_int_equal(played.leaves, 0);
}

static struct {
	unsigned nr[DISPATCHER_FAILED + 1];
	char why[DISPATCHER_WHY_LEN];
} told;

static void tell(void *ctx, __u32 ifindex, __u32 prog_id, enum dispatcher_outcome outcome,
		 const char *text)
{
	assert_ptr_equal(ctx, &told);
	assert_true(ifindex && prog_id);
	assert_non_null(dispatcher_outcome_name(outcome));
	told.nr[outcome]++;
	snprintf(told.why, sizeof(told.why), "%s", text);
}

static int clean(void)
{
	memset(&told, 0, sizeof(told));
	return dispatcher_clean(root, tell, &told, why, sizeof(why));
}

static void test_clean(void **state)
{
	(void)state;
	assert_int_equal(clean(), 0);
	tree_put(root, DISPATCHER_DIR "/dispatch-x-1/prog0-prog", "7 d");
	tree_put(root, DISPATCHER_DIR "/dispatch-1-/prog0-prog", "7 d");
	tree_put(root, DISPATCHER_DIR "/else/prog0-prog", "7 d");
	played.at[1] = (struct xdp_there){.main = 50, .ours = true};
	played.at[2] = (struct xdp_there){.main = 60, .ours = true};
	pin(1, 50, 0, "9 o");
	pin(1, 50, 1, "7 d");
	pin(2, 60, 0, "7 a"); /* its daemon lives */
	pin(3, 70, 0, "7 d"); /* attached to nothing */
	assert_int_equal(clean(), 0);
	assert_int_equal(told.nr[DISPATCHER_LEFT], 1);
	assert_int_equal(told.nr[DISPATCHER_SWEPT], 1);
	assert_int_equal(told.nr[DISPATCHER_SPARED], 1);
	assert_int_equal(told.nr[DISPATCHER_FAILED], 0);
	assert_int_equal(played.leaves, 1);
	assert_true(pinned(2, 60, 0) && !has_dir(3, 70));
	assert_int_equal(played.at[1].main, 0);
	assert_int_equal(clean(), 0);
	assert_int_equal(told.nr[DISPATCHER_SPARED], 1);
	assert_int_equal(told.nr[DISPATCHER_LEFT] + told.nr[DISPATCHER_SWEPT], 0);
}

static void test_clean_fails(void **state)
{
	char full[PATH_MAX];

	(void)state;
	played.at[1] = (struct xdp_there){.main = 50, .ours = true};
	pin(1, 50, 0, "7 d");
	played.at[2] = (struct xdp_there){.main = 60, .ours = true};
	pin(2, 60, 0, "7 x");
	played.leave_err = -EBUSY;
	assert_int_equal(clean(), 2);
	assert_int_equal(told.nr[DISPATCHER_FAILED], 2);
	assert_true(pinned(1, 50, 0) && pinned(2, 60, 0));
	played.leave_err = 0;
	played.look_err[1] = -EACCES;
	assert_int_equal(clean(), 2);
	assert_true(pinned(1, 50, 0));
	played.look_err[1] = 0;
	played.at[1].legacy = played.at[1].lost = true;
	assert_int_equal(clean(), 2);
	played.at[1].legacy = played.at[1].lost = false;
	assert_int_equal(clean(), 1);
	assert_int_equal(told.nr[DISPATCHER_LEFT], 1);
	if (geteuid()) { /* root reads everything */
		snprintf(full, sizeof(full), "%s" DISPATCHER_DIR, root);
		assert_int_equal(chmod(full, 0300), 0);
		assert_int_equal(clean(), -EACCES);
		assert_int_equal(chmod(full, 0700), 0);
	}
}

/* Somebody who keeps libxdp's lock is not waited for for ever; whether the process lives. */
static void test_lock(void **state)
{
	char full[PATH_MAX];
	__u64 start = 0;
	int fd, lock;

	(void)state;
	snprintf(full, sizeof(full), "%s" DISPATCHER_DIR, root);
	fd = open(full, O_RDONLY | O_DIRECTORY);
	assert_true(fd >= 0);
	lock = xdp_lock(root);
	assert_true(lock >= 0);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), -1);
	close(lock);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(xdp_lock(root), -EBUSY);
	close(fd);
	assert_int_equal(rmdir(full), 0);
	assert_int_equal(xdp_lock(root), -ENOENT);
	assert_int_equal(process_start((__u32)getpid(), &start), 0);
	assert_true(start > 0);
	assert_int_equal(process_start(0x7fffffff, &start), -ESRCH);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_trust), TEST(test_join),  TEST(test_join_refused), TEST(test_leave),
		TEST(test_sweep), TEST(test_clean), TEST(test_clean_fails),  TEST(test_lock),
	};

	return cmocka_run_group_tests_name("dispatcher", tests, NULL, NULL);
}
