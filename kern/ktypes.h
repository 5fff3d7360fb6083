/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The slice of kernel types and kernel functions that we touch, instead of a generated vmlinux.h:
 * what is not here, no program of ours can read. Fields are relocated at load (CO-RE), so their
 * order and the fields left out do not matter; kernel functions are weak, so that an object that
 * does not use a family loads where the family is missing.
 */
#ifndef HOMEOSTAT_KTYPES_H
#define HOMEOSTAT_KTYPES_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

typedef __u8 u8;
typedef __u32 u32;
typedef __s32 s32;
typedef __u64 u64;
typedef __s64 s64;

#ifndef BPF_F_TIMER_CPU_PIN
#define BPF_F_TIMER_CPU_PIN (1ULL << 1) /* since 6.7; older headers lack it */
#endif
#define CLOCK_MONOTONIC 1
#define PF_KTHREAD 0x00200000
#define PF_NO_SETAFFINITY 0x04000000
#define TASK_RUNNING 0

/* ---- tasks and run queues ---- */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sched_info {
	unsigned long pcount;
	unsigned long long run_delay;
	unsigned long long last_queued; /* rq clock when it became runnable; 0 = not waiting */
};

struct scx_rq {
	u32 nr_running; /* of sched_ext alone */
};

struct rq {
	u64 clock;
	unsigned int nr_running; /* of all classes */
	struct scx_rq scx;
};

struct cfs_rq {
	struct rq *rq; /* only with CONFIG_FAIR_GROUP_SCHED */
};

struct sched_entity {
	u64 sum_exec_runtime;
	struct cfs_rq *cfs_rq; /* of every class of task: set whenever it changes its CPU */
};

struct sched_ext_entity {
	u32 flags;
	u32 weight; /* 1 … 10000, 100 = nice 0 */
	u64 slice;
	u64 dsq_vtime;
};

struct kernfs_node {
	u64 id;
	struct kernfs_node *parent;
	struct kernfs_node *__parent; /* its name since 6.15 */
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
};

struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
	int level;
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

typedef struct cpumask {
	unsigned long bits[1];
} cpumask_t;

struct thread_info {
	u32 cpu;
};

struct task_struct {
	struct thread_info thread_info;
	unsigned int __state;
	u32 flags;
	int pid;
	int tgid;
	int nr_cpus_allowed;
	unsigned short migration_disabled;
	const cpumask_t *cpus_ptr;
	unsigned long nvcsw;
	unsigned long nivcsw;
	u64 start_time;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct sched_info sched_info;
	struct sched_entity se;
	struct sched_ext_entity scx;
	struct css_set *cgroups;
	char comm[16];
};

struct kernel_cpustat {
	u64 cpustat[10]; /* ns, by enum cpu_usage_stat */
};

struct net_device;
struct bpf_prog;
struct linux_binprm;
struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
	u64 session_id;
	u64 seq_num;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

/* ---- sched_ext ---- */
/* Order and range matter (errors are the highest), the numbers are relocated at load. */
enum scx_exit_kind {
	SCX_EXIT_NONE,
	SCX_EXIT_UNREG = 64, /* its link was destroyed */
	SCX_EXIT_UNREG_BPF,  /* it asked for it: scx_bpf_exit() */
	SCX_EXIT_ERROR = 1024,
	SCX_EXIT_ERROR_STALL = 1026,
};

enum scx_exit_code {
	SCX_ECODE_RSN_HOTPLUG = 1ULL << 32,
};

struct scx_exit_info {
	enum scx_exit_kind kind;
	s64 exit_code;
	char *msg;
};

struct scx_dump_ctx {
	enum scx_exit_kind kind;
	s64 exit_code;
};

struct scx_init_task_args {
	bool fork;
	struct cgroup *cgroup;
};

struct scx_cgroup_init_args {
	u32 weight; /* cpu.weight, 1 … 10000 */
};

struct scx_bpf_dsq_insert_vtime_args {
	u64 dsq_id;
	u64 slice;
	u64 vtime;
	u64 enq_flags;
};

struct scx_bpf_select_cpu_and_args {
	s32 prev_cpu;
	u64 wake_flags;
	u64 flags;
};

/* The operations that we give; libbpf matches members by name, the others stay NULL. */
struct sched_ext_ops {
	s32 (*select_cpu)(struct task_struct *p, s32 prev_cpu, u64 wake_flags);
	void (*enqueue)(struct task_struct *p, u64 enq_flags);
	void (*dispatch)(s32 cpu, struct task_struct *prev);
	void (*tick)(struct task_struct *p);
	void (*running)(struct task_struct *p);
	void (*stopping)(struct task_struct *p, bool runnable);
	void (*enable)(struct task_struct *p);
	bool (*yield)(struct task_struct *from, struct task_struct *to);
	void (*disable)(struct task_struct *p);
	s32 (*cgroup_init)(struct cgroup *cgrp, struct scx_cgroup_init_args *args);
	void (*cgroup_exit)(struct cgroup *cgrp);
	void (*cgroup_set_weight)(struct cgroup *cgrp, u32 weight);
	void (*cgroup_move)(struct task_struct *p, struct cgroup *from, struct cgroup *to);
	void (*cpu_online)(s32 cpu);
	void (*cpu_offline)(s32 cpu);
	s32 (*init_task)(struct task_struct *p, struct scx_init_task_args *args);
	s32 (*init)(void);
	void (*dump)(struct scx_dump_ctx *ctx);
	void (*exit)(struct scx_exit_info *info);
	u64 flags;
	u32 timeout_ms;
	char name[128];
};

#pragma clang attribute pop

struct bpf_iter_scx_dsq {
	u64 __opaque[6];
} __attribute__((aligned(8)));

/* The low half of these flags are the core scheduler's, which renumbers them: relocated at load. */
enum scx_enq_flags {
	SCX_ENQ_CPU_SELECTED = 1ULL << 20, /* select_cpu() was asked */
	SCX_ENQ_REENQ = 1ULL << 40,	   /* makes the type 64 bits wide */
};
#define SCX_TASK_QUEUED 1U
#define SCX_DSQ_LOCAL ((1ULL << 63) | 2)
#define SCX_DSQ_LOCAL_ON ((1ULL << 63) | (1ULL << 62))
#define SCX_ENQ_WAKEUP 1ULL
#define SCX_ENQ_PREEMPT (1ULL << 32)
#define SCX_KICK_IDLE 1ULL
#define SCX_KICK_PREEMPT 2ULL
#define SCX_SLICE_INF (~0ULL)
#define SCX_OPS_ENQ_EXITING (1ULL << 2)
#define SCX_OPS_ENQ_MIGRATION_DISABLED (1ULL << 4)
#define SCX_DSQ_ITER_REV (1U << 16)

#define __kfunc __ksym __weak
s32 scx_bpf_create_dsq(u64 dsq_id, s32 node) __kfunc;
s32 scx_bpf_select_cpu_dfl(struct task_struct *p, s32 prev_cpu, u64 wake_flags,
			   bool *is_idle) __kfunc;
void scx_bpf_dsq_insert(struct task_struct *p, u64 dsq_id, u64 slice, u64 enq_flags) __kfunc;
bool __scx_bpf_dsq_insert_vtime(struct task_struct *p,
				struct scx_bpf_dsq_insert_vtime_args *args) __kfunc;
bool scx_bpf_dsq_move_to_local(u64 dsq_id) __kfunc;
bool scx_bpf_dsq_move(struct bpf_iter_scx_dsq *it, struct task_struct *p, u64 dsq_id,
		      u64 enq_flags) __kfunc;
s32 scx_bpf_dsq_nr_queued(u64 dsq_id) __kfunc;
struct task_struct *scx_bpf_dsq_peek(u64 dsq_id) __kfunc;
void scx_bpf_kick_cpu(s32 cpu, u64 flags) __kfunc;
bool scx_bpf_test_and_clear_cpu_idle(s32 cpu) __kfunc;
s32 __scx_bpf_select_cpu_and(struct task_struct *p, const cpumask_t *cpus_allowed,
			     struct scx_bpf_select_cpu_and_args *args) __kfunc;
bool scx_bpf_task_set_slice(struct task_struct *p, u64 slice) __kfunc;
void scx_bpf_exit_bstr(s64 exit_code, char *fmt, unsigned long long *data, u32 data__sz) __kfunc;
void scx_bpf_error_bstr(char *fmt, unsigned long long *data, u32 data__sz) __kfunc;
int bpf_iter_scx_dsq_new(struct bpf_iter_scx_dsq *it, u64 dsq_id, u64 flags) __kfunc;
struct task_struct *bpf_iter_scx_dsq_next(struct bpf_iter_scx_dsq *it) __kfunc;
void bpf_iter_scx_dsq_destroy(struct bpf_iter_scx_dsq *it) __kfunc;

bool bpf_cpumask_test_cpu(u32 cpu, const cpumask_t *cpumask) __kfunc;
void bpf_rcu_read_lock(void) __kfunc;
void bpf_rcu_read_unlock(void) __kfunc;

/*
 * Preemption counter of each CPU (x86). Bit 8: in a softirq. Bits 16-19: in a hard interrupt, and
 * bits 24-27 for the same where the counter has 64 bits (there, bits 16-19 count a rare kind of
 * interrupt disabling; on the others bits 24-27 are unused). So one mask serves both layouts.
 */
extern const unsigned long __preempt_count __ksym __weak;
#define PREEMPT_COUNT_INTERRUPT 0x0f0f0100UL

/* CPU time by kind, of each CPU; only where kallsyms has variables (CONFIG_KALLSYMS_ALL). */
extern const struct kernel_cpustat kernel_cpustat __ksym __weak;

#endif
