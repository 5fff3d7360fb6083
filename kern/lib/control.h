/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * What controllers are made of, for the built-in policy (reflex.h) and for plug-ins (plugin.h): bounds, rate limit, moving
 * average, hysteresis, fixed-point numbers, a PI controller. Pure: no BPF helper, no floating point, no state but what the caller
 * hands in; the unit tests run the same code on the host. Nothing here overflows: what would not fit is the largest there is.
 */
#ifndef HOMEOSTAT_LIB_CONTROL_H
#define HOMEOSTAT_LIB_CONTROL_H

#include "../abi.h"

#ifndef HS_PURE
#define HS_PURE static inline __attribute__((always_inline, unused))
#endif

#define CONTROL_NS_PER_S 1000000000ULL
#define CONTROL_S64_MAX 0x7fffffffffffffffLL

/* ---- bounds and rates ---- */

/* @v, but no less than @min and no more than @max (min <= max). */
HS_PURE __u64 control_clamp(__u64 v, __u64 min, __u64 max)
{
	return v < min ? min : v > max ? max : v;
}

/* One step of at most @step from @v towards @to. */
HS_PURE __u64 control_towards(__u64 v, __u64 to, __u64 step)
{
	if (v < to)
		return to - v > step ? v + step : to;
	return v - to > step ? v - step : to;
}

/*
 * Rate limit: from @v towards @to by at most @per_s units a second, @dt_ns having passed. Time counts up to a second: standing
 * still for long buys no leap.
 */
HS_PURE __u64 control_rate(__u64 v, __u64 to, __u64 per_s, __u64 dt_ns)
{
	__u64 us = dt_ns > CONTROL_NS_PER_S ? 1000000 : dt_ns / 1000;

	/* in parts, as per_s may be anything */
	return control_towards(v, to, per_s / 1000000 * us + per_s % 1000000 * us / 1000000);
}

/* ---- moving average ---- */

/*
 * Exponentially weighted moving average: @v has weight 1/2^shift (shift <= 16), @avg the rest. It ends at @v itself, where
 * plain shifting would stop 2^shift short of it.
 */
HS_PURE __u64 control_ewma(__u64 avg, __u64 v, __u32 shift)
{
	__u64 step;

	if (v >= avg) {
		step = (v - avg) >> shift;
		return step || v == avg ? avg + step : avg + 1;
	}
	step = (avg - v) >> shift;
	return step ? avg - step : avg - 1;
}

/* ---- hysteresis ---- */

/* Is it on? Goes on above @high, off below @low (low <= high), and stays as it @was in between. */
HS_PURE __u32 control_hysteresis(__u32 was, __u64 v, __u64 low, __u64 high)
{
	if (v > high)
		return 1;
	return v < low ? 0 : was;
}

/* ---- fixed point ---- */

/* A signed number in units of 1/65536: 47 bits before the point, 16 behind it. */
typedef __s64 control_fix;
#define CONTROL_FIX_SHIFT 16
#define CONTROL_FIX_ONE ((control_fix)1 << CONTROL_FIX_SHIFT)
#define CONTROL_FIX_MAX CONTROL_S64_MAX

/* A constant: CONTROL_FIX(3, 1000) is 0.003. */
#define CONTROL_FIX(num, den) ((control_fix)((__s64)(num) * CONTROL_FIX_ONE / (den)))

HS_PURE control_fix control_fix_of(__s64 v)
{
	if (v > CONTROL_FIX_MAX >> CONTROL_FIX_SHIFT)
		return CONTROL_FIX_MAX;
	if (v < -(CONTROL_FIX_MAX >> CONTROL_FIX_SHIFT))
		return -CONTROL_FIX_MAX;
	return v * CONTROL_FIX_ONE;
}

/* The nearest whole number. */
HS_PURE __s64 control_fix_round(control_fix v)
{
	control_fix half = CONTROL_FIX_ONE / 2;

	if (v >= 0)
		return v > CONTROL_FIX_MAX - half ? v >> CONTROL_FIX_SHIFT
						  : (v + half) >> CONTROL_FIX_SHIFT;
	v = v == -CONTROL_FIX_MAX - 1 ? CONTROL_FIX_MAX : -v;
	return -(v > CONTROL_FIX_MAX - half ? v >> CONTROL_FIX_SHIFT
					    : (v + half) >> CONTROL_FIX_SHIFT);
}

HS_PURE control_fix control_fix_add(control_fix a, control_fix b)
{
	if (b > 0 && a > CONTROL_FIX_MAX - b)
		return CONTROL_FIX_MAX;
	if (b < 0 && a < -CONTROL_FIX_MAX - b)
		return -CONTROL_FIX_MAX;
	return a + b;
}

HS_PURE __u64 control_magnitude(__s64 v)
{
	return v < 0 ? 0 - (__u64)v : (__u64)v;
}

HS_PURE control_fix control_signed(__u64 magnitude, int negative)
{
	if (magnitude > CONTROL_FIX_MAX)
		magnitude = CONTROL_FIX_MAX;
	return negative ? -(__s64)magnitude : (__s64)magnitude;
}

/* a * b, by the four products of their halves: BPF has no 128-bit numbers. */
HS_PURE control_fix control_fix_mul(control_fix a, control_fix b)
{
	__u64 x = control_magnitude(a), y = control_magnitude(b);
	__u64 xh = x >> 32, xl = (__u32)x, yh = y >> 32, yl = (__u32)y;
	__u64 low = xl * yl, mid = xh * yl + (low >> 32), mid2 = xl * yh + (__u32)mid;
	__u64 high = xh * yh + (mid >> 32) + (mid2 >> 32);

	low = mid2 << 32 | (__u32)low;
	if (high >> CONTROL_FIX_SHIFT)
		low = ~0ULL;
	else
		low = high << (64 - CONTROL_FIX_SHIFT) | low >> CONTROL_FIX_SHIFT;
	return control_signed(low, (a < 0) != (b < 0));
}

/* a / b; of 0, the largest number there is. */
HS_PURE control_fix control_fix_div(control_fix a, control_fix b)
{
	__u64 x = control_magnitude(a), y = control_magnitude(b), whole, rest;

	if (!y)
		return a < 0 ? -CONTROL_FIX_MAX : CONTROL_FIX_MAX;
	whole = x / y;
	rest = x % y;
	if (whole >> (63 - CONTROL_FIX_SHIFT))
		return control_signed(~0ULL, (a < 0) != (b < 0));
	/* where the rest cannot be moved up, the divisor can be moved down: it has bits to spare */
	if (rest >> (64 - CONTROL_FIX_SHIFT))
		rest /= y >> CONTROL_FIX_SHIFT;
	else
		rest = (rest << CONTROL_FIX_SHIFT) / y;
	if (rest >= CONTROL_FIX_ONE)
		rest = CONTROL_FIX_ONE - 1;
	return control_signed(whole << CONTROL_FIX_SHIFT | rest, (a < 0) != (b < 0));
}

/* ---- PI controller ---- */

/*
 * What a PI controller is set to. Its output is knob units: centre + kp * error + the integral of ki * error, bounded to
 * min … max. The error is in units of what is measured; the sign of the gains says which way the knob helps.
 */
struct control_pi {
	control_fix kp; /* knob units per unit of error */
	control_fix ki; /* knob units per unit of error and second */
	__s64 centre;	/* output without error */
	__s64 min;
	__s64 max;
};

/* Its state: zeroed is a good beginning. */
struct control_pi_state {
	control_fix integral; /* knob units */
};

/*
 * One step, @dt_ns after the one before (counted up to a second), by @error = wanted - measured. Anti-windup: what the output
 * cannot follow is not integrated, so that it comes back at once when the error changes its sign.
 */
HS_PURE __s64 control_pi(const struct control_pi *c, struct control_pi_state *s, __s64 error,
			 __u64 dt_ns)
{
	__u64 us = dt_ns > CONTROL_NS_PER_S ? 1000000 : dt_ns / 1000;
	control_fix e = control_fix_of(error);
	control_fix dt = (control_fix)(us << CONTROL_FIX_SHIFT) / 1000000;
	control_fix step = control_fix_mul(control_fix_mul(e, c->ki), dt);
	control_fix steady = control_fix_add(control_fix_of(c->centre), control_fix_mul(e, c->kp));
	control_fix low = control_fix_of(c->min), high = control_fix_of(c->max);
	control_fix out = control_fix_add(steady, control_fix_add(s->integral, step));

	if (out > high) {
		if (step < 0)
			s->integral = control_fix_add(s->integral, step);
		return c->max;
	}
	if (out < low) {
		if (step > 0)
			s->integral = control_fix_add(s->integral, step);
		return c->min;
	}
	s->integral = control_fix_add(s->integral, step);
	return control_fix_round(out);
}

#endif
