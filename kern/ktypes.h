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
typedef __u16 u16;
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
	struct nsproxy *nsproxy;
	char comm[16];
};

struct net_device;
struct bpf_prog;
struct linux_binprm;
struct seq_file;

/* ---- what the kernel counts for each CPU, read by kern/counts.h ---- */
typedef struct {
	int counter;
} atomic_t;

struct numa_drop_counters {
	atomic_t drops0, drops1;
};

struct softnet_data {
	unsigned int processed;
	unsigned int time_squeeze;
	atomic_t dropped;			 /* until 6.17 … */
	struct numa_drop_counters drop_counters; /* … and since */
};

struct kernel_cpustat {
	bool idle_elapse; /* idle now … */
	s64 idle_entrytime; /* … since then: by both a CPU's idle time is known also while its tick is off */
	u64 cpustat[16]; /* ns, by enum cpu_usage_stat */
};
enum cpu_usage_stat {
	CPUTIME_USER,
	CPUTIME_NICE,
	CPUTIME_SYSTEM,
	CPUTIME_SOFTIRQ,
	CPUTIME_IRQ,
	CPUTIME_IDLE,
	CPUTIME_IOWAIT,
	CPUTIME_STEAL,
};

struct tick_sched { /* the same before that was so, from 6.9 on */
	unsigned long flags;
	s64 idle_entrytime, idle_sleeptime, iowait_sleeptime;
};
#define TS_FLAG_IDLE_ACTIVE 4UL

struct irqtime { /* only where the kernel times interrupts */
	u64 total;
};

struct kernel_stat {
	unsigned long irqs_sum;
	unsigned int softirqs[10];
};
#define TIMER_SOFTIRQ 1
#define NET_RX_SOFTIRQ 3

struct vm_event_state {
	unsigned long event[256];
};
enum vm_event_item {
	ALLOCSTALL_DMA,
	ALLOCSTALL_DMA32,
	ALLOCSTALL_NORMAL,
	ALLOCSTALL_MOVABLE,
	ALLOCSTALL_DEVICE,
	COMPACTSTALL,
};

struct udp_mib {
	unsigned long mibs[10];
};
/* Of an enum without a name, so not to be relocated; an interface to user space, and the same since 2006. */
#define UDP_MIB_RCVBUFERRORS 5

struct netns_mib {
	void *tcp_statistics;
	void *net_statistics;
	struct udp_mib *udp_statistics;
	struct udp_mib *udp_stats_in6;
};

struct tcp_congestion_ops;

struct netns_ipv4 {
	const struct tcp_congestion_ops *tcp_congestion_control; /* the default */
};

struct net {
	struct netns_mib mib;
	struct netns_ipv4 ipv4;
};

struct nsproxy {
	struct net *net_ns;
};

struct sk_buff;
enum skb_drop_reason {
	SKB_NOT_DROPPED_YET,
	SKB_CONSUMED,
	SKB_DROP_REASON_NOT_SPECIFIED,
	SKB_DROP_REASON_XDP,
	SKB_DROP_REASON_TC_EGRESS,
};

struct bpf_iter_meta {
	struct seq_file *seq;
	u64 session_id;
	u64 seq_num;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

/* ---- packets that go out ---- */
struct Qdisc_ops {
	char id[16]; /* "fq" */
};

struct Qdisc {
	const struct Qdisc_ops *ops;
};

struct netdev_queue {
	struct Qdisc *qdisc_sleeping; /* in force while the interface is up */
};

#define NETIF_F_HW_VLAN_CTAG_RX (1ULL << 8)

struct net_device {
	struct netdev_queue *_tx;
	unsigned int real_num_tx_queues;
	unsigned short type; /* ARPHRD_* */
	u64 features;
	u32 xdp_features; /* enum netdev_xdp_act, what its driver can do; 6.3 and later */
};

struct sk_buff {
	struct net_device *dev;
	s64 tstamp; /* ns of CLOCK_REALTIME; 0 = none */
};

struct sk_buff_head {
	struct sk_buff *prev;
	u32 qlen;
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

/* ---- sockets and TCP ---- */
struct net;

typedef struct {
	struct net *net;
} possible_net_t;

struct in6_addr {
	u8 in6_addr_bytes[16]; /* never by this name: it has another one there */
};

struct sock_common {
	u32 skc_daddr; /* network byte order, as skc_dport; skc_num is in the host's */
	u32 skc_rcv_saddr;
	u16 skc_dport;
	u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

struct sock {
	struct sock_common __sk_common;
	struct sk_buff_head sk_receive_queue;
	u32 sk_pacing_status;
	unsigned long sk_max_pacing_rate;
};

struct inet_sock {
	struct sock sk;
	u8 tos;
};

struct ack_sample {
	u32 pkts_acked;
	s32 rtt_us; /* of the last packet that was acknowledged; -1 = not known */
};

struct rate_sample {
	u32 prior_delivered; /* tp->delivered when what is acknowledged now was sent */
	s32 delivered;
	long interval_us;
	long rtt_us; /* -1 = not known */
	u32 acked_sacked;
};

enum tcp_ca_event {
	CA_EVENT_TX_START,
};

/* What we give; libbpf matches members by name, and kernels differ in the two events. */
struct tcp_congestion_ops {
	u32 (*ssthresh)(struct sock *sk);
	void (*cong_avoid)(struct sock *sk, u32 ack, u32 acked);
	void (*set_state)(struct sock *sk, u8 new_state);
	void (*cwnd_event)(struct sock *sk, enum tcp_ca_event event);
	void (*cwnd_event_tx_start)(struct sock *sk); /* since 7.1 or so, out of the one above */
	void (*pkts_acked)(struct sock *sk, const struct ack_sample *sample);
	u32 (*min_tso_segs)(struct sock *sk);
	void (*cong_control)(struct sock *sk, u32 ack, int flag, const struct rate_sample *rs);
	u32 (*undo_cwnd)(struct sock *sk);
	u32 (*sndbuf_expand)(struct sock *sk);
	void (*init)(struct sock *sk);
	char name[16];
};

struct inet_connection_sock {
	struct inet_sock icsk_inet;
	u32 icsk_rto_min; /* jiffies, as icsk_delack_max */
	u32 icsk_delack_max;
	const struct tcp_congestion_ops *icsk_ca_ops;
	u8 icsk_ca_state : 5;
	u8 icsk_ca_setsockopt : 1; /* somebody chose the congestion control of this socket */
	u64 icsk_ca_priv[13];
};

struct minmax_sample {
	u32 t;
	u32 v;
};

struct minmax {
	struct minmax_sample s[3];
};

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	u32 notsent_lowat;
	u32 snd_cwnd;
	u32 snd_cwnd_clamp;
	u32 lost_out;
	u32 sacked_out;
	u32 retrans_out;
	u32 packets_out;
	u32 lost;	    /* packets, ever */
	u32 prior_ssthresh; /* before the reduction that has just begun */
	u32 snd_ssthresh;
	struct minmax rtt_min;
	u32 delivered;
	u32 srtt_us;	   /* of 8 */
	u32 mdev_us;	   /* of 4: how far samples of the RTT are from it */
	u32 data_segs_out; /* segments with data, those sent again among them … */
	u32 total_retrans; /* … and these, with SYNs */
	u64 bytes_acked;
};

struct bictcp { /* what CUBIC keeps in icsk_ca_priv: its size is asked for */
	u32 cnt;
};

struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
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

/* Verdicts of tcx (older headers lack them), link types, priorities. */
#define TCX_NEXT (-1)
#define TCX_DROP 2
#define ARPHRD_ETHER 1
#define ARPHRD_LOOPBACK 772
#define TC_PRIO_BULK 2
#define TC_PRIO_INTERACTIVE 6
#define TC_PRIO_MAX 15

#define __kfunc __ksym __weak
void *bpf_cast_to_kern_ctx(void *ctx) __kfunc;
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

void cubictcp_init(struct sock *sk) __kfunc;
u32 cubictcp_recalc_ssthresh(struct sock *sk) __kfunc;
void cubictcp_cong_avoid(struct sock *sk, u32 ack, u32 acked) __kfunc;
void cubictcp_state(struct sock *sk, u8 new_state) __kfunc;
void cubictcp_cwnd_event(struct sock *sk, enum tcp_ca_event event) __kfunc;
void cubictcp_cwnd_event_tx_start(struct sock *sk) __kfunc;
void cubictcp_acked(struct sock *sk, const struct ack_sample *sample) __kfunc;
u32 tcp_reno_undo_cwnd(struct sock *sk) __kfunc;

void bbr_init(struct sock *sk) __kfunc;
void bbr_main(struct sock *sk, u32 ack, int flag, const struct rate_sample *rs) __kfunc;
u32 bbr_sndbuf_expand(struct sock *sk) __kfunc;
u32 bbr_undo_cwnd(struct sock *sk) __kfunc;
void bbr_cwnd_event(struct sock *sk, enum tcp_ca_event event) __kfunc;
void bbr_cwnd_event_tx_start(struct sock *sk) __kfunc;
u32 bbr_ssthresh(struct sock *sk) __kfunc;
u32 bbr_min_tso_segs(struct sock *sk) __kfunc;
void bbr_set_state(struct sock *sk, u8 new_state) __kfunc;

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

#endif
