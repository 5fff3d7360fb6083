// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The slow sensors: when each is read, what is stale, and what becomes of files that vanish, lie, or hold rubbish. */
#include "sense_fixture.h"

#include "parse.h"

#define ZONE "/sys/class/thermal/thermal_zone0/"
#define RAPL "/sys/class/powercap/"
#define CARD "/sys/class/net/eth0/"
#define EDAC "/sys/devices/system/edac/mc/"
#define IB "/sys/class/infiniband/mlx5_0/ports/1/"
#define MEMINFO "MemTotal: 1000 kB\nMemAvailable: 500 kB\n"

/* Reading this one says EAGAIN. */
static const char *busy;

ssize_t __real_read_file(const char *root, const char *path, char *buf, size_t size);
ssize_t __wrap_read_file(const char *root, const char *path, char *buf, size_t size);

void __wrap_log_line(enum log_level level, const char *fmt, ...);

static __u32 warnings;

void __wrap_log_line(enum log_level level, const char *fmt, ...)
{
	(void)fmt;
	warnings += level == LOG_LEVEL_WARN;
}

ssize_t __wrap_read_file(const char *root, const char *path, char *buf, size_t size)
{
	if (busy && !strcmp(path, busy)) {
		buf[0] = '\0';
		return -EAGAIN;
	}
	return __real_read_file(root, path, buf, size);
}

/* A tick, with that many readings in it. */
static void reads(__u64 after_ns, __u32 nr)
{
	fx.now_ns += after_ns;
	fx_ask();
	assert_int_equal(fx_answer(), nr);
}

static void turns(void **state)
{
	const __u64 second = NS_PER_S + 370000; /* the daemon's */

	(void)state;
	assert_int_equal(fx.sensing.asked, 0);
	fx.took_ns =
		500 *
		NS_PER_US; /* a tick's last sensor is read 5 ms after it: it still comes in its second */
	reads(0, SENSE_SENSORS);
	for (int round = 0; round < 3; round++) {
		for (int s = 1; s <= 10; s++) {
			__u32 nr = 2;

			nr += s % 2 ? 0 : 4;
			nr += s % 5 ? 0 : 2;
			nr += s % 10 ? 0 : 3;
			reads(second - 10 * NS_PER_MS, nr);
			fx.now_ns += 10 * NS_PER_MS - nr * 2 * fx.took_ns;
		}
	}
	/* a tick that was late, and the next one, which is not */
	reads(second + 100 * NS_PER_MS, 2);
	reads(second - 100 * NS_PER_MS, 6);
	/* a tick that was missed is not made up for */
	reads(20 * NS_PER_S, SENSE_SENSORS);
}

/* A sensor takes 1 % of the time at most. */
static void slow_files(void **state)
{
	(void)state;
	fx_put("/proc/meminfo", MEMINFO);
	fx.took_ns = 40 * NS_PER_MS;
	fx_tick(1);
	fx.took_ns = 0;
	assert_int_equal(fx.sensing.turn[0].interval_ns, 4 * NS_PER_S);
	fx.now_ns -= SENSE_SENSORS * 2 * 40 * NS_PER_MS; /* of the tick itself */
	reads(NS_PER_S, 0);
	reads(NS_PER_S, 0);
	is(MEM_AVAILABLE, 500);
	reads(2 * NS_PER_S, 6); /* those of 5 s and 10 s are no more often read than that */
	assert_int_equal(fx.sensing.turn[0].interval_ns, NS_PER_S);
	reads(NS_PER_S, 4);
	/* nothing makes it be asked for never again */
	fx.took_ns = 3600 * NS_PER_S;
	fx_tick(20);
	fx.took_ns = 0;
	assert_int_equal(fx.sensing.turn[1].interval_ns, 100 * NS_PER_S);
}

static void stale(void **state)
{
	(void)state;
	fx_put("/proc/meminfo", MEMINFO);
	fx_put("/proc/vmstat", "oom_kill 0\n");
	fx_tick(1);
	warnings = 0;
	fx.now_ns += 3 * NS_PER_S;
	fx_ask();
	is(MEM_AVAILABLE, 500);
	assert_int_equal(fx.stale, 0);
	fx.now_ns += NS_PER_MS;
	fx_ask();
	absent(MEM_AVAILABLE);
	absent(MEM_OOM_KILLS);
	assert_int_equal(fx.stale, 2); /* each is an event, and both are one line in the log */
	assert_int_equal(fx.stale_vital, HS_VITAL_MEM_OOM_KILLS);
	assert_int_equal(fx.stale_ns, 3001 * NS_PER_MS);
	assert_int_equal(warnings, 1);
	/* once */
	fx.now_ns += NS_PER_S;
	fx_ask();
	assert_int_equal(fx.stale, 2);
	assert_int_equal(warnings, 1);
	fx_answer();
	is(MEM_AVAILABLE, 500);
	/* however seldom it is read, after 300 s it is no news; also without anybody to tell */
	fx.sensing.turn[1].interval_ns = 1000 * NS_PER_S;
	fx.now_ns += 300 * NS_PER_S;
	sensing_tick(&fx.sensing, fx.vitals, &fx.pmu, fx.now_ns, NULL, NULL);
	is(MEM_AVAILABLE, 500);
	fx.now_ns += NS_PER_MS;
	sensing_tick(&fx.sensing, fx.vitals, &fx.pmu, fx.now_ns, NULL, NULL);
	absent(MEM_AVAILABLE);
}

/* A sensor that is asleep or just being read by another is no news: what was there stays until it is stale. */
static void busy_files(void **state)
{
	(void)state;
	fx_put(ZONE "temp", "50000\n");
	fx_put(ZONE "trip_point_0_temp", "-274000\n"); /* not set */
	fx_put(ZONE "trip_point_0_type", "critical\n");
	fx_tick(1);
	is(THERMAL_HOTTEST, 50000);
	absent(THERMAL_MARGIN);
	busy = ZONE "temp";
	for (int i = 0; i < 3; i++) {
		fx_tick(2);
		is(THERMAL_HOTTEST, 50000);
	}
	assert_int_equal(fx.stale, 0);
	fx_tick(2);
	absent(THERMAL_HOTTEST);
	assert_int_equal(fx.stale, 1);
	assert_int_equal(fx.stale_vital, HS_VITAL_THERMAL_HOTTEST);
	busy = NULL;
	fx_tick(2);
	is(THERMAL_HOTTEST, 50000);
	absent(THERMAL_SLOPE); /* it begins anew */
}

/* Files that make a vital sign, given a good one first, and a second time what gives it a rate. */
static const struct {
	enum hs_vital_id id;
	const char *path;
	const char *good;
	const char *good_again;
	bool lines; /* of many: a number too large for them is rubbish as anywhere */
} sources[] = {
	{HS_VITAL_CPU_BUSY, "/proc/stat", "cpu  1 0 0 0 0 0 0 0 0 0\n",
	 "cpu  2 0 0 1 0 0 0 0 0 0\n", true},
	{HS_VITAL_MEM_AVAILABLE, "/proc/meminfo", MEMINFO, MEMINFO, true},
	{HS_VITAL_MEM_SWAP, "/proc/vmstat", "pswpin 1\npswpout 1\n", "pswpin 2\npswpout 2\n", true},
	{HS_VITAL_MEM_DIRTY, "/proc/vmstat", "nr_dirty 1\nnr_dirty_threshold 2\n",
	 "nr_dirty 1\nnr_dirty_threshold 2\n", true},
	{HS_VITAL_LISTEN_QUEUE, "/proc/sys/net/core/somaxconn", "128\n", "128\n", false},
	{HS_VITAL_LISTEN_QUEUE, "/proc/net/tcp", "  sl  local\n", "  sl  local\n", true},
	{HS_VITAL_TCP_MEMORY, "/proc/net/sockstat", "sockets: used 1\nTCP: inuse 1 mem 1\n",
	 "sockets: used 1\nTCP: inuse 1 mem 1\n", true},
	{HS_VITAL_TCP_MEMORY, "/proc/sys/net/ipv4/tcp_mem", "1\t2\t3\n", "1\t2\t3\n", true},
	{HS_VITAL_NIC_DROPS, CARD "statistics/rx_dropped", "1\n", "2\n", false},
	{HS_VITAL_NIC_ERRORS, CARD "statistics/tx_errors", "1\n", "2\n", false},
	{HS_VITAL_CPU_FREQ, "/sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq", "1000\n",
	 "1000\n", false},
	{HS_VITAL_CPU_FREQ_LIMIT, "/sys/devices/system/cpu/cpufreq/policy0/scaling_max_freq",
	 "1000\n", "1000\n", false},
	{HS_VITAL_THERMAL_HOTTEST, ZONE "temp", "50000\n", "50000\n", false},
	{HS_VITAL_POWER_PACKAGE, RAPL "intel-rapl:0/energy_uj", "1000\n", "10000\n", false},
	{HS_VITAL_POWER_PACKAGE, RAPL "intel-rapl:1/energy_uj", "1000\n", "10000\n", false},
	{HS_VITAL_POWER_BATTERY, "/sys/class/power_supply/BAT0/capacity", "80\n", "80\n", false},
	{HS_VITAL_POWER_MACHINE, "/sys/class/hwmon/hwmon0/power1_input", "5000000\n", "5000000\n",
	 false},
	{HS_VITAL_HW_MEMORY_CORRECTED, EDAC "mc0/ce_count", "1\n", "1\n", false},
	{HS_VITAL_IB_ERRORS, IB "counters/symbol_error", "1\n", "1\n", false},
};
#define SOURCES (sizeof(sources) / sizeof(sources[0]))

/* What they need beside them. */
static void all_sources(bool again)
{
	static const struct tree_file beside[] = {
		{CARD "device/vendor", "1\n"},
		{CARD "statistics/tx_dropped", "0\n"},
		{CARD "statistics/rx_missed_errors", "0\n"},
		{CARD "statistics/rx_errors", "0\n"},
		{"/sys/devices/system/cpu/cpufreq/policy0/cpuinfo_max_freq", "2000\n"},
		{RAPL "intel-rapl:0/max_energy_range_uj", "1000000\n"},
		{RAPL "intel-rapl:1/max_energy_range_uj", "1000000\n"},
		{"/sys/class/power_supply/BAT0/type", "Battery\n"},
		{"/sys/class/hwmon/hwmon0/name", "ina226\n"},
		{IB "state", "4: ACTIVE\n"},
		{IB "counters/link_error_recovery", "0\n"},
		{IB "counters/link_downed", "0\n"},
		{IB "counters/port_rcv_errors", "0\n"},
		{IB "counters/local_link_integrity_errors", "0\n"},
	};

	fx_machine(beside, sizeof(beside) / sizeof(beside[0]));
	for (size_t i = 0; i < SOURCES; i++)
		fx_put(sources[i].path, again ? sources[i].good_again : sources[i].good);
	/* these two stand for two rows each */
	fx_put("/proc/vmstat", again ? "pswpin 2\npswpout 2\nnr_dirty 1\nnr_dirty_threshold 2\n"
				     : "pswpin 1\npswpout 1\nnr_dirty 1\nnr_dirty_threshold 2\n");
}

static void bad_files(void **state)
{
	static const char *const rubbish[] = {
		NULL /* vanished */,
		"",
		"\n",
		"x\n",
		"-\n",
		"12x\n",
		"1 2 3 4 5\n",
		"0x10\n",
		"99999999999999999999999\n",
		"cpu  1 2 x\n",
		"MemTotal: x\nMemAvailable: 5 kB\npswpin x\nnr_dirty 1\n",
		"\xff\xfe\n"};

	for (size_t r = 0; r < sizeof(rubbish) / sizeof(rubbish[0]); r++) {
		for (size_t i = 0; i < SOURCES; i++) {
			fx_setup(state);
			all_sources(false);
			fx_tick(1);
			all_sources(true);
			fx_tick(10);
			if (!fx.vitals[sources[i].id].present ||
			    !fx.vitals[sources[i].id].updated_ns)
				fail_msg("%s is absent with all files good",
					 vital_name(sources[i].id));
			if (rubbish[r])
				fx_put(sources[i].path, rubbish[r]);
			else
				fx_remove(sources[i].path);
			fx_tick(10);
			if (fx.vitals[sources[i].id].present)
				fail_msg("%s is %llu with '%s' in %s", vital_name(sources[i].id),
					 fx.vitals[sources[i].id].value,
					 rubbish[r] ? rubbish[r] : "(none)", sources[i].path);
			/* the others stay, but for those that are made of the same file */
			assert_int_equal(fx.vitals[HS_VITAL_NIC_DOWN].present, 1);
			fx_teardown(state);
		}
	}
	fx_setup(state); /* what the runner takes down */
}

/* Counters that begin again with 0: a driver was loaded anew. */
static void counters_set_back(void **state)
{
	(void)state;
	all_sources(false);
	fx_put(EDAC "mc0/ce_count", "100\n");
	fx_put("/proc/vmstat", "pswpin 1000\npswpout 1000\n");
	fx_tick(1);
	fx_put(EDAC "mc0/ce_count", "105\n");
	fx_put("/proc/vmstat", "pswpin 1000\npswpout 2000\n");
	fx_tick(10);
	is(HW_MEMORY_CORRECTED, 5);
	is(MEM_SWAP, 100);
	fx_put(EDAC "mc0/ce_count", "3\n");
	fx_put("/proc/vmstat", "pswpin 0\npswpout 0\n");
	fx_tick(10);
	is(HW_MEMORY_CORRECTED, 5); /* what happened meanwhile is not known */
	absent(MEM_SWAP);
	fx_put(EDAC "mc0/ce_count", "4\n");
	fx_put("/proc/vmstat", "pswpin 10\npswpout 0\n");
	fx_tick(10);
	is(HW_MEMORY_CORRECTED, 6);
	is(MEM_SWAP, 1);
	/* one of two that is rubbish leaves no half */
	fx_put("/proc/vmstat", "pswpin 20\npswpout x\n");
	fx_tick(10);
	absent(MEM_SWAP);
	/* time that was waited for a disk may turn out to have been plain idle */
	fx_put("/proc/stat", "cpu  0 0 0 100 50 0 0 0 0 0\n");
	fx_tick(10);
	fx_put("/proc/stat", "cpu  5 0 0 105 45 0 0 0 0 0\n");
	fx_tick(10);
	is(CPU_BUSY, 500);
	is(CPU_IOWAIT, 0);
	fx_put("/proc/stat", "cpu  4 0 0 105 45 0 0 0 0 0\n");
	fx_tick(10);
	absent(CPU_BUSY);
}

static void energy_counters(void **state)
{
	(void)state;
	all_sources(false);
	fx_put(RAPL "intel-rapl:0/energy_uj", "900000\n"); /* of 1000000 */
	fx_tick(1);
	fx_put(RAPL "intel-rapl:0/energy_uj", "100000\n");
	fx_tick(2);
	is(POWER_PACKAGE, 100); /* 0.2 J in 2 s */
	/* in so long a time it may have come round twice */
	fx_put(RAPL "intel-rapl:0/energy_uj", "200000\n");
	fx_tick(61);
	absent(POWER_PACKAGE);
	fx_put(RAPL "intel-rapl:0/energy_uj", "400000\n");
	fx_tick(2);
	is(POWER_PACKAGE, 100);
	/* it cannot have been beyond its range */
	fx_put(RAPL "intel-rapl:0/energy_uj", "2000000\n");
	fx_tick(2);
	fx_put(RAPL "intel-rapl:0/energy_uj", "100000\n");
	fx_tick(2);
	absent(POWER_PACKAGE);
}

#define ROW(state, queue)                                                                          \
	"   0: 0100007F:0016 00000000:0000 " state " 00000000:" queue " 00:00000000 00000000\n"

static void listening(void **state)
{
	static char many[64 * 1024];
	size_t len = 0;

	(void)state;
	fx_put("/proc/sys/net/core/somaxconn", "1000\n");
	/* no IPv6, and nobody listens */
	fx_put("/proc/net/tcp", "  sl  local_address\n");
	fx_tick(1);
	is(LISTEN_QUEUE, 0);
	/* more than are read at once; the fullest is the last, and what follows is not looked at */
	len += (size_t)sprintf(many + len, "  sl  local_address\n");
	for (int i = 0; i < 300; i++)
		len += (size_t)sprintf(many + len, ROW("0A", "0000000%d"), i % 8);
	sprintf(many + len, ROW("0A", "00000064") ROW("06", "00000FFF") "rubbish\n");
	fx_put("/proc/net/tcp", many);
	fx_tick(5);
	is(LISTEN_QUEUE, 100);
	fx_put("/proc/net/tcp6", "  sl  local_address\n" ROW("0A", "000000C8"));
	fx_tick(5);
	is(LISTEN_QUEUE, 200);
	fx_put("/proc/net/tcp6", "  sl  local_address\n" ROW("0A", "x"));
	fx_tick(5);
	absent(LISTEN_QUEUE);
	fx_put("/proc/net/tcp6", "  sl  local_address\n" ROW("listen", "00000001"));
	fx_tick(5);
	absent(LISTEN_QUEUE);
	/* a line without an end */
	memset(many, '0', sizeof(many) - 1);
	memcpy(many, "  sl \n", 6);
	fx_put("/proc/net/tcp6", many);
	fx_tick(5);
	absent(LISTEN_QUEUE);
}

/* Objects are looked for once a minute, and keep what was counted while others come and go. */
static void come_and_go(void **state)
{
	char path[128];

	(void)state;
	all_sources(false);
	fx_put(EDAC "mc0/ce_count", "10\n");
	fx_tick(1);
	fx_put(EDAC "mc1/ce_count", "1000\n");
	fx_put(EDAC "mc0/ce_count", "11\n");
	fx_tick(10);
	assert_int_equal(fx.sense.hardware.memories.nr, 1);
	is(HW_MEMORY_CORRECTED, 1);
	fx_tick(50);
	assert_int_equal(fx.sense.hardware.memories.nr, 2);
	is(HW_MEMORY_CORRECTED, 1); /* what it brought with it is nobody's */
	fx_put(EDAC "mc1/ce_count", "1002\n");
	fx_remove(EDAC "mc0");
	fx_tick(10);
	is(HW_MEMORY_CORRECTED, 3);
	fx_tick(60);
	assert_int_equal(fx.sense.hardware.memories.nr, 1);
	assert_string_equal(fx.sense.hardware.memories.object[0].name, "mc1");
	/* a name that does not fit, and more than there is room for */
	fx_put(EDAC "mc_whose_name_is_longer_than_any_has_to_be/ce_count", "1\n");
	for (int i = 2; i < SENSE_OBJECTS + 10; i++) {
		snprintf(path, sizeof(path), EDAC "mc%d/ce_count", i);
		fx_put(path, "100000\n");
	}
	fx_tick(60);
	is(HW_MEMORY_CORRECTED, 3); /* whoever had its place before */
	assert_int_equal(fx.sense.hardware.memories.nr, SENSE_OBJECTS);
	fx_remove("/sys/devices/system/edac");
	fx_tick(60);
	absent(HW_MEMORY_CORRECTED);
	assert_int_equal(fx.sense.hardware.memories.nr, 0);
}

static void keys(void **state)
{
	__u64 value = 4711;

	(void)state;
	assert_int_equal(sense_key("a 1\nab 2\n", "ab", &value), 0);
	assert_int_equal(value, 2);
	assert_int_equal(sense_key("xab 1\nab_c 2\nabc 3", "ab", &value), -ENOENT);
	assert_int_equal(sense_key("xab 1\nab  3 kB", "ab", &value), 0);
	assert_int_equal(value, 3);
	assert_int_equal(sense_key("ab 3x\n", "ab", &value), -EINVAL);
	assert_int_equal(sense_key("ab -3\n", "ab", &value), -EINVAL);
	assert_int_equal(sense_key("ab ", "ab", &value), -EINVAL);
	assert_int_equal(sense_key("ab", "ab", &value), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sense_test(turns),
		sense_test(slow_files),
		sense_test(stale),
		sense_test(busy_files),
		sense_test(bad_files),
		sense_test(energy_counters),
		sense_test(counters_set_back),
		sense_test(listening),
		sense_test(come_and_go),
		sense_test(keys),
	};

	return cmocka_run_group_tests_name("sense", tests, NULL, NULL);
}
