// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Policies in the slots, on a kernel that is played: what comes with a request, who is asked, and how each one's time ends. */
#include "server_fixture.h"

#include <dirent.h>

#include <bpf/bpf.h>

#include "descriptors.h"
#include "log.h"
#include "names.h"

#define S 1000000000ULL

/* ---- the kernel ---- */

static struct hs_slot slots[HS_SLOTS];
static struct hs_hooks hooks;
static struct hs_config written; /* CONFIG, as it was written last */
static int writes, write_err;
static struct kernel_plugin is; /* what the next plug-in is said to be */
static int is_err;

int __wrap_kernel_plugin(const struct kernel *k, int link, int prog, struct kernel_plugin *p,
			 char *why, size_t size);
int __wrap_kernel_pulse(struct kernel *k);
int __wrap_kernel_hook(struct kernel *k, enum hs_hook hook);
void __wrap_kernel_unhook(struct kernel *k, enum hs_hook hook);
int __wrap_bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags);

int __wrap_kernel_plugin(const struct kernel *k, int link, int prog, struct kernel_plugin *p,
			 char *why, size_t size)
{
	(void)k;
	assert_true(link >= 0 && prog >= 0 && link != prog);
	snprintf(why, size, "as played");
	*p = is;
	return is_err;
}

int __wrap_kernel_pulse(struct kernel *k)
{
	(void)k;
	return 0;
}

int __wrap_kernel_hook(struct kernel *k, enum hs_hook hook)
{
	k->hooks->on |= 1U << hook;
	return 0;
}

void __wrap_kernel_unhook(struct kernel *k, enum hs_hook hook)
{
	k->hooks->on &= ~(1U << hook);
}

int __wrap_bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags)
{
	(void)key, (void)flags;
	if (fd != d.kernel.fd.config)
		return 0;
	if (write_err)
		return write_err;
	writes++;
	memcpy(&written, value, sizeof(written));
	return 0;
}

static int setup_plugins(void **state)
{
	int err = setup(state);

	memset(slots, 0, sizeof(slots));
	memset(&hooks, 0, sizeof(hooks));
	memset(&written, 0, sizeof(written));
	writes = write_err = is_err = 0;
	is = (struct kernel_plugin){.prog = 7, .work = 100};
	d.kernel.slots = slots;
	d.kernel.hooks = &hooks;
	d.kernel.fd.config = 1000;
	d.policy.loaded = true;
	d.server = server;
	d.armed = true;
	d.mode = HS_MODE_ACT;
	return err;
}

static int teardown_plugins(void **state)
{
	plugins_close(&d.plugins);
	return teardown(state);
}

#define TEST_PLUGINS(name) cmocka_unit_test_setup_teardown(name, setup_plugins, teardown_plugins)

/* ---- descriptors ---- */

static int open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int nr = 0;

	while (readdir(dir))
		nr++;
	closedir(dir);
	return nr;
}

/* Sends @text with so many descriptors of one pipe, whose ends here are closed: end of file says that nobody has them. */
static int send_with(struct control *c, const char *text, int nr)
{
	char room[CMSG_SPACE(8 * sizeof(int))] = {0};
	struct iovec part = {(void *)text, strlen(text)};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = room,
				 .msg_controllen = CMSG_SPACE((size_t)nr * sizeof(int))};
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	*head = (struct cmsghdr){.cmsg_len = CMSG_LEN((size_t)nr * sizeof(int)),
				 .cmsg_level = SOL_SOCKET,
				 .cmsg_type = SCM_RIGHTS};
	for (int i = 0; i < nr; i++)
		memcpy(CMSG_DATA(head) + (size_t)i * sizeof(int), &ends[1], sizeof(int));
	assert_int_equal(sendmsg(control_fd(c), &message, MSG_NOSIGNAL), strlen(text));
	close(ends[1]);
	return ends[0];
}

static bool let_go(int pipe_end)
{
	char byte;
	ssize_t n = read(pipe_end, &byte, 1);

	close(pipe_end);
	return n == 0;
}

static bool hung_up(struct control *c)
{
	struct json_object *reply = NULL;
	int err = control_recv(c, 1000, &reply);

	json_object_put(reply);
	return err == -EPIPE || err == -ECONNRESET;
}

static void what_no_verb_takes_is_closed(void **state)
{
	struct control *c = connect_one();
	struct json_object *reply;
	int before = open_fds(), end;

	(void)state;
	end = send_with(c, "{\"verb\":\"status\"}\n", 2);
	serve();
	assert_int_equal(control_recv(c, 1000, &reply), 0);
	assert_true(js_bool(reply, "ok"));
	json_object_put(reply);
	assert_true(let_go(end));
	end = send_with(c, "rubbish\n", 1);
	serve();
	assert_int_equal(control_recv(c, 1000, &reply), 0);
	assert_false(js_bool(reply, "ok"));
	json_object_put(reply);
	assert_true(let_go(end));
	assert_int_equal(open_fds(), before);
	/* half a line, and then nobody */
	end = send_with(c, "{\"verb\":", 2);
	serve();
	assert_int_equal(open_fds(), before + 3);
	control_close(c);
	serve();
	assert_true(let_go(end));
}

static void too_many_cost_the_connection(void **state)
{
	struct control *c = connect_one();
	int before = open_fds(), end, other;

	(void)state;
	end = send_with(c, "{\"verb\":\"status\"}\n", 3);
	serve();
	assert_true(hung_up(c));
	assert_true(let_go(end));
	control_close(c);
	c = connect_one();
	end = send_with(c, "{\"verb\":", 2);
	serve();
	other = send_with(c, "\"status\"", 1);
	serve();
	assert_true(hung_up(c));
	assert_true(let_go(end) && let_go(other));
	control_close(c);
	assert_true(open_fds() <= before);
}

/* Those of who is not root never come in. */
static void others_send_none(void **state)
{
	struct control *c = connect_one();
	struct json_object *reply;
	int before, end;

	(void)state;
	pretend = 1000;
	json_object_put(ask_line(c, "{\"verb\":\"status\"}\n"));
	before = open_fds();
	end = send_with(c, "{\"verb\":", 2);
	serve();
	assert_int_equal(open_fds(), before + 1);
	assert_true(let_go(end));
	reply = ask_line(c, "\"policy_load\"}\n");
	assert_int_equal(js_u64(reply, "errno"), EPERM);
	json_object_put(reply);
	control_close(c);
}

/* ---- the verb ---- */

#define OFFER(name, as)                                                                            \
	"{\"verb\":\"policy_load\",\"name\":\"" name                                               \
	"\",\"about\":\"for tests\",\"reads\":[\"sched.switches_hz\"],"                            \
	"\"turns\":[\"sched.slice.batch_us\"],\"keeps_state\":false,\"as\":\"" as "\"}\n"

/* Hands over two descriptors with a line. */
static struct json_object *hand_over(const char *line)
{
	struct descriptors fds = {{dup(0), dup(0)}, 2};
	struct control *c = connect_one();
	struct json_object *reply;

	assert_int_equal(descriptors_send(control_fd(c), line, strlen(line), &fds), strlen(line));
	descriptors_close(&fds);
	serve();
	assert_int_equal(control_recv(c, 1000, &reply), 0);
	control_close(c);
	serve();
	return reply;
}

static void refused(const char *line, const char *error, int number)
{
	struct json_object *reply;
	int before = open_fds();

	reply = hand_over(line);
	if (js_bool(reply, "ok") || !strstr(js_str(reply, "error"), error) ||
	    js_u64(reply, "errno") != (__u64)number)
		fail_msg("%s: %s", line, js_line(reply));
	json_object_put(reply);
	assert_int_equal(open_fds(), before);
	assert_int_equal(writes, 0);
}

static void taken(const char *line, __u32 slot)
{
	struct json_object *reply;

	is.slot = slot;
	reply = hand_over(line);
	if (!js_bool(reply, "ok") || js_u64(reply, "slot") != slot)
		fail_msg("%s: %s", line, js_line(reply));
	json_object_put(reply);
	/* the pulse has seen it */
	slots[slot] = (struct hs_slot){.gen = written.slot[slot].gen};
}

static void a_bad_offer_is_refused(void **state)
{
	(void)state;
	expect(OFFER("a", "full"), false, "descriptors", EINVAL);
	refused(OFFER("A", "full"), "expected name", EINVAL);
	refused(OFFER("", "full"), "expected name", EINVAL);
	refused(OFFER("1", "full"), "expected name: it begins with a letter", EINVAL);
	refused(OFFER("0123456789012345678901234567890z", "full"), "expected name", EINVAL);
	refused(OFFER("a", "half"), "expected as", EINVAL);
	refused(OFFER("a", "waits"), "expected as", EINVAL);
	refused(OFFER("a", "canary"), "expected for_ns", EINVAL);
	refused("{\"verb\":\"policy_load\",\"name\":\"a\",\"about\":\"b\\n\"}\n", "expected about",
		EINVAL);
	refused("{\"verb\":\"policy_load\",\"name\":\"a\",\"about\":\"b\",\"reads\":\"x\"}\n",
		"expected reads", EINVAL);
	refused("{\"verb\":\"policy_load\",\"name\":\"a\",\"about\":\"b\",\"reads\":[1]}\n",
		"there is no ''", EINVAL);
	refused("{\"verb\":\"policy_load\",\"name\":\"a\",\"about\":\"b\",\"reads\":[],"
		"\"turns\":[\"x.y\"]}\n",
		"there is no 'x.y'", EINVAL);
	is_err = -EACCES;
	refused(OFFER("a", "full"), "policy a: as played", EACCES);
	is_err = 0;
	write_err = -ENOMEM;
	refused(OFFER("a", "full"), "writing to the kernel map", ENOMEM);
	write_err = 0;
	d.policy.loaded = false;
	refused(OFFER("a", "full"), "writing to the kernel map", EAGAIN);
	d.policy.loaded = true;
	taken(OFFER("a", "full"), 0);
	writes = 0;
	is.slot = 0;
	refused(OFFER("b", "full"), "policy a is in slot 0", EBUSY);
	pretend = 1000;
	expect("{\"verb\":\"policy_unload\",\"slot\":0}\n", false, "for root", EPERM);
}

static void one_write_puts_it_in(void **state)
{
	int before = open_fds();

	(void)state;
	taken(OFFER("a", "full"), 1);
	assert_int_equal(writes, 1);
	assert_int_equal(written.slot[1].run, HS_SLOT_RUN_ACT);
	assert_int_equal(written.slot[1].gen, 1);
	assert_int_equal(written.slot[1].reads[0], HS_VITAL_SWITCHES + 1);
	assert_int_equal(written.slot[1].turns[0], HS_KNOB_SLICE_BATCH + 1);
	assert_int_equal(written.slot[0].run, HS_SLOT_RUN_OFF);
	assert_int_equal(open_fds(), before + 2);
	assert_string_equal(plugins_acting(&d.plugins)->offer.name, "a");
	/* a profile that is loaded leaves it there */
	memset(&written, 0, sizeof(written));
	assert_int_equal(policy_limits(&d.policy, &d.kernel, 1, 2), 0);
	d.policy.profile.config.limits_nr = 1;
	d.policy.profile.limit_times[0] = 2;
	assert_int_equal(policy_limits(&d.policy, &d.kernel, 3, 4), 0);
	assert_int_equal(written.slot[1].run, HS_SLOT_RUN_ACT);
	d.policy.profile.config.limits_nr = 0;
	expect("{\"verb\":\"policy_unload\",\"name\":\"b\"}\n", false, "no policy 'b'", ENOENT);
	expect("{\"verb\":\"policy_unload\",\"slot\":0}\n", false, "nothing is in", ENOENT);
	expect("{\"verb\":\"policy_unload\",\"slot\":2}\n", false, "nothing is in", ENOENT);
	expect("{\"verb\":\"policy_unload\",\"slot\":1,\"name\":\"a\"}\n", false, "expected slot",
	       EINVAL);
	expect("{\"verb\":\"policy_unload\"}\n", false, "expected slot", EINVAL);
	expect("{\"verb\":\"policy_unload\",\"name\":\"a\"}\n", true, "", 0);
	assert_int_equal(written.slot[1].run, HS_SLOT_RUN_OFF);
	assert_int_equal(open_fds(), before);
	assert_null(plugins_acting(&d.plugins));
	assert_int_equal(d.plugins.ending[0].why, HS_SLOT_END_UNLOADED);
}

static void what_it_reads_is_measured(void **state)
{
	static const char line[] = "{\"verb\":\"policy_load\",\"name\":\"a\",\"about\":\"b\","
				   "\"reads\":[\"%s\",\"%s\"],"
				   "\"turns\":[],\"keeps_state\":false,\"as\":\"shadow\"}\n";
	__u32 feeds = hook_infos[HS_HOOK_SOFTIRQ].feeds;
	char text[256];

	(void)state;
	snprintf(text, sizeof(text), line, vital_name(feeds),
		 vital_name(HS_VITAL_TCP_RTT_CRITICAL));
	taken(text, 0);
	assert_int_equal(hooks.on, 1U << HS_HOOK_SOFTIRQ);
	assert_true(d.tcp_look.read);
	plugins_end(&d, 0, HS_SLOT_END_UNLOADED, "");
	assert_int_equal(hooks.on, 0);
	assert_false(d.tcp_look.read);
}

/* ---- one after the other ---- */

static void the_first_goes_when_the_next_was_called(void **state)
{
	(void)state;
	taken(OFFER("a", "full"), 0);
	slots[0].acted = 5;
	taken(OFFER("b", "full"), 1);
	assert_int_equal(written.slot[0].run, HS_SLOT_RUN_OFF);
	assert_int_equal(written.slot[1].run, HS_SLOT_RUN_ACT);
	plugins_watch(&d);
	assert_int_equal(d.plugins.seat[0].part, PLUGIN_LEAVES);
	assert_true(d.plugins.seat[0].fds.nr);
	slots[1].acted = 1;
	plugins_watch(&d);
	assert_int_equal(d.plugins.seat[0].fds.nr, 0);
	assert_int_equal(d.plugins.ending[0].why, HS_SLOT_END_REPLACED);
	/* where nobody is asked, at once; and the same name in shadow goes for one in full */
	d.armed = false;
	taken(OFFER("c", "shadow"), 0);
	assert_int_equal(written.slot[0].run, HS_SLOT_RUN_SHADOW);
	plugins_end(&d, 1, HS_SLOT_END_UNLOADED, "");
	taken(OFFER("c", "full"), 1);
	assert_int_equal(written.slot[0].run, HS_SLOT_RUN_OFF);
	plugins_watch(&d);
	assert_int_equal(d.plugins.seat[0].fds.nr, 0);
	assert_int_equal(d.plugins.seat[1].part, PLUGIN_FULL);
}

static void what_the_pulse_shuts_goes(void **state)
{
	const struct plugin_ending *end = &d.plugins.ending[0];
	struct hs_event e = {.type = HS_EVENT_PLUGIN,
			     .id = 0,
			     .from = HS_SLOT_END_RUBBISH,
			     .to = HS_KNOB_SLICE_BATCH,
			     .vital = HS_VITAL_NR,
			     .value = 77};

	(void)state;
	taken(OFFER("a", "full"), 0);
	slots[0].gen--; /* books of one before it */
	slots[0].shut = HS_SLOT_END_SLOW;
	plugins_watch(&d);
	assert_true(d.plugins.seat[0].fds.nr);
	slots[0].gen++;
	slots[0].shut = HS_SLOT_END_RUBBISH;
	slots[0].calls = 9;
	plugins_heard(&d.plugins, &e);
	plugins_watch(&d);
	assert_int_equal(d.plugins.seat[0].fds.nr, 0);
	assert_int_equal(written.slot[0].run, HS_SLOT_RUN_OFF);
	assert_int_equal(end->why, HS_SLOT_END_RUBBISH);
	assert_string_equal(end->text, "sched.slice.batch_us = 77, in call 9");
	taken(OFFER("b", "shadow"), 0);
	slots[0] = (struct hs_slot){.gen = written.slot[0].gen,
				    .shut = HS_SLOT_END_SLOW,
				    .calls = 3,
				    .last_ns = 600000,
				    .longest_ns = 700000};
	plugins_watch(&d);
	assert_int_equal(end[1].why, HS_SLOT_END_SLOW);
	assert_string_equal(end[1].text, "its last call took 600 us, the longest of 3 700 us");
}

static void nobody_who_acts_survives_a_trip(void **state)
{
	(void)state;
	taken(OFFER("a", "full"), 0);
	taken(OFFER("b", "shadow"), 1);
	plugins_tripped(&d);
	assert_int_equal(d.plugins.seat[0].fds.nr, 0);
	assert_int_equal(d.plugins.ending[0].why, HS_SLOT_END_TRIPPED);
	assert_true(d.plugins.seat[1].fds.nr);
}

/* ---- canaries ---- */

#define CANARY(name, s)                                                                            \
	"{\"verb\":\"policy_load\",\"name\":\"" name                                               \
	"\",\"about\":\"for tests\",\"reads\":[],\"turns\":[],"                                    \
	"\"keeps_state\":false,\"as\":\"canary\",\"for_ns\":" s "000000000}\n"

static void second(__u64 psi)
{
	vitals[HS_VITAL_PSI_CPU] = (struct hs_vital){.value = psi, .present = 1};
	evidence_sample(&d.changes.evidence, d.kernel.vitals);
	plugins_tick(&d);
}

static int plugin_events(enum hs_slot_end end)
{
	const struct hs_event *e;
	int nr = 0;

	for (__u64 age = 0; (e = event_log_newest(&d.events, age)); age++)
		nr += e->type == HS_EVENT_PLUGIN && e->from == end;
	return nr;
}

static void a_canary_passes(void **state)
{
	(void)state;
	refused(CANARY("a", "5"), "has looked for 0 s only", EAGAIN);
	for (int i = 0; i < 5; i++)
		second(100);
	d.armed = false;
	refused(CANARY("a", "5"), "not armed", EPERM);
	d.armed = true;
	refused(CANARY("a", "3601"), "expected for_ns", EINVAL);
	taken(OFFER("a", "full"), 0);
	taken(CANARY("b", "5"), 1);
	assert_int_equal(d.plugins.seat[0].part, PLUGIN_WAITS);
	plugins_watch(&d);
	assert_true(d.plugins.seat[0].fds.nr);
	for (int i = 0; i < 4; i++)
		second(110);
	assert_int_equal(d.plugins.seat[1].part, PLUGIN_CANARY);
	d.armed = false; /* its time begins anew */
	second(110);
	d.armed = true;
	for (int i = 0; i < 4; i++)
		second(110);
	assert_int_equal(d.plugins.seat[1].part, PLUGIN_CANARY);
	second(110);
	assert_int_equal(d.plugins.seat[1].part, PLUGIN_FULL);
	assert_int_equal(d.plugins.seat[0].fds.nr, 0);
	assert_int_equal(written.slot[1].run, HS_SLOT_RUN_ACT);
	assert_int_equal(plugin_events(HS_SLOT_END_NONE), 1);
}

static void a_canary_is_reverted(void **state)
{
	(void)state;
	for (int i = 0; i < 40; i++)
		second(100);
	taken(OFFER("a", "full"), 0);
	taken(CANARY("b", "60"), 1);
	writes = 0;
	is.slot = 0;
	refused(CANARY("c", "5"), "policy a is in slot 0", EBUSY);
	for (int i = 0; i < PLUGIN_WATCH - 1; i++)
		second(400);
	assert_int_equal(d.plugins.seat[1].part, PLUGIN_CANARY);
	second(400); /* sooner than its time is over */
	assert_int_equal(d.plugins.seat[1].fds.nr, 0);
	assert_int_equal(d.plugins.seat[0].part, PLUGIN_FULL);
	assert_int_equal(written.slot[0].run, HS_SLOT_RUN_ACT);
	assert_int_equal(written.slot[1].run, HS_SLOT_RUN_OFF);
	assert_int_equal(plugin_events(HS_SLOT_END_REVERTED), 1);
	assert_non_null(strstr(d.plugins.ending[0].text, "went from 10 % to 40 %"));
}

static void nobody_follows_a_canary(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		second(100);
	taken(CANARY("b", "5"), 1);
	writes = 0;
	is.slot = 0;
	refused(OFFER("c", "full"), "the canary b acts", EBUSY);
	taken(OFFER("c", "shadow"), 0);
	/* at a trip the one that waits does not take over */
	plugins_end(&d, 0, HS_SLOT_END_UNLOADED, "");
	plugins_end(&d, 1, HS_SLOT_END_UNLOADED, "");
	taken(OFFER("a", "full"), 0);
	taken(CANARY("b", "5"), 1);
	plugins_tripped(&d);
	assert_null(plugins_acting(&d.plugins));
	assert_int_equal(written.slot[0].run, HS_SLOT_RUN_OFF);
}

static void judged_by_the_profile(void **state)
{
	static struct evidence e;
	struct evidence_means before = {0};
	const struct evidence_span after = {0, 2};
	struct profile *p = &d.policy.profile;
	char why[160];

	(void)state;
	memset(&e, 0, sizeof(e));
	vitals[HS_VITAL_SWITCHES] = (struct hs_vital){.value = 3000, .present = 1};
	evidence_sample(&e, vitals);
	evidence_sample(&e, vitals);
	before.known[HS_VITAL_SWITCHES] = true;
	before.mean[HS_VITAL_SWITCHES] = 1000;
	/* nobody watches it */
	assert_int_equal(canary_worse(p, &e, &before, after, why, sizeof(why)), HS_VITAL_NR);
	p->config.rules_nr = 1;
	p->rule[0] = (struct hs_rule){.vital = HS_VITAL_SWITCHES, .high = 2999};
	assert_int_equal(canary_worse(p, &e, &before, after, why, sizeof(why)), HS_VITAL_SWITCHES);
	assert_non_null(strstr(why, "sched.switches_hz went from "));
	p->rule[0].high = 3000; /* that is not much yet */
	assert_int_equal(canary_worse(p, &e, &before, after, why, sizeof(why)), HS_VITAL_NR);
	p->config.rules_nr = 0;
	p->config.limits_nr = 1;
	p->config.limit[0] = (struct hs_limit){HS_VITAL_SWITCHES, 10, 5999};
	assert_int_equal(canary_worse(p, &e, &before, after, why, sizeof(why)), HS_VITAL_SWITCHES);
	p->helping.margin_permille = 2000; /* three times as much is within it */
	assert_int_equal(canary_worse(p, &e, &before, after, why, sizeof(why)), HS_VITAL_NR);
	p->helping.margin_permille = 0;
	p->config.limits_nr = 0;
	p->slo_nr = 1;
	p->slo[0] = (struct profile_slo){.vital = HS_VITAL_SWITCHES, .max = 2999};
	assert_int_equal(canary_worse(p, &e, &before, after, why, sizeof(why)), HS_VITAL_SWITCHES);
	before.known[HS_VITAL_SWITCHES] = false; /* no evidence */
	assert_int_equal(canary_worse(p, &e, &before, after, why, sizeof(why)), HS_VITAL_NR);
	p->slo_nr = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_PLUGINS(what_no_verb_takes_is_closed),
		TEST_PLUGINS(too_many_cost_the_connection),
		TEST_PLUGINS(others_send_none),
		TEST_PLUGINS(a_bad_offer_is_refused),
		TEST_PLUGINS(one_write_puts_it_in),
		TEST_PLUGINS(what_it_reads_is_measured),
		TEST_PLUGINS(the_first_goes_when_the_next_was_called),
		TEST_PLUGINS(what_the_pulse_shuts_goes),
		TEST_PLUGINS(nobody_who_acts_survives_a_trip),
		TEST_PLUGINS(a_canary_passes),
		TEST_PLUGINS(a_canary_is_reverted),
		TEST_PLUGINS(nobody_follows_a_canary),
		TEST_PLUGINS(judged_by_the_profile),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
