// SPDX-License-Identifier: GPL-2.0-only
/* The test of @NAME@.bpf.c: the same code as a program of this host, shown vital signs, and asked what it wishes. */
#include "@NAME@.bpf.c"

#include <homeostat/plugin_test.h>

static struct homeostat_vitals vitals;
static struct homeostat_knobs knobs;

/* What it makes of a wait of critical tasks. */
static __u64 slice_after(__u64 wait_ns, __u64 now_ns)
{
	test_vital(&vitals, WAIT_CRITICAL_P99, wait_ns, now_ns);
	test_is(homeostat_reflex(&vitals, &knobs, now_ns), 0);
	return knobs.value[HS_KNOB_SLICE_BATCH];
}

int main(void)
{
	__u64 stock;

	test_knobs(&knobs); /* all of them at stock, with their bounds */
	stock = knobs.stock[HS_KNOB_SLICE_BATCH];

	/* nothing is known: no opinion */
	test_is(homeostat_reflex(&vitals, &knobs, 1000), 1);
	/* all is well: stock */
	test_is(slice_after(LOW_NS, 2000), stock);
	/* too long: short, until it is well again */
	test_is(slice_after(HIGH_NS + 1, 3000), stock / 8);
	test_is(slice_after(LOW_NS + 1, 4000), stock / 8);
	test_is(slice_after(LOW_NS - 1, 5000), stock);
	/* what was measured long ago is no reason for anything */
	test_is(homeostat_reflex(&vitals, &knobs, 5000 + PLUGIN_FRESH_NS), 1);
	return test_end();
}
