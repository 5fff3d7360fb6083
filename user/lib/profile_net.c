// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The network part of a profile: interfaces, declared flows, recognition of others, and CPUs that packets may be handed to. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "names.h"
#include "parse.h"
#include "profile_check.h"

#define PORT_MAX 65535
#define DSCP_MAX 63
#define TCP_HOST_BASE 500    /* permille: half way to the end, well above where bulk is shed */
#define TCP_LOSS_BASE 200    /* permille: BBR bears that much */
#define STEER_ABOVE_BASE 800 /* permille: a CPU that has a fifth left is not short of time */
#define RECOGNISE_BULK_BASE                                                                        \
	20000 /* kbit/s: a call with video or a shell is below it, a copy is not */
#define RECOGNISE_FLOOD_BASE 20000 /* hz: a feed or a game server's flow is below it */

static int check_flow_name(struct place at, const struct profile *profile, const char *name)
{
	at.key = "name";
	if (!*name || strlen(name) >= sizeof(profile->flow->name) || name[strspn(name, NAME_CHARS)])
		return check_wrong(at,
				   "bad flow name '%.64s'; expected at most %zu of a-z 0-9 - _ .",
				   name, sizeof(profile->flow->name) - 1);
	for (__u32 i = 0; i < profile->flow_nr; i++) {
		if (!strcmp(profile->flow[i].name, name))
			return check_wrong(
				at, "flow '%s' stands twice, first in line %u; expected once", name,
				yaml_file_line(&at.file->yaml, "flows", (int)i, NULL));
	}
	return 0;
}

static int check_protocol(struct place at, const char *text, struct profile_flow *flow)
{
	__u64 number;

	flow->protocol = -1;
	if (!text)
		return 0;
	at.key = "protocol";
	if (!strcmp(text, "tcp"))
		number = IPPROTO_TCP;
	else if (!strcmp(text, "udp"))
		number = IPPROTO_UDP;
	else if (parse_u64_max(text, 255, &number))
		return check_wrong(
			at,
			"'protocol: %.32s'; expected tcp, udp or an IP protocol number, 0 to 255",
			text);
	flow->protocol = (__s16)number;
	return 0;
}

/* "443" or "9000-9010". */
static int check_ports(struct place at, const char *text, struct profile_flow *flow,
		       enum hs_side side)
{
	const char *p = text;
	__u64 first, last;

	if (!text)
		return 0;
	if (parse_digits(&p, PORT_MAX, &first))
		goto bad;
	last = first;
	if (*p == '-') {
		p++;
		if (parse_digits(&p, PORT_MAX, &last))
			goto bad;
	}
	if (*p || !first || last < first)
		goto bad;
	if (flow->protocol >= 0 && flow->protocol != IPPROTO_TCP && flow->protocol != IPPROTO_UDP)
		return check_wrong(at, "protocol %d has no ports that we know; expected tcp or udp",
				   flow->protocol);
	flow->port[side].first = (__u16)first;
	flow->port[side].last = (__u16)last;
	return 0;
bad:
	return check_wrong(at,
			   "'%s: %.32s'; expected a port such as 443 or a range such as 9000-9010",
			   at.key, text);
}

/* EF, CS0 … CS7 (RFC 2474), AF11 … AF43 (RFC 2597), or the number. */
static int check_dscp(struct place at, const char *text, __s16 *dscp)
{
	__u64 value;

	*dscp = -1;
	if (!text)
		return 0;
	if (!strcmp(text, "EF"))
		value = 46;
	else if (strlen(text) == 3 && !strncmp(text, "CS", 2) && text[2] >= '0' && text[2] <= '7')
		value = (__u64)(text[2] - '0') * 8;
	else if (strlen(text) == 4 && !strncmp(text, "AF", 2) && text[2] >= '1' && text[2] <= '4' &&
		 text[3] >= '1' && text[3] <= '3')
		value = (__u64)(text[2] - '0') * 8 + (__u64)(text[3] - '0') * 2;
	else if (parse_u64_max(text, DSCP_MAX, &value))
		return check_wrong(at,
				   "'%s: %.32s'; expected EF, CS0 to CS7, AF11 to AF43, or 0 to %d",
				   at.key, text, DSCP_MAX);
	*dscp = (__s16)value;
	return 0;
}

/* All bits of @addr from @bits on are 0. */
static bool clean_prefix(const __u8 addr[16], unsigned bits)
{
	for (unsigned i = bits; i < 128; i++) {
		if (addr[i / 8] & 0x80 >> i % 8)
			return false;
	}
	return true;
}

bool profile_same_prefix(const __u8 a[16], const __u8 b[16], unsigned int bits)
{
	for (unsigned int i = 0; i < bits; i++) {
		if ((a[i / 8] ^ b[i / 8]) & 0x80 >> i % 8)
			return false;
	}
	return true;
}

/* "10.0.0.0/8", "2001:db8::/32", or an address. */
static int check_peer(struct place at, const char *text, struct profile_flow *flow)
{
	static const __u8 mapped[16] = {[10] = 0xff, [11] = 0xff};
	char address[INET6_ADDRSTRLEN] = "";
	const char *slash;
	unsigned before = 0;
	__u64 bits;
	size_t len;

	if (!text)
		return 0;
	at.key = "peer";
	slash = strchr(text, '/');
	len = slash ? (size_t)(slash - text) : strlen(text);
	if (len < sizeof(address))
		memcpy(address, text, len);
	if (inet_pton(AF_INET, address, flow->peer + 12) == 1) {
		before = 96;
		memcpy(flow->peer, mapped, 12);
	} else if (inet_pton(AF_INET6, address, flow->peer) != 1) {
		goto bad;
	}
	bits = 128 - before;
	if (slash && (parse_u64_max(slash + 1, bits, &bits) || !bits))
		goto bad;
	flow->peer_bits = (__u8)(before + bits);
	if (!before && flow->peer_bits < 96 &&
	    profile_same_prefix(flow->peer, mapped, flow->peer_bits))
		return check_wrong(at,
				   "'peer: %.64s' would take in all of IPv4, as ::ffff:0:0/96; "
				   "expected a longer prefix, such as 2000::/3",
				   text);
	if (!clean_prefix(flow->peer, flow->peer_bits))
		return check_wrong(at, "'peer: %.64s' has bits behind its prefix; expected 0 there",
				   text);
	return 0;
bad:
	return check_wrong(at, "'peer: %.64s'; expected an address, or a prefix such as 10.0.0.0/8",
			   text);
}

static int check_tcp(struct place at, const char *text, struct profile_flow *flow)
{
	flow->tcp = 0;
	if (!text)
		return 0;
	at.key = "tcp";
	if (strcmp(text, "homeostat"))
		return check_wrong(at, "'tcp: %.32s'; expected homeostat, or no such key", text);
	if (flow->protocol >= 0 && flow->protocol != IPPROTO_TCP)
		return check_wrong(at, "protocol %d has no TCP congestion control; expected tcp",
				   flow->protocol);
	flow->tcp = 1;
	return 0;
}

static int check_flow(struct profile_file *file, struct profile *profile, int index)
{
	const struct flow_text *text = &file->text->flows[index];
	struct profile_flow *flow = &profile->flow[index];
	struct place at = {file, "flows", index, NULL}, here = at, there = at, dscp = at, mark = at;
	int class = flow_class_find(text->class);
	__s16 to;

	here.key = "port";
	there.key = "peer_port";
	dscp.key = "dscp";
	mark.key = "mark";
	if (check_flow_name(at, profile, text->name))
		return -EINVAL;
	strcpy(flow->name, text->name);
	at.key = "class";
	if (class < 0)
		return check_wrong(at, "unknown class '%.32s'; expected critical, normal or bulk",
				   text->class);
	flow->class = (__u32) class;
	if (check_protocol(at, text->protocol, flow) || check_dscp(dscp, text->dscp, &flow->dscp) ||
	    check_dscp(mark, text->mark, &to) ||
	    check_ports(here, text->port, flow, HS_SIDE_LOCAL) ||
	    check_ports(there, text->peer_port, flow, HS_SIDE_PEER) ||
	    check_peer(at, text->peer, flow) || check_tcp(at, text->tcp, flow))
		return -EINVAL;
	if (to >= 0 && to == flow->dscp)
		return check_wrong(mark,
				   "'mark: %.32s' is what the flow's packets have already; "
				   "expected another one, or none",
				   text->mark);
	flow->mark = (__u8)(to + 1);
	at.key = NULL;
	if (!text->protocol && !text->dscp && !text->port && !text->peer_port && !text->peer)
		return check_wrong(at,
				   "flow '%s' states nothing of its packets; expected port, "
				   "peer_port, peer, protocol or dscp",
				   text->name);
	return 0;
}

static int check_interface(struct profile_file *file, struct profile *profile, int index)
{
	const char *name = file->text->interfaces[index].name;
	const char *xdp = file->text->interfaces[index].xdp;
	struct place at = {file, "interfaces", index, "name"};

	/* as the kernel has it: dev_valid_name() */
	if (!*name || strlen(name) >= sizeof(profile->interface->name) || !strcmp(name, ".") ||
	    !strcmp(name, "..") || name[strcspn(name, "/: \t\n\r\v\f")])
		return check_wrong(at, "bad interface name '%.32s'; expected one such as eth0",
				   name);
	for (int i = 0; i < index; i++) {
		if (!strcmp(profile->interface[i].name, name))
			return check_wrong(at, "interface '%s' stands twice; expected once", name);
	}
	at.key = "xdp";
	if (xdp && strcmp(xdp, "beside"))
		return check_wrong(at, "'xdp: %.32s'; expected beside, or no such key", xdp);
	strcpy(profile->interface[index].name, name);
	profile->interface[index].beside = xdp;
	return 0;
}

bool profile_holds_bulk(const struct profile *profile)
{
	for (__u32 i = 0; profile->interface_nr && i < profile->flow_nr; i++) {
		if (profile->flow[i].class == HS_FLOW_BULK)
			return true;
	}
	return profile->recognise;
}

bool profile_looks_at(const struct profile *profile, const char *name)
{
	for (__u32 i = 0; i < profile->interface_nr; i++) {
		if (!strcmp(profile->interface[i].name, name))
			return true;
	}
	return false;
}

bool profile_beside(const struct profile *profile)
{
	for (__u32 i = 0; i < profile->interface_nr; i++) {
		if (profile->interface[i].beside)
			return true;
	}
	return false;
}

bool profile_takes_tcp(const struct profile *profile)
{
	for (__u32 i = 0; i < profile->flow_nr; i++) {
		if (profile->flow[i].tcp)
			return true;
	}
	return false;
}

bool profile_steers(const struct profile *profile)
{
	__u64 any = 0;

	for (__u32 w = 0; w < HS_CPUS_MAX / 64; w++)
		any |= profile->steer_cpus[w];
	return any != 0;
}

bool profile_critical_tcp(const struct profile *profile)
{
	for (__u32 i = 0; i < profile->flow_nr; i++) {
		const struct profile_flow *flow = &profile->flow[i];

		if (flow->class == HS_FLOW_CRITICAL &&
		    (flow->protocol < 0 || flow->protocol == IPPROTO_TCP))
			return true;
	}
	return false;
}

bool profile_socket_knob(__u32 knob)
{
	return !strncmp(knob_infos[knob].name, "sockops.", 8);
}

bool profile_moves(const struct profile *profile, __u32 knob)
{
	for (__u32 i = 0; i < profile->config.rules_nr; i++) {
		if (profile->rule[i].knob == knob)
			return true;
	}
	return false;
}

/* Would anything be done with a connection? That takes no interface. */
static bool of_connections(const struct profile *profile)
{
	if (profile_takes_tcp(profile))
		return true;
	for (__u32 id = 0; profile_critical_tcp(profile) && id < HS_KNOB_NR; id++) {
		if (profile_socket_knob(id) &&
		    (profile->knob[id].value || profile_moves(profile, id)))
			return true;
	}
	return false;
}

/* Who asks for something and states no more of it is to have it: a knob's stock value is none at all. */
static void base_unless_stated(struct profile *profile, __u32 knob, __u64 value)
{
	if (profile->knob[knob].stated)
		return;
	profile->knob[knob].stated = true;
	profile->knob[knob].value = value;
}

static int check_recognise(struct profile_file *file, struct profile *profile)
{
	const char *text = file->text->recognise;
	struct place at = {file, "recognise", -1, NULL};

	if (!text || !strcmp(text, "false"))
		return 0;
	if (strcmp(text, "true"))
		return check_wrong(at, "'recognise: %.32s'; expected true or false", text);
	if (!profile->interface_nr)
		return check_wrong(at,
				   "recognise without interfaces: nobody would look at a packet; "
				   "expected interfaces, too");
	profile->recognise = 1;
	base_unless_stated(profile, HS_KNOB_RECOGNISE_BULK, RECOGNISE_BULK_BASE);
	base_unless_stated(profile, HS_KNOB_RECOGNISE_FLOOD, RECOGNISE_FLOOD_BASE);
	return 0;
}

static int check_steer(struct profile_file *file, struct profile *profile)
{
	const struct steer_text *text = file->text->steer;
	struct place at = {file, "steer", -1, "cpus"};
	int err;

	if (!text)
		return 0;
	err = parse_cpus(text->cpus, profile->steer_cpus, HS_CPUS_MAX / 64);
	if (err || *text->cpus < '0' || *text->cpus > '9')
		return check_wrong(at, "'cpus: %.64s' is %s; expected a list such as \"1-3,8\"",
				   text->cpus,
				   err == -ERANGE ? "out of bounds" : "not a list of CPUs");
	at.key = NULL;
	if (!profile->interface_nr)
		return check_wrong(at, "steer without interfaces: no packet would be handed over; "
				       "expected interfaces, too");
	base_unless_stated(profile, HS_KNOB_STEER_ABOVE, STEER_ABOVE_BASE);
	return 0;
}

int check_net(struct profile_file *file, struct profile *profile)
{
	struct place at = {file, "flows", -1, NULL};
	int err = 0;

	for (; !err && profile->interface_nr < file->text->interfaces_count;
	     profile->interface_nr++)
		err = check_interface(file, profile, (int)profile->interface_nr);
	for (; !err && profile->flow_nr < file->text->flows_count; profile->flow_nr++)
		err = check_flow(file, profile, (int)profile->flow_nr);
	if (!err)
		err = check_recognise(file, profile);
	if (!err)
		err = check_steer(file, profile);
	if (!err && profile->flow_nr && !profile->interface_nr && !of_connections(profile))
		err = check_wrong(
			at, "flows without interfaces: nobody would look at a packet; "
			    "expected interfaces, too, or for TCP a flow with tcp: homeostat, or "
			    "a critical one and a knob sockops.*");
	if (!err && profile_takes_tcp(profile)) {
		base_unless_stated(profile, HS_KNOB_TCP_LOSS, TCP_LOSS_BASE);
		base_unless_stated(profile, HS_KNOB_TCP_HOST, TCP_HOST_BASE);
	}
	return err;
}
