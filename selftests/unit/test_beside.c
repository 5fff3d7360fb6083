// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * The daemon and its usher: what the one asks and believes, here with a test that plays the usher; and what the other obeys, here
 * with dispatchers that are played.
 */
#include "fixture.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "beside.h"
#include "net.h"

static struct beside beside;
static int usher; /* our end */
static __u64 now;

static struct {
	int join_err, leave_err, clean_err;
	unsigned joins, leaves, looks, cleans;
	__u32 left[8]; /* interfaces, in the order of leaving */
	enum dispatcher_place place;
} played;

int __wrap_dispatcher_join(const char *root, __u32 ifindex, int prog_fd,
			   enum dispatcher_place *place, char *why, size_t size);
int __wrap_dispatcher_leave(const char *root, __u32 ifindex, __u32 prog_id, char *why, size_t size);
int __wrap_dispatcher_look(__u32 ifindex, __u32 prog_id, enum dispatcher_place *place, char *why,
			   size_t size);
int __wrap_dispatcher_clean(const char *root, dispatcher_report report, void *ctx, char *why,
			    size_t size);
__u32 __wrap_xdp_program_id(int prog_fd);

int __wrap_dispatcher_join(const char *root, __u32 ifindex, int prog_fd,
			   enum dispatcher_place *place, char *why, size_t size)
{
	assert_string_equal(root, "");
	assert_true(ifindex && prog_fd == 77);
	played.joins++;
	snprintf(why, size, "as played");
	*place = played.place;
	return played.join_err;
}

int __wrap_dispatcher_leave(const char *root, __u32 ifindex, __u32 prog_id, char *why, size_t size)
{
	assert_string_equal(root, "");
	assert_int_equal(prog_id, 7);
	played.left[played.leaves++ % 8] = ifindex;
	snprintf(why, size, "as played");
	return played.leave_err;
}

int __wrap_dispatcher_look(__u32 ifindex, __u32 prog_id, enum dispatcher_place *place, char *why,
			   size_t size)
{
	(void)ifindex, (void)why, (void)size;
	assert_int_equal(prog_id, 7);
	played.looks++;
	*place = played.place;
	return 0;
}

int __wrap_dispatcher_clean(const char *root, dispatcher_report report, void *ctx, char *why,
			    size_t size)
{
	(void)root;
	played.cleans++;
	snprintf(why, size, "as played");
	report(ctx, 3, 7, DISPATCHER_LEFT, "");
	return played.clean_err;
}

__u32 __wrap_xdp_program_id(int prog_fd)
{
	return prog_fd == 77 ? 7 : 0;
}

static int setup(void **state)
{
	int pair[2];

	(void)state;
	memset(&beside, 0, sizeof(beside));
	memset(&played, 0, sizeof(played));
	now = 1000000000000ULL;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	beside.usher.fd = pair[0];
	usher = pair[1];
	/* one that can be waited for */
	beside.usher.pid = fork();
	if (!beside.usher.pid)
		_exit(0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (beside.usher.pid) {
		waitpid(beside.usher.pid, NULL, 0);
		close(beside.usher.fd);
	}
	if (usher >= 0)
		close(usher);
	return 0;
}

static void follow(__u32 slot, __u32 want, bool retry)
{
	beside_follow(&beside, slot, "eth0", want, retry, now);
}

/* The request that was sent; verb BESIDE_NOTHING: none was. */
static struct beside_request asked(void)
{
	struct beside_request r = {0};
	ssize_t n = recv(usher, &r, sizeof(r), MSG_DONTWAIT);

	if (n < 0)
		return (struct beside_request){0};
	assert_true(beside_request_ok(&r, (size_t)n));
	return r;
}

static void answer(struct beside_request r, int err, enum dispatcher_place place, const char *why)
{
	struct beside_answer a = {.seq = r.seq, .err = err, .place = place};

	strcpy(a.why, why);
	assert_int_equal(send(usher, &a, sizeof(a), 0), sizeof(a));
	beside_hear(&beside);
}

/* Asks for `verb`, and has it done. */
static void done(__u32 slot, __u32 want, enum beside_verb verb, __u32 ifindex,
		 enum dispatcher_place place)
{
	struct beside_request r;

	follow(slot, want, false);
	r = asked();
	assert_int_equal(r.verb, verb);
	assert_int_equal(r.ifindex, ifindex);
	assert_string_equal(r.name, "eth0");
	answer(r, 0, place, "");
}

static void test_joins_and_leaves(void **state)
{
	const struct beside_place *p = &beside.place[2];
	struct beside_request r;

	(void)state;
	follow(2, 5, false);
	r = asked();
	assert_int_equal(r.verb, BESIDE_JOIN);
	assert_non_null(strstr(p->why, "about to be joined"));
	assert_true(beside_there(&beside, 2)); /* it may be */
	assert_int_equal(p->ifindex, 0);
	follow(2, 5, false);
	assert_int_equal(asked().verb, BESIDE_NOTHING); /* one at a time */
	answer(r, 0, DISPATCHER_GENERIC, "");
	assert_int_equal(p->ifindex, 5);
	assert_true(p->generic);
	assert_string_equal(p->why, "");
	/* looked at once a second */
	follow(2, 5, false);
	assert_int_equal(asked().verb, BESIDE_NOTHING);
	now += 1000000000;
	done(2, 5, BESIDE_LOOK, 5, DISPATCHER_NATIVE);
	assert_false(p->generic);
	/* another one of that name; then none */
	done(2, 6, BESIDE_LEAVE, 5, DISPATCHER_ABSENT);
	done(2, 6, BESIDE_JOIN, 6, DISPATCHER_NATIVE);
	assert_int_equal(p->ifindex, 6);
	done(2, 0, BESIDE_LEAVE, 6, DISPATCHER_ABSENT);
	assert_false(beside_there(&beside, 2));
	follow(2, 0, false);
	assert_int_equal(asked().verb, BESIDE_NOTHING);
}

static void test_refused(void **state)
{
	const struct beside_place *p = &beside.place[0];

	(void)state;
	follow(0, 5, false);
	answer(asked(), -EBUSY, DISPATCHER_ABSENT, "others are there");
	assert_false(beside_there(&beside, 0));
	assert_string_equal(p->why, "not joined: others are there");
	now += 1000000000;
	follow(0, 5, false); /* not asked again … */
	assert_int_equal(asked().verb, BESIDE_NOTHING);
	assert_string_equal(p->why, "not joined: others are there");
	done(0, 6, BESIDE_JOIN, 6, DISPATCHER_NATIVE); /* … but for another one, … */
	now += 1000000000;
	done(0, 6, BESIDE_LOOK, 6, DISPATCHER_ABSENT);
	assert_int_equal(p->ifindex, 0);
	assert_non_null(strstr(p->why, "somebody else has taken it off"));
	follow(0, 6, false);
	assert_int_equal(asked().verb, BESIDE_NOTHING);
	follow(0, 6, true); /* … or when it is to be tried again */
	assert_int_equal(asked().verb, BESIDE_JOIN);
}

/* A leave that failed is tried until it did not; a look that failed changes nothing. */
static void test_leave_failed(void **state)
{
	const struct beside_place *p = &beside.place[1];

	(void)state;
	done(1, 5, BESIDE_JOIN, 5, DISPATCHER_NATIVE);
	for (int i = 0; i < 20; i++) {
		follow(1, 0, false);
		answer(asked(), -EBUSY, DISPATCHER_ABSENT, "a lock");
		follow(1, 0, false); /* not at once */
		assert_int_equal(asked().verb, BESIDE_NOTHING);
		now += 1000000000;
		assert_int_equal(p->ifindex, 5);
		assert_true(beside_there(&beside, 1));
		assert_string_equal(p->why, "not left, and tried again: a lock");
	}
	done(1, 0, BESIDE_LEAVE, 5, DISPATCHER_ABSENT);
	assert_int_equal(p->ifindex, 0);
	done(1, 5, BESIDE_JOIN, 5, DISPATCHER_NATIVE);
	now += 1000000000;
	follow(1, 5, false);
	answer(asked(), -EACCES, DISPATCHER_ABSENT, "not read");
	assert_int_equal(p->ifindex, 5);
	assert_non_null(strstr(p->why, "not known: not read"));
	now += 1000000000;
	done(1, 5, BESIDE_LOOK, 5, DISPATCHER_NATIVE);
	assert_string_equal(p->why, "");
}

/* What is slow concerns its own interface alone. */
static void test_slow(void **state)
{
	struct beside_request r;

	(void)state;
	done(0, 5, BESIDE_JOIN, 5, DISPATCHER_NATIVE);
	follow(1, 6, false);
	r = asked();
	assert_int_equal(r.verb, BESIDE_JOIN);
	now += BESIDE_PATIENCE_NS + 1;
	follow(0, 5, false);
	follow(1, 6, false);
	assert_non_null(strstr(beside.place[1].why, "does not answer"));
	assert_string_equal(beside.place[0].why, "");
	assert_int_equal(beside.place[0].ifindex, 5);
	assert_int_equal(asked().verb, BESIDE_NOTHING);
	answer(r, 0, DISPATCHER_NATIVE, "");
	assert_string_equal(beside.place[1].why, "");
	assert_int_equal(beside.place[1].ifindex, 6);
}

static void lost(void)
{
	follow(0, 5, false);
	assert_int_equal(beside.usher.pid, 0);
	beside_hear(&beside);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no zombie */
	assert_int_equal(errno, ECHILD);
	assert_non_null(strstr(beside.place[0].why, "the usher"));
	assert_int_equal(beside.place[0].ifindex, 5); /* as far as anybody knows */
	follow(1, 6, true);
	assert_non_null(strstr(beside.place[1].why, "the usher"));
	assert_false(beside_there(&beside, 1));
}

/* The child of setup() has ended: what is left of it is taken at once. */
static void ended(void)
{
	siginfo_t info;

	assert_int_equal(waitid(P_PID, (id_t)beside.usher.pid, &info, WEXITED | WNOWAIT), 0);
}

static void test_dead(void **state)
{
	(void)state;
	done(0, 5, BESIDE_JOIN, 5, DISPATCHER_NATIVE);
	ended();
	close(usher);
	usher = -1;
	lost();
}

static void test_dies_at_work(void **state)
{
	(void)state;
	done(0, 5, BESIDE_JOIN, 5, DISPATCHER_NATIVE);
	follow(3, 8, false);
	assert_int_equal(asked().verb, BESIDE_JOIN);
	ended();
	close(usher);
	usher = -1;
	lost();
	assert_true(beside_there(&beside, 3)); /* nobody knows */
}

static void test_rubbish(void **state)
{
	struct beside_answer good, a;
	struct beside_request r;

	(void)state;
	for (int kind = 0; kind < 6; kind++) {
		size_t size = sizeof(a);

		if (kind)
			setup(NULL);
		done(0, 5, BESIDE_JOIN, 5, DISPATCHER_NATIVE);
		now += 1000000000;
		follow(0, 5, false);
		r = asked();
		good = (struct beside_answer){.seq = r.seq, .place = DISPATCHER_NATIVE};
		a = good;
		if (kind == 0)
			a.seq++;
		else if (kind == 1)
			a.err = 1;
		else if (kind == 2)
			a.place = DISPATCHER_GENERIC + 1;
		else if (kind == 3)
			memset(a.why, 'x', sizeof(a.why));
		else if (kind == 4)
			size--;
		else /* one too many */
			assert_int_equal(send(usher, &good, sizeof(good), 0), sizeof(good));
		assert_int_equal(send(usher, &a, size, 0), size);
		ended();
		lost();
		assert_non_null(strstr(beside.why, "does not make sense"));
		teardown(NULL);
		usher = -1;
	}
}

static void test_without(void **state)
{
	(void)state;
	teardown(NULL);
	usher = -1;
	beside_without(&beside, "it was not asked for");
	follow(0, 5, true);
	assert_string_equal(beside.place[0].why, "it was not asked for");
	assert_false(beside_there(&beside, 0));
	follow(0, 0, false);
	assert_string_equal(beside.place[0].why, "");
	beside_stop(&beside);
}

static void test_stop(void **state)
{
	struct beside_request r;
	char byte;

	(void)state;
	done(0, 5, BESIDE_JOIN, 5, DISPATCHER_NATIVE);
	follow(0, 0, false);
	r = asked();
	answer(r, 0, DISPATCHER_ABSENT, ""); /* comes before the end */
	if (!fork()) {			     /* the usher's end is that of its process */
		close(beside.usher.fd);
		_exit(recv(usher, &byte, 1, 0) == 0 ? 0 : 1);
	}
	close(usher);
	usher = -1;
	beside_stop(&beside);
	assert_int_equal(beside.usher.pid, 0);
	while (wait(NULL) > 0)
		;
}

/* ---- the usher ---- */

static void test_requests(void **state)
{
	struct beside_request good = {.verb = BESIDE_JOIN, .ifindex = 5, .name = "eth0"}, r;

	(void)state;
	assert_true(beside_request_ok(&good, sizeof(good)));
	assert_false(beside_request_ok(&good, sizeof(good) - 1));
	assert_false(beside_request_ok(&good, sizeof(good) + 1));
	assert_false(beside_request_ok(&good, 0));
	for (__u32 verb = 0; verb < BESIDE_VERBS + 2; verb++) {
		r = good;
		r.verb = verb;
		assert_int_equal(beside_request_ok(&r, sizeof(r)), verb == BESIDE_JOIN ||
									   verb == BESIDE_LEAVE ||
									   verb == BESIDE_LOOK);
	}
	r = good;
	r.ifindex = 0;
	assert_false(beside_request_ok(&r, sizeof(r)));
	r.ifindex = 0x80000000;
	assert_false(beside_request_ok(&r, sizeof(r)));
	r = good;
	r.name[0] = '\0';
	assert_false(beside_request_ok(&r, sizeof(r)));
	memset(r.name, 'x', sizeof(r.name));
	assert_false(beside_request_ok(&r, sizeof(r)));
}

/* Sends these, closes, and has the usher live that through; then `a` holds its answers. */
static unsigned serve(const struct beside_request *r, unsigned nr, size_t size,
		      struct beside_answer *a)
{
	unsigned got = 0;

	for (unsigned i = 0; i < nr; i++)
		assert_int_equal(send(beside.usher.fd, &r[i], size, 0), size);
	shutdown(beside.usher.fd, SHUT_WR);
	usher_serve(usher, 77);
	while (recv(beside.usher.fd, &a[got], sizeof(*a), MSG_DONTWAIT) == (ssize_t)sizeof(*a))
		got++;
	return got;
}

static void test_serves(void **state)
{
	/* 1 is lo, everywhere */
	const struct beside_request r[] = {
		{.verb = BESIDE_JOIN, .seq = 1, .ifindex = 1, .name = "lo"},
		{.verb = BESIDE_JOIN, .seq = 2, .ifindex = 1, .name = "eth7"}, /* another by now */
		{.verb = BESIDE_LOOK, .seq = 3, .ifindex = 1, .name = "lo"},
		{.verb = BESIDE_LEAVE, .seq = 4, .ifindex = 1, .name = "lo"},
		{.verb = BESIDE_JOIN, .seq = 5, .ifindex = 1, .name = "lo"},
	};
	struct beside_answer a[8];

	(void)state;
	played.place = DISPATCHER_NATIVE;
	assert_int_equal(serve(r, 5, sizeof(r[0]), a), 5);
	assert_int_equal(played.cleans, 1); /* what others have left, first */
	for (__u32 i = 0; i < 5; i++) {
		assert_int_equal(a[i].seq, i + 1);
		assert_int_equal(a[i].err, i == 1 ? -ENODEV : 0);
		assert_int_equal(!a[i].why[0], i != 1);
	}
	assert_int_equal(a[2].place, DISPATCHER_NATIVE);
	assert_int_equal(played.joins, 2);
	/* the second one at its end */
	assert_int_equal(played.leaves, 2);
	assert_int_equal(played.left[1], 1);
}

/* Also what was joined half, and what could not be left before. */
static void test_serves_badly(void **state)
{
	const struct beside_request r[] = {
		{.verb = BESIDE_JOIN, .seq = 1, .ifindex = 1, .name = "lo"},
		{.verb = BESIDE_LEAVE, .seq = 2, .ifindex = 1, .name = "lo"},
		{.verb = BESIDE_VERBS, .seq = 3, .ifindex = 1, .name = "lo"},
	};
	struct beside_answer a[8];

	(void)state;
	played.join_err = -EIO;
	played.leave_err = -EBUSY;
	played.clean_err = -EACCES;
	assert_int_equal(serve(r, 3, sizeof(r[0]), a), 2);
	assert_int_equal(a[0].err, -EIO);
	assert_int_equal(a[1].err, -EBUSY);
	assert_string_equal(a[1].why, "as played");
	/* what may be there half way is left at once, when asked, and at the end */
	assert_int_equal(played.leaves, 1 + 1 + 3);
}

/* What was not joined does not take up room for ever, and is left once. */
static void serves_in_vain(int err, unsigned leaves)
{
	struct beside_request r[KERNEL_INTERFACES_MAX];
	struct beside_answer a[KERNEL_INTERFACES_MAX];

	for (__u32 i = 0; i < KERNEL_INTERFACES_MAX; i++)
		r[i] = (struct beside_request){
			.verb = BESIDE_JOIN, .seq = i, .ifindex = 1, .name = "lo"};
	played.join_err = err;
	assert_int_equal(serve(r, KERNEL_INTERFACES_MAX, sizeof(r[0]), a), KERNEL_INTERFACES_MAX);
	assert_int_equal(a[KERNEL_INTERFACES_MAX - 1].err, err);
	assert_int_equal(played.leaves, leaves);
}

static void test_serves_in_vain(void **state)
{
	(void)state;
	serves_in_vain(-EIO, KERNEL_INTERFACES_MAX);
}

static void test_serves_nothing(void **state)
{
	(void)state;
	serves_in_vain(-EEXIST, 0);
}

/* ---- an interface of the profile ---- */

static unsigned own; /* links of our own that were made */

int __wrap_kernel_attach_xdp(struct kernel *k, __u32 slot, __u32 ifindex, const char **unfit,
			     bool *generic);
int __wrap_kernel_attach_xdp(struct kernel *k, __u32 slot, __u32 ifindex, const char **unfit,
			     bool *generic)
{
	(void)k, (void)slot, (void)unfit;
	assert_int_equal(ifindex, 5);
	*generic = false;
	own++;
	return 0;
}

void __wrap_kernel_detach_xdp(struct kernel *k, __u32 slot);
void __wrap_kernel_detach_xdp(struct kernel *k, __u32 slot)
{
	(void)k, (void)slot;
	own--;
}

static struct net net;

/* The usher of this test is that of `net`; what it is asked is answered so. */
static void net_turn(const struct profile *profile, const char *root, enum beside_verb verb,
		     int err, enum dispatcher_place place)
{
	static struct kernel kernel;
	struct beside_request r;

	kernel.family[FAMILY_TC].state = FAMILY_UNAVAILABLE;
	net_follow(&net, &kernel, profile, root, false);
	r = asked();
	assert_int_equal(r.verb, verb);
	if (verb != BESIDE_NOTHING) {
		struct beside_answer a = {.seq = r.seq, .err = err, .place = place};

		assert_int_equal(send(usher, &a, sizeof(a), 0), sizeof(a));
		net_follow(&net, &kernel, profile, root, false);
	}
}

static void test_interface(void **state)
{
	struct profile profile = {.interface_nr = 1, .interface[0] = {"eth0", true}};
	const struct net_interface *i;
	char root[64];

	(void)state;
	memset(&net, 0, sizeof(net));
	net.beside = beside;
	own = 0;
	tree_make(root);
	tree_put(root, "/sys/class/net/eth0/ifindex", "5\n");
	net_turn(&profile, root, BESIDE_JOIN, 0, DISPATCHER_GENERIC);
	i = net_interface(&net, "eth0");
	assert_true(i->beside && i->generic && i->hook[NET_IN].ifindex == 5);
	assert_string_equal(i->hook[NET_IN].why, "");
	assert_non_null(strstr(i->steer_why, "dispatcher"));
	assert_false(net_steers(&net));
	/* disarmed: left, however long that takes */
	net_turn(NULL, root, BESIDE_LEAVE, -EBUSY, DISPATCHER_ABSENT);
	assert_int_equal(net_interface(&net, "eth0")->hook[NET_IN].ifindex, 5);
	assert_non_null(strstr(i->hook[NET_IN].why, "not left, and tried again"));
	net.beside.place[i - net.interface].looked_ns = 0; /* a while later */
	net_turn(NULL, root, BESIDE_LEAVE, 0, DISPATCHER_ABSENT);
	assert_null(net_interface(&net, "eth0"));
	/* alone: not before it has left the others; and back */
	net_turn(&profile, root, BESIDE_JOIN, 0, DISPATCHER_NATIVE);
	profile.interface[0].beside = false;
	assert_int_equal(own, 0);
	net_turn(&profile, root, BESIDE_LEAVE, 0, DISPATCHER_ABSENT);
	assert_int_equal(own, 1);
	i = net_interface(&net, "eth0");
	assert_true(!i->beside && i->hook[NET_IN].ifindex == 5);
	profile.interface[0].beside = true;
	net_turn(&profile, root, BESIDE_JOIN, 0, DISPATCHER_NATIVE);
	assert_int_equal(own, 0);
	/* not in the profile any more: not forgotten, and its place is not another's */
	strcpy(profile.interface[0].name, "eth1");
	net_turn(&profile, root, BESIDE_LEAVE, -EBUSY, DISPATCHER_ABSENT);
	assert_non_null(net_interface(&net, "eth0"));
	assert_ptr_not_equal(net_interface(&net, "eth0"), net_interface(&net, "eth1"));
	/* a death is noticed where nothing is to be asked, too */
	memset(net.interface, 0, sizeof(net.interface));
	memset(net.beside.place, 0, sizeof(net.beside.place));
	ended();
	close(usher);
	usher = -1;
	net_follow(&net, &(struct kernel){0}, NULL, root, false);
	assert_int_equal(net.beside.usher.pid, 0);
	beside.usher.pid = 0; /* closed with it */
	tree_free(root);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_joins_and_leaves),
		TEST(test_refused),
		TEST(test_leave_failed),
		TEST(test_slow),
		TEST(test_dead),
		TEST(test_dies_at_work),
		TEST(test_rubbish),
		TEST(test_without),
		TEST(test_stop),
		TEST(test_requests),
		TEST(test_serves),
		TEST(test_serves_badly),
		TEST(test_serves_in_vain),
		TEST(test_serves_nothing),
		TEST(test_interface),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("beside", tests, NULL, NULL);
}
