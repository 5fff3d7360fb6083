// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * One row of the fault campaign, a number of trials of it. A trial: homeostat starts and arms; after
 * a phase of the trial's own comes the deed; the gate's own stamps say when it was shut and when the
 * first decision was taken by stock rules, an event of the kernel's (looked into at once, from
 * SCHED_FIFO) when sched_ext was disabled, and the end of the guard when all was put back. Nothing is
 * polled meanwhile: on one CPU each look is an event that the scheduler under test would notice.
 */
#include "faulter.h"
#include <linux/netlink.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>

static const char usage[] =
	"Usage: faulter [OPTION…] -r ROW -- COMMAND [ARG…]\n"
	"COMMAND starts homeostat. One line of JSON for each trial.\n"
	"  -r ROW      what happens to it; -l lists them\n"
	"  -f FIRST    number of the first trial (default 0)\n"
	"  -n COUNT    trials (default 1)\n"
	"  -p OBJECT   with that policy plug-in, which acts\n"
	"  -g          COMMAND is guarded: whoever changed something puts it back\n"
	"  -o FILE     takes the lines\n"
	"  -v          says more of each trial\n";

#define PRIORITY 90		   /* above all that is tested and above the kernel's helpers */
#define SETTLE_NS (40 * NS_PER_MS) /* from armed: the hogs are felt, the heart beats fast */
#define SWEEP_NS (100 * NS_PER_MS) /* phases lie in here */
#define LOOK_NS (10 * NS_PER_MS)   /* where no event comes; the limit of what is mute */
#define LOOK_FINE_NS (20 * NS_PER_US)
#define DEED_NS (3 * NS_PER_S) /* what should happen and has not by then does not */

static struct campaign {
	const struct row *row;
	struct subject subject;
	uint64_t first, count;
	const char *out, *policy;
	bool verbose, failed;
} campaign = {.subject.top_pidfd = -1, .count = 1};

/*
 * Golden-ratio steps: no two trials at the same place, evenly spread after any number of them, and in
 * no ratio to heartbeat, pulse or tick.
 */
static uint64_t phase_of(uint64_t number)
{
	uint64_t turn = (number + 1) * 0x9E3779B97F4A7C15ULL; /* 2^64 / golden ratio, modulo 2^64 */

	return (uint64_t)(((__uint128_t)turn * SWEEP_NS) >> 64);
}

/* ---- watching ---- */

static bool ends_in_stock(const struct row *row)
{
	return row->expect == EXPECT_STOCK || row->expect == EXPECT_GATE ||
	       row->expect == EXPECT_TRIP;
}

static void look(struct campaign *c, struct trial *t)
{
	volatile struct hs_gate *g = t->subject->gate;

	if (!t->detect_ns && !load32(&g->armed)) {
		t->detect_ns = g->trip_ns >= t->t0 ? g->trip_ns : now_ns();
		t->reason = g->trip_reason;
	}
	if (!t->safe_ns && g->safe_ns >= t->t0)
		t->safe_ns = g->safe_ns;
	if (!t->disabled_ns && scx_is("disabled")) {
		trace_take(&t->traced, t->t0);
		t->disabled_ns = t->traced.disabled_ns ? t->traced.disabled_ns : now_ns();
		t->off_ns = g->off_ns >= t->t0 ? g->off_ns : 0;
		/* the kernel took over without a decision by our stock rules */
		if (t->traced.bypass_ns && (!t->safe_ns || t->traced.bypass_ns < t->safe_ns))
			t->safe_ns = t->traced.bypass_ns;
	}
	if (t->disabled_ns && !t->restored_ns && (value_is_back() || c->row->restart) &&
	    (!c->subject.guarded || c->row->reuse || c->row->lives || subject_top_gone(t->subject)))
		t->restored_ns = now_ns();
}

/* ---- events of the kernel's ---- */

static int uevents = -1;

static void uevents_open(void)
{
	struct sockaddr_nl nl = {.nl_family = AF_NETLINK, .nl_groups = 1};

	uevents = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			 NETLINK_KOBJECT_UEVENT);
	if (uevents < 0 || bind(uevents, (void *)&nl, sizeof(nl)))
		err(1, "netlink");
}

/* Takes all that have come; has a scheduler gone? */
static bool uevents_gone(void)
{
	char buf[4096];
	bool gone = false;
	ssize_t n;

	while ((n = recv(uevents, buf, sizeof(buf) - 1, 0)) > 0) {
		buf[n] = '\0';
		gone |= !strncmp(buf, "remove@", 7) && strstr(buf, "sched_ext");
	}
	return gone;
}

/* Sleeps until something happened that is worth a look, or until a time. */
static void await_event(struct campaign *c, uint64_t until)
{
	struct pollfd p[2] = {
		{.fd = uevents, .events = POLLIN},
		{.fd = c->subject.guarded ? c->subject.top_pidfd : -1, .events = POLLIN}};
	uint64_t now = now_ns();
	struct timespec left = {
		.tv_sec = (time_t)((until > now ? until - now : 0) / NS_PER_S),
		.tv_nsec = (long)((until > now ? until - now : 0) % NS_PER_S),
	};

	if (ppoll(p, subject_top_gone(&c->subject) ? 1 : 2, &left, NULL) <= 0)
		return;
	if (!(p[0].revents & POLLIN) || !uevents_gone())
		return;
	/* the event comes a moment before the state */
	while (!scx_is("disabled") && now_ns() < until)
		sleep_until(now_ns() + LOOK_FINE_NS);
}

/* Until everything has happened that is to happen, or the time is over. */
static void watch(struct campaign *c, struct trial *t)
{
	uint64_t end = t->t0 + (c->row->last_ms ? c->row->last_ms * NS_PER_MS : DEED_NS);
	bool stock = ends_in_stock(c->row);
	uint64_t next = t->t0 + LOOK_NS;

	do {
		if (next > end)
			next = end;
		await_event(c, next);
		look(c, t);
		if (now_ns() >= next)
			next = now_ns() + LOOK_NS;
	} while (!(stock && t->restored_ns) && now_ns() < end);
}

/* ---- judging ---- */

static const char *judge(const struct campaign *c, const struct trial *t)
{
	bool armed = load32(&t->subject->gate->armed) && scx_is("enabled");

	if (ends_in_stock(c->row)) {
		if (!t->disabled_ns)
			return "sched_ext was not disabled";
		return t->restored_ns ? NULL : "what was changed was not put back";
	}
	if (c->row->expect == EXPECT_ARMED && (t->detect_ns || !armed))
		return "the gate was shut";
	if (!control_ask("{\"verb\":\"status\"}\n"))
		return "the daemon does not answer";
	return NULL;
}

/* The daemon of a trip lives on: it notices, and arms when told to. Where nothing was to trip, nothing may have. */
static const char *arm_again(const struct campaign *c, struct trial *t)
{
	uint64_t end = now_ns() + PATIENCE_NS;

	if (load32(&t->subject->gate->armed))
		return NULL;
	if (c->row->expect == EXPECT_ARMED)
		return "it tripped after the last trial";
	while (!control_ask("{\"verb\":\"arm\"}\n") || !load32(&t->subject->gate->armed) ||
	       !scx_is("enabled")) {
		if (subject_top_gone(t->subject))
			return "the daemon died";
		if (now_ns() > end)
			return "does not arm again";
		sleep_until(now_ns() + 5 * NS_PER_MS);
	}
	return NULL;
}

/* ---- one trial ---- */

static uint64_t since(uint64_t t, uint64_t t0)
{
	return t > t0 ? t - t0 : 0;
}

static void line_time(struct line *l, const char *key, uint64_t t, uint64_t t0)
{
	if (t)
		line_u64(l, key, since(t, t0));
}

static void line_left(struct line *l, const struct leftovers *left, bool value_left)
{
	line_u64(l, "links", left->links);
	line_u64(l, "maps", left->maps);
	line_u64(l, "progs", left->progs);
	line_u64(l, "struct_ops", left->ops);
	line_u64(l, "qdiscs", left->qdiscs);
	line_u64(l, "sockets", left->sockets);
	line_u64(l, "files", left->files);
	line_u64(l, "procs", left->procs);
	line_u64(l, "values", value_left);
}

static void report(struct campaign *c, const struct trial *t, uint64_t stall,
		   const struct leftovers *left, uint64_t clear_ns)
{
	static const char *const expects[] = {"stock", "gate", "trip", "armed", "safe", "refusal"};
	unsigned int warnings;
	char first[128] = "";
	struct line l;

	warnings = kmsg_warnings(first, sizeof(first));
	line_begin(&l, "fault");
	line_add(&l, ",\"row\":\"%s\",\"expect\":\"%s\"", c->row->name, expects[c->row->expect]);
	line_u64(&l, "trial", t->number);
	line_u64(&l, "phase_ns", t->phase_ns);
	line_u64(&l, "at_ns", t->t0);
	line_u64(&l, "start_ns", t->start_ns);
	line_time(&l, "detect_ns", t->detect_ns, t->t0);
	line_time(&l, "safe_ns", t->safe_ns, t->t0);
	line_time(&l, "ours_ns", t->ours_ns, t->t0);
	line_time(&l, "off_ns", t->off_ns, t->t0);
	line_time(&l, "disabled_ns", t->disabled_ns, t->t0);
	line_time(&l, "restored_ns", t->restored_ns, t->t0);
	if (t->detect_ns)
		line_u64(&l, "reason", t->reason);
	line_u64(&l, "stall_ns", stall);
	line_left(&l, left, !value_is_back());
	line_u64(&l, "clear_ns", clear_ns);
	line_u64(&l, "warnings", warnings);
	if (warnings)
		line_add(&l, ",\"warning\":\"%s\"", first);
	if (t->count)
		line_u64(&l, "count", t->count);
	if (t->wrong)
		line_add(&l, ",\"wrong\":\"%s\"", t->wrong);
	line_end(&l, c->out);
	if (t->wrong || warnings)
		c->failed = true;
	if (t->wrong || warnings || c->verbose) {
		printf("%s %" PRIu64 ": %s %s\n", c->row->name, t->number, t->wrong ? t->wrong : "",
		       first);
		fflush(stdout);
		if (system("cat " DAEMON_LOG))
			warnx("no log");
	}
}

/*
 * What homeostat leaves when it is gone. The kernel is given a moment to free what has lost its last
 * reference, a child that sees its parent's end one to end.
 */
static struct leftovers clear(struct campaign *c, const struct leftovers *before)
{
	uint64_t end = now_ns() + 3 * NS_PER_S;
	struct leftovers now, left, procs;

	crowd_rest(true); /* what comes is no part of the trial, and takes its time */
	do {
		leftovers_count(&now);
		procs = leftovers_since(&now, before);
		/* unguarded, a daemon that hangs stays until somebody kills it: us */
		if (!procs.procs || !c->subject.guarded || c->row->alone || c->row->reuse ||
		    c->row->lives)
			break;
		sleep_until(now_ns() + 2 * NS_PER_MS);
	} while (now_ns() < end);
	subject_clear(&c->subject);
	end = now_ns() + 3 * NS_PER_S;
	do {
		leftovers_count(&now);
		left = leftovers_since(&now, before);
		if (!leftovers_kernel(&left))
			break;
		sleep_until(now_ns() + 2 * NS_PER_MS);
	} while (now_ns() < end);
	left.procs = c->subject.guarded && !c->row->reuse && !c->row->lives ? procs.procs : 0;
	return left;
}

/* What there is more, while homeostat lives on, than after its first trial: a leak. Also given a moment. */
static struct leftovers grown(bool first)
{
	static struct leftovers living;
	uint64_t end = now_ns() + 3 * NS_PER_S;
	struct leftovers now, left;

	for (;;) {
		leftovers_count(&now);
		if (first)
			living = now;
		left = leftovers_since(&now, &living);
		if (!leftovers_any(&left) || now_ns() > end)
			return left;
		sleep_until(now_ns() + 2 * NS_PER_MS);
	}
}

static const char *begin(struct campaign *c, struct trial *t)
{
	const char *wrong = NULL;

	if (c->row->alone) {
		crowd_rest(false);
		return c->row->prepare ? c->row->prepare(t) : NULL;
	}
	t->start_ns = now_ns();
	/* a start is not what is tried here, and takes five times as long beside four hogs */
	crowd_rest(!c->subject.gate);
	if (!c->subject.top)
		subject_start(&c->subject);
	wrong = c->subject.gate ? arm_again(c, t) : subject_await(&c->subject);
	if (!wrong && c->policy)
		wrong = subject_policy(c->policy);
	crowd_rest(false);
	t->start_ns = now_ns() - t->start_ns;
	if (!wrong && !value_is_back())
		wrong = "the start did not put back what was changed";
	/* what does not trip has nothing to put back */
	if (!wrong && ends_in_stock(c->row))
		wrong = value_change();
	if (!wrong && c->row->prepare)
		wrong = c->row->prepare(t);
	if (!wrong)
		sleep_until(now_ns() + SETTLE_NS + t->phase_ns);
	if (!wrong && !load32(&c->subject.gate->armed))
		wrong = "it tripped before anything was done to it";
	return wrong;
}

/* The deed, and what comes of it. */
static uint64_t do_and_watch(struct campaign *c, struct trial *t)
{
	uint64_t stall;

	uevents_gone();
	trace_take(&(struct traced){0}, 0);
	crowd_mark();
	t->t0 = c->row->deed(t);
	if (!t->t0) {
		t->wrong = "the deed could not be done";
		return 0;
	}
	if (!c->row->alone)
		watch(c, t);
	stall = crowd_stall();
	if (!c->row->alone)
		t->wrong = judge(c, t);
	return stall;
}

/* What was done to it has ended: it may not have tripped from that, nor may anybody have waited for long. */
static uint64_t judge_again(struct campaign *c, struct trial *t, uint64_t stall)
{
	uint64_t now = crowd_stall();

	look(c, t);
	t->wrong = judge(c, t);
	return now > stall ? now : stall;
}

/* Nobody is left to put anything back: the next start does, before it does anything else. */
static const char *start_restores(struct campaign *c, struct trial *t)
{
	uint64_t end = now_ns() + PATIENCE_NS;

	if (value_is_back())
		return "nothing was left to be put back";
	crowd_rest(false);
	subject_start(&c->subject);
	while (!value_is_back()) {
		if (now_ns() > end || subject_top_gone(&c->subject))
			return "the next start did not put back what was changed";
		sleep_until(now_ns() + NS_PER_MS);
	}
	t->restored_ns = now_ns();
	return NULL;
}

/* Ahead of all hogs, for what has to be done or seen in time; whatever we start is an ordinary process. */
static void precedence(bool wanted)
{
	struct sched_param p = {.sched_priority = wanted ? PRIORITY : 0};

	if (sched_setscheduler(0, (wanted ? SCHED_FIFO : SCHED_OTHER) | SCHED_RESET_ON_FORK, &p))
		err(1, "SCHED_FIFO");
}

static void trial(struct campaign *c, struct trial *t, bool last)
{
	static struct leftovers before;
	struct leftovers left = {0};
	uint64_t stall = 0, t_clear = 0;
	bool first = !c->subject.top;
	const char *wrong;

	/* started already: counted before that */
	if (!c->subject.top)
		leftovers_count(&before);
	t->wrong = begin(c, t);
	if (!t->wrong) {
		stall = do_and_watch(c, t);
		/* some milliseconds of work: with our precedence homeostat's heart, which goes on, would miss a beat */
		if (c->row->reuse)
			precedence(false);
		wrong = c->row->after ? c->row->after(t) : NULL;
		t->wrong = t->wrong ? t->wrong : wrong;
		/* nor may it trip when what was done to it ends */
		if (!t->wrong && c->row->after && c->row->expect == EXPECT_ARMED)
			stall = judge_again(c, t, stall);
	} else if (c->subject.gate) {
		t->detect_ns = c->subject.gate->trip_ns;
		t->reason = c->subject.gate->trip_reason;
	}
	if (!c->row->reuse || last || t->wrong) {
		if (c->row->reuse && c->row->expect == EXPECT_ARMED && !t->wrong)
			t->wrong = judge(c, t);
		if (c->row->reuse && !t->wrong)
			subject_stop(&c->subject);
		t_clear = now_ns();
		left = clear(c, &before);
		t_clear = now_ns() - t_clear;
		if (c->row->restart && !t->wrong)
			t->wrong = start_restores(c, t);
	} else {
		left = grown(first);
	}
	report(c, t, stall, &left, t_clear);
	precedence(true);
}

static void options(struct campaign *c, int argc, char **argv)
{
	int o;

	while ((o = getopt(argc, argv, "r:f:n:gp:o:vlh")) != -1) {
		if (o == 'r')
			c->row = row_find(optarg);
		else if (o == 'f')
			c->first = number(optarg, o, 0, 1000000);
		else if (o == 'n')
			c->count = number(optarg, o, 1, 1000000);
		else if (o == 'g')
			c->subject.guarded = true;
		else if (o == 'p')
			c->policy = optarg;
		else if (o == 'o')
			c->out = optarg;
		else if (o == 'v')
			c->verbose = true;
		else if (o == 'l')
			rows_list();
		else
			exit((fputs(usage, o == 'h' ? stdout : stderr), o == 'h' ? 0 : 2));
		if (o == 'l')
			exit(0);
	}
	c->subject.command = argv + optind;
	if (!c->row || optind == argc)
		errx(2, "which row, and what starts homeostat? see -h");
}

int main(int argc, char **argv)
{
	struct campaign *c = &campaign;
	struct line l;

	if (!strcmp(program_invocation_short_name, "bomb"))
		return bomb_main();
	options(c, argc, argv);
	load_begin();
	precedence(true);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)) /* whatever we start is ours to reap */
		err(1, "PR_SET_CHILD_SUBREAPER");
	crowd_start();
	load_lock();
	kmsg_open();
	trace_open();
	uevents_open();
	value_note();
	sleep_until(now_ns() + NS_PER_S); /* the hogs are felt */
	for (uint64_t i = 0; i < c->count; i++) {
		struct trial t = {.subject = &c->subject,
				  .number = c->first + i,
				  .phase_ns = phase_of(c->first + i)};

		trial(c, &t, i + 1 == c->count);
	}
	/* the start that restored what all-killed had left: the next row would find it alive */
	if (c->subject.top)
		subject_clear(&c->subject);
	line_begin(&l, "crowd");
	line_add(&l, ",\"row\":\"%s\"", c->row->name);
	line_u64(&l, "first", c->first);
	line_u64(&l, "alive", crowd_alive());
	line_u64(&l, "of", CROWD);
	line_u64(&l, "least_work", crowd_least_work());
	line_end(&l, c->out);
	return c->failed;
}
