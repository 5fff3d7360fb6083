// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Makes an interface a bad path for a while: what leaves by it is late, or lost. The kernel's netem, by netlink, as
 * iproute2 before 6.8 cannot give it a seed: with one, which packets are lost does not depend on the kernel's random pool,
 * that is, on every byte of the guest's root.
 * Needs the module sch_netem in /lib/modules, unless the kernel has it.
 */
#include "load.h"
#include <arpa/inet.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/syscall.h>

static const char usage[] = "Loses and delays what leaves by an interface.\n"
			    "  -D DEVICE   which one (default near)\n"
			    "  -l PERMILLE of the packets are lost (default 10)\n"
			    "  -t USEC     each is so late (default 0)\n"
			    "  -q PACKETS  that may wait meanwhile (default 10000)\n"
			    "  -r MBIT     a second at most leave by it (default 0: no limit)\n"
			    "  -s SEED     of the losses (default 1)\n"
			    "  -k          keeps it so, in place of what is there, and ends\n";

#ifndef TCA_NETEM_LATENCY64
#define TCA_NETEM_LATENCY64 10
#endif
#define NETEM_SEED 14 /* TCA_NETEM_PRNG_SEED, since 6.7; a kernel before that ignores it */

struct request {
	struct nlmsghdr head;
	struct tcmsg tc;
	char attributes[512];
};

struct path {
	unsigned int ifindex;
	uint64_t loss_permille, late_ns, queue, mbit, seed;
	bool kept;
};

static void *put(struct request *r, unsigned short type, const void *data, size_t size)
{
	struct rtattr *a = (void *)((char *)r + NLMSG_ALIGN(r->head.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (unsigned short)RTA_LENGTH(size);
	if (size)
		memcpy(RTA_DATA(a), data, size);
	r->head.nlmsg_len = NLMSG_ALIGN(r->head.nlmsg_len) + RTA_ALIGN(a->rta_len);
	return a;
}

static struct request request_for(const struct path *p, unsigned short type, unsigned short flags)
{
	return (struct request){
		.head = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct tcmsg)),
			 .nlmsg_type = type,
			 .nlmsg_flags = NLM_F_REQUEST | flags},
		.tc = {.tcm_ifindex = (int)p->ifindex, .tcm_parent = TC_H_ROOT},
	};
}

/* Sends, and takes one answer, which the kernel has ready by then. Returns its length. */
static size_t ask(const struct request *r, char *answer, size_t size)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	ssize_t n;

	if (fd < 0 || send(fd, r, r->head.nlmsg_len, 0) < 0 ||
	    (n = recv(fd, answer, size, MSG_DONTWAIT)) < 0)
		err(1, "netlink");
	close(fd);
	return (size_t)n;
}

/* Asks for a change; the program ends where the kernel refuses it. */
static void change(const struct request *r, const char *what)
{
	char answer[1024];
	const struct nlmsghdr *head = (void *)answer;
	const struct nlmsgerr *told = NLMSG_DATA(head);

	if (ask(r, answer, sizeof(answer)) < NLMSG_LENGTH(sizeof(told->error)) ||
	    head->nlmsg_type != NLMSG_ERROR)
		errx(1, "%s: no answer that makes sense", what);
	errno = -told->error;
	if (told->error)
		err(1, "%s", what);
}

static void path_impair(const struct path *p)
{
	struct request r = request_for(
		p, RTM_NEWQDISC, NLM_F_CREATE | (p->kept ? NLM_F_REPLACE : NLM_F_EXCL) | NLM_F_ACK);
	struct tc_netem_rate rate = {.rate = (uint32_t)(p->mbit * 125000)};
	struct tc_netem_qopt opt = {
		.limit = (uint32_t)p->queue,
		.loss = (uint32_t)(p->loss_permille * UINT32_MAX / 1000),
	};
	int64_t late = (int64_t)p->late_ns;
	struct rtattr *options;

	put(&r, TCA_KIND, "netem", sizeof("netem"));
	options = put(&r, TCA_OPTIONS, &opt, sizeof(opt));
	put(&r, TCA_NETEM_LATENCY64, &late, sizeof(late));
	if (p->mbit || p->kept) /* what is left out stays as it was */
		put(&r, TCA_NETEM_RATE, &rate, sizeof(rate));
	put(&r, NETEM_SEED, &p->seed, sizeof(p->seed));
	options->rta_len =
		(unsigned short)((char *)&r + NLMSG_ALIGN(r.head.nlmsg_len) - (char *)options);
	change(&r, "netem");
}

static void path_mend(const struct path *p)
{
	struct request r = request_for(p, RTM_DELQDISC, NLM_F_ACK);

	change(&r, "taking netem off");
}

/* What the interface's queue has lost so far. */
static uint64_t path_lost(const struct path *p)
{
	struct request r =
		request_for(p, RTM_GETQDISC, NLM_F_ECHO); /* else only listeners are told */
	char answer[4096];
	const struct nlmsghdr *head = (void *)answer;
	size_t n = ask(&r, answer, sizeof(answer));
	const struct tcmsg *tc = NLMSG_DATA(head);
	const struct rtattr *a = (void *)((const char *)tc + NLMSG_ALIGN(sizeof(*tc)));
	int left = (int)head->nlmsg_len - (int)NLMSG_LENGTH(sizeof(*tc));
	struct tc_stats stats;

	if (!NLMSG_OK(head, n) || head->nlmsg_type != RTM_NEWQDISC)
		errx(1, "the queue's statistics: no answer that makes sense");
	for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (a->rta_type != TCA_STATS || RTA_PAYLOAD(a) < sizeof(stats))
			continue;
		memcpy(&stats, RTA_DATA(a), sizeof(stats));
		return stats.drops;
	}
	errx(1, "the queue has no statistics");
}

/* The module, where there is a file of it: in a kernel that has it built in there is none. */
static void load_module(void)
{
	struct utsname u;
	char file[512];
	int fd;

	uname(&u);
	snprintf(file, sizeof(file), "/lib/modules/%s/sch_netem.ko", u.release);
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST)
		err(1, "%s", file);
	close(fd);
}

int main(int argc, char **argv)
{
	struct load l = {.name = "impair", .usage = usage, .seconds = 10};
	struct path path = {.loss_permille = 10, .queue = 10000, .seed = 1};
	const char *device = "near";
	uint64_t lost;
	struct line line;
	int c;

	while ((c = getopt(argc, argv, LOAD_OPTIONS "D:l:t:q:r:s:k")) != -1) {
		switch (c) {
		case 'D':
			device = optarg;
			break;
		case 'l':
			path.loss_permille = number(optarg, c, 0, 1000);
			break;
		case 't':
			path.late_ns = number(optarg, c, 0, 10000000) * 1000;
			break;
		case 'q':
			path.queue = number(optarg, c, 1, 1000000);
			break;
		case 'r':
			path.mbit = number(optarg, c, 0, 30000);
			break;
		case 'k':
			path.kept = true;
			break;
		case 's':
			path.seed = number(optarg, c, 0, UINT32_MAX);
			break;
		default:
			load_option(&l, c, optarg);
		}
	}
	load_begin();
	path.ifindex = if_nametoindex(device);
	if (!path.ifindex)
		err(1, "%s", device);
	load_module();
	path_impair(&path);
	if (path.kept)
		return 0;
	sleep_until(now_ns() + (l.warmup_s + l.seconds) * NS_PER_S);
	lost = path_lost(&path);
	path_mend(&path);
	line_begin(&line, l.name);
	line_u64(&line, "lost_packets", lost);
	line_end(&line, l.out);
	return 0;
}
