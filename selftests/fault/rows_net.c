// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Rows in which guard and daemon are killed while packets are shed, paced, handed to another CPU, or driven by our congestion
 * control, over a veth pair or two network cards (row.sh). Every packet and every acknowledgement is a question, and the last that was answered by our rules is looked
 * for: T_safe of a row is when it was asked, if that is later than the scheduler's. What is not bulk may not suffer at all:
 * no packet of it is lost, no connection reset.
 */
#include "faulter.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

#define NEAR "10.77.0.1"
#define FAR "10.77.0.2"
#define DATAGRAMS 9000
#define TAKEN 5202    /* tcp: homeostat */
#define CRITICAL 5203 /* with a limit of unsent bytes */
#define DSCP_EF 46
#define DSCP_CS1 8
#define PRIORITY                                                                                   \
	1 /* of who asks: ahead of the hogs, behind homeostat's heart (2), its guard and us */
#define EVERY_NS (125 * NS_PER_US)
/* over cards, which cost more: who talks is to leave his CPU to others, too */
#define EVERY_NIC_NS (4 * EVERY_NS)
#define SILENCE_NS (30 * NS_PER_MS) /* net.steer.gap_us is 10 ms */
#define LATE_NS (2 * NS_PER_MS)	    /* for a packet that nobody paces: over veth it takes some µs */
#define ASKED_MAX 65536		    /* 8 s of packets */
#define RECEIVES 0		    /* the CPU that packets come in on, where there are several … */
#define TALKS 1 /* … and that which they are handed to, of those who send and count, too */
#define GO_ON_NS (30 * NS_PER_MS) /* after the last that could be ours */

/* Shared with those who ask. */
static struct traffic {
	uint64_t sent_ns[ASKED_MAX], got_ns[ASKED_MAX]; /* by number; even: critical, odd: bulk */
	uint32_t sent;
	uint32_t stop;
	uint32_t ready;	     /* those who answer */
	uint32_t reset;	     /* connections that failed */
	uint64_t ours_ns;    /* when one was last seen that was ours … */
	uint64_t set_ns;     /* … and when one was made that got a parameter … */
	uint32_t ours, sets; /* … and how often */
} *traffic;
static pid_t asks, answers, makes;
static int talk_cpu = -1; /* of those who talk; -1 = any */
/* Of steering, by CPU: one page of them; NULL: another row. */
static volatile const struct hs_steer_cpu *books;

static void enter_far(void)
{
	int fd = open("/run/netns/far", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET))
		err(1, "the namespace far");
	close(fd);
}

/* A process that talks, there or here, until it is told to stop. */
static pid_t talker(bool far, void (*talk)(bool far))
{
	struct sched_param p = {.sched_priority = PRIORITY};
	pid_t pid = helper_fork();

	if (pid)
		return pid;
	if (far)
		enter_far();
	if (talk_cpu >= 0)
		stay_on(0, talk_cpu);
	if (sched_setscheduler(0, SCHED_FIFO, &p))
		err(1, "SCHED_FIFO");
	talk(far);
	_exit(0);
}

static bool until(const volatile uint32_t *what, uint32_t least)
{
	uint64_t end = now_ns() + PATIENCE_NS;

	while (load32(what) < least) {
		if (now_ns() > end)
			return false;
		sleep_until(now_ns() + NS_PER_MS);
	}
	return true;
}

static void traffic_begin(void)
{
	if (!traffic)
		traffic = mmap(NULL, sizeof(*traffic), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (traffic == MAP_FAILED)
		err(1, "mmap");
	memset(traffic, 0, sizeof(*traffic));
	asks = answers = makes = 0;
}

/* Passes on what went wrong in the beginning: then nobody comes to end it. */
static const char *or_end(const char *wrong)
{
	if (wrong) {
		helper_end(asks, SIGKILL);
		helper_end(makes, SIGKILL);
		helper_end(answers, SIGKILL);
		asks = answers = makes = 0;
	}
	return wrong;
}

/* The last one of ours may be under way still; then all end. */
static bool traffic_end(void)
{
	bool ended;

	sleep_until(now_ns() + GO_ON_NS);
	__atomic_store_n(&traffic->stop, 1, __ATOMIC_RELEASE);
	ended = helper_end(asks, 0);
	if (makes)
		ended &= helper_end(makes, 0);
	helper_end(answers, SIGKILL);
	return ended;
}

static void answered(struct trial *t, uint64_t last)
{
	t->ours_ns = last;
	if (t->safe_ns && last > t->safe_ns)
		t->safe_ns = last;
}

static struct sockaddr_in at(const char *address, uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};

	inet_pton(AF_INET, address, &a.sin_addr);
	return a;
}

/* ---- packets ---- */

static void count_packets(bool far)
{
	struct sockaddr_in here = at(far ? FAR : NEAR, DATAGRAMS);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint32_t number;

	if (bind(fd, (void *)&here, sizeof(here)))
		err(1, "listening");
	__atomic_store_n(&traffic->ready, 1, __ATOMIC_RELEASE);
	for (;;) {
		if (recv(fd, &number, sizeof(number), MSG_TRUNC) > 0 && number < ASKED_MAX)
			__atomic_store_n(&traffic->got_ns[number], now_ns(), __ATOMIC_RELAXED);
	}
}

/* Were packets handed over since the last look? It costs no system call, and nobody is woken for it. */
static void look_at_books(void)
{
	static uint64_t handed;

	if (!books || books[RECEIVES].handed == handed)
		return;
	handed = books[RECEIVES].handed;
	traffic->ours_ns = now_ns();
	__atomic_add_fetch(&traffic->ours, 1, __ATOMIC_RELEASE);
}

static void send_packets(bool far)
{
	static const int dscp[2] = {DSCP_EF, DSCP_CS1};
	struct sockaddr_in there = at(far ? NEAR : FAR, DATAGRAMS);
	char packet[1000] = "";
	uint64_t next = now_ns();
	int fd[2];

	for (int i = 0; i < 2; i++) {
		int tos = dscp[i] << 2;

		fd[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (setsockopt(fd[i], IPPROTO_IP, IP_TOS, &tos, sizeof(tos)) ||
		    connect(fd[i], (void *)&there, sizeof(there)))
			err(1, "connecting");
	}
	for (uint32_t n = 0; n < ASKED_MAX && !load32(&traffic->stop); n++) {
		memcpy(packet, &n, sizeof(n));
		traffic->sent_ns[n] = now_ns();
		send(fd[n % 2], packet, sizeof(packet), 0);
		__atomic_store_n(&traffic->sent, n + 1, __ATOMIC_RELEASE);
		look_at_books();
		next += books ? EVERY_NIC_NS : EVERY_NS;
		/* until it is handed over, which a flow is after a silence only */
		if (books && !load32(&traffic->ours) && n % 64 == 63)
			next += SILENCE_NS;
		sleep_until(next);
	}
}

static bool as_stock(uint32_t n)
{
	uint64_t got = __atomic_load_n(&traffic->got_ns[n], __ATOMIC_RELAXED);

	return got && got - traffic->sent_ns[n] < LATE_NS;
}

/* The knob is where the profile wants it: it takes half a second from stock to there. */
static bool knob_arrived(uint32_t id, uint64_t value)
{
	volatile struct hs_knob *knobs =
		subject_map(".data.knobs", sizeof(struct hs_knob) * HS_KNOB_NR);
	uint64_t end = now_ns() + PATIENCE_NS;
	bool there = false;

	while (knobs && !there && now_ns() < end) {
		sleep_until(now_ns() + 5 * NS_PER_MS);
		there = knobs[id].value == value;
	}
	if (knobs)
		munmap((void *)knobs, sizeof(struct hs_knob) * HS_KNOB_NR);
	return there;
}

/* Until bulk is treated as bulk. */
static const char *packets_begin(bool from_far)
{
	uint64_t end;

	traffic_begin();
	answers = talker(!from_far, count_packets);
	if (!until(&traffic->ready, 1))
		return "nobody listens for packets";
	asks = talker(from_far, send_packets);
	end = now_ns() + NS_PER_S;
	while (now_ns() < end) {
		uint32_t sent = load32(&traffic->sent);

		sleep_until(now_ns() + LATE_NS);
		for (uint32_t n = 1; n < sent; n += 2) {
			if (!as_stock(n))
				return NULL;
		}
	}
	return "bulk is let through as stock does";
}

static const char *xdp_prepare(struct trial *t)
{
	(void)t;
	return knob_arrived(HS_KNOB_BULK_LIMIT, 1000) ? or_end(packets_begin(true))
						      : "bulk has no limit";
}

static const char *tc_prepare(struct trial *t)
{
	(void)t;
	return knob_arrived(HS_KNOB_BULK_PACE, 30000) ? or_end(packets_begin(false))
						      : "bulk has no pace";
}

static const char *packets_after(struct trial *t)
{
	uint64_t last = 0;
	uint32_t acted = 0;

	if (!traffic_end())
		return "who sends packets came to no good end";
	for (uint32_t n = 0; n < traffic->sent; n++) {
		if (as_stock(n))
			continue;
		if (n % 2 == 0)
			return traffic->got_ns[n] ? "a critical packet was late"
						  : "a critical packet was lost";
		acted += traffic->sent_ns[n] < t->t0;
		last = traffic->sent_ns[n];
	}
	if (!acted)
		return "bulk was let through as stock does";
	if (traffic->sent_ns[traffic->sent - 1] < last + GO_ON_NS / 2)
		return "it never ended";
	t->count = acted;
	answered(t, last);
	return NULL;
}

/* ---- steering ---- */

/*
 * The hogs make the CPU hot that packets come in on. Not before these do: QEMU lets a virtual CPU run until the next timer
 * of any, whoever calls another one meanwhile, and without the sender's that may be a tick, which is most of the heartbeat's limit.
 */
static const char *steering_begin(void)
{
	traffic_begin();
	talk_cpu = TALKS;
	answers = talker(false, count_packets);
	if (!until(&traffic->ready, 1))
		return "nobody listens for packets";
	asks = talker(true, send_packets);
	if (!until(&traffic->sent, 1))
		return "nobody sends packets";
	crowd_stay(RECEIVES);
	return until(&traffic->ours, 100) ? NULL : "no packets are handed to another CPU";
}

static void steering_end(void)
{
	crowd_stay(-1);
	munmap((void *)books, sizeof(*books));
	books = NULL;
}

static const char *steer_prepare(struct trial *t)
{
	const char *wrong;

	(void)t;
	if (!knob_arrived(HS_KNOB_STEER_ABOVE, 300))
		return "no CPU is ever hot";
	/* a page holds the books of 16 CPUs */
	books = subject_map("STEER_CPUS", sizeof(*books));
	if (!books)
		return "there are no books of steering";
	wrong = or_end(steering_begin());
	if (wrong)
		steering_end();
	return wrong;
}

static const char *steer_after(struct trial *t)
{
	bool ended = traffic_end();

	steering_end();
	if (!ended)
		return "who sends packets came to no good end";
	for (uint32_t n = 0; n < traffic->sent; n++) {
		if (!traffic->got_ns[n])
			return "a packet was lost";
	}
	if (traffic->sent_ns[traffic->sent - 1] < traffic->ours_ns + GO_ON_NS / 2)
		return "it never ended";
	t->count = traffic->ours;
	answered(t, traffic->ours_ns);
	return NULL;
}

/* ---- connections ---- */

static int listener(uint16_t port)
{
	struct sockaddr_in here = at(FAR, port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (void *)&here, sizeof(here)) || listen(fd, 64))
		err(1, "listening");
	return fd;
}

/* Says again what it is told, on the one connection; takes all others, and lets them go. */
static void answer(bool far)
{
	struct pollfd p[3] = {{.fd = listener(TAKEN), .events = POLLIN},
			      {.fd = listener(CRITICAL), .events = POLLIN},
			      {.fd = -1, .events = POLLIN}};
	uint64_t word;
	int one = 1;

	(void)far;
	__atomic_store_n(&traffic->ready, 1, __ATOMIC_RELEASE);
	for (;;) {
		if (poll(p, 3, -1) <= 0)
			continue;
		if (p[0].revents) {
			p[2].fd = accept(p[0].fd, NULL, NULL);
			setsockopt(p[2].fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		}
		if (p[1].revents)
			close(accept(p[1].fd, NULL, NULL));
		if (p[2].revents && (read(p[2].fd, &word, sizeof(word)) != sizeof(word) ||
				     write(p[2].fd, &word, sizeof(word)) != sizeof(word))) {
			close(p[2].fd);
			p[2].fd = -1;
		}
	}
}

static int connection(uint16_t port)
{
	struct sockaddr_in there = at(FAR, port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	struct timeval patience = {.tv_sec = 2}; /* a connection that stalls so long is lost */

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (void *)&there, sizeof(there))) {
		__atomic_add_fetch(&traffic->reset, 1, __ATOMIC_RELAXED);
		close(fd);
		return -1;
	}
	return fd;
}

/* Asks on one connection for as long as it lives, and looks who drives it. */
static void ask(bool far)
{
	int fd = connection(TAKEN);
	uint64_t word = 0, said;

	(void)far;
	while (fd >= 0 && !load32(&traffic->stop)) {
		char name[16] = "";
		socklen_t len = sizeof(name);

		word++;
		if (write(fd, &word, sizeof(word)) != sizeof(word) ||
		    recv(fd, &said, sizeof(said), MSG_WAITALL) != sizeof(said) || said != word) {
			__atomic_add_fetch(&traffic->reset, 1, __ATOMIC_RELAXED);
			return;
		}
		getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &len);
		if (!strncmp(name, "homeostat", 9)) {
			traffic->ours_ns = now_ns();
			__atomic_add_fetch(&traffic->ours, 1, __ATOMIC_RELEASE);
		}
		sleep_until(now_ns() + EVERY_NS);
	}
}

/* Makes connections, and looks what was set on them. */
static void make(bool far)
{
	struct linger reset = {.l_onoff = 1};

	(void)far;
	while (!load32(&traffic->stop)) {
		uint64_t begun = now_ns();
		int fd = connection(CRITICAL);
		uint32_t unsent = 0;
		socklen_t len = sizeof(unsent);

		if (fd < 0)
			return;
		getsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, &len);
		if (unsent) {
			traffic->set_ns = begun;
			__atomic_add_fetch(&traffic->sets, 1, __ATOMIC_RELEASE);
		}
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)); /* no TIME_WAIT */
		close(fd);
		sleep_until(now_ns() + 4 * EVERY_NS);
	}
}

static const char *connections_begin(void)
{
	traffic_begin();
	answers = talker(true, answer);
	if (!until(&traffic->ready, 1))
		return "nobody listens for connections";
	makes = talker(false, make);
	/* what is set says that we are attached */
	if (!until(&traffic->sets, 1))
		return "nothing is set on critical connections";
	asks = talker(false, ask);
	return until(&traffic->ours, 1) ? NULL : "the connection is not ours";
}

static const char *tcp_prepare(struct trial *t)
{
	(void)t;
	return knob_arrived(HS_KNOB_SOCKOPS_UNSENT, 16384)
		       ? or_end(connections_begin())
		       : "nothing is to be set on critical connections";
}

static const char *tcp_after(struct trial *t)
{
	uint64_t last;

	if (!traffic_end())
		return "who asks came to no good end";
	if (traffic->reset)
		return "a connection was reset";
	last = traffic->ours_ns > traffic->set_ns ? traffic->ours_ns : traffic->set_ns;
	t->count = traffic->ours;
	answered(t, last);
	return NULL;
}

/* ---- the deed ---- */

/* The daemon, and whoever might help: at once, as nobody else gets the CPU before we sleep. */
static uint64_t killed(struct trial *t)
{
	const struct subject *s = t->subject;
	uint64_t t0 = now_ns();

	kill(s->guard, SIGKILL);
	kill(s->restorer, SIGKILL);
	kill(s->daemon, SIGKILL);
	if (s->scribe)
		kill(s->scribe, SIGKILL);
	return t0;
}

const struct row rows_net[] = {
	{.name = "traffic-xdp",
	 .prepare = xdp_prepare,
	 .deed = killed,
	 .after = packets_after,
	 .restart = true},
	{.name = "traffic-tc",
	 .prepare = tc_prepare,
	 .deed = killed,
	 .after = packets_after,
	 .restart = true},
	{.name = "traffic-steer",
	 .prepare = steer_prepare,
	 .deed = killed,
	 .after = steer_after,
	 .restart = true},
	{.name = "traffic-tcp",
	 .prepare = tcp_prepare,
	 .deed = killed,
	 .after = tcp_after,
	 .restart = true},
	{0},
};
