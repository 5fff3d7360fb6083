# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# shellcheck shell=dash
#
# A path with a bottleneck, for TCP: here, a router in a namespace, and the other end in one more. Sourced after
# lib.sh. Packets are not merged anywhere (gso_max_segs 1; veth does not by itself): a loss is that of one packet.
#
#   near 10.77.1.1 -- 10.77.1.2 (router) 10.77.2.1 -- 10.77.2.2 far
#
# The bottleneck is the router's way to far: rate, a queue of 1000 packets, losses. The delay is on the way back.

# shellcheck disable=SC2154 # tmp: lib.sh
path_far=10.77.2.2

path_make() {
	for _m in veth sch_netem tcp_bbr inet_diag tcp_diag; do
		insmod "/lib/modules/$(uname -r)/$_m.ko" || return 1
	done
	ip netns add router && ip netns add far &&
		ip link add near type veth peer name back netns router &&
		ip -n router link add forth type veth peer name far netns far &&
		ip address add 10.77.1.1/24 dev near && ip -n router address add 10.77.1.2/24 dev back &&
		ip -n router address add 10.77.2.1/24 dev forth &&
		ip -n far address add 10.77.2.2/24 dev far || return 1
	ip link set near gso_max_segs 1 up && ip -n router link set back gso_max_segs 1 up &&
		ip -n router link set forth gso_max_segs 1 up && ip -n far link set far gso_max_segs 1 up &&
		ip -n far link set lo up && ip route add 10.77.2.0/24 via 10.77.1.2 &&
		ip -n far route add 10.77.1.0/24 via 10.77.2.1 || return 1
	ip netns exec router sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
	for _ns in '' 'ip netns exec far'; do
		# a connection is not to know how the one before it did; buffers are not to be in the way
		$_ns sh -c 'echo 1 >/proc/sys/net/ipv4/tcp_no_metrics_save
			echo 4096 131072 33554432 >/proc/sys/net/ipv4/tcp_rmem
			echo 4096 131072 33554432 >/proc/sys/net/ipv4/tcp_wmem'
	done
	within 10 ping -c 1 -W 1 $path_far
}

# path_is LOSS RTT RATE [SEED]: in %, ms and Mbit/s. Called again, the same packets are lost once more.
path_is() {
	ip netns exec router /lab/bin/impair -k -D forth -q 1000 -l "$(awk "BEGIN { print 10 * $1 }")" -r "$3" -s "${4:-1}" &&
		ip netns exec router /usr/sbin/tc qdisc replace dev back root netem delay "${2}ms" limit 100000
}
