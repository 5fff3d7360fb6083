// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Arming, leaving and tripping as a whole, on a kernel that is played: linked with --wrap, its pulse
 * renews the lease, and its scheduler attaches, as the test says.
 */
#include "fixture.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include "change.h"
#include "clock.h"
#include "daemon.h"
#include "guard_link.h"
#include "json.h"
#include "names.h"

#define S 1000000000ULL
#define MS 1000000ULL
#define SWAPPINESS "/proc/sys/vm/swappiness"

static char root[64], state_dir[96], socket_path[96];
static int run_fd, epoll_fd;
static struct homeostatd d;
static struct hs_gate gate;
static struct hs_exit ended;
static struct hs_vital vitals[HS_VITAL_NR];
static struct hs_knob knobs[HS_KNOB_NR];
static struct hs_wish wishes[HS_KNOB_NR];
static char skeleton[64 * 1024] __attribute__((aligned(16)));

/* ---- the kernel ---- */

enum beat {
	BEAT_RENEWS,
	BEAT_IS_LOST,
	BEAT_FAILS,
	BEAT_FINDS_A_TRIP,
};
static enum beat beat;
static int attach_err, attached;

int __wrap_kernel_pulse(struct kernel *k);
int __wrap_kernel_attach_sched(struct kernel *k);
void __wrap_kernel_detach_sched(struct kernel *k);

int __wrap_kernel_pulse(struct kernel *k)
{
	if (!k->gate->armed)
		return 0;
	switch (beat) {
	case BEAT_RENEWS:
		k->gate->lease_jiffies++;
		return 0;
	case BEAT_FAILS:
		return -EIO;
	case BEAT_FINDS_A_TRIP:
		gate_shut(k->gate, HS_TRIP_OPERATOR, clock_ns());
		return 0;
	default:
		return 0;
	}
}

int __wrap_kernel_attach_sched(struct kernel *k)
{
	snprintf(k->family[FAMILY_SCHED].why, sizeof(k->family[FAMILY_SCHED].why), "%s",
		 attach_err ? "attaching: no" : "");
	attached += !attach_err;
	return attach_err;
}

void __wrap_kernel_detach_sched(struct kernel *k)
{
	/* the order of disarming: the gate is first */
	assert_false(k->gate->armed);
	attached = 0;
}

/* Slots that our program for packets is attached in. */
static __u32 looked_at;

int __wrap_kernel_attach_xdp(struct kernel *k, __u32 slot, __u32 ifindex, bool *steers,
			     bool *generic);
void __wrap_kernel_detach_xdp(struct kernel *k, __u32 slot);

int __wrap_kernel_attach_xdp(struct kernel *k, __u32 slot, __u32 ifindex, bool *steers,
			     bool *generic)
{
	assert_true(k->gate->armed); /* never a program that would let everything pass */
	assert_int_equal(ifindex, 3);
	*steers = false;
	looked_at |= 1U << slot;
	*generic = false;
	return 0;
}

void __wrap_kernel_detach_xdp(struct kernel *k, __u32 slot)
{
	assert_false(k->gate->armed);
	looked_at &= ~(1U << slot);
}

/* Likewise for those that go out. */
static __u32 goes_out;

int __wrap_kernel_attach_tc(struct kernel *k, __u32 slot, __u32 ifindex);
void __wrap_kernel_detach_tc(struct kernel *k, __u32 slot);
int __wrap_kernel_qdisc(struct kernel *k, __u32 ifindex, char name[16]);
int __wrap_kernel_pacer(struct kernel *k, __u32 ifindex, bool paced);

int __wrap_kernel_attach_tc(struct kernel *k, __u32 slot, __u32 ifindex)
{
	assert_true(k->gate->armed);
	assert_int_equal(ifindex, 3);
	goes_out |= 1U << slot;
	return 0;
}

void __wrap_kernel_detach_tc(struct kernel *k, __u32 slot)
{
	assert_false(k->gate->armed);
	goes_out &= ~(1U << slot);
}

int __wrap_kernel_qdisc(struct kernel *k, __u32 ifindex, char name[16])
{
	(void)k, (void)ifindex;
	strcpy(name, "fq");
	return 0;
}

int __wrap_kernel_pacer(struct kernel *k, __u32 ifindex, bool paced)
{
	(void)k, (void)ifindex, (void)paced;
	return 0;
}

static void scheduler_is(const char *name)
{
	tree_put(root, "/sys/kernel/sched_ext/state", name ? "enabled\n" : "disabled\n");
	tree_put(root, "/sys/kernel/sched_ext/root/ops", name ? name : "");
}

static int setup(void **state)
{
	(void)state;
	tree_make(root);
	snprintf(state_dir, sizeof(state_dir), "%s/state", root);
	snprintf(socket_path, sizeof(socket_path), "%s/run/control.sock", root);
	tree_put(root, "/run", NULL);
	tree_put(root, "/sys/fs/cgroup/app", NULL);
	tree_put(root, "/proc/uptime", "100.00 50.00\n");
	tree_put(root, "/proc/loadavg", "0.00 0.00 0.00 3/100 1000\n");
	scheduler_is(NULL);
	memset(&d, 0, sizeof(d));
	memset(vitals, 0, sizeof(vitals));
	gate = (struct hs_gate){.abi_version = HS_ABI_VERSION, .trip_vital = HS_VITAL_NR};
	beat = BEAT_RENEWS;
	attach_err = attached = 0;
	looked_at = 0;
	memset(&d.net, 0, sizeof(d.net));
	d.kernel = (struct kernel){.gate = &gate,
				   .vitals = vitals,
				   .knobs = knobs,
				   .wishes = wishes,
				   .exit = &ended,
				   .skel = (struct homeostat_bpf *)skeleton};
	memset(&d.kernel.fd, 0xff, sizeof(d.kernel.fd)); /* no maps */
	for (int i = 0; i < FAMILY_NR; i++)
		d.kernel.family[i].state = FAMILY_UNAVAILABLE;
	d.kernel.family[FAMILY_PULSE].state = FAMILY_ON;
	d.kernel.family[FAMILY_SCHED].state = FAMILY_OFF;
	d.topo.online[0] = 3;
	d.heartbeat.now = clock_ns;
	d.heartbeat.gate = &gate;
	d.mode = HS_MODE_ACT;
	d.opt.root = root;
	d.opt.state = state_dir;
	d.opt.socket = socket_path;
	d.opt.guard_fd = -1;
	profile_stock(&d.policy.profile);
	judge_set(&d);
	run_fd = open(root, O_RDONLY | O_DIRECTORY);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	assert_int_equal(aftermath_open(&d, run_fd), 0);
	return server_open(&d.server, socket_path, epoll_fd, 100, verb_answer, &d);
}

static int teardown(void **state)
{
	(void)state;
	server_close(d.server);
	undo_close(&d.undo);
	aftermath_close(&d);
	profile_free(&d.policy.profile);
	close(run_fd);
	close(epoll_fd);
	tree_free(root);
	return 0;
}

static void arms(void)
{
	char why[256];

	if (arm(&d, why, sizeof(why)))
		fail_msg("%s", why);
	assert_true(d.armed && gate.armed && attached);
	assert_int_equal(d.after.breaker->acting, 1);
}

static void refuses(int err, const char *text)
{
	char why[256];

	assert_int_equal(arm(&d, why, sizeof(why)), err);
	if (!strstr(why, text))
		fail_msg("'%s' is not in: %s", text, why);
	assert_string_equal(d.refusal, why);
	assert_false(d.armed || gate.armed || attached);
	assert_int_equal(d.after.breaker->acting, 0);
}

/* ---- arm.c ---- */

static void arms_and_leaves(void **state)
{
	char why[256];

	(void)state;
	arms();
	assert_int_equal(gate.generation, 1);
	assert_int_equal(arm(&d, why, sizeof(why)), 0); /* already */
	assert_int_equal(gate.generation, 1);
	disarm(&d, HS_TRIP_NONE);
	assert_false(d.armed || gate.armed || attached);
	assert_int_equal(gate.trip_reason, HS_TRIP_NONE);
	assert_int_equal(d.after.recorder->trips, 0);
	disarm(&d, HS_TRIP_NONE); /* harmless */
	/* somebody trips just then: that is no leave in good order */
	arms();
	gate.trip_reason = HS_TRIP_LIMIT; /* claimed, not yet shut */
	disarm(&d, HS_TRIP_NONE);
	assert_false(d.armed || gate.armed || attached);
	assert_int_equal(gate.trip_reason, HS_TRIP_LIMIT);
	assert_int_equal(d.after.recorder->trips, 1);
	assert_int_equal(arm_by_hand(&d, why, sizeof(why)), 0);
	disarm(&d, HS_TRIP_NONE);
	/* by mode, too */
	assert_int_equal(set_mode(&d, HS_MODE_ACT, why, sizeof(why)), 0);
	assert_true(d.armed);
	assert_int_equal(gate.mode, HS_MODE_ACT);
	assert_int_equal(set_mode(&d, HS_MODE_OBSERVE, why, sizeof(why)), 0);
	assert_false(d.armed || gate.armed || attached);
	assert_int_equal(gate.mode, HS_MODE_OBSERVE);
}

/* Our program is on the interface while we are armed, and while stock is looked at. */
static void packets(void **state)
{
	char why[256];

	(void)state;
	tree_put(root, "/sys/class/net/eth0/ifindex", "3\n");
	strcpy(d.policy.profile.interface[0].name, "eth0");
	d.policy.profile.interface_nr = 1;
	d.kernel.family[FAMILY_XDP].state = d.kernel.family[FAMILY_TC].state = FAMILY_OFF;
	arm_tick(&d);
	assert_int_equal(looked_at | goes_out, 0);
	arms();
	assert_true(looked_at && goes_out == looked_at);
	d.judge.helping.phase = PHASE_LOOK;
	disarm(&d, HS_TRIP_NONE);
	arm_tick(&d);
	assert_false(gate.armed);
	assert_true(looked_at && goes_out == looked_at);
	d.judge.helping.phase = PHASE_BACK;
	arms();
	/* somebody changes the mode, or says disarm, during a look */
	d.judge.helping.phase = PHASE_LOOK;
	disarm(&d, HS_TRIP_NONE);
	assert_int_equal(set_mode(&d, HS_MODE_OBSERVE, why, sizeof(why)), 0);
	arm_tick(&d);
	assert_int_equal(looked_at | goes_out, 0);
	d.mode = HS_MODE_ACT;
	d.judge.helping.phase = PHASE_REST;
	arms();
	assert_true(looked_at && goes_out == looked_at);
	disarm(&d, HS_TRIP_NONE);
	assert_int_equal(looked_at | goes_out, 0);
	arms();
	scheduler_is("homeostat\n");
	trip(&d, HS_TRIP_OPERATOR, NULL);
	assert_int_equal(looked_at | goes_out, 0);
}

static void what_speaks_against_it(void **state)
{
	(void)state;
	d.mode = HS_MODE_ADVISE;
	refuses(-EPERM, "mode is advise");
	d.mode = HS_MODE_ACT;
	d.kernel.family[FAMILY_PULSE].state = FAMILY_OFF;
	refuses(-EOPNOTSUPP, "the pulse does not run");
	d.kernel.family[FAMILY_PULSE].state = FAMILY_ON;
	d.kernel.family[FAMILY_SCHED].state = FAMILY_UNAVAILABLE;
	refuses(-EOPNOTSUPP, "nothing to arm");
	d.kernel.family[FAMILY_SCHED].state = FAMILY_OFF;
	scheduler_is("other\n");
	refuses(-EBUSY, "(other)");
	scheduler_is(NULL);
	tree_put(root, "/sys/fs/cgroup/app/cpu.max", "50000 100000\n");
	refuses(-EBUSY, "cpu.max");
	tree_put(root, "/sys/fs/cgroup/app/cpu.max", "max 100000\n");
	d.after.breaker->latched = 1;
	refuses(-EPERM, "`homeostat arm`");
	d.after.breaker->latched = 0;
	/* what was said of the last trip is still said after a refusal */
	gate.trip_reason = HS_TRIP_HARM;
	gate.trip_ns = 7;
	d.mode = HS_MODE_OBSERVE;
	refuses(-EPERM, "mode is observe");
	assert_int_equal(gate.trip_reason, HS_TRIP_HARM);
	assert_int_equal(gate.trip_ns, 7);
	d.mode = HS_MODE_ACT;
	arms();
}

static void what_goes_wrong_on_the_way(void **state)
{
	(void)state;
	beat = BEAT_FAILS;
	refuses(-EIO, "did not renew the lease");
	beat = BEAT_IS_LOST;
	refuses(-ETIMEDOUT, "did not renew the lease");
	beat = BEAT_FINDS_A_TRIP;
	refuses(-ECANCELED, "tripped while it was being armed");
	beat = BEAT_RENEWS;
	attach_err = -ENOMEM;
	refuses(-ENOMEM, "the kernel log may say why");
	attach_err = -EINVAL;
	refuses(-EINVAL, "the kernel log may say why");
	d.topo.isolcpus[0] = 2;
	refuses(-EINVAL, "isolcpus=");
	attach_err = 0;
	arms();
}

static void what_is_seen_once_a_second(void **state)
{
	(void)state;
	arm_tick(&d); /* not armed: nothing to look for */
	arms();
	scheduler_is("homeostat\n");
	arm_tick(&d);
	assert_true(d.armed);
	/* a limit that we would not keep: no trip, but not with us */
	tree_put(root, "/sys/fs/cgroup/app/cpu.idle", "1\n");
	d.ticks = 1;
	arm_tick(&d); /* not at each tick */
	assert_true(d.armed);
	d.ticks = 60;
	arm_tick(&d);
	assert_false(d.armed);
	assert_non_null(strstr(d.refusal, "cpu.idle"));
	assert_int_equal(d.after.recorder->trips, 0);
	/* our scheduler is gone, be it for another's or for none */
	tree_put(root, "/sys/fs/cgroup/app/cpu.idle", "0\n");
	scheduler_is(NULL);
	arms();
	arm_tick(&d);
	assert_false(d.armed);
	assert_int_equal(gate.trip_reason, HS_TRIP_SCHED_EXIT);
	assert_int_equal(d.after.recorder->trips, 1);
	breaker_forgive(d.after.breaker);
	arms();
	scheduler_is("other\n");
	arm_tick(&d);
	assert_int_equal(d.after.recorder->trips, 2);
	/* the heartbeat's: somebody else's trip is seen, and told with what is known */
	scheduler_is(NULL);
	breaker_forgive(d.after.breaker);
	arms();
	d.heartbeat.stall_ns = 20 * MS;
	gate_shut(&gate, HS_TRIP_PROGRESS, clock_ns());
	arm_watch(&d);
	assert_false(d.armed);
	assert_int_equal(d.after.recorder->trips, 3);
	assert_int_equal(d.after.recorder->trip[2].stall_ns, 20 * MS);
}

/* ---- judge.c ---- */

/* One second: what tasks of both classes wait. */
static void second(__u64 wait_ns)
{
	d.tick_ns += S;
	for (int s = 0; s < HELPING_SIGNS; s++)
		vitals[helping_vital((enum helping_sign)s)] =
			(struct hs_vital){.value = wait_ns, .present = 1, .updated_ns = d.tick_ns};
	judge_tick(&d);
}

static struct json_object *told(const char *key)
{
	static struct json_object *reply;
	struct json_object *part = NULL;

	json_object_put(reply);
	reply = NULL;
	if (!key)
		return NULL;
	reply = json_object_new_object();
	judge_json(&d, reply);
	assert_true(json_object_object_get_ex(reply, key, &part));
	return part;
}

static int looks_told(void)
{
	const struct hs_event *e;
	int nr = 0;

	for (__u64 age = 0; (e = event_log_newest(&d.events, age)); age++)
		nr += e->type == HS_EVENT_LOOK;
	return nr;
}

/* The first arming waits; then we are worse than stock, which is looked at, and proved. */
static void harm_from_end_to_end(void **state)
{
	struct json_object *row;
	char why[256];
	int t;

	(void)state;
	d.tick_ns = 100 * S;
	judge_first(&d);
	assert_true(judge_waits(&d));
	assert_int_equal(set_mode(&d, HS_MODE_ACT, why, sizeof(why)), 0);
	assert_false(d.armed);
	for (t = 0; t < 20 && !d.armed; t++)
		second(1 * MS);
	assert_true(d.armed);
	assert_in_range(t, 5, 8);
	assert_int_equal(looks_told(), 0); /* it was no look from among us */
	for (t = 0; t < 40 && !d.after.recorder->trips; t++)
		second(d.armed ? 400 * MS : 1 * MS);
	assert_in_range(t, 15, 25);
	assert_false(d.armed || gate.armed);
	assert_int_equal(gate.trip_reason, HS_TRIP_HARM);
	assert_int_equal(gate.trip_value, 400 * MS);
	assert_int_equal(looks_told(), 2); /* left, and came back */
	assert_string_equal(js_str(told("helping"), "verdict"), "harm");
	assert_int_equal(js_u64(told("helping"), "looks"), 1);
	assert_int_equal(js_get_array(told("helping"), "vitals", &row), 0);
	row = json_object_array_get_idx(row, 0);
	assert_int_equal(js_u64(row, "value"), 400 * MS);
	assert_int_equal(js_u64(row, "baseline"), 1 * MS);
	assert_int_equal(js_u64(row, "ratio_permille"), 400 * 1000);
	told(NULL);
}

/* Back from a look, what speaks against arming is heard; so is a person who changed the mode. */
static void back_from_a_look(void **state)
{
	struct helping *h = &d.judge.helping;
	char why[256];

	(void)state;
	d.tick_ns = 100 * S;
	judge_first(&d);
	d.kernel.family[FAMILY_PULSE].state = FAMILY_OFF;
	for (int t = 0; t < 20; t++)
		second(1 * MS);
	assert_false(d.armed);
	assert_non_null(strstr(d.refusal, "the pulse does not run"));
	assert_int_equal(h->phase, PHASE_REST);
	d.kernel.family[FAMILY_PULSE].state = FAMILY_ON;
	d.refusal[0] = '\0';
	judge_first(&d);
	assert_int_equal(set_mode(&d, HS_MODE_ADVISE, why, sizeof(why)), 0);
	for (int t = 0; t < 20; t++)
		second(1 * MS);
	assert_false(d.armed);
	assert_string_equal(d.refusal, "");
	assert_false(judge_waits(&d));
}

/* An application's figure, from the report to the trip that names it; and limits, as they are told. */
static void a_level_is_missed(void **state)
{
	static const char text[] =
		"name: a\nslo: [ { report: late, max: 10, for: 2s } ]\nlimits:\n"
		"  - { vital: sched.wait.critical.p99_ns, max: 20ms, times: 8 }\n";
	const struct recorder_trip *t = &d.after.recorder->trip[0];
	struct slo_figure figure = {"late", 11, 900, 77};
	const struct slo_state *by = NULL;
	char error[256];

	(void)state;
	profile_free(&d.policy.profile);
	assert_int_equal(
		profile_parse(&d.policy.profile, "p", text, strlen(text), error, sizeof(error)), 0);
	judge_set(&d);
	d.tick_ns = 100 * S;
	arms();
	assert_null(judge_reported(&d, &by));
	for (int i = 0; i < 3; i++) {
		assert_true(d.armed);
		assert_in_range(slo_report(&d.judge.slo, &d.policy.profile, &figure, d.tick_ns + S),
				0, 1);
		second(1 * MS);
	}
	assert_false(d.armed || gate.armed);
	assert_int_equal(gate.trip_reason, HS_TRIP_SLO);
	assert_int_equal(gate.trip_value, 11);
	assert_string_equal(judge_reported(&d, &by)->report, "late");
	assert_int_equal(by->uid, 900);
	assert_string_equal(t->report, "late");
	assert_int_equal(t->report_uid, 900);
	assert_int_equal(t->report_pid, 77);
	assert_int_equal(js_u64(json_object_array_get_idx(told("slo"), 0), "uid"), 900);
	assert_int_equal(js_u64(json_object_array_get_idx(told("limits"), 0), "times"), 8);
	told(NULL);
}

/* ---- guarded.c ---- */

static void puts_back_what_was_left(void **state)
{
	char buf[16] = "", path[128];
	int fd;

	(void)state;
	tree_put(root, SWAPPINESS, "60\n");
	assert_int_equal(undo_take(&d), 0);
	assert_true(change_file(d.undo.table, root, SWAPPINESS, "10") >= 0);
	arms();
	trip(&d, HS_TRIP_OPERATOR, NULL);
	snprintf(path, sizeof(path), "%s" SWAPPINESS, root);
	fd = open(path, O_RDONLY);
	assert_true(read(fd, buf, sizeof(buf) - 1) > 0);
	close(fd);
	assert_int_equal(atoi(buf), 60);
	assert_int_equal(d.after.recorder->trip[0].undone.nr, 1);
	assert_string_equal(d.after.recorder->trip[0].undone.entry[0].path, SWAPPINESS);
	/* what cannot be put back, and a table that is none */
	assert_true(change_file(d.undo.table, root, SWAPPINESS, "10") >= 0);
	assert_int_equal(unlink(path), 0);
	undo_all(&d);
	undo_close(&d.undo);
	d.undo.table = NULL;
	snprintf(path, sizeof(path), "%s/run/undo", root);
	assert_int_equal(truncate(path, 7), 0);
	assert_true(undo_take(&d) < 0);
}

static void the_guard(void **state)
{
	int pair[2], fds[2] = {-1, -1};

	(void)state;
	assert_int_equal(guard_greet(&d), 0); /* there is none */
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	d.opt.guard_fd = pair[0];
	assert_true(guard_greet(&d) < 0); /* nothing to show it */
	d.kernel.fd.gate = d.kernel.fd.pulse = run_fd;
	assert_int_equal(guard_greet(&d), 0);
	assert_int_equal(guard_hear(pair[1], fds), GUARD_HELLO);
	close(fds[0]);
	close(fds[1]);
	arms();
	guard_heard(&d); /* it lives */
	assert_true(d.armed && !d.stop);
	close(pair[1]);
	guard_heard(&d);
	assert_false(d.armed || gate.armed);
	assert_true(d.stop);
	assert_int_equal(d.exit_err, -EOWNERDEAD);
	assert_int_equal(gate.trip_reason, HS_TRIP_GUARD);
	guard_heard(&d); /* once */
	assert_int_equal(d.after.recorder->trips, 1);
	close(pair[0]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(arms_and_leaves),
		TEST(packets),
		TEST(what_speaks_against_it),
		TEST(what_goes_wrong_on_the_way),
		TEST(what_is_seen_once_a_second),
		TEST(harm_from_end_to_end),
		TEST(back_from_a_look),
		TEST(a_level_is_missed),
		TEST(puts_back_what_was_left),
		TEST(the_guard),
	};

	return cmocka_run_group_tests_name("arm", tests, NULL, NULL);
}
