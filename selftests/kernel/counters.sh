#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: smp kernel=scx cpus=2
#
# A counter that nothing ever moves is a lie: each of them moves here.

# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh

declare_profile "$tmp/counters.yaml" \
	'{ name: spin, class: critical, match: { comm: spin } }' \
	'{ name: audio, class: critical, match: { comm: audio }, period: 5ms, deadline: 100us, runtime: 50us }' \
	'{ name: sleephog, class: batch, match: { comm: sleephog } }'
# it is to stay: what is counted while stock is looked at is not counted here
sed -i '/^helping:/d' "$tmp/counters.yaml"
echo 'helping: { margin: 0% }' >>"$tmp/counters.yaml"
hs_act "$tmp/counters.yaml" || cannot 'homeostat arms' "$(tail -n 1 "$hs_log")"

# idle CPUs, recognition, deadlines too short to be met, critical ones that meet
probe -d 1 >/dev/null
for _ in 1 2 3 4; do audio -d 2 >/dev/null & done
hog -t 4 -d 2 >/dev/null
# over budget
taskset 1 spin -d 2 >/dev/null &
taskset 1 hog -t 2 -d 2 >/dev/null
# Alone with one other on a CPU that both are pinned to, and no reason to preempt it: of the same class, and with such a
# threshold. (A probe was recognised as critical after some wake-ups, and whether one of these was counted was chance.)
homeostat wish sched.preempt.threshold_us 100ms >/dev/null
taskset 2 hog -d 2 >/dev/null &
taskset 2 sleephog -r 5 -s 5 -d 2 >/dev/null
# datagrams that nobody listens for, while somebody looks at what is dropped
homeostat drops 1s >/dev/null &
drops=$!
while alive "$drops"; do datagrams -A 127.0.0.1 -P 9 -n 10 >/dev/null; done
# sleepers with a lead; batch over its duty cycle, then too old
homeostat wish sched.preempt.threshold_us 500us >/dev/null
homeostat wish sched.batch.duty_permille 50permille >/dev/null
homeostat wish sched.starvation_ms 10ms >/dev/null
for _ in 1 2 3 4 5 6; do sleephog -d 4 >/dev/null & done
hog -t 6 -d 4 >/dev/null &
interactive -d 4 -w 3000 >/dev/null
homeostat --json status >"$tmp/status"
# what is counted below was counted by us, all the time
equals 'armed without a break' "$(leaf armed <"$tmp/status") $(grep 'gate shut' "$hs_log")" 'true '
# A decision by stock rules falls between the trip and the end of our scheduler, or not: some tries, with nothing but
# wake-ups on both CPUs. (Beside hogs the first to see the shut gate was often no wake-up, five times of five once.)
for _ in 1 2 3 4 5 6 7 8; do
	taskset 1 pingpong -T -n 1000000 >/dev/null &
	first=$!
	taskset 2 pingpong -T -n 1000000 >/dev/null &
	second=$!
	sleep 0.5 # they are past their beginning
	homeostat trip >/dev/null
	within 10 scx_is disabled
	kill -KILL "$first" "$second" # it heeds nothing less between two of its calls
	wait "$first" "$second" 2>/dev/null
	homeostat --json status >"$tmp/tripped"
	[ "$(leaf counters.sched.stock <"$tmp/tripped")" = 0 ] || break
	homeostat arm >/dev/null
	within 10 hs_armed
done

# those of connections move in tcp.sh, and in test_tcp.c
n=0
for c in $(jflat <"$tmp/status" | sed -n 's/^counters\.\([^ ]*\) .*/\1/p' | grep -Ev '^(tcp|sockops)\.'); do
	n=$((n + 1))
	from=$tmp/status
	[ "$c" != sched.stock ] || from=$tmp/tripped
	at_least "counter $c" "$(leaf "counters.$c" <"$from")" 1
done
at_least 'counters in all' $n 16
finish
