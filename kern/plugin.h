/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The interface of a policy plug-in: a controller of your own in place of the rules. This header, abi.h and lib/control.h are all
 * that one includes, and <bpf/bpf_helpers.h> where it has maps of its own; docs/write-a-reflex.md is the guide.
 *
 *	#include <homeostat/plugin.h>
 *
 *	HOMEOSTAT_POLICY("mine", "shortens the slice of batch tasks while critical ones wait",
 *			 READS(WAIT_CRITICAL_P99), TURNS(SLICE_BATCH), 0);
 *
 *	HOMEOSTAT_REFLEX(vitals, knobs, now_ns)
 *	{
 *		…
 *		return 0;
 *	}
 *
 * Once in each window of samples (window_ns of the profile, 10 ms) the pulse hands over copies: of the vital signs that the
 * policy declares to read (all others are absent), of the knobs that it declares to turn, where each is going now. What the
 * function leaves in knobs->value is taken as a wish: the knob moves there within its slew. It returns 0; any other number: no
 * opinion, the knobs stay. A value outside knobs->min … max is taken for rubbish, and ends the policy: knob_set() bounds it.
 *
 * It may call no kernel function and no helper but those in PLUGIN_CALLS, may not read a clock (now_ns is the time), may not
 * loop without a bound that the verifier sees, and has PLUGIN_WORK_MAX instructions of the verifier's walk at most, or
 * PLUGIN_WORK_CALLS if it calls a helper. Whatever it keeps is in variables marked HOMEOSTAT_STATE, and survives a swap for an
 * object of the same name if both declare KEEPS_STATE.
 */
#ifndef HOMEOSTAT_PLUGIN_H
#define HOMEOSTAT_PLUGIN_H

#ifndef HS_OUTSIDE
#define HS_OUTSIDE
#endif
#include "abi.h"
#include "lib/control.h"

struct homeostat_vitals {
	struct hs_vital v[HS_VITAL_NR];
};
struct homeostat_knobs {
	__u64 value[HS_KNOB_NR]; /* in the knob's unit */
	__u64 min[HS_KNOB_NR];
	__u64 max[HS_KNOB_NR];
	__u64 stock[HS_KNOB_NR];
};

/* What an object declares of its policy, in the section ".rodata.policy". */
struct homeostat_policy {
	__u32 abi_version;	     /* HS_ABI_VERSION */
	__u32 flags;		     /* KEEPS_STATE, or 0 */
	__u16 reads[HS_SLOT_NAMES];  /* enum hs_vital_id + 1; 0 = no more */
	__u16 turns[HS_SLOT_NAMES];  /* enum hs_knob_id + 1; 0 = no more */
	char name[HS_SLOT_NAME_LEN]; /* [a-z0-9-], NUL-terminated */
	char about[96];		     /* one line */
};

#define KEEPS_STATE 1U

/* Helpers of the kernel that a plug-in may call, by their names in enum bpf_func_id. None sleeps, tells the time, or changes anything but maps of its own. */
#define PLUGIN_CALLS(X)                                                                            \
	X(map_lookup_elem)                                                                         \
	X(map_update_elem)                                                                         \
	X(map_delete_elem)

/*
 * Work is what the verifier walks through, loops as often as they go round. 20000 instructions are some 10 us; but a call of a
 * helper is one of them, and takes as long as a hundred: it hashes a key, and copies a value. So who calls any has a tenth of
 * that, and what one call can hash and copy is bounded.
 */
#define PLUGIN_WORK_MAX 20000
#define PLUGIN_WORK_CALLS (PLUGIN_WORK_MAX / 10)
#define PLUGIN_MAPS_MAX 8	       /* maps of its own, global variables among them … */
#define PLUGIN_MAP_BYTES (1024 * 1024) /* … and their size together */
#define PLUGIN_KEY_BYTES 64	       /* of those that are declared: a key … */
#define PLUGIN_VALUE_BYTES 256	       /* … and a value; no helper copies global variables */

/* The function of the pulse that a policy takes the place of, by slot: "homeostat_slot_0", "homeostat_slot_1". */
#define PLUGIN_TARGET "homeostat_slot_"

/* A section of the object; on the host, where a policy is tested (plugin_test.h), it is the compiler's. */
#ifdef __bpf__
#define HOMEOSTAT_SECTION_(name) __attribute__((section(name), used))
#else
#define HOMEOSTAT_SECTION_(name) __attribute__((used))
#endif

/* Up to HS_SLOT_NAMES names of abi.h, without their HS_VITAL_ or HS_KNOB_. */
#define READS(...) HS_NAMES_(HS_VITAL_, __VA_ARGS__, HS_NO_MORE_)
#define TURNS(...) HS_NAMES_(HS_KNOB_, __VA_ARGS__, HS_NO_MORE_)
#define HS_NO_MORE_                                                                                \
	NONE_, NONE_, NONE_, NONE_, NONE_, NONE_, NONE_, NONE_, NONE_, NONE_, NONE_, NONE_, NONE_, \
		NONE_, NONE_, NONE_
#define HS_NAMES_(prefix, ...) HS_SIXTEEN_(prefix, __VA_ARGS__)
#define HS_SIXTEEN_(prefix, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, ...)                \
	{prefix##a + 1, prefix##b + 1, prefix##c + 1, prefix##d + 1,                               \
	 prefix##e + 1, prefix##f + 1, prefix##g + 1, prefix##h + 1,                               \
	 prefix##i + 1, prefix##j + 1, prefix##k + 1, prefix##l + 1,                               \
	 prefix##m + 1, prefix##n + 1, prefix##o + 1, prefix##p + 1 + HS_AT_MOST_16_##q}
enum {
	HS_VITAL_NONE_ = -1,
	HS_KNOB_NONE_ = -1,
	HS_AT_MOST_16_NONE_ = 0
};
_Static_assert(HS_SLOT_NAMES == 16, "names above");

#define HOMEOSTAT_POLICY(name_, about_, reads_, turns_, flags_)                                    \
	const struct homeostat_policy homeostat_policy HOMEOSTAT_SECTION_(".rodata.policy") = {    \
		.abi_version = HS_ABI_VERSION,                                                     \
		.flags = (flags_),                                                                 \
		.reads = reads_,                                                                   \
		.turns = turns_,                                                                   \
		.name = name_,                                                                     \
		.about = about_};                                                                  \
	char LICENSE[] HOMEOSTAT_SECTION_("license") = "GPL"

/* Before the definition of a global variable. */
#define HOMEOSTAT_STATE HOMEOSTAT_SECTION_(".data.state")

/* The function itself: its body follows. The verifier takes for possible that the pulse hands over nothing. */
#define HOMEOSTAT_REFLEX(vitals, knobs, now_ns)                                                    \
	static __attribute__((always_inline)) inline int homeostat_body(                           \
		struct homeostat_vitals *vitals, struct homeostat_knobs *knobs, __u64 now_ns);     \
	HOMEOSTAT_SECTION_("freplace/" PLUGIN_TARGET "0")                                          \
	int homeostat_reflex(struct homeostat_vitals *vitals, struct homeostat_knobs *knobs,       \
			     __u64 now_ns)                                                         \
	{                                                                                          \
		return vitals && knobs ? homeostat_body(vitals, knobs, now_ns) : 1;                \
	}                                                                                          \
	static int homeostat_body(struct homeostat_vitals *vitals __attribute__((unused)),         \
				  struct homeostat_knobs *knobs __attribute__((unused)),           \
				  __u64 now_ns __attribute__((unused)))

/* Sets a knob of TURNS, within its bounds. */
#define knob_set(knobs, ID, v)                                                                     \
	((knobs)->value[HS_KNOB_##ID] =                                                            \
		 control_clamp(v, (knobs)->min[HS_KNOB_##ID], (knobs)->max[HS_KNOB_##ID]))

#define PLUGIN_FRESH_NS 5000000000ULL

/* Is a vital sign there, and not older than the rules would take it for? */
#define vital_present(vitals, ID, now_ns)                                                          \
	((vitals)->v[HS_VITAL_##ID].present &&                                                     \
	 (now_ns) - (vitals)->v[HS_VITAL_##ID].updated_ns < PLUGIN_FRESH_NS)
#define vital_value(vitals, ID) ((vitals)->v[HS_VITAL_##ID].value)

#endif
