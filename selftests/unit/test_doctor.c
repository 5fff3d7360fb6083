// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* doctor, fed with trees of files and with BTF made for the purpose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <bpf/btf.h>
#include <errno.h>
#include <ftw.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../user/cli/cli.h"
#include "../../user/cli/doctor.h"
#include "../../user/lib/json.h"

#define SOCKET "/run/homeostat/control.sock"

/* One test's root, and what doctor found in it. */
struct fixture {
	char root[64];
	struct doctor d;
};

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	snprintf(f->root, sizeof(f->root), "/tmp/test_doctor.XXXXXX");
	assert_non_null(mkdtemp(f->root));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	doctor_close(&f->d);
	nftw(f->root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

/* Writes a file below the root, directories included. */
static void put(struct fixture *f, const char *path, const char *text)
{
	char full[512];
	FILE *file;

	snprintf(full, sizeof(full), "%s%s", f->root, path);
	for (char *at = full + strlen(f->root) + 1; (at = strchr(at, '/')); at++) {
		*at = '\0';
		assert_true(!mkdir(full, 0755) || errno == EEXIST);
		*at = '/';
	}
	file = fopen(full, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void examine(struct fixture *f)
{
	assert_int_equal(doctor_open(&f->d, f->root, NULL, SOCKET), 0);
	doctor_examine(&f->d);
}

/* The first finding on @family with that state; NULL if there is none. */
static const char *reason(struct fixture *f, const char *state, const char *family)
{
	for (size_t i = 0; i < json_object_array_length(f->d.findings); i++) {
		struct json_object *o = json_object_array_get_idx(f->d.findings, i);

		if (!strcmp(js_str(o, "family"), family) && !strcmp(js_str(o, "state"), state))
			return js_str(o, "reason");
	}
	return NULL;
}

static void assert_says(struct fixture *f, const char *state, const char *family, const char *part)
{
	const char *text = reason(f, state, family);

	if (!text || !strstr(text, part))
		fail_msg("no '%s' finding on %s with '%s': %s", state, family, part,
			 json_object_to_json_string(f->d.findings));
}

static void assert_silent(struct fixture *f, const char *family)
{
	assert_null(reason(f, "ok", family));
	assert_null(reason(f, "warn", family));
	assert_null(reason(f, "off", family));
}

static void network_cards(void **state)
{
	struct fixture *f = *state;

	put(f, "/sys/class/net/lo/ifindex", "1\n");
	put(f, "/sys/class/net/eth0/device/vendor", "0x1af4\n");
	put(f, "/sys/class/net/eth1/device/vendor", "0x1af4\n");
	assert_int_equal(doctor_open(&f->d, f->root, NULL, SOCKET), 0);
	probe_nics(&f->d);
	assert_int_equal(json_object_array_length(f->d.findings), 1);
	assert_says(f, "ok", "nics", "the packets of eth0, eth1, if");
	doctor_close(&f->d);
	put(f, "/sys/class/net/docker0/ifindex", "4\n");
	assert_int_equal(doctor_open(&f->d, f->root, NULL, SOCKET), 0);
	probe_nics(&f->d);
	assert_int_equal(json_object_array_length(f->d.findings), 2);
	assert_non_null(strstr(json_object_to_json_string(f->d.findings),
			       "leaves docker0 alone: no network card"));
}

static void slow_sensors(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(doctor_open(&f->d, f->root, NULL, SOCKET), 0);
	probe_sense(&f->d);
	assert_int_equal(json_object_array_length(f->d.findings), 1);
	assert_says(f, "ok", "sensors", "for want of clock rates, thermal zones, energy counters");
	doctor_close(&f->d);
	put(f, "/sys/class/powercap/intel-rapl:0/energy_uj", "1\n");
	put(f, "/sys/class/powercap/dtpm/energy_uj", "1\n");
	put(f, "/sys/class/thermal/cooling_device0/temp", "1\n"); /* no zone */
	put(f, "/sys/class/power_supply/AC/online", "1\n");
	put(f, "/sys/bus/pci/devices/0000:00:01.0/aer_rootport_total_err_cor", "0\n");
	assert_int_equal(doctor_open(&f->d, f->root, NULL, SOCKET), 0);
	probe_sense(&f->d);
	assert_int_equal(json_object_array_length(f->d.findings), 2);
	assert_string_equal(reason(f, "ok", "sensors"),
			    "there are energy counters (RAPL), PCIe errors (AER)");
	assert_non_null(strstr(json_object_to_json_string(f->d.findings),
			       "for want of clock rates, thermal zones, battery, memory"));
}

/* Where libxdp would pin; components are tried on the machine itself only. */
static void dispatcher(void **state)
{
	struct fixture *f = *state;
	char bpffs[256];

	snprintf(bpffs, sizeof(bpffs), "%s/sys/fs/bpf", f->root);
	for (int i = 0; i < 4; i++) {
		static const char *const says[][2] = {{"warn", "/sys/fs/bpf: No such file"},
						      {"warn", "is not root's alone"},
						      {"ok", "can be shared"},
						      {"warn", "xdp is not root's alone"}};

		if (i == 1)
			put(f, "/sys/fs/bpf/other", "");
		if (i)
			assert_int_equal(chmod(bpffs, i == 1 ? 0777 : 0700), 0);
		if (i == 3) {
			put(f, "/sys/fs/bpf/xdp/other", "");
			snprintf(bpffs, sizeof(bpffs), "%s/sys/fs/bpf/xdp", f->root);
			assert_int_equal(chmod(bpffs, 0770), 0);
		}
		assert_int_equal(doctor_open(&f->d, f->root, NULL, SOCKET), 0);
		probe_beside(&f->d);
		assert_says(f, says[i][0], "beside", says[i][1]);
		doctor_close(&f->d);
	}
}

/*
 * BTF
 */

struct made {
	struct btf *btf;
	int u64;  /* integer */
	int aux;  /* const struct bpf_prog_aux * */
	int task; /* struct task_struct * */
};

static void make(struct made *m)
{
	int id;

	m->btf = btf__new_empty();
	assert_non_null(m->btf);
	m->u64 = btf__add_int(m->btf, "u64", 8, 0);
	id = btf__add_struct(m->btf, "bpf_prog_aux", 8);
	m->aux = btf__add_ptr(m->btf, btf__add_const(m->btf, id));
	id = btf__add_struct(m->btf, "task_struct", 8);
	m->task = btf__add_ptr(m->btf, id);
}

/* A function of one integer and, perhaps, a last parameter of that name and type. */
static void add_func(struct made *m, const char *name, const char *last, int type)
{
	int proto = btf__add_func_proto(m->btf, m->u64);

	assert_true(proto > 0);
	assert_int_equal(btf__add_func_param(m->btf, "x", m->u64), 0);
	if (last)
		assert_int_equal(btf__add_func_param(m->btf, last, type), 0);
	assert_true(btf__add_func(m->btf, name, BTF_FUNC_STATIC, proto) > 0);
}

static void kfunc_rule(void **state)
{
	struct made m;
	char list[256];

	(void)state;
	make(&m);
	/* whole: the plain one without, the twin with the implicit argument */
	add_func(&m, "scx_bpf_whole", NULL, 0);
	add_func(&m, "scx_bpf_whole_impl", "aux", m.aux);
	/* broken: the plain one shows it, no twin */
	add_func(&m, "scx_bpf_broken", "aux", m.aux);
	add_func(&m, "bpf_iter_scx_dsq_new", "aux", m.aux);
	/* fine: another pointer, no pointer, the explicit argument of older kernels */
	add_func(&m, "scx_bpf_task", "p", m.task);
	add_func(&m, "scx_bpf_plain", NULL, 0);
	add_func(&m, "scx_bpf_explicit", "aux__prog", m.aux);
	/* not ours to judge */
	add_func(&m, "bpf_obj_new", "aux", m.aux);

	assert_int_equal(kfunc_state(m.btf, "scx_bpf_whole"), KFUNC_WHOLE);
	assert_int_equal(kfunc_state(m.btf, "scx_bpf_broken"), KFUNC_BROKEN);
	assert_int_equal(kfunc_state(m.btf, "scx_bpf_task"), KFUNC_WHOLE);
	assert_int_equal(kfunc_state(m.btf, "scx_bpf_plain"), KFUNC_WHOLE);
	assert_int_equal(kfunc_state(m.btf, "scx_bpf_explicit"), KFUNC_WHOLE);
	assert_int_equal(kfunc_state(m.btf, "scx_bpf_nowhere"), KFUNC_ABSENT);
	assert_int_equal(kfuncs_broken(m.btf, list, sizeof(list)), 2);
	assert_string_equal(list, "scx_bpf_broken, bpf_iter_scx_dsq_new");
	assert_int_equal(kfuncs_broken(m.btf, NULL, 0), 2);
	/* a list too short for both says that there are more */
	assert_int_equal(kfuncs_broken(m.btf, list, 24), 2);
	assert_string_equal(list, "scx_bpf_broken, …");
	btf__free(m.btf);
}

static void kfunc_needed(void **state)
{
	struct made kernel, object;
	char list[256];

	(void)state;
	make(&kernel);
	add_func(&kernel, "scx_bpf_unused", "aux", kernel.aux);
	add_func(&kernel, "scx_bpf_used", "aux", kernel.aux);
	add_func(&kernel, "scx_bpf_fine", NULL, 0);
	make(&object);
	add_func(&object, "scx_bpf_fine", NULL, 0);
	add_func(&object, "scx_bpf_used___compat", NULL, 0);
	add_func(&object, "main_program", NULL, 0);
	assert_int_equal(kfuncs_broken_needed(kernel.btf, object.btf, list, sizeof(list)), 1);
	assert_string_equal(list, "scx_bpf_used___compat");
	btf__free(kernel.btf);
	btf__free(object.btf);
}

/* The kernels that scripts/setup unpacked: what is broken in 7.2 must be named, 7.3 be whole. */
static struct btf *lab_btf(const char *name)
{
	const char *o = getenv("O");
	char path[512];

	snprintf(path, sizeof(path), "%s/deps/kernels/%s/btf", o && *o ? o : "build", name);
	return access(path, R_OK) ? NULL : btf__parse(path, NULL);
}

static void kfunc_real_broken(void **state)
{
	struct btf *btf = lab_btf("broken"), *own;
	char list[1024];

	(void)state;
	if (!btf)
		skip();
	assert_true(kfuncs_broken(btf, NULL, 0) > 0);
	assert_int_equal(kfunc_state(btf, "scx_bpf_now"), KFUNC_WHOLE);
	own = own_btf();
	assert_non_null(own);
	assert_true(kfuncs_broken_needed(btf, own, list, sizeof(list)) > 0);
	assert_non_null(strstr(list, "scx_bpf_"));
	btf__free(own);
	btf__free(btf);
}

static void kfunc_real_whole(void **state)
{
	struct btf *btf = lab_btf("scx");

	(void)state;
	if (!btf)
		skip();
	assert_int_equal(kfuncs_broken(btf, NULL, 0), 0);
	assert_int_equal(kfunc_state(btf, "scx_bpf_create_dsq"), KFUNC_WHOLE);
	btf__free(btf);
}

static bool has_tcx = true; /* the next BTF that is made */

/* BTF of a kernel with all that doctor looks for, as a file of the root. */
static void put_btf(struct fixture *f, bool broken)
{
	struct made m;
	const void *raw;
	char path[512];
	__u32 size;
	FILE *file;

	make(&m);
	btf__add_struct(m.btf, "sched_ext_ops", 8);
	btf__add_typedef(m.btf, "btf_trace_sched_switch", m.task);
	btf__add_enum(m.btf, "bpf_func_id", 4);
	btf__add_enum_value(m.btf, "BPF_FUNC_timer_init", 169);
	btf__add_enum_value(m.btf, "BPF_F_TIMER_CPU_PIN", 2);
	if (has_tcx)
		btf__add_enum_value(m.btf, "BPF_TCX_EGRESS", 47);
	add_func(&m, "scx_bpf_create_dsq", broken ? "aux" : NULL, m.aux);
	raw = btf__raw_data(m.btf, &size);
	put(f, "/sys/kernel/btf/vmlinux", "");
	snprintf(path, sizeof(path), "%s/sys/kernel/btf/vmlinux", f->root);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(raw, 1, size, file), size);
	fclose(file);
	btf__free(m.btf);
}

/*
 * Roots
 */

/* A machine on which everything runs. */
static void put_good(struct fixture *f)
{
	put_btf(f, false);
	put(f, "/proc/sys/kernel/osrelease", "7.3.4-test\n");
	put(f, "/proc/sys/kernel/version", "#1 SMP PREEMPT_DYNAMIC\n");
	put(f, "/proc/cmdline", "root=/dev/vda quiet\n");
	put(f, "/proc/self/status", "Name:\tx\nUid:\t0\t0\t0\t0\nCapEff:\t000001ffffffffff\n");
	put(f, "/proc/self/cgroup", "0::/user.slice\n");
	put(f, "/proc/loadavg", "0.00 0.00 0.00 1/200 4711\n");
	put(f, "/sys/kernel/sched_ext/state", "disabled\n");
	put(f, "/sys/fs/cgroup/cgroup.controllers", "cpu memory\n");
	put(f, "/sys/fs/cgroup/user.slice/cpu.max", "max 100000\n");
	put(f, "/sys/fs/cgroup/user.slice/cpu.idle", "0\n");
	put(f, "/sys/fs/cgroup/user.slice/memory.max", "max\n");
	put(f, "/sys/devices/system/cpu/nohz_full", "(null)\n");
	put(f, "/sys/devices/system/cpu/possible", "0-1\n");
	put(f, SOCKET, "");
}

static void all_good(void **state)
{
	struct fixture *f = *state;

	put_good(f);
	examine(f);
	if (f->d.off)
		fail_msg("%s", json_object_to_json_string(f->d.findings));
	assert_says(f, "ok", "kernel", "7.3.4-test");
	assert_says(f, "ok", "capabilities", "all");
	assert_says(f, "ok", "sensor", "BTF");
	assert_says(f, "ok", "pulse", "BTF");
	assert_says(f, "ok", "sched_ext", "BTF");
	assert_silent(f, "cpu.max");
	assert_silent(f, "isolcpus");
	assert_silent(f, "memory");
	assert_silent(f, "nohz_full");
	assert_silent(f, "lockdown");
	assert_silent(f, "preempt_rt");
}

static void no_tcx(void **state)
{
	struct fixture *f = *state;

	has_tcx = false;
	put_good(f);
	has_tcx = true;
	examine(f);
	assert_says(f, "off", "tc", "no tcx");
	assert_int_equal(f->d.off, 1);
}

/* An empty root: nothing is known, nothing crashes, and what is off is said. */
static void nothing_there(void **state)
{
	struct fixture *f = *state;

	examine(f);
	assert_says(f, "off", "btf", "no usable");
	assert_says(f, "off", "sched_ext", "without sched_ext");
	assert_says(f, "warn", "cgroup", "no cgroup v2");
	assert_says(f, "warn", "daemon", "not running");
}

static void no_sched_ext(void **state)
{
	struct fixture *f = *state;

	put_good(f);
	examine(f);
	assert_null(reason(f, "off", "sched_ext"));
	doctor_close(&f->d);

	/* the same machine without the class, and its configuration in /boot */
	{
		char path[256];

		snprintf(path, sizeof(path), "%s/sys/kernel/sched_ext/state", f->root);
		unlink(path);
		snprintf(path, sizeof(path), "%s/sys/kernel/sched_ext", f->root);
		assert_int_equal(rmdir(path), 0);
	}
	put(f, "/boot/config-7.3.4-test", "# CONFIG_SCHED_CLASS_EXT is not set\nCONFIG_SMP=y\n");
	examine(f);
	assert_int_equal(doctor_config(&f->d, "SMP"), 'y');
	assert_int_equal(doctor_config(&f->d, "SCHED_CLASS_EXT"), 'n');
	assert_says(f, "off", "sched_ext", "CONFIG_SCHED_CLASS_EXT");
	assert_says(f, "ok", "sensor", "BTF");
	assert_null(reason(f, "ok", "sched_ext"));
}

static void broken_btf(void **state)
{
	struct fixture *f = *state;

	put_good(f);
	put_btf(f, true);
	examine(f);
	assert_says(f, "off", "sched_ext", "scx_bpf_create_dsq");
	assert_null(reason(f, "ok", "sched_ext"));
}

static void isolcpus(void **state)
{
	static const struct {
		const char *cmdline;
		const char *cpus; /* NULL = none of the scheduler's business */
	} cases[] = {
		{"isolcpus=2,3 quiet", "isolcpus=2,3"},
		{"quiet isolcpus=domain,managed_irq,2-3", "isolcpus=2-3"},
		{"isolcpus=nohz,2-3", NULL},
		{"isolcpus=managed_irq,2-3", NULL},
		{"isolcpus=strange,2-3",
		 "isolcpus=2-3"}, /* the kernel skips what it does not know */
		{"isolcpus=", NULL},
		{"notisolcpus=2", NULL},
		{"x.isolcpus=2", NULL},
	};
	struct fixture *f = *state;

	put_good(f);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		put(f, "/proc/cmdline", cases[i].cmdline);
		examine(f);
		if (cases[i].cpus) {
			assert_says(f, "off", "isolcpus", cases[i].cpus);
			assert_null(reason(f, "ok", "sched_ext"));
		} else {
			assert_silent(f, "isolcpus");
		}
		doctor_close(&f->d);
	}
}

static void kernel_modes(void **state)
{
	struct fixture *f = *state;

	put_good(f);
	put(f, "/proc/sys/kernel/version", "#1 SMP PREEMPT_RT Debian\n");
	put(f, "/sys/kernel/security/lockdown", "none integrity [confidentiality]\n");
	put(f, "/proc/sys/net/core/bpf_jit_enable", "0\n");
	put(f, "/sys/devices/system/cpu/nohz_full", "2-3\n");
	put(f, "/sys/module/rcutree/parameters/kthread_prio", "0\n");
	examine(f);
	assert_says(f, "warn", "rcu", "waits its turn");
	assert_says(f, "warn", "preempt_rt", "thread");
	assert_says(f, "warn", "lockdown", "confidentiality");
	assert_says(f, "off", "jit", "switched off");
	assert_says(f, "ok", "nohz_full", "2-3");
	doctor_close(&f->d);

	put(f, "/sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
	put(f, "/proc/sys/net/core/bpf_jit_enable", "1\n");
	put(f, "/sys/module/rcutree/parameters/kthread_prio", "1\n");
	examine(f);
	assert_silent(f, "lockdown");
	assert_silent(f, "jit");
	assert_silent(f, "rcu");
}

static void capabilities(void **state)
{
	struct fixture *f = *state;

	put_good(f);
	put(f, "/proc/self/status", "Name:\tx\nUid:\t1000\t1000\t1000\t1000\nCapEff:\t0\n");
	examine(f);
	assert_says(f, "warn", "capabilities", "not root: CAP_BPF");
	assert_int_equal(f->d.off, 0);
	doctor_close(&f->d);

	/* root in a container: CAP_BPF (39) is missing */
	put(f, "/proc/self/status", "Name:\tx\nUid:\t0\t0\t0\t0\nCapEff:\t0000017fffffffff\n");
	examine(f);
	assert_says(f, "off", "capabilities", "root, but CAP_BPF missing");
}

static void other_scheduler(void **state)
{
	struct fixture *f = *state;

	put_good(f);
	put(f, "/sys/kernel/sched_ext/state", "enabled\n");
	put(f, "/sys/kernel/sched_ext/root/ops", "bpfland_1.0\n");
	examine(f);
	assert_says(f, "off", "sched_ext", "bpfland_1.0");
	doctor_close(&f->d);

	put(f, "/sys/kernel/sched_ext/root/ops", "homeostat\n");
	examine(f);
	assert_says(f, "ok", "sched_ext", "our scheduler is enabled");
	assert_int_equal(f->d.off, 0);
}

static void cgroup_limits(void **state)
{
	struct fixture *f = *state;

	put_good(f);
	put(f, "/sys/fs/cgroup/user.slice/app/cpu.max", "50000 100000\n");
	put(f, "/sys/fs/cgroup/user.slice/low/cpu.idle", "1\n");
	put(f, "/sys/fs/cgroup/system.slice/homeostatd.service/memory.max", "max\n");
	put(f, "/sys/fs/cgroup/system.slice/memory.max", "8388608\n");
	examine(f);
	assert_says(f, "off", "cpu.max", "/user.slice/app;");
	assert_says(f, "off", "cpu.idle", "/user.slice/low;");
	assert_says(f, "warn", "memory", "limit is 8 MiB");
	assert_null(reason(f, "ok", "sched_ext"));
}

/* Through the program: exit codes, and JSON that says the same. */
static void as_verb(void **state)
{
	struct fixture *f = *state;
	char *out = NULL, *err = NULL,
	     *argv[] = {"homeostat", "doctor", "--json", "--root", f->root, NULL};
	struct json_object *o, *findings;
	size_t out_len, err_len;
	FILE *out_file = open_memstream(&out, &out_len), *err_file = open_memstream(&err, &err_len);

	put_good(f);
	assert_int_equal(cli_main(5, argv, out_file, err_file), CLI_OK);
	fclose(out_file);
	fclose(err_file);
	assert_string_equal(err, "");
	o = json_tokener_parse(out);
	assert_non_null(o);
	assert_true(js_bool(o, "whole"));
	assert_string_equal(js_str(o, "kernel"), "7.3.4-test");
	assert_int_equal(js_get_array(o, "findings", &findings), 0);
	assert_true(json_object_array_length(findings) > 5);
	json_object_put(o);
	free(out);
	free(err);

	put(f, "/proc/cmdline", "isolcpus=1\n");
	out_file = open_memstream(&out, &out_len);
	argv[2] = "--root";
	argv[3] = f->root;
	argv[4] = NULL;
	assert_int_equal(cli_main(4, argv, out_file, out_file), CLI_FINDINGS);
	fclose(out_file);
	assert_non_null(strstr(out, "off  isolcpus: isolcpus=1 takes"));
	assert_non_null(strstr(out, "; help: drop isolcpus="));
	free(out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kfunc_rule),
		cmocka_unit_test(kfunc_needed),
		cmocka_unit_test(kfunc_real_broken),
		cmocka_unit_test(kfunc_real_whole),
		TEST(all_good),
		TEST(slow_sensors),
		TEST(network_cards),
		TEST(dispatcher),
		TEST(no_tcx),
		TEST(nothing_there),
		TEST(no_sched_ext),
		TEST(broken_btf),
		TEST(isolcpus),
		TEST(kernel_modes),
		TEST(capabilities),
		TEST(other_scheduler),
		TEST(cgroup_limits),
		TEST(as_verb),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
