// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Every shared map and global, defined once; kern/state.h declares them for the others.
 *
 * Globals live in sections of their own (`.data.gate`, `.data.vitals` …): a program reaches them
 * without a map lookup, user space maps each of them by itself. What programs may only read is a
 * map with BPF_F_RDONLY_PROG, so that the verifier, not good will, keeps a policy from writing its
 * own bounds.
 */
#include "state.h"
#include "fault.h"

char LICENSE[] SEC("license") = "GPL";

const volatile __u32 nr_cpus = 1;
const volatile __u32 nr_llcs = 1;
const volatile __u32 replayed = 0;
const volatile __u32 variant_points = 0;

struct hs_gate gate SEC(".data.gate") = {.abi_version = HS_ABI_VERSION, .trip_vital = HS_VITAL_NR};
struct hs_exit exited SEC(".data.exit") = {};
struct hs_vital vitals[HS_VITAL_NR] SEC(".data.vitals") = {};
struct hs_knob knobs[HS_KNOB_NR] SEC(".data.knobs") = {};
struct hs_slot slots[HS_SLOTS] SEC(".data.slots") = {};
struct hs_wish wishes[HS_KNOB_NR] SEC(".data.wishes") = {};
struct hs_hooks hooks SEC(".data.hooks") = {};
struct hs_steer steer SEC(".data.steer") = {};
struct hs_tcp_look tcp_look SEC(".data.tcp_look") = {};
struct hs_decisions decisions SEC(".data.decisions") = {};

#ifdef HS_FAULT
struct hs_fault fault SEC(".data.fault") = {};
#endif

struct bounds_map BOUNDS SEC(".maps");
struct config_map CONFIG SEC(".maps");
struct rules_map RULES SEC(".maps");
struct cpus_map CPUS SEC(".maps");
struct sense_map SENSE SEC(".maps");
struct cpu_vitals_map CPU_VITALS SEC(".maps");
struct events_map EVENTS SEC(".maps");
struct bell_map BELL SEC(".maps");
struct decisions_map DECISIONS SEC(".maps");
struct tasks_map TASKS SEC(".maps");
struct workloads_map WORKLOADS SEC(".maps");
struct workload_stats_map WORKLOAD_STATS SEC(".maps");
struct match_map MATCH SEC(".maps");
struct flows_map FLOWS SEC(".maps");
struct peers_map PEERS SEC(".maps");
struct flow_stats_map FLOW_STATS SEC(".maps");
struct egress_stats_map EGRESS_STATS SEC(".maps");
struct pacers_map PACERS SEC(".maps");
struct recognised_map RECOGNISED SEC(".maps");
struct sockets_map SOCKETS SEC(".maps");
struct drops_map DROPS SEC(".maps");
struct irqs_map IRQS SEC(".maps");
struct steer_queues_map STEER_QUEUES SEC(".maps");
struct steer_cpus_map STEER_CPUS SEC(".maps");
