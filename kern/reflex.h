/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The reflex: from vital signs to knobs. First the arithmetic of rules, pure and without a BPF helper
 * (the unit tests run the same code on the host); then what pulse.bpf.c and reflex.bpf.c share.
 *
 * Model. A vital sign is ABOVE its rule's `high`, BELOW its `low`, or rests between the two. Once it has
 * been on one side for `hold_ns`, the rule may step, and again after each `cooldown_ns`:
 *   above: the knob is driven (AIMD: multiplied; PROPORTIONAL: by the excess), but only on new evidence,
 *          that is, when the vital sign has been measured again since the last look;
 *   below: the knob goes back towards its base (profile or wish) by gain_down, unless another rule of the
 *          same knob is not below. An absent vital sign is nobody's distress: it counts as below.
 * A step sets the knob's target; the knob follows it within its slew.
 *
 * Backing off. Each time a rule has to drive a knob again that it had let go, it waits four times longer
 * before it next lets go (up to 256 times), until it has not driven for freeze_window_ns. So the search
 * for the limit, which every AIMD controller repeats for ever, dies down; what still turns more often
 * than freeze_turns in that window does not settle and is frozen.
 */
#ifndef HOMEOSTAT_REFLEX_H
#define HOMEOSTAT_REFLEX_H

#include "lib/control.h"
#include "lib/hist.h"

enum rule_side {
	SIDE_REST,
	SIDE_ABOVE,
	SIDE_BELOW
};

#define REFLEX_FRESH_NS 5000000000ULL /* a vital sign not updated for so long is absent */
#define REFLEX_RATIO_MAX 16	      /* the largest excess (vital - high) / high that counts */
#define REFLEX_BACKOFF_MAX 4	      /* 4^4 cooldowns */
#define REFLEX_SLEW_NS 5000000ULL     /* a slew is never saved up for longer than this */

struct rule_state {
	__u64 seen_ns; /* when the vital sign had been measured, at the last look */
	__u64 side_ns; /* when it came to the present side */
	__u64 from_ns; /* start of the window of samples in which it did */
	__u64 step_ns; /* last step; 0 = none */
	__u64 up_ns;   /* last step upwards (driving) */
	__u32 side;    /* enum rule_side */
	__u32 backoff; /* letting go waits for cooldown_ns * 4^backoff */
};

struct knob_state {
	__u64 value;	     /* as published, or as it would be in advise */
	__u64 target;	     /* where it is going */
	__u64 base;	     /* where it belongs: the last wish, or stock */
	struct hs_wish wish; /* the last one taken over; gen 0 = none */
	__u64 moved_ns;	     /* slew is counted from here */
	__u64 turns_ns;	     /* first turn of the present count */
	__u32 turns;
	__s32 dir;   /* of the last step: 1, -1; 0 = none */
	__u32 cause; /* of the present target: enum hs_cause */
	__u32 rule;
	__u32 frozen;
	__u32 pad;
};

HS_PURE __u64 reflex_clamp(__u64 v, const struct hs_bound *b)
{
	return control_clamp(v, b->min, b->max);
}

/*
 * Where a rule drives a knob that stands at `knob` when its vital sign is above `high`, not yet
 * bounded. A step that rounding would swallow is one unit.
 */
HS_PURE __u64 reflex_drive(const struct hs_rule *r, __u64 vital, __u64 knob)
{
	__u64 gain = r->gain_up < 0 ? -r->gain_up : r->gain_up;
	__u64 excess = vital - r->high, ratio, delta;

	if (r->kind == HS_RULE_AIMD) {
		__u64 to = knob * gain / 1000;

		if (to != knob || gain == 1000)
			return to;
		return gain > 1000 ? knob + 1 : knob ? knob - 1 : 0;
	}
	ratio = 1000 * REFLEX_RATIO_MAX;
	if (r->high && excess < r->high * REFLEX_RATIO_MAX)
		ratio = excess * 1000 / r->high;
	delta = gain * ratio / 1000;
	if (!delta && gain)
		delta = 1;
	if (r->gain_up < 0)
		return knob > delta ? knob - delta : 0;
	return knob + delta;
}

/*
 * Where a rule that drives a knob from `value` to `to` sends it while it is on its way to `target`: never less far. So what
 * happens in the moments in which a knob leaves stock for its base does not leave it half-way.
 */
HS_PURE __u64 reflex_further(__u64 value, __u64 to, __u64 target)
{
	if (to < value)
		return target < to ? target : to;
	return to > value && target > to ? target : to;
}

/*
 * What a rule may do now: SIDE_ABOVE = drive, SIDE_BELOW = let go, SIDE_REST = nothing. `updated_ns` and
 * `from_ns` are end and start of the window in which the vital sign was measured. Keeps rs->side; the
 * caller notes a step that it took with rule_stepped().
 */
HS_PURE __u32 rule_judge(const struct hs_rule *r, struct rule_state *rs, int present, __u64 vital,
			 __u64 updated_ns, __u64 from_ns, __u64 now)
{
	__u32 side = SIDE_REST;
	int news = updated_ns != rs->seen_ns;

	if (!present || vital < r->low)
		side = SIDE_BELOW;
	else if (vital > r->high)
		side = SIDE_ABOVE;
	rs->seen_ns = updated_ns;
	if (side != rs->side) {
		rs->side = side;
		rs->side_ns = now;
		rs->from_ns = from_ns;
	}
	if (side == SIDE_REST || now - rs->side_ns < r->hold_ns)
		return SIDE_REST;
	if (side == SIDE_ABOVE) {
		if (!news || (rs->step_ns && now - rs->step_ns < r->cooldown_ns))
			return SIDE_REST;
	} else if (rs->step_ns && now - rs->step_ns < r->cooldown_ns << (2 * (rs->backoff & 7))) {
		return SIDE_REST;
	}
	return side;
}

/* Notes a step. `turned` = the knob went the other way than at its last step. */
HS_PURE void rule_stepped(struct rule_state *rs, __u32 side, int turned, __u64 calm_ns, __u64 now)
{
	if (side == SIDE_ABOVE) {
		if (rs->up_ns && now - rs->up_ns > calm_ns)
			rs->backoff = 0;
		else if (turned && rs->up_ns && rs->backoff < REFLEX_BACKOFF_MAX)
			rs->backoff++;
		rs->up_ns = now;
	}
	rs->step_ns = now;
}

/* Counts a step from `from` to `to`. Returns 1 where it was a turn, and sets ks->turns. */
HS_PURE int knob_turn(struct knob_state *ks, __u64 from, __u64 to, __u64 window_ns, __u64 now)
{
	__s32 dir = to > from ? 1 : -1;
	int turned = ks->dir && dir != ks->dir;

	ks->dir = dir;
	if (!turned)
		return 0;
	if (!ks->turns || now - ks->turns_ns > window_ns) {
		ks->turns = 0;
		ks->turns_ns = now;
	}
	ks->turns++;
	return 1;
}

/*
 * Moves ks->value towards ks->target as far as the slew allows. Returns 1 where it moved. Time that
 * bought less than one unit is kept for the next call.
 */
HS_PURE int knob_slew(struct knob_state *ks, const struct hs_bound *b, __u64 now)
{
	__u64 dt = now - ks->moved_ns, to = reflex_clamp(ks->target, b), step;

	ks->target = to;
	if (dt > REFLEX_SLEW_NS)
		dt = REFLEX_SLEW_NS;
	step = b->slew_per_s * dt / 1000000000;
	if (!step || ks->value == to)
		return 0;
	ks->value = control_towards(ks->value, to, step);
	ks->moved_ns = now;
	return 1;
}

enum reflex_run {
	REFLEX_OFF,
	REFLEX_SHADOW,
	REFLEX_LIVE
}; /* observe; advise; act */

/* Order of abi.h that pulse and reflex count on. */
#define WAIT_VITAL(class, quantile) (HS_VITAL_WAIT_CRITICAL_P50 + 3 * (class) + (quantile))
_Static_assert(WAIT_VITAL(HS_CLASS_BATCH, 2) == HS_VITAL_WAIT_BATCH_P99, "order of abi.h");
_Static_assert(HS_VITAL_JITTER_CRITICAL == HS_VITAL_WAIT_BATCH_P99 + 1, "order of abi.h");
#define CLASS_VITAL(first, class) ((first) + (class)) /* of a pair: critical, normal */
_Static_assert(HS_VITAL_JITTER_CRITICAL + 1 == HS_VITAL_JITTER_NORMAL, "order of abi.h");
_Static_assert(HS_VITAL_STABILITY_CRITICAL + 1 == HS_VITAL_STABILITY_NORMAL, "order of abi.h");
_Static_assert(HS_VITAL_RUN_CRITICAL + 1 == HS_VITAL_RUN_NORMAL, "order of abi.h");
_Static_assert(HS_VITAL_OFFCPU_CRITICAL + 1 == HS_VITAL_OFFCPU_NORMAL, "order of abi.h");

#ifdef __bpf__
/*
 * What pulse and reflex tell each other. Single writer: the timer callback. Without a name, so that
 * the skeleton holds the definition, and those who include it need not this file.
 */
extern struct {
	__u64 now;	  /* of this pulse, set before any call below */
	__u32 run;	  /* enum reflex_run */
	__u32 generation; /* gate.generation when run was last set */
	__u64 moving;	  /* bit = knob that has not reached its target */
	__u32 distress;	  /* rules above `high` */
	__u32 acting;	  /* slot + 1 whose policy acts in place of the rules; 0 = none */
	__u32 near; /* vital sign + 1 that is half-way to tripping a limit, since `acting` acts; 0 = none */
	__u32 pad;
	__u64 acting_ns; /* since when it acts */
	__u64 froze;	 /* bit = knob that is frozen by a policy's doing: until that goes */
	__u64 high[HS_VITAL_NR];    /* lowest `high` of the rules on a vital sign, 0 = no rule */
	__u32 alarm[HS_CLASS_NR];   /* lowest bucket that may be above one of those of a class */
	__u32 frozen;		    /* knobs frozen since the last reset */
	__u64 from_ns[HS_VITAL_NR]; /* start of the window of a FAST vital sign, 0 = unknown */
	/* the interpreter's own */
	__u64 unsettled;	/* bit = knob with a rule that is not below, by this evaluation … */
	__u64 unsettled_before; /* … and by the one before */
	__u32 known_nr;		/* number of rules that were last interpreted … */
	__u32 known_base;	/* … and their half */
} reflex;

/* Global functions: the verifier looks at each once. All return 0. The pulse calls them by decide(). */
int reflex_reset(__u32 run); /* every knob to stock at once, every rule forgotten */
int reflex_wishes(void);     /* takes over new wishes */
int reflex_rules(void);	     /* asks the policies in the slots, interprets the rules */
int reflex_move(void);	     /* lets the knobs follow their targets */

int decision_begin(__u32 call, __u32 run);
int decision_end(void);

/* One call of the reflex; recorded while somebody records (decision.h). */
static __always_inline void decide(__u32 call, __u32 run)
{
	bool recorded = reflex.now < *(volatile __u64 *)&decisions.until_ns;

	if (recorded)
		decision_begin(call, run);
	if (call == HS_DECISION_RESET)
		reflex_reset(run);
	else if (call == HS_DECISION_WISHES)
		reflex_wishes();
	else if (call == HS_DECISION_RULES)
		reflex_rules();
	else if (call == HS_DECISION_MOVE)
		reflex_move();
	if (recorded)
		decision_end();
}

#endif /* __bpf__ */
#endif
