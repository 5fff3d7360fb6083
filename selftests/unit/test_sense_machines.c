// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The slow vital signs of four machines, made of files: a server, a laptop, a board, and a virtual machine that has nothing. */
#include "sense_fixture.h"

#define CPU "/sys/devices/system/cpu"
#define NR(a) (sizeof(a) / sizeof((a)[0]))
#define MEMINFO(total, available, pool, free, promised)                                            \
	"MemTotal:       " total " kB\nMemFree:          1000 kB\nMemAvailable:   " available      \
	" kB\nHugePages_Total:  " pool "\nHugePages_Free:   " free "\nHugePages_Rsvd:   " promised \
	"\nHugePages_Surp:       0\n"
#define VMSTAT(dirty, writeback, in, out, anon, file, kills)                                       \
	"nr_free_pages 5000\nnr_dirty " dirty "\nnr_writeback " writeback                          \
	"\nnr_dirty_threshold 10000\npswpin " in "\npswpout " out                                  \
	"\nworkingset_refault_anon " anon "\nworkingset_refault_file " file "\noom_kill " kills    \
	"\n"
#define TCP_HEAD                                                                                   \
	"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  "      \
	"timeout inode\n"
#define TCP_ROW(state, queue)                                                                      \
	"   0: 0100007F:0016 00000000:0000 " state " 00000000:" queue                              \
	" 00:00000000 00000000     0        0 12345 1 0000000000000000 100 0 0 10 0\n"

/* ---- two sockets: RAPL, EDAC, AER, NVMe, InfiniBand; no battery, no zone but the packages' ---- */

#define RAPL "/sys/class/powercap/"
#define ETH "/sys/class/net/eth0/"
#define IB "/sys/class/infiniband/mlx5_0/ports/"
#define PCI "/sys/bus/pci/devices/"
#define EDAC "/sys/devices/system/edac/mc/"
static const struct tree_file server[] = {
	{"/proc/stat", "cpu  1000 0 500 8000 400 50 50 0 0 0\ncpu0 500 0 250 4000 200 25 25 0 0 0\n"
		       "cpu1 500 0 250 4000 200 25 25 0 0 0\nintr 1 2 3\n"},
	{"/proc/meminfo", MEMINFO("263000000", "131500000", "512", "100", "40")},
	{"/proc/vmstat", VMSTAT("500", "500", "0", "0", "10", "20",
				"3") "numa_hit 1000000\nnuma_miss 1000\nnuma_foreign 1000\n"},
	{"/proc/net/tcp",
	 TCP_HEAD TCP_ROW("0A", "00000000") TCP_ROW("0A", "00000400") TCP_ROW("01", "0000FFFF")},
	{"/proc/net/tcp6", TCP_HEAD TCP_ROW("0A", "00000010")},
	{"/proc/sys/net/core/somaxconn", "4096\n"},
	{"/proc/net/sockstat", "sockets: used 100\nTCP: inuse 5 orphan 0 tw 0 alloc 7 mem 500\n"
			       "UDP: inuse 1 mem 3\n"},
	{"/proc/sys/net/ipv4/tcp_mem", "700000\t1000\t1500000\n"},
	{ETH "device/vendor", "0x15b3\n"},
	{ETH "carrier", "1\n"},
	{ETH "statistics/rx_dropped", "100\n"},
	{ETH "statistics/tx_dropped", "10\n"},
	{ETH "statistics/rx_missed_errors", "5\n"},
	{ETH "statistics/rx_errors", "7\n"},
	{ETH "statistics/tx_errors", "0\n"},
	{ETH "statistics/tx_bytes", "1000000\n"},
	{"/sys/class/net/eth1/device/vendor", "0x15b3\n"},
	{"/sys/class/net/eth1/carrier", "0\n"},
	{"/sys/class/net/veth0/carrier", "0\n"}, /* software */
	{"/sys/class/net/veth0/statistics/rx_errors", "1000\n"},
	{CPU "/cpufreq/policy0/cpuinfo_max_freq", "4000000\n"},
	{CPU "/cpufreq/policy0/scaling_max_freq", "4000000\n"},
	{CPU "/cpufreq/policy0/scaling_cur_freq", "2000000\n"},
	{CPU "/cpufreq/policy1/cpuinfo_max_freq", "4000000\n"},
	{CPU "/cpufreq/policy1/scaling_max_freq", "3000000\n"},
	{CPU "/cpufreq/policy1/scaling_cur_freq", "3000000\n"},
	{CPU "/cpu0/thermal_throttle/core_throttle_count", "5\n"},
	{CPU "/cpu0/thermal_throttle/package_throttle_count", "9\n"},
	{CPU "/cpu1/thermal_throttle/core_throttle_count", "5\n"},
	{"/sys/class/thermal/thermal_zone0/temp", "55000\n"},
	{"/sys/class/thermal/thermal_zone0/trip_point_0_temp", "-274000\n"},
	{"/sys/class/thermal/thermal_zone0/trip_point_0_type", "passive\n"},
	{"/sys/class/hwmon/hwmon0/name", "coretemp\n"},
	{"/sys/class/hwmon/hwmon0/temp1_input", "57000\n"},
	{"/sys/class/hwmon/hwmon0/temp1_crit", "100000\n"},
	{"/sys/class/hwmon/hwmon1/name", "nct6775\n"}, /* an input that leads nowhere */
	{"/sys/class/hwmon/hwmon1/temp1_input", "127500\n"},
	{"/sys/class/hwmon/hwmon2/name", "nvme\n"},
	{"/sys/class/hwmon/hwmon2/temp1_input", "48850\n"},
	{"/sys/class/hwmon/hwmon2/temp1_crit", "84850\n"},
	{RAPL "intel-rapl:0/name", "package-0\n"},
	{RAPL "intel-rapl:0/energy_uj", "1000000000\n"},
	{RAPL "intel-rapl:0/max_energy_range_uj", "262143328850\n"},
	{RAPL "intel-rapl:0:0/name", "dram\n"},
	{RAPL "intel-rapl:0:0/energy_uj", "5\n"},
	{RAPL "intel-rapl:0:0/max_energy_range_uj", "262143328850\n"},
	{RAPL "intel-rapl:1/name", "package-1\n"},
	{RAPL "intel-rapl:1/energy_uj", "262143000000\n"},
	{RAPL "intel-rapl:1/max_energy_range_uj", "262143328850\n"},
	{RAPL "intel-rapl:2/name", "psys\n"},
	{RAPL "intel-rapl:2/energy_uj", "1\n"},
	{RAPL "intel-rapl:2/max_energy_range_uj", "262143328850\n"},
	{EDAC "mc0/ce_count", "17\n"},
	{EDAC "mc0/ue_count", "0\n"},
	{EDAC "mc1/ce_count", "0\n"},
	{EDAC "mc1/ue_count", "1\n"},
	{PCI "0000:00:01.0/aer_rootport_total_err_cor", "40\n"},
	{PCI "0000:00:01.0/aer_rootport_total_err_nonfatal", "1\n"},
	{PCI "0000:00:01.0/aer_rootport_total_err_fatal", "0\n"},
	{PCI "0000:01:00.0/current_link_width", "16\n"},
	{PCI "0000:01:00.0/power/runtime_status", "active\n"},
	{PCI "0000:01:00.1/current_link_width", "16\n"},
	{PCI "0000:02:00.0/current_link_width", "4\n"},
	{PCI "0000:02:00.0/power/runtime_status", "suspended\n"},
	{"/sys/class/nvme/nvme0/state", "live\n"},
	{"/sys/class/nvme/nvme1/state", "live\n"},
	{IB "1/state", "4: ACTIVE\n"},
	{IB "1/counters/symbol_error", "3\n"},
	{IB "1/counters/link_error_recovery", "0\n"},
	{IB "1/counters/link_downed", "1\n"},
	{IB "1/counters/port_rcv_errors", "0\n"},
	{IB "1/counters/local_link_integrity_errors", "0\n"},
	{IB "2/state", "1: DOWN\n"}, /* has no cable, and never had */
	{IB "2/counters/symbol_error", "0\n"},
	{IB "2/counters/link_error_recovery", "0\n"},
	{IB "2/counters/link_downed", "0\n"},
	{IB "2/counters/port_rcv_errors", "0\n"},
	{IB "2/counters/local_link_integrity_errors", "0\n"},
};

static void a_server_at_first_sight(void **state)
{
	(void)state;
	fx_machine(server, NR(server));
	fx_tick(1);
	is(MEM_AVAILABLE, 500);
	is(MEM_DIRTY, 100);
	is(MEM_HUGE_FREE, 60);
	is(LISTEN_QUEUE, 250);
	is(TCP_MEMORY, 500);
	is(NIC_DOWN, 1);
	is(CPU_FREQ, 625);
	is(CPU_FREQ_LIMIT, 750);
	is(THERMAL_HOTTEST, 57000);
	is(THERMAL_MARGIN, 36000); /* the drive is cooler, and nearer to its end */
	is(HW_PCIE_NARROW, 0);
	is(HW_NVME_DOWN, 0);
	is(IB_DOWN, 0);
	/* what was counted before is nobody's … */
	is(MEM_OOM_KILLS, 0);
	is(NIC_ERRORS, 0);
	is(THERMAL_THROTTLES, 0);
	is(HW_MEMORY_CORRECTED, 0);
	is(HW_MEMORY_UNCORRECTED, 0);
	is(HW_PCIE_CORRECTABLE, 0);
	is(HW_PCIE_UNCORRECTABLE, 0);
	is(IB_ERRORS, 0);
	/* … and what is a rate takes two readings */
	absent(CPU_BUSY);
	absent(CPU_IOWAIT);
	absent(CPU_STEAL);
	absent(MEM_SWAP);
	absent(MEM_REFAULTS);
	absent(NUMA_MISS);
	absent(NIC_DROPS);
	absent(THERMAL_SLOPE);
	absent(POWER_PACKAGE);
	absent(ENERGY_CPU);
	/* what it has not got */
	absent(POWER_MACHINE);
	absent(POWER_BATTERY);
	absent(POWER_ON_BATTERY);
}

static void a_server_that_works(void **state)
{
	(void)state;
	fx_machine(server, NR(server));
	fx_tick(1);
	/* two seconds of two CPUs: 400 ticks, 200 of programs, 40 of the kernel, 20 steal, 40 iowait */
	fx_put("/proc/stat", "cpu  1200 0 520 8100 440 60 60 20 0 0\n");
	fx_put("/proc/vmstat",
	       VMSTAT("0", "0", "300", "100", "1010", "1020", "5") "numa_hit "
								   "1000900\n"
								   "numa_miss 1100\n");
	fx_put(ETH "statistics/rx_dropped", "140\n");
	fx_put(ETH "statistics/rx_missed_errors", "25\n");
	fx_put(ETH "statistics/tx_errors", "4\n");
	fx_put(RAPL "intel-rapl:0/energy_uj", "1100000000\n"); /* 100 J, and 60 J over the end */
	fx_put(RAPL "intel-rapl:1/energy_uj", "59671150\n");
	fx_tick(2);
	is(CPU_BUSY, 600);
	is(CPU_IOWAIT, 100);
	is(CPU_STEAL, 50);
	is(MEM_SWAP, 200);
	is(MEM_REFAULTS, 1000);
	is(MEM_OOM_KILLS, 2);
	is(NUMA_MISS, 100);
	is(NIC_DROPS, 30);
	is(NIC_ERRORS, 4);
	is(POWER_PACKAGE, 80000);
	absent(THERMAL_SLOPE); /* two seconds are too few */
	fx_put("/sys/class/hwmon/hwmon0/temp1_input", "67000\n");
	fx_put(CPU "/cpu0/thermal_throttle/core_throttle_count", "6\n");
	fx_put(CPU "/cpu0/thermal_throttle/package_throttle_count", "11\n");
	fx_put(EDAC "mc0/ce_count", "19\n");
	fx_put(EDAC "mc1/ce_count", "1\n");
	fx_put(EDAC "mc1/ue_count", "2\n");
	fx_put(PCI "0000:00:01.0/aer_rootport_total_err_cor", "41\n");
	fx_put(PCI "0000:00:01.0/aer_rootport_total_err_fatal", "2\n");
	fx_put(PCI "0000:01:00.0/current_link_width", "8\n");
	fx_put(PCI "0000:02:00.0/current_link_width", "1\n"); /* asleep: not asked */
	fx_put("/sys/class/nvme/nvme1/state", "dead\n");
	fx_put(IB "1/state", "1: DOWN\n");
	fx_put(IB "1/counters/link_downed", "2\n");
	fx_tick(8);
	is(THERMAL_HOTTEST, 67000);
	is(THERMAL_MARGIN, 33000);
	is(THERMAL_SLOPE, 1000);
	is(THERMAL_THROTTLES, 3);
	is(HW_MEMORY_CORRECTED, 3);
	is(HW_MEMORY_UNCORRECTED, 1);
	is(HW_PCIE_CORRECTABLE, 1);
	is(HW_PCIE_UNCORRECTABLE, 2);
	is(HW_PCIE_NARROW, 1);
	is(HW_NVME_DOWN, 1);
	is(IB_ERRORS, 1);
	is(IB_DOWN, 1);
	fx_put(PCI "0000:01:00.0/current_link_width", "16\n");
	fx_put(IB "1/state", "4: ACTIVE\n");
	fx_remove(IB "1/counters/symbol_error"); /* the other port's are no sum */
	fx_tick(10);
	is(HW_PCIE_NARROW, 0);
	is(IB_DOWN, 0);
	absent(IB_ERRORS);
}

/* 100 J a second; in ten seconds 10 s of CPU time, 1 GB, 5e9 instructions of programs. */
static void a_server_s_energy(void **state)
{
	(void)state;
	fx_machine(server, NR(server));
	fx.pmu.whole = true;
	fx_tick(1);
	fx_put(RAPL "intel-rapl:0/energy_uj", "2000000000\n");
	fx_put(RAPL "intel-rapl:1/energy_uj", "262143000000\n");
	fx_tick(10); /* the energy of this one began before there was power */
	fx_put(RAPL "intel-rapl:0/energy_uj", "3000000000\n");
	fx_put("/proc/stat", "cpu  2000 0 500 8000 400 50 50 0 0 0\n");
	fx_put(ETH "statistics/tx_bytes", "1001000000\n");
	fx.pmu.user_instructions = 5000000000ULL;
	fx_tick(10);
	is(POWER_PACKAGE, 100000);
	is(ENERGY_CPU, 100000000);
	is(ENERGY_BYTE, 1000);
	is(ENERGY_INSTRUCTION, 200000);
	assert_int_equal(fx.vitals[HS_VITAL_ENERGY_CPU].estimated, 0);
	/* next to no work: no energy per unit of it, which is not 0. And instructions of a part of the CPUs are no measure */
	fx_put(RAPL "intel-rapl:0/energy_uj", "3500000000\n");
	fx_put("/proc/stat", "cpu  2001 0 500 8999 400 50 50 0 0 0\n");
	fx_put(ETH "statistics/tx_bytes", "1001000060\n");
	fx.pmu.user_instructions *= 2;
	fx.pmu.whole = false;
	fx_tick(10);
	is(POWER_PACKAGE, 50000);
	absent(ENERGY_CPU);
	absent(ENERGY_BYTE);
	absent(ENERGY_INSTRUCTION);
}

/* ---- a laptop: battery, ACPI zones, wireless; energy is counted ---- */

#define BAT "/sys/class/power_supply/BAT0/"
static const struct tree_file laptop[] = {
	{"/proc/stat", "cpu  100 0 50 800 40 5 5 0 0 0\n"},
	{"/proc/meminfo", MEMINFO("16000000", "4000000", "0", "0", "0")},
	{"/proc/vmstat", VMSTAT("0", "0", "0", "0", "0", "0", "0")},
	{"/sys/class/net/wlan0/device/vendor", "0x8086\n"},
	{"/sys/class/thermal/thermal_zone0/temp", "45000\n"},
	{"/sys/class/thermal/thermal_zone0/trip_point_0_temp", "105000\n"},
	{"/sys/class/thermal/thermal_zone0/trip_point_0_type", "critical\n"},
	{"/sys/class/thermal/thermal_zone0/trip_point_1_temp", "95000\n"},
	{"/sys/class/thermal/thermal_zone0/trip_point_1_type", "passive\n"},
	{"/sys/class/thermal/thermal_zone0/trip_point_2_temp", "50000\n"},
	{"/sys/class/thermal/thermal_zone0/trip_point_2_type", "active\n"}, /* the fan */
	{"/sys/class/thermal/thermal_zone1/temp", "-5000\n"},
	{"/sys/class/thermal/cooling_device0/type", "Fan\n"},
	{"/sys/class/power_supply/AC/type", "Mains\n"},
	{"/sys/class/power_supply/AC/online", "1\n"},
	{BAT "type", "Battery\n"},
	{BAT "present", "1\n"},
	{BAT "status", "Full\n"},
	{BAT "energy_now", "40000000\n"},
	{BAT "energy_full", "50000000\n"},
	{BAT "power_now", "0\n"},
	{"/sys/class/power_supply/hidpp_battery_0/type", "Battery\n"},
	{"/sys/class/power_supply/hidpp_battery_0/scope", "Device\n"},
	{"/sys/class/power_supply/hidpp_battery_0/capacity", "5\n"},
	{"/sys/class/power_supply/hidpp_battery_0/status", "Discharging\n"},
};

static void a_laptop(void **state)
{
	static const enum hs_vital_id there[] = {
		HS_VITAL_MEM_AVAILABLE, HS_VITAL_MEM_DIRTY,	   HS_VITAL_MEM_OOM_KILLS,
		HS_VITAL_NIC_DOWN,	HS_VITAL_THERMAL_HOTTEST,  HS_VITAL_THERMAL_MARGIN,
		HS_VITAL_POWER_BATTERY, HS_VITAL_POWER_ON_BATTERY, HS_VITAL_NR};

	(void)state;
	fx_machine(laptop, NR(laptop));
	fx_tick(1);
	fx_only(there);
	is(MEM_AVAILABLE, 250);
	is(THERMAL_HOTTEST, 45000);
	is(THERMAL_MARGIN, 50000);
	is(POWER_BATTERY, 800);
	is(POWER_ON_BATTERY, 0);
	fx_put(BAT "status", "Discharging\n");
	fx_put(BAT "energy_now", "20000000\n");
	fx_put(BAT "power_now", "12000000\n");
	fx_tick(5);
	is(POWER_BATTERY, 400);
	is(POWER_ON_BATTERY, 1);
	is(POWER_MACHINE, 12000);
	absent(POWER_PACKAGE);
	/* 12 W for 5 s are the energy that nothing has counted: 60 J for 2 s of CPU time */
	fx_tick(5);
	fx_put("/proc/stat", "cpu  300 0 50 800 40 5 5 0 0 0\n");
	fx_tick(10);
	is(ENERGY_CPU, 60000000);
	assert_int_equal(fx.vitals[HS_VITAL_ENERGY_CPU].estimated, 1);
	/* by current and voltage, the current with a sign */
	fx_remove(BAT "power_now");
	fx_put(BAT "current_now", "-1500000\n");
	fx_put(BAT "voltage_now", "11400000\n");
	fx_tick(5);
	is(POWER_MACHINE, 17100);
	fx_put(BAT "status", "Charging\n");
	fx_tick(10);
	is(POWER_ON_BATTERY, 0);
	absent(POWER_MACHINE); /* what flows in is not what is used */
	absent(ENERGY_CPU);
	/* the time on the mains is not one in which nothing was used */
	fx_put(BAT "status", "Discharging\n");
	fx_put("/proc/stat", "cpu  500 0 50 800 40 5 5 0 0 0\n");
	fx_tick(10);
	absent(ENERGY_CPU);
	fx_put("/proc/stat", "cpu  671 0 50 800 40 5 5 0 0 0\n");
	fx_tick(10);
	is(ENERGY_CPU, 100000000);
}

/* ---- an ARM board: big and little CPUs, a power sensor, a zone ---- */

static const struct tree_file board[] = {
	{"/proc/stat", "cpu  200 0 0 0 0 0 0 0 0 0\ncpu0 100 0 0 0 0 0 0 0 0 0\n"
		       "cpu1 100 0 0 0 0 0 0 0 0 0\n"},
	{CPU "/cpu0/cpu_capacity", "256\n"},
	{CPU "/cpu1/cpu_capacity", "1024\n"},
	{CPU "/cpufreq/policy0/cpuinfo_max_freq", "1800000\n"},
	{CPU "/cpufreq/policy0/scaling_max_freq", "900000\n"},
	{CPU "/cpufreq/policy0/scaling_cur_freq", "900000\n"},
	{"/sys/class/thermal/thermal_zone0/temp", "84500\n"},
	{"/sys/class/thermal/thermal_zone0/trip_point_0_temp", "80000\n"},
	{"/sys/class/thermal/thermal_zone0/trip_point_0_type", "passive\n"},
	{"/sys/class/hwmon/hwmon0/name", "ina226\n"},
	{"/sys/class/hwmon/hwmon0/power1_input", "6000000\n"},
	{"/sys/class/net/end0/device/uevent", "\n"},
	{"/sys/class/net/end0/carrier", "1\n"},
};

static void a_board(void **state)
{
	static const enum hs_vital_id there[] = {HS_VITAL_NIC_DOWN,
						 HS_VITAL_CPU_FREQ,
						 HS_VITAL_CPU_FREQ_LIMIT,
						 HS_VITAL_THERMAL_HOTTEST,
						 HS_VITAL_THERMAL_MARGIN,
						 HS_VITAL_POWER_MACHINE,
						 HS_VITAL_NR};

	(void)state;
	fx_machine(board, NR(board));
	fx_tick(1);
	fx_only(there);
	is(CPU_FREQ, 500);
	is(CPU_FREQ_LIMIT, 500);
	is(THERMAL_HOTTEST, 84500);
	is(THERMAL_MARGIN, 0); /* past it */
	is(POWER_MACHINE, 6000);
	is(NIC_DOWN, 0);
	fx_tick(10);
	/* 4 s of the little CPU are worth one of the big one: 2 s, of which 60 J */
	fx_put("/proc/stat", "cpu  700 0 0 0 0 0 0 0 0 0\ncpu0 500 0 0 0 0 0 0 0 0 0\n"
			     "cpu1 200 0 0 0 0 0 0 0 0 0\n");
	fx_tick(10);
	is(CPU_BUSY, 1000);
	is(ENERGY_CPU, 30000000);
	assert_int_equal(fx.vitals[HS_VITAL_ENERGY_CPU].estimated, 1);
	/* a CPU that is taken out takes its time with it: not known, rather than wrong */
	fx_put("/proc/stat", "cpu  800 0 0 0 0 0 0 0 0 0\ncpu0 600 0 0 0 0 0 0 0 0 0\n");
	fx_tick(10);
	is(CPU_BUSY, 1000);
	absent(ENERGY_CPU);
}

/* ---- a virtual machine that has nothing ---- */

static void a_bare_machine(void **state)
{
	static const enum hs_vital_id there[] = {HS_VITAL_CPU_BUSY, HS_VITAL_CPU_IOWAIT,
						 HS_VITAL_CPU_STEAL, HS_VITAL_MEM_AVAILABLE,
						 HS_VITAL_NR};
	static const enum hs_vital_id none[] = {HS_VITAL_NR};

	(void)state;
	fx_tick(1);
	fx_only(none);
	fx_tick(10);
	fx_only(none);
	fx_put("/proc/stat", "cpu  0 0 0 100 0 0 0 0\n"); /* of a kernel without guests */
	fx_put("/proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 900 kB\n");
	fx_tick(1);
	fx_put("/proc/stat", "cpu  0 0 0 110 0 0 0 90\n");
	fx_tick(1);
	fx_only(there);
	is(CPU_BUSY, 0); /* measured */
	is(CPU_STEAL, 900);
	is(MEM_AVAILABLE, 900);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sense_test(a_server_at_first_sight),
		sense_test(a_server_that_works),
		sense_test(a_server_s_energy),
		sense_test(a_laptop),
		sense_test(a_board),
		sense_test(a_bare_machine),
	};

	return cmocka_run_group_tests_name("sense_machines", tests, NULL, NULL);
}
