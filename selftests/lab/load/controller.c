// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * The rules of a profile, followed from user space: what homeostat does in its pulse, done the way that tuning
 * daemons do it. It looks at the vital signs from time to time (-p), or is woken when somebody has waited
 * too long (-e), and tells homeostatd its wish. The arithmetic is the pulse's own (kern/reflex.h).
 */
#include <linux/types.h>

#include <bpf/libbpf.h>

#include "abi.h"
#include "control.h"
#include "json.h"
#include "maps.h"
#include "names.h"
#include "profile.h"
#include "reflex.h"
#include "waits.skel.h"

static const char usage[] =
	"Follows the rules of a profile from user space, until it is stopped.\n"
	"  -P FILE     the profile; its knobs' values are where it starts from\n"
	"  -p MSEC     looks at the vital signs so often (default 1000)\n"
	"  -e          … is woken when a task waited for longer than the first rule's high\n";

#define QUIET_MS 20 /* with -e: nobody waited too long for that long, so nobody does */

struct controller {
	struct profile profile;
	const volatile struct hs_vital *vitals;
	struct control *daemon;
	struct rule_state rule[HS_RULES_MAX];
	__u64 knob[HS_KNOB_NR];
	__u64 worst_ns,
		event_ns; /* with -e: the longest wait since the last step, and when it was seen */
};

static void wish(struct controller *c, __u32 knob, __u64 value)
{
	struct json_object *request = control_request("wish"), *reply = NULL;
	int rc;

	js_add_str(request, "knob", knob_infos[knob].name);
	js_add_u64(request, "value", value);
	rc = control_call(c->daemon, request, &reply);
	if (rc)
		errx(1, "wish %s %llu: %s", knob_infos[knob].name, value,
		     reply ? json_object_to_json_string(reply) : strerror(-rc));
	json_object_put(request);
	json_object_put(reply);
	c->knob[knob] = value;
}

static void follow(struct controller *c, int i, bool present, __u64 value, __u64 updated_ns)
{
	const struct hs_rule *r = &c->profile.rule[i];
	const struct profile_knob *k = &c->profile.knob[r->knob];
	__u64 now = now_ns(), at = c->knob[r->knob], to = at;
	__u32 side = rule_judge(r, &c->rule[i], present, value, updated_ns, updated_ns, now);

	if (side == SIDE_ABOVE)
		to = reflex_drive(r, value, at);
	else if (side == SIDE_BELOW)
		to = control_towards(at, k->value, (__u64)r->gain_down);
	to = reflex_clamp(to, &k->bound);
	if (to == at)
		return;
	rule_stepped(&c->rule[i], side, 0, c->profile.config.freeze_window_ns, now);
	wish(c, r->knob, to);
}

static void look(struct controller *c)
{
	for (__u32 i = 0; i < c->profile.config.rules_nr; i++) {
		const volatile struct hs_vital *v = &c->vitals[c->profile.rule[i].vital];

		follow(c, (int)i, v->present, v->value, v->updated_ns);
	}
}

static void by_time(struct controller *c, uint64_t period)
{
	for (uint64_t next = now_ns(); sleep_until(next); next += period)
		look(c);
}

static int on_wait(void *context, void *data, size_t size)
{
	struct controller *c = context;
	__u64 wait;

	if (size != sizeof(wait))
		return -EINVAL;
	memcpy(&wait, data, size);
	c->event_ns = now_ns();
	c->worst_ns = wait > c->worst_ns ? wait : c->worst_ns;
	return 0;
}

static void by_event(struct controller *c)
{
	struct waits_bpf *skel = waits_bpf__open();
	struct ring_buffer *ring;

	if (!skel)
		err(1, "the program that measures waits");
	skel->rodata->limit_ns = c->profile.rule[0].high;
	if (waits_bpf__load(skel) || waits_bpf__attach(skel))
		err(1, "the program that measures waits");
	ring = ring_buffer__new(bpf_map__fd(skel->maps.WAITS), on_wait, c, NULL);
	if (!ring)
		err(1, "its ring");
	while (!load_stop) {
		int n = ring_buffer__poll(ring, QUIET_MS);

		if (n < 0 && n != -EINTR)
			errx(1, "its ring: %s", strerror(-n));
		follow(c, 0, n > 0, c->worst_ns, c->event_ns);
		c->worst_ns = 0;
	}
	ring_buffer__free(ring);
	waits_bpf__destroy(skel);
}

int main(int argc, char **argv)
{
	struct load l = {.name = "controller", .usage = usage};
	struct controller c = {};
	char error[512];
	uint64_t period = NS_PER_S;
	bool events = false;
	const char *path = NULL;
	int o, rc;

	while ((o = getopt(argc, argv, LOAD_OPTIONS "P:p:e")) != -1) {
		if (o == 'P')
			path = optarg;
		else if (o == 'p')
			period = number(optarg, o, 1, 100000) * 1000000;
		else if (o == 'e')
			events = true;
		else
			load_option(&l, o, optarg);
	}
	if (!path)
		errx(2, "whose rules? -P FILE is wanted");
	if (profile_load(&c.profile, path, error, sizeof(error)))
		errx(2, "%s", error);
	if (!c.profile.config.rules_nr)
		errx(2, "%s: there are no rules in it", path);
	for (int i = 0; i < HS_KNOB_NR; i++)
		c.knob[i] = c.profile.knob[i].value;
	c.vitals = map_find(".data.vitals", sizeof(*c.vitals) * HS_VITAL_NR, false);
	if (!c.vitals)
		errx(1, "no homeostat runs here");
	rc = control_open(&c.daemon, CONTROL_SOCKET);
	if (rc)
		errx(1, "%s: %s", CONTROL_SOCKET, strerror(-rc));
	load_begin();
	load_lock();
	if (events)
		by_event(&c);
	else
		by_time(&c, period);
	control_close(c.daemon);
	profile_free(&c.profile);
	return 0;
}
