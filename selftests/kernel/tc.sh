#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: tc kernel=scx cpus=1
# limit: 300
#
# What goes out: from here through a router to far, which is 4 ms away, and 20 Mbit/s behind a buffer of half a second. Bulk is paced to
# its rate, nobody else waits behind it, DSCPs are on the wire, and a shut gate leaves everything alone.

# shellcheck disable=SC2317  # functions that are passed by name
# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh

tc() { /usr/sbin/tc "$@"; }
ip() { /usr/sbin/ip "$@"; }
modules=/lib/modules/$(uname -r)

# near (fq) - mid [router] out (tbf) - far (netem: without a way back TCP would send 64 KiB at once)
path_make() {
	for _m in veth sch_fq sch_tbf sch_prio sch_netem tun; do
		insmod "$modules/$_m.ko" || return 1
	done
	ip netns add mid && ip netns add far &&
		ip link add near type veth peer name mid netns mid &&
		ip -n mid link add out type veth peer name far netns far &&
		ip address add 10.77.0.1/24 dev near && ip link set near up &&
		ip -n mid address add 10.77.0.2/24 dev mid && ip -n mid link set mid up &&
		ip -n mid address add 10.78.0.1/24 dev out && ip -n mid link set out up &&
		ip -n far address add 10.78.0.2/24 dev far && ip -n far link set far up &&
		ip address add fd77::1/64 dev near nodad && ip -n mid address add fd77::2/64 dev mid nodad &&
		ip route add 10.78.0.0/24 via 10.77.0.2 && ip -n far route add default via 10.78.0.1 &&
		ip netns exec mid sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward' &&
		tc -n mid qdisc add dev out root tbf rate 20mbit burst 10kb latency 500ms &&
		tc -n far qdisc add dev far root netem delay 4ms &&
		tc qdisc add dev near root fq && within 10 ping -c 1 -W 1 10.78.0.2
}
path_make || cannot 'three namespaces are connected' 'see the console'
ip link add plain type veth peer name far2
ip link set plain up
ip link add multi numtxqueues 2 type veth peer name far3
ip link set multi up
ip tuntap add dev bare mode tun # nobody at its other end: what goes out is dropped behind us
ip address add 10.79.0.1/24 dev bare
ip link set bare up
{
	cat "$profiles/balanced.yaml"
	cat <<-'END'
		interfaces:
		  - { name: near }
		  - { name: plain }
		  - { name: multi }
		  - { name: bare }
		flows:
		  - { name: backup, class: bulk, dscp: CS1 }
		  - { name: voice, class: normal, protocol: udp, peer_port: 9003, mark: EF }
		  - { name: tunnel, class: critical, protocol: udp, peer_port: 7000-7999, peer: 10.79.0.2 }
		  - { name: echo, class: normal, protocol: 58, mark: CS6 }
		  - { name: orders, class: critical, protocol: udp, peer: 10.78.0.0/24 }
	END
} | sed 's/^knobs:$/&\n  - { name: net.bulk.pace_kbit, value: 8mbit }/' >"$tmp/tc.yaml"

# of NAME KEY: what `homeostat flows` says of an interface or a flow
of() {
	homeostat --json flows | jflat | awk -v name="$1" -v key="$2" '
		$1 ~ /\.name$/ { at = $2 == name ? substr($1, 1, length($1) - 4) key : "" }
		$1 == at { sub(/^[^ ]* /, ""); print }'
}
egress_is() { [ "$(of "$1" egress)" = "$2" ]; }
qdisc_is() { [ "$(of "$1" qdisc)" = "$2" ]; }
pace_is() { [ "$(knob net.bulk.pace_kbit)" = "$1" ]; }
# listen PORT COUNT: at the far end; what was counted is in $tmp/counted when $listener has ended
listen() {
	rm -f "$tmp/counted"
	ip netns exec far datagrams -l -A 10.78.0.2 -P "$1" -n "$2" -o "$tmp/counted" &
	listener=$!
	check "port $1: there is a listener" within 10 ip netns exec far grep -q ":$(printf %04X "$1") " /proc/net/udp
}
# stream PORT DSCP COUNT RATE: packets of 1000 bytes, from here
stream() {
	listen "$1" "$3"
	datagrams -A 10.78.0.2 -P "$1" -q "$2" -n "$3" -r "$4" -z 958 -o "$tmp/sent"
	wait "$listener"
}
counted() { field "$1" <"$tmp/counted"; }
# kbit: the rate at which packets of 1000 bytes came
kbit() { awk -v n="$(counted received)" -v ns="$(counted span_ns)" 'BEGIN { print int((n - 1) * 8e9 / ns) }'; }

hs_act "$tmp/tc.yaml" || cannot 'homeostat arms' "$(tail -n 1 "$hs_log")"
equals 'fq: bulk is paced there' "$(of near egress)" paced
equals 'and it is called so' "$(of near qdisc)" fq
equals 'no queueing discipline: the priority only' "$(of plain egress)" 'priority only'
equals 'and it is called so, too' "$(of plain qdisc)" noqueue
equals 'the log says it' "$(grep -c 'plain: its queueing discipline is noqueue, not fq' "$hs_log")" 1
check 'the pace is in force' within 10 pace_is 8000

# four times as much as is to leave
stream 9001 8 3000 4000
equals 'bulk: all of them came' "$(counted received)" 3000
equals 'bulk: in their order' "$(counted reordered)" 0
at_most 'bulk: at its pace (kbit/s)' "$(kbit)" 8080
at_least 'bulk: at its pace (kbit/s)' "$(kbit)" 7920
equals 'bulk: sent' "$(of backup sent)" 3000
equals 'bulk: paced' "$(of backup paced)" 3000
at_least 'bulk: delayed' "$(of backup delayed)" 2900
at_least 'bulk: by so much, on average (ns)' "$(of backup delay_mean_ns)" 10000000
equals 'bulk: has its priority' "$(of backup prioritised)" 3000
equals 'bulk: none was dropped' "$(of backup dropped)" 0
before=$(of orders sent)
stream 9000 0 3000 0
at_least 'critical: no pace for it (kbit/s)' "$(kbit)" 18000
equals 'critical: counted' "$(($(of orders sent) - before))" 3000
equals 'critical: none had to wait' "$(of orders delayed)" 0

# two senders, and a clock of 8 ms for each packet: what would wait for more than a second is dropped
homeostat wish net.bulk.pace_kbit 1mbit >/dev/null
check 'wish: a slower pace' within 10 pace_is 1000
for i in 1 2 3 4; do
	datagrams -A 10.78.0.2 -P 9001 -q 8 -n 100 -z 958 -o "$tmp/sent" &
	eval "sender$i=\$!"
done
# shellcheck disable=SC2154  # set by eval
wait "$sender1" "$sender2" "$sender3" "$sender4"
at_least 'more than a second of bulk: dropped' "$(of backup dropped)" 50

# a full buffer, with and without us: how long do others wait in it?
# beside NAME COMMAND…: the command runs, and requests beside it; their figures are in $tmp/NAME
beside() {
	_name=$1
	shift
	rm -f "$tmp/$_name"
	"$@" >"$tmp/bulk" 2>&1 &
	_bulk=$!
	sleep 2 # of virtual time: the buffer fills
	reqrep -u -N far -A 10.78.0.2 -r 200 -w 20 -n 400 -o "$tmp/$_name"
	kill "$_bulk" 2>/dev/null
	wait "$_bulk"
}
ip netns exec far iperf3 -s >/dev/null 2>&1 &
server=$!
homeostat wish net.bulk.pace_kbit 100gbit >/dev/null
check 'wish: no pace' within 10 pace_is 100000000
beside udp_bloat datagrams -A 10.78.0.2 -P 9001 -q 8 -d 20 -r 4000 -z 958
beside tcp_bloat iperf3 -c 10.78.0.2 -S 32 -t 20
homeostat wish net.bulk.pace_kbit 15mbit >/dev/null
check 'wish: below the bottleneck' within 10 pace_is 15000
beside udp_paced datagrams -A 10.78.0.2 -P 9001 -q 8 -d 20 -r 4000 -z 958
beside tcp_paced iperf3 -c 10.78.0.2 -S 32 -t 20
kill "$server"
for kind in udp tcp; do
	say "# $kind: p50, p99 without: $(field p50_ns <"$tmp/${kind}_bloat") $(field p99_ns <"$tmp/${kind}_bloat")," \
		"with a pace: $(field p50_ns <"$tmp/${kind}_paced") $(field p99_ns <"$tmp/${kind}_paced") ns"
	at_most "beside bulk by $kind: 1/10 of the wait at most" "$(field p99_ns <"$tmp/${kind}_paced")" \
		"$(($(field p99_ns <"$tmp/${kind}_bloat") / 10))"
	equals "beside bulk by $kind: all are answered" "$(field unanswered <"$tmp/${kind}_paced")" 0
done
homeostat wish net.bulk.pace_kbit --clear >/dev/null
check 'the pace is back' within 10 pace_is 8000

# on the wire
# captured NAMESPACE INTERFACE OPTION…: what is seen is in $tmp/wire when $wire has ended
captured() {
	_ns=$1 _if=$2
	shift 2
	rm -f "$tmp/wire"
	ip netns exec "$_ns" wire -i "$_if" -o "$tmp/wire" "$@" &
	wire=$!
	within 10 ip netns exec "$_ns" grep -q ' 0003 ' /proc/net/packet
}
captured far far -P 9003 -q 46 -n 500
stream 9003 10 500 2000
wait "$wire"
equals 'marked: all of them' "$(field marked <"$tmp/wire")" 500
equals 'marked: with the right checksum' "$(field wrong <"$tmp/wire")" 0
equals 'marked: counted' "$(of voice marked)" 500
captured far far -P 9000 -q 10 -n 500
stream 9000 10 500 2000
wait "$wire"
equals 'not to be marked: as they were' "$(field marked <"$tmp/wire")" 500
captured mid mid -p 58 -q 48 -n 5
ping -6 -c 5 fd77::2 >/dev/null
wait "$wire"
equals 'IPv6: all of them' "$(field marked <"$tmp/wire")" 5

# no link header
for port in 6999 7000 7999 8000; do
	datagrams -A 10.79.0.2 -P "$port" -n 10 -o "$tmp/sent"
done
equals 'without a link header: told apart' "$(of tunnel sent)" 20
equals 'without a link header: has its priority' "$(of tunnel prioritised)" 20

# the gate under traffic: nothing is lost, and nothing is paced from the next packet on
paced_since() { [ "$(($(of backup paced) - before))" -ge 500 ]; }
before=$(of backup paced)
listen 9001 6000
datagrams -A 10.78.0.2 -P 9001 -q 8 -n 6000 -r 1500 -z 958 -o "$tmp/sent" &
sender=$!
check 'the stream is paced' within 10 paced_since
kill -STOP "$hs_pid"
homeostat trip >/dev/null
wait "$sender" "$listener"
equals 'tripped under traffic: all of them came' "$(counted received)" 6000
stream 9001 8 3000 4000
equals 'the gate is shut: all of them came' "$(counted received)" 3000
at_least 'the gate is shut: as fast as it goes (kbit/s)' "$(kbit)" 18000
kill -CONT "$hs_pid"
check 'tripped: the program leaves' within 10 egress_is near off
at_most 'tripped: the rest was not paced' "$(($(of backup paced) - before))" 4000
homeostat arm >/dev/null
check 'armed again: the program is back' within 10 egress_is near paced

# attached, reloaded, taken off and tripped under traffic of bulk below its pace: nothing is lost
sed '/^  - { name: near }/d' "$tmp/tc.yaml" >"$tmp/none.yaml"
changes() {
	homeostat disarm && within 10 egress_is near off && homeostat arm && within 10 egress_is near paced &&
		homeostat profile load "$tmp/none.yaml" && within 10 egress_is near '' &&
		homeostat profile load "$tmp/tc.yaml" && within 10 egress_is near paced &&
		homeostat trip && within 10 egress_is near off && homeostat arm && within 10 egress_is near paced
}
listen 9001 6000
datagrams -A 10.78.0.2 -P 9001 -q 8 -n 6000 -r 800 -z 958 -o "$tmp/sent" &
sender=$!
check 'under traffic: attached, reloaded, taken off and tripped' changes
check 'under traffic: it was all that time' alive "$sender"
wait "$sender" "$listener"
equals 'under traffic: all of them came' "$(counted received)" 6000

# other queueing disciplines, as an administrator changes them
tc qdisc replace dev near root handle 1: prio
check 'another discipline: the priority only' within 10 egress_is near 'priority only'
check 'and it is called so' qdisc_is near prio
# band N: packets in it
band() { tc -s class show dev near | awk -v c="1:$1" '$1 == "class" { at = $3 == c } at && $1 == "Sent" { print $4 }'; }
stream 9001 8 500 2000
stream 9000 0 300 2000
at_least 'bulk is in the last band' "$(band 3)" 500
at_least 'critical is in the first one' "$(band 1)" 300
at_most 'and nobody else is' "$(band 1)" 350
tc qdisc replace dev near root fq
check 'fq again: paced again' within 10 egress_is near paced
echo fq >/proc/sys/net/core/default_qdisc
tc qdisc add dev multi root handle 2: mq
check 'mq of fq is fq' within 10 egress_is multi paced
tc qdisc replace dev multi parent 2:2 pfifo
check 'but for one queue: it is not' within 10 egress_is multi 'priority only'
equals 'and that one is named' "$(of multi qdisc)" pfifo

# a rule moves the pace as it does any knob
rule='{ when: sched.switches_hz, low: 1, high: 2, knob: net.bulk.pace_kbit, kind: aimd, up: 500permille, down: 1mbit, hold: 1ms, cooldown: 10ms }'
sed "s/^rules:\$/&\\n  - $rule/" "$tmp/tc.yaml" >"$tmp/rule.yaml"
check 'a profile with a rule for it' homeostat profile load "$tmp/rule.yaml"
by_rule() { [ "$(knob net.bulk.pace_kbit cause)" = reflex ] && [ "$(knob net.bulk.pace_kbit)" -lt 8000 ]; }
check 'the rule moves it' within 10 by_rule
check 'the rule is gone' homeostat profile load "$tmp/tc.yaml"

# by death
check 'and so is what it did' within 10 pace_is 8000
hs_kill
stream 9001 8 3000 4000
equals 'the daemon was killed: all of bulk came' "$(counted received)" 3000
at_least 'the daemon was killed: as fast as it goes (kbit/s)' "$(kbit)" 18000
finish
