#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: nohz kernel=scx cpus=2 args=nohz_full=1
#
# CPU 1 without a tick: a task that is alone there has a slice without end, until another one comes.

# shellcheck disable=SC2317  # functions that are passed by name
# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh

sleep 5
equals 'CPU 1 is without a tick' "$(cat /sys/devices/system/cpu/nohz_full)" 1
# no rules: a load as below is more than reflexes put up with
sed '/^rules:/,$d' "$profiles/balanced.yaml" >"$tmp/nohz.yaml"
hs_act "$tmp/nohz.yaml" || cannot 'homeostat arms' "$(tail -n 1 "$hs_log")"

share() { awk -v c="$(field cpu_ns <"$1")" -v s="$(field span_ns <"$1")" 'BEGIN { if (s) printf "%.3f", c / s }'; }

# two hogs
taskset 2 hog -d 3 -o "$tmp/first" &
hogs=$!
taskset 2 hog -W 1 -d 1 -o "$tmp/second"
wait "$hogs"
at_least 'a second hog gets its share' "$(share "$tmp/second")" 0.4

# Two hogs, and a realtime task that has the CPU when the second one comes: the first went on with its slice without
# end, and the second starved until sched_ext ended us. The pauses: the first is alone before, and each second one begins
# at another moment of the realtime task's period.
rm "$tmp/first" "$tmp/second"
taskset 2 hog -d 11 -o "$tmp/first" &
hogs=$!
taskset 2 probe -f 50 -p 100000 -w 60000 -d 11 >/dev/null &
rt=$!
sleep 1
for _ in 1 2 3 4 5 6; do
	taskset 2 hog -d 1 -o "$tmp/second"
	sleep 0.3
done
wait "$hogs" "$rt"
equals 'beside a realtime task: all of them worked' "$(grep -c '"load"' "$tmp/second")" 6
at_least 'beside a realtime task: the least share' "$(while read -r line; do
	echo "$line" >"$tmp/one"
	share "$tmp/one"
	echo
done <"$tmp/second" | sort -g | head -n 1)" 0.1
check 'beside a realtime task: still armed' hs_armed
equals 'beside a realtime task: nothing tripped' "$(status_leaf incidents.trips)" 0
finish
