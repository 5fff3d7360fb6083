// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Requests as they come from the control socket, one to a line, through the table of verbs, on a
 * kernel that is only memory. Who asks is the first byte: root, or not. Each answer is strict JSON.
 */
#include "fuzz.h"

#include <string.h>

#include "clock.h"
#include "control.h"
#include "daemon.h"
#include "json.h"
#include "log.h"
#include "names.h"

static struct hs_gate gate;
static struct hs_vital vitals[HS_VITAL_NR];
static struct hs_knob knobs[HS_KNOB_NR];
static struct hs_wish wishes[HS_KNOB_NR];
static struct hs_hooks hooks;
static struct hs_tcp_look tcp_look;

static void set_up(struct homeostatd *d)
{
	memset(d, 0, sizeof(*d));
	gate = (struct hs_gate){.abi_version = HS_ABI_VERSION, .generation = 3};
	memset(wishes, 0, sizeof(wishes));
	d->opt.root = "/nonexistent";
	d->kernel = (struct kernel){.gate = &gate,
				    .vitals = vitals,
				    .knobs = knobs,
				    .wishes = wishes,
				    .hooks = &hooks,
				    .tcp_look = &tcp_look};
	memset(&hooks, 0, sizeof(hooks));
	memset(&d->kernel.fd, 0xff, sizeof(d->kernel.fd)); /* no maps */
	for (int i = 0; i < FAMILY_NR; i++)
		d->kernel.family[i].state = FAMILY_UNAVAILABLE;
	d->heartbeat.now = clock_ns;
	d->heartbeat.gate = &gate;
	profile_stock(&d->policy.profile);
	log_set_level(LOG_LEVEL_ERROR);
}

/* No file that the input names is read: what may be in them is fuzz_profile's. */
static bool names_a_file(struct json_object *request)
{
	return js_str(request, "path")[0] == '/';
}

static void ask(struct homeostatd *d, const char *line, size_t len, struct peer *peer)
{
	struct json_object *request = js_parse(line, len), *reply, *again;
	const char *verb, *text;

	if (!request)
		return;
	verb = js_str(request, "verb");
	if (!names_a_file(request) || peer->uid) {
		reply = verb_answer(d, request, peer);
		promise(reply);
		promise(peer->uid == 0 || !js_bool(reply, "ok") ||
			(strcmp(verb, "trip") && strcmp(verb, "mode") && strcmp(verb, "wish")));
		text = js_line(reply);
		promise(text && !strchr(text, '\n'));
		again = js_parse(text, strlen(text));
		promise(again);
		json_object_put(again);
		json_object_put(reply);
	}
	json_object_put(request);
}

int FUZZ_TARGET(control)(const uint8_t *data, size_t size)
{
	static struct homeostatd d;
	struct peer peer = {.pid = 1};
	const char *text = (const char *)data, *end;
	bool others;

	if (!size)
		return -1;
	set_up(&d);
	others = *text & 1;
	peer.uid = others ? 1000 : 0;
	text++;
	size--;
	while ((end = size ? memchr(text, '\n', size) : NULL)) {
		if (end - text < CONTROL_REQUEST_MAX)
			ask(&d, text, (size_t)(end - text), &peer);
		size -= (size_t)(end + 1 - text);
		text = end + 1;
	}
	for (int i = 0; i < HS_KNOB_NR; i++)
		promise(!wishes[i].gen || (!others && wishes[i].value >= knob_infos[i].bound.min &&
					   wishes[i].value <= knob_infos[i].bound.max));
	profile_free(&d.policy.profile);
	return 0;
}
