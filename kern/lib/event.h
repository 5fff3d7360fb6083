/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * Events to user space. Reserve, fill, submit; a full ring loses the event and counts it in
 * gate.events_lost: nobody waits for a reader.
 *
 * Every wake-up of the daemon is one of the few that an idle host may have, so an ordinary event
 * waits for the reader's own next look (about 1/s) unless the ring fills; event_submit_now() is for
 * what somebody has to act on.
 */
#ifndef HOMEOSTAT_LIB_EVENT_H
#define HOMEOSTAT_LIB_EVENT_H

#include "../state.h"

#define EVENT_BACKLOG (64 * 1024) /* bytes unread that are worth a wake-up; the ring has 256 KiB */

/* A zeroed event of a type (enum hs_event_type), or NULL where the ring is full. Must be submitted. */
static __always_inline struct hs_event *event_reserve(__u32 type, __u64 now)
{
	struct hs_event *e = bpf_ringbuf_reserve(&EVENTS, sizeof(*e), 0);

	if (!e) {
		__sync_fetch_and_add(&gate.events_lost, 1);
		return NULL;
	}
	__builtin_memset(e, 0, sizeof(*e));
	e->ts_ns = now;
	e->type = type;
	return e;
}

static __always_inline void event_submit(struct hs_event *e)
{
	bool wake = bpf_ringbuf_query(&EVENTS, BPF_RB_AVAIL_DATA) > EVENT_BACKLOG;

	bpf_ringbuf_submit(e, wake ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
}

static __always_inline void event_submit_now(struct hs_event *e)
{
	bpf_ringbuf_submit(e, BPF_RB_FORCE_WAKEUP);
}

#endif
