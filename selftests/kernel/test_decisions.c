// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Decisions of a pulse that really beats: recorded, and computed again. */
#include "pulse_fixture.h"

#include <fcntl.h>

#include "plugin.h"
#include "reflex.h"
#include "recording.h"
#include "cli/recompute.h"

#define LOG "/tmp/decisions"
#define HOSTILE "/lab/policy/hostile.bpf.o"

/* As in selftests/plugin/hostile.bpf.c. */
enum how {
	IDLE,
	SET,
	RUBBISH
};
struct hostile {
	__u64 how, value, calls, last_ns, seen, unread, found;
};

static struct recording rec;
static int out;

static void record(bool all)
{
	char error[256] = "";

	unlink(LOG);
	out = open(LOG, O_RDWR | O_CREAT | O_EXCL, 0600);
	assert_true(out >= 0);
	rec = (struct recording){0};
	if (recording_begin(&rec, bpf_map__fd(fx.skel->maps.data_decisions),
			    bpf_map__fd(fx.skel->maps.DECISIONS), out, all, NULL, error,
			    sizeof(error)))
		fail_msg("%s", error);
}

static void recorded(void)
{
	assert_int_equal(recording_end(&rec), 0);
	close(out);
}

/* What a replay finds. */
static struct {
	__u64 calls[HS_DECISION_NR], items[HS_DECIDED_NR];
	__u64 torn, lost;
	char difference[512];
	struct hs_decision at; /* the call that differs */
	struct hs_decision_item last[HS_KNOB_NR];
} found;

static void look_at(const struct hs_decision *d)
{
	found.calls[d->type]++;
	for (__u32 i = 0; i < d->items; i++) {
		const struct hs_decision_item *it = &decision_items(d)[i];

		found.items[it->kind]++;
		if (it->kind == HS_DECIDED_KNOB)
			found.last[it->id] = *it;
	}
}

static void again(struct recompute *re)
{
	static struct decision_log log;
	const struct hs_decision *d = &log.record.call;
	char error[256] = "";
	int rc = 0;

	memset(&found, 0, sizeof(found));
	if (decision_log_open(&log, fopen(LOG, "re"), error, sizeof(error)))
		fail_msg("%s", error);
	while (!*found.difference && (rc = decision_log_next(&log, error, sizeof(error))) > 0) {
		if (log.record.mark.type == HS_DECISION_STATE) {
			found.calls[HS_DECISION_STATE]++;
			assert_int_equal(recompute_state(re, &log.record.state), 0);
			continue;
		}
		assert_int_equal(recompute_call(re, d), 0);
		look_at(d);
		if (!(d->flags & HS_DECISION_TORN) &&
		    recompute_differs(d, &re->made.call, found.difference,
				      sizeof(found.difference)))
			found.at = *d;
	}
	if (rc < 0)
		fail_msg("%s", error);
	assert_true(*found.difference || log.ended);
	found.torn = log.torn;
	found.lost = log.lost;
	decision_log_close(&log);
}

static void replay(void)
{
	static struct recompute re;
	char error[256] = "";

	if (recompute_open(&re, error, sizeof(error)))
		fail_msg("%s", error);
	again(&re);
	recompute_close(&re);
}

static void identical(void)
{
	replay();
	assert_string_equal(found.difference, "");
	assert_int_equal(found.torn, 0);
}

/* Waits for so many more decisions of the pulse, read or not. */
static void decided(__u64 more)
{
	__u64 seq = fx.skel->data_decisions->decisions.seq;

	UNTIL(*(volatile __u64 *)&fx.skel->data_decisions->decisions.seq >= seq + more);
}

static const struct hs_rule rules[] = {
	{.vital = HS_VITAL_WAIT_CRITICAL_P99,
	 .knob = HS_KNOB_SLICE_BATCH,
	 .kind = HS_RULE_AIMD,
	 .low = 50000,
	 .high = 200000,
	 .gain_up = 700,
	 .gain_down = 500,
	 .cooldown_ns = 5 * MS},
	{.vital = HS_VITAL_WAIT_CRITICAL_P99,
	 .knob = HS_KNOB_BATCH_DUTY,
	 .kind = HS_RULE_PROPORTIONAL,
	 .low = 50000,
	 .high = 100000,
	 .gain_up = -50,
	 .gain_down = 20,
	 .cooldown_ns = 5 * MS},
};

/* A load: knobs go down under it, and back after it. */
static void stress(void)
{
	WAIT_UNTIL(KNOB(SLICE_BATCH)->value < 3000 && KNOB(BATCH_DUTY)->value < 900,
		   feed(HS_CLASS_CRITICAL, MS, 20));
	WAIT_UNTIL(KNOB(SLICE_BATCH)->value > 6000, feed(HS_CLASS_CRITICAL, 1000, 200));
}

static void test_identical(void **state)
{
	(void)state;
	set_rules(rules, 2);
	record(false);
	set_wish(HS_KNOB_SLICE_BATCH, 8000, HS_CAUSE_PROFILE);
	arm();
	UNTIL(KNOB(SLICE_BATCH)->value == 8000);
	stress();
	assert_int_equal(recording_look(&rec), 0);
	set_wish(HS_KNOB_SLICE_NORMAL, 7000, HS_CAUSE_WISH);
	UNTIL(KNOB(SLICE_NORMAL)->value == 7000);
	fx.gate->trip_reason = HS_TRIP_OPERATOR;
	*(volatile __u32 *)&fx.gate->armed = 0;
	UNTIL(KNOB(SLICE_NORMAL)->value == 5000);
	recorded();
	identical();
	assert_int_equal(found.calls[HS_DECISION_STATE], 1);
	assert_int_equal(found.calls[HS_DECISION_RESET], 3); /* the first beat, armed, tripped */
	assert_true(found.calls[HS_DECISION_WISHES] >= 2);
	assert_true(found.calls[HS_DECISION_RULES] > 10 && found.calls[HS_DECISION_MOVE] > 2);
	assert_true(found.items[HS_DECIDED_VITAL] > 10);
	assert_int_equal(found.items[HS_DECIDED_AVERAGE], 0); /* no rule goes by it */
	assert_int_equal(found.items[HS_DECIDED_WISH], 2);
	assert_true(found.items[HS_DECIDED_KNOB] > 10);
	assert_int_equal(found.lost, 0);
	assert_int_equal(found.last[HS_KNOB_SLICE_BATCH].b, 5000);
}

/* In the middle of things, and while what it goes by changes. */
static void test_begins_late(void **state)
{
	(void)state;
	set_rules(rules, 2);
	set_wish(HS_KNOB_SLICE_BATCH, 8000, HS_CAUSE_PROFILE);
	arm();
	stress();
	record(false);
	stress();
	set_rules(rules, 1);
	decided(20);
	stress();
	set_bound(HS_KNOB_SLICE_BATCH, (struct hs_bound){4000, 100000, 5000, 2000000});
	WAIT_UNTIL(KNOB(SLICE_BATCH)->value == 4000, feed(HS_CLASS_CRITICAL, MS, 20));
	recorded();
	replay();
	assert_string_equal(found.difference, "");
	assert_true(found.calls[HS_DECISION_STATE] >= 3 && found.torn < 3);
	assert_int_equal(found.calls[HS_DECISION_RESET], 0);
	assert_true(found.items[HS_DECIDED_KNOB] > 10);
	assert_int_equal(found.last[HS_KNOB_SLICE_BATCH].b, 4000);
}

/* Changes a byte of the first item of a kind that is about this knob or vital sign. */
static void plant(enum hs_decided kind, __u32 id, size_t member, int nth)
{
	static struct decision_log log;
	char error[256];
	long at = sizeof(log.head);
	FILE *f = fopen(LOG, "r+e");

	assert_non_null(f);
	assert_int_equal(decision_log_open(&log, fopen(LOG, "re"), error, sizeof(error)), 0);
	for (; decision_log_next(&log, error, sizeof(error)) > 0; at += log.record.mark.size) {
		const struct hs_decision *d = &log.record.call;

		for (__u32 i = 0; d->type < HS_DECISION_STATE && i < d->items; i++) {
			const struct hs_decision_item *it = &decision_items(d)[i];
			long byte = (const char *)it - (const char *)d + (long)member;

			if (it->kind != kind || it->id != id || nth--)
				continue;
			assert_int_equal(fseek(f, at + byte, SEEK_SET), 0);
			fputc(log.record.bytes[byte] ^ 0x40, f);
			assert_int_equal(fclose(f), 0);
			decision_log_close(&log);
			return;
		}
	}
	fail_msg("no such item");
}

static void test_planted(void **state)
{
	(void)state;
	set_rules(rules, 2);
	set_wish(HS_KNOB_SLICE_BATCH, 8000, HS_CAUSE_PROFILE);
	record(false);
	arm();
	stress();
	recorded();
	identical();
	/* what came of it */
	plant(HS_DECIDED_KNOB, HS_KNOB_BATCH_DUTY, offsetof(struct hs_decision_item, c), 1);
	replay();
	assert_non_null(strstr(found.difference, "sched.batch.duty_permille: recorded "));
	assert_true(found.at.now_ns != 0);
	plant(HS_DECIDED_KNOB, HS_KNOB_BATCH_DUTY, offsetof(struct hs_decision_item, c), 1);
	identical();
	/* what it went by */
	plant(HS_DECIDED_WISH, HS_KNOB_SLICE_BATCH, offsetof(struct hs_decision_item, b), 0);
	replay();
	assert_non_null(strstr(found.difference, "sched.slice.batch_us: recorded "));
	assert_int_equal(found.at.type, HS_DECISION_WISHES);
	plant(HS_DECIDED_WISH, HS_KNOB_SLICE_BATCH, offsetof(struct hs_decision_item, b), 0);
	identical();
	plant(HS_DECIDED_VITAL, HS_VITAL_WAIT_CRITICAL_P99,
	      offsetof(struct hs_decision_item, b) + 2, 0);
	replay();
	assert_true(*found.difference);
}

static void test_lost(void **state)
{
	__u64 had;

	(void)state;
	set_rules(rules, 2);
	set_wish(HS_KNOB_SLICE_BATCH, 8000, HS_CAUSE_PROFILE);
	record(true);
	arm();
	WAIT_UNTIL(fx.skel->data_decisions->decisions.lost > 2,
		   (feed(HS_CLASS_CRITICAL, MS, 20),
		    fx.skel->data_decisions->decisions.until_ns = ~0ULL));
	/* what is smaller finds room, but not the state without which it is of no use */
	fx.skel->data_decisions->decisions.all = 0;
	decided(50);
	had = rec.records;
	assert_int_equal(recording_look(&rec), 0);
	assert_true(rec.lost > 2 && rec.records > had);
	stress();
	recorded();
	identical();
	assert_true(found.lost > 2);
	assert_true(found.calls[HS_DECISION_STATE] >= 2);
}

static void test_one_recorder(void **state)
{
	struct recording second = {0};
	char error[256];
	__u64 seq;

	(void)state;
	arm();
	record(true);
	decided(3);
	/* the test's own process is the other one, too: whoever it is, its time has to be over */
	assert_int_equal(recording_begin(&second, bpf_map__fd(fx.skel->maps.data_decisions),
					 bpf_map__fd(fx.skel->maps.DECISIONS), out, false, NULL,
					 error, sizeof(error)),
			 -EBUSY);
	assert_non_null(strstr(error, "recorded already, by process"));
	fx.skel->data_decisions->decisions.until_ns = now_ns();
	beat_now();
	seq = fx.skel->data_decisions->decisions.seq;
	for (int i = 0; i < 10; i++) {
		feed(HS_CLASS_CRITICAL, MS, 20);
		beat_now();
		usleep(1000); /* virtual time between two calls: what slews has some to go by */
	}
	assert_int_equal(fx.skel->data_decisions->decisions.seq, seq);
	assert_int_equal(recording_look(&rec), 0); /* it had only been stopped */
	decided(3);
	recorded();
	identical();
	assert_int_equal(found.calls[HS_DECISION_STATE], 2);
	assert_int_equal(found.lost,
			 1); /* nobody knows how many, and the log says that it is not whole */
}

/* The policy in a slot of the pulse that beats, or of the one that computes again. */
static struct bpf_link *take(struct bpf_object **obj, volatile struct hostile **hostile,
			     int prog_fd)
{
	struct bpf_program *prog;
	struct bpf_link *link;
	size_t size;

	*obj = bpf_object__open_file(HOSTILE, NULL);
	assert_non_null(*obj);
	prog = bpf_object__find_program_by_name(*obj, "homeostat_reflex");
	assert_non_null(prog);
	assert_int_equal(bpf_program__set_attach_target(prog, prog_fd, PLUGIN_TARGET "0"), 0);
	assert_int_equal(bpf_object__load(*obj), 0);
	*hostile = bpf_map__initial_value(bpf_object__find_map_by_name(*obj, ".data.state"), &size);
	assert_non_null(*hostile);
	link = bpf_program__attach(prog);
	assert_non_null(link);
	return link;
}

/* A policy that acts, and is shut out for rubbish. */
static void policy_acts(void)
{
	volatile struct hostile *h;
	struct bpf_object *obj;
	struct bpf_link *link = take(&obj, &h, bpf_program__fd(fx.skel->progs.counts_start));

	set_rules(rules, 2);
	set_wish(HS_KNOB_SLICE_BATCH, 8000, HS_CAUSE_PROFILE);
	record(false);
	arm();
	UNTIL(KNOB(SLICE_BATCH)->value == 8000);
	h->value = 3000;
	h->how = SET;
	fx.config.slot[0] = (struct hs_slot_config){
		.gen = 1,
		.run = HS_SLOT_RUN_ACT,
		.reads = {HS_VITAL_WAIT_CRITICAL_P99 + 1},
		.turns = {HS_KNOB_SLICE_BATCH + 1, HS_KNOB_SLICE_NORMAL + 1},
	};
	set_config();
	UNTIL(KNOB(SLICE_BATCH)->value == 3000);
	WAIT_UNTIL(h->calls > 20, feed(HS_CLASS_CRITICAL, MS, 20));
	h->how = RUBBISH;
	UNTIL(fx.skel->data_slots->slots[0].shut == HS_SLOT_END_RUBBISH);
	UNTIL(KNOB(SLICE_BATCH)->value == 8000);
	recorded();
	bpf_link__destroy(link);
	bpf_object__close(obj);
}

static void test_policy(void **state)
{
	(void)state;
	policy_acts();
	/* its answers are inputs */
	identical();
	assert_true(found.items[HS_DECIDED_SLOT] > 20);
	assert_true(found.items[HS_DECIDED_ANSWER] > 40);
	assert_true(found.items[HS_DECIDED_AVERAGE] > 10);
	assert_int_equal(found.last[HS_KNOB_SLICE_BATCH].b, 8000);
}

/* It answers by itself: the same, as long as it is the same; another answer is found. */
static void test_policy_itself(void **state)
{
	static struct recompute re;
	volatile struct hostile *h;
	struct bpf_object *obj;
	struct bpf_link *link;
	char error[256];

	(void)state;
	policy_acts();
	assert_int_equal(recompute_open(&re, error, sizeof(error)), 0);
	link = take(&obj, &h, recompute_prog(&re));
	recompute_itself(&re, 0, true);
	h->value = 3000;
	h->how = SET;
	again(&re);
	/* it does not turn to rubbish by itself */
	assert_non_null(strstr(found.difference,
			       "the policy in slot 0: recorded asked, returned 0, "
			       "rubbish; recomputed asked, returned 0, none"));
	assert_true(h->calls > 20 && found.items[HS_DECIDED_SLOT] > 20);
	h->value = 3001;
	again(&re);
	assert_non_null(strstr(found.difference,
			       "sched.slice.batch_us: recorded wished 3000; recomputed wished "
			       "3001"));
	bpf_link__destroy(link);
	bpf_object__close(obj);
	recompute_close(&re);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_identical),	  TEST(test_begins_late),  TEST(test_planted),
		TEST(test_lost),	  TEST(test_one_recorder), TEST(test_policy),
		TEST(test_policy_itself),
	};

	libbpf_set_print(quiet);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
