// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Loading. A family is probed by loading it: where that fails, the log names the program, its
 * family is left out, and the rest is tried again. The one test in advance is whether the kernel has
 * sched_ext at all, because it saves most kernels the second try.
 */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <linux/if_link.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "clock.h"
#include "dispatcher.h"
#include "fault.h"
#include "kernel.h"
#include "kernel_open.h"
#include "homeostat.skel.h" /* after the types that it uses */
#include "load_log.h"
#include "log.h"
#include "mib.h"
#include "netns.h"
#include "ops_fit.h"
#include "parse.h"
#include "kernel_variant.h"

const char *family_state_name(enum family_state state)
{
	return state == FAMILY_ON ? "on" : state == FAMILY_OFF ? "off" : "unavailable";
}

static void family_missing(struct kernel *k, enum family_id id, const char *why)
{
	k->family[id].state = FAMILY_UNAVAILABLE;
	snprintf(k->family[id].why, sizeof(k->family[id].why), "%s", why);
}

static void family_unavailable(struct kernel *k, enum family_id id, const char *why)
{
	family_missing(k, id, why);
	log_warn("%s: not available here: %s", family_name(id), why);
}

/* What loading takes. Without these nothing works, so say it before libbpf says EPERM. */
static int check_capabilities(char *error, size_t size)
{
	static const struct {
		cap_value_t cap;
		const char *name;
	} needed[] = {
		{CAP_BPF, "CAP_BPF"},
		{CAP_PERFMON, "CAP_PERFMON"},
		{CAP_SYS_ADMIN, "CAP_SYS_ADMIN"},
	};
	cap_t caps = cap_get_proc();
	int err = 0;

	if (!caps)
		return 0; /* the kernel will judge */
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]) && !err; i++) {
		cap_flag_value_t has = CAP_CLEAR;

		if (!cap_get_flag(caps, needed[i].cap, CAP_EFFECTIVE, &has) && has == CAP_SET)
			continue;
		snprintf(error, size,
			 "loading kernel programs: %s is missing; run homeostatd as "
			 "root or give its unit AmbientCapabilities=%s",
			 needed[i].name, needed[i].name);
		err = -EPERM;
	}
	cap_free(caps);
	return err;
}

/* Facts of the machine that the programs know as constants, and arrays cut to its CPUs. */
static int prepare(struct kernel *k, const struct topology *topo)
{
	struct homeostat_bpf *skel = k->skel;
	struct bpf_map *per_cpu[] = {
		skel->maps.SENSE,      skel->maps.CPU_VITALS, skel->maps.CPUS,
		skel->maps.PULSE_CPUS, skel->maps.SCHED_CPUS, skel->maps.COUNTS,
		skel->maps.STEER_CPUS, skel->maps.STEER_IDLE, skel->maps.STEER_QUEUES};
	struct timespec tick;
	__u32 llcs = 1;
	int err = 0;

	k->cpus_nr = topo->possible_nr;
	for (size_t i = 0; i < sizeof(per_cpu) / sizeof(per_cpu[0]) && !err; i++)
		err = bpf_map__set_max_entries(per_cpu[i], k->cpus_nr);
	if (err)
		return err;
	for (__u32 cpu = 0; cpu < topo->possible_nr && cpu < HS_CPUS_MAX; cpu++) {
		if (topo->cpu[cpu].llc >= llcs)
			llcs = topo->cpu[cpu].llc + 1;
	}
	skel->rodata->nr_cpus = k->cpus_nr;
	skel->rodata->netns_cookie = netns_cookie();
	skel->rodata->nr_llcs = llcs > 64 ? 64 : llcs;
	kernel_steer_key(skel->rodata->steer_key, sizeof(skel->rodata->steer_key));
	/* a jiffy: the coarse clock advances once in each */
	if (!clock_getres(CLOCK_MONOTONIC_COARSE, &tick) && !tick.tv_sec && tick.tv_nsec)
		skel->rodata->tick_ns = (__u64)tick.tv_nsec;
	mib_of_kernel(skel->rodata->mib_number);
#ifdef HS_FAULT
	fault_object(skel);
#endif
	return 0;
}

/* Leaves out what is not available. */
static void leave_out(struct kernel *k)
{
	struct homeostat_bpf *skel = k->skel;
	struct bpf_program *prog;
	struct bpf_map *map;

	if (k->family[FAMILY_SENSE].state == FAMILY_UNAVAILABLE) {
		bpf_program__set_autoload(skel->progs.sense_switch, false);
		bpf_program__set_autoload(skel->progs.sense_exec, false);
	}
	/* one of the two: the larger, where it loads */
	bpf_program__set_autoload(skel->progs.counts_start,
				  k->family[FAMILY_COUNTS].state != FAMILY_UNAVAILABLE);
	bpf_program__set_autoload(skel->progs.pulse_start,
				  k->family[FAMILY_COUNTS].state == FAMILY_UNAVAILABLE &&
					  k->family[FAMILY_PULSE].state != FAMILY_UNAVAILABLE);
	if (k->family[FAMILY_DROPS].state == FAMILY_UNAVAILABLE)
		bpf_program__set_autoload(skel->progs.drops_kfree, false);
	if (k->family[FAMILY_SOFTIRQ].state == FAMILY_UNAVAILABLE) {
		bpf_program__set_autoload(skel->progs.softirq_raised, false);
		bpf_program__set_autoload(skel->progs.softirq_run, false);
	}
	if (k->family[FAMILY_RECEIVE].state == FAMILY_UNAVAILABLE)
		bpf_program__set_autoload(skel->progs.receive_ready, false);
	if (k->family[FAMILY_IRQ].state == FAMILY_UNAVAILABLE) {
		bpf_program__set_autoload(skel->progs.irq_device_begins, false);
		bpf_program__set_autoload(skel->progs.irq_device_ends, false);
		bpf_program__set_autoload(skel->progs.irq_vector_begins, false);
		bpf_program__set_autoload(skel->progs.irq_vector_ends, false);
		bpf_program__set_autoload(skel->progs.irq_soft_begins, false);
		bpf_program__set_autoload(skel->progs.irq_soft_ends, false);
		bpf_map__set_max_entries(skel->maps.IRQS, 1); /* 60 KiB of each CPU */
	}
	if (k->family[FAMILY_TASKS].state == FAMILY_UNAVAILABLE) {
		bpf_program__set_autoload(skel->progs.tasks, false);
		bpf_program__set_autoload(skel->progs.rematch, false);
	}
	if (k->family[FAMILY_XDP].state == FAMILY_UNAVAILABLE)
		bpf_program__set_autoload(skel->progs.xdp_ingress, false);
	if (k->family[FAMILY_STEER].state == FAMILY_UNAVAILABLE) {
		bpf_program__set_autoload(skel->progs.steer_ingress, false);
		bpf_program__set_autoload(skel->progs.steer_queued, false);
		bpf_program__set_autoload(skel->progs.steer_failed, false);
		bpf_program__set_autoload(skel->progs.steer_taken, false);
	}
	if (k->family[FAMILY_TC].state == FAMILY_UNAVAILABLE) {
		bpf_program__set_autoload(skel->progs.tc_egress, false);
		bpf_program__set_autoload(skel->progs.tc_qdisc, false);
	}
	if (k->family[FAMILY_SOCKOPS].state == FAMILY_UNAVAILABLE)
		bpf_program__set_autoload(skel->progs.sockops_connection, false);
	if (k->family[FAMILY_SOCKETS].state == FAMILY_UNAVAILABLE) {
		bpf_program__set_autoload(skel->progs.sockets_list, false);
		bpf_program__set_autoload(skel->progs.sockets_restore, false);
		bpf_program__set_autoload(skel->progs.sockets_measure, false);
	}
	bpf_object__for_each_map(map, skel->obj)
	{
		enum family_id id = family_of_ops(bpf_map__name(map));

		if (id != FAMILY_NR && k->family[id].state == FAMILY_UNAVAILABLE)
			bpf_map__set_autocreate(map, false);
	}
	bpf_object__for_each_program(prog, skel->obj)
	{
		enum family_id id = family_of_section(bpf_program__section_name(prog));

		if (bpf_program__type(prog) == BPF_PROG_TYPE_STRUCT_OPS && id != FAMILY_NR &&
		    k->family[id].state == FAMILY_UNAVAILABLE)
			bpf_program__set_autoload(prog, false);
	}
}

/* Offset of the counters in an entry of SENSE, from the object's own BTF (see state.h). */
static void find_counters(struct kernel *k)
{
	struct btf *btf = bpf_object__btf(k->skel->obj);
	const struct btf_type *type;

	k->sense_size = bpf_map__value_size(k->skel->maps.SENSE);
	type = btf ? btf__type_by_id(btf, bpf_map__btf_value_type_id(k->skel->maps.SENSE)) : NULL;
	if (!type || !btf_is_struct(type))
		return;
	for (__u32 i = 0; i < btf_vlen(type); i++) {
		const char *name = btf__name_by_offset(btf, btf_members(type)[i].name_off);

		if (name && !strcmp(name, "count"))
			k->count_at = btf_member_bit_offset(type, i) / 8;
	}
}

static int map_state(struct kernel *k, char *error, size_t size)
{
	struct homeostat_bpf *skel = k->skel;

	k->gate = &skel->data_gate->gate;
	k->steer = &skel->data_steer->steer;
	k->exit = &skel->data_exit->exited;
	k->vitals = skel->data_vitals->vitals;
	k->knobs = skel->data_knobs->knobs;
	k->wishes = skel->data_wishes->wishes;
	k->hooks = &skel->data_hooks->hooks;
	k->tcp_look = &skel->data_tcp_look->tcp_look;
	k->slots = skel->data_slots->slots;
	k->decisions = &skel->data_decisions->decisions;
	kernel_plugin_targets(k);
	k->fd = (struct kernel_maps){
		.bounds = bpf_map__fd(skel->maps.BOUNDS),
		.config = bpf_map__fd(skel->maps.CONFIG),
		.rules = bpf_map__fd(skel->maps.RULES),
		.cpus = bpf_map__fd(skel->maps.CPUS),
		.sense = bpf_map__fd(skel->maps.SENSE),
		.cpu_vitals = bpf_map__fd(skel->maps.CPU_VITALS),
		.workloads = bpf_map__fd(skel->maps.WORKLOADS),
		.workload_stats = bpf_map__fd(skel->maps.WORKLOAD_STATS),
		.match = bpf_map__fd(skel->maps.MATCH),
		.flows = bpf_map__fd(skel->maps.FLOWS),
		.peers = bpf_map__fd(skel->maps.PEERS),
		.flow_stats = bpf_map__fd(skel->maps.FLOW_STATS),
		.egress_stats = bpf_map__fd(skel->maps.EGRESS_STATS),
		.pacers = bpf_map__fd(skel->maps.PACERS),
		.drops = bpf_map__fd(skel->maps.DROPS),
		.irqs = bpf_map__fd(skel->maps.IRQS),
		.steer_queues = bpf_map__fd(skel->maps.STEER_QUEUES),
		.steer_cpus = bpf_map__fd(skel->maps.STEER_CPUS),
		.gate = bpf_map__fd(skel->maps.data_gate),
		.pulse = bpf_map__fd(skel->maps.PULSE),
	};
	find_counters(k);
	if (k->gate->abi_version == HS_ABI_VERSION) {
		/* for who finds a program of ours that has outlived us */
		k->gate->owner = (__u32)getpid();
		if (process_start(k->gate->owner, &k->gate->owner_start))
			k->gate->owner_start = 0;
		return 0;
	}
	snprintf(error, size,
		 "kernel object: version %u of the interface, this daemon has %u; install daemon "
		 "and object from the same build",
		 k->gate->abi_version, HS_ABI_VERSION);
	return -EPROTO;
}

/* What the verifier had to do: most of the time that loading takes. */
static void log_costs(const struct kernel *k)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, k->skel->obj)
	{
		struct bpf_prog_info info = {0};
		__u32 size = sizeof(info);

		if (bpf_program__fd(prog) >= 0 &&
		    !bpf_prog_get_info_by_fd(bpf_program__fd(prog), &info, &size))
			log_debug("load: %s: %u instructions verified", bpf_program__name(prog),
				  info.verified_insns);
	}
}

/* One try with the families that are left. With `error` filled there is no use in another one. */
static int load_once(struct kernel *k, const struct topology *topo, const void *bytes,
		     size_t length, char *error, size_t size)
{
	__u64 start = clock_ns(), opened;
	int err;

	load_log_clear();
	err = kernel_open(k, bytes, length, error, size);
	opened = clock_ns();
	if (!err)
		err = prepare(k, topo);
	if (!err) {
		leave_out(k);
		ops_fit(k->skel->obj);
		err = homeostat_bpf__load(k->skel);
	}
	log_debug("load: opened in %llu us, loaded in %llu us: %s", (opened - start) / 1000,
		  (clock_ns() - opened) / 1000, err ? strerror(-err) : "fine");
	if (err) {
		homeostat_bpf__destroy(k->skel);
		k->skel = NULL;
	} else if (log_get_level() >= LOG_LEVEL_DEBUG) {
		log_costs(k);
	}
	return err;
}

static bool has_sched_ext(const char *root)
{
	char path[256];
	struct stat st;

	return !root_path(path, sizeof(path), root, "/sys/kernel/sched_ext") && !stat(path, &st);
}

/* What our congestion control calls: their absence would cost a try each. */
static void look_for_congestion_controls(struct kernel *k, const char *root)
{
	char names[256];

	if (read_file(root, "/proc/sys/net/ipv4/tcp_available_congestion_control", names,
		      sizeof(names)) <= 0)
		return;
	if (!strstr(names, "cubic"))
		family_missing(k, FAMILY_TCP, "this kernel has no CUBIC: modprobe tcp_cubic");
	if (!strstr(names, "bbr"))
		family_missing(k, FAMILY_TCP_LOSS, "this kernel has no BBR: modprobe tcp_bbr");
}

/* With the families that this kernel has: one that does not load is left out, and it is tried again. */
static int load_what_can(struct kernel *k, const struct topology *topo, const void *bytes,
			 size_t length, char *error, size_t size)
{
	char why[256];
	int err = 0;

	for (int try = 0; try <= FAMILY_NR; try++) {
		enum family_id blamed;

		err = load_once(k, topo, bytes, length, error, size);
		if (!err || error[0])
			break;
		blamed = load_log_blame(load_log(), why, sizeof(why));
		if (blamed == FAMILY_NR || k->family[blamed].state == FAMILY_UNAVAILABLE) {
			snprintf(error, size,
				 "loading kernel programs: %s (%s); `homeostat doctor` says what "
				 "this host lacks",
				 why[0]			     ? why
				 : strcspn(load_log(), "\n") ? load_log()
							     : "refused",
				 strerror(-err));
			break;
		}
		family_unavailable(k, blamed, why);
	}
	return err;
}

/* Our programs, or with @path those of a variant: who asks for one does not want to go on without the scheduler. */
static int load_from(struct kernel *k, const struct topology *topo, const char *path, char *error,
		     size_t size)
{
	char why[400] = "";
	void *bytes = NULL;
	size_t length = 0;
	int err;

	error[0] = '\0';
	if (path)
		bytes = variant_read(path, &length, why, sizeof(why));
	err = path && !bytes ? -EINVAL : load_what_can(k, topo, bytes, length, why, sizeof(why));
	free(bytes);
	if (!err && path && k->family[FAMILY_SCHED].state == FAMILY_UNAVAILABLE) {
		snprintf(why, sizeof(why), "its scheduler cannot run here: %s",
			 k->family[FAMILY_SCHED].why);
		err = -EOPNOTSUPP;
	}
	if (err)
		snprintf(error, size, "%s%s%s%s", path ? "variant " : "", path ? path : "",
			 path ? ": " : "", why[0] ? why : strerror(-err));
	return err;
}

int kernel_load(struct kernel *k, const struct topology *topo, const char *root,
		const char *variant, char *error, size_t error_size)
{
	int err;

	memset(k, 0, sizeof(*k));
	err = check_capabilities(error, error_size);
	if (err)
		return err;
	load_log_take();
	/* blocks of the kernel's type information are to go back to the system when freed */
	mallopt(M_MMAP_THRESHOLD, 128 * 1024);
	if (!has_sched_ext(root))
		family_unavailable(k, FAMILY_SCHED,
				   "this kernel has no sched_ext "
				   "(CONFIG_SCHED_CLASS_EXT, 6.12 or later)");
	look_for_congestion_controls(k, root);
	err = load_from(k, topo, variant, error, error_size);
	if (!err && k->family[FAMILY_TC].state != FAMILY_UNAVAILABLE && kernel_probe_tc(k))
		family_unavailable(k, FAMILY_TC, "this kernel has no tcx (6.6 or later)");
	if (!err && k->family[FAMILY_COUNTS].state == FAMILY_UNAVAILABLE)
		family_missing(
			k, FAMILY_STEER,
			"the pulse cannot read here how busy CPUs are (CONFIG_KALLSYMS_ALL)");
	if (!err)
		err = map_state(k, error, error_size);
	if (!err)
		kernel_stamps_open(k);
	malloc_trim(0);
	return err;
}

void kernel_close(struct kernel *k)
{
	ring_buffer__free(k->ring);
	ring_buffer__free(k->bell);
	bpf_link__destroy(k->sched_link);
	for (__u32 i = 0; i < KERNEL_INTERFACES_MAX; i++) {
		kernel_detach_xdp(k, i);
		kernel_detach_tc(k, i);
	}
	kernel_detach_tcp(k);
	kernel_look_end(k);
	for (int i = 0; i < HS_HOOK_NR; i++)
		kernel_unhook(k, (enum hs_hook)i);
	if (k->stamps_fd)
		close(k->stamps_fd - 1);
	kernel_steer_close(k);
	bpf_link__destroy(k->sense_link);
	bpf_link__destroy(k->exec_link);
	bpf_link__destroy(k->tasks_link);
	homeostat_bpf__destroy(k->skel);
	memset(k, 0, sizeof(*k));
}

int kernel_attach(struct kernel *k, enum family_id id, struct bpf_program *prog,
		  struct bpf_link **link)
{
	if (k->family[id].state == FAMILY_UNAVAILABLE)
		return -EOPNOTSUPP;
	if (*link)
		return 0;
	*link = bpf_program__attach(prog);
	if (!*link) {
		int err = -errno;

		snprintf(k->family[id].why, sizeof(k->family[id].why), "attaching %s: %s",
			 bpf_program__name(prog), strerror(-err));
		return err;
	}
	return 0;
}

int kernel_attach_sense(struct kernel *k)
{
	int err = kernel_attach(k, FAMILY_SENSE, k->skel->progs.sense_switch, &k->sense_link);

	if (!err)
		k->family[FAMILY_SENSE].state = FAMILY_ON;
	return err;
}

void kernel_detach_sense(struct kernel *k)
{
	bpf_link__destroy(k->sense_link);
	k->sense_link = NULL;
}

int kernel_attach_exec(struct kernel *k)
{
	return kernel_attach(k, FAMILY_SENSE, k->skel->progs.sense_exec, &k->exec_link);
}

int kernel_pulse(struct kernel *k)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	bool counts = k->family[FAMILY_COUNTS].state != FAMILY_UNAVAILABLE;
	struct family *f = &k->family[FAMILY_PULSE];
	int err;

	if (f->state == FAMILY_UNAVAILABLE)
		return -EOPNOTSUPP;
	err = bpf_prog_test_run_opts(
		bpf_program__fd(counts ? k->skel->progs.counts_start : k->skel->progs.pulse_start),
		&opts);
	if (!err)
		err = (int)opts.retval;
	f->state = err ? FAMILY_OFF : FAMILY_ON;
	if (counts)
		k->family[FAMILY_COUNTS].state = f->state;
	if (err)
		snprintf(f->why, sizeof(f->why), "starting the timer: %s", strerror(-err));
	return err;
}

int kernel_attach_sched(struct kernel *k)
{
	struct family *f = &k->family[FAMILY_SCHED];

	if (f->state == FAMILY_UNAVAILABLE)
		return -EOPNOTSUPP;
	if (k->sched_link)
		return 0;
	k->sched_link = bpf_map__attach_struct_ops(k->skel->maps.homeostat_ops);
	if (!k->sched_link) {
		int err = -errno;

		f->state = FAMILY_OFF;
		snprintf(f->why, sizeof(f->why), "attaching the scheduler: %s", strerror(-err));
		return err;
	}
	f->state = FAMILY_ON;
	f->why[0] = '\0';
	return 0;
}

int kernel_attach_xdp(struct kernel *k, __u32 slot, __u32 ifindex, const char **unfit,
		      bool *generic)
{
	struct family *f = &k->family[FAMILY_XDP];
	LIBBPF_OPTS(bpf_link_create_opts, opts);
	int prog, fd;

	if (f->state == FAMILY_UNAVAILABLE)
		return -EOPNOTSUPP;
	prog = bpf_program__fd(k->skel->progs.xdp_ingress);
	opts.flags = XDP_FLAGS_DRV_MODE;
	if (!*unfit)
		*unfit = kernel_unfit(k, ifindex);
	fd = bpf_link_create(*unfit ? prog : bpf_program__fd(k->skel->progs.steer_ingress),
			     (int)ifindex, BPF_XDP, &opts);
	*generic = fd < 0 && fd != -EBUSY && fd != -EEXIST && fd != -ENODEV && fd != -EPERM;
	if (*generic) {
		if (!*unfit)
			*unfit = "its driver did not take our XDP program";
		log_debug("XDP: interface %u: native: %s", ifindex, strerror(-fd));
		opts.flags = XDP_FLAGS_SKB_MODE;
		fd = bpf_link_create(prog, (int)ifindex, BPF_XDP, &opts);
	}
	if (fd < 0)
		return fd;
	k->xdp_fd[slot] = fd + 1;
	f->state = FAMILY_ON;
	return 0;
}

void kernel_detach_sched(struct kernel *k)
{
	if (!k->sched_link)
		return;
	bpf_link__destroy(k->sched_link);
	k->sched_link = NULL;
	k->family[FAMILY_SCHED].state = FAMILY_OFF;
}

bool kernel_sched_attached(const struct kernel *k)
{
	return k->sched_link;
}
