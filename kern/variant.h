/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The scheduler's decision points: what a task is taken for, and where it goes when it wakes. A variant is an object that
 * defines one of these functions, or both; `homeostat policy link` puts it into the kernel programs in place of ours, which
 * decide nothing, and homeostatd --variant loads the result. So a decision is a call within one program, and costs a few
 * nanoseconds; without a variant the verifier takes the calls out, and they cost none. docs/write-a-reflex.md says what
 * else was tried.
 *
 *	#include <homeostat/variant.h>
 *
 *	HOMEOSTAT_VARIANT("mine", "what it does", VARIANT_PLACE);
 *
 *	int homeostat_place(struct homeostat_task *task, struct homeostat_wake *wake)
 *	{
 *		…
 *	}
 *
 * The scheduler judges what comes back: a class that there is not, a CPU that the task may not use or that is kept for others
 * counts as no opinion. What is declared by the profile keeps its class and its CPUs. Budgets, slices, ageing and the gate
 * hold as ever: with the gate shut no variant is asked.
 */
#ifndef HOMEOSTAT_VARIANT_H
#define HOMEOSTAT_VARIANT_H

#ifndef HS_OUTSIDE
#define HS_OUTSIDE
#endif
#include "abi.h"
#include "lib/control.h"

/* What is known of a task. Copies: what a variant writes here reaches nobody. Times are CPU time but for cycle_ns. */
struct homeostat_task {
	__u32 class;   /* enum hs_class, at present */
	__u32 kthread; /* 1 = a thread of the kernel's own */
	__u32 weight;  /* 1 … 10000, 100 = nice 0 */
	__u32 event; /* 1 = an event woke it last: an interrupt, or a critical task (lib/classify.h) */
	__u32 clean;	 /* short runs after an event, in a row */
	__u32 demotions; /* how often it was thrown out of the critical class, forgotten slowly */
	__u64 wakeups;	 /* voluntary sleeps seen */
	__u64 run_ns;	 /* the run that has just ended (classify), 0 (place) */
	__u64 burst_ns;	 /* CPU time between two voluntary sleeps, moving average … */
	__u64 peak_ns;	 /* … and slowly forgetting maximum */
	__u64 cycle_ns;	 /* time between two voluntary sleeps, moving average */
};

/* A task wakes. */
struct homeostat_wake {
	__s32 prev;  /* where it ran last */
	__s32 waker; /* the CPU that wakes it; in an interrupt that may have been idle */
	__u32 cpus;  /* that there are: 0 … cpus - 1 */
	__u32 pad;
};

/*
 * A task that is not declared goes to sleep: which class is it of (enum hs_class)? Negative: as the built-in recognition has it.
 * One that overstays is thrown out of the critical class all the same.
 */
int homeostat_classify(struct homeostat_task *task);

/*
 * Where does a task go that wakes, and names no CPUs of its own? To a CPU; if that is at work for a task of ours, it waits there
 * among those of the cache domain, and no idle CPU is woken for it. Negative: where the built-in search finds an idle CPU, or
 * to @prev.
 */
int homeostat_place(struct homeostat_task *task, struct homeostat_wake *wake);

#define VARIANT_CLASSIFY 1U
#define VARIANT_PLACE 2U

/* What the object declares, in the section ".rodata.variant". */
struct homeostat_variant {
	__u32 abi_version; /* HS_ABI_VERSION */
	__u32 points;	   /* VARIANT_*: which functions it defines */
	char name[HS_SLOT_NAME_LEN];
	char about[96];
	char made_from[72]; /* SHA-256 of the kernel programs that it is linked to, hexadecimal */
};

#ifndef HS_MADE_FROM /* `homeostat policy link` says so */
#define HS_MADE_FROM ""
#endif

#define HOMEOSTAT_VARIANT(name_, about_, points_)                                                  \
	const struct homeostat_variant homeostat_variant __attribute__((                           \
		section(".rodata.variant"), used)) = {.abi_version = HS_ABI_VERSION,               \
						      .points = (points_),                         \
						      .name = name_,                               \
						      .about = about_,                             \
						      .made_from = HS_MADE_FROM}

#endif
