// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * The scheduler's decision points, as they are without a variant: no opinion. Weak: the linker prefers what a variant has, and
 * this is left over. The asm keeps clang from knowing so at the places of the calls.
 */
#include "state.h"
#include "variant.h"

__weak int homeostat_classify(struct homeostat_task *task)
{
	int no_opinion = -1;

	asm volatile("" : "+r"(no_opinion) : "r"(task));
	return no_opinion;
}

__weak int homeostat_place(struct homeostat_task *task, struct homeostat_wake *wake)
{
	int no_opinion = -1;

	asm volatile("" : "+r"(no_opinion) : "r"(task), "r"(wake));
	return no_opinion;
}
