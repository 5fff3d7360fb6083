// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * What the kernel counts anyway becomes vital signs: each of them is moved by what it counts, in a network namespace of the
 * test's own. Then the hooks, and the pulse that reads none of it.
 */
#include <fcntl.h>
#include <linux/net_tstamp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <sys/wait.h>

#include "pulse_fixture.h"

#define PORT 9000
#define MIB (1UL << 20)

static int udp_socket(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	return fd;
}

static struct sockaddr_in loopback(__u16 port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_port = htons(port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* A receiver that never receives, with room for a few datagrams. */
static int full_socket(void)
{
	struct sockaddr_in at = loopback(PORT);
	int fd = udp_socket(), bytes = 4096;

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)), 0);
	assert_int_equal(bind(fd, (void *)&at, sizeof(at)), 0);
	return fd;
}

static void send_datagrams(int fd, unsigned n)
{
	struct sockaddr_in to = loopback(PORT);
	char text[64] = "";

	for (unsigned i = 0; i < n; i++)
		sendto(fd, text, sizeof(text), 0, (void *)&to, sizeof(to));
}

/* A namespace of our own, before the pulse looks up whose counters to read. */
static int setup_net(void **state)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd;

	if (unshare(CLONE_NEWNET))
		return -1;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo))
		return -1;
	close(fd);
	return setup(state);
}

/* Two publications: the first one has nothing to compare with. */
static void begin(void)
{
	beat_now();
	UNTIL(VITAL(PACKETS)->present && VITAL(SOFTIRQ_SHARE)->present);
}

static void test_quiet(void **state)
{
	(void)state;
	begin();
	assert_true(VITAL(CONGESTION)->present && VITAL(PACKET_BURST)->present);
	assert_true(VITAL(BACKLOG_DROPS)->present && VITAL(SQUEEZES)->present);
	assert_true(VITAL(UDP_FULL)->present && VITAL(RECLAIM_STALLS)->present);
	assert_true(VITAL(COMPACT_STALLS)->present && VITAL(IRQ_IMBALANCE)->present);
	/* what a host counted before we came is no rate of now */
	assert_int_equal(VITAL(UDP_FULL)->peak, 0);
	assert_int_equal(VITAL(BACKLOG_DROPS)->peak, 0);
	assert_true(VITAL(PACKETS)->peak < 100000);
	/* no hook, no vital sign */
	assert_false(VITAL(DROPS)->present || VITAL(SOFTIRQ_DELAY)->present);
}

/* No pulse both publishes rates and reads counters, where folds are many. */
static void test_apart(void **state)
{
	(void)state;
	begin();
	for (int i = 0; i < 20; i++) {
		__u64 rates = VITAL(SWITCHES)->updated_ns, counts;

		UNTIL(VITAL(SWITCHES)->updated_ns != rates);
		counts = VITAL(PACKETS)->updated_ns;
		UNTIL(VITAL(PACKETS)->updated_ns != counts);
		counts = VITAL(PACKETS)->updated_ns;
		rates = VITAL(SWITCHES)->updated_ns;
		assert_true(counts != rates);
	}
}

/* Datagrams for which there is no room: counted, a congestion, and over again. */
static void test_udp_full(void **state)
{
	int from, to;

	(void)state;
	from = udp_socket();
	to = full_socket();
	begin();
	assert_int_equal(VITAL(CONGESTION)->value, 0);
	WAIT_UNTIL(VITAL(UDP_FULL)->value > 1000, send_datagrams(from, 100));
	assert_true(VITAL(PACKETS)->peak >= VITAL(UDP_FULL)->value);
	/* all but a few are lost */
	assert_int_equal(VITAL(CONGESTION)->peak, 1000);
	UNTIL(VITAL(UDP_FULL)->value == 0 && VITAL(CONGESTION)->value < 300);
	close(from);
	close(to);
}

/* A task that sends over loopback receives, too: in soft interrupts. */
static void test_softirq_time(void **state)
{
	struct hs_cpu_vitals cv;
	__u32 zero = 0;
	int fd = udp_socket();

	(void)state;
	begin();
	WAIT_UNTIL(VITAL(SOFTIRQ_BUSIEST)->value > 100, send_datagrams(fd, 1000));
	assert_true(VITAL(SOFTIRQ_SHARE)->peak > 0);
	assert_true(VITAL(SOFTIRQ_SHARE)->peak <= VITAL(SOFTIRQ_BUSIEST)->peak);
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(fx.skel->maps.CPU_VITALS), &zero, &cv), 0);
	assert_true(cv.irq_ns > 0 && cv.irq_permille > 0);
	assert_int_equal(VITAL(IRQ_IMBALANCE)->peak, 0); /* there is one CPU */
	close(fd);
}

/* The serial line interrupts for what is written to it. */
static void test_irqs(void **state)
{
	int fd = open("/dev/ttyS0", O_WRONLY | O_NOCTTY | O_CLOEXEC);
	static const char text[] = "# something for the serial line\n";
	__u64 seen = 0;

	(void)state;
	assert_true(fd >= 0);
	begin();
	WAIT_UNTIL(
		VITAL(IRQ_RATE)->value > 0, if (VITAL(IRQ_RATE)->updated_ns != seen) {
			seen = VITAL(IRQ_RATE)->updated_ns;
			assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
		});
	close(fd);
}

static __u64 free_bytes(void)
{
	FILE *f = fopen("/proc/meminfo", "r");
	unsigned long long kib = 0;
	char line[128];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) && sscanf(line, "MemAvailable: %llu", &kib) != 1)
		;
	fclose(f);
	return kib * 1024;
}

static char *map(size_t size)
{
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		_exit(1);
	return p;
}

static void touch(char *p, size_t from, size_t to)
{
	for (size_t i = from; i < to; i += 4096)
		p[i] = 1;
}

/*
 * Takes all memory but a little, gives every second page of a part back, and asks for huge pages, which only compaction can
 * make out of the holes; then takes what is left, until it has had to reclaim for it. Slowly, so that the pulse can say.
 */
static void eat_memory(void)
{
	size_t all = free_bytes() - 320 * MIB, holes = 256 * MIB, page = 4096;
	char *bulk = map(all), *p = map(holes), *huge = map(256 * MIB), *rest = map(512 * MIB);
	FILE *f = fopen("/proc/self/oom_score_adj", "w");

	if (!f || fputs("1000", f) < 0 || fclose(f))
		_exit(3);
	madvise(bulk, all, MADV_HUGEPAGE);
	touch(bulk, 0, all);
	madvise(p, holes, MADV_NOHUGEPAGE);
	touch(p, 0, holes);
	for (size_t i = 0; i < holes; i += 2 * page)
		madvise(p + i, page, MADV_DONTNEED);
	madvise(huge, 256 * MIB, MADV_HUGEPAGE);
	for (size_t i = 0; i < 128 && !VITAL(COMPACT_STALLS)->peak; i++) {
		touch(huge, 2 * i * MIB, 2 * i * MIB + page);
		usleep(10000);
	}
	madvise(rest, 512 * MIB, MADV_NOHUGEPAGE);
	/* in steps that leave the pulse time to say so before there is nothing left at all */
	for (size_t i = 0; i < 512 * 4 && !VITAL(RECLAIM_STALLS)->peak; i++) {
		touch(rest, i * MIB / 4, (i + 1) * MIB / 4);
		usleep(10000);
	}
	_exit(0);
}

static void test_memory(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	begin();
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		eat_memory();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	/* the kernel may find that there is nothing left before the pulse has said so: it is the one to go then */
	assert_true(WIFEXITED(status) ? WEXITSTATUS(status) == 0 : WTERMSIG(status) == SIGKILL);
	UNTIL(VITAL(COMPACT_STALLS)->peak > 0);
	UNTIL(VITAL(RECLAIM_STALLS)->peak > 0);
	UNTIL(VITAL(RECLAIM_STALLS)->value == 0 && VITAL(COMPACT_STALLS)->value == 0);
}

static __u64 drops_of(__u32 reason)
{
	int cpus = libbpf_num_possible_cpus();
	static __u64 value[HS_CPUS_MAX];
	__u64 sum = 0;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(fx.skel->maps.DROPS), &reason, value), 0);
	for (int i = 0; i < cpus; i++)
		sum += value[i];
	return sum;
}

static __u64 drops_all(void)
{
	__u64 sum = 0;

	for (__u32 i = 0; i < HS_DROPS_MAX; i++)
		sum += drops_of(i);
	return sum;
}

static void hook(enum hs_hook id, bool on)
{
	fx.skel->data_hooks->hooks.since_ns[id] = now_ns();
	if (on)
		__atomic_or_fetch(&fx.skel->data_hooks->hooks.on, 1U << id, __ATOMIC_RELEASE);
	else
		__atomic_and_fetch(&fx.skel->data_hooks->hooks.on, ~(1U << id), __ATOMIC_RELEASE);
}

/* A reason is stated for each datagram that nobody listens to; packets that arrive are no drops. */
static void test_drops(void **state)
{
	struct bpf_link *link = bpf_program__attach(fx.skel->progs.drops_kfree);
	int fd = udp_socket(), to = full_socket();
	__u64 before;
	char buf[64];

	(void)state;
	assert_non_null(link);
	hook(HS_HOOK_DROPS, true);
	begin();
	before = drops_all();
	for (int i = 0; i < 20; i++) {
		send_datagrams(fd, 1);
		assert_int_equal(recv(to, buf, sizeof(buf), 0), sizeof(buf));
	}
	assert_int_equal(drops_all(), before);
	assert_int_equal(drops_of(0), 0);
	assert_int_equal(drops_of(1), 0);
	close(to);
	send_datagrams(fd, 50); /* and the ICMP answers, which arrive */
	assert_int_equal(drops_all() - before, 50);
	assert_int_equal(*counter(HS_COUNT_DROP), 50);
	UNTIL(VITAL(DROPS)->present && VITAL(DROPS)->peak > 0);
	hook(HS_HOOK_DROPS, false);
	bpf_link__destroy(link);
	send_datagrams(fd, 50);
	assert_int_equal(drops_all() - before, 50);
	UNTIL(!VITAL(DROPS)->present);
	close(fd);
}

static void test_softirq_delay(void **state)
{
	struct bpf_link *link[2] = {bpf_program__attach(fx.skel->progs.softirq_run),
				    bpf_program__attach(fx.skel->progs.softirq_raised)};
	int fd = udp_socket();

	(void)state;
	assert_true(link[0] && link[1]);
	hook(HS_HOOK_SOFTIRQ, true);
	begin();
	WAIT_UNTIL(VITAL(SOFTIRQ_DELAY)->peak > 0, send_datagrams(fd, 10));
	/* nothing keeps this CPU from them for long */
	assert_true(VITAL(SOFTIRQ_DELAY)->peak < 10 * MS);
	hook(HS_HOOK_SOFTIRQ, false);
	bpf_link__destroy(link[1]);
	bpf_link__destroy(link[0]);
	UNTIL(!VITAL(SOFTIRQ_DELAY)->present);
	close(fd);
}

/* CLOCK_TAI so many seconds ahead, as where time comes by PTP. */
static void tai_ahead(int seconds)
{
	struct timex t = {.modes = ADJ_TAI, .constant = seconds};

	assert_true(adjtimex(&t) >= 0);
	fx.skel->data_hooks->hooks.tai_ahead_ns = (__u64)seconds * SEC_NS;
}

/* From the stack's entry to the socket: seen where a socket has packets stamped, and as long as somebody asks. */
static void test_receive_delay(void **state)
{
	struct bpf_link *link = bpf_program__attach(fx.skel->progs.receive_ready);
	int stamps = SOF_TIMESTAMPING_RX_SOFTWARE, fd = udp_socket(), to = full_socket();
	int asks = udp_socket();

	(void)state;
	assert_non_null(link);
	hook(HS_HOOK_RECEIVE, true);
	begin();
	UNTIL(VITAL(RECEIVE_DELAY)->present);
	send_datagrams(fd, 4);
	for (int i = 0; i < 3; i++) {
		__u64 seen = VITAL(SWITCHES)->updated_ns;

		UNTIL(VITAL(SWITCHES)->updated_ns != seen);
	}
	assert_int_equal(VITAL(RECEIVE_DELAY)->peak, 0); /* nobody has them stamped */
	close(to);
	to = full_socket();
	tai_ahead(37);
	assert_int_equal(setsockopt(asks, SOL_SOCKET, SO_TIMESTAMPING, &stamps, sizeof(stamps)), 0);
	/* from a worker of the kernel, some time later, packets are stamped */
	WAIT_UNTIL(VITAL(RECEIVE_DELAY)->peak > 0, {
		close(to);
		to = full_socket();
		send_datagrams(fd, 2);
	});
	assert_true(VITAL(RECEIVE_DELAY)->peak < 10 * MS);
	tai_ahead(0);
	hook(HS_HOOK_RECEIVE, false);
	bpf_link__destroy(link);
	UNTIL(!VITAL(RECEIVE_DELAY)->present);
	close(asks);
	close(to);
	close(fd);
}

/* One end of an interrupt on CPU 0, as if a tracepoint had called. */
static void interrupt(const struct bpf_program *prog, __u64 number)
{
	__u64 args[] = {number, 0, 0};
	LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = args, .ctx_size_in = sizeof(args),
		    .flags = BPF_F_TEST_RUN_ON_CPU, .cpu = 0);

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(prog), &run), 0);
}

/* A row of CPU 0; what is of an earlier look counts as nothing. */
static struct hs_irq irq_row(__u32 row)
{
	static struct hs_irq cpu[HS_CPUS_MAX];

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(fx.skel->maps.IRQS), &row, cpu), 0);
	if (cpu[0].from_ns != fx.skel->data_hooks->hooks.irq_from_ns)
		return (struct hs_irq){0};
	return cpu[0];
}

static void irqs_anew(void)
{
	fx.skel->data_hooks->hooks.irq_from_ns = now_ns();
}

static void spend(__u64 ns)
{
	__u64 end = now_ns() + ns;

	while (now_ns() < end)
		;
}

#define DEVICE_ROW (HS_SOFTIRQS + HS_VECTORS)

/* A hard one within a soft one; numbers that have no row; ends without a beginning; a second look. */
static void test_irq_programs(void **state)
{
	__u64 began = now_ns(), all;
	struct hs_irq hard, soft;

	(void)state;
	hook(HS_HOOK_IRQ, true);
	irqs_anew();
	begin();
	interrupt(fx.skel->progs.irq_soft_begins, 3);
	spend(MS);
	interrupt(fx.skel->progs.irq_device_begins, 5);
	spend(20 * MS);
	interrupt(fx.skel->progs.irq_device_ends, 5);
	interrupt(fx.skel->progs.irq_soft_ends, 3);
	all = now_ns() - began;
	hard = irq_row(DEVICE_ROW + 5);
	soft = irq_row(3);
	assert_int_equal(hard.runs, 1);
	assert_int_equal(soft.runs, 1);
	assert_true(hard.time_ns >= 20 * MS && soft.time_ns >= MS);
	assert_true(hard.time_ns + soft.time_ns <= all); /* none of it twice */
	assert_int_equal(hard.longest_ns, hard.time_ns);
	UNTIL(VITAL(IRQ_LONGEST)->peak >= 20 * MS);

	/* the longest stays, times add up */
	interrupt(fx.skel->progs.irq_device_begins, 5);
	interrupt(fx.skel->progs.irq_device_ends, 5);
	assert_int_equal(irq_row(DEVICE_ROW + 5).runs, 2);
	assert_int_equal(irq_row(DEVICE_ROW + 5).longest_ns, hard.longest_ns);
	assert_true(irq_row(DEVICE_ROW + 5).time_ns > hard.time_ns);

	/* one within another one, as behind a bridge */
	irqs_anew();
	began = now_ns();
	interrupt(fx.skel->progs.irq_device_begins, 7);
	interrupt(fx.skel->progs.irq_device_begins, 8);
	spend(20 * MS);
	interrupt(fx.skel->progs.irq_device_ends, 8);
	spend(MS);
	interrupt(fx.skel->progs.irq_device_ends, 7);
	all = now_ns() - began;
	assert_int_equal(irq_row(DEVICE_ROW + 7).runs, 1);
	assert_int_equal(irq_row(DEVICE_ROW + 8).runs, 1);
	assert_true(irq_row(DEVICE_ROW + 7).time_ns >= MS);
	assert_true(irq_row(DEVICE_ROW + 8).time_ns >= 20 * MS);
	assert_true(irq_row(DEVICE_ROW + 7).time_ns + irq_row(DEVICE_ROW + 8).time_ns <= all);

	/* its beginning was missed, or was before the look */
	irqs_anew();
	interrupt(fx.skel->progs.irq_device_ends, 5);
	interrupt(fx.skel->progs.irq_soft_ends, 3);
	interrupt(fx.skel->progs.irq_device_begins, 5);
	irqs_anew();
	interrupt(fx.skel->progs.irq_device_ends, 5);
	assert_int_equal(irq_row(DEVICE_ROW + 5).runs, 0);
	assert_int_equal(irq_row(3).runs, 0);

	/* one of a vector; one too high; no kind that there is */
	interrupt(fx.skel->progs.irq_vector_begins, 0xec);
	interrupt(fx.skel->progs.irq_vector_ends, 0xec);
	assert_int_equal(irq_row(HS_SOFTIRQS + 0xec - HS_VECTOR_FIRST).runs, 1);
	interrupt(fx.skel->progs.irq_device_begins, 100000);
	interrupt(fx.skel->progs.irq_device_ends, 100000);
	assert_int_equal(irq_row(HS_IRQS_MAX - 1).runs, 1);
	interrupt(fx.skel->progs.irq_soft_begins, HS_SOFTIRQS);
	interrupt(fx.skel->progs.irq_soft_ends, HS_SOFTIRQS);
	assert_int_equal(irq_row(HS_SOFTIRQS).runs, 0);

	/* a look begins: of what was before it nothing counts */
	irqs_anew();
	assert_int_equal(irq_row(DEVICE_ROW + 5).runs, 0);
	interrupt(fx.skel->progs.irq_device_begins, 5);
	interrupt(fx.skel->progs.irq_device_ends, 5);
	assert_int_equal(irq_row(DEVICE_ROW + 5).runs, 1);
	assert_true(irq_row(DEVICE_ROW + 5).time_ns < hard.time_ns);
	hook(HS_HOOK_IRQ, false);
	UNTIL(!VITAL(IRQ_LONGEST)->present);
}

/* The kernel's own soft interrupts, by which datagrams to oneself come in. */
static void test_irq_of_kernel(void **state)
{
	struct bpf_link *link[2] = {bpf_program__attach(fx.skel->progs.irq_soft_begins),
				    bpf_program__attach(fx.skel->progs.irq_soft_ends)};
	const __u32 net_rx = 3; /* linux/interrupt.h */
	int fd = udp_socket();

	(void)state;
	assert_true(link[0] && link[1]);
	hook(HS_HOOK_IRQ, true);
	irqs_anew();
	begin();
	WAIT_UNTIL(irq_row(net_rx).runs >= 100, send_datagrams(fd, 10));
	assert_true(irq_row(net_rx).longest_ns <= irq_row(net_rx).time_ns);
	UNTIL(VITAL(IRQ_LONGEST)->peak > 0);
	hook(HS_HOOK_IRQ, false);
	bpf_link__destroy(link[1]);
	bpf_link__destroy(link[0]);
	close(fd);
}

/* The pulse for kernels that do not show their counters: it beats, and these vital signs are absent. */
static void test_without(void **state)
{
	(void)state;
	beat_now();
	UNTIL(VITAL(SWITCHES)->present && now_ns() > VITAL(SWITCHES)->updated_ns);
	UNTIL(epoch_of(0) > 100);
	assert_false(VITAL(PACKETS)->updated_ns || VITAL(CONGESTION)->updated_ns ||
		     VITAL(IRQ_RATE)->updated_ns || VITAL(SOFTIRQ_SHARE)->updated_ns ||
		     VITAL(RECLAIM_STALLS)->updated_ns || VITAL(UDP_FULL)->updated_ns);
}

static int setup_without(void **state)
{
	int rc;

	without_counts = true;
	rc = setup(state);
	without_counts = false;
	return rc;
}

/* A listening socket that nobody accepts from: some are refused, and ask again a second later. */
static void test_listen_full(void **state)
{
	struct sockaddr_in at = loopback(PORT);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), client[8];

	(void)state;
	begin();
	assert_true(VITAL(LISTEN_FULL)->present && VITAL(RETRANSMITS)->present);
	assert_int_equal(VITAL(LISTEN_FULL)->peak, 0);
	assert_int_equal(VITAL(RETRANSMITS)->peak, 0);
	assert_int_equal(bind(fd, (void *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 0), 0);
	for (int i = 0; i < 8; i++) {
		client[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		connect(client[i], (void *)&at, sizeof(at));
	}
	UNTIL(VITAL(LISTEN_FULL)->peak > 0);
	assert_true(VITAL(LISTEN_FULL)->peak <= 80); /* 8 in 100 ms */
	UNTIL(VITAL(RETRANSMITS)->peak > 0);
	for (int i = 0; i < 8; i++)
		close(client[i]);
	close(fd);
}

#define NET_TEST(name) cmocka_unit_test_setup_teardown(name, setup_net, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		NET_TEST(test_quiet),
		NET_TEST(test_apart),
		NET_TEST(test_udp_full),
		NET_TEST(test_softirq_time),
		NET_TEST(test_irqs),
		NET_TEST(test_drops),
		NET_TEST(test_softirq_delay),
		NET_TEST(test_receive_delay),
		NET_TEST(test_irq_programs),
		NET_TEST(test_irq_of_kernel),
		NET_TEST(test_listen_full),
		NET_TEST(test_memory),
		cmocka_unit_test_setup_teardown(test_without, setup_without, teardown),
	};

	libbpf_set_print(quiet);
	with_hooks = true;
	return cmocka_run_group_tests_name("counts", tests, NULL, NULL);
}
