#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: spread kernel=scx cpus=4 nics args=nohz=off
# limit: 300
#
# One queue of a network card keeps one CPU busy: its packets are spread, which helps and stays. A wrong rule has all of them go to one
# other CPU, whose queue they do not fit into: they are lost, and it goes back.
#
# Each packet is matched against thousands of routing rules: few packets with much work for each, as several virtual CPUs take
# turns, and what they have with each other is what takes long. The kernel counts the time of soft interrupts by its ticks, and
# an idle CPU has none: nohz=off. And nothing is armed (mode advise, in which a person approves what the rule asks for): a heartbeat may
# come too late where virtual CPUs take turns, and what is under way goes back when the gate is shut.

# shellcheck disable=SC2317  # functions that are passed by name
# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh
# shellcheck source=selftests/kernel/proposals.sh
. /lab/kernel/proposals.sh

taskset -pc 3 $$ >/dev/null # this shell, and whatever it starts
nics_make 0 3 || cannot 'two network cards are connected' 'see the console'
seq 1 4000 | sed 's/.*/rule add from 10.99.0.1 priority & lookup 99/' | ip -batch - || cannot 'there are routing rules' 'see the console'
echo 20 >/proc/sys/net/core/netdev_max_backlog # 40 come together: a third of them finds room, all of them do not
rps=/sys/class/net/near/queues/rx-0/rps_cpus
taken() { softnet 1 1 2; } # on CPUs that the card does not interrupt
lost() { softnet 2 0 1 2 3; }

# spread_to MASK: asked for by a rule, approved by a person; the number is in $id
spread_to() {
	propose rules 'net.rps_cpus[near,0]' "$1"
	homeostat approve "$id" >/dev/null
}

hs_start balanced || cannot 'homeostatd starts' "$(tail -n 1 "$hs_log")"
homeostat mode advise >/dev/null
datagrams -l -A 10.77.0.1 -P 9000 -n 100000000 -b 65536 -o "$tmp/counted" &
ip netns exec far datagrams -A 10.77.0.1 -P 9000 -f 64 -n 100000000 -r 500 -t 40 -o "$tmp/sent" &
sender=$!
sleep 7 # with the next: so long it is looked at before (virtual time)
before=$(in_5_s taken)
at_most 'packets that other CPUs take in, in 5 s' "$before" 100
spread_to 7
check 'its packets are spread' within 10 reads "$rps" 7
sleep 6 # it has begun by then (virtual time)
after=$(in_5_s taken)
at_least 'packets that other CPUs take in then, in 5 s' "$after" 1000
check 'it helps, and stays' becomes "$id" committed 2
says 'by a vital sign that it was to move' '^(irq.imbalance_permille|softirq.busiest_permille) went from' why "$id"
helped net.rps_cpus "$id" packets 'of one queue are taken in by CPUs that its card does not interrupt, in 5 s' "$before" "$after"
before=$(lost)
at_most 'hardly any was lost by then' "$before" 20
spread_to 2
check 'all of them to one other CPU' within 10 reads "$rps" 2
check 'they are lost, and it goes back' becomes "$id" rolled_back 3
says 'and why' '^net.backlog_drops_hz went from' why "$id"
after=$(($(lost) - before))
at_least 'packets that were lost meanwhile' "$after" 40
check 'it is what was committed' reads "$rps" 7
harmed net.rps_cpus "$id" packets 'find the queue of their CPU full' 0 "$after"
at_most 'and no more are lost, in 5 s' "$(in_5_s lost)" 10
check 'restore --all' homeostat restore --all
check 'as it was at first' reads "$rps" 0
kill "$sender"
wait "$sender"
finish
