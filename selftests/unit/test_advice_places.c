// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Queues and interrupts by the machine's topology: what is said of machines that are made of files, and the rules by it. */
#include "advice_fixture.h"

#define CPUS "/sys/devices/system/cpu/"
#define QUEUE(nic, nr) "/sys/class/net/" nic "/queues/rx-" #nr "/rps_cpus"
#define AFFINITY(irq) "/proc/irq/" #irq "/smp_affinity_list"

static __u64 ticks[8][2]; /* of each CPU: busy, idle */

static void write_stat(void)
{
	char text[1024] = "cpu  1 0 0 1 0 0 0 0 0 0\n", *at = text + strlen(text);

	for (int cpu = 0; cpu < 8; cpu++)
		at += sprintf(at, "cpu%d %llu 0 0 %llu 0 0 0 0 0 0\n", cpu, ticks[cpu][0],
			      ticks[cpu][1]);
	sprintf(at, "intr 1 2 3\n");
	file("/proc/stat", text);
}

/* Eight CPUs: two nodes, in each two caches of two. */
static void machine_make(void)
{
	char path[128], text[64];

	file(CPUS "possible", "0-7\n");
	file(CPUS "online", "0-7\n");
	file("/sys/devices/system/node/online", "0-1\n");
	file("/sys/devices/system/node/node0/cpulist", "0-3\n");
	file("/sys/devices/system/node/node1/cpulist", "4-7\n");
	for (int cpu = 0; cpu < 8; cpu++) {
		snprintf(path, sizeof(path), CPUS "cpu%d/cache/index0/level", cpu);
		file(path, "3\n");
		snprintf(path, sizeof(path), CPUS "cpu%d/cache/index0/shared_cpu_list", cpu);
		snprintf(text, sizeof(text), "%d-%d\n", cpu & ~1, cpu | 1);
		file(path, text);
		ticks[cpu][0] = 1000;
		ticks[cpu][1] = 1000;
	}
	write_stat();
}

/* A card on a node, with so many queues. */
static void nic_make(const char *name, const char *node, int queues)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/class/net/%s/type", name);
	file(path, strcmp(name, "lo") ? "1\n" : "772\n");
	snprintf(path, sizeof(path), "/sys/class/net/%s/device/numa_node", name);
	if (*node)
		file(path, node);
	for (int i = 0; i < queues; i++) {
		snprintf(path, sizeof(path), "/sys/class/net/%s/queues/rx-%d/rps_cpus", name, i);
		file(path, "00\n");
	}
}

/* Interrupts of a card, each on a CPU. */
static void irq_make(const char *nic, int irq, const char *cpu)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/class/net/%s/device/msi_irqs/%d", nic, irq);
	file(path, "msix\n");
	snprintf(path, sizeof(path), "/proc/irq/%d/smp_affinity_list", irq);
	file(path, cpu);
}

/* What goes on, in each second from now on. */
static struct {
	__u64 busy[8]; /* permille */
	struct {
		const char *name;
		__u64 hz, sum;
	} nic[4], irq[12];
} going;

/* Time passes, and the counters with it. */
static void pass(unsigned int nr)
{
	char path[128], text[64];

	while (nr--) {
		for (int cpu = 0; cpu < 8; cpu++) {
			ticks[cpu][0] += going.busy[cpu];
			ticks[cpu][1] += 1000 - going.busy[cpu];
		}
		write_stat();
		for (int i = 0; i < 4 && going.nic[i].name; i++) {
			snprintf(path, sizeof(path), "/sys/class/net/%s/statistics/rx_packets",
				 going.nic[i].name);
			snprintf(text, sizeof(text), "%llu\n", going.nic[i].sum += going.nic[i].hz);
			file(path, text);
		}
		for (int i = 0; i < 12 && going.irq[i].name; i++) {
			snprintf(path, sizeof(path), "/sys/kernel/irq/%s/per_cpu_count",
				 going.irq[i].name);
			snprintf(text, sizeof(text), "7,%llu,0,0,0,0,0,1\n",
				 going.irq[i].sum += going.irq[i].hz);
			file(path, text);
		}
		seconds(1);
	}
}

static void packets(int i, const char *nic, __u64 hz)
{
	going.nic[i].name = nic;
	going.nic[i].hz = hz;
}

static void interrupts(int i, const char *irq, __u64 hz)
{
	going.irq[i].name = irq;
	going.irq[i].hz = hz;
}

/* Balanced, on that machine, with a card on node 1 that takes in all by one of two queues. */
static void begin_squeezed(void)
{
	memset(&going, 0, sizeof(going));
	begin_shipped("balanced", "squeezed-queues");
	begin_tree();
	machine_make();
	nic_make("eth0", "1\n", 2);
	nic_make("eth1", "", 1);
	nic_make("lo", "", 1);
	file("/sys/class/net/eth0/device/msi_irqs/40", "msix\n");
	file("/proc/irq/40/effective_affinity_list", "4\n");
	packets(0, "eth0", 50000);
	packets(1, "eth1", 900);
	packets(2, "lo", 90000);
	interrupts(0, "40", 9000);
	going.busy[4] = 900;
	going.busy[5] = 100;
	vital(HS_VITAL_SQUEEZES, 0);
	vital(HS_VITAL_PACKETS, 140900);
}

/* Of the card that has much to do, by the CPU that shares a cache with the one that is busy. */
static void queues(void **state)
{
	(void)state;
	begin_squeezed();
	vital(HS_VITAL_SQUEEZES, 10); /* at the level is not above it */
	pass(120);
	assert_int_equal(w.asks, 0);
	vital(HS_VITAL_SQUEEZES, 500);
	pass(39);
	assert_int_equal(w.asks, 0);
	pass(4);
	assert_int_equal(w.asks, 1);
	assert_string_equal(w.last, "net.rps_cpus eth0,0=20 eth0,1=20");
	assert_non_null(strstr(w.reason, "on one CPU (eth0 on CPUs 5, the least busy of 4-5)"));
	holds(QUEUE("eth1", 0), "00");
	holds(QUEUE("lo", 0), "00");
	/* the cure may not be its own end: the need is the packets; and squeezed all the same, it has no better answer */
	vital(HS_VITAL_SQUEEZES, 0);
	pass(900);
	vital(HS_VITAL_SQUEEZES, 500);
	going.busy[5] = 950;
	pass(300);
	assert_int_equal(w.asks, 1);
	assert_int_equal(
		told("nothing of net.rps_cpus[*,*] is to be moved: busy queues are spread already"),
		1);
	/* no packets: each queue as it was, also of a card that has nothing to do now */
	vital(HS_VITAL_SQUEEZES, 0);
	vital(HS_VITAL_PACKETS, 100);
	packets(0, "eth0", 50);
	pass(598);
	assert_int_equal(w.asks, 1);
	pass(4);
	assert_int_equal(w.asks, 2);
	assert_string_equal(w.last, "net.rps_cpus eth0,0=00 eth0,1=00");
	pass(300);
	assert_int_equal(w.asks, 2);
}

/* A card that goes, and one that comes, in between. */
static void cards_come_and_go(void **state)
{
	(void)state;
	begin_squeezed();
	vital(HS_VITAL_SQUEEZES, 500);
	pass(45);
	assert_int_equal(w.asks, 1);
	vanish("/sys/class/net/eth0");
	nic_make("eth2", "0\n", 1);
	packets(0, "eth2", 50000);
	pass(100);
	assert_int_equal(w.asks, 2);
	assert_string_equal(w.last, "net.rps_cpus eth2,0=f");
	vital(HS_VITAL_SQUEEZES, 0);
	vital(HS_VITAL_PACKETS, 0);
	pass(605);
	assert_int_equal(w.asks, 3);
	assert_string_equal(w.last, "net.rps_cpus eth2,0=00");
}

/* Without what is isolated, or nohz_full; without a cache or a node that is known, of all CPUs. */
static void allowed(void **state)
{
	(void)state;
	begin_squeezed();
	file(CPUS "isolated", "5\n");
	vital(HS_VITAL_SQUEEZES, 500);
	pass(45);
	/* one CPU alone shares no cache: of the node */
	assert_string_equal(w.last, "net.rps_cpus eth0,0=c0 eth0,1=c0");
	begin_squeezed();
	file(CPUS "nohz_full", "4-7\n");
	vital(HS_VITAL_SQUEEZES, 500);
	pass(45);
	/* none of its node is left: of the others */
	assert_string_equal(w.last, "net.rps_cpus eth0,0=f eth0,1=f");
	begin_squeezed();
	file("/proc/irq/40/effective_affinity_list", "0-7\n");
	file("/sys/class/net/eth0/device/numa_node", "-1\n");
	vital(HS_VITAL_SQUEEZES, 500);
	pass(45);
	assert_string_equal(w.last, "net.rps_cpus eth0,0=ef eth0,1=ef");
	begin_squeezed();
	file(CPUS "isolated", "0-7\n");
	vital(HS_VITAL_SQUEEZES, 500);
	pass(60);
	assert_int_equal(w.asks, 0);
	assert_int_equal(told("no CPU is allowed: all are isolated"), 1);
}

/* Who stands on another interface gets its packets twice; as many queues as CPUs spread by themselves; what is spread stays. */
static void not_these(void **state)
{
	(void)state;
	begin_squeezed();
	file("/sys/class/net/eth0/lower_eth7/type", "1\n");
	vital(HS_VITAL_SQUEEZES, 500);
	pass(60);
	assert_int_equal(w.asks, 0);
	assert_int_equal(told("cannot be read here: none of it has much to do"), 1);
	begin_squeezed();
	nic_make("eth0", "1\n", 4);
	file("/proc/irq/40/effective_affinity_list",
	     "0\n"); /* of another node: its cache is not near */
	vital(HS_VITAL_SQUEEZES, 500);
	pass(60);
	assert_int_equal(w.asks, 0);
	assert_int_equal(told("no interface has much to do and few queues"), 1);
	begin_squeezed();
	file(QUEUE("eth0", 0), "30\n");
	vital(HS_VITAL_SQUEEZES, 500);
	pass(60);
	assert_string_equal(w.last, "net.rps_cpus eth0,1=20");
	holds(QUEUE("eth0", 0), "30");
}

/* ---- interrupts ---- */

/* Two cards of node 0 and one of node 1; 40 to 45 come often, 46 does not. */
static void begin_imbalanced(void)
{
	static const char *const irqs[] = {"40", "41", "42", "43", "44", "45", "46"};

	memset(&going, 0, sizeof(going));
	begin_shipped("balanced", "interrupts-on-one");
	begin_tree();
	machine_make();
	nic_make("eth0", "0\n", 3);
	nic_make("eth1", "0\n", 2);
	nic_make("eth2", "1\n", 1);
	for (int i = 0; i < 7; i++) {
		irq_make(i < 3 ? "eth0" : i < 5 ? "eth1" : "eth2", 40 + i, "0\n");
		interrupts(i, irqs[i], i < 6 ? 2000 : 100);
	}
	going.busy[0] = 800;
	going.busy[1] = 100;
	going.busy[2] = 300;
	vital(HS_VITAL_IRQ_IMBALANCE, 0);
	vital(HS_VITAL_IRQ_RATE, 12000);
}

static void irqs(void **state)
{
	(void)state;
	begin_imbalanced();
	vital(HS_VITAL_IRQ_IMBALANCE, 700);
	pass(200);
	assert_int_equal(w.asks, 0);
	vital(HS_VITAL_IRQ_IMBALANCE, 900);
	pass(63);
	assert_int_equal(w.asks, 1);
	/* five for four CPUs: two may stay on the first; the rest to who has none, the least busy first; 45 to its own node */
	assert_string_equal(w.last, "irq.affinity 42=3 43=1 44=2 45=4");
	assert_non_null(strstr(w.reason, "one CPU has most of the interrupts (4 of 6 busy "
					 "interrupts of network cards move, over CPUs 0-4)"));
	/* it is spread: uneven all the same, there is no better, whoever is busy */
	going.busy[0] = 0;
	going.busy[1] = 1000;
	pass(1300);
	assert_int_equal(w.asks, 1);
	assert_int_equal(told("is to be moved: busy interrupts are spread already"), 1);
	/* what a person has confirmed stays */
	vital(HS_VITAL_IRQ_IMBALANCE, 0);
	vital(HS_VITAL_IRQ_RATE, 0);
	pass(300);
	assert_int_equal(w.asks, 1);
	holds(AFFINITY(42), "3");
	holds(AFFINITY(46), "0");
}

static void quiet_irqs(void **state)
{
	(void)state;
	begin_imbalanced();
	for (int i = 0; i < 6; i++)
		interrupts(i, going.irq[i].name, 400);
	vital(HS_VITAL_IRQ_IMBALANCE, 1000);
	pass(100);
	assert_int_equal(w.asks, 0);
	/* one that goes while it is looked at, and one that is everywhere */
	begin_imbalanced();
	vital(HS_VITAL_IRQ_IMBALANCE, 1000);
	pass(50);
	vanish("/sys/class/net/eth2");
	file(AFFINITY(41), "0-7\n");
	pass(13);
	assert_string_equal(w.last, "irq.affinity 41=3 43=1 44=2");
}

/* The same machine, the same answer: nothing of it is by chance. */
static void the_same_again(void **state)
{
	char first[1024];

	(void)state;
	begin_imbalanced();
	vital(HS_VITAL_IRQ_IMBALANCE, 900);
	pass(63);
	strcpy(first, w.last);
	begin_imbalanced();
	vital(HS_VITAL_IRQ_IMBALANCE, 900);
	pass(63);
	assert_string_equal(w.last, first);
}

/* There and back, where a rule says so: each interrupt to the CPUs that it had. */
static void irqs_and_back(void **state)
{
	(void)state;
	begin_imbalanced();
	begin_profile("name: t\nadvice:\n  - name: i\n"
		      "    when: { vital: irq.imbalance_permille, above: 70%, for: 5s }\n"
		      "    propose: { parameter: 'irq.affinity[*]', to: spread }\n"
		      "    back: { vital: irq.rate_hz, below: 500, for: 30s }\n"
		      "    goal: jitter\n    reason: r\n");
	begin_tree();
	machine_make();
	nic_make("eth0", "0\n", 2);
	irq_make("eth0", 40, "0-1\n");
	irq_make("eth0", 41, "0\n");
	irq_make("eth0", 42, "0\n");
	vital(HS_VITAL_IRQ_IMBALANCE, 900);
	vital(HS_VITAL_IRQ_RATE, 6000);
	pass(10);
	assert_string_equal(w.last, "irq.affinity 40=3 42=1");
	vital(HS_VITAL_IRQ_RATE, 0);
	vital(HS_VITAL_IRQ_IMBALANCE, 0);
	memset(&going, 0, sizeof(going));
	pass(40);
	assert_string_equal(w.last, "irq.affinity 40=0-1 42=0");
	assert_int_equal(w.asks, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queues),	  cmocka_unit_test(cards_come_and_go),
		cmocka_unit_test(allowed),	  cmocka_unit_test(not_these),
		cmocka_unit_test(irqs),		  cmocka_unit_test(quiet_irqs),
		cmocka_unit_test(the_same_again), cmocka_unit_test(irqs_and_back),
	};

	return cmocka_run_group_tests_name("advice_places", tests, load, unload);
}
