// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "beside.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "clock.h"
#include "log.h"

#define LOOK_NS 900000000ULL /* once in each tick */
#define STOP_MS 3000	     /* leaving takes some 100 ms for each interface */

void beside_without(struct beside *beside, const char *why)
{
	beside->usher.pid = 0;
	snprintf(beside->why, sizeof(beside->why), "%s", why);
}

int beside_start(struct beside *beside, int prog_fd)
{
	char why[128];
	int err;

	memset(beside, 0, sizeof(*beside));
	err = child_start(&beside->usher, &usher_role, prog_fd, NULL);
	if (err) {
		snprintf(why, sizeof(why), "the usher could not be started: %s", strerror(-err));
		beside_without(beside, why);
	}
	return err;
}

/* It is dead, or as good as that. What it had joined is as it was, and what it was about nobody knows. */
static void lose(struct beside *beside, const char *how)
{
	child_lose(&beside->usher);
	snprintf(beside->why, sizeof(beside->why),
		 "the usher %s: restart homeostatd; what is left on interfaces is taken off then, "
		 "or by "
		 "`homeostat restore` once it has stopped",
		 how);
	log_error("beside: %s", beside->why);
	beside->busy = 0;
}

static void take_answer(struct beside *beside, const struct beside_answer *a)
{
	struct beside_place *p = &beside->place[beside->busy - 1];
	enum beside_verb verb = p->asked;
	bool there = !a->err && a->place != DISPATCHER_ABSENT;

	beside->busy = 0;
	p->asked = BESIDE_NOTHING;
	p->why[0] = '\0';
	p->stuck = verb == BESIDE_LEAVE && a->err;
	if (a->err) {
		static const char *const what[] = {[BESIDE_JOIN] = "not joined",
						   [BESIDE_LEAVE] = "not left, and tried again",
						   [BESIDE_LOOK] =
							   "what is there now is not known"};

		snprintf(p->why, sizeof(p->why), "%s: %s", what[verb], a->why);
		if (verb == BESIDE_JOIN)
			p->refused = p->asked_of;
		return;
	}
	if (verb == BESIDE_LOOK && !there) {
		snprintf(p->why, sizeof(p->why), "somebody else has taken it off");
		p->refused = p->ifindex;
	}
	p->ifindex = there ? p->asked_of : 0;
	p->generic = a->place == DISPATCHER_GENERIC;
}

static bool answer_ok(const struct beside *beside, const struct beside_answer *a, ssize_t size)
{
	return size == (ssize_t)sizeof(*a) && beside->busy && a->seq == beside->seq &&
	       a->err <= 0 && a->place <= DISPATCHER_GENERIC &&
	       memchr(a->why, '\0', sizeof(a->why));
}

void beside_hear(struct beside *beside)
{
	struct beside_answer a;
	ssize_t n;

	child_reap(&beside->usher);
	while (beside->usher.pid) {
		n = recv(beside->usher.fd, &a, sizeof(a), MSG_DONTWAIT | MSG_TRUNC);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0)
			lose(beside, "is dead");
		else if (!answer_ok(beside, &a, n))
			lose(beside, "does not make sense any more");
		else
			take_answer(beside, &a);
	}
}

static void ask(struct beside *beside, __u32 slot, enum beside_verb verb, const char *name,
		__u32 ifindex, __u64 now_ns)
{
	struct beside_request r = {.verb = verb, .seq = ++beside->seq, .ifindex = ifindex};
	struct beside_place *p = &beside->place[slot];

	snprintf(r.name, sizeof(r.name), "%s", name);
	/* the last one was answered: there is room */
	if (send(beside->usher.fd, &r, sizeof(r), MSG_DONTWAIT | MSG_NOSIGNAL) !=
	    (ssize_t)sizeof(r)) {
		lose(beside, errno == EPIPE ? "is dead" : "does not listen");
		return;
	}
	p->asked = verb;
	p->asked_of = ifindex;
	beside->busy = slot + 1;
	beside->asked_ns = p->looked_ns = now_ns;
	if (verb == BESIDE_JOIN)
		p->refused = 0;
}

/* What is said of a slot while its request is under way. */
static void wait_for(struct beside *beside, struct beside_place *p, __u64 now_ns)
{
	if (now_ns - beside->asked_ns > BESIDE_PATIENCE_NS)
		snprintf(p->why, sizeof(p->why),
			 "the usher does not answer, for more than %llu s: it may wait for a "
			 "driver or for "
			 "another loader",
			 BESIDE_PATIENCE_NS / NS_PER_S);
	else if (p->asked == BESIDE_JOIN)
		snprintf(p->why, sizeof(p->why), "is about to be joined");
}

void beside_follow(struct beside *beside, __u32 slot, const char *name, __u32 want, bool retry,
		   __u64 now_ns)
{
	struct beside_place *p = &beside->place[slot];

	beside_hear(beside);
	if (beside->usher.pid && beside->busy == slot + 1)
		wait_for(beside, p, now_ns);
	if (!want && !beside_there(beside, slot)) {
		memset(p, 0, sizeof(*p)); /* nothing to be told of it */
		return;
	}
	if (!beside->usher.pid) {
		snprintf(p->why, sizeof(p->why), "%s", beside->why);
		return;
	}
	if (retry)
		p->refused = 0;
	if (beside->busy)
		return;
	if (p->stuck && now_ns - p->looked_ns < LOOK_NS)
		return;
	if (p->ifindex && p->ifindex != want)
		ask(beside, slot, BESIDE_LEAVE, name, p->ifindex, now_ns);
	else if (!p->ifindex && p->refused != want)
		ask(beside, slot, BESIDE_JOIN, name, want, now_ns);
	else if (p->ifindex && now_ns - p->looked_ns >= LOOK_NS)
		ask(beside, slot, BESIDE_LOOK, name, want, now_ns);
	if (beside->usher.pid && beside->busy == slot + 1)
		wait_for(beside, p, now_ns);
}

bool beside_there(const struct beside *beside, __u32 slot)
{
	const struct beside_place *p = &beside->place[slot];

	return p->ifindex || p->asked == BESIDE_JOIN;
}

void beside_stop(struct beside *beside)
{
	if (!child_stop(&beside->usher, STOP_MS))
		log_error(
			"beside: the usher is still leaving interfaces; `homeostat restore` tells "
			"what is left");
}
