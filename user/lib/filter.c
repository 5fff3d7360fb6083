// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "filter.h"

#include <errno.h>
#include <unistd.h>

static int add_all(scmp_filter_ctx filter, const struct filter_table *table)
{
	int err = 0;

	for (size_t i = 0; i < table->calls_nr && !err; i++)
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, table->calls[i], 0);
	for (size_t i = 0; i < table->rows_nr && !err; i++) {
		struct scmp_arg_cmp arg = table->rows[i].arg;

		if (arg.datum_a == FILTER_OURSELVES)
			arg.datum_a = (scmp_datum_t)getpid();
		err = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, table->rows[i].call, 1, &arg);
	}
	return err;
}

/* Loads it unless there was an error, for all threads there are, and releases it. */
static int load(scmp_filter_ctx filter, int err)
{
	if (!err)
		err = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	/* a search tree instead of a list: wanted, not vital */
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	/* calls by another architecture's numbers mean something that is none of ours */
	seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (!err)
		err = seccomp_load(filter);
	seccomp_release(filter);
	return err;
}

int filter_load(const struct filter_table *table)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));

	if (!filter)
		return -ENOMEM;
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
	return load(filter, add_all(filter, table));
}

int filter_refuse(int call, int errnum)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	if (!filter)
		return -ENOMEM;
	return load(filter,
		    seccomp_rule_add(filter, SCMP_ACT_ERRNO((unsigned int)errnum), call, 0));
}
