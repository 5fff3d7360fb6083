// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Notes vital signs and knobs at regular times, straight from homeostat's memory: the timeline of an
 * experiment, asked of nobody, so that nothing is disturbed. Where no homeostat runs it keeps the time all
 * the same: every arm of a comparison has it.
 */
#include <linux/types.h>

#include "abi.h"
#include "maps.h"

static const char usage[] = "Records vital signs and knobs; one line for each time.\n"
			    "  -p MSEC     between two looks (default 100)\n";

static const char *const vital_names[] = {
#define X(id, name, ...) name,
	HS_VITALS (X)
#undef X
};
static const char *const knob_names[] = {
#define X(id, name, ...) name,
	HS_KNOBS (X)
#undef X
};
static const char *const cause_names[] = {
#define X(id, name) name,
	HS_CAUSES(X)
#undef X
};

struct look {
	uint64_t at_ns;
	uint32_t armed;
	struct hs_vital vital[HS_VITAL_NR];
	struct hs_knob knob[HS_KNOB_NR];
};

struct memory {
	volatile struct hs_gate *gate;
	volatile struct hs_vital *vitals;
	volatile struct hs_knob *knobs;
};

static void look(const struct memory *m, struct look *l)
{
	l->armed = m->gate->armed;
	for (int i = 0; i < HS_VITAL_NR; i++) {
		l->vital[i].value = m->vitals[i].value;
		l->vital[i].present = m->vitals[i].present;
	}
	for (int i = 0; i < HS_KNOB_NR; i++) {
		l->knob[i].value = m->knobs[i].value;
		l->knob[i].changed_ns = m->knobs[i].changed_ns;
		l->knob[i].gen = m->knobs[i].gen;
		l->knob[i].cause = m->knobs[i].cause;
	}
}

static void print(FILE *f, const struct look *l)
{
	const char *comma = "";

	fprintf(f, "{\"at_ns\":%" PRIu64 ",\"armed\":%u,\"vitals\":{", l->at_ns, l->armed);
	for (int i = 0; i < HS_VITAL_NR; i++) {
		if (!l->vital[i].present)
			continue;
		fprintf(f, "%s\"%s\":%llu", comma, vital_names[i], l->vital[i].value);
		comma = ",";
	}
	fprintf(f, "},\"knobs\":{");
	for (int i = 0; i < HS_KNOB_NR; i++) {
		__u32 cause = l->knob[i].cause;

		fprintf(f,
			"%s\"%s\":{\"value\":%llu,\"gen\":%u,\"changed_ns\":%llu,\"cause\":\"%s\"}",
			i ? "," : "", knob_names[i], l->knob[i].value, l->knob[i].gen,
			l->knob[i].changed_ns, cause < HS_CAUSE_NR ? cause_names[cause] : "?");
	}
	fprintf(f, "}}\n");
}

static void print_all(const struct load *l, const struct look *looks, size_t n)
{
	FILE *f = l->out ? fopen(l->out, "ae") : stdout;

	if (!f)
		err(1, "%s", l->out);
	for (size_t i = 0; i < n; i++)
		print(f, &looks[i]);
	if (fflush(f) || (l->out && fclose(f)))
		err(1, "%s", l->out);
}

int main(int argc, char **argv)
{
	struct load l = {.name = "recorder", .usage = usage, .seconds = 10};
	uint64_t period = 100000000, next;
	struct memory m;
	struct look *looks;
	size_t n = 0, room;
	int c;

	while ((c = getopt(argc, argv, LOAD_OPTIONS "p:")) != -1) {
		if (c == 'p')
			period = number(optarg, c, 1, 10000) * 1000000;
		else
			load_option(&l, c, optarg);
	}
	room = l.seconds * NS_PER_S / period;
	m.gate = map_find(".data.gate", sizeof(*m.gate), false);
	m.vitals = map_find(".data.vitals", sizeof(*m.vitals) * HS_VITAL_NR, false);
	m.knobs = map_find(".data.knobs", sizeof(*m.knobs) * HS_KNOB_NR, false);
	if (m.gate && m.gate->abi_version != HS_ABI_VERSION)
		errx(1, "the gate has ABI version %u, not %u", m.gate->abi_version, HS_ABI_VERSION);
	looks = calloc(room, sizeof(*looks));
	if (!looks)
		err(1, "room for %zu looks", room);
	load_begin();
	load_lock();
	load_fifo(1); /* what happens under load is to be seen when it happens */
	next = now_ns();
	while (n < room && sleep_until(next)) {
		looks[n].at_ns = next;
		if (m.gate && m.vitals && m.knobs)
			look(&m, &looks[n]);
		n++;
		next += period;
	}
	/* printing takes a while: what is measured beside us ends first */
	sleep_until(next + NS_PER_S);
	if (m.gate && m.vitals && m.knobs)
		print_all(&l, looks, n);
	return 0;
}
