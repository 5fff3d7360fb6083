/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The contract between the kernel programs and user space: ids, units, structures, version.
 * Nothing else is shared, and every name is written here once: profiles, the CLI, JSON and the man
 * pages are made from the tables below. The structures of packets and connections are in abi_net.h, a part of this.
 *
 * Conventions. Numbers are unsigned integers; the unit is the last part of a name (`_ns`, `_us`,
 * `_permille` = 1/1000, `_hz` = events per second). Times are CLOCK_MONOTONIC nanoseconds unless a
 * comment says otherwise. Every structure has the same layout on both sides (fixed-width members,
 * explicit padding); changing one means a new HS_ABI_VERSION.
 */
#ifndef HOMEOSTAT_ABI_H
#define HOMEOSTAT_ABI_H

#if defined(__bpf__) && !defined(HS_OUTSIDE) /* plug-ins and variants see nothing of the kernel */
#include "ktypes.h"
#else
#include <linux/types.h>
#endif

#define HS_ABI_VERSION 12

/* clang-format off: tables */

/* Workload classes. The order is that of precedence: a lower number goes first. */
#define HS_CLASSES(X)                                                                              \
	X(CRITICAL, "critical", "runs at once, within the critical budget")                        \
	X(NORMAL, "normal", "shares the CPU fairly, by weight")                                    \
	X(BATCH, "batch", "shares the CPU fairly, in long slices that the reflex may shrink")

/* Classes of packets. */
#define HS_FLOW_CLASSES(X)                                                                         \
	X(CRITICAL, "critical", "never shed; goes out first")                                      \
	X(NORMAL, "normal", "never shed; also what no flow fits")                                  \
	X(BULK, "bulk", "shed where there is more of it than is allowed; goes out last, and paced")

/* Of the TCP connections of one class of flows, as vital signs: a part of the table below. */
#define HS_TCP_VITALS(X, ID, class)                                                                \
	X(TCP_RTT_##ID, "tcp.rtt." class "_us", "us", SLOW,                                        \
	  "round-trip time of " class " TCP connections, smoothed, by what each delivered")        \
	X(TCP_RTTVAR_##ID, "tcp.rttvar." class "_us", "us", SLOW,                                  \
	  "how far single round trips are from it, " class " TCP connections")                     \
	X(TCP_RETRANSMIT_##ID, "tcp.retransmit." class "_permille", "permille", SLOW,              \
	  "segments with data sent again, of all that were, " class " TCP connections")            \
	X(TCP_DELIVERED_##ID, "tcp.delivered." class "_kbit", "kbit", SLOW,                        \
	  "what the other ends of " class " TCP connections have acknowledged")

/* Of the machine, read from /proc and /sys (user/sense/): a part of the table below, in the order in which they are read. */
#define HS_MACHINE_VITALS(X)                                                                       \
	X(CPU_BUSY, "cpu.busy_permille", "permille", SLOW,                                         \
	  "share of CPU time spent at work, all CPUs")                                             \
	X(CPU_IOWAIT, "cpu.iowait_permille", "permille", SLOW,                                     \
	  "share of CPU time idle while a task waited for a disk, all CPUs")                       \
	X(CPU_STEAL, "cpu.steal_permille", "permille", SLOW,                                       \
	  "share of CPU time that the host of this virtual machine gave to others")                \
	X(MEM_AVAILABLE, "mem.available_permille", "permille", SLOW,                               \
	  "memory that can be had without swapping, of all")                                       \
	X(MEM_DIRTY, "mem.dirty_permille", "permille", SLOW,                                       \
	  "pages that wait to be written out, of the number at which writers are "                 \
	  "made to wait")                                                                          \
	X(MEM_SWAP, "mem.swap_hz", "hz", SLOW, "pages swapped in and out")                         \
	X(MEM_REFAULTS, "mem.refaults_hz", "hz", SLOW,                                             \
	  "pages read again soon after they were given up: memory is too small")                   \
	X(MEM_OOM_KILLS, "mem.oom_kills", "count", SLOW,                                           \
	  "processes killed for want of memory since homeostatd started")                          \
	X(MEM_HUGE_FREE, "mem.hugepages_free", "count", SLOW,                                      \
	  "huge pages free and not promised, of a pool of the default size")                       \
	X(NUMA_MISS, "numa.miss_permille", "permille", SLOW,                                       \
	  "pages that came from another NUMA node than the one wanted, of all "                    \
	  "allocated")                                                                             \
	X(LISTEN_QUEUE, "net.listen_queue_permille", "permille", SLOW,                             \
	  "connections that wait to be accepted at the fullest listening TCP "                     \
	  "socket, of net.core.somaxconn")                                                         \
	X(TCP_MEMORY, "net.tcp_memory_permille", "permille", SLOW,                                 \
	  "memory of TCP sockets; 1000 = the kernel begins to hold back")                          \
	X(NIC_DROPS, "nic.drops_hz", "hz", SLOW,                                                   \
	  "packets that network cards, or their drivers, dropped")                                 \
	X(NIC_ERRORS, "nic.errors", "count", SLOW,                                                 \
	  "packets that network cards could not receive or send since homeostatd "                 \
	  "started")                                                                               \
	X(NIC_DOWN, "nic.link_down", "count", SLOW,                                                \
	  "network cards that are switched on and have no link")                                   \
	X(CPU_FREQ, "cpu.freq_permille", "permille", SLOW,                                         \
	  "clock rate of the CPUs, of the highest they have, mean")                                \
	X(CPU_FREQ_LIMIT, "cpu.freq_limit_permille", "permille", SLOW,                             \
	  "clock rate that the slowest CPU is allowed, of the highest it has")                     \
	X(THERMAL_HOTTEST, "thermal.hottest_mc", "mc", SLOW,                                       \
	  "temperature of the hottest spot; 0 = freezing or below")                                \
	X(THERMAL_MARGIN, "thermal.margin_mc", "mc", SLOW,                                         \
	  "how far the spot nearest to it is from being throttled or switched off")                \
	X(THERMAL_SLOPE, "thermal.slope_mc_s", "mc_s", SLOW,                                       \
	  "how fast the hottest spot gets hotter, over half a minute; 0 = it does "                \
	  "not")                                                                                   \
	X(POWER_PACKAGE, "power.package_mw", "mw", SLOW,                                           \
	  "what the processors draw, by their energy counters (RAPL)")                             \
	X(POWER_MACHINE, "power.machine_mw", "mw", SLOW,                                           \
	  "what the machine draws from its batteries, or by its power sensor "                     \
	  "(INA2xx)")                                                                              \
	X(POWER_BATTERY, "power.battery_permille", "permille", SLOW,                               \
	  "charge of batteries and UPS, of a full one")                                            \
	X(POWER_ON_BATTERY, "power.on_battery", "count", SLOW,                                     \
	  "1 = a battery or UPS feeds the machine, 0 = none does")                                 \
	X(ENERGY_INSTRUCTION, "energy.per_kinstruction_nj", "nj", SLOW,                            \
	  "energy for each 1000 instructions of programs (needs the processor's "                  \
	  "counters)")                                                                             \
	X(ENERGY_CPU, "energy.per_cpu_ms_nj", "nj", SLOW,                                          \
	  "energy for each ms of CPU time of programs, in time of the strongest CPU")              \
	X(ENERGY_BYTE, "energy.per_byte_nj", "nj", SLOW,                                           \
	  "energy for each byte that network cards sent")                                          \
	X(THERMAL_THROTTLES, "thermal.throttles", "count", SLOW,                                   \
	  "times that CPUs were slowed down for their heat since homeostatd started")              \
	X(HW_MEMORY_CORRECTED, "hw.memory_corrected", "count", SLOW,                               \
	  "memory errors corrected since homeostatd started (EDAC)")                               \
	X(HW_MEMORY_UNCORRECTED, "hw.memory_uncorrected", "count", SLOW,                           \
	  "memory errors not corrected since homeostatd started (EDAC)")                           \
	X(HW_PCIE_CORRECTABLE, "hw.pcie_correctable", "count", SLOW,                               \
	  "PCIe errors that were corrected since homeostatd started (AER, root "                   \
	  "ports)")                                                                                \
	X(HW_PCIE_UNCORRECTABLE, "hw.pcie_uncorrectable", "count", SLOW,                           \
	  "PCIe errors that were not corrected since homeostatd started (likewise)")               \
	X(HW_PCIE_NARROW, "hw.pcie_narrow", "count", SLOW,                                         \
	  "PCIe links with fewer lanes than they have had")                                        \
	X(HW_NVME_DOWN, "hw.nvme_down", "count", SLOW, "NVMe controllers that are not live")       \
	X(IB_ERRORS, "ib.errors", "count", SLOW,                                                   \
	  "errors of InfiniBand ports since homeostatd started")                                   \
	X(IB_DOWN, "ib.link_down", "count", SLOW,                                                  \
	  "InfiniBand ports that have been active and are not")

/*
 * Vital signs: X(ID, name, unit, writer, meaning). Writer is FAST (the pulse) or SLOW (the
 * daemon, from /proc, /sys). A vital sign that could not be measured is absent, never 0.
 * Quantiles are those of the last closed window of samples (see struct hs_config.window_ns).
 */
#define HS_VITALS(X)                                                                               \
	X(WAIT_CRITICAL_P50, "sched.wait.critical.p50_ns", "ns", FAST,                             \
	  "run-queue wait of critical tasks, median")                                              \
	X(WAIT_CRITICAL_P95, "sched.wait.critical.p95_ns", "ns", FAST,                             \
	  "run-queue wait of critical tasks, 95th percentile")                                     \
	X(WAIT_CRITICAL_P99, "sched.wait.critical.p99_ns", "ns", FAST,                             \
	  "run-queue wait of critical tasks, 99th percentile")                                     \
	X(WAIT_NORMAL_P50, "sched.wait.normal.p50_ns", "ns", FAST,                                 \
	  "run-queue wait of normal tasks, median")                                                \
	X(WAIT_NORMAL_P95, "sched.wait.normal.p95_ns", "ns", FAST,                                 \
	  "run-queue wait of normal tasks, 95th percentile")                                       \
	X(WAIT_NORMAL_P99, "sched.wait.normal.p99_ns", "ns", FAST,                                 \
	  "run-queue wait of normal tasks, 99th percentile")                                       \
	X(WAIT_BATCH_P50, "sched.wait.batch.p50_ns", "ns", FAST,                                   \
	  "run-queue wait of batch tasks, median")                                                 \
	X(WAIT_BATCH_P95, "sched.wait.batch.p95_ns", "ns", FAST,                                   \
	  "run-queue wait of batch tasks, 95th percentile")                                        \
	X(WAIT_BATCH_P99, "sched.wait.batch.p99_ns", "ns", FAST,                                   \
	  "run-queue wait of batch tasks, 99th percentile")                                        \
	X(JITTER_CRITICAL, "sched.jitter.critical_ns", "ns", FAST,                                 \
	  "p99 - p50 of the run-queue wait of critical tasks")                                     \
	X(JITTER_NORMAL, "sched.jitter.normal_ns", "ns", FAST,                                     \
	  "p99 - p50 of the run-queue wait of normal tasks")                                       \
	X(STABILITY_CRITICAL, "sched.stability.critical_permille", "permille", FAST,               \
	  "latency-stability index of critical tasks: p50 / p99; 1000 = no tail")                  \
	X(STABILITY_NORMAL, "sched.stability.normal_permille", "permille", FAST,                   \
	  "latency-stability index of normal tasks: p50 / p99; 1000 = no tail")                    \
	X(STARVED, "sched.starved_ns", "ns", FAST,                                                 \
	  "longest run-queue wait of any task that ended in the last window")                      \
	X(SOFTIRQ_STARVED, "softirq.starved_ns", "ns", FAST,                                       \
	  "longest run-queue wait above 1 ms of a CPU's own kernel thread (ksoftirqd); 0 = none")  \
	X(RUN_CRITICAL, "sched.run.critical_ns", "ns", FAST,                                       \
	  "mean CPU time of critical tasks between two voluntary sleeps")                          \
	X(RUN_NORMAL, "sched.run.normal_ns", "ns", FAST,                                           \
	  "mean CPU time of normal tasks between two voluntary sleeps")                            \
	X(OFFCPU_CRITICAL, "sched.offcpu.critical_ns", "ns", FAST,                                 \
	  "mean time of critical tasks off the CPU between two runs (sleep and wait)")             \
	X(OFFCPU_NORMAL, "sched.offcpu.normal_ns", "ns", FAST,                                     \
	  "mean time of normal tasks off the CPU between two runs (sleep and wait)")               \
	X(SWITCHES, "sched.switches_hz", "hz", FAST, "context switches, all CPUs")                 \
	X(MIGRATIONS, "sched.migrations_hz", "hz", FAST,                                           \
	  "tasks that ran on another CPU than last")                                               \
	X(BURST, "sched.burst_permille", "permille", FAST,                                         \
	  "burst index: switch rate of the last window against its moving average; 1000 = steady") \
	X(SHARE_CRITICAL, "sched.share.critical_permille", "permille", FAST,                       \
	  "share of CPU time taken by the critical class (needs sched_ext)")                       \
	X(DEADLINE_MISS, "sched.deadline_miss_hz", "hz", FAST,                                     \
	  "missed deadlines of declared workloads (needs sched_ext)")                              \
	X(PULSE_PERIOD, "pulse.period_ns", "ns", FAST, "present period of the pulse")              \
	X(PULSE_COST, "pulse.cost_ns", "ns", FAST, "duration of one pulse, moving average")        \
	X(PULSE_LATE, "pulse.late_ns", "ns", FAST,                                                 \
	  "longest delay of a pulse against its timer, in the last window")                        \
	X(SENSE_COST, "sense.cost_permille", "permille", FAST,                                     \
	  "estimated CPU time of sensors and pulse, share of all CPUs")                            \
	X(REFLEX_FROZEN, "reflex.frozen", "count", FAST,                                           \
	  "knobs frozen since the gate was opened, because they turned too often")                 \
	X(EVENTS_LOST, "events.lost_hz", "hz", FAST, "events that found their buffer full")        \
	X(PSI_CPU, "psi.cpu.some_permille", "permille", SLOW,                                      \
	  "share of time in which some task waited for a CPU, 10 s average")                       \
	X(PSI_MEMORY, "psi.memory.some_permille", "permille", SLOW,                                \
	  "share of time in which some task waited for memory, 10 s average")                      \
	X(PSI_IO, "psi.io.some_permille", "permille", SLOW,                                        \
	  "share of time in which some task waited for I/O, 10 s average")                         \
	X(DAEMON_RSS, "daemon.rss_bytes", "bytes", SLOW, "resident memory of homeostatd")          \
	X(CONGESTION, "net.congestion_permille", "permille", FAST,                                 \
	  "how near incoming packets are to the end of their room; 1000 = no nearer "              \
	  "(docs/network.md)")                                                                     \
	X(PACKETS, "net.packets_hz", "hz", FAST, "packets that the network stack took in")         \
	X(PACKET_BURST, "net.burst_permille", "permille", FAST,                                    \
	  "burst index: packet rate of the last window against its moving average; 1000 = steady") \
	X(BACKLOG_DROPS, "net.backlog_drops_hz", "hz", FAST,                                       \
	  "packets that found a CPU's queue of incoming packets full")                             \
	X(SQUEEZES, "net.squeezes_hz", "hz", FAST,                                                 \
	  "rounds of receiving that ended with packets left over")                                 \
	X(UDP_FULL, "net.udp_full_hz", "hz", FAST,                                                 \
	  "datagrams that found their socket's receive buffer full")                               \
	X(DROPS, "net.drops_hz", "hz", FAST,                                                       \
	  "packets that the network stack dropped and gave a reason for (needs the hook `drops`)") \
	X(LISTEN_FULL, "net.listen_full_hz", "hz", FAST,                                           \
	  "connections refused because the queue of a listening socket was full")                  \
	X(RETRANSMITS, "net.retransmit_permille", "permille", FAST,                                \
	  "TCP segments sent again, of all that were sent")                                        \
	X(IRQ_RATE, "irq.rate_hz", "hz", FAST, "interrupts of devices, all CPUs")                  \
	X(IRQ_SHARE, "irq.share_permille", "permille", FAST,                                       \
	  "share of CPU time in hard interrupts, all CPUs; absent where the kernel does not time " \
	  "them")                                                                                  \
	X(SOFTIRQ_SHARE, "softirq.share_permille", "permille", FAST,                               \
	  "share of CPU time in soft interrupts, all CPUs")                                        \
	X(SOFTIRQ_BUSIEST, "softirq.busiest_permille", "permille", FAST,                           \
	  "share of CPU time in soft interrupts, of the CPU with most of it")                      \
	X(IRQ_IMBALANCE, "irq.imbalance_permille", "permille", FAST,                               \
	  "how much the CPU with most interrupts is above the mean: 0 = even, 1000 = all on one "  \
	  "of many")                                                                               \
	X(SOFTIRQ_DELAY, "softirq.delay_ns", "ns", FAST,                                           \
	  "longest time from raising a soft interrupt to running it (needs the hook `softirq`)")   \
	X(IRQ_LONGEST, "irq.longest_ns", "ns", FAST,                                               \
	  "longest time that one interrupt, hard or soft, kept its CPU (needs the hook `irq`)")    \
	X(RECLAIM_STALLS, "mem.reclaim_stalls_hz", "hz", FAST,                                     \
	  "allocations that had to free memory themselves")                                        \
	X(COMPACT_STALLS, "mem.compact_stalls_hz", "hz", FAST,                                     \
	  "allocations that had to wait for memory to be compacted")                               \
	X(RECEIVE_DELAY, "net.receive_delay_ns", "ns", FAST,                                       \
	  "longest time from a packet's coming into the network stack to its being in its socket " \
	  "(needs the hook `receive`)")                                                            \
	X(IPC, "pmu.ipc_permille", "permille", SLOW,                                               \
	  "instructions for each cycle of the housekeeping CPUs; 1000 = one (needs the "           \
	  "processor's counters)")                                                                 \
	X(CACHE_MISSES, "pmu.cache_miss_permille", "permille", SLOW,                               \
	  "cache misses for each 1000 instructions of the housekeeping CPUs (likewise)")           \
	HS_TCP_VITALS(X, CRITICAL, "critical")                                                     \
	HS_TCP_VITALS(X, NORMAL, "normal")                                                         \
	HS_TCP_VITALS(X, BULK, "bulk")                                                             \
	HS_MACHINE_VITALS(X)

/*
 * Knobs: X(ID, name, unit, stock, min, max, slew, meaning). `stock` is what an actuator uses while
 * the gate is shut; min and max are the widest bounds a profile may state; slew is the largest
 * change in one second (a change of the full range takes at least (max - min) / slew seconds).
 */
#define HS_KNOBS(X)                                                                                \
	X(SLICE_CRITICAL, "sched.slice.critical_us", "us", 5000, 100, 20000, 2000000,              \
	  "longest uninterrupted run of a critical task before its budget is looked at again")     \
	X(SLICE_NORMAL, "sched.slice.normal_us", "us", 5000, 500, 50000, 2000000,                  \
	  "slice of normal tasks; a quarter of sched.starvation_ms at most")                       \
	X(SLICE_BATCH, "sched.slice.batch_us", "us", 5000, 500, 100000, 2000000,                   \
	  "slice of batch tasks; a quarter of sched.starvation_ms at most")                        \
	X(PREEMPT_THRESHOLD, "sched.preempt.threshold_us", "us", 100000, 100, 100000, 2000000,     \
	  "run that a normal task is left before a waking one, behind in virtual time, preempts")  \
	X(BATCH_DUTY, "sched.batch.duty_permille", "permille", 1000, 50, 1000, 20000,              \
	  "share of CPU time that batch may take while other work waits")                          \
	X(RECOGNISE_BURST, "sched.recognise.burst_us", "us", 2000, 0, 10000, 2000000,              \
	  "longest run between two sleeps of a task recognised as critical; 0 = recognise none")   \
	X(RECOGNISE_UTIL, "sched.recognise.util_permille", "permille", 300, 0, 1000, 20000,        \
	  "largest CPU use of a task recognised as critical")                                      \
	X(RECOGNISE_WAKEUPS, "sched.recognise.wakeups", "count", 16, 2, 1000, 10000,               \
	  "short runs in a row before a task is recognised as critical")                           \
	X(RECOGNISE_RATE, "sched.recognise.rate_hz", "hz", 5000, 100, 100000, 1000000,             \
	  "largest wake-up rate of a task recognised as critical; more is throughput")             \
	X(CRITICAL_BUDGET, "sched.critical.budget_permille", "permille", 0, 0, 950, 20000,         \
	  "share of each CPU that the critical class may take with precedence; homeostatd: 25 %")  \
	X(STARVATION, "sched.starvation_ms", "ms", 100, 10, 1000, 10000,                           \
	  "wait after which age overrides weight and class")                                       \
	X(BULK_LIMIT, "net.bulk.limit_hz", "hz", 10000000, 1000, 10000000, 200000000,              \
	  "packets of bulk flows let in per second, the rest is shed; 10000000 = all")             \
	X(BULK_PACE, "net.bulk.pace_kbit", "kbit", 100000000, 100, 100000000, 200000000,           \
	  "rate at which bulk flows leave each interface; 100000000 = as fast as it goes")         \
	X(TCP_LOSS, "tcp.loss.tolerance_permille", "permille", 0, 0, 500, 20000,                   \
	  "loss borne where it comes without a queue; 0 = plain CUBIC; a flow's tcp: 200")         \
	X(TCP_QUEUE, "tcp.queue.tolerance_permille", "permille", 250, 0, 4000, 20000,              \
	  "queueing delay, of the path's shortest RTT, up to which loss is not congestion")        \
	X(TCP_HOST, "tcp.host.congestion_permille", "permille", 1000, 0, 1000, 20000,              \
	  "congestion of the host above which loss is its own; 1000 = never; a flow's tcp: 500")   \
	X(SOCKOPS_WINDOW, "sockops.window.initial", "count", 0, 0, 128, 100000,                    \
	  "packets sent at once on a new critical connection; 0 = as the kernel has it")           \
	X(SOCKOPS_RTO_MIN, "sockops.rto.min_us", "us", 0, 0, 200000, 10000000,                     \
	  "shortest retransmission timeout of critical connections; 0 = as the kernel has it")     \
	X(SOCKOPS_DELACK, "sockops.delack.max_us", "us", 0, 0, 200000, 10000000,                   \
	  "longest delay of an ACK on critical connections; 0 = as the kernel has it")             \
	X(SOCKOPS_UNSENT, "sockops.unsent.max_bytes", "bytes", 0, 0, 67108864, 1000000000,         \
	  "unsent bytes a critical connection may buffer; 0 = as the kernel has it")               \
	X(STEER_ABOVE, "net.steer.above_permille", "permille", 1000, 0, 1000, 20000,               \
	  "load of a CPU from which on it hands flows to a freer one; 1000 = never")               \
	X(STEER_GAP, "net.steer.gap_us", "us", 10000, 1000, 1000000, 2000000,                      \
	  "silence of a flow after which it may go to another CPU; two ticks at least")            \
	X(RECOGNISE_BULK, "net.recognise.bulk_kbit", "kbit", 40000000, 100, 40000000, 80000000,    \
	  "rate of an undeclared flow of large packets from which on it is bulk; 40000000 = "      \
	  "never")                                                                                 \
	X(RECOGNISE_FLOOD, "net.recognise.flood_hz", "hz", 1200000, 100, 1200000, 2400000,         \
	  "packets of an undeclared flow, but of TCP, from which on it is bulk; 1200000 = never")

/* What made a knob change: X(ID, name). Also the `cause` of events. */
#define HS_CAUSES(X)                                                                               \
	X(STOCK, "stock")     /* never touched since start, or gate shut */                        \
	X(PROFILE, "profile") /* base value of the profile */                                      \
	X(WISH, "wish")	      /* a person or client asked for it */                                \
	X(REFLEX, "reflex")   /* a rule of the profile */                                          \
	X(PLUGIN, "plugin")   /* a policy in the reflex slot */                                    \
	X(FROZEN, "frozen")   /* turned back and forth too often: held at stock */

/* Why the gate was shut: X(ID, name, meaning). */
#define HS_TRIPS(X)                                                                                \
	X(NONE, "none", "not tripped")                                                             \
	X(OPERATOR, "operator", "somebody with the right to do so tripped it")                     \
	X(HEARTBEAT, "heartbeat", "the daemon's heartbeat was overdue")                            \
	X(PROGRESS, "progress", "the daemon's main loop made no progress")                         \
	X(LEASE, "lease", "the pulse did not renew the lease")                                     \
	X(SCHED_EXIT, "sched-exit", "the kernel ended our sched_ext scheduler")                    \
	X(SHUTDOWN, "shutdown", "the daemon was asked to stop")                                    \
	X(SCHED_STALL, "sched-stall", "sched_ext found a runnable task that was not run")          \
	X(SCHED_HOTPLUG, "sched-hotplug", "sched_ext ended our scheduler at a CPU's hotplug")      \
	X(SCHED_ERROR, "sched-error", "our scheduler did what sched_ext does not allow")           \
	X(LIMIT, "limit", "a vital sign was beyond a hard limit of the profile")                   \
	X(SLO, "slo", "a service level of the profile was missed")                                 \
	X(HARM, "harm", "worse than stock, by the profile's margin and for its time")              \
	X(DIED, "died", "the daemon died")                                                         \
	X(GUARD, "guard", "the guard died; the daemon noticed")

/* Modes, in the order of how much they may do: X(ID, name, meaning). */
#define HS_MODES(X)                                                                                \
	X(OBSERVE, "observe", "look only: sensors and pulse, no actuator")                         \
	X(ADVISE, "advise", "compute and report what would be changed, change nothing")            \
	X(ACT, "act", "sensors, reflexes and actuators")

/* Why a policy plug-in's time in its slot ended, by the pulse, or (from UNLOADED on) by the daemon: X(ID, name, meaning). */
#define HS_SLOT_ENDS(X)                                                                            \
	X(NONE, "none", "it is asked")                                                             \
	X(SLOW, "slow", "it took longer than its budget")                                          \
	X(RUBBISH, "rubbish", "it wished for a knob what is outside its bounds")                   \
	X(WORSE, "worse",                                                                          \
	  "a vital sign was beyond a limit of the profile half the times that trip it")            \
	X(TRIPPED, "tripped", "the gate was shut while it acted")                                  \
	X(UNLOADED, "unloaded", "a person took it out")                                            \
	X(REPLACED, "replaced", "another one acts in its place")                                   \
	X(REVERTED, "reverted", "as a canary it was worse than what was before it")

/* What a policy in a slot may do: X(ID, name, meaning). */
#define HS_SLOT_RUNS(X)                                                                            \
	X(OFF, "off", "not asked")                                                                 \
	X(SHADOW, "shadow", "asked, and what it wishes is told, not done")                         \
	X(ACT, "act", "turns the knobs, in place of the rules")

/* Events: X(ID, name, meaning of the members of struct hs_event). */
#define HS_EVENTS(X)                                                                               \
	X(REFLEX, "reflex", "id = knob, vital = what crossed; from, to; latency_ns = reaction")    \
	X(KNOB, "knob", "id = knob changed by a cause other than a rule; from, to")                \
	X(FREEZE, "freeze", "id = knob that oscillated; from, to = stock")                         \
	X(TRIP, "trip", "id = HS_TRIP_*; from = last heartbeat; vital, value, to = limit if any")  \
	X(CLASS, "class", "pid, comm: class changed from, to; latency_ns = since its first run")   \
	X(DEADLINE, "deadline", "pid, comm: deadline missed by latency_ns; id = workload")         \
	X(BUDGET, "budget", "pid, comm: critical class over budget on CPU id")                     \
	X(STARVED, "starved", "pid, comm: waited latency_ns, moved ahead by age on CPU id")        \
	X(ADVICE, "advice", "advise mode: REFLEX or KNOB (see cause) as it would have been")       \
	X(PLUGIN, "plugin",                                                                        \
	  "slot id: from = HS_SLOT_ENDS (none: canary passed); knob to, vital, value; latency_ns") \
	X(LOOK, "look", "stock is looked at (id = 0), was (1): vital, value; limit as known (to)") \
	X(CHANGE, "change", "a change of the machine: id; from, to = its states; value = files")   \
	X(STALE, "stale", "vital: not measured for latency_ns; absent from now on")                \
	X(PROFILE, "profile", "another is in force: from, to = shift of its calendar, 0 = none")

/*
 * Hooks that cost something at each event: X(ID, name, vital sign that it feeds, meaning). One is attached while the profile
 * asks for that vital sign, by a rule, a limit or a service level, or while a person looks.
 */
#define HS_HOOKS(X)                                                                                \
	X(DROPS, "drops", DROPS, "dropped packets by the kernel's reason")                         \
	X(SOFTIRQ, "softirq", SOFTIRQ_DELAY, "raising and running of soft interrupts")             \
	X(RECEIVE, "receive", RECEIVE_DELAY, "packets that come into their socket")                \
	X(IRQ, "irq", IRQ_LONGEST, "beginning and end of interrupts")

/* clang-format on */

enum hs_class {
#define X(id, ...) HS_CLASS_##id,
	HS_CLASSES(X)
#undef X
	HS_CLASS_NR
};
enum hs_flow_class {
#define X(id, ...) HS_FLOW_##id,
	HS_FLOW_CLASSES(X)
#undef X
	HS_FLOW_CLASS_NR
};
enum hs_vital_id {
#define X(id, ...) HS_VITAL_##id,
	HS_VITALS (X)
#undef X
	HS_VITAL_NR
};
enum hs_knob_id {
#define X(id, ...) HS_KNOB_##id,
	HS_KNOBS (X)
#undef X
	HS_KNOB_NR
};
enum hs_cause {
#define X(id, ...) HS_CAUSE_##id,
	HS_CAUSES(X)
#undef X
	HS_CAUSE_NR
};
enum hs_trip {
#define X(id, ...) HS_TRIP_##id,
	HS_TRIPS(X)
#undef X
	HS_TRIP_NR
};
enum hs_mode {
#define X(id, ...) HS_MODE_##id,
	HS_MODES(X)
#undef X
	HS_MODE_NR
};
enum hs_hook {
#define X(id, ...) HS_HOOK_##id,
	HS_HOOKS(X)
#undef X
	HS_HOOK_NR
};
enum hs_event_type {
#define X(id, ...) HS_EVENT_##id,
	HS_EVENTS(X)
#undef X
	HS_EVENT_NR
};

enum hs_slot_end {
#define X(id, ...) HS_SLOT_END_##id,
	HS_SLOT_ENDS(X)
#undef X
	HS_SLOT_END_NR
};
enum hs_slot_run {
#define X(id, ...) HS_SLOT_RUN_##id,
	HS_SLOT_RUNS(X)
#undef X
	HS_SLOT_RUN_NR
};

#define HS_SLOTS 2 /* policy plug-ins at a time: one acts, one is looked at or about to take over */
#define HS_SLOT_NAMES 16	/* vital signs that one reads, knobs that it turns, at most */
#define HS_SLOT_NAME_LEN 32	/* of its name, with the NUL */
#define HS_SLOT_BUDGET_NS 50000 /* a call that takes longer is slow … */
#define HS_SLOT_SLOW                                                                               \
	3 /* … so many of them in a row, or one of ten times that, and the slot is shut */
#define HS_RULES_MAX 32	    /* reflex rules of one profile */
#define HS_LIMITS_MAX 16    /* invariants of one profile */
#define HS_WORKLOADS_MAX 64 /* declared workloads of one profile */
#define HS_WORKLOAD_SELF 0  /* slot of homeostatd's own declaration */
#define HS_MATCHES_MAX 4096 /* cgroups, commands and pids that declarations resolve to */
#define HS_FLOWS_MAX 64	    /* declared flows of one profile: bits of a mask */
#define HS_COMM_LEN 16	    /* TASK_COMM_LEN */
#define HS_HIST_BUCKETS 128 /* log2-linear, 4 buckets per octave (lib/hist.h) */
#define HS_CPUS_MAX 1024    /* CPUs that one kernel may have */
#define HS_DROPS_MAX 256    /* reasons to drop a packet; the last one stands for those above */

/*
 * GATE. One instance, mapped by daemon and guard, reachable by `homeostat trip` through its map id.
 * Writers: daemon (armed = 1, mode, generation), heartbeat thread (heartbeat_ns, due_ns), pulse
 * (lease_jiffies, period_ns), actuators (leaving, safe_ns, off_ns), anybody with the right (armed = 0,
 * trip_*). `armed` may be cleared by every writer and set by the daemon only, so a race between them
 * can only shut the gate. due_ns is stored before armed: the pulse trips on a promise of the past.
 *
 * Whoever shuts it first gives the reason: it is taken by compare-and-exchange from NONE, then the other
 * trip_* members are stored, then armed. Who comes second stores armed = 0 and nothing else (the first
 * may never get that far: it may be killed). So a gate that is shut has its reason, once and for all;
 * the details may be missing for a moment, and are then those that the arming set: none.
 */
struct hs_gate {
	__u32 abi_version;   /* HS_ABI_VERSION of the object, set at compile time */
	__u32 armed;	     /* 1 = actuators may act while the lease is fresh */
	__u64 lease_jiffies; /* actuators are stock once jiffies64 has reached this */
	__u64 heartbeat_ns;  /* when the daemon last vouched for its main loop */
	__u64 due_ns;	     /* when it promised to do so again, with the limit added */
	__u32 mode;	     /* enum hs_mode */
	__u32 generation;    /* counts armings */
	__u32 trip_reason;   /* enum hs_trip, of the last trip */
	__u32 leaving;	     /* our scheduler has asked the kernel to let it go */
	__u64 trip_ns;	     /* when the gate was shut */
	__u64 safe_ns;	     /* T_safe: first scheduling decision by stock rules after it */
	__u64 off_ns;	 /* T_off: when a task was last given back to the kernel's own scheduler */
	__u64 period_ns; /* present period of the pulse: how fast the heart beats */
	__u64 events_lost; /* events that found the ring buffer full */
	__u32 trip_vital;  /* LIMIT, SLO, HARM: enum hs_vital_id; HS_VITAL_NR = none … */
	__u32 by_hand; /* counts trips by people, also of a shut gate: then only people arm again */
	__u64 trip_value; /* … its value … */
	__u64 trip_limit; /* … and what it should not have passed */
	__u64 owner_start; /* when its daemon began, as /proc has it: tells it from another process … */
	__u32 owner;	   /* … of the same id; 0 = not known yet */
	__u32 pad;
};

/* EXIT. What sched_ext said when it ended our scheduler; written by its exit callback, kind last. */
struct hs_exit {
	__u64 code;    /* scx_exit_info.exit_code */
	char msg[128]; /* scx_exit_info.msg, cut, NUL-terminated */
	__u32 kind;    /* scx_exit_info.kind; 0 = has not ended yet */
	__u32 pad;
};

/* VITALS. Written by the pulse (FAST) and the daemon (SLOW); a reader takes what one aligned load gives. */
struct hs_vital {
	__u64 value;
	__u64 ewma;	  /* moving average, weight 1/8 for the newest window */
	__u64 peak;	  /* largest value since start */
	__u64 updated_ns; /* 0 = never: absent */
	__u32 present;
	__u32 estimated; /* SLOW: 1 = made of what is measured elsewhere, as nothing counts it */
	/*
	 * FAST: sums over all windows, in 2^10 ns, which wrap around: what integral has grown by between two looks, by what span has,
	 * is the mean between them, of which a look itself sees the last window only.
	 */
	__u64 integral; /* of the value */
	__u64 span;	/* of windows */
};

/* HOOKS. Written by the daemon alone; a hook is attached before it is marked as on. */
struct hs_hooks {
	__u32 on; /* bit = enum hs_hook */
	__u32 pad;
	__u64 since_ns[HS_HOOK_NR]; /* when it was last attached */
	__u64 tai_ahead_ns;	    /* CLOCK_TAI - CLOCK_REALTIME; the daemon, once a second */
	__u64 irq_from_ns;	    /* since when IRQS is counted */
};

/* The same quantiles for one CPU, written by the pulse. */
struct hs_cpu_vitals {
	__u64 p50_ns[HS_CLASS_NR];
	__u64 p95_ns[HS_CLASS_NR];
	__u64 p99_ns[HS_CLASS_NR];
	__u64 samples[HS_CLASS_NR]; /* in the last window */
	__u64 updated_ns;
	__u64 irq_permille; /* share of its time in hard and soft interrupts … */
	__u64 irq_ns;	    /* … as of then; 0 = not known */
};

/* KNOBS. Written by the pulse alone; read by actuators through lib/knob.h. */
struct hs_knob {
	__u64 value;
	__u64 changed_ns;
	__u32 gen;    /* counts changes */
	__u32 cause;  /* enum hs_cause */
	__u32 rule;   /* index of the rule, where cause is REFLEX */
	__u32 frozen; /* 1 = oscillated: held at stock until the next arming */
};

/* WISHES. Written by the daemon alone: what profile or person want. gen is written last. */
struct hs_wish {
	__u64 value;
	__u32 cause; /* HS_CAUSE_PROFILE or HS_CAUSE_WISH */
	__u32 gen;   /* a new number = take it over; 0 = none yet */
};

/* BOUNDS. Programs may only read; the daemon writes by system call, entry by entry. */
struct hs_bound {
	__u64 min;
	__u64 max;
	__u64 stock;
	__u64 slew_per_s;
};

/*
 * One reflex rule. While the vital sign is above `high`, the knob moves by gain_up each `hold_ns`,
 * while it is below `low` it moves back towards its base (the wish) by gain_down; between the two
 * it rests. Signs and units: see enum hs_rule_kind.
 */
enum hs_rule_kind {
	HS_RULE_AIMD, /* up: knob = knob * gain_up / 1000; down: knob moves gain_down units to base */
	HS_RULE_PROPORTIONAL, /* up: knob += gain_up * (vital - high) / high; down: as AIMD */
};
struct hs_rule {
	__u32 vital; /* enum hs_vital_id */
	__u32 knob;  /* enum hs_knob_id */
	__u32 kind;  /* enum hs_rule_kind */
	__u32 pad;
	__u64 low; /* unit of the vital sign; low <= high */
	__u64 high;
	__s64 gain_up;	   /* AIMD: permille; PROPORTIONAL: knob units, signed */
	__s64 gain_down;   /* knob units per step, > 0 */
	__u64 hold_ns;	   /* how long the crossing must last before the first step */
	__u64 cooldown_ns; /* least time between two steps */
};

/*
 * An invariant of the armed state: a vital sign that is above `max` in `windows` measurements of it in
 * a row trips the gate, reason LIMIT. An absent vital sign breaks no limit.
 */
struct hs_limit {
	__u32 vital;   /* enum hs_vital_id */
	__u32 windows; /* ≥ 1 */
	__u64 max;     /* unit of the vital sign */
};

/*
 * What is in a slot. The first one that acts does so in place of the rules. @gen is new each time: what was counted, and
 * whether the slot was shut, is of the policy that was there before.
 */
struct hs_slot_config {
	__u32 gen;
	__u32 run;		    /* enum hs_slot_run */
	__u16 reads[HS_SLOT_NAMES]; /* enum hs_vital_id + 1; 0 = no more */
	__u16 turns[HS_SLOT_NAMES]; /* enum hs_knob_id + 1; 0 = no more */
};

/* CONFIG. Programs may only read; the daemon writes the whole by one system call. */
struct hs_config {
	__u64 period_min_ns;	  /* the pulse at its fastest, 100 us … 100 ms */
	__u64 period_max_ns;	  /* at rest: up to 500 ms */
	__u64 window_ns;	  /* quantiles are taken over windows of this length at least */
	__u64 stress_wait_ns;	  /* a wait above this, in any window, makes the heart beat fast */
	__u64 stress_switches_hz; /* a switch rate per CPU above this does so, too */
	__u32 rules_nr;
	__u32 rules_base;   /* 0 or HS_RULES_MAX: which half of RULES is in force */
	__u32 freeze_turns; /* a knob that turns more than this often … */
	__u32 pad;
	__u64 freeze_window_ns; /* … in this time is frozen */
	__u32 limits_nr;
	__u32 flows_base; /* 0 or 1: which half of FLOWS is in force */
	struct hs_limit limit[HS_LIMITS_MAX];
	struct hs_slot_config slot[HS_SLOTS];
};

/* SLOTS. What the pulse knows of the policy in each; written by the pulse alone. */
struct hs_slot {
	__u32 gen;  /* hs_slot_config.gen that all of this is of */
	__u32 shut; /* enum hs_slot_end */
	__u64 calls;
	__u64 declined;	  /* calls without an opinion */
	__u64 acted;	  /* calls in which it acted */
	__u64 steps;	  /* knobs that it sent elsewhere; in shadow, wishes told */
	__u64 spent_ns;	  /* in all calls */
	__u64 longest_ns; /* the longest call */
	__u64 last_ns;	  /* the last one */
	__u32 slow;	  /* twice the slow calls less the others; never below 0 */
	__u32 pad;
	__u64 told_ns;		  /* when it was last told what it wishes in shadow */
	__u64 told[HS_KNOB_NR];	  /* as it was told then */
	__u64 wished[HS_KNOB_NR]; /* the last wish for each knob that it turns */
};

/*
 * DECISIONS. A recorded call of the reflex (kern/decision.h): what it went by, as far as it was not told before, and what it made
 * of it. A record is the head and its items; the log of decisions is a file of them (user/lib/decision_log.h), so a new layout is
 * a new version of that, too.
 */
enum hs_decision_type {
	HS_DECISION_RESET,  /* gate or mode: all knobs to stock */
	HS_DECISION_WISHES, /* wishes of profile or person are taken over */
	HS_DECISION_RULES,  /* policies in the slots and rules look at the vital signs */
	HS_DECISION_MOVE,   /* knobs go on towards their targets */
	HS_DECISION_STATE,  /* no call: struct hs_decision_state */
	HS_DECISION_END,    /* of a log, by whoever wrote it: struct hs_decision_mark */
	HS_DECISION_NR
};

#define HS_DECISION_TORN                                                                           \
	1 /* of a call: bounds, rules, configuration or gate were written to meanwhile */
#define HS_DECISION_ALL 1 /* of a state: the vital signs that nobody reads follow, too */

struct hs_decision {
	__u32 size; /* bytes, head and items */
	__u16 type; /* enum hs_decision_type */
	__u16 flags;
	__u64 seq; /* counts calls, those too whose record was lost */
	__u64 now_ns;
	__u32 run; /* RESET: 0 = observe, 1 = advise, 2 = act */
	__u32 near; /* vital sign + 1 that is half-way to tripping a limit, since the policy acts; 0 = none */
	__u32 pad;
	__u32 trip; /* enum hs_trip: why the gate is shut */
	/* what came of it, with the items */
	__u64 moving;	/* bit = knob on its way */
	__u32 distress; /* rules above their `high` */
	__u32 acting;	/* slot + 1 that acts in place of the rules; 0 = none */
	__u32 frozen;	/* knobs frozen since the last reset */
	__u32 items;
};

/* Items: X(ID, what `id` is, what the members are). */
#define HS_DECIDED(X)                                                                              \
	X(VITAL, vital, "a = present | estimated << 1, b = value, c = updated_ns, d = from")       \
	X(AVERAGE, vital, "b = ewma, c = peak")                                                    \
	X(SUMS, vital, "b = integral, c = span")                                                   \
	X(WISH, knob, "taken over: a = cause, b = value, c = gen")                                 \
	X(SLOT, slot, "a = was asked | enum hs_slot_end << 8; b = returned, c = took ns")          \
	X(ANSWER, knob, "what a policy wishes for it: a = slot, b = value")                        \
	X(KNOB, knob, "a = cause | frozen << 8 | rule << 16, b = value, c = target, d = base")
enum hs_decided {
#define X(id, ...) HS_DECIDED_##id,
	HS_DECIDED(X)
#undef X
	HS_DECIDED_NR
};
struct hs_decision_item {
	__u16 kind; /* enum hs_decided */
	__u16 id;
	__u32 a;
	__u64 b;
	__u64 c;
	__u64 d;
};
#define HS_DECISION_ITEMS (3 * HS_VITAL_NR + 2 * HS_KNOB_NR + HS_SLOTS * (1 + HS_SLOT_NAMES))

/* All that the reflex is and goes by, at one moment; the last four are copies of its own, in words. */
#define HS_DECISION_REFLEX (12 + 2 * HS_VITAL_NR)
#define HS_DECISION_KNOB 10
#define HS_DECISION_RULE 6
struct hs_decision_mark {
	__u32 size;
	__u16 type;
	__u16 flags;
	__u64 seq;  /* of the call that follows */
	__u64 lost; /* records that found no room, since the programs were loaded */
};
struct hs_decision_state {
	struct hs_decision_mark mark;
	struct hs_config config;
	struct hs_bound bound[HS_KNOB_NR];
	struct hs_rule rule[HS_RULES_MAX]; /* of the half in force */
	struct hs_slot slot[HS_SLOTS];
	__u64 reflex[HS_DECISION_REFLEX];
	__u64 knob[HS_KNOB_NR][HS_DECISION_KNOB];
	__u64 rules[HS_RULES_MAX][HS_DECISION_RULE];
};

/* What a policy in a slot answered. In a replay written by user space. */
struct hs_decision_asked {
	__u64 took_ns;
	__s32 err; /* what it returned */
	__u32 itself; /* replay: it is in the slot, and answers by itself; how long it took is recorded */
	__u64 wished[HS_KNOB_NR]; /* replay: what it wished */
};

/*
 * Whoever records takes `recorder`, sets known to 0, then until_ns, and that again and again: a recorder that died is one that has stopped.
 * Everything else is the pulse's.
 */
struct hs_decisions {
	__u64 until_ns; /* calls before it are recorded */
	__u32 recorder; /* pid of who reads DECISIONS; counts while until_ns lies ahead */
	__u32 all;	/* 1 = also the vital signs that nobody reads */
	__u64 seq;
	__u64 lost;  /* records that found no room */
	__u32 known; /* 1 = the records since the last hs_decision_state tell all */
	__u32 pad;
	struct hs_decision_asked asked[HS_SLOTS];
	struct hs_decision_state state;
};

/* What the daemon knows of a CPU's place and use (CPUS map, index = CPU). */
struct hs_cpu_topo {
	__u32 llc;	 /* number of its last-level cache domain, from 0 */
	__u32 node;	 /* NUMA node */
	__u32 nohz_full; /* its tick is to stay off */
	__u32 isolated;	 /* member of an isolated cpuset partition */
	__u32 reserved;	 /* index + 1 of the workload (isolation: true) it is kept for; 0 = none */
	__u32 steer;	 /* packets may be handed to it: its queue is there */
	__u32 online;
};

/* A declared workload (WORKLOADS map). Its statistics are in struct hs_workload_stats. */
struct hs_workload {
	char name[32];
	__u64 period_ns;   /* 0 = not stated */
	__u64 deadline_ns; /* after a wake-up; 0 = period, or none */
	__u64 runtime_ns;  /* CPU time per period that it says it needs; 0 = not stated */
	__u32 class;	   /* enum hs_class */
	__u32 criticality; /* 0 … 1000, breaks ties between equal deadlines; higher goes first */
	__u32 isolation;   /* 1 = its `cpus` take no other work that could run elsewhere */
	__u32 pad;
	__u64 cpus[HS_CPUS_MAX / 64]; /* CPUs that it wakes up on if it can; all zero = any */
};
struct hs_workload_stats {
	__u64 wakeups;	  /* runs completed: wake-up … next voluntary sleep */
	__u64 misses;	  /* of these, with the deadline missed */
	__u64 overruns;	  /* of these, with more CPU time than runtime_ns */
	__u64 run_max_ns; /* longest CPU time of one run */
	__u64 run_sum_ns;
	__u64 run_sq_us2;  /* sum of squares, microseconds^2: variance = sq/n - (sum/n)^2 */
	__u64 resp_max_ns; /* longest wake-up … sleep */
};

/* How a task is matched to a workload (MATCH map: key → index into WORKLOADS + 1). */
enum hs_match_kind {
	HS_MATCH_CGROUP,
	HS_MATCH_COMM,
	HS_MATCH_PID
};
struct hs_match_key {
	__u32 kind; /* enum hs_match_kind */
	__u32 pad;
	union {
		__u64 id; /* cgroup id, or pid (thread group id) */
		char comm[HS_COMM_LEN];
	};
};

#include "abi_net.h"

/* One record of the task iterator (`homeostat workloads`). */
struct hs_task_record {
	__u32 pid;
	__u32 tgid;
	char comm[HS_COMM_LEN];
	__u32 class;	     /* enum hs_class */
	__u32 workload;	     /* index + 1; 0 = not declared */
	__u64 burst_ns;	     /* moving average of CPU time between voluntary sleeps */
	__u64 wakeups;	     /* seen so far */
	__u64 classified_ns; /* time from first seen to the present class; 0 = never changed */
	__u32 changes;	     /* how often the class changed */
	__u32 cpu;
};

struct hs_event {
	__u64 ts_ns;
	__u32 type;  /* enum hs_event_type */
	__u32 id;    /* see HS_EVENTS */
	__u32 vital; /* enum hs_vital_id */
	__u32 cause; /* enum hs_cause */
	__u64 from;
	__u64 to;
	__u64 value; /* of the vital sign */
	__u64 latency_ns;
	__u32 pid;
	__u32 rule;
	char comm[HS_COMM_LEN];
};

/* clang-format off: table */
/* Counters of the fast path, per CPU: X(ID, name, meaning). */
#define HS_COUNTERS(X)                                                                             \
	X(SWITCH, "switches", "context switches seen")                                             \
	X(SAMPLED, "samples", "of these, measured")                                                \
	X(MIGRATE, "migrations", "measured tasks that ran on another CPU than last time")          \
	X(CLASSIFY, "classifications", "changes of class")                                         \
	X(DIRECT_IDLE, "sched.idle_direct", "tasks put straight onto an idle CPU")                 \
	X(DIRECT_LOCAL, "sched.local_direct", "tasks put straight onto their CPU's own queue")     \
	X(CRITICAL_PREEMPT, "sched.critical_preempt", "critical tasks that preempted at once")     \
	X(CRITICAL_QUEUED, "sched.critical_queued", "critical tasks queued by deadline")           \
	X(OVER_BUDGET, "sched.over_budget", "critical tasks that competed as normal")              \
	X(NORMAL_QUEUED, "sched.normal_queued", "tasks queued by virtual time")                    \
	X(NORMAL_PREEMPT, "sched.normal_preempt", "normal tasks that preempted")                   \
	X(RESUMED, "sched.resumed", "preempted tasks that went on with the rest of their slice")   \
	X(PARKED, "sched.batch_parked", "batch tasks put behind, over their duty cycle")           \
	X(AGED, "sched.aged", "tasks moved ahead by age")                                          \
	X(STOCK, "sched.stock", "decisions taken by stock rules, gate shut")                       \
	X(DEADLINE_MISS, "sched.deadline_misses", "deadlines missed")                              \
	X(TCP_TAKEN, "tcp.taken", "connections given to our congestion control")                   \
	X(TCP_TO_LOSS, "tcp.to_loss", "moves to the variant that bears loss")                      \
	X(TCP_BACK, "tcp.back", "moves back from it")                                              \
	X(TCP_HOST, "tcp.host_losses", "losses without a queue, taken for the host's own")         \
	X(TCP_HOST_BACK, "tcp.host_back", "moves back because the host was congested")             \
	X(TCP_LEFT, "tcp.left", "connections that left for the kernel's CUBIC, gate shut")         \
	X(SOCKOPS_SET, "sockops.set", "parameters set on critical connections")                    \
	X(SOCKOPS_REFUSED, "sockops.refused", "of these, refused by the kernel")                   \
	X(SOCKOPS_BACK, "sockops.back", "parameters put back")                                     \
	X(DROP, "net.drops", "packets dropped for a reason, while the hook `drops` was attached")
/* clang-format on */
enum hs_counter {
#define X(id, ...) HS_COUNT_##id,
	HS_COUNTERS(X)
#undef X
	HS_COUNT_NR
};

#endif
