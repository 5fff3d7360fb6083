/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * Filters of system calls. What a table leaves out fails with EPERM, not death. Nothing that our tables leave out can do harm by
 * failing, while a process that is killed for a call that some libc makes on some rare path takes the host out of its care,
 * without having been attacked. Nor would killing stop an attacker sooner: the call did not happen. It is seen, in the kernel's
 * audit log (SECCOMP records, action errno).
 */
#ifndef HOMEOSTAT_FILTER_H
#define HOMEOSTAT_FILTER_H

#include <seccomp.h>
#include <stddef.h>

#define FILTER_IS(arg, value) SCMP_CMP64(arg, SCMP_CMP_EQ, value)
#define FILTER_LACKS(arg, bits) SCMP_CMP64(arg, SCMP_CMP_MASKED_EQ, bits, 0)
#define FILTER_OURSELVES ~0ULL /* as a value: our process id, known only when the filter is made */

/* Allowed with this argument only; several rows for a call: any of them will do. */
struct filter_row {
	int call;
	struct scmp_arg_cmp arg;
};

struct filter_table {
	const int *calls; /* allowed whatever their arguments are */
	size_t calls_nr;
	const struct filter_row *rows;
	size_t rows_nr;
};

/*
 * Puts it in force, for good, for all threads there are and for what they start. Sets no_new_privs. 0, or negative errno (-EINVAL,
 * -ENOSYS: no seccomp here).
 */
int filter_load(const struct filter_table *table);

/* Has one call fail with error @errnum from now on, which is not logged. Otherwise as above. */
int filter_refuse(int call, int errnum);

#endif
