/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * Least privilege. Loading takes CAP_BPF, CAP_PERFMON and CAP_SYS_ADMIN; all that comes after it works
 * on descriptors that are open by then (a kernel asks for no capability to attach a loaded program, to
 * update a map or to run a task iterator). So once everything is loaded, nothing is kept: no
 * capability, in no set, no way to get one back, and only the system calls of the table in
 * privileges.c. What files may be written is left to the owner: root without CAP_DAC_OVERRIDE.
 */
#ifndef HOMEOSTAT_PRIVILEGES_H
#define HOMEOSTAT_PRIVILEGES_H

/*
 * Gives up all of it, for good. To be called when everything is loaded and while the process has one
 * thread: those that it starts later inherit it. What a limit (RLIMIT_MEMLOCK, RLIMIT_RTPRIO) can do in
 * place of a capability is raised first; where that is refused the capability stays, with a warning. So
 * does a bounding set that may not be changed (no CAP_SETPCAP): no_new_privs makes it harmless. A kernel
 * without seccomp is a warning, too. 0, or negative errno after one line in the log: -EBUSY: there is
 * another thread already.
 */
int privileges_drop(void);

/*
 * The filter alone: what is not in the table fails with EPERM, and the kernel's audit log says so. Sets
 * no_new_privs. 0, or negative errno (-EINVAL, -ENOSYS: no seccomp here).
 */
int privileges_filter(void);

#endif
