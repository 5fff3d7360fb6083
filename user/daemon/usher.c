// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The usher: see beside.h. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/socket.h>

#include "beside.h"
#include "log.h"

#define LEAVE_TRIES 3

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

static void be_the_usher(void *ctx)
{
	(void)ctx;
	usher_serve(CHILD_FD, CHILD_OTHER_FD);
}

/* What joining takes, and no more of root. */
static const cap_value_t caps[] = {CAP_SYS_ADMIN, CAP_NET_ADMIN, CAP_BPF, CAP_PERFMON};

const struct child_role usher_role = {
	.name = "homeostat-usher",
	.type = SOCK_SEQPACKET,
	.nice = -20, /* whoever waits for it to leave is about to end */
	.caps = caps,
	.caps_nr = sizeof(caps) / sizeof(caps[0]),
	.live = be_the_usher,
};
