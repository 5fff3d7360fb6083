#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
#
# In the guest, by scripts/tcp: goodput of congestion controls over the paths that are given. A line of results for
# each: {"loss":…,"rtt":…,"rate":…,"arm":…,"goodput_bps":…,"ping_us":…,"retransmits":…}, and with an
# arm beside another "beside_bps". The last arm is ours, or those that begin with homeostat:
# homeostatd is armed all the while, and takes what goes to its port.
#
# Usage: tcp.sh LOSSES RTTS RATES ARMS SECONDS SEED, the first four each a list such as "0 0.1 1 10" (%), "1 20 100" (ms),
# "100 200" (Mbit/s). Each arm has SECONDS, and 100 round trips at least: a window takes some of them to grow. Each meets
# the losses of SEED, from the first one on. An arm "homeostat/bbr" is homeostat's connection beside one of BBR, which
# begins a second earlier; "beside_bps" is what that one gets.

# shellcheck source=selftests/lab/lib.sh
. /lab/lib.sh
# shellcheck source=selftests/lab/path.sh
. /lab/path.sh

path_make >/dev/null || die 'the path could not be made'
{
	cat "$profiles/balanced.yaml"
	echo 'flows:'
	echo '  - { name: taken, class: normal, protocol: tcp, peer_port: 5202, tcp: homeostat }'
} >"$tmp/tcp.yaml"
hs_act "$tmp/tcp.yaml" || die "homeostat does not arm: $(tail -n 3 "$hs_log")"
ip netns exec far iperf3 -s -p 5201 >/dev/null 2>&1 &
ip netns exec far iperf3 -s -p 5202 >/dev/null 2>&1 &
ip netns exec far iperf3 -s -p 5203 >/dev/null 2>&1 &
for port in 1451 1452 1453; do
	within 10 ip netns exec far grep -q ":$port 00" /proc/net/tcp6 || die "no server at port 0x$port"
done

# measure ARM SECONDS: what iperf3 says, and a ping beside it, is in $tmp
measure() {
	_arm=${1%/*} _beside=${1#"${1%/*}"} _seconds=$2
	case $_arm in
	homeostat) set -- -p 5202 ;;
	*) set -- -p 5201 -C "$_arm" ;;
	esac
	[ "$((_seconds * 1000))" -ge "$((rtt * 100))" ] || _seconds=$((rtt / 10))
	rm -f "$tmp/beside"
	if [ -n "$_beside" ]; then
		iperf3 -J -c "$path_far" -t "$_seconds" -O 1 -i 0 -p 5203 -C "${_beside#/}" >"$tmp/beside" &
		_other=$!
		sleep 1 # nothing is waited for: ours is to begin a second of virtual time later
	fi
	ping -q -i 0.05 -c "$((_seconds * 20))" -W 2 "$path_far" >"$tmp/ping" 2>&1 &
	_ping=$!
	iperf3 -J -c "$path_far" -t "$_seconds" -i 0 "$@" >"$tmp/iperf"
	wait $_ping
	[ -z "$_beside" ] || wait "$_other"
	jflat <"$tmp/iperf" >"$tmp/flat"
}
# leaf_of PATH: of the last measurement
leaf_of() { awk -v p="$1" '$1 == p { print $2; exit }' "$tmp/flat"; }
# beside_bps: of the other one; 0 where there is none
beside_bps() {
	[ -e "$tmp/beside" ] || { echo 0; return; }
	leaf end.sum_received.bits_per_second <"$tmp/beside"
}
ping_us() { sed -n 's,.*min/avg/max = [^/]*/\([0-9.]*\)/.*,\1,p' "$tmp/ping" | awk '{ printf "%d", $1 * 1000 }'; }

for loss in $1; do
	for rtt in $2; do
		for rate in $3; do
			for arm in $4; do
				path_is "$loss" "$rtt" "$rate" "$6" || die "no path of $loss $rtt $rate"
				before=$(counter tcp.taken) to=$(counter tcp.to_loss) back=$(counter tcp.back)
				measure "$arm" "$5"
				beside=$(beside_bps) || die "$arm: nothing is known of the other one: $(cat "$tmp/beside")"
				record "\"loss\":$loss,\"rtt\":$rtt,\"rate\":$rate,\"arm\":\"$arm\",\"goodput_bps\":$(leaf_of end.sum_received.bits_per_second),\"retransmits\":$(leaf_of end.sum_sent.retransmits),\"ping_us\":$(ping_us),\"beside_bps\":$beside,\"taken\":$(($(counter tcp.taken) - before)),\"to_loss\":$(($(counter tcp.to_loss) - to)),\"back\":$(($(counter tcp.back) - back))"
			done
		done
	done
done
hs_stop
