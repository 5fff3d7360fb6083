// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Looks at TCP connections: who asks for them, in what pieces they come, and what becomes of the sums; the kernel is played. */
#include "fixture.h"

#include <errno.h>

#include "tcp_look.h"

#define S 1000000000ULL

static struct {
	int begin_err;	 /* what beginning a look says … */
	int err;	 /* … and going on with it, once the pieces are over */
	unsigned pieces; /* of a look, before it is over */
	unsigned left;
	unsigned begun, ended;
	bool open;
} played;
static struct hs_tcp_look sums;
static struct hs_vital vitals[HS_VITAL_NR];
static struct kernel kernel;
static struct profile profile;
static struct tcp_look look;

int __wrap_kernel_look_begin(struct kernel *k);
int __wrap_kernel_look(struct kernel *k);
void __wrap_kernel_look_end(struct kernel *k);

int __wrap_kernel_look_begin(struct kernel *k)
{
	(void)k;
	assert_false(played.open);
	played.begun++;
	played.left = played.pieces;
	played.open = !played.begin_err;
	return played.begin_err ? played.begin_err : 1;
}

int __wrap_kernel_look(struct kernel *k)
{
	assert_true(played.open);
	k->tcp_look->sockets += HS_TCP_PIECE;
	if (played.left-- > 1)
		return 1;
	played.open = false;
	return played.err;
}

void __wrap_kernel_look_end(struct kernel *k)
{
	(void)k;
	played.open = false;
	played.ended++;
}

static int setup(void **state)
{
	(void)state;
	memset(&played, 0, sizeof(played));
	memset(&sums, 0, sizeof(sums));
	memset(vitals, 0, sizeof(vitals));
	memset(&profile, 0, sizeof(profile));
	memset(&look, 0, sizeof(look));
	kernel = (struct kernel){.vitals = vitals, .tcp_look = &sums};
	played.pieces = 2;
	profile.config.rules_nr = 1;
	profile.rule[0].vital = HS_VITAL_TCP_RTT_NORMAL;
	return 0;
}

static void tick(__u64 now_ns)
{
	tcp_look_tick(&look, &kernel, &profile, now_ns);
}

/* The rounds of the main loop in a second. Returns how many of them looked. */
static unsigned rounds(__u64 now_ns)
{
	unsigned n = 0;

	for (; tcp_look_busy(&look); n++)
		tcp_look_step(&look, &kernel, now_ns);
	return n;
}

static const struct hs_vital *sign(__u32 class, enum tcp_look_sign which)
{
	return &vitals[tcp_look_vital(class, which)];
}

static void who_asks(void **state)
{
	struct profile p = {0};

	(void)state;
	assert_true(tcp_look_wanted(&profile));
	assert_false(tcp_look_wanted(&p));
	p.config.rules_nr = 1;
	p.rule[0].vital = HS_VITAL_RETRANSMITS; /* of the whole host: the pulse counts it */
	assert_false(tcp_look_wanted(&p));
	p.config.limits_nr = 1;
	p.config.limit[0].vital = HS_VITAL_TCP_RETRANSMIT_BULK;
	assert_true(tcp_look_wanted(&p));
	p.config.limits_nr = 0;
	p.slo_nr = 1;
	p.slo[0].vital = HS_VITAL_TCP_DELIVERED_CRITICAL;
	assert_true(tcp_look_wanted(&p));
}

/* Each class has its own row in the table of names. */
static void names(void **state)
{
	(void)state;
	assert_int_equal(tcp_look_vital(HS_FLOW_CRITICAL, TCP_LOOK_RTT), HS_VITAL_TCP_RTT_CRITICAL);
	assert_int_equal(tcp_look_vital(HS_FLOW_BULK, TCP_LOOK_RTT), HS_VITAL_TCP_RTT_BULK);
	assert_int_equal(tcp_look_vital(HS_FLOW_NORMAL, TCP_LOOK_RTTVAR),
			 HS_VITAL_TCP_RTTVAR_NORMAL);
	assert_int_equal(tcp_look_vital(HS_FLOW_NORMAL, TCP_LOOK_RETRANSMIT),
			 HS_VITAL_TCP_RETRANSMIT_NORMAL);
	assert_int_equal(tcp_look_vital(HS_FLOW_BULK, TCP_LOOK_DELIVERED),
			 HS_VITAL_TCP_DELIVERED_BULK);
}

static void sums_become_signs(void **state)
{
	(void)state;
	/* 30 packets at 10 ms, 10 at 50 ms: 20 ms; 1 of 50 again; 2 Mbit in two seconds */
	sums.class[HS_FLOW_NORMAL] = (struct hs_tcp_class){.delivered = 40,
							   .rtt_us = 30 * 10000 + 10 * 50000,
							   .rttvar_us = 40 * 700,
							   .sent = 50,
							   .again = 1,
							   .acked = 250000};
	/* one of three is no alarm: it is one of TCP_LOOK_FEW */
	sums.class[HS_FLOW_BULK] = (struct hs_tcp_class){.sent = 3, .again = 1};
	tcp_look_enter(vitals, &sums, 2 * S, 7 * S);
	assert_int_equal(sign(HS_FLOW_NORMAL, TCP_LOOK_RTT)->value, 20000);
	assert_int_equal(sign(HS_FLOW_NORMAL, TCP_LOOK_RTT)->updated_ns, 7 * S);
	assert_int_equal(sign(HS_FLOW_NORMAL, TCP_LOOK_RTTVAR)->value, 700);
	assert_int_equal(sign(HS_FLOW_NORMAL, TCP_LOOK_RETRANSMIT)->value, 20);
	assert_int_equal(sign(HS_FLOW_NORMAL, TCP_LOOK_DELIVERED)->value, 1000);
	assert_int_equal(sign(HS_FLOW_BULK, TCP_LOOK_RETRANSMIT)->value, 1000 / TCP_LOOK_FEW);
	assert_false(sign(HS_FLOW_BULK, TCP_LOOK_RTT)->present);
	/* nothing was sent: of how many is not known; how much was delivered is */
	assert_false(sign(HS_FLOW_CRITICAL, TCP_LOOK_RETRANSMIT)->present);
	assert_false(sign(HS_FLOW_CRITICAL, TCP_LOOK_RTT)->present);
	assert_true(sign(HS_FLOW_CRITICAL, TCP_LOOK_DELIVERED)->present);
	assert_int_equal(sign(HS_FLOW_CRITICAL, TCP_LOOK_DELIVERED)->value, 0);
	/* and gone idle: absent, not 0 */
	memset(&sums, 0, sizeof(sums));
	tcp_look_enter(vitals, &sums, S, 8 * S);
	assert_false(sign(HS_FLOW_NORMAL, TCP_LOOK_RTT)->present);
	assert_int_equal(sign(HS_FLOW_NORMAL, TCP_LOOK_DELIVERED)->value, 0);
}

static void second_look_enters(void **state)
{
	(void)state;
	tick(10 * S);
	assert_true(sums.first);
	assert_int_equal(sums.session, 1);
	assert_int_equal(rounds(10 * S), 2);
	assert_false(sign(HS_FLOW_NORMAL, TCP_LOOK_DELIVERED)->present);
	sums.class[HS_FLOW_NORMAL].acked = 1;
	tick(12 * S);
	assert_int_equal(sums.class[HS_FLOW_NORMAL].acked, 0); /* begins at 0 */
	assert_false(sums.first);
	assert_int_equal(sums.session, 1);
	sums.class[HS_FLOW_NORMAL].acked = 250000;
	rounds(12 * S);
	assert_int_equal(sign(HS_FLOW_NORMAL, TCP_LOOK_DELIVERED)->value, 1000);
}

/* Who no longer asks has them absent at once; who asks again begins from the beginning. */
static void comes_and_goes(void **state)
{
	(void)state;
	for (int i = 1; i < 3; i++) {
		tick(i * S);
		rounds(i * S);
	}
	assert_true(sign(HS_FLOW_NORMAL, TCP_LOOK_DELIVERED)->present);
	profile.config.rules_nr = 0;
	tick(3 * S);
	assert_false(sign(HS_FLOW_NORMAL, TCP_LOOK_DELIVERED)->present);
	assert_false(tcp_look_busy(&look));
	assert_int_equal(played.begun, 2);
	tick(4 * S);
	assert_int_equal(played.begun, 2);
	look.until_ns = 6 * S; /* a person */
	tick(5 * S);
	assert_true(sums.first);
	assert_int_equal(sums.session, 2);
	tick(6 * S);
	assert_false(look.on);
	assert_false(played.open); /* in the middle of a look */
}

/* More sockets than one second's pieces hold: it goes on in the next one, and the span is as long as it took. */
static void long_look(void **state)
{
	(void)state;
	played.pieces = TCP_LOOK_PIECES + 3;
	tick(1 * S);
	assert_int_equal(rounds(1 * S), TCP_LOOK_PIECES);
	assert_true(look.running);
	tick(2 * S);
	assert_int_equal(rounds(2 * S), 3);
	assert_int_equal(played.begun, 1);
	tick(3 * S);
	rounds(3 * S);
	tick(4 * S);
	sums.class[HS_FLOW_BULK].acked = 250000;
	rounds(4 * S);
	assert_int_equal(sign(HS_FLOW_BULK, TCP_LOOK_DELIVERED)->value, 1000); /* in 2 s */
}

static void fails(void **state)
{
	(void)state;
	played.begin_err = -EOPNOTSUPP;
	tick(1 * S);
	assert_false(look.on);
	assert_int_equal(look.failed, -EOPNOTSUPP);
	played.begin_err = 0;
	tick(2 * S);
	rounds(2 * S);
	tick(3 * S);
	rounds(3 * S);
	assert_true(sign(HS_FLOW_BULK, TCP_LOOK_DELIVERED)->present);
	played.err = -EIO;
	tick(4 * S);
	rounds(4 * S);
	assert_false(sign(HS_FLOW_BULK, TCP_LOOK_DELIVERED)->present);
	assert_false(look.on);
	played.err = 0;
	tick(5 * S); /* what was seen before the failure is not compared with */
	assert_true(sums.first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(who_asks, setup),
		cmocka_unit_test_setup(names, setup),
		cmocka_unit_test_setup(sums_become_signs, setup),
		cmocka_unit_test_setup(second_look_enters, setup),
		cmocka_unit_test_setup(comes_and_goes, setup),
		cmocka_unit_test_setup(long_look, setup),
		cmocka_unit_test_setup(fails, setup),
	};

	return cmocka_run_group_tests_name("tcp_look", tests, NULL, NULL);
}
