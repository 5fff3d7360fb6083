#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: steer kernel=scx cpus=4 nics args=thread_backlog_napi
# limit: 400
#
# Packets come in on CPU 0 of a network card with one queue, and may be handed to CPUs 1 and 2; CPU 3 sends them. By counts:
# several virtual CPUs take turns, so none of them makes the others faster. What RPS hands over is taken in by a thread of that
# CPU, as on PREEMPT_RT (thread_backlog_napi), as what we hand over always is: the two differ in the CPU that they choose.

# shellcheck disable=SC2317  # functions that are passed by name
# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh

sleep 5 # what the boot leaves to do has no state to be asked for, and would make a CPU hot (virtual time)
taskset -pc 3 $$ >/dev/null # this shell, and whatever it starts: only what is meant to makes CPUs 0 to 2 busy
nics_make 0 3 || cannot 'two network cards are connected' 'see the console'
insmod "/lib/modules/$(uname -r)/veth.ko"
ip link add pair type veth peer name pair2
ip link set pair up
{
	sed 's/^helping:.*/helping: { margin: 0% }/' "$profiles/balanced.yaml"
	cat <<-'END'
		interfaces:
		  - { name: near }
		  - { name: pair }
		steer: { cpus: "1-2" }
	END
} | sed 's/^knobs:$/&\n  - { name: net.steer.above_permille, value: 950permille }/' >"$tmp/steer.yaml" # a hog is at 1000

# of CPU KEY: what `homeostat steer` says of a CPU; steered KEY: the sum over all of them
of() { homeostat --json steer | leaf "cpus[$1].$2"; }
steered() { homeostat --json steer | jflat | awk -v key="$1" '$1 ~ "^cpus.*[.]" key "$" { n += $2 } END { print n }'; }
state_is() { [ "$(homeostat --json steer | leaf state)" = "$1" ]; }
hot() { [ "$(of "$1" hot)" = true ]; }
free() { [ "$(of "$1" load_permille)" -lt 50 ]; }
cold() { [ "$(of "$1" hot)" = false ]; }
# busy CPU: until calm CPU
busy() {
	taskset -c "$1" spin -d 600 >/dev/null &
	eval "busy$1=\$!"
	within 10 hot "$1"
}
calm() {
	eval "kill \$busy$1"
	within 10 cold "$1"
}
# listen COUNT OPTION…: what was counted is in $tmp/counted when $listener has ended
listen() {
	rm -f "$tmp/counted"
	taskset -c 3 datagrams -l -A 10.77.0.1 -P 9000 -n "$@" -o "$tmp/counted" &
	listener=$!
	within 10 grep -q ":$(printf %04X 9000) " /proc/net/udp
}
# send COUNT OPTION…: 16 flows, 10 packets of each in a row
send() { ip netns exec far taskset -c 3 datagrams -A 10.77.0.1 -P 9000 -f 16 -B 10 -n "$@" -o "$tmp/sent"; }
counted() { field "$1" <"$tmp/counted"; }

hs_act "$tmp/steer.yaml" || cannot 'homeostat arms' "$(tail -n 1 "$hs_log")"
equals 'a network card: its packets may be handed over' "$(homeostat --json steer | leaf 'interfaces[near].steer')" yes
equals 'veth: not' "$(homeostat --json steer | leaf 'interfaces[pair].steer')" no
says 'and why' '^pair +native +no +no network card' homeostat steer
check 'the log says it, too' grep -q 'pair: its packets are not handed to other CPUs: no network card' "$hs_log"
says 'doctor: the family loads' '^ok +steer: .*cpumap.* loads' homeostat doctor

check 'nobody is busy: steering is off' within 20 state_is off
# The cards are connected through the host: when it is slow, packets come in bursts, and this shell's CPU is busy for a moment.
# A stream that this met says nothing
for i in 1 2 3 4 5; do
	sleep 2 # to ask again and again made CPU 3 busy itself: two seconds later that is forgotten (virtual time)
	before=$(steered kept)
	listen 1000
	send 1000 -r 4000
	wait "$listener"
	equals "all of them came ($i)" "$(counted received)" 1000
	kept=$(($(steered kept) - before))
	[ $kept -ne 0 ] || break
	within 20 state_is off
done
equals 'none was looked up' "$kept" 0
equals 'or handed over' "$(steered handed)" 0

# a busy CPU hands to those that are free
moved=$(steered moved)
check 'a hog on CPU 0: it is hot' busy 0
check 'and steering is on' within 10 state_is on
check 'CPU 1 is free' within 10 free 1
check 'CPU 2 is free' within 10 free 2
listen 8000
send 8000 -r 4000
wait "$listener"
equals 'all of them came' "$(counted received)" 8000
equals 'of all flows' "$(counted flows)" 16
equals 'no flow was out of order' "$(counted reordered)" 0
equals 'all of them were handed over' "$(steered handed)" 8000
equals 'and delivered' "$(steered delivered)" 8000
at_least 'CPU 1 has its part' "$(of 1 delivered)" 1000
at_least 'CPU 2 has its part' "$(of 2 delivered)" 1000
equals 'CPU 3 is not asked' "$(of 3 delivered)" 0
equals 'nothing was refused' "$(steered refused)" 0
equals 'each flow moved once' "$(($(steered moved) - moved))" 16

# other flows (other ports), and one that is as busy
check 'a hog on CPU 1' busy 1
before1=$(of 1 delivered) before2=$(of 2 delivered)
listen 4000
send 4000 -r 4000
wait "$listener"
equals 'all of them came' "$(counted received)" 4000
equals 'the busy one got none' "$(of 1 delivered)" "$before1"
equals 'the free one got all' "$(($(of 2 delivered) - before2))" 4000
check 'no hog on CPU 1: not hot any more' calm 1

# loads change under traffic: flows follow, none is ever out of order. The sleeps here and below wait for nothing: they are how long
# a load or a profile lasts beside the stream, in virtual time; what is judged are counts at the stream's end
before=$(steered moved)
listen 24000
send 24000 -r 4000 &
sender=$!
for i in 1 2 3; do
	for cpu in 1 2; do
		check "loads that change: CPU $cpu is hot ($i)" busy $cpu
		sleep 0.3 # how long the load lasts beside the stream (virtual time)
		check "loads that change: it is not any more ($i)" calm $cpu
	done
done
wait "$sender" "$listener"
equals 'loads that change: all of them came' "$(counted received)" 24000
equals 'loads that change: all in order' "$(counted reordered)" 0
say "# loads that change: $(($(steered moved) - before)) moves"
at_least 'loads that change: flows moved' "$(($(steered moved) - before))" 20
equals 'loads that change: nothing was refused' "$(steered refused)" 0

# a CPU that cannot deliver what it was handed keeps its flows until it has
before=$(steered handed)
handing() { [ "$(($(steered handed) - before))" -ge 1000 ]; }
listen 12000
send 12000 -r 4000 &
sender=$!
check 'packets are handed over' within 10 handing
for cpu in 1 2 1 2; do
	chrt -f 10 taskset -c "$cpu" spin -d 600 >/dev/null &
	realtime=$!
	sleep 0.25
	kill "$realtime"
	wait "$realtime"
	sleep 0.25
done
wait "$sender" "$listener"
equals 'a target that is blocked: all of them came' "$(counted received)" 12000
equals 'a target that is blocked: all in order' "$(counted reordered)" 0
equals 'a target that is blocked: nothing was refused' "$(steered refused)" 0

# TCP: what comes is what was sent, and no checksum is wrong
dd if=/dev/urandom of="$tmp/sent.bin" bs=64k count=64 2>/dev/null
ip netns exec far taskset -c 3 httpd -f -p 9100 -h "$tmp" &
web=$!
transfer() {
	taskset -c 3 wget -q -O "$tmp/came.bin" http://10.77.0.2:9100/sent.bin && cmp "$tmp/sent.bin" "$tmp/came.bin"
}
check 'there is a web server' within 10 transfer
before=$(steered handed)
for i in 1 2 3; do
	check "TCP: connection $i brings what was sent" transfer
done
kill "$web"
at_least 'TCP: segments were handed over' "$(($(steered handed) - before))" 1000
equals 'no checksum was wrong' "$(awk '/^(Tcp|Udp): [0-9]/ { n += $(/^Tcp/ ? NF : 8) } END { print n + 0 }' /proc/net/snmp)" 0

# profiles come and go under traffic
sed '/^steer:/d' "$tmp/steer.yaml" >"$tmp/none.yaml"
before=$(steered handed)
listen 16000
send 16000 -r 4000 &
sender=$!
for _ in 1 2 3; do
	sleep 0.5
	homeostat profile load "$tmp/none.yaml" >/dev/null
	sleep 0.5
	homeostat profile load "$tmp/steer.yaml" >/dev/null
done
wait "$sender" "$listener"
equals 'reloads under traffic: all of them came' "$(counted received)" 16000
at_least 'reloads under traffic: some were handed over' "$(($(steered handed) - before))" 4000
at_most 'reloads under traffic: some were not' "$(($(steered handed) - before))" 15000

# the gate alone: the program is there, and from the next packet on all stay where they come in
check 'steering is on' within 10 state_is on
before=$(steered handed)
listen 8000
send 8000 -r 4000 &
sender=$!
check 'packets are handed over before' within 10 handing
kill -STOP "$hs_pid"
homeostat trip >/dev/null
wait "$sender" "$listener"
equals 'tripped under traffic: all of them came' "$(counted received)" 8000
check 'the program is there still' grep -q xdp <<-END
	$(ip link show near)
END
listen 6000
send 6000 -r 4000
wait "$listener"
equals 'the gate is shut: all of them came' "$(counted received)" 6000
equals 'the gate is shut: in order' "$(counted reordered)" 0
kill -CONT "$hs_pid"
at_most 'the gate is shut: none was handed over' "$(($(steered handed) - before))" 5000
equals 'nothing was refused' "$(steered refused)" 0
equals 'nothing is left in a queue' "$(steered waiting)" 0
no_xdp() { ! ip link show near | grep -q xdp; }
check 'tripped: the program leaves' within 10 no_xdp
no_queue() { ! cat /proc/[0-9]*/comm 2>/dev/null | grep -q '^cpumap/'; }
check 'and the threads of its queues' within 10 no_queue

# armed, disarmed and killed under traffic
listen 12000
send 12000 -r 4000 &
sender=$!
sleep 0.5
homeostat arm >/dev/null
before=$(steered handed)
check 'armed under traffic: packets are handed over' within 10 handing
homeostat disarm >/dev/null
wait "$sender" "$listener"
equals 'armed and disarmed under traffic: all of them came' "$(counted received)" 12000
homeostat arm >/dev/null
check 'armed again: steering is on' within 10 state_is on
before=$(steered handed)
listen 8000
send 8000 -r 4000 &
sender=$!
check 'packets are handed over again' within 10 handing
hs_kill
wait "$sender" "$listener"
equals 'killed under traffic: all of them came' "$(counted received)" 8000
check 'killed: the program is gone' within 10 no_xdp
check 'and the threads of its queues' within 10 no_queue

# many, from flows that are new: without us, with RPS to the same CPUs, and with us. Not as fast as it goes: when the ring
# of a card is full, QEMU itself brings packets out of order
# flood NAME: how many came is in $NAME
flood() {
	listen 20000 -b 65536
	send 20000 -r 20000
	wait "$listener"
	eval "$1=$(counted received)"
}
# of CPU 1: what did not fit into its backlog, as the kernel counts it
backlog_drops() { awk 'NR == 2 { print $2 }' /proc/net/softnet_stat | { read -r _hex && echo $((0x$_hex)); }; }
rps_to() { echo "$1" >/sys/class/net/near/queues/rx-0/rps_cpus; }
flood stock
rps_to 6
flood rps
# The same with a CPU at its end: a real-time task on CPU 1 leaves others a 20th of it, in one piece each second. What comes in
# between, which is more or less from machine to machine, is more than the backlog holds.
backlog=/proc/sys/net/core/netdev_max_backlog
stock_backlog=$(cat $backlog)
echo 100 >$backlog
chrt -f 10 taskset -c 1 spin -d 600 >/dev/null &
realtime=$!
drops=$(backlog_drops)
flood rps_hog
drops=$(($(backlog_drops) - drops))
kill "$realtime"
wait "$realtime"
rps_to 0
hs_act "$tmp/steer.yaml" || not_ok 'homeostat arms' "$(tail -n 1 "$hs_log")"
check 'steering is on again' within 10 state_is on
flood ours
equals 'flood: in order' "$(counted reordered)" 0
equals 'flood: all were handed over' "$(steered handed)" 20000
before1=$(of 1 delivered) before2=$(of 2 delivered)
chrt -f 10 taskset -c 1 spin -d 600 >/dev/null &
realtime=$!
check 'flood, a CPU at its end: it is hot' within 10 hot 1
flood ours_hog
reordered=$(counted reordered)
kill "$realtime"
wait "$realtime"
echo "$stock_backlog" >$backlog
# shellcheck disable=SC2154  # set by flood
say "# flood: $stock came in stock, $rps with RPS, $ours with steering; CPU 1 at its end: $rps_hog with RPS, $ours_hog with steering"
at_least 'flood, which no arm loses any of: as many came as with RPS' "$ours" "$rps"
at_most 'flood, a CPU at its end: RPS loses' "$rps_hog" 19000
# what was neither dropped there nor came in time was still waiting there when nobody counted any more: up to 101
at_least 'flood, a CPU at its end: in its backlog' "$drops" $((20000 - rps_hog - 101))
at_most 'flood, a CPU at its end: nothing was dropped that came' "$drops" $((20000 - rps_hog))
equals 'flood, a CPU at its end: steering loses none' "$ours_hog" 20000
equals 'flood, a CPU at its end: in order' "$reordered" 0
equals 'flood, a CPU at its end: it got none' "$(of 1 delivered)" "$before1"
equals 'flood, a CPU at its end: the free one got all' "$(($(of 2 delivered) - before2))" 20000
check 'and then it is not hot any more' within 10 cold 1

# packets alone make a CPU hot: many flows, that pause
if long 'by packets alone'; then
check 'no hog on CPU 0: not hot any more' calm 0
check 'nobody is busy: off again' within 20 state_is off
# 40 000 a second are about 200 permille, more or less from machine to machine: with a limit of 200 a hundred flows moved, or
# five hundred. With this one flows move until CPU 0 is rid of more than half of them
homeostat wish net.steer.above_permille 100permille >/dev/null
before=$(steered moved) handed=$(steered handed)
listen 100000 -b 65536
send 100000 -r 40000 -f 1000 -B 20 &
sender=$!
check 'by packets alone: it is hot' within 20 hot 0
wait "$sender" "$listener"
at_least 'by packets alone: flows moved' "$(($(steered moved) - before))" 100
equals 'by packets alone: all of them came' "$(counted received)" 100000
equals 'by packets alone: in order' "$(counted reordered)" 0
equals 'nothing was refused' "$(steered refused)" 0

say "# by packets alone: $(($(steered moved) - before)) moves, $(($(steered handed) - handed)) handed over"
homeostat wish net.steer.above_permille --clear >/dev/null
fi

# in good order
check 'a hog on CPU 0 once more' busy 0
check 'steering is on once more' within 10 state_is on
listen 8000
send 8000 -r 4000 &
sender=$!
before=$(steered handed)
check 'packets are handed over once more' within 10 handing
hs_stop
wait "$sender" "$listener"
equals 'stopped under traffic: all of them came' "$(counted received)" 8000
finish
