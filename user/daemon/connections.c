// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "connections.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cgroups.h"
#include "log.h"
#include "parse.h"

/* Is there something to set on critical connections, by profile, wish or plug-in, or may there be at any moment, by a rule? */
static bool sets_something(const struct kernel *k, const struct profile *profile)
{
	for (__u32 id = 0; id < HS_KNOB_NR; id++) {
		if (profile_socket_knob(id) &&
		    (__atomic_load_n(&k->wishes[id].value, __ATOMIC_RELAXED) ||
		     __atomic_load_n(&k->knobs[id].value, __ATOMIC_RELAXED) ||
		     profile_moves(profile, id)))
			return true;
	}
	return false;
}

bool connections_wanted(const struct kernel *k, const struct profile *profile)
{
	return profile && (profile_takes_tcp(profile) ||
			   (profile_critical_tcp(profile) && sets_something(k, profile)));
}

/* A flow asks for it: then what the kernel lacks for it is worth a warning. (Without one it is no news: most hosts have no BBR.) */
static void say_missing(const struct kernel *k, const struct profile *profile)
{
	static const enum family_id wanted[] = {FAMILY_TCP, FAMILY_TCP_LOSS};
	bool asked = profile_takes_tcp(profile);

	for (size_t i = 0; asked && i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		if (k->family[wanted[i]].state == FAMILY_UNAVAILABLE)
			log_warn("%s: not available here: %s", family_name(wanted[i]),
				 k->family[wanted[i]].why);
	}
}

static void slow(const struct connections *c)
{
	if (c->slow)
		c->slow(c->ctx);
}

static void attach(struct connections *c, struct kernel *k, const char *root)
{
	char cgroup[256], why[sizeof(c->why)];
	int err = root_path(cgroup, sizeof(cgroup), root, CGROUP_ROOT);

	slow(c);
	if (!err)
		err = kernel_attach_tcp(k, cgroup);
	c->attached = !err;
	c->refused = err;
	if (!err) {
		c->why[0] = '\0';
		c->leaving = false;
		log_info("looking after new TCP connections%s",
			 k->family[FAMILY_TCP].state == FAMILY_ON ? ""
								  : ", without congestion control");
		return;
	}
	snprintf(why, sizeof(why), "%.250s",
		 k->family[FAMILY_SOCKOPS].why[0] ? k->family[FAMILY_SOCKOPS].why : strerror(-err));
	if (strcmp(why, c->why))
		log_warn("TCP connections are not looked after: %s", why);
	strcpy(c->why, why);
}

static int count(void *ctx, const struct hs_connection *connection)
{
	__u32 *left = ctx;

	(void)connection;
	(*left)++;
	return 0;
}

static void put_back(struct connections *c, struct kernel *k)
{
	__u32 left = 0;
	int err;

	slow(c);
	err = kernel_connections(k, true, count, &left);
	if (err && err != c->failed)
		log_warn(
			"TCP connections: putting back what was set: %s%s; congestion control "
			"leaves by itself at the next ACK, what else was set stays until the close",
			strerror(-err), err == -EOPNOTSUPP ? "" : " (it is tried again)");
	c->failed = err;
	c->leaving = err ? err != -EOPNOTSUPP : left;
	if (left && left != c->left)
		log_info("TCP connections that have something of ours still: %u", left);
	c->left = left;
}

void connections_follow(struct connections *c, struct kernel *k, const struct profile *profile,
			const char *root, bool retry)
{
	if (connections_wanted(k, profile)) {
		if (!c->attached && (retry || !c->refused)) {
			attach(c, k, root);
			say_missing(k, profile);
		}
		return;
	}
	if (c->attached) {
		slow(c);
		kernel_detach_tcp(k);
		c->attached = false;
		c->leaving = true;
	}
	c->refused = false;
	c->why[0] = '\0';
	if (c->leaving)
		put_back(c, k);
}
