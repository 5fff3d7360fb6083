// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The usher: see beside.h. */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "beside.h"
#include "log.h"

#define LEAVE_TRIES 3
#define LINK_FD 3 /* the usher's descriptors */
#define PROG_FD 4

struct usher {
	int prog_fd;
	__u32 prog_id;
	__u32 joined
		[KERNEL_INTERFACES_MAX]; /* ifindex, also where joining may have failed half way */
};

bool beside_request_ok(const void *message, size_t size)
{
	const struct beside_request *r = message;

	return size == sizeof(*r) && r->verb > BESIDE_NOTHING && r->verb < BESIDE_VERBS &&
	       r->ifindex && r->ifindex <= 0x7fffffff && r->name[0] &&
	       memchr(r->name, '\0', sizeof(r->name));
}

static __u32 *find(struct usher *u, __u32 ifindex)
{
	for (int i = 0; i < KERNEL_INTERFACES_MAX; i++) {
		if (u->joined[i] == ifindex)
			return &u->joined[i];
	}
	return NULL;
}

/* Was it turned down before anything was done? */
static bool refused(int err)
{
	return err == -EPERM || err == -ENODATA || err == -ENODEV || err == -EEXIST;
}

static int join(struct usher *u, const struct beside_request *r, enum dispatcher_place *place,
		struct beside_answer *a)
{
	__u32 *entry = find(u, r->ifindex);
	char name[IF_NAMESIZE], why[DISPATCHER_WHY_LEN];
	int err;

	if (!entry)
		entry = find(u, 0);
	if (!entry) {
		snprintf(a->why, sizeof(a->why), "too many interfaces");
		return -ENOSPC;
	}
	/* another one may have got its number since */
	if (!if_indextoname(r->ifindex, name) || strcmp(name, r->name)) {
		snprintf(a->why, sizeof(a->why), "there is no such interface");
		return -ENODEV;
	}
	*entry = r->ifindex;
	err = dispatcher_join("", r->ifindex, u->prog_fd, place, a->why, sizeof(a->why));
	/* half way, perhaps: the entry is free again once it is known that nothing of ours is there */
	if (err &&
	    (refused(err) || !dispatcher_leave("", r->ifindex, u->prog_id, why, sizeof(why))))
		*entry = 0;
	return err;
}

static void obey(struct usher *u, const struct beside_request *r, struct beside_answer *a)
{
	enum dispatcher_place place = DISPATCHER_ABSENT;
	__u32 *entry;

	switch ((enum beside_verb)r->verb) {
	case BESIDE_JOIN:
		a->err = join(u, r, &place, a);
		break;
	case BESIDE_LOOK:
		a->err = dispatcher_look(r->ifindex, u->prog_id, &place, a->why, sizeof(a->why));
		break;
	default:
		a->err = dispatcher_leave("", r->ifindex, u->prog_id, a->why, sizeof(a->why));
		entry = a->err ? NULL : find(u, r->ifindex);
		if (entry)
			*entry = 0;
	}
	a->place = place;
	if (!a->err)
		a->why[0] = '\0';
}

/* The daemon is gone, or has said goodbye. */
static void leave_all(struct usher *u)
{
	char why[DISPATCHER_WHY_LEN];

	for (int i = 0; i < KERNEL_INTERFACES_MAX; i++) {
		int err = u->joined[i] ? -EAGAIN : 0;

		for (int try = 0; try < LEAVE_TRIES && err; try++)
			err = dispatcher_leave("", u->joined[i], u->prog_id, why, sizeof(why));
		if (err)
			log_error("usher: interface %u could not be left: %s; `homeostat restore` "
				  "tries "
				  "again",
				  u->joined[i], why);
	}
}

static void tell_cleaned(void *ctx, __u32 ifindex, __u32 prog_id, enum dispatcher_outcome outcome,
			 const char *why)
{
	(void)ctx;
	log_warn("beside: interface %u: XDP program %u of another homeostatd: %s%s%s", ifindex,
		 prog_id, dispatcher_outcome_name(outcome), *why ? ": " : "", why);
}

int usher_clean(void)
{
	char why[DISPATCHER_WHY_LEN] = "";
	int left = dispatcher_clean("", tell_cleaned, NULL, why, sizeof(why));

	if (left < 0)
		log_warn("beside: what other homeostatds may have left is not known: %s", why);
	return left;
}

void usher_serve(int fd, int prog_fd)
{
	struct usher u = {.prog_fd = prog_fd, .prog_id = xdp_program_id(prog_fd)};
	struct beside_request r;
	ssize_t n;

	usher_clean();
	while ((n = recv(fd, &r, sizeof(r), MSG_TRUNC)) > 0 || (n < 0 && errno == EINTR)) {
		struct beside_answer a = {.seq = r.seq};

		if (n < 0)
			continue;
		if (!beside_request_ok(&r, (size_t)n)) {
			log_error("usher: a request that makes no sense");
			break;
		}
		obey(&u, &r, &a);
		if (send(fd, &a, sizeof(a), MSG_NOSIGNAL) != (ssize_t)sizeof(a))
			break;
	}
	leave_all(&u);
}

/* What joining takes, and no more of root. */
static void drop_privileges(void)
{
	static const cap_value_t needed[] = {CAP_SYS_ADMIN, CAP_NET_ADMIN, CAP_BPF, CAP_PERFMON};
	cap_t now = cap_get_proc(), caps = cap_init();
	bool failed = !now || !caps;

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]) && !failed; i++) {
		cap_flag_value_t has = CAP_CLEAR;

		if (cap_get_flag(now, needed[i], CAP_PERMITTED, &has) || has != CAP_SET)
			continue; /* joining will say so */
		cap_set_flag(caps, CAP_PERMITTED, 1, &needed[i], CAP_SET);
		cap_set_flag(caps, CAP_EFFECTIVE, 1, &needed[i], CAP_SET);
	}
	if (failed || cap_set_proc(caps) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		_exit(1); /* what has too many rights does nothing with them */
	cap_free(now);
	cap_free(caps);
}

/* All else is the daemon's: a lock, a socket or a link that we kept would outlive it. */
static void keep_only(int fd, int prog_fd)
{
	/* out of the way of one another first */
	fd = fcntl(fd, F_DUPFD, PROG_FD + 1);
	prog_fd = fcntl(prog_fd, F_DUPFD, PROG_FD + 1);
	if (fd < 0 || prog_fd < 0 || dup2(fd, LINK_FD) < 0 || dup2(prog_fd, PROG_FD) < 0 ||
	    close_range(PROG_FD + 1, ~0U, 0))
		_exit(1);
}

void usher_main(int fd, int prog_fd)
{
	prctl(PR_SET_NAME, "homeostat-usher", 0, 0, 0);
	/* it ends when the daemon does, however that ends, and not before */
	for (const int *s = (const int[]){SIGTERM, SIGINT, SIGHUP, SIGPIPE, 0}; *s; s++)
		signal(*s, SIG_IGN);
	keep_only(fd, prog_fd);
	drop_privileges();
	usher_serve(LINK_FD, PROG_FD);
	_exit(0);
}
