#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: net kernel=scx cpus=1
# limit: 200
#
# Packets over a veth pair: flows are told apart, bulk above its limit is shed and nothing else is, and whatever shuts
# the gate lets everything pass at once.

# shellcheck disable=SC2317  # functions that are passed by name
# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh

network_make || cannot 'two namespaces are connected' 'see the console'
{
	# its rule would move the limit that is counted on here
	sed '/when: net.congestion_permille/,/cooldown:/d' "$profiles/balanced.yaml"
	cat <<-'END'
		interfaces:
		  - { name: near }
		  - { name: later }
		flows:
		  - { name: orders, class: critical, protocol: udp, port: 9000 }
		  - { name: backup, class: bulk, dscp: CS1 }
		  - { name: peer, class: normal, peer: 10.77.0.0/24 }
	END
} | sed 's/^knobs:$/&\n  - { name: net.bulk.limit_hz, value: 2000hz }/' >"$tmp/net.yaml"

# of NAME KEY: what `homeostat flows` says of an interface or a flow
of() {
	homeostat --json flows | jflat | awk -v name="$1" -v key="$2" '
		$1 ~ /\.name$/ { at = $2 == name ? substr($1, 1, length($1) - 4) key : "" }
		$1 == at { print $2 }'
}
has_xdp() { ip link show "$1" | grep -q 'xdp'; }
no_xdp() { ! has_xdp "$1"; }

hs_act "$tmp/net.yaml" || cannot 'homeostat arms' "$(tail -n 1 "$hs_log")"
equals 'the program is in the driver' "$(of near xdp)" native
check 'the kernel says so, too' has_xdp near
equals 'an interface that is not there' "$(of later xdp)" off
check 'and why' grep -q 'later: its incoming packets are not looked at: there is no such interface' "$hs_log"

before=$(of orders packets)
stream_in 9000 0 3000 0
equals 'critical: all of them came' "$(field received <"$tmp/counted")" 3000
equals 'critical: counted' "$(($(of orders packets) - before))" 3000
# DSCP of bulk, but the first flow that fits has it
stream_in 9000 8 3000 0
equals 'critical beats bulk: all of them came' "$(field received <"$tmp/counted")" 3000
equals 'critical: none was shed' "$(of orders shed)" 0

limit_is() { [ "$(knob net.bulk.limit_hz)" = "$1" ]; }
check 'the limit is in force' within 10 limit_is 2000
# 8000 a second, of which 2000 are let in, and 20 that may have been saved up
stream_in 9001 8 16000 8000
most=$(awk -v span="$(field span_ns <"$tmp/sent")" 'BEGIN { print int(span * 2000 / 1e9) + 20 }')
at_most 'bulk: came' "$(field received <"$tmp/counted")" "$((most + most / 50))"
at_least 'bulk: came' "$(field received <"$tmp/counted")" "$((most - most / 10))"
equals 'bulk: what was shed is what is missing' "$(($(of backup packets) - $(of backup shed)))" "$(field received <"$tmp/counted")"
equals 'bulk: what came is in order' "$(field reordered <"$tmp/counted")" 0
stream_in 9002 0 100 0
equals 'neither critical nor bulk: of the peer' "$(of peer packets)" 100

# a wish, and another profile: what was counted stays, or begins anew
homeostat wish net.bulk.limit_hz 10000000hz >/dev/null
check 'wish: no limit' within 10 limit_is 10000000
stream_in 9001 8 8000 8000
equals 'bulk without a limit: all of them came' "$(field received <"$tmp/counted")" 8000
homeostat wish net.bulk.limit_hz --clear >/dev/null
check 'the limit is back' within 10 limit_is 2000
sed 's/class: bulk, dscp: CS1/class: normal, dscp: CS1/' "$tmp/net.yaml" >"$tmp/other.yaml"
check 'another profile is loaded' homeostat profile load "$tmp/other.yaml"
equals 'its counts begin anew' "$(of backup shed)" 0
stream_in 9001 8 8000 8000
equals 'what was bulk is normal: all of them came' "$(field received <"$tmp/counted")" 8000
sed '/^  - { name: near }/d' "$tmp/net.yaml" >"$tmp/none.yaml"
check 'a profile without the interface' homeostat profile load "$tmp/none.yaml"
check 'the program is gone from it' no_xdp near
check 'and back' homeostat profile load "$tmp/net.yaml"
check 'the program is there again' has_xdp near

# reloads under traffic: nothing is lost, and nobody is taken for another one
stream_reload() {
	for _ in 1 2 3 4 5 6; do
		homeostat profile load "$tmp/other.yaml" && homeostat profile load "$tmp/net.yaml"
	done >/dev/null
}
stream_reload &
reloads=$!
stream_in 9000 0 6000 3000
wait "$reloads"
equals 'reloads under traffic: all of them came' "$(field received <"$tmp/counted")" 6000
equals 'reloads under traffic: none was shed' "$(of orders shed)" 0

# attached, tripped and taken off under traffic: nothing is lost either, neither of critical nor of bulk below its limit
changes() {
	homeostat disarm && within 10 no_xdp near && homeostat arm && within 10 has_xdp near &&
		homeostat profile load "$tmp/none.yaml" && within 10 no_xdp near &&
		homeostat profile load "$tmp/net.yaml" && within 10 has_xdp near &&
		homeostat trip && within 10 no_xdp near && homeostat arm && within 10 has_xdp near
}
for kind in '9000 0 critical' '9001 8 bulk'; do
	# shellcheck disable=SC2086  # its parts
	set -- $kind
	(
		within 10 grep -q ":$(printf %04X "$1") " /proc/net/udp && changes >"$tmp/changes" 2>&1 &&
			[ ! -s "$tmp/sent" ] # the sender is at it still
	) &
	changed=$!
	stream_in "$1" "$2" 12000 1500
	wait "$changed"
	equals "attached, taken off and tripped under $3: all of it was done" "$?" 0
	equals "attached, taken off and tripped under $3: all of them came" "$(field received <"$tmp/counted")" 12000
	equals "attached, taken off and tripped under $3: in order" "$(field reordered <"$tmp/counted")" 0
done

# the gate alone: the program is there, and lets everything pass
kill -STOP "$hs_pid"
homeostat trip >/dev/null
stream_in 9001 8 8000 8000
check 'the gate is shut: the program is there still' has_xdp near
equals 'the gate is shut: all of bulk came' "$(field received <"$tmp/counted")" 8000
kill -CONT "$hs_pid"
check 'tripped: the program leaves' within 10 no_xdp near
homeostat arm >/dev/null
check 'armed again: the program is back' within 10 has_xdp near

# another interface under a name that was waited for
ip link add later type veth peer name far2
check 'an interface that comes later' within 10 has_xdp later
ip link del later
ip link add later type veth peer name far2
check 'another one of the same name' within 10 has_xdp later
ip link del later

# by death
check 'armed again: and the limit is' within 10 limit_is 2000
stream_in 9001 8 8000 8000
at_least 'armed again: bulk is shed' "$(of backup shed)" 1000
hs_kill
check 'the daemon was killed: the program is gone' within 10 no_xdp near
stream_in 9001 8 8000 8000
equals 'the daemon was killed: all of bulk came' "$(field received <"$tmp/counted")" 8000
finish
