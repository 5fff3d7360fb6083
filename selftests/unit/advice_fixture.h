/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The adviser's engine in virtual time, against a daemon and a host that are played: the host is a list of values, or a tree of
 * files, which begin_tree() makes.
 */
#ifndef HOMEOSTAT_ADVICE_FIXTURE_H
#define HOMEOSTAT_ADVICE_FIXTURE_H

#include "fixture.h"

#include "../../user/adviser/adviser.h"
#include "names.h"
#include "parse.h"

#define S 1000000000ULL
#define LOG_MAX 256
#define UNUSED __attribute__((unused))

static const struct kb_machine machine = {.memory_bytes = 8ULL << 30, .cpus = 4};
static struct kb kb;

/* The host and its daemon. */
static struct {
	struct profile profile;
	struct adviser a;      /* its rules, and what it reads of a tree */
	char root[64];	       /* "" = no tree: the values below */
	__u64 now_ns, tick_ns; /* tick: from one look to the next */
	__u64 watch_ns;	       /* so long the daemon watches a change */
	struct vital_now vital[HS_VITAL_NR];
	struct {
		char name[64], value[64]; /* "" = not there */
	} value[16];
	unsigned int values_nr;
	struct rules_change change[LOG_MAX]; /* newest first */
	unsigned int changes_nr;
	enum tx_state verdict; /* on what is proposed, a second later */
	bool refuses;
	__u64 id;
	unsigned int asks;  /* messages … */
	unsigned int moved; /* … and parameters in them */
	char last[1024];    /* "NAME VALUE NAME OBJECT=VALUE", of the last message */
	char reason[512];
	char told[8192];
} w;

static char *value_of(const char *name)
{
	for (unsigned int i = 0; i < w.values_nr; i++) {
		if (!strcmp(w.value[i].name, name))
			return w.value[i].value;
	}
	return NULL;
}

static UNUSED void put(const char *name, const char *value)
{
	char *at = value_of(name);

	if (!at) {
		snprintf(w.value[w.values_nr].name, sizeof(w.value[0].name), "%s", name);
		at = w.value[w.values_nr++].value;
	}
	snprintf(at, sizeof(w.value[0].value), "%s", value);
}

static UNUSED void is(const char *name, const char *value)
{
	assert_string_equal(value_of(name), value);
}

static void vital(enum hs_vital_id id, __u64 value)
{
	w.vital[id] = (struct vital_now){true, value};
}

static void tell(void *ctx, const char *text)
{
	size_t len = strlen(w.told);

	(void)ctx;
	snprintf(w.told + len, sizeof(w.told) - len, "%s\n", text);
}

/* How often something was told. */
static UNUSED unsigned int told(const char *text)
{
	unsigned int nr = 0;

	for (const char *at = w.told; (at = strstr(at, text)); at++)
		nr++;
	return nr;
}

static void end(void)
{
	profile_free(&w.profile);
	rules_free(&w.a.rules);
	if (w.root[0])
		tree_free(w.root);
	memset(&w, 0, sizeof(w));
}

/* Rules of the profile, anew: as when the program has been started anew. */
static void begin_rules(void)
{
	char error[512];

	rules_free(&w.a.rules);
	if (rules_init(&w.a.rules, &w.profile, &kb, &machine, error, sizeof(error)))
		fail_msg("%s", error);
	adviser_init(&w.a);
	w.a.rules.tell = tell;
}

/* A host with this profile. */
static void begin_profile(const char *text)
{
	char error[512];

	end();
	if (profile_parse(&w.profile, "/p.yaml", text, strlen(text), error, sizeof(error)))
		fail_msg("%s", error);
	begin_rules();
	w.now_ns = 1000 * S;
	w.tick_ns = S;
	w.verdict = TX_COMMITTED;
}

/* A host with the advice of a profile that is shipped, of which the names begin so. */
static UNUSED void begin_shipped(const char *name, const char *prefix)
{
	char path[PATH_MAX], text[PROFILE_TEXT_MAX];
	__u32 nr = 0;

	snprintf(path, sizeof(path), HS_POLICY "/profiles/%s.yaml", name);
	assert_true(read_file(NULL, path, text, sizeof(text)) > 0);
	strcat(text, "\n");
	begin_profile(text);
	for (__u32 i = 0; i < w.profile.advice_nr; i++) {
		if (!strncmp(w.profile.advice[i].name, prefix, strlen(prefix)))
			w.profile.advice[nr++] = w.profile.advice[i];
	}
	w.profile.advice_nr = nr;
	begin_rules();
}

/* Its values are in a tree from now on, which end() removes. */
static UNUSED void begin_tree(void)
{
	tree_make(w.root);
	w.a.root = w.root;
}

/* A host with this advice, and nothing wrong. */
static UNUSED void begin(const char *advice)
{
	char text[8192];

	snprintf(text, sizeof(text), "name: test\nadvice:\n%s", advice);
	begin_profile(text);
	put("net.core.somaxconn", "4096");
	put("vm.swappiness", "60");
	put("vm.thp.defrag", "madvise");
	vital(HS_VITAL_LISTEN_FULL, 0);
	vital(HS_VITAL_UDP_FULL, 0);
	vital(HS_VITAL_PSI_MEMORY, 0);
	vital(HS_VITAL_PSI_CPU, 0);
}

/* ---- a tree ---- */

static UNUSED void file(const char *path, const char *text)
{
	tree_put(w.root, path, text);
}

static UNUSED void holds(const char *path, const char *text)
{
	char now[512];

	if (read_file(w.root, path, now, sizeof(now)) < 0 || strcmp(now, text))
		fail_msg("%s is '%s', not '%s'", path, now, text);
}

static UNUSED void vanish(const char *path)
{
	char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s%s", w.root, path);
	if (remove(full))
		tree_free(full);
}

#define CLOCK(cpu) "/sys/devices/system/cpu/cpu" #cpu "/cpufreq/"

/* CPUs first … last have one clock, up to @khz. */
static UNUSED void clock_of(int first, int last, const char *khz, const char *governor)
{
	char path[512], target[64];

	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpufreq/policy%d/%s", first,
			 i ? "scaling_governor" : "scaling_max_freq");
		file(path, i ? governor : khz);
	}
	for (int cpu = first; cpu <= last; cpu++) {
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/", cpu);
		file(path, NULL);
		snprintf(target, sizeof(target), "../cpufreq/policy%d", first);
		snprintf(path, sizeof(path), "%s/sys/devices/system/cpu/cpu%d/cpufreq", w.root,
			 cpu);
		assert_int_equal(symlink(target, path), 0);
	}
}

static UNUSED int load(void **state)
{
	char error[512];

	(void)state;
	if (kb_load(&kb, HS_POLICY "/parameters.yaml", error, sizeof(error)))
		fail_msg("%s", error);
	return 0;
}

static UNUSED int unload(void **state)
{
	(void)state;
	end();
	kb_free(&kb);
	return 0;
}

/* What was proposed a second ago has come to its end. */
static void end_changes(void)
{
	for (unsigned int i = 0; i < w.changes_nr; i++) {
		struct rules_change *c = &w.change[i];

		if (c->state != TX_WATCHED || w.verdict == TX_WATCHED ||
		    w.now_ns - c->at_ns < w.watch_ns)
			continue;
		c->state = w.verdict;
		c->at_ns = w.now_ns;
	}
	if (rules_wait(&w.a.rules))
		rules_changes(&w.a.rules, w.now_ns, w.change, w.changes_nr);
}

/* A file of a change, or the only value of a parameter. */
static void note(const struct proposal *p, const char *path, const char *from, const char *to)
{
	static char text[LOG_MAX][4][PROPOSAL_REASON_LEN];
	char(*t)[PROPOSAL_REASON_LEN] = text[w.changes_nr];

	assert_true(w.changes_nr < LOG_MAX);
	memmove(w.change + 1, w.change, w.changes_nr * sizeof(*w.change));
	snprintf(t[0], sizeof(t[0]), "%s", p->reason);
	snprintf(t[1], sizeof(t[1]), "%s", from);
	snprintf(t[2], sizeof(t[2]), "%s", to);
	snprintf(t[3], sizeof(t[3]), "%s", path);
	w.change[0] = (struct rules_change){.id = w.id,
					    .at_ns = w.now_ns,
					    .state = TX_WATCHED,
					    .kb = p->kb,
					    .by_rules = true,
					    .path = t[3],
					    .reason = t[0],
					    .from = t[1],
					    .to = t[2]};
	w.changes_nr++;
}

/* The files of some objects, which get a value. */
struct making {
	const struct proposal *p;
	const char *value;
};

static int make(void *ctx, const char *path)
{
	const struct making *m = ctx;
	char from[PROPOSAL_VALUE_LEN];

	assert_int_equal(kb_read(m->p->kb, w.root, path, from, sizeof(from)), 0);
	note(m->p, path, from, m->value);
	if (w.verdict == TX_COMMITTED)
		assert_int_equal(write_file(w.root, path, m->value), 0);
	return 0;
}

static void make_files(const struct proposal *p, const char *objects, const char *value)
{
	struct making m = {p, value};
	char why[256];

	if (kb_files(p->kb, objects, w.root, make, &m, why, sizeof(why)) <= 0)
		fail_msg("%s: %s", p->parameter, why);
}

static void apply(const struct proposals *all, const struct proposal *p)
{
	const char *bracket = strchr(p->parameter, '[');
	char objects[KB_OBJECTS_LEN] = "";

	if (!w.root[0]) {
		note(p, "", value_of(p->kb->name), p->value);
		if (w.verdict == TX_COMMITTED)
			put(p->kb->name, p->value);
		return;
	}
	for (unsigned int i = p->first; i < p->first + p->parts; i++)
		make_files(p, all->part[i].object, all->part[i].value);
	if (bracket)
		snprintf(objects, sizeof(objects), "%.*s", (int)strlen(bracket) - 2, bracket + 1);
	if (!p->parts)
		make_files(p, objects, p->value);
}

static void add_last(const char *text)
{
	size_t len = strlen(w.last);

	snprintf(w.last + len, sizeof(w.last) - len, "%s%s", len ? " " : "", text);
}

static void take(const struct rules_ask *ask)
{
	w.asks++;
	w.last[0] = '\0';
	for (unsigned int i = 0; i < ask->proposals.nr; i++) {
		const struct proposal *p = &ask->proposals.proposal[i];
		char text[256];

		w.moved++;
		add_last(p->parameter);
		if (!p->parts)
			add_last(p->value);
		for (unsigned int j = p->first; j < p->first + p->parts; j++) {
			snprintf(text, sizeof(text), "%s=%s", ask->proposals.part[j].object,
				 ask->proposals.part[j].value);
			add_last(text);
		}
		snprintf(w.reason, sizeof(w.reason), "%s", p->reason);
	}
	if (w.refuses) {
		rules_refused(&w.a.rules, w.now_ns, ask, "not allowed");
		return;
	}
	w.id++;
	for (unsigned int i = 0; i < ask->proposals.nr; i++)
		apply(&ask->proposals, &ask->proposals.proposal[i]);
	rules_taken(&w.a.rules, w.now_ns, ask, w.id, TX_WATCHED);
}

static void read_host(void)
{
	if (w.root[0]) {
		adviser_read(&w.a, w.now_ns);
		return;
	}
	for (unsigned int i = 0; i < w.a.rules.parameters_nr; i++)
		rules_now(&w.a.rules, i, value_of(w.a.rules.parameter[i].kb->name));
}

/* So many looks: a second apart, if nobody says otherwise. */
static UNUSED void seconds(unsigned int nr)
{
	static struct rules_ask asks[RULES_ASKS_MAX];

	while (nr--) {
		unsigned int n;

		w.now_ns += w.tick_ns;
		rules_vitals(&w.a.rules, w.vital);
		end_changes();
		read_host();
		n = rules_round(&w.a.rules, w.now_ns, asks);
		for (unsigned int i = 0; i < n; i++)
			take(&asks[i]);
	}
}

#define LISTEN(name, more)                                                                         \
	"  - name: " name "\n    when: { vital: net.listen_full_hz, above: 1, for: 3s }\n"         \
	"    propose: { parameter: net.core.somaxconn, times: 2, most: 16384 }\n" more             \
	"    reason: its queue is full\n"
#define BACK "    back: { below: 1, for: 60s }\n"
#define LOSS "    goal: loss\n    cooldown: 30s\n"

#endif
