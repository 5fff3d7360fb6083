// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * The program families: they are loaded and thrown away at once, never attached. That is
 * the only answer that counts; where it may not be asked (not root, another kernel's files), BTF says
 * what it can.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../kern/abi.h" /* types of the skeleton's globals */
#include "../lib/dispatcher.h"
#include "../lib/families.h"
#include "doctor.h"
#include "../lib/ops_fit.h"
#include "homeostat.skel.h"

struct btf *own_btf(void)
{
	const struct btf *btf;
	struct bpf_object *obj;
	struct btf *copy = NULL;
	const void *raw;
	size_t len;
	__u32 size;

	raw = homeostat_bpf__elf_bytes(&len);
	obj = bpf_object__open_mem(raw, len, NULL);
	if (!obj)
		return NULL;
	btf = bpf_object__btf(obj);
	raw = btf ? btf__raw_data(btf, &size) : NULL;
	if (raw)
		copy = btf__new(raw, size);
	bpf_object__close(obj);
	return copy;
}

/*
 * Why the last load failed, in one line: libbpf's first complaint, and the verifier's last word if
 * there is one. libbpf's callback has no context, hence file scope.
 */
static char complaint[160], verdict[256];

/* The last line of a verifier log that is not its statistics. */
static void keep_verdict(const char *log)
{
	for (const char *line = log; *line; line += strspn(line, "\n")) {
		size_t n = strcspn(line, "\n");

		if (!strncmp(line, "processed ", 10) || !strncmp(line, "-- END", 6))
			break;
		snprintf(verdict, sizeof(verdict), "%.*s", (int)n, line);
		line += n;
	}
}

static int keep_words(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	static const char mark[] = "BEGIN PROG LOAD LOG --\n";
	char *text, *log, *begin;

	if (level != LIBBPF_WARN || vasprintf(&text, fmt, ap) < 0)
		return 0;
	begin = strncmp(text, "libbpf: ", 8) ? text : text + 8;
	log = strstr(begin, mark);
	if (log)
		keep_verdict(log + strlen(mark));
	else if (!*complaint)
		snprintf(complaint, sizeof(complaint), "%.*s", (int)strcspn(begin, "\n"), begin);
	free(text);
	return 0;
}

/* As the daemon does: the arrays indexed by CPU are as long as there are CPUs. */
static void cut_maps(struct bpf_object *obj)
{
	static const char *const per_cpu[] = {"SENSE",	    "CPU_VITALS", "CPUS",
					      "PULSE_CPUS", "SCHED_CPUS", "COUNTS",
					      "STEER_CPUS", "STEER_IDLE", "STEER_QUEUES"};
	int cpus = libbpf_num_possible_cpus();

	for (size_t i = 0; cpus > 0 && i < sizeof(per_cpu) / sizeof(*per_cpu); i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(obj, per_cpu[i]);

		if (map)
			bpf_map__set_max_entries(map, cpus);
	}
}

/* Two programs share a section with another family's, and one is no family's: it is for homeostat replay. */
static enum family_id family_of_program(const struct bpf_program *prog)
{
	const char *name = bpf_program__name(prog);

	return !strcmp(name, "replay_call")    ? FAMILY_NR
	       : !strcmp(name, "counts_start") ? FAMILY_COUNTS
	       : !strcmp(name, "steer_ingress")
		       ? FAMILY_STEER
		       : family_of_section(bpf_program__section_name(prog));
}

/* Loads the programs of the wanted families, together; n: how many each of these has. 0 or a negative errno. */
static int try_load(const bool wanted[FAMILY_NR], int n[FAMILY_NR])
{
	struct bpf_program *prog;
	struct bpf_object *obj;
	struct bpf_map *map;
	size_t len;
	const void *elf = homeostat_bpf__elf_bytes(&len);
	bool any = false;
	int err;

	*complaint = *verdict = '\0';
	obj = bpf_object__open_mem(elf, len, NULL);
	if (!obj)
		return -errno;
	bpf_object__for_each_program(prog, obj)
	{
		enum family_id id = family_of_program(prog);
		bool mine = id < FAMILY_NR && wanted[id];

		bpf_program__set_autoload(prog, mine);
		if (mine)
			n[id]++;
		any |= mine;
	}
	bpf_object__for_each_map(map, obj)
	{
		enum family_id id = family_of_ops(bpf_map__name(map));

		if (bpf_map__type(map) == BPF_MAP_TYPE_STRUCT_OPS)
			bpf_map__set_autocreate(map, id < FAMILY_NR && wanted[id]);
	}
	cut_maps(obj);
	ops_fit(obj);
	err = any ? bpf_object__load(obj) : 0;
	bpf_object__close(obj);
	return err;
}

/* err: why its n programs do not load, 0 if they do. Returns whether they do. */
static bool report_family(struct doctor *d, const struct family_info *f, int n, int err)
{
	if (!err && !n)
		doctor_add(d, FINDING_OFF, f->name, NULL, "not in this build of homeostat");
	else if (!err)
		doctor_add(d, FINDING_OK, f->name, NULL, "%s loads (%d program%s)", f->what, n,
			   n > 1 ? "s" : "");
	else if (err == -EPERM && !*verdict)
		doctor_add(
			d, FINDING_OFF, f->name,
			"see capabilities and lockdown above; in a container, run it on the host",
			"the kernel does not let us load it");
	else if (f == &family_infos[FAMILY_COUNTS])
		doctor_add(d, FINDING_OFF, f->name,
			   "a kernel with CONFIG_KALLSYMS_ALL=y; without it the vital signs of "
			   "network, interrupts and memory that the pulse writes are absent",
			   "%s does not load: %s", f->what,
			   *verdict	? verdict
			   : *complaint ? complaint
					: strerror(-err));
	else
		doctor_add(d, FINDING_OFF, f->name,
			   "see what is off or warned of above; else a newer kernel, and a report "
			   "with "
			   "this line",
			   "%s does not load: %s%s%s", f->what,
			   *complaint ? complaint : strerror(-err), *verdict ? ": " : "", verdict);
	return !err && n;
}

/* Returns whether it loads by itself. */
static bool load_family(struct doctor *d, const struct family_info *f)
{
	enum family_id id = (enum family_id)(f - family_infos);
	bool wanted[FAMILY_NR] = {false};
	int n[FAMILY_NR] = {0}, err;

	wanted[id] = true;
	err = try_load(wanted, n);
	return report_family(d, f, n[id], err);
}

/* The object with one program in it; *prog is that. NULL with errno. */
static struct bpf_object *open_for(const char *name, struct bpf_program **prog)
{
	struct bpf_program *p;
	struct bpf_object *obj;
	struct bpf_map *map;
	size_t len;
	const void *elf = homeostat_bpf__elf_bytes(&len);

	obj = bpf_object__open_mem(elf, len, NULL);
	if (!obj)
		return NULL;
	*prog = bpf_object__find_program_by_name(obj, name);
	bpf_object__for_each_program(p, obj) bpf_program__set_autoload(p, p == *prog);
	bpf_object__for_each_map(map, obj) if (bpf_map__type(map) == BPF_MAP_TYPE_STRUCT_OPS)
		bpf_map__set_autocreate(map, false);
	cut_maps(obj);
	return obj;
}

int try_component(char *why, size_t size)
{
	libbpf_print_fn_t before = libbpf_set_print(keep_words);
	struct bpf_program *of, *prog;
	struct bpf_object *target, *component;
	int err;

	*complaint = *verdict = '\0';
	target = open_for("xdp_ingress", &of);
	component = open_for(DISPATCHER_PROGRAM, &prog);
	err = target && component ? bpf_object__load(target) : -ENOMEM;
	if (!err)
		err = bpf_program__set_attach_target(prog, bpf_program__fd(of), "xdp_ingress");
	if (!err)
		err = bpf_object__load(component);
	bpf_object__close(component);
	bpf_object__close(target);
	libbpf_set_print(before);
	if (err)
		snprintf(why, size, "%s",
			 *verdict     ? verdict
			 : *complaint ? complaint
				      : strerror(-err));
	return err;
}

int try_pulse(struct bpf_object **obj, char *why, size_t size)
{
	libbpf_print_fn_t before = libbpf_set_print(keep_words);
	struct bpf_program *prog;
	int err;

	*complaint = *verdict = '\0';
	*obj = open_for("pulse_start", &prog);
	err = *obj ? bpf_object__load(*obj) : -errno;
	libbpf_set_print(before);
	if (!err)
		return bpf_program__fd(prog);
	snprintf(why, size, "%s", *verdict ? verdict : *complaint ? complaint : strerror(-err));
	bpf_object__close(*obj);
	*obj = NULL;
	return err;
}

/* true if an enum of the kernel has this value name: how features show in BTF. */
static bool has_enumerator(const struct btf *btf, const char *name)
{
	__u32 n = btf__type_cnt(btf);

	for (__u32 id = 1; id < n; id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);

		if (!btf_is_enum(t))
			continue;
		for (int i = 0; i < btf_vlen(t); i++)
			if (!strcmp(btf__name_by_offset(btf, btf_enum(t)[i].name_off), name))
				return true;
	}
	return false;
}

/* For the kernels whose files we have but which we cannot ask. */
static void judge_by_btf(struct doctor *d)
{
	static const char untried[] = "run doctor as root on that machine to be sure";

	if (btf__find_by_name_kind(d->btf, "btf_trace_sched_switch", BTF_KIND_TYPEDEF) > 0)
		doctor_add(d, FINDING_OK, family_name(FAMILY_SENSE), untried,
			   "by its BTF; not tried");
	else
		doctor_add(d, FINDING_OFF, family_name(FAMILY_SENSE),
			   "a kernel with CONFIG_TRACEPOINTS",
			   "the BTF knows no tracepoint sched_switch");
	if (has_enumerator(d->btf, "BPF_FUNC_timer_init"))
		doctor_add(d, FINDING_OK, family_name(FAMILY_PULSE), untried,
			   "by its BTF; not tried");
	else
		doctor_add(d, FINDING_OFF, family_name(FAMILY_PULSE), "a kernel from 5.15 on",
			   "the BTF knows no BPF timer");
	if (!d->sched_off)
		doctor_add(d, FINDING_OK, family_name(FAMILY_SCHED), untried,
			   "by its BTF; not tried");
}

/* Loaded on demand by who selects it; the variant calls its functions, so it has to be there before. */
static bool lacks_bbr(struct doctor *d)
{
	char names[256];

	return doctor_read(d, "/proc/sys/net/ipv4/tcp_available_congestion_control", names,
			   sizeof(names)) > 0 &&
	       !strstr(names, "bbr");
}

/*
 * Where nothing is wrong all load together, as in the daemon, and that is the answer for each; it takes a fifth of the
 * time. Otherwise each is tried by itself.
 */
static void try_families(struct doctor *d, bool tc_off)
{
	bool no_bbr = lacks_bbr(d), loads[FAMILY_NR] = {false}, wanted[FAMILY_NR], together;
	int n[FAMILY_NR] = {0};

	for (int i = 0; i < FAMILY_NR; i++)
		wanted[i] = !(i == FAMILY_SCHED && d->sched_off) && !(i == FAMILY_TC && tc_off) &&
			    !(i == FAMILY_TCP_LOSS && no_bbr);
	together = !try_load(wanted, n);
	for (int i = 0; i < FAMILY_NR; i++) {
		if (i == FAMILY_TCP_LOSS && no_bbr)
			doctor_add(
				d, FINDING_WARN, family_name(FAMILY_TCP_LOSS),
				"modprobe tcp_bbr, before homeostatd is started",
				"BBR is not loaded: no connection will bear loss, all are CUBIC");
		else if (!wanted[i])
			continue; /* said elsewhere */
		else if (i == FAMILY_STEER && !loads[FAMILY_COUNTS])
			doctor_add(d, FINDING_OFF, family_name(FAMILY_STEER),
				   "what helps counts, above",
				   "the pulse cannot read here how busy CPUs are");
		else
			loads[i] = together ? report_family(d, &family_infos[i], n[i], 0)
					    : load_family(d, &family_infos[i]);
	}
}

void probe_families(struct doctor *d)
{
	libbpf_print_fn_t before;
	bool tc_off;

	if (!d->btf)
		return; /* said already; nothing would load */
	tc_off = !has_enumerator(d->btf, "BPF_TCX_EGRESS");
	if (d->may_load) {
		before = libbpf_set_print(keep_words);
		try_families(d, tc_off);
		libbpf_set_print(before);
	} else {
		judge_by_btf(d);
	}
	if (tc_off)
		doctor_add(d, FINDING_OFF, family_name(FAMILY_TC), "a kernel from 6.6 on",
			   "the kernel has no tcx: what goes out is left alone");
	if (!has_enumerator(d->btf, "BPF_F_TIMER_CPU_PIN"))
		doctor_add(d, FINDING_WARN, family_name(FAMILY_PULSE), "a kernel from 6.7 on",
			   "its timer cannot be pinned: it may wander onto a nohz_full CPU");
}
