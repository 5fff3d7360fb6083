#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: nosched kernel=noscx cpus=1
# limit: 200
#
# A kernel without sched_ext: what does not need it acts all the same, the scheduler is left out and that is said; a profile that
# is for the scheduler alone is refused.

# shellcheck disable=SC2317  # functions that are passed by name
# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh

[ ! -e "$scx" ] || cannot 'no sched_ext' 'this kernel has it'
network_make || cannot 'two namespaces are connected' 'see the console'
# profile FLOWS INTERFACES: balanced, with these
profile() {
	cat "$profiles/balanced.yaml"
	printf 'flows:\n%s\n' "$1"
	[ ! "${2:-}" ] || printf 'interfaces:\n%s\n' "$2"
}
bulk='  - { name: backup, class: bulk, dscp: CS1 }
  - { name: orders, class: critical, protocol: udp, port: 9000 }'
taken='  - { name: taken, class: normal, protocol: tcp, peer_port: 5201, tcp: homeostat }'
profile "$bulk
$taken" '  - { name: near }' | sed 's/^knobs:$/&\n  - { name: net.bulk.limit_hz, value: 2000hz }/' >"$tmp/net.yaml"
profile "$taken" >"$tmp/tcp.yaml"

# of NAME KEY: what `homeostat flows` says of an interface or a flow
of() {
	homeostat --json flows | jflat | awk -v name="$1" -v key="$2" '
		$1 ~ /\.name$/ { at = $2 == name ? substr($1, 1, length($1) - 4) key : "" }
		$1 == at { print $2 }'
}
has_xdp() { ip link show "$1" | grep -q 'xdp'; }
no_xdp() { ! has_xdp "$1"; }
is() { [ "$(status_leaf "$1")" = "$2" ]; }
offers() { grep -qw "$1" /proc/sys/net/ipv4/tcp_available_congestion_control; }
offers_not() { ! offers "$1"; }
knob_is() { [ "$(knob "$1")" = "$2" ]; }

# for the scheduler alone
hs_start balanced || cannot 'homeostatd starts' "$(tail -n 1 "$hs_log")"
says 'a profile without flows is refused' 'nothing to arm: this kernel has no sched_ext' homeostat mode act
check 'and it stays so' is armed false

# packets and connections
check 'a profile with flows is loaded' homeostat profile load "$tmp/net.yaml"
check 'it arms' homeostat arm
check 'it is armed' is armed true
check 'the log says that the scheduler is left out, and why' grep -q 'without our scheduler.*no sched_ext' "$hs_log"
says 'so does status' '^scheduler +none: left out' homeostat status
check 'our program is there' within 10 has_xdp near
check 'our congestion control is there' within 10 offers homeostat
check 'the limit is in force' within 10 knob_is net.bulk.limit_hz 2000
stream_in 9000 0 3000 0
equals 'critical: all of them came' "$(field received <"$tmp/counted")" 3000
stream_in 9001 8 8000 8000
at_least 'bulk: it is shed' "$(of backup shed)" 4000
ip netns exec far iperf3 -s -1 >/dev/null 2>&1 &
listens() { ip netns exec far grep -q ":$(printf %04X "$1") 0000" /proc/net/tcp6; }
check 'a server' within 10 listens 5201
iperf3 -c 10.77.0.2 -t 1 >/dev/null
equals 'connections are taken' "$(counter tcp.taken)" 2
ticks() { [ "$(status_leaf uptime_ns)" -gt "$1" ]; }
check 'some seconds go by' within 20 ticks "$(($(status_leaf uptime_ns) + 4000000000))"
check 'it is armed still' is armed true

# trip, and death
homeostat trip >/dev/null
stream_in 9001 8 8000 8000
equals 'tripped: all of bulk came' "$(field received <"$tmp/counted")" 8000
check 'tripped: our program is gone' within 10 no_xdp near
check 'tripped: our congestion control is gone' within 10 offers_not homeostat
check 'armed again' homeostat arm
check 'our program is there again' within 10 has_xdp near

# another profile: with connections alone, and for the scheduler alone
check 'a profile for connections' homeostat profile load "$tmp/tcp.yaml"
check 'our program is gone' within 10 no_xdp near
check 'it is armed, for connections' is armed true
check 'a profile for the scheduler' homeostat profile load "$profiles/balanced.yaml"
check 'it stands down' within 10 is armed false
says 'and says why' 'nothing to arm: this kernel has no sched_ext' homeostat status
check 'that is no trip' is tripped null
check 'the profile again' homeostat profile load "$tmp/net.yaml"
check 'armed again' homeostat arm
check 'our program is there once more' within 10 has_xdp near
hs_kill
check 'killed: the program is gone' within 10 no_xdp near
stream_in 9001 8 8000 8000
equals 'killed: all of bulk came' "$(field received <"$tmp/counted")" 8000
finish
