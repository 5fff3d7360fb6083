// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * How long does it take from a wait that is too long to what is done about it? Seen from outside: a task that
 * wakes each millisecond (the victim), and one that never sleeps (the hog) and watches homeostat's memory
 * while it runs, so that whatever changes there is seen at once, also on one CPU.
 *
 *	stimulus	the victim runs again, later than LIMIT: its own time stamp
 *	crossed		the vital sign stands above LIMIT
 *	changed		the knob has another value: the reaction
 *	used		the victim is woken and runs at once: the first decision that was another one
 *
 * Then all rests, the knob goes back to where it was, and after a random while it begins again.
 */
#include <pthread.h>
#include <semaphore.h>

#include <linux/types.h>

#include "abi.h"
#include "maps.h"

static const char usage[] =
	"Times from a wait that is too long to the knob that is moved because of it.\n"
	"  -b USEC     the knob's value where nothing is the matter (default 8000)\n"
	"  -l USEC     a wait of more than that is too long (default 1000)\n"
	"  -q USEC     one of less than that is none (default 100)\n"
	"  -g MSEC     rest between two, at least (default 300)\n"
	"  -G MSEC     … and at most (default 1300)\n"
	"  -s SEED     of the rests\n";

#define PERIOD_NS 1000000ULL
#define PATIENCE_NS (5 * NS_PER_S) /* then nothing will come of it any more */

static const volatile struct hs_vital *vital; /* a normal task's wait, as a rule looks at it */
static const volatile struct hs_knob *knob;

/* One stimulus. Times are 0 until they come; the hog writes crossed and changed, the victim the others. */
static volatile struct {
	bool on;
	uint64_t vital_ns; /* what is older than that is from before */
	uint32_t gen;
	uint64_t began_ns, stimulus_ns, crossed_ns, changed_ns, used_ns;
} burst;
static sem_t begin;
static uint64_t limit_ns = 1000000, prompt_ns = 100000, missed, early;

struct steps {
	struct samples crossed, changed, used;
};

static void *hog(void *unused)
{
	(void)unused;
	while (!sem_wait(&begin)) {
		while (burst.on) {
			if (!burst.crossed_ns && vital->updated_ns > burst.vital_ns &&
			    vital->value > limit_ns)
				burst.crossed_ns = now_ns();
			if (!burst.changed_ns && knob->gen != burst.gen)
				burst.changed_ns = now_ns();
		}
	}
	return NULL;
}

static void stimulate(void)
{
	burst.vital_ns = vital->updated_ns;
	burst.gen = knob->gen;
	burst.stimulus_ns = burst.crossed_ns = burst.changed_ns = burst.used_ns = 0;
	burst.began_ns = now_ns();
	burst.on = true;
	sem_post(&begin);
	for (uint64_t next = burst.began_ns; !burst.used_ns;) {
		uint64_t now;

		next += PERIOD_NS;
		if (!sleep_until(next))
			break;
		now = now_ns();
		if (!burst.stimulus_ns)
			burst.stimulus_ns = now - next > limit_ns ? now : 0;
		else if (burst.changed_ns && now - next < prompt_ns)
			burst.used_ns = now;
		if (now - next > PERIOD_NS)
			next = now;
		if (now - burst.began_ns > PATIENCE_NS)
			break;
	}
	burst.on = false;
}

static void note(struct steps *s)
{
	if (!burst.used_ns) {
		missed++;
	} else if (burst.changed_ns < burst.stimulus_ns) {
		early++; /* somebody else had waited, too, and was seen first */
	} else {
		/* who is told of a wait in another way may have been faster */
		if (burst.crossed_ns > burst.stimulus_ns)
			samples_add(&s->crossed, burst.crossed_ns - burst.stimulus_ns);
		samples_add(&s->changed, burst.changed_ns - burst.stimulus_ns);
		samples_add(&s->used, burst.used_ns - burst.stimulus_ns);
	}
}

/* Rests at least so long, and until the knob is back; false: it is time to end. */
static bool rest(uint64_t ns, uint64_t base, uint64_t end)
{
	if (!sleep_until(now_ns() + ns))
		return false;
	while (knob->value != base) {
		if (!sleep_until(now_ns() + 10 * PERIOD_NS) || now_ns() > end)
			return false;
	}
	return now_ns() < end;
}

static void add(struct line *line, const char *step, struct samples *s)
{
	char key[32];

	qsort(s->v, s->n, sizeof(*s->v), samples_compare);
	snprintf(key, sizeof(key), "%s_p50_ns", step);
	line_u64(line, key, samples_quantile(s, 500));
	snprintf(key, sizeof(key), "%s_p99_ns", step);
	line_u64(line, key, samples_quantile(s, 990));
}

static void memory(void)
{
	const volatile struct hs_vital *vitals =
		map_find(".data.vitals", sizeof(*vitals) * HS_VITAL_NR, false);
	const volatile struct hs_knob *knobs =
		map_find(".data.knobs", sizeof(*knobs) * HS_KNOB_NR, false);

	if (!vitals || !knobs)
		errx(1, "no homeostat runs here: start one, with a rule from "
			"sched.wait.normal.p99_ns to "
			"sched.preempt.threshold_us");
	vital = &vitals[HS_VITAL_WAIT_NORMAL_P99];
	knob = &knobs[HS_KNOB_PREEMPT_THRESHOLD];
}

int main(int argc, char **argv)
{
	struct load l = {.name = "reaction", .usage = usage, .seconds = 10};
	uint64_t least_ms = 300, most_ms = 1300, seed = 1, base = 8000, end;
	struct steps s;
	struct line line;
	struct rng rng;
	pthread_t thread;
	int c;

	while ((c = getopt(argc, argv, LOAD_OPTIONS "b:l:q:g:G:s:")) != -1) {
		if (c == 'b')
			base = number(optarg, c, 1, 100000);
		else if (c == 'l')
			limit_ns = number(optarg, c, 1, 1000000) * 1000;
		else if (c == 'q')
			prompt_ns = number(optarg, c, 1, 1000000) * 1000;
		else if (c == 'g')
			least_ms = number(optarg, c, 1, 100000);
		else if (c == 'G')
			most_ms = number(optarg, c, 1, 100000);
		else if (c == 's')
			seed = number(optarg, c, 1, 1000000);
		else
			load_option(&l, c, optarg);
	}
	if (most_ms < least_ms)
		errx(2, "-G %" PRIu64 " is less than -g %" PRIu64, most_ms, least_ms);
	memory();
	load_begin();
	samples_init(&s.crossed, l.seconds * 1000 / least_ms + 1);
	samples_init(&s.changed, l.seconds * 1000 / least_ms + 1);
	samples_init(&s.used, l.seconds * 1000 / least_ms + 1);
	load_lock();
	rng = rng_seed(seed);
	errno = sem_init(&begin, 0, 0) ? errno : pthread_create(&thread, NULL, hog, NULL);
	if (errno)
		err(1, "a second thread");
	end = now_ns() + l.seconds * NS_PER_S;
	while (rest(least_ms * 1000000 + rng_next(&rng) % ((most_ms - least_ms) * 1000000 + 1),
		    base, end)) {
		stimulate();
		note(&s);
	}
	line_begin(&line, l.name);
	line_samples(&line, &l, &s.changed);
	add(&line, "crossed", &s.crossed);
	add(&line, "used", &s.used);
	line_u64(&line, "early", early);
	line_u64(&line, "missed", missed);
	line_end(&line, l.out);
	return 0;
}
