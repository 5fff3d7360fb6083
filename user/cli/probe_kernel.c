// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The kernel itself: release, BTF, JIT, preemption model, lockdown, CPUs taken out by boot options. */
#include <bpf/btf.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>

#include "../lib/pmu.h"
#include "doctor.h"

static void probe_btf(struct doctor *d)
{
	if (d->btf)
		doctor_add(d, FINDING_OK, "btf", NULL, "%u types", btf__type_cnt(d->btf) - 1);
	else
		doctor_add(d, FINDING_OFF, "btf",
			   "a kernel with CONFIG_DEBUG_INFO_BTF=y (5.15 or later); nothing of "
			   "homeostat "
			   "runs without",
			   "no usable /sys/kernel/btf/vmlinux");
}

static void probe_jit(struct doctor *d)
{
	char v[16];

	/* the file is missing where CONFIG_BPF_JIT_ALWAYS_ON leaves no choice in some containers */
	if (doctor_read(d, "/proc/sys/net/core/bpf_jit_enable", v, sizeof(v)) < 0 || *v != '0')
		return;
	d->sched_off = true;
	doctor_add(d, FINDING_OFF, "jit", "sysctl net.core.bpf_jit_enable=1",
		   "the BPF JIT is switched off; sched_ext needs it, the sensors would be slow");
}

static void probe_rt(struct doctor *d)
{
	char v[512];
	bool rt = doctor_read(d, "/sys/kernel/realtime", v, sizeof(v)) > 0 && *v == '1';

	if (!rt && doctor_read(d, "/proc/sys/kernel/version", v, sizeof(v)) > 0)
		rt = strstr(v, "PREEMPT_RT");
	if (rt)
		doctor_add(d, FINDING_WARN, "preempt_rt",
			   "chrt the ktimers/N threads above your load, or take a kernel without "
			   "PREEMPT_RT",
			   "the pulse is a soft timer and runs in a thread here: it may come late");
}

/* sched_ext lets a scheduler go with several RCU grace periods, which take a thread that gets the CPU. */
static void probe_rcu(struct doctor *d)
{
	char v[16];

	if (doctor_read(d, "/sys/module/rcutree/parameters/kthread_prio", v, sizeof(v)) <= 0 ||
	    strcmp(v, "0"))
		return;
	doctor_add(d, FINDING_WARN, "rcu", "boot with rcutree.kthread_prio=1",
		   "its thread is an ordinary task and waits its turn: on a busy host it may take "
		   "milliseconds more after a trip until the kernel's own scheduler is back, and a "
		   "second where CPU hogs are forked just then");
}

static void probe_lockdown(struct doctor *d)
{
	char v[128];

	if (doctor_read(d, "/sys/kernel/security/lockdown", v, sizeof(v)) < 0)
		return; /* no lockdown in this kernel, or no securityfs: nothing is locked */
	if (strstr(v, "[confidentiality]"))
		doctor_add(d, FINDING_WARN, "lockdown",
			   "boot with lockdown=integrity or without; Secure Boot alone asks for "
			   "integrity only",
			   "confidentiality: BPF may not read kernel memory through helpers");
}

void probe_pmu(struct doctor *d)
{
	static struct topology topo;
	struct pmu pmu;

	if (!d->may_load || topology_read(&topo, d->root))
		return;
	if (!pmu_open(&pmu, pmu_hardware, &topo))
		doctor_add(d, FINDING_OK, "pmu", NULL,
			   "cycles, instructions and cache misses can be counted (pmu.*)");
	else
		doctor_add(d, FINDING_WARN, "pmu",
			   "a virtual machine has them if its host passes them through (QEMU: -cpu "
			   "host,pmu=on)",
			   "pmu.* stay absent: %s", pmu.why);
	pmu_close(&pmu);
}

void probe_kernel(struct doctor *d)
{
	if (d->btf_path)
		doctor_add(d, FINDING_OK, "kernel", NULL, "judged by the BTF in %s", d->btf_path);
	else
		doctor_add(d, FINDING_OK, "kernel", NULL, "%s",
			   *d->release ? d->release : "release unknown");
	probe_btf(d);
	if (d->btf_path && !*d->root)
		return; /* see doctor_examine() */
	probe_jit(d);
	probe_rt(d);
	probe_rcu(d);
	probe_lockdown(d);
}

/* What homeostatd needs, and for what. CAP_SYS_ADMIN is for `homeostat trip` (BPF ids) as well. */
static const struct {
	int cap;
	const char *name;
} caps[] = {
	{CAP_BPF, "CAP_BPF"},
	{CAP_PERFMON, "CAP_PERFMON"},
	{CAP_SYS_ADMIN, "CAP_SYS_ADMIN"},
	{CAP_SYS_NICE, "CAP_SYS_NICE"},
	{CAP_IPC_LOCK, "CAP_IPC_LOCK"},
};

/* The line "@key:\t…" of a /proc/PID/status text; NULL if it is not there. */
static const char *status_line(const char *status, const char *key)
{
	const char *at = strstr(status, key);

	return at ? at + strlen(key) : NULL;
}

void probe_capabilities(struct doctor *d)
{
	char status[8192], missing[128] = "";
	const char *line;
	uint64_t effective;
	unsigned long euid = 0;
	size_t used = 0;

	if (doctor_read(d, "/proc/self/status", status, sizeof(status)) < 0 ||
	    !(line = status_line(status, "\nCapEff:"))) {
		d->may_load = false;
		return;
	}
	effective = strtoull(line, NULL, 16);
	line = status_line(status, "\nUid:");
	if (line) {
		char *end;

		strtoul(line, &end, 10); /* real uid; the effective one is next */
		euid = strtoul(end, NULL, 10);
	}
	for (size_t i = 0; i < sizeof(caps) / sizeof(*caps); i++)
		if (!(effective >> caps[i].cap & 1))
			used += snprintf(missing + used, sizeof(missing) - used, "%s%s",
					 used ? ", " : "", caps[i].name);
	if (!used) {
		doctor_add(d, FINDING_OK, "capabilities", NULL, "all that homeostatd needs");
		return;
	}
	if (!(effective >> CAP_BPF & 1) || !(effective >> CAP_PERFMON & 1))
		d->may_load = false;
	if (euid)
		doctor_add(d, FINDING_WARN, "capabilities",
			   "run it as root; programs are not tried by loading otherwise",
			   "not root: %s missing", missing);
	else
		doctor_add(
			d, FINDING_OFF, "capabilities",
			"a container or unit took them away: grant them (CapabilityBoundingSet=, "
			"--cap-add), or run homeostatd on the host",
			"root, but %s missing", missing);
}

/*
 * The CPUs that isolcpus=@arg takes out of the scheduler's domains; "" if its flags ask for
 * something else only (nohz, managed_irq). The kernel's own reading: kernel/sched/isolation.c.
 */
static const char *isolated_domain(const char *arg)
{
	bool other = false, domain = false; /* flags that the kernel knows */

	while (isalpha((unsigned char)*arg)) {
		size_t n = strcspn(arg, ", ");

		if (n == 6 && !strncmp(arg, "domain", n))
			domain = true;
		else if ((n == 4 && !strncmp(arg, "nohz", n)) ||
			 (n == 11 && !strncmp(arg, "managed_irq", n)))
			other = true;
		arg += n;
		if (*arg != ',')
			return "";
		arg++;
	}
	return domain || !other ? arg : "";
}

/* Finds word "@key=" on the command line; the value ends at the next space. NULL if not there. */
static const char *boot_option(const char *cmdline, const char *key)
{
	size_t n = strlen(key);

	for (const char *at = cmdline; (at = strstr(at, key)); at += n)
		if ((at == cmdline || isspace((unsigned char)at[-1])) && at[n] == '=')
			return at + n + 1;
	return NULL;
}

void probe_cpus(struct doctor *d)
{
	char cmdline[4096], full[256];
	const char *arg = NULL;

	if (doctor_read(d, "/proc/cmdline", cmdline, sizeof(cmdline)) > 0)
		arg = boot_option(cmdline, "isolcpus");
	if (arg)
		arg = isolated_domain(arg);
	if (arg && *arg) {
		d->sched_off = true;
		doctor_add(
			d, FINDING_OFF, "isolcpus",
			"drop isolcpus=; isolate with a cpuset partition (cpuset.cpus.partition = "
			"isolated) and nohz_full=",
			"isolcpus=%.*s takes these CPUs from the scheduler for good, and the "
			"kernel "
			"refuses every sched_ext scheduler while it is on the command line",
			(int)strcspn(arg, " "), arg);
	}
	/* "(null)" is what the kernel prints where the option was not given */
	if (doctor_read(d, "/sys/devices/system/cpu/nohz_full", full, sizeof(full)) > 0 &&
	    isdigit((unsigned char)*full))
		doctor_add(d, FINDING_OK, "nohz_full", NULL,
			   "CPUs %s are left in peace: homeostat lives on the others", full);
}
