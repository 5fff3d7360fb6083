#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: overrun kernel=scx cpus=4 nics
# limit: 300
#
# Behind the hook: a network card of one queue, whose packets RPS hands to CPU 1, which a firewall of 500 rules makes dear. There a flood
# of bulk finds the backlog full, and critical packets among it, in stock; where bulk is shed before, none is. By counts.

# shellcheck disable=SC2317  # functions that are passed by name
# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh

sleep 5 # what the boot leaves to do has no state to be asked for (virtual time)
taskset -pc 3 $$ >/dev/null # this shell, and whatever it starts
nics_make 0 3 || cannot 'two network cards are connected' 'see the console'
for module in pktgen sch_ingress cls_u32; do
	insmod "/lib/modules/$(uname -r)/$module.ko" || cannot "$module is there" 'see the console'
done
echo 2 >/sys/class/net/near/queues/rx-0/rps_cpus
{
	echo 'qdisc add dev near clsact'
	i=0
	while [ $i -lt 500 ]; do # addresses that nobody has: each packet is compared with all of them
		echo "filter add dev near ingress protocol ip pref 1 u32 match ip src 198.51.$((i / 250)).$((i % 250))/32 flowid 1:1"
		i=$((i + 1))
	done
} >"$tmp/firewall"
tc -batch "$tmp/firewall" || cannot 'a firewall' 'see the console'
{
	sed 's/^helping:.*/helping: { margin: 0% }/' "$profiles/balanced.yaml"
	cat <<-'END'
		interfaces:
		  - { name: near }
		flows:
		  - { name: orders, class: critical, protocol: udp, port: 9000 }
		  - { name: backup, class: bulk, dscp: CS1 }
	END
} >"$tmp/rule.yaml"
sed '/- when: net.congestion_permille/,/cooldown:/d; s/^knobs:$/&\n  - { name: net.bulk.limit_hz, value: 2000hz }/' "$tmp/rule.yaml" >"$tmp/fixed.yaml"

# of NAME KEY: what `homeostat flows` says of a flow
of() { homeostat --json flows | leaf "flows[$1].$2"; }
knob_is() { [ "$(knob "$1")" = "$2" ]; }
limit_below() { [ "$(knob net.bulk.limit_hz)" -lt "$1" ]; }
counted() { field "$2" <"$tmp/$1"; }
# softnet COLUMN: of CPU 1; 1: packets it took in, 2: those its backlog had no room for
softnet() { awk -v c="$1" 'NR == 2 { print $c }' /proc/net/softnet_stat | { read -r _hex && echo $((0x$_hex)); }; }
listens() { grep -q ":$(printf %04X "$1") " /proc/net/udp; }

# pktgen FILE COMMAND…: of the packet generator in the namespace far
pktgen() {
	_file=$1
	shift
	for _command; do echo "echo '$_command' >/proc/net/pktgen/$_file || exit 1"; done >"$tmp/pktgen"
	ip netns exec far sh "$tmp/pktgen"
}
mac=$(cat /sys/class/net/near/address)
generator() {
	pktgen kpktgend_2 'add_device far' &&
		pktgen far 'count 0' 'delay 100000' 'pkt_size 60' "dst_mac $mac" 'dst 10.77.0.1' 'udp_dst_min 9001' 'udp_dst_max 9001' \
			'tos 20' 'burst 8'
}
check 'there is a packet generator' generator

# flooded NAME [COMMAND…]: bulk without end, and, when the command succeeds, 2000 critical packets
flooded() {
	_name=$1
	shift
	rm -f "$tmp/9000" "$tmp/9001"
	taskset -c 1 datagrams -l -A 10.77.0.1 -P 9001 -o "$tmp/9001" &
	_bulk=$!
	taskset -c 1 datagrams -l -A 10.77.0.1 -P 9000 -n 2000 -o "$tmp/9000" &
	_critical=$!
	within 10 listens 9000
	within 10 listens 9001
	_drops=$(softnet 2) _taken=$(softnet 1)
	ip netns exec far sh -c 'echo start >/proc/net/pktgen/pgctrl' &
	_flood=$!
	[ $# = 0 ] || check "$_name: $*" within 20 "$@"
	ip netns exec far taskset -c 3 datagrams -A 10.77.0.1 -P 9000 -n 2000 -r 1000 -o "$tmp/sent"
	wait "$_critical"
	ip netns exec far sh -c 'echo stop >/proc/net/pktgen/pgctrl'
	wait "$_flood" "$_bulk"
	drops=$(($(softnet 2) - _drops)) taken=$(($(softnet 1) - _taken))
	sent=$(ip netns exec far sed -n 's/.*pkts-sofar: \([0-9]*\).*/\1/p' /proc/net/pktgen/far)
	say "# $_name: $(counted 9000 received) of 2000 critical ones came, $(counted 9001 received) of bulk; $sent sent; CPU 1 took" \
		"in $taken, and had no room for $drops"
}

flooded stock
stock_lost=$((2000 - $(counted 9000 received)))
at_least 'stock: critical packets were lost' "$stock_lost" 100
at_least 'stock: dropped from the backlog' "$drops" 1000
at_least 'stock: and nowhere before: what was sent is what CPU 1 took in, or dropped' "$((taken + drops))" "$((sent + 2000))"

hs_act "$tmp/fixed.yaml" || cannot 'homeostat arms' "$(tail -n 1 "$hs_log")"
flooded fixed knob_is net.bulk.limit_hz 2000
equals 'a limit: all critical packets came' "$(counted 9000 received)" 2000
equals 'a limit: nothing was dropped from the backlog' "$drops" 0
equals 'a limit: critical, none was shed' "$(of orders shed)" 0
at_least 'a limit: critical, counted' "$(of orders packets)" 2000
at_least 'a limit: bulk is shed' "$(of backup shed)" 10000
equals 'a limit: the hook saw all that was sent' "$(of backup packets)" "$sent"
at_least 'a limit: bulk, some was let in' "$(counted 9001 received)" 2000
hs_stop

hs_act "$tmp/rule.yaml" || cannot 'homeostat arms again' "$(tail -n 1 "$hs_log")"
flooded rule limit_below 50000
# it finds the limit by going too far now and then, and that costs: 4 and 23 were lost where stock lost half of them
at_most 'the rule: critical packets lost, a tenth of what stock loses' "$((2000 - $(counted 9000 received)))" $((stock_lost / 10))
equals 'the rule: critical, none was shed' "$(of orders shed)" 0
at_least 'the rule: bulk is shed' "$(of backup shed)" 10000
homeostat events -n 256 | grep net.bulk.limit_hz | head -n 12
finish
