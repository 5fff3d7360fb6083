// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "breaker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "log.h"
#include "private_file.h"

#define BREAKER_MAGIC 0x68736272 /* "hsbr" */
#define BREAKER_VERSION 1

/* The order of stores is the order in which a dying process leaves them. */
#define store(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)

int breaker_open(struct breaker **b, int dir_fd, const char *root)
{
	struct mapped_head head;
	void *mem;
	char why[160];
	int there;

	*b = NULL;
	mapped_head(&head, root, BREAKER_MAGIC, BREAKER_VERSION, sizeof(**b));
	there = mapped_open(&mem, dir_fd, BREAKER_FILE, &head, why, sizeof(why));
	if (there < 0)
		return there;
	*b = mem;
	if (there &&
	    ((*b)->held > 1 || (*b)->latched > 1 || (*b)->acting > 1 || (*b)->last >= HS_TRIP_NR)) {
		**b = (struct breaker){.head = head};
		snprintf(why, sizeof(why), "it holds nonsense");
	}
	if (why[0])
		log_warn("the file of the stall-loop breaker, " BREAKER_FILE
			 ", is made anew: %s. Earlier trips are forgotten",
			 why);
	return 0;
}

void breaker_close(struct breaker *b)
{
	mapped_close(b, sizeof(*b));
}

int breaker_latch(const char *dir)
{
	struct mapped_head head = {0};
	char why[160]; /* what homeostatd says at its next start */
	int dir_fd, fd, err = 0;
	__u32 yes = 1;

	dir_fd = private_dir(AT_FDCWD, dir, 0, why, sizeof(why));
	if (dir_fd < 0)
		return dir_fd;
	fd = private_file(dir_fd, BREAKER_FILE, false, why, sizeof(why));
	close(dir_fd);
	if (fd < 0)
		return fd;
	if (pread(fd, &head, sizeof(head), 0) != sizeof(head) || head.magic != BREAKER_MAGIC ||
	    head.version != BREAKER_VERSION || head.size != sizeof(struct breaker))
		err = -EBADMSG;
	else if (pwrite(fd, &yes, sizeof(yes), offsetof(struct breaker, latched)) != sizeof(yes))
		err = -EIO;
	close(fd);
	return err;
}

static __u64 newest(const struct breaker *b)
{
	return b->trip_ns[(b->nr - 1) % BREAKER_TRIPS];
}

/* Trips in the window that ends with the newest one. */
static __u32 trips_in_window(const struct breaker *b, __u64 window_ns)
{
	__u32 nr = b->nr < BREAKER_TRIPS ? b->nr : BREAKER_TRIPS, found = 0;
	__u64 last = nr ? newest(b) : 0;

	for (__u32 i = 0; i < nr; i++) {
		__u64 at = b->trip_ns[(b->nr - 1 - i) % BREAKER_TRIPS];

		if (!i || (at <= last && last - at < window_ns))
			found++;
	}
	return found;
}

void breaker_trip(struct breaker *b, const struct profile_trip *policy, enum hs_trip reason,
		  __u64 now_ns)
{
	__u32 most = policy->trips < BREAKER_TRIPS ? policy->trips : BREAKER_TRIPS;

	if (reason == HS_TRIP_NONE || reason == HS_TRIP_SHUTDOWN)
		return;
	if (reason == HS_TRIP_OPERATOR || (!policy->rearm_ns && reason != HS_TRIP_DIED))
		store(&b->latched, 1);
	if (reason == HS_TRIP_OPERATOR)
		return;
	b->trip_ns[b->nr % BREAKER_TRIPS] = now_ns;
	b->last = reason;
	store(&b->nr, b->nr + 1);
	if (most && trips_in_window(b, policy->window_ns) >= most)
		store(&b->held, 1);
}

struct breaker_verdict breaker_decide(const struct breaker *b, const struct profile_trip *policy,
				      __u64 now_ns)
{
	struct breaker_verdict v = {.trips = trips_in_window(b, policy->window_ns)};

	if (b->held) {
		v.state = BREAKER_HELD;
	} else if (b->latched) {
		v.state = BREAKER_BY_HAND;
	} else if (v.trips && policy->rearm_ns) {
		v.at_ns = newest(b) + profile_pause(policy, v.trips);
		v.state = now_ns < v.at_ns ? BREAKER_WAITING : BREAKER_FREE;
	}
	return v;
}

void breaker_acting(struct breaker *b, bool acting)
{
	store(&b->acting, acting);
}

void breaker_forgive(struct breaker *b)
{
	store(&b->nr, 0);
	store(&b->latched, 0);
	store(&b->held, 0);
}

void breaker_rest(struct breaker *b)
{
	store(&b->latched, 0);
}

const char *breaker_state_name(enum breaker_state state)
{
	static const char *const names[] = {
		[BREAKER_FREE] = "free",
		[BREAKER_WAITING] = "waiting",
		[BREAKER_BY_HAND] = "by-hand",
		[BREAKER_HELD] = "held",
	};

	return names[state];
}
