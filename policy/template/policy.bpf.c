// SPDX-License-Identifier: GPL-2.0-only
/*
 * @NAME@: a policy for homeostat, to begin with. Batch tasks run in short slices while critical tasks wait too long, and in
 * those of the stock otherwise.
 *
 *	homeostat policy build @NAME@.bpf.c		compiles and judges it
 *	homeostat policy build --test @NAME@.bpf.c	runs @NAME@.test.c
 *	homeostat policy check @NAME@.bpf.o		asks the verifier (root)
 */
#include <homeostat/plugin.h>

/* A wait above HIGH_NS shortens the slices, one below LOW_NS ends that: in between all stays as it is. */
#define HIGH_NS 500000
#define LOW_NS 100000

/*
 * Name, a line about it, the vital signs that it is shown and the knobs that it moves: `homeostat help-tables` and the man page
 * have their names. KEEPS_STATE in place of 0: the state outlives a newer build of the policy.
 */
HOMEOSTAT_POLICY("@NAME@", "short slices for batch tasks while critical ones wait too long",
		 READS(WAIT_CRITICAL_P99), TURNS(SLICE_BATCH), 0);

/* What it remembers from call to call; zero at first. */
HOMEOSTAT_STATE struct {
	__u32 tight;
} state;

/*
 * Called once in each window (10 ms, where the profile does not say otherwise). What it leaves in knobs->value is its wish; the
 * pulse moves the knob there, within its slew. 0 = these are my wishes; anything else = no opinion, all stays.
 */
HOMEOSTAT_REFLEX(vitals, knobs, now_ns)
{
	__u64 slice = knobs->stock[HS_KNOB_SLICE_BATCH];

	if (!vital_present(vitals, WAIT_CRITICAL_P99, now_ns))
		return 1; /* nobody critical has waited of late */
	state.tight = control_hysteresis(state.tight, vital_value(vitals, WAIT_CRITICAL_P99),
					 LOW_NS, HIGH_NS);
	knob_set(knobs, SLICE_BATCH, state.tight ? slice / 8 : slice);
	return 0;
}
