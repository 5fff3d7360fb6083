#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: congestion kernel=scx cpus=2
# limit: 300
#
# The network's reflex arc, with real packets over a veth pair: a flood of bulk makes the vital signs rise, a rule of the
# profile moves net.bulk.limit_hz, bulk is shed and nothing critical is lost, and afterwards bulk is let in again.
#
# CPU 1 sends; what it sends waits for CPU 0 in a queue (RPS) that all flows share and that holds 30 packets: a flood finds
# it full now and then.

# shellcheck disable=SC2317  # functions that are passed by name
# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh

network_make || cannot 'two namespaces are connected' 'see the console'
echo 1 >/sys/class/net/near/queues/rx-0/rps_cpus
echo 30 >/proc/sys/net/core/netdev_max_backlog
{
	cat "$profiles/balanced.yaml"
	cat <<-'END'
		interfaces:
		  - { name: near }
		flows:
		  - { name: orders, class: critical, protocol: udp, port: 9000 }
		  - { name: backup, class: bulk, dscp: CS1 }
	END
} >"$tmp/net.yaml"

# of NAME KEY: what `homeostat flows` says of a flow
of() {
	homeostat --json flows | jflat | awk -v name="$1" -v key="$2" '
		$1 ~ /\.name$/ { at = $2 == name ? substr($1, 1, length($1) - 4) key : "" }
		$1 == at { print $2 }'
}
limit() { knob net.bulk.limit_hz; }
limit_below() { [ "$(limit)" -lt "$1" ]; }
limit_above() { [ "$(limit)" -gt "$1" ]; }
peak() { vital "$1" peak; }
peaked() { [ "$(peak "$1")" -gt "$2" ]; }
fell() { [ "$(vital "$1")" -lt "$2" ]; }

# listener PORT OPTION…: on CPU 0; what was counted is in $tmp/PORT
listener() {
	_port=$1
	shift
	rm -f "$tmp/$_port"
	taskset 1 datagrams -l -A 10.77.0.1 -P "$_port" -o "$tmp/$_port" "$@" &
	check "port $_port: there is a listener" within 10 grep -q ":$(printf %04X "$_port") " /proc/net/udp
}
# send PORT DSCP OPTION…: from the other end, on CPU 1
send() {
	_port=$1 _dscp=$2
	shift 2
	taskset 2 ip netns exec far datagrams -A 10.77.0.1 -P "$_port" -q "$_dscp" "$@" -o "$tmp/sent.$_port"
}
counted() { field "$2" <"$tmp/$1"; }

# flood SECONDS: bulk as fast as it goes, in the background
flood() {
	listener 9001
	bulk_listener=$!
	send 9001 8 -d "$1" &
	bulk=$!
}
# critical: 1000 a second for two seconds, beside whatever else there is. Its sender preempts nobody (SCHED_BATCH): its
# packets are to come among those of bulk, as from a wire
critical() {
	listener 9000 -n 2000
	_pid=$!
	taskset 2 chrt -b 0 ip netns exec far datagrams -A 10.77.0.1 -P 9000 -n 2000 -r 1000 -o "$tmp/sent.9000"
	wait "$_pid"
}
flood_ends() {
	wait "$bulk"
	wait "$bulk_listener"
}

#
# Stock, observed: the vital signs rise. (How many critical packets are lost is said, not judged: where two CPUs take turns
# hardly one finds the queue full.)
#
hs_start "$tmp/net.yaml" --mode observe || cannot 'homeostat observes' "$(tail -n 1 "$hs_log")"
check 'the kernel counts' within 10 vital net.packets_hz
critical
equals 'stock, no flood: all critical came' "$(counted 9000 received)" 2000
equals 'no flood, no congestion by loss' "$(peak net.backlog_drops_hz)" 0
flood 5
critical
flood_ends
lost=$((2000 - $(counted 9000 received)))
say "critical packets lost: $lost"
at_least 'the queue was full' "$(peak net.backlog_drops_hz)" 100
at_least 'congestion' "$(peak net.congestion_permille)" 900
at_least 'packets' "$(peak net.packets_hz)" 5000
at_least 'a burst' "$(peak net.burst_permille)" 2000
at_least 'time in soft interrupts' "$(peak softirq.busiest_permille)" 50
at_least 'of both CPUs' "$(peak softirq.share_permille)" 25
at_least 'one CPU has more of it' "$(peak irq.imbalance_permille)" 50
check 'no flood: congestion is over' within 10 fell net.congestion_permille 300
equals 'nothing was moved' "$(limit)" 10000000
equals 'nothing was shed' "$(of backup shed)" 0
hs_stop

#
# Act: the rule of the shipped profile
#
hs_act "$tmp/net.yaml" || cannot 'homeostat arms' "$(tail -n 1 "$hs_log")"
equals 'before: no limit' "$(limit)" 10000000
flood 8
check 'the limit falls' within 10 limit_below 200000
equals 'by the reflex' "$(knob net.bulk.limit_hz cause)" reflex
says 'for that reason' 'net.congestion_permille' homeostat explain net.bulk.limit_hz
shed_some() { [ "$(of backup shed)" -gt 1000 ]; }
check 'bulk is shed' within 10 shed_some
# until it holds: AIMD still looks for the limit
sleep 2
critical
flood_ends
equals 'act, flood: all critical came' "$(counted 9000 received)" 2000
equals 'critical: none was shed' "$(of orders shed)" 0
at_least 'bulk: some was let in' "$(counted 9001 received)" 1000
check 'no flood: congestion is over' within 10 fell net.congestion_permille 300
homeostat events -n 100 | grep net.bulk.limit_hz
low=$(limit)
check 'bulk is let in again' within 60 limit_above "$((low + 20000))"
equals 'not frozen' "$(knob net.bulk.limit_hz frozen)" false
hs_stop

#
# A receiver that is too slow: datagrams that find its buffer full
#
hs_start "$tmp/net.yaml" --mode observe || cannot 'homeostat observes again' "$(tail -n 1 "$hs_log")"
listener 9001 -b 16 -w 2000
slow=$!
send 9001 8 -n 5000 -r 2000
wait "$slow"
at_least 'a slow receiver: full buffers' "$(peak net.udp_full_hz)" 500
at_least 'a slow receiver: congestion' "$(peak net.congestion_permille)" 900

#
# Drops by reason: attached only while somebody looks
#
absent() { homeostat --json vitals >/dev/null && ! vital net.drops_hz; }
check 'nobody looks: no rate of drops' absent
send 9002 0 -n 20000 -r 2000 & # nobody listens there
nobody=$!
homeostat drops 2s >"$tmp/drops"
check 'drops: the reason' grep -q '^NO_SOCKET ' "$tmp/drops"
at_least 'drops: as many as came' "$(awk '$1 == "NO_SOCKET" { print $2 }' "$tmp/drops")" 2000
check 'drops: a vital sign while one looks' peaked net.drops_hz 500
wait "$nobody"
check 'drops: the hook is taken off' within 10 grep -q 'hook drops: taken off' "$hs_log"
check 'drops: absent again' within 10 absent
refuses 'drops: no such time' 2 homeostat drops 2h

#
# Interrupts, likewise; datagrams come in by the soft one NET_RX
#
send 9002 0 -n 20000 -r 4000 &
nobody=$!
homeostat irqs 2s >"$tmp/irqs" 2>"$tmp/irqs.err" || say "$(cat "$tmp/irqs.err")"
cat "$tmp/irqs"
at_least 'irqs: of receiving' "$(awk '$1 == "soft" && $NF == "NET_RX" { print $3 }' "$tmp/irqs")" 500
case $(uname -m) in
x86_64)
	at_least 'irqs: of the timer' "$(awk '/ local timer$/ { print $3 }' "$tmp/irqs")" 20
	# shares are of two words
	equals 'irqs: where RPS calls' "$(awk '/ function call, one CPU$/ { print $10 }' "$tmp/irqs")" 0
	;;
esac
wait "$nobody"
check 'irqs: the hook is taken off' within 10 grep -q 'hook irq: taken off' "$hs_log"
homeostat --json irqs 1s --cpu 1 | jflat >"$tmp/irqs"
equals 'irqs: of all CPUs the sums' "$(grep -c '^cpus\[.*\]\.cpu ' "$tmp/irqs")" "$(nproc)"
equals 'irqs: of one CPU' "$(grep -c '\.busiest_cpu ' "$tmp/irqs")" 0
equals 'irqs: which are its sum' "$(awk '
	$1 ~ /^irqs.*\.kind$/ { soft = $2 == "soft" }
	$1 ~ /^irqs.*\.time_ns$/ && soft { n += $2 }
	END { printf "%d", n }' "$tmp/irqs")" "$(awk '$1 == "cpus[1].soft_ns" { print $2 }' "$tmp/irqs")"
refuses 'irqs: no such CPU' 4 homeostat irqs 60s --cpu 1023
refuses 'irqs: no CPU' 2 homeostat irqs --cpu some
refuses 'irqs: no such time' 2 homeostat irqs 2h
{
	sed '/^limits:/a\  - { vital: net.drops_hz, max: 1000000hz }\n  - { vital: softirq.delay_ns, max: 10s }\n  - { vital: net.receive_delay_ns, max: 10s }\n  - { vital: irq.longest_ns, max: 10s }' "$tmp/net.yaml"
} >"$tmp/asks.yaml"
check 'a profile that asks for all hooks' homeostat profile load "$tmp/asks.yaml"
check 'a rate of drops' within 10 vital net.drops_hz
check 'the delay of soft interrupts' within 10 peaked softirq.delay_ns 0
send 9003 0 -n 20000 -r 2000 &
sender=$!
datagrams -l -A 10.77.0.1 -P 9003 -n 2000 -o "$tmp/counted"
check 'the delay from the interface to the socket' within 10 peaked net.receive_delay_ns 0
kill "$sender"
check 'the longest interrupt' within 10 peaked irq.longest_ns 0
check 'a profile that does not' homeostat profile load "$tmp/net.yaml"
check 'absent again, as nobody asks' within 10 absent
finish
