// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* A frame from the wire: the parser that runs in BPF, and the flow that it is found to be of. */
#include "fuzz.h"

#include <string.h>

#include "flows.h"
#include "lib/flow.h"
#include "lib/recognise.h"

/* A flow for each condition that there is. */
static const struct hs_flow_table *table(void)
{
	static struct profile_flow flow[] = {
		{.protocol = 17, .dscp = -1, .port[HS_SIDE_LOCAL] = {1, 1023}},
		{.protocol = -1, .dscp = -1, .port[HS_SIDE_PEER] = {443, 443}},
		{.protocol = -1, .dscp = 8},
		{.protocol = 1, .dscp = -1},
	};
	static struct hs_flow_table made;
	static int done;

	if (!done++)
		flows_table(flow, sizeof(flow) / sizeof(flow[0]), &made);
	return &made;
}

/* What the frame's length makes of a slot that held anything: all of it stays in its place. */
static void recognise(uint64_t slot, uint32_t bytes, const struct packet *p)
{
	static const struct recognise_limits limits = {10000, 1280};
	bool tcp = p->protocol == PROTO_TCP;
	uint32_t window = bytes & RECOGNISE_WINDOW;
	uint64_t next = recognise_close(slot, window, &limits, tcp);

	promise(recognise_window(next) == window ||
		(next == slot && recognise_window(slot) == ((window + 1) & RECOGNISE_WINDOW)));
	slot = recognise_count(next, bytes, 1);
	promise(slot >> RECOGNISE_WINDOW_AT == next >> RECOGNISE_WINDOW_AT);
	promise(recognise_verdict(next & ~(3ULL << RECOGNISE_VERDICT_AT)) == RECOGNISED_NOT);
	promise(recognise_judged(slot, &limits, tcp) <= RECOGNISED_REQUEST);
}

int FUZZ_TARGET(packet)(const uint8_t *data, size_t size)
{
	uint8_t *frame = malloc(size ? size : 1); /* exactly: a sanitizer sees one byte too far */
	struct packet p;
	uint32_t flow;

	promise(frame);
	memcpy(frame, data, size);
	memset(&p, 'x', sizeof(p));
	packet_parse(&p, frame, frame + size);
	promise(p.l3 == 0 || p.l3 == 4 || p.l3 == 6);
	promise(p.ports <= 1 && p.dscp < 64);
	promise(!p.l3 || p.l3_at + (p.l3 == 4 ? IPV4_LEN : IPV6_LEN) <= (int)size);
	promise(p.l3 || (!p.ports && !p.protocol && !p.dscp));
	promise(!p.ports || p.protocol == PROTO_TCP || p.protocol == PROTO_UDP);
	flow = flow_of(table(), &p, ~0ULL, INCOMING);
	promise(flow < 4 || flow == FLOW_NONE);
	promise(p.l3 || flow == FLOW_NONE);
	promise(flow_of(table(), &p, 0, INCOMING) == FLOW_NONE);
	flow = flow_of(table(), &p, ~0ULL, OUTGOING);
	promise(flow < 4 || flow == FLOW_NONE);
	for (size_t at = 0; at + 8 <= size; at += 8) {
		uint64_t slot;

		memcpy(&slot, frame + at, sizeof(slot));
		recognise(slot, (uint32_t)size, &p);
	}
	/* the same bytes, had they no link header */
	packet_parse_bare(&p, frame, size % 2 ? 0x0800 : 0x86dd, frame + size);
	promise(!p.l3 || (p.l3 == (size % 2 ? 4 : 6) && !p.l3_at && p.dscp < 64));
	promise(p.l3 || (!p.ports && !p.protocol && !p.dscp));
	free(frame);
	return 0;
}
