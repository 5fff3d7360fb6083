// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "tcp_look.h"

#include <errno.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "slow.h"

enum hs_vital_id tcp_look_vital(__u32 class, enum tcp_look_sign sign)
{
	return (enum hs_vital_id)(HS_VITAL_TCP_RTT_CRITICAL + class * TCP_LOOK_SIGNS + sign);
}

bool tcp_look_wanted(const struct profile *profile)
{
	for (__u32 class = 0; class < HS_FLOW_CLASS_NR; class ++) {
		for (int sign = 0; sign < TCP_LOOK_SIGNS; sign++) {
			if (profile_asks(profile, tcp_look_vital(class, (enum tcp_look_sign)sign)))
				return true;
		}
	}
	return false;
}

static void all_absent(struct hs_vital vitals[HS_VITAL_NR])
{
	for (__u32 class = 0; class < HS_FLOW_CLASS_NR; class ++) {
		for (int sign = 0; sign < TCP_LOOK_SIGNS; sign++)
			slow_absent(&vitals[tcp_look_vital(class, (enum tcp_look_sign)sign)]);
	}
}

/* @sum of @nr; absent where nothing says what it is. */
static void enter_mean(struct hs_vital *vital, __u64 sum, __u64 nr, __u64 now_ns)
{
	if (nr)
		slow_enter(vital, sum / nr, now_ns);
	else
		slow_absent(vital);
}

void tcp_look_enter(struct hs_vital vitals[HS_VITAL_NR], const struct hs_tcp_look *look,
		    __u64 span_ns, __u64 now_ns)
{
	for (__u32 class = 0; class < HS_FLOW_CLASS_NR; class ++) {
		const struct hs_tcp_class *c = &look->class[class];
		__u64 of = c->sent < TCP_LOOK_FEW ? TCP_LOOK_FEW : c->sent;

		enter_mean(&vitals[tcp_look_vital(class, TCP_LOOK_RTT)], c->rtt_us, c->delivered,
			   now_ns);
		enter_mean(&vitals[tcp_look_vital(class, TCP_LOOK_RTTVAR)], c->rttvar_us,
			   c->delivered, now_ns);
		enter_mean(&vitals[tcp_look_vital(class, TCP_LOOK_RETRANSMIT)], c->again * 1000,
			   c->sent ? of : 0, now_ns);
		/* bits for each ms; nothing delivered is a measurement, too */
		enter_mean(&vitals[tcp_look_vital(class, TCP_LOOK_DELIVERED)], c->acked * 8,
			   span_ns / NS_PER_MS, now_ns);
	}
}

static void end(struct tcp_look *t, struct kernel *k)
{
	kernel_look_end(k);
	all_absent(k->vitals);
	t->on = t->running = false;
	t->last_ns = 0;
}

/* The iterator failed. It is tried again each second, which costs next to nothing. */
static void failed(struct tcp_look *t, struct kernel *k, int err)
{
	end(t, k);
	if (err != t->failed)
		log_warn("TCP connections cannot be looked at: %s; their vital signs stay absent",
			 strerror(-err));
	t->failed = err;
}

static void begin(struct tcp_look *t, struct kernel *k, __u64 now_ns)
{
	struct hs_tcp_look *look = k->tcp_look;
	__u32 session = look->session;
	int err;

	if (!t->on)
		session = session + 1 ? session + 1 : 1; /* 0 is what no socket has been seen in */
	*look = (struct hs_tcp_look){.session = session, .first = !t->on};
	err = kernel_look_begin(k);
	if (err < 0) {
		failed(t, k, err);
		return;
	}
	if (!t->on)
		log_info("TCP connections are looked at once a second");
	t->failed = 0;
	t->on = t->running = true;
	t->last_ns = t->begun_ns;
	if (look->first)
		t->last_ns = 0;
	t->begun_ns = now_ns;
}

void tcp_look_tick(struct tcp_look *t, struct kernel *k, const struct profile *profile,
		   __u64 now_ns)
{
	t->pieces = TCP_LOOK_PIECES;
	if (now_ns >= t->until_ns && !t->read && !tcp_look_wanted(profile)) {
		if (t->on) {
			end(t, k);
			log_info("TCP connections are no longer looked at");
		}
		t->failed = 0;
		return;
	}
	if (!t->running)
		begin(t, k, now_ns);
}

bool tcp_look_busy(const struct tcp_look *t)
{
	return t->running && t->pieces;
}

void tcp_look_step(struct tcp_look *t, struct kernel *k, __u64 now_ns)
{
	int more;

	if (!tcp_look_busy(t))
		return;
	t->pieces--;
	more = kernel_look(k);
	if (more > 0)
		return;
	if (more < 0) {
		failed(t, k, more);
		return;
	}
	t->running = false;
	if (t->last_ns)
		tcp_look_enter(k->vitals, k->tcp_look, t->begun_ns - t->last_ns, now_ns);
}
