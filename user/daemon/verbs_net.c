// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * The verbs about packets. `flows`: interfaces that are looked at, and what became of the packets of each declared flow;
 * `connections`: TCP connections that we took or set something on; `drops`: what the stack drops, by reason; `steer`: which
 * CPUs go on with incoming packets.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "clock.h"
#include "control.h"
#include "flows.h"
#include "names.h"
#include "verbs.h"

#define CONNECTIONS_MAX 512 /* in one reply; all are counted */

/* Where our program for incoming packets is; nobody knows once the usher is lost. */
static const char *where(const struct net *net, const struct net_interface *i)
{
	if (i && i->beside && !net->beside.usher.pid &&
	    beside_there(&net->beside, (__u32)(i - net->interface)))
		return "unknown";
	if (!i || !i->hook[NET_IN].ifindex)
		return "off";
	return i->generic ? "generic" : "native";
}

static void list_interface(struct call *call, struct json_object *array, const char *name,
			   bool beside)
{
	const struct net_interface *i = net_interface(&call->d->net, name);
	struct json_object *row = js_push_obj(array);
	const char *unarmed = call->d->armed	  ? ""
			      : *call->d->refusal ? call->d->refusal
						  : "not armed";

	js_add_str(row, "name", name);
	js_add_str(row, "xdp", where(&call->d->net, i));
	js_add_str(row, "place", beside ? "beside others" : "alone");
	js_add_str(row, "why", i ? i->hook[NET_IN].why : unarmed);
	js_add_str(row, "steer", i && i->hook[NET_IN].ifindex && !i->steer_why ? "yes" : "no");
	js_add_str(row, "steer_why",
		   !i		  ? unarmed
		   : i->steer_why ? i->steer_why
				  : i->hook[NET_IN].why);
	js_add_str(row, "egress",
		   !i || !i->hook[NET_OUT].ifindex ? "off"
		   : i->paced			   ? "paced"
						   : "priority only");
	js_add_str(row, "qdisc", i ? i->qdisc : "");
	js_add_str(row, "egress_why", i ? i->hook[NET_OUT].why : unarmed);
}

static void list_interfaces(struct call *call)
{
	struct json_object *array = js_add_array(call->reply, "interfaces");
	const struct profile *profile = &call->d->policy.profile;
	const struct net *net = &call->d->net;

	for (__u32 n = 0; n < profile->interface_nr; n++)
		list_interface(call, array, profile->interface[n].name,
			       profile->interface[n].beside);
	/* and those of an earlier one that could not be left yet */
	for (__u32 slot = 0; slot < KERNEL_INTERFACES_MAX; slot++) {
		const char *name = net->interface[slot].name;

		if (*name && !profile_looks_at(profile, name))
			list_interface(call, array, name, true);
	}
}

static void add_egress(struct json_object *row, const struct hs_egress_stats *stats)
{
	js_add_u64(row, "sent", stats->packets);
	js_add_u64(row, "prioritised", stats->prioritised);
	js_add_u64(row, "marked", stats->marked);
	js_add_u64(row, "paced", stats->paced);
	js_add_u64(row, "delayed", stats->delayed);
	js_add_u64(row, "delayed_ns", stats->delayed_ns);
	js_add_u64(row, "delay_mean_ns", stats->delayed ? stats->delayed_ns / stats->delayed : 0);
	js_add_u64(row, "dropped", stats->dropped);
}

static void list_flow(struct json_object *array, const char *name, __u32 class,
		      const struct hs_flow_stats *in, const struct hs_egress_stats *out)
{
	struct json_object *row = js_push_obj(array);

	js_add_str(row, "name", name);
	js_add_str(row, "class", flow_class_infos[class].name);
	js_add_u64(row, "packets", in->packets);
	js_add_u64(row, "shed", in->shed);
	add_egress(row, out);
}

int verb_flows(struct call *call)
{
	static const struct {
		const char *name;
		__u32 class;
	} of_none[] = {
		{"(others)", HS_FLOW_NORMAL},
		{"(recognised bulk)", HS_FLOW_BULK},
		{"(recognised requests)", HS_FLOW_CRITICAL},
	};
	const struct profile *profile = &call->d->policy.profile;
	struct json_object *array = js_add_array(call->reply, "flows");
	__u32 base = call->d->policy.flows_base;
	struct hs_egress_stats out[HS_FLOW_ROWS];
	struct hs_flow_stats in[HS_FLOW_ROWS];
	int err;

	list_interfaces(call);
	err = flows_stats(&call->d->kernel, base, in);
	if (!err)
		err = flows_egress(&call->d->kernel, base, out);
	if (err)
		return err;
	for (__u32 i = 0; i < profile->flow_nr; i++)
		list_flow(array, profile->flow[i].name, profile->flow[i].class, &in[i], &out[i]);
	for (__u32 i = HS_FLOW_OTHERS; i < HS_FLOW_ROWS; i++) {
		if (i == HS_FLOW_OTHERS || profile->recognise)
			list_flow(array, of_none[i - HS_FLOW_OTHERS].name,
				  of_none[i - HS_FLOW_OTHERS].class, &in[i], &out[i]);
	}
	return 0;
}

/*
 * With `for_ns` somebody begins to look at @what, which costs something: *until_ns is when that is over. 1 = so it is, 0 = nobody
 * does, or negative errno.
 */
static int look(struct call *call, const char *what, __u64 *until_ns)
{
	__u64 for_ns, now = clock_ns();
	int err = js_get_u64(call->request, "for_ns", &for_ns);

	if (err == -ENOENT)
		return 0;
	if (err || for_ns > CONTROL_LOOK_MAX_NS + NS_PER_S) {
		snprintf(call->error, sizeof(call->error), "expected for_ns: up to %llu",
			 CONTROL_LOOK_MAX_NS + NS_PER_S);
		return -EINVAL;
	}
	if (call->peer->uid != 0) {
		snprintf(call->error, sizeof(call->error), "looking at %s is for root", what);
		return -EPERM;
	}
	if (now + for_ns > *until_ns)
		*until_ns = now + for_ns;
	return 1;
}

struct connection_list {
	struct call *call;
	struct json_object *rows;
	__u64 seen;
};

/* "10.0.0.1:443", "[2001:db8::1]:443" */
static void add_end(struct json_object *row, const char *key, const __u8 address[16], __u16 port)
{
	static const __u8 mapped[12] = {[10] = 0xff, [11] = 0xff};
	char text[INET6_ADDRSTRLEN] = "?", both[sizeof(text) + 10];
	bool ipv4 = !memcmp(address, mapped, sizeof(mapped));

	inet_ntop(ipv4 ? AF_INET : AF_INET6, ipv4 ? address + 12 : address, text, sizeof(text));
	snprintf(both, sizeof(both), ipv4 ? "%s:%u" : "[%s]:%u", text, port);
	js_add_str(row, key, both);
}

static void add_set(struct json_object *row, __u32 set)
{
	static const struct {
		__u32 bit;
		const char *name;
	} known[] = {
		{HS_SOCKET_WINDOW, "window"},
		{HS_SOCKET_RTO_MIN, "rto"},
		{HS_SOCKET_DELACK, "delack"},
		{HS_SOCKET_UNSENT, "unsent"},
	};
	char text[64] = "";

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!(set & known[i].bit))
			continue;
		if (text[0])
			strcat(text, " ");
		strcat(text, known[i].name);
	}
	js_add_str(row, "set", text);
}

static int list_connection(void *ctx, const struct hs_connection *c)
{
	struct connection_list *l = ctx;
	const struct profile *profile = &l->call->d->policy.profile;
	struct json_object *row;

	if (l->seen++ >= CONNECTIONS_MAX)
		return 0;
	row = js_push_obj(l->rows);
	add_end(row, "local", c->local, c->local_port);
	add_end(row, "peer", c->peer, c->peer_port);
	/* the profile may have changed since it was made: a hint, no more */
	js_add_str(row, "flow",
		   c->flow < profile->flow_nr ? profile->flow[c->flow].name : "(others)");
	js_add_str(row, "congestion", c->congestion);
	js_add_u64(row, "rtt_us", c->rtt_us);
	js_add_u64(row, "rtt_min_us", c->rtt_min_us);
	js_add_u64(row, "cwnd", c->cwnd);
	js_add_u64(row, "delivered", c->delivered);
	js_add_u64(row, "lost", c->lost);
	js_add_u64(row, "moves", c->moves);
	add_set(row, c->set);
	return 0;
}

/* What a class's vital sign says, where it says something. */
static void add_sign(struct json_object *row, const char *key, const struct hs_vital *vital)
{
	if (__atomic_load_n(&vital->present, __ATOMIC_RELAXED))
		js_add_u64(row, key, __atomic_load_n(&vital->value, __ATOMIC_RELAXED));
}

static void list_classes(struct call *call)
{
	static const char *const keys[TCP_LOOK_SIGNS] = {
		[TCP_LOOK_RTT] = "rtt_us",
		[TCP_LOOK_RTTVAR] = "rttvar_us",
		[TCP_LOOK_RETRANSMIT] = "retransmit_permille",
		[TCP_LOOK_DELIVERED] = "delivered_kbit",
	};
	struct json_object *array = js_add_array(call->reply, "classes");

	js_add_bool(call->reply, "looking", call->d->tcp_look.on);
	js_add_u64(call->reply, "missed", call->d->kernel.tcp_look->missed);
	for (__u32 class = 0; class < HS_FLOW_CLASS_NR; class ++) {
		struct json_object *row = js_push_obj(array);

		js_add_str(row, "class", flow_class_infos[class].name);
		for (int sign = 0; sign < TCP_LOOK_SIGNS; sign++)
			add_sign(row, keys[sign],
				 &call->d->kernel
					  .vitals[tcp_look_vital(class, (enum tcp_look_sign)sign)]);
	}
}

int verb_connections(struct call *call)
{
	const struct connections *c = &call->d->connections;
	struct connection_list l = {.call = call};
	int err = look(call, "connections", &call->d->tcp_look.until_ns);

	if (err < 0)
		return err;
	list_classes(call);
	js_add_bool(call->reply, "attached", c->attached);
	js_add_str(call->reply, "why",
		   c->why[0]	 ? c->why
		   : c->attached ? ""
		   : !connections_wanted(&call->d->kernel, &call->d->policy.profile)
			   ? "no flow asks for it, or no knob sockops.*"
		   : call->d->armed	 ? ""
		   : call->d->refusal[0] ? call->d->refusal
					 : "not armed");
	l.rows = js_add_array(call->reply, "connections");
	heartbeat_patience(&call->d->heartbeat, LIST_PATIENCE_NS);
	err = kernel_connections(&call->d->kernel, false, list_connection, &l);
	heartbeat_patience(&call->d->heartbeat, 0);
	js_add_u64(call->reply, "total", l.seen);
	return err == -EOPNOTSUPP ? 0 : err;
}

int call_look(struct call *call, enum hs_hook hook, const char *what, enum family_id family)
{
	struct homeostatd *d = call->d;
	int looks = look(call, what, &d->hooks.until_ns[hook]);

	if (looks <= 0)
		return looks;
	arm_hooks(d, clock_ns(), true);
	if (!(d->kernel.hooks->on & 1U << hook)) {
		snprintf(call->error, sizeof(call->error), "%s cannot be looked at: %.256s", what,
			 d->kernel.family[family].why);
		return -EOPNOTSUPP;
	}
	return 1;
}

/* Dropped packets by the kernel's reason, as it numbers them, since the daemon was started and while the hook was on. */
int verb_drops(struct call *call)
{
	__u64 packets[HS_DROPS_MAX];
	struct json_object *array;
	int err = call_look(call, HS_HOOK_DROPS, "drops", FAMILY_DROPS);

	if (err >= 0)
		err = kernel_drops(&call->d->kernel, packets);
	if (err)
		return err;
	js_add_bool(call->reply, "looking", call->d->kernel.hooks->on & 1U << HS_HOOK_DROPS);
	array = js_add_array(call->reply, "drops");
	for (__u32 i = 0; i < HS_DROPS_MAX; i++) {
		struct json_object *row = packets[i] ? js_push_obj(array) : NULL;

		if (!row)
			continue;
		js_add_u64(row, "reason", i);
		js_add_u64(row, "packets", packets[i]);
	}
	return 0;
}

static void list_cpu(struct json_object *row, __u32 cpu, const struct hs_steer_load *load,
		     const struct hs_steer_cpu *books)
{
	static const char *const roles[] = {"", "target", "hot", "hot target"};

	js_add_u64(row, "cpu", cpu);
	js_add_str(row, "role", roles[(load->target != 0) | (load->hot != 0) << 1]);
	js_add_bool(row, "target", load->target);
	js_add_bool(row, "hot", load->hot);
	js_add_u64(row, "load_permille", load->load_permille);
	js_add_u64(row, "handed", books->handed);
	js_add_u64(row, "kept", books->kept);
	js_add_u64(row, "moved", books->moved);
	js_add_u64(row, "refused", books->refused);
	js_add_u64(row, "missing", books->missing);
	js_add_u64(row, "delivered", books->taken);
	/* read one after the other, while both grow */
	js_add_u64(row, "waiting", books->queued > books->taken ? books->queued - books->taken : 0);
}

int verb_steer(struct call *call)
{
	static const char *const states[] = {"off", "watch", "on"};
	const struct kernel *k = &call->d->kernel;
	const struct hs_steer *steer = k->steer;
	bool runs = call->d->armed && steer->generation == k->gate->generation;
	struct json_object *array;

	js_add_str(call->reply, "state", runs ? states[steer->state % 3] : "off");
	js_add_str(call->reply, "why",
		   steer_why(&call->d->steer, k, &call->d->policy, &call->d->net));
	list_interfaces(call);
	array = js_add_array(call->reply, "cpus");
	for (__u32 cpu = 0; cpu < k->cpus_nr && cpu < HS_CPUS_MAX; cpu++) {
		struct hs_steer_cpu books;
		int err = bpf_map_lookup_elem(k->fd.steer_cpus, &cpu, &books);

		if (err)
			return err;
		if (cpu_in(call->d->topo.online, cpu))
			list_cpu(js_push_obj(array), cpu, &steer->cpu[cpu], &books);
	}
	return 0;
}
